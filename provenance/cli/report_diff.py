"""``provenance report diff``: what changed from one audit to another."""

from __future__ import annotations

from collections.abc import Iterator

import click

from provenance.cli.audits import load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import output_format, pass_context
from provenance.cli.output import counted, minute, next_step, say, say_fitting, say_json, short, thousands, visible
from provenance.report.changes import AuditChanges, ChangeKind, FindingChange, InputChange, Moved, compare_audits
from provenance.report.markdown_text import code_span

SHOWN = 20
"""Findings of each kind, and numbers, that are listed for people."""
_SIGNS = {
    ChangeKind.NEW: ("✗", "New"),
    ChangeKind.REOPENED: ("✗", "Open again"),
    ChangeKind.CHANGED: ("?", "Changed"),
    ChangeKind.WAIVED: ("●", "Waived"),
    ChangeKind.FIXED: ("✓", "Fixed"),
    ChangeKind.WAIVER_GONE: ("✓", "Waived before, not found now"),
}
_DIGEST_MARK = "sha256:"


@click.command("diff")
@click.argument("old")
@click.argument("new", default="latest")
@output_format("text", "json", "markdown")
@pass_context
def diff(ctx: CommandContext, /, old: str, new: str, output: str) -> int:
    """Say what changed from the audit OLD to the audit NEW.

    Each is an id, its first digits, a file audit.json or a report folder. Findings that are new, fixed, waived or open again; data, terms and policies that are others;
    numbers that moved.
    """
    changes = compare_audits(load_audit(ctx, old), load_audit(ctx, new))
    if output == "json":
        say_json(changes)
    elif output == "markdown":
        for line in markdown_lines(changes):
            say(line)
    else:
        _say(changes)
        next_step(f"provenance report open {short(changes.new, 6)}", quiet=ctx.quiet)
    return 0


def _say(changes: AuditChanges) -> None:
    say(f"{changes.old_verdict} → {changes.new_verdict}  {visible(_models(changes))}", bold=True)
    say(f"  from audit {short(changes.old)} of {minute(changes.old_created)} to {short(changes.new)} of {minute(changes.new_created)}")
    if changes.is_empty:
        say("nothing changed")
        return
    for kind, (sign, title) in _SIGNS.items():
        found = changes.of(kind)
        if not found:
            continue
        say(f"{title}: {counted(sum(c.finding.size for c in found), 'finding')}", bold=True)
        for change in found[:SHOWN]:
            say_fitting(f" {sign} {change.finding.rule}  {visible(_about(change))}")
        _say_left(len(found))
    say(f"Open in both: {counted(changes.same, 'finding')}")
    _say_list("Other inputs", [_input_text(i) for i in changes.inputs])
    _say_list("Numbers that moved", [_number_text(n) for n in changes.numbers])


def _say_list(title: str, lines: list[str]) -> None:
    if lines:
        say(title, bold=True)
        for line in lines[:SHOWN]:
            say_fitting(f"   {visible(line)}")
        _say_left(len(lines))


def _say_left(number: int) -> None:
    if number > SHOWN:
        say(f"   … and {thousands(number - SHOWN)} more: --format json lists all")


def _models(changes: AuditChanges) -> str:
    return changes.new_model if changes.old_model == changes.new_model else f"{changes.old_model} → {changes.new_model}"


def _about(change: FindingChange) -> str:
    finding = change.finding
    text = (
        finding.message
        if finding.dataset in {"", finding.subject.id} or finding.dataset in finding.message
        else f"{finding.dataset}: {finding.message}"
    )
    return f"{text} ({change.note})" if change.note else text


def _input_text(change: InputChange) -> str:
    old, new = (_shortened(v) for v in (change.old, change.new))
    if not change.old or not change.new:
        return f"{change.what} {change.name}: {'added' if change.new else 'gone'}, {new or old}"
    return f"{change.what} {change.name}: {old} → {new}"


def _shortened(text: str) -> str:
    return " ".join(short(word) if word.startswith(_DIGEST_MARK) else word for word in text.replace("(sha256", "( sha256").split()).replace("( ", "(")


def _number_text(moved: Moved) -> str:
    old, new = ("none" if v is None else f"{v:,g}" if isinstance(v, float) else f"{v:,}" for v in (moved.old, moved.new))
    by = "" if moved.old is None or moved.new is None else f" ({moved.new - moved.old:+,g})"
    return f"{moved.name}: {old} → {new}{by}"


def markdown_lines(changes: AuditChanges) -> Iterator[str]:
    """Yield the changes as Markdown, such as for a comment on a pull request: all of them, text of the data in code spans."""
    yield f"## {changes.old_verdict} → {changes.new_verdict}: {code_span(_models(changes))}"
    yield ""
    yield f"From audit `{short(changes.old)}` of {changes.old_created} to `{short(changes.new)}` of {changes.new_created}."
    if changes.is_empty:
        yield "Nothing changed."
        return
    for kind, (_, title) in _SIGNS.items():
        found = changes.of(kind)
        if found:
            yield from ("", f"### {title}: {sum(c.finding.size for c in found)}", "")
            yield from (f"- **{code_span(c.finding.rule)}** {code_span(_about(c))}" for c in found)
    yield from ("", f"Open in both: {changes.same}")
    for title, lines in (("Other inputs", map(_input_text, changes.inputs)), ("Numbers that moved", map(_number_text, changes.numbers))):
        listed = [f"- {code_span(line)}" for line in lines]
        if listed:
            yield from ("", f"### {title}", "", *listed)
