"""Every fact that can be unknown has a way to be supplied, and every finding that is UNKNOWN names it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.model.absence import Absence
from provenance.model.finding import Action, Finding, Outcome, Reading, Subject, SubjectKind
from provenance.policy.facts import SCHEMA
from provenance.policy.supply import how_to_supply, with_missing
from tests.fakes.records import make_finding, sha

CAN_BE_UNKNOWN = [(kind, f.path) for kind, fields in SCHEMA.items() for f in fields if f.is_tristate or f.may_be_absent or f.known_by]


def unknown(*because: tuple[str, str | int | float], kind: SubjectKind = SubjectKind.DATASET, dataset: str = "chats") -> Finding:
    subject = Subject(kind=kind, id="chats", digest=sha("chats"))
    finding = make_finding("L001", "Licence", subject=subject, message="not known", dataset=dataset, action=Action.DENY, outcome=Outcome.UNKNOWN)
    return replace(finding, because=tuple(Reading(path=path, value=value) for path, value in because))


@pytest.mark.parametrize(("kind", "path"), CAN_BE_UNKNOWN)
def test_every_fact_that_can_be_unknown_can_be_supplied(kind: SubjectKind, path: str) -> None:
    said = how_to_supply(kind, path, "chats")
    assert any(
        word in said for word in ("datasets.yaml", "run file", "provenance scan", "provenance register", "provenance reference add", "roots")
    ), said
    assert "datasets show" not in said
    assert "{name}" not in said


@pytest.mark.parametrize("path", [f.path for f in SCHEMA[SubjectKind.RUN]])
def test_of_a_run_no_dataset_of_the_models_name_is_shown(path: str) -> None:
    assert "helpdesk" not in how_to_supply(SubjectKind.RUN, path, "helpdesk")


@pytest.mark.parametrize("value", [*Absence, ""])
def test_what_is_absent_is_named_and_what_is_known_is_not(value: str) -> None:
    found = with_missing(unknown(("dataset.license.expression", value), ("dataset.synthetic", "NO"), ("params.max_words", 3)))
    assert [m.path for m in found.missing] == ["dataset.license.expression"]
    assert "licenses detect FOLDER --dataset chats" in found.missing[0].supply


def test_a_number_that_is_not_known_is_named_though_it_reads_as_a_number() -> None:
    found = with_missing(unknown(("run.synthetic_share", 0.0), ("params.max_synthetic", 0.3), kind=SubjectKind.RUN, dataset=""))
    assert [m.path for m in found.missing] == ["run.synthetic_share"]
    assert "weight in the run file" in found.missing[0].supply


def test_a_companion_that_says_no_is_what_lacks() -> None:
    found = with_missing(unknown(("run.words", 0), ("run.words_known", "NO"), ("run.commercial", "YES"), kind=SubjectKind.RUN, dataset=""))
    assert [m.path for m in found.missing] == ["run.words_known"]


@pytest.mark.parametrize("outcome", [Outcome.VIOLATED, Outcome.SATISFIED])
def test_a_finding_that_is_decided_lacks_nothing(outcome: Outcome) -> None:
    assert with_missing(replace(unknown(("dataset.synthetic", "UNKNOWN")), outcome=outcome)).missing == ()
