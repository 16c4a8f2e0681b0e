"""Frozen workspace settings, as ``provenance.toml`` gives them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from provenance.errors import ConfigError, LocationError, NoWorkspaceError
from provenance.model.report_look import ReportLook
from provenance.storage.options import StorageOptions, parse_options
from provenance.storage.secrets import find_secret
from provenance.storage.urls import Place, parse_place

SETTINGS_NAME = "provenance.toml"
_KNOWN = {
    "database",
    "roots",
    "references",
    "policies",
    "terms",
    "licenses",
    "patterns",
    "run",
    "evidence",
    "reports",
    "keys",
    "trust",
    "require_signed_waivers",
    "matching",
    "storage",
    "gate",
    "report",
}
GATE_KEYS = frozenset(
    {
        "clearance",
        "wait_s",
        "trust",
        "roots",
        "manifest",
        "run_digest",
        "policy_digests",
        "run_file",
        "policy_files",
        "shard_folders_only",
        "denial_json",
        "record",
        "require_guarded",
    }
)
"""What the table ``[gate]`` may hold; ``provenance.hooks.configured`` reads it, in trainers."""
LOGIN_HINT = "take it out: PostgreSQL reads passwords from PGPASSWORD, ~/.pgpass or a service file, see docs/database.md"
_RELATIVE_SQLITE = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?:///)(?P<path>(?!/|:memory:)[^?]+)(?P<query>\?.*)?", re.DOTALL)
MIN_WORDS = 24
"""Words that a passage must have for an alarm where nothing else is set."""
LEAST_MIN_WORDS, MOST_MIN_WORDS = 15, 1000
"""An alarm needs 15 equal words whatever is set (``MatchParams.min_score``); who asks for more than 1,000 would find no page of a book. A workspace sets at most
``MIN_WORDS``: above it passages would pass by the rules of every bundle, and no digest of a policy would say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a workspace keeps its things; every path on this machine is absolute."""

    workspace: Path
    database: str
    """SQLAlchemy URL."""
    roots: tuple[tuple[str, Place], ...]
    """Named data roots: absolute folders, or URLs of stores."""
    references: Path
    policies: tuple[Path, ...] = ()
    """Folders searched for bundles after the run file's own folder."""
    terms: tuple[Path, ...] = ()
    """Folders with the user's terms entries, which add to or override the catalogue's."""
    licenses: tuple[Path, ...] = ()
    patterns: tuple[Path, ...] = ()
    """Folders with the user's pattern catalogues."""
    run: Path | None = None
    evidence: Path = field(default_factory=Path)
    unfinished: Path = field(default_factory=Path)
    """Notes of registrations that did not end."""
    reports: Path = field(default_factory=Path)
    keys: Path = field(default_factory=Path)
    trust: Path | None = None
    require_signed_waivers: bool = False
    """Waivers that no approver signed do not count."""
    storage: StorageOptions = field(default_factory=StorageOptions)
    """How stores are reached."""
    min_words: int = MIN_WORDS
    """Shorter passages are listed as explained, and are no alarms."""
    look: ReportLook = field(default_factory=ReportLook)
    """Templates and brand of reports."""

    def root(self, name: str) -> Place:
        """Return a data root's folder or URL.

        Raises:
            ConfigError: If no root has this name.
        """
        for known, path in self.roots:
            if known == name:
                return path
        raise ConfigError(
            f"no data root is named {name!r}", hint=f"known roots: {', '.join(n for n, _ in self.roots)}; see [roots] in {SETTINGS_NAME}"
        )


def default_settings(workspace: Path, *, database: str | None = None) -> Settings:
    """Return the settings of a workspace without a settings file."""
    return with_database(_build(workspace.absolute(), {}), database, folder=workspace.absolute())


def with_database(settings: Settings, database: str | None, *, folder: Path) -> Settings:
    """Return settings with another database, if one is given; a relative path of SQLite is below ``folder``.

    Raises:
        ConfigError: If the URL holds a password.
    """
    return settings if database is None else replace(settings, database=_database(database, folder, where="--db"))


