"""What is wrong in a run, remedy or waiver file is told with line and column, as in a bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import InputError, RemedyError, RunDocumentError, WaiverError
from provenance.policy.remedy_file import load_remedies
from provenance.policy.rundoc import load_run
from provenance.policy.waivers import load_waivers

RUN = """format: provenance.run
version: 1
model: {name: m}
data:
  - dataset: a
    weight: 1.0
policy: [strict]
organization:
  monthly_active_users: 5
requested_by: me@example.org
"""
WAIVER = """  - id: W1
    rule: C001
    subject: {kind: dataset, id: a, digest: "sha256:%s"}
    reason: licensed
    comment: c
    requested_by: a@example.org
    approved_by: b@example.org
    created: 2026-01-01
    expires: 2026-12-31
""" % ("0" * 64)
WAIVERS = "format: provenance.waivers\nversion: 1\nwaivers:\n" + WAIVER
REMEDY = "format: provenance.remedy\nversion: 1\ndrop: [C001]\nlicenses:\n  - {dataset: a, license: CC0-1.0, by: b, why: c}\nwaivers:\n" + WAIVER


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    weight: 1.0", "    wieght: 1.0", "6:5: data[0]: unknown key 'wieght'"),
        ("weight: 1.0", "weight: much", "6:13: data[0].weight: expected"),
        ("name: m", "name: 3", "3:15: model.name: expected"),
        ("name: m", "name: m, release: {weights: ajar}", "3:37: model.release.weights is 'ajar'"),
        ("users: 5", "users: -5", "9:25: organization.monthly_active_users is -5"),
        ("[strict]", "[strict, ours, strict]", "7:9: policy names 'strict' twice"),
        ("me@example.org", '""', "10:15: requested_by is empty"),
        ("me@example.org", '" "', "10:15: requested_by is empty"),
        ("version: 1", "version: 2", "2:10: version is 2"),
    ],
)
def test_a_run_file(tmp_path: Path, old: str, new: str, said: str) -> None:
    told(tmp_path, RUN.replace(old, new), said, RunDocumentError)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    rule: C001", "    rle: C001", "5:5: waivers[0]: unknown key 'rle'"),
        ("rule: C001", "rule: 3", "5:11: waivers[0].rule: expected"),
        ("reason: licensed", "reason: licenced", "7:13: waivers[0]: reason 'licenced'"),
        ("waivers:", "waiver: []\nwaivers:", "3:1: unknown key 'waiver'"),
        ("2026-12-31", "tomorrow", "12:14: waivers[0]: expires: 'tomorrow' is not a day"),
    ],
)
def test_a_file_of_waivers(tmp_path: Path, old: str, new: str, said: str) -> None:
    told(tmp_path, WAIVERS.replace(old, new), said, WaiverError)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("drop:", "droop:", "3:1: unknown key 'droop'"),
        ("drop: [C001]", "drop: [C001, C001]", "3:7: drop names 'C001' twice"),
        ("by: b,", "by: 4,", "5:40: licenses[0].by: expected"),
        ("    rule: C001", "    rle: C001", "8:5: waivers[0]: unknown key 'rle'"),
        (WAIVER, WAIVER + WAIVER, "7:3: waivers names 'W1' twice"),
    ],
)
def test_a_remedy_file(tmp_path: Path, old: str, new: str, said: str) -> None:
    told(tmp_path, REMEDY.replace(old, new), said, RemedyError)


def test_the_hint_of_a_reason_is_a_word(tmp_path: Path) -> None:
    caught = told(tmp_path, WAIVERS.replace("reason: licensed", "reason: licenced"), "reason", WaiverError)
    assert caught.hint == "did you mean 'licensed'?"


def told(folder: Path, text: str, said: str, kind: type[InputError]) -> InputError:
    """Return what is raised of a file, which says what is expected; as it was the file is fine."""
    path = folder / "f.yaml"
    load = {RunDocumentError: load_run, WaiverError: load_waivers, RemedyError: load_remedies}[kind]
    path.write_text({RunDocumentError: RUN, WaiverError: WAIVERS, RemedyError: REMEDY}[kind])
    load(path)
    path.write_text(text)
    with pytest.raises(kind) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:")
    assert said in str(caught.value)
    return caught.value
