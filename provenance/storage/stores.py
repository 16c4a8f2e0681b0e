"""List, look at and open the files of stores, by fsspec; its packages are imported when a URL of theirs is first used.

A listing is never taken from a cache: what a store holds now is the question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from provenance.errors import StoreError
from provenance.storage.options import StorageOptions, package_options
from provenance.storage.stream import Opening, StoreFile
from provenance.storage.trouble import ChangedError, attempt
from provenance.storage.urls import StoreUrl, scheme_of

_MARKS: Final = (
    *("ETag", "etag", "e_tag", "VersionId", "version_id", "generation", "md5Hash", "content_md5", "crc32c", "blob_id", "xet_hash"),
    *("LastModified", "last_modified", "Last-Modified", "mtime", "modified", "updated", "created"),
)
"""What stores tell of a file that changes with it, by their packages' names."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a store tells of a file without reading it: another stamp, another file."""

    size_bytes: int | None
    """``None`` where the store does not tell."""
    marks: tuple[tuple[str, str], ...]
    """Tag, version, time of change, as far as the store tells."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder of a store."""

    path: str
    """Relative to what was listed; empty for a file of the folder's own name and a slash."""
    is_folder: bool
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Stores:
    """Opens stores as the settings say. A value: it can be sent to another process, and holds no credentials."""

    options: StorageOptions = field(default_factory=StorageOptions)

    def stamp(self, url: StoreUrl) -> Stamp:
        """Return what is told of a file.

        Raises:
            StoreError: If it is not there, is a folder, may not be seen, or the store fails.
        """
        info = self._info(url)
        if info is None or info.get("type") == "directory":
            what = "no such file" if info is None else "is a folder, expected a file"
            raise StoreError(f"{url}: {what}", hint=f"check the URL; all files below a folder: {url}/**")
        return _stamp(info)

    def kind(self, url: StoreUrl) -> str | None:
        """Return ``"file"`` or ``"directory"``, ``None`` where there is neither.

        Raises:
            StoreError: If that cannot be told.
        """
        info = self._info(url)
        return None if info is None else "directory" if info.get("type") == "directory" else "file"

    def entries(self, url: StoreUrl) -> list[Entry]:
        """Return what lies directly in a folder, sorted; nothing where there is no such folder.

        Raises:
            StoreError: If it cannot be listed.
        """
        return self._listed(url, lambda fs, path: {str(item["name"]): item for item in fs.ls(path, detail=True)})

    def files(self, url: StoreUrl) -> list[Entry]:
        """Return every file below a folder, however deep, sorted by path; nothing where there is no such folder.

        Raises:
            StoreError: If it cannot be listed.
        """
        return [entry for entry in self._listed(url, lambda fs, path: fs.find(path, detail=True)) if not entry.is_folder]

    def open(self, url: StoreUrl, *, in_ranges: bool = False) -> StoreFile:
        """Open a file for reading: what is read is what lay there when it was opened, or an error.

        Args:
            url: The file.
            in_ranges: Fetch nothing but what is asked for, as columns of a table.

        Raises:
            StoreError: If it is not there, is a folder, may not be read, or the store fails.
        """
        fs, path = self._file_system(url)
        file, stamp = attempt(lambda: _opened(fs, path), url=url, doing="it cannot be opened", options=self.options)

        def again() -> Any:
            opened, now = _opened(fs, path)
            if now != stamp:
                raise ChangedError
            return opened

        opening = Opening(url=url, size_bytes=stamp.size_bytes, again=again, is_same=lambda: self.stamp(url) == stamp, options=self.options)
        return StoreFile(file, opening, in_ranges=in_ranges)

    def _info(self, url: StoreUrl) -> Mapping[str, Any] | None:
        fs, path = self._file_system(url)

        def look() -> Mapping[str, Any] | None:
            try:
                fs.invalidate_cache(path)  # some packages keep listings although they are told not to
                info: Mapping[str, Any] = fs.info(path)
            except FileNotFoundError:
                return None
            return info

        return attempt(look, url=url, doing="it cannot be looked at", options=self.options)

    def _listed(self, url: StoreUrl, listing: Any) -> list[Entry]:
        fs, path = self._file_system(url)

        def listed() -> dict[str, Mapping[str, Any]]:
            try:
                fs.invalidate_cache(path)
                found: dict[str, Mapping[str, Any]] = listing(fs, path)
            except FileNotFoundError:
                return {}
            return found

        items = attempt(listed, url=url, doing="it cannot be listed", options=self.options)
        return sorted(_entries(items, url, path), key=lambda entry: entry.path)

    def _file_system(self, url: StoreUrl) -> tuple[Any, str]:
        """Return the file system of a URL, and the URL's path in it."""
        fs = attempt(lambda: _open_store(scheme_of(url), self.options), url=url, doing="its store cannot be opened", options=self.options)
        return fs, str(fs._strip_protocol(url)).rstrip("/")  # noqa: SLF001 - fsspec's own way from a URL to a path; its public one would read chains


PLAIN_STORES: Final = Stores()
"""Reached as the environment says and no settings."""


@lru_cache(maxsize=32)
def _open_store(scheme: str, options: StorageOptions) -> Any:
    import fsspec

    arguments = package_options(scheme, options)
    fs = fsspec.filesystem(scheme, **arguments)
    if scheme in {"s3", "s3a"}:
        fs.retries = 1  # attempts are counted in one place
    return fs


def _opened(fs: Any, path: str) -> tuple[Any, Stamp]:
    """Open a file without any cache of its package; what it told of the file when it opened it counts, where it did."""
    fs.invalidate_cache(path)
    file = fs.open(path, "rb", cache_type="none")
    details = getattr(file, "details", None)
    info = details if isinstance(details, Mapping) else fs.info(path)
    if info.get("type") == "directory":
        raise IsADirectoryError
    return file, _stamp(info)


def _stamp(info: Mapping[str, Any]) -> Stamp:
    size = info.get("size")
    marks = tuple((name, str(info[name])) for name in _MARKS if info.get(name) is not None)
    return Stamp(size if isinstance(size, int) else None, marks)


def _entries(items: Mapping[str, Mapping[str, Any]], url: StoreUrl, path: str) -> Iterator[Entry]:
    """Yield what a listing holds, by paths relative to what was listed; the folder itself is not in it."""
    start = f"{path}/"
    for name, item in items.items():
        is_folder, size = item.get("type") == "directory", item.get("size")
        if name.rstrip("/") == path:
            if name == path and not is_folder:
                continue  # a file of the folder's own name: asked for by its own name it is found
            if not size:
                continue  # the folder's own marker
        if not name.startswith(start):
            raise StoreError(f"{url}: its store lists {name[:200]!r}, which does not lie there", hint="report it to who runs the store")
        yield Entry(name[len(start) :], is_folder, size if isinstance(size, int) else None)
