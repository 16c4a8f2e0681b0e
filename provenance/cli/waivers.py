"""``provenance waivers``: exceptions to rules, asked for, approved, listed and withdrawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_audit, next_step, say, say_fitting, say_json, say_table, visible
from provenance.cli.signing import given_path, open_key, passphrase_option, trust_option
from provenance.errors import InputError, NotRegisteredError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.audit.waiver_standing import Standing
    from provenance.audit.waiving import Context, Prepared, WaiverFields
    from provenance.bootstrap import Workspace
    from provenance.model.audit import AuditRecord
    from provenance.model.waiving import ApprovalSignature
    from provenance.policy.waivers import Waivable

STATES = ("active", "used", "unused", "expired", "refused", "withdrawn")
REASONS = "licensed, false-positive, risk-accepted, legal-exception, remedied"


@click.group()
def waivers() -> None:
    """Make exceptions to rules: named, approved, and with an end."""


@waivers.command("add")
@click.option("--rule", default="", help="Rule that the exception is to; that of the finding otherwise.")
@click.option("--subject", default="", help="What it is for: KIND:ID, such as dataset:forum-notes, or first digits of a finding or match.")
@click.option("--digest", default="", help="Digest of the subject; as the audit has it otherwise. What changes is not waived.")
@click.option("--reason", default="", metavar="WORD", help=f"Why: {REASONS}.")
@click.option("--comment", default="", help="More of why, such as where the licence is kept.")
@click.option("--requested-by", default="", help="Who asks for it.")
@click.option("--approved-by", default="", help="Who approves it: somebody else. With --key, whose key that is.")
@click.option("--expires", default="", metavar="DAY", help="Last UTC day it holds, to its end: YYYY-MM-DD.")
@click.option("--id", "waiver_id", default="", help="Id; made of the content otherwise.")
@click.option("--audit", default=LATEST, help="Audit whose findings are meant.")
@click.option("--file", "file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Add it to this file, not to the registry.")
@click.option("--key", default=None, help="Approver's key to sign with, by name or file.")
@trust_option
@passphrase_option
@text_or_json
@pass_context
def add(ctx: CommandContext, /, audit: str, file: Path | None, key: str | None, output: str, **given: object) -> int:
    """Record a waiver, in the registry or in a file.

    It covers one rule's finding on one subject with one digest, until the end of
    its last UTC day, and nothing else.
    """
    from provenance.audit.waiving import prepare_waiver

    workspace = ctx.workspace()
    context = _context(ctx, workspace, _record(ctx, audit))
    trust_file, passphrase_file = given_path(ctx, given.pop("trust_path")) or workspace.trust_file, given_path(ctx, given.pop("passphrase_file"))
    keys = None if key is None else open_key(ctx, workspace, key, trust_file=trust_file, passphrase_file=passphrase_file, choose="--key NAME")
    fields = _fields(given, signer=None if keys is None else keys[1].name)
    prepared = prepare_waiver(fields, context)
    signature = None
    if keys is not None:
        from provenance.clearance.approval import sign_waiver

        signature = sign_waiver(prepared.waiver, keys[0])
    _check_signature(workspace, prepared, signature, trust_file)
    is_new = _keep(ctx, context, prepared, signature, file)
    if output == "json":
        say_json({"waiver": prepared.waiver, "signature": signature, "new": is_new, "warnings": prepared.warnings})
    else:
        _say_added(prepared, is_new=is_new, signed=signature is not None, file=file)
    for warning in prepared.warnings:
        say_fitting(f"! {visible(warning)}", err=True)
    next_audit(workspace.run_file, quiet=ctx.quiet)
    return 0


def _record(ctx: CommandContext, name: str) -> AuditRecord | None:
    try:
        return load_audit(ctx, name)
    except NotRegisteredError:
        if name != LATEST:
            raise
        return None


def _context(ctx: CommandContext, workspace: Workspace, record: AuditRecord | None) -> Context:
    from provenance.audit.waiving import Context

    return Context(rules=_rules(workspace, record), record=record, tools=workspace.tools(ctx.progress(), ctx.actor, jobs=1))


def _rules(workspace: Workspace, record: AuditRecord | None) -> Mapping[str, Waivable]:
    """Return the rules of the audit's bundles, else of all that are shipped."""
    from provenance.config import shipped
    from provenance.policy.bundle import load_bundle

    if record is not None:
        beside = Path(record.run_file).parent if record.run_file else workspace.settings.workspace
        return {r.id: r for b in workspace.bundles(record.run.policy, beside=beside) for r in b.rules}
    files = sorted((shipped("policies") / "bundles").glob("*.yaml"))
    return {r.id: r for b in map(load_bundle, files) for r in b.rules}


def _fields(given: Mapping[str, object], *, signer: str | None) -> WaiverFields:
    from provenance.audit.waiving import WaiverFields

    text = {name: str(value) for name, value in given.items()}
    text["id"] = text.pop("waiver_id")
    text["approved_by"] = text["approved_by"] or signer or ""
    return WaiverFields(**text)


def _check_signature(workspace: Workspace, prepared: Prepared, signature: ApprovalSignature | None, trust_file: Path) -> None:
    """Refuse now what no audit would count."""
    from provenance.model.waiving import SignedWaiver

    item = SignedWaiver(waiver=prepared.waiver, signature=signature)
    fault = workspace.waiver_verifier(trust_file, with_trust=signature is not None).fault(item)
    if fault is not None:
        raise InputError(f"no audit would count this waiver: {fault}", hint="have its approver sign: --key KEY, of a key with the role approver")


