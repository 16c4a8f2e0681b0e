"""What a change of terms may touch although nobody can say so: outputs of unknown days, and text of unknown makers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.audit.impact import CatalogChange, Impact, assess_impact
from provenance.audit.judged_origins import NO_DAYS, NO_PROVIDER
from provenance.audit.portfolio import survey_portfolio
from provenance.licensing.terms import TermsCatalog, load_terms
from provenance.model.absence import TriState
from provenance.model.audit import DatasetSummary
from provenance.model.claims import DateRange
from provenance.model.dataset import Generator, SourceKind
from provenance.model.finding import VerdictKind
from tests.fakes.records import cleared_record, make_dataset, make_summary, sha
from tests.fakes.world import World, kept_audits

SAMPLE = Path(__file__).parents[3] / "examples" / "sample"
NOW = "2027-01-15T12:00:00Z"


@pytest.fixture(scope="module")
def catalog() -> TermsCatalog:
    return load_terms((SAMPLE / "terms",))


def made(name: str = "distilled", *, words: int = 10, start: str = "UNKNOWN", end: str = "UNKNOWN", **changes: Any) -> DatasetSummary:
    given = Generator(provider="cumulus", model="nimbus-1", channel="api", region="EU", generated=DateRange(start=start, end=end))
    dataset = make_dataset(name, kind=SourceKind.SYNTHETIC, license_value="UNKNOWN", generator=replace(given, **changes))
    return make_summary(dataset, weight=1.0, shards=1, words=words)


def unnamed(name: str, synthetic: TriState, *, words: int = 10) -> DatasetSummary:
    found = made(name, words=words)
    return replace(found, dataset=replace(found.dataset, generators=(), synthetic=synthetic))


def world_of(*audits: tuple[str, tuple[DatasetSummary, ...]], catalog: TermsCatalog) -> World:
    world = World(now=NOW)
    kept_audits(
        world,
        *(
            replace(
                cleared_record(),
                id=sha(name),
                run=replace(cleared_record().run, model=replace(cleared_record().run.model, name=name)),
                datasets=data,
                terms_catalog_digest=catalog.digest,
            )
            for name, data in audits
        ),
    )
    return world


def impact(world: World, catalog: TermsCatalog) -> Impact:
    """Assess a change of every text of cumulus: its title is another one."""
    changed = tuple(replace(e, title="another title") if e.provider == "cumulus" else e for e in catalog.entries)
    return assess_impact(CatalogChange(before=catalog, after=replace(catalog, entries=changed, digest=sha("after"))), (), world.tools)


def test_outputs_of_unknown_days_may_be_affected_and_dated_ones_surely_are(catalog: TermsCatalog) -> None:
    data = {"dated": made("d", start="2025-03-01", end="2025-03-02"), "undated": made("u"), "half": made("h", start="2025-03-01")}
    found = impact(world_of(*((name, (summary,)) for name, summary in data.items()), catalog=catalog), catalog)
    assert {a.run: {t.may for t in a.touched} for a in found.audits} == {"dated": {False}, "undated": {True}, "half": {True}}
    assert found.open_audits == ()


def test_text_of_unknown_makers_is_never_left_out(catalog: TermsCatalog) -> None:
    data = {
        "nobody": unnamed("n", TriState.UNKNOWN, words=3),
        "a model": unnamed("m", TriState.YES, words=4),
        "no provider": made("p", words=5, provider="UNKNOWN"),
        "people": unnamed("h", TriState.NO),
        "other": made("o", provider="stratus", model="cirrus-1", start="2025-03-01", end="2025-03-02"),
    }
    found = impact(world_of(*((name, (summary,)) for name, summary in data.items()), catalog=catalog), catalog)
    assert found.audits == ()
    assert {a.run: [(u.words, u.why) for u in a.unknown] for a in found.open_audits} == {
        "nobody": [(3, "nobody says whether a model made it")],
        "a model": [(4, "a model made it, and nobody says which")],
        "no provider": [(5, NO_PROVIDER)],
    }
    assert {a.verdict for a in found.open_audits} == {VerdictKind.CLEARED.value}


def test_the_page_over_all_audits_counts_them_apart(catalog: TermsCatalog) -> None:
    world = world_of(
        ("dated", (made("d", start="2024-06-01", end="2024-06-02"),)),
        ("undated", (made("u", words=7),)),
        ("since", (made("s", start="2025-01-15"),)),
        ("nobody", (unnamed("n", TriState.UNKNOWN, words=3), unnamed("h", TriState.NO))),
        catalog=catalog,
    )
    found = survey_portfolio(world.tools, catalog, ())
    assert [(u.model, u.unknown.dataset, u.unknown.words, u.unknown.why) for u in found.unknown] == [
        ("nobody", "n", 3, "nobody says whether a model made it"),
        ("since", "s", 10, NO_DAYS),
        ("undated", "u", 7, NO_DAYS),
    ]
    texts = {e.id: e.starts_possibly for e in catalog.entries if e.provider == "cumulus" and "api" in e.channels}
    assert texts
    for change in found.terms:
        began = texts[change.terms]
        assert ("dated" in change.later_than) == (began > dt.date(2024, 6, 2))
        assert ("since" in change.may_touch) == (began > dt.date(2025, 1, 15))
        assert "undated" in change.may_touch
        assert change.runs == len(change.later_than)
    assert {c.terms for c in found.terms} == set(texts)
