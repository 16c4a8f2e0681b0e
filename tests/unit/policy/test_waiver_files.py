"""Files of waivers, and the book of an evaluation: what is read, what is refused with its place, and which waiver counts (docs/formats/waivers.md)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from provenance.canonical import digest_of
from provenance.clearance.approval import sign_waiver
from provenance.errors import WaiverError
from provenance.model.finding import Subject, SubjectKind, Waiver
from provenance.model.waiving import SignedWaiver
from provenance.model.wire import to_wire
from provenance.policy.waivers import (
    WaiverBook,
    WaiverReason,
    WaiverState,
    WaiverUse,
    is_told,
    load_signed_waivers,
    load_waivers,
    parse_waiver,
    waiver_facts,
)
from tests.fakes.clearances import rfc_key

DIGEST = "sha256:" + "0" * 64
ITEM: dict[str, Any] = {
    "id": "w1",
    "rule": "R002",
    "subject": {"kind": "shard", "id": "a", "digest": DIGEST},
    "reason": "licensed",
    "comment": "contract 7",
    "requested_by": "ada@x.org",
    "approved_by": "grace@x.org",
    "created": "2026-11-01",
    "expires": "2026-12-31",
}
SUBJECT = Subject(kind=SubjectKind.SHARD, id="a", digest=DIGEST)
WAIVER = parse_waiver(ITEM, where="w")
TODAY = "2026-11-24"


def write(folder: Path, document: object) -> Path:
    path = folder / "waivers.yaml"
    path.write_text(json.dumps(document))
    return path


def document(*items: object, **more: object) -> dict[str, object]:
    return {"format": "provenance.waivers", "version": 1, "waivers": list(items), **more}


def fault_of(path: Path) -> tuple[str, str | None]:
    """Return what follows the file's name in the message, and the hint."""
    with pytest.raises(WaiverError) as caught:
        load_waivers(path)
    found = re.fullmatch(rf"{re.escape(str(path))}:\d+:\d+: (.*)", str(caught.value), re.DOTALL)
    assert found is not None, str(caught.value)
    return found[1], caught.value.hint


def test_waivers_are_read_as_written_in_their_order(tmp_path: Path) -> None:
    path = write(tmp_path, document(ITEM, {k: v for k, v in {**ITEM, "id": "w0"}.items() if k != "comment"}))
    assert load_waivers(path) == (WAIVER, replace(WAIVER, id="w0", comment=""))
    assert (WAIVER.subject, WAIVER.comment, WAIVER.expires) == (SUBJECT, "contract 7", "2026-12-31")
    signed = load_signed_waivers(path)
    assert [(s.waiver.id, s.signature, s.origin) for s in signed] == [("w1", None, "waivers.yaml"), ("w0", None, "waivers.yaml")]
    assert load_waivers(write(tmp_path, document())) == ()


@pytest.mark.parametrize(
    ("changed", "said", "hint"),
    [
        ({"format": "provenance.run"}, "expected format: provenance.waivers and version: 1", None),
        ({"format": None}, "expected format: provenance.waivers and version: 1", None),
        ({"version": 2}, "expected format: provenance.waivers and version: 1", None),
        ({"waivres": []}, "unknown key 'waivres'", "known: format, version, waivers"),
        ({"waivers": {}}, "waivers must be a list", None),
        ({"waivers": None}, "waivers must be a list", None),
        ({"waivers": [ITEM, {**ITEM, "id": "w0"}, ITEM]}, "waiver 'w1' is given twice", None),
    ],
)
def test_a_file_that_is_none_of_waivers_is_refused(tmp_path: Path, changed: dict[str, object], said: str, hint: str | None) -> None:
    assert fault_of(write(tmp_path, {**document(ITEM), **changed})) == (said, hint)


@pytest.mark.parametrize("whole", [[], "waivers", None])
def test_a_file_without_keys_is_refused(tmp_path: Path, whole: object) -> None:
    assert fault_of(write(tmp_path, whole))[0] == "expected format: provenance.waivers and version: 1"


def test_a_file_that_is_not_there_or_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WaiverError, match=r"none\.yaml: cannot be read"):
        load_waivers(tmp_path / "none.yaml")
    path = tmp_path / "bad.yaml"
    path.write_text("waivers: [")
    with pytest.raises(WaiverError, match=r"bad\.yaml"):
        load_waivers(path)


