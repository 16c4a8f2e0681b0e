"""``provenance policy``: check and explain policy bundles."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_table, visible
from provenance.config import shipped
from provenance.errors import ConfigError


@click.group()
def policy() -> None:
    """Check and explain policy bundles."""


@policy.command("test")
@click.argument("bundles", nargs=-1)
@pass_context
def test(ctx: CommandContext, /, bundles: tuple[str, ...]) -> int:
    """Run the tests that bundles carry; the shipped ones where none is named. Exit 11 if one fails."""
    from provenance.policy.bundle import load_bundle
    from provenance.policy.bundle_tests import run_bundle_tests

    failed = 0
    for path in _paths(ctx, bundles):
        bundle = load_bundle(path)
        results = run_bundle_tests(bundle)
        wrong = [r for r in results if not r.passed]
        failed += len(wrong)
        say(f"{'✗' if wrong else '✓'} {bundle.name}: {len(results) - len(wrong)} of {len(results)} expectations hold")
        for r in wrong:
            say(f"    {visible(r.test)}: {r.rule} expected {r.expected}, got {r.got}")
    return 11 if failed else 0


@policy.command("show")
@click.argument("bundle")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, bundle: str, output: str) -> int:
    """List the rules of a bundle."""
    from provenance.policy.bundle import load_bundle

    loaded = load_bundle(_paths(ctx, (bundle,))[0])
    rows = [(r.id, r.for_each.value, r.action.value, r.require.condition.text, r.title) for r in loaded.rules]
    if output == "json":
        say_json([dict(zip(("id", "for_each", "action", "require", "title"), row, strict=True)) for row in rows])
    else:
        say(f"{loaded.name} {loaded.release}  {loaded.digest}", bold=True)
        say_table(("rule", "for each", "action", "require", "title"), rows)
    return 0


def _paths(ctx: CommandContext, names: tuple[str, ...]) -> list[Path]:
    from provenance.bootstrap import Workspace
    from provenance.config import default_settings

    if not names:
        return sorted((shipped("policies") / "bundles").glob("*.yaml"))
    try:
        workspace = ctx.workspace()
    except ConfigError:
        workspace = Workspace(default_settings(ctx.start))
    return [workspace.find_bundle(name, beside=ctx.start) for name in names]
