"""Plain PyTorch: datasets that read registered shards alone, and stop the run at the read at which one has changed.

``guard(...)`` takes what a script would have read and gives back what it may read. Workers of a ``DataLoader``, forked or started afresh, read through the same guard: a
denial in one of them ends the training script with exit code 77. See ``provenance.hooks.guard`` for what is checked when.
"""

from __future__ import annotations

import io
import json
import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import PurePath
from typing import Any, BinaryIO, Final, Unpack

from provenance.errors import LocationError
from provenance.hooks.gate import GateOptions, PathText
from provenance.hooks.guard import Guard
from provenance.hooks.guarded_file import ShardFile
from provenance.hooks.observe import RunObserver

try:
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ImportError as err:
    raise ImportError("provenance.hooks.torch needs the torch package: pip install torch") from err

Read = Callable[[BinaryIO], Sequence[Any]]
"""Makes records of an open shard."""
JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
TEXT: Final = frozenset({".txt", ".md", ".text"})
READ_HINT: Final = "give read=..., a function that takes the open shard (bytes) and returns its records"
OPEN_SHARDS: Final = 64
"""How many shards a dataset holds open for reading lines."""
UNSEEN_HINT: Final = "give the paths of the shards, or have the dataset read through provenance.hooks.guard.Guard.open"


def guard(
    data: PathText | Sequence[PathText] | object | None = None,
    *,
    clearance: PathText,
    read: Read | None = None,
    observer: RunObserver | None = None,
    denial_json: PathText | None = None,
    **options: Unpack[GateOptions],
) -> Any:
    """Pass the gate, and return a dataset of which every record comes from registered shards.

    Args:
        data: Paths of shards, or one: becomes a ``GuardedDataset``; all of the clearance's shards where not given. A dataset of the ``datasets`` package is
            returned as it is, once it has been traced to registered shards.
        clearance: ``X.clearance.json``.
        read: Makes records of an open shard; see ``GuardedDataset``.
        observer: Told of every read.
        denial_json: File for a denial as JSON.
        **options: See ``provenance.hooks.gate.GateOptions``.

    Raises:
        TrainingBlocked: If training may not start, if some path was not registered, or if nobody can tell what a dataset reads.
    """
    guarded = Guard.enter(clearance, observer=observer, denial_json=denial_json, **options)
    if isinstance(data, GuardedDataset | GuardedIterableDataset):
        if data.guarded.passed.clearance != guarded.passed.clearance:
            return guarded.refuse(["the dataset is guarded under another clearance"], hint="make it of the guard of this clearance")
        return data
    if data is None or isinstance(data, str | PurePath):
        return GuardedDataset(guarded, None if data is None else [data], read=read)
    if isinstance(data, Sequence) and all(isinstance(path, str | PurePath) for path in data) and not hasattr(data, "__getitems__"):
        return GuardedDataset(guarded, list(data), read=read)
    if type(data).__module__.partition(".")[0] == "datasets":
        from provenance.hooks.datasets import check_datasets

        check_datasets(guarded, data)
        return data
    return guarded.refuse([f"nobody can tell what a {type(data).__qualname__} reads"], hint=UNSEEN_HINT)


