"""Addresses in the one form in which demands and records are compared. Standard library only; hostile input gives ``None``, never an error.

Rules: scheme, user, port and fragment do not count. Hosts are lower case, without a trailing dot, in ASCII (each label that is not ASCII as ``xn--``, folded
as UTS 46 folds without transition). ``www.`` before a host does not count for pages. Percent signs that hide letters, digits, ``-._~`` are resolved, dot
segments too, and slashes at the end fall away. A query counts as it is written. What stands within an address – the page that an archive or a mirror shows, the one
that a parameter names – is an address of its own.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

MAX_ADDRESS: Final = 8_192
"""Characters of an address; what is longer is none."""
_MAX_HOST, _MAX_LABEL = 253, 63
_WEB: Final = re.compile(r"(?:https?|ftps?|wss?|gopher|gemini):[/\\]*", re.IGNORECASE)
_OTHER: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_AFTER_HOST: Final = re.compile(r"[/\\?#]")
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_.~!$&'()*+,;=:@-]*)*/?")
"""Needs no folding: no empty part, none that begins with a dot, nothing to be written with a percent sign."""
_BREAKS: Final = re.compile(r"[\t\r\n]+")
_WARC: Final = re.compile(r"<(.*)>")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_TOP: Final = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{2,59}")
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")
_PERCENT: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE: Final = "/%:@!$&'()*+,;=-._~?"
_GENERIC: Final = frozenset({"ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "ltd", "mil", "ne", "net", "nom", "or", "org", "plc", "sch"})
"""Labels under which registries of countries let others register, such as ``co.uk``."""
_COUNTRY: Final = 2
_ROUNDS: Final = 16
"""How often percent signs are resolved in search of addresses within an address."""
_INNER: Final = re.compile(r"(?:https?|ftps?|wss?|gopher|gemini):[/\\]+", re.IGNORECASE)
_BARE: Final = re.compile(
    r"(?:/web/[0-9*]{1,14}(?:[a-z]{2}_)?/|/amp/(?:s/)?|/[civ]/s/"
    r"|[?&;#](?:u|url|uri|href|src|link|target|dest|destination|redirect|redirect_url|page|site|domain|host)=|=(?=//))",
    re.IGNORECASE,
)
"""Stands before an address without a scheme: archives, caches, parameters that name one."""
_GAP: Final = re.compile(r"[\s\"'<>|]+|[,;+]{1,8}(?=https?(?::|%3a)|//|www\.)", re.IGNORECASE)
"""Stands between several addresses in one field."""
_CUT: Final = re.compile(r"[\s\"'<>|&;]|[,+)\]}]{1,8}(?=\s|$|https?:|//|www\.)", re.IGNORECASE)
"""May end an address that stands within another."""
_MORE: Final = re.compile(rf"(?:https?|ftps?|wss?|gopher|gemini)(?::|%(?:25)*3a)|%(?:25)*2f|{_BARE.pattern}|{_GAP.pattern}", re.IGNORECASE)
"""Without any of these an address holds no other one."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart."""

    host: str
    page: str
    """Host without ``www.``, and path."""
    query: str = ""
    """With its ``?``."""
    has_scheme: bool = True

    @property
    def key(self) -> str:
        """Return what two addresses of one page have in common."""
        return self.page + self.query


def read_address(text: str) -> Address | None:
    """Return an address with or without a scheme, ``None`` where a text is none."""
    if len(text) > MAX_ADDRESS:
        return None
    text = _BREAKS.sub("", text.strip())  # as browsers do
    found = _WARC.fullmatch(text)
    text = text if found is None else found[1]
    scheme = _WEB.match(text)
    if not text or _CONTROL.search(text) or (scheme is None and _OTHER.match(text)):
        return None
    marked = scheme is not None or text.startswith(("//", "\\\\"))
    rest = text[scheme.end() :] if scheme is not None else text.lstrip("/\\") if marked else text
    found = _AFTER_HOST.search(rest)
    end = len(rest) if found is None else found.start()
    _, at, place = rest[:end].rpartition("@")
    host = read_host(_without_port(place))
    if host is None or not (marked or (_is_named(host) and not at)):
        return None
    path, mark, query = rest[end:].partition("#")[0].partition("?")
    plain = host.removeprefix("www.")
    return Address(host, (plain if "." in plain else host) + _path(path), mark + query if query else "", marked)


