"""``provenance sql``: questions to the registry in SQL, which change nothing."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import output_format, pass_context
from provenance.cli.output import say, say_json, say_table, thousands, visible, write_whole
from provenance.columns import pad, width, wrap

if TYPE_CHECKING:
    from provenance.registry.readonly import Answer

ROWS = 1_000
_NARROW = 10
"""Columns of a terminal that a column of a table needs to say anything."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings that spreadsheets take for formulas."""


@click.command()
@click.argument("query", required=False)
@click.option("--tables", is_flag=True, help="List views and tables instead.")
@click.option("--limit", type=click.IntRange(min=0), default=ROWS, show_default=True, help="Rows at most; 0 = all.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds at most.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), default=None, help="Write to a file.")
@output_format("text", "csv", "json", "parquet")
@pass_context
def sql(ctx: CommandContext, /, query: str | None, tables: bool, limit: int, timeout: float, target: Path | None, output: str) -> int:
    """Ask the registry in SQL; nothing can be changed.

    Begin with the views: dataset_overview, shard_overview, license_overview,
    generator_overview, lineage_overview, alarms_by_dataset, audit_overview,
    log_overview.
    """
    from provenance.registry.readonly import ask

    workspace = ctx.workspace()
    if tables:
        return _say_tables(output)
    if query is None:
        raise click.UsageError("Missing argument 'QUERY': such as 'SELECT * FROM dataset_overview'.")
    if output == "parquet" and target is None:
        raise click.UsageError("Parquet goes to a file: give --output FILE.parquet.")
    _ = workspace.units  # says where the schema is of another version
    answer = ask(workspace.settings.database, query, limit=limit or None, timeout_s=timeout)
    raw = _written(answer, output)
    if target is not None:
        write_whole(ctx.path(target), [raw if raw is not None else _csv(answer)])
        say(f"wrote {thousands(len(answer.rows))} rows to {visible(str(target))}", err=True)
    elif raw is not None:
        click.echo(raw.decode(), nl=False)
    else:
        _say_answer(answer)
    if answer.cut:
        say(f"cut after {thousands(len(answer.rows))} rows: --limit 0 gives all", err=True)
    return 0


def _say_answer(answer: Answer) -> None:
    """Print rows as a table, or, where a terminal is too narrow for all columns, each row as a list of its own."""
    columns, rows = [visible(c) for c in answer.columns], [[_shown(v) for v in row] for row in answer.rows]
    if not sys.stdout.isatty() or len(columns) * _NARROW <= shutil.get_terminal_size((80, 24)).columns:
        say_table(columns, rows)
        return
    label = max(map(width, columns))
    for number, row in enumerate(rows, start=1):
        say(f"row {thousands(number)}", bold=True)
        for column, value in zip(columns, row, strict=True):
            lines = list(wrap(visible(value), max(80 - label - 4, _NARROW)))
            for i, line in enumerate(lines or [""]):
                say(f"  {pad('' if i else column, label)}  {line}".rstrip())


def _say_tables(output: str) -> int:
    from provenance.registry.tables import Base
    from provenance.registry.views import VIEWS

    if output == "json":
        say_json({"views": sorted(VIEWS), "tables": sorted(Base.metadata.tables)})
        return 0
    say_table(("name", "what"), [(name, "view") for name in sorted(VIEWS)] + [(name, "table") for name in sorted(Base.metadata.tables)])
    return 0


def _written(answer: Answer, output: str) -> bytes | None:
    """Return the answer in a format for machines, ``None`` for people."""
    if output == "csv":
        return _csv(answer)
    if output == "json":
        return _json(answer)
    return _parquet(answer) if output == "parquet" else None


def _csv(answer: Answer) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_cell(c) for c in answer.columns])
    writer.writerows([[_cell(v) for v in row] for row in answer.rows])
    return out.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula and no terminal for a command."""
    if isinstance(value, bytes):
        return value.hex()
    if not isinstance(value, str):
        return value
    text = visible(value, keep_newlines=True)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or value.startswith(_FORMULA) else text


def _json(answer: Answer) -> bytes:
    import json

    rows = [[v.hex() if isinstance(v, bytes) else v for v in row] for row in answer.rows]
    text = json.dumps({"columns": answer.columns, "rows": rows, "cut": answer.cut}, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _parquet(answer: Answer) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(answer.to_arrow(), sink)
    return bytes(sink.getvalue().to_pybytes())


def _shown(value: Any) -> str:
    return "" if value is None else value.hex() if isinstance(value, bytes) else str(value)
