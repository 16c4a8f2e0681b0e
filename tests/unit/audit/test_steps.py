"""Steps name what closes most findings first, and only what counts towards the verdict."""

from __future__ import annotations

import re
from dataclasses import replace

from provenance.audit.judged import match_id
from provenance.audit.steps import Amounts, propose_steps
from provenance.model.finding import Action, Finding, Outcome, Remedy, Subject, SubjectKind
from tests.fakes.records import make_finding
from tests.fakes.world import plain_match, work_reference

BOOK = work_reference()
AMOUNTS = Amounts(records={"chats": 200, "prose": 50}, dropped={"chats": 2, "prose": 1})


def shared(record: int, *, dataset: str = "chats", rule: str = "C001", waiver: str | None = None, grouped: int = 0) -> Finding:
    match = plain_match(BOOK, path=f"{dataset}.jsonl", record=record)
    subject = Subject(kind=SubjectKind.MATCH, id=match_id(dataset, match), digest=match_id(dataset, match))
    finding = make_finding(rule, "Long passage", subject=subject, message="shares words", dataset=dataset, waiver=waiver)
    return replace(finding, grouped=grouped)


def of_dataset(
    rule: str, dataset: str, *, action: Action = Action.DENY, outcome: Outcome = Outcome.VIOLATED, remedies: tuple[Remedy, ...] = ()
) -> Finding:
    subject = Subject(kind=SubjectKind.DATASET, id=dataset, digest="sha256:" + "0" * 64)
    return make_finding(
        rule, f"Title of {rule}", subject=subject, message="is wrong", dataset=dataset, action=action, outcome=outcome, remedies=remedies
    )


def test_nothing_open_needs_no_step() -> None:
    assert propose_steps([shared(1, waiver="w-1")], AMOUNTS) == ()
    assert propose_steps([of_dataset("W001", "chats", action=Action.WARN)], AMOUNTS) == ()


def test_all_shared_text_is_one_step_with_every_dataset_and_rule_it_touches() -> None:
    (step,) = propose_steps([shared(1), shared(2), shared(2, rule="D002"), shared(7, dataset="prose")], AMOUNTS)
    assert re.search(r"2 records of chats, 1\.0\s?% of its records", step.summary)
    assert re.search(r"1 record of prose, 2\.0\s?% of its records", step.summary)
    assert "provenance remedy drop --rule C001 --rule D002 --apply" in step.summary
    assert step.effect == "closes 4 passages of C001, D002"
    assert step.clears == ("C001", "D002")


def test_the_step_that_closes_most_comes_first() -> None:
    findings = [of_dataset("L001", "forum"), *(of_dataset("L002", name) for name in ("a", "b", "c"))]
    assert [s.clears for s in propose_steps(findings, AMOUNTS)] == [("L002",), ("L001",)]
    steps = propose_steps([*findings, *(shared(i) for i in range(5))], AMOUNTS)
    assert [s.clears for s in steps] == [("C001",), ("L002",), ("L001",)]


def test_a_grouped_finding_counts_as_all_that_it_stands_for() -> None:
    findings = [shared(1), shared(2, grouped=7), *(of_dataset("L002", name) for name in "abcde")]
    first, _ = propose_steps(findings, AMOUNTS)
    assert first.effect == "closes 8 passages of C001"
    assert "2 records of chats" in first.summary


def test_each_dataset_is_named_once() -> None:
    (step,) = propose_steps([of_dataset("L001", "forum"), of_dataset("L001", "forum"), of_dataset("L001", "chats")], AMOUNTS)
    assert step.summary.startswith("State the licence of forum, chats in datasets.yaml")
    assert step.effect == "closes 3 findings of L001"


def test_a_rule_without_advice_of_its_own_offers_its_first_remedy_else_its_title() -> None:
    remedy = Remedy(kind="reweight", summary="lower the weights")
    steps = propose_steps([of_dataset("S001", "m", remedies=(remedy,)), of_dataset("Z001", "m")], AMOUNTS)
    assert {s.clears: s.summary for s in steps} == {("S001",): "Lower the weights", ("Z001",): "Title of Z001"}


def test_an_unknown_outcome_and_a_review_count_as_a_violation_does() -> None:
    findings = [of_dataset("L001", "a", outcome=Outcome.UNKNOWN), of_dataset("L003", "a", action=Action.REVIEW)]
    assert {s.clears for s in propose_steps(findings, AMOUNTS)} == {("L001",), ("L003",)}
    assert propose_steps([of_dataset("L001", "a", outcome=Outcome.SATISFIED)], AMOUNTS) == ()


def test_a_step_that_closes_findings_on_several_datasets_says_what_helps_each() -> None:
    remedies = {name: (Remedy(kind="drop", summary=f"leave {name} out", effect=""),) for name in "abcde"}
    (two,) = propose_steps([of_dataset("L002", name, remedies=remedies[name]) for name in "aba"], AMOUNTS)
    assert (two.summary, two.effect) == ("Leave a out; leave b out", "closes 3 findings of L002")
    (five,) = propose_steps([of_dataset("L002", name, remedies=remedies[name]) for name in "abcde"], AMOUNTS)
    assert five.summary == "Leave a out; leave b out; leave c out; and 2 more alike"


def test_what_is_done_once_is_said_once() -> None:
    mixed = [of_dataset(rule, "mix", remedies=(Remedy(kind="reweight", summary="other weights"),)) for rule in ("S001", "S002")]
    weights = {"prose": 0.7, "chats": 0.3}
    steps = propose_steps(mixed, replace(AMOUNTS, weights=weights, weighed=frozenset({"S001", "S002"})))
    assert [(s.summary, s.effect, s.clears) for s in steps] == [
        ("Set the weights in the run file to prose 0.7, chats 0.3", "closes 2 findings of S001, S002", ("S001", "S002"))
    ]
