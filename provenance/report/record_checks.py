"""Whether the numbers of an audit record agree with what it lists: a verdict, a total or a count that was changed by hand does not.

What a record holds twice is computed again from the more detailed side, by the rules of ``provenance.audit.totals``: verdict, totals and counts from findings, datasets and
shards; the roots of the run and of its datasets from the shards, where all are listed; the id from what was judged and found. A record that was forged throughout, so
that everything in it agrees, passes: only the workspace that made the audit, or a signature, tells that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from provenance.audit.identity import audit_id, earlier_ids
from provenance.audit.totals import SHARDS_LISTED
from provenance.errors import ManifestError
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.audit import NO_ROOT, AuditRecord, DatasetSummary, ShardSummary
from provenance.model.finding import Action, Outcome, VerdictKind, verdict_of
from provenance.policy.rules import ENGINE, NO_SUBJECTS

MOMENT: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
"""A time as audits tell it: RFC 3339, UTC, whole seconds."""
_SUMS: Final = ("records", "words", "matches", "alarms", "matched_words")
"""Totals that are those of the datasets together."""
_OWN_RULE: Final = (ENGINE, NO_SUBJECTS)
"""The one rule that no bundle holds: a run without data is never cleared."""
_SCANNED: Final = 'shard.scan == "current"'
"""What a rule requires that lets no shard pass unjudged, as in the bundle that every run is judged by."""
_SHARD_SUMS: Final = ("size_bytes", "records", "alarms", "matched_words")
"""Numbers of a dataset that are those of its shards together; its words are those that the scan counted, a shard's those that its registration did."""


def record_faults(record: AuditRecord) -> Iterator[str]:
    """Yield where a record contradicts itself: what it says, and what its details say."""
    found = VerdictKind.BLOCKED if record.manifest_root == NO_ROOT else verdict_of(record.findings)
    if record.verdict is not found:
        yield f"says {record.verdict.value}, its findings say {found.value}"
    yield from _open_findings(record)
    yield from _rules(record)
    yield from _totals(record)
    yield from _shards(record)
    yield from _leave(record)
    yield from _moment(record)
    yield from _identity(record)


def _moment(record: AuditRecord) -> Iterator[str]:
    if not MOMENT.fullmatch(record.created):
        yield f"created is {record.created[:40]!r}, and an audit tells its time as 2026-11-24T04:12:09Z"


def _identity(record: AuditRecord) -> Iterator[str]:
    """Compute the id again, as this version and earlier ones do."""
    try:
        is_own = record.id == audit_id(record) or record.id in earlier_ids(record)
    except ValueError:
        is_own = False
    if not is_own:
        yield f"its id is {record.id[:19]}, and what it judged and found gives another"


def _leave(record: AuditRecord) -> Iterator[str]:
    """Tell why a record cannot have cleared its run: nothing that was not judged, and by a rule, is ever cleared.

    A waiver can except a shard that was not scanned, and a policy of somebody's own may not ask for scans.
    """
    if record.verdict is not VerdictKind.CLEARED:
        return
    rules = [rule for policy in record.policy for rule in policy.rules]
    if not rules:
        yield "says CLEARED, and no rule of a policy judged the run"
    excepted = sum(f.size for f in record.findings if f.waiver is not None)
    is_asked = any(_SCANNED in rule.require for rule in rules)
    if not record.totals.shards_named or (is_asked and record.totals.shards_judged + excepted < record.totals.shards_named):
        yield f"says CLEARED, and {record.totals.shards_judged} of {record.totals.shards_named} shards were judged"


def _open_findings(record: AuditRecord) -> Iterator[str]:
    """Compare counts of findings, in all and of each dataset, with the findings listed; a grouped one counts as all that it stands for."""
    actions, pending = Counter[Action](), Counter[str]()
    for finding in record.findings:
        if finding.is_open:
            actions[finding.action] += finding.size
            pending[finding.dataset] += finding.size
    for action in Action:
        yield from _differs(f"totals.{action.value}", getattr(record.totals, action.value), actions[action], "open findings are listed")
    yield from _differs("totals.waived", record.totals.waived, sum(f.waiver is not None for f in record.findings), "waived findings are listed")
    for summary in record.datasets:
        name = summary.dataset.name
        yield from _differs(f"open_findings of dataset {name}", summary.open_findings, pending[name], "are listed")


