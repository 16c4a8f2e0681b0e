"""Formulas of assistants and residue of their machinery, found by a catalogue of patterns and without any reference.

What stands there is a reason to ask where a text comes from. It is no match and no proof: people quote assistants, and documentation shows their templates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import re2

from provenance.canonical import digest_of
from provenance.documents import load_document
from provenance.errors import PatternDocumentError
from provenance.fingerprint.tokens import codepoint_offsets
from provenance.matching.needles import LEAST_BYTES, Needles, find_needles, make_needles
from provenance.model.absence import Absence
from provenance.model.match import SUSPECT_TEXT, Suspect
from provenance.ports import TextBatch

PATTERNS_FORMAT, PATTERNS_VERSION = "provenance.patterns", 1
KINDS = frozenset({"self-identification", "knowledge-cutoff", "refusal", "template", "tool-call", "api-residue", "interface-residue"})
_DOCUMENT = frozenset({"format", "version", "name", "release", "patterns"})
_NEEDED = frozenset({"id", "kind", "title", "regex", "needles", "examples"})
_FIELDS = _NEEDED | {"provider", "counterexamples"}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_UNNAMED_GROUP = re.compile(r"(?<!\\)(?:\\\\)*\((?!\?)")


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One thing to look for."""

    id: str
    kind: str
    title: str
    regex: str
    needles: tuple[str, ...]
    """Every text that the expression matches holds one of these, letter case of ASCII aside."""
    examples: tuple[str, ...]
    counterexamples: tuple[str, ...] = ()
    provider: str = Absence.UNKNOWN.value

    def finds(self, text: str) -> bool:
        """Tell whether the pattern is found in a text, needles included."""
        folded = _fold(text)
        return any(_fold(n) in folded for n in self.needles) and self.expression.search(text.encode()) is not None

    @cached_property
    def expression(self) -> Any:
        """The compiled regex. Letter case does not matter. RE2 takes time linear in the text whatever the pattern: the text is hostile.

        Raises:
            re2.error: If it is none.
        """
        options = re2.Options()
        options.case_sensitive, options.log_errors = False, False
        return re2.compile(self.regex, options)


def _fold(text: str) -> str:
    return "".join(" " if c in "\t\n\v\f\r" else c.lower() if c.isascii() else c for c in text)


class PatternFinder:
    """Implements ``ports.SuspectFinder`` over a catalogue."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Keep the patterns, ordered by id."""
        self.patterns = tuple(sorted(patterns, key=lambda p: p.id))

    @cached_property
    def scheme(self) -> str:
        """A name that changes with the patterns; asked for once a shard."""
        return "patterns-" + digest_of([[p.id, p.kind, p.provider, p.regex, list(p.needles)] for p in self.patterns]).removeprefix("sha256:")[:12]

    @cached_property
    def _needles(self) -> Needles:
        return make_needles([(i, needle) for i, pattern in enumerate(self.patterns) for needle in pattern.needles])

    def __reduce__(self) -> tuple[object, ...]:
        """Return what makes the finder again in another process."""
        return PatternFinder, (self.patterns,)

    def find(self, batch: TextBatch, *, path: str, shard: str = "", scan: str = "") -> list[Suspect]:
        """Return what a batch holds, for each record and pattern the first place, ordered by row and pattern."""
        pairs = find_needles(batch.data, batch.offsets, self._needles)
        found: dict[tuple[int, int], tuple[int, int, int, str]] = {}
        for number in np.unique(pairs[:, 1]).tolist():
            rows = pairs[pairs[:, 1] == number, 0].tolist()
            for row, start, text in self._look(batch, rows, self.patterns[number]):
                found.setdefault((int(batch.record[row]), number), (row, number, start, text))
        return [
            _suspect(batch, self.patterns[number], row, (start, text), (path, shard, scan)) for row, number, start, text in sorted(found.values())
        ]

    def _look(self, batch: TextBatch, rows: Sequence[int], pattern: Pattern) -> list[tuple[int, int, str]]:
        """Return (row, first code point, text) of the rows that hold a pattern."""
        found = []
        for row in rows:
            low, high = batch.offsets[row], batch.offsets[row + 1]
            raw = batch.data[low:high].data  # not copied: a row may have a hundred megabytes
            hit = pattern.expression.search(raw)
            if hit is not None:
                start, end = hit.span()
                (characters,) = codepoint_offsets(batch.data, int(low), np.array([low + start], dtype=np.int64)).tolist()
                found.append((row, characters, raw[start:end].tobytes().decode("utf-8", "replace")))
        return found


def _suspect(batch: TextBatch, pattern: Pattern, row: int, hit: tuple[int, str], place: tuple[str, str, str]) -> Suspect:
    (start, text), (path, shard, scan) = hit, place
    number, line = int(batch.record[row]), int(batch.line[row])
    return Suspect(
        scan=scan,
        shard=shard,
        path=path,
        record=number,
        line=line or None,
        doc_id=batch.doc_ids[row] or f"{path}#{number}",
        field=batch.field_names[int(batch.field_code[row])],
        start=start,
        end=start + len(text),
        pattern=pattern.id,
        kind=pattern.kind,
        provider=pattern.provider,
        text=text[:SUSPECT_TEXT],
    )


