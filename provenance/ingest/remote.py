"""Find the files that glob patterns name below a URL, by the same rules as on local disks."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from provenance.errors import ManifestError
from provenance.storage.stores import Entry, Stores
from provenance.storage.urls import StoreUrl, join, parse_url

_MAGIC: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class RemoteFinder:
    """Resolves patterns below one URL. Stores have no links; folders are what file names have in common."""

    root: StoreUrl
    stores: Stores
    is_data: Callable[[str], bool]
    """Tells by its name whether a file below a named folder is a data file."""

    def find(self, pattern: str) -> Iterator[str]:
        """Yield the paths that a pattern names, relative to the URL. A folder stands for all data files below it.

        Raises:
            ManifestError: If the pattern leads upwards, or to a file whose name cannot be kept.
            StoreError: If the store cannot be listed.
        """
        pattern = _relative(pattern)
        if not _MAGIC.search(pattern) or self._exists(pattern):  # a name may hold what else is a pattern
            yield from self._named(pattern)
        else:
            yield from self._match("", pattern.split("/"))

    def left_out(self, pattern: str) -> Iterator[str]:
        """Yield the files below a named folder that ``find`` passes over since their names end like no data file's; hidden ones are not listed."""
        pattern = _relative(pattern)
        if _MAGIC.search(pattern) and not self._exists(pattern):
            return
        if not pattern or self.stores.kind(join(self.root, pattern)) != "file":
            yield from self._walk(pattern, wanted=lambda name: not self.is_data(name))

    def _exists(self, path: str) -> bool:
        """Tell whether a file or a folder is called exactly so."""
        return self.stores.kind(join(self.root, path)) == "file" or next(self._files(path), None) is not None

    def _named(self, path: str) -> Iterator[str]:
        if path and self.stores.kind(join(self.root, path)) == "file":
            yield _checked(path)
        else:
            yield from self._walk(path, wanted=self.is_data)

    def _match(self, base: str, segments: list[str]) -> Iterator[str]:
        head, rest = segments[0], segments[1:]
        if head == "**":
            for entry in self._files(base):
                if self._fits(entry.path.split("/"), segments):
                    yield _checked(_join(base, entry.path))
            return
        if rest and not _MAGIC.search(head):
            yield from self._match(_join(base, head), rest)
            return
        for entry in self.stores.entries(join(self.root, base)):
            if _fits(head, entry.path):
                path = _join(base, entry.path)
                if rest and entry.is_folder:
                    yield from self._match(path, rest)
                elif not rest and not entry.path.endswith("/"):
                    yield from self._walk(path, wanted=self.is_data) if entry.is_folder else [_checked(path)]

    def _fits(self, parts: list[str], segments: list[str]) -> bool:
        """Tell whether a file is one that a pattern names, by the parts of both; where the pattern ends at a folder, all visible data files below it are."""
        if not segments:
            return self.is_data(parts[-1]) and not any(part.startswith(".") for part in parts)
        head, rest = segments[0], segments[1:]
        if head == "**":
            below = len(parts) > 1 and not parts[0].startswith(".") and self._fits(parts[1:], segments)
            return below or self._fits(parts, rest)
        return _fits(head, parts[0]) and (self._fits(parts[1:], rest) if len(parts) > 1 else not rest)

    def _walk(self, base: str, *, wanted: Callable[[str], bool]) -> Iterator[str]:
        for entry in self._files(base):
            parts = entry.path.split("/")
            if wanted(parts[-1]) and not any(part.startswith(".") for part in parts):
                yield _checked(_join(base, entry.path))

    def _files(self, base: str) -> Iterator[Entry]:
        """Yield the files below a folder; a name that ends in a slash is a store's mark of a folder."""
        for entry in self.stores.files(join(self.root, base)):
            if entry.path and not entry.path.endswith("/"):
                yield entry


def split_pattern(url: str) -> tuple[StoreUrl, str]:
    """Return the URL of the folder that a URL's pattern begins in, and the pattern relative to it.

    Raises:
        LocationError: If the URL cannot be used.
    """
    whole = parse_url(url)
    scheme, _, rest = whole.partition("://")
    parts = rest.split("/")
    plain = next((n for n, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
    return parse_url(f"{scheme}://{'/'.join(parts[: max(plain, 1)])}"), "/".join(parts[max(plain, 1) :])


def _relative(pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part not in {"", "."}]
    if pattern.startswith("/") or ".." in parts or "\x00" in pattern:
        raise ManifestError(f"{pattern}: may not lead out of the data root", hint="name files below the root, or declare another root")
    return "/".join(parts)


def _fits(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def _join(base: str, name: str) -> str:
    return f"{base}/{name}" if base else name


def _checked(path: str) -> str:
    """Return the path of a file, if it can be kept as one.

    Raises:
        ManifestError: If it cannot.
    """
    if "://" in path or any(part in {"", ".", ".."} for part in path.split("/")) or re.search(r"[\x00\r\n]", path):
        raise ManifestError(f"{path!r}: a file of this name cannot be kept in a dataset", hint="rename it in its store", context={"path": path})
    return path
