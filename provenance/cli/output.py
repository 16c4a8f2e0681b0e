"""Printing: text from corpora made harmless, symbols with plain fallbacks, tables for 80 columns, JSON for machines."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from provenance.columns import cut, pad, width, wrap
from provenance.errors import ConfigError, ProvenanceError
from provenance.model.match import LeftOut, ReadProblem, SuspectCount
from provenance.model.wire import to_wire
from provenance.storage.secrets import redact

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_PLAIN = {"✗": "x", "✓": "+", "●": "o", "→": "->", "·": "-", "…": "...", "–": "-", "−": "-", "\u2009": " ", "├─": "|-", "└─": "`-", "│": "|"}
MAX_PATTERNS_SHOWN = 6
MAX_PROBLEMS_SHOWN = 10
_UNIT_STEP = 1000
"""Decimal units: 1 kB is 1000 B."""
_PIECES = 1 << 16
"""Pieces of JSON text printed at a time."""
_LABEL, _LABEL_ROOM = re.compile(r"\s*\S+ {2,}"), 30
"""What stands before two spaces at the beginning of a line, and how long it may be so that further lines begin below what follows."""
_NAME_ROOM = 36
"""Columns that a table leaves for what is in its first column."""
_LEAST_COLUMNS = 60
_LINES_BELOW = 3
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


def line_columns() -> int:
    """Return the columns of a line: the terminal's, at least 60, else 80."""
    return max(shutil.get_terminal_size((80, 24)).columns, _LEAST_COLUMNS) if sys.stdout.isatty() else 80


def say_fitting(text: str, *, bold: bool = False, err: bool = False) -> None:
    """Print one line; on a terminal on as many as it takes, the further ones indented. Elsewhere lines stay whole, for other programs to read."""
    stream = sys.stderr if err else sys.stdout
    room = max(shutil.get_terminal_size((80, 24)).columns, _LEAST_COLUMNS)
    if not stream.isatty() or width(text) <= room:
        say(text, bold=bold, err=err)
        return
    head = _LABEL.match(text)
    lead = head.group() if head is not None and len(head.group()) <= _LABEL_ROOM else " " * (len(text) - len(text.lstrip()))
    further = " " * (len(lead) if lead.strip() else len(lead) + 2)
    for number, line in enumerate(wrap(text[len(lead) :], room - len(further))):
        say((further if number else lead) + line, bold=bold, err=err)


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


def json_text(value: object) -> str:
    """Return what ``say_json`` prints, for a file."""
    return json.dumps(to_wire(value), ensure_ascii=False, sort_keys=True, indent=2) + "\n"


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
        say_fitting(f"  ! {visible(where)}: {visible(_without_place(problem))}", err=True)
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


def say_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: frozenset[str] = frozenset(),
    spare: Sequence[str] = (),
    below: bool = False,
) -> None:
    """Print a table. On a terminal it fits; elsewhere nothing is cut or left out.

    Args:
        columns: Their names.
        rows: What stands in them.
        right: Columns of numbers.
        spare: Columns that a narrow terminal does without, the first of them first. Others give way, the widest first, but never the first column, which holds
            what other commands ask for: where a name leaves no room, its row goes on in the next line.
        below: The last column is a sentence: where a terminal has no room for it beside the others, it stands below its row.
    """
    cells = [[visible(str(v)) for v in row] for row in rows]
    names = list(columns)
    widths = [max(width(c), *(width(r[i]) for r in cells)) if cells else width(c) for i, c in enumerate(names)]
    sentences: list[str] = []
    if sys.stdout.isatty():
        room = line_columns()
        if below and sum(widths) + 2 * (len(widths) - 1) > room:
            sentences = [row[-1] for row in cells]
            cells = [row[:-1] for row in cells]
            del names[-1], widths[-1]
        for name in spare:
            if min(widths[0], _NAME_ROOM) + sum(widths[1:]) + 2 * (len(widths) - 1) > room and name in names:
                i = names.index(name)
                del names[i], widths[i]
                cells = [[*row[:i], *row[i + 1 :]] for row in cells]
        _fit(widths, room - 2 * (len(widths) - 1))
    _say_row(names, widths, [c in right for c in names], bold=True)
    for number, row in enumerate(cells):
        _say_row(row, widths, [c in right for c in names])
        for line in _few_lines(sentences[number]) if sentences else ():
            say("  " + line)


def _few_lines(sentence: str) -> list[str]:
    """Return a sentence as at most ``_LINES_BELOW`` lines below a row; … shows that there is more."""
    lines = list(wrap(sentence, line_columns() - 2))
    if len(lines) <= _LINES_BELOW:
        return lines
    return [*lines[: _LINES_BELOW - 1], cut(f"{lines[_LINES_BELOW - 1]} {lines[_LINES_BELOW]}", line_columns() - 2)]


def _fit(widths: list[int], room: int) -> None:
    """Make columns narrower until they fit."""
    first = min(widths[0], max(_NAME_ROOM, room - sum(widths[1:])))
    while first + sum(widths[1:]) > room and max(widths[1:], default=0) > _NARROWEST:
        widths[widths.index(max(widths[1:]), 1)] -= 1
    widths[0] = min(first, max(room - sum(widths[1:]), _NARROWEST))


def _say_row(row: Sequence[str], widths: Sequence[int], right: Sequence[bool], *, bold: bool = False) -> None:
    first = row[0]
    if width(first) > widths[0]:
        say(first, bold=bold)
        first = ""
    say("  ".join(pad(v, w, right=r) for v, w, r in zip((first, *row[1:]), widths, right, strict=True)).rstrip(), bold=bold)


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


def minute(moment: str) -> str:
    """Return a moment, which is RFC 3339 UTC, to the minute."""
    return moment[:16].replace("T", " ")


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


@contextmanager
def told_as_json(output: str) -> Iterator[None]:
    """Where JSON is asked for, print what a check found amiss as JSON too; the error goes on, with its sentence and exit code."""
    try:
        yield
    except ProvenanceError as err:
        if output == "json":
            say_json({"whole": False, "fault": redact(str(err)), "hint": redact(err.hint or "")})
        raise
