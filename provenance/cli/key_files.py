"""Key and trust files as commands find, read and write them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from provenance.cli.context import CommandContext
from provenance.cli.output import say_fitting, visible, write_whole
from provenance.errors import InputError, NoWorkspaceError

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.trust import Trust, TrustedKey

MAX_PASSPHRASE_FILE: Final = 1 << 16
PUBLIC_SUFFIX: Final = ".pub"
"""Beside ``NAME.pem`` lies ``NAME.pub``, the public half: it tells whose key it is without its passphrase."""

trust_path_option = click.option(
    "--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file; the workspace's otherwise."
)


def safe_name(name: str) -> str:
    """Return a name as a file stem.

    Raises:
        InputError: If nothing usable is left.
    """
    stem = "".join(c if c.isalnum() or c in "-_.@" else "-" for c in name).strip(".-")
    if not stem:
        raise InputError(f"key name {name!r} has no letter or digit")
    return stem


def read_passphrase(ctx: CommandContext, file: Path | None, *, confirm: bool = False) -> bytes:
    """Return a passphrase from a file's first line, or ask for it.

    Raises:
        InputError: If the file is empty, or there is nobody to ask.
    """
    if file is not None:
        with ctx.path(file).open("rb") as stream:
            lines = stream.read(MAX_PASSPHRASE_FILE).splitlines()
        if not lines or not lines[0]:
            raise InputError(f"passphrase file {file} is empty")
        return lines[0]
    if not sys.stdin.isatty():
        raise InputError(
            "a passphrase is needed, and there is nobody to ask", hint="give a file that holds it: --passphrase-file FILE, or /dev/stdin"
        )
    text: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return text.encode("utf-8", "surrogateescape")


def optional_workspace(ctx: CommandContext) -> Workspace | None:
    """Return the workspace, if there is one."""
    try:
        return ctx.workspace()
    except NoWorkspaceError:
        return None


def trust_file_of(ctx: CommandContext, given: Path | None) -> Path:
    """Return the trust file that is named, else the workspace's.

    Raises:
        ConfigError: If none is named and there is no workspace.
    """
    return ctx.path(given) if given is not None else ctx.workspace().trust_file


def write_trust(file: Path, trust: Trust) -> None:
    """Write a trust file, whole or not at all."""
    from provenance.clearance.trust import trust_bytes

    write_whole(file, [trust_bytes(trust)])


def say_alike(trust: Trust, key: TrustedKey) -> None:
    """Say whose name may be the same person's as a new key's: they count once for a threshold."""
    from provenance.fingerprint.persons import is_same_person

    alike = sorted({k.name for k in trust.keys if k.name != key.name and is_same_person(k.name, key.name)})
    if alike:
        say_fitting(f"  ! {visible(key.name)} may be the same person as {visible(', '.join(alike))}: they count once for a threshold", err=True)


def write_key_pair(key: SigningKey, target: Path, *, passphrase: bytes | None) -> str | None:
    """Write ``NAME.pem`` and its public half beside it; return a warning where the key is not encrypted.

    Raises:
        KeyFileError: If the file is there already, or cannot be written.
    """
    from provenance.clearance.keys import write_key
    from provenance.clearance.public_keys import public_key_pem

    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o700)
    warning = write_key(key, target, passphrase=passphrase)
    write_whole(target.with_suffix(PUBLIC_SUFFIX), [public_key_pem(key.public_key).encode("ascii")])
    return warning


def private_files(folder: Path) -> dict[str, str]:
    """Return key ids with the names of the private files whose public half lies beside them."""
    from provenance.clearance.public_keys import parse_public_key
    from provenance.clearance.trust import key_id
    from provenance.errors import KeyFileError

    found: dict[str, str] = {}
    for file in sorted(folder.glob(f"*{PUBLIC_SUFFIX}")):
        try:
            public = parse_public_key(file.read_bytes())
        except (KeyFileError, OSError):
            continue
        if file.with_suffix(".pem").is_file():
            found[key_id(public.key)] = f"{file.stem}.pem"
    return found
