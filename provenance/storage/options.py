"""How stores are reached: the ``[storage]`` table of the settings. It may name environment variables, never a secret. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from provenance.errors import ConfigError
from provenance.storage.secrets import find_secret, redact, remember

Value = str | bool
ATTEMPTS: Final = 4
TIMEOUT_S: Final = 30
MOST_ATTEMPTS, LONGEST_TIMEOUT_S = 20, 3600
_ALIASES: Final = MappingProxyType({"s3a": "s3", "gcs": "gs"})
_TEXT, _SWITCH = (str,), (bool,)
_KNOWN: Final[Mapping[str, Mapping[str, tuple[type, ...]]]] = MappingProxyType(
    {
        "s3": {
            **dict.fromkeys(("endpoint_url", "region", "profile", "addressing", "key_env", "secret_env", "token_env"), _TEXT),
            **dict.fromkeys(("anon", "requester_pays"), _SWITCH),
        },
        "gs": {**dict.fromkeys(("endpoint_url", "project", "token_env"), _TEXT), **dict.fromkeys(("anon", "requester_pays"), _SWITCH)},
        "hf": dict.fromkeys(("endpoint", "token_env"), _TEXT),
    }
)
_ADDRESSING: Final = ("auto", "path", "virtual")
_ENV: Final = "_env"
_NO_CREDENTIALS: Final = "anon"  # what gcsfs calls it


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageOptions:
    """What is said of stores. Holds no credentials: only the names of the variables that do."""

    stores: tuple[tuple[str, tuple[tuple[str, Value], ...]], ...] = ()
    """Scheme → options, as they are written."""
    attempts: int = ATTEMPTS
    """How often a request is tried that fails in a way that may pass."""
    timeout_s: int = TIMEOUT_S
    """How long a store may take to answer, where its package lets that be said."""
    first_wait_s: float = 0.5
    """Before the second attempt; doubled with each further one."""

    def of(self, scheme: str) -> dict[str, Value]:
        """Return what is said of one scheme."""
        return dict(dict(self.stores).get(_ALIASES.get(scheme, scheme), ()))


def parse_options(raw: object, *, where: str) -> StorageOptions:
    """Return what a ``[storage]`` table says.

    Raises:
        ConfigError: If it holds what is not known, or a secret. The message repeats no value.
    """
    if not isinstance(raw, dict):
        raise ConfigError(f"{where}: [storage] must be a table", hint='such as: [storage.s3] endpoint_url = "https://minio.example.org"')
    numbers = {name: _number(raw, name, most, where) for name, most in (("attempts", MOST_ATTEMPTS), ("timeout_s", LONGEST_TIMEOUT_S)) if name in raw}
    stores = tuple((scheme, _store(scheme, table, where)) for scheme, table in sorted(raw.items()) if scheme not in {"attempts", "timeout_s"})
    return StorageOptions(stores=stores, **numbers)


def _number(raw: dict[str, Any], name: str, most: int, where: str) -> int:
    value = raw[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ConfigError(f"{where}: [storage] {name} must be a whole number from 1 to {most}", hint=f"such as: {name} = 4")
    return value


def _store(scheme: str, table: object, where: str) -> tuple[tuple[str, Value], ...]:
    known = _KNOWN.get(scheme)
    if known is None or not isinstance(table, dict):
        raise ConfigError(f"{where}: [storage] holds {scheme[:40]!r}, expected attempts, timeout_s or a table {', '.join(_KNOWN)}")
    for name, value in table.items():
        place = f"{where}: [storage.{scheme}] {name[:40]}"
        if name not in known:
            if f"{name}{_ENV}" in known:
                raise ConfigError(
                    f"{place} would be a secret in a file", hint=f'name the environment variable that holds it: {name}{_ENV} = "VARIABLE"'
                )
            raise ConfigError(f"{place} is not known", hint=f"known: {', '.join(known)}")
        if not isinstance(value, known[name]):
            raise ConfigError(f"{place} must be {'true or false' if known[name] is _SWITCH else 'text'}")
        if isinstance(value, str):
            _check_text(name, value, place)
    return tuple(sorted(table.items()))


def _check_text(name: str, value: str, place: str) -> None:
    if find_secret(value) is not None or redact(value, environment={}) != value:
        raise ConfigError(f"{place} holds a credential", hint="name an environment variable that holds it instead, such as secret_env")
    if name.endswith(_ENV) and not value.isidentifier():
        raise ConfigError(f"{place} must be the name of an environment variable", hint='such as: secret_env = "MINIO_SECRET"')
    if name == "addressing" and value not in _ADDRESSING:
        raise ConfigError(f"{place} must be one of {', '.join(_ADDRESSING)}")


def package_options(scheme: str, options: StorageOptions, *, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the arguments with which the package of a scheme opens its file system; credentials are read from the variables that are named.

    Raises:
        ConfigError: If a variable that is named is not set.
    """
    said = options.of(scheme)
    environment = os.environ if environment is None else environment
    given: dict[str, Any] = {name.removesuffix(_ENV): _variable(str(v), environment) for name, v in said.items() if name.endswith(_ENV)}
    remember(given.values())
    plain = {name: value for name, value in said.items() if not name.endswith(_ENV)}
    make = _ARGUMENTS.get(_ALIASES.get(scheme, scheme))
    return {"use_listings_cache": False, "skip_instance_cache": True, **given, **(make(plain, options) if make else {})}


def _variable(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"the environment variable {name} is not set, which [storage] names", hint=f"set {name}, or take it out of the settings")
    return value


def _s3_arguments(said: dict[str, Value], options: StorageOptions) -> dict[str, Any]:
    # Attempts are counted here: those of the package and of botocore within it would multiply with ours.
    config: dict[str, Any] = {"connect_timeout": options.timeout_s, "read_timeout": options.timeout_s, "retries": {"total_max_attempts": 1}}
    if "addressing" in said:
        config["s3"] = {"addressing_style": said.pop("addressing")}
    given: dict[str, Any] = {"config_kwargs": config, **said}
    if "region" in said:
        given["client_kwargs"] = {"region_name": given.pop("region")}
    return given


def _gs_arguments(said: dict[str, Value], options: StorageOptions) -> dict[str, Any]:
    given: dict[str, Any] = {"timeout": options.timeout_s, **said}
    if given.pop("anon", False):
        given["token"] = _NO_CREDENTIALS
    return given


def _hf_arguments(said: dict[str, Value], options: StorageOptions) -> dict[str, Any]:
    del options
    return dict(said)


_ARGUMENTS: Final[Mapping[str, Callable[[dict[str, Value], StorageOptions], dict[str, Any]]]] = MappingProxyType(
    {"s3": _s3_arguments, "gs": _gs_arguments, "hf": _hf_arguments}
)
