"""The door that credentials do not pass: what holds one is refused, and what others say of a failure is told without it. Standard library only.

Rules:
* ``find_secret`` looks at what people write: addresses with a password, a signature or a token. Whoever refuses says what was found, never the text itself.
* ``find_written_secret`` looks at free text that is kept for ever: at addresses too, at the known shapes of keys and tokens, and at ``name=value``.
* ``redact`` is for text that comes from elsewhere: errors of stores, tracebacks. It takes out too much rather than too little.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote

HIDDEN: Final = "[hidden]"
"""Stands where a secret was."""
SHORTEST: Final = 6
"""Shorter values of environment variables are not looked for: they would be found everywhere."""
_SHORTEST_KEY: Final = 16
"""``?key=`` names many things; only what is so long may be a credential."""
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]{0,31}://"
_PORT_SCHEMES: Final = frozenset({"http", "https", "ftp", "ftps", "sftp", "ssh", "hdfs", "webhdfs", "redis", "rediss"})
_TOKEN_USERS: Final = frozenset({"http", "https", "s3", "s3a", "gs", "gcs", "hf"})
"""Schemes in which a name alone before ``@`` is a token or a key."""
_LOGIN: Final = re.compile(rf"(?P<scheme>{_SCHEME})(?P<user>[^\s/?#:@'\"<>]*)(?::(?P<password>[^\s@'\"<>]*))?@")
_PARAMETER: Final = re.compile(r"[?&;#](?P<name>[A-Za-z0-9_.\[\]%-]{1,64})=(?P<value>[^\s&;#'\"<>]+)")
_PARAMETER_NAMES: Final = re.compile(
    r"x-?(?:amz|goog|ms|oss|cos)-?.*(?:signature|credential|token)|(?:aws|oss|google)_?access_?(?:key_?)?id|(?:x_)?signature|sig"
    r"|(?:[a-z0-9]+_)*(?:token|secret|password|passwd|pwd|passphrase|credentials?|jwt|sas)|(?:[a-z0-9]+_)*(?:api|secret|access|account|private|session)_?key"
    r"|auth|authorization|sessionid",
    re.IGNORECASE,
)
_LONG_NAMES: Final = frozenset({"key", "code"})
_NAMED: Final = re.compile(
    r"(?P<name>\b(?:[\w-]*(?:secret|password|passwd|passphrase|signature|credential|access[_-]?key|api[_-]?key|account[_-]?key)[\w-]*"
    r"|[\w-]*token))(?P<mid>['\"]?\s*[:=]\s*['\"]?)(?P<value>(?!\[hidden\])[^\s'\",;}&<>)\]]+)",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(r"(?P<name>\bauthorization['\"]?\s*[:=]\s*)[^\r\n]+", re.IGNORECASE)
_SHAPES: Final = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"  # access key ids of AWS
    r"|\bGOOG[A-Z0-9]{16,}\b"
    r"|\bAIza[\w-]{30,}|\bya29\.[\w.-]+"  # Google
    r"|\bhf_[A-Za-z0-9]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_VARIABLES: Final = re.compile(
    r"secret|token|passw|passphrase|credential|access_?key|api_?key|account_?key|_sas\b|signature|connection_string", re.IGNORECASE
)
_PLACES: Final = ("_FILE", "_PATH", "_URI", "_URL", "_FULL_URI", "APPLICATION_CREDENTIALS")
"""Ends of names of variables that say where a secret lies."""
_LONG_TOKEN, _LONG_VALUE, _SHORTEST_VALUE = 30, 12, 4
"""Characters from which on a token of the hub, a value that is called a token, and another value behind ``=`` are taken for secrets."""
_SETTINGS: Final = frozenset(
    {"none", "null", "true", "false", "unset", "empty", "removed", "masked", "redacted", "hidden", "[hidden]", "***", "****"}
)
"""What stands in the place of a secret and is none."""
_remembered: set[str] = set()


def find_secret(text: str) -> str | None:
    """Return what kind of credential a text holds in an address, ``None`` where it holds none. The answer never repeats it."""
    if "://" not in text and "=" not in text and "%3d" not in text.lower():
        return None
    for form in dict.fromkeys((text, unquote(text))):
        if any(_is_login(found) for found in _LOGIN.finditer(form)):
            return "a name or password before @"
        for found in _PARAMETER.finditer(form):
            if _is_secret_parameter(found):
                return f"a credential in its parameter {unquote(found['name'])[:40]}"
    return None


def find_written_secret(text: str) -> str | None:
    """Return what kind of credential a free text holds, ``None`` where it holds none. The answer never repeats it.

    >>> find_written_secret("password reset tickets, max_token=512"), find_written_secret("password=hunter2")
    (None, 'a value beside the name of a credential')
    """
    found = find_secret(text)
    if found is not None:
        return f"an address with {found}"
    if any(_is_key(shape.group()) for shape in _SHAPES.finditer(text)):
        return "what has the shape of a key or token"
    return "a value beside the name of a credential" if any(map(_is_given, _NAMED.finditer(text))) else None


def _is_key(shape: str) -> bool:
    """Tell a token of the hub from a name of data that only begins alike: tokens are long, or of small and capital letters."""
    return not shape.startswith("hf_") or len(shape) >= _LONG_TOKEN or shape.lower() != shape


def _is_given(found: re.Match[str]) -> bool:
    """Tell whether ``name=value`` gives a credential: ``token`` also names words of models, and a colon also begins a clause."""
    name, value = found["name"].lower(), found["value"]
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    if name.endswith(("file", "path", "name")):
        return False
    if name.endswith("token"):
        return mixed and len(value) >= _LONG_VALUE
    if "=" in found["mid"]:
        return len(value) >= _SHORTEST_VALUE and value.lower() not in _SETTINGS
    return mixed and len(value) >= SHORTEST


def redact(text: str, *, environment: Mapping[str, str] | None = None) -> str:
    """Return a text without the credentials in it: those of addresses, headers, known shapes, and the values of this process's secret variables.

    Args:
        text: What a library or a server said.
        environment: Variables; those of this process where not given.
    """
    for value in sorted(_values(os.environ if environment is None else environment), key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    text = _LOGIN.sub(lambda found: f"{found['scheme']}{HIDDEN}@" if _is_login(found) else found[0], text)
    text = _PARAMETER.sub(lambda found: f"{found[0][0]}{found['name']}={HIDDEN}" if _is_secret_parameter(found) else found[0], text)
    text = _HEADER.sub(lambda found: f"{found['name']}{HIDDEN}", text)
    text = _NAMED.sub(lambda found: f"{found['name']}{found['mid']}{HIDDEN}", text)
    return _SHAPES.sub(HIDDEN, text)


def without_secrets(text: str) -> str:
    """Return a text that data carry of themselves, such as where they came from, without the credentials of addresses in it."""
    return text if find_secret(text) is None else redact(text, environment={})


def remember(values: Iterable[str]) -> None:
    """Have ``redact`` take some values out from now on, in this process: credentials that were read for a store."""
    _remembered.update(value for value in values if len(value) >= SHORTEST)


def _values(environment: Mapping[str, str]) -> set[str]:
    named = {value for name, value in environment.items() if _VARIABLES.search(name) and not name.upper().endswith(_PLACES)}
    named.update(_login_of_proxies(environment))
    return {value for value in named if len(value) >= SHORTEST} | _remembered


def _login_of_proxies(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the passwords that addresses of proxies hold, as they are written there and as they are sent."""
    for name, value in environment.items():
        if name.lower().endswith("_proxy") and "@" in value:
            login = value.rpartition("@")[0].rpartition("://")[2]
            password = login.partition(":")[2]
            yield from (password, unquote(password), base64.b64encode(unquote(login).encode()).decode())


def _is_login(found: re.Match[str]) -> bool:
    scheme, password = found["scheme"].removesuffix("://").lower(), found["password"]
    if password is None:
        return bool(found["user"]) and scheme in _TOKEN_USERS
    port, slash, _ = password.partition("/")
    return not (scheme in _PORT_SCHEMES and slash and port.isdecimal())  # host:port/path@…


def _is_secret_parameter(found: re.Match[str]) -> bool:
    name = unquote(found["name"]).lower()
    return _PARAMETER_NAMES.fullmatch(name) is not None or (name in _LONG_NAMES and len(found["value"]) >= _SHORTEST_KEY)
