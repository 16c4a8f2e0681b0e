"""``provenance runs``: what runs really read, taken over from their records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, minute, next_step, say, say_fitting, say_json, say_table, short, size_text, thousands, visible
from provenance.cli.signing import given_path, key_file, passphrase_option
from provenance.errors import ClearanceError, SignatureError
from provenance.model.absence import TriState

if TYPE_CHECKING:
    from provenance.audit.runs import Believed, Checked
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.model.training import RecordedRun, RunRecord, ShardReads

SHARDS_SHOWN = 20
_RANKS = 20
_DENIED = 77
_NOT_SEEN = "not seen read"
_trust = click.option(
    "--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file; the workspace's otherwise."
)
_file = click.argument("file", type=click.Path(exists=True, path_type=Path))


@click.group()
def runs() -> None:
    """Take over what runs really read, and look at it."""


@runs.command("import")
@_file
@click.option("--unsigned", is_flag=True, help="Take it over although no recorder's signature holds; it stays marked so.")
@_trust
@text_or_json
@pass_context
def import_(ctx: CommandContext, /, file: Path, unsigned: bool, trust_path: Path | None, output: str) -> int:
    """Verify a run record and keep it: FILE, or a run's folder."""
    from provenance.audit.runs import check_run, import_run
    from provenance.cli.issued import issued_clearances

    workspace = ctx.workspace()
    raw = _read(ctx, file)
    checked = check_run(raw, _believed(ctx, workspace, trust_path))
    if checked.fault and not unsigned:
        raise SignatureError(
            f"the run record does not verify: {checked.fault}", hint="have it sealed by a recorder's key, or keep it marked as it is: --unsigned"
        )
    found = import_run(raw, checked, issued_clearances(workspace), workspace.tools(ctx.progress(), ctx.actor, jobs=1))
    if output == "json":
        say_json(found)
    else:
        say(f"{'kept' if found.new else 'known already'}  run {found.run.id[:12]} of {visible(found.run.model)}, {_signed(found.run)}")
        if found.fault:
            say_fitting(f"  ! {visible(found.fault)}", err=True)
    next_step(f"provenance runs show {found.run.id[:12]}", quiet=ctx.quiet)
    return 0


@runs.command("list")
@click.option("--dataset", default=None, help="Only runs that had this dataset to read.")
@text_or_json
@pass_context
def list_runs(ctx: CommandContext, /, dataset: str | None, output: str) -> int:
    """List the runs that are known, the last taken over first."""
    with ctx.workspace().units.read() as registry:
        found = list(reversed(registry.training_runs(dataset)))
    if output == "json":
        say_json(found)
        return 0
    if not found:
        say("no run record is known")
        next_step("provenance runs import RECORD", quiet=ctx.quiet)
        return 0
    rows = [(r.id[:12], r.model, r.began[:10], r.end, thousands(r.steps), _share(r), r.signed_by or "UNSIGNED", r.verdict) for r in found]
    columns = ("run", "model", "began", "end", "steps", "read", "signed by", "verdict then")
    say_table(columns, rows, right=frozenset({"steps", "read"}), spare=("steps",))
    say("read: share of the cleared bytes that was seen read at least once", err=True)
    next_step(f"provenance runs show {found[0].id[:12]}", quiet=ctx.quiet)
    return 0