def load_settings(start: Path) -> Settings:
    """Return the settings of the workspace that ``start`` lies in: the nearest ``provenance.toml`` upwards.

    Raises:
        ConfigError: If there is none, or it cannot be used.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        file = folder / SETTINGS_NAME
        if file.is_file():
            return _build(folder, _read(file))
    raise NoWorkspaceError(f"no {SETTINGS_NAME} in {start.absolute()} or above it", hint="run: provenance init")


def _read(file: Path) -> dict[str, object]:
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise ConfigError(f"{file}: cannot be read: {err}", hint="mend the file, or move it away and run: provenance init") from err
    unknown = sorted(set(raw) - _KNOWN)
    if unknown:
        raise ConfigError(f"{file}: unknown setting {unknown[0]!r}", hint=f"known settings: {', '.join(sorted(_KNOWN))}")
    gate = raw.get("gate", {})
    wrong = sorted(set(gate) - GATE_KEYS) if isinstance(gate, dict) else ["gate"]
    if wrong:
        raise ConfigError(f"{file}: [gate] cannot hold {wrong[0]!r}", hint=f"it is a table, of: {', '.join(sorted(GATE_KEYS))}")
    return raw


def _build(folder: Path, raw: dict[str, object]) -> Settings:
    roots = raw.get("roots", {"data": "data"})
    if not isinstance(roots, dict) or not roots or not all(isinstance(v, str) for v in roots.values()):
        raise ConfigError(f"{folder / SETTINGS_NAME}: [roots] must map names to folders or URLs", hint='such as: [roots] data = "data"')
    state = folder / ".provenance"
    return Settings(
        workspace=folder,
        database=_database(_text(raw, "database", f"sqlite:///{state / 'registry.db'}", folder), folder, where=str(folder / SETTINGS_NAME)),
        roots=tuple((str(name), _root(str(name), str(place), folder)) for name, place in sorted(roots.items())),
        references=folder / _text(raw, "references", ".provenance/references", folder),
        policies=_folders(raw, "policies", folder),
        terms=_folders(raw, "terms", folder),
        licenses=_folders(raw, "licenses", folder),
        patterns=_folders(raw, "patterns", folder),
        run=folder / _text(raw, "run", "run.yaml", folder) if "run" in raw else None,
        evidence=folder / _text(raw, "evidence", ".provenance/evidence", folder),
        unfinished=state / "unfinished",
        reports=folder / _text(raw, "reports", "reports", folder),
        keys=folder / _text(raw, "keys", ".provenance/keys", folder),
        trust=folder / _text(raw, "trust", "", folder) if "trust" in raw else None,
        require_signed_waivers=_flag(raw, "require_signed_waivers", folder),
        storage=parse_options(raw.get("storage", {}), where=str(folder / SETTINGS_NAME)),
        min_words=_min_words(raw, folder),
        look=ReportLook.parse(raw.get("report", {}), folder=folder, where=str(folder / SETTINGS_NAME)),
    )


def _database(url: str, folder: Path, *, where: str) -> str:
    """Return a database URL that holds no credential, and means the same file wherever the command was started."""
    found = find_secret(url)
    if found is not None:
        raise ConfigError(f"{where}: the database URL holds {found}", hint=LOGIN_HINT)
    relative = _RELATIVE_SQLITE.fullmatch(url)
    return url if relative is None else f"{relative['scheme']}{folder / relative['path']}{relative['query'] or ''}"


def _root(name: str, text: str, folder: Path) -> Place:
    try:
        place = parse_place(text, folder=folder)
    except LocationError as err:
        raise ConfigError(f"{folder / SETTINGS_NAME}: data root {name!r}: {err}", hint=err.hint) from None
    return place.absolute() if isinstance(place, Path) else place


def _min_words(raw: dict[str, object], folder: Path) -> int:
    table, place = raw.get("matching", {}), folder / SETTINGS_NAME
    if not isinstance(table, dict) or set(table) - {"min_words"}:
        raise ConfigError(f"{place}: [matching] must hold min_words and nothing else", hint=f"such as: [matching] min_words = {MIN_WORDS}")
    value = table.get("min_words", MIN_WORDS)
    if not isinstance(value, int) or isinstance(value, bool) or not LEAST_MIN_WORDS <= value <= MIN_WORDS:
        raise ConfigError(
            f"{place}: min_words is {value!r}, expected a whole number from {LEAST_MIN_WORDS} to {MIN_WORDS}",
            hint="a setting can only find more: a higher bound is for a look only, provenance match --min-words N; a passage that may stay needs a waiver",
        )
    return value


def _flag(raw: dict[str, object], key: str, folder: Path) -> bool:
    value = raw.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{folder / SETTINGS_NAME}: {key} must be true or false, got {value!r}", hint=f"such as: {key} = true")
    return value


def _text(raw: dict[str, object], key: str, default: str, folder: Path) -> str:
    value = raw.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f"{folder / SETTINGS_NAME}: {key} must be text", hint=f'such as: {key} = "{default}"')
    return value


def _folders(raw: dict[str, object], key: str, folder: Path) -> tuple[Path, ...]:
    value = raw.get(key, [])
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(v, str) for v in items):
        raise ConfigError(f"{folder / SETTINGS_NAME}: {key} must be a folder or a list of folders", hint=f'such as: {key} = ["{key}"]')
    return tuple(folder / v for v in items)


def shipped(name: str) -> Path:
    """Return a folder of data that ships with the package: ``migrations``, ``policies`` or ``reports``.

    Raises:
        ConfigError: If the installation is incomplete.
    """
    package = Path(__file__).parent
    for folder in (package / "_shipped" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ConfigError(f"the installation lacks its {name} folder", hint="reinstall provenance-audit")
