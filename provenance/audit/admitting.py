"""Say which waivers count in an audit: those of the run's file and those of the registry, each id once, signatures verified where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.clearance.approval import approval_fault
from provenance.clearance.revocation import RevocationList
from provenance.clearance.trust import Trust
from provenance.errors import WaiverError
from provenance.fingerprint.persons import is_same_person
from provenance.model.absence import is_absent
from provenance.model.finding import SubjectKind, Waiver
from provenance.model.waiving import RecordedWaiver, SignedWaiver
from provenance.policy.facts import Facts

UNSIGNED = "nobody signed it, and provenance.toml says require_signed_waivers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """By what signatures of waivers are judged."""

    trust: Trust | None
    """``None`` where there is no trust file: then no signature can be verified."""
    now: str
    required: bool = False
    """Waivers that nobody signed do not count."""
    revocations: RevocationList | None = None

    def fault(self, item: SignedWaiver) -> str | None:
        """Return why a waiver does not count, or ``None`` if nothing is wrong with its signature, or it needs none."""
        if item.signature is None:
            return UNSIGNED if self.required else None
        if self.trust is None:
            return "it is signed, and there is no trust file that says whose key that is"
        return approval_fault(item.waiver, item.signature, self.trust, self.now, revocations=self.revocations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The waivers of a run."""

    waivers: tuple[Waiver, ...] = ()
    """All that are named, each id once: the file's first, then the registry's."""
    refused: tuple[tuple[str, str], ...] = ()
    """(id, why) of those that do not count."""
    recorded: tuple[RecordedWaiver, ...] = ()
    """Those of them that the registry alone holds: they may be of other runs."""

    @property
    def holding(self) -> tuple[Waiver, ...]:
        """Those that were not refused."""
        gone = dict(self.refused)
        return tuple(w for w in self.waivers if w.id not in gone)

    def refused_for(self, asked_by: str) -> dict[str, str]:
        """Return why waivers do not count in a run, by id: they were refused, or whoever asked for the run approved them."""
        own = {} if is_absent(asked_by.strip()) else {w.id: w for w in self.waivers if is_same_person(asked_by, w.approved_by)}
        return {name: f"{w.approved_by} approved it, and asked for the run" for name, w in own.items()} | dict(self.refused)

    def doubtful(self, facts: Facts) -> dict[str, str]:
        """Return why waivers of shards do not count, by id, where several datasets of the run hold that file: none says of which it is."""
        named = {w.subject: set[str]() for w in self.waivers if w.subject.kind is SubjectKind.SHARD}
        for item in facts.shards if named else ():
            if item.subject in named:
                named[item.subject].add(item.dataset)
        return {
            w.id: f"{' and '.join(sorted(held))} hold {w.subject.id}, and it does not say in which of them it is waived"
            for w in self.waivers
            if len(held := named.get(w.subject, set())) > 1
        }

    def elsewhere(self, facts: Facts, rules: Iterable[str]) -> frozenset[str]:
        """Return the ids of the registry's waivers that name nothing of a run: they are of other runs."""
        kinds = {
            SubjectKind.DATASET: facts.datasets,
            SubjectKind.SHARD: facts.shards,
            SubjectKind.DOMAIN: facts.domains,
            SubjectKind.RUN: (facts.run,),
        }
        subjects = {(kind, item.subject.id) for kind, items in kinds.items() for item in items}
        datasets, known = {item.subject.id for item in facts.datasets}, set(rules)
        return frozenset(w.waiver.id for w in self.recorded if w.waiver.rule not in known or not _concerns(w, subjects, datasets))


def _concerns(recorded: RecordedWaiver, subjects: set[tuple[SubjectKind, str]], datasets: set[str]) -> bool:
    subject = recorded.waiver.subject
    if subject.kind is SubjectKind.MATCH:
        return not recorded.dataset or recorded.dataset in datasets
    return (subject.kind, subject.id) in subjects


def admit(in_file: Sequence[SignedWaiver], recorded: Sequence[RecordedWaiver], verifier: Verifier) -> Admitted:
    """Return the waivers that an audit has to do with.

    Args:
        in_file: Of the run's file, each id once.
        recorded: Those of the registry that were not withdrawn.
        verifier: Judges signatures.

    Raises:
        WaiverError: If file and registry give one id to two different waivers.
    """
    known = {item.waiver.id: item for item in in_file}
    alone: list[RecordedWaiver] = []
    for item in recorded:
        other = known.get(item.waiver.id)
        if other is None:
            alone.append(item)
        elif other.waiver != item.waiver:
            raise WaiverError(
                f"{other.origin}: waiver {item.waiver.id!r} is recorded in the registry too, and says something else there",
                hint=f"give one of them another id, or withdraw the recorded one: provenance waivers withdraw {item.waiver.id} --reason WHY",
            )
        known[item.waiver.id] = item.signed  # of two equal ones, that of the registry, which the log vouches for
    faults = {name: fault for name, item in known.items() if (fault := verifier.fault(item)) is not None}
    return Admitted(waivers=tuple(item.waiver for item in known.values()), refused=tuple(sorted(faults.items())), recorded=tuple(alone))
