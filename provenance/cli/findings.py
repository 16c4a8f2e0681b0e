"""``provenance findings``: what the rules found."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_table, short, thousands, visible
from provenance.errors import InputError, NotRegisteredError, UnknownRuleError
from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord
from provenance.model.finding import Action, ClauseCitation, Finding, Outcome, Severity, SubjectKind

PAGE = 20
"""Findings that a page of the list holds."""
RULES_NAMED = 8


@click.group()
def findings() -> None:
    """Look at what the rules found."""


@findings.command("list")
@click.argument("audit", default=LATEST)
@click.option("--rule", default=None, help="Only this rule.")
@click.option("--dataset", default=None, help="Only of this dataset.")
@click.option("--severity", type=click.Choice([s.value for s in Severity]), default=None, help="Only of this severity.")
@click.option("--action", type=click.Choice([a.value for a in Action]), default=None, help="Only where this follows.")
@click.option("--provider", default=None, help="Only on outputs of this provider.")
@click.option("--search", default=None, help="Only where the message, subject or dataset holds this text.")
@click.option("--open", "only_open", is_flag=True, help="Only findings that count towards the verdict.")
@click.option("--waived", "only_waived", is_flag=True, help="Only findings that a waiver covers.")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="Findings of a page: 20 on a terminal, else all. JSON holds all.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Findings of the table to pass over.")
@text_or_json
@pass_context
def list_findings(
    ctx: CommandContext,
    /,
    audit: str,
    rule: str | None,
    only_open: bool,
    only_waived: bool,
    limit: int,
    offset: int,
    output: str,
    **wanted: str | None,
) -> int:
    """List the findings of AUDIT.

    Where a rule finds fault with very many passages of a dataset, the longest are listed, and one finding stands for all the others.
    """
    record = load_audit(ctx, audit)
    _check_rule(record, rule)
    _check_names(record, wanted)
    providers = _providers(record)
    found = [
        f
        for f in record.findings
        if rule in (None, f.rule) and (f.is_open or not only_open) and (f.waiver or not only_waived) and _is_wanted(f, providers, wanted)
    ]
    if output == "json":
        say_json(found)
        return 0
    limit = limit or (PAGE if sys.stdout.isatty() else max(len(found), 1))
    rows = [
        (f.id.removeprefix("sha256:")[:10], f.rule, "not known" if f.outcome is Outcome.UNKNOWN else "violated", _state(f), f.dataset, f.message)
        for f in found[offset : offset + limit]
    ]
    if not rows:
        chosen = ["open"] * only_open + ["waived"] * only_waived
        others = any(v is not None for v in wanted.values())
        said = " ".join([*chosen, "findings"]) + ("" if rule is None else f" of rule {rule}") + (" with these filters" if others else "")
        say(f"no {said}" if not offset or not found else f"there are only {counted(len(found), 'finding')}")
        next_step("provenance report make", quiet=ctx.quiet)
        return 0
    say_table(("id", "rule", "outcome", "state", "dataset", "message"), rows, spare=("outcome",), below=True)
    _say_page(found, offset, len(rows), limit)
    next_step(f"provenance findings show {rows[0][0]}", quiet=ctx.quiet)
    return 0


def _say_page(found: Sequence[Finding], offset: int, shown: int, limit: int) -> None:
    """Say which part of the list was shown, and what all of it is made of."""
    rules = Counter[str]()
    for finding in found:
        rules[finding.rule] += finding.size
    told = ", ".join(f"{visible(r)} {thousands(n)}" for r, n in rules.most_common(RULES_NAMED)) + (" …" if len(rules) > RULES_NAMED else "")
    say_fitting(
        f"{thousands(offset + 1)} to {thousands(offset + shown)} of {counted(len(found), 'row')}: {counted(rules.total(), 'finding')} of {told}",
        err=True,
    )
    if offset + shown < len(found):
        say(f"for the next page add --offset {offset + limit}", err=True)


def _state(finding: Finding) -> str:
    return "waived" if finding.waiver else finding.action.value


def _providers(record: AuditRecord) -> dict[str, set[str]]:
    """Return the providers whose outputs a match, or a dataset, holds."""
    found: dict[str, set[str]] = {}
    for evidence in record.evidence:
        if not is_absent(evidence.reference.provider):
            found.setdefault(evidence.id, set()).add(evidence.reference.provider)
    for terms in record.terms_applied:
        found.setdefault(terms.dataset, set()).add(terms.provider)
    return found


def _is_wanted(finding: Finding, providers: Mapping[str, set[str]], wanted: Mapping[str, str | None]) -> bool:
    of_match = finding.subject.kind is SubjectKind.MATCH
    given = providers.get(finding.subject.id if of_match else finding.dataset, set())
    text = f"{finding.message}\n{finding.subject.id}\n{finding.dataset}\n{finding.title}".casefold()
    return (
        wanted["dataset"] in (None, finding.dataset)
        and wanted["severity"] in (None, finding.severity.value)
        and wanted["action"] in (None, finding.action.value)
        and (wanted["provider"] is None or wanted["provider"] in given)
        and (wanted["search"] or "").casefold() in text
    )


def _check_names(record: AuditRecord, wanted: Mapping[str, str | None]) -> None:
    """Refuse a dataset or provider that the audit does not know: that nothing was found of it would sound like good news."""
    from provenance.documents import nearest

    datasets = {d.dataset.name for d in record.datasets} | {f.dataset for f in record.findings}
    providers = {p for names in _providers(record).values() for p in names}
    for what, known in (("dataset", datasets), ("provider", providers)):
        name = wanted[what]
        if name is not None and name not in known:
            raise InputError(f"no {what} {visible(name)!r} in this audit", hint=nearest(name, known))


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
        _print_passages(found[0], record)
        next_step(f"provenance policy show {found[0].bundle} {found[0].rule}", quiet=ctx.quiet)
    return 0


def _print(finding: Finding) -> None:
    say_fitting(f"{visible(finding.rule)}  {visible(finding.title)}", bold=True)
    state = f"waived by {visible(finding.waiver)}" if finding.waiver else finding.action
    say_fitting(f"  {finding.outcome} · {state} · severity {finding.severity} · {visible(finding.bundle)}")
    say_fitting(f"  {visible(finding.message)}")
    if finding.grouped and finding.subject.kind is not SubjectKind.MATCH:
        say_fitting(f"  stands for {thousands(finding.grouped)} findings on {finding.subject.kind}s of {visible(finding.dataset)}")
    elif finding.grouped:
        say_fitting(f"  stands for {thousands(finding.grouped)} findings on shared passages: provenance matches list --finding {short(finding.id)}")
    else:
        say_fitting(f"  subject    {finding.subject.kind} {visible(_subject(finding))}")
    for reading in finding.because:
        say_fitting(f"  read       {visible(reading.path)} = {visible(str(reading.value))}")
    for missing in finding.missing:
        say_fitting(f"  not known  {visible(missing.path)}: {visible(missing.supply)}")
    for line in dict.fromkeys(map(_clause, finding.clauses)):  # several clauses of one text may rest on the same words
        say_fitting(f"  clause     {line}")
    for item in finding.evidence:
        say_fitting(f"  evidence   {visible(item.kind)}: {visible(item.summary)}")
    for remedy in finding.remedies:
        effect = f" → {visible(remedy.effect)}" if remedy.effect else ""
        say_fitting(f"  remedy     {visible(remedy.kind)}: {visible(remedy.summary)}{effect}")


def _subject(finding: Finding) -> str:
    """Return what a finding is about, as other commands take it: the first digits of what is a digest."""
    name = finding.subject.id
    return short(name) if name.startswith("sha256:") else name


def _clause(clause: ClauseCitation) -> str:
    return f'{visible(clause.terms)} ({visible(clause.effective_from)} to {visible(clause.effective_to)}): "{visible(clause.quote)}" {visible(clause.source)}'


def _print_passages(finding: Finding, record: AuditRecord) -> None:
    """Print the passage that a finding is about; where the record does not hold it, say what shows it."""
    from provenance.cli.passages import print_match

    if finding.subject.kind is not SubjectKind.MATCH:
        return
    item = next((e for e in record.evidence if e.id == finding.subject.id), None)
    if item is None or item.text is None:
        say_fitting(f"  words      provenance matches show --finding {short(finding.id)} reads them again")
        return
    say()
    print_match(item)
