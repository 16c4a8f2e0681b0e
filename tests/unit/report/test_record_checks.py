"""Record files that were changed by hand: every number that the record holds twice is computed again, and a file that disagrees is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provenance.audit.identity import audit_id
from provenance.config import shipped
from provenance.errors import ReportError
from provenance.model.audit import NO_ROOT, AuditRecord
from provenance.model.finding import Action, VerdictKind
from provenance.policy.bundle import load_bundle
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


def _warn(wire: Wire) -> None:
    """Let one finding that denies only warn, and make the totals fit."""
    finding = next(f for f in wire["findings"] if f["rule"] == "D001" and f["waiver"] is None)
    finding["action"] = "warn"
    wire["totals"]["deny"] -= 1
    wire["totals"]["warn"] += 1


def _asking_for_scans(record: AuditRecord) -> AuditRecord:
    """Return a record whose last rule is that of the bundle which every run is judged by: a shard that was not scanned may not pass."""
    (policy,) = record.policy
    require = next(r for r in load_bundle(shipped("policies") / "bundles" / "baseline.yaml").rules if r.id == "R002").require.condition.text
    return replace(record, policy=(replace(policy, rules=(*policy.rules[:-1], replace(policy.rules[-1], require=require))),))


def _of_another_bundle(wire: Wire) -> None:
    """Call every finding one of a bundle that nobody knows, so that no rule's action is held against it."""
    for finding in wire["findings"]:
        finding["bundle"] = "zzz"


CLEARED: dict[str, tuple[dict[str, Any], str]] = {
    "no policy": ({"policy": ()}, "no rule of a policy judged the run"),
    "a shard that was not judged": ({"totals": replace(records.cleared_record().totals, shards_judged=9)}, "9 of 10 shards were judged"),
}


@pytest.mark.parametrize("name", CLEARED)
def test_nothing_that_was_not_judged_by_a_rule_is_cleared_even_where_the_id_fits(name: str) -> None:
    changes, said = CLEARED[name]
    forged = replace(_asking_for_scans(records.cleared_record()), **changes)
    (fault,) = record_faults(replace(forged, id=audit_id(forged)))
    assert said in fault


def test_a_policy_that_asks_for_no_scan_and_a_waiver_may_leave_a_shard_unjudged() -> None:
    cleared = records.cleared_record()
    fewer = replace(cleared, totals=replace(cleared.totals, shards_judged=9))
    assert list(record_faults(fewer)) == []  # none of its rules asks for a scan
    waived = next(f for f in records.blocked_record().findings if f.waiver is not None)
    excepted = records.settled(replace(_asking_for_scans(fewer), findings=(waived,), waivers=records.blocked_record().waivers))
    assert excepted.totals.shards_judged == 9
    assert list(record_faults(excepted)) == []


def test_records_of_earlier_versions_keep_their_ids() -> None:
    """Waivers were named by their ids, and before that the licence catalogue was left out: RFC 8785 over these very values."""
    record = records.blocked_record()
    said = {
        "run": record.run.digest,
        "root": record.manifest_root,
        "facts": record.facts_digest,
        "policy": [p.digest for p in record.policy],
        "terms": record.terms_catalog_digest,
        "references": [r.digest for r in record.references],
        "findings": [f.id for f in record.findings],
        "waived": [f.waiver or "" for f in record.findings],
    }
    for values in (said, said | {"licenses": record.licenses_digest}):
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
        named = replace(record, id=f"sha256:{hashlib.sha256(canonical).hexdigest()}")
        assert named.id != record.id
        assert list(record_faults(named)) == []


@pytest.mark.parametrize(
    ("version", "said"), [("1", "a version is a whole number"), (True, "a version is a whole number"), (2, "of version 2"), (0, "of version 0")]
)
def test_a_version_that_is_none_is_told_apart_from_one_that_is_not_read(version: object, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        read_record(json.dumps(json.loads(BLOCKED) | {"version": version}).encode())


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
    "fewer shards listed": (lambda wire: wire["shards"].pop(), "lists 39 shards of 40"),
    "another digest of a shard": (_set("shards", 0, "sha256", to="sha256:" + "0" * 64), "manifest_root is sha256:[0-9a-f]{12}, and its shards give"),
    "a digest that is none": (_set("shards", 0, "sha256", to="none"), "manifest_root is"),
    "the root of a dataset": (
        _set("datasets", 0, "root_digest", to="sha256:" + "0" * 64),
        "the root of dataset chat-distilled is sha256:000000000000",
    ),
    "a finding that only warns": (_warn, "says warn, and its rule D001 says deny"),
    "findings of another bundle": (_of_another_bundle, "is of rule D001 of zzz, which no policy of the record lists"),
    "no rules": (_set("policy", to=[]), "which no policy of the record lists"),
    "another id": (_set("id", to="sha256:" + "0" * 64), "its id is sha256:000000000000, and what it judged and found gives another"),
    "an id that is none": (_set("id", to="../../x"), "its id is"),
    "facts that were not those": (_set("facts_digest", to="sha256:" + "0" * 64), "its id is"),
    "another run": (_set("run", "digest", to="sha256:" + "0" * 64), "its id is"),
    "no time": (_set("created", to="yesterday"), "created is 'yesterday'"),
    "a day without a time": (_set("created", to="2026-11-24"), "created is '2026-11-24'"),
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
    assert next(record_faults(cleared)) == "says CLEARED, its findings say BLOCKED"
    assert list(record_faults(records.settled(replace(records.empty_record(), verdict=VerdictKind.BLOCKED)))) == []


def test_what_a_forger_writes_cannot_steer_a_terminal() -> None:
    wire = json.loads(BLOCKED)
    wire["datasets"][0]["dataset"]["name"] = "\x1b[2J\u202e"
    with pytest.raises(ReportError) as refused:
        read_record(json.dumps(wire).encode())
    assert not {"\x1b", "\u202e"} & set(str(refused.value))
