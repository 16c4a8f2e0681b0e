"""Dated questions on terms. Expected answers were read from the catalogued texts and the reading rules, not taken from the program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from provenance.config import shipped
from provenance.licensing.resolution import RunUse, resolve, resolve_named, strictest
from provenance.licensing.terms import TermsCatalog, load_terms
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import DateRange, Generator

CATALOG = load_terms((shipped("policies") / "terms",))
COMPETING = RunUse(commercial=TriState.YES, others_compete=TriState.YES)
PEACEFUL = RunUse(commercial=TriState.YES, not_competing_with=CATALOG.providers())


def made(provider: str, model: str, *, days: str, channel: str = "api", region: str = "US") -> Generator:
    start, _, end = days.partition("..")
    return Generator(provider=provider, model=model, channel=channel, region=region, generated=DateRange(start=start, end=end or start))


def user_catalog(tmp_path: Path, *entries: Mapping[str, object]) -> TermsCatalog:
    base = {
        "provider": "acme",
        "kind": "service-terms",
        "confidence": "seen",
        "version": {"effective_from": "2025-01-01"},
        "applies_to": {"channels": ["api"], "models": ["acme-*", "m"]},
    }
    document = {"format": "provenance.terms", "version": 1, "terms": [{**base, **entry} for entry in entries]}
    (tmp_path / "acme.json").write_text(json.dumps(document))
    return load_terms((tmp_path,))


def train(value: str, **others: str) -> dict[str, dict[str, str]]:
    return {name: {"value": v} for name, v in {"train_any_model": value, **others}.items()}


DAY = made("acme", "acme-1", days="2025-06-01")


@pytest.mark.parametrize(
    ("generator", "use", "expected"),
    [
        # openai.tou.2023-03-14 (in force to 2024-01-31, excluded) bars models that compete with OpenAI only
        (made("openai", "gpt-4-0613", days="2023-06-01..2023-06-30"), COMPETING, "PROHIBITED"),
        # the only text over the API's days from 2024-01-31 to 2025-05-31 could not be read (RR04, RR06)
        (made("openai", "gpt-4-0613", days="2024-03-01..2024-05-31"), PEACEFUL, "UNKNOWN"),
        # mistral's text in force on the day before 2024-02-26 bars competing models
        (made("mistral", "mistral-small", days="2024-02-20"), COMPETING, "PROHIBITED"),
        # a business nobody catalogued, and a model nobody serves (RR13)
        (made("nobody", "model", days="2025-01-01"), PEACEFUL, "UNKNOWN"),
        (made("UNKNOWN", "model", days="2025-01-01"), PEACEFUL, "UNKNOWN"),
    ],
)
def test_dated_questions(generator: Generator, use: RunUse, expected: str) -> None:
    assert resolve(CATALOG, generator, use).outcome == expected


@pytest.mark.parametrize("terms", ["moonshot.kimi-consumer.2024-01-05", "bytedance.doubao.2026-07-22", "nvidia.api-trial.2025-09-19"])
def test_a_non_commercial_limit_bars_a_commercial_run_that_does_not_compete(terms: str) -> None:
    assert resolve_named(CATALOG, (terms,), PEACEFUL).outcome is Permission.PROHIBITED


@pytest.mark.parametrize(
    "terms", ["moonshot.k3.2026-06", "bfl.flux1-dev-nc", "google.gcp-service-terms.2026", "google.gemini-api.2025-05-20", "stability.tos.2025-07-31"]
)
def test_a_limit_or_exception_nobody_can_test_is_unknown(terms: str) -> None:
    assert resolve_named(CATALOG, (terms,), PEACEFUL).outcome is Permission.UNKNOWN


@pytest.mark.parametrize("model", ["meta-llama/Meta-Llama-3-8B-Instruct", "grok-2"])
def test_a_host_does_not_lift_the_makers_licence(model: str) -> None:
    # both licences forbid improving other models with outputs, whoever serves the model (RR12, RR13)
    answer = resolve(CATALOG, made("stability", model, days="2026-06-01"), PEACEFUL)
    assert answer.outcome is Permission.PROHIBITED


def test_a_version_starts_on_its_first_day_and_ends_before_its_last(tmp_path: Path) -> None:
    catalog = user_catalog(
        tmp_path,
        {"id": "old", "version": {"effective_from": "2025-01-01", "effective_to": "2025-07-01"}, "clauses": train("allowed")},
        {"id": "new", "version": {"effective_from": "2025-07-01"}, "clauses": train("prohibited")},
    )
    by_day = {
        day: resolve(catalog, made("acme", "m", days=day), COMPETING).outcome.value
        for day in ("2024-12-31", "2025-01-01", "2025-06-30", "2025-07-01", "2025-06-30..2025-07-01")
    }
    assert by_day == {
        "2024-12-31": "UNKNOWN",
        "2025-01-01": "ALLOWED",
        "2025-06-30": "ALLOWED",
        "2025-07-01": "PROHIBITED",
        "2025-06-30..2025-07-01": "PROHIBITED",
    }


def test_a_month_is_covered_only_after_it_has_ended(tmp_path: Path) -> None:
    catalog = user_catalog(tmp_path, {"id": "a", "version": {"effective_from": "2025-03"}, "clauses": train("allowed")})
    assert resolve(catalog, made("acme", "m", days="2025-03-15"), COMPETING).outcome is Permission.UNKNOWN
    assert resolve(catalog, made("acme", "m", days="2025-03-31"), COMPETING).outcome is Permission.ALLOWED


def test_days_that_run_backwards_allow_nothing(tmp_path: Path) -> None:
    catalog = user_catalog(tmp_path, {"id": "a", "clauses": train("allowed")})
    answer = resolve(catalog, made("acme", "m", days="2025-06-30..2025-06-01"), COMPETING)
    assert answer.outcome is Permission.UNKNOWN
    assert "backwards" in answer.reasons[0]


def test_silence_and_unknown_words_allow_nothing(tmp_path: Path) -> None:
    for value in ("silent", "permitted", "ALLOWED", "allowed-with-conditions"):
        catalog = user_catalog(tmp_path, {"id": "a", "clauses": train(value)})
        assert resolve(catalog, DAY, COMPETING).outcome is Permission.UNKNOWN, value


def test_an_unverified_text_decides_nothing(tmp_path: Path) -> None:
    for value in ("allowed", "prohibited"):
        catalog = user_catalog(tmp_path, {"id": "a", "confidence": "unverified", "clauses": train(value)})
        assert resolve(catalog, DAY, COMPETING).outcome is Permission.UNKNOWN


def test_a_help_article_never_loosens(tmp_path: Path) -> None:
    article = {"id": "help", "kind": "help-article", "clauses": train("allowed")}
    assert resolve(user_catalog(tmp_path, article), DAY, COMPETING).outcome is Permission.UNKNOWN
    contract = {"id": "contract", "clauses": train("prohibited")}
    assert resolve(user_catalog(tmp_path, article, contract), DAY, COMPETING).outcome is Permission.PROHIBITED


def test_an_unknown_channel_that_may_be_a_silent_one_is_unknown(tmp_path: Path) -> None:
    catalog = user_catalog(
        tmp_path,
        {"id": "api", "clauses": train("allowed")},
        {"id": "chat", "clauses": train("silent"), "applies_to": {"channels": ["consumer"], "models": ["acme-*", "m"]}},
    )
    assert resolve(catalog, DAY, COMPETING).outcome is Permission.ALLOWED
    assert resolve(catalog, made("acme", "m", days="2025-06-01", channel="UNKNOWN"), COMPETING).outcome is Permission.UNKNOWN


def test_texts_of_two_channels_do_not_cover_for_one_another(tmp_path: Path) -> None:
    catalog = user_catalog(
        tmp_path,
        {"id": "api", "clauses": train("allowed"), "version": {"effective_from": "2025-01-01", "effective_to": "2025-06-01"}},
        {
            "id": "chat",
            "clauses": train("allowed"),
            "version": {"effective_from": "2025-06-01"},
            "applies_to": {"channels": ["consumer"], "models": ["acme-*", "m"]},
        },
    )
    assert resolve(catalog, made("acme", "m", days="2025-05-01..2025-07-01", channel="UNKNOWN"), COMPETING).outcome is Permission.UNKNOWN


def test_an_unknown_date_is_answered_where_all_versions_agree(tmp_path: Path) -> None:
    agree = user_catalog(tmp_path, {"id": "a", "clauses": train("prohibited")}, {"id": "b", "clauses": train("prohibited")})
    assert resolve(agree, made("acme", "m", days="UNKNOWN"), COMPETING).outcome is Permission.PROHIBITED


def test_a_bar_on_imitation_alone_is_no_permission_to_train(tmp_path: Path) -> None:
    catalog = user_catalog(tmp_path, {"id": "a", "clauses": {"distillation": {"value": "prohibited-if-competing"}}})
    peaceful = RunUse(commercial=TriState.YES, not_competing_with=("acme",))
    assert resolve(catalog, DAY, peaceful).outcome is Permission.UNKNOWN


@pytest.mark.parametrize("more", ["prohibited", "prohibited-if-competing", "prohibited-without-approval", "silent", "nonsense"])
@pytest.mark.parametrize("first", ["allowed", "prohibited-if-competing", "silent", "prohibited", "research-or-noncommercial-only"])
def test_another_layer_never_makes_an_answer_better(tmp_path: Path, first: str, more: str) -> None:
    order = [Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED]
    for use in (COMPETING, RunUse(commercial=TriState.UNKNOWN, not_competing_with=("acme",)), RunUse(commercial=TriState.NO)):
        alone = resolve(user_catalog(tmp_path, {"id": "a", "clauses": train(first)}), DAY, use).outcome
        both = resolve(user_catalog(tmp_path, {"id": "a", "clauses": train(first)}, {"id": "b", "clauses": train(more)}), DAY, use).outcome
        if alone is not Permission.UNKNOWN:  # silence may be ended by a text that speaks (RR02), in either direction
            assert order.index(both) >= order.index(alone)


def test_the_strictest_of_several_answers_decides() -> None:
    allowed = resolve_named(CATALOG, (), COMPETING)
    assert allowed.outcome is Permission.UNKNOWN
    assert strictest(()).outcome is Permission.UNKNOWN
    assert resolve_named(CATALOG, ("no.such.terms",), COMPETING).outcome is Permission.UNKNOWN
