"""The entries of a licence catalogue: what each field may hold, what contradicts itself, and the values that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.documents import nearest
from provenance.licensing.license_class import OUTPUTS_CLAUSES, USES, Coverage, LicenseClass, Limit, Metric, WhenTested
from provenance.model.absence import Absence, TriState

LICENSES_FORMAT = "provenance.licenses"
LICENSES_VERSION = 1
TOP_FIELDS = ("licenses", "compatibility", "aliases")
CONFIDENCES = ("seen", "secondary", "unverified")
DECIDING = frozenset({"seen", "secondary"})
"""Confidence of entries that may decide (reading rule 6)."""
_AXES = ("attribution", "share_alike", "no_derivatives", "behavioural_restrictions")
_TRISTATES = (*_AXES, "redistribution")
_TEXTS = ("outputs_clause", "note", "basis")
_LISTS = ("duties", "excluded_regions", "partly_excluded_regions")
_FIELDS = ("id", "use", *_TRISTATES, "confidence", "covers", *_TEXTS, *_LISTS, "limits", "family")
_LIMIT_FIELDS = ("metric", "value", "unit", "per", "tested_when", "effect")
_CODES = (
    "name-prefix:", "badge:", "badge-docs:", "ui-badge:", "notice-file:", "name-ban:", "extra-licence:", "attribution", "flow-down:use-restrictions", "flow-down:data-terms",
    "share-alike", "state-changes", "ai-disclosure", "written-approval", "no-distribution", "aup-compliance", "reciprocity-waiver", "robots-txt",
    "content-rights-separate", "strip-pg-boilerplate", "no-redistribution-of-data",
)  # fmt: skip
"""Obligation codes, or how they begin."""
_OF_AXES = {"share-alike": "share_alike", "attribution": "attribution", "flow-down:use-restrictions": "behavioural_restrictions"}
"""Codes that say the same as an axis."""
_MOST_LISTED = 100_000
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something in a document that cannot be meant so."""

    path: Where
    """Names and positions from the top of the document on."""
    message: str
    hint: str = ""
    serious: bool = True
    """Whether the document is refused; else it is read, and what is at fault decides nothing."""


def document_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Return all that is wrong with a catalogue document of this format, in its order."""
    listed, named, fits = document.get("licenses") or [], document.get("aliases") or {}, document.get("compatibility") or {}
    faults = [Fault(path=(str(k),), message=f"unknown name {str(k)!r}", hint=nearest(str(k), ("release", *TOP_FIELDS))) for k in _strangers(document)]
    if not isinstance(listed, list) or len(listed) > _MOST_LISTED:
        faults.append(Fault(path=("licenses",), message=f"licenses must be a list of entries, at most {_MOST_LISTED}"))
        listed = []
    seen: set[str] = set()
    for position, entry in enumerate(listed):
        faults += [Fault(path=("licenses", position, *f.path), message=f.message, hint=f.hint, serious=f.serious) for f in entry_faults(entry)]
        name = str(entry.get("id")) if isinstance(entry, Mapping) else ""
        if name and name in seen:
            faults.append(Fault(path=("licenses", position, "id"), message=f"licence {name} is described twice in one document"))
        seen.add(name)
    return faults + list(_alias_faults(named)) + list(_compatibility_faults(fits))


def _strangers(document: Mapping[str, Any]) -> list[str]:
    return [name for name in document if name not in {"format", "version", "release", *TOP_FIELDS}]


def entry_faults(entry: object) -> list[Fault]:
    """Return what is wrong with one entry; paths begin within it."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str) or not entry["id"].strip():
        return [Fault(path=(), message="every licence needs an id", hint="id: an SPDX id, or LicenseRef-… for a licence that SPDX does not list")]
    name = entry["id"]
    faults = [
        Fault(path=(str(key),), message=f"licence {name}: unknown field {str(key)!r}", hint=nearest(str(key), _FIELDS))
        for key in entry
        if key not in _FIELDS
    ]
    faults += _bad_words(entry, name)
    faults += [Fault(path=(key,), message=f"licence {name}: {key} must be text") for key in _TEXTS if not isinstance(entry.get(key, ""), str)]
    faults += [Fault(path=(key,), message=f"licence {name}: {key} must be a list of texts") for key in _LISTS if not _is_texts(entry.get(key, []))]
    if not isinstance(entry.get("family", False), bool):
        faults.append(Fault(path=("family",), message=f"licence {name}: family must be true or false"))
    if entry.get("outputs_clause", "unknown") not in OUTPUTS_CLAUSES and isinstance(entry["outputs_clause"], str):
        clause = entry["outputs_clause"]
        message = f"licence {name}: outputs_clause {clause!r} is not known and counts as unknown"
        faults.append(Fault(path=("outputs_clause",), message=message, hint=nearest(clause, OUTPUTS_CLAUSES), serious=False))
    faults += _limit_faults(entry.get("limits", []), name)
    return faults if any(f.serious for f in faults) else [*faults, *_contradictions(entry)]


