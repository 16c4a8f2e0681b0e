"""The command line's entry point: lazy command table, global options, and the one place that turns errors into exit codes."""

from __future__ import annotations

import importlib
import io
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from provenance import __version__
from provenance.cli.context import CommandContext
from provenance.config import LOGIN_HINT
from provenance.errors import LocationError, ProvenanceError
from provenance.storage.secrets import find_written_secret, redact
from provenance.storage.urls import CREDENTIALS_HINT

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NOTHING, EXIT_PARTIAL, EXIT_REVIEW, EXIT_BLOCKED, EXIT_DENIED = 0, 1, 2, 3, 4, 10, 11, 77

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init:init", "Make a workspace here."),
    "check": ("check:check", "Cold start: register, scan, judge and report a folder."),
    "register": ("register:register", "Record datasets and their shards."),
    "import": ("import_:import_command", "Take over what is known of datasets elsewhere."),
    "scan": ("scan:scan", "Compare registered shards with reference sets."),
    "match": ("match:match", "Find shared text, no registry needed."),
    "audit": ("audit:audit", "Judge a planned run."),
    "clear": ("clear:clear", "Sign a clearance for an audited run."),
    "exec": ("exec_:exec_command", "Start a command only under a valid clearance."),
    "datasets": ("datasets:datasets", "Look at registered datasets."),
    "export": ("export:export", "Write facts of datasets in formats of others."),
    "reference": ("reference:reference", "Keep the texts to look for."),
    "matches": ("matches:matches", "Look at shared passages."),
    "findings": ("findings:findings", "Look at what the rules found."),
    "waivers": ("waivers:waivers", "Make exceptions to rules: named, approved, and with an end."),
    "review": ("review:review", "Read audits that need a reviewer, and release or reject them."),
    "remedy": ("remedy:remedy", "Mend what an audit found."),
    "exclude": ("exclude:exclude", "Record what must go, and prove where it still is."),
    "policy": ("policy:policy", "Check, compare and explain policy bundles."),
    "terms": ("terms:terms", "Look up providers' terms."),
    "licenses": ("licenses:licenses", "Look up licences."),
    "keys": ("keys:keys", "Make signing keys, and say whom to trust."),
    "clearance": ("clearance:clearance", "Verify, read, sign and revoke clearances."),
    "runs": ("runs:runs", "Take over what runs really read, and look at it."),
    "report": ("report:report", "Write and verify audit documents."),
    "sql": ("sql:sql", "Ask the registry in SQL; nothing can be changed."),
    "log": ("log:log", "Read and verify the audit log."),
    "db": ("db:db", "Upgrade and check the database."),
}
"""Command → (module:attribute under ``provenance.cli``, one line of help). Listed here so that ``--help`` imports none of them."""

_POSTGRES = "postgres"
_REDIS = ("redis://", "rediss://")

EPILOG = """\b
Exit codes: 0 cleared or done · 1 could not run · 2 usage · 3 nothing to audit
4 finished, some inputs failed · 10 needs review · 11 blocked · 77 denied"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(f"provenance.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command list from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, prog_name="provenance")
@click.option("-C", "--workspace", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to work in, instead of this one.")
@click.option(
    "--db",
    "database",
    default=None,
    metavar="URL",
    help="Registry to use, instead of that of provenance.toml: sqlite:///FILE or postgresql://HOST/NAME.",
)
@click.option("--reason", "why", default="", metavar="TEXT", help="Why, for the registry's log.")
@click.option("-q", "--quiet", is_flag=True, help="Print results only.")
@click.option("--debug", is_flag=True, help="Print tracebacks of errors.")
@click.pass_context
def cli(ctx: click.Context, /, workspace: Path | None, **given: Any) -> None:
    """Audit the training data of language models before the GPUs start."""
    ctx.obj = CommandContext(start=(workspace or Path.cwd()).absolute(), **given)


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    debug = "--debug" in argv
    try:
        _refuse_secrets(argv)
        code = cli.main(args=list(argv), prog_name="provenance", standalone_mode=False)
    except (click.exceptions.Exit, click.ClickException) as stop:
        if isinstance(stop, click.ClickException):
            shown = io.StringIO()
            stop.show(file=shown)
            click.echo(redact(shown.getvalue()), err=True, nl=False)
        return stop.exit_code
    except click.Abort:
        click.echo("interrupted: nothing is lost, run the same command again to go on", err=True)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        sys.stderr.close()
        return EXIT_OK
    except Exception as err:  # noqa: BLE001 - the outermost boundary: the user gets a sentence, --debug gives the traceback
        return _explain(_as_ours(err), debug=debug)
    return code if isinstance(code, int) else EXIT_OK


def _refuse_secrets(argv: Sequence[str]) -> None:
    """Refuse credentials on the command line, in addresses and free text: others on this machine can read them, and commands are recorded. What follows ``--`` is not ours.

    Raises:
        LocationError: If there are any. The message does not repeat them.
    """
    own = argv[: argv.index("--")] if "--" in argv else argv
    for number, word in enumerate(own, start=1):
        if word.startswith(_REDIS) or word.partition("=")[2].startswith(_REDIS):
            continue  # its password may stand in its URL: it goes nowhere but to the server
        found = find_written_secret(word)
        if found is not None:
            hint = LOGIN_HINT if _POSTGRES in word else CREDENTIALS_HINT
            raise LocationError(f"argument {number} holds {found}", hint=hint)


def _as_ours(err: Exception) -> ProvenanceError:
    """Return an error with a sentence for the user: what is not in our tree is a fault of ours, or of the file system."""
    if isinstance(err, ProvenanceError):
        return err
    if isinstance(err, OSError):
        return ProvenanceError(f"{err.filename or 'file system'}: {err.strerror or err}")
    return ProvenanceError(f"internal error: {type(err).__name__}: {err}", hint="this is our fault: report it with what --debug prints")


def _explain(err: ProvenanceError, *, debug: bool) -> int:
    from provenance.cli.output import visible

    if debug:
        click.echo(redact(traceback.format_exc()), err=True, nl=False)
    # Faults of a document are told one a line; the lines that follow are indented, so that no text can pass for a message of ours.
    click.echo(f"error: {_lines(visible(redact(str(err)), keep_newlines=True))}", err=True)
    if err.hint:
        click.echo(f"  hint: {_lines(visible(redact(err.hint), keep_newlines=True))}", err=True)
    return int(getattr(err, "exit_code", EXIT_FAILED))


def _lines(text: str) -> str:
    return text.replace("\n", "\n       ")


def main() -> NoReturn:
    """Run the command line and exit."""
    from provenance.cli.redacted import redact_stderr

    redact_stderr()
    code = run(sys.argv[1:])
    if code == EXIT_DENIED:
        from provenance.hooks.launcher import leave

        leave(code)  # PYTHONINSPECT would make a prompt of sys.exit, and another exit code
    sys.exit(code)


if __name__ == "__main__":
    main()
