"""How long shared passages are, against the policy's threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
from markupsafe import Markup

from provenance.report.charts import NARROW, WIDE, Chart, KeyItem, Table
from provenance.report.svg import FONT_PX, color, draw, frame, linear, marks
from provenance.report.wording import count, number

_MOST_BARS = 24
"""Bars that fit a narrow screen."""


def length_histogram(lengths: Sequence[tuple[int, bool]], threshold: int | None, *, among: str = "") -> Chart:
    """Return how long the shared passages are, with the policy's threshold marked.

    Args:
        lengths: (passage words, explained away) of every match at hand.
        threshold: Words from which the policy counts a passage; ``None`` where it has no such parameter.
        among: Begins the title where these are not all.
    """
    chart_id = "chart-lengths"
    if not lengths:
        return Chart(id=chart_id, title="Nothing to draw: no shared passages.")
    step = _bin_step(max(words for words, _ in lengths))
    bins: dict[tuple[int, bool], int] = {}
    for words, explained in lengths:
        at = (words // step * step, explained)
        bins[at] = bins.get(at, 0) + 1
    title = among + _length_title(lengths, threshold)
    svg = Markup().join(draw(_length_chart(bins, step, threshold, w), label=title, css_class=n) for n, w in (("wide", WIDE), ("narrow", NARROW)))
    starts = sorted({start for start, _ in bins})
    rows = tuple((f"{number(s)}–{number(s + step - 1)}", number(bins.get((s, False), 0)), number(bins.get((s, True), 0))) for s in starts)
    table = Table(
        caption="Passages by length", headers=("Words of the passage", "Passages", "Explained away"), rows=rows, numeric=frozenset({0, 1, 2})
    )
    key: tuple[KeyItem, ...] = (KeyItem(slot="s2", label="passages", text=number(sum(not e for _, e in lengths))),)
    explained_away = sum(e for _, e in lengths)
    key += (KeyItem(slot="unknown", label="explained away", text=number(explained_away)),) if explained_away else ()
    return Chart(id=chart_id, title=title, svg=svg, key=key, table=table)


def _length_title(lengths: Sequence[tuple[int, bool]], threshold: int | None) -> str:
    longest = max(words for words, _ in lengths)
    if threshold is None:
        return f"The longest of {count(len(lengths), 'shared passage')} has {number(longest)} words; the policy states no threshold"
    above = sum(words >= threshold for words, _ in lengths)
    return (
        f"{number(above)} of {count(len(lengths), 'shared passage')} reach the policy’s {number(threshold)} words; the longest has {number(longest)}"
    )


def _bin_step(longest: int) -> int:
    for step in (1, 2, 4, 8, 12, 24, 48, 96, 240, 480, 960, 2400, 4800, 9600):
        if longest / step <= _MOST_BARS:
            return step
    return longest // _MOST_BARS + 1


def _length_chart(bins: dict[tuple[int, bool], int], step: int, threshold: int | None, width: int) -> Any:
    end = max(start for start, _ in bins) + step
    end = max(end, (threshold or 0) + step)
    tops = {start: bins.get((start, False), 0) for start, _ in bins}
    rows: list[dict[str, Any]] = []
    for (start, explained), n in sorted(bins.items()):
        low = tops[start] if explained else 0
        kind = "explained away" if explained else "passages"
        rows.append(
            {
                "name": f"{start}–{start + step - 1} words: {n} {kind}",
                "x": start,
                "x2": start + step,
                "y": low,
                "y2": low + n,
                "fill": color("unknown" if explained else "s2"),
            }
        )
    high = max(r["y2"] for r in rows)
    x = alt.X("x:Q", scale=linear(0, end), title=None, axis=alt.Axis(tickCount=6, grid=False, labelExpr="datum.value + ''"))
    y_axis = alt.Axis(tickMinStep=1, tickCount=4, domain=False, ticks=False)
    bars = marks(rows).mark_rect(stroke=color("paper"), strokeWidth=1)
    layers: list[Any] = [
        bars.encode(
            x=x,
            x2="x2:Q",
            y=alt.Y("y:Q", scale=linear(0, high), axis=y_axis, title=None),
            y2="y2:Q",
            color=alt.Color("fill:N", scale=None, legend=None),
            description="name:N",
        )
    ]
    if threshold is not None:
        line = marks([{"x": threshold, "text": f"policy: {threshold} words", "y": high}])
        layers.append(line.mark_rule(color=color("deny"), strokeWidth=2).encode(x=x))
        y = alt.Y("y:Q", scale=linear(0, high), axis=y_axis, title=None)
        mark = line.mark_text(align="left", dx=5, dy=-9, fontSize=FONT_PX, fontWeight=600, color=color("deny"))
        layers.append(mark.encode(x=x, y=y, text="text:N"))
    return frame(alt.layer(*layers), width=width, height=130, padding=(20, 14, 24, 34))
