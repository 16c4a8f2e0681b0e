"""The eighteen reading rules, each held to its page by facts from the shipped catalogue. Expected answers were read from the facts and the rules."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.config import shipped
from provenance.licensing.license_class import LicenseClass
from provenance.licensing.questions import answer_question, parse_question
from provenance.licensing.reading_rules import READING_RULES
from provenance.licensing.resolution import TermsAnswer
from provenance.licensing.terms import DECIDING, TermsCatalog, load_terms
from provenance.licensing.uses import Use
from provenance.model.absence import Permission, TriState

CATALOG = load_terms((shipped("policies") / "terms",))
ROOT = Path(__file__).parents[3]
APPROVED = [{"provider": "anthropic", "who": "legal@example.org", "when": "2025-09-20", "evidence": "letter.pdf"}]


def ask(provider: str, model: str, channel: str, *days: str, **facts: object) -> TermsAnswer:
    key = {"from_": "from"}
    given = {key.get(k, k): v for k, v in facts.items()}
    asked = {"provider": provider, "model": model, "channel": channel, "region": "US", **given}
    if days:
        asked |= {"from": days[0], "to": days[-1]}
    return answer_question(CATALOG, parse_question({k: v for k, v in asked.items() if v != ""}))


def outcomes(answer: TermsAnswer) -> dict[str, str]:
    return {u.use.value: u.outcome.value for u in answer.uses}


def outcome(provider: str, model: str, channel: str, *days: str, use: str = "train_any_model", **facts: object) -> str:
    return outcomes(ask(provider, model, channel, *days, use=use, **facts))[use.replace("-", "_")]


def codes(answer: TermsAnswer) -> set[str]:
    return {o.code for o in answer.obligations}


def test_every_rule_has_a_page_and_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert len(READING_RULES) == 18
    for rule in READING_RULES:
        page = ROOT / "docs" / "rules" / f"{rule}.md"
        assert page.read_text(encoding="utf-8").startswith(f"# {rule}: {READING_RULES[rule]}")
        assert re.search(rf"def test_{rule.lower()}_", text), rule


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2024-02-25", "PROHIBITED"), ("2024-02-26", "PROHIBITED"), ("2024-02-27", "ALLOWED"), ("2025-02-05", "ALLOWED"), ("2025-02-06", "UNKNOWN")],
)
def test_rr01_the_first_day_counts_and_the_last_does_not(day: str, expected: str) -> None:
    assert outcome("mistral", "mistral-small", "api", day, competing="yes") == expected


def test_rr02_silence_is_no_permission() -> None:
    answer = ask("google", "gemini-pro", "consumer", "2024-05-21", use="train_any_model", competing="no")
    assert outcomes(answer) == {"train_any_model": "UNKNOWN"}
    assert "RR02" in answer.rules
    assert outcome("google", "gemini-pro", "consumer", "2024-05-22", competing="no") == "PROHIBITED"


def test_rr02_another_text_that_speaks_decides() -> None:
    # the consumer terms of 2026-06-26 are silent, the usage policy of the same day bars rivals
    assert outcome("xai", "grok-4", "consumer", "2026-07-01", competing="no", imitates="no") == "ALLOWED"
    assert outcome("xai", "grok-4", "consumer", "2026-07-01", competing="yes") == "PROHIBITED"


def test_rr03_the_strictest_layer_decides_and_the_conflict_is_listed() -> None:
    answer = ask("anthropic", "claude-sonnet-4", "api", "2025-10-01", use="train_any_model", competing="no")
    assert outcomes(answer) == {"train_any_model": "PROHIBITED"}
    assert {"anthropic.commercial.2025-06-17", "anthropic.aup.2025-09-15"} <= {layer.terms for layer in answer.layers}
    assert any(c.kind == "layers" and "anthropic.aup.2025-09-15" in c.terms for c in answer.conflicts)


def test_rr04_an_interval_is_under_all_versions_and_a_split_is_offered() -> None:
    answer = ask("mistral", "mistral-large", "api", "2024-02-26", "2024-03-10", use="train_competing")
    assert outcomes(answer) == {"train_competing": "PROHIBITED"}
    assert [(s.first, s.last, dict(s.outcomes)["train_competing"]) for s in answer.splits] == [
        ("2024-02-26", "2024-02-26", Permission.PROHIBITED),
        ("2024-02-27", "2024-03-10", Permission.ALLOWED),
    ]
    assert "RR04" in answer.rules


def test_rr04_a_part_that_no_version_covers_is_unknown() -> None:
    # no text for the API was read from 2025-02-06 to 2025-05-26
    assert outcome("mistral", "mistral-large", "api", "2025-01-01", "2025-02-06", competing="no") == "UNKNOWN"


def test_rr05_an_unknown_channel_whose_readings_disagree_is_unknown_with_a_conflict() -> None:
    answer = ask("google", "gemini-1.5-pro", "", "2024-06-01", use="train_any_model", competing="no")
    assert outcomes(answer) == {"train_any_model": "UNKNOWN"}
    assert any(c.kind == "candidates" for c in answer.conflicts)
    assert "channel" in answer.missing


def test_rr05_an_unknown_channel_whose_versions_all_bar_is_prohibited() -> None:
    assert outcome("openai", "gpt-4", "", "2023-06-01", competing="yes") == "PROHIBITED"


def test_rr05_unknown_days_that_all_versions_bar_are_prohibited_and_never_allowed_otherwise() -> None:
    assert outcome("xai", "grok-3", "api", competing="yes") == "PROHIBITED"
    # before 2025-01-20 the terms of the DeepSeek platform are not known
    assert outcome("deepseek", "deepseek-chat", "api", competing="no") == "UNKNOWN"


def test_rr05_an_unknown_region_needs_every_regional_copy() -> None:
    # only the copies for the UK, the EEA and Switzerland were read
    assert outcome("anthropic", "claude-sonnet-4", "consumer", "2025-11-01", region="", competing="no", approvals=APPROVED) == "UNKNOWN"
    assert outcome("anthropic", "claude-sonnet-4", "consumer", "2025-11-01", region="UK", competing="no", approvals=APPROVED) == "ALLOWED"


def test_rr06_what_is_known_by_hearsay_decides_nothing() -> None:
    assert all(not e.clauses for e in CATALOG.entries if e.confidence not in DECIDING)
    for competing in ("yes", "no"):
        assert outcome("openai", "gpt-4o", "api", "2024-03-01", "2024-05-31", competing=competing) == "UNKNOWN"
        assert outcome("openai", "gpt-4o", "api", "2025-06-01", competing=competing, imitates="no") != "UNKNOWN"


def test_rr06_an_unverified_text_is_named_and_decides_nothing() -> None:
    entry = replace(next(e for e in CATALOG.entries if e.id == "deepseek.platform.2025-01-20"), confidence="unverified")
    catalog = TermsCatalog(version="x", digest="x", entries=(entry,))
    question = parse_question({"provider": "deepseek", "model": "deepseek-chat", "channel": "api", "from": "2025-02-01", "use": "train_any_model"})
    assert outcomes(answer_question(catalog, question)) == {"train_any_model": "UNKNOWN"}


@pytest.mark.parametrize(("competing", "expected"), [("yes", "PROHIBITED"), ("no", "ALLOWED"), ("unknown", "UNKNOWN")])
def test_rr07_a_bar_on_rivals_depends_on_whether_it_competes(competing: str, expected: str) -> None:
    answer = ask("openai", "gpt-4o", "api", "2025-07-01", use="train_any_model", competing=competing, imitates="no")
    assert outcomes(answer) == {"train_any_model": expected}
    assert "RR07" in answer.rules
    assert ("competing" in answer.missing) is (competing == "unknown")


@pytest.mark.parametrize(("weights", "expected"), [("no", "ALLOWED"), ("yes", "PROHIBITED"), ("unknown", "PROHIBITED")])
def test_rr07_the_exception_for_classifiers_is_lost_with_the_first_copy(weights: str, expected: str) -> None:
    facts: dict[str, Any] = {"competing": "yes", "commercial": "no", "imitates": "no", "distribute_weights": weights}
    answer = ask("openai", "gpt-4o", "api", "2025-07-01", use="classifier", **facts)
    assert outcomes(answer) == {"classifier": expected}
    assert ("no-distribution" in codes(answer)) is (weights == "no")
    # the text of 2023 had no such exception
    assert outcome("openai", "gpt-4", "api", "2023-07-01", use="classifier", competing="yes", distribute_weights="no") == "PROHIBITED"


def test_rr07_a_classifier_that_is_sold_may_have_lost_the_exception() -> None:
    facts: dict[str, Any] = {"competing": "yes", "distribute_weights": "no", "model_kind": "classifier"}
    assert outcome("openai", "gpt-4o", "api", "2025-07-01", use="commercial", **facts) == "PROHIBITED"


def test_rr08_an_approval_lifts_the_bar_and_is_kept() -> None:
    answer = ask("anthropic", "claude-sonnet-4", "api", "2025-10-01", use="train_any_model", competing="yes", approvals=APPROVED)
    assert outcomes(answer) == {"train_any_model": "ALLOWED"}
    assert "written-approval" in codes(answer)
    assert "RR08" in answer.rules
    assert outcome("anthropic", "claude-sonnet-4", "api", "2025-10-01", competing="no") == "PROHIBITED"


def test_rr08_a_licence_of_ones_own_is_kept_as_well() -> None:
    own = [{"terms": "meta.llama3.1.2024-07-23", "who": "legal@example.org", "when": "2024-08-01", "evidence": "contract.pdf"}]
    answer = ask("meta", "llama-3.1-8b", "weights", "2024-09-01", use="train_any_model", monthly_active_users=800_000_000, approvals=own)
    assert outcomes(answer) == {"train_any_model": "ALLOWED"}
    assert {"written-approval", "extra-licence:mau-700m"} <= codes(answer)


def test_rr08_an_approval_of_somebody_else_lifts_nothing() -> None:
    other = [{**APPROVED[0], "provider": "openai"}]
    assert outcome("anthropic", "claude-sonnet-4", "api", "2025-10-01", competing="no", approvals=other) == "PROHIBITED"


def test_rr09_a_bar_reaches_only_its_object() -> None:
    facts: dict[str, Any] = {"monthly_active_users": 120_000}
    found = outcomes(ask("meta", "llama-2-70b", "weights", "2023-09-01", use=["train_any_model", "classifier", "same_family"], **facts))
    assert found == {"train_any_model": "PROHIBITED", "classifier": "ALLOWED", "same_family": "ALLOWED"}
    # Llama 3 says nothing of what is no language model
    assert outcome("meta", "llama-3-8b", "weights", "2024-06-01", use="classifier", **facts) == "UNKNOWN"
    # LG's text names every other model
    assert outcome("lg", "exaone-3.5-32b", "weights", "2025-03-01", use="classifier", commercial="no") == "PROHIBITED"


def test_rr09_a_family_is_free_by_its_own_names_only() -> None:
    facts: dict[str, Any] = {"monthly_active_users": 120_000, "model_kind": "llm"}
    assert outcome("meta", "llama-3-8b", "weights", "2024-06-01", model_family="llama-3", **facts) == "ALLOWED"
    assert outcome("meta", "llama-3-8b", "weights", "2024-06-01", model_family="llama-3.1-8b", **facts) == "PROHIBITED"
    assert outcome("meta", "llama-3-8b", "weights", "2024-06-01", model_family="qwen2.5", **facts) == "PROHIBITED"


@pytest.mark.parametrize(("users", "expected"), [(120_000, "ALLOWED"), (700_000_000, "ALLOWED"), (700_000_001, "PROHIBITED"), (None, "UNKNOWN")])
def test_rr10_a_threshold_is_tested_by_the_facts(users: int | None, expected: str) -> None:
    answer = ask("meta", "llama-3.1-8b", "weights", "2024-09-01", use="train_any_model", monthly_active_users=users)
    assert outcomes(answer) == {"train_any_model": expected}
    due = [o for o in answer.obligations if o.code == "extra-licence:mau-700m"]
    assert [o.tested_when for o in due] == ([] if expected == "ALLOWED" else ["2024-07-23"])


def test_rr10_users_that_came_after_the_release_are_no_proof() -> None:
    found = outcome("meta", "llama-3.1-8b", "weights", "2024-09-01", monthly_active_users=800_000_000, release_date="2026-01-01")
    assert found == "UNKNOWN"


def test_rr10_naming_duties_of_llama_3_and_3_1_differ() -> None:
    three = ask("meta", "Meta-Llama-3-8B", "weights", "2024-06-01", use="same_family", monthly_active_users=5)
    one = ask("meta", "Llama-3.1-8B", "weights", "2024-09-01", use="distribute_weights", monthly_active_users=5)
    kept = ask("meta", "Llama-3.1-8B", "weights", "2024-09-01", use="train_any_model", monthly_active_users=5, distribute_weights="no")
    assert "name-prefix:Llama 3" in codes(three)
    assert "name-prefix:Llama" in codes(one)
    assert "name-prefix:Llama" not in codes(kept)


@pytest.mark.parametrize(("grounded", "expected"), [("yes", "PROHIBITED"), ("no", "ALLOWED"), ("unknown", "UNKNOWN")])
def test_rr10_grounded_results_are_stricter(grounded: str, expected: str) -> None:
    assert outcome("google", "gemini-2.0-flash", "api", "2025-06-01", competing="no", grounded=grounded) == expected


def test_rr10_image_outputs_are_stricter() -> None:
    facts: dict[str, Any] = {"competing": "yes"}
    assert outcome("mistral", "mistral-medium", "api", "2026-04-01", output_type="image", **facts) == "PROHIBITED"
    assert outcome("mistral", "mistral-medium", "api", "2026-04-01", **facts) == "ALLOWED"


def test_rr10_a_revenue_line_and_a_territory() -> None:
    assert outcome("mistral", "mistral-medium-3.5", "weights", "2026-05-01", revenue=1_000_000) == "ALLOWED"
    assert outcome("mistral", "mistral-medium-3.5", "weights", "2026-05-01", revenue=300_000_000) == "PROHIBITED"
    facts: dict[str, Any] = {"use": "same_family", "monthly_active_users": 5}
    assert outcome("tencent", "hunyuan3d-2", "weights", "2025-03-01", **{**facts, "region": "KR"}) == "PROHIBITED"
    assert outcome("tencent", "hunyuan3d-2", "weights", "2025-03-01", **facts) == "ALLOWED"


@pytest.mark.parametrize(
    ("model", "region", "expected"),
    [("llama-4-scout", "DE", "PROHIBITED"), ("llama-4-scout", "US", "ALLOWED"), ("llama-4-scout", "", "UNKNOWN"), ("llama-3.2-3b", "DE", "ALLOWED")],
)
def test_rr10_whoever_sits_in_the_eu_has_no_rights_in_multimodal_llama(model: str, region: str, expected: str) -> None:
    assert outcome("meta", model, "weights", "2025-06-01", region=region, monthly_active_users=5) == expected


def test_rr11_purpose_and_means_are_apart() -> None:
    found = outcomes(ask("deepseek", "deepseek-chat", "consumer", "2025-03-01", use=["train_any_model", "distil", "collection"]))
    assert found == {"train_any_model": "ALLOWED", "distil": "ALLOWED", "collection": "PROHIBITED"}


def test_rr12_a_licence_follows_the_model_and_of_several_texts_that_of_the_day_counts() -> None:
    days = {
        "2024-04-01": {"google.gemma-terms.2024-04-01"},
        "2025-03-23": {"google.gemma-terms.2024-04-01"},
        "2025-03-24": {"google.gemma-terms.2025-03-24"},
    }
    for day, expected in days.items():
        assert {x.terms for x in ask("google", "gemma-2-9b", "weights", day, use="distil").layers} == expected
    # the text of 2024-02-21 was not read
    assert outcome("google", "gemma-2b", "weights", "2024-03-01") == "UNKNOWN"
    assert outcome("meta", "llama-2-70b", "weights", "2026-11-01", monthly_active_users=5) == "PROHIBITED"
    assert outcome("google", "gemma-4-9b", "weights", "2026-11-01") == "ALLOWED"


def test_rr12_a_distilled_model_carries_the_licence_of_its_base() -> None:
    answer = ask("deepseek", "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "weights", "2025-03-01", use="distribute_weights", monthly_active_users=5)
    assert "name-prefix:Llama" in codes(answer)
    plain = ask("deepseek", "deepseek-ai/DeepSeek-R1", "weights", "2025-03-01", use="distribute_weights")
    assert codes(plain) == set()
    assert outcomes(plain) == {"distribute_weights": "ALLOWED"}


def test_rr13_host_and_licence_apply_together() -> None:
    assert outcome("together", "meta-llama/Llama-3-70B", "host", "2025-06-01", competing="no", monthly_active_users=5) == "PROHIBITED"
    assert outcome("together", "meta-llama/Llama-3.1-70B", "host", "2025-06-01", competing="no", monthly_active_users=5) == "ALLOWED"
    assert outcome("fireworks", "qwen3-32b", "host", "2025-06-01", competing="no") == "PROHIBITED"


@pytest.mark.parametrize(
    ("provider", "model", "channel"),
    [
        ("nobody", "x", "api"),
        ("", "x", "api"),
        ("openai", "no-such-model", "api"),
        ("together", "no-such-model", "host"),
        ("anthropic", "claude-sonnet-4", "host"),
    ],
)
def test_rr13_what_nobody_knows_is_an_unknown_layer(provider: str, model: str, channel: str) -> None:
    answer = ask(provider, model, channel, "2025-06-01", use="train_any_model", competing="no", approvals=APPROVED)
    assert outcomes(answer) == {"train_any_model": "UNKNOWN"}
    assert "RR13" in answer.rules


def test_rr13_a_licence_does_not_stand_in_for_the_terms_of_whoever_served_the_model() -> None:
    facts: dict[str, Any] = {"competing": "no", "monthly_active_users": 5}
    assert outcome("nobody", "llama-3.1-8b", "api", "2025-06-01", **facts) == "UNKNOWN"
    # the first terms of the host that are catalogued are of 2023-05-13
    assert outcome("together", "falcon-11b", "host", "2023-05-12", **facts) == "UNKNOWN"
    assert outcome("together", "falcon-11b", "host", "2023-05-13", **facts) == "ALLOWED"
    assert outcome("nobody", "llama-3-8b", "api", "2025-06-01", **facts) == "PROHIBITED"


def test_rr13_a_usage_policy_binds_the_users_of_a_reseller() -> None:
    answer = ask("amazon", "claude-3-5-sonnet", "cloud", "2025-10-01", use="train_any_model", competing="no")
    assert {"aws.ai-services.2023-09-28", "anthropic.aup.2025-09-15"} <= {x.terms for x in answer.layers}
    assert outcomes(answer) == {"train_any_model": "PROHIBITED"}


def test_rr14_an_observed_text_counts_from_its_first_observation() -> None:
    assert outcome("bbc", "", "site", "2022-03-31", access="crawl") == "PROHIBITED"
    assert outcome("bbc", "", "site", "2022-03-30", access="crawl") == "UNKNOWN"
    # an undated site text is taken as applying
    assert outcome("gutenberg", "", "site", "2015-01-01", access="dump") == "ALLOWED"


def test_rr15_without_an_end_a_text_holds() -> None:
    answer = ask("anthropic", "claude-sonnet-4", "api", "2026-11-30", use="train_competing")
    assert "anthropic.commercial.2025-06-17" in {x.terms for x in answer.layers}
    assert "RR15" in answer.rules


def test_rr16_a_help_article_never_loosens() -> None:
    answer = ask("anthropic", "claude-sonnet-4", "api", "2026-04-01", use="train_any_model", competing="no")
    assert outcomes(answer) == {"train_any_model": "PROHIBITED"}
    assert any(c.kind == "no-contract" and "anthropic.help.outputs-training" in c.terms for c in answer.conflicts)


def test_rr17_licence_classes_and_share_alike() -> None:
    table = {
        "public-domain": "ALLOWED",
        "commercial": "ALLOWED",
        "non-commercial": "PROHIBITED",
        "research-only": "PROHIBITED",
        "unspecified": "UNKNOWN",
        "terms-of-use": "UNKNOWN",
    }
    assert {use: LicenseClass(id="x", use=use).permission(TriState.YES).value for use in table} == table
    assert LicenseClass(id="x", use="research-only").permission(TriState.NO) is Permission.ALLOWED
    found = outcomes(ask("wikimedia", "", "site", "2024-10-01", use=["train_any_model", "distribute_weights"]))
    assert found == {"train_any_model": "ALLOWED", "distribute_weights": "UNKNOWN"}


@pytest.mark.parametrize("name", ["books3", "the_pile", "EleutherAI/the_pile", "MPT-StoryWriter", "SlimPajama"])
def test_rr18_a_notorious_source_is_prohibited_for_every_use(name: str) -> None:
    assert set(outcomes(ask(name, "", "site", "2024-10-01")).values()) == {"PROHIBITED"}


def test_every_use_is_answered_in_order() -> None:
    assert list(outcomes(ask("openai", "gpt-4o", "api", "2025-07-01"))) == [u.value for u in Use]


def test_the_days_of_a_version_are_those_of_the_facts() -> None:
    entry = CATALOG.get("nyt.tos.2021-09-01")
    assert entry is not None
    assert (entry.ends_surely, entry.ends_possibly) == (dt.date(2023, 8, 1), dt.date(2023, 8, 31))
