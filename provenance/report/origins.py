"""Where the data came from, as a drawing in the page: left to right, what datasets were made of, the datasets of the run, and the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
from markupsafe import Markup

from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.lineage import LineageGraph
from provenance.report.charts import Chart, KeyItem, Table
from provenance.report.svg import FONT_PX, color, draw, frame, marks
from provenance.report.wording import clip, clip_middle, count, number, visible

MOST_DRAWN = 40
"""Boxes drawn one by one; beyond it those of one column and kind are drawn as one."""
_TABLE_ROWS = 200
_BOX_WIDTH, _BOX_HEIGHT, _GAP_X, _GAP_Y = 190, 40, 46, 12
_CHARS = 25
"""Characters of a name in a box, at 12 px in any system font."""
_WORDS = {"declared": "derived from", "same bytes": "holds the same bytes"}
_KINDS = {"model": ("s4", "a model that wrote text, or the base model"), "dataset": ("s1", "a dataset of the run"), "ancestor": ("s5", "a dataset it comes from"),
          "lost": ("unknown", "not registered: what it is made of is not known"), "run": ("s2", "the model to be trained")}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A box: its column counts back from the model to be trained, which is column 0."""

    name: str
    kind: str
    column: int


@dataclass(slots=True)
class _Ways:
    """Boxes by key, and arrows between keys with what was done."""

    nodes: dict[str, _Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, key: str, node: _Node) -> str:
        known = self.nodes.get(key)
        if known is None or node.column > known.column:
            self.nodes[key] = node
        return key


def origins_map(record: AuditRecord, graphs: Sequence[LineageGraph] = ()) -> Chart:
    """Return the lineage of a run's data with its table.

    Args:
        record: Names datasets, what they say they are derived from, and the models that wrote them.
        graphs: Recorded lineage of the datasets; where none is given only what datasets say of themselves is drawn, and the note says so.
    """
    if not record.datasets:
        return Chart(id="chart-origins", title="Nothing to draw: the run names no dataset.")
    ways = _ways(record, graphs)
    roots = sum(n.kind in {"ancestor", "lost"} for n in ways.nodes.values())
    models = sum(n.kind == "model" and n.column > 1 for n in ways.nodes.values())
    lost = sum(n.kind == "lost" for n in ways.nodes.values())
    title = _title(len(record.datasets), roots, models, lost)
    kinds = [k for k in _KINDS if any(n.kind == k for n in ways.nodes.values())]
    key = tuple(KeyItem(slot=_KINDS[k][0], label=_KINDS[k][1], text="") for k in kinds)
    svg: Markup = draw(_chart(*_placed(ways)), label=title, css_class="map")
    return Chart(
        id="chart-origins", title=title, svg=svg, key=key, table=_table(ways, recorded=bool(graphs)), table_title="The steps as a table", scrolls=True
    )


def _title(datasets: int, roots: int, models: int, lost: int) -> str:
    run = count(datasets, "dataset") + " of the run"
    if not roots and not models:
        return f"{run}; that any comes from another dataset, or from a model, is not recorded"
    parts = [count(roots, "other dataset")] if roots else []
    parts += [count(models, "model")] if models else []
    tail = f"; {number(lost)} of these {'is' if lost == 1 else 'are'} not registered" if lost else ""
    return f"{run}, which come from {' and '.join(parts)}{tail}"


def _ways(record: AuditRecord, graphs: Sequence[LineageGraph]) -> _Ways:
    ways = _Ways()
    run = ways.add("run", _Node(name=record.run.model.name, kind="run", column=0))
    base = record.run.model.base
    if base is not None and not is_absent(base):
        ways.edges[ways.add("base", _Node(name=base, kind="model", column=1)), run] = "base model"
    named = {d.dataset.name for d in record.datasets}
    for summary in record.datasets:
        name = summary.dataset.name
        ways.edges[ways.add(f"dataset {name}", _Node(name=name, kind="dataset", column=1)), run] = "trained on"
        _add_sources(ways, summary, named)
    for graph in graphs:
        _add_graph(ways, graph, named)
    return ways


def _add_sources(ways: _Ways, summary: DatasetSummary, named: set[str]) -> None:
    dataset = summary.dataset
    target = f"dataset {dataset.name}"
    for generator in dataset.generators:
        model = "a model that is not known" if is_absent(generator.model) else generator.model
        name = model if is_absent(generator.provider) else f"{model} of {generator.provider}"
        ways.edges[ways.add(f"model {name}", _Node(name=name, kind="model", column=2)), target] = generator.role
    for origin in dataset.derived_from:
        source = origin.partition("@")[0]
        ways.add(f"dataset {source}", _Node(name=source, kind="dataset" if source in named else "ancestor", column=2))
        ways.edges.setdefault((f"dataset {source}", target), "derived from")


def _add_graph(ways: _Ways, graph: LineageGraph, named: set[str]) -> None:
    for node in graph.nodes:
        if node.depth < 0:
            kind = "dataset" if node.name in named else "ancestor" if node.registered else "lost"
            known = ways.nodes.get(f"dataset {node.name}")
            ways.nodes[f"dataset {node.name}"] = _Node(name=node.name, kind=kind, column=max(1 - node.depth, known.column if known else 0))
    for edge in graph.edges:
        source, target = f"dataset {edge.source[0]}", f"dataset {edge.target[0]}"
        if source != target and source in ways.nodes and target in ways.nodes:
            said = _WORDS.get(edge.transform, edge.transform)
            ways.edges[source, target] = said if is_absent(edge.tool) else f"{said}, by {edge.tool}"


