"""The shipped catalogue against the facts it is made from: every entry that may decide, on every axis, and every name that people write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from provenance.licensing.classes import shipped_licenses
from provenance.licensing.license_class import Metric, WhenTested
from tests.conftest import SHARED

FACTS = SHARED / "facts" / "licences.yaml"
STATES = {True: "YES", False: "NO", "?": "UNKNOWN"}
AXES = ("attribution", "share_alike", "no_derivatives", "behavioural_restrictions")
NOT_KNOWN = {"NOASSERTION": "UNKNOWN"}
"""What SPDX calls a licence that is not known has a name of its own here."""


@pytest.fixture(scope="module")
def facts() -> Any:
    if not Path(FACTS).is_file():
        pytest.skip("the facts are not beside this checkout")
    return yaml.safe_load(FACTS.read_text(encoding="utf-8"))


def ids_of(entry: Any) -> list[str]:
    return [part.strip() for part in entry["id"].split(" OR ")]


def test_every_entry_that_may_decide_is_shipped_with_all_its_axes(facts: Any) -> None:
    classes = shipped_licenses().classes
    deciding = [e for e in facts["licences"] if e["confidence"] in {"seen", "secondary"}]
    assert len(deciding) == 124
    for entry in deciding:
        for name in ids_of(entry):
            found = classes[name]
            assert found.use == entry["use"], name
            assert found.outputs_clause == entry["outputs_clause"], name
            assert found.confidence == entry["confidence"], name
            assert found.basis == entry["basis"], name
            assert {a: getattr(found, a).value for a in AXES} == {a: STATES[entry[a]] for a in AXES}, name


def test_an_entry_that_nobody_verified_decides_nothing(facts: Any) -> None:
    hearsay = [name for e in facts["licences"] if e["confidence"] == "unverified" for name in ids_of(e)]
    assert len(hearsay) == 4
    assert [name for name in hearsay if name in shipped_licenses().classes] == []


def test_every_name_is_read_as_the_facts_have_it(facts: Any) -> None:
    wrong = {}
    for written, meant in facts["aliases"].items():
        value = shipped_licenses().normalize(written)[0]
        if value != NOT_KNOWN.get(meant, meant) and value not in meant.split(" OR "):
            wrong[written] = (meant, value)
    assert wrong == {}
    assert len(facts["aliases"]) == 467


def test_every_identifier_of_the_hub_is_read_as_the_facts_have_it(facts: Any) -> None:
    found = {item["hf_id"]: shipped_licenses().normalize(item["hf_id"])[0] for item in facts["hf_identifier_map"]}
    assert found == {item["hf_id"]: NOT_KNOWN.get(item["licence"], item["licence"]) for item in facts["hf_identifier_map"]}
    assert len(found) == 83


def test_thresholds_and_names_of_the_facts_are_limits_and_duties(facts: Any) -> None:
    classes = shipped_licenses().classes
    millions = {"100M MAU": 100, "700M MAU": 700, "1M MAU": 1}
    for entry in facts["licences"]:
        if entry["confidence"] == "unverified":
            continue
        found = classes[ids_of(entry)[0]]
        threshold, naming = entry.get("threshold", ""), entry.get("naming", "")
        users = [x for x in found.limits if x.metric is Metric.MONTHLY_ACTIVE_USERS]
        assert [x.value for x in users] == [next((n * 10**6 for text, n in millions.items() if threshold.startswith(text)), None)] * bool(
            "MAU" in threshold
        )
        if "at release" in threshold:
            assert [x.tested_when for x in users] == [WhenTested.RELEASE]
        revenue = [x.value for x in found.limits if x.metric is Metric.REVENUE]
        assert bool(revenue) == ("USD" in threshold or "RMB" in threshold), entry["id"]
        assert ("name-prefix:" in " ".join(found.duties)) == naming.startswith("prefix"), entry["id"]
        if naming == "notice-file":
            assert any(d.startswith("notice-file:") for d in found.duties)
        if naming.startswith("UI badge"):
            assert {x.effect.partition(":")[0] for x in found.limits} == {"ui-badge"}
            assert not any(x.bars for x in found.limits)


def test_revenue_limits_are_those_of_the_facts() -> None:
    classes = shipped_licenses().classes
    found = {key: (x.value, x.unit, x.per) for key, c in classes.items() for x in c.limits if x.metric is Metric.REVENUE}
    assert found == {
        "LicenseRef-minimax-m2-modified-mit": (30_000_000, "USD", "year"),
        "LicenseRef-scancode-moonshot-ai-modified-mit-2025": (20_000_000, "USD", "month"),
        "LicenseRef-scancode-stability-ai-community-2024": (1_000_000, "USD", "year"),
        "LicenseRef-scancode-bilibili-model-ula-2025-09-09": (1_000_000_000, "CNY", "year"),
    }


def test_the_exact_words_that_names_must_begin_with() -> None:
    classes = shipped_licenses().classes
    assert "name-prefix:Llama 3" in classes["LicenseRef-llama3"].duties
    for version in ("3.1-license-2024", "3.2-license-2024", "3.3-license-2024", "4-cla-2025"):
        assert classes[f"LicenseRef-scancode-llama-{version}"].duties == ("name-prefix:Llama", "badge:Built with Llama")
    assert not any(d.startswith("name-prefix") for d in classes["LicenseRef-scancode-llama-2-license-2023"].duties)
