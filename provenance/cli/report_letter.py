"""``provenance report letter``: one page for a customer, on a run that was cleared, signed so that the customer can check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, as_of_now, load_audit, registered_audit
from provenance.cli.context import CommandContext
from provenance.cli.letter_standing import clearance_refusal, looked_up
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, short, visible
from provenance.cli.signing import given_path, open_key, passphrase_option, trust_option
from provenance.errors import InputError, VerdictError
from provenance.model.finding import VerdictKind

if TYPE_CHECKING:
    from provenance.audit.impact import IssuedClearance
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.trust import TrustedKey
    from provenance.model.audit import AuditRecord
    from provenance.report.letter import Letter, Refusal

    Keys = tuple[SigningKey, TrustedKey]

_REVIEW, _BLOCKED = 10, 11
"""Exit codes."""


@click.command("letter")
@click.argument("audit", default=LATEST)
@click.option("--to", required=True, metavar="NAME", help="Whom the letter is for.")
@click.option("--as", "key_name", default=None, help="Name of the issuer's key to sign with; needed where there are several.")
@click.option("--unsigned", is_flag=True, help="Sign nothing: the customer cannot check the letter, and somebody signs it by hand.")
@trust_option
@passphrase_option
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write; reports/<id>/letter otherwise.")
@text_or_json
@pass_context
def letter(ctx: CommandContext, /, audit: str, to: str, out: Path | None, output: str, **given: object) -> int:
    """Write and sign a letter to a customer: what was checked of a model's training data, when, with which outcome, and what is not promised.

    A blocked audit, a run that was let pass by break-glass, and one whose clearance does not hold, or may not, get none. Exit codes: 0 written, 10 needs
    a reviewer first, 11 no letter.
    """
    from provenance.report.letter import build_letter, letter_refusal

    workspace, stored = ctx.workspace(), load_audit(ctx, audit)
    record = as_of_now(ctx, stored)
    issued = _issued(workspace, record)
    trust_file = given_path(ctx, given["trust_path"]) or workspace.trust_file
    refusal = letter_refusal(record, issued)
    if refusal is None and issued is not None:
        refusal = clearance_refusal(workspace, record, issued, trust_file)
    if refusal is not None:
        return _refuse(refusal, output)
    digest = _registered_digest(workspace, stored)
    keys = _signer(ctx, workspace, given, trust_file=trust_file)
    if issued is not None and issued.expires < workspace.tools(ctx.progress(), ctx.actor, jobs=1).clock.now():
        say(f"the clearance ended on {issued.expires}: the letter says so, and no run may start by it any more", err=True)
    made = build_letter(record, to=to, digest=digest, clearance=None if issued is None else looked_up(issued, trust_file))
    folder = ctx.path(out) if out else workspace.settings.reports / short(record.id) / "letter"
    _write(ctx, workspace, made, keys, folder, clearance="" if issued is None else issued.statement)
    _say(made, keys, folder, output)
    sent = f"send {folder} and the trust file; the customer checks: provenance report verify FOLDER --trust FILE"
    next_step(sent if keys is not None else f"read {folder / 'letter.html'}, and sign it by hand", quiet=ctx.quiet)
    return 0


def _registered_digest(workspace: Workspace, record: AuditRecord) -> str:
    """Return the digest under which the registry keeps a record, after refusing one that it does not keep, or that a later audit of the model has overtaken.

    Raises:
        VerdictError: Which of the two.
    """
    with workspace.units.read() as registry:
        audits = registry.audits()
    kept = [row for row in audits if row[0] == record.id and registered_audit(workspace, row[0]) == record]
    if not kept:
        raise VerdictError(
            "this record is not an audit of this registry, so no letter can rest on it", hint="audit the run: provenance audit run.yaml"
        )
    newest = next(row for row in audits if row[2] == record.run.model.name)
    if newest[0] != record.id:
        raise VerdictError(
            f"a later audit of {visible(record.run.model.name)}, of {newest[1]}, says {newest[3]}",
            hint=f"write it from that one: {short(newest[0], 6)}",
        )
    return kept[0][4]


def _issued(workspace: Workspace, record: AuditRecord) -> IssuedClearance | None:
    """Return the newest clearance of an audit that the log tells of."""
    from provenance.cli.issued import issued_clearances

    return next((c for c in issued_clearances(workspace) if c.audit == record.id), None)


def _signer(ctx: CommandContext, workspace: Workspace, given: dict[str, object], *, trust_file: Path) -> Keys | None:
    """Return the key that signs the letter, after the checks that the customer's program will make; ``None`` where nobody is to sign.

    Raises:
        InputError: If there is no such key, or it is no issuer's, or signs nothing now.
        RevokedClearanceError: If it is revoked, or nobody can tell.
    """
    from provenance.bootstrap import SystemClock
    from provenance.clearance.letter_signature import check_not_revoked
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.strict_json import parse_time
    from provenance.clearance.trust import ISSUER_ROLE, load_trust

    name = given["key_name"]
    if given["unsigned"]:
        if name is not None:
            raise InputError("a letter is signed with --as, or not at all with --unsigned", hint="leave one of them out")
        return None
    passphrase_file = given_path(ctx, given["passphrase_file"])
    chosen = None if name is None else str(name)
    keys = open_key(ctx, workspace, chosen, trust_file=trust_file, passphrase_file=passphrase_file, choose="--as NAME; or sign by hand: --unsigned")
    trust, now = load_trust(trust_file), SystemClock().now()
    if ISSUER_ROLE not in keys[1].roles:
        raise InputError(
            f"key of {keys[1].name} has no role {ISSUER_ROLE}, and letters are signed by those who issue clearances", hint="choose another: --as NAME"
        )
    moment = parse_time(now, where="now")
    fault = keys[1].window_fault(moment, moment)
    if fault is not None:
        raise InputError(fault, hint="choose another key: --as NAME; see them: provenance keys list")
    check_not_revoked(keys[1], trust, load_revocations(trust), now)
    return keys


def _write(ctx: CommandContext, workspace: Workspace, made: Letter, keys: Keys | None, folder: Path, *, clearance: str) -> None:
    """Write the letter's folder, and its row in the log, which tells which key signed what."""
    from provenance.bootstrap import SystemClock
    from provenance.canonical import digest_bytes
    from provenance.clearance.letter_signature import SIGNATURE_FILE, LetterSignature, SignedFile, sign_letter
    from provenance.clearance.trust import ISSUER_ROLE
    from provenance.report.folder import write_files
    from provenance.report.letter import DATA_FILE, letter_files
    from provenance.report.manifest import FolderKind

    files = letter_files(made)
    digests = {name: digest_bytes(raw) for name, raw in sorted(files.items())}
    if keys is not None:
        signature = LetterSignature(
            files=tuple(SignedFile(name=name, digest=digest) for name, digest in digests.items()),
            audit=made.audit,
            clearance=clearance,
            to=made.to,
            model=made.model,
            signer=keys[1].name,
            role=ISSUER_ROLE,
            signed=SystemClock().now(),
        )
        files[SIGNATURE_FILE] = sign_letter(signature, keys[0])
    signed_by = {"signer": keys[1].name, "key": keys[1].id} if keys is not None else {"signer": "", "key": ""}
    with workspace.units.begin(actor=ctx.actor, action="letter", reason=f"on audit {made.audit}") as registry:
        registry.note("letters", audit=made.audit, to=made.to, letter=digests[DATA_FILE], clearance=clearance, **signed_by)
        write_files(files, folder, audit=made.audit, kind=FolderKind.LETTER)


def _refuse(refusal: Refusal, output: str) -> int:
    if output == "json":
        say_json({"letter": None, "verdict": refusal.verdict, "reason": refusal.reason, "hint": refusal.hint})
    else:
        say_fitting(f"no letter: {visible(refusal.reason)}", bold=True)
        say_fitting(f"  {visible(refusal.hint)}")
    return _REVIEW if refusal.verdict is VerdictKind.REVIEW else _BLOCKED


def _say(made: Letter, keys: Keys | None, folder: Path, output: str) -> None:
    from provenance.clearance.letter_signature import SIGNATURE_FILE
    from provenance.report.letter import DATA_FILE, PAGE_FILE, TEXT_FILE

    if output == "json":
        say_json(made)
        return
    say_fitting(f"letter to {visible(made.to)} on {visible(made.model)}, facts as of {visible(made.as_of)}")
    for name in (PAGE_FILE, TEXT_FILE, DATA_FILE):
        say(f"  {folder / name}")
    if keys is None:
        say("  ! not signed: the customer cannot check it", err=True)
    else:
        say(f"  {folder / SIGNATURE_FILE}, signed by {visible(keys[1].name)}")
