"""All audits side by side. What is expected is counted here from the records and from the catalogue's entries one by one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from provenance.audit.impact import IssuedClearance
from provenance.audit.portfolio import Portfolio, survey_portfolio
from provenance.config import shipped
from provenance.licensing.terms import TermsCatalog, load_terms
from provenance.model.audit import AuditRecord, DatasetSummary, TermsApplied
from provenance.model.claims import DateRange
from provenance.model.dataset import Generator, SourceKind
from provenance.model.finding import VerdictKind
from tests.fakes.records import blocked_record, cleared_record, make_dataset, make_summary, sha
from tests.fakes.world import World, kept_audits

NOW = "2027-01-15T12:00:00Z"


@pytest.fixture(scope="module")
def catalog() -> TermsCatalog:
    return load_terms((shipped("policies") / "terms",))


def audited(name: str, number: int, record: AuditRecord, **changes: Any) -> AuditRecord:
    changed = replace(
        record,
        id=sha(f"{name} {number}"),
        created=f"2026-11-{number:02}T00:00:00Z",
        run=replace(record.run, model=replace(record.run.model, name=name)),
    )
    return replace(changed, **changes)


def surveyed(world: World, catalog: TermsCatalog, *issued: IssuedClearance) -> Portfolio:
    return survey_portfolio(world.tools, catalog, issued)


def outputs_of(provider: str, *, channel: str, last: str, model: str = "gpt-4-0613") -> DatasetSummary:
    generator = Generator(provider=provider, model=model, channel=channel, region="US", generated=DateRange(start=last, end=last))
    dataset = make_dataset("distilled", kind=SourceKind.SYNTHETIC, license_value="UNKNOWN", generator=generator)
    return make_summary(dataset, weight=1.0, shards=1, words=10)


def test_each_model_has_its_audits_from_the_oldest_to_the_newest(catalog: TermsCatalog) -> None:
    world = World(now=NOW)
    kept_audits(world, audited("a", 1, blocked_record()), audited("b", 2, cleared_record()), audited("a", 3, cleared_record()))
    found = surveyed(world, catalog)
    assert [(m.model, [p.created[8:10] for p in m.audits], m.newest.verdict) for m in found.models] == [
        ("a", ["01", "03"], VerdictKind.CLEARED),
        ("b", ["02"], VerdictKind.CLEARED),
    ]
    assert [(p.deny, p.review) for p in found.models[0].audits] == [(r.totals.deny, r.totals.review) for r in (blocked_record(), cleared_record())]


def test_the_newest_clearance_of_any_audit_of_a_model_is_told(catalog: TermsCatalog) -> None:
    world = World(now=NOW)
    first, second = audited("a", 1, cleared_record()), audited("a", 2, cleared_record())
    kept_audits(world, first, second)
    clearances = [
        IssuedClearance(audit=a.id, manifest_root=sha(a.id), issued=day, expires="2027-02-01T00:00:00Z")
        for a, day in ((second, "2026-12-01T00:00:00Z"), (first, "2026-12-09T00:00:00Z"))
    ]
    assert surveyed(world, catalog, *clearances).models[0].clearance == clearances[1]
    assert surveyed(world, catalog, replace(clearances[0], audit=sha("of another workspace"))).models[0].clearance is None


@pytest.mark.parametrize(("expires", "left"), [("2027-01-14", -1), ("2027-01-15", 0), ("2027-03-16", 60), ("2027-03-17", None)])
def test_a_waiver_that_counts_is_listed_before_it_ends(catalog: TermsCatalog, expires: str, left: int | None) -> None:
    world = World(now=NOW)
    record = blocked_record()
    kept_audits(world, audited("a", 1, record, waivers=tuple(replace(w, expires=expires) for w in record.waivers)))
    assert [w.days_left for w in surveyed(world, catalog).waivers] == ([] if left is None else [left])


def test_a_waiver_that_covers_nothing_is_not_listed(catalog: TermsCatalog) -> None:
    world = World(now=NOW)
    record = blocked_record()
    kept_audits(
        world,
        audited(
            "a",
            1,
            record,
            findings=tuple(f for f in record.findings if f.waiver is None),
            waivers=tuple(replace(w, expires="2027-01-20") for w in record.waivers),
        ),
    )
    assert surveyed(world, catalog).waivers == ()


def test_every_text_of_the_provider_that_took_effect_later_is_named(catalog: TermsCatalog) -> None:
    world = World(now=NOW)
    kept_audits(
        world,
        audited("a", 1, cleared_record(), datasets=(outputs_of("OpenAI", channel="api", last="2023-06-30"),), terms_catalog_digest=catalog.digest),
    )
    later = {
        e.id
        for e in catalog.entries
        if e.provider == "openai" and "api" in e.channels and dt.date(2023, 6, 30) < e.starts_possibly <= dt.date(2027, 1, 15)
    }
    found = surveyed(world, catalog).terms
    assert later
    assert {c.terms for c in found if c.later_than} == later
    assert [c.runs for c in found] == [1] * len(found)
    assert [c.effective_from for c in found] == sorted((c.effective_from for c in found), reverse=True)


def test_nothing_is_later_than_outputs_of_today(catalog: TermsCatalog) -> None:
    world = World(now=NOW)
    whole = outputs_of("openai", channel="api", last="2027-01-15")
    kept_audits(world, audited("a", 1, cleared_record(), datasets=(whole,), terms_catalog_digest=catalog.digest))
    assert surveyed(world, catalog).terms == ()


def test_a_text_that_the_audit_did_not_know_asks_for_another_audit(catalog: TermsCatalog) -> None:
    world = World(now=NOW)
    whole = outputs_of("anthropic", channel="api", last="2026-03-05", model="claude-sonnet-4")
    record = audited("a", 1, cleared_record(), datasets=(whole,), terms_catalog_digest=sha("an older catalogue"), terms_applied=())
    kept_audits(world, record)
    found = surveyed(world, catalog)
    bearing = {c.terms: c for c in found.terms if c.unknown_to}
    assert bearing
    assert all(a.then == "UNKNOWN" and a.model == "a" for c in bearing.values() for a in c.unknown_to)
    applied = tuple(
        TermsApplied(
            dataset="distilled",
            provider="openai",
            terms=name,
            title="",
            effective_from="",
            effective_to="",
            generated_from="",
            generated_to="",
            outcome="UNKNOWN",
        )
        for name in bearing
    )
    again = World(now=NOW)
    kept_audits(again, replace(record, terms_applied=applied))
    assert not [c for c in surveyed(again, catalog).terms if c.unknown_to]
    assert surveyed(again, catalog).models[0].terms_changed


def test_an_audit_that_cannot_be_read_is_told_and_the_others_are_there(catalog: TermsCatalog) -> None:
    world = World(now=NOW)
    lost, whole = audited("a", 1, cleared_record()), audited("b", 2, cleared_record())
    kept_audits(world, whole)
    with world.units.begin(actor="tester", action="audit") as registry:
        registry.save_audit(lost, sha("lost"))
    found = surveyed(world, catalog)
    assert [m.model for m in found.models] == ["b"]
    assert [p.path for p in found.problems] == [lost.id]
