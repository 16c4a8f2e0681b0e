"""Paths that a trainer's configuration names, resolved to the registered shards that were verified. Standard library only."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from provenance.clearance.check import GatePass
from provenance.storage.urls import is_url, local_path

_PATTERN: Final = ("*", "?", "[")


class UnregisteredPathError(ValueError):
    """A path that is no registered shard, and no folder of them."""


def registered_shards(path: str, passed: GatePass) -> tuple[str, ...]:
    """Return the manifest's paths of the shards that a path reads, sorted.

    Args:
        path: A file; a folder, of which everything below is read; a pattern; or a URL. What is relative is taken from the current folder.
        passed: What the gate verified.

    Raises:
        UnregisteredPathError: If it is not there, reads nothing, or reads a file that was not cleared.
    """
    places = {verified.place: verified.leaf.path for verified in passed.shards.verified}
    if is_url(path):
        below = {leaf for place, leaf in places.items() if place == path or place.startswith(path.rstrip("/") + "/")}
        if not below:
            raise UnregisteredPathError(f"{path} is no registered shard of a data root")
        return tuple(sorted(below))
    shards = set()
    for file in _files(local_path(path), set()):
        real = os.path.realpath(file)
        if real not in places:
            raise UnregisteredPathError(f"{file} is not among the files that were cleared")
        shards.add(places[real])
    if not shards:
        raise UnregisteredPathError(f"{path} holds no file")
    return tuple(sorted(shards))


def _files(path: str, walked: set[str]) -> Iterator[str]:
    """Yield the files that a path names; ``walked`` holds the folders that were walked already, since links may lead round."""
    if Path(path).is_dir():
        yield from _files_below(path, walked)
    elif os.path.lexists(path):
        yield path
    else:
        found: Sequence[str] = glob.glob(path, recursive=True) if any(mark in path for mark in _PATTERN) else ()  # noqa: PTH207 – as the datasets package expands it
        if not found:
            raise UnregisteredPathError(f"{path} is nowhere on this machine")
        for place in sorted(found):
            yield from _files(place, walked)


def _files_below(path: str, walked: set[str]) -> Iterator[str]:
    for folder, folders, names in os.walk(path, onerror=_unlistable):
        real = os.path.realpath(folder)
        if real in walked:
            folders.clear()
            continue
        walked.add(real)
        yield from (f"{folder}{os.sep}{name}" for name in sorted(names))
        for linked in sorted(name for name in folders if Path(folder, name).is_symlink()):
            yield from _files_below(f"{folder}{os.sep}{linked}", walked)


def _unlistable(err: OSError) -> None:
    raise UnregisteredPathError(f"{err.filename} cannot be listed: {err.strerror}")
