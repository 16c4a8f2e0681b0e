"""The only canonical-JSON code (RFC 8785), and the digests built on it.

Works with the standard library alone for documents without floats, since the gate must run where nothing else is installed; documents with floats
go through the ``rfc8785`` package.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

MAX_SAFE_INTEGER = 2**53 - 1
"""RFC 8785 section 3.2.2.3 refuses integers beyond I-JSON's range (RFC 7493)."""


def canonical_bytes(value: object) -> bytes:
    """Return the RFC 8785 form of a JSON value, UTF-8 encoded.

    Raises:
        ValueError: For what RFC 8785 cannot express: other types, non-finite numbers, integers beyond 2**53 - 1, lone surrogates.
    """
    if _has_float(value):
        import rfc8785

        try:
            return rfc8785.dumps(cast("Any", value))
        except rfc8785.CanonicalizationError as err:
            raise ValueError(str(err)) from err
    try:
        return json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError as err:
        raise ValueError(f"text is not Unicode: {err}") from err


def digest_of(value: object) -> str:
    """Return ``sha256:<hex>`` of the canonical form of a JSON value."""
    return "sha256:" + hashlib.sha256(canonical_bytes(value)).hexdigest()


def digest_bytes(raw: bytes) -> str:
    """Return ``sha256:<hex>`` of bytes."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def _has_float(value: object) -> bool:
    if isinstance(value, float):
        return True
    if isinstance(value, dict):
        return any(_has_float(v) for v in value.values())
    return isinstance(value, list | tuple) and any(_has_float(v) for v in value)


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        if not all(isinstance(k, str) for k in value):
            raise ValueError("object keys must be text")
        return {k: _sorted(value[k]) for k in sorted(value, key=_utf16)}
    if isinstance(value, list | tuple):
        return [_sorted(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise ValueError(f"integer {value} is beyond 2**53 - 1: write it as text")
        return int(value)
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def _utf16(key: str) -> bytes:
    """Sort key of RFC 8785 section 3.2.3: UTF-16 code units."""
    return key.encode("utf-16-be", "surrogatepass")
