"""``provenance review``: the inbox of audits that need a reviewer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, registered_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_table, short, visible
from provenance.cli.signing import given_path, open_key, passphrase_option, trust_option

if TYPE_CHECKING:
    from provenance.audit.review import Released
    from provenance.bootstrap import Workspace
    from provenance.model.audit import AuditRecord

FINDINGS_SHOWN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An audit in the inbox."""

    audit: str
    model: str
    created: str
    requested_by: str
    findings: int
    rules: tuple[str, ...]
    state: str
    """``open``, ``partly released``, ``released`` or ``rejected``."""
    why: str
    """What is lacking; empty where it is released."""


@click.group()
def review() -> None:
    """Read audits that need a reviewer, and release or reject them."""


@review.command("list")
@click.option("--all", "every", is_flag=True, help="Released and rejected ones too.")
@text_or_json
@pass_context
def list_reviews(ctx: CommandContext, /, every: bool, output: str) -> int:
    """List the runs whose newest audit waits for a reviewer."""
    workspace = ctx.workspace()
    found = [w for w in (_waiting(workspace, r) for r in _newest(workspace)) if every or w.state in {"open", "partly released"}]
    if output == "json":
        say_json(found)
        return 0
    if not found:
        say("no audit waits for a reviewer")
        return 0
    now = workspace.clock.now()
    rows = [(short(w.audit, 10), w.model, w.findings, ", ".join(w.rules), _age(w.created, now), w.requested_by, w.state) for w in found]
    say_table(("audit", "run", "findings", "rules", "age", "asked by", "state"), rows, right=frozenset({"findings"}), spare=("rules",))
    next_step(f"provenance review show {short(found[0].audit, 10)}", quiet=ctx.quiet)
    return 0


def _newest(workspace: Workspace) -> list[AuditRecord]:
    """Return the newest audit of each run, where it needs a review."""
    from provenance.audit.kept_audits import AUDIT_SUFFIX
    from provenance.audit.review import needs_review
    from provenance.cli.audits import parse_audit

    with workspace.units.read() as registry:
        audits = registry.audits()
    newest: dict[str, tuple[str, str]] = {}
    for _, _, model, verdict, digest in audits:
        newest.setdefault(model, (verdict, digest))
    chosen = [digest for verdict, digest in newest.values() if verdict == "REVIEW"]
    records = [parse_audit(workspace.evidence.get_bytes(d, suffix=AUDIT_SUFFIX), where=f"audit {d[:19]}") for d in chosen]
    return [r for r in records if needs_review(r)]


def _released(workspace: Workspace, record: AuditRecord) -> Released:
    from provenance.audit.review import find_reviews

    with workspace.units.read() as registry:
        return find_reviews(record, registry, workspace.waiver_verifier(with_trust=bool(registry.reviews())))


def _waiting(workspace: Workspace, record: AuditRecord) -> Waiting:
    from provenance.audit.review import open_reviews

    findings, released = open_reviews(record), _released(workspace, record)
    lacking = released.lacking
    before = released.earlier if lacking is not None and released.rejected is None else None
    told = "" if before is None else f"; an earlier audit of the run was rejected by {before.reviewer} at {before.at}: {before.comment}"
    state = "released" if lacking is None else "rejected" if released.rejected else "partly released" if released.releases else "open"
    return Waiting(
        audit=record.id,
        model=record.run.model.name,
        created=record.created,
        requested_by=record.run.requested_by,
        findings=sum(f.size for f in findings),
        rules=tuple(sorted({f.rule for f in findings})),
        state=state,
        why=f"{lacking}{told}" if lacking else "",
    )


