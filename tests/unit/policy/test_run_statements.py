"""What a run file states for the terms of others: what is read, what is the same as silence, and what is refused with its place."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from provenance.errors import RunDocumentError
from provenance.model.absence import TriState
from provenance.model.run import Period, Revenue, Run, UsersOn
from provenance.policy.rundoc import load_run

DIGEST = "sha256:" + "1" * 64
HEAD = """\
format: provenance.run
version: 1
model: {name: m}
data: [{dataset: chats}]
"""
GOOD = f"""\
purpose:
  imitates: [{{provider: openai, value: false, who: legal@example.org, why: labels only}}, {{provider: mistral, value: true}}]
  distribute_data: true
organization:
  monthly_active_users_at: [{{date: 2024-06-30, value: 95000}}]
  revenue: {{amount: 4200000, currency: EUR, period: year, as_of: 2025-12-31}}
approvals:
  - {{provider: anthropic, model: claude-3, scope: [train_any_model], who: legal@example.org, day: 2026-01-31, evidence: {{url: "https://example.org/17", sha256: "{DIGEST}"}}}}
"""


def load(folder: Path, text: str) -> Run:
    path = folder / "run.yaml"
    path.write_text(HEAD + text)
    return load_run(path)


def test_statements_are_read_as_written(tmp_path: Path) -> None:
    run = load(tmp_path, GOOD)
    assert [(i.provider, i.value) for i in run.purpose.imitates] == [("openai", TriState.NO), ("mistral", TriState.YES)]
    assert run.purpose.distribute_data == "YES"
    assert run.organization.monthly_active_users_at == (UsersOn(date="2024-06-30", value=95000),)
    assert run.organization.revenue == Revenue(amount=4_200_000, currency="EUR", period=Period.YEAR, as_of="2025-12-31")
    (approval,) = run.approvals
    assert (approval.of, approval.scope, approval.lacks("2026-01-31")) == ("anthropic", ("train_any_model",), ())


@pytest.mark.parametrize(
    "text",
    [
        "purpose: {imitates: UNKNOWN}",
        "purpose: {imitates: []}",
        "organization: {revenue: UNKNOWN}",
        "organization: {revenue: null}",
        "organization: {monthly_active_users: UNKNOWN, monthly_active_users_at: UNKNOWN}",
        "approvals: UNKNOWN",
        "approvals: []",
    ],
)
def test_what_is_said_to_be_unknown_is_as_if_it_were_left_out(tmp_path: Path, text: str) -> None:
    found, silent = load(tmp_path, text), load(tmp_path, "")
    assert (found.purpose, found.organization, found.approvals) == (silent.purpose, silent.organization, silent.approvals)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("imitates:", "imitate:", "imitate"),
        ("distribute_data:", "distribute_date:", "distribute_data"),
        ("revenue:", "revenu:", "revenue"),
        ("approvals:", "aprovals:", "approvals"),
        ("amount:", "amonut:", "amonut"),
        ("evidence:", "evidense:", "evidence"),
        ("sha256:", "sha265:", "sha256"),
        (", who: legal@example.org, why: labels only", "", "nobody"),
        ("why: labels only", 'why: " "', "no reason"),
        ("provider: mistral, value: true", "provider: OpenAI, value: true", "twice"),
        ("provider: mistral, value: true", 'provider: "", value: true', "no provider"),
        ("provider: mistral, value: true", "provider: mistral, value: perhaps", "YES, NO, UNKNOWN"),
        ("distribute_data: true", "distribute_data: maybe", "maybe"),
        ("value: 95000", "value: -1", "from 0 up"),
        ("date: 2024-06-30", "date: 2024-06", "not a day"),
        ("date: 2024-06-30", "date: UNKNOWN", "not stated"),
        ("amount: 4200000", "amount: -1", "from 0 up"),
        ("amount: 4200000", "amount: much", "amount"),
        ("currency: EUR", "currency: euro", "euro"),
        ("period: year", "period: decade", "year, month"),
        (", as_of: 2025-12-31", "", "as_of is not stated"),
        ("provider: anthropic, ", "", "neither"),
        ("provider: anthropic", "provider: anthropic, terms: anthropic.aup.2025-09-15", "both"),
        ("model: claude-3", "model: UNKNOWN", "UNKNOWN"),
        ("train_any_model", "train_any_mode", "train_any_mode"),
        ("scope: [train_any_model]", "scope: UNKNOWN", "a list"),
        ("2026-01-31", "2026-01-32", "not a day"),
        ("1" * 64, "1" * 63, "64 hex"),
        ("approvals:\n", "approvals:\n  - letter\n", "approvals"),
    ],
)
def test_what_is_refused_says_why(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(RunDocumentError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert reason in f"{caught.value} {caught.value.hint}"
    assert "run.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("who: legal@example.org, day", "day"),
        ("day: 2026-01-31, ", ""),
        ("day: 2026-01-31", "day: 2026-12-31"),
        (f', sha256: "{DIGEST}"', ""),
        ('url: "https://example.org/17", ', ""),
        (f'evidence: {{url: "https://example.org/17", sha256: "{DIGEST}"}}', "evidence: UNKNOWN"),
        (f', evidence: {{url: "https://example.org/17", sha256: "{DIGEST}"}}', ""),
    ],
)
def test_an_approval_that_nobody_can_check_is_read_and_does_not_count(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    (approval,) = load(tmp_path, GOOD.replace(old, new, 1)).approvals
    assert len(approval.lacks("2026-11-30")) == 1


def test_a_file_of_evidence_is_held_against_its_digest(tmp_path: Path) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"we agree")
    text = "approvals: [{{provider: acme, who: w, day: 2026-01-31, evidence: {{file: {file}, sha256: 'sha256:{digest}'}}}}]"
    digest = hashlib.sha256(b"we agree").hexdigest()
    assert load(tmp_path, text.format(file="letter.pdf", digest=digest)).approvals[0].lacks("2026-11-30") == ()
    with pytest.raises(RunDocumentError, match="is no file"):
        load(tmp_path, text.format(file="lost.pdf", digest=digest))
    letter.write_bytes(b"we do not agree")
    with pytest.raises(RunDocumentError, match="not the file that was recorded"):
        load(tmp_path, text.format(file="letter.pdf", digest=digest))
