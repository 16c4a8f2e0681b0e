"""Document sketches of reference sets to datasketch's indexes and back: ``MinHashLSH`` in memory or on Redis, ``MinHashLSHEnsemble``, pickled lists.

The sketches are those that the near-duplicate stage uses: of word 5-grams, numbers of list items left out. Query an exported index with sketches made by
``sketch_texts``; those of another tokeniser have other values, and nothing in them shows it.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from provenance.errors import ConfigError, FingerprintError, SchemeMismatchError
from provenance.fingerprint.interop import DATASKETCH_SCHEME, from_minhashes, to_lean_minhash
from provenance.fingerprint.lsh import BANDS, ROWS
from provenance.fingerprint.scheme import NUM_PERM, SEED
from provenance.fingerprint.tokens import SCHEME as TOKEN_SCHEME
from provenance.matching.build import as_buffers
from provenance.matching.pack import sample_words, sketch_sampled
from provenance.matching.params import IndexParams
from provenance.matching.score import SHINGLE
from provenance.matching.words import read_words

if TYPE_CHECKING:
    from datasketch import LeanMinHash, MinHashLSH, MinHashLSHEnsemble

    from provenance.matching.index import ReferenceStore

_RULES = IndexParams(tokens=TOKEN_SCHEME)
SKETCH_SCHEME = f"{TOKEN_SCHEME}/{_RULES.lists}/{_RULES.escapes}/window{SHINGLE}/{DATASKETCH_SCHEME}-{NUM_PERM}-seed{SEED}"
"""Name of these sketches: only sketches of one name can be compared."""
_FETCHED = 10_000
"""Keys asked for at a time."""
_BROKEN_PICKLE = (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error, MemoryError)
StorageConfig = Mapping[str, Any]
"""As datasketch takes it: ``{"type": "redis", "basename": b"references", "redis": {"host": "localhost", "port": 6379}}``."""


@dataclass(frozen=True, slots=True)
class KeyedSketches:
    """Sketches by key. Only those of one rate can be compared.

    Shapes:
        sketches: (n, 128) uint32.
        sizes: (n,) int64, distinct 5-grams behind each; 0 where that is not known, as in what an index gives back.
    """

    keys: tuple[Hashable, ...]
    sketches: NDArray[np.uint32]
    sizes: NDArray[np.int64]
    one_in: int = 1
    """They are of one 5-gram in so many, chosen by hash: those of packs, which hold no others."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.keys)


def sketch_set(store: ReferenceStore, name: str) -> KeyedSketches:
    """Return the sketches of a reference set by reference id. References of fewer than five words have none and are left out.

    Of a set made of packs they are sketches of the sampled 5-grams: compare them with ``sketch_texts(…, one_in=…)``.

    Raises:
        ReferenceIndexError: If there is no such set, or it is damaged.
        SchemeMismatchError: If its segments are sampled at several rates.

    Cost: a pass over the set's words, for the sizes.
    """
    segments = store.open([name]).segments
    rates = sorted({segment.sampled for segment in segments}) or [1]
    if len(rates) > 1:
        raise SchemeMismatchError(
            f"reference set {name!r} holds texts and packs, or packs of several rates: one in {rates}", hint="use one set for each"
        )
    keys: list[Hashable] = []
    sizes: list[int] = []
    for segment in segments:
        segment.check()
        refs = segment.sketch_refs.tolist()
        keys += [segment.read_record(ref).id for ref in refs]
        sizes += [len(segment.shingles(ref)) for ref in refs]
    sketches = np.concatenate([np.empty((0, NUM_PERM), np.uint32), *(segment.sketches for segment in segments)])
    return KeyedSketches(tuple(keys), sketches, np.array(sizes, dtype=np.int64), rates[0])


def sketch_texts(texts: Mapping[str, str], *, one_in: int = 1) -> KeyedSketches:
    """Return the sketches of texts by their names, comparable with those of sets. Texts of fewer than five words have none and are left out.

    Args:
        texts: Text by name.
        one_in: To compare with a pack: its rate. Texts of which no 5-gram is sampled are left out.
    """
    read = read_words(*as_buffers(list(texts.values())))
    hashes, places = sample_words(read.words, read.offsets, one_in)
    bounds = np.searchsorted(places, read.offsets)
    rows = np.flatnonzero(np.diff(bounds))
    sizes = [len(np.unique(hashes[bounds[row] : bounds[row + 1]])) for row in rows.tolist()]
    names = list(texts)
    sketches = sketch_sampled(hashes, bounds[np.append(rows, len(names))])
    return KeyedSketches(tuple(names[row] for row in rows.tolist()), sketches, np.array(sizes, dtype=np.int64), one_in)


