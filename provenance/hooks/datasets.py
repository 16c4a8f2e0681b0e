"""What a trainer was given by the ``datasets`` package, resolved to the registered shards it was made from.

Rules:
* A table mapped from a file counts as that file, where it is a registered shard, or as the files that a note beside the cache names (see ``cache_notes``), where each is a
  registered shard and still what it was when the cache was made.
* A streamed dataset counts as the files it will read.
* Rows that came from memory (``from_list``, ``from_generator``, ``keep_in_memory``, ``add_column``), from hubs or stores that were not registered, or from a cache without a
  note are a denial. So is a class that is not known: unknown is never fine.

Not seen: what a function given to ``map`` or ``filter`` puts into the rows. And what the package reads while it trains is not checked at each read: call
``Guard.check_unchanged`` now and then, or read through ``provenance.hooks.torch``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from provenance.clearance.check import GatePass
from provenance.clearance.shards import FileIdentity, VerifiedFile
from provenance.clearance.strict_json import printable
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks.cache_notes import Source, UntracedError, arrow_files, data_files_of, is_file_builder, keep_notes, same_file, sources_of_cache
from provenance.hooks.gate import TrainingBlocked
from provenance.hooks.guard import Guard, resolved
from provenance.hooks.guarded_file import ShardFaultError, UnsettledError, is_settled, open_regular, verify_descriptor
from provenance.storage.urls import is_url

try:
    import datasets as library
except ImportError as err:
    raise ImportError("provenance.hooks.datasets needs the datasets package: pip install datasets") from err

_FILE_ARGUMENTS: Final = ("base_files", "original_files")
"""In which arguments these readers keep the files of one split."""
HINT: Final = (
    "load registered files with provenance.hooks.datasets.load, or import provenance.hooks.datasets before datasets.load_dataset and give it "
    "download_mode='force_redownload' once; write rows that were made otherwise to files, and register, audit and clear them"
)


def shards_behind(dataset: object, passed: GatePass | Guard) -> tuple[ShardLeaf, ...]:
    """Return the registered shards that a dataset was made from, sorted by path. Prints nothing, ends nothing.

    Args:
        dataset: ``Dataset``, ``IterableDataset``, ``DatasetDict`` or ``IterableDatasetDict`` of the ``datasets`` package, whatever was done to it since.
        passed: What the gate verified.

    Raises:
        TrainingBlocked: If any of it was made from what was not registered, cannot be traced, or is of a class that is not known.
    """
    gate = passed.passed if isinstance(passed, Guard) else passed
    files = {file.place: file for file in gate.shards.verified}
    found: dict[str, ShardLeaf] = {}
    reasons: dict[str, None] = {}
    for part in _parts(dataset, reasons):
        reason = _fault(part, files, gate.began_ns)
        if reason is None:
            leaf = files[part.path].leaf
            found[leaf.path] = leaf
        else:
            reasons[reason] = None
    if not found and not reasons:
        reasons["it holds no rows of any registered shard"] = None
    if reasons:
        kind = type(dataset).__qualname__
        raise TrainingBlocked([f"{kind}: {printable(reason)}" for reason in reasons], hint=HINT, kind="SubjectMismatchError")
    return tuple(found[path] for path in sorted(found))


def check_datasets(guarded: Guard, *datasets: object) -> tuple[ShardLeaf, ...]:
    """Return the registered shards behind some datasets.

    Raises:
        TrainingBlocked: As ``shards_behind``, after saying why; in a process group the process ends.
    """
    found: dict[str, ShardLeaf] = {}
    for dataset in datasets:
        try:
            found.update((leaf.path, leaf) for leaf in shards_behind(dataset, guarded))
        except TrainingBlocked as denial:
            guarded.refuse(denial.reasons, hint=denial.hint or HINT)
    return tuple(found[path] for path in sorted(found))


def load(*args: Any, guarded: Guard, cache_dir: str | os.PathLike[str] | None = None, **options: Any) -> Any:
    """Return what ``datasets.load_dataset`` gives for registered files, made from the registered bytes.

    The cache lies in a folder of its own for each set of shards; one that cannot be shown to have been made from the bytes that the gate hashed is made anew.

    Args:
        *args: For ``load_dataset``.
        guarded: A gate that was passed.
        cache_dir: Where caches lie; the package's own folder where not given.
        **options: For ``load_dataset``, such as ``data_files``, ``split`` and ``streaming``.

    Raises:
        TrainingBlocked: If a file was not registered.
    """
    root = guarded.passed.clearance.manifest_root.removeprefix("sha256:")
    options["cache_dir"] = str(Path(cache_dir or library.config.HF_DATASETS_CACHE) / "provenance" / root[:32])
    loaded = library.load_dataset(*args, **options)
    try:
        shards_behind(loaded, guarded)
    except TrainingBlocked:
        if not options.get("streaming"):
            loaded = library.load_dataset(*args, **{**options, "download_mode": "force_redownload"})
        check_datasets(guarded, loaded)
    return loaded


def _parts(dataset: Any, reasons: dict[str, None]) -> Iterator[Source]:
    """Yield every file that a dataset came from; note why where it cannot be told."""
    try:
        yield from _opened(dataset, reasons)
    except UntracedError as err:
        reasons[str(err)] = None


def _opened(dataset: Any, reasons: dict[str, None]) -> Iterator[Source]:
    known = (library.DatasetDict, library.IterableDatasetDict, library.Dataset, library.IterableDataset)
    if isinstance(dataset, known) and type(dataset).__module__.partition(".")[0] != "datasets":
        raise UntracedError(f"a {type(dataset).__qualname__} is made from a class of datasets, and its own code may read anything")
    if isinstance(dataset, library.DatasetDict | library.IterableDatasetDict):
        for part in dataset.values():
            yield from _parts(part, reasons)
    elif isinstance(dataset, library.Dataset):
        for path in dict.fromkeys(arrow_files(dataset)):
            yield from _behind_file(path)
    elif isinstance(dataset, library.IterableDataset):
        yield from _streamed(dataset._ex_iterable, reasons)  # noqa: SLF001 – the package has no public way to what a stream reads
    else:
        raise UntracedError(f"a {type(dataset).__qualname__} is of a class that is not known")


def _behind_file(path: str) -> Iterator[Source]:
    """Yield what a mapped file was made from; itself, to be looked up among the shards, where no note tells."""
    try:
        yield from sources_of_cache(path)
    except UntracedError:
        yield Source(path=path, identity=None)


def _streamed(node: Any, reasons: dict[str, None]) -> Iterator[Source]:
    """Yield the files that a stream's leaves will read."""
    base = library.iterable_dataset._BaseExamplesIterable  # noqa: SLF001 – the package has no public name for what streams are made of
    if hasattr(node, "kwargs"):
        yield from _leaf_files(node, reasons)
        return
    values = [getattr(node, name, None) for name in ("ex_iterable", "ex_iterables")]
    children = [child for value in values for child in (value if isinstance(value, list | tuple) else [value]) if child is not None]
    if not children or not all(isinstance(child, base) for child in children):
        raise UntracedError(f"a stream of the kind {type(node).__qualname__} is not known")
    for child in children:
        yield from _streamed(child, reasons)


