"""Compare the shards of a manifest with the disk and with stores: every byte, every file under the data roots, every link by what it resolves to.

Rules:
* A leaf's path is looked up under every root given, in order. Wherever it exists it must hold the registered bytes, since a trainer may read any of them.
* A link counts as the file it resolves to. One that leaves the roots is a denial, and so is one that resolves to nothing.
* A file under a root that no leaf accounts for is a denial: see ``disk``. What lies in a store is listed and read as well: see ``remote``.
* Shape first: where a file is missing, of another size, or unregistered, nothing is hashed, so that a denial comes fast.
* Shape last: after hashing the folders are walked again, and every file must be what it was when it was hashed, since hashing may take an hour.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.clearance.content import Item, Reading, SideBySide, VerifiedFile, known_file, verify_file
from provenance.clearance.disk import Disk, FileIdentity, look_alikes, path_reason, walk_roots
from provenance.clearance.faults import ShardFault, ShardProblem
from provenance.fingerprint.digest import ShardLeaf

if TYPE_CHECKING:
    from provenance.clearance.remote import RemoteFiles
    from provenance.storage.stores import Stores

__all__ = ["FileIdentity", "Reading", "ShardCheck", "ShardPlan", "VerifiedFile", "hash_plan", "plan_shards", "settle", "verify_file", "verify_shards"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCheck:
    """What comparing a manifest with the disk gave."""

    shards: int
    """Leaves in the manifest."""
    size_bytes: int
    """Bytes that were hashed, or known from a digest cache."""
    problems: tuple[ShardProblem, ...]
    """Sorted by path; empty means that the disk holds exactly the manifest."""
    verified: tuple[VerifiedFile, ...] = ()
    """Every place that was hashed and held the registered bytes, sorted by place."""

    @property
    def from_cache(self) -> int:
        """Files that were not hashed now, since a digest cache knew them."""
        return sum(file.from_cache for file in self.verified)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """Everything but the bytes: where each registered file lies, and what is wrong with names, sizes, links and unregistered files."""

    leaves: tuple[ShardLeaf, ...]
    places: tuple[Item, ...]
    """Every place that has to be hashed."""
    problems: tuple[ShardProblem, ...]
    disk: Disk = field(repr=False)
    watched: frozenset[str] = field(repr=False)
    """Folders of this machine in which every file has to be registered."""
    stores: Stores | None = field(repr=False)


def verify_shards(
    leaves: Sequence[ShardLeaf],
    roots: Sequence[str | os.PathLike[str]],
    *,
    allow_extra: bool = False,
    shard_folders_only: bool = False,
    on_bytes: Callable[[int], None] | None = None,
    stores: Stores | None = None,
) -> ShardCheck:
    """Return what differs between a manifest and the files under the data roots.

    Args:
        leaves: The manifest.
        roots: Folders and URLs, tried in order for each path.
        allow_extra: Accept files that no leaf accounts for, for data folders shared with other runs. The gate never does.
        shard_folders_only: Look for such files only in the folders that directly hold a cleared shard, and below them: for roots that hold other datasets
            too. What stands in other folders is then not looked at.
        on_bytes: Told of every block hashed, one call at a time, from any thread.
        stores: Opens URLs; as the environment says where not given.

    Raises:
        LocationError: If a root is a URL that cannot be used.

    Cost:
        Reads every registered byte once, on as many threads as there are cores, at most 16.
    """
    plan = plan_shards(leaves, roots, allow_extra=allow_extra, shard_folders_only=shard_folders_only, stores=stores)
    return hash_plan(plan, reading=Reading(on_bytes=on_bytes))


def plan_shards(
    leaves: Sequence[ShardLeaf],
    roots: Sequence[str | os.PathLike[str]],
    *,
    allow_extra: bool = False,
    shard_folders_only: bool = False,
    stores: Stores | None = None,
) -> ShardPlan:
    """Return what can be told without reading a byte. Arguments and errors are those of ``verify_shards``."""
    local, urls = split_roots(roots)
    disk, remote = walk_roots(local), _list_remote(urls, stores)
    if remote is not None:
        disk.problems.extend(remote.problems)
    found = _find_all(leaves, disk, remote)
    there = {place for place, _ in found if _is_remote(place)}
    here = {place for place, _ in found} - there
    watched: frozenset[str] = frozenset()
    if not allow_extra:
        watched = frozenset(_parent(real) for real in here) if shard_folders_only else frozenset(disk.roots)
        disk.problems.extend(disk.strays(here, watched))
        if remote is not None:
            disk.problems.extend(remote.unregistered(there, {_parent_url(url) for url in there} if shard_folders_only else remote.roots))
    for place, leaf in found:
        problem = remote.size_problem(place, leaf) if remote is not None and place in there else _size_problem(place, leaf)
        if problem is not None:
            disk.problems.append(problem)
    return ShardPlan(
        leaves=tuple(leaves),
        places=tuple(found),
        problems=tuple(sorted(look_alikes(disk.problems), key=_order)),
        disk=disk,
        watched=watched,
        stores=None if remote is None else remote.stores,
    )


def hash_plan(plan: ShardPlan, *, reading: Reading | None = None) -> ShardCheck:
    """Return what reading every file of a plan gave. Where the plan has problems already, nothing is read."""
    results = [] if plan.problems else verify_places(plan.places, reading=reading, stores=plan.stores)
    verified = tuple(sorted((r for r in results if isinstance(r, VerifiedFile)), key=lambda v: v.place))
    problems = [*plan.problems, *(r for r in results if isinstance(r, ShardProblem))]
    if results and not problems:
        problems += settle(plan, verified)
    return ShardCheck(
        shards=len(plan.leaves),
        size_bytes=sum(leaf.size_bytes for _, leaf in plan.places) if results else 0,
        problems=tuple(sorted(problems, key=_order)),
        verified=verified,
    )


def verify_places(places: Iterable[Item], *, reading: Reading | None = None, stores: Stores | None = None) -> list[ShardProblem | VerifiedFile]:
    """Return what reading some places of a plan gave, one result a place, in no order: all of them, or one rank's share."""
    how, wanted = reading or Reading(), list(places)
    results: list[ShardProblem | VerifiedFile] = []
    if how.cache is not None:
        known = {place: known_file(place, leaf, how.cache) for place, leaf in wanted if not _is_remote(place)}
        results.extend(file for file in known.values() if file is not None)
        wanted = [item for item in wanted if known.get(item[0]) is None]

    def read(item: Item, told: Callable[[int], None]) -> ShardProblem | VerifiedFile:
        place, leaf = item
        if not _is_remote(place):
            return verify_file(place, leaf, on_bytes=told)
        from provenance.clearance.remote import content_problem

        return content_problem(place, leaf, stores or _plain_stores(), told) or VerifiedFile(place=place, leaf=leaf, identity=None)

    if how.on_begin is not None:
        how.on_begin(len(wanted), sum(leaf.size_bytes for _, leaf in wanted))
    return results + SideBySide(read, on_bytes=how.on_bytes).run(wanted)


