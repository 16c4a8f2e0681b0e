"""The matches of an audit, also those that its record does not list: these are read from the evidence, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provenance.audit.findings import KeptMatches
from provenance.audit.judged import match_id
from provenance.audit.matches import match_subject
from provenance.errors import NotRegisteredError, RegistryError
from provenance.model.audit import AuditRecord, MatchFinding
from provenance.model.finding import Finding, Outcome, Subject, SubjectKind
from provenance.model.match import Match
from provenance.ports import Registry, UnitOfWork
from provenance.ports.evidence import EvidenceStore

_ELSEWHERE = "it lies in the workspace that made the audit; audit there again where it is lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMatch:
    """A match of an audit."""

    id: str
    dataset: str
    match: Match


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tells which findings on matches some findings of a record are, or stand for."""

    _singles: set[tuple[str, Subject]] = field(default_factory=set)
    _groups: set[tuple[str, Outcome, str]] = field(default_factory=set)
    _listed: set[tuple[str, Subject]] = field(default_factory=set)
    """Findings of the groups' rules that are listed by themselves, so that no group stands for them."""

    @classmethod
    def of(cls, wanted: Iterable[Finding], record: AuditRecord) -> Wanted:
        """Return what tells whether a finding on a match is among those wanted."""
        found = cls()
        for finding in wanted:
            if finding.grouped and finding.subject.kind is SubjectKind.MATCH:
                found._groups.add((finding.rule, finding.outcome, finding.dataset))
            else:
                found._singles.add((finding.rule, finding.subject))
        rules = {rule for rule, _, _ in found._groups}
        found._listed.update((f.rule, f.subject) for f in record.findings if f.rule in rules and not f.grouped)
        return found

    def __contains__(self, item: object) -> bool:
        """Tell whether a finding of the evidence is meant."""
        if not isinstance(item, MatchFinding):
            return False
        single = (item.rule, match_subject(match_id(item.dataset, item.match), item.match, item.judged_as))
        if single in self._singles:
            return True
        return not item.waiver and (item.rule, item.outcome, item.dataset) in self._groups and single not in self._listed


def iter_findings(record: AuditRecord, evidence: EvidenceStore) -> Iterator[MatchFinding]:
    """Go through every finding on a match of an audit whose record says that they are kept.

    Raises:
        RegistryError: If they are not here, or changed.
    """
    try:
        return evidence.iter_findings(record.match_findings)
    except RegistryError as err:
        raise RegistryError(f"findings of audit {record.id[:19]}: {err}", hint=_ELSEWHERE) from err


def behind_in_record(record: AuditRecord, wanted: Iterable[Finding]) -> set[str]:
    """Return the ids of the matches in a record on which some of its findings rest, each by itself."""
    found = {digest for f in wanted for digest in (f.subject.id, *(e.digest for e in f.evidence))}
    return {e.id for e in record.evidence if e.id in found}


def find_behind(record: AuditRecord, wanted: Sequence[Finding], evidence: EvidenceStore) -> Iterator[FoundMatch]:
    """Go through the other matches behind some findings, each once, in the order of the shards.

    Raises:
        RegistryError: If the evidence is not here, or changed.
    """
    known, meant, last = behind_in_record(record, wanted), Wanted.of(wanted, record), ""
    for row in iter_findings(record, evidence):
        if row in meant:
            key = match_id(row.dataset, row.match)
            if key != last and key not in known:  # all that is found of one match stands together
                yield FoundMatch(id=key, dataset=row.dataset, match=row.match)
            last = key


def find_unlisted(record: AuditRecord, units: UnitOfWork, evidence: EvidenceStore) -> Iterator[FoundMatch]:
    """Go through the matches of an audit that its record does not list, in the order of the shards.

    Raises:
        NotRegisteredError: If this registry does not hold the datasets or scans.
        RegistryError: If the evidence is not here, or changed.
    """
    listed = {e.id for e in record.evidence}
    with units.read() as registry:
        kept = list(_kept_matches(record, registry, evidence))
    for dataset, matches in kept:
        for match in matches:
            key = match_id(dataset, match)
            if key not in listed:
                yield FoundMatch(id=key, dataset=dataset, match=match)


def _kept_matches(record: AuditRecord, registry: Registry, evidence: EvidenceStore) -> Iterator[tuple[str, KeptMatches]]:
    results = registry.scan_results(set(record.scans))
    if missing := set(record.scans) - set(results):
        raise NotRegisteredError(f"{len(missing)} scans of audit {record.id[:19]} are not in this registry", hint=_ELSEWHERE)
    scans = {(s.dataset, s.path, s.sha256): s.scan for s in record.shards if s.scan}
    by_shard: dict[str, list[str]] = {}
    for scan in record.scans:
        by_shard.setdefault(results[scan][0].shard, []).append(scan)
    for summary in record.datasets:
        name = summary.dataset.name
        for shard in registry.dataset_version(name, summary.root_digest).shards:
            known = scans.get((name, shard.path, shard.sha256))
            for scan in [known] if known else by_shard.get(shard.sha256, []):
                result, digest = results[scan]
                if result.matches:
                    yield name, KeptMatches(evidence, digest, shard.path)
