"""``provenance policy``: look at policy bundles, check them, compare them, and write new ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_table, short, visible, write_whole
from provenance.cli.policy_explain import explain, why_not
from provenance.config import shipped
from provenance.errors import ConfigError, PolicyDocumentError, UnknownRuleError

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.policy.compare import RuleChange
    from provenance.policy.lint import Remark
    from provenance.policy.rules import Bundle, Rule

_FAILED, _SOME_FAILED = 11, 4
"""Exit codes."""


@click.group()
def policy() -> None:
    """Check, compare and explain policy bundles."""


@policy.command("list")
@text_or_json
@pass_context
def list_bundles(ctx: CommandContext, /, output: str) -> int:
    """List the shipped bundles and those of the workspace. Exit 4 if one of them cannot be loaded."""
    from provenance.policy.bundle import load_apart

    loaded, broken = [], []
    for path in _paths(ctx, ()):
        try:
            loaded.append(load_apart([path])[0])
        except PolicyDocumentError as err:
            broken.append((path, err))
    if output == "json":
        say_json({"bundles": [_bundle_row(b) for b in loaded], "broken": [{"path": str(p), "fault": str(e), "hint": e.hint} for p, e in broken]})
    else:
        rows = [(b.name, b.release, len(b.rules), len(b.tests), short(b.digest), "shipped" if _is_shipped(b.path) else b.path) for b in loaded]
        say_table(("bundle", "release", "rules", "tests", "digest", "where"), rows, right=frozenset({"rules", "tests"}))
        for _, fault in broken:
            say_fitting(f"  ! {visible(str(fault))}", err=True)
        next_step("provenance policy show BUNDLE", quiet=ctx.quiet)
    return _SOME_FAILED if broken else 0


@policy.command("show")
@click.argument("bundle")
@click.argument("rule", required=False)
@text_or_json
@pass_context
def show(ctx: CommandContext, /, bundle: str, rule: str | None, output: str) -> int:
    """List the rules of a bundle, or show one RULE of it whole."""
    loaded = _load(ctx, (bundle,))[0]
    if rule is not None:
        _show_rule(loaded, _rule(loaded, rule), output)
        return 0
    if output == "json":
        say_json({**_bundle_row(loaded), "params": dict(loaded.params), "rules": [_rule_row(r) for r in loaded.rules]})
        return 0
    say(f"{loaded.name} {loaded.release}  {visible(loaded.title)}", bold=True)
    say(f"  {loaded.digest}")
    for name, value in loaded.params:
        say(f"  params.{name} = {visible(str(value))}")
    rows = [(r.id, r.for_each.value, r.action.value, r.severity.value, r.title, r.require.condition.text) for r in loaded.rules]
    say_table(("rule", "for each", "action", "severity", "title", "require"), rows, spare=("severity",))
    next_step(f"provenance policy show {bundle} {loaded.rules[0].id}", quiet=ctx.quiet)
    return 0


def _show_rule(bundle: Bundle, rule: Rule, output: str) -> None:
    tests = [t for t in bundle.tests if any(r == rule.id for r, _ in t.expect)]
    if output == "json":
        say_json(
            {**_rule_row(rule), "bundle": bundle.name, "tests": [{"name": t.name, "given": dict(t.given), "expect": dict(t.expect)} for t in tests]}
        )
        return
    say(f"{rule.id}  {visible(rule.title)}", bold=True)
    say(f"  {bundle.name} {bundle.release}, {visible(bundle.path)}:{rule.place[0]}")
    waivable = "may be waived" if rule.waivable else "no waiver"
    say(f"  for each {rule.for_each} · {rule.action} · severity {rule.severity} · {waivable}")
    if rule.applies is not None:
        say_fitting(f"  applies    {visible(_line(rule.applies.condition.text))}")
    say_fitting(f"  require    {visible(_line(rule.require.condition.text))}")
    say_fitting(f"  message    {visible(rule.message)}")
    for remedy in rule.remedies:
        say_fitting(f"  remedy     {remedy.kind}: {visible(remedy.summary)}")
    for test in tests:
        facts = ", ".join(f"{path} = {value}" for path, value in test.given) or "harmless facts"
        say_fitting(f"  test       {visible(test.name)}: {visible(facts)}: {dict(test.expect)[rule.id]}")


@policy.command("test")
@click.argument("bundles", nargs=-1)
@text_or_json
@pass_context
def test(ctx: CommandContext, /, bundles: tuple[str, ...], output: str) -> int:
    """Run the tests that bundles carry; all of them where none is named. Exit 11 if one fails."""
    from provenance.policy.bundle_tests import run_bundle_tests

    results = [(bundle, run_bundle_tests(bundle)) for bundle in _load(ctx, bundles)]
    failed = sum(not r.passed for _, found in results for r in found)
    if output == "json":
        rows = [{"bundle": b.name, "digest": b.digest, "expectations": len(f), "failed": [r for r in f if not r.passed]} for b, f in results]
        say_json(rows)
        return _FAILED if failed else 0
    for bundle, found in results:
        wrong = [r for r in found if not r.passed]
        say(f"{'✗' if wrong else '✓'} {bundle.name}: {len(found) - len(wrong)} of {counted(len(found), 'expectation')} hold")
        for r in wrong:
            say_fitting(f"    {visible(r.test)}: {r.rule} expected {r.expected}, got {r.got}")
    next_step(f"provenance policy lint {' '.join(bundles)}".rstrip(), quiet=ctx.quiet)
    return _FAILED if failed else 0


@policy.command("lint")
@click.argument("bundles", nargs=-1)
@click.option("--docs", type=click.Path(file_okay=False, exists=True, path_type=Path), help="Folder that should hold a page ID.md for each rule.")
@text_or_json
@pass_context
def lint(ctx: CommandContext, /, bundles: tuple[str, ...], docs: Path | None, output: str) -> int:
    """Look for what is likely wrong: rules without a test, that can never be violated or satisfied, parameters that nobody reads.

    Exit 11 if something has to be mended; what is only good to know does not count.
    """
    from provenance.policy.lint import lint_bundle

    found = [(bundle, lint_bundle(bundle, docs=None if docs is None else ctx.path(docs))) for bundle in _load(ctx, bundles)]
    faults = sum(r.is_fault for _, remarks in found for r in remarks)
    if output == "json":
        say_json([{"bundle": b.name, "path": b.path, "remarks": remarks} for b, remarks in found])
        return _FAILED if faults else 0
    for bundle, remarks in found:
        _say_remarks(bundle, remarks)
    next_step(f"provenance policy test {' '.join(bundles)}".rstrip(), quiet=ctx.quiet)
    return _FAILED if faults else 0


def _say_remarks(bundle: Bundle, remarks: Sequence[Remark]) -> None:
    faults = sum(r.is_fault for r in remarks)
    say(f"{'✗' if faults else '✓'} {bundle.name}: {counted(len(bundle.rules), 'rule')}, {counted(faults, 'fault')}")
    for r in remarks:
        say_fitting(
            f"    {'✗' if r.is_fault else '·'} {visible(bundle.path)}:{r.line}:{r.column}: {r.rule + ': ' if r.rule else ''}{visible(r.message)}"
        )
        if r.hint:
            say_fitting(f"      → {visible(r.hint)}")


@policy.command("diff")
@click.argument("old")
@click.argument("new")
@text_or_json
@pass_context
def diff(ctx: CommandContext, /, old: str, new: str, output: str) -> int:
    """Say which rules of NEW are stricter or looser than in OLD.

    Both are tried on every combination of what their facts can be, as far as their conditions tell it apart.
    """
    from provenance.policy.compare import changed_params, compare_bundles

    before, after = _load(ctx, (old, new))
    changes, params = compare_bundles(before, after), list(changed_params(before, after))
    if output == "json":
        names = ("name", "old", "new")
        say_json(
            {"old": _bundle_row(before), "new": _bundle_row(after), "params": [dict(zip(names, p, strict=True)) for p in params], "rules": changes}
        )
        return 0
    say(f"{before.name} {before.release} → {after.name} {after.release}", bold=True)
    for name, was, now in params:
        say(f"  params.{name}: {_or_none(was)} → {_or_none(now)}")
    for change in changes:
        _say_change(change)
    if not changes and not params:
        say("  the same rules and parameters")
    if before.release == after.release and before.digest != after.digest:
        say_fitting(f"both say release {after.release}: raise it, so that people can tell them apart", err=True)
    next_step(f"provenance policy test {new}", quiet=ctx.quiet)
    return 0


def _say_change(change: RuleChange) -> None:
    what = f" ({', '.join(change.fields)})" if change.fields else ""
    say_fitting(f"  {change.rule}  {change.change}{what}: {visible(change.title)}")
    if change.before:
        facts = ", ".join(f"{path} = {value}" for path, value in change.example)
        say_fitting(f"      {change.before} → {change.after}" + (f" where {visible(facts)}" if facts else ""))


@policy.command("new")
@click.argument("name")
@click.option("-o", "--output", "target", type=click.Path(dir_okay=False, path_type=Path), help="File to write; NAME.yaml otherwise.")
@text_or_json
@pass_context
def new(ctx: CommandContext, /, name: str, target: Path | None, output: str) -> int:
    """Write a bundle to begin with: two rules with tests, and comments that say what each key is for."""
    from provenance.policy.scaffold import new_bundle

    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        raise click.UsageError(f"{visible(name)!r}: a bundle's name has lower case letters, digits, dots and hyphens, such as our-rules")
    if any(path.stem == name for path in (shipped("policies") / "bundles").glob("*.yaml")):
        raise click.UsageError(f"{name} is the name of a shipped bundle: take another")
    path = ctx.path(target or Path(f"{name}.yaml"))
    if path.exists():
        raise ConfigError(f"{path}: is there already", hint="take another name, or --output FILE")
    write_whole(path, [new_bundle(name).encode()])
    if output == "json":
        say_json({"name": name, "path": str(path), "rules": 2, "tests": 7})
    else:
        say(f"wrote {visible(str(path))}: 2 rules, 7 tests")
    next_step(f"provenance policy test {path.name}", quiet=ctx.quiet)
    return 0


def _rule(bundle: Bundle, rule_id: str) -> Rule:
    from provenance.documents import nearest

    found = next((r for r in bundle.rules if r.id == rule_id.upper()), None)
    if found is None:
        raise UnknownRuleError(f"bundle {bundle.name} has no rule {visible(rule_id)!r}", hint=nearest(rule_id.upper(), [r.id for r in bundle.rules]))
    return found


def _bundle_row(bundle: Bundle) -> dict[str, object]:
    return {
        "name": bundle.name,
        "release": bundle.release,
        "title": bundle.title,
        "digest": bundle.digest,
        "path": bundle.path,
        "shipped": _is_shipped(bundle.path),
        "rules": len(bundle.rules),
        "tests": len(bundle.tests),
    }


def _rule_row(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "for_each": rule.for_each,
        "applies": None if rule.applies is None else _line(rule.applies.condition.text),
        "require": _line(rule.require.condition.text),
        "action": rule.action,
        "severity": rule.severity,
        "waivable": rule.waivable,
        "message": rule.message,
        "remedies": rule.remedies,
        "reads": rule.reads,
        "line": rule.place[0],
    }


def _or_none(value: object) -> str:
    return "none" if value is None else visible(str(value))


def _line(text: str) -> str:
    return " ".join(text.split())


def _is_shipped(path: str) -> bool:
    return Path(path).parent == shipped("policies") / "bundles"


def _load(ctx: CommandContext, names: tuple[str, ...]) -> tuple[Bundle, ...]:
    from provenance.policy.bundle import load_apart

    return load_apart(_paths(ctx, names))


def _paths(ctx: CommandContext, names: tuple[str, ...]) -> list[Path]:
    """Return the files of bundles by name; without one all that are shipped and those of the workspace."""
    workspace = _workspace(ctx)
    if names:
        return [workspace.find_bundle(name, beside=ctx.start) for name in names]
    folders = [workspace.settings.workspace, *workspace.settings.policies]
    own = [path for folder in folders for path in sorted(folder.glob("*.yaml")) if _looks_like_bundle(path)]
    return list(dict.fromkeys([*sorted((shipped("policies") / "bundles").glob("*.yaml")), *own]))


def _looks_like_bundle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return re.search(rb"^\s*['\"]?format['\"]?\s*:\s*['\"]?provenance\.policy\b", file.read(1 << 16), re.MULTILINE) is not None
    except OSError:
        return False


def _workspace(ctx: CommandContext) -> Workspace:
    from provenance.bootstrap import any_workspace

    return any_workspace(ctx.start)


policy.add_command(explain)
policy.add_command(why_not)
