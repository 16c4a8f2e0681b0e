"""Record files that were changed by hand: every number that the record holds twice is computed again, and a file that disagrees is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provenance.errors import ReportError
from provenance.model.audit import NO_ROOT
from provenance.model.finding import Action, VerdictKind
from provenance.report.record_checks import record_faults
from provenance.report.record_json import read_record, render_json
from tests.fakes import records

Wire = dict[str, Any]
BLOCKED = render_json(records.blocked_record())


def _set(*path: str | int, to: object) -> Callable[[Wire], None]:
    def change(wire: Wire) -> None:
        place: Any = wire
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def _drop_a_warning(wire: Wire) -> None:
    """Leave a finding out and make the totals fit: the rule's own count still tells."""
    wire["findings"] = [f for f in wire["findings"] if f["action"] != "warn"]
    wire["totals"]["warn"] = 0


def _one_shard_less(wire: Wire) -> None:
    wire["shards"].pop()
    wire["shards_total"] -= 1


FORGERIES: dict[str, tuple[Callable[[Wire], None], str]] = {
    "a verdict below the findings": (_set("verdict", to="REVIEW"), "says REVIEW, its findings say BLOCKED"),
    "fewer that deny": (_set("totals", "deny", to=0), r"totals\.deny is 0, and 20 open findings"),
    "fewer waived": (_set("totals", "waived", to=0), r"totals\.waived is 0, and 1"),
    "more words": (_set("totals", "words", to=9), r"totals\.words is 9"),
    "no alarms": (_set("totals", "alarms", to=0), r"totals\.alarms is 0"),
    "explained away": (_set("totals", "explained", to=22), r"totals\.explained is 22"),
    "more shards judged": (_set("totals", "shards_judged", to=41), "41"),
    "fewer shards named": (_set("totals", "shards_named", to=39), r"totals\.shards_named is 39"),
    "another number of datasets": (_set("totals", "datasets", to=1), r"totals\.datasets is 1"),
    "more words of known terms than words": (_set("totals", "words_with_known_terms", to=10**9), "more than totals.words"),
    "a dataset without findings": (_set("datasets", 0, "open_findings", to=0), "open_findings of dataset chat-distilled is 0"),
    "a dataset without alarms": (_set("datasets", 0, "alarms", to=0), "alarms"),
    "a rule that was never violated": (_set("policy", 0, "rules", 0, "violated", to=0), "VIOLATED of rule D001 is 0, and 18"),
    "a rule judged more often": (_set("policy", 0, "rules", 0, "judged", to=99), "judged of rule D001 is 99"),
    "a finding left out": (_drop_a_warning, "VIOLATED of rule S001 is 1, and 0"),
    "a finding closed by a waiver that it has not": (_set("findings", 0, "waiver", to="W-1"), r"totals\.deny is 20, and 19"),
    "a shard left out": (_one_shard_less, "shards_total is 39, and 40"),
    "a shard of a dataset that is not judged": (_set("shards", 0, "dataset", to="other"), "lists a shard of dataset other"),
    "a changed shard called judged": (_set("shards", 0, "state", to="changed"), "39 shards are listed as unchanged"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_number_is_refused_and_named(name: str) -> None:
    change, said = FORGERIES[name]
    wire = json.loads(BLOCKED)
    change(wire)
    with pytest.raises(ReportError, match=said) as refused:
        read_record(json.dumps(wire).encode(), where="audit.json")
    assert str(refused.value).startswith("audit.json: ")
    assert str(refused.value).endswith("it was changed")


@pytest.mark.parametrize("make", [records.blocked_record, records.review_record, records.cleared_record, records.empty_record, records.huge_record])
def test_records_that_agree_with_themselves_pass(make: Callable[[], Any]) -> None:
    assert list(record_faults(make())) == []


def test_a_grouped_finding_counts_as_all_that_it_stands_for() -> None:
    record = records.blocked_record()
    first = next(f for f in record.findings if f.action is Action.DENY)
    grouped = records.settled(replace(record, findings=(replace(first, grouped=7), *(f for f in record.findings if f is not first))))
    assert grouped.totals.deny == record.totals.deny + 6
    assert list(record_faults(grouped)) == []


def test_a_run_without_a_manifest_is_blocked_whatever_its_findings_say() -> None:
    cleared = replace(records.cleared_record(), manifest_root=NO_ROOT)
    assert list(record_faults(cleared)) == ["says CLEARED, its findings say BLOCKED"]
    assert list(record_faults(replace(cleared, verdict=VerdictKind.BLOCKED))) == []


def test_what_a_forger_writes_cannot_steer_a_terminal() -> None:
    wire = json.loads(BLOCKED)
    wire["datasets"][0]["dataset"]["name"] = "\x1b[2J\u202e"
    with pytest.raises(ReportError) as refused:
        read_record(json.dumps(wire).encode())
    assert not {"\x1b", "\u202e"} & set(str(refused.value))
