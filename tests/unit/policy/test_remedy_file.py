"""Remedy files: what is read, and what is refused with its place (docs/formats/remedy.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import RemedyError
from provenance.model.absence import TriState
from provenance.model.remedy import DatasetWeight, LicenseObtained, RemedyPlan, RunChange
from provenance.policy.remedy_file import load_remedies, parse_remedies
from provenance.policy.waivers import parse_waiver

WAIVER = {
    "id": "w1",
    "rule": "R002",
    "subject": {"kind": "shard", "id": "a", "digest": "sha256:" + "0" * 64},
    "reason": "licensed",
    "requested_by": "ada@x.org",
    "approved_by": "grace@x.org",
    "created": "2026-11-01",
    "expires": "2026-12-31",
}
LICENSE = {"dataset": "chats", "license": "CC-BY-4.0", "by": "Ada", "why": "contract 7"}
HEAD = {"format": "provenance.remedy", "version": 1}
WHOLE: dict[str, Any] = {
    **HEAD,
    "leave_out": ["tickets"],
    "weights": {"chats": 0.75, "books": 0.25},
    "drop": ["C001", "D001"],
    "licenses": [LICENSE],
    "run": {"model_name": "llama-helpdesk", "release_weights": "closed", "commercial": False},
    "waivers": [WAIVER],
}


def parse(**changes: object) -> RemedyPlan:
    return parse_remedies({**HEAD, **changes}, where="remedy.yaml")


def fault_of(raw: object) -> tuple[str, str | None]:
    with pytest.raises(RemedyError) as caught:
        parse_remedies(raw, where="remedy.yaml")
    assert str(caught.value).startswith("remedy.yaml: ")
    return str(caught.value).removeprefix("remedy.yaml: "), caught.value.hint


def test_a_plan_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "remedy.yaml"
    path.write_text(json.dumps(WHOLE))
    found = load_remedies(path)
    assert found == RemedyPlan(
        leave_out=("tickets",),
        weights=(DatasetWeight(dataset="chats", weight=0.75), DatasetWeight(dataset="books", weight=0.25)),
        drop=("C001", "D001"),
        licenses=(LicenseObtained(**LICENSE),),
        run=RunChange(model_name="llama-helpdesk", release_weights="closed", commercial=TriState.NO),
        waivers=(parse_waiver(WAIVER, where="w"),),
        digest=found.digest,
    )
    path.write_text("# a comment\n" + json.dumps(WHOLE, indent=1))
    assert load_remedies(path).digest == found.digest
    assert parse(drop=["C001"]).digest not in {found.digest, parse(drop=["C002"]).digest}


def test_what_is_left_out_of_the_file_stays_as_it_is() -> None:
    empty = parse()
    assert empty == RemedyPlan(digest=empty.digest)
    assert parse(leave_out=None, licenses=None, run={}) == RemedyPlan(digest=parse(leave_out=None, licenses=None, run={}).digest)


@pytest.mark.parametrize(
    ("value", "expected"), [(True, TriState.YES), (False, TriState.NO), ("UNKNOWN", TriState.UNKNOWN), ("YES", TriState.YES), (..., None)]
)
def test_whether_the_run_is_commercial_is_said_by_yes_or_no_or_not_at_all(value: object, expected: TriState | None) -> None:
    assert parse(run={} if value is ... else {"commercial": value}).run.commercial is expected


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"a": 0.5, "b": 0.501}, None),
        ({"a": 0.5, "b": 0.499}, None),
        ({"a": 0.5, "b": 0.5011}, "they sum to 1.0011, expected 1"),
        ({"a": 0.5, "b": 0.4989}, "they sum to 0.9989, expected 1"),
        ({"a": 0.333, "b": 0.333, "c": 0.333}, None),
        ({"a": 1, "b": 0}, None),
        ({"a": 2, "b": -1}, "b: -1 is not a number from 0 up"),
        ({"a": "1"}, "a: '1' is not a number from 0 up"),
        ({"a": True}, "a: True is not a number from 0 up"),
        ({"a": float("nan")}, "a: nan is not a number from 0 up"),
        ({"a": float("inf")}, "a: inf is not a number from 0 up"),
        ([0.5, 0.5], "expected a share for each dataset"),
    ],
)
def test_weights_are_shares_that_sum_to_1(weights: object, said: str | None) -> None:
    if said is None:
        assert isinstance(weights, dict)
        assert parse(weights=weights).weights == tuple(DatasetWeight(dataset=n, weight=float(w)) for n, w in weights.items())
        return
    hint = {"they": "a weight is a share of the sampled tokens", "expe": "weights: {support-tickets: 0.8, chats: 0.2}"}.get(said[:4])
    assert fault_of({**HEAD, "weights": weights}) == (f"weights: {said}", hint)


OTHER_FORMAT = "expected format: provenance.remedy and version: 1"


@pytest.mark.parametrize(
    "raw", [None, [], {**HEAD, "format": "provenance.run"}, {**HEAD, "version": 2}, {**HEAD, "version": True}, {"version": 1}, {"format": "x"}]
)
def test_another_document_is_refused(raw: object) -> None:
    assert fault_of(raw) == (OTHER_FORMAT, None)


@pytest.mark.parametrize(
    ("changes", "said", "hint"),
    [
        ({"leave_uot": []}, "unknown key 'leave_uot'", "did you mean 'leave_out'?"),
        ({"run": {"model_nmae": "x"}}, "run: unknown key 'model_nmae'", "did you mean 'model_name'?"),
        ({"run": []}, "run: expected keys with values, got list", "known: model_name, release_weights, commercial"),
        ({"licenses": [LICENSE, {**LICENSE, "whi": "x"}]}, "licenses[1]: unknown key 'whi'", "did you mean 'why'?"),
        ({"licenses": ["x"]}, "licenses[0]: expected keys with values, got str", "known: dataset, license, by, why"),
        ({"waivers": {}}, "waivers must be a list", None),
        ({"waivers": [WAIVER, {**WAIVER, "approved_by": "ada@x.org"}]}, "waivers[1]: approved by its own requester 'ada@x.org'", "somebody else must approve it"),
        ({"run": {"release_weights": "opened"}}, "run: release_weights is 'opened'", "open or closed"),
        ({"licenses": [LICENSE, LICENSE]}, "licenses names 'chats' twice", None),
        ({"leave_out": ["b", "a", "b"]}, "leave_out names 'b' twice", None),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(changes: dict[str, object], said: str, hint: str | None) -> None:
    assert fault_of({**HEAD, **changes}) == (said, hint)


@pytest.mark.parametrize("name", list(LICENSE))
def test_a_licence_to_be_obtained_says_all_that_its_conclusion_needs(name: str) -> None:
    hint = "say which dataset, which licence, who would conclude it, and why"
    assert fault_of({**HEAD, "licenses": [{**LICENSE, name: " "}]}) == (f"licenses: {name} is empty", hint)


@pytest.mark.parametrize(
    "changes", [{"leave_out": "chats"}, {"drop": [1]}, {"licenses": {}}, {"licenses": [{"dataset": "x"}]}, {"run": {"commercial": 3}}]
)
def test_a_value_of_another_type_is_refused_with_its_place(changes: dict[str, object]) -> None:
    with pytest.raises(RemedyError, match=rf"^remedy\.yaml\.{next(iter(changes))}"):
        parse(**changes)


@pytest.mark.parametrize("release", ["open", "closed", ""])
def test_weights_are_open_or_closed_or_as_they_are(release: str) -> None:
    assert parse(run={"release_weights": release}).run.release_weights == release


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(RemedyError, match=r"none\.yaml: cannot be read"):
        load_remedies(tmp_path / "none.yaml")
    path = tmp_path / "bad.yaml"
    path.write_text(json.dumps({**HEAD, "format": "x"}))
    with pytest.raises(RemedyError) as caught:
        load_remedies(path)
    assert str(caught.value) == f"{path}:1:1: {OTHER_FORMAT}"
