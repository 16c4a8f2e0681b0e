"""Ed25519 signature verification (RFC 8032 section 5.1.7): through ``cryptography`` where it is installed, in pure Python otherwise.

Both ways give the same answer for every input, because the rules that libraries differ on are checked here, on the bytes, before either is asked:

* S must be canonical, below the group order L (RFC 8032 section 5.1.7 step 1), so that a signature cannot be rewritten into another one.
* The public key must be a canonical encoding (y < p) of a point that is not of small order: under such a key one signature fits many messages.
* The equation is the one without the cofactor, ``encode([S]B - [k]A) == R`` compared byte by byte. RFC 8032 permits it; it implies that R is canonical,
  and a verifier that multiplied by the cofactor would accept signatures that this one and OpenSSL refuse.

Only verification is here: it handles no secrets, so its timing may depend on its input.
"""

from __future__ import annotations

import hashlib
from typing import Final

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_M1: Final = pow(2, (_P - 1) // 4, _P)
_BASE_Y: Final = 4 * pow(5, _P - 2, _P) % _P
_Y_MASK: Final = (1 << 255) - 1

_ORDER_8_Y: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y})
"""The y coordinates of the eight points of order 1, 2, 4 and 8; a test multiplies each by 8."""

Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z (RFC 8032 section 5.1.4)."""

_IDENTITY: Final[Point] = (0, 1, 1, 0)


def is_acceptable_key(public_key: bytes) -> bool:
    """Tell whether bytes are the canonical encoding of a curve point that is not of small order."""
    return _has_strict_form(public_key) and _decode(public_key) is not None


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether ``signature`` is the signature of ``message`` under ``public_key``, by the rules in this module's docstring.

    Args:
        public_key: 32 bytes; another length is never acceptable.
        message: The bytes that were signed.
        signature: 64 bytes, R then S; another length is never acceptable.

    Cost:
        About 0.1 ms with ``cryptography``, 2 to 4 ms without.
    """
    if not _has_strict_form(public_key) or len(signature) != SIGNATURE_BYTES or int.from_bytes(signature[32:], "little") >= _L:
        return False
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return verify_pure(public_key, message, signature)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_pure(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Do what ``verify`` does with the standard library alone.

    Source:
        RFC 8032 sections 5.1.3 (decoding) and 5.1.7 (verification).
    """
    if not _has_strict_form(public_key) or len(signature) != SIGNATURE_BYTES:
        return False
    encoded_r, s = signature[:32], int.from_bytes(signature[32:], "little")
    point = _decode(public_key)
    if s >= _L or point is None:
        return False
    k = int.from_bytes(hashlib.sha512(encoded_r + public_key + message).digest(), "little") % _L
    return _encode(_double_multiply(s, _BASE, k, _negate(point))) == encoded_r


def _has_strict_form(public_key: bytes) -> bool:
    if len(public_key) != PUBLIC_KEY_BYTES:
        return False
    y = int.from_bytes(public_key, "little") & _Y_MASK
    return y < _P and y not in _SMALL_ORDER_Y


def _decode(encoded: bytes) -> Point | None:
    """Return the point (RFC 8032 section 5.1.3), or ``None`` if the encoding is not canonical or no point has this y."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & _Y_MASK, number >> 255
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if (v * x * x - u) % _P:
        x = x * _SQRT_M1 % _P
    if (v * x * x - u) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _encode(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, _P - 2, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _negate(point: Point) -> Point:
    x, y, z, t = point
    return (_P - x, y, z, _P - t)


def _add(p: Point, q: Point) -> Point:
    """Add two points; complete, so it also doubles (RFC 8032 section 5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * _D * p[3] * q[3] % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _double(p: Point) -> Point:
    """Double a point (RFC 8032 section 5.1.4), in four multiplications and four squarings."""
    a, b = p[0] * p[0] % _P, p[1] * p[1] % _P
    h = a + b
    e = h - (p[0] + p[1]) * (p[0] + p[1])
    g = a - b
    f = 2 * p[2] * p[2] + g
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _double_multiply(s: int, p: Point, k: int, q: Point) -> Point:
    """Return [s]p + [k]q in one pass over the bits of both numbers (Straus' trick)."""
    table = (None, p, q, _add(p, q))
    total = _IDENTITY
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        total = _double(total)
        term = table[(s >> bit & 1) | (k >> bit & 1) << 1]
        if term is not None:
            total = _add(total, term)
    return total


def _base_point() -> Point:
    point = _decode(_BASE_Y.to_bytes(32, "little"))
    if point is None:  # unreachable: RFC 8032 section 5.1 gives B
        raise ArithmeticError("the base point is not on the curve")
    return point


_BASE: Final = _base_point()
