"""How a user's reports look: their own templates, and their name, contact line, colour and logo. Checked here, so that nothing in them can become markup or style."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provenance.errors import ConfigError

_COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_LONGEST = 200
"""Characters of a name and of a contact line."""
_BRAND_KEYS = ("name", "contact", "color", "logo")
_KEYS = ("templates", "brand")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose report it is, as its head shows it."""

    name: str = ""
    contact: str = ""
    """A line such as an address of the compliance team; plain text, no link."""
    color: str = ""
    """``#rrggbb`` or ``#rgb``: of the line at the head of the page. No text is written in it, so that any colour stays readable."""
    logo: Path | None = None
    """A PNG file; its bytes are checked when a page is made."""

    def __post_init__(self) -> None:
        """Refuse what could be more than a name, a line and a colour."""
        for key, text in (("name", self.name), ("contact", self.contact)):
            if len(text) > _LONGEST or any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in text):
                raise ValueError(f"brand.{key} is one line of at most {_LONGEST} visible characters")
        if self.color and not _COLOR.fullmatch(self.color):
            raise ValueError(f"brand.color is {self.color[:40]!r}, expected a colour such as #1a5fb4")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLook:
    """The table ``[report]`` of a workspace's settings."""

    templates: Path | None = None
    """A folder whose templates take the place of ours, name by name."""
    brand: Brand = field(default_factory=Brand)

    @classmethod
    def parse(cls, table: object, *, folder: Path, where: str) -> ReportLook:
        """Return the look that a settings table gives; paths in it are below ``folder``.

        Raises:
            ConfigError: If the table holds what is not known, or of another type.
        """
        given = _table(table, "report", _KEYS, where)
        named = _table(given.get("brand", {}), "report.brand", _BRAND_KEYS, where)
        text = {key: _text(value, f"report.brand.{key}", where) for key, value in named.items()}
        logo = text.pop("logo", "")
        templates = _text(given.get("templates", ""), "report.templates", where)
        try:
            brand = Brand(**text, logo=folder / logo if logo else None)
        except ValueError as err:
            raise ConfigError(f"{where}: [report] {err}", hint="see docs/reports.md") from None
        return cls(templates=folder / templates if templates else None, brand=brand)


def _table(value: object, name: str, keys: tuple[str, ...], where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: {name} must be a table", hint='such as: [report] brand = {name = "Example Ltd", color = "#1a5fb4"}')
    unknown = sorted(str(key) for key in value if key not in keys)
    if unknown:
        raise ConfigError(f"{where}: {name} cannot hold {unknown[0][:60]!r}", hint=f"it holds: {', '.join(keys)}")
    return value


def _text(value: object, name: str, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {name} must be text, got {type(value).__name__}", hint="see docs/reports.md")
    return value
