"""``provenance clear``: sign a clearance for an audited run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, registered_audit
from provenance.cli.break_glass import asked_break_glass, break_glass_options, say_break_glass
from provenance.cli.context import CommandContext
from provenance.cli.cosigning import say_lacking
from provenance.cli.key_files import safe_name
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_json, visible
from provenance.cli.signing import given_path, has_key, open_key, passphrase_option, trust_option
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.audit.break_glass import BreakGlassRequest
    from provenance.audit.review import Released
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.statement import Clearance
    from provenance.clearance.trust import TrustedKey
    from provenance.model.audit import AuditRecord

    Keys = tuple[SigningKey, TrustedKey]

DEFAULT_DAYS = 14
MAX_DAYS = 90
READ_NOW = "read and released while clearing"
"""What a release says where nothing is said."""


@click.command()
@click.argument("audit", default=LATEST)
@click.option("--as", "key_name", default=None, help="Name of the key to sign with; needed where there are several.")
@trust_option
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=DEFAULT_DAYS, show_default=True, help="Days the clearance holds.")
@passphrase_option
@click.option("--released-by", "reviewer", default=None, help="Reviewer who released a REVIEW verdict: must agree with the release that is stored.")
@click.option("--reviewer-key", default=None, help="Sign the reviewer's release now, with this key.")
@click.option("--comment", default="", help="What a release that is signed now says.")
@click.option("--allow-digest-cache", is_flag=True, help="Let the gate use digests computed before, where the user asks for it.")
@click.option("--allow-ranks-verify", is_flag=True, help="Let ranks hash instead of the launcher, where the user declares a hook.")
@break_glass_options
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where to write X.clearance.json.")
@text_or_json
@pass_context
def clear(ctx: CommandContext, /, audit: str, out: Path | None, days: int, reviewer: str | None, output: str, **options: object) -> int:
    """Sign a clearance for an audited run.

    The verdict of AUDIT must be CLEARED, or REVIEW with a reviewer's signed
    release: provenance review release, or --reviewer-key KEY here. Else only
    --break-glass lets it start: for one run, at most a day, in red everywhere.
    """
    from provenance.audit.break_glass import ACTION, note_break_glass
    from provenance.audit.clear import prepare_clearance, write_clearance
    from provenance.audit.review import find_reviews
    from provenance.clearance.statement import GateLeave, statement_bytes, statement_digest

    workspace = ctx.workspace()
    record = registered_audit(workspace, audit)
    trust_file, passphrase_file = given_path(ctx, options["trust_path"]) or workspace.trust_file, given_path(ctx, options["passphrase_file"])
    keys = open_key(ctx, workspace, _text(options["key_name"]), trust_file=trust_file, passphrase_file=passphrase_file)
    verifier = workspace.waiver_verifier(trust_file)
    second = _reviewers_key(ctx, workspace, reviewer, _text(options["reviewer_key"]), trust_file=trust_file, passphrase_file=passphrase_file)
    in_force = workspace.in_force(record)
    broken = asked_break_glass(ctx, workspace, options, in_force.waivable, trust_file=trust_file, passphrase_file=passphrase_file)
    if second is not None:
        _refuse_both(broken)
        _check_reviewer(keys[1], second[1])
        _release_now(ctx, workspace, record, second, trust_file=trust_file, comment=str(options["comment"]))
    target = ctx.path(out) if out else workspace.settings.workspace / f"{safe_name(record.run.model.name)}.clearance.json"
    # Nobody records anything between the checks and the log's row, and no clearance is signed of which the log does not tell.
    with workspace.units.begin(actor=ctx.actor, action="clear" if broken is None else ACTION, reason=_reason(record, broken)) as registry:
        released = find_reviews(record, registry, verifier)
        prepared = prepare_clearance(
            record,
            workspace.tools(ctx.progress(), ctx.actor),
            issuer=keys[1],
            days=days,
            in_force=in_force,
            released=released,
            gate=GateLeave(digest_cache=bool(options["allow_digest_cache"]), ranks_verify=bool(options["allow_ranks_verify"])),
            break_glass=None if broken is None else broken[1],
        )
        cleared = prepared.clearance
        _check_agrees(reviewer if second is None else None, released, needed=cleared.released_by)
        digest = statement_digest(statement_bytes(cleared))
        signers = (keys[0], *_co_signers(cleared, broken, second))
        signed_by = " ".join(signer.key_id for signer in signers)
        registry.note("clearances", audit=record.id, manifest_root=cleared.manifest_root, expires=cleared.expires, statement=digest, keys=signed_by)
        if cleared.break_glass is not None:
            note_break_glass(registry, record, cleared.break_glass, expires=cleared.expires)
    manifest = write_clearance(prepared, signers, target)
    lacking = say_lacking(target, verifier)
    if output == "json":
        files = {"file": str(target), "manifest": str(manifest)}
        say_json({"model": record.run.model.name, "audit": record.id, "clearance": cleared, "lacking": lacking, **files})
    else:
        _say_cleared(record.run.model.name, cleared, target, manifest)
    bound = cleared.rests_on is not None and cleared.rests_on.run_file_digest is not None
    run = f"--run {Path(record.run_file or 'run.yaml').name} " if bound or broken is not None else ""
    use = f"provenance exec --clearance {target.name} --trust {trust_file.name} {run}-- YOUR COMMAND"
    next_step(f"provenance clearance sign {target.name} --as NAME" if lacking else use, quiet=ctx.quiet)
    return 0


def _say_cleared(model: str, clearance: Clearance, target: Path, manifest: Path) -> None:
    if clearance.break_glass is None:
        say(f"cleared  {visible(model)} until {clearance.expires}")
    else:
        say_break_glass(model, clearance)
    if clearance.released_by is not None:
        say(f"  released  by {visible(clearance.released_by)}")
    say(f"  clearance {target}")
    say(f"  manifest  {manifest}")


def _co_signers(cleared: Clearance, broken: tuple[SigningKey, BreakGlassRequest] | None, second: Keys | None) -> tuple[SigningKey, ...]:
    """Return who signs beside the issuer: the approver of a break-glass, else the reviewer, unless the reviewer's release stands in the clearance."""
    if broken is not None:
        return (broken[0],)
    return (second[0],) if second is not None and cleared.released_by is None else ()


