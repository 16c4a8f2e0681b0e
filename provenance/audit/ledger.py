"""What an audit keeps of matches while they are judged one by one: the ones worth showing, and what rules find, each with its match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.audit.findings import Seen
from provenance.audit.matches import JudgedMatch
from provenance.best import Best
from provenance.model.audit import MatchFinding
from provenance.model.finding import Action
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.policy.engine import Judging
from provenance.policy.judges import Found
from provenance.ports.evidence import FindingsWriter

MATCHES_LISTED = 20_000
"""Alarms listed in a record; beyond it they stand in the evidence files only, and the record's limits say so."""
EXPLAINED_LISTED = 200
FoundAs = tuple[ReferenceKind, Found]
"""What a rule finds fault with in a match, and the kind of reference that it looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A match for the record."""

    id: str
    dataset: str
    match: Match
    reference: ReferenceRecord
    is_found: bool
    """A rule finds fault with it."""


class MatchLedger:
    """Takes matches with what rules find of them."""

    def __init__(self, writer: FindingsWriter, *, alarms_listed: int = MATCHES_LISTED, explained_listed: int = EXPLAINED_LISTED) -> None:
        """Hold none.

        Args:
            writer: Takes every finding.
            alarms_listed: Alarms that are worth showing.
            explained_listed: Explained matches that are.
        """
        self._writer = writer
        self.with_findings = 0
        """Matches that a rule finds fault with."""
        self.records: Counter[str] = Counter()
        """Of each dataset, the records to leave out for the findings that count towards the verdict."""
        self._alarms: Best[Shown] = Best(alarms_listed)
        self._explained: Best[Shown] = Best(explained_listed)
        self._seen: dict[tuple[str, str], Seen] = {}

    def take(self, item: JudgedMatch, found: Sequence[FoundAs]) -> None:
        """Take the next match."""
        match = item.match
        pending = [f for _, f in found if f.waiver is None]
        best, key = (self._explained if match.explained else self._alarms), (not pending and not match.explained, -match.aligned_words, item.id)
        if best.accepts(key):
            best.add(key, Shown(id=item.id, dataset=item.dataset, match=match, reference=item.judgements[0].reference, is_found=bool(found)))
        if not found:
            return
        self.with_findings += 1
        self._writer.add([_row(item, kind, f) for kind, f in found])
        if any(f.action is not Action.WARN for f in pending):
            self.records[item.dataset] += self._seen.setdefault((item.dataset, match.path), Seen()).add(match.record)

    def shown(self) -> list[Shown]:
        """Return the matches worth showing: alarms, those behind open findings first and of these the longest, then some of the explained."""
        return [*self._alarms.items(), *self._explained.items()]


def judge_matches(matches: Iterable[JudgedMatch], judging: Judging, ledger: MatchLedger) -> None:
    """Judge every match, and write down what comes of it."""
    for item in matches:
        found = [(j.kind, f) for j, facts in zip(item.judgements, item.facts, strict=True) for f in judging.take(facts)]
        ledger.take(item, found)


def _row(item: JudgedMatch, judged_as: ReferenceKind, found: Found) -> MatchFinding:
    return MatchFinding(
        rule=found.rule, outcome=found.outcome, waiver=found.waiver or "", dataset=item.dataset, judged_as=judged_as, match=item.match
    )
