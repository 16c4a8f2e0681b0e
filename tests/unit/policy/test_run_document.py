"""Run files: what is read, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provenance.canonical import digest_of
from provenance.errors import RunDocumentError
from provenance.model.absence import TriState
from provenance.policy.rundoc import load_run, parse_run, split_pin

GOOD = """\
format: provenance.run
version: 1
model: {name: helpdesk-7b, parameters: 7e9, release: {weights: open, date: 2026-12-01}}
purpose: {commercial: true, competes_with: [{provider: mistral, value: false, who: legal@example.org, why: other market}]}
data:
  - {dataset: tickets, weight: 0.7}
  - {dataset: chats, weight: 0.3}
policy: [commercial-llm.yaml]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


def test_a_run_is_read_as_written(tmp_path: Path) -> None:
    run = load_run(write(tmp_path, GOOD))
    assert (run.model.name, run.model.parameters, run.model.release.date) == ("helpdesk-7b", 7e9, "2026-12-01")
    assert run.purpose.commercial is TriState.YES
    assert [(d.dataset, d.weight) for d in run.data] == [("tickets", 0.7), ("chats", 0.3)]


def test_a_purpose_nobody_stated_is_unknown(tmp_path: Path) -> None:
    assert load_run(write(tmp_path, GOOD.replace("commercial: true, ", ""))).purpose.commercial is TriState.UNKNOWN


def test_the_digest_follows_what_is_said_and_not_the_layout(tmp_path: Path) -> None:
    first = load_run(write(tmp_path, GOOD)).digest
    assert load_run(write(tmp_path, "# a comment\n" + GOOD.replace("{name: helpdesk-7b, ", "{name:   helpdesk-7b, "))).digest == first
    assert load_run(write(tmp_path, GOOD.replace("0.7", "0.6").replace("0.3", "0.4"))).digest != first


def test_weights_rounded_by_hand_are_accepted(tmp_path: Path) -> None:
    text = GOOD.replace("weight: 0.7", "weight: 0.333").replace("weight: 0.3}", "weight: 0.667}")
    assert len(load_run(write(tmp_path, text)).data) == 2


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("purpose:", "purpos:", "purpos"),
        ("commercial: true", "comercial: true", "comercial"),
        ("weight: 0.3}", "weight: 0.2}", "sum to 0.9"),
        ("weight: 0.3}", "epochs: 2}", "mixed"),
        (", weight: 0.3}", "}", "no weight"),
        ("dataset: chats", "dataset: tickets", "twice"),
        ("dataset: chats", "dataset: tickets@sha256:12", "64 hex"),
        ("weights: open", "weights: opened", "opened"),
        ("2026-12-01", "2026-02-30", "not a day"),
        (", who: legal@example.org", "", "nobody"),
        ("weight: 0.7", "weight: -0.7", "from 0 up"),
        ("name: helpdesk-7b", 'name: ""', "empty"),
        ("version: 1", "version: 2", "version"),
        ("version: 1", "version: 1\nversion: 1", "given twice"),
        ("model: {", "model: &m {", "aliases"),
    ],
)
def test_what_is_refused_says_why(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(RunDocumentError, match=reason):
        load_run(write(tmp_path, GOOD.replace(old, new, 1)))


def test_a_missing_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDocumentError, match="cannot be read"):
        load_run(tmp_path / "none.yaml")
    with pytest.raises(RunDocumentError, match="expected a run document"):
        load_run(write(tmp_path, ""))


BASE: dict[str, Any] = {
    "format": "provenance.run",
    "version": 1,
    "model": {"name": "m"},
    "data": [{"dataset": "a", "weight": 0.75}, {"dataset": "b", "weight": 0.25}],
}
PIN = "sha256:" + "a" * 64


def fault_of(raw: object) -> tuple[str, str | None]:
    with pytest.raises(RunDocumentError) as caught:
        parse_run(raw, where="run.yaml")
    assert str(caught.value).startswith("run.yaml: ")
    return str(caught.value).removeprefix("run.yaml: "), caught.value.hint


def entries(*items: tuple[str, object], key: str = "weight") -> list[dict[str, object]]:
    return [{"dataset": name, key: value} for name, value in items]


