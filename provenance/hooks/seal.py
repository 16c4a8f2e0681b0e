"""Makes one run record of the notes of a run's processes, once none of them writes any more."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from provenance.canonical import MAX_SAFE_INTEGER
from provenance.clearance.keys import Signer
from provenance.clearance.run_record import EPOCHS, MAX_RECORD_BYTES, SealedRecord, parse_record, record_bytes
from provenance.clearance.strict_json import load_strict, parse_time, printable
from provenance.errors import RunRecordError
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks.journal import JOURNAL_FORMAT, JOURNAL_SUFFIX, JOURNAL_VERSION, MAX_NOTES, Sums
from provenance.hooks.run_folder import OWN_FOLDER, RECORD_FILE, RunIdentity, is_alive, read_bounded, read_identity, read_leaves, sealing, write_new
from provenance.model.absence import Absence, TriState
from provenance.model.training import PackageVersion, RecordGaps, RunEnd, RunRecord, ShardReads, Stop

MAX_LINE: Final = 64 << 20
MAX_JOURNAL: Final = 1 << 30
_ENDS: Final = (RunEnd.DENIED, RunEnd.FAILED, RunEnd.STOPPED)
"""Ends that any rank's word suffices for, the worst first."""


@dataclass(slots=True)
class ReadJournal:
    """What one process left."""

    rank: int
    world_size: int
    worker: bool
    began: str
    host: str
    last: str
    """The last sign of life."""
    sums: Sums = field(default_factory=Sums)
    ends: list[RunEnd] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    unseen: bool = False
    sees_all: bool = False
    torn: int = 0
    versions: set[tuple[str, str]] = field(default_factory=set)


def seal_run(folder: Path, *, signer: Signer | None = None, own: Path | None = None, whole: bool = False) -> SealedRecord:
    """Return a folder's run record; make it where it is not there yet, sign it where it is not signed yet and there is a signer.

    Args:
        folder: Where the run's processes kept their notes.
        signer: A recorder's key; without one the record stays as it is, or unsigned.
        own: Journal of this very process.
        whole: Make none yet where ranks left no notes: they may only be late.

    Raises:
        RunRecordError: If the run goes on, or the folder holds no notes of one run.
        EnvelopeFormatError: If the record that is there cannot be one.
    """
    with sealing(folder):
        target = folder / RECORD_FILE
        if target.exists():
            sealed = parse_record(read_bounded(target, MAX_RECORD_BYTES))
            if signer is None or sealed.envelope is not None:
                return sealed
            record = sealed.record
        else:
            record = merge(folder, own=own)
            if whole and record.gaps.missing_ranks:
                raise RunRecordError(
                    f"{len(record.gaps.missing_ranks)} rank(s) left no notes yet in {printable(str(folder))}", hint="provenance runs seal"
                )
        raw = record_bytes(record, signer)
        write_new(target, raw)
        return parse_record(raw)


def merge(folder: Path, *, own: Path | None = None) -> RunRecord:
    """Return what all notes of a folder add up to.

    Raises:
        RunRecordError: If the run goes on, or there are no notes of it.
    """
    identity = read_identity(folder)
    leaves = read_leaves(folder, identity)
    journals: list[ReadJournal] = []
    gone_on: list[Path] = []
    headless = 0
    for file in sorted(folder.glob(f"*{JOURNAL_SUFFIX}")):
        alive = file != own and is_alive(file)
        journal = read_journal(file, identity, shards=len(leaves))
        if alive and (journal is None or journal.worker or not journal.ends):
            gone_on.append(file)
        if journal is None:
            headless += 1
        else:
            journals.append(journal)
    if gone_on:
        raise RunRecordError(
            f"the run in {printable(str(folder))} goes on: {len(gone_on)} process(es) write to it, such as {printable(gone_on[0].name)}",
            hint="wait for its end, or end it; then: provenance runs seal",
        )
    if not journals:
        raise RunRecordError(f"{printable(str(folder))} holds no notes of a process", hint="name the folder that the run's recorder was given")
    return _record(identity, leaves, journals, headless)


