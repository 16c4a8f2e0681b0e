"""The one decorator of every kernel: numba without the GIL, cached on disk where that is possible.

A cached kernel holds the machine code of the kernels it calls, but numba looks at its own file only when it judges whether the cache is fresh. Here the
sources of its package and of this one are part of the key, so an edited callee never leaves a stale caller behind. A cache that cannot be used (read-only
package with an unwritable home, full disk, damaged file) costs one ``KernelCacheWarning`` a process and compilation, never the import.
Under ``NUMBA_DISABLE_JIT=1`` kernels run as plain Python. Importing this module does not import numba.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_CACHE_HINT = "set NUMBA_CACHE_DIR to a writable folder to compile only once"
_CACHE_FAULTS = (RuntimeError, OSError, EOFError, ValueError, TypeError, AttributeError, ImportError, IndexError, KeyError, pickle.PickleError)
"""What a locator without a folder, a full disk or a damaged cache file raise: unpickling garbage can raise any of the last ones."""
_SHARED_KERNELS = "fingerprint"
_warned: list[str] = []


class KernelCacheWarning(UserWarning):
    """Compiled kernels cannot be kept on disk: every process compiles them again."""


def kernel(**options: Any) -> Callable[[F], F]:
    """Return a decorator that compiles a function with numba in nopython mode, without the GIL and cached on disk.

    Args:
        options: Passed on to ``numba.njit``. ``_nrt=False`` leaves out reference counting, for inner kernels that make no arrays.
    """

    def decorate(function: F) -> F:
        from numba import config, njit

        if cast("Any", config).DISABLE_JIT:
            return _as_python(function)
        settings: dict[str, Any] = {"nogil": True, **options}
        compiled = njit(**settings)(function)
        if not _warned:
            try:
                compiled._cache = _cache_class()(function)  # noqa: SLF001  numba has no public way to give a kernel its own cache
            except _CACHE_FAULTS as err:
                _warn_once(err)
        return cast("F", compiled)

    return decorate


def _as_python(function: F) -> F:
    """Let numbers wrap around silently, as they do in compiled code."""

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        import numpy as np

        with np.errstate(over="ignore"):
            return function(*arguments, **named)

    return cast("F", call)


def _warn_once(fault: Exception) -> None:
    if not _warned:
        _warned.append(str(fault))
        warnings.warn(f"compiled kernels cannot be cached ({fault}); {_CACHE_HINT}", KernelCacheWarning, stacklevel=3)


@cache
def source_stamp(module: str) -> str:
    """Return the digest of every source that a kernel of a module may hold code or constants of: this package and the module's own."""
    state = hashlib.sha256()
    root = Path(__file__).parent.parent
    for package in sorted({_SHARED_KERNELS, *module.split(".")[1:2]}):
        for path in sorted((root / package).glob("*.py")):
            state.update(path.name.encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


@cache
def _cache_class() -> type[Any]:
    """Return our cache class. It exists once numba is imported."""
    from numba.core.caching import FunctionCache

    class KernelCache(FunctionCache):
        """A cache that knows every kernel source and never raises."""

        def _index_key(self, sig: Any, codegen: Any) -> Any:
            return (*super()._index_key(sig, codegen), source_stamp(self._py_func.__module__))  # type: ignore[no-untyped-call]  # numba's method has no types

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return cast("Any", super()).load_overload(sig, target_context)
            except _CACHE_FAULTS:
                self._forget()
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                cast("Any", super()).save_overload(sig, data)
            except _CACHE_FAULTS as err:
                _warn_once(err)

        def _forget(self) -> None:
            """Empty a damaged cache, so that the next save mends it."""
            try:
                cast("Any", self).flush()
            except _CACHE_FAULTS as err:
                _warn_once(err)

    return KernelCache
