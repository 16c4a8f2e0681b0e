"""The options of ``provenance clear`` that let a run start which its audit did not clear, and how this is told."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.context import CommandContext
from provenance.cli.output import counted, say, visible
from provenance.cli.signing import open_key
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.audit.break_glass import BreakGlassRequest
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.statement import Clearance
    from provenance.model.audit import BrokenGlass

F = TypeVar("F", bound=Callable[..., Any])
MAX_HOURS = 24
WIDTH = 76
_NEEDED = (("approver", "--approver NAME: the key of whoever answers for it"), ("reason", "--reason TEXT: why it may start all the same"))


def break_glass_options(command: F) -> F:
    """Add the options to a command."""
    for option in (
        click.option("--hours", type=click.IntRange(1, MAX_HOURS), default=None, help=f"Hours a break-glass holds; {MAX_HOURS} otherwise."),
        click.option("--reason", default=None, help="Why a run that is not cleared may start."),
        click.option("--approver", default=None, help="Key of whoever answers for a break-glass; it signs too."),
        click.option("--break-glass", "break_glass", is_flag=True, help="Let a run start that its audit did not clear."),
    ):
        command = option(command)
    return command


def asked_break_glass(
    ctx: CommandContext,
    workspace: Workspace,
    options: Mapping[str, object],
    waivable: Collection[str],
    *,
    trust_file: Path,
    passphrase_file: Path | None,
) -> tuple[SigningKey, BreakGlassRequest] | None:
    """Return the approver's key and what was asked, ``None`` where no break-glass was.

    Raises:
        InputError: If an option is missing, or given without ``--break-glass``.
    """
    if not options["break_glass"]:
        stray = next((name for name in ("approver", "reason", "hours") if options[name] is not None), None)
        if stray is not None:
            raise InputError(f"--{stray} goes with --break-glass", hint="leave it out, or ask for --break-glass")
        return None
    for name, hint in _NEEDED:
        if not str(options[name] or "").strip():
            raise InputError(f"a break-glass needs --{name}", hint=hint)
    from provenance.audit.break_glass import BreakGlassRequest
    from provenance.clearance.trust import load_trust

    key, trusted = open_key(
        ctx, workspace, str(options["approver"]), trust_file=trust_file, passphrase_file=passphrase_file, choose="--approver NAME"
    )
    hours = options["hours"]
    return key, BreakGlassRequest(
        approver=trusted,
        reason=str(options["reason"]),
        trust=load_trust(trust_file),
        waivable=waivable,
        hours=hours if isinstance(hours, int) else MAX_HOURS,
    )


def say_break_glass(model: str, clearance: Clearance) -> None:
    """Print what was let pass, in red."""
    said = clearance.break_glass
    if said is None:
        return
    say(f"BREAK-GLASS  {visible(model)} may start until {clearance.expires}, NOT cleared", bold=True, color="red")
    _say_wrapped(f"let pass: {counted(said.findings, 'finding')} of {', '.join(said.rules)}")
    _say_wrapped(f"approved by {said.approver}: {said.reason}")


def say_broken_glass(broken: Sequence[BrokenGlass]) -> None:
    """Print the break-glass clearances of a run, in red, the newest last."""
    for one in broken:
        say(f"BREAK-GLASS  issued {one.at}, until {one.expires}", bold=True, color="red")
        _say_wrapped(f"let pass: {counted(one.findings, 'finding')} of {', '.join(one.rules)}, audit {one.audit.removeprefix('sha256:')[:6]}")
        _say_wrapped(f"approved by {one.approver}: {one.reason}")


def _say_wrapped(text: str) -> None:
    for line in textwrap.wrap(visible(text), WIDTH, initial_indent="  ", subsequent_indent="    "):
        say(line, color="red")