def settle(plan: ShardPlan, verified: Iterable[VerifiedFile]) -> list[ShardProblem]:
    """Return what came, went, or changed on this machine's disks between the plan and now, although each file was right when it was read."""
    again = walk_roots(plan.disk.named)  # as they were given: a root that is a link may have been turned elsewhere
    found = _find_all([leaf for leaf in plan.leaves if path_reason(leaf.path) is None], again, None, lookup_only=True)
    problems = list(again.problems)
    if again.roots != plan.disk.roots:
        problems += [
            ShardProblem(fault=ShardFault.CHANGED, path=root, detail="this data root was turned to another folder while the check was on its way")
            for root in plan.disk.named
        ]
    here = {item for item in plan.places if not _is_remote(item[0])}
    for _, leaf in sorted(here.symmetric_difference(found), key=lambda item: item[1].path):
        problems.append(
            ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail="was moved or put in another place while the check was on its way")
        )
    problems.extend(again.strays({place for place, _ in here}, plan.watched))
    problems.extend(problem for file in verified if (problem := _changed_since(file)) is not None)
    return problems


def split_roots(roots: Iterable[str | os.PathLike[str]]) -> tuple[list[str], list[str]]:
    """Return the roots that are folders, and those that are URLs."""
    texts = [os.fspath(root) for root in roots]
    urls = [text for text in texts if _is_remote(text)]
    local = [text for text in texts if not _is_remote(text)]
    if any("://" in text for text in local):
        from provenance.storage.urls import local_path

        local = [local_path(text) for text in local]
    return local, urls


