"""``provenance datasets derive|lineage``: say what came from what, and see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import output_format, pass_context
from provenance.cli.output import counted, json_text, next_step, say, say_json, short, visible, write_whole
from provenance.columns import cut, cut_middle, width
from provenance.errors import NotRegisteredError
from provenance.fingerprint.digest import EMPTY_ROOT
from provenance.model.absence import Absence, is_absent
from provenance.model.lineage import DerivationInput, LineageEdge, LineageGraph, LineageNode, Transform

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace

Key = tuple[str, str]
_COLUMNS = 80
_NEAR = 0.8
"""How alike two names are of which one may be meant for the other: that of difflib."""
_SHORTEST = 12
"""Columns that a name keeps, however deep it stands."""
_ELSEWHERE = 3
"""Other versions that are named."""


class _TransformWord(click.Choice[str]):
    """A transform's word, in British spelling too."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word as it is recorded."""
        return super().convert("tokenize" if value.casefold() == "tokenise" else value, param, ctx)


@click.command("derive")
@click.argument("name")
@click.option("--from", "sources", multiple=True, required=True, help="What went in: NAME[@VERSION][:PATTERN]; as often as needed.")
@click.option(
    "--transform",
    type=_TransformWord([t.value for t in Transform], case_sensitive=False),
    required=True,
    metavar="WORD",
    help=f"What was done: {', '.join(Transform)}.",
)
@click.option("--tool", default=Absence.NOT_STATED.value, help="Program or model that did it.")
@click.option("--tool-version", default=Absence.NOT_STATED.value, help="Its version.")
@click.option("--parameters", default=Absence.NOT_STATED.value, help="Its settings, as they were given.")
@click.option("--note", default="", help="Anything else.")
@click.option("--unregistered", is_flag=True, help="An input is meant that is not registered, though a name near it is.")
@pass_context
def derive(ctx: CommandContext, /, name: str, sources: tuple[str, ...], unregistered: bool, **told: str) -> int:
    """Record what a dataset was made of: NAME[@VERSION][:PATTERN].

    A version is 'newest' or the beginning of its digest, and NAME~1 is the
    recording before; a pattern is of the
    paths of shards. Without a pattern all shards are meant; an input without
    a version may be any. What went in need not be registered: it stays unknown,
    and what is unknown is denied.
    """
    from provenance.audit.derive import DerivationPlan, PartName, record_derivation

    plan = DerivationPlan(
        output=PartName.parse(name),
        inputs=tuple(PartName.parse(s) for s in sources),
        transform=Transform(told.pop("transform")),
        **told,
    )
    workspace = ctx.workspace()
    lost = _unregistered(workspace, [part.name for part in plan.inputs], meant=unregistered)
    made = record_derivation(plan, workspace.tools(ctx.progress(), ctx.actor, jobs=1))
    shards = "all shards" if not made.shards else counted(len(made.shards), "shard")
    say(f"✓ {visible(made.output)}@{short(made.root_digest)}, {shards}: {made.transform} of")
    for part in made.inputs:
        say(f"    {visible(input_text(part))}")
    for missing in lost:
        say(f"  ! {visible(missing)} is not registered: nothing is known of it, and unknown is denied", err=True)
    next_step(f"provenance datasets lineage {visible(made.output)}", quiet=ctx.quiet)
    return 0


def _unregistered(workspace: Workspace, names: list[str], *, meant: bool) -> list[str]:
    """Return the names that are not registered.

    Raises:
        NotRegisteredError: If one looks like a slip of the pen, and nobody says that it is meant: what is recorded stays.
    """
    import difflib

    with workspace.units.read() as registry:
        known = [v.dataset.name for v in registry.datasets()]
    lost = [name for name in dict.fromkeys(names) if name not in set(known)]
    for name in lost:
        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
        if near and not meant:
            raise NotRegisteredError(
                f"dataset {name!r} is not registered", hint=f"did you mean {near[0]!r}? A derivation stays, so say --unregistered where it is meant"
            )
    return lost


