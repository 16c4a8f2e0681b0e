"""``provenance licenses check``: find what is wrong with a catalogue of one's own before it decides anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, visible

if TYPE_CHECKING:
    from provenance.licensing.checking import CatalogCheck

_SHOWN = 40
_NOTHING, _FAULTS = 3, 4
"""Exit codes."""


@click.command("check")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@text_or_json
@pass_context
def check(ctx: CommandContext, /, folder: Path | None, output: str) -> int:
    """Check the licence catalogues of FOLDER; without one, those that provenance.toml names.

    Exit codes: 0 no fault, 3 no catalogue there, 4 faults: all are listed, with file, line and column.
    """
    from provenance.bootstrap import any_workspace
    from provenance.licensing.checking import check_folders

    folders = (ctx.path(folder),) if folder is not None else any_workspace(ctx.start).settings.licenses
    found = check_folders(folders)
    if output == "json":
        say_json(found)
    else:
        _say(found)
        next_step("mend the lines that are named" if found.faults else "provenance licenses list", quiet=ctx.quiet)
    if not found.files:
        say("no catalogue of licences there (.json, .yaml)", err=True)
        return _NOTHING
    return _FAULTS if found.faults else 0


def _say(found: CatalogCheck) -> None:
    for item in [*found.faults, *found.notes][:_SHOWN]:
        mark = "✗" if item in found.faults else "·"
        say_fitting(f" {mark} {visible(item.where)}: {visible(item.message)}{f' ({visible(item.hint)})' if item.hint else ''}")
    rest = len(found.faults) + len(found.notes) - _SHOWN
    if rest > 0:
        say(f" … and {rest} more: -f json lists them all")
    say(f"{counted(found.files, 'file')}, {counted(found.licenses, 'licence')}, {counted(len(found.faults), 'fault')}", err=True)
