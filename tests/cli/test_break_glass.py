"""Break-glass through the commands: who may, for what, for how long, and where it is seen afterwards. And what an ordinary clearance is bound to."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.bootstrap import open_workspace
from provenance.cli.issued import issued_clearances
from provenance.cli.main import run
from tests.conftest import ROOT

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: notes}]
policy: [baseline.yaml]
requested_by: Lena Trainer <lena@example.org>
"""
WHY = "the customer's demonstration is today"
GATE = ("--clearance", "m.clearance.json", "--trust", "trust.json")
BASELINE = ROOT / "policies" / "bundles" / "baseline.yaml"

Desk = Callable[..., tuple[int, str, str]]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A run that L001 denies, since nobody states the licence, and keys of everybody. Calls give the exit code and both outputs."""

    def call(*arguments: str, quiet: bool = True) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["-C", str(tmp_path), *(["-q"] if quiet else []), *arguments])
        return (code, *capsys.readouterr())

    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(json.dumps({"text": "a plain line of text that nobody else has written"}) + "\n")
    assert call("init")[0] == 0
    assert call("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no")[0] == 0
    for name, role in (("officer", "issuer"), ("counsel", "approver"), ("lena trainer", "approver"), ("grace", "reviewer")):
        assert call("keys", "new", name, "--no-passphrase", "--role", role)[0] == 0
    assert call("audit", "run.yaml", "--no-report")[0] == 11
    return call


def clear(desk: Desk, *more: str, approver: str = "counsel", reason: str = WHY) -> tuple[int, str, str]:
    return desk("clear", "--as", "officer", "--break-glass", "--approver", approver, "--reason", reason, *more)


def test_a_blocked_run_starts_by_break_glass_and_every_report_says_so(desk: Desk, tmp_path: Path) -> None:
    assert desk("clear", "--as", "officer")[0] == 1
    code, out, _ = clear(desk, "--hours", "3")
    assert code == 0
    assert out.startswith("BREAK-GLASS  m may start until ")
    assert WHY in out
    said = json.loads(desk("clearance", "inspect", "m.clearance.json", "-f", "json")[1])
    assert (said["verdict"], said["version"], len(said["signed_by"])) == ("BLOCKED", 3, 2)
    assert said["break_glass"] == {"approver": "counsel", "reason": WHY, "rules": ["L001", "R003"], "findings": 2}
    assert said["rests_on"]["requested_by"] == "Lena Trainer <lena@example.org>"

    assert desk("exec", *GATE, "--", sys.executable, "-c", "")[0] == 77
    code, _, err = desk("clearance", "verify", "m.clearance.json", "--trust", "trust.json", "--run", "run.yaml", "--policy", str(BASELINE))
    assert (code, "BREAK-GLASS: this run was NOT cleared" in err) == (0, True)

    rows = json.loads(desk("log", "show", "-f", "json")[1])
    row = next(r for r in (rows if isinstance(rows, list) else rows["rows"]) if r["action"] == "break-glass")
    noted = json.loads(row["payload"]) if isinstance(row["payload"], str) else row["payload"]
    assert noted["break_glass_clearances"][0]["reason"] == WHY
    assert len(noted["break_glass_clearances"][0]["finding_ids"].split()) == 2
    assert desk("log", "verify")[0] == 0

    assert desk("report", "make", "latest", "-o", "out", "-f", "html", "-f", "json", "-f", "sarif", "-f", "junit")[0] == 0
    page = (tmp_path / "out" / "index.html").read_text()
    assert 'class="broken-glass"' in page
    assert "the customer&#39;s demonstration is today" in page
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["broken_glass"][0]["approver"] == "counsel"
    results = json.loads((tmp_path / "out" / "findings.sarif").read_text())["runs"][0]["results"]
    assert [(r["level"], WHY in r["message"]["text"]) for r in results if r["ruleId"] == "BREAK-GLASS"] == [("error", True)]
    assert "no run was let start by break-glass" in (tmp_path / "out" / "junit.xml").read_text()
    assert desk("report", "verify", "out")[0] == 0


def test_a_later_audit_of_the_run_tells_of_it_too_and_can_be_cleared(desk: Desk, tmp_path: Path) -> None:
    assert clear(desk)[0] == 0
    workspace = open_workspace(tmp_path)
    assert len(issued_clearances(workspace)) == 1, "it counts among the clearances that a changed text touches"
    assert desk("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no", "--license", "CC0-1.0")[0] == 0
    code, out, _ = desk("audit", "run.yaml")
    assert code == 10
    assert "BREAK-GLASS  issued" in out
    assert "approved by counsel: " + WHY in out
    assert 'class="broken-glass"' in next((tmp_path / "reports").glob("*/index.html")).read_text()
    assert desk("review", "release", "latest", "--key", "grace", "--comment", "read")[0] == 0
    assert desk("clear", "--as", "officer")[0] == 0
    assert json.loads(desk("clearance", "inspect", "m.clearance.json", "-f", "json")[1])["break_glass"] is None
    assert "no break-glass is needed" in clear(desk)[2]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"approver": "officer"}, "key of officer has no role approver"),
        ({"approver": "lena trainer"}, "lena trainer asked for this run"),
        ({"approver": "nobody"}, "no key to sign with"),
        ({"reason": " "}, "a break-glass needs --reason"),
    ],
)
def test_who_may_not_approve_is_told_why(desk: Desk, given: dict[str, Any], reason: str, tmp_path: Path) -> None:
    code, _, err = clear(desk, **given)
    assert (code, reason in err) == (1, True)
    assert not (tmp_path / "m.clearance.json").exists()
    assert "break-glass" not in desk("log", "show")[1]


def test_options_of_break_glass_go_with_it(desk: Desk) -> None:
    for name, value in (("approver", "counsel"), ("reason", "x"), ("hours", "3")):
        assert f"--{name} goes with --break-glass" in desk("clear", "--as", "officer", f"--{name}", value)[2]
    assert clear(desk, "--hours", "25")[0] == 2
    assert "released by a reviewer or let pass by break-glass, not both" in clear(desk, "--reviewer-key", "grace")[2]


def test_shards_that_changed_are_let_pass_by_nobody(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "other"}\n')
    assert desk("audit", "run.yaml", "--no-report")[0] == 11
    code, _, err = clear(desk)
    assert (code, "0 of 1 shards of m were judged" in err) == (1, True)


def test_a_rule_that_permits_no_exception_is_not_broken(desk: Desk, tmp_path: Path) -> None:
    text = (
        "format: provenance.policy\nversion: 1\nname: house\nrelease: 1.0.0\nrules:\n"
        '  - id: H001\n    title: No commercial use\n    for_each: run\n    require: run.commercial == "NO"\n'
        "    action: deny\n    severity: high\n    waivable: false\n    message: commercial\n    remedies: [drop]\n"
    )
    (tmp_path / "house.yaml").write_text(text)
    (tmp_path / "run.yaml").write_text(RUN.replace("[baseline.yaml]", "[baseline.yaml, house.yaml]"))
    assert desk("audit", "run.yaml", "--no-report")[0] == 11
    code, _, err = clear(desk)
    assert (code, "rule H001 permits no exception" in err) == (1, True)


def test_a_clearance_names_the_bytes_of_the_run_file_and_what_the_gate_may_do(desk: Desk, tmp_path: Path) -> None:
    assert desk("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no", "--license", "CC0-1.0")[0] == 0
    assert desk("audit", "run.yaml", "--no-report")[0] == 10
    assert desk("review", "release", "latest", "--key", "grace", "--comment", "read")[0] == 0
    assert desk("clear", "--as", "officer", "--allow-digest-cache")[0] == 0
    said = json.loads(desk("clearance", "inspect", "m.clearance.json", "-f", "json")[1])
    assert said["gate"] == {"digest_cache": True, "ranks_verify": False}
    assert said["rests_on"]["run_file_digest"] == f"sha256:{hashlib.sha256(RUN.encode()).hexdigest()}"
    page = desk("clearance", "inspect", "m.clearance.json")[1]
    assert max(map(len, page.splitlines())) <= 80
    assert hashlib.sha256(RUN.encode()).hexdigest() in page
    assert "may use digests computed before" in page
    verify = ("clearance", "verify", "m.clearance.json", "--trust", "trust.json", "--run", "run.yaml")
    assert desk(*verify)[0] == 0
    (tmp_path / "run.yaml").write_text(RUN + "# a note\n")
    code, _, err = desk(*verify)
    assert (code, "run.yaml is not the one that was cleared" in err) == (77, True)
