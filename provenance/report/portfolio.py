"""The portfolio page: all audits of a workspace side by side, as one self-contained file under the same policy as the audit's own page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import altair as alt
from markupsafe import Markup

from provenance.audit.portfolio import PORTFOLIO_FORMAT, PORTFOLIO_VERSION, EndingWaiver, ModelHistory, OpenText, Portfolio, TermsChange
from provenance.model.finding import VerdictKind
from provenance.model.report_look import ReportLook
from provenance.model.wire import to_wire
from provenance.report.charts import NARROW, WIDE, Chart, KeyItem, Table
from provenance.report.record_json import read_format
from provenance.report.svg import SERIES, color, draw, frame, marks
from provenance.report.templating import render_page
from provenance.report.wording import clip, count, number, percent, short_digest

SHOWN = 200
"""Rows of each table; the JSON beside the page holds all."""
_TREND_HEIGHT = 180
_MATRIX_DATASETS = 12
"""Columns of the matrix; further datasets are counted."""
FILE_NAME = "index.html"
DATA_FILE = "portfolio.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A model in the list."""

    name: str
    link: str
    """Address of the newest audit's report beside the page, empty where there is none."""
    verdict: VerdictKind
    audited: str
    findings: str
    clearance: str
    is_taken_back: bool
    """Whether no trainer starts it although its newest audit cleared it: its clearance was revoked."""
    alert: str
    """What asks to be done, ``nothing`` where nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A dataset in a model's mixture."""

    text: str
    alert: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPage:
    """All that the template needs."""

    as_of: str
    sentence: str
    models: tuple[ModelRow, ...]
    models_left: int
    trend: Chart
    datasets: tuple[str, ...]
    datasets_left: int
    matrix: tuple[tuple[str, tuple[Cell, ...]], ...]
    waivers: tuple[EndingWaiver, ...]
    terms: tuple[TermsChange, ...]
    """Those that surely touch a run."""
    terms_left: int
    perhaps: tuple[TermsChange, ...]
    """Those that may touch runs, and surely touch none."""
    perhaps_left: int
    unknown: tuple[OpenText, ...]
    unknown_left: int
    unknown_said: str
    """How much text is of unknown days or makers, empty where there is none."""
    problems: tuple[str, ...]


def render_portfolio(portfolio: Portfolio, *, links: Mapping[str, str], templates: Path | None = None, look: ReportLook | None = None) -> bytes:
    """Return the page: the same portfolio gives the same bytes.

    Args:
        portfolio: What the audits say together.
        links: Address of a report by audit id, relative to the page.
        templates: A folder whose files take the place of ours, name by name.
        look: Templates and brand.

    Raises:
        ReportError: If a template is missing, broken, or uses a name that does not exist.
    """
    used = look or ReportLook()
    values = {"page": build_page(portfolio, links)}
    return render_page("portfolio.html.j2", values, foot="Training data audits", templates=templates or used.templates, brand=used.brand)


def render_portfolio_json(portfolio: Portfolio) -> bytes:
    """Return the data of the page as JSON: keys sorted, UTF-8."""
    return (json.dumps(to_wire(portfolio), ensure_ascii=False, sort_keys=True, indent=2) + "\n").encode("utf-8", "replace")


def read_portfolio(raw: bytes, *, where: str) -> Portfolio:
    """Return the portfolio that JSON bytes hold.

    Raises:
        ReportError: If they hold none, or one of another version.
    """
    return read_format(Portfolio, raw, name=PORTFOLIO_FORMAT, version=PORTFOLIO_VERSION, where=where)


