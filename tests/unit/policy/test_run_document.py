"""Run files: what is read, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import RunDocumentError
from provenance.model.absence import TriState
from provenance.policy.rundoc import load_run

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