def _leaf_files(node: Any, reasons: dict[str, None]) -> Iterator[Source]:
    arguments = node.kwargs
    shards = arguments.get("shards")
    if isinstance(shards, list) and shards and all(isinstance(shard, library.Dataset) for shard in shards):
        for shard in shards:
            yield from _parts(shard, reasons)
        return
    function = getattr(node, "generate_tables_fn", None) or getattr(node, "generate_examples_fn", None)
    builder = getattr(function, "__self__", None)
    if not is_file_builder(type(builder)):
        raise UntracedError(f"a stream of rows that {getattr(function, '__qualname__', function)} makes were never registered")
    named = next((arguments[name] for name in _FILE_ARGUMENTS if arguments.get(name)), None)
    for path in dict.fromkeys(map(str, named if named is not None else data_files_of(builder))):
        yield Source(path=resolved(path.rpartition("::")[2]), identity=None)


def _fault(source: Source, files: Mapping[str, VerifiedFile], began_ns: int) -> str | None:
    """Return why a file that a dataset came from is no registered shard with the registered bytes, ``None`` if it is."""
    file = files.get(source.path)
    if file is None:
        return f"{source.path} was not registered" + (
            ", and no note tells which registered files it was made from" if source.path.endswith(".arrow") else ""
        )
    if is_url(source.path):
        return None
    try:
        now = _verified_now(file, began_ns)
    except (ShardFaultError, OSError) as err:
        return f"{file.leaf.path}: {err}"
    except UnsettledError:
        return f"{file.leaf.path}: its time of change lies in this clock's future, so nobody can tell whether it changes"
    return _cache_fault(source, file.leaf, now)


def _cache_fault(source: Source, leaf: ShardLeaf, now: FileIdentity) -> str | None:
    """Return why what was made from a file was not made from the registered bytes, which it holds now."""
    if source.sha256 is not None:
        return None if source.sha256 == leaf.sha256 else f"a cache was made from {leaf.path} when it held other bytes ({source.sha256[:19]}…)"
    if source.identity is not None and not same_file(source.identity, now):
        return f"a cache was made from {leaf.path} before it was changed or touched, and its note has no digest of what it held then"
    return None


def _verified_now(file: VerifiedFile, began_ns: int) -> FileIdentity:
    """Return what a file is now, hashed again where the gate's hashing does not vouch for it."""
    now = FileIdentity.of(os.lstat(file.place))
    if file.identity == now and is_settled(now, min(began_ns, time.time_ns())):
        return now
    descriptor = open_regular(file.place)
    try:
        return verify_descriptor(descriptor, file.leaf)
    finally:
        os.close(descriptor)


keep_notes()
