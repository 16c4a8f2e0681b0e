"""JSON Schema of wire forms, made from the frozen values themselves, so that document and code cannot drift apart."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

from provenance.audit.portfolio import PORTFOLIO_VERSION, Portfolio
from provenance.model.audit import AUDIT_VERSION, AuditRecord
from provenance.model.exclusion import EXCLUSIONS_VERSION, ExclusionReport
from provenance.report.disclosure.values import DISCLOSURE_VERSION, Disclosure
from provenance.report.letter import LETTER_VERSION, Letter
from provenance.report.manifest import MANIFEST_VERSION, ReportManifest
from provenance.report.record_checks import MOMENT

_FORMATS = "https://provenance-audit.dev/formats"
_SCALARS: dict[object, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}


def audit_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the audit record. Unknown fields are allowed: a later version may add some."""
    made = _document(AuditRecord, "audit", title="Audit record", version=AUDIT_VERSION)
    fields = made["properties"]
    fields["id"] = fields["id"] | {"pattern": "^sha256:[0-9a-f]{64}$"}
    fields["created"] = fields["created"] | {"pattern": f"^{MOMENT.pattern}$"}
    return made


def exclusions_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what a check of demands found. Unknown fields are allowed: a later version may add some."""
    return _document(ExclusionReport, "exclusions", title="Demands and what is known of them", version=EXCLUSIONS_VERSION)


def letter_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a customer letter. Unknown fields are allowed: a later version may add some."""
    return _document(Letter, "letter", title="Customer letter", version=LETTER_VERSION)


def disclosure_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a document that a law asks for, ``summary.json``."""
    return _document(Disclosure, "disclosure", title="Disclosure document", version=DISCLOSURE_VERSION)


def portfolio_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the data of the page over all audits, ``portfolio.json``."""
    return _document(Portfolio, "portfolio", title="All audits of a workspace", version=PORTFOLIO_VERSION)


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the manifest of a report folder, ``manifest.json``."""
    return _document(ReportManifest, "report", title="Manifest of a report folder", version=MANIFEST_VERSION)


def _document(kind: type, name: str, *, title: str, version: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    _schema_of(kind, definitions)
    root = definitions.pop(kind.__name__)
    root["properties"]["format"] = {"const": f"provenance.{name}"}
    root["properties"]["version"] = {"const": version}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{_FORMATS}/{name}.schema.json", "title": title}
    return {**head, **root, "$defs": dict(sorted(definitions.items()))}


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema_of(option, definitions) for option in typing.get_args(kind)]}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(typing.get_args(kind)[0], definitions)}
    if kind in _SCALARS:
        return _SCALARS[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    return _object(kind, definitions)


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        hints = typing.get_type_hints(kind)
        fields = {str(f.metadata.get("wire", f.name)): f for f in dataclasses.fields(kind)}
        definitions[name] = {
            "type": "object",
            "properties": {wire: _schema_of(hints[f.name], definitions) for wire, f in fields.items()},
            "required": [w for w, f in fields.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING],
        }
    return {"$ref": f"#/$defs/{name}"}
