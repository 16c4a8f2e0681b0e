"""Spellings of models: the same model under another place's spelling keeps its licence and its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.config import shipped
from provenance.licensing.model_names import model_spellings
from provenance.licensing.resolution import RunUse, Use, answer_uses
from provenance.licensing.terms import load_terms
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import DateRange, Generator
from provenance.model.run import Period, Revenue

CATALOG = load_terms((shipped("policies") / "terms",))
PEACEFUL = RunUse(
    commercial=TriState.YES,
    not_competing_with=CATALOG.providers(),
    monthly_active_users=1000,
    revenue=Revenue(amount=1000, currency="USD", period=Period.YEAR),
)


def licences(provider: str, model: str) -> set[str]:
    entries = CATALOG.of_provider(provider)
    follows = CATALOG.following(model)
    return {e.id for e in follows if e.kind == "model-licence" and e in entries}


@pytest.mark.parametrize(
    ("provider", "written", "official"),
    [
        ("nvidia", "nvidia/Llama-3_1-Nemotron-51B-Instruct", "llama-3.1-nemotron-51b-instruct"),
        ("meta", "nvidia/Llama-3_1-Nemotron-51B-Instruct", "llama-3.1-nemotron-51b-instruct"),
        ("meta", "nvidia/Llama-3_3-Nemotron-Super-49B-v1", "llama-3.3-nemotron-super-49b-v1"),
        ("alibaba", "qwen2_5-72b-instruct", "qwen2.5-72b-instruct"),
        ("alibaba", "Qwen2_5_72B", "qwen2.5-72b"),
        ("alibaba", "qwen/qwen-2.5-72b-instruct", "qwen2.5-72b-instruct"),
        ("alibaba", "qwen2.5:3b", "qwen2.5-3b"),
        ("google", "gemma2:9b", "gemma-2-9b"),
        ("google", "gemma3:27b", "gemma-3-27b"),
        ("meta", "llama3_8b", "llama3-8b"),
        ("meta", "llama3.2:11b", "llama-3.2-11b"),
        ("meta", "llama-3-3-70b-instruct", "llama-3.3-70b-instruct"),
        ("microsoft", "phi3:mini", "phi-3-mini"),
        ("blackforestlabs", "FLUX_1_dev", "flux.1-dev"),
        ("minimax", "MiniMax-M2_7", "minimax-m2.7"),
        ("xai", "grok2", "grok-2"),
    ],
)
def test_another_spelling_keeps_the_licence(provider: str, written: str, official: str) -> None:
    assert licences(provider, official)
    assert licences(provider, written) >= licences(provider, official)


@pytest.mark.parametrize("written", ["qwen2_5-vl-72b", "qwen2-5-vl-72b", "Qwen2_5-VL-72B-Instruct"])
def test_a_version_is_never_read_as_an_earlier_one_that_permits_more(written: str) -> None:
    # Apache-2.0 is the licence of Qwen2 and of some sizes of Qwen2.5: no catalogued text covers Qwen2.5-VL-72B.
    assert licences("alibaba", "qwen2.5-vl-72b") == set()
    assert licences("alibaba", written) == set()


@pytest.mark.parametrize("written", ["llama3.2-11b", "llama3.2-90b", "llama3.2:11b", "llama-3_2-11b", "Llama-3.2-90B-Vision", "llama3.2-vision:11b"])
def test_nothing_is_granted_in_the_eu_for_the_multimodal_models_in_any_spelling(written: str) -> None:
    made = Generator(provider="meta", model=written, channel="weights", region="DE", generated=DateRange(start="2025-06-01", end="2025-06-01"))
    assert answer_uses(CATALOG, made, PEACEFUL, (Use.TRAIN_ANY_MODEL,)).outcome is Permission.PROHIBITED


@pytest.mark.parametrize("written", ["llama3.2:3b", "llama-3.2-1b", "llama3.1:8b"])
def test_the_eu_limit_reaches_no_text_model(written: str) -> None:
    made = Generator(provider="meta", model=written, channel="weights", region="DE", generated=DateRange(start="2025-06-01", end="2025-06-01"))
    assert answer_uses(CATALOG, made, PEACEFUL, (Use.TRAIN_ANY_MODEL,)).outcome is Permission.ALLOWED


@pytest.mark.parametrize(
    ("written", "base"), [("deepseek-r1:70b", "meta.llama3.3"), ("deepseek-r1:8b", "meta.llama3"), ("deepseek-r1:32b", "alibaba.qwen")]
)
def test_a_distilled_model_that_is_named_by_its_size_carries_its_base_licence(written: str, base: str) -> None:
    # The 8B and 70B models are Llama distilled, the others Qwen: as the model card of DeepSeek-R1 says.
    made = Generator(provider="deepseek", model=written, channel="weights", region="US", generated=DateRange(start="2025-06-01", end="2025-06-01"))
    found = answer_uses(CATALOG, made, PEACEFUL, (Use.TRAIN_ANY_MODEL,))
    official = {layer.terms for layer in found.layers}
    assert any(t.startswith(base) for t in official), official


@given(st.text(alphabet="abz019.-_:/ ", max_size=30))
def test_spellings_are_few_and_each_once(name: str) -> None:
    found = model_spellings(name)
    assert 1 <= len(found) == len(set(found)) <= 100
