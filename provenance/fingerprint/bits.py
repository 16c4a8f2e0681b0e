"""Machine instructions that numba has no word for, with plain forms for ``NUMBA_DISABLE_JIT=1``."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config
from numba import types as numba_types
from numba.extending import intrinsic
from numpy.typing import NDArray

Int = int | np.signedinteger[Any]
types: Any = numba_types  # numba is not typed
WINDOW = 64
"""Bytes classified together: one bit each in a register."""
ESCAPE_MARKS = b"&-\x90\xad"
"""An ampersand, a hyphen, and the last bytes of U+2010 and of the soft hyphen: where what typesetting and HTML put inside words may stand."""


def _plain_trailing_zeros(value: np.uint64) -> np.int64:
    """Return how many zero bits stand below the lowest bit that is set. The value must not be zero."""
    number = int(value)
    return np.int64((number & -number).bit_length() - 1)


def _plain_load_eight(data: NDArray[np.uint8], at: Int) -> np.uint64:
    """Return the eight bytes from ``at`` on as one number, the first byte lowest. The caller makes sure that they are there."""
    return np.uint64(int.from_bytes(data[at : at + 8].tobytes(), "little"))


def _plain_window_bits(data: NDArray[np.uint8], at: Int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Return three masks of the 64 bytes from ``at`` on, the first byte lowest: ASCII letters and digits; apostrophes; what is not ASCII."""
    window = data[at : at + WINDOW].tobytes()
    words = sum(1 << i for i, byte in enumerate(window) if byte < 0x80 and chr(byte).isalnum())
    apostrophes = sum(1 << i for i, byte in enumerate(window) if byte == ord("'"))
    high = sum(1 << i for i, byte in enumerate(window) if byte >= 0x80)
    return np.uint64(words), np.uint64(apostrophes), np.uint64(high)


def _plain_escape_bits(data: NDArray[np.uint8], at: Int) -> np.uint64:
    """Return a mask of the 64 bytes from ``at`` on, the first byte lowest: those among ``ESCAPE_MARKS``."""
    window = data[at : at + WINDOW].tobytes()
    return np.uint64(sum(1 << i for i, byte in enumerate(window) if byte in ESCAPE_MARKS))


def _plain_string_stop_bits(data: NDArray[np.uint8], at: Int) -> np.uint64:
    """Return a mask of the 64 bytes from ``at`` on, the first byte lowest: quotation marks, backslashes and control characters, where a JSON string may stop."""
    window = data[at : at + WINDOW].tobytes()
    return np.uint64(sum(1 << i for i, byte in enumerate(window) if byte < 0x20 or byte in b'"\\'))


def _plain_pair_bits(data: NDArray[np.uint8], at: Int, firsts: NDArray[np.uint8], seconds: NDArray[np.uint8]) -> np.uint64:
    """Return a mask of the 64 bytes from ``at`` on, the first byte lowest: those that begin one of some pairs of bytes, ASCII read as small letters, white space as a space."""
    window = _folded(data[at : at + WINDOW + 1].tobytes())
    pairs = {bytes(pair) for pair in zip(firsts.tolist(), seconds.tolist(), strict=True)}
    return np.uint64(sum(1 << i for i in range(WINDOW) if window[i : i + 2] in pairs))


def _folded(raw: bytes) -> bytes:
    return raw.lower().translate(bytes.maketrans(b"\t\n\v\f\r", b"     "))


def _plain_copy_window(data: NDArray[np.uint8], at: Int, out: NDArray[np.uint8], to: Int) -> None:
    """Copy the 64 bytes from ``at`` on. The caller makes sure that there is room."""
    out[to : to + WINDOW] = data[at : at + WINDOW]


@intrinsic
def _compiled_trailing_zeros(_typing: Any, _value: Any) -> Any:
    from llvmlite import ir

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def _compiled_load_eight(_typing: Any, data: Any, _at: Any) -> Any:
    from llvmlite import ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = builder.gep(context.make_array(signature.args[0])(context, builder, arguments[0]).data, [arguments[1]])
        loaded = builder.load(builder.bitcast(first, ir.IntType(64).as_pointer()), align=1)
        return builder.bswap(loaded) if sys.byteorder == "big" else loaded

    return types.uint64(data, types.int64), generate


def _repeated(value: int) -> Any:
    from llvmlite import ir

    return ir.Constant(ir.VectorType(ir.IntType(8), WINDOW), [value] * WINDOW)


def _load_window(context: Any, builder: Any, array_type: Any, data: Any, at: Any) -> Any:
    first = builder.gep(context.make_array(array_type)(context, builder, data).data, [at])
    return builder.load(builder.bitcast(first, _repeated(0).type.as_pointer()), align=1)