def iter_lean(given: KeyedSketches) -> Iterator[tuple[Hashable, LeanMinHash]]:
    """Yield each key with its sketch as a ``datasketch.LeanMinHash``."""
    for key, sketch in zip(given.keys, given.sketches, strict=True):
        yield key, to_lean_minhash(sketch)


def to_lsh(given: KeyedSketches, *, threshold: float | None = None, storage_config: StorageConfig | None = None) -> MinHashLSH:
    """Return a ``datasketch.MinHashLSH`` that holds the sketches, or add them to the one that a storage holds.

    Args:
        given: What to insert.
        threshold: Jaccard similarity that datasketch tunes its bands for; by default 32 bands of 4 rows, as in ``fingerprint.lsh``. Who opens the same storage
            with datasketch alone gives the same: ``MinHashLSH(num_perm=128, params=(32, 4), storage_config=…)``. Only with these can ``from_lsh`` read all back.
        storage_config: Where it is kept; in memory by default. On Redis datasketch keeps keys as pickles: open a storage only if you trust who writes to it.

    Raises:
        ConfigError: If the storage is Redis and its client is not installed.
        FingerprintError: If the storage holds one of the keys already, which leaves it as it was, cannot be reached, or datasketch refuses a parameter.
    """
    from datasketch import MinHashLSH

    _require_client(storage_config)
    bands = {"params": (BANDS, ROWS)} if threshold is None else {"threshold": threshold}
    try:
        index = MinHashLSH(num_perm=NUM_PERM, storage_config=dict(storage_config) if storage_config else None, **bands)
        held = next((key for key in given.keys if key in index), None)
        if held is not None:
            raise FingerprintError(f"the index holds {held!r} already", hint="give the storage another basename, or leave out what it holds")
        with index.insertion_session() as session:
            for key, sketch in iter_lean(given):
                session.insert(key, sketch, check_duplication=False)
    except _refusals() as err:
        raise FingerprintError(f"datasketch cannot hold the sketches: {err}") from err
    return index


def _require_client(storage_config: StorageConfig | None) -> None:
    if storage_config and storage_config.get("type") == "redis" and find_spec("redis") is None:
        raise ConfigError("the client of Redis is not installed", hint="pip install 'provenance-audit[redis]'")


def _refusals() -> tuple[type[Exception], ...]:
    """Return what datasketch raises where it refuses a parameter or does not reach its storage."""
    if find_spec("redis") is None:
        return (ValueError,)
    from redis.exceptions import RedisError

    return (ValueError, RedisError)


def to_lsh_ensemble(
    given: KeyedSketches, *, threshold: float = 0.8, num_part: int = 16, m: int = 8, storage_config: StorageConfig | None = None
) -> MinHashLSHEnsemble:
    """Return a ``datasketch.MinHashLSHEnsemble``, which finds the references that hold most of a query: ``index.query(sketch, size)``.

    Args:
        given: What to insert: at least one, with sizes.
        threshold: Share of the query's 5-grams that a reference holds.
        num_part: Partitions by size.
        m: Memory for accuracy, as datasketch has it.
        storage_config: As in ``to_lsh``.

    Raises:
        ConfigError: If the storage is Redis and its client is not installed.
        FingerprintError: If there is nothing to insert, a size is not known, the storage cannot be reached, or datasketch refuses a parameter.
    """
    from datasketch import MinHashLSHEnsemble

    if not len(given) or not (given.sizes > 0).all():
        raise FingerprintError("an ensemble needs at least one sketch, and the size of each", hint="take the sketches from a set or from texts")
    _require_client(storage_config)
    entries = [(key, sketch, size) for (key, sketch), size in zip(iter_lean(given), given.sizes.tolist(), strict=True)]
    try:
        index = MinHashLSHEnsemble(
            threshold=threshold, num_perm=NUM_PERM, num_part=num_part, m=m, storage_config=dict(storage_config) if storage_config else None
        )
        index.index(entries)
    except _refusals() as err:
        raise FingerprintError(f"datasketch cannot hold the sketches: {err}") from err
    return index


