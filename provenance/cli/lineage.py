"""``provenance datasets derive|lineage``: say what came from what, and see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import output_format, pass_context
from provenance.cli.output import counted, next_step, say, say_json, short, visible, write_whole
from provenance.model.absence import Absence, is_absent
from provenance.model.lineage import LineageEdge, LineageGraph, LineageNode, Transform

Key = tuple[str, str]
_COLUMNS = 80


@click.command("derive")
@click.argument("name")
@click.option("--from", "sources", multiple=True, required=True, help="What went in: NAME[@VERSION][:PATTERN]; as often as needed.")
@click.option(
    "--transform", type=click.Choice([t.value for t in Transform]), required=True, metavar="WORD", help=f"What was done: {', '.join(Transform)}."
)
@click.option("--tool", default=Absence.NOT_STATED.value, help="Program or model that did it.")
@click.option("--tool-version", default=Absence.NOT_STATED.value, help="Its version.")
@click.option("--parameters", default=Absence.NOT_STATED.value, help="Its settings, as they were given.")
@click.option("--note", default="", help="Anything else.")
@pass_context
def derive(ctx: CommandContext, /, name: str, sources: tuple[str, ...], **told: str) -> int:
    """Record what a dataset was made of: NAME[@VERSION][:PATTERN].

    A version is 'newest' or the beginning of its digest; a pattern is of the
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
    made = record_derivation(plan, ctx.workspace().tools(ctx.progress(), ctx.actor, jobs=1))
    shards = "all shards" if not made.shards else counted(len(made.shards), "shard")
    inputs = ", ".join(i.name + (f" ({counted(len(i.shards), 'shard')})" if i.shards else "") for i in made.inputs)
    say(f"✓ {visible(made.output)}@{short(made.root_digest)}, {shards}: {made.transform} of {visible(inputs)}")
    next_step(f"provenance datasets lineage {visible(made.output)}", quiet=ctx.quiet)
    return 0


@click.command("lineage")
@click.argument("name")
@click.option("--up", is_flag=True, help="Only what it came from.")
@click.option("--down", is_flag=True, help="Only what was made of it.")
@click.option("--depth", type=click.IntRange(min=1), default=None, help="Generations; by default all.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), default=None, help="Write to a file.")
@output_format("text", "json", "svg")
@pass_context
def lineage(ctx: CommandContext, /, name: str, up: bool, down: bool, depth: int | None, target: Path | None, output: str) -> int:
    """Draw where a dataset came from and where it went: NAME or NAME@sha256:…."""
    from provenance.audit.lineage_graph import build_graph

    base, _, pinned = name.partition("@")
    with ctx.workspace().units.read() as registry:
        version = registry.version_facts(base, pinned or None)
        graph = build_graph(registry, version, up=up or not down, down=down or not up, depth=depth)
    if output == "svg":
        _write(ctx, target, _svg(graph))
    elif output == "json":
        say_json(graph)
    else:
        for line in draw_tree(graph):
            say(line)
    return 0


def _svg(graph: LineageGraph) -> str:
    from provenance.report.lineage import draw_lineage

    return draw_lineage(graph)


def _write(ctx: CommandContext, target: Path | None, text: str) -> None:
    if target is None:
        click.echo(text, nl=False)
        return
    write_whole(ctx.path(target), [text.encode()])
    say(f"wrote {visible(str(target))}", err=True)


def draw_tree(graph: LineageGraph) -> Iterator[str]:
    """Yield the lines of a graph as two trees, what it came from and what was made of it, 80 columns wide."""
    nodes = {n.key: n for n in graph.nodes}
    asked = nodes[graph.root]
    yield _cut(f"{visible(asked.name)}@{short(asked.root_digest)}  {_facts(asked)}")
    for title, up in (("came from", True), ("went into", False)):
        edges: dict[Key, list[tuple[LineageEdge, Key]]] = {}
        for edge in graph.edges:
            here, other = (edge.target, edge.source) if up else (edge.source, edge.target)
            edges.setdefault(here, []).append((edge, other))
        wanted = any((n.depth < 0) is up and n.depth for n in graph.nodes)
        if wanted:
            yield title
            yield from _branches(graph.root, edges, nodes, "", {graph.root})
    if len(graph.nodes) == 1:
        yield "nothing is recorded of what it came from or went into"
    if graph.cut:
        yield "… more lies beyond: raise --depth"


def _branches(
    key: Key, edges: dict[Key, list[tuple[LineageEdge, Key]]], nodes: dict[Key, LineageNode], indent: str, shown: set[Key]
) -> Iterator[str]:
    """Yield the lines below a node; what was shown before is named again and not gone into again. One stack, so that no chain is too long."""
    stack = [(indent, edge, other, i == len(edges.get(key, [])) - 1) for i, (edge, other) in enumerate(edges.get(key, []))][::-1]
    while stack:
        before, edge, other, last = stack.pop()
        node, again = nodes[other], other in shown
        head = f"{before}{'└─' if last else '├─'} {_step(edge)} "
        yield _cut(f"{head}{visible(node.name)}@{_version(node, edge)}{' (as above)' if again else ''}")
        below = before + ("   " if last else "│  ")
        if again:
            continue
        shown.add(other)
        yield _cut(f"{below}   {_facts(node)}")
        further = edges.get(other, [])
        stack += [(_bounded(below), e, o, i == len(further) - 1) for i, (e, o) in enumerate(further)][::-1]


def _bounded(indent: str) -> str:
    """Return an indent that leaves room for text: deep chains go on at the same place."""
    return indent if len(indent) <= _COLUMNS // 2 else indent[: _COLUMNS // 2]


def _step(edge: LineageEdge) -> str:
    shards = "" if edge.source_shards is None else f", {counted(edge.source_shards, 'shard')}"
    made = "" if edge.target_shards is None else f" → {counted(edge.target_shards, 'shard')}"
    return f"{edge.transform}{shards}{made}:"


def _version(node: LineageNode, edge: LineageEdge) -> str:
    if not node.registered and is_absent(node.root_digest):
        return "?"
    return short(node.root_digest, 8) + (" or another" if edge.any_version else "")


def _facts(node: LineageNode) -> str:
    if not node.registered:
        return "not registered: nothing is known of it, and unknown is denied"
    terms = f" · {visible(', '.join(node.terms))}" if node.terms else ""
    known = "licence not known" if is_absent(node.license) else f"licence {visible(node.license)}"
    return f"{known} · synthetic {node.synthetic}{terms}"


def _cut(line: str) -> str:
    return line if len(line) <= _COLUMNS else line[: _COLUMNS - 1] + "…"