@runs.command("show")
@click.argument("run", default=LATEST)
@click.option("--shards", "limit", type=click.IntRange(min=0), default=SHARDS_SHOWN, show_default=True, help="Shards listed; as JSON all are.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, run: str, limit: int, output: str) -> int:
    """Show one run: RUN is its id or the first digits of it."""
    from provenance.audit.runs import find_run, load_run_record

    workspace = ctx.workspace()
    with workspace.units.read() as registry:
        found = find_run(registry, run)
    record = load_run_record(found, workspace.evidence)
    if output == "json":
        say_json({"run": found, "record": record})
        return 0
    _say_run(found, record)
    _say_shards(record, limit)
    next_step(f"provenance report make {short(found.audit_id)}", quiet=ctx.quiet)
    return 0


@runs.command("verify")
@_file
@_trust
@text_or_json
@pass_context
def verify(ctx: CommandContext, /, file: Path, trust_path: Path | None, output: str) -> int:
    """Check a run record's form and signature. Exit 77 if they do not hold."""
    from provenance.audit.runs import check_run
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust

    if trust_path is None:
        believed = _believed(ctx, ctx.workspace(), None)
    else:
        from provenance.audit.runs import Believed
        from provenance.bootstrap import SystemClock

        trust = load_trust(ctx.path(trust_path))
        believed = Believed(trust=trust, revocations=load_revocations(trust), now=SystemClock().now())
    raw = _read(ctx, file)
    try:
        checked = check_run(raw, believed)
    except ClearanceError as err:
        return _say_verified(None, str(err), output)
    return _say_verified(checked, checked.fault, output)


@runs.command("seal")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", default=None, help="Recorder's key to sign with, by name or file; unsigned without.")
@_trust
@passphrase_option
@text_or_json
@pass_context
def seal(ctx: CommandContext, /, folder: Path, key: str | None, trust_path: Path | None, passphrase_file: Path | None, output: str) -> int:
    """Make the record of a run that was killed, from what its processes noted in FOLDER.

    Refused while the run goes on. A record that is there is kept; with --key it
    is signed if nobody signed it.
    """
    from provenance.hooks.run_folder import RECORD_FILE
    from provenance.hooks.seal import seal_run

    signer = None if key is None else _recorder_key(ctx, key, trust_path, passphrase_file)
    sealed = seal_run(ctx.path(folder), signer=signer)
    target = ctx.path(folder) / RECORD_FILE
    state = "UNSIGNED" if sealed.envelope is None else f"signed by key {sealed.envelope.signatures[0].key_id[:16]}"
    if output == "json":
        say_json({"file": str(target), "signed": sealed.envelope is not None, "record": sealed.record})
    else:
        say(f"sealed  run {sealed.record.id[:12]}, {sealed.record.end}, {counted(sealed.record.steps, 'step')}, {state}")
        say(f"  record  {visible(str(target))}")
        for line in _gap_lines(sealed.record):
            say_fitting(f"  ! {line}", err=True)
    unsigned = " --unsigned" if sealed.envelope is None else ""
    next_step(f"provenance runs import {visible(str(folder))}{unsigned}", quiet=ctx.quiet)
    return 0


def _read(ctx: CommandContext, file: Path) -> bytes:
    from provenance.clearance.run_record import MAX_RECORD_BYTES
    from provenance.hooks.run_folder import RECORD_FILE, read_bounded

    path = ctx.path(file)
    return read_bounded(path / RECORD_FILE if path.is_dir() else path, MAX_RECORD_BYTES)


def _believed(ctx: CommandContext, workspace: Workspace, trust_path: Path | None) -> Believed:
    from provenance.audit.runs import Believed
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust

    file = given_path(ctx, trust_path) or workspace.trust_file
    trust = load_trust(file) if trust_path is not None or file.exists() else None
    return Believed(trust=trust, revocations=None if trust is None else load_revocations(trust), now=workspace.clock.now())


def _recorder_key(ctx: CommandContext, name: str, trust_path: Path | None, passphrase_file: Path | None) -> SigningKey:
    from provenance.clearance.keys import load_key
    from provenance.clearance.run_record import check_recorder
    from provenance.clearance.trust import load_trust
    from provenance.cli.key_files import read_passphrase
    from provenance.errors import UntrustedKeyError

    workspace = ctx.workspace() if trust_path is None or not name.endswith(".pem") else None
    file = ctx.path(Path(name)) if workspace is None else key_file(ctx, workspace, name, choose="--key NAME")
    trust_file = given_path(ctx, trust_path) or (workspace.trust_file if workspace is not None else Path("trust.json"))
    is_encrypted = file.is_file() and b"ENCRYPTED" in file.read_bytes()
    key = load_key(file, passphrase=read_passphrase(ctx, passphrase_file) if is_encrypted else None)
    trusted = load_trust(trust_file).key(key.key_id)
    if trusted is None:
        raise UntrustedKeyError(f"key {file.stem} is not in the trust file {trust_file}", hint="name the right trust file with --trust")
    check_recorder(trusted)
    return key


def _say_verified(checked: Checked | None, fault: str, output: str) -> int:
    record = None if checked is None else checked.sealed.record
    if output == "json":
        say_json(
            {
                "holds": not fault,
                "fault": fault,
                "signed_by": "" if checked is None else checked.signed_by,
                "run": None if record is None else record.id,
            }
        )
    elif fault or checked is None or record is None:
        say_fitting(f"does not hold: {visible(fault)}", err=True)
    else:
        say(f"holds  run {record.id[:12]}, signed by {visible(checked.signed_by)}")
    return _DENIED if fault else 0


def _say_run(run: RecordedRun, record: RunRecord) -> None:
    say(f"run {run.id}", bold=True)
    seen = {
        TriState.NO: "all reads went through hooks that tell of them",
        TriState.YES: "bytes were read that no hook saw",
        TriState.UNKNOWN: "whether more was read than is told here is not known",
    }
    facts = [
        ("model", run.model),
        ("began, ended", f"{run.began} to {run.ended}, {_end(run.end)}"),
        ("trainer", ", ".join((run.framework or "not known – nobody has said", *(f"{v.name} {v.version}" for v in record.versions)))),
        ("ranks", f"{record.world_size}, {counted(record.processes, 'process').replace('processs', 'processes')} told what they read"),
        ("machines", ", ".join(record.hosts).replace("NOT_STATED", "not recorded")),
        ("steps", f"{thousands(record.steps)}, epochs {record.epochs.replace('UNKNOWN', 'not known')}"),
        ("read", f"{size_text(sum(s.bytes_read for s in record.shards))}; {_share(run)} of {size_text(run.size_bytes)} at least once"),
        ("not seen", seen[record.unseen]),
        ("record", f"{_signed(run)}, taken over {run.at} by {run.actor}"),
        ("audit", f"{short(run.audit_id)}, verdict then {run.verdict}"),
        ("clearance", short(run.clearance)),
    ]
    for label, value in facts:
        say_fitting(f"  {label:<13}  {visible(value)}")
    for stop in record.stops:
        say_fitting(f"  {'stopped':<13}  {stop.at}: {visible(stop.reason)}")
    for line in _gap_lines(record):
        say_fitting(f"  {'gap':<13}  {line}")
    rows = [(r.dataset, short(r.root_digest, 8), f"{thousands(r.shards_read)}/{thousands(r.shards)}", _times(r.bytes_read, r.size_bytes), _when(r.first_read), _when(r.last_read)) for r in run.reads]  # fmt: skip
    say_table(("dataset", "version", "shards", "passes", "first read", "last read"), rows, right=frozenset({"shards", "passes"}), spare=("version",))


def _gap_lines(record: RunRecord) -> list[str]:
    gaps = record.gaps
    lines = []
    if gaps.torn_lines:
        lines.append(f"{counted(gaps.torn_lines, 'line')} of the notes cut short: what they told is not counted")
    if gaps.missing_ranks:
        lines.append(f"no notes of rank {', '.join(map(str, gaps.missing_ranks[:_RANKS]))}{' and more' if len(gaps.missing_ranks) > _RANKS else ''}")
    if gaps.unended_ranks:
        lines.append(f"rank {', '.join(map(str, gaps.unended_ranks[:_RANKS]))} did not tell how it ended: its last second may be missing")
    return lines


def _say_shards(record: RunRecord, limit: int) -> None:
    """Print shards, those that were read least first: what was never read is what one looks for."""
    ordered = sorted(record.shards, key=lambda s: (s.first_read is not None, s.passes, s.path))
    rows = [(s.path, size_text(s.size_bytes), _passes(s), _when(s.first_read or ""), _when(s.last_read or "")) for s in ordered[:limit]]
    if rows:
        say_table(("shard", "size", "passes", "first read", "last read"), rows, right=frozenset({"size", "passes"}), spare=("size",))
    never = sum(s.first_read is None for s in record.shards)
    say(f"{counted(len(record.shards), 'shard')}, {thousands(never)} {_never(record)}")
    if len(rows) < len(ordered):
        say(f"shown are {len(rows)}, those read least first: --shards shows more, -f json all")


def _never(record: RunRecord) -> str:
    return "never read" if record.unseen is TriState.NO else _NOT_SEEN


def _passes(shard: ShardReads) -> str:
    return f"{shard.passes:.2f}" if shard.first_read is not None else _NOT_SEEN


def _times(bytes_read: int, size_bytes: int) -> str:
    return f"{bytes_read / size_bytes:.2f}" if size_bytes else "–"


def _when(moment: str) -> str:
    return minute(moment) if moment else _NOT_SEEN


def _share(run: RecordedRun) -> str:
    return f"{run.covered_bytes / run.size_bytes:.0%}" if run.size_bytes else "–"


def _end(end: str) -> str:
    return "how it ended is not known" if end == "UNKNOWN" else end


def _signed(run: RecordedRun) -> str:
    return f"signed by {visible(run.signed_by)}" if run.is_signed else "UNSIGNED"
