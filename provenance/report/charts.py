"""Charts that answer one question each: the title is the answer, and the table holds the numbers.

Every chart is drawn twice, for wide screens and paper and for narrow screens, so that its text keeps its size. Where there is nothing to draw the chart says
so in words instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
from markupsafe import Markup

from provenance.model.absence import TriState, is_absent
from provenance.model.audit import MixtureShare
from provenance.report.svg import FONT_PX, SERIES, color, draw, frame, linear, marks
from provenance.report.wording import clip, number, percent, visible

NO_DRAWING = Markup()
WIDE, NARROW = 680, 312
"""Widths in CSS pixels: A4 paper less its margins, and a 360 px screen less its margins."""
_BAR_PX, _LABEL_MIN_PX = 36, 46
_LABEL_FLIPS = 0.8
"""A cap above this has its label on the left, or it would leave the chart."""
NOT_ACCOUNTED = "not told by the record"
_ROUNDING = 0.0005
"""Shares that sum to one within this are complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The numbers behind a chart, or any other plain table."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    """Columns that are right-aligned."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyItem:
    """One slice with its swatch."""

    slot: str
    """Name of the colour: ``s1`` …, ``unknown`` or ``hatch``."""
    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with its answer, or, where ``svg`` is empty, the words in its place."""

    id: str
    title: str
    svg: Markup = NO_DRAWING
    key: tuple[KeyItem, ...] = ()
    table: Table | None = None
    table_title: str = "The numbers as a table"
    """Opens the table."""
    scrolls: bool = False


def share_bar(shares: Sequence[MixtureShare], *, chart_id: str, noun: str) -> Chart:
    """Return one stacked bar of the mixture under one grouping.

    Args:
        shares: Slices of one grouping.
        chart_id: Its anchor in the page.
        noun: What is grouped by, such as ``source kind``.
    """
    if not shares:
        return Chart(id=chart_id, title=f"What the data are made of by {noun} is not known: the record holds no such shares.")
    slices = _slices(shares)
    title = _share_title(shares, noun)
    rows, start = [], 0.0
    for item, share in slices:
        rows.append(
            {
                "name": f"{item.label}: {item.text}",
                "start": start,
                "end": start + share,
                "fill": color(item.slot),
                "share": share,
                "ink": _on(item.slot),
            }
        )
        start += share
    svg = Markup().join(
        draw(_share_chart(rows, width, max(start, 1e-9)), label=title, css_class=name) for name, width in (("wide", WIDE), ("narrow", NARROW))
    )
    table = Table(
        caption=f"Mixture by {noun}",
        headers=(noun.capitalize(), "Share of sampled tokens"),
        rows=(*((_label(s.label), percent(s.share)) for s in _ordered(shares)), *((NOT_ACCOUNTED, percent(m)) for m in [_missing(shares)] if m)),
        numeric=frozenset({1}),
    )
    return Chart(id=chart_id, title=title, svg=svg, key=tuple(item for item, _ in slices), table=table)


def _ordered(shares: Sequence[MixtureShare]) -> list[MixtureShare]:
    return sorted((s for s in shares if s.share > 0), key=lambda s: (is_absent(s.label), -s.share, s.label))


def _slices(shares: Sequence[MixtureShare]) -> list[tuple[KeyItem, float]]:
    known = [s for s in _ordered(shares) if not is_absent(s.label)]
    shown = known if len(known) <= SERIES else known[: SERIES - 1]
    slices = [
        (KeyItem(slot="hatch" if _is_synthetic(s) else f"s{i + 1}", label=clip(_label(s.label), 48), text=percent(s.share)), s.share)
        for i, s in enumerate(shown)
    ]
    rest = known[len(shown) :]
    if rest:
        share = sum(s.share for s in rest)
        slices.append((KeyItem(slot=f"s{SERIES}", label=f"{number(len(rest))} others", text=percent(share)), share))
    unknown = _unknown_share(shares)
    if unknown:
        slices.append((KeyItem(slot="unknown", label="not known", text=percent(unknown)), unknown))
    return slices


def _unknown_share(shares: Sequence[MixtureShare]) -> float:
    """Return what is not known, and what the slices leave of the whole: a share that nobody accounts for is not known either."""
    return sum(s.share for s in shares if is_absent(s.label)) + _missing(shares)


def _missing(shares: Sequence[MixtureShare]) -> float:
    missing = 1 - sum(s.share for s in shares)
    return missing if missing > _ROUNDING else 0.0


def _is_synthetic(share: MixtureShare) -> bool:
    return share.synthetic is TriState.YES


def _label(label: str) -> str:
    words = {
        "NOT_STATED": "not stated",
        "UNREADABLE": "unreadable",
        "UNKNOWN": "not known",
        "YES": "synthetic",
        "NO": "not synthetic",
        "": "not known",
    }
    return visible(words.get(label, label))


def _on(slot: str) -> str:
    return color("ink") if slot == "hatch" else color(f"on-{slot}")


_VERBS = {
    "licence": "is under",
    "provider": "was made by",
    "model": "was written by",
    "language": "is in",
    "year": "was made or collected in",
    "domain": "is of the domain",
}
"""How a title joins a share and its label, by noun."""


def _share_title(shares: Sequence[MixtureShare], noun: str) -> str:
    known = [s for s in _ordered(shares) if not is_absent(s.label)]
    unknown = _unknown_share(shares)
    if not known:
        return f"The {noun} is not known for any part of the mixture"
    parts = [f"{percent(known[0].share)} of the mixture {_VERBS.get(noun, 'is')} {clip(_label(known[0].label), 40)}"]
    others = [s for s in known[1:] if _is_synthetic(s)]
    if others:
        parts.append(f"{percent(sum(s.share for s in others))} is synthetic")
    if unknown > 0:
        parts.append(f"for {percent(unknown)} the {noun} is not known")
    return "; ".join(parts)


def _x(field: str, high: float, axis: alt.Axis | None = None) -> alt.X:
    return alt.X(f"{field}:Q", scale=linear(0, high), axis=axis, title=None)


def _share_chart(rows: list[dict[str, Any]], width: int, total: float) -> Any:
    base = marks(rows)
    bars = base.mark_bar(stroke=color("paper"), strokeWidth=1.5, height=_BAR_PX).encode(
        x=_x("start", total), x2="end:Q", color=alt.Color("fill:N", scale=None, legend=None), description="name:N"
    )
    labelled = [
        {**r, "middle": (r["start"] + r["end"]) / 2, "text": percent(r["share"])} for r in rows if r["share"] / total * width >= _LABEL_MIN_PX
    ]
    text = marks(labelled).mark_text(fontSize=FONT_PX, fontWeight=600, align="center", baseline="middle")
    texts = text.encode(x=_x("middle", total), text="text:N", color=alt.Color("ink:N", scale=None, legend=None))
    return frame(alt.layer(bars, texts) if labelled else alt.layer(bars), width=width, height=_BAR_PX, padding=(0, 0, 0, 0))


def cap_bar(shares: Sequence[MixtureShare], cap: float | None) -> Chart:
    """Return the synthetic share of the mixture against the policy's cap, where it has one."""
    chart_id = "chart-synthetic"
    if not shares:
        return Chart(id=chart_id, title="Nothing to draw: the record does not say which share is synthetic.")
    yes = sum(s.share for s in shares if _is_synthetic(s) or s.label in {"YES", "synthetic"})
    unknown = sum(s.share for s in shares if is_absent(s.label))
    said = f"{percent(yes)} synthetic" + (f", {percent(unknown)} not known" if unknown > 0 else "")
    title = f"{said}; the policy sets no cap" if cap is None else f"{said}; the cap is {percent(cap)}"
    svg = Markup().join(draw(_cap_chart(yes, unknown, cap, w), label=title, css_class=n) for n, w in (("wide", WIDE), ("narrow", NARROW)))
    rows = [("synthetic", percent(yes)), ("not known", percent(unknown)), ("not synthetic", percent(max(0.0, 1 - yes - unknown)))]
    rows += [("cap of the policy", percent(cap))] if cap is not None else []
    table = Table(caption="Synthetic share", headers=("Part", "Share of sampled tokens"), rows=tuple(rows), numeric=frozenset({1}))
    return Chart(id=chart_id, title=title, svg=svg, table=table)