def build_page(portfolio: Portfolio, links: Mapping[str, str]) -> PortfolioPage:
    """Return the page's content."""
    every = sorted({d.name for m in portfolio.models for d in m.datasets}, key=lambda name: (-_used(portfolio, name), name))
    shown = tuple(every[:_MATRIX_DATASETS])
    surely, perhaps = (tuple(t for t in portfolio.terms if bool(t.runs) is wanted) for wanted in (True, False))
    return PortfolioPage(
        as_of=portfolio.as_of,
        sentence=_sentence(portfolio),
        models=tuple(_row(m, portfolio, links) for m in portfolio.models[:SHOWN]),
        models_left=max(0, len(portfolio.models) - SHOWN),
        trend=trend_chart(portfolio.models),
        datasets=shown,
        datasets_left=len(every) - len(shown),
        matrix=tuple((m.model, tuple(_cell(m, name) for name in shown)) for m in portfolio.models[:SHOWN]),
        waivers=portfolio.waivers[:SHOWN],
        terms=surely[:SHOWN],
        terms_left=max(0, len(surely) - SHOWN),
        perhaps=perhaps[:SHOWN],
        perhaps_left=max(0, len(perhaps) - SHOWN),
        unknown=portfolio.unknown[:SHOWN],
        unknown_left=max(0, len(portfolio.unknown) - SHOWN),
        unknown_said=_unknown_said(portfolio.unknown),
        problems=tuple(f"{short_digest(p.path)}: {p.message}" for p in portfolio.problems),
    )


def _unknown_said(unknown: tuple[OpenText, ...]) -> str:
    if not unknown:
        return ""
    words = {(text.model, text.unknown.dataset): text.unknown.words or 0 for text in unknown}
    models = len({text.model for text in unknown})
    return (
        f"{count(len(words), 'dataset')} in {count(models, 'model')}, {count(sum(words.values()), 'word')}, "
        f"{'holds' if len(words) == 1 else 'hold'} text of unknown days or makers: {'this model' if models == 1 else 'these models'} may be affected by any change of terms"
    )


def _used(portfolio: Portfolio, name: str) -> int:
    return sum(any(d.name == name for d in m.datasets) for m in portfolio.models)


def _sentence(portfolio: Portfolio) -> str:
    verdicts = [m.newest.verdict for m in portfolio.models]
    parts = [
        f"{number(verdicts.count(kind))} {kind.value}" for kind in (VerdictKind.BLOCKED, VerdictKind.REVIEW, VerdictKind.CLEARED) if kind in verdicts
    ]
    audits = sum(len(m.audits) for m in portfolio.models)
    gone = sum(m.is_taken_back for m in portfolio.models)
    parts[-1:] = [f"{parts[-1]} ({number(gone)} of them with a clearance that was revoked)"] if gone else parts[-1:]
    return (
        f"{count(len(portfolio.models), 'model')} in {count(audits, 'audit')}: by the newest audit of each, {', '.join(parts)}"
        if parts
        else "No audit yet"
    )


def _row(history: ModelHistory, portfolio: Portfolio, links: Mapping[str, str]) -> ModelRow:
    point = history.newest
    found = [
        count(n, label, label) for n, label in ((point.deny, "deny"), (point.review, "review"), (point.warn, "warn"), (point.waived, "waived")) if n
    ]
    return ModelRow(
        name=history.model,
        link=links.get(point.id, ""),
        verdict=point.verdict,
        audited=point.created[:10],
        findings=", ".join(found) or "none open",
        clearance=_clearance(history, portfolio.as_of),
        alert=_alert(history, portfolio),
        is_taken_back=history.is_taken_back,
    )


def _clearance(history: ModelHistory, as_of: str) -> str:
    clearance = history.clearance
    if clearance is None:
        return "none issued"
    if clearance.revoked:
        return f"{'its key was ' if clearance.key_revoked else ''}revoked on {clearance.revoked[:10]}"
    older = "" if clearance.audit == history.newest.id else ", of an older audit"
    return f"{'until' if clearance.expires > as_of else 'ended on'} {clearance.expires[:10]}{older}"


def _alert(history: ModelHistory, portfolio: Portfolio) -> str:
    said = []
    if history.clearance is not None and history.clearance.break_glass:
        said.append(f"let start by break-glass on {history.clearance.issued[:10]}, although its audit did not clear it")
    if history.clearance is not None and history.clearance.revoked:
        said.append(f"{history.clearance.what_was_revoked} was revoked on {history.clearance.revoked[:10]}: no trainer accepts it")
    if any(a.model == history.model for change in portfolio.terms for a in change.unknown_to):
        said.append("terms that the audit did not know bear on its data: audit again")
    elif history.terms_changed:
        said.append("judged by an older terms catalogue")
    ended = sum(w.model == history.model and w.days_left < 0 for w in portfolio.waivers)
    if ended:
        said.append(f"{count(ended, 'waiver')} that it rests on ended")
    return "; ".join([*_by_verdict(history), *said]) or "nothing"


