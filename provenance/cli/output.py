"""Printing: text from corpora made harmless, symbols with plain fallbacks, tables for 80 columns, JSON for machines."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from provenance.errors import ConfigError
from provenance.model.match import LeftOut, ReadProblem, SuspectCount
from provenance.model.wire import to_wire

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_PLAIN = {"✗": "x", "✓": "+", "→": "->", "·": "-", "…": "...", "–": "-", "\u2009": " "}
MAX_PATTERNS_SHOWN = 6
MAX_PROBLEMS_SHOWN = 10
_UNIT_STEP = 1000
"""Decimal units: 1 kB is 1000 B."""
_PIECES = 1 << 16
"""Pieces of JSON text printed at a time."""
_NARROWEST = 8
"""Characters below which no column is cut."""


def visible(text: str, *, keep_newlines: bool = False) -> str:
    """Return text without anything that could steer a terminal: controls, escapes, bidi marks and lone surrogates become visible escapes."""
    return "".join(c if _is_harmless(c) or (keep_newlines and c == "\n") else f"\\u{ord(c):04x}" for c in text)


def _is_harmless(char: str) -> bool:
    return char not in _BIDI and unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}


def say(text: str = "", *, bold: bool = False, color: str | None = None, err: bool = False) -> None:
    """Print one line, with colour only on a terminal and symbols only where the stream can write them."""
    stream = sys.stderr if err else sys.stdout
    styled = click.style(text, bold=bold, fg=color) if (bold or color) and "NO_COLOR" not in os.environ else text
    click.echo(_writable(styled, stream.encoding), err=err)


def _writable(text: str, encoding: str | None) -> str:
    try:
        text.encode(encoding or "ascii")
    except UnicodeEncodeError:
        for symbol, plain in _PLAIN.items():
            text = text.replace(symbol, plain)
        return text.encode(encoding or "ascii", "backslashreplace").decode(encoding or "ascii")
    return text


def say_json(value: object) -> None:
    """Print a value as JSON: keys sorted, one document. Its text, which may be long, is never whole in memory."""
    pieces = json.JSONEncoder(ensure_ascii=False, sort_keys=True, indent=2).iterencode(to_wire(value))
    while block := "".join(itertools.islice(pieces, _PIECES)):
        click.echo(block, nl=False)
    click.echo()


def say_json_list(values: Iterable[object]) -> None:
    """Print values as one JSON list, as ``say_json`` would, but each as it comes: there may be millions."""
    lead = "[\n  "
    for value in values:
        text = json.dumps(to_wire(value), ensure_ascii=False, sort_keys=True, indent=2)
        click.echo(lead + text.replace("\n", "\n  "), nl=False)
        lead = ",\n  "
    click.echo("[]" if lead[0] == "[" else "\n]")


def say_problems(problems: Sequence[ReadProblem], what: str = "could not be read") -> None:
    """List what failed, on stderr: the first few, and how many more."""
    for problem in problems[:MAX_PROBLEMS_SHOWN]:
        where = f"{problem.path}:{problem.line}" if problem.line else problem.path
        say(f"  ! {visible(where)}: {visible(_without_place(problem))}", err=True)
    if len(problems) > MAX_PROBLEMS_SHOWN:
        say(f"  ! … and {len(problems) - MAX_PROBLEMS_SHOWN} more", err=True)
    if problems:
        say(f"{len(problems)} {what}", err=True)


def say_suspects(records: int, counts: Iterable[SuspectCount]) -> None:
    """Say how many records speak as an assistant, and by which patterns."""
    if records:
        patterns = ", ".join(f"{c.pattern} {c.records}" for c in sorted(counts, key=lambda c: (-c.records, c.pattern))[:MAX_PATTERNS_SHOWN])
        say(f"{counted(records, 'record')} that speak as an assistant or hold residue of one, no match and no proof: {patterns}", err=True)


def say_left_out(left_out: Iterable[tuple[str, LeftOut]]) -> bool:
    """Say which fields of which files were not compared, on stderr; tell whether there are any."""
    items = list(left_out)
    for path, field in items[:MAX_PROBLEMS_SHOWN]:
        say(
            f"  ! {visible(path)}: {visible(field.field)}: its text or token ids in {counted(field.records, 'record')} were compared with nothing",
            err=True,
        )
    if len(items) > MAX_PROBLEMS_SHOWN:
        say(f"  ! … and {len(items) - MAX_PROBLEMS_SHOWN} more", err=True)
    if items:
        say("every text is read where no text field is named, token ids where a tokenizer is", err=True)
    return bool(items)


def _without_place(problem: ReadProblem) -> str:
    """Return a problem's message without the file's own name before it: the line begins with that already."""
    place, _, rest = problem.message.partition(f"{problem.path}: ")
    return rest if rest and (not place or place.endswith("/")) else problem.message


def say_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: frozenset[str] = frozenset()) -> None:
    """Print a table. On a terminal it fits: the widest column gives way, but never the first, which holds what other commands ask for."""
    cells = [[visible(str(v)) for v in row] for row in rows]
    widths = [max(len(c), *(len(r[i]) for r in cells)) if cells else len(c) for i, c in enumerate(columns)]
    if sys.stdout.isatty():
        room = max(shutil.get_terminal_size((80, 24)).columns, 60) - 2 * (len(columns) - 1)
        while sum(widths) > room and max(widths[1:], default=0) > _NARROWEST:
            widths[widths.index(max(widths[1:]), 1)] -= 1
    say("  ".join(_pad(c, w, right=c in right) for c, w in zip(columns, widths, strict=True)).rstrip(), bold=True)
    for row in cells:
        say("  ".join(_pad(v, w, right=c in right) for c, v, w in zip(columns, row, widths, strict=True)).rstrip())


def _pad(text: str, width: int, *, right: bool) -> str:
    cut = text if len(text) <= width else text[: max(width - 1, 1)] + "…"
    return cut.rjust(width) if right else cut.ljust(width)


def thousands(number: int) -> str:
    """Return a number with thin separators: 31 204."""
    return f"{number:,}".replace(",", "\u2009")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 text, 2 texts."""
    return f"{thousands(number)} {noun}{'' if number == 1 else 's'}"


def size_text(size_bytes: int) -> str:
    """Return a size in decimal units."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < _UNIT_STEP:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _UNIT_STEP
    return f"{value:.1f} TB"


def short(digest: str, length: int = 12) -> str:
    """Return the first hex digits of a digest."""
    return digest.removeprefix("sha256:")[:length]


def next_audit(run_file: Path, *, quiet: bool) -> None:
    """Name the audit as the next command, or first the file that it needs."""
    next_step("provenance audit" if run_file.exists() else f"write {run_file.name} as docs/formats/run.md shows, then: provenance audit", quiet=quiet)


def next_step(command: str, *, quiet: bool = False) -> None:
    """Name the next command to type, on stderr."""
    if not quiet:
        say(f"Next: {command}", err=True)


def write_whole(target: Path, parts: Iterable[bytes]) -> None:
    """Write a file that appears under its name only once all of it is there.

    Raises:
        ConfigError: If it cannot be written.
    """
    unfinished: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            unfinished = Path(file.name)
            file.writelines(parts)
        unfinished.chmod(0o644)
        unfinished.replace(target)
    except OSError as err:
        raise ConfigError(f"{target}: cannot be written: {err.strerror}") from err
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
