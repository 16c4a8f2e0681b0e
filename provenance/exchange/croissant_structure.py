"""Whether the parts of a Croissant document fit together: types, references between them, and what a field needs.

These are the rules of the standard that MLCommons' own bad examples break. A fault here is told; the facts of the dataset are imported all the same.
Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from provenance.exchange.jsonld import Node, text_of
from provenance.exchange.sources import Reading

FILE_OBJECT, FILE_SET = "cr:FileObject", "cr:FileSet"
_SHAPE = re.compile(r"\s*-?\d+\s*(,\s*-?\d+\s*)*")
_MAX_FIELDS = 10_000
"""Fields looked at: what comes after them is not checked."""


def check_structure(document: Node, reading: Reading) -> None:
    """Note every fault of a document's files and record sets."""
    resources, record_sets = document.nodes("cr:distribution") or document.nodes("sc:distribution"), document.nodes("cr:recordSet")
    known = {n.id for n in resources} | {n.id for n in record_sets}
    fields = [(r, f) for r in record_sets for f in _fields(r)][:_MAX_FIELDS]
    known |= {f.id for _, f in fields}
    for resource in resources:
        _check_resource(resource, known, reading)
    for record_set in record_sets:
        _check_record_set(record_set, reading)
    for record_set, field in fields:
        _check_field(field, record_set, known, reading)


def _fields(parent: Node) -> Iterator[Node]:
    for name in ("cr:field", "cr:subField"):
        for field in parent.nodes(name):
            yield field
            yield from _fields(field)


def _check_resource(resource: Node, known: set[str], reading: Reading) -> None:
    where = f"file {resource.id[:80]!r}"
    if re.search(r"\s", str(resource.raw("@id") or "")):
        reading.problem(f"{where}: its @id holds white space")
    kinds = [t for t in resource.types if t in {FILE_OBJECT, FILE_SET}]
    if not kinds:
        reading.problem(f"{where}: its @type must be {FILE_OBJECT} or {FILE_SET}, got {', '.join(resource.types)[:80] or 'none'}")
        return
    if "sc:encodingFormat" not in resource:
        reading.problem(f"{where}: encodingFormat is missing")
    if kinds[0] == FILE_OBJECT and "sc:contentUrl" not in resource:
        reading.problem(f"{where}: contentUrl is missing")
    for part in (*resource.items("cr:containedIn"), *resource.items("sc:containedIn")):
        reference = part.get("@id") if isinstance(part, dict) else part
        if isinstance(reference, str) and reference not in known:
            reading.problem(f"{where}: is contained in {reference[:80]!r}, which is not in the document")
    _check_texts(resource, where, reading)


def _check_record_set(record_set: Node, reading: Reading) -> None:
    where = f"record set {record_set.id[:80]!r}"
    if "cr:RecordSet" not in record_set.types:
        reading.problem(f"{where}: its @type must be cr:RecordSet, got {', '.join(record_set.types)[:80] or 'none'}")
    _check_texts(record_set, where, reading)
    fields = list(_fields(record_set))
    sources = sorted({name for f in fields for name in _source_files(f)})
    if len(sources) > 1 and not any("cr:references" in f for f in fields):
        reading.problem(f"{where}: takes fields from {' and '.join(sources)[:160]}, and no field's 'references' joins them")


def _check_field(field: Node, record_set: Node, known: set[str], reading: Reading) -> None:
    where = f"field {field.id[:80]!r}"
    if "cr:Field" not in field.types:
        reading.problem(f"{where}: its @type must be cr:Field, got {', '.join(field.types)[:80] or 'none'}")
    _check_texts(field, where, reading)
    is_leaf = "cr:subField" not in field
    if is_leaf and not any(n in field for n in ("cr:source", "cr:value", "cr:parentField")) and "cr:data" not in record_set:
        reading.problem(f"{where}: has neither source nor value (or the context does not define them)")
    if is_leaf and "cr:dataType" not in field and "cr:dataType" not in record_set and "cr:parentField" not in field and "cr:references" not in field:
        reading.problem(f"{where}: has no dataType (or the context does not define it)")
    for name in _references(field):
        if name not in known:
            reading.problem(f"{where}: its source {name[:80]!r} is not in the document")
    _check_shape(field, where, reading)


def _check_shape(field: Node, where: str, reading: Reading) -> None:
    if "cr:arrayShape" not in field:
        return
    shape = field.raw("cr:arrayShape")
    if field.raw("cr:isArray") is not True:
        reading.problem(f"{where}: has an arrayShape, and isArray is not true")
    elif not isinstance(shape, str) or _SHAPE.fullmatch(shape) is None:
        reading.problem(f"{where}: arrayShape {str(shape)[:40]!r} is not a list of whole numbers such as 28,28")


def _check_texts(node: Node, where: str, reading: Reading) -> None:
    for name in ("sc:name", "sc:description"):
        items = node.items(name)
        plain = len(items) > 1 and not all(isinstance(i, dict) for i in items)
        for item in items if plain else [node.raw(name)]:
            text_of(item, reading, f"{where}: {name.removeprefix('sc:')}", cut=True)


def _references(field: Node) -> Iterator[str]:
    for source in field.nodes("cr:source"):
        for name in ("cr:fileObject", "cr:fileSet", "sc:distribution", "cr:field"):
            for target in source.items(name):
                found = target.get("@id") if isinstance(target, dict) else target
                if isinstance(found, str):
                    yield found


def _source_files(field: Node) -> Iterator[str]:
    for source in field.nodes("cr:source"):
        for name in ("cr:fileObject", "cr:fileSet"):
            for target in source.items(name):
                found = target.get("@id") if isinstance(target, dict) else target
                if isinstance(found, str):
                    yield found
