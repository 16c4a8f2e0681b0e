"""Letters to customers through the command: written only for a run that was cleared and stayed so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.bootstrap import open_workspace
from provenance.cli.issued import issued_clearances
from provenance.cli.main import run

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: notes}]
policy: [baseline.yaml]
requested_by: Lena Trainer <lena@example.org>
"""
Desk = Callable[..., tuple[int, str, str]]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A workspace with one file under CC0-1.0 and keys of everybody. Calls give the exit code and both outputs."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["-C", str(tmp_path), "-q", *arguments])
        return (code, *capsys.readouterr())

    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(json.dumps({"text": "a plain line of text that nobody else has written"}) + "\n")
    assert call("init")[0] == 0
    assert call("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no", "--license", "CC0-1.0")[0] == 0
    for name, role in (("officer", "issuer"), ("counsel", "approver"), ("grace", "reviewer")):
        assert call("keys", "new", name, "--no-passphrase", "--role", role)[0] == 0
    return call


def test_a_letter_comes_with_the_clearance_and_goes_with_its_revocation(desk: Desk, tmp_path: Path) -> None:
    assert desk("audit", "run.yaml", "--no-report")[0] == 10
    code, out, _ = desk("report", "letter", "--to", "Customer AG")
    assert code == 10
    assert "needs a reviewer" in out

    assert desk("review", "release", "latest", "--key", "grace", "--comment", "read")[0] == 0
    assert desk("clear", "--as", "officer")[0] == 0
    statement = json.loads(desk("clearance", "inspect", "m.clearance.json", "-f", "json")[1])
    code, out, _ = desk("report", "letter", "--to", "Customer AG", "--out", "out", "-f", "json")
    assert code == 0
    letter = json.loads(out)
    source = next(s for s in letter["sources"] if s["name"] == "clearance")
    assert source["digest"] in json.dumps(statement)
    text = " ".join(s["text"] for s in letter["outcome"])
    assert statement["expires"] in text
    assert "after the review" in text
    assert json.loads((tmp_path / "out" / "letter.json").read_text()) == letter
    before = {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()}
    assert set(before) == {"letter.json", "letter.html", "letter.md"}
    assert desk("report", "letter", "--to", "Customer AG", "--out", "out")[0] == 0
    assert {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()} == before

    assert desk("clearance", "revoke", source["digest"], "--reason", "wrong", "--as", "officer")[0] == 0
    code, out, _ = desk("report", "letter", "--to", "Customer AG", "--out", "again")
    assert code == 11
    assert "revoked" in out
    assert not (tmp_path / "again").exists()


def test_pages_tell_that_a_clearance_was_revoked(desk: Desk, tmp_path: Path) -> None:
    assert desk("audit", "run.yaml", "--no-report")[0] == 10
    assert desk("review", "release", "latest", "--key", "grace", "--comment", "read")[0] == 0
    assert desk("clear", "--as", "officer")[0] == 0

    def pages() -> tuple[str, str]:
        assert desk("report", "make", "-o", "out")[0] == 0
        assert desk("report", "index", "-o", "models")[0] == 0
        return (tmp_path / "out" / "index.html").read_text(), next((tmp_path / "models").glob("*.html")).read_text()

    assert not any("revoked" in page for page in pages())
    issued = issued_clearances(open_workspace(tmp_path))
    assert [(c.revoked, bool(c.by)) for c in issued] == [("", True)]
    assert desk("clearance", "revoke", issued[0].statement, "--reason", "wrong", "--as", "officer")[0] == 0
    report, models = pages()
    assert "nobody any more: the clearance of" in report
    assert '<td class="deny">revoked' in report
    assert "its clearance was revoked on" in models


def test_a_blocked_run_that_was_let_pass_gets_none_nor_does_a_record_from_elsewhere(desk: Desk, tmp_path: Path) -> None:
    assert desk("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no", "--license", "UNKNOWN")[0] == 0
    assert desk("audit", "run.yaml", "--no-report")[0] == 11
    code, out, _ = desk("report", "letter", "--to", "Customer AG")
    assert (code, "BLOCKED" in out) == (11, True)
    assert desk("report", "make", "-o", "out", "-f", "json")[0] == 0
    forged = json.loads((tmp_path / "out" / "audit.json").read_text()) | {"verdict": "CLEARED", "findings": []}
    (tmp_path / "forged.json").write_text(json.dumps(forged))
    code, _, err = desk("report", "letter", "forged.json", "--to", "Customer AG")
    assert code == 1
    assert "not an audit of this registry" in err

    given = ("--approver", "counsel", "--reason", "the demonstration is today")
    assert desk("clear", "--as", "officer", "--break-glass", *given)[0] == 0
    code, out, _ = desk("report", "letter", "--to", "Customer AG", "-f", "json")
    assert code == 11
    assert "break-glass" in json.loads(out)["reason"]
    # and a later audit that is cleared does not make up for it
    assert desk("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no", "--license", "CC0-1.0")[0] == 0
    assert desk("audit", "run.yaml", "--no-report")[0] == 10
    assert desk("report", "letter", "--to", "Customer AG")[0] == 11
