"""Auditing a run in a workspace, as several commands do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.cli.context import CommandContext
from provenance.cli.output import visible
from provenance.storage.secrets import redact

if TYPE_CHECKING:
    from provenance.audit.audit import AuditRequest, AuditResult
    from provenance.bootstrap import Workspace
    from provenance.model.run import Run


def judge(ctx: CommandContext, workspace: Workspace, run: Run, *, run_file: Path, rescan: bool, jobs: int | None) -> AuditResult:
    """Audit a run in a workspace. The record that is returned also tells of break-glass clearances that the run was given before."""
    from dataclasses import replace

    from provenance.audit.audit import run_audit

    matcher = workspace.matcher(run.references) if run.references else None
    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=jobs)
    result = run_audit(audit_request(workspace, run, run_file=run_file, rescan=rescan), matcher, tools)
    return replace(result, record=workspace.as_of_now(result.record))


def audit_request(workspace: Workspace, run: Run, *, run_file: Path, rescan: bool) -> AuditRequest:
    """Return what is to be judged in a workspace, and by what."""
    from provenance.audit.audit import AuditRequest

    return AuditRequest(
        run=run,
        bundles=tuple(workspace.bundles(run.policy, beside=run_file.parent)),
        waivers=workspace.waivers(run, beside=run_file.parent),
        catalogs=workspace.catalogs,
        references=workspace.reference_summaries(run.references),
        tool=workspace.tool,
        command=redact("provenance " + " ".join(visible(a) for a in sys.argv[1:])),
        min_words=workspace.settings.min_words,
        rescan=rescan,
        run_file=str(run_file.absolute()),
    )
