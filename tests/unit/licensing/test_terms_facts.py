"""The shipped terms catalogue against the facts that it was made from, and against itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from provenance.config import shipped
from provenance.licensing.resolution import RunUse, Use, answer_uses
from provenance.licensing.terms import Clause, load_terms
from provenance.licensing.terms_parts import MAX_QUOTE_WORDS
from provenance.model.absence import Permission
from provenance.model.dataset import DateRange, Generator

FOLDER = shipped("policies") / "terms"
ENTRIES: dict[str, dict[str, Any]] = {t["id"]: t for p in sorted(FOLDER.iterdir()) for t in json.loads(p.read_text(encoding="utf-8"))["terms"]}
CATALOG = load_terms((FOLDER,))


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((shared / "facts" / "terms.yaml").read_text(encoding="utf-8"))
    return {t["id"]: t for t in document["terms"]}


def test_every_entry_is_shipped_and_what_nobody_verified_has_no_clause(facts: dict[str, dict[str, Any]]) -> None:
    assert set(ENTRIES) == set(facts)
    hearsay = {i for i, t in facts.items() if t["confidence"] == "unverified"}
    assert len(hearsay) == 11
    assert {i for i, e in ENTRIES.items() if not e["clauses"]} >= hearsay
    assert hearsay.isdisjoint(e.id for p in CATALOG.providers() for e in CATALOG.of_provider(p))


@pytest.mark.parametrize("value", ["allowed", "prohibited"])
def test_no_unverified_entry_decides_whatever_it_says(value: str) -> None:
    loud = tuple(replace(e, clauses=(Clause(name="train_any_model", value=value),)) if e.confidence == "unverified" else e for e in CATALOG.entries)
    catalogs = (CATALOG, replace(CATALOG, entries=loud), replace(CATALOG, entries=tuple(e for e in loud if e.confidence != "unverified")))
    hearsay = [e for e in CATALOG.entries if e.confidence == "unverified"]
    for entry in hearsay:
        model = entry.models[0].replace("*", "1").replace("[1-9]", "4") if entry.models else "UNKNOWN"
        days = DateRange(start="2024-06-01", end="2024-06-01")
        made = Generator(provider=entry.provider, model=model, channel=entry.channels[0], region="DE", generated=days)
        first, *others = [tuple((u.outcome, u.clauses) for u in answer_uses(c, made, RunUse(), tuple(Use)).uses) for c in catalogs]
        assert all(other == first for other in others), entry.id


def test_the_texts_beside_days_that_none_covers_are_named() -> None:
    # The days of the issue's own example: the Terms of Use ended for the API on 2024-01-31, and the next text that was read begins on 2025-05-31.
    days = DateRange(start="2024-03-01", end="2024-05-31")
    made = Generator(provider="openai", model="gpt-4o", channel="api", region="EU", generated=days)
    found = answer_uses(CATALOG, made, RunUse(), (Use.TRAIN_ANY_MODEL,))
    assert found.outcome is Permission.UNKNOWN
    assert [(n.terms, n.place) for n in found.nearby] == [
        ("openai.tou.2023-03-14", "before"),
        ("openai.business-terms.2023-11-14", "unverified"),
        ("openai.services-agreement.2025-05-31", "after"),
    ]
    assert "never decides" in found.nearby[1].summary
    assert not found.clauses


@pytest.mark.parametrize("field", ["provider", "service", "kind", "title", "url", "confidence", "source"])
def test_what_an_entry_is_agrees_with_the_facts(facts: dict[str, dict[str, Any]], field: str) -> None:
    assert {i: e.get(field) for i, e in ENTRIES.items()} == {i: facts[i].get(field) for i in ENTRIES}


def test_days_channels_regions_and_models_agree_with_the_facts(facts: dict[str, dict[str, Any]]) -> None:
    for terms_id, entry in ENTRIES.items():
        fact = facts[terms_id]
        for name in ("effective_from", "effective_to", "observed_from", "published"):
            assert entry["version"].get(name) == (str(fact["version"][name]) if name in fact["version"] else None), (terms_id, name)
        for name in ("channels", "regions", "models", "not_models", "access"):
            assert entry["applies_to"].get(name) == fact["applies_to"].get(name), (terms_id, name)


def test_clauses_agree_with_the_facts(facts: dict[str, dict[str, Any]]) -> None:
    for terms_id, entry in ENTRIES.items():
        if entry["confidence"] == "unverified":
            continue
        ours = {n: (c["value"], c.get("quote")) for n, c in entry["clauses"].items() if n != "redistribution"}
        assert ours == {n: (c["value"], c.get("quote")) for n, c in facts[terms_id]["clauses"].items()}, terms_id


def test_summaries_are_our_own_words(facts: dict[str, dict[str, Any]]) -> None:
    for terms_id, entry in ENTRIES.items():
        for name, clause in entry["clauses"].items():
            assert clause["summary"], (terms_id, name)
            assert clause["summary"] != facts[terms_id]["clauses"].get(name, {}).get("summary"), (terms_id, name)


def test_quotes_are_short() -> None:
    assert all(len(c.quote.split()) <= MAX_QUOTE_WORDS for e in CATALOG.entries for c in e.clauses)


@pytest.mark.parametrize("name", ["train_any_model", "automated_extraction"])
def test_every_condition_is_written_down_so_that_it_can_be_kept(name: str) -> None:
    for entry in CATALOG.entries:
        clause = entry.clause(name)
        if clause is not None and clause.value == "allowed-with-conditions":
            assert entry.duties or clause.permits or any(c.cases or c.tests for c in entry.clauses), entry.id


@pytest.mark.parametrize(("name", "field"), [("limits", "tests"), ("exceptions", "cases")])
def test_every_limit_and_exception_can_be_tested(name: str, field: str) -> None:
    assert [e.id for e in CATALOG.entries if (c := e.clause(name)) is not None and not getattr(c, field)] == []


def test_terms_that_an_entry_inherits_are_catalogued() -> None:
    ids = {t for e in CATALOG.entries for c in e.clauses for case in c.cases for t in case.terms}
    assert ids
    assert [i for i in sorted(ids) if CATALOG.get(i) is None] == []
