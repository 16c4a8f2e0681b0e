"""Ways in which a text, a layer or a fact that nobody knows might be taken for a permission. Expected answers were read from the texts and the rules."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from provenance.config import shipped
from provenance.errors import TermsDocumentError
from provenance.licensing.questions import answer_question, parse_question
from provenance.licensing.resolution import UseAnswer
from provenance.licensing.terms import load_terms

CATALOG = load_terms((shipped("policies") / "terms",))
PEACEFUL: dict[str, Any] = {
    "competing": "no",
    "similar": "no",
    "commercial": "no",
    "distribute_weights": "no",
    "imitates": "no",
    "grounded": "no",
    "model_kind": "llm",
    "monthly_active_users": 1000,
    "revenue": 1000,
}
LETTER = {"who": "legal@example.org", "when": "2025-10-01", "evidence": "letter.pdf"}


def ask(provider: str, model: str, channel: str, day: str, use: str = "train_any_model", **facts: object) -> UseAnswer:
    given = {"provider": provider, "model": model, "channel": channel, "region": "US", "from": day, "use": use, **facts}
    return answer_question(CATALOG, parse_question({k: v for k, v in given.items() if v != ""})).uses[0]


def outcome(*question: str, **facts: Any) -> str:
    return ask(*question, **facts).outcome.value


@pytest.mark.parametrize(
    ("provider", "model", "day"),
    [
        # each maker's first text that was read begins later, or was not read for that day
        ("anthropic", "claude-3-opus", "2024-04-19"),
        ("openai", "gpt-5", "2025-01-10"),
        ("cohere", "command-light", "2024-06-01"),
        ("deepseek", "deepseek-chat", "2024-12-10"),
        ("zhipu", "glm-4-plus", "2025-01-10"),
        # "*" of the maker's own service names no model, and the id of the host is none of the licence
        ("meta", "meta.llama3-1-70b-instruct-v1:0", "2025-06-19"),
    ],
)
@pytest.mark.parametrize("by_host", [True, False])
def test_rr13_a_host_alone_does_not_clear_a_model_whose_makers_text_was_not_in_force(provider: str, model: str, day: str, *, by_host: bool) -> None:
    asked = ask(provider, model, "cloud", day, host="amazon", **PEACEFUL) if by_host else ask("amazon", model, "cloud", day, **PEACEFUL)
    assert asked.outcome != "ALLOWED"
    assert by_host is False or asked.outcome == "UNKNOWN"


def test_rr13_a_usage_policy_of_the_maker_grants_nothing() -> None:
    # the policy of 2024-06-06 asks for an approval; with it, the contract is still unknown
    letter = [{**LETTER, "when": "2024-07-01", "provider": "anthropic"}]
    assert outcome("anthropic", "claude-3-opus", "cloud", "2024-08-01", host="amazon", **PEACEFUL, approvals=letter) == "UNKNOWN"


@pytest.mark.parametrize("channel", ["cloud", "api", "consumer", "site", "code-assistant", ""])
@pytest.mark.parametrize("host", ["amazon", "cursor", ""])
def test_rr18_a_notorious_source_is_prohibited_on_every_channel(channel: str, host: str) -> None:
    assert outcome("books3", "", channel, "2025-10-01", host=host, **PEACEFUL) == "PROHIBITED"


@pytest.mark.parametrize("site", ["nyt", "bbc", "reddit", "quora"])
@pytest.mark.parametrize(("channel", "host"), [("cloud", "amazon"), ("code-assistant", "cursor")])
def test_rr13_text_of_a_site_is_not_cleared_by_a_host(site: str, channel: str, host: str) -> None:
    assert outcome(site, "", channel, "2025-10-01", host=host, **PEACEFUL) == "UNKNOWN"
    assert outcome(site, "deepseek-r1", channel, "2025-10-01", host=host, **PEACEFUL) == "UNKNOWN"


@pytest.mark.parametrize(
    ("provider", "model", "channel"),
    [
        ("cursor", "gpt-4o", "code-assistant"),
        ("cursor", "nobody-knows", "code-assistant"),
        ("alibaba", "glm-4.6", "api"),
        ("alibaba", "kimi-k9", "api"),
        ("alibaba", "gpt-4o", "api"),
        ("alibaba", "totally-unknown", "api"),
    ],
)
def test_rr13_whoever_serves_models_of_others_needs_the_makers_text_on_every_channel(provider: str, model: str, channel: str) -> None:
    letter = [{**LETTER, "when": "2026-09-30", "provider": provider}]
    assert outcome(provider, model, channel, "2026-10-01", **PEACEFUL) in {"UNKNOWN", "PROHIBITED"}
    assert outcome(provider, model, channel, "2026-10-01", **PEACEFUL, approvals=letter) in {"UNKNOWN", "PROHIBITED"}


def test_rr10_a_limit_that_nobody_can_test_is_not_dropped_where_another_text_allows() -> None:
    # the terms of the host are for personal, non-commercial use only; the licence of the model is MIT
    facts = {k: v for k, v in PEACEFUL.items() if k != "commercial"}
    found = ask("perplexity", "deepseek-r1", "consumer", "2025-06-20", **facts)
    assert (found.outcome, "commercial" in found.missing) == ("UNKNOWN", True)
    assert outcome("perplexity", "deepseek-r1", "consumer", "2025-06-20", **facts, commercial="yes") == "PROHIBITED"
    assert outcome("perplexity", "deepseek-r1", "consumer", "2025-06-20", **facts, commercial="no") == "ALLOWED"


@pytest.mark.parametrize(
    ("region", "expected"), [("EU", "PROHIBITED"), ("DE", "PROHIBITED"), ("EEA", "UNKNOWN"), ("NO", "ALLOWED"), ("US", "ALLOWED")]
)
def test_rr05_the_eea_may_be_the_eu(region: str, expected: str) -> None:
    assert outcome("meta", "llama-4-scout", "weights", "2025-07-01", **PEACEFUL, region=region) == expected


@pytest.mark.parametrize(
    ("region", "expected"),
    [("ROW", "UNKNOWN"), *((r, "PROHIBITED") for r in ("EL", "RE", "GF", "GP", "MQ", "YT", "MF", "AX", "GB", "KR", "FR-75")), ("BR", "ALLOWED")],
)
def test_rr10_a_territory_holds_under_every_name_of_a_region(region: str, expected: str) -> None:
    found = ask("tencent", "hunyuan3d-2", "weights", "2025-09-01", "same-family", **PEACEFUL, region=region)
    assert found.outcome == expected
    assert ("region" in found.missing) is (expected == "UNKNOWN")


@pytest.mark.parametrize("region", ["QQ", "ZZ", "EU-DE"])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(TermsDocumentError, match="is not known"):
        parse_question({"provider": "tencent", "region": region})


@pytest.mark.parametrize(("commercial", "expected"), [("yes", "PROHIBITED"), ("unknown", "PROHIBITED"), ("no", "ALLOWED")])
@pytest.mark.parametrize("use", ["classifier", "train_any_model"])
def test_rr07_the_exception_for_classifiers_holds_only_for_what_is_not_sold(use: str, commercial: str, expected: str) -> None:
    facts = PEACEFUL | {"competing": "yes", "model_kind": "classifier", "commercial": commercial}
    found = ask("openai", "gpt-4o", "api", "2025-07-01", use, **facts)
    assert found.outcome == expected
    assert ("commercial" in found.missing) is (commercial == "unknown")


def test_rr08_an_approval_counts_from_its_day_and_under_the_text_of_that_day() -> None:
    def with_letter(when: str) -> str:
        return outcome("anthropic", "claude-sonnet-4", "api", "2025-10-01", **PEACEFUL, approvals=[{**LETTER, "provider": "anthropic", "when": when}])

    # the policy that asks for it began on 2025-09-15
    assert (with_letter("2020-01-01"), with_letter("2025-09-14"), with_letter("2025-09-15")) == ("PROHIBITED", "PROHIBITED", "ALLOWED")


def test_rr08_an_approval_of_the_future_is_refused() -> None:
    given = {"provider": "anthropic", "approvals": [{**LETTER, "provider": "anthropic", "when": "2099-01-01"}]}
    with pytest.raises(TermsDocumentError, match="lies in the future"):
        parse_question(given, today=dt.date(2026, 1, 31))


def test_rr08_an_approval_lifts_only_what_names_one() -> None:
    facts = {k: v for k, v in PEACEFUL.items() if k != "similar"}
    for provider, model, channel, day in (("google", "gemini-2.5-pro", "cloud", "2026-10-01"), ("stability", "gpt-4o", "api", "2025-10-01")):
        letter = [{**LETTER, "provider": provider, "when": day}]
        assert outcome(provider, model, channel, day, **facts, approvals=letter) == "UNKNOWN"


@pytest.mark.parametrize(("imitates", "expected"), [("yes", "PROHIBITED"), ("unknown", "UNKNOWN"), ("no", "ALLOWED")])
def test_rr02_a_bar_on_imitating_is_open_while_nobody_says_whether_the_model_does(imitates: str, expected: str) -> None:
    found = ask("openai", "gpt-4o", "api", "2025-07-01", **PEACEFUL | {"imitates": imitates})
    assert found.outcome == expected
    assert ("imitates" in found.missing) is (expected == "UNKNOWN")


@pytest.mark.parametrize(("similar", "expected"), [("yes", "PROHIBITED"), ("unknown", "UNKNOWN"), ("no", "ALLOWED")])
def test_rr09_a_bar_on_what_is_similar_is_not_lifted_by_not_competing(similar: str, expected: str) -> None:
    for provider, model, channel, day in (("amazon", "nova-pro", "cloud", "2024-12-05"), ("alibaba", "qwen3-235b-a22b", "consumer", "2026-06-01")):
        found = ask(provider, model, channel, day, **PEACEFUL | {"similar": similar})
        assert found.outcome == expected
        assert ("similar" in found.missing) is (expected == "UNKNOWN")


@pytest.mark.parametrize(
    ("users", "counted", "expected"),
    [
        (500_000_000, "2026-01-01", "UNKNOWN"),
        (800_000_000, "2026-01-01", "UNKNOWN"),
        (500_000_000, "2024-07-23", "ALLOWED"),
        (800_000_000, "2024-07-23", "PROHIBITED"),
        (500_000_000, "", "ALLOWED"),
        (800_000_000, "", "PROHIBITED"),
    ],
)
def test_rr10_users_of_another_day_than_the_tested_one_say_nothing(users: int, counted: str, expected: str) -> None:
    found = ask("meta", "llama-3.1-8b", "weights", "2025-07-01", **PEACEFUL | {"monthly_active_users": users, "release_date": counted or None})
    assert found.outcome == expected


@pytest.mark.parametrize("automated", ["yes", "no", "unknown"])
def test_rr11_what_may_be_gathered_by_program_may_be_gathered(automated: str) -> None:
    assert outcome("wikimedia", "", "site", "2024-10-01", "collection", access="dump", automated=automated) == "ALLOWED"


def test_rr12_a_single_licence_text_applies_whatever_the_day() -> None:
    assert outcome("meta", "llama-7b", "weights", "2024-03-01", **PEACEFUL) == "ALLOWED"
    assert outcome("meta", "llama-7b", "weights", "2024-03-01", **PEACEFUL | {"commercial": "yes"}) == "PROHIBITED"
