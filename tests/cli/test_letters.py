"""Letters to customers through the command: written only for a run that was cleared and stayed so."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.audit.identity import audit_id
from provenance.bootstrap import open_workspace
from provenance.canonical import canonical_bytes
from provenance.clearance.keys import load_key
from provenance.clearance.revocation import RevocationList
from provenance.clearance.signed_lists import sign_revocations
from provenance.cli.issued import issued_clearances
from provenance.cli.main import run
from provenance.report.record_json import read_record

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
    code, out, _ = desk("report", "letter", "--to", "Customer AG", "--as", "officer", "--out", "out", "-f", "json")
    assert code == 0
    letter = json.loads(out)
    source = next(s for s in letter["sources"] if s["name"] == "clearance")
    assert source["digest"] in json.dumps(statement)
    text = " ".join(s["text"] for s in letter["outcome"])
    assert statement["expires"] in text
    assert "after the review" in text
    assert json.loads((tmp_path / "out" / "letter.json").read_text()) == letter
    before = {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()}
    assert set(before) == {"letter.json", "letter.html", "letter.md", "letter.dsse.json", "manifest.json"}
    assert desk("report", "letter", "--to", "Customer AG", "--as", "officer", "--out", "out")[0] == 0
    for name in ("letter.json", "letter.html", "letter.md"):
        assert (tmp_path / "out" / name).read_bytes() == before[name]
    row = _last_noted(tmp_path, "letters")
    officer = json.loads(desk("keys", "export", "officer")[1])
    assert (row["key"], row["signer"]) == (officer["id"], "officer")
    assert row["letter"] == "sha256:" + hashlib.sha256(before["letter.json"]).hexdigest()
    assert row["clearance"] == source["digest"]
    _the_customer_checks(tmp_path)

    assert desk("clearance", "revoke", source["digest"], "--reason", "wrong", "--as", "officer")[0] == 0
    code, out, _ = desk("report", "letter", "--to", "Customer AG", "--as", "officer", "--out", "again")
    assert code == 11
    assert "revoked: wrong" in out
    assert not (tmp_path / "again").exists()
    code, _, err = desk("report", "verify", "out")
    assert code == 77
    assert "clearance that the letter tells of was revoked" in err


def _last_noted(workspace: Path, kind: str) -> Mapping[str, str]:
    with open_workspace(workspace).units.read() as registry:
        return registry.noted(kind, action="letter")[-1][1]


def _the_customer_checks(desk_at: Path) -> None:
    """Elsewhere, with the letter and the trust file alone."""
    customer = desk_at.parent / (desk_at.name + "-customer")
    shutil.copytree(desk_at / "out", customer / "letter")
    shutil.copy(desk_at / "trust.json", customer / "trust.json")

    def verify(*more: str) -> int:
        return run(["-C", str(customer), "-q", "report", "verify", "letter", *more])

    assert verify() == 4, "nobody checked the signature"
    assert verify("--trust", "trust.json") == 0
    assert verify("--trust", "trust.json", "--deep") == 0
    manifest = customer / "letter" / "manifest.json"
    wire, raw = json.loads(manifest.read_text()), (customer / "letter" / "letter.md").read_bytes() + b"\n"
    (customer / "letter" / "letter.md").write_bytes(raw)
    assert verify("--trust", "trust.json") == 1
    for file in wire["files"]:
        if file["path"] == "letter.md":
            file.update(sha256="sha256:" + hashlib.sha256(raw).hexdigest(), size_bytes=len(raw))
    manifest.write_text(json.dumps(wire))
    assert verify("--trust", "trust.json") == 77, "the manifest fits, and the signature does not"
    (customer / "letter" / "letter.dsse.json").unlink()
    manifest.write_text(json.dumps(wire | {"files": [f for f in wire["files"] if f["path"] != "letter.dsse.json"]}))
    assert verify("--trust", "trust.json") == 77, "a letter without a signature is none that was asked for"


def test_a_revoked_key_and_a_list_that_is_too_old_are_no_letter(desk: Desk, tmp_path: Path) -> None:
    assert desk("audit", "run.yaml", "--no-report")[0] == 10
    assert desk("review", "release", "latest", "--key", "grace", "--comment", "read")[0] == 0
    assert desk("clear", "--as", "officer")[0] == 0
    assert desk("keys", "new", "second", "--no-passphrase")[0] == 0
    asked = ("report", "letter", "--to", "Customer AG", "--out", "out")
    assert desk(*asked)[0] == 1, "there are several keys"
    assert desk(*asked, "--as", "counsel")[0] == 1, "no issuer's key"
    assert desk(*asked, "--as", "second", "--unsigned")[0] == 1
    assert desk(*asked, "--unsigned")[0] == 0
    assert (_last_noted(tmp_path, "letters")["key"], (tmp_path / "out" / "letter.dsse.json").exists()) == ("", False)
    assert desk("report", "verify", "out")[0] == 4, "nobody can tell who wrote it"

    assert desk("keys", "refresh", "--as", "second", "--max-age", "1")[0] == 0
    assert desk(*asked, "--as", "second")[0] == 0
    trust, listed = tmp_path / "trust.json", tmp_path / "revoked.json"
    fresh = trust.read_bytes(), listed.read_bytes()
    old = RevocationList(issued="2026-01-02T00:00:00Z")
    key = load_key(next(tmp_path.glob(".provenance/keys/second.pem")))
    listed.write_bytes(sign_revocations(old, key))
    wire = json.loads(trust.read_bytes())
    wire["revocation"]["issued_from"] = None
    for row in wire["keys"]:
        row["not_before"] = "2026-01-01T00:00:00Z"
    trust.write_bytes(canonical_bytes(wire) + b"\n")
    code, out, _ = desk(*asked, "--as", "second")
    assert code == 11
    assert "not known" in out
    assert "older than" in out
    assert desk("report", "verify", "out")[0] == 77
    trust.write_bytes(fresh[0])
    listed.write_bytes(fresh[1])

    assert desk("keys", "revoke", "officer", "--reason", "laptop lost", "--as", "second")[0] == 0
    code, out, _ = desk(*asked, "--as", "second")
    assert code == 11
    assert "that signed it was revoked: laptop lost" in out
    issued = issued_clearances(open_workspace(tmp_path))
    assert [(bool(c.revoked), c.key_revoked) for c in issued] == [(True, True)]
    assert desk("report", "make", "-o", "page")[0] == 0
    assert "nobody any more: a key that signed the clearance of" in (tmp_path / "page" / "index.html").read_text()


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
    kept = json.loads((tmp_path / "out" / "audit.json").read_text())
    other = replace(read_record(json.dumps(kept).encode()), facts_digest="sha256:" + "0" * 64)
    consistent = {"facts_digest": other.facts_digest, "id": audit_id(other)}
    for changed, said in (
        ({"verdict": "CLEARED", "findings": []}, "it was changed"),
        ({"limits": []}, "the workspace keeps another record of audit"),
        ({"id": "sha256:" + "0" * 64}, "it was changed"),
        (consistent, ""),
    ):
        (tmp_path / "forged.json").write_text(json.dumps(kept | changed))
        code, out, err = desk("report", "letter", "forged.json", "--to", "Customer AG")
        assert (code, "BLOCKED" in out) == ((1, False) if said else (11, True))
        assert said in err
        made = desk("report", "make", "forged.json", "-o", "forged", "-f", "json", "-f", "markdown")
        assert made[0] == (1 if said else 0)
    assert "Not compared" in (tmp_path / "forged" / "AUDIT.md").read_text()
    assert "compared with no workspace" in made[2]
    assert desk("report", "verify", "forged", "--deep")[0] == 0

    given = ("--approver", "counsel", "--reason", "the demonstration is today")
    assert desk("clear", "--as", "officer", "--break-glass", *given)[0] == 0
    code, out, _ = desk("report", "letter", "--to", "Customer AG", "-f", "json")
    assert code == 11
    assert "break-glass" in json.loads(out)["reason"]
    # and a later audit that is cleared does not make up for it
    assert desk("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no", "--license", "CC0-1.0")[0] == 0
    assert desk("audit", "run.yaml", "--no-report")[0] == 10
    assert desk("report", "letter", "--to", "Customer AG")[0] == 11
