"""What is said of demands in a dataset version, from counts alone; and that documents and code name the same words."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from provenance.audit.exclude import DemandFields, demands_digest, parse_demand, record_demand, record_demands
from provenance.audit.exclude_files import COLUMNS
from provenance.audit.exclusion_check import VersionToCheck, check_demands
from provenance.errors import InputError
from provenance.fingerprint.wanted import KeyRole
from provenance.ingest import record_keys
from provenance.model.exclusion import Demand, DemandBasis, DemandKind, ExclusionReport, Presence, RecordIndexFacts
from provenance.model.wire import read_value, to_wire
from provenance.ports.records import RecordKeys
from provenance.report.schema import exclusions_schema
from tests.fakes import values
from tests.fakes.world import World, plain_dataset

FORMATS = Path(__file__).parents[3] / "docs" / "formats"
TODAY = "2026-03-01"


def fields(kind: str = "domain", value: str = "example.com", **others: str) -> DemandFields:
    return replace(DemandFields(kind=kind, value=value, demanded_by="Example House", basis="opt-out"), **others)


def parsed(kind: str, value: str) -> Demand:
    return parse_demand(fields(kind, value), today=TODAY)


def check(facts: RecordIndexFacts, demand: Demand, *hits: int) -> tuple[str, tuple[str, ...]]:
    """Return what is said where a pass over one shard told this, and these records fit."""
    world = World({"a.jsonl": b"one\ntwo\n"})
    version = world.register(plain_dataset(), "a.jsonl")
    keys = RecordKeys(
        role=[KeyRole.ID for _ in hits],
        key=[demand.value for _ in hits],
        host=["" for _ in hits],
        path=["id" for _ in hits],
        record=list(hits),
        line=[0 for _ in hits],
    )
    with world.evidence.writing_records() as writer:
        writer.add(keys)
        digest = writer.publish()
    first = check_demands([demand], [VersionToCheck(version=version)], world.tools)  # reads the shard and says under which key it is kept
    assert first.states[0].state is Presence.UNKNOWN
    with world.units.begin(actor="tester", action="read records") as registry:
        (kept,) = world.units.indexes()
        registry.save_record_index(replace(facts, key=kept.key, shard=version.shards[0].sha256, evidence=digest))
    (state,) = check_demands([demand], [VersionToCheck(version=version)], world.tools).states
    return state.state.value, state.reasons


WHOLE = replace(values.record_index(), records=10, unread=0, with_host=10, with_page=10, with_id=10, with_author=10, with_text=10)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("domain", "example.com", "with_host"),
        ("url", "example.com/x", "with_page"),
        ("record-id", "r1", "with_id"),
        ("digest", "0" * 64, "with_text"),
    ],
)
def test_one_silent_record_is_enough_not_to_know(kind: str, value: str, told: str) -> None:
    demand = parsed(kind, value)
    assert check(WHOLE, demand) == ("NOT_FOUND", ())
    silent = read_value(RecordIndexFacts, {**to_wire(WHOLE), told: 9})
    state, reasons = check(silent, demand)
    assert state == "UNKNOWN"
    assert "1 of 10 records" in reasons[0]
    assert check(replace(WHOLE, unread=1), demand)[0] == "UNKNOWN"


def test_an_author_is_not_known_by_names_alone() -> None:
    state, reasons = check(WHOLE, parsed("author", "Jane Doe"))
    assert (state, reasons) == ("UNKNOWN", ("no reference set holds a work of this name",))


def test_what_is_found_is_inside_however_much_is_not_known() -> None:
    assert check(replace(WHOLE, with_id=1, unread=5), parsed("record-id", "r1"), 4)[0] == "STILL_INSIDE"


def test_equal_demands_have_one_id_however_they_are_written() -> None:
    assert len({parsed("domain", text).id for text in ("example.com", "EXAMPLE.com.", "https://www.example.com/", "*.example.com")}) == 1
    other = (parsed("domain", "example.org"), parse_demand(fields(ticket="T-1"), today=TODAY), parse_demand(fields(basis="erasure"), today=TODAY))
    assert len({d.id for d in (parsed("domain", "example.com"), *other)}) == 4


def test_names_are_kept_in_one_form_of_unicode() -> None:
    assert parsed("author", "Rene\u0301 Descartes").id == parsed("author", "Ren\u00e9 Descartes").id


def test_a_demand_of_no_said_day_is_the_same_on_another_day() -> None:
    world = World(now="2026-03-01T12:00:00Z")
    assert len(record_demand(fields(), world.tools).new) == 1
    later = World(now="2026-03-09T12:00:00Z")
    later.units = world.units
    later.tools = replace(later.tools, units=world.units)
    assert record_demand(fields(), later.tools).new == ()
    assert len(record_demand(fields(received="2026-03-08"), later.tools).new) == 1


def test_many_rows_are_recorded_in_units_and_bad_ones_told() -> None:
    world = World()
    rows = [(n, fields(value=f"host{n}.test") if n % 7 else "is no row") for n in range(1, 2_500)]
    done = record_demands(rows, world.tools, where="f.csv")
    assert (len(done.new), len(done.problems)) == (sum(n % 7 > 0 for n in range(1, 2_500)), sum(n % 7 == 0 for n in range(1, 2_500)))
    assert [p.line for p in done.problems][:2] == [7, 14]


def test_the_digest_of_demands_tells_one_set_from_another() -> None:
    a, b = parsed("domain", "a.test"), parsed("domain", "b.test")
    assert demands_digest([]) == ""
    assert demands_digest([a, b]) == demands_digest([b, a])
    assert len({demands_digest([a]), demands_digest([b]), demands_digest([a, b])}) == 3


@pytest.mark.parametrize("value", ["x" * 10_000_000, "a\x00b", "\ud800", "a\u2028b"])
@pytest.mark.parametrize("kind", [k.value for k in DemandKind])
def test_hostile_values_are_refused_in_one_sentence(kind: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_demand(fields(kind, value), today=TODAY)
    assert len(str(caught.value)) < 300


def test_the_schema_is_that_of_the_values_and_a_report_fits_it() -> None:
    schema = exclusions_schema()
    assert json.loads((FORMATS / "exclusions.schema.json").read_text(encoding="utf-8")) == schema
    world = World({"a.jsonl": b"one\n"})
    version = world.register(plain_dataset(), "a.jsonl")
    demands = [parsed("domain", "example.com"), parsed("digest", version.shards[0].sha256)]
    report = check_demands(demands, [VersionToCheck(version=version)], world.tools)
    assert [s.state for s in report.states] == [Presence.UNKNOWN, Presence.STILL_INSIDE]
    wire = json.loads(json.dumps(to_wire(report)))
    jsonschema.Draft202012Validator(schema).validate(wire)
    assert read_value(ExclusionReport, wire) == report


def test_the_document_names_every_word_of_the_closed_lists() -> None:
    text = (FORMATS / "exclusions.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([^`\n]+)`", text))
    assert {b.value for b in DemandBasis} <= words
    assert {f"--{k.value}" for k in DemandKind} <= words
    assert {p.value for p in Presence} <= words
    assert {c for c in COLUMNS if c != "by"} <= words
    named = (
        record_keys.PAGE_FIELDS
        | record_keys.LOOSE_FIELDS
        | record_keys.HOST_FIELDS
        | record_keys.ID_FIELDS
        | record_keys.AUTHOR_FIELDS
        | record_keys.TITLE_FIELDS
    )
    assert named <= words
