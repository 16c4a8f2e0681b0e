"""The shipped terms catalogue against the facts that it was made from, and against itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provenance.config import shipped
from provenance.licensing.terms import load_terms
from provenance.licensing.terms_parts import MAX_QUOTE_WORDS

FOLDER = shipped("policies") / "terms"
ENTRIES: dict[str, dict[str, Any]] = {t["id"]: t for p in sorted(FOLDER.iterdir()) for t in json.loads(p.read_text(encoding="utf-8"))["terms"]}
CATALOG = load_terms((FOLDER,))


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((shared / "facts" / "terms.yaml").read_text(encoding="utf-8"))
    return {t["id"]: t for t in document["terms"]}


def test_every_entry_that_may_decide_is_shipped_and_no_other(facts: dict[str, dict[str, Any]]) -> None:
    assert set(ENTRIES) == {i for i, t in facts.items() if t["confidence"] in {"seen", "secondary"}}


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