def _bad_words(entry: Mapping[str, Any], name: str) -> Iterator[Fault]:
    closed: dict[str, Sequence[str]] = {"use": USES, "confidence": CONFIDENCES, "covers": tuple(Coverage)}
    closed |= dict.fromkeys(_TRISTATES, tuple(TriState))
    for key, words in closed.items():
        value = entry.get(key, words[0] if key != "use" else None)
        if value not in words:
            said = "missing" if key not in entry else f"{value!r}"
            yield Fault(path=(key,), message=f"licence {name}: {key} is {said}, expected one of {', '.join(words)}", hint=_quoted(value))


def _quoted(value: object) -> str:
    """Return a hint for the YAML words that look like answers and are none here."""
    return 'write "YES" or "NO"; what is not known is UNKNOWN, never NO' if isinstance(value, bool) or value in {"yes", "no", "?"} else ""


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value)


def _limit_faults(limits: object, name: str) -> Iterator[Fault]:
    if not isinstance(limits, list):
        yield Fault(path=("limits",), message=f"licence {name}: limits must be a list of {{metric, value, unit, per, tested_when, effect}}")
        return
    for position, limit in enumerate(limits):
        where: Where = ("limits", position)
        if not isinstance(limit, Mapping):
            yield Fault(path=where, message=f"licence {name}: a limit is a mapping of {', '.join(_LIMIT_FIELDS)}")
            continue
        for key in limit:
            if key not in _LIMIT_FIELDS:
                yield Fault(
                    path=(*where, str(key)), message=f"licence {name}: unknown field {str(key)!r} of a limit", hint=nearest(str(key), _LIMIT_FIELDS)
                )
        value = limit.get("value")
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            yield Fault(path=(*where, "value"), message=f"licence {name}: the value of a limit is {value!r}, expected a whole number above 0")
        for key, words in (("metric", tuple(Metric)), ("tested_when", tuple(WhenTested)), ("per", ("month", "year", Absence.UNKNOWN.value))):
            said = limit.get(key, None if key == "metric" else Absence.UNKNOWN.value)
            if said not in words:
                yield Fault(path=(*where, key), message=f"licence {name}: {key} of a limit is {said!r}, expected one of {', '.join(words)}")
        if not isinstance(limit.get("unit", ""), str) or not isinstance(limit.get("effect", ""), str):
            yield Fault(path=where, message=f"licence {name}: unit and effect of a limit are texts")


