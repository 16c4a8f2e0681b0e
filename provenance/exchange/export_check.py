"""Whether a document is what its format demands: the published schema, and the rules that the schema leaves out. No network is used.

The schemas are in ``schemas/``, with their sources. Croissant has none that a program could check; its required properties are checked here. SPDX's is
applied element by element, each to the definition of its own type: as published it tries every class on every element, 0.2 s each.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from provenance.exchange.exports import FORMATS

SCHEMAS = Path(__file__).parent / "schemas"
MAX_FAULTS = 20
_REFERENCE = re.compile(r"[^\s<>\"{}|\\^`\x00-\x20\x7f]*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20\x7f]*")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_CYCLONEDX_PARTS = ("spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json")


def check_document(name: str, raw: bytes) -> list[str]:
    """Return what is wrong with a document of a format, as ``place: fault``, at most ``MAX_FAULTS`` of them.

    Raises:
        KeyError: If the format is none of ``exports.FORMATS``.
    """
    form = FORMATS[name]
    try:
        found = form.parse(raw.decode("utf-8"))
    except (ValueError, RecursionError) as err:
        return [f"the document: {err}"]
    schema = {"spdx": _spdx_faults, "cyclonedx": _cyclonedx_faults, "dta": _dta_faults}.get(name)
    faults = form.missing(found) + (list(schema(found)) if schema else [])
    return faults[:MAX_FAULTS]


def _load(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


@cache
def _cyclonedx() -> Any:
    parts = [(f"http://cyclonedx.org/schema/{name}", Resource.from_contents(_load(name), default_specification=DRAFT7)) for name in _CYCLONEDX_PARTS]
    registry: Registry[Any] = Registry().with_resources(parts)
    return Draft7Validator(_load("bom-1.7.schema.json"), registry=registry, format_checker=_formats())


def _formats() -> FormatChecker:
    """Return checks of the formats that CycloneDX names: those of jsonschema need packages that nothing else here does."""
    checker = FormatChecker(formats=())
    checker.checks("uri")(lambda value: not isinstance(value, str) or _URI.fullmatch(value) is not None)
    checker.checks("iri-reference")(lambda value: not isinstance(value, str) or _REFERENCE.fullmatch(value) is not None)
    checker.checks("date-time", raises=ValueError)(_is_instant)
    checker.checks("idn-email")(lambda value: not isinstance(value, str) or "@" in value)
    return checker


def _is_instant(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return _INSTANT.fullmatch(value) is not None and dt.datetime.fromisoformat(value) is not None


@cache
def _dta() -> Any:
    return Draft202012Validator(_load("dps-1.0.0.schema.json"))


@cache
def _spdx() -> Any:
    return Draft202012Validator(_load("spdx-3.0.1.schema.json"))


def _cyclonedx_faults(found: Any) -> Iterator[str]:
    return map(_said, _cyclonedx().iter_errors(found))


def _dta_faults(found: Any) -> Iterator[str]:
    return map(_said, _dta().iter_errors(found))


def _spdx_faults(found: Any) -> Iterator[str]:
    whole = _spdx()
    kinds = whole.schema["$defs"]
    if not isinstance(found, dict) or set(found) != {"@context", "@graph"} or not isinstance(found["@graph"], list):
        yield "the document: expected @context and a list @graph"
        return
    yield from map(_said, whole.evolve(schema=whole.schema["properties"]["@context"]).iter_errors(found["@context"]))
    for i, element in enumerate(found["@graph"]):
        kind = element.get("type") if isinstance(element, dict) else None
        if not isinstance(kind, str) or f"{kind}_props" not in kinds or kind not in kinds:
            yield f"@graph[{i}]: {str(kind)[:80]!r} is no type of SPDX"
            continue
        own = whole.evolve(schema={"$ref": f"#/$defs/{kind}", "unevaluatedProperties": False})
        yield from (f"@graph[{i}].{_said(fault)}" for fault in own.iter_errors(element))


def _said(fault: ValidationError) -> str:
    deepest = best_match([fault]) or fault
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in deepest.absolute_path).lstrip(".")
    return f"{place or 'the document'}: {deepest.message[:200]}"