def test_what_a_run_file_leaves_out_is_not_stated() -> None:
    run = parse_run(BASE, where="run.yaml")
    assert (run.purpose.commercial, run.purpose.use, run.purpose.competes_with) == (TriState.UNKNOWN, "UNKNOWN", ())
    assert (run.model.base, run.model.release.weights, run.organization.contact, run.waivers) == (None, "UNKNOWN", "UNKNOWN", None)


@pytest.mark.parametrize(("value", "expected"), [(True, TriState.YES), (False, TriState.NO), ("UNKNOWN", TriState.UNKNOWN), ("NO", TriState.NO)])
def test_a_commercial_purpose_is_yes_or_no_or_unknown(value: object, expected: TriState) -> None:
    assert parse_run({**BASE, "purpose": {"commercial": value, "use": "support"}}, where="run.yaml").purpose.commercial is expected


@pytest.mark.parametrize(
    ("changes", "said", "hint"),
    [
        ({"format": "provenance.policy"}, "format is 'provenance.policy', expected 'provenance.run'", None),
        ({"format": None}, "format is None, expected 'provenance.run'", None),
        ({"version": 2}, "version is 2, expected 1", None),
        ({"version": True}, "version is True, expected 1", None),
        ({"digest": "x"}, "digest is computed, not given", None),
        ({"polic": []}, "unknown key 'polic'", "did you mean 'policy'?"),
        ({"model": {"name": "m", "nmae": 1}}, "model: unknown key 'nmae'", "did you mean 'name'?"),
        ({"model": {"name": "m", "release": {"wieghts": "open"}}}, "model: release: unknown key 'wieghts'", "did you mean 'weights'?"),
        ({"data": [{"dataset": "a"}, {"datset": "b"}]}, "data[1]: unknown key 'datset'", "did you mean 'dataset'?"),
        ({"purpose": {"competes_with": [{"provder": "x"}]}}, "purpose: competes_with[0]: unknown key 'provder'", "did you mean 'provider'?"),
        ({"model": {"name": " "}}, "model.name is empty", None),
        ({"data": []}, "data names no dataset", "data: [{dataset: NAME, weight: 1.0}]"),
        ({"model": {"name": "m", "parameters": -1.0}}, "-1.0 is not a number from 0 up", None),
        ({"model": {"name": "m", "parameters": float("nan")}}, "nan is not a number from 0 up", None),
        ({"data": entries(("a", float("inf")))}, "inf is not a number from 0 up", None),
        ({"data": entries(("a", 2.0), ("b", -1.0))}, "-1.0 is not a number from 0 up", None),
        ({"data": entries(("a", 2.0), ("b", -1.0), key="epochs")}, "-1.0 is not a number from 0 up", None),
        ({"model": {"name": "m", "release": {"weights": "opened"}}}, "model.release.weights is 'opened'", "open, closed, or UNKNOWN"),
        ({"model": {"name": "m", "release": {"date": "20261201"}}}, "model.release.date: '20261201' is not a day YYYY-MM-DD", None),
        (
            {"organization": {"copyright_policy": {"date": "2026-02-29"}}},
            "organization.copyright_policy.date: '2026-02-29' is not a day YYYY-MM-DD",
            None,
        ),
        (
            {"purpose": {"competes_with": [{"provider": "OpenAI", "value": True}, {"provider": "openai", "value": True}]}},
            "purpose.competes_with names 'OpenAI' twice",
            None,
        ),
        ({"data": entries(("a", 0.5), ("a@" + PIN, 0.5))}, "data: dataset 'a' is named twice", "give it one weight"),
        ({"data": [{"dataset": "a", "weight": 1.0}, {"dataset": "b", "epochs": 1.0}]}, "data: weight and epochs are mixed", "give weights or epochs, the others are derived"),
        ({"data": [{"dataset": "a", "weight": 1.0}, {"dataset": "b"}, {"dataset": "c"}]}, "data: 2 of 3 datasets have no weight", None),
        ({"data": [{"dataset": "a", "epochs": 1.0}, {"dataset": "b"}, {"dataset": "c"}]}, "data: 2 of 3 datasets have no epochs", None),
        ({"data": entries(("a", 0.5), ("b", 0.4989))}, "data: the weights sum to 0.9989, expected 1", "a weight is a share of the sampled tokens"),
        ({"data": entries(("a", 0.5), ("b", 0.5011))}, "data: the weights sum to 1.0011, expected 1", "a weight is a share of the sampled tokens"),
        ({"data": entries(("a", 0.0), ("b", 0.0), key="epochs")}, "data: all epochs are 0", None),
        ({"data": entries((" ", 1.0))}, "data: a dataset has no name", None),
        ({"data": entries(("@" + PIN, 1.0))}, "data: a dataset has no name", None),
        ({"data": entries(("a@sha256:12", 1.0))}, "data: 'a@sha256:12': 'sha256:12' is not sha256:<64 hex digits>", None),
        ({"data": entries(("a@", 1.0))}, "data: 'a@': '' is not sha256:<64 hex digits>", None),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_what_to_do(changes: dict[str, object], said: str, hint: str | None) -> None:
    parse_run(BASE, where="run.yaml")
    assert fault_of({**BASE, **changes}) == (said, hint)


@pytest.mark.parametrize("missing", [("who",), ("why",), ("who", "why")])
def test_that_a_model_does_not_compete_is_said_by_somebody_for_a_reason(missing: tuple[str, ...]) -> None:
    whole = {"provider": "mistral", "value": False, "who": "legal@example.org", "why": "another market"}
    parse_run({**BASE, "purpose": {"competes_with": [whole]}}, where="run.yaml")
    stated = {k: v for k, v in whole.items() if k not in missing}
    said = "purpose.competes_with: that the model does not compete with 'mistral' is said by nobody or for no reason"
    assert fault_of({**BASE, "purpose": {"competes_with": [stated]}}) == (said, "give who and why: the verdict rests on this statement")
    parse_run({**BASE, "purpose": {"competes_with": [{**stated, "value": True}]}}, where="run.yaml")


@pytest.mark.parametrize(
    "data",
    [
        entries(("a", 0.5), ("b", 0.501)),
        entries(("a", 0.5), ("b", 0.499)),
        entries(("a", 0.333), ("b", 0.333), ("c", 0.333)),
        entries(("a", 1.0), ("b", 0.0)),
        entries(("a", 0.0), ("b", 0.5), key="epochs"),
        [{"dataset": "a"}, {"dataset": "b"}],
        entries(("a@" + PIN, 1.0)),
    ],
)
def test_weights_sum_to_1_within_a_thousandth_and_epochs_to_anything(data: list[dict[str, object]]) -> None:
    assert [d.dataset for d in parse_run({**BASE, "data": data}, where="run.yaml").data] == [d["dataset"] for d in data]


@pytest.mark.parametrize("weights", ["open", "closed", "UNKNOWN", "NOT_STATED"])
def test_weights_are_released_or_not_or_nobody_says(weights: str) -> None:
    release = {"weights": weights, "date": "UNKNOWN"}
    assert parse_run({**BASE, "model": {"name": "m", "release": release}}, where="run.yaml").model.release.weights == weights


@pytest.mark.parametrize(("raw", "said"), [(None, "NoneType"), ([], "list"), ("run", "str")])
def test_what_is_no_document_is_refused(raw: object, said: str) -> None:
    assert fault_of(raw) == (f"expected a run document, got {said}", "begin with: format: provenance.run")


@pytest.mark.parametrize(
    "changes", [{"model": []}, {"data": {}}, {"data": ["a"]}, {"references": "x"}, {"purpose": {"commercial": 3}}, {"purpose": []}]
)
def test_a_value_of_another_type_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RunDocumentError, match=rf"^run\.yaml\.{next(iter(changes))}"):
        parse_run({**BASE, **changes}, where="run.yaml")


def test_a_name_may_be_pinned_to_a_version() -> None:
    assert split_pin("chats") == ("chats", None)
    assert split_pin(f"chats@{PIN}") == ("chats", PIN)
    with pytest.raises(RunDocumentError, match="dataset: a dataset has no name"):
        split_pin("")


def test_the_digest_is_over_everything_that_the_file_says() -> None:
    first = parse_run(BASE, where="run.yaml").digest
    assert first == digest_of(BASE)
    assert parse_run({**BASE, "requested_by": "ada"}, where="elsewhere.yaml").digest != first
