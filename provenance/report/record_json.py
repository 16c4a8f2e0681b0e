"""The audit record itself as canonical JSON (RFC 8785): the truth that every other format is a view of."""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from provenance.canonical import canonical_bytes
from provenance.errors import ReportError, WireFormatError
from provenance.model.audit import AUDIT_FORMAT, AUDIT_VERSION, AuditRecord
from provenance.model.wire import read_value, to_wire
from provenance.report.record_checks import record_faults
from provenance.report.wording import visible

T = TypeVar("T")
_TOLD = 3
"""Contradictions of a record that an error tells."""


@dataclass(frozen=True, slots=True)
class JsonReport:
    """Writes the record's wire form."""

    name: str = "json"
    file_name: str = "audit.json"
    suffix: str = ".json"

    def render(self, record: AuditRecord) -> bytes:
        """Return the canonical JSON of the record, followed by one line feed."""
        return render_json(record)


def render_json(record: AuditRecord) -> bytes:
    """Return the canonical JSON of a record. Lone surrogates, which no JSON reader takes, become U+FFFD.

    Raises:
        ReportError: If the record holds what JSON cannot express, such as a number that is not finite.
    """
    return render_value(to_wire(record), where=f"audit record {record.id[:19]}")


def render_value(wire: object, *, where: str) -> bytes:
    """Return the canonical JSON of a value, followed by one line feed. Lone surrogates become U+FFFD.

    Raises:
        ReportError: If the value holds what JSON cannot express.
    """
    try:
        with suppress(ValueError):  # nearly always there is nothing to replace, and a copy of all of it would be made for nothing
            return canonical_bytes(wire) + b"\n"
        return canonical_bytes(unicode_only(wire)) + b"\n"
    except ValueError as err:
        raise ReportError(f"{where}: cannot be written as JSON: {err}") from err


def unicode_only(value: object) -> object:
    """Return JSON values in which lone surrogates, which no JSON reader takes, are U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {str(unicode_only(k)): unicode_only(v) for k, v in value.items()}
    if isinstance(value, list):
        return [unicode_only(v) for v in value]
    return value


def read_format(kind: type[T], raw: bytes, *, name: str, version: int, where: str) -> T:
    """Return the value of a format of ours that JSON bytes hold.

    Raises:
        ReportError: If they are no JSON, or of another format or version.
    """
    try:
        wire = json.loads(raw)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as err:
        raise ReportError(f"{where}: not JSON: {err}") from err
    if not isinstance(wire, dict) or wire.get("format") != name or wire.get("version") != version:
        raise ReportError(f"{where}: expected format {name!r} version {version}, got something else")
    try:
        return read_value(kind, wire, where=where)
    except WireFormatError as err:
        raise ReportError(str(err)) from err


def read_record(raw: bytes, *, where: str = "audit record") -> AuditRecord:
    """Return the record that JSON bytes describe.

    Raises:
        ReportError: If it is no audit record, one of a newer version, or one whose id, verdict, roots, totals or counts are not those of what it lists.
    """
    try:
        wire = json.loads(raw)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as err:
        raise ReportError(f"{where}: not JSON: {err}") from err
    if not isinstance(wire, dict) or wire.get("format") != AUDIT_FORMAT:
        raise ReportError(f"{where}: expected format {AUDIT_FORMAT!r}, got {str(wire.get('format') if isinstance(wire, dict) else wire)[:60]!r}")
    version = wire.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ReportError(f"{where}: field 'version' is {str(version)[:20]!r}, and a version is a whole number such as {AUDIT_VERSION}")
    if version != AUDIT_VERSION:
        raise ReportError(
            f"{where}: an audit record of version {str(version)[:20]}, this program reads version {AUDIT_VERSION}",
            hint="update provenance-audit to read it",
        )
    try:
        record = read_value(AuditRecord, wire, where=where)
    except WireFormatError as err:
        raise ReportError(str(err)) from err
    faults = list(itertools.islice(record_faults(record), _TOLD))
    if faults:
        raise ReportError(
            f"{where}: {visible('; '.join(faults))}: it was changed", hint="make the report again from the workspace that made the audit"
        )
    return record
