"""Files that arguments name: themselves, or what is below folders, on this machine and in stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.context import CommandContext
from provenance.errors import LocationError, StoreError
from provenance.storage.stores import Stores
from provenance.storage.urls import Place, is_file_url, is_url, join, local_path, parse_url

DATA_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json", ".parquet", ".txt", ".md", ".gz", ".zst", ".bz2", ".arrow", ".npy", ".bin"})
REFERENCE_SUFFIXES = (DATA_SUFFIXES - {".arrow", ".npy", ".bin"}) | {".pack"}


if TYPE_CHECKING:
    _ParamType = click.ParamType[Place]  # older releases of click have no type there to be named
else:
    _ParamType = click.ParamType


class PlaceType(_ParamType):
    """A path, or the URL of something in a store."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Return the path or URL that an argument names.

        Raises:
            click.BadParameter: If it is a URL that cannot be used, such as one that holds credentials.
        """
        if isinstance(value, Path):
            return value
        text = str(value)
        if is_file_url(text):
            return Path(local_path(text))
        if not is_url(text):
            return Path(text)
        try:
            return parse_url(text)
        except LocationError as err:
            self.fail(f"{err}; {err.hint}", param, ctx)


PLACE = PlaceType()


def files_below(ctx: CommandContext, given: Iterable[Place], *, suffixes: frozenset[str] = DATA_SUFFIXES) -> Iterator[Place]:
    """Yield files, and the data files below folders, sorted; of a URL what its pattern names."""
    for place in map(ctx.place, given):
        if not isinstance(place, Path):
            yield from _in_store(ctx, place, suffixes)
        elif place.is_dir():
            yield from sorted(p for p in place.rglob("*") if p.is_file() and p.suffix.lower() in suffixes)
        else:
            yield place


def _in_store(ctx: CommandContext, url: str, suffixes: frozenset[str]) -> Iterator[Place]:
    from provenance.ingest.remote import RemoteFinder, split_pattern

    base, pattern = split_pattern(url)
    finder = RemoteFinder(base, ctx.stores, lambda name: PurePosixPath(name).suffix.lower() in suffixes)
    # What is not there is named as it was given: whoever opens it says so.
    yield from [join(base, path) for path in sorted(finder.find(pattern))] or [parse_url(url)]


def size_of(place: Place, stores: Stores) -> int:
    """Return a file's size in bytes, 0 where it cannot be told: for progress."""
    try:
        return place.stat().st_size if isinstance(place, Path) else stores.stamp(place).size_bytes or 0
    except (OSError, StoreError):
        return 0