def _reason(record: AuditRecord, broken: tuple[SigningKey, BreakGlassRequest] | None) -> str:
    """Return what the log's row says: the audit, and of a break-glass who approved it and why."""
    if broken is None:
        return record.id
    return f"{record.run.model.name}: {broken[1].approver.name}: {broken[1].reason}"[:200]


def _refuse_both(broken: object) -> None:
    if broken is not None:
        raise InputError("a run is released by a reviewer or let pass by break-glass, not both", hint="leave the reviewer or --break-glass out")


def _reviewers_key(
    ctx: CommandContext, workspace: Workspace, reviewer: str | None, name: str | None, *, trust_file: Path, passphrase_file: Path | None
) -> Keys | None:
    """Return the reviewer's key where it is at hand: the one named, or the one of the reviewer's name in the workspace."""
    chosen = name or (reviewer if reviewer is not None and has_key(workspace, reviewer) else None)
    if chosen is None:
        return None
    found = open_key(ctx, workspace, chosen, trust_file=trust_file, passphrase_file=passphrase_file, choose="--reviewer-key NAME")
    if reviewer is not None and reviewer not in {found[1].name, chosen}:
        raise InputError(f"the reviewer's key is of {found[1].name!r}, and --released-by says {reviewer!r}", hint="leave --released-by out")
    return found


def _release_now(ctx: CommandContext, workspace: Workspace, record: AuditRecord, keys: Keys, *, trust_file: Path, comment: str) -> None:
    """Sign a release and keep it, unless the audit needs none or is released already."""
    from provenance.audit.review import ReleaseFields, find_reviews, needs_review, release_audit

    verifier = workspace.waiver_verifier(trust_file)
    with workspace.units.read() as registry:
        released = find_reviews(record, registry, verifier)
    if not needs_review(record) or released.lacking is None:
        return
    before = released.earlier
    if before is not None and not comment.strip():
        raise InputError(
            f"an earlier audit of the run was rejected by {before.reviewer} at {before.at}: {before.comment}",
            hint="say why this one may pass: --comment WHY",
        )
    fields = ReleaseFields(reviewer=keys[1].name, comment=comment or READ_NOW)
    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=1)
    release_audit(record, fields, signer=keys[0], trusted=keys[1], verifier=verifier, tools=tools)


def _check_agrees(reviewer: str | None, released: Released, *, needed: str | None) -> None:
    if reviewer is None or needed is None:
        return
    names = [r.reviewer for r in released.releases]
    if reviewer not in names:
        raise InputError(f"the audit was released by {', '.join(names)}, and --released-by says {reviewer!r}", hint="leave --released-by out")


def _check_reviewer(issuer: TrustedKey, reviewer: TrustedKey) -> None:
    from provenance.clearance.trust import REVIEWER_ROLE
    from provenance.fingerprint.persons import is_same_person

    if REVIEWER_ROLE not in reviewer.roles:
        raise InputError(f"key of {reviewer.name} has no role {REVIEWER_ROLE}", hint=f"make one: provenance keys new NAME --role {REVIEWER_ROLE}")
    if reviewer.key == issuer.key or is_same_person(reviewer.name, issuer.name):
        raise InputError(f"{reviewer.name} cannot both issue and release a clearance", hint="a second person must sign: choose another key with --as")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