def read_journal(file: Path, identity: RunIdentity, *, shards: int) -> ReadJournal | None:
    """Return what a journal says; ``None`` where a kill left not even its first line.

    Raises:
        RunRecordError: If it is another run's, or no journal of this version.
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        return None
    journal = _header(first, file, identity)
    if journal is None:
        return None
    for raw in lines:
        try:
            _take(journal, load_strict(raw, max_bytes=MAX_LINE), shards)
        except (ValueError, KeyError, TypeError, AttributeError):
            journal.torn += 1
    return journal


def _lines(file: Path) -> Iterator[bytes]:
    if file.stat().st_size > MAX_JOURNAL:
        raise RunRecordError(f"{printable(str(file))} has more than {MAX_JOURNAL:,} bytes: no recorder writes that")
    try:
        with file.open("rb") as stream:
            yield from (line for line in stream if line.strip())
    except OSError as err:
        raise RunRecordError(f"{printable(str(file))} cannot be read: {err.strerror or err}") from err


def _header(raw: bytes, file: Path, identity: RunIdentity) -> ReadJournal | None:
    where = printable(str(file))
    try:
        header = load_strict(raw, max_bytes=MAX_LINE)
    except ValueError as err:
        if not raw.endswith(b"\n"):
            return None
        raise RunRecordError(f"{where}: no journal of a run: {printable(str(err))}") from err
    if not isinstance(header, dict) or header.get("format") != JOURNAL_FORMAT or header.get("version") != JOURNAL_VERSION:
        raise RunRecordError(f"{where}: expected format {JOURNAL_FORMAT!r} version {JOURNAL_VERSION}")
    if header.get("run") != identity.id:
        raise RunRecordError(f"{where} is the journal of another run", hint=f"move it out; {OWN_FOLDER}")
    try:
        return _read_header(header)
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise RunRecordError(f"{where}: its first line cannot be read: {printable(str(err))}") from err


def _read_header(header: Mapping[str, Any]) -> ReadJournal:
    rank, world_size = _count(header["rank"]), _count(header["world_size"])
    if rank >= world_size:
        raise ValueError(f"rank {rank} of {world_size}")
    began = _time(header["began"])
    journal = ReadJournal(rank=rank, world_size=world_size, worker=header["worker"] is True, began=began, host=str(header["host"]), last=began)
    journal.sees_all = header["sees_all"] is True
    _take_versions(journal, header)
    return journal


def _take(journal: ReadJournal, line: Mapping[str, Any], shards: int) -> None:
    """Add one line. It is taken whole or not at all."""
    if "end" in line:
        end, at = RunEnd(line["end"]), _time(line["at"])
        journal.ends.append(end)
        _take_versions(journal, line)
    elif "stop" in line:
        at = _time(line["at"])
        journal.stops.append(Stop(at=at, reason=line["stop"].strip() or "no reason told"))
    elif "unseen" in line:
        at, journal.unseen = _time(line["at"]), True
    else:
        at = _take_sums(journal, line, shards)
    journal.last = max(journal.last, at)


def _take_sums(journal: ReadJournal, line: Mapping[str, Any], shards: int) -> str:
    to = _time(line["to"])
    if "total" in line:
        reads = [(_shard(shard, shards), _count(size), _time(first), _time(last)) for shard, size, first, last in line["total"]]
    else:
        since = _time(line["from"])
        reads = [(_shard(int(shard), shards), _count(size), since, to) for shard, size in line.get("reads", {}).items()]
    if any(not first <= last <= to for _, _, first, last in reads):
        raise ValueError("times run backwards")
    step, epoch = _count(line.get("step", 0)), line.get("epoch", "")
    if epoch and not EPOCHS.fullmatch(epoch):
        raise ValueError(f"{epoch!r:.40} is no number of passes")
    for shard, size, first, last in reads:
        journal.sums.add(shard, size, first, last)
    journal.sums.step, journal.sums.epoch = max(journal.sums.step, step), epoch or journal.sums.epoch
    return to


def _take_versions(journal: ReadJournal, line: Mapping[str, Any]) -> None:
    journal.versions |= {(str(name)[:80], str(version)[:80]) for name, version in line["versions"].items()}


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER:
        raise ValueError(f"{value!r:.40} is no number of anything")
    return value


def _shard(value: object, shards: int) -> int:
    number = _count(value)
    if number >= shards:
        raise ValueError(f"there is no shard {number}")
    return number


def _time(value: object) -> str:
    parse_time(value, where="time")
    return str(value)


def _record(identity: RunIdentity, leaves: tuple[ShardLeaf, ...], journals: list[ReadJournal], headless: int) -> RunRecord:
    total = Sums()
    for journal in journals:
        for shard, (size, first, last) in journal.sums.reads.items():
            total.add(shard, size, first, last)
    world_size = max(j.world_size for j in journals)
    ends = _rank_ends(journals)
    gaps = RecordGaps(
        torn_lines=sum(j.torn for j in journals) + headless,
        missing_ranks=tuple(r for r in range(world_size) if r not in ends),
        unended_ranks=tuple(sorted(r for r, end in ends.items() if end is None)),
    )
    began = min(identity.began, *(j.began for j in journals), *(known[1] for known in total.reads.values()))
    return RunRecord(
        id=identity.id,
        clearance=identity.clearance,
        audit=identity.audit,
        run_digest=identity.run_digest,
        manifest_root=identity.manifest_root,
        framework=identity.framework,
        versions=tuple(PackageVersion(name=n, version=v) for n, v in sorted(set().union(*(j.versions for j in journals)))),
        hosts=tuple(sorted({j.host for j in journals if j.host})) or (Absence.NOT_STATED.value,),
        world_size=world_size,
        processes=len(journals),
        began=began,
        ended=max(began, *(j.last for j in journals)),
        end=_end(ends, journals, gaps),
        steps=max(j.sums.step for j in journals),
        epochs=_epochs(journals),
        shards=tuple(_reads(leaf, total.reads.get(i)) for i, leaf in enumerate(leaves)),
        unseen=_unseen(journals, gaps),
        stops=tuple(sorted({s for j in journals for s in j.stops}, key=lambda s: (s.at, s.reason)))[:MAX_NOTES],
        gaps=gaps,
    )


def _reads(leaf: ShardLeaf, known: list[Any] | None) -> ShardReads:
    size, first, last = known or (0, None, None)
    return ShardReads(
        path=leaf.path, sha256=leaf.sha256, size_bytes=leaf.size_bytes, bytes_read=min(size, MAX_SAFE_INTEGER), first_read=first, last_read=last
    )


def _rank_ends(journals: Iterable[ReadJournal]) -> dict[int, RunEnd | None]:
    """Return how the last attempt of each rank ended, ``None`` where it did not tell."""
    found: dict[int, RunEnd | None] = {}
    for journal in sorted((j for j in journals if not j.worker), key=lambda j: (j.began, bool(j.ends))):
        found[journal.rank] = journal.ends[0] if journal.ends else None
    return found


def _end(ends: Mapping[int, RunEnd | None], journals: Iterable[ReadJournal], gaps: RecordGaps) -> RunEnd | Absence:
    """Return how the run ended: the worst that a rank told, or a worker that was denied; completed only where every rank says so."""
    told = {*ends.values(), *(end for j in journals if j.worker for end in j.ends if end is RunEnd.DENIED)}
    worst = next((end for end in _ENDS if end in told), None)
    if worst is not None:
        return worst
    whole = told == {RunEnd.COMPLETED} and not gaps.missing_ranks
    return RunEnd.COMPLETED if whole else Absence.UNKNOWN


def _epochs(journals: Iterable[ReadJournal]) -> str:
    told = [j.sums.epoch for j in journals if j.sums.epoch]
    return max(told, key=float) if told else Absence.UNKNOWN.value


def _unseen(journals: list[ReadJournal], gaps: RecordGaps) -> TriState:
    """Tell whether reads went by unseen: certain where steps were made and no read was seen, excluded only where every process vouches and nothing is missing."""
    if any(j.unseen for j in journals) or (any(j.sums.step for j in journals) and not any(j.sums.reads for j in journals)):
        return TriState.YES
    return TriState.NO if all(j.sees_all for j in journals) and not gaps.any else TriState.UNKNOWN


def sealed_in(folder: Path) -> SealedRecord | None:
    """Return the record that a folder holds, ``None`` where it is not sealed.

    Raises:
        RunRecordError: If it cannot be read.
        EnvelopeFormatError: If it is none.
    """
    target = folder / RECORD_FILE
    return parse_record(read_bounded(target, MAX_RECORD_BYTES)) if os.path.lexists(target) else None
