"""Text that may hold lone surrogates, which are no characters, as UTF-8."""

from __future__ import annotations

import re

_SURROGATES = re.compile("[\ud800-\udfff]")


def utf8(text: str) -> bytes:
    """Return UTF-8. A lone surrogate, which is no character and has no UTF-8, stands as U+FFFD: one code point for one, so that offsets hold."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text).encode()


def whole(text: str) -> str:
    """Return text that has UTF-8: lone surrogates as U+FFFD, one for one."""
    return text if text.isascii() else utf8(text).decode()
