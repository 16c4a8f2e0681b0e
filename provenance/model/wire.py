"""Generic reading and writing of frozen values as plain dictionaries, so that wire forms stay beside the types.

Rules: enums are written by value; tuples and frozensets as lists (sets sorted); ``None`` is kept; a field of a dataclass may have its wire name in
``metadata={"wire": "from"}``. Reading is strict: an unknown or missing field, or a value of another type, raises ``WireFormatError`` that names the
path. ``read_value(..., ignore_unknown=True)`` accepts fields that a later version added.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

from provenance.errors import WireFormatError

T = TypeVar("T")
_PLAIN = frozenset({str, int, float, bool, types.NoneType})
"""Types of which every value is its own wire form; what inherits from them, such as an enum of texts, is not meant."""


def to_wire(value: object) -> Any:
    """Return the JSON-ready form of a frozen value."""
    if type(value) in _PLAIN:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        wired = {wire: to_wire(getattr(value, name)) for name, wire in _wire_names(type(value))}
        for wire in _left_out(type(value)):
            if wired[wire] is None:
                del wired[wire]
        return wired
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): to_wire(v) for k, v in value.items()}
    if isinstance(value, frozenset | set | tuple | list):
        items = [to_wire(v) for v in value]
        return sorted(items) if isinstance(value, frozenset | set) else items
    return value


def read_value(kind: type[T], raw: object, *, where: str = "$", ignore_unknown: bool = False) -> T:
    """Return the value of type ``kind`` that ``raw`` describes.

    Args:
        kind: A frozen dataclass, an enum, a scalar type, or a tuple or union of these.
        raw: Plain JSON-like data.
        where: The path printed in errors.
        ignore_unknown: Accept unknown fields, as a reader of later versions must.

    Raises:
        WireFormatError: If the shape does not fit; the message names the path.
    """
    return cast("T", _read(kind, raw, where, ignore_unknown))


def _wire_name(field: dataclasses.Field[Any]) -> str:
    return cast("str", field.metadata.get("wire", field.name))


@cache
def _wire_names(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, _wire_name(field)) for field in dataclasses.fields(kind))


@cache
def _left_out(kind: type[Any]) -> frozenset[str]:
    """Return the fields that are not written where they are ``None``: documents of versions that did not have them keep their bytes."""
    return frozenset(_wire_name(field) for field in dataclasses.fields(kind) if field.metadata.get("left_out"))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _fail(where: str, expected: str, raw: object) -> typing.NoReturn:
    raise WireFormatError(f"{where}: expected {expected}, got {type(raw).__name__} {str(raw)[:60]!r}")


def _read(kind: Any, raw: object, where: str, lenient: bool) -> object:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _read_union(kind, raw, where, lenient)
    if origin is tuple:
        if not isinstance(raw, list | tuple):
            _fail(where, "a list", raw)
        item = typing.get_args(kind)[0]
        return tuple(_read(item, v, f"{where}[{i}]", lenient) for i, v in enumerate(raw))
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, raw, where, lenient)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(raw)
        except ValueError:
            _fail(where, "one of " + ", ".join(str(m.value) for m in kind), raw)
    return _read_scalar(kind, raw, where)


def _read_union(kind: Any, raw: object, where: str, lenient: bool) -> object:
    options = typing.get_args(kind)
    if raw is None and type(None) in options:
        return None
    faults = []
    for option in options:
        if option is type(None):
            continue
        try:
            return _read(option, raw, where, lenient)
        except WireFormatError as err:
            faults.append(str(err))
    raise WireFormatError("; ".join(faults))


@cache
def _fields(kind: Any) -> dict[str, tuple[str, Any, bool]]:
    """Return of each field, by its wire name: its name, its type, and whether it must be given."""
    hints, missing = _hints(kind), dataclasses.MISSING
    return {_wire_name(f): (f.name, hints[f.name], f.default is missing and f.default_factory is missing) for f in dataclasses.fields(kind)}


def _read_dataclass(kind: Any, raw: object, where: str, lenient: bool) -> object:
    if not isinstance(raw, Mapping):
        _fail(where, f"an object ({kind.__name__})", raw)
    fields = _fields(kind)
    unknown = sorted(str(k) for k in raw if k not in fields)
    if unknown and not lenient:
        raise WireFormatError(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(sorted(fields))}")
    values = {}
    for wire, (name, hint, required) in fields.items():
        if wire in raw:
            value = raw[wire]
            is_plain = type(value) is hint and hint in _PLAIN  # nearly every value of a long document
            values[name] = value if is_plain else _read(hint, value, f"{where}.{wire}", lenient)
        elif required:
            raise WireFormatError(f"{where}: field {wire!r} is missing")
    try:
        return kind(**values)
    except ValueError as err:
        raise WireFormatError(f"{where}: {err}") from err


def _read_scalar(kind: Any, raw: object, where: str) -> object:
    if kind is Any or kind is object:
        return raw
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if kind is int and isinstance(raw, bool):
        _fail(where, "int", raw)
    if not isinstance(kind, type) or not isinstance(raw, kind):
        _fail(where, getattr(kind, "__name__", str(kind)), raw)
    return raw