def from_lsh(index: MinHashLSH) -> KeyedSketches:
    """Return the keys and sketches that a ``MinHashLSH`` holds, ordered by key. It keeps no sketches, but its bands together are one if they hold all minima.

    That they were made of the same shingles and with the same seed an index cannot show: that is the caller's promise.

    Raises:
        SchemeMismatchError: If its bands leave minima out, hash them, or are of another scheme.
    """
    whole = index.h == index.b * index.r == NUM_PERM and index.hashfunc is None
    if not whole:
        raise SchemeMismatchError(
            f"the index keeps {index.b} bands of {index.r} of {index.h} minima{', hashed' if index.hashfunc else ''}; expected all {NUM_PERM} as they are",
            hint=f"make it with num_perm={NUM_PERM}, params=({BANDS}, {ROWS})",
        )
    stored = list(index.keys.keys())
    named = sorted(((_plain_key(raw) if index.prepickle else raw, raw) for raw in stored), key=lambda pair: (type(pair[0]).__name__, str(pair[0])))
    rows = []
    for first in range(0, len(named), _FETCHED):
        rows += [_sketch_of(bands, index.b) for bands in index.keys.getmany(*(raw for _, raw in named[first : first + _FETCHED]))]
    sketches = np.array(rows, dtype=np.uint32).reshape(-1, NUM_PERM)
    return KeyedSketches(tuple(key for key, _ in named), sketches, np.zeros(len(named), dtype=np.int64))


def _sketch_of(bands: Sequence[bytes], count: int) -> NDArray[np.uint32]:
    raw = b"".join(bands)
    if len(bands) != count or len(raw) != NUM_PERM * np.dtype(np.uint32).itemsize:
        raise SchemeMismatchError(f"the index holds {len(raw)} bytes in {len(bands)} bands for a key; expected {NUM_PERM} minima of 32 bits")
    return np.frombuffer(raw, dtype=">u4").astype(np.uint32)  # datasketch keeps the bytes of each band swapped


def dump_lean(given: KeyedSketches) -> bytes:
    """Return the pickle of a list of (key, ``LeanMinHash``), which datasketch users keep sketches in."""
    return pickle.dumps(list(iter_lean(given)))


def load_lean(raw: bytes) -> KeyedSketches:
    """Return the sketches of a pickled list of (key, ``LeanMinHash``), of a mapping, or of a list of sketches alone, with their numbers as keys.

    Nothing but ``LeanMinHash`` and plain values is made from the pickle: it cannot run code.

    Raises:
        FingerprintError: If it is no such pickle.
        SchemeMismatchError: If a sketch has another scheme, seed or number of permutations.
    """
    loaded = _unpickle(raw)
    items: Iterable[Any] = loaded.items() if isinstance(loaded, dict) else loaded if isinstance(loaded, list | tuple) else [loaded]
    keys: list[Hashable] = []
    sketches = []
    for number, item in enumerate(items):
        match item:
            case (key, sketch) if isinstance(item, tuple):
                pass
            case sketch:
                key = number
        if not hasattr(sketch, "hashvalues"):
            raise FingerprintError(f"item {number} of the pickle is {type(sketch).__name__}, expected a LeanMinHash")
        keys.append(key)
        sketches.append(sketch)
    return KeyedSketches(tuple(keys), from_minhashes(sketches), np.zeros(len(keys), dtype=np.int64))


class _Unpickler(pickle.Unpickler):
    """Makes ``LeanMinHash`` and plain values, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the class of an object in the pickle."""
        from datasketch import LeanMinHash

        if name == "LeanMinHash" and module.startswith("datasketch."):
            return LeanMinHash
        if (module, name) == ("builtins", "bytearray"):
            return bytearray
        raise FingerprintError(f"the pickle asks for {module}.{name}, which no list of sketches holds", hint="do not load it with anything else")


def _unpickle(raw: bytes) -> Any:
    try:
        return _Unpickler(io.BytesIO(raw)).load()
    except _BROKEN_PICKLE as err:
        raise FingerprintError(f"not a pickled list of sketches: {err}") from err


def _plain_key(raw: bytes) -> Hashable:
    key = _unpickle(raw)
    if not isinstance(key, Hashable):
        raise FingerprintError(f"the index holds a key of type {type(key).__name__}")
    return key
