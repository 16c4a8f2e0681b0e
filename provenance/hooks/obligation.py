"""What ranks owe a launcher that left hashing to them: a report that every file was hashed, or that they were denied.

The launcher makes a folder of its own, tells its address to the command in an environment variable, and stays to watch. The variable only carries an address: a
hook checks the same with it and without it. Without a report of every file the launcher ends the job with 77, so that a variable which is lost, or points
elsewhere, can only deny.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from provenance.clearance.statement import Clearance
    from provenance.fingerprint.digest import ShardLeaf

ADDRESS: Final = "PROVENANCE_OBLIGATION"
OBLIGATION_FILE: Final = "obligation.json"
OBLIGATION_FORMAT: Final = "provenance.obligation"
COVER_FORMAT: Final = "provenance.cover"
REPORT_VERSION: Final = 1
MAX_REPORT_BYTES: Final = 1 << 20
_COVERS, _DENIALS = "cover-", "denial-"


def cover_digest(clearance: Clearance, places: Iterable[tuple[str, ShardLeaf]]) -> str:
    """Return the digest of what has to be hashed: the clearance's statement, and every place with the digest registered for it."""
    from provenance.clearance.statement import statement_bytes, statement_digest

    state = hashlib.sha256(statement_digest(statement_bytes(clearance)).encode("ascii"))
    for place, sha256 in sorted((place, leaf.sha256) for place, leaf in places):
        raw = place.encode("utf-8", "surrogateescape")
        state.update(b"\n%d %s %s" % (len(raw), raw, sha256.encode("ascii")))
    return f"sha256:{state.hexdigest()}"


def report_cover(clearance: Clearance, places: Iterable[tuple[str, ShardLeaf]]) -> list[str]:
    """Tell a launcher that watches, if there is one, that all these places were hashed and held what was registered. Called by every hook that has checked everything.

    Args:
        clearance: Under which it was checked.
        places: Resolved path or URL of each file, and its leaf; of a group of ranks, what all of them hashed together.

    Returns:
        Words for the user where the launcher could not be told, which will end the job.
    """
    address = os.environ.get(ADDRESS)
    if address is None:
        return []
    try:
        nonce = _read(Path(address) / OBLIGATION_FILE)["nonce"]
        wire = {"format": COVER_FORMAT, "version": REPORT_VERSION, "nonce": nonce, "cover": cover_digest(clearance, places)}
        _write(Path(address), _COVERS, _json(wire))
    except (OSError, ValueError, KeyError, TypeError) as err:
        reason = getattr(err, "strerror", None) or f"{type(err).__name__}"
        return [f"everything was checked, but the launcher that watches cannot be told at the address in {ADDRESS}: {reason}"]
    return []


def report_denial(document: str) -> None:
    """Tell a launcher that watches, if there is one, that training was denied here."""
    address = os.environ.get(ADDRESS)
    if address is not None:
        with suppress(OSError, ValueError):
            _read(Path(address) / OBLIGATION_FILE)  # without it, that is no launcher's folder, and nothing is left there
            _write(Path(address), _DENIALS, document)


class Obligation:
    """The launcher's side: what it waits for."""

    def __init__(self, cover: str) -> None:
        """Make the folder for reports, which this user alone can enter.

        Args:
            cover: ``cover_digest`` of what has to be hashed.
        """
        import secrets
        import tempfile

        self._cover = cover
        self._nonce = secrets.token_hex(16)
        self.folder = Path(tempfile.mkdtemp(prefix="provenance-"))
        wire = {"format": OBLIGATION_FORMAT, "version": REPORT_VERSION, "nonce": self._nonce}
        (self.folder / OBLIGATION_FILE).write_text(_json(wire), encoding="utf-8")

    def environment(self) -> Mapping[str, str]:
        """Return the environment of the command: this process's, and the address."""
        return {**os.environ, ADDRESS: str(self.folder)}

    def is_met(self) -> bool:
        """Tell whether a rank reported that exactly what has to be hashed was."""
        return any(
            (report.get("format"), report.get("version"), report.get("nonce"), report.get("cover"))
            == (COVER_FORMAT, REPORT_VERSION, self._nonce, self._cover)
            for report in self._reports(_COVERS)
        )

    def has_other_cover(self) -> bool:
        """Tell whether a rank reported to have hashed something else."""
        return bool(self._reports(_COVERS)) and not self.is_met()

    def denial(self) -> tuple[str, ...] | None:
        """Return why a rank was denied, ``None`` if none was."""
        for report in self._reports(_DENIALS):
            reasons = report.get("reasons")
            return tuple(map(str, reasons)) if isinstance(reasons, list) and reasons else ("a rank was denied, and did not say why",)
        return None

    def close(self) -> None:
        """Take the folder away."""
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)

    def _reports(self, kind: str) -> list[dict[str, Any]]:
        """Return the reports of a kind. One that cannot be read is one that says nothing."""
        found: list[dict[str, Any]] = []
        try:
            files = sorted(file for file in self.folder.iterdir() if file.name.startswith(kind))
        except OSError:
            return found
        for file in files:
            try:
                found.append(_read(file))
            except (OSError, ValueError):
                found.append({})
        return found


def _read(file: Path) -> dict[str, Any]:
    import json

    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as stream:
        document = json.loads(stream.read(MAX_REPORT_BYTES))
    if not isinstance(document, dict):
        raise ValueError(f"{file.name} is no report")  # noqa: TRY004 - a fault of the document
    return document


def _write(folder: Path, kind: str, document: str) -> None:
    """Write a report, whole or not at all."""
    import secrets

    name = secrets.token_hex(8)
    part = folder / f".{name}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600), "w", encoding="utf-8") as stream:
        stream.write(document)
    part.rename(folder / f"{kind}{name}.json")


def _json(wire: Mapping[str, object]) -> str:
    import json

    return json.dumps(wire) + "\n"
