"""The most relevant domains of a crawl: sizes by registrable domain, and the share of names that the template asks for."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provenance.documents import read_document
from provenance.errors import DocumentError

_TOP_PERCENT, _SMALL_PERCENT, _SMALL_NAMES = 10, 5, 1000
_HUNDRED = 100
_LARGEST_FILE = 256 << 20
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253
_FEWEST_LABELS = 2
"""A name and what it is registered under."""
_COLUMNS = ("domain", "bytes")


@dataclass(frozen=True, slots=True)
class PublicSuffixes:
    """Rules that say under which names domains are registered, in the form of publicsuffix.org."""

    rules: frozenset[str]

    def registrable(self, host: str) -> str:
        """Return the registrable domain of a host: the longest rule counts, an exception beats it. A public suffix and an IP address are what they are."""
        labels = host.split(".")
        if labels[-1].isdigit():
            return host
        for start in range(len(labels)):
            name = ".".join(labels[start:])
            if f"!{name}" in self.rules:
                return name
            if name in self.rules or (start + 1 < len(labels) and ".".join(["*", *labels[start + 1 :]]) in self.rules):
                return ".".join(labels[max(start - 1, 0) :])
        return ".".join(labels[-2:])


def load_suffixes(path: Path) -> PublicSuffixes:
    """Return the rules that a list of public suffixes holds.

    Raises:
        DocumentError: If it cannot be read or holds none.
    """
    text = _text(path)
    lines = (line.split()[0] for line in text.splitlines() if line.strip() and not line.lstrip().startswith("//"))
    rules = frozenset(_ascii(line) for line in lines)
    if not rules:
        raise DocumentError(f"{path}: holds no rule", hint="expected the form of publicsuffix.org: one suffix a line")
    return PublicSuffixes(rules)


def load_domains(path: Path, suffixes: PublicSuffixes | None) -> dict[str, int]:
    """Return bytes scraped by domain: by registrable domain where the public suffixes are known, else by the names as they are.

    Raises:
        DocumentError: If the file is no CSV with the columns ``domain`` and ``bytes``, with the line of the fault.
    """
    rows = csv.reader(io.StringIO(_text(path)))
    if [c.strip().lower() for c in next(rows, [])] != ["domain", "bytes"]:
        raise DocumentError(f"{path}:1: expected the columns domain,bytes")
    found: dict[str, int] = {}
    try:
        for row in rows:
            if row:
                name, size = _row(row, f"{path}:{rows.line_num}")
                key = name if suffixes is None else suffixes.registrable(name)
                found[key] = found.get(key, 0) + size
    except csv.Error as err:
        raise DocumentError(f"{path}:{rows.line_num}: {err}") from err
    if not found:
        raise DocumentError(f"{path}: lists no domain")
    return found


def _row(row: list[str], where: str) -> tuple[str, int]:
    if len(row) != len(_COLUMNS):
        raise DocumentError(f"{where}: expected {' and '.join(_COLUMNS)}, got {len(row)} cells")
    name, size = _ascii(row[0].strip().rstrip(".")), row[1].strip()
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels) or len(labels) < _FEWEST_LABELS:
        raise DocumentError(f"{where}: {row[0][:60]!r} is no domain name", hint="give host names such as www.example.com, without scheme and path")
    if not re.fullmatch(r"[0-9]{1,18}", size):
        raise DocumentError(f"{where}: {size[:40]!r} is no number of bytes")
    return name, int(size)


def _ascii(name: str) -> str:
    """Return a name as the domain name system writes it."""
    if name.isascii():
        return name.lower()
    try:
        return ".".join(p if p in {"*", "!"} else p.encode("idna").decode() for p in name.lower().split("."))
    except UnicodeError:
        return name.lower()


def _text(path: Path) -> str:
    try:
        return read_document(path, max_bytes=_LARGEST_FILE).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DocumentError(f"{path}: not UTF-8 at byte {err.start}") from err


def top_domains(sizes: Mapping[str, int], *, is_small: bool) -> tuple[str, ...]:
    """Return the names that the template asks for, the largest first, names of one size in the order of the alphabet.

    Args:
        sizes: Bytes scraped by domain.
        is_small: Of a small or medium-sized enterprise: the lower of 5 % of all names and 1,000 names; else 10 %. Parts of a name count as one.
    """
    wanted = _share(len(sizes), _SMALL_PERCENT if is_small else _TOP_PERCENT)
    return tuple(_ranked(sizes.items()))[: min(wanted, _SMALL_NAMES) if is_small else wanted]


def _ranked(items: Iterable[tuple[str, int]]) -> Iterable[str]:
    return (name for name, _ in sorted(items, key=lambda item: (-item[1], item[0])))


def _share(number: int, percent: int) -> int:
    return -(-number * percent // _HUNDRED)