def _contradictions(entry: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what an entry says against itself: nothing tells which of the two is meant."""
    name = entry["id"]
    if entry["use"] == "public-domain":
        for key in _AXES:
            if entry.get(key) == "YES":
                yield Fault(path=(key,), message=f"licence {name}: use is public-domain, yet {key} is YES")
    if entry.get("share_alike") == entry.get("no_derivatives") == "YES":
        yield Fault(
            path=("share_alike",),
            message=f"licence {name}: what may not be changed cannot be shared alike: no_derivatives and share_alike are both YES",
        )
    yield from _duty_faults(entry, name, entry.get("duties", []))


def _duty_faults(entry: Mapping[str, Any], name: str, codes: Sequence[str]) -> Iterator[Fault]:
    for position, code in enumerate(codes):
        axis = next((a for c, a in _OF_AXES.items() if code == c or code.startswith(f"{c}:")), None)
        if axis is not None and entry.get(axis) == "NO":
            yield Fault(path=("duties", position), message=f"licence {name}: duty {code} stands beside {axis}: NO")
        if not any(code == c or (code.startswith(c) and (c.endswith(":") or code[len(c)] == ":")) for c in _CODES):
            message = f"licence {name}: duty {code!r} is no obligation code and binds as it is written"
            yield Fault(path=("duties", position), message=message, hint=nearest(code, _CODES), serious=False)
    if "no-redistribution-of-data" in codes and entry.get("redistribution") == "YES":
        yield Fault(path=("redistribution",), message=f"licence {name}: redistribution is YES beside the duty no-redistribution-of-data")
    for name_asked in sorted({c.removeprefix("name-prefix:") for c in codes if c.startswith("name-prefix:")}):
        if f"name-ban:{name_asked}" in codes:
            yield Fault(path=("duties",), message=f"licence {name}: it asks for the name {name_asked!r} and forbids it")


def _alias_faults(named: object) -> Iterator[Fault]:
    if not isinstance(named, Mapping) or not all(isinstance(v, str) and v.strip() for v in named.values()):
        yield Fault(path=("aliases",), message="aliases must map names to licences")


def _compatibility_faults(fits: object) -> Iterator[Fault]:
    if not isinstance(fits, Mapping):
        yield Fault(path=("compatibility",), message="compatibility must map licence ids to {under: [ids], not_under: [ids]}")
        return
    for key, entry in fits.items():
        where: Where = ("compatibility", str(key))
        if not isinstance(entry, Mapping) or not all(_is_texts(v) for v in entry.values()):
            yield Fault(path=where, message=f"compatibility of {key} must be {{under: [ids], not_under: [ids]}}")
            continue
        for field in entry:
            if field not in {"under", "not_under"}:
                yield Fault(
                    path=(*where, str(field)),
                    message=f"compatibility of {key}: unknown field {str(field)!r}",
                    hint=nearest(str(field), ("under", "not_under")),
                )
        both = sorted(set(entry.get("under", ())) & set(entry.get("not_under", ())))
        if both:
            yield Fault(path=where, message=f"compatibility of {key}: {both[0]} stands under both under and not_under")


def license_class(entry: Mapping[str, Any]) -> LicenseClass:
    """Return the value of an entry without serious faults."""
    states = {name: TriState(entry.get(name, "UNKNOWN")) for name in _TRISTATES}
    return LicenseClass(
        id=entry["id"],
        use=entry["use"],
        outputs_clause=entry.get("outputs_clause", "unknown"),
        covers=Coverage(entry.get("covers", Coverage.CONTENTS)),
        duties=tuple(entry.get("duties", ())),
        limits=tuple(map(_limit, entry.get("limits", ()))),
        excluded_regions=tuple(entry.get("excluded_regions", ())),
        partly_excluded_regions=tuple(entry.get("partly_excluded_regions", ())),
        family=entry.get("family") is True,
        note=entry.get("note", ""),
        confidence=entry.get("confidence", "seen"),
        basis=entry.get("basis", Absence.UNKNOWN.value),
        **states,
    )


def _limit(raw: Mapping[str, Any]) -> Limit:
    return Limit(
        metric=Metric(raw["metric"]),
        value=raw["value"],
        unit=raw.get("unit", Absence.UNKNOWN.value),
        per=raw.get("per", Absence.UNKNOWN.value),
        tested_when=WhenTested(raw.get("tested_when", WhenTested.UNKNOWN)),
        effect=raw.get("effect", "extra-licence"),
    )


def split_ids(key: str) -> Iterable[str]:
    """Return the ids that an entry stands for: a name such as "gpl-3.0" does not tell only from or-later, so one entry stands for both."""
    return (part.strip("() ") for part in key.split(" OR "))