def _cap_chart(yes: float, unknown: float, cap: float | None, width: int) -> Any:
    rows = [
        {"name": f"synthetic: {percent(yes)}", "start": 0.0, "end": yes, "fill": color("hatch")},
        {"name": f"not known: {percent(unknown)}", "start": yes, "end": min(1.0, yes + unknown), "fill": color("unknown")},
    ]
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr="datum.value * 100 + ' %'", grid=True, ticks=False, domain=False)
    bars = marks(rows).mark_bar(height=22, stroke=color("soft"), strokeWidth=1)
    layers: list[Any] = [bars.encode(x=_x("start", 1, axis), x2="end:Q", color=alt.Color("fill:N", scale=None, legend=None), description="name:N")]
    if cap is not None:
        line = marks([{"cap": cap, "text": f"cap {percent(cap)}"}])
        layers.append(line.mark_rule(color=color("deny"), strokeWidth=2).encode(x=_x("cap", 1, axis)))
        right = cap < _LABEL_FLIPS
        mark = line.mark_text(
            align="left" if right else "right", dx=5 if right else -5, dy=-22, fontSize=FONT_PX, fontWeight=600, color=color("deny")
        )
        layers.append(mark.encode(x=_x("cap", 1, axis), text="text:N"))
    return frame(alt.layer(*layers), width=width, height=40, padding=(18, 22, 20, 8))
