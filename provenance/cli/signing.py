"""Finding the key that a command signs with, and what the trust file says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.context import CommandContext
from provenance.cli.keys import read_passphrase, safe_name
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.trust import TrustedKey

F = TypeVar("F", bound=Callable[..., Any])

trust_option = click.option(
    "--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file that holds the key."
)
passphrase_option = click.option(
    "--passphrase-file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File whose first line opens the key."
)


def open_key(
    ctx: CommandContext, workspace: Workspace, name: str | None, *, trust_file: Path, passphrase_file: Path | None, choose: str = "--as NAME"
) -> tuple[SigningKey, TrustedKey]:
    """Return a key of the workspace by name, or by its file, and its entry in the trust file.

    Raises:
        InputError: If there is no such key, several where none is named, or the trust file does not hold it.
    """
    from provenance.clearance.keys import load_key
    from provenance.clearance.trust import load_trust

    file = key_file(ctx, workspace, name, choose=choose)
    encrypted = b"ENCRYPTED" in file.read_bytes()
    key = load_key(file, passphrase=read_passphrase(ctx, passphrase_file) if encrypted else None)
    trusted = load_trust(trust_file).key(key.key_id)
    if trusted is None:
        raise InputError(f"key {file.stem} is not in the trust file {trust_file}", hint="name the right trust file with --trust")
    return key, trusted


def key_file(ctx: CommandContext, workspace: Workspace, name: str | None, *, choose: str = "--as NAME") -> Path:
    """Return the file of a key.

    Raises:
        InputError: If there is none, or there are several and none is named.
    """
    if name is not None and name.endswith(".pem"):
        given = ctx.path(Path(name))
        if not given.is_file():
            raise InputError(f"key file {given} is not there", hint="see the keys: provenance keys list")
        return given
    files = sorted(workspace.settings.keys.glob("*.pem"))
    chosen = [f for f in files if name is None or f.stem == safe_name(name)]
    if len(chosen) != 1:
        names = ", ".join(f.stem for f in files) or "none"
        raise InputError(
            f"{'several keys' if chosen else 'no key'} to sign with; there are: {names}",
            hint=f"make one: provenance keys new NAME; choose one: {choose}",
        )
    return chosen[0]


def has_key(workspace: Workspace, name: str) -> bool:
    """Tell whether the workspace keeps a key of this name."""
    return any(f.stem == safe_name(name) for f in workspace.settings.keys.glob("*.pem"))


def given_path(ctx: CommandContext, value: object) -> Path | None:
    """Return the path that an option holds."""
    return ctx.path(value) if isinstance(value, Path) else None
