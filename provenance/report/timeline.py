"""Which terms were in force when the data were made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt
from markupsafe import Markup

from provenance.model.absence import is_absent
from provenance.model.audit import TermsApplied
from provenance.report.charts import NARROW, WIDE, Chart, Table
from provenance.report.svg import FONT_PX, color, draw, frame, marks
from provenance.report.wording import clip, count, number, visible

_ROW_PX, _TEXT_DY = 42, 12
_OUTCOME_COLOR = {"ALLOWED": "allowed", "PROHIBITED": "deny"}


def terms_timeline(terms: Sequence[TermsApplied], today: str) -> Chart:
    """Return generation intervals above and the terms versions in force below.

    Args:
        terms: Versions in force for parts of datasets.
        today: The audit's day: an open end is drawn up to it.
    """
    chart_id = "chart-terms"
    if not terms:
        return Chart(
            id=chart_id,
            title="Nothing to draw: no dataset of the run names a model whose terms are dated. Terms of API outputs found in the data stand with their findings.",
        )
    table = Table(
        caption="Terms in force while the data were made",
        headers=("Dataset", "Provider", "Terms", "In force", "Generated", "Use by this run"),
        rows=tuple(
            (
                visible(t.dataset),
                visible(t.provider),
                visible(f"{t.terms} – {t.title}"),
                _interval(t.effective_from, t.effective_to),
                _interval(t.generated_from, t.generated_to),
                visible(t.outcome),
            )
            for t in terms
        ),
    )
    bars = _timeline_rows(terms, _day(today[:10]))
    forbidden = sum(t.outcome != "ALLOWED" for t in terms)
    title = f"{number(forbidden)} of {count(len(terms), 'terms version')} in force when the data were made do not allow this use"
    if not bars:
        return Chart(id=chart_id, title=f"{title} (nothing to draw: no dates are known)", table=table)
    svg = Markup().join(draw(_timeline_chart(bars, w), label=title, css_class=n) for n, w in (("wide", WIDE), ("narrow", NARROW)))
    return Chart(id=chart_id, title=title, svg=svg, table=table)


def _interval(start: str, end: str) -> str:
    first = "start not known" if is_absent(start) else visible(start)
    return f"{first} – {'no end known' if is_absent(end) else visible(end)}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01" if len(text) == len("YYYY-MM") else text)
    except ValueError:
        return None


_MOST_ROWS = 24
_OPEN_END = timedelta(days=120)
"""How far beyond the last known day a version without a known end is drawn."""


def _timeline_rows(terms: Sequence[TermsApplied], today: date | None) -> list[dict[str, Any]]:
    made = {(t.dataset, t.generated_from, t.generated_to): None for t in terms}
    wanted = [(f"{d}: generated", a, b, "s2") for d, a, b in made]
    versions = {(t.terms, t.effective_from, t.effective_to, t.outcome): None for t in terms}
    wanted += [(f"{name}: {outcome.lower()}", a, b, _OUTCOME_COLOR.get(outcome, "unknown")) for name, a, b, outcome in versions]
    known = [d for _, a, b, _ in wanted for d in (_day(a), _day(b)) if d]
    if not known:
        return []
    last = max(known)
    if any(_day(b) is None for _, _, b, _ in wanted):
        last = max(last, min(today or last, last + _OPEN_END))
    rows = []
    for label, a, b, slot in wanted[:_MOST_ROWS]:
        start = _day(a)
        if start is None:
            continue
        end = _day(b) or last
        shown = f"{clip(visible(label), 40)} {a} – {b if _day(b) else 'no end known'}"
        rows.append({"label": shown, "start": start.isoformat(), "end": (max(start, end) + timedelta(days=1)).isoformat(), "fill": color(slot)})
    return rows


def _timeline_chart(rows: list[dict[str, Any]], width: int) -> Any:
    first, last = min(r["start"] for r in rows), max(r["end"] for r in rows)
    limit = 46 if width == NARROW else 100
    placed = [
        {**r, "y": i * _ROW_PX + 18, "y2": i * _ROW_PX + 28, "at": first, "text_y": i * _ROW_PX + _TEXT_DY, "text": clip(r["label"], limit)}
        for i, r in enumerate(rows)
    ]
    high = len(rows) * _ROW_PX
    scale = alt.Scale(type="utc", domain=[first, last], nice=False)
    axis = alt.Axis(format="%Y-%m-%d" if first[:7] == last[:7] else "%Y-%m", tickCount=4 if width == NARROW else 7, grid=False, domain=True)
    down = alt.Scale(domain=[high, 0], nice=False, zero=False)
    base = marks(placed)
    bars = base.mark_rect(stroke=color("paper"), strokeWidth=1).encode(
        x=alt.X("start:T", scale=scale, axis=axis, title=None),
        x2="end:T",
        y=alt.Y("y:Q", scale=down, axis=None),
        y2="y2:Q",
        color=alt.Color("fill:N", scale=None, legend=None),
        description="label:N",
    )
    text = base.mark_text(align="left", baseline="alphabetic", fontSize=FONT_PX, color=color("ink"))
    texts = text.encode(x=alt.X("at:T", scale=scale, axis=axis, title=None), y=alt.Y("text_y:Q", scale=down, axis=None), text="text:N")
    return frame(alt.layer(bars, texts), width=width, height=high, padding=(2, 20, 24, 4))
