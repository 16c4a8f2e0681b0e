"""One shared passage on a terminal: both places, its numbers, and the words on both sides with what they share marked."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence

import click

from provenance.cli.output import line_columns, say, say_fitting, short, visible
from provenance.columns import width, wrap
from provenance.model.absence import is_absent
from provenance.model.audit import MatchEvidence
from provenance.model.match import Match, Span
from provenance.model.reference import ReferenceRecord
from provenance.report.wording import rate

_INDENT = 4
_WIDEST = 100
"""Columns of a passage at most: longer lines are hard to read."""
_WORD = re.compile(r"\S+")
Range = tuple[int, int]


def shared_words(match: Match) -> str:
    """Return both counts of a match, each by its name (docs/formats/match.md): 133 words shared in a passage of 137."""
    return f"{match.aligned_words} words shared in a passage of {match.words}"


def print_match(item: MatchEvidence) -> None:
    """Print a match."""
    m = item.match
    say_fitting(f"{short(item.id, 10)}  {shared_words(m)}, longest run {m.longest_run}", bold=True)
    tokens = "" if m.token_start is None else f", tokens {m.token_start} to {m.token_end}"
    say_fitting(f"  training   {visible(m.path)} record {m.record} {visible(m.field)} characters {m.start} to {m.end}{tokens} ({visible(m.doc_id)})")
    named = " · ".join([visible(m.reference), *_named(item.reference)])
    say_fitting(f"  reference  {named} · characters {m.reference_start} to {m.reference_end}")
    say_fitting(
        f"  compared   containment {m.exact_containment:.2f} · Jaccard {m.exact_jaccard:.2f} · "
        f"{rate(m.chance_alarms_per_million)} chance alarms per million documents"
    )
    say_fitting(f"  state      {'explained: ' + m.because if m.because else 'not explained'}")
    if item.text is None:
        say_fitting("  the words are not at hand: the shard or the references changed or are not there")
        return
    say("  training text:")
    _print_passage(item.text.text, item.text.shared)
    if not item.text.reference_text:
        say("  the reference is a pack: its words are not here")
        say()
        return
    say("  reference text:")
    _print_passage(item.text.reference_text, item.text.reference_shared)
    say()


def _named(record: ReferenceRecord) -> list[str]:
    """Return title and model of a reference, as far as they are known."""
    model = " ".join(visible(name) for name in (record.provider, record.model) if not is_absent(name))
    return [name for name in ("" if is_absent(record.title) else visible(record.title), model) if name]


def _print_passage(text: str, shared: Sequence[Span]) -> None:
    """Print a passage with shared stretches marked: coloured on a terminal, in brackets elsewhere."""
    pieces = list(_pieces(text, shared))
    room = min(line_columns(), _WIDEST) - _INDENT
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        lines = wrap("".join(f"[{piece}]" if is_shared else piece for piece, is_shared in pieces), room)
    else:
        plain = "".join(piece for piece, _ in pieces)
        marks = bytes(is_shared for piece, is_shared in pieces for _ in piece)
        lines = (_colored(plain, marks, words) for words in _lines(plain, room))
    for line in lines:
        say(" " * _INDENT + line)


def _pieces(text: str, shared: Sequence[Span]) -> Iterator[tuple[str, bool]]:
    """Yield a text piece by piece, and whether each is shared. Spans that overlap or leave the text never change it."""
    at = 0
    for span in sorted(shared, key=lambda s: (s.start, s.end)):
        start, end = max(span.start, at), min(span.end, len(text))
        if start < end:
            yield _flat(text[at:start]), False
            yield _flat(text[start:end]), True
            at = end
    yield _flat(text[at:]), False


def _flat(text: str) -> str:
    return visible(text.replace("\n", " "))


def _lines(plain: str, room: int) -> Iterator[list[Range]]:
    """Yield the words of each line by where they stand; a word longer than a line is broken."""
    line: list[Range] = []
    used = 0
    for found in _WORD.finditer(plain):
        at = found.start()
        for part in wrap(found.group(), room):
            if line and used + 1 + width(part) > room:
                yield line
                line, used = [], 0
            used += width(part) + bool(line)
            line.append((at, at + len(part)))
            at += len(part)
    if line:
        yield line


def _colored(plain: str, marks: bytes, words: Sequence[Range]) -> str:
    """Return a line with its shared stretches coloured, and no colour left open at its end."""
    parts: list[tuple[str, bool]] = []
    for number, (start, end) in enumerate(words):
        if number:
            parts.append((" ", bool(marks[words[number - 1][1] - 1] and marks[start])))
        parts += [(plain[i], bool(marks[i])) for i in range(start, end)]
    made, at = [], 0
    while at < len(parts):
        is_shared, end = parts[at][1], at
        while end < len(parts) and parts[end][1] is is_shared:
            end += 1
        run = "".join(char for char, _ in parts[at:end])
        made.append(click.style(run, fg="yellow") if is_shared else run)
        at = end
    return "".join(made)
