"""Which reader a file needs, and the one door to all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from provenance.errors import ManifestError
from provenance.exchange.croissant import is_croissant, read_croissant
from provenance.exchange.dpi import is_dpi, read_dpi
from provenance.exchange.hf_card import is_card, read_card
from provenance.exchange.native import is_native, read_native
from provenance.exchange.own_exports import own_format, read_own
from provenance.exchange.shard_files import FormatOf
from provenance.exchange.sources import Reading, SourceFile, SourceRead, collected, load_source, parse_json
from provenance.exchange.tabular import read_table

HEAD_BYTES = 4096
CARD_ENDINGS = frozenset({".md", ".markdown"})
TABLE_ENDINGS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}
JSON_ENDINGS = frozenset({".json", ".jsonld"})
_LINES = frozenset({".jsonl", ".ndjson"})


class _UnknownFormatError(ManifestError):
    """A file is none of the formats."""


class ImportFormat(StrEnum):
    """What can be imported from files."""

    HF_CARD = "hf-card"
    CROISSANT = "croissant"
    DPI = "dpi"
    CSV = "csv"
    PARQUET = "parquet"
    NATIVE = "native"
    SPDX = "spdx"
    CYCLONEDX = "cyclonedx"
    DTA = "dta"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What readers need to know beside the file."""

    format: ImportFormat | None
    """``None`` = told by name and content."""
    root: str
    """The data root that paths of shards are relative to."""
    format_of: FormatOf
    name: str = ""
    """The dataset that a card describes, where its place does not tell it."""


def find_sources(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield (file, what it is called in evidence): the path itself, or the metadata documents below a folder, sorted.

    Raises:
        ManifestError: If there is none.
    """
    if not path.is_dir():
        yield path, _called(path)
        return
    found = sorted(p for p in path.rglob("*") if p.is_file() and _is_metadata(p))
    if not found:
        raise ManifestError(f"{path}: no metadata document is below this folder: looked for README.md and *.json", hint="name the file itself")
    for file in found:
        # A README at the top is that of the folder itself.
        top = file.parent == path and file.stem.lower() == "readme"
        yield file, _called(file) if top else file.relative_to(path).as_posix()


def _is_metadata(path: Path) -> bool:
    return path.name.lower() in {"readme.md", "readme.markdown"} or path.name.endswith(".README.md") or path.suffix.lower() in JSON_ENDINGS


def _called(path: Path) -> str:
    """Return a file's name; that of a README says nothing without its folder, in the hub's cache three of them."""
    if path.stem.lower() != "readme":
        return path.name
    parts = path.absolute().parts[-4:]  # in the cache: datasets--x/snapshots/revision/README.md
    return "/".join(parts if parts[0].startswith("datasets--") else parts[-2:])


def read_source(path: Path, called: str, options: ReadOptions, *, stack: ExitStack, found_below_folder: bool = False) -> SourceRead:
    """Read one file.

    Args:
        path: The file.
        called: Its name in evidence and problems.
        options: How.
        stack: Holds what must stay open until the shards have been read.
        found_below_folder: Nobody named the file itself: one that is no metadata is passed over.

    Returns:
        What could be read; a file of which nothing could be is a problem.
    """
    reading = Reading(called)
    try:
        form = options.format or detect_format(path)
        return _read(form, path, called, options, stack)
    except ManifestError as err:
        message = f"{err}{f'; {err.hint}' if err.hint else ''}".removeprefix(f"{path.name}: ").removeprefix(f"{called}: ")
        if isinstance(err, _UnknownFormatError) and found_below_folder:
            reading.note("passed over: is no metadata document")
        else:
            reading.problem(message)
        return collected([reading], [])


def _read(form: ImportFormat, path: Path, called: str, options: ReadOptions, stack: ExitStack) -> SourceRead:
    ours = read_own(path, form.value, name=called)
    if ours is not None:
        return ours
    if form in {ImportFormat.CSV, ImportFormat.PARQUET}:
        read = read_table(path, name=called, format_of=options.format_of, root=options.root, stack=stack)
        return replace(read, document=path)
    if form is ImportFormat.NATIVE:
        return read_native(path, name=called)
    file = load_source(path, name=called)
    return replace(_read_document(form, file, options), document=path, sha256=file.sha256)


def _read_document(form: ImportFormat, file: SourceFile, options: ReadOptions) -> SourceRead:
    if form is ImportFormat.HF_CARD:
        return read_card(file, name=options.name)
    if form is ImportFormat.DPI:
        return read_dpi(file)
    return read_croissant(file, format_of=options.format_of, root=options.root)


def detect_format(path: Path) -> ImportFormat:
    """Return the format of a file, told by its ending and then by what is in it.

    Raises:
        ManifestError: If it is none of them.
    """
    ending = path.suffix.lower()
    if ending in TABLE_ENDINGS:
        return ImportFormat(TABLE_ENDINGS[ending])
    if ending in CARD_ENDINGS:
        return ImportFormat.HF_CARD
    head = _head(path)
    if ending in _LINES or is_native(head.partition(b"\n")[0]):  # one that is cut or damaged is told by its reader
        return ImportFormat.NATIVE
    if is_card(head):
        return ImportFormat.HF_CARD
    value = parse_json(load_source(path).raw, path.name)
    told = (is_croissant(value) and "croissant") or (is_dpi(value) and "dpi") or own_format(value)
    if told:
        return ImportFormat(told)
    raise _UnknownFormatError(
        f"{path.name}: is neither Croissant, nor a collection of the Data Provenance Initiative, nor an export of ours",
        hint=f"say which format it has with --from: {', '.join(ImportFormat)}",
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as err:
        raise ManifestError(f"{path}: cannot be read: {err.strerror or err}") from err


def read_sources(paths: Sequence[Path], options: ReadOptions, *, stack: ExitStack) -> Iterator[SourceRead]:
    """Read files and folders one after another; what is wrong with one leaves the others alone."""
    for path in paths:
        try:
            for file, called in find_sources(path):
                yield read_source(file, called, options, stack=stack, found_below_folder=path.is_dir())
        except ManifestError as err:
            reading = Reading(path.name)
            reading.problem(f"{err}{f'; {err.hint}' if err.hint else ''}")
            yield collected([reading], [])