def _by_verdict(history: ModelHistory) -> list[str]:
    verdict, clearance = history.newest.verdict, history.clearance
    if verdict is VerdictKind.BLOCKED:
        return ["mend what denies it, then audit again"]
    if verdict is VerdictKind.REVIEW:
        return ["a named reviewer has to release it"]
    return [] if clearance is not None and clearance.audit == history.newest.id else ["sign a clearance of this audit before it is trained"]


def _cell(history: ModelHistory, name: str) -> Cell:
    used = next((d for d in history.datasets if d.name == name), None)
    if used is None:
        return Cell(text="–", alert=False)
    share = "share not known" if used.weight is None else percent(used.weight)
    return Cell(text=f"{share}, {number(used.open_findings)} open" if used.open_findings else share, alert=bool(used.open_findings))


def trend_chart(models: tuple[ModelHistory, ...]) -> Chart:
    """Return the open findings of each model over its audits. Models of which there is one audit alone are points."""
    chart_id = "chart-trend"
    points = [{"at": p.created, "open": p.deny + p.review, "model": m.model} for m in models for p in m.audits if _moment(p.created) is not None]
    if not points:
        return Chart(id=chart_id, title="Nothing to draw: there is no audit yet")
    drawn = sorted({m.model: len(m.audits) for m in models}.items(), key=lambda item: (-item[1], item[0]))[:SERIES]
    slots = {name: f"s{i + 1}" for i, (name, _) in enumerate(drawn)}
    # Names of models are hostile text and stay out of what is drawn.
    rows = [{"at": p["at"], "open": p["open"], "fill": color(slots[str(p["model"])])} for p in points if p["model"] in slots]
    title = _trend_title(models) + ("" if len(models) <= SERIES else f"; the {SERIES} models of most audits are drawn")
    svg = Markup().join(draw(_lines(rows, width), label=title, css_class=css) for width, css in ((WIDE, "wide"), (NARROW, "narrow")))
    table = Table(
        caption="Open findings by audit",
        headers=("Model", "Audited", "Deny", "Review", "Warn", "Waived"),
        rows=tuple(
            (clip(m.model, 80), p.created[:10], *(number(n) for n in (p.deny, p.review, p.warn, p.waived))) for m in models for p in m.audits[-SHOWN:]
        )[:SHOWN],
        numeric=frozenset({2, 3, 4, 5}),
    )
    key = tuple(KeyItem(slot=slots[name], label=clip(name, 48), text=count(n, "audit")) for name, n in drawn)
    return Chart(id=chart_id, title=title, svg=svg, key=key, table=table)


def _trend_title(models: tuple[ModelHistory, ...]) -> str:
    first = sum(m.audits[0].deny + m.audits[0].review for m in models)
    last = sum(m.newest.deny + m.newest.review for m in models)
    return f"Findings that deny or ask for a review: {number(first)} in the first audits, {number(last)} in the newest"


def _lines(rows: list[dict[str, Any]], width: int) -> Any:
    first, last = min(str(r["at"]) for r in rows), max(str(r["at"]) for r in rows)
    one_day = first[:10] == last[:10]
    domain = [first[:10] + "T00:00:00Z", first[:10] + "T23:59:59Z"] if one_day else [first, last]
    high = max(1, *(int(r["open"]) for r in rows))
    x = alt.X(
        "at:T",
        scale=alt.Scale(type="utc", domain=domain, nice=False),
        axis=alt.Axis(format="%H:%M UTC" if one_day else "%Y-%m-%d", tickCount=3, grid=False),
        title=None,
    )
    y = alt.Y("open:Q", scale=alt.Scale(domain=[0, high], nice=False), axis=alt.Axis(tickCount=min(high, 4), format="d", grid=True), title=None)
    base = marks(rows)
    lines = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=alt.Color("fill:N", scale=None, legend=None), detail="fill:N")
    dots = base.mark_point(size=36, filled=True, opacity=1).encode(x=x, y=y, color=alt.Color("fill:N", scale=None, legend=None))
    return frame(alt.layer(lines, dots), width=width, height=_TREND_HEIGHT, padding=(8, 30, 24, 44))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