def _keep(ctx: CommandContext, context: Context, prepared: Prepared, signature: ApprovalSignature | None, file: Path | None) -> bool:
    from provenance.audit.waiver_files import add_to_file
    from provenance.audit.waiving import record_waiver
    from provenance.model.waiving import RecordedWaiver, SignedWaiver

    if file is not None:
        return add_to_file(SignedWaiver(waiver=prepared.waiver, signature=signature), ctx.path(file))
    recorded = RecordedWaiver(
        waiver=prepared.waiver, signature=signature, dataset=prepared.dataset, at=context.tools.clock.now(), actor=context.tools.actor
    )
    return record_waiver(recorded, context.tools)


def _say_added(prepared: Prepared, *, is_new: bool, signed: bool, file: Path | None) -> None:
    w = prepared.waiver
    if not is_new:
        say(f"  {visible(w.id)} holds already, nothing changed")
        return
    say_fitting(f"✓ {visible(w.id)}  {w.rule} is waived for {w.subject.kind} {visible(w.subject.id)}")
    say_fitting(f"  until the end of {w.expires} UTC · {w.reason} · approved by {visible(w.approved_by)}{', signed' if signed else ', not signed'}")
    if file is not None:
        say_fitting(f"  written to {visible(str(file))}; the run file names it with: waivers: {visible(file.name)}")


@waivers.command("list")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only those in this state.")
@click.option("--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Run whose file of waivers counts too.")
@text_or_json
@pass_context
def list_waivers(ctx: CommandContext, /, state: str | None, run_file: Path | None, output: str) -> int:
    """List the waivers of the registry and of the run's file.

    used and unused: as the newest audit found them; active: neither yet.
    """
    found = [s for s in _standings(ctx, ctx.workspace(), run_file) if state in (None, s.state)]
    if output == "json":
        say_json(found)
        return 0
    if not found:
        say("no waivers" if state is None else f"no waiver is {state}")
        next_step("provenance waivers add --subject FINDING --reason WORD --requested-by NAME --approved-by NAME --expires DAY", quiet=ctx.quiet)
        return 0
    rows = [(s.waiver.id, s.waiver.rule, s.waiver.subject.id, s.state, s.waiver.expires, "yes" if s.is_signed else "no", s.origin) for s in found]
    say_table(("waiver", "rule", "subject", "state", "until", "signed", "where"), rows, spare=("where", "signed"))
    say(f"{counted(len(found), 'waiver')}; each holds until the end of its last UTC day", err=True)
    next_step(f"provenance waivers show {visible(found[0].waiver.id)}", quiet=ctx.quiet)
    return 0


def _standings(ctx: CommandContext, workspace: Workspace, run_file: Path | None) -> tuple[Standing, ...]:
    from provenance.audit.waiver_standing import list_standings
    from provenance.policy.rundoc import load_run
    from provenance.policy.waivers import load_signed_waivers

    path = ctx.path(run_file) if run_file is not None else workspace.run_file
    run = load_run(path) if run_file is not None or path.exists() else None
    in_file = load_signed_waivers(path.parent / run.waivers) if run is not None and run.waivers else ()
    with workspace.units.read() as registry:
        recorded = registry.waivers()
    is_signed = any(s is not None for s in (*(w.signature for w in in_file), *(w.signature for w in recorded)))
    record = _record(ctx, LATEST)
    return list_standings(in_file, recorded, workspace.waiver_verifier(with_trust=is_signed), record=record)


@waivers.command("show")
@click.argument("waiver")
@click.option("--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Run whose file of waivers counts too.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, waiver: str, run_file: Path | None, output: str) -> int:
    """Show one waiver: what it covers, who approved it, and what became of it."""
    from provenance.documents import nearest

    every = _standings(ctx, ctx.workspace(), run_file)
    found = [s for s in every if s.waiver.id == waiver]
    if not found:
        raise NotRegisteredError(f"no waiver {waiver!r}", hint=nearest(waiver, [s.waiver.id for s in every]) or "see: provenance waivers list")
    if output == "json":
        say_json(found)
        return 0
    for standing in found:
        _say_standing(standing)
    return 0


def _say_standing(standing: Standing) -> None:
    w = standing.waiver
    say(f"{visible(w.id)}  {standing.state}", bold=True)
    rows = (
        ("rule", w.rule),
        ("subject", f"{w.subject.kind} {w.subject.id}"),
        ("digest", w.subject.digest),
        ("reason", f"{w.reason}{': ' + w.comment if w.comment else ''}"),
        ("requested", w.requested_by),
        ("approved", f"{w.approved_by}, {'signed' if standing.is_signed else 'not signed'}"),
        ("created", w.created),
        ("expires", f"{w.expires}, at the end of that UTC day"),
        ("where", standing.origin),
        ("state", standing.why),
    )
    for label, text in rows:
        say_fitting(f"  {label:<10} {visible(text)}")


@waivers.command("withdraw")
@click.argument("waiver")
@click.option("--reason", required=True, help="Why it no longer holds.")
@text_or_json
@pass_context
def withdraw(ctx: CommandContext, /, waiver: str, reason: str, output: str) -> int:
    """Record that a waiver no longer holds. Nothing is deleted: both stay in the log.

    A waiver in a file is taken out of the file by hand.
    """
    from provenance.audit.waiving import withdraw_waiver

    workspace = ctx.workspace()
    found = withdraw_waiver(waiver, reason, workspace.tools(ctx.progress(), ctx.actor, jobs=1))
    if output == "json":
        say_json(replace(found))
    else:
        say_fitting(f"✓ {visible(found.waiver.id)}  {found.waiver.rule} on {visible(found.waiver.subject.id)} counts again from the next audit on")
    next_audit(workspace.run_file, quiet=ctx.quiet)
    return 0