@pytest.mark.parametrize(
    ("changed", "said", "hint"),
    [
        ({"ruel": "R002"}, "unknown key 'ruel'", "did you mean 'rule'?"),
        ({"expires": ...}, "expires is missing", "every waiver ends: expires: YYYY-MM-DD, the last UTC day it holds"),
        ({"id": " "}, "id is empty", None),
        ({"rule": ""}, "rule is empty", None),
        ({"requested_by": " "}, "requested_by is empty", None),
        ({"approved_by": ""}, "approved_by is empty", None),
        ({"approved_by": "ADA@x.org"}, "approved by its own requester 'ADA@x.org'", "somebody else must approve it"),
        ({"reason": "licenced"}, "reason 'licenced'", "did you mean 'licensed'?"),
        ({"expires": "2026-10-31"}, "expires 2026-10-31, before it was created 2026-11-01", None),
        ({"expires": "2026-11-31"}, "expires: '2026-11-31' is not a day YYYY-MM-DD", None),
        ({"expires": "20261231"}, "expires: '20261231' is not a day YYYY-MM-DD", None),
        ({"expires": "2026-12-31T00:00:00Z"}, "expires: '2026-12-31T00:00:00Z' is not a day YYYY-MM-DD", None),
        ({"created": "soon"}, "created: 'soon' is not a day YYYY-MM-DD", None),
    ],
)
def test_a_waiver_that_breaks_a_rule_is_refused_with_its_position(tmp_path: Path, changed: dict[str, object], said: str, hint: str | None) -> None:
    item = {k: v for k, v in {**ITEM, **changed}.items() if v is not ...}
    assert fault_of(write(tmp_path, document({**ITEM, "id": "w0"}, item))) == (f"waivers[1]: {said}", hint)


@pytest.mark.parametrize("item", [None, [], "w1", {**ITEM, "subject": "a"}, {**ITEM, "subject": {**ITEM["subject"], "kind": "sahrd"}}])
def test_what_is_no_waiver_is_refused_with_its_position(tmp_path: Path, item: object) -> None:
    assert fault_of(write(tmp_path, document(item)))[0].startswith("waivers[0]")


def test_a_waiver_may_hold_for_one_day_only_and_say_at_what_time_it_was_made() -> None:
    found = parse_waiver({**ITEM, "created": "2026-12-31T10:00:00Z"}, where="w")
    assert (found.created, found.expires) == ("2026-12-31T10:00:00Z", "2026-12-31")


@pytest.mark.parametrize("reason", ["licensed", "false-positive", "risk-accepted", "legal-exception", "remedied"])
def test_each_documented_reason_is_read(reason: str) -> None:
    assert parse_waiver({**ITEM, "reason": reason}, where="w").reason == WaiverReason(reason)


def test_a_malformed_signature_is_refused_with_its_position(tmp_path: Path) -> None:
    message, hint = fault_of(write(tmp_path, document({**ITEM, "signature": {"keyid": 7}})))
    assert message.startswith("waivers[0].signature")
    assert hint == "sign it with: provenance waivers add --key KEY --file FILE"


def test_a_signature_is_read_beside_its_waiver(tmp_path: Path) -> None:
    signature = sign_waiver(WAIVER, rfc_key(1))
    path = write(tmp_path, document({**ITEM, "signature": to_wire(signature)}))
    assert load_signed_waivers(path) == (SignedWaiver(waiver=WAIVER, signature=signature, origin="waivers.yaml"),)
    item = {**ITEM, "signature": to_wire(signature), "ruel": "R002"}
    assert fault_of(write(tmp_path, document(item))) == ("waivers[0]: unknown key 'ruel'", "did you mean 'rule'?")


# The book of an evaluation.


@dataclass(frozen=True)
class Permits:
    waivable: bool


RULES = {"R002": Permits(waivable=True), "R009": Permits(waivable=False)}


def book(*waivers: Waiver, today: str = TODAY, refused: dict[str, str] | None = None) -> WaiverBook:
    return WaiverBook(waivers, rules=RULES, today=today, refused=refused)