def _rules(record: AuditRecord) -> Iterator[str]:
    """Compare how often each rule was violated, or could not be decided, with the findings listed: none is left out of a record."""
    listed, told = Counter[tuple[str, Outcome]](), Counter[tuple[str, Outcome]]()
    for finding in record.findings:
        listed[finding.rule, finding.outcome] += finding.size
    rules = [rule for policy in record.policy for rule in policy.rules]
    actions = {(policy.bundle, rule.id): rule.action for policy in record.policy for rule in policy.rules}
    unlisted = [f for f in record.findings if (f.bundle, f.rule) not in actions and (f.bundle, f.rule) != _OWN_RULE]
    if unlisted:
        yield f"finding {unlisted[0].id[:19]} is of rule {unlisted[0].rule} of {unlisted[0].bundle}, which no policy of the record lists"
    other = [f for f in record.findings if actions.get((f.bundle, f.rule), f.action) is not f.action]
    if other:
        yield f"finding {other[0].id[:19]} says {other[0].action.value}, and its rule {other[0].rule} says {actions[other[0].bundle, other[0].rule].value}"
    for rule in rules:
        told[rule.id, Outcome.VIOLATED] += rule.violated
        told[rule.id, Outcome.UNKNOWN] += rule.unknown
        whole = rule.satisfied + rule.violated + rule.unknown + rule.not_applicable
        yield from _differs(f"judged of rule {rule.id}", rule.judged, whole, "are counted by outcome")
    for (name, outcome), number in told.items():
        yield from _differs(f"{outcome.value} of rule {name}", number, listed[name, outcome], "findings are listed")


def _totals(record: AuditRecord) -> Iterator[str]:
    """Compare totals with the sums over datasets. A dataset that is not registered is named by the run and has no summary."""
    totals, summaries = record.totals, record.datasets
    for name in _SUMS:
        yield from _differs(f"totals.{name}", getattr(totals, name), sum(getattr(s, name) for s in summaries), "are those of the datasets")
    yield from _differs("totals.datasets", totals.datasets, len(record.run.data), "are named by the run")
    yield from _differs("totals.explained", totals.explained, totals.matches - totals.alarms, "matches are no alarms")
    yield from _differs("shards_total", record.shards_total, sum(s.shards for s in summaries), "are those of the datasets")
    named = record.shards_total + totals.datasets - len(summaries)
    yield from _differs("totals.shards_named", totals.shards_named, named, "are those of the datasets, and one for each that is not registered")
    for part, whole in (("shards_judged", "shards_named"), ("words_with_known_license", "words"), ("words_with_known_terms", "words")):
        if getattr(totals, part) > getattr(totals, whole):
            yield f"totals.{part} is {getattr(totals, part)}, more than totals.{whole}, {getattr(totals, whole)}"


def _shards(record: AuditRecord) -> Iterator[str]:
    """Compare datasets with their shards, where a record lists all of them and no dataset is named twice."""
    names = {s.dataset.name for s in record.datasets}
    if not min(record.shards_total, SHARDS_LISTED) <= len(record.shards) <= record.shards_total:
        yield f"lists {len(record.shards)} shards of {record.shards_total}: the first {SHARDS_LISTED} are always listed"
    if len(record.shards) != record.shards_total or len(names) != len(record.datasets):
        return
    sums: dict[str, Counter[str]] = {name: Counter() for name in names}
    for shard in record.shards:
        if shard.dataset not in sums:
            yield f"lists a shard of dataset {shard.dataset}, which it does not judge"
            return
        sums[shard.dataset]["shards"] += 1
        for name in _SHARD_SUMS:
            sums[shard.dataset][name] += getattr(shard, name) or 0
    for summary in record.datasets:
        yield from _dataset(summary, sums[summary.dataset.name])
    yield from _roots(record)
    unchanged = sum(shard.state == "unchanged" for shard in record.shards)
    if record.totals.shards_judged > unchanged:
        yield f"totals.shards_judged is {record.totals.shards_judged}, and {unchanged} shards are listed as unchanged"


def _roots(record: AuditRecord) -> Iterator[str]:
    """Compute the roots again: of the run, and of each dataset."""
    whole = _root(record.shards)
    if record.shards and record.manifest_root != whole:
        yield f"manifest_root is {record.manifest_root[:19]}, and its shards give {whole[:19]}"
    mine: dict[str, list[ShardSummary]] = {}
    for shard in record.shards:
        mine.setdefault(shard.dataset, []).append(shard)
    for name, root in ((s.dataset.name, s.root_digest) for s in record.datasets if s.dataset.name in mine):
        if root != (found := _root(mine[name])):
            yield f"the root of dataset {name} is {root[:19]}, and its shards give {found[:19]}"


def _root(shards: Sequence[ShardSummary]) -> str:
    """Return the root over shards, that of no manifest where they make none."""
    try:
        return merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in shards)
    except (ManifestError, ValueError):
        return NO_ROOT


def _dataset(summary: DatasetSummary, sums: Counter[str]) -> Iterator[str]:
    for name in ("shards", *_SHARD_SUMS):
        yield from _differs(f"{name} of dataset {summary.dataset.name}", getattr(summary, name), sums[name], "are those of its shards")


def _differs(what: str, told: int, counted: int, where: str) -> Iterator[str]:
    if told != counted:
        yield f"{what} is {told}, and {counted} {where}"
