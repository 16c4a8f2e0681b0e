"""What packages say by themselves on stderr – log messages, warnings, failures of threads and of clean-up – passes the door for credentials too."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Any, TextIO

from provenance.storage.secrets import redact

if TYPE_CHECKING:
    from types import TracebackType


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return the message without credentials."""
        return redact(super().format(record))


def redact_stderr() -> None:
    """Have all that this process says outside our own messages told without credentials. For a whole process, once."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Redacted())
    logging.lastResort = handler
    warnings.showwarning = _show_warning
    sys.excepthook = _tell
    sys.unraisablehook = lambda told: _tell(told.exc_type, told.exc_value, told.exc_traceback)
    threading.excepthook = lambda told: _tell(told.exc_type, told.exc_value, told.exc_traceback)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    text = redact(warnings.formatwarning(message, category, filename, lineno, line))
    (file or sys.stderr).write(text)


def _tell(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, /, *_rest: Any) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))
