"""As much of JSON-LD as metadata documents use: the names of a document by its ``@context``, and texts in their three forms. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provenance.exchange.sources import Reading

_SPACES = {
    "https://schema.org/": "sc",
    "http://schema.org/": "sc",
    "http://mlcommons.org/croissant/RAI/": "rai",
    "http://mlcommons.org/croissant/": "cr",
    "http://purl.org/dc/terms/": "dct",
    "http://www.w3.org/ns/prov#": "prov",
    "https://provenance-audit.dev/ns/": "provenance",
}
"""Namespace → the prefix that stands for it here."""
_PREFIXES = {**{short: iri for iri, short in reversed(_SPACES.items())}, "schema": "https://schema.org/"}
_CROISSANT = frozenset(
    {
        "citeAs", "column", "containedIn", "data", "dataType", "equivalentProperty", "examples", "extract", "field", "fileProperty", "fileObject", "fileSet",
        "format", "includes", "isArray", "arrayShape", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
        "repeated", "replace", "samplingRate", "sdVersion", "separator", "source", "subField", "transform", "value",
    }
)  # fmt: skip
"""Terms of Croissant's own, for documents whose context is somewhere else."""
_MAX_CHAIN = 8


class Context:
    """What the names of a document mean."""

    def __init__(self, raw: object) -> None:
        """Take an ``@context``; one that is not in the document is taken to be the standard's."""
        parts = raw if isinstance(raw, list) else [raw]
        self._terms: dict[str, str] = {}
        for part in parts:
            for key, value in part.items() if isinstance(part, dict) else ():
                target = value.get("@id") if isinstance(value, dict) else value
                if isinstance(key, str) and isinstance(target, str):
                    self._terms[key] = target
        self._is_here = any(isinstance(p, dict) for p in parts)

    def short(self, name: str) -> str:
        """Return a name as ``prefix:name``, keywords and what is in no known namespace as it is."""
        if name.startswith("@"):
            return name
        iri = self._iri(name)
        for space, prefix in _SPACES.items():
            if iri.startswith(space):
                return f"{prefix}:{iri.removeprefix(space)}"
        return iri

    def _iri(self, name: str) -> str:
        for _ in range(_MAX_CHAIN):
            if name in self._terms and self._terms[name] != name:
                name = self._terms[name]
                continue
            prefix, colon, rest = name.partition(":")
            base = self._terms.get(prefix) or _PREFIXES.get(prefix)
            if not colon:
                return self._plain(name)
            if base is None or rest.startswith("//"):
                return name
            name = base + rest
        return name

    def _plain(self, name: str) -> str:
        if self._is_here and "@vocab" in self._terms:
            return self._terms["@vocab"] + name
        return (_PREFIXES["cr"] if name in _CROISSANT else _PREFIXES["sc"]) + name


class Node:
    """An object of a document, its names made short."""

    def __init__(self, raw: Mapping[str, Any], context: Context) -> None:
        """Take the members; where two names mean the same, the first counts."""
        self._context = context
        self._values: dict[str, Any] = {}
        for key, value in raw.items():
            self._values.setdefault(context.short(key), value)

    def __contains__(self, name: str) -> bool:
        """Tell whether something is given."""
        return self._values.get(name) is not None

    def raw(self, name: str) -> Any:
        """Return a value as it is, ``None`` where it is not given."""
        return self._values.get(name)

    def items(self, name: str) -> list[Any]:
        """Return a value as a list: one value stands for a list of one."""
        found = self._values.get(name)
        return [] if found is None else found if isinstance(found, list) else [found]

    def nodes(self, name: str) -> list[Node]:
        """Return the objects among a value's items."""
        return [Node(item, self._context) for item in self.items(name) if isinstance(item, dict)]

    @property
    def types(self) -> tuple[str, ...]:
        """Its types, made short."""
        return tuple(self._context.short(t) for t in self.items("@type") if isinstance(t, str))

    @property
    def id(self) -> str:
        """Its ``@id``, else its name; empty where it has neither."""
        found = self._values.get("@id", self._values.get("id"))
        if not isinstance(found, str):
            found = self._values.get("sc:name")
        return found if isinstance(found, str) else ""


def text_of(raw: Any, reading: Reading, place: str, *, cut: bool = False) -> str:
    """Return a text: plain, ``{"@value": …}``, or by language, of which English or else the first counts; empty where none is given."""
    if isinstance(raw, list) and raw and all(isinstance(v, dict) and "@value" in v for v in raw):
        raw = next((v for v in raw if str(v.get("@language", "")).startswith("en")), raw[0])
    if isinstance(raw, dict) and "@value" in raw:
        raw = raw["@value"]
    elif isinstance(raw, dict) and raw and all(isinstance(v, str) for v in raw.values()) and not any(k.startswith("@") for k in raw):
        raw = raw.get("en", next(iter(raw.values())))
    if isinstance(raw, int | float):
        reading.problem(f"{place}: expected text, got a number" if not isinstance(raw, bool) else f"{place}: expected text, got true or false")
        return ""
    return reading.text(raw, place, cut=cut)


def name_of(raw: Any, context: Context, reading: Reading, place: str) -> str:
    """Return what something is called: text, or an object's name, label or address."""
    if not isinstance(raw, dict) or "@value" in raw:
        return text_of(raw, reading, place)
    node = Node(raw, context)
    for name in ("sc:name", "prov:label", "http://www.w3.org/2000/01/rdf-schema#label", "sc:url", "@id"):
        if name in node:
            return text_of(node.raw(name), reading, place)
    return ""
