"""Whether the files on disk are still the ones that were registered, and which stand beside them unregistered."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from provenance.audit.tools import Tools
from provenance.errors import IngestError, LocationError, ManifestError, NoFilesError, StoreError
from provenance.model.dataset import DatasetVersion, Shard
from provenance.storage.urls import is_url


class ShardState(StrEnum):
    """What became of a shard since it was registered."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    MISSING = "missing"
    UNREGISTERED = "unregistered"
    """A file beside registered shards that no registered dataset holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedShard:
    """A shard and its state, from hashing its bytes now."""

    shard: Shard
    state: ShardState
    reason: str = ""
    """Why it counts as missing, where its store says more than that it is not there."""


def check_shards(version: DatasetVersion, tools: Tools) -> list[CheckedShard]:
    """Hash every shard of a version and compare with what was registered."""
    checked = []
    for shard in version.shards:
        tools.progress.note(shard.path)
        state, reason = _state(shard, tools)
        checked.append(CheckedShard(shard=shard, state=state, reason=reason))
        tools.progress.advance(shard.size_bytes)
    return checked


def _state(shard: Shard, tools: Tools) -> tuple[ShardState, str]:
    try:
        digest, size_bytes = tools.listing.digest(shard.path, root=shard.root)
    except StoreError as err:
        return ShardState.MISSING, f"{err}; {err.hint}" if err.hint else str(err)
    except IngestError:
        return ShardState.MISSING, ""
    return ShardState.UNCHANGED if (digest, size_bytes) == (shard.sha256, shard.size_bytes) else ShardState.CHANGED, ""


def find_strays(versions: Sequence[DatasetVersion | None], tools: Tools) -> list[list[str]]:
    """Return the unregistered files beside the shards of each version, as paths; each folder is looked at once, and a file told for the first version that lies beside it."""
    strays, told = [], set[tuple[str, str]]()
    for version in versions:
        shards = [s for s in version.shards if _folder_of(s) not in told] if version is not None else []
        told.update(map(_folder_of, shards))
        strays.append([path for _, path in find_unregistered(shards, tools)])
    return strays


def _folder_of(shard: Shard) -> tuple[str, str]:
    return shard.root, shard.path.rpartition("/")[0] if is_url(shard.path) else PurePosixPath(shard.path).parent.as_posix()


def find_unregistered(shards: Sequence[Shard], tools: Tools) -> list[tuple[str, str]]:
    """Return (root, path) of data files that stand in the folders of shards and that the newest version of no dataset holds, sorted.

    Args:
        shards: The shards of one dataset.
        tools: Lists files and opens the registry, which is asked for these files only.
    """
    found: set[tuple[str, str]] = set()
    for root, folder in sorted(set(map(_folder_of, shards))):
        pattern = "*" if folder == "." else f"{glob.escape(folder)}/*"
        try:
            found.update((root, path) for path in tools.listing.expand([pattern], root=root))
        except NoFilesError:
            continue  # nothing is left there; the registered shards themselves are reported as missing
        except (IngestError, LocationError, ManifestError) as err:
            found.add((root, err.context.get("path", pattern)))  # a file that cannot be named or followed is none that was registered
    if not found:
        return []
    with tools.units.read() as registry:
        return sorted(found - set(registry.registered_paths(found)))
