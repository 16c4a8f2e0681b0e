"""URLs of files in stores, in the one form in which they are kept, compared and told. Standard library only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NewType
from urllib.parse import unquote, urlsplit

from provenance.errors import LocationError
from provenance.storage.secrets import find_secret, redact

StoreUrl = NewType("StoreUrl", str)
"""A URL that has passed ``parse_url``: no credentials, no chain, no climbing, no slash at its end."""
Place = Path | StoreUrl
"""Where something lies: on this machine, or in a store."""
_FORM: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_CHAIN: Final = re.compile(r"::[A-Za-z][A-Za-z0-9+.-]*://")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN_PARAMETERS: Final = frozenset({"download", "raw", "ref", "revision", "version", "versionid"})
_QUERY: Final = re.compile(r"[A-Za-z]+(?:=[\w.-]*)?")
_WEB: Final = frozenset({"http", "https"})
_WITH_PORT: Final = _WEB | {"ftp", "ftps", "sftp", "ssh", "hdfs", "webhdfs"}
_WITHOUT_BUCKET: Final = frozenset({"memory"})
CREDENTIALS_HINT: Final = (
    "take it out, and do not use it again if it stood in a file or on a command line: stores' packages read credentials from the environment "
    "or their own profiles, see docs/storage.md"
)


def is_url(text: str) -> bool:
    """Tell whether a text names a file in a store: has a scheme, and is no local ``file://``."""
    return "://" in text and not is_file_url(text)


def is_file_url(text: str) -> bool:
    """Tell whether a text is a ``file://`` URL."""
    return text[:7].lower() == "file://"


def parse_url(text: str) -> StoreUrl:
    """Return a URL in the form in which it is kept.

    Raises:
        LocationError: If it holds credentials, is a chain of stores, climbs, names no bucket, or holds what no name of a file may hold.
            The message repeats no credential.
    """
    fault = url_fault(text)
    if fault is not None:
        found = find_secret(text)
        raise LocationError(f"{shown(text)}: {fault}", hint=CREDENTIALS_HINT if found else "such as: s3://bucket/folder")
    return StoreUrl(text.rstrip("/") if not text.endswith("://") else text)


def parse_place(text: str, *, folder: Path) -> Place:
    """Return where a text points: a store's URL, or a path, of which relative ones are taken from a folder.

    Raises:
        LocationError: As ``parse_url``.
    """
    if is_file_url(text):
        return folder / local_path(text)
    return parse_url(text) if is_url(text) else folder / text


def url_fault(text: str) -> str | None:
    """Return why a URL cannot be used, ``None`` if it can. The answer repeats nothing of it."""
    found = find_secret(text)
    if found is not None:
        return f"holds {found}: credentials never stand in an address here"
    if "::" in text.partition("://")[0] or _CHAIN.search(text):
        return "chains several stores, which is not read"
    form = _FORM.fullmatch(text)
    if form is None:
        return "is no URL"
    if _CONTROL.search(text):
        return "holds a line break or another control character"
    return _rest_fault(form["scheme"].lower(), form["rest"])


def _rest_fault(scheme: str, rest: str) -> str | None:
    parts = rest.rstrip("/").split("/")
    bucket = parts[0]
    if not rest.strip("/") or (not bucket and scheme not in _WITHOUT_BUCKET):
        return "names no bucket or host"
    if ":" in bucket and (scheme not in _WITH_PORT or "@" in rest):
        return "has a colon where a bucket or host stands: credentials never stand in an address here"
    if any(part in {"", ".", ".."} for part in parts[1:]):
        return "has an empty part, . or .. in its path"
    return _query_fault(scheme, rest)


def _query_fault(scheme: str, rest: str) -> str | None:
    """Refuse parameters that are not known to be harmless: what signs or opens an address stands there. Elsewhere ``?`` may be part of a name or pattern."""
    _, mark, query = rest.partition("?")
    if scheme in _WEB and "#" in rest:
        return "has a fragment behind #"
    if not mark or (scheme not in _WEB and "=" not in query.partition("/")[0]):
        return None
    known = all(_QUERY.fullmatch(part) and part.partition("=")[0].lower() in _PLAIN_PARAMETERS for part in query.split("&"))
    return None if known else "has parameters behind ?, which may be credentials"


def shown(text: str) -> str:
    """Return a text that may not be a good URL as it may be told: without parameters, and without what stands before ``@``."""
    head, mark, _ = text.partition("?")
    scheme, slashes, rest = head.partition("://")
    if slashes and ("@" in rest or ":" in rest.partition("/")[0]):
        rest = "…@" + rest.rpartition("@")[2] if "@" in rest else "…"
    return redact(f"{scheme}{slashes}{rest}{'?…' if mark else ''}")[:200]


def local_path(location: str) -> str:
    """Return the path of a local location, ``file://`` URLs resolved."""
    return unquote(urlsplit(location).path) if is_file_url(location) else location


def scheme_of(url: StoreUrl) -> str:
    """Return a URL's scheme in lower case."""
    return url.partition("://")[0].lower()


def join(url: StoreUrl, path: str) -> StoreUrl:
    """Return the URL of what lies below another."""
    return StoreUrl(f"{url}/{path}" if path else url)


def below(url: str, root: StoreUrl) -> str | None:
    """Return the path of a URL below a root, ``""`` for the root itself, ``None`` where it does not lie there."""
    if url == root:
        return ""
    return url[len(root) + 1 :] if url.startswith(f"{root}/") else None


def last_part(url: StoreUrl) -> str:
    """Return the last part of a URL's path, or its bucket."""
    return url.rpartition("/")[2]
