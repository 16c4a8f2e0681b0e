"""The gate that a workspace or the machine's administrator configured, for hooks that nobody calls by hand. Standard library only.

It stands in the table ``[gate]`` of the nearest ``provenance.toml`` upwards that has one, and in ``/etc/provenance/gate.toml``, which must belong to root.
What the system's file says, no other file changes; where that file exists, every run is gated. No environment variable is read.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.clearance.trust import expect_root_owned
from provenance.config import GATE_KEYS, SETTINGS_NAME
from provenance.errors import LocationError
from provenance.hooks.gate import MAX_WAIT_S, GateOptions, TrainingBlocked
from provenance.storage.urls import parse_place

SYSTEM_GATE: Final = Path("/etc/provenance/gate.toml")
DEFAULT_ROOTS: Final = ("data",)
"""Data roots of a workspace that names none, as ``provenance init`` makes it."""
"""No rank waits for another longer than a day."""
_PATHS: Final = ("clearance", "trust", "manifest", "run_file", "denial_json", "record")
_FLAGS: Final = ("shard_folders_only", "require_guarded")
_OF_A_JOB: Final = frozenset(
    {"clearance", "manifest", "roots", "run_digest", "run_file", "policy_digests", "policy_files", "denial_json", "record", "wait_s"}
)
"""What a workspace may say where the system's file says nothing of it. Whom to trust and what is looked at are then the system's, or the safe default."""
_EXAMPLE: Final = 'such as: [gate] clearance = "run.clearance.json", trust = "/etc/provenance/trust.json", roots = ["data"]; see docs/hooks.md'


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredGate:
    """A gate as files configure it; paths on this machine are absolute."""

    source: str
    """The files it came from, for messages."""
    clearance: Path
    roots: tuple[str, ...]
    """Folders, or URLs of stores."""
    trust: Path | None = None
    manifest: Path | None = None
    run_digest: str | None = None
    policy_digests: tuple[str, ...] | None = None
    run_file: Path | None = None
    """The run file whose bytes must be those that were audited."""
    policy_files: tuple[Path, ...] = ()
    """Bundles that must be among those that judged it."""
    shard_folders_only: bool = False
    denial_json: Path | None = None
    record: Path | None = None
    """Folder in which every run gets a folder of its own, with its run record."""
    require_guarded: bool = False
    """Refuse data whose reading nobody follows."""
    wait_s: float | None = None
    """How long a rank waits for the others to come to the gate, seconds."""

    def options(self) -> GateOptions:
        """Return what the gate is asked with, beside the clearance."""
        options = GateOptions(
            roots=self.roots,
            trust=self.trust,
            manifest=self.manifest,
            run_digest=self.run_digest,
            policy_digests=self.policy_digests,
            run_file=self.run_file,
            policy_files=self.policy_files,
            shard_folders_only=self.shard_folders_only,
        )
        if self.wait_s is not None:
            options["wait_s"] = self.wait_s
        return options


def find_gate(start: str | os.PathLike[str] | None = None) -> ConfiguredGate | None:
    """Return the gate configured for a folder, ``None`` if nobody configured one.

    Args:
        start: The folder; the current one where not given.

    Raises:
        TrainingBlocked: If a file that configures it cannot be read or understood. Nothing is printed.
    """
    return _merged(_workspace_table(Path(start or Path.cwd()).absolute()))


def gate_from_table(table: object, *, source: Path, folder: Path) -> ConfiguredGate:
    """Return the gate that another file's table configures, in the place of a workspace's.

    Args:
        table: As ``[gate]``.
        source: The file, for messages.
        folder: What relative paths are taken from.

    Raises:
        TrainingBlocked: As ``find_gate``.
    """
    made = _merged(_Table(str(source), _values(table, source, folder)))
    if made is None:
        raise AssertionError("a table was given")
    return made


def _merged(table: _Table | None) -> ConfiguredGate | None:
    """Return the gate of a table and of the system's file, which wins."""
    system = _system_table()
    if (
        system is not None and table is not None
    ):  # beside a system's file a job names its own run, and chooses neither whom to trust nor what is looked at
        table = _Table(
            table.source, {key: value for key, value in table.values.items() if key in _OF_A_JOB or (key == "require_guarded" and value is True)}
        )
    tables = [t for t in (table, system) if t is not None]
    source = " and ".join(t.source for t in tables)
    if not tables:
        return None
    values = {key: value for t in tables for key, value in t.values.items()}
    if "clearance" not in values:
        raise _denied(source, "[gate] names no clearance", _EXAMPLE)
    values.setdefault("roots", DEFAULT_ROOTS)
    return ConfiguredGate(source=source, **values)  # type: ignore[arg-type]  # each value was read by the kind of its key