def load_patterns(folders: Sequence[Path]) -> PatternFinder:
    """Load pattern catalogues; patterns of later folders override earlier ones by id.

    Raises:
        PatternDocumentError: If a document is malformed, or a pattern does not find its examples or finds its counterexamples.
    """
    patterns: dict[str, Pattern] = {}
    for folder in folders:
        if not folder.is_dir():
            raise PatternDocumentError(f"{folder}: there is no such folder of patterns", hint="mend patterns in provenance.toml")
        for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
            patterns.update((p.id, p) for p in _read(path))
    return PatternFinder(tuple(patterns.values()))


def _read(path: Path) -> list[Pattern]:
    document, _ = load_document(path)
    if not isinstance(document, dict) or document.get("format") != PATTERNS_FORMAT or document.get("version") != PATTERNS_VERSION:
        raise PatternDocumentError(f"{path}: not a pattern catalogue: it needs format: {PATTERNS_FORMAT} and version: {PATTERNS_VERSION}")
    _refuse_unknown(set(document) - _DOCUMENT, str(path), _DOCUMENT)
    items = document.get("patterns")
    if not isinstance(items, list):
        raise PatternDocumentError(f"{path}: patterns must be a list")
    found = [_pattern(item, f"{path}: pattern {number}") for number, item in enumerate(items, 1)]
    ids = [p.id for p in found]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise PatternDocumentError(f"{path}: two patterns have the id {twice!r}")
    return found


def _pattern(item: object, where: str) -> Pattern:
    if not isinstance(item, dict) or not all(isinstance(key, str) for key in item):
        raise PatternDocumentError(f"{where}: must map names to values")
    _refuse_unknown(set(item) - _FIELDS, where, _FIELDS)
    missing = sorted(_NEEDED - set(item))
    if missing:
        raise PatternDocumentError(f"{where}: lacks {missing[0]}")
    name = str(item["id"])
    if _ID.fullmatch(name) is None:
        raise PatternDocumentError(f"{where}: id {name!r} must be lower-case words with hyphens")
    if item["kind"] not in KINDS:
        raise PatternDocumentError(f"{where} ({name}): kind {item['kind']!r} is none of: {', '.join(sorted(KINDS))}")
    pattern = Pattern(
        id=name,
        kind=item["kind"],
        title=_text(item, "title", where),
        regex=_text(item, "regex", where),
        needles=_texts(item, "needles", where),
        examples=_texts(item, "examples", where),
        counterexamples=_texts(item, "counterexamples", where) if "counterexamples" in item else (),
        provider=_text(item, "provider", where) if "provider" in item else Absence.UNKNOWN.value,
    )
    _check(pattern, f"{where} ({name})")
    return pattern


def _refuse_unknown(names: set[str], where: str, known: frozenset[str]) -> None:
    if names:
        raise PatternDocumentError(f"{where}: unknown field {min(names)!r}", hint=f"fields: {', '.join(sorted(known))}")


def _text(item: dict[str, Any], key: str, where: str) -> str:
    if not isinstance(item[key], str) or not item[key]:
        raise PatternDocumentError(f"{where}: {key} must be text")
    return _whole(item[key], f"{where}: {key}")


def _texts(item: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    if not isinstance(item[key], list) or not item[key] or not all(isinstance(v, str) and v for v in item[key]):
        raise PatternDocumentError(f"{where}: {key} must be a list of texts")
    return tuple(_whole(text, f"{where}: {key}") for text in item[key])


def _whole(text: str, what: str) -> str:
    """Return a text that has UTF-8.

    Raises:
        PatternDocumentError: If it has none.
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PatternDocumentError(f"{what} holds half of a surrogate pair, which is no character", hint="write the whole character")
    return text


def _reason(err: Exception) -> str:
    """Return what RE2 says, which it says in bytes."""
    reason = err.args[0] if err.args else err
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _check(pattern: Pattern, where: str) -> None:
    if _UNNAMED_GROUP.search(pattern.regex):
        raise PatternDocumentError(f"{where}: regex has a group that captures", hint="write (?:a|b) for (a|b), and \\( for the character")
    short = next((n for n in pattern.needles if len(n.encode()) < LEAST_BYTES), None)
    if short is not None:
        raise PatternDocumentError(f"{where}: needle {short!r} has fewer than {LEAST_BYTES} bytes")
    try:
        if pattern.expression.search(b"") is not None:
            raise PatternDocumentError(f"{where}: regex matches the empty text")
        for text in pattern.examples:
            if not pattern.finds(text):
                raise PatternDocumentError(f"{where}: does not find its example {text!r}")
        for text in pattern.counterexamples:
            if pattern.finds(text):
                raise PatternDocumentError(f"{where}: finds its counterexample {text!r}")
    except re2.error as err:
        raise PatternDocumentError(f"{where}: regex cannot be used: {_reason(err)}", hint="RE2 knows no look-around and no back references") from err
