"""``provenance datasets diff``: what changed from one recording to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.dataset_page import in_words
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, say, say_json, short, size_text, thousands, visible
from provenance.columns import cut, width
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
        yield from _fact(fact.field, fact.old, fact.new)
    if len(found.facts) > 2 * SHOWN:
        yield f"  … and {len(found.facts) - 2 * SHOWN} more: use -f json for all"


def _fact(field: str, old: Any, new: Any) -> Iterator[str]:
    """Yield how one fact changed: what it became is never cut off behind what it was."""
    if isinstance(old, list) or isinstance(new, list):
        yield from _members(field, old or [], new or [])
        return
    line = f"  {field}: {_value(old)} → {_value(new)}"
    yield from (line,) if width(line) <= _COLUMNS else (f"  {field}:", f"    - {_value(old)}", f"    + {_value(new)}")


def _members(field: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
    """Yield the members that came and went; one with several fields that stands in the place of another, field by field."""
    gone, come = [v for v in old if v not in new], [v for v in new if v not in old]
    if not gone and not come:
        yield f"  {field}: the same in another order or number"
    pairs = list(zip(gone, come, strict=False)) if all(isinstance(v, dict) for v in (*gone, *come)) else []
    for before, after in pairs[:SHOWN]:
        for key in sorted(k for k in {*before, *after} if before.get(k) != after.get(k)):
            yield from _fact(f"{field}[{old.index(before)}].{key}", before.get(key), after.get(key))
    rest = [("-", gone[len(pairs) :]), ("+", come[len(pairs) :])]
    yield from (f"  {field}:",) if any(values for _, values in rest) else ()
    for sign, values in rest:
        yield from (f"    {sign} {_value(v)}" for v in values[:SHOWN])
    hidden = max(0, len(pairs) - SHOWN) + sum(max(0, len(values) - SHOWN) for _, values in rest)
    yield from (f"    … and {thousands(hidden)} more: use -f json for all",) if hidden else ()


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