def _is_remote(text: str) -> bool:
    """Tell whether a text is a store's URL; the module of URLs is loaded only for what looks like one."""
    if "://" not in text:
        return False
    from provenance.storage.urls import is_url

    return is_url(text)


def _plain_stores() -> Stores:
    from provenance.storage.stores import PLAIN_STORES

    return PLAIN_STORES


def _list_remote(urls: Sequence[str], stores: Stores | None) -> RemoteFiles | None:
    if not urls:
        return None
    from provenance.clearance.remote import list_remote

    return list_remote(urls, stores or _plain_stores())


def _find_all(leaves: Iterable[ShardLeaf], disk: Disk, remote: RemoteFiles | None, *, lookup_only: bool = False) -> dict[Item, None]:
    """Return where the leaves' files lie, each place once; what has none, or leaves the roots, is noted as a problem."""
    found: dict[Item, None] = {}
    for leaf in leaves:
        before, known = len(disk.problems), len(found)
        found.update(dict.fromkeys((place, leaf) for place in _places(leaf, disk, remote)))
        if not lookup_only and len(found) == known and len(disk.problems) == before:
            detail = "registered, and missing under every data root"
            disk.problems.append(ShardProblem(fault=ShardFault.MISSING, path=leaf.path, detail=detail))
    return found


def _places(leaf: ShardLeaf, disk: Disk, remote: RemoteFiles | None) -> Iterator[str]:
    """Yield where a leaf's file lies, one place a root that has it."""
    remote_path = _is_remote(leaf.path)
    if not remote_path:
        reason = path_reason(leaf.path)
    elif remote is None:
        reason = "a URL, and no data root is one: give its folder with --root, and it is read there"
    else:
        reason = remote.path_reason(leaf.path)
    if reason is not None:
        disk.problems.append(ShardProblem(fault=ShardFault.BAD_PATH, path=leaf.path, detail=reason))
        return
    if not remote_path:
        yield from disk.locate(leaf)
    if remote is not None:
        yield from remote.locate(leaf)


def _size_problem(real: str, leaf: ShardLeaf) -> ShardProblem | None:
    try:
        status = os.lstat(real)
    except OSError as err:
        return ShardProblem(fault=ShardFault.UNREADABLE, path=leaf.path, detail=f"cannot be read: {err.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return ShardProblem(fault=ShardFault.IRREGULAR, path=leaf.path, detail="not a regular file")
    if status.st_size == leaf.size_bytes:
        return None
    return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail=f"changed: {status.st_size:,} bytes, registered {leaf.size_bytes:,}")


def _changed_since(file: VerifiedFile) -> ShardProblem | None:
    if file.identity is None:
        return None
    try:
        now = FileIdentity.of(os.lstat(file.place))
    except OSError as err:
        return ShardProblem(fault=ShardFault.UNREADABLE, path=file.leaf.path, detail=f"went away while the check was on its way: {err.strerror}")
    if now == file.identity:
        return None
    return ShardProblem(fault=ShardFault.CHANGED, path=file.leaf.path, detail="was changed while the check was on its way, after it had been read")


def _order(problem: ShardProblem) -> tuple[str, str]:
    return problem.path, problem.detail


def _parent(real: str) -> str:
    return real[: real.rfind(os.sep)] or os.sep


def _parent_url(url: str) -> str:
    return url.rpartition("/")[0]
