"""``provenance exec``: start a command only under a valid clearance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from provenance.cli.context import CommandContext
from provenance.cli.files import PLACE
from provenance.cli.options import pass_context
from provenance.config import load_settings
from provenance.errors import ConfigError
from provenance.storage.urls import Place

_WITH_VALUE = (
    ("trust_path", "--trust"),
    ("manifest", "--manifest"),
    ("run_file", "--run"),
    ("run_digest", "--run-digest"),
    ("denial_json", "--denial-json"),
    ("digest_cache", "--digest-cache"),
    ("ranks_verify_within", "--ranks-verify-within"),
)
_FLAGS = (("shard_folders_only", "--shard-folders-only"), ("ranks_verify", "--ranks-verify"))


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.option("--clearance", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="X.clearance.json.")
@click.option("--root", "roots", multiple=True, type=PLACE, help="Data root, a folder or URL; the workspace's otherwise.")
@click.option("--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file; else the system's.")
@click.option("--manifest", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Shard manifest; beside the clearance otherwise.")
@click.option("--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Run file that must be the one cleared.")
@click.option("--policy", "policies", multiple=True, type=click.Path(dir_okay=False, path_type=Path), help="Bundle that must have judged the run.")
@click.option("--run-digest", default=None, help="Refuse a clearance of another run.")
@click.option("--shard-folders-only", is_flag=True, help="Look for files that were not cleared only in folders that hold cleared shards.")
@click.option("--denial-json", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write the reasons of a denial there.")
@click.option(
    "--digest-cache",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Do not hash files that this file says were hashed; the clearance must allow it.",
)
@click.option("--ranks-verify", is_flag=True, help="Leave hashing to a hook in the command, and watch; the clearance must allow it.")
@click.option("--ranks-verify-within", type=float, default=None, help="Seconds in which the ranks must have hashed everything; 900 otherwise.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_context
def exec_command(
    ctx: CommandContext, /, file: Path, roots: tuple[Place, ...], policies: tuple[Path, ...], command: tuple[str, ...], **options: object
) -> int:
    r"""Start a command only under a valid clearance.

    The clearance is verified against the data; then COMMAND takes this process's place. Exit 77 if it does not hold.

    \b
    provenance exec --clearance run.clearance.json --trust trust.json -- torchrun train.py
    """
    from provenance.hooks.launcher import run

    argv = ["--clearance", str(ctx.path(file))]
    for root in data_roots(ctx, roots):
        argv += ["--root", str(root)]
    for bundle in policies:
        argv += ["--policy", str(ctx.path(bundle))]
    for name, option in _WITH_VALUE:
        value = options[name]
        if value is not None:
            argv += [option, str(ctx.path(value) if isinstance(value, Path) else value)]
    argv += [option for name, option in _FLAGS if options[name]]
    return run([*argv, "--", *command])


def data_roots(ctx: CommandContext, given: Sequence[Place]) -> list[Place]:
    """Return the data roots named, else those of the workspace.

    Raises:
        ConfigError: If there are neither.
    """
    if given:
        return [ctx.place(root) for root in given]
    try:
        return [place for _, place in load_settings(ctx.start).roots]
    except ConfigError as err:
        raise ConfigError("no data root to check", hint="name it: --root DIR") from err
