"""What evidence files hold, column by column, and how values become columns and columns values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pyarrow as pa

from provenance.model.audit import MatchFinding
from provenance.model.finding import Outcome
from provenance.model.match import AlsoIn, Explanation, Match, MatchMethod, Suspect
from provenance.model.reference import ReferenceKind

Value = TypeVar("Value")
ROWS_PER_GROUP = 20_000
"""Rows of a file that are in memory at a time."""
_ALSO_FIELDS = (("reference_set", pa.string()), ("reference", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("score", pa.float64()))
_ALSO = pa.list_(pa.struct(list(_ALSO_FIELDS)))
_TEXTS = ("scan", "shard", "path", "doc_id", "field", "reference_set", "reference", "kind", "method")
_NUMBERS = ("record", "start", "end", "reference_start", "reference_end", "words", "aligned_words", "longest_run")
_REALS = ("exact_jaccard", "exact_containment", "document_jaccard", "score", "chance_alarms_per_million", "ci_low", "ci_high")
_FIELDS: list[pa.Field[Any]] = [pa.field(name, pa.string(), nullable=False) for name in _TEXTS]
_FIELDS += [pa.field(name, pa.int64(), nullable=False) for name in _NUMBERS]
_FIELDS += [pa.field(name, pa.float64(), nullable=False) for name in _REALS]
_FIELDS += [pa.field("line", pa.int64()), pa.field("also", _ALSO, nullable=False)]
_FIELDS += [pa.field("explained", pa.bool_(), nullable=False), pa.field("because", pa.string())]
_TOKENS: list[pa.Field[Any]] = [pa.field("token_start", pa.int64()), pa.field("token_end", pa.int64())]
MATCH_SCHEMA = pa.schema([*_FIELDS, *_TOKENS], metadata={"format": "provenance.matches", "version": "3"})
"""Columns of a matches file: FORMATS, match. ``line`` is null where a format has none, ``because`` where a match is not explained, the tokens where the
shard holds text."""
_KINDS = {kind.value: kind for kind in ReferenceKind}
_METHODS = {method.value: method for method in MatchMethod}
_OLDER_MATCHES = pa.schema(_FIELDS)
"""What the second version had: no tokens. Files of the first did not say in which set the other references of a match are: scans are done again."""

_FINDING_TEXTS = ("rule", "outcome", "waiver", "dataset", "judged_as")
FINDING_SCHEMA = pa.schema(
    [*(pa.field(name, pa.string(), nullable=False) for name in _FINDING_TEXTS), *MATCH_SCHEMA],
    metadata={"format": "provenance.match-findings", "version": "1"},
)
"""Columns of a file of findings on matches: docs/formats, audit. ``waiver`` is empty where none covers the finding; the others are those of the match."""

_SUSPECT_TEXTS = ("scan", "shard", "path", "doc_id", "field", "pattern", "kind", "provider", "text")
_SUSPECT_FIELDS: list[pa.Field[Any]] = [pa.field(name, pa.string(), nullable=False) for name in _SUSPECT_TEXTS]
_SUSPECT_FIELDS += [pa.field(name, pa.int64(), nullable=False) for name in ("record", "start", "end")]
_SUSPECT_FIELDS += [pa.field("line", pa.int64())]
SUSPECT_SCHEMA = pa.schema(_SUSPECT_FIELDS, metadata={"format": "provenance.suspects", "version": "1"})
"""Columns of a suspects file."""

Pair = tuple[int, int]
"""(record, number of a segment)."""
TOUCHED_SCHEMA = pa.schema(
    [pa.field("record", pa.int64(), nullable=False), pa.field("segment", pa.int32(), nullable=False)],
    metadata={"format": "provenance.touched", "version": "1"},
)
"""Columns of a touched file: docs/formats, match. The key ``dropped`` of the file's metadata holds a number for each segment."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[Value]):
    """A kind of evidence file."""

    name: str
    schema: pa.Schema
    readable: tuple[pa.Schema, ...]
    """Schemas of all versions that are read."""
    table: Callable[[Sequence[Value]], pa.Table]
    value: Callable[[dict[str, Any]], Value]

    @property
    def suffix(self) -> str:
        """How the names of such files end."""
        return f".{self.name}.parquet"


def _match_columns(matches: Sequence[Match]) -> dict[str, list[Any]]:
    # Column by column: the generic wire form took ten times as long.
    columns: dict[str, list[Any]] = {name: [getattr(m, name) for m in matches] for name in MATCH_SCHEMA.names}
    for name in ("kind", "method", "because"):
        columns[name] = [None if v is None else v.value for v in columns[name]]
    columns["also"] = [[{name: getattr(a, name) for name, _ in _ALSO_FIELDS} for a in also] for also in columns["also"]]
    return columns


def _match_table(matches: Sequence[Match]) -> pa.Table:
    return pa.table(_match_columns(matches), schema=MATCH_SCHEMA)


def _match(row: dict[str, Any]) -> Match:
    because, also = row["because"], row["also"]
    row["kind"], row["method"], row["because"] = _KINDS[row["kind"]], _METHODS[row["method"]], None if because is None else Explanation(because)
    row["also"] = tuple(AlsoIn(**a) for a in also) if also else ()
    return Match(**row)


def _finding_table(findings: Sequence[MatchFinding]) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [getattr(f, name) for f in findings] for name in _FINDING_TEXTS}
    for name in ("outcome", "judged_as"):
        columns[name] = [v.value for v in columns[name]]
    return pa.table({**columns, **_match_columns([f.match for f in findings])}, schema=FINDING_SCHEMA)


def _finding(row: dict[str, Any]) -> MatchFinding:
    said = {name: row.pop(name) for name in _FINDING_TEXTS}
    return MatchFinding(
        rule=said["rule"],
        outcome=Outcome(said["outcome"]),
        waiver=said["waiver"],
        dataset=said["dataset"],
        judged_as=_KINDS[said["judged_as"]],
        match=_match(row),
    )


def _suspect_table(suspects: Sequence[Suspect]) -> pa.Table:
    return pa.table({name: [getattr(s, name) for s in suspects] for name in SUSPECT_SCHEMA.names}, SUSPECT_SCHEMA)


def _pair_table(pairs: Sequence[Pair]) -> pa.Table:
    return pa.table({"record": [record for record, _ in pairs], "segment": [segment for _, segment in pairs]}, TOUCHED_SCHEMA)


def _pair(row: dict[str, Any]) -> Pair:
    return row["record"], row["segment"]


MATCHES: Kind[Match] = Kind("matches", MATCH_SCHEMA, (MATCH_SCHEMA, _OLDER_MATCHES), _match_table, _match)
FINDINGS: Kind[MatchFinding] = Kind("findings", FINDING_SCHEMA, (FINDING_SCHEMA,), _finding_table, _finding)
SUSPECTS: Kind[Suspect] = Kind("suspects", SUSPECT_SCHEMA, (SUSPECT_SCHEMA,), _suspect_table, lambda row: Suspect(**row))
TOUCHED: Kind[Pair] = Kind("touched", TOUCHED_SCHEMA, (TOUCHED_SCHEMA,), _pair_table, _pair)
