"""The overlap map: which shards share how many words with which references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from provenance.model.absence import is_absent
from provenance.model.audit import MatchEvidence
from provenance.report.charts import WIDE, Chart, KeyItem, Table
from provenance.report.svg import FONT_PX, color, draw, marks
from provenance.report.wording import clip, clip_middle, count, number, visible

SIDE = 40
"""Most rows and columns drawn; the rest is in the sidecar."""
STEPS: tuple[int, ...] = (1, 10, 32, 100, 316, 1000)
"""Lower ends of the colour steps in words shared: half decades."""
_CELL_HEIGHT_PX, _LEFT_PX, _TOP_PX, _RIGHT_PX = 18, 160, 104, 74
_NARROWEST_CELL_PX, _WIDEST_CELL_PX = 18, 56
"""Titles above the columns stand at 45°: below the narrowest they would lie over one another."""
_ROOM_PX = WIDE - _LEFT_PX - _RIGHT_PX


@dataclass(frozen=True, slots=True)
class Overlap:
    """Words shared by one shard with one reference, alarms only."""

    shard: str
    reference: str
    title: str
    words: int
    passages: int


def overlaps_of(evidence: Sequence[MatchEvidence]) -> tuple[Overlap, ...]:
    """Return the overlap of every pair that has a passage which is not explained away, most words first."""
    sums: dict[tuple[str, str], list[int]] = {}
    titles: dict[str, str] = {}
    for item in evidence:
        if item.match.explained:
            continue
        entry = sums.setdefault((item.match.path, item.match.reference), [0, 0])
        entry[0] += item.match.aligned_words
        entry[1] += 1
        record = item.reference
        titles[item.match.reference] = record.id if is_absent(record.title) else record.title
    pairs = [Overlap(shard, ref, titles[ref], words, passages) for (shard, ref), (words, passages) in sums.items()]
    return tuple(sorted(pairs, key=lambda o: (-o.words, o.shard, o.reference)))


def overlap_map(evidence: Sequence[MatchEvidence], *, among: str = "") -> Chart:
    """Return the heat map of the shards and references that share most words, with its table.

    Args:
        evidence: The matches at hand.
        among: Begins the title where these are not all.
    """
    pairs = overlaps_of(evidence)
    if not pairs:
        return Chart(id="chart-overlap", title="Nothing to draw: no shared passage is left unexplained.")
    shards, references = _top([(o.shard, o.words) for o in pairs]), _top([(o.reference, o.words) for o in pairs])
    all_shards, all_references = {o.shard for o in pairs}, {o.reference for o in pairs}
    words = sum(o.words for o in pairs)
    title = f"{among}{number(words)} words shared between {count(len(all_shards), 'shard')} and {count(len(all_references), 'reference')}"
    inside = [o for o in pairs if o.shard in shards and o.reference in references]
    shown = (_clustered(inside, references), references)
    note = "" if len(inside) == len(pairs) else f"The {SIDE} shards and {SIDE} references with most words are drawn; all pairs are in matches.csv."
    rows = tuple((visible(clip_middle(o.shard, 90)), visible(clip(o.title, 90)), number(o.words), number(o.passages)) for o in pairs[:SIDE])
    more = f" {number(len(pairs) - SIDE)} more pairs are in matches.csv." if len(pairs) > SIDE else ""
    table = Table(
        caption="Words shared by shard and reference, most first",
        headers=("Shard", "Reference", "Words shared", "Passages"),
        rows=rows,
        numeric=frozenset({2, 3}),
        note=(note + more).strip(),
    )
    key = tuple(KeyItem(slot=f"h{i + 1}", label=_step_label(i), text="") for i in range(len(STEPS)))
    svg = draw(_map_chart(inside, *shown, titles={o.reference: o.title for o in pairs}), label=title, css_class="map")
    return Chart(id="chart-overlap", title=title, svg=svg, key=key, table=table, scrolls=True)


def _top(pairs: list[tuple[str, int]]) -> list[str]:
    sums: dict[str, int] = {}
    for name, words in pairs:
        sums[name] = sums.get(name, 0) + words
    return sorted(sums, key=lambda n: (-sums[n], n))[:SIDE]


def _clustered(pairs: Sequence[Overlap], references: Sequence[str]) -> list[str]:
    """Return the shards so that those which share most with the same reference stand together, each cluster's most words first."""
    place = {reference: i for i, reference in enumerate(references)}
    first: dict[str, Overlap] = {}
    for pair in pairs:  # most words first
        first.setdefault(pair.shard, pair)
    return sorted(first, key=lambda shard: (place[first[shard].reference], -first[shard].words, shard))


def _step_label(step: int) -> str:
    last = step + 1 == len(STEPS)
    return f"{number(STEPS[step])} words and more" if last else f"{number(STEPS[step])}–{number(STEPS[step + 1] - 1)}"


def _step(words: int) -> int:
    return max(i for i, low in enumerate(STEPS) if words >= low or i == 0) + 1


def _map_chart(pairs: Sequence[Overlap], shards: Sequence[str], references: Sequence[str], *, titles: Mapping[str, str]) -> Any:
    cell = min(_WIDEST_CELL_PX, max(_NARROWEST_CELL_PX, _ROOM_PX // len(references)))
    column, row = {r: i for i, r in enumerate(references)}, {s: i for i, s in enumerate(shards)}
    cells = [
        {
            "x": column[o.reference] * cell,
            "x2": (column[o.reference] + 1) * cell,
            "y": row[o.shard] * _CELL_HEIGHT_PX,
            "y2": (row[o.shard] + 1) * _CELL_HEIGHT_PX,
            "fill": color(f"h{_step(o.words)}"),
            "name": f"{visible(clip_middle(o.shard, 80))} and {visible(clip(o.title, 80))}: {number(o.words)} words",
        }
        for o in pairs
    ]
    width, height = len(references) * cell, len(shards) * _CELL_HEIGHT_PX
    left = [{"x": -6, "y": (i + 0.5) * _CELL_HEIGHT_PX, "text": clip_middle(visible(clip_middle(s, 60)), 24)} for s, i in row.items()]
    above = [{"x": (i + 0.5) * cell, "y": -6, "text": clip(visible(clip(titles.get(r, r), 60)), 18)} for r, i in column.items()]
    return _layers(cells, left, above, size=(width, height))


def _layers(cells: list[dict[str, Any]], left: list[dict[str, Any]], above: list[dict[str, Any]], *, size: tuple[int, int]) -> Any:
    width, height = size
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    frame = marks([{"x": 0, "x2": width, "y": 0, "y2": height}])
    outline = frame.mark_rect(fill=None, stroke=color("line")).encode(x=x, x2="x2:Q", y=y, y2="y2:Q")
    rects = marks(cells).mark_rect(stroke=color("paper"), strokeWidth=1)
    drawn = rects.encode(x=x, x2="x2:Q", y=y, y2="y2:Q", color=alt.Color("fill:N", scale=None, legend=None), description="name:N")
    shard_names = marks(left).mark_text(align="right", baseline="middle", fontSize=FONT_PX, color=color("ink"))
    titles = marks(above).mark_text(align="left", baseline="middle", angle=315, fontSize=FONT_PX, color=color("ink"))
    chart = alt.layer(outline, drawn, shard_names.encode(x=x, y=y, text="text:N"), titles.encode(x=x, y=y, text="text:N"))
    framed = chart.properties(
        width=width, height=height, autosize="none", padding={"top": _TOP_PX, "right": _RIGHT_PX, "bottom": 2, "left": _LEFT_PX}
    )
    return framed.configure(background="transparent").configure_view(stroke=None, clip=False)
