"""Finding the key that a command signs with, and what the trust file says of it.

One environment variable is read here, ``PROVENANCE_KEY_FILE``: on a build server it names the key file to sign with where no key is named. It only offers a key: whom
the gate believes, and what is checked, is in the trust file alone, and no variable names that or switches anything off.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from provenance.cli.context import CommandContext
from provenance.cli.key_files import optional_workspace, read_passphrase, safe_name
from provenance.cli.output import say, visible
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.trust import TrustedKey

F = TypeVar("F", bound=Callable[..., Any])
KEY_FILE_VARIABLE: Final = "PROVENANCE_KEY_FILE"

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
    from provenance.clearance.trust import load_trust

    key, file = _open(ctx, workspace, name, passphrase_file=passphrase_file, choose=choose)
    trusted = load_trust(trust_file).key(key.key_id)
    if trusted is None:
        raise InputError(f"key {file.stem} is not in the trust file {trust_file}", hint="name the right trust file with --trust")
    return key, trusted


def open_signer(ctx: CommandContext, name: str | None, *, passphrase_file: Path | None, choose: str = "--as NAME") -> SigningKey:
    """Return a key by name or file, without asking whether anybody trusts it; a file needs no workspace.

    Raises:
        InputError: If there is no such key, or several where none is named.
        KeyFileError: If it cannot be opened.
    """
    return _open(ctx, optional_workspace(ctx), name, passphrase_file=passphrase_file, choose=choose)[0]


def _open(
    ctx: CommandContext, workspace: Workspace | None, name: str | None, *, passphrase_file: Path | None, choose: str
) -> tuple[SigningKey, Path]:
    from provenance.clearance.keys import is_encrypted, load_key

    file = key_file(ctx, workspace, name, choose=choose)
    return load_key(file, passphrase=read_passphrase(ctx, passphrase_file) if is_encrypted(file) else None), file


def key_file(ctx: CommandContext, workspace: Workspace | None, name: str | None, *, choose: str = "--as NAME") -> Path:
    """Return the file of a key: the one named, else the one of the environment, else the only one of the workspace.

    Raises:
        InputError: If there is none, or there are several and none is named.
    """
    offered = os.environ.get(KEY_FILE_VARIABLE, "")
    if name is None and offered:
        name = offered
        if not offered.endswith(".pem"):
            raise InputError(f"{KEY_FILE_VARIABLE} names {visible(offered)}, expected a file NAME.pem", hint=f"choose a key: {choose}")
        say(f"signing with the key file of {KEY_FILE_VARIABLE}: {visible(offered)}", err=True)
    if name is not None and name.endswith(".pem"):
        given = ctx.path(Path(name))
        if not given.is_file():
            raise InputError(f"key file {given} is not there", hint="see the keys: provenance keys list")
        return given
    files = [] if workspace is None else sorted(workspace.settings.keys.glob("*.pem"))
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
