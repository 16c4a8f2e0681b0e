"""The part of a check that lies in stores: every object below the roots that are URLs is listed, every one that was cleared is read from end to end.

Rules:
* Nothing that a store tells stands for the bytes: tags and checksums of stores are not compared. What cannot be listed or read is a denial.
* A cleared path is looked up below each root. A cleared URL must lie below one of the roots, else nobody would see what stands beside it.
* Stores have no links and no folders: a name that ends in a slash and holds nothing is a mark of a folder, and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provenance.clearance.faults import NOT_CLEARED, ShardFault, ShardProblem
from provenance.clearance.strict_json import printable
from provenance.errors import IngestError, StoreError
from provenance.fingerprint.digest import ShardLeaf, hash_stream
from provenance.storage.stores import Stores
from provenance.storage.urls import StoreUrl, below, is_url, join, parse_url, url_fault


@dataclass(slots=True)
class RemoteFiles:
    """What lies below the roots that are URLs."""

    stores: Stores
    roots: list[StoreUrl] = field(default_factory=list)
    sizes: dict[str, int | None] = field(default_factory=dict)
    """URL → size in bytes, ``None`` where the store does not tell."""
    problems: list[ShardProblem] = field(default_factory=list)

    def locate(self, leaf: ShardLeaf) -> Iterator[str]:
        """Yield the URLs of a leaf's file, one a root that has it."""
        for root in self.roots:
            path = below(leaf.path, root) if is_url(leaf.path) else leaf.path
            if path and join(root, path) in self.sizes:
                yield join(root, path)

    def path_reason(self, path: str) -> str | None:
        """Return why a manifest's URL cannot be looked up, ``None`` if it can."""
        fault = url_fault(path)
        if fault is not None:
            return f"this URL {fault}"
        if not any(below(path, root) for root in self.roots):
            return "this URL lies below none of the data roots: give its folder with --root, and it is read there"
        return None

    def size_problem(self, url: str, leaf: ShardLeaf) -> ShardProblem | None:
        """Return what is wrong with a file by its size alone."""
        size = self.sizes[url]
        if size is None or size == leaf.size_bytes:
            return None
        return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail=f"changed: {size:,} bytes, registered {leaf.size_bytes:,}")

    def unregistered(self, covered: set[str], watched: Iterable[str]) -> Iterator[ShardProblem]:
        """Yield the files in some folders that no leaf accounts for."""
        starts = tuple(f"{folder}/" for folder in watched)
        for url in sorted(set(self.sizes) - covered):
            if url.startswith(starts):
                yield ShardProblem(fault=ShardFault.UNREGISTERED, path=url, detail=NOT_CLEARED)


def list_remote(roots: Sequence[str], stores: Stores) -> RemoteFiles:
    """Return every file below some URLs; what cannot be listed is a problem.

    Raises:
        LocationError: If a root is no URL that can be used.
    """
    found = RemoteFiles(stores)
    for text in roots:
        root = parse_url(text)
        if root in found.roots:
            continue
        found.roots.append(root)
        try:
            _list(root, found)
        except StoreError as err:
            found.problems.append(ShardProblem(fault=ShardFault.UNREADABLE, path=root, detail=_detail(root, err)))
    return found


def _list(root: StoreUrl, found: RemoteFiles) -> None:
    entries = found.stores.files(root)
    for entry in entries:
        url = join(root, entry.path)
        if entry.path and not entry.path.endswith("/"):
            found.sizes[url] = entry.size_bytes
        elif entry.size_bytes != 0:
            found.problems.append(ShardProblem(fault=ShardFault.IRREGULAR, path=url, detail="a file whose name ends like a folder's"))
    if not entries:
        found.problems.append(ShardProblem(fault=ShardFault.MISSING, path=root, detail="there is nothing below this data root"))


def content_problem(url: str, leaf: ShardLeaf, stores: Stores, on_bytes: Callable[[int], None]) -> ShardProblem | None:
    """Return what is wrong with a file's bytes, read now and from end to end."""
    try:
        with stores.open(parse_url(url)) as file:
            digest, size = hash_stream(file, on_bytes=on_bytes)
    except (IngestError, OSError) as err:
        return ShardProblem(fault=ShardFault.UNREADABLE, path=leaf.path, detail=_detail(url, err))
    if (digest, size) == (leaf.sha256, leaf.size_bytes):
        return None
    return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail=f"changed: {digest[:19]}…, registered {leaf.sha256[:19]}…")


def _detail(url: str, err: Exception) -> str:
    """Return what an error says, without the URL that the line begins with."""
    hint = getattr(err, "hint", None)
    return printable(str(err).removeprefix(f"{url}: ") + (f" ({hint})" if hint else ""))


def parents(urls: Iterable[str]) -> set[str]:
    """Return the folders that directly hold some files."""
    return {url.rpartition("/")[0] for url in urls}
