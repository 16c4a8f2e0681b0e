"""What a waiver in a file must say to be read, and what it must say to count."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from provenance.audit.admitting import Admitted
from provenance.config import shipped
from provenance.errors import WaiverError
from provenance.model.finding import Finding, Subject, SubjectKind, Waiver
from provenance.policy.bundle import load_bundles
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.engine import Judging
from provenance.policy.facts import SCHEMA, Facts, FactValue, SubjectFacts
from provenance.policy.waivers import WaiverBook, WaiverState, parse_waiver

DIGEST = "sha256:" + "1" * 64
PLAIN: dict[str, Any] = {
    "id": "W-1",
    "rule": "R003",
    "subject": {"kind": "dataset", "id": "notes", "digest": DIGEST},
    "reason": "licensed",
    "comment": "",
    "requested_by": "data@example.org",
    "approved_by": "legal@example.org",
    "created": "2026-11-30",
    "expires": "2026-12-31",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"requested_by": "UNKNOWN"}, "names nobody"),
        ({"requested_by": " not_stated "}, "names nobody"),
        ({"approved_by": "NOT_STATED"}, "names nobody"),
        ({"approved_by": "UNREADABLE"}, "names nobody"),
        ({"approved_by": " "}, "approved_by is empty"),
        ({"reason": "risk-accepted"}, "without a word of why"),
        ({"reason": "risk-accepted", "comment": " "}, "without a word of why"),
        ({"reason": "risk-accepted", "comment": "UNKNOWN"}, "without a word of why"),
        ({"created": "2026-11-30 whatever"}, "is not a day"),
        ({"created": "2026-11-30T12:00:00"}, "is not a day"),
        ({"subject": {**PLAIN["subject"], "digest": ""}}, "digest"),
        ({"subject": {**PLAIN["subject"], "digest": "sha256:1"}}, "digest"),
        ({"id": "*"}, "is no name"),
        ({"id": "W 1"}, "is no name"),
        ({"rule": "r003"}, "no rule's id"),
        ({"rule": "*"}, "no rule's id"),
    ],
)
def test_a_waiver_that_says_too_little_is_refused(changes: dict[str, Any], said: str) -> None:
    assert parse_waiver(PLAIN, where="w.yaml").id == "W-1"
    with pytest.raises(WaiverError, match=said):
        parse_waiver({**PLAIN, **changes}, where="w.yaml")


@pytest.mark.parametrize("created", ["2026-11-30", "2026-11-30T12:00:00Z"])
def test_both_ways_to_write_when_it_was_made_are_read(created: str) -> None:
    assert parse_waiver({**PLAIN, "created": created}, where="w.yaml").created == created


@pytest.mark.parametrize(("days", "state"), [(366, WaiverState.UNUSED), (367, WaiverState.REFUSED), (None, WaiverState.REFUSED)])
def test_a_waiver_holds_for_366_days_whatever_its_file_says(days: int | None, state: WaiverState) -> None:
    made = dt.date(2026, 11, 30)
    last = dt.date.max if days is None else made + dt.timedelta(days=days)
    waiver = parse_waiver({**PLAIN, "expires": last.isoformat()}, where="w.yaml")
    book = WaiverBook([waiver], rules={}, today="2026-11-30")
    assert book.uses()[0].state is state
    assert (book.find("R003", waiver.subject) is None) == (state is WaiverState.REFUSED)
    assert ("more than 366 days" in book.uses()[0].why) == (state is WaiverState.REFUSED)


@pytest.mark.parametrize("change", ["rule", "kind", "id", "digest"])
def test_a_waiver_covers_nothing_but_what_it_names(change: str) -> None:
    other = {"kind": "shard", "id": "others", "digest": "sha256:" + "2" * 64}
    waiver = parse_waiver(PLAIN, where="w.yaml")
    book = WaiverBook([waiver], rules={}, today="2026-11-30")
    rule = "R001" if change == "rule" else "R003"
    subject = PLAIN["subject"] if change == "rule" else {**PLAIN["subject"], change: other[change]}
    assert book.find(rule, parse_waiver({**PLAIN, "subject": subject}, where="w.yaml").subject) is None
    assert book.uses()[0].state is WaiverState.UNUSED


def test_a_waiver_of_a_shard_that_two_datasets_hold_counts_in_neither() -> None:
    waiver = parse_waiver({**PLAIN, "subject": {"kind": "shard", "id": "d", "digest": DIGEST}}, where="w.yaml")
    shard, run = _facts(SubjectKind.SHARD), _facts(SubjectKind.RUN)
    admitted = Admitted(waivers=(waiver,))
    both = Facts(run=run, datasets=(), shards=(shard, replace(shard, dataset="other")))
    assert "d and other hold d" in admitted.doubtful(both)["W-1"]
    for alone in ((shard,), (shard, replace(shard, dataset="other", subject=replace(shard.subject, digest="sha256:" + "2" * 64)))):
        assert admitted.doubtful(Facts(run=run, datasets=(), shards=alone)) == {}


def _facts(kind: SubjectKind, **changes: FactValue) -> SubjectFacts:
    harmless = harmless_values()
    values = {field.path: harmless[f"{kind.value}.{field.path}"] for field in SCHEMA[kind]} | changes
    return SubjectFacts(subject=Subject(kind=kind, id="d", digest=DIGEST), values=tuple(values.items()), dataset="d")


def _too_large(share: float, *waivers: Waiver) -> Finding:
    """Judge a dataset of models' text that is this share of the run."""
    bundles = load_bundles([shipped("policies") / "bundles" / "distillation.yaml"])
    dataset = _facts(SubjectKind.DATASET, teacher_role="generate", share=share)
    found = Judging(bundles, Facts(run=_facts(SubjectKind.RUN), datasets=(dataset,), shards=()), waivers, "2026-11-30").finish()
    return next(f for f in found.findings if f.rule == "S004")


def test_a_waiver_of_a_finding_on_a_share_ends_when_the_share_changes() -> None:
    subject = _too_large(0.3).subject
    waiver = parse_waiver({**PLAIN, "rule": "S004", "subject": {"kind": "dataset", "id": subject.id, "digest": subject.digest}}, where="w.yaml")
    assert _too_large(0.3, waiver).waiver == "W-1"
    assert _too_large(0.9, waiver).waiver is None


def test_who_asked_for_the_run_approves_no_waiver_of_it() -> None:
    waiver = parse_waiver({**PLAIN, "requested_by": "intern", "approved_by": "Ada Lovelace"}, where="w.yaml")
    admitted = Admitted(waivers=(waiver,))
    for asked in ("Ada Lovelace", "ada.lovelace@example.org", "Lovelace, Ada"):
        assert "asked for the run" in admitted.refused_for(asked)["W-1"]
    for asked in ("Grace Hopper", "NOT_STATED", "", "UNKNOWN"):
        assert admitted.refused_for(asked) == {}
    assert Admitted(waivers=(waiver,), refused=(("W-1", "bad"),)).refused_for("Ada Lovelace") == {"W-1": "bad"}
