"""Obligations that cannot be kept together are found; what a catalogue entry says in data is read strictly."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.config import shipped
from provenance.errors import TermsDocumentError
from provenance.licensing.resolution import Obligation, RunUse, notorious_answer, obligation_conflicts, resolve, resolve_named, strictest
from provenance.licensing.terms import load_terms
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import DateRange, Generator

CATALOG = load_terms((shipped("policies") / "terms",))
ENTRY: dict[str, Any] = {
    "id": "acme.1",
    "provider": "acme",
    "version": {"effective_from": "2025-01-15"},
    "applies_to": {"channels": ["api"], "models": ["m"]},
    "clauses": {"train_any_model": {"value": "allowed-with-conditions"}},
    "obligations": [{"code": "name-prefix:Acme", "when": "distribute-weights"}],
    "confidence": "seen",
}
DAY = DateRange(start="2025-06-01", end="2025-06-01")
QUIET = RunUse(commercial=TriState.NO, distribute_weights=TriState.YES, imitates=TriState.NO, others_compete=TriState.NO)


def load(folder: Path, *entries: dict[str, Any]) -> Any:
    (folder / "t.json").write_text(json.dumps({"format": "provenance.terms", "version": 1, "terms": list(entries)}), encoding="utf-8")
    return load_terms((folder,))


def duty(code: str, terms: str = "t") -> Obligation:
    return Obligation(code=code, summary="", terms=terms, clause="", source="", due=TriState.YES)


@pytest.mark.parametrize(
    ("codes", "conflicts"),
    [
        (("name-prefix:Llama", "name-prefix:Llama 3"), 0),
        (("name-prefix:Llama", "name-prefix:Nimbus"), 1),
        (("name-prefix:Qwen", "name-ban:Qwen"), 1),
        (("name-prefix:Llama", "name-ban:Qwen"), 0),
        (("name-prefix:Llama", "badge:Nimbus"), 0),
    ],
)
def test_names_that_cannot_both_be_kept_are_a_conflict(codes: tuple[str, ...], conflicts: int) -> None:
    found = obligation_conflicts(duty(code, f"t{n}") for n, code in enumerate(codes))
    assert len(found) == conflicts
    assert all(c.terms == ("t0", "t1") for c in found)


def test_obligations_of_two_generators_are_weighed_together(tmp_path: Path) -> None:
    acme = load(tmp_path, ENTRY)
    first = resolve(acme, Generator(provider="acme", model="m", channel="api", region="US", generated=DAY), QUIET)
    llama = RunUse(commercial=TriState.NO, distribute_weights=TriState.YES, imitates=TriState.NO, monthly_active_users=5)
    second = resolve(CATALOG, Generator(provider="meta", model="llama-3.1-8b", channel="weights", region="US", generated=DAY), llama)
    both = strictest((first, second))
    assert (first.outcome, second.outcome, both.outcome) == (Permission.ALLOWED,) * 3
    assert [c.kind for c in both.conflicts] == ["obligations"]
    prefix = next(o for o in both.obligations if o.code == "name-prefix:Llama")
    assert (prefix.terms, prefix.clause, prefix.due) == ("meta.llama3.1.2024-07-23", "naming_attribution", TriState.YES)
    assert prefix.source
    assert prefix.summary


def test_what_a_run_does_not_deny_it_may_do(tmp_path: Path) -> None:
    entry = {**ENTRY, "clauses": {"train_any_model": {"value": "allowed"}, "distillation": {"value": "prohibited"}}}
    catalog = load(tmp_path, entry)
    maker = Generator(provider="acme", model="m", channel="api", region="US", generated=DAY)
    by_fact = {fact: resolve(catalog, maker, RunUse(commercial=TriState.NO, imitates=fact)) for fact in TriState}
    assert {fact.value: a.outcome.value for fact, a in by_fact.items()} == {"YES": "PROHIBITED", "NO": "ALLOWED", "UNKNOWN": "UNKNOWN"}
    assert "imitates" in by_fact[TriState.UNKNOWN].missing
    assert [c.clause for c in by_fact[TriState.UNKNOWN].clauses] == ["distillation"]


def test_conditions_that_nobody_wrote_down_are_unknown(tmp_path: Path) -> None:
    bare = {k: v for k, v in ENTRY.items() if k != "obligations"}
    assert resolve_named(load(tmp_path, bare), ("acme.1",), QUIET).outcome is Permission.UNKNOWN
    assert resolve_named(load(tmp_path, ENTRY), ("acme.1",), QUIET).outcome is Permission.ALLOWED


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("obligations", 0, "code"), "name-prefx:Acme", "unknown obligation code"),
        (("obligations", 0, "when"), "sometimes", "'sometimes' is not known"),
        (("obligations", 0, "wen"), "always", "unknown name 'wen'"),
        (("clauses", "train_any_model", "object"), "other-lllm", "did you mean 'other-llm'"),
        (("clauses", "train_any_model", "cases"), [{"kind": "same-famly"}], "did you mean 'same-family'"),
        (("clauses", "train_any_model", "cases"), [{"kind": "model-kind", "conditions": ["never"]}], "'never' is not known"),
        (("clauses", "train_any_model", "cases"), "same-family", "must be a list of objects"),
        (("clauses", "train_any_model", "tests"), [{"kind": "threshold", "value": 5}], "a threshold needs metric and value"),
        (("clauses", "train_any_model", "tests"), [{"kind": "threshold", "metric": "revenue", "value": "5"}], "is no whole number"),
        (("clauses", "train_any_model", "tests"), [{"kind": "threshold", "metric": "revenue", "value": 5, "perod": "year"}], "unknown name 'perod'"),
    ],
)
def test_a_slip_in_the_data_of_an_entry_is_refused(tmp_path: Path, place: tuple[Any, ...], value: object, words: str) -> None:
    entry = copy.deepcopy(ENTRY)
    target: Any = entry
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    with pytest.raises(TermsDocumentError) as caught:
        load(tmp_path, entry)
    assert words in f"{caught.value} {caught.value.hint}"
    assert "acme.1" in str(caught.value)


NOTORIOUS = (
    "the_pile_books3",
    "EleutherAI/the_pile",
    "EleutherAI/pile",
    "pile",
    "The Pile",
    "The%20Pile",
    "EleutherAI/the_pile_deduplicated",
    "SlimPajama",
    "cerebras/SlimPajama-627B",
    "MPT-7B-StoryWriter",
    "mosaicml/mpt-7b-storywriter",
    "Books 3",
    "books3.tar.gz",
    "BOOKS3",
)
HARMLESS = (
    "bookshop",
    "common-pile",
    "common-pile/comma_v0.1_training_dataset",
    "stockpile",
    "pile-of-law",
    "books3d",
    "pilers",
    "/",
    "",
    "木",
    "mpt-7b",
)


@pytest.mark.parametrize(("name", "found"), [*((n, True) for n in NOTORIOUS), *((n, False) for n in HARMLESS)])
def test_a_notorious_source_is_known_by_its_names(name: str, found: bool) -> None:
    answer = notorious_answer(CATALOG, ("other", name))
    assert (answer is not None) is found
    if answer is not None:
        assert (answer.outcome, answer.rules) == (Permission.PROHIBITED, ("RR18",))
        assert answer.clauses
