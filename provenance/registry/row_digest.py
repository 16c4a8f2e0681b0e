"""The digest by which the log names a row: of its texts, which every database can hold."""

from __future__ import annotations

from collections.abc import Mapping

from provenance.canonical import digest_of
from provenance.errors import ManifestError


def row_digest(wire: Mapping[str, str], what: str) -> str:
    """Return the digest of a row.

    Args:
        wire: Its texts by column.
        what: Names it in errors.

    Raises:
        ManifestError: If a text cannot be stored: it is not Unicode, or holds a NUL, which PostgreSQL refuses.
    """
    try:
        digest = digest_of(dict(wire))
    except ValueError as err:
        raise ManifestError(f"{what}: cannot be recorded: {err}") from err
    if any("\x00" in text for text in wire.values()):
        raise ManifestError(f"{what}: cannot be recorded: a text holds a NUL character")
    return digest
