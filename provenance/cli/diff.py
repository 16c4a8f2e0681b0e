"""``provenance datasets diff``: what changed from one recording to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.dataset_page import in_words
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, say, say_json, short, size_text, thousands, visible
from provenance.columns import cut
from provenance.errors import NotRegisteredError
from provenance.model.absence import is_absent

if TYPE_CHECKING:
    from provenance.registry.diff import VersionDiff

SHOWN = 10
"""Shards of each kind of change, and facts, that are listed for people."""
_COLUMNS = 80


@click.command("diff")
@click.argument("old")
@click.argument("new", required=False)
@text_or_json
@pass_context
def diff(ctx: CommandContext, /, old: str, new: str | None, output: str) -> int:
    """Say what changed from OLD to NEW: NAME, NAME@sha256:… or NAME~1.

    With one name alone, its last two recordings are compared.
    """
    before, after = (old, new) if new is not None else (f"{old}~1", old)
    if new is None and not {"@", "~"} & set(old):
        _refuse_single(ctx, old)
    with ctx.workspace().units.read() as registry:
        sides = [registry.find_recording(text) for text in (before, after)]
        found = registry.diff(*((number, registry.recording(number)) for number in sides))
    if output == "json":
        say_json(found)
        return 0
    for line in describe(found):
        say(cut(line, _COLUMNS))
    return 0


def _refuse_single(ctx: CommandContext, name: str) -> None:
    with ctx.workspace().units.read() as registry:
        if len(registry.versions(name)) == 1:
            raise NotRegisteredError(
                f"dataset {name!r} was recorded once: there is nothing before it to compare with",
                hint=f"compare it with another: provenance datasets diff OTHER {name}",
            )


def describe(found: VersionDiff) -> Iterator[str]:
    """Yield what changed, for people."""
    for sign, side in (("-", found.old), ("+", found.new)):
        yield f"{sign} {visible(side.name)}@{short(side.root_digest)}  recorded {side.created}"
    if found.equal:
        yield "equal: the same shards and the same facts"
        return
    numbers = (("added", found.added), ("removed", found.removed), ("changed", found.changed), ("moved", found.moved))
    yield "shards: " + ", ".join(f"{thousands(len(items))} {what}" for what, items in numbers)
    old, new = found.old.totals, found.new.totals
    for what in ("shards", "records", "words", "size_bytes"):
        yield from _count(what, getattr(old, what), getattr(new, what))
    if old.uncounted or new.uncounted:
        yield f"  not counted: {counted(old.uncounted, 'shard')} before, {counted(new.uncounted, 'shard')} after"
    yield from _listed("+", found.added, lambda s: f"{s.path}  {size_text(s.size_bytes)}")
    yield from _listed("-", found.removed, lambda s: f"{s.path}  {size_text(s.size_bytes)}")
    yield from _listed("~", found.changed, lambda c: f"{c.new.path}  {short(c.old.sha256, 8)} → {short(c.new.sha256, 8)}")
    yield from _listed(">", found.moved, lambda c: f"{c.old.path} → {c.new.path}")
    if found.facts:
        yield f"facts: {counted(len(found.facts), 'change')}"
    for fact in found.facts[: 2 * SHOWN]:
        yield f"  {fact.field}: {_value(fact.old)} → {_value(fact.new)}"
    if len(found.facts) > 2 * SHOWN:
        yield f"  … and {len(found.facts) - 2 * SHOWN} more: use -f json for all"


def _count(what: str, old: int, new: int) -> Iterator[str]:
    if old != new:
        text = size_text if what == "size_bytes" else thousands
        yield f"  {what.removesuffix('_bytes'):<8} {text(old)} → {text(new)} ({'+' if new > old else '−'}{text(abs(new - old))})"


def _listed(sign: str, items: Sequence[Any], text: Any) -> Iterator[str]:
    for item in items[:SHOWN]:
        yield f"  {sign} {visible(text(item))}"
    if len(items) > SHOWN:
        yield f"  {sign} … and {thousands(len(items) - SHOWN)} more: use -f json for all"


def _value(value: Any) -> str:
    if value is None or value == [] or (isinstance(value, str) and is_absent(value)):
        return "nothing" if not value else str(value)
    return visible(in_words(value))
