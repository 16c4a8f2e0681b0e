"""Where ``provenance matches`` takes matches from: the record of an audit and the evidence behind it, or the current scans of the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.output import counted, say, visible
from provenance.errors import InputError, NotRegisteredError, ProvenanceError
from provenance.model.audit import AuditRecord, MatchEvidence
from provenance.model.finding import Finding
from provenance.model.match import MatchText
from provenance.model.reference import ReferenceRecord
from provenance.model.wire import to_wire

if TYPE_CHECKING:
    from provenance.audit.browse import FoundMatch
    from provenance.audit.scan import Finders
    from provenance.audit.scanned_matches import ScannedMatches


class MatchSource(Protocol):
    """Gives matches, with their words where these are asked for."""

    def go_through(self, finding: str | None) -> Iterator[FoundMatch]:
        """Go through all matches, or those behind a finding or rule."""

    def named(self, match_id: str) -> Iterator[FoundMatch]:
        """Go through the matches whose ids begin so."""

    def as_json(self, found: Iterable[FoundMatch]) -> Iterator[object]:
        """Go through the wire form of matches; reference and words are null where they would have to be read again."""

    def with_words(self, page: Sequence[FoundMatch]) -> list[MatchEvidence]:
        """Return matches with their words."""


def find_source(ctx: CommandContext, audit: str, *, scans: bool, against: Sequence[str]) -> MatchSource:
    """Return what a command is about.

    Args:
        ctx: The command.
        audit: The audit that is named.
        scans: Whether current scans are meant instead.
        against: Reference sets of these scans; all sets where none is named.
    """
    if not scans:
        if against:
            raise click.UsageError("--against says which scans are meant: give --scans too")
        try:
            return AuditSource(ctx, load_audit(ctx, audit))
        except NotRegisteredError as err:
            raise NotRegisteredError(str(err), hint=f"{err.hint}; for scans without an audit add --scans") from err
    if audit != LATEST:
        raise click.UsageError("give an AUDIT or --scans, not both")
    return ScanSource(ctx, tuple(name for given in against for name in given.split(",")))


class AuditSource:
    """The matches of an audit. The workspace is opened only for what its record does not hold."""

    def __init__(self, ctx: CommandContext, record: AuditRecord) -> None:
        """Take the record."""
        self._ctx, self._record = ctx, record

    def go_through(self, finding: str | None) -> Iterator[FoundMatch]:
        """Go through the matches: those in the record first, the longest before the others."""
        from provenance.audit.browse import FoundMatch, behind_in_record, find_behind, find_unlisted

        record = self._record
        chosen = None if finding is None else self._chosen(finding)
        behind = None if chosen is None else behind_in_record(record, chosen)
        yield from (FoundMatch(id=e.id, dataset=e.dataset, match=e.match) for e in record.evidence if behind is None or e.id in behind)
        if chosen is not None and record.match_findings:
            yield from find_behind(record, chosen, self._ctx.workspace().evidence)
        elif chosen is None and record.totals.matches > len(record.evidence):
            workspace = self._ctx.workspace()
            yield from find_unlisted(record, workspace.units, workspace.evidence)

    def named(self, match_id: str) -> Iterator[FoundMatch]:
        """Go through the matches whose ids begin so: in the record, and only where none of these does, in the evidence."""
        key, none_yet = match_id.removeprefix("sha256:"), True
        listed = len(self._record.evidence)
        for place, item in enumerate(self.go_through(None)):
            if place >= listed and not none_yet:
                return
            if item.id.removeprefix("sha256:").startswith(key):
                none_yet = False
                yield item

    def as_json(self, found: Iterable[FoundMatch]) -> Iterator[object]:
        """Go through matches as the record has them; of the others, the reference and the words are null."""
        known = self._known
        return (known.get(m.id) or {**to_wire(m), "reference": None, "text": None} for m in found)

    def with_words(self, page: Sequence[FoundMatch]) -> list[MatchEvidence]:
        """Return matches with their words: those that the record does not hold are read again where shards and references are still the same."""
        known = self._known
        without = [m for m in page if m.id not in known or known[m.id].text is None]
        texts: Mapping[str, MatchText] = {}
        references: dict[tuple[str, str], ReferenceRecord] = {(e.match.reference_set, e.reference.id): e.reference for e in self._record.evidence}
        if without:
            try:
                texts, more = self._read_again(without)
                references.update(more)
            except ProvenanceError as err:
                say(f"words cannot be read again: {visible(str(err))}", err=True)
        items = []
        for m in page:
            reference = references.get((m.match.reference_set, m.match.reference)) or ReferenceRecord(id=m.match.reference, kind=m.match.kind)
            item = known.get(m.id) or MatchEvidence(id=m.id, dataset=m.dataset, match=m.match, reference=reference, text=None)
            items.append(replace(item, text=texts.get(m.id, item.text)))
        return items

    @cached_property
    def _known(self) -> dict[str, MatchEvidence]:
        return {e.id: e for e in self._record.evidence}

    def _chosen(self, wanted: str) -> list[Finding]:
        key = wanted.removeprefix("sha256:")
        return [f for f in self._record.findings if f.rule == wanted or f.id.removeprefix("sha256:").startswith(key)]

    def _read_again(self, found: Sequence[FoundMatch]) -> tuple[Mapping[str, MatchText], Mapping[tuple[str, str], ReferenceRecord]]:
        from provenance.audit.words import read_words

        workspace, record = self._ctx.workspace(), self._record
        names = [r.name for r in record.references]
        if [r.digest for r in workspace.reference_summaries(names)] != [r.digest for r in record.references]:
            raise NotRegisteredError("the references are not those of the audit any more")
        matcher = workspace.matcher(names)
        texts = read_words(record, found, matcher, workspace.tools(self._ctx.progress(), self._ctx.actor))
        return texts, {(m.match.reference_set, m.match.reference): matcher.reference(m.match.reference_set, m.match.reference) for m in found}


class ScanSource:
    """The matches of the workspace's current scans."""

    def __init__(self, ctx: CommandContext, against: tuple[str, ...]) -> None:
        """Find the scans, and say where some shards have none.

        Raises:
            InputError: If there is no reference set.
            NotRegisteredError: If no shard has a current scan.
        """
        from provenance.audit.scan import Finders
        from provenance.audit.scanned_matches import ScannedMatches

        workspace = ctx.workspace()
        names = against or tuple(s.name for s in workspace.references.sets())
        if not names:
            raise InputError("there is no reference set, so nothing was compared", hint="make one: provenance reference add NAME FILES… --kind work")
        tools = workspace.tools(ctx.progress(), ctx.actor)
        self._finders: Finders = Finders(workspace.matcher(names), tools.suspects)
        self._found: ScannedMatches = ScannedMatches(self._finders, tools)
        if not self._found.scanned:
            raise NotRegisteredError(
                f"no shard has a current scan against {', '.join(names)}",
                hint="run: provenance scan; or name the sets of earlier scans with --against",
            )
        if self._found.scanned < self._found.shards:
            missing = self._found.shards - self._found.scanned
            say(f"{counted(missing, 'shard')} of {self._found.shards} not scanned against {', '.join(names)}: their matches are not known", err=True)

    def go_through(self, finding: str | None) -> Iterator[FoundMatch]:
        """Go through the matches in the order of datasets and shards."""
        if finding is not None:
            raise click.UsageError("findings are of audits: leave out --finding or --scans")
        return iter(self._found)

    def named(self, match_id: str) -> Iterator[FoundMatch]:
        """Go through the matches whose ids begin so."""
        key = match_id.removeprefix("sha256:")
        return (m for m in self._found if m.id.removeprefix("sha256:").startswith(key))

    def as_json(self, found: Iterable[FoundMatch]) -> Iterator[object]:
        """Go through matches with their references; the words are null."""
        return ({**to_wire(m), "reference": to_wire(self._reference(m)), "text": None} for m in found)

    def with_words(self, page: Sequence[FoundMatch]) -> list[MatchEvidence]:
        """Return matches with the words of shards that are still what was scanned."""
        texts = self._found.words(page)
        return [MatchEvidence(id=m.id, dataset=m.dataset, match=m.match, reference=self._reference(m), text=texts.get(m.id)) for m in page]

    def _reference(self, found: FoundMatch) -> ReferenceRecord:
        return self._finders.matcher.reference(found.match.reference_set, found.match.reference)
