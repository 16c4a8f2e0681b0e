"""The four numbers of the first screen, each with what it is of; pages, Markdown and the terminal say the same."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.model.audit import Totals
from provenance.report.wording import count, number, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One of the four numbers of the first screen."""

    value: str
    label: str
    detail: str
    alert: bool


def first_figures(totals: Totals) -> tuple[Figure, ...]:
    """Return the four numbers that an audit is read by first, each with what it is of."""
    found = totals.deny + totals.review + totals.warn
    parts = f"{number(totals.deny)} deny, {number(totals.review)} review, {number(totals.warn)} warn; {number(totals.waived)} waived besides"
    return (
        Figure(value=number(found), label="open finding" if found == 1 else "open findings", detail=parts, alert=totals.deny > 0),
        Figure(
            value=number(totals.shards_judged),
            label="shard judged" if totals.shards_judged == 1 else "shards judged",
            detail=f"of {number(totals.shards_named)} named by the run",
            alert=totals.shards_judged < totals.shards_named,
        ),
        known_terms(totals),
        Figure(
            value=number(totals.words_shared_unlicensed),
            label="words shared with unlicensed works",
            detail=f"of {count(totals.words, 'word')} in the data",
            alert=totals.words_shared_unlicensed > 0,
        ),
    )


def known_terms(totals: Totals) -> Figure:
    """Return how much of the text that came from a model or a service is under known terms.

    Text that people wrote needs no terms, and would only hide what is missing. Where nobody says who made a text, it counts among those without known
    terms. A record of a version that did not tell these apart gets the older number, with what it counts.
    """
    under, known = totals.words_under_terms, totals.words_under_known_terms
    if not totals.words:
        return Figure(value="–", label="words under known terms", detail="no words were counted", alert=False)
    if under is None or known is None:
        return Figure(
            value=percent(totals.words_with_known_terms / totals.words),
            label="of words are under known terms, or by no model",
            detail=f"{number(totals.words_with_known_terms)} of {count(totals.words, 'word')}; this record does not tell the two apart",
            alert=totals.words_with_known_terms < totals.words,
        )
    if not under:
        return Figure(
            value="0",
            label="words made by a model or service",
            detail=f"of {count(totals.words, 'word')}: none needs a provider’s terms",
            alert=False,
        )
    unknown = f"; {number(under - known)} have none, or no known maker" if known < under else ""
    return Figure(
        value=percent(known / under),
        label="of words made by models have known terms",
        detail=f"{number(known)} of {count(under, 'word')} from models and services{unknown}",
        alert=known < under,
    )


def terms_line(totals: Totals) -> str:
    """Return the same as one short line for a terminal."""
    under, known = totals.words_under_terms, totals.words_under_known_terms
    if not totals.words:
        return "terms known: no words were counted"
    if under is None or known is None:
        return f"terms known: {number(totals.words_with_known_terms)} of {count(totals.words, 'word')}, those of no model among them"
    if not under:
        return "terms known: no words came from a model or a service"
    return f"terms known: {number(known)} of {count(under, 'word')} from models, services or unknown makers"
