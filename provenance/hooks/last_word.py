"""A denial that was swallowed still is the process's exit code.

A bare ``except:`` swallows a denial as it swallows every ``SystemExit``, and the script then ends as if all were well. So a process ends with 77, however its script ends,
unless a gate was passed since, if

* what was denied had been let through before in this process: a run that had begun, or was about to; or
* no gate was passed in it at all.

A process that tries several runs and leaves out those that are denied is none of these, as long as one of them was let through. Whoever only wants to know asks
``provenance.hooks.gate.examine``, which ends nothing. Standard library only; nothing is read from the environment.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Final

EXIT_CODE: Final = 77
"""Training may not start, or go on."""
_HOLDER: Final = "_provenance_last_word"
"""Attribute of ``sys``: what a thread's module holds, Python may never let go of."""


class _LastWord:
    """Ends the process when Python lets go of it: after everything that was registered to be called at exit, so that other packages end in order."""

    def __init__(self, *, final: bool) -> None:
        self.final = final
        self.spoken = True
        self._end = partial(os._exit, EXIT_CODE)
        self._pid = os.getpid()
        self._process = os.getpid  # kept: when this is let go of, modules may be empty

    def is_of_this_process(self) -> bool:
        return self._pid == self._process()

    def __del__(self) -> None:
        if self.spoken and self.is_of_this_process():
            self._end()


_let_through: set[tuple[int, str]] = set()
"""Process and absolute path of each clearance whose gate was passed: what is forked begins with none of its own."""


def denied(clearance: str | os.PathLike[str], *, running: bool = False, final: bool = False) -> None:
    """Have this process end with 77 from now on, if the denial concerns all that it does.

    Args:
        clearance: The clearance that was asked.
        running: It was denied after its gate had been passed.
        final: It ends the process in any case, and no gate takes it back.
    """
    here = {path for pid, path in _let_through if pid == os.getpid()}
    known = getattr(sys, _HOLDER, None)
    mine = known is not None and known.is_of_this_process()  # what is forked inherits one that never speaks in it
    if final or (not mine and (running or not here or _absolute(clearance) in here)):
        _forget()
        setattr(sys, _HOLDER, _LastWord(final=final))


def passed(clearance: str | os.PathLike[str]) -> None:
    """Take a denial back: a gate was passed.

    Args:
        clearance: The clearance that was asked.
    """
    _let_through.add((os.getpid(), _absolute(clearance)))
    known = getattr(sys, _HOLDER, None)
    if known is not None and not known.final:
        _forget()


def _forget() -> None:
    known = getattr(sys, _HOLDER, None)
    if known is not None:
        known.spoken = False
        delattr(sys, _HOLDER)


def _absolute(clearance: str | os.PathLike[str]) -> str:
    return os.path.abspath(os.fspath(clearance))  # noqa: PTH100 – a PathLike may be of any kind