class GuardedDataset(Dataset[Any]):
    """The records of registered shards, by number: in the order of the paths, then of the records in a shard.

    A shard of JSON Lines gives one object a line that is not blank, a text file one text. For others ``read`` makes records of the open file.
    Lines are read when they are asked for, and each read is checked; what ``read`` returned is kept in memory, at most ``keep`` shards of it, a copy that no later
    change of the file reaches.
    """

    def __init__(self, guarded: Guard, paths: Sequence[PathText] | None = None, *, read: Read | None = None, keep: int | None = None) -> None:
        """Read every shard once, to count its records.

        Args:
            guarded: Opens shards.
            paths: Some of them; all where not given.
            read: Makes records of an open shard.
            keep: Shards whose records stay in memory where ``read`` is given; all where not given.

        Raises:
            TrainingBlocked: If a path was not registered, or does not hold the registered bytes.
            LocationError: If a shard is neither JSON Lines nor text and ``read`` is not given.
        """
        self.guarded = guarded
        self._read = read
        self._keep = keep
        self._paths = _placed(guarded, paths, read)
        self._starts: list[array[int]] = []
        self._firsts = array("q")
        self._is_text = [_is_text(path) for path in self._paths]
        self._begin()
        total = 0
        for number, path in enumerate(self._paths):
            self._firsts.append(total)
            self._starts.append(array("q") if self._records is not None else self._line_starts(path))
            total += len(self._records(number)) if self._records is not None else len(self._starts[-1]) // 2
        self._total = total

    def __len__(self) -> int:
        """Return the number of records."""
        return self._total

    def __getitem__(self, index: int) -> Any:
        """Return a record.

        Raises:
            TrainingBlocked: If its shard has changed.
            IndexError: If there is no such record.
        """
        if index < 0:
            index += self._total
        if not 0 <= index < self._total:
            raise IndexError(f"record {index} of {self._total}")
        shard = _last_at_most(self._firsts, index)
        return self._record(shard, index - self._firsts[shard])

    def __getstate__(self) -> dict[str, Any]:
        """Return what a worker that is started afresh needs: it reads for itself."""
        return {name: value for name, value in self.__dict__.items() if name not in {"_records", "_open"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what ``__getstate__`` gave."""
        self.__dict__.update(state)
        self._begin()

    def _begin(self) -> None:
        # Named by type: what ``lru_cache`` returns takes anything, and a call with other arguments would pass the type checker.
        kept = (
            None if self._read is None else lru_cache(maxsize=self._keep)(partial(self._load, self._read))
        )  # by shard alone: functions need no hash
        self._records: Callable[[int], Sequence[Any]] | None = kept
        self._open: Callable[[str], ShardFile | BinaryIO] = lru_cache(maxsize=OPEN_SHARDS)(self._open_raw)

    def _open_raw(self, path: str) -> ShardFile | BinaryIO:
        return self.guarded.open_raw(path)

    def _load(self, read: Read, shard: int) -> Sequence[Any]:
        with self.guarded.open(self._paths[shard]) as file:
            return list(read(file))

    def _record(self, shard: int, number: int) -> Any:
        if self._records is not None:
            return self._records(shard)[number]
        path, starts = self._paths[shard], self._starts[shard]
        raw = _read_at(self._open(path), starts[2 * number], starts[2 * number + 1])
        return raw.decode("utf-8") if self._is_text[shard] else json.loads(raw)

    def _line_starts(self, path: str) -> array[int]:
        """Return start and size of each record, by turns."""
        found, at = array("q"), 0
        if _is_text(path):
            return array("q", [0, self.guarded.shard_of(path).size_bytes])
        with self.guarded.open(path) as file:
            for line in file:
                if not line.isspace():
                    found.extend((at, len(line)))
                at += len(line)
        return found


class GuardedIterableDataset(IterableDataset[Any]):
    """The records of registered shards in the order of the paths, each read by one worker of one rank.

    With at least as many shards as readers (ranks times workers), each reader takes whole shards, every so-manieth; with fewer, each reader reads all shards and takes every
    so-manieth record. Ranks are those of the running ``torch.distributed`` group. Readers may come to different numbers of records.
    """

    def __init__(self, guarded: Guard, paths: Sequence[PathText] | None = None, *, read: Read | None = None) -> None:
        """Take shards.

        Args:
            guarded: Opens shards.
            paths: Some of them; all where not given.
            read: Makes records of an open shard; see ``GuardedDataset``. It may be a generator function.

        Raises:
            TrainingBlocked: If a path was not registered.
            LocationError: If a shard is neither JSON Lines nor text and ``read`` is not given.
        """
        self.guarded = guarded
        self._read = read
        self._paths = _placed(guarded, paths, read)
        self._rank = _rank_and_world()

    def __iter__(self) -> Iterator[Any]:
        """Return this reader's records, read as they are asked for.

        Raises:
            TrainingBlocked: At the read at which a shard has changed.
        """
        reader, readers = self._reader()
        if len(self._paths) >= readers:
            return chain.from_iterable(map(self._shard, self._paths[reader::readers]))
        return islice(chain.from_iterable(map(self._shard, self._paths)), reader, None, readers)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a worker that is started afresh needs: it sees no process group, so the rank is told now."""
        return self.__dict__ | {"_rank": self._group()}

    def _group(self) -> tuple[int, int]:
        """Return rank and number of ranks: as they are now, or as they were when this was made where a worker sees none."""
        now = _rank_and_world()
        return now if now != (0, 1) else self._rank

    def _reader(self) -> tuple[int, int]:
        """Return which reader this process is, and of how many."""
        rank, world = self._group()
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        return rank * workers + number, world * workers

    def _shard(self, path: str) -> Iterator[Any]:
        # In one piece: each generator that a record is passed on by costs as much as finding its line.
        with self.guarded.open(path) as file:
            if self._read is not None:
                yield from self._read(file)
            elif _is_text(path):
                yield file.read().decode("utf-8")
            else:
                for line in file:
                    if not line.isspace():
                        yield json.loads(line)


def _placed(guarded: Guard, paths: Sequence[PathText] | None, read: Read | None) -> list[str]:
    """Return where the shards lie that were named."""
    places = guarded.paths() if paths is None else [guarded.place_of(path) for path in paths]
    for place in places:
        if read is None and PurePath(place).suffix.lower() not in JSON_LINES | TEXT:
            raise LocationError(f"{place}: neither JSON Lines nor text, so its records are not known", hint=READ_HINT)
    return places


def _is_text(path: str) -> bool:
    return PurePath(path).suffix.lower() in TEXT


def _read_at(file: ShardFile | BinaryIO, offset: int, size: int) -> bytes:
    if isinstance(file, ShardFile):
        return file.read_at(offset, size)
    file.seek(offset, io.SEEK_SET)
    return file.read(size)


def _last_at_most(ascending: Sequence[int], value: int) -> int:
    """Return the place of the last entry that is not above a value."""
    return bisect_right(ascending, value) - 1


def _rank_and_world() -> tuple[int, int]:
    """Return this process's rank and how many there are, by a running process group; never by the environment."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 0, 1
    return int(distributed.get_rank()), int(distributed.get_world_size())