def _placed(ways: _Ways) -> tuple[list[dict[str, Any]], list[dict[str, Any]], tuple[int, int]]:
    """Return boxes and arrows with their places, and the size of the drawing."""
    columns: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for keys in _grouped(ways):
        columns[ways.nodes[keys[0]].column].append(keys)
    most, tallest = max(columns), max(len(c) for c in columns.values())
    place: dict[str, tuple[int, int]] = {}
    boxes = []
    for column in sorted(columns, reverse=True):
        top = (tallest - len(columns[column])) * (_BOX_HEIGHT + _GAP_Y) // 2
        for row, keys in enumerate(columns[column]):
            x, y = (most - column) * (_BOX_WIDTH + _GAP_X), top + row * (_BOX_HEIGHT + _GAP_Y)
            place.update(dict.fromkeys(keys, (x, y)))
            boxes.append(_box(ways, keys, x, y))
    lines = {
        (place[a][0] + _BOX_WIDTH, place[a][1] + _BOX_HEIGHT // 2, place[b][0], place[b][1] + _BOX_HEIGHT // 2) for a, b in ways.edges if a in place
    }
    arrows = [{"x": x, "y": y, "x2": x2, "y2": y2} for x, y, x2, y2 in sorted(lines)]
    return boxes, arrows, ((most + 1) * (_BOX_WIDTH + _GAP_X) - _GAP_X, tallest * (_BOX_HEIGHT + _GAP_Y) - _GAP_Y)


def _grouped(ways: _Ways) -> Iterable[tuple[str, ...]]:
    ordered = sorted(ways.nodes, key=lambda key: (ways.nodes[key].kind, ways.nodes[key].name))
    if len(ordered) <= MOST_DRAWN:
        return [(key,) for key in ordered]
    groups: dict[tuple[int, str], list[str]] = defaultdict(list)
    for key in ordered:
        groups[ways.nodes[key].column, ways.nodes[key].kind].append(key)
    return [tuple(keys) for keys in groups.values()]


def _box(ways: _Ways, keys: tuple[str, ...], x: int, y: int) -> dict[str, Any]:
    node = ways.nodes[keys[0]]
    slot = _KINDS[node.kind][0]
    name = visible(clip_middle(node.name, 200)) if len(keys) == 1 else f"{number(len(keys))} together"
    return {
        "x": x, "x2": x + _BOX_WIDTH, "y": y, "y2": y + _BOX_HEIGHT, "fill": color(slot), "ink": color(f"on-{slot}"),
        "name": f"{name}: {_KINDS[node.kind][1]}", "text": clip_middle(name, _CHARS), "mid": x + _BOX_WIDTH / 2, "line": y + _BOX_HEIGHT / 2,
    }  # fmt: skip


def _chart(boxes: list[dict[str, Any]], arrows: list[dict[str, Any]], size: tuple[int, int]) -> Any:
    width, height = size
    x: dict[str, Any] = {"scale": alt.Scale(domain=[0, width], nice=False), "axis": None}
    y: dict[str, Any] = {"scale": alt.Scale(domain=[height, 0], nice=False), "axis": None}
    layers: list[Any] = []
    if arrows:
        rules = marks(arrows).mark_rule(color=color("soft"), strokeWidth=1.5)
        layers.append(rules.encode(x=alt.X("x:Q", **x), x2="x2:Q", y=alt.Y("y:Q", **y), y2="y2:Q"))
        tips = marks(arrows).mark_point(shape="triangle-right", filled=True, size=60, opacity=1, xOffset=-4, color=color("soft"))
        layers.append(tips.encode(x=alt.X("x2:Q", **x), y=alt.Y("y2:Q", **y)))
    rects = marks(boxes).mark_rect(stroke=color("soft"), strokeWidth=1)
    fill = alt.Color("fill:N", scale=None, legend=None)
    layers.append(rects.encode(x=alt.X("x:Q", **x), x2="x2:Q", y=alt.Y("y:Q", **y), y2="y2:Q", color=fill, description="name:N"))
    texts = marks(boxes).mark_text(align="center", baseline="middle", fontSize=FONT_PX, fontWeight=600)
    ink = alt.Color("ink:N", scale=None, legend=None)
    layers.append(texts.encode(x=alt.X("mid:Q", **x), y=alt.Y("line:Q", **y), text="text:N", color=ink))
    return frame(alt.layer(*layers), width=width + 4, height=height + 4, padding=(2, 2, 2, 2))


def _table(ways: _Ways, *, recorded: bool) -> Table:
    rows = tuple(_rows(ways))
    note = (
        "Steps as they are recorded in the registry, and what datasets say they are derived from."
        if recorded
        else "What the datasets of the run say of themselves. Recorded steps: provenance lineage DATASET."
    )
    more = f" {number(len(rows) - _TABLE_ROWS)} more steps are told by provenance lineage." if len(rows) > _TABLE_ROWS else ""
    return Table(caption="Each step, from what came first", headers=("From", "Step", "To"), rows=rows[:_TABLE_ROWS], note=note + more)


def _rows(ways: _Ways) -> Iterator[tuple[str, str, str]]:
    ordered = sorted(ways.edges.items(), key=lambda e: (-ways.nodes[e[0][0]].column if e[0][0] in ways.nodes else 0, e[0]))
    for (source, target), said in ordered:
        if source in ways.nodes:
            yield _shown(ways.nodes[source].name), _shown(said), _shown(ways.nodes[target].name)


def _shown(text: str) -> str:
    return visible(clip(text, 90))
