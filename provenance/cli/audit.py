"""``provenance audit``: judge a planned run and say what is wrong and what to do."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import jobs_option, pass_context, text_or_json
from provenance.cli.output import next_step, say, say_json, say_problems, short, thousands, visible
from provenance.errors import InputError
from provenance.model.finding import Action, Finding, Outcome, VerdictKind
from provenance.storage.secrets import redact

if TYPE_CHECKING:
    from provenance.audit.audit import AuditRequest, AuditResult
    from provenance.bootstrap import Workspace
    from provenance.model.audit import AuditRecord
    from provenance.model.run import Run

EXIT_OF = {VerdictKind.CLEARED: 0, VerdictKind.REVIEW: 10, VerdictKind.BLOCKED: 11}
_COLOR = {VerdictKind.CLEARED: "green", VerdictKind.REVIEW: "yellow", VerdictKind.BLOCKED: "red"}
RULES_SHOWN = 12
WIDTH = 76


@click.command()
@click.argument("run_file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--no-scan", is_flag=True, help="Do not scan: shards without a current scan count as not scanned.")
@click.option("--report/--no-report", "with_report", default=True, show_default=True, help="Write the HTML report.")
@jobs_option
@text_or_json
@pass_context
def audit(ctx: CommandContext, /, run_file: Path | None, no_scan: bool, with_report: bool, jobs: int | None, output: str) -> int:
    """Judge a planned run.

    RUN_FILE plans it (run.yaml otherwise). Exit 0 cleared, 10 needs review, 11 blocked.
    """
    from provenance.policy.rundoc import load_run

    workspace = ctx.workspace()
    path = ctx.path(run_file) if run_file else workspace.run_file
    if not path.exists():
        raise InputError(
            f"{path}: there is no such run file", hint="write it as docs/formats/run.md shows, or judge a folder without: provenance check FOLDER"
        )
    started = time.monotonic()
    result = judge(ctx, workspace, load_run(path), run_file=path, rescan=not no_scan, jobs=jobs)
    report = write_report(workspace, result.record) if with_report else None
    if output == "json":
        say_json(result.record)
    else:
        print_verdict(result.record, time.monotonic() - started)
        print_findings(result.record)
    _print_end(ctx, result, report, run_file)
    return EXIT_OF[result.record.verdict]


def judge(ctx: CommandContext, workspace: Workspace, run: Run, *, run_file: Path, rescan: bool, jobs: int | None) -> AuditResult:
    """Audit a run in a workspace."""
    from provenance.audit.audit import run_audit

    matcher = workspace.matcher(run.references) if run.references else None
    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=jobs)
    return run_audit(audit_request(workspace, run, run_file=run_file, rescan=rescan), matcher, tools)


def audit_request(workspace: Workspace, run: Run, *, run_file: Path, rescan: bool) -> AuditRequest:
    """Return what an audit of a run is asked for."""
    from provenance.audit.audit import AuditRequest
    from provenance.policy.waivers import load_waivers

    waivers = load_waivers(run_file.parent / run.waivers) if run.waivers else ()
    return AuditRequest(
        run=run,
        bundles=tuple(workspace.bundles(run.policy, beside=run_file.parent)),
        waivers=tuple(waivers),
        catalogs=workspace.catalogs,
        references=workspace.reference_summaries(run.references),
        tool=workspace.tool,
        command=redact("provenance " + " ".join(visible(a) for a in sys.argv[1:])),
        min_words=workspace.settings.min_words,
        rescan=rescan,
        run_file=str(run_file.absolute()),
    )


def write_report(workspace: Workspace, record: AuditRecord) -> Path:
    """Write the report folder of an audit and return its first page."""
    from provenance.report.folder import write_report as write

    folder = workspace.settings.reports / short(record.id)
    write(record, folder)
    return folder / "index.html"


def print_verdict(record: AuditRecord, seconds: float | None = None) -> None:
    """Print the verdict line."""
    t = record.totals
    counts = [f"{n} {label}" for n, label in ((t.deny, "deny"), (t.review, "review"), (t.warn, "warn"), (t.waived, "waived")) if n]
    tail = f"audit {short(record.id, 6)}" + (f" · {seconds:.0f} s" if seconds is not None else "")
    say(
        f"{record.verdict}  {visible(record.run.model.name)} · {', '.join(counts) if counts else 'no open findings'} · {tail}",
        bold=True,
        color=_COLOR[record.verdict],
    )


def print_findings(record: AuditRecord, *, steps: bool = True) -> None:
    """Print open findings grouped by rule and dataset, each with the fact that decided, and the steps that would close them."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in record.findings:
        if finding.is_open:
            groups.setdefault((finding.rule, finding.dataset), []).append(finding)
    for (_, dataset), found in list(groups.items())[:RULES_SHOWN]:
        _print_group(dataset, found)
    if len(groups) > RULES_SHOWN:
        say(f"   … and {len(groups) - RULES_SHOWN} more groups: provenance findings list")
    if steps and record.steps and record.verdict is not VerdictKind.CLEARED:
        say("What to do:", bold=True)
        for number, step in enumerate(record.steps, 1):
            _wrap(f" {number}. ", f"{step.summary}", "    ")
            say(f"    → {visible(step.effect)}")


def _print_group(dataset: str, found: Sequence[Finding]) -> None:
    first = found[0]
    symbol = "?" if all(f.outcome is Outcome.UNKNOWN for f in found) else "!" if first.action is Action.WARN else "✗"
    size = sum(f.size for f in found)
    count = f" · {thousands(size)} findings" if size > 1 else ""
    _wrap(
        f" {symbol} {first.rule}  ",
        f"{first.title} – {dataset or first.subject.id}{count}",
        "         ",
        color="red" if first.action is Action.DENY else "yellow",
    )
    _wrap("         ", first.message, "         ")
    for clause in first.clauses[:1]:
        _wrap("         ", f'{clause.terms} from {clause.effective_from}: "{clause.quote}"', "         ")
    if first.subject.kind == "match":
        say(f"         → provenance matches show --finding {first.rule}")


def _wrap(lead: str, text: str, indent: str, *, color: str | None = None) -> None:
    import textwrap

    for line in textwrap.wrap(visible(text), WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=True)[:4]:
        say(line, color=color)
        color = None


def _print_end(ctx: CommandContext, result: AuditResult, report: Path | None, run_file: Path | None) -> None:
    say_problems(result.problems)
    if ctx.quiet:
        return
    t = result.record.totals
    say(
        f"{thousands(t.shards_judged)} of {thousands(t.shards_named)} shards judged, {thousands(t.words)} words, {result.new_scans} scanned now, {result.reused_scans} scanned before",
        err=True,
    )
    if report is not None:
        say(f"Report: {report}", err=True)
    verdict = result.record.verdict
    steps = {
        VerdictKind.CLEARED: "provenance clear",
        VerdictKind.REVIEW: "provenance findings list; then provenance clear --released-by REVIEWER",
        VerdictKind.BLOCKED: f"mend as above, then: provenance audit {run_file or ''}".rstrip(),
    }
    next_step(steps[verdict])