def _as_mask(builder: Any, flags: Any) -> Any:
    from llvmlite import ir

    mask = builder.bitcast(flags, ir.IntType(64))  # AVX2: two vpmovmskb
    return builder.bitreverse(mask) if sys.byteorder == "big" else mask


@intrinsic
def _compiled_window_bits(_typing: Any, data: Any, _at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text = _load_window(context, builder, signature.args[0], *arguments)
        small = builder.or_(text, _repeated(0x20))
        letter = builder.icmp_unsigned("<", builder.sub(small, _repeated(ord("a"))), _repeated(26))
        digit = builder.icmp_unsigned("<", builder.sub(text, _repeated(ord("0"))), _repeated(10))
        high = builder.icmp_signed("<", text, _repeated(0))
        apostrophe = builder.icmp_unsigned("==", text, _repeated(ord("'")))
        masks = [_as_mask(builder, flags) for flags in (builder.or_(letter, digit), apostrophe, high)]
        return context.make_tuple(builder, signature.return_type, masks)

    return types.Tuple((types.uint64, types.uint64, types.uint64))(data, types.int64), generate


@intrinsic
def _compiled_escape_bits(_typing: Any, data: Any, _at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text = _load_window(context, builder, signature.args[0], *arguments)
        found = [builder.icmp_unsigned("==", text, _repeated(mark)) for mark in ESCAPE_MARKS]
        return _as_mask(builder, functools.reduce(builder.or_, found))

    return types.uint64(data, types.int64), generate


@intrinsic
def _compiled_string_stop_bits(_typing: Any, data: Any, _at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text = _load_window(context, builder, signature.args[0], *arguments)
        marks = [builder.icmp_unsigned("==", text, _repeated(mark)) for mark in b'"\\']
        return _as_mask(builder, functools.reduce(builder.or_, marks, builder.icmp_unsigned("<", text, _repeated(0x20))))

    return types.uint64(data, types.int64), generate


def _fold_window(builder: Any, text: Any) -> Any:
    letter = builder.icmp_unsigned("<", builder.sub(text, _repeated(ord("A"))), _repeated(26))
    blank = builder.icmp_unsigned("<", builder.sub(text, _repeated(ord("\t"))), _repeated(5))
    return builder.select(blank, _repeated(ord(" ")), builder.select(letter, builder.or_(text, _repeated(0x20)), text))


def _splat(builder: Any, byte: Any) -> Any:
    from llvmlite import ir

    one = builder.insert_element(ir.Constant(_repeated(0).type, ir.Undefined), byte, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), WINDOW), [0] * WINDOW))


@intrinsic
def _compiled_pair_bits(_typing: Any, data: Any, _at: Any, firsts: Any, seconds: Any) -> Any:
    from numba.core import cgutils

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, at = signature.args[0], arguments[1]
        here = _fold_window(builder, _load_window(context, builder, array_type, arguments[0], at))
        there = _fold_window(builder, _load_window(context, builder, array_type, arguments[0], builder.add(at, at.type(1))))
        first, second = (context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args[2:], arguments[2:], strict=True))
        found = cgutils.alloca_once_value(builder, _repeated(0))  # type: ignore[no-untyped-call]  # numba's own
        with cgutils.for_range(builder, first.nitems) as loop:
            same = [
                builder.icmp_unsigned("==", window, _splat(builder, builder.load(builder.gep(pair.data, [loop.index]))))
                for window, pair in ((here, first), (there, second))
            ]
            held = builder.sext(builder.and_(*same), here.type)
            builder.store(builder.or_(builder.load(found), held), found)
        return _as_mask(builder, builder.icmp_unsigned("!=", builder.load(found), _repeated(0)))

    return types.uint64(data, types.int64, firsts, seconds), generate


@intrinsic
def _compiled_copy_window(_typing: Any, data: Any, _at: Any, out: Any, _to: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text = _load_window(context, builder, signature.args[0], *arguments[:2])
        place = builder.gep(context.make_array(signature.args[2])(context, builder, arguments[2]).data, [arguments[3]])
        builder.store(text, builder.bitcast(place, text.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(data, types.int64, out, types.int64), generate


if TYPE_CHECKING or config.DISABLE_JIT:
    trailing_zeros, load_eight, copy_window = _plain_trailing_zeros, _plain_load_eight, _plain_copy_window
    window_bits, escape_bits, string_stop_bits, pair_bits = _plain_window_bits, _plain_escape_bits, _plain_string_stop_bits, _plain_pair_bits
else:
    trailing_zeros, load_eight, copy_window = _compiled_trailing_zeros, _compiled_load_eight, _compiled_copy_window
    window_bits, escape_bits = _compiled_window_bits, _compiled_escape_bits
    string_stop_bits, pair_bits = _compiled_string_stop_bits, _compiled_pair_bits
