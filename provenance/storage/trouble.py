"""What goes wrong in stores, in one sentence: what may pass is tried again, what a store's package says is told without credentials.

Stores' packages raise what they like, so errors are judged by their class, their number and their HTTP status, never by importing the packages.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

from provenance.errors import ConfigError, LocationError, ShardDigestMismatchError, ShardReadError, StoreError
from provenance.storage.options import StorageOptions
from provenance.storage.secrets import redact
from provenance.storage.urls import StoreUrl, scheme_of

Result = TypeVar("Result")
EXTRAS: Final = {"s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"), "gs": ("gcsfs", "gs"), "gcs": ("gcsfs", "gs"), "hf": ("huggingface_hub", "hf")}
"""Scheme → (package, extra of this one)."""
_SAID_BYTES: Final = 200
_LASTING: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ImportError, NotImplementedError)
_LASTING_NUMBERS: Final = frozenset(
    number
    for name in ("EINVAL", "ENAMETOOLONG", "EPERM", "ENOSYS", "EREMCHG", "EACCES", "ENOENT", "EISDIR")
    if (number := getattr(errno, name, None)) is not None
)
_LASTING_NAMES: Final = frozenset(
    {"ParamValidationError", "InvalidRegionError", "UnknownServiceError", "RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError"}
)
_DENIED_NAMES: Final = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "LocalTokenNotFoundError",
        "GatedRepoError",
        "DefaultCredentialsError",
        "RefreshError",
    }
)
_PACKAGES: Final = frozenset(
    {"botocore", "aiobotocore", "aiohttp", "gcsfs", "httpx", "httpcore", "requests", "urllib3", "huggingface_hub", "fsspec", "http"}
)
"""Their errors are troubles of the way there where nothing else is known of them."""
_MAY_PASS: Final = frozenset({408, 425, 429})
_DENIED: Final = frozenset({401, 403, 407})
_MISSING: Final = frozenset({404, 410})
_FIRST_SERVER_FAULT: Final = 500
_PASSED_ON: Final = (ShardReadError, ShardDigestMismatchError, ConfigError, LocationError)


class CutShortError(OSError):
    """A store sent fewer bytes than it had promised."""


class ChangedError(Exception):
    """A file is not the one any more that was opened."""


def attempt(call: Callable[[], Result], *, url: StoreUrl, doing: str, options: StorageOptions) -> Result:
    """Return what a call returns, tried again where its failure may pass.

    Args:
        call: What to do; it must be able to be done again.
        url: What it is about.
        doing: What is done, for the message, such as ``"it cannot be listed"``.
        options: How often, and how long to wait between.

    Raises:
        StoreError: With the last reason, without credentials.
        ShardDigestMismatchError: If the file has changed.
    """
    wait_s, number = options.first_wait_s, 1
    while True:
        try:
            return call()
        except _PASSED_ON:
            raise
        except Exception as err:  # packages of stores raise what they like; all of it becomes ours here
            if number >= options.attempts or not may_pass(err):
                raise explained(err, url=url, doing=doing, attempts=number, options=options) from err
        time.sleep(wait_s)
        wait_s, number = wait_s * 2, number + 1


def may_pass(err: Exception) -> bool:
    """Tell whether trying again may help."""
    status = _status(err)
    if status is not None:
        return status >= _FIRST_SERVER_FAULT or status in _MAY_PASS
    if isinstance(err, _LASTING) or is_change(err) or type(err).__name__ in _LASTING_NAMES | _DENIED_NAMES:
        return False
    if isinstance(err, OSError):
        return err.errno not in _LASTING_NUMBERS
    return isinstance(err, EOFError) or type(err).__module__.partition(".")[0] in _PACKAGES


def is_change(err: Exception) -> bool:
    """Tell whether an error says that a file has been replaced since it was opened."""
    said = str(err).lower()
    return isinstance(err, ChangedError) or type(err).__name__ == "FileExpired" or "precondition" in said or "pre-condition" in said


def explained(err: Exception, *, url: StoreUrl, doing: str, attempts: int, options: StorageOptions) -> StoreError | ShardDigestMismatchError:
    """Return the error that says what went wrong."""
    status, name = _status(err), type(err).__name__
    if is_change(err):
        return ShardDigestMismatchError(f"{url}: changed while it was read", hint="do it again once nothing writes to it")
    if isinstance(err, ImportError) or (isinstance(err, ValueError) and "protocol" in str(err).lower()):
        return _no_package(err, url)
    if isinstance(err, FileNotFoundError) or status in _MISSING:
        return StoreError(f"{url}: no such file", hint="check the URL, and that these credentials may see it")
    if isinstance(err, IsADirectoryError):
        return StoreError(f"{url}: is a folder, expected a file", hint=f"name its files by a pattern, such as {url}/*.jsonl")
    if isinstance(err, PermissionError) or status in _DENIED or name in _DENIED_NAMES:
        return StoreError(
            f"{url}: access denied: {_said(err)}", hint="give the credentials of this environment the right to list and read it; see docs/storage.md"
        )
    return _failed(err, url=url, doing=f"{doing} after {attempts} attempts" if attempts > 1 else doing, options=options)


def _failed(err: Exception, *, url: StoreUrl, doing: str, options: StorageOptions) -> StoreError:
    """Return the error of a store that neither refuses nor lacks a file, but fails."""
    if isinstance(err, TimeoutError) or "timeout" in type(err).__name__.lower():
        return StoreError(
            f"{url}: {doing}: no answer within {options.timeout_s} s",
            hint="try again later, or raise timeout_s in [storage] of provenance.toml",
        )
    return StoreError(f"{url}: {doing}: {_said(err)}", hint="try again later; where it goes on, ask who runs the store")


def _no_package(err: Exception, url: StoreUrl) -> StoreError:
    scheme = scheme_of(url)
    if scheme in EXTRAS:
        package, extra = EXTRAS[scheme]
        return StoreError(
            f"{url}: {scheme}:// needs the package {package}", hint=f"pip install 'provenance-audit[{extra}]', or pip install {package}"
        )
    return StoreError(f"{url}: no package here reads {scheme}://: {_said(err)}", hint="install the fsspec package of this store")


def _said(err: Exception) -> str:
    """Return the first line of what an error says, without credentials."""
    text = str(err.args[-1]) if isinstance(err, OSError) and err.args else str(err)
    lines = redact(text).strip().splitlines()
    return lines[0][:_SAID_BYTES] if lines else type(err).__name__


def _status(err: Exception) -> int | None:
    """Return the HTTP status that an error carries under one of the names that packages use."""
    response = getattr(err, "response", None)
    for value in (getattr(err, "status", None), getattr(err, "code", None), getattr(response, "status_code", None)):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None
