"""The brief of an audit on a terminal: the verdict, the worst findings, the rules of the others, and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from provenance.cli.break_glass import say_broken_glass
from provenance.cli.output import counted, say, short, thousands, visible
from provenance.model.audit import AuditRecord
from provenance.model.finding import Action, Finding, Outcome, VerdictKind

EXIT_OF = {VerdictKind.CLEARED: 0, VerdictKind.REVIEW: 10, VerdictKind.BLOCKED: 11}
VERDICT_COLOR = {VerdictKind.CLEARED: "green", VerdictKind.REVIEW: "yellow", VerdictKind.BLOCKED: "red"}
GROUPS_SHOWN = 3
"""Findings of a rule and dataset that the brief spells out; it names the rules of the others."""
WIDTH = 76


def print_verdict(record: AuditRecord, seconds: float | None = None) -> None:
    """Print the verdict line."""
    t = record.totals
    counts = [f"{n} {label}" for n, label in ((t.deny, "deny"), (t.review, "review"), (t.warn, "warn"), (t.waived, "waived")) if n]
    tail = f"audit {short(record.id, 6)}" + (f" · {seconds:.0f} s" if seconds is not None else "")
    say(
        f"{record.verdict}  {visible(record.run.model.name)} · {', '.join(counts) if counts else 'no open findings'} · {tail}",
        bold=True,
        color=VERDICT_COLOR[record.verdict],
    )
    say_broken_glass(record.broken_glass)


def print_findings(record: AuditRecord, *, steps: bool = True) -> None:
    """Print the worst open findings, grouped by rule and dataset, each with the fact that decided; how many there are besides; and the steps that would close them."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in record.findings:
        if finding.is_open:
            groups.setdefault((finding.rule, finding.dataset), []).append(finding)
    worst = list(groups.items())
    for (_, dataset), found in worst[:GROUPS_SHOWN]:
        print_group(dataset, found)
    _print_rest([found for _, found in worst[GROUPS_SHOWN:]])
    if steps and record.steps and record.verdict is not VerdictKind.CLEARED:
        say("What to do:", bold=True)
        for number, step in enumerate(record.steps, 1):
            _wrap(f" {number}. ", f"{step.summary}", "    ")
            say(f"    → {visible(step.effect)}")


def _print_rest(groups: Sequence[Sequence[Finding]]) -> None:
    """Print the rules of what is not shown, the ones that deny first."""
    if not groups:
        return
    rules: dict[str, list[int]] = {}
    for found in groups:
        rules.setdefault(found[0].rule, []).append(sum(f.size for f in found))
    told = ", ".join(f"{rule} ({thousands(sum(sizes))})" for rule, sizes in rules.items())
    _wrap("   … ", f"and {counted(sum(map(sum, rules.values())), 'finding')} more of {told}: provenance findings list --open", "     ")


def print_group(dataset: str, found: Sequence[Finding]) -> None:
    """Print open findings of one rule and dataset, with what decided the first of them."""
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
    for missing in first.missing[:1]:
        _wrap("         ", f"not known: {missing.path}. To supply it, {missing.supply}", "         ")
    if first.subject.kind == "match":
        say(f"         → provenance matches show --finding {first.rule}")


def _wrap(lead: str, text: str, indent: str, *, color: str | None = None) -> None:
    for line in textwrap.wrap(visible(text), WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=True)[:4]:
        say(line, color=color)
        color = None