@click.command("lineage")
@click.argument("name")
@click.option("--up", is_flag=True, help="Only what it came from.")
@click.option("--down", is_flag=True, help="Only what was made of it.")
@click.option("--depth", type=click.IntRange(min=1), default=None, help="Generations; by default all.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), default=None, help="Write to a file.")
@output_format("text", "json", "svg")
@pass_context
def lineage(ctx: CommandContext, /, name: str, up: bool, down: bool, depth: int | None, target: Path | None, output: str) -> int:
    """Draw where a dataset came from and where it went: NAME, NAME@DIGITS or NAME~1.

    Written to a file that ends in .svg it is a drawing.
    """
    from provenance.audit.lineage_graph import build_graph

    with ctx.workspace().units.read() as registry:
        version = registry.recording(registry.find_recording(name))
        graph = build_graph(registry, version, up=up or not down, down=down or not up, depth=depth)
    if output == "svg" or (output == "text" and target is not None and target.suffix == ".svg"):
        _put(ctx, target, _svg(graph))
    elif output == "json":
        _put(ctx, target, json_text(graph)) if target is not None else say_json(graph)
    elif target is not None:
        _put(ctx, target, "".join(f"{line}\n" for line in draw_tree(graph)))
    else:
        for line in draw_tree(graph):
            say(line)
        next_step(f"provenance datasets show {visible(version.dataset.name)}", quiet=ctx.quiet)
    return 0


def _svg(graph: LineageGraph) -> str:
    from provenance.report.lineage import draw_lineage

    return draw_lineage(graph)


def _put(ctx: CommandContext, target: Path | None, text: str) -> None:
    if target is None:
        click.echo(text, nl=False)
        return
    write_whole(ctx.path(target), [text.encode()])
    say(f"wrote {visible(str(target))}", err=True)


def draw_tree(graph: LineageGraph) -> Iterator[str]:
    """Yield the lines of a graph as two trees, what it came from and what was made of it, 80 columns wide."""
    nodes = {n.key: n for n in graph.nodes}
    asked = nodes[graph.root]
    yield _named("", asked)
    yield cut(f"  {_facts(asked)}", _COLUMNS)
    for title, up in (("came from", True), ("went into", False)):
        edges: dict[Key, list[tuple[LineageEdge, Key]]] = {}
        for edge in graph.edges:
            here, other = (edge.target, edge.source) if up else (edge.source, edge.target)
            edges.setdefault(here, []).append((edge, other))
        wanted = any((n.depth < 0) is up and n.depth for n in graph.nodes)
        if wanted:
            yield title
            yield from _branches(graph.root, edges, nodes, up=up)
    if len(graph.nodes) == 1:
        yield "nothing is recorded of what it came from or went into"
    if graph.cut:
        yield "… more lies beyond: raise --depth"
    for root in graph.elsewhere[:_ELSEWHERE]:
        yield cut_middle(f"another version has a lineage of its own: {visible(asked.name)}@{short(root)}", _COLUMNS)
    if len(graph.elsewhere) > _ELSEWHERE:
        yield f"so do {len(graph.elsewhere) - _ELSEWHERE} more: -f json names them"


def _branches(root: Key, edges: dict[Key, list[tuple[LineageEdge, Key]]], nodes: dict[Key, LineageNode], *, up: bool) -> Iterator[str]:
    """Yield the lines below a node; what was shown before is named again and not gone into again. One stack, so that no chain is too long."""
    shown = {root}
    stack = [("", edge, other, i == len(edges.get(root, [])) - 1) for i, (edge, other) in enumerate(edges.get(root, []))][::-1]
    while stack:
        before, edge, other, last = stack.pop()
        node, again = nodes[other], other in shown
        step = _step(edge) if up else _step_down(edge)
        unnamed = ", any version" if up and edge.any_version and node.registered else ""
        yield _named(f"{before}{'└─' if last else '├─'} {step}: ", node, f"{unnamed}{' (as above)' if again else ''}")
        below = before + ("   " if last else "│  ")
        if again:
            continue
        shown.add(other)
        further = edges.get(other, [])
        bar = "│" if further else " "
        yield cut(f"{below}{bar}    {_facts(node)}", _COLUMNS)
        stack += [(_bounded(below), e, o, i == len(further) - 1) for i, (e, o) in enumerate(further)][::-1]


def _bounded(indent: str) -> str:
    """Return an indent that leaves room for text: deep chains go on at the same place."""
    return indent if len(indent) <= _COLUMNS // 2 else indent[: _COLUMNS // 2]


def _step(edge: LineageEdge) -> str:
    shards = "" if edge.source_shards is None else f", {counted(edge.source_shards, 'shard')}"
    made = "" if edge.target_shards is None else f" → {counted(edge.target_shards, 'shard')}"
    return f"{edge.transform}{shards}{made}"


def _step_down(edge: LineageEdge) -> str:
    return f"{_step(edge)}{' of any version' if edge.any_version else ''}"


def _named(head: str, node: LineageNode, tail: str = "") -> str:
    """Return a line that names a node: a name that is too long loses its middle, never its version."""
    if node.root_digest == EMPTY_ROOT:
        version = " (no files)"
    else:
        version = "" if is_absent(node.root_digest) else f"@{short(node.root_digest, 12 if not head else 8)}"
    room = _COLUMNS - width(head) - width(version) - width(tail)
    return cut(f"{head}{cut_middle(visible(node.name), max(room, _SHORTEST))}{version}{tail}", _COLUMNS)


def _facts(node: LineageNode) -> str:
    if not node.registered:
        return "not registered: nothing is known of it, and unknown is denied"
    terms = f" · {visible(', '.join(node.terms))}" if node.terms else ""
    known = "licence not known" if is_absent(node.license) else f"licence {visible(node.license)}"
    return f"{known} · synthetic {node.synthetic}{terms}"


def input_text(part: DerivationInput) -> str:
    """Return an input for people: its name, its version and how many of its shards."""
    shards = f" ({counted(len(part.shards), 'shard')})" if part.shards else ""
    return f"{part.dataset}, any version{shards}" if is_absent(part.root_digest) else f"{part.dataset}@{short(part.root_digest)}{shards}"