def iter_addresses(text: str) -> Iterator[Address]:
    """Yield the address that a text is, those beside it, and those in its path or query, as they stand or with percent signs. Some may come twice."""
    whole = read_address(text)
    if whole is not None:
        yield whole
    yield from iter_more(text, whole)


def iter_more(text: str, whole: Address | None) -> Iterator[Address]:
    """Yield the addresses of a text but for the one that it is as a whole."""
    if len(text) > MAX_ADDRESS:
        return
    text = text.strip()
    scheme = _WEB.match(text)
    if not _MORE.search(text, 0 if scheme is None else scheme.end()):
        return
    pieces = _GAP.split(text)
    for piece in pieces if len(pieces) > 1 else ():
        found = read_address(piece)
        if found is not None:
            yield found
    for _ in range(_ROUNDS):
        yield from _within(text)
        plain = unquote(text)
        if plain == text:
            return
        text = plain
        if whole is None and (whole := read_address(text)) is not None:
            yield whole


def _within(text: str) -> Iterator[Address]:
    """Yield what may be an address behind the beginning of a text: up to the end, and up to where it may end before."""
    starts = {m.start() for m in _INNER.finditer(text) if m.start()} | {m.end() for m in _BARE.finditer(text)}
    for start in sorted(starts):
        rest = text[start:]
        for piece in dict.fromkeys((rest, _CUT.split(rest, maxsplit=1)[0])):
            found = read_address(piece)
            if found is not None:
                yield found


def _is_named(host: str) -> bool:
    """Tell whether a text that nothing else marks as an address may be a host's name."""
    return "." in host and _TOP.fullmatch(host.rpartition(".")[2]) is not None


def _without_port(text: str) -> str:
    if text.startswith("["):
        return "".join(text.partition("]")[:2])
    return text.partition(":")[0]


@lru_cache(1 << 14)
def read_host(text: str) -> str | None:
    """Return a host's name in the form in which it is compared, ``None`` where a text is none."""
    if text.startswith("[") and text.endswith("]"):
        return _numbers(text[1:-1])
    name = _DOTS.sub(".", unquote(text)).removesuffix(".")
    if not name or len(name) > MAX_ADDRESS:
        return None
    labels = [_label(part) for part in unicodedata.normalize("NFKC", name).split(".")]
    host = ".".join(label or "" for label in labels)
    if None in labels or len(host) > _MAX_HOST:
        return None
    return _numbers(host) if host.replace(".", "").isdecimal() else host


def _numbers(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return f"[{found.compressed}]" if found.version == 6 else str(found)


def _label(text: str) -> str | None:
    """Return a label in ASCII. The sharp s and the final sigma stay themselves, as browsers have it."""
    folded = unicodedata.normalize("NFC", "".join(c for c in text.lower() if not _is_ignored(c)))
    if not folded.isascii():
        if any(unicodedata.category(c)[0] in "CZ" for c in folded):
            return None
        try:
            folded = "xn--" + folded.encode("punycode").decode("ascii")
        except UnicodeError:
            return None
    return folded if len(folded) <= _MAX_LABEL and _LABEL.fullmatch(folded) else None


def _is_ignored(char: str) -> bool:
    return char in "\u00ad\u200b\u2060\ufeff" or "\ufe00" <= char <= "\ufe0f"


def _path(text: str) -> str:
    """Return a path that begins with a slash, or nothing."""
    if _PLAIN_PATH.fullmatch(text):
        return text.removesuffix("/")
    plain = _PERCENT.sub(_resolve, text.replace("\\", "/"))
    parts: list[str] = []
    for part in plain.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "".join("/" + quote(unicodedata.normalize("NFC", p), safe=_SAFE, errors="replace") for p in parts)


def _resolve(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _PLAIN else found[0].upper()


def parents_of(host: str) -> list[str]:
    """Return a host and all the domains that it lies in, the host first."""
    if host.startswith("[") or host.replace(".", "").isdecimal():
        return [host]
    labels = host.split(".")
    return [".".join(labels[i:]) for i in range(len(labels))]


def is_public_suffix(host: str) -> bool:
    """Tell whether everybody can register names below a host: a single label, or such as ``co.uk``."""
    labels = host.split(".")
    if len(labels) == 1:
        return not host.startswith("[")
    return len(labels) == _COUNTRY and len(labels[1]) == _COUNTRY and labels[0] in _GENERIC