def required_gate(start: str | os.PathLike[str] | None = None) -> ConfiguredGate:
    """Return the gate configured for a folder, for whoever relies on there being one. Arguments are those of ``find_gate``.

    Raises:
        TrainingBlocked: As ``find_gate``, and if there is none.
    """
    found = find_gate(start)
    if found is None:
        where = Path(start or Path.cwd()).absolute()
        raise _denied("", f"no gate is configured: no {SETTINGS_NAME} with a table [gate] in {where} or above it, and no {SYSTEM_GATE}", _EXAMPLE)
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """What one file says."""

    source: str
    values: Mapping[str, object]


def _workspace_table(start: Path) -> _Table | None:
    """Return the nearest workspace's table: one without it does not switch off that of a folder above."""
    for folder in (start, *start.parents):
        file = folder / SETTINGS_NAME
        document = _document(file)
        if document is not None and "gate" in document:
            values = _values(document["gate"], file, folder)
            roots = document.get("roots")
            if "roots" not in values:
                places = list(roots.values()) if isinstance(roots, dict) else DEFAULT_ROOTS if roots is None else roots
                values["roots"] = _places(places, file, folder, "[roots]")
            return _Table(str(file), values)
    return None


def _system_table() -> _Table | None:
    document = _document(SYSTEM_GATE)
    if document is None:
        return None
    try:
        expect_root_owned(SYSTEM_GATE)
    except (OSError, ValueError) as err:
        raise _denied(SYSTEM_GATE, str(err), f"chown root {SYSTEM_GATE}; chmod 644 {SYSTEM_GATE}") from err
    unknown = sorted(set(document) - {"gate"})
    if unknown or "gate" not in document:
        raise _denied(SYSTEM_GATE, f"expected the table [gate] and nothing else{f', got {unknown[0]!r}' if unknown else ''}", _EXAMPLE)
    return _Table(str(SYSTEM_GATE), _values(document["gate"], SYSTEM_GATE, SYSTEM_GATE.parent))


def _document(file: Path) -> dict[str, object] | None:
    """Return a settings file, ``None`` where there is none, or none that this user can see."""
    try:
        raw = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as err:
        if file != SYSTEM_GATE and not os.access(file.parent, os.X_OK):
            return None
        raise _denied(file, f"cannot be read: {err.strerror}", "make it readable for whoever trains, or take it away") from err
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except ValueError as err:
        raise _denied(file, f"cannot be understood: {err}", "mend it: it may configure the gate") from err


def _values(table: object, file: Path, folder: Path) -> dict[str, object]:
    """Return the table's values, each by the kind of its key."""
    if not isinstance(table, dict):
        raise _denied(file, "gate is no table", _EXAMPLE)
    unknown = sorted(set(table) - GATE_KEYS)
    if unknown:
        raise _denied(file, f"[gate] holds an unknown setting {unknown[0]!r}", f"known settings: {', '.join(sorted(GATE_KEYS))}")
    return {key: _value(key, value, file, folder) for key, value in table.items()}


def _value(key: str, value: object, file: Path, folder: Path) -> object:
    if key == "roots":
        return _places(value, file, folder, "[gate] roots")
    if key == "policy_digests":
        return tuple(_texts(value, file, "[gate] policy_digests"))
    if key == "policy_files":
        return tuple(folder / text for text in _texts(value, file, "[gate] policy_files"))
    if key in _FLAGS:
        if not isinstance(value, bool):
            raise _denied(file, f"[gate] {key} must be true or false, got {value!r:.40}", f"such as: {key} = true")
        return value
    if key == "wait_s":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_WAIT_S:
            raise _denied(
                file, f"[gate] wait_s must be a number of seconds above 0 and at most {MAX_WAIT_S:,}, got {value!r:.40}", "such as: wait_s = 600"
            )
        return float(value)
    if not isinstance(value, str) or not value:
        raise _denied(file, f"[gate] {key} must be text, got {value!r:.40}", _EXAMPLE)
    return folder / value if key in _PATHS else value


def _places(value: object, file: Path, folder: Path, where: str) -> tuple[str, ...]:
    try:
        return tuple(str(parse_place(text, folder=folder)) for text in _texts([value] if isinstance(value, str) else value, file, where))
    except LocationError as err:
        raise _denied(file, f"{where}: {err}", err.hint or _EXAMPLE) from err


def _texts(value: object, file: Path, where: str) -> list[str]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(item, str) and item for item in value):
        raise _denied(file, f"{where} must be a list of texts, at least one, got {value!r:.40}", _EXAMPLE)
    return list(value)


def _denied(file: Path | str, reason: str, hint: str) -> TrainingBlocked:
    return TrainingBlocked((f"{file}: {reason}" if str(file) else reason,), hint=hint, clearance="(not known: see the reason)", kind="ConfigError")
