"""``provenance report letter``: one page for a customer, on a run that was cleared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, as_of_now, load_audit, registered_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, short, visible, write_whole
from provenance.errors import VerdictError
from provenance.model.finding import VerdictKind

if TYPE_CHECKING:
    from provenance.audit.impact import IssuedClearance
    from provenance.bootstrap import Workspace
    from provenance.clearance.revocation import RevocationList
    from provenance.model.audit import AuditRecord
    from provenance.report.letter import Letter, LetterClearance, Refusal

_REVIEW, _BLOCKED = 10, 11
"""Exit codes."""
DATA_FILE, PAGE_FILE, TEXT_FILE = "letter.json", "letter.html", "letter.md"


@click.command("letter")
@click.argument("audit", default=LATEST)
@click.option("--to", required=True, metavar="NAME", help="Whom the letter is for.")
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write; reports/<id>/letter otherwise.")
@text_or_json
@pass_context
def letter(ctx: CommandContext, /, audit: str, to: str, out: Path | None, output: str) -> int:
    """Write a letter to a customer: what was checked of a model's training data, when, with which outcome, and what is not promised.

    A blocked audit, and a run that was let pass by break-glass, get none. Exit codes: 0 written, 10 needs a reviewer first, 11 no letter.
    """
    from provenance.report.letter import build_letter, letter_html, letter_json, letter_markdown, letter_refusal

    workspace, stored = ctx.workspace(), load_audit(ctx, audit)
    record = as_of_now(ctx, stored)
    issued = _issued(workspace, record)
    refusal = letter_refusal(record, issued) or _revoked(workspace, record, issued)
    if refusal is not None:
        return _refuse(refusal, output)
    digest = _registered_digest(workspace, stored)
    if issued is not None and issued.expires < workspace.tools(ctx.progress(), ctx.actor, jobs=1).clock.now():
        say(f"the clearance ended on {issued.expires}: the letter says so, and no run may start by it any more", err=True)
    clearance = None if issued is None else _looked_up(workspace, issued)
    made = build_letter(record, to=to, digest=digest, clearance=clearance)
    folder = ctx.path(out) if out else workspace.settings.reports / short(record.id) / "letter"
    _write(folder, {DATA_FILE: letter_json(made), PAGE_FILE: letter_html(made), TEXT_FILE: letter_markdown(made)})
    _say(made, folder, output)
    next_step(f"open {folder / PAGE_FILE}, read it, and sign it", quiet=ctx.quiet)
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


def _looked_up(workspace: Workspace, issued: IssuedClearance) -> LetterClearance:
    from provenance.report.letter import LetterClearance

    found = _revocations(workspace)
    said = "Nobody could look up whether it was revoked: there is no revocation list, or the log does not tell its id."
    if found is not None and issued.statement:
        said = f"The revocation list of {found.issued[:10]} does not name it."
    return LetterClearance(issued=issued, revocations=said)


def _revocations(workspace: Workspace) -> RevocationList | None:
    """Return the revocation list that the workspace's trust file names."""
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust

    return load_revocations(load_trust(workspace.trust_file)) if workspace.trust_file.is_file() else None


def _revoked(workspace: Workspace, record: AuditRecord, issued: IssuedClearance | None) -> Refusal | None:
    """Return why there is no letter where the clearance was revoked."""
    from provenance.report.letter import Refusal

    found = _revocations(workspace)
    if issued is None or not issued.statement or found is None or found.clearance(issued.statement) is None:
        return None
    reason = f"the clearance of {record.run.model.name} that was issued on {issued.issued[:10]} was revoked"
    return Refusal(verdict=VerdictKind.BLOCKED, reason=reason, hint="audit and clear the run again")


def _refuse(refusal: Refusal, output: str) -> int:
    if output == "json":
        say_json({"letter": None, "verdict": refusal.verdict, "reason": refusal.reason, "hint": refusal.hint})
    else:
        say_fitting(f"no letter: {visible(refusal.reason)}", bold=True)
        say_fitting(f"  {visible(refusal.hint)}")
    return _REVIEW if refusal.verdict is VerdictKind.REVIEW else _BLOCKED


def _write(folder: Path, files: dict[str, bytes]) -> None:
    from provenance.errors import ReportError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ReportError(f"folder {folder}: cannot be made: {err.strerror or err}") from err
    for name, raw in files.items():
        write_whole(folder / name, [raw])


def _say(made: Letter, folder: Path, output: str) -> None:
    if output == "json":
        say_json(made)
        return
    say_fitting(f"letter to {visible(made.to)} on {visible(made.model)}, facts as of {visible(made.as_of)}")
    for name in (PAGE_FILE, TEXT_FILE, DATA_FILE):
        say(f"  {folder / name}")
