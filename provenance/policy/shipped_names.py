"""The names of shipped bundles belong to them: a bundle of one's own under such a name would take the shipped one's place, and nobody who reads a record would see it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from provenance.canonical import digest_bytes
from provenance.config import shipped
from provenance.errors import PolicyDocumentError

ENDING = ".yaml"
BASELINE = "baseline"
"""The shipped bundle that judges every run, whatever else a run names."""


@lru_cache(maxsize=1)
def shipped_digests() -> Mapping[str, str]:
    """Return ``sha256:<hex>`` of each shipped bundle, by its name, which is its file's too."""
    return MappingProxyType({file.stem: digest_bytes(file.read_bytes()) for file in sorted((shipped("policies") / "bundles").glob(f"*{ENDING}"))})


def taken_name(name: str, digest: str) -> str:
    """Return the shipped bundle's name that a bundle bears without being it; empty where its name is its own.

    Args:
        name: The bundle's name, or its file's, with or without ``.yaml``, in any case: some file systems tell ``Strict`` and ``strict`` apart, some do not.
        digest: ``sha256:<hex>`` of its bytes.
    """
    bare = name.casefold().removesuffix(ENDING)
    return bare if shipped_digests().get(bare, digest) != digest else ""


def refuse_taken_name(name: str, digest: str, *, where: str) -> None:
    """Refuse a bundle that bears the name of a shipped one and holds something else.

    Raises:
        PolicyDocumentError: Naming the bundle that is meant otherwise.
    """
    taken = taken_name(name, digest)
    if taken:
        always = f"the shipped {BASELINE} judges every run already: leave yours out, or " if taken == BASELINE else ""
        raise PolicyDocumentError(
            f"{where}: bundle {taken!r} has the name of the shipped one and other content",
            hint=f"{always}give yours a name and a file name of its own",
        )


def refuse_taken_file(path: Path) -> None:
    """Refuse a file named like a shipped bundle that holds something else.

    Args:
        path: As it was named or found, links not followed: what it is called is what people read. A file that cannot be read is left to its reader.

    Raises:
        PolicyDocumentError: As ``refuse_taken_name``.
    """
    if path.stem.casefold() not in shipped_digests():
        return
    try:
        digest = digest_bytes(path.read_bytes())
    except OSError:
        return
    refuse_taken_name(path.name, digest, where=str(path))
