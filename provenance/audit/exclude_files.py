"""Read many demands from a CSV or JSON Lines file, row by row. A row that cannot be read is told with its line; the rest goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from provenance.audit.exclude import DemandFields
from provenance.documents import nearest
from provenance.errors import InputError

COLUMNS = ("kind", "value", "dataset", "by", "received", "basis", "ticket", "evidence_url", "evidence_sha256", "comment")
"""Columns of a file, of which kind and value must be there. What a row leaves empty is taken from the command line."""
_AS_PRINTED = {"demanded_by": "by"}
"""What commands call a column where they print demands."""
MAX_LINE = 1 << 20
_NEEDED = ("kind", "value")
Row = tuple[int, DemandFields | str]


def iter_demands(path: Path, defaults: DemandFields) -> Iterator[Row]:
    """Yield (1-based line, demand or why it cannot be read) of a file.

    Args:
        path: ``.csv``, or ``.jsonl`` or ``.ndjson`` with one object a line.
        defaults: What rows that leave it empty say.

    Raises:
        InputError: If the file cannot be read, or has no such columns.
    """
    ending = path.suffix.lower()
    if ending not in {".csv", ".jsonl", ".ndjson"}:
        raise InputError(f"{path}: demands are read from .csv and .jsonl files", hint="a CSV file has the columns " + ", ".join(COLUMNS))
    try:
        yield from _csv(path, defaults) if ending == ".csv" else _json(path, defaults)
    except OSError as err:
        raise InputError(f"{path}: cannot be read: {err.strerror or err}") from err


def _csv(path: Path, defaults: DemandFields) -> Iterator[Row]:
    # Bytes that are no UTF-8 become surrogates, which no demand may hold: their row is refused, the others are not.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        names: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as err:
                if names is None:
                    raise InputError(f"{path}:{line}: is no CSV: {err}") from err
                yield line, f"is no row of CSV: {err}"
                continue
            if row is None:
                break
            if names is None:
                names = _checked([cell.strip().lower() for cell in row], path)
            elif any(cell.strip() for cell in row):
                yield line, _of_row(names, row, defaults)
    if names is None:
        raise InputError(f"{path}: is empty", hint="its first line names columns: " + ", ".join(COLUMNS))


def _checked(written: list[str], path: Path) -> list[str]:
    names = [_AS_PRINTED.get(n, n) for n in written]
    odd = next((n for n in names if n not in COLUMNS), None)
    if odd is not None:
        raise InputError(f"{path}: column {odd[:40]!r} is not known", hint=nearest(odd[:40], COLUMNS))
    if len(set(names)) != len(names) or not set(_NEEDED) <= set(names):
        raise InputError(f"{path}: its first line must name {' and '.join(_NEEDED)}, and each column once", hint="columns: " + ", ".join(COLUMNS))
    return names


def _of_row(names: list[str], row: list[str], defaults: DemandFields) -> DemandFields | str:
    if len(row) != len(names):
        return f"has {len(row)} cells, expected {len(names)}"
    return _filled(dict(zip(names, row, strict=True)), defaults)


def _json(path: Path, defaults: DemandFields) -> Iterator[Row]:
    with path.open("rb") as file:
        line = 0
        while raw := file.readline(MAX_LINE + 1):
            line += 1
            if len(raw) > MAX_LINE:
                while raw and not raw.endswith(b"\n"):
                    raw = file.readline(MAX_LINE)
                yield line, f"is longer than {MAX_LINE:,} bytes"
            elif not raw.isspace():
                yield line, _of_line(raw, defaults)


def _of_line(raw: bytes, defaults: DemandFields) -> DemandFields | str:
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as err:
        return f"is not JSON: {str(err)[:200]}"
    if not isinstance(value, dict):
        return "is no JSON object"
    value = {_AS_PRINTED.get(k, k): v for k, v in value.items()}
    odd = next((str(k) for k in value if k not in COLUMNS), None)
    if odd is not None:
        return f"field {odd[:40]!r} is not known: {nearest(odd[:40], COLUMNS)}"
    wrong = next((k for k, v in value.items() if v is not None and not isinstance(v, str)), None)
    if wrong is not None:
        return f"field {wrong!r} is no text"
    return _filled({k: v or "" for k, v in value.items()}, defaults)


def _filled(given: Mapping[str, str], defaults: DemandFields) -> DemandFields:
    said = {("demanded_by" if name == "by" else name): text for name, text in given.items() if text.strip()}
    return replace(defaults, **said)
