"""The two machine instructions that numba has no word for, with plain forms for ``NUMBA_DISABLE_JIT=1``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config, types
from numba.extending import intrinsic
from numpy.typing import NDArray

Int = int | np.signedinteger[Any]


def _plain_trailing_zeros(value: np.uint64) -> np.int64:
    """Return how many zero bits stand below the lowest bit that is set. The value must not be zero."""
    number = int(value)
    return np.int64((number & -number).bit_length() - 1)


def _plain_load_eight(data: NDArray[np.uint8], at: Int) -> np.uint64:
    """Return the eight bytes from ``at`` on as one number, the first byte lowest. The caller makes sure that they are there."""
    return np.uint64(int.from_bytes(data[at : at + 8].tobytes(), "little"))


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


if TYPE_CHECKING or config.DISABLE_JIT:
    trailing_zeros, load_eight = _plain_trailing_zeros, _plain_load_eight
else:
    trailing_zeros, load_eight = _compiled_trailing_zeros, _compiled_load_eight
