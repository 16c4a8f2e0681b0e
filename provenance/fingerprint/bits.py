"""Machine instructions that numba has no word for, with plain forms for ``NUMBA_DISABLE_JIT=1``."""

from __future__ import annotations

import functools
import platform
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config
from numba import types as numba_types
from numba.extending import intrinsic
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel

Int = int | np.signedinteger[Any]
types: Any = numba_types  # numba is not typed
WINDOW = 64
"""Bytes classified together: one bit each in a register."""
CLASSES = 4
"""Bytes in sequence that ``class_bits`` looks at."""
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


def _plain_class_bits(data: NDArray[np.uint8], at: Int, classes: NDArray[np.uint8]) -> np.uint64:
    """Return a mask of the 64 bytes from ``at`` on, the first byte lowest: those from which on each of some bytes is in its class of one set.

    Args:
        data: At least as many bytes more behind the 64 as there are classes behind the first.
        at: The first byte.
        classes: (2 n, 16) for n bytes in sequence, by the lower and by the upper four bits of each: the sets, one a bit, in which such a byte may stand there.
    """
    mask = 0
    for i in range(WINDOW):
        sets = 0xFF
        for place in range(len(classes) // 2):
            byte = int(data[at + i + place])
            sets &= int(classes[2 * place, byte & 15]) & int(classes[2 * place + 1, byte >> 4])
        mask |= (sets != 0) << i
    return np.uint64(mask)


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


def _shuffle_lanes() -> int:
    """Return how many bytes this machine looks up at once in a table of sixteen: half a window, or none where numba compiles for another machine."""
    from llvmlite import binding

    chosen: Any = config
    is_own = not (chosen.CPU_NAME or chosen.CPU_FEATURES)
    return WINDOW // 2 if is_own and platform.machine() in {"x86_64", "AMD64"} and binding.get_host_cpu_features().get("avx2") else 0


def _look_up(builder: Any, table: Any, places: Any) -> Any:
    """Look 64 numbers below sixteen up in a table, a half of them at a time."""
    from llvmlite import ir

    lanes = _shuffle_lanes()
    half = ir.VectorType(ir.IntType(8), lanes)
    shuffle = builder.module.declare_intrinsic("llvm.x86.avx2.pshuf.b", fnty=ir.FunctionType(half, [half, half]))
    numbers = ir.VectorType(ir.IntType(32), lanes)
    twice = builder.shuffle_vector(table, table, ir.Constant(numbers, [i % 16 for i in range(lanes)]))
    halves = [builder.shuffle_vector(places, places, ir.Constant(numbers, list(range(first, first + lanes)))) for first in (0, lanes)]
    found = [builder.call(shuffle, [twice, part]) for part in halves]
    return builder.shuffle_vector(*found, ir.Constant(ir.VectorType(ir.IntType(32), WINDOW), list(range(WINDOW))))


@intrinsic
def _compiled_class_bits(_typing: Any, data: Any, _at: Any, classes: Any) -> Any:
    from llvmlite import ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, at = context.make_array(signature.args[2])(context, builder, arguments[2]), arguments[1]
        row = ir.VectorType(ir.IntType(8), 16).as_pointer()
        sets = _repeated(0xFF)
        for place in range(CLASSES):
            text = _load_window(context, builder, signature.args[0], arguments[0], builder.add(at, at.type(place)))
            for number, nibbles in enumerate((builder.and_(text, _repeated(15)), builder.lshr(text, _repeated(4)))):
                first = builder.gep(array.data, [ir.Constant(ir.IntType(64), 16 * (2 * place + number))])
                sets = builder.and_(sets, _look_up(builder, builder.load(builder.bitcast(first, row), align=1), nibbles))
        return _as_mask(builder, builder.icmp_unsigned("!=", sets, _repeated(0)))

    return types.uint64(data, types.int64, classes), generate


@kernel(_nrt=False)
def _compiled_class_bits_one_by_one(data: NDArray[np.uint8], at: Int, classes: NDArray[np.uint8]) -> np.uint64:
    mask = np.uint64(0)
    for i in range(WINDOW):
        sets = np.uint8(0xFF)
        for place in range(CLASSES):
            byte = data[at + i + place]
            sets &= classes[2 * place, byte & np.uint8(15)] & classes[2 * place + 1, byte >> np.uint8(4)]
        mask |= np.uint64(sets != 0) << np.uint64(i)
    return mask


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
    window_bits, escape_bits, string_stop_bits, class_bits = _plain_window_bits, _plain_escape_bits, _plain_string_stop_bits, _plain_class_bits
else:
    trailing_zeros, load_eight, copy_window = _compiled_trailing_zeros, _compiled_load_eight, _compiled_copy_window
    window_bits, escape_bits = _compiled_window_bits, _compiled_escape_bits
    string_stop_bits = _compiled_string_stop_bits
    class_bits = _compiled_class_bits if _shuffle_lanes() else _compiled_class_bits_one_by_one