@pytest.mark.parametrize(
    ("changed", "today", "state", "why"),
    [
        ({}, TODAY, WaiverState.UNUSED, "it met no finding"),
        ({}, "2026-12-31", WaiverState.UNUSED, "it met no finding"),
        ({}, "2027-01-01", WaiverState.EXPIRED, "it held until the end of 2026-12-31 UTC"),
        ({}, "2026-11-01", WaiverState.UNUSED, "it met no finding"),
        (
            {"created": "2026-11-25T10:00:00Z"},
            TODAY,
            WaiverState.REFUSED,
            "it is dated in the future: 2026-11-25, and today is 2026-11-24 UTC",
        ),
        ({}, "2026-10-31", WaiverState.REFUSED, "it is dated in the future: 2026-11-01, and today is 2026-10-31 UTC"),
        ({"created": "2026-11-24T23:59:59Z"}, TODAY, WaiverState.UNUSED, "it met no finding"),
        ({"rule": "R009"}, TODAY, WaiverState.REFUSED, "R009 permits none"),
        ({"rule": "X999"}, TODAY, WaiverState.UNUSED, "it met no finding"),
        ({"id": "w2"}, TODAY, WaiverState.REFUSED, "nobody signed it"),
        ({"id": "w2"}, "2027-01-01", WaiverState.REFUSED, "nobody signed it"),
    ],
)
def test_a_waiver_counts_from_its_first_to_the_end_of_its_last_day_where_its_rule_permits_any(
    changed: dict[str, str], today: str, state: WaiverState, why: str
) -> None:
    waiver = parse_waiver({**ITEM, **changed}, where="w")
    opened = book(waiver, today=today, refused={"w2": "nobody signed it"})
    assert opened.uses() == (WaiverUse(waiver=waiver, state=state, why=why),)
    expected = waiver.id if state is WaiverState.UNUSED else None
    assert opened.find(waiver.rule, SUBJECT) == expected
    if expected:
        assert opened.uses() == (WaiverUse(waiver=waiver, state=WaiverState.APPLIED, why="it covers a finding"),)


@pytest.mark.parametrize(
    ("rule", "subject"),
    [
        ("R001", SUBJECT),
        ("R002", replace(SUBJECT, id="b")),
        ("R002", replace(SUBJECT, digest="sha256:" + "1" * 64)),
        ("R002", replace(SUBJECT, kind=SubjectKind.DATASET)),
    ],
)
def test_a_waiver_covers_its_rule_and_its_subject_only(rule: str, subject: Subject) -> None:
    opened = book(WAIVER)
    assert opened.find(rule, subject) is None
    assert [use.state for use in opened.uses()] == [WaiverState.UNUSED]
    assert book().find(rule, subject) is None


@pytest.mark.parametrize(
    ("expires", "kept"),
    [
        ({"w1": "2026-12-31", "w2": "2027-01-01", "w3": "2026-12-01"}, "w2"),
        ({"w1": "2027-01-01", "w2": "2026-12-31", "w3": "2026-12-01"}, "w1"),
        ({"w1": "2026-12-01", "w2": "2026-12-31", "w3": "2027-01-01"}, "w3"),
        ({"w1": "2026-12-31", "w2": "2026-12-31", "w3": "2026-12-31"}, "w1"),
        ({"w3": "2026-12-31", "w2": "2026-12-31", "w1": "2026-12-30"}, "w2"),
    ],
)
def test_of_several_the_one_counts_that_holds_longest_and_of_these_the_first_by_id(expires: dict[str, str], kept: str) -> None:
    opened = book(*(replace(WAIVER, id=name, expires=day) for name, day in expires.items()))
    assert opened.find("R002", SUBJECT) == kept
    uses = {use.waiver.id: use for use in opened.uses()}
    assert [use.waiver.id for use in opened.uses()] == list(expires)
    assert uses[kept].state is WaiverState.APPLIED
    for name in set(expires) - {kept}:
        assert uses[name].state is WaiverState.UNUSED
        assert uses[name].waiver.id == name
        assert uses[name].why.startswith("waiver w")
        assert uses[name].why.split()[-1] >= uses[name].waiver.expires
    assert f"waiver {kept} covers the same until {expires[kept]}" in {use.why for use in uses.values()}


def test_waivers_of_different_rules_do_not_stand_in_for_one_another() -> None:
    opened = book(WAIVER, replace(WAIVER, id="w2", rule="R003"))
    assert (opened.find("R002", SUBJECT), opened.find("R003", SUBJECT)) == ("w1", "w2")


@pytest.mark.parametrize(
    ("state", "quiet", "told"),
    [
        (WaiverState.APPLIED, {"w1"}, True),
        (WaiverState.UNUSED, {"w1"}, False),
        (WaiverState.EXPIRED, {"w2"}, True),
        (WaiverState.REFUSED, set(), True),
    ],
)
def test_of_quiet_waivers_only_those_that_were_applied_are_told(state: WaiverState, quiet: set[str], told: bool) -> None:
    assert is_told(WaiverUse(waiver=WAIVER, state=state, why=""), quiet=quiet) is told


def test_rules_for_waivers_read_what_became_of_each() -> None:
    (found,) = waiver_facts([WaiverUse(waiver=WAIVER, state=WaiverState.EXPIRED, why="too late")])
    assert found.subject == Subject(kind=SubjectKind.WAIVER, id="w1", digest=digest_of(to_wire(WAIVER)))
    expected = {"id": "w1", "rule": "R002", "subject": "a", "state": "expired", "expires": "2026-12-31", "why": "too late"}
    assert dict(found.values) == expected
