"""The one decorator of every kernel: numba, compiled ahead, cached on disk where that is possible.

Kernels release the GIL, so threads may run them side by side. Under ``NUMBA_DISABLE_JIT=1`` they run as plain Python. Importing this module does not
import numba.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_CACHE_HINT = "set NUMBA_CACHE_DIR to a writable folder to compile once only"
_warned: list[str] = []


class KernelCacheWarning(UserWarning):
    """Compiled kernels cannot be kept on disk: every process compiles them again."""


def kernel(signature: str | None = None, **options: Any) -> Callable[[F], F]:
    """Return a decorator that compiles a function with numba in nopython mode, without the GIL and cached on disk.

    A cache that cannot be used (read-only package with an unwritable home, full disk, damaged file) costs one ``KernelCacheWarning`` a process, never
    the import.

    Args:
        signature: Numba signature, as in ``uint32(uint32[::1])``; given, the function is compiled or loaded at once.
        options: Passed on to ``numba.njit``, such as ``inline="always"`` or ``fastmath``.
    """

    def decorate(function: F) -> F:
        import numba

        settings: dict[str, Any] = {"nogil": True, **options}
        if not _warned:
            try:
                return cast("F", numba.njit(signature, cache=True, **settings)(function))
            except (RuntimeError, OSError, EOFError, ValueError) as err:
                _warn_once(str(err))
        return cast("F", numba.njit(signature, **settings)(function))

    return decorate


def _warn_once(reason: str) -> None:
    if not _warned:
        _warned.append(reason)
        warnings.warn(f"compiled kernels cannot be cached ({reason}); {_CACHE_HINT}", KernelCacheWarning, stacklevel=4)