def _age(created: str, now: str) -> str:
    past = dt.datetime.fromisoformat(now) - dt.datetime.fromisoformat(created)
    hours = int(past.total_seconds() // 3600)
    return f"{past.days} d" if past.days else f"{hours} h"


@review.command("show")
@click.argument("audit", default=LATEST)
@text_or_json
@pass_context
def show(ctx: CommandContext, /, audit: str, output: str) -> int:
    """Show what a reviewer of AUDIT has to look at."""
    from provenance.audit.review import open_reviews

    workspace = ctx.workspace()
    record = registered_audit(workspace, audit)
    findings, waiting = open_reviews(record), _waiting(workspace, record)
    if output == "json":
        say_json({"review": waiting, "findings": findings, "releases": _released(workspace, record).releases})
        return 0
    say(f"{record.verdict}  {visible(record.run.model.name)} · {waiting.state} · audit {short(record.id, 10)}", bold=True)
    say_fitting(f"  audited {record.created}, the run was asked for by {visible(record.run.requested_by)}")
    if waiting.why:
        say_fitting(f"  {visible(waiting.why)}")
    for finding in findings[:FINDINGS_SHOWN]:
        say_fitting(f"  ? {short(finding.id, 10)}  {finding.rule}  {visible(finding.message)}")
    if len(findings) > FINDINGS_SHOWN:
        say(f"  … and {len(findings) - FINDINGS_SHOWN} more: -f json for all")
    name = short(record.id, 10)
    if waiting.state in {"open", "partly released"}:
        next_step(f"provenance findings show FINDING; then provenance review release {name} --comment WHY --key KEY", quiet=ctx.quiet)
    return 0


@review.command("release")
@click.argument("audit", default=LATEST)
@click.option("--reviewer", default="", help="Who releases it; whose key that is otherwise.")
@click.option("--comment", default="", help="Why it may pass.")
@click.option("--finding", "findings", multiple=True, help="Only this finding; may be given again. All otherwise.")
@click.option("--key", required=True, help="Reviewer's key, by name or file.")
@trust_option
@passphrase_option
@text_or_json
@pass_context
def release(
    ctx: CommandContext, /, audit: str, reviewer: str, comment: str, findings: tuple[str, ...], key: str, output: str, **given: object
) -> int:
    """Sign that findings of AUDIT were read and may pass.

    The release is of this audit record: an audit made anew needs a new one. It
    never releases what denies.
    """
    from provenance.audit.review import ReleaseFields, release_audit

    workspace = ctx.workspace()
    record = registered_audit(workspace, audit)
    trust_file = given_path(ctx, given["trust_path"]) or workspace.trust_file
    passphrase_file = given_path(ctx, given["passphrase_file"])
    signer, trusted = open_key(ctx, workspace, key, trust_file=trust_file, passphrase_file=passphrase_file, choose="--key NAME")
    done = release_audit(
        record,
        ReleaseFields(reviewer=reviewer, comment=comment, findings=findings),
        signer=signer,
        trusted=trusted,
        verifier=workspace.waiver_verifier(trust_file),
        tools=workspace.tools(ctx.progress(), ctx.actor, jobs=1),
    )
    after = _waiting(workspace, record)
    if output == "json":
        say_json({"release": done, "review": after})
    else:
        what = "all findings that ask for a review" if not done.findings else counted(len(done.findings), "finding")
        say_fitting(f"✓ {visible(done.reviewer)} released {what} of {visible(record.run.model.name)}, audit {short(record.id, 10)}")
        if after.why:
            say_fitting(f"  not complete: {visible(after.why)}")
    step = "provenance clear" if after.state == "released" else f"provenance review show {short(record.id, 10)}"
    next_step(step, quiet=ctx.quiet)
    return 0


@review.command("reject")
@click.argument("audit", default=LATEST)
@click.option("--reviewer", default="", help="Who rejects it; whoever runs this otherwise.")
@click.option("--reason", required=True, help="Why it must not pass.")
@text_or_json
@pass_context
def reject(ctx: CommandContext, /, audit: str, reviewer: str, reason: str, output: str) -> int:
    """Record that AUDIT must not be cleared: the run needs a new audit."""
    from provenance.audit.review import reject_audit

    workspace = ctx.workspace()
    record = registered_audit(workspace, audit)
    done = reject_audit(record, reviewer=reviewer or ctx.actor, reason=reason, tools=workspace.tools(ctx.progress(), ctx.actor, jobs=1))
    if output == "json":
        say_json(done)
    else:
        say_fitting(f"✓ {visible(done.reviewer)} rejected the audit of {visible(record.run.model.name)}: it clears nothing")
    next_step("mend what was found, then: provenance audit", quiet=ctx.quiet)
    return 0
