"""``provenance findings``: what the rules found."""

from __future__ import annotations

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, say_table, short, thousands, visible
from provenance.errors import NotRegisteredError, UnknownRuleError
from provenance.model.audit import AuditRecord
from provenance.model.finding import Finding, SubjectKind


@click.group()
def findings() -> None:
    """Look at what the rules found."""


@findings.command("list")
@click.argument("audit", default=LATEST)
@click.option("--rule", default=None, help="Only this rule.")
@click.option("--open", "only_open", is_flag=True, help="Only findings that count towards the verdict.")
@text_or_json
@pass_context
def list_findings(ctx: CommandContext, /, audit: str, rule: str | None, only_open: bool, output: str) -> int:
    """List the findings of AUDIT.

    Where a rule finds fault with very many passages of a dataset, the longest are listed, and one finding stands for all the others.
    """
    record = load_audit(ctx, audit)
    _check_rule(record, rule)
    found = [f for f in record.findings if (rule is None or f.rule == rule) and (f.is_open or not only_open)]
    if output == "json":
        say_json(found)
        return 0
    rows = [(f.id.removeprefix("sha256:")[:10], f.rule, f.outcome, "waived" if f.waiver else f.action, f.dataset, f.message) for f in found]
    if not rows:
        say(f"no {'open ' if only_open else ''}findings{'' if rule is None else ' of rule ' + rule}")
        next_step("provenance report make", quiet=ctx.quiet)
        return 0
    say_table(("id", "rule", "outcome", "action", "dataset", "message"), rows)
    next_step(f"provenance findings show {rows[0][0]}", quiet=ctx.quiet)
    return 0


def _check_rule(record: AuditRecord, rule: str | None) -> None:
    """Refuse a rule that did not judge the run: that it found nothing would sound like good news."""
    from provenance.documents import nearest

    known = {r.id for bundle in record.policy for r in bundle.rules} | {f.rule for f in record.findings}
    if rule is not None and rule not in known:
        raise UnknownRuleError(f"no rule {visible(rule)!r} judged this run", hint=nearest(rule.upper(), known))


@findings.command("show")
@click.argument("finding")
@click.option("--audit", default=LATEST, help="The audit it belongs to.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, finding: str, audit: str, output: str) -> int:
    """Show one finding with its reasons; FINDING is the first digits of its id."""
    record = load_audit(ctx, audit)
    found = [f for f in record.findings if f.id.removeprefix("sha256:").startswith(finding.removeprefix("sha256:"))]
    if len(found) != 1:
        raise NotRegisteredError(f"{len(found)} findings begin with {finding!r}", hint="see: provenance findings list")
    if output == "json":
        say_json(found[0])
    else:
        _print(found[0])
        next_step(f"provenance policy show {found[0].bundle} {found[0].rule}", quiet=ctx.quiet)
    return 0


def _print(finding: Finding) -> None:
    say_fitting(f"{finding.rule}  {visible(finding.title)}", bold=True)
    say_fitting(
        f"  {finding.outcome} · {'waived by ' + finding.waiver if finding.waiver else finding.action} · severity {finding.severity} · {finding.bundle}"
    )
    say_fitting(f"  {visible(finding.message)}")
    if finding.grouped and finding.subject.kind is not SubjectKind.MATCH:
        say_fitting(f"  stands for {thousands(finding.grouped)} findings on {finding.subject.kind}s of {visible(finding.dataset)}")
    elif finding.grouped:
        say_fitting(f"  stands for {thousands(finding.grouped)} findings on shared passages: provenance matches list --finding {short(finding.id)}")
    else:
        say_fitting(f"  subject    {finding.subject.kind} {visible(finding.subject.id)}")
    for reading in finding.because:
        say_fitting(f"  read       {reading.path} = {visible(str(reading.value))}")
    for missing in finding.missing:
        say_fitting(f"  not known  {missing.path}: {visible(missing.supply)}")
    for clause in finding.clauses:
        say_fitting(
            f'  clause     {clause.terms} ({clause.effective_from} to {clause.effective_to}): "{visible(clause.quote)}" {visible(clause.source)}'
        )
    for item in finding.evidence:
        say_fitting(f"  evidence   {item.kind}: {visible(item.summary)}")
    for remedy in finding.remedies:
        say_fitting(f"  remedy     {remedy.kind}: {visible(remedy.summary)} {visible(remedy.effect)}")
