"""Lineage as a drawing of its own: left to right, one SVG file with light, dark and print colours, nothing in it but shapes and escaped text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from provenance.columns import cut, cut_middle
from provenance.columns import width as columns_of
from provenance.fingerprint.digest import EMPTY_ROOT
from provenance.model.absence import TriState, is_absent
from provenance.model.lineage import LineageEdge, LineageGraph, LineageNode

MAX_DRAWN = 40
"""Nodes drawn one by one; beyond it those of one column that stand alike are drawn as one."""
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN, _TOP = 232, 85, 116, 18, 16, 56
_CHARS, _BOLD_CHARS = 30, 24
"""Columns of a line in a box, at 12 px in any system font: ordinary, and bold."""
_LABEL_CHARS = 16
_KINDS_NAMED, _NODES_NAMED = 2, 12
Key = tuple[str, str]

_STYLE = """
svg { overflow: hidden; --ink: #1b1f24; --soft: #57606a; --line: #8c959f; --paper: #ffffff; --fill: #f6f8fa; --deny: #b42318; --accent: #0b5cad;
  font: 12px system-ui, sans-serif; background: var(--paper) }
@media (prefers-color-scheme: dark) { svg { overflow: hidden; --ink: #e6edf3; --soft: #9da7b1; --line: #6e7681; --paper: #0d1117; --fill: #161b22; --deny: #ff7b72; --accent: #6cb6ff } }
@media print { svg { overflow: hidden; --ink: #000; --soft: #333; --line: #555; --paper: #fff; --fill: #fff; --deny: #000; --accent: #000 } }
text { fill: var(--ink) } .soft { fill: var(--soft) } .name { font-weight: 600 } .deny { fill: var(--deny) }
.box { fill: var(--fill); stroke: var(--line) } .asked { stroke: var(--accent); stroke-width: 2.5 } .lost { stroke: var(--deny); stroke-dasharray: 5 3 }
.edge { fill: none; stroke: var(--line); stroke-width: 1.25 } .declared { stroke-dasharray: 4 3 } .tip { fill: var(--line) }
.on { paint-order: stroke; stroke: var(--paper); stroke-width: 4px }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A node, or several that stand alike, with its place."""

    nodes: tuple[LineageNode, ...]
    column: int
    row: int

    @property
    def x(self) -> int:
        return _MARGIN + self.column * (_WIDTH + _GAP_X)

    @property
    def y(self) -> int:
        return _TOP + self.row * (_HEIGHT + _GAP_Y)


def draw_lineage(graph: LineageGraph) -> str:
    """Return a graph as an SVG document."""
    boxes, place = _place(graph)
    width = max(b.x for b in boxes) + _WIDTH + _MARGIN
    height = max(b.y for b in boxes) + _HEIGHT + _MARGIN + 20
    title = cut(_title(graph), 150)
    width = max(width, 2 * _MARGIN + 9 * columns_of(title))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<text x="{_MARGIN}" y="26" class="name" font-size="15">{_text(title)}</text>',
        *_edges(graph, place),
        *(_box(b, graph.root) for b in boxes),
        f'<text x="{_MARGIN}" y="{height - 10}" class="soft">Dashed line: the dataset says so, nobody recorded how. Dashed box: not registered.</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(graph: LineageGraph) -> str:
    asked = next(n for n in graph.nodes if n.key == graph.root)
    above, below = (sum(1 for n in graph.nodes if (n.depth < 0) is up and n.depth) for up in (True, False))
    lost = sum(not n.registered for n in graph.nodes)
    tail = f"; {lost} of these not registered" if lost else ""
    cut = "; more beyond the depth drawn" if graph.cut else ""
    return f"{asked.name} comes from {_counted(above)} and went into {_counted(below)}{tail}{cut}"


def _counted(number: int) -> str:
    return f"{number} dataset version{'' if number == 1 else 's'}" if number else "none that is recorded"


def _place(graph: LineageGraph) -> tuple[list[_Box], dict[Key, _Box]]:
    """Return the boxes column by column, and the box of every node."""
    columns: dict[int, list[LineageNode]] = defaultdict(list)
    for node in graph.nodes:
        columns[node.depth].append(node)
    groups: dict[int, list[tuple[LineageNode, ...]]] = {depth: [(n,) for n in nodes] for depth, nodes in columns.items()}
    if len(graph.nodes) > MAX_DRAWN:
        groups = {depth: _collapsed(nodes) for depth, nodes in columns.items()}
    first = min(groups)
    order = _ordered(groups, graph)
    tallest = max(map(len, order.values()))
    boxes = [
        _Box(nodes=group, column=depth - first, row=i + (tallest - len(order[depth])) // 2)
        for depth in sorted(order)
        for i, group in enumerate(order[depth])
    ]
    return boxes, {n.key: b for b in boxes for n in b.nodes}


def _collapsed(nodes: list[LineageNode]) -> list[tuple[LineageNode, ...]]:
    """Put the nodes of one column together by licence and registration; the largest group stands for at most all of them."""
    groups: dict[tuple[bool, str], list[LineageNode]] = defaultdict(list)
    for node in nodes:
        groups[node.registered, node.license].append(node)
    listed = sorted((tuple(g) for g in groups.values()), key=lambda g: (-len(g), g[0].name))
    kept = listed[:5]
    rest = tuple(n for g in listed[5:] for n in g)
    return [*kept, rest] if rest else kept


def _ordered(groups: Mapping[int, list[tuple[LineageNode, ...]]], graph: LineageGraph) -> dict[int, list[tuple[LineageNode, ...]]]:
    """Return the columns with their boxes near what they are joined to: one pass outwards from the middle."""
    joined: dict[Key, list[Key]] = defaultdict(list)
    for edge in graph.edges:
        joined[edge.source].append(edge.target)
        joined[edge.target].append(edge.source)
    row: dict[Key, float] = {}
    ordered: dict[int, list[tuple[LineageNode, ...]]] = {}
    for depth in sorted(groups, key=lambda d: (abs(d), d)):
        ordered[depth] = sorted(groups[depth], key=lambda group: (_middle(group, joined, row), group[0].name))
        row.update((n.key, i - len(ordered[depth]) / 2) for i, group in enumerate(ordered[depth]) for n in group)
    return ordered


def _middle(group: tuple[LineageNode, ...], joined: Mapping[Key, list[Key]], row: Mapping[Key, float]) -> float:
    rows = [row[other] for n in group for other in joined[n.key] if other in row]
    return sum(rows) / len(rows) if rows else 0.0


def _edges(graph: LineageGraph, place: Mapping[Key, _Box]) -> list[str]:
    merged: dict[tuple[_Box, _Box], list[LineageEdge]] = defaultdict(list)
    for edge in graph.edges:
        if edge.source in place and edge.target in place and place[edge.source] != place[edge.target]:
            merged[place[edge.source], place[edge.target]].append(edge)
    lines = [_edge(source, target, edges) for (source, target), edges in merged.items()]
    return [*lines, *_labels(merged)]


def _edge(source: _Box, target: _Box, edges: list[LineageEdge]) -> str:
    x1, x2 = _ends(source, target)
    y1, y2 = source.y + _HEIGHT // 2, target.y + _HEIGHT // 2
    bend = _GAP_X // 2 if x1 <= x2 else -_GAP_X // 2
    css = "edge declared" if {e.transform for e in edges} == {"declared"} else "edge"
    tip = "; ".join(dict.fromkeys(_told(e) for e in edges[:5]))
    return (
        f'<g><title>{_text(tip)}</title><path class="{css}" d="M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" marker-end="url(#tip)"/></g>'
    )


def _ends(source: _Box, target: _Box) -> tuple[int, int]:
    """Return where a line leaves one box and reaches the other; one that leads back does so on the other sides."""
    return (source.x, target.x + _WIDTH) if target.column <= source.column else (source.x + _WIDTH, target.x)


def _labels(merged: Mapping[tuple[_Box, _Box], list[LineageEdge]]) -> Iterator[str]:
    """Yield what stands at the lines: beside the box that has one line only, so that no label lies on another; where both have more, once beside the source."""
    out, into = Counter(source for source, _ in merged), Counter(target for _, target in merged)
    at_source: dict[tuple[_Box, int], list[LineageEdge]] = defaultdict(list)
    at_target = {pair for pair in merged if out[pair[0]] > 1 and into[pair[1]] == 1}
    taken = {(source.column, source.row) for source, target in merged if (source, target) not in at_target}
    for (source, target), edges in merged.items():
        x1, x2 = _ends(source, target)
        if (source, target) in at_target and (source.column, target.row) not in taken:
            yield _label(edges, x2, target.y, after=x1 > x2)
        else:
            at_source[source, x1].extend(edges)
    for (source, x), edges in at_source.items():
        yield _label(edges, x, source.y, after=x != source.x)


def _label(edges: list[LineageEdge], x: int, y: int, *, after: bool) -> str:
    kinds = Counter(e.transform for e in edges)
    text = ", ".join(k for k, _ in kinds.most_common(_KINDS_NAMED)) + (" …" if len(kinds) > _KINDS_NAMED else "")
    anchor = "start" if after else "end"
    return f'<text class="soft on" x="{x + (8 if after else -12)}" y="{y + _HEIGHT // 2 - 6}" text-anchor="{anchor}">{_text(cut(text, _LABEL_CHARS))}</text>'


def _told(edge: LineageEdge) -> str:
    shards = "all shards" if edge.source_shards is None else f"{edge.source_shards} shards"
    tool = "" if is_absent(edge.tool) else f" with {edge.tool}"
    return f"{edge.transform}{tool}: {shards} of {edge.source[0]} into {edge.target[0]}"


def _box(box: _Box, root: Key) -> str:
    node, more = box.nodes[0], len(box.nodes) - 1
    css = "box asked" if node.key == root and not more else "box" if node.registered else "box lost"
    names = ", ".join(n.name for n in box.nodes[:_NODES_NAMED]) + (" …" if len(box.nodes) > _NODES_NAMED else "")
    lines = _several_lines(box.nodes) if more else _lines(node)
    drawn = "".join(
        f'<text x="10" y="{20 + 19 * i}" class="{css_class}">{_text(_fitted(line, bold=css_class == "name"))}</text>'
        for i, (css_class, line) in enumerate(lines)
    )
    tip = f"{names} {node.root_digest}"
    shape = f'<g><title>{_text(tip)}</title><rect class="{css}" x="{box.x}" y="{box.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>'
    # An inner drawing cuts off what a wide font would write beyond the box.
    return f'{shape}<svg x="{box.x}" y="{box.y}" width="{_WIDTH - 4}" height="{_HEIGHT}">{drawn}</svg></g>'


def _several_lines(nodes: tuple[LineageNode, ...]) -> list[tuple[str, str]]:
    """Return what is written in a box of several: each licence with how many have it, those that are not known first."""
    licenses = Counter("not known" if is_absent(n.license) else n.license for n in nodes)
    ordered = sorted(licenses, key=lambda name: (name != "not known", -licenses[name], name))
    text = f"licence {ordered[0]}" if len(ordered) == 1 else f"{len(ordered)} licences: " + ", ".join(f"{name} {licenses[name]}" for name in ordered)
    lost = sum(not n.registered for n in nodes)
    last = [("deny", f"{lost} not registered")] if lost else []
    return [("name", f"{len(nodes)}: {', '.join(n.name for n in nodes[:3])}"), ("deny" if "not known" in licenses else "soft", text), *last]


def _lines(node: LineageNode) -> list[tuple[str, str]]:
    if not node.registered:
        return [("name", node.name), ("deny", "not registered: not known"), ("soft", "what is not known is denied")]
    license_text = f"licence {'not known' if is_absent(node.license) else node.license}"
    made = {TriState.YES: "made by a model", TriState.NO: "no model made it", TriState.UNKNOWN: "not known if a model made it"}[node.synthetic]
    third = ", ".join(node.terms) or made
    version = "no files registered" if node.root_digest == EMPTY_ROOT else f"version {node.root_digest.removeprefix('sha256:')[:12]}"
    return [("name", node.name), ("deny" if is_absent(node.license) else "soft", license_text), ("soft", third), ("soft", version)]


def _fitted(line: str, *, bold: bool) -> str:
    """Return a line that fits into a box; a name loses its middle, since names often differ in their ends."""
    return cut_middle(line, _BOLD_CHARS) if bold else cut(line, _CHARS)


def _text(text: str) -> str:
    """Return text that is text only: what XML cannot hold, or what turns the direction of writing, becomes its code."""
    bad = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x61C, 0x200E, 0x200F, 0xFFFE, 0xFFFF}
    return escape("".join(f"\\u{ord(c):04x}" if ord(c) in bad or c < " " or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" else c for c in text))
