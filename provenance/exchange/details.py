"""Reads the ``details`` of a dataset in a manifest: every field of ``model.details.Details``, by its type."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from enum import StrEnum
from functools import cache, partial
from typing import Any, TypeVar

from provenance.exchange.fields import Fields
from provenance.model.absence import ABSENCES, Absence, TriState
from provenance.model.claims import Evidence, LicenseClaim
from provenance.model.details import Details

CLAIM_FIELDS = ("declared", "url", "by", "fetched_at", "sha256", "snapshot")
APART = frozenset({"license_field", "conclusion"})
"""Fields of ``Details`` that stand elsewhere in a manifest: ``fields.license`` and ``license.concluded.because``."""
_DAYS = frozenset({"published", "accepted_at"})
_MAX_COUNT = 2**53 - 1  # beyond it canonical JSON refuses whole numbers
T = TypeVar("T")


def read_details(fields: Fields, *, license_field: str | None, conclusion: str) -> Details:
    """Return the details that a mapping states; what it does not state keeps the name of its absence. Faults are noted.

    Args:
        fields: The mapping ``details``.
        license_field: The field of each record that names its licence.
        conclusion: Why the licence was concluded to be what it is.
    """
    return dataclasses.replace(_read(Details, fields), license_field=license_field, conclusion=conclusion)


def detail_fields() -> tuple[str, ...]:
    """Return the names that ``details`` may hold."""
    return tuple(f.name for f in dataclasses.fields(Details) if f.name not in APART)


def read_claim(fields: Fields, key: str, *, by: str, known: tuple[str, ...] = CLAIM_FIELDS) -> LicenseClaim:
    """Return the licence that a field states: text, or a mapping with ``declared`` and its evidence, of which ``known`` are all fields."""
    if key not in fields:
        return LicenseClaim()
    if isinstance(fields.raw(key), str):
        return claim_of(fields.text(key), by=by, evidence=Evidence())
    claim = fields.mapping(key, known)
    return claim_of(claim.text("declared"), by=claim.text("by", by), evidence=_evidence(claim))


def claim_of(text: str, *, by: str, evidence: Evidence) -> LicenseClaim:
    """Return a licence claim, its name normalised and the original wording kept."""
    from provenance.licensing.classes import normalize  # its catalogue is loaded only where a licence is named

    if text in ABSENCES:
        return LicenseClaim(value=text, by=by, evidence=evidence)
    value, original = normalize(text)
    return LicenseClaim(value=value, original=original, by=by, evidence=evidence)


def _evidence(fields: Fields) -> Evidence:
    return Evidence(
        url=fields.text("url", Absence.NOT_STATED.value),
        fetched_at=fields.text("fetched_at"),
        sha256=fields.text("sha256"),
        snapshot=fields.text("snapshot"),
    )


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: type[T], fields: Fields) -> T:
    """Return a frozen value from a mapping of its fields."""
    shape = typing.cast("Any", kind)
    hints = _hints(shape)
    values = {}
    for field in dataclasses.fields(shape):
        if field.name in APART:
            continue
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if field.name in fields:
            values[field.name] = _value(hints[field.name], fields, field.name)
        elif required:
            fields.fault("", f"field {field.name!r} is missing")
            values[field.name] = _filler(hints[field.name])
    try:
        return kind(**values)
    except ValueError as err:
        fields.fault("", str(err))
        return kind(**{name: _filler(hints[name]) for name, value in values.items() if not isinstance(value, tuple)})


def _value(kind: Any, fields: Fields, key: str) -> object:
    if typing.get_origin(kind) is tuple:
        return _values(typing.get_args(kind)[0], fields, key)
    if kind in _READERS:
        return _READERS[kind](fields, key)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return fields.choice(key, kind, next(iter(kind)))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read(kind, fields.mapping(key, (f.name for f in dataclasses.fields(kind))))
    return fields.day(key) if key in _DAYS else fields.text(key)


def _values(kind: Any, fields: Fields, key: str) -> tuple[object, ...]:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        known = tuple(f.name for f in dataclasses.fields(kind))
        return tuple(_read(kind, item) for item in fields.mappings(key, known))
    texts = fields.texts(key)
    if not (isinstance(kind, type) and issubclass(kind, StrEnum)):
        return texts
    words = {str(m.value): m for m in kind}
    for text in texts:
        if text not in words:
            fields.fault(key, f"{text!r} is not one of {', '.join(words)}")
    return tuple(words[t] for t in texts if t in words)


def _tristate(fields: Fields, key: str) -> TriState:
    raw = fields.raw(key)
    if isinstance(raw, bool):
        return TriState.of(raw)
    words = {t.value.lower(): t for t in TriState}
    word = raw.lower() if isinstance(raw, str) else ""
    if word not in words:
        fields.fault(key, f"expected yes, no or unknown, got {str(raw)[:40]!r}")
    return words.get(word, TriState.UNKNOWN)


def _count(fields: Fields, key: str) -> int:
    raw = fields.raw(key)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or raw != int(raw) or not 0 <= raw <= _MAX_COUNT:
        fields.fault(key, f"expected a whole number from 0, got {str(raw)[:40]!r}")
        return 0
    return int(raw)


_READERS: dict[Any, Callable[[Fields, str], object]] = {TriState: _tristate, int: _count, LicenseClaim: partial(read_claim, by="registrant")}


def _filler(kind: Any) -> object:
    """Return a value for a field that is missing or wrong: the document is refused anyway, once all its faults are told."""
    if kind is int:
        return 0
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    return () if typing.get_origin(kind) is tuple else Absence.UNKNOWN.value
