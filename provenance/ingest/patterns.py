"""Find the files that glob patterns name below a folder, without leaving the declared roots."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from provenance.errors import ManifestError

_MAGIC = re.compile(r"[*?\[]")


class PatternFinder:
    """Resolves patterns below one folder. Links are followed as long as they stay below a declared root; one that leaves is an error, not a gap."""

    def __init__(
        self, folder: Path, *, inside: Sequence[Path], is_data: Callable[[str], bool], passed_over: list[ManifestError] | None = None
    ) -> None:
        """Take the folder.

        Args:
            folder: What patterns are relative to.
            inside: Folders that files must really lie in, links resolved.
            is_data: Tells by its name whether a file below a named folder is a data file.
            passed_over: Takes what cannot be named, which ``find`` raises otherwise.
        """
        self._folder = folder
        self._inside = [Path(os.path.realpath(path)) for path in inside]
        self._is_data = is_data
        self._passed_over = passed_over

    def find(self, pattern: str) -> Iterator[str]:
        """Yield the POSIX paths that a pattern names, relative to the folder. A folder stands for all data files below it.

        Raises:
            ManifestError: If the pattern or a link of it leads out of the declared roots, or a folder cannot be read.
        """
        pattern = self._relative(pattern)
        if pattern == "." or not _MAGIC.search(pattern) or os.path.lexists(self._folder / pattern):
            yield from self._named(pattern)
        else:
            yield from self._match("", pattern.split("/"), ())

    def left_out(self, pattern: str) -> Iterator[str]:
        """Yield the files below a named folder that ``find`` passes over since their names end like no data file's; hidden ones are not listed."""
        pattern = self._relative(pattern)
        if (self._folder / pattern).is_dir():
            yield from self._walk("" if pattern == "." else pattern, (), wanted=lambda name: not self._is_data(name))

    def _relative(self, pattern: str) -> str:
        path = Path(pattern)
        if path.is_absolute():
            if not path.is_relative_to(self._folder):
                raise ManifestError(
                    f"{pattern}: lies outside the data root {self._folder}", hint="declare its folder under roots:, or [roots] in the settings"
                )
            path = path.relative_to(self._folder)
        if ".." in path.parts or "\x00" in pattern:
            raise ManifestError(
                f"{pattern}: may not lead upwards out of the data root {self._folder}", hint="name files below the root, or declare another root"
            )
        return path.as_posix()

    def _named(self, path: str) -> Iterator[str]:
        full = self._folder / path
        if full.is_dir():
            self._check(full)
            yield from self._walk("" if path == "." else path, (), wanted=self._is_data)
        elif os.path.lexists(full):
            yield from self._file(path)

    def _match(self, base: str, segments: list[str], above: tuple[str, ...]) -> Iterator[str]:
        head, rest = segments[0], segments[1:]
        if head == "**":
            if rest:
                yield from self._match(base, rest, above)
                for folder, real in self._folders(base, above):
                    yield from self._match(folder, segments, (*above, real))
            else:
                yield from self._walk(base, above, wanted=self._is_data)
            return
        named = re.compile(fnmatch.translate(head))
        for entry in self._entries(base):
            if not named.match(entry.name) or (entry.name.startswith(".") and not head.startswith(".")):
                continue
            path = _join(base, entry.name)
            if rest and entry.is_dir():
                yield from self._match(path, rest, (*above, self._check(self._folder / path)))
            elif not rest:
                yield from self._named(path)

    def _walk(self, base: str, above: tuple[str, ...], *, wanted: Callable[[str], bool]) -> Iterator[str]:
        for entry in self._entries(base):
            if not entry.name.startswith(".") and not entry.is_dir() and wanted(entry.name):
                yield from self._file(_join(base, entry.name))
        for path, real in self._folders(base, above):
            yield from self._walk(path, (*above, real), wanted=wanted)

    def _folders(self, base: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Yield the visible folders below one, each with its real path; a link back to a folder above is passed over, for it adds no files."""
        for entry in self._entries(base):
            if not entry.name.startswith(".") and entry.is_dir():
                path = _join(base, entry.name)
                try:
                    real = self._check(self._folder / path)
                except ManifestError as err:
                    self._pass_over(err)
                    continue
                if real not in above and real != os.path.realpath(self._folder):
                    yield path, real

    def _entries(self, base: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder / base) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as err:
            raise ManifestError(f"{self._folder / base}: the folder cannot be read: {err.strerror}") from err

    def _file(self, path: str) -> Iterator[str]:
        try:
            self._check(self._folder / path)
            _check_name(path)
        except ManifestError as err:
            self._pass_over(err)
        else:
            yield path

    def _pass_over(self, err: ManifestError) -> None:
        """Note what cannot be named, so that the files beside it are found; raise it where nobody asked for notes."""
        if self._passed_over is None:
            raise err
        self._passed_over.append(err)

    def _check(self, path: Path) -> str:
        real = os.path.realpath(path)
        if not any(Path(real).is_relative_to(root) for root in self._inside):
            raise ManifestError(
                f"{path}: is a link that leads out of the data roots, to {real}",
                hint="declare that folder as a root, or put the file itself here",
                context={"path": os.path.relpath(path, self._folder)},
            )
        return real


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as err:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise ManifestError(f"{shown}: the file's name is not UTF-8", hint="rename the file", context={"path": shown}) from err


def _join(base: str, name: str) -> str:
    return f"{base}/{name}" if base else name
