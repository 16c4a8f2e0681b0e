"""Run records through the commands: a cleared run is made, recorded, taken over and shown; what does not verify or belongs nowhere is said in a sentence."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.clearance.keys import load_key
from provenance.clearance.run_record import parse_record, record_bytes
from provenance.cli.main import run
from provenance.hooks.gate import examine
from provenance.hooks.observe import RunEnd
from provenance.hooks.record import RunRecorder
from provenance.hooks.run_folder import RECORD_FILE
from provenance.model.training import RunRecord

RUN = """format: provenance.run
version: 1
model: {name: helpdesk-7b, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: notes}, {dataset: letters}]
references: [works]
policy: [baseline.yaml]
requested_by: lead@example.org
"""


class World:
    """A workspace with a cleared run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> int:
        return run(["-C", str(self.folder), *arguments])

    def record(self, name: str, *, key: str | None = "node") -> Path:
        """Make a run that reads one of three shards twice, and another in part."""
        trust = self.folder / "trust.json"
        passed = examine(self.folder / "helpdesk-7b.clearance.json", roots=[self.folder / "data"], trust=trust)
        pem = None if key is None else self.folder / ".provenance" / "keys" / f"{key}.pem"
        recorder = RunRecorder(self.folder / name, passed, key=pem, trust=trust, framework="mine")
        sizes = {v.leaf.path: v.leaf.size_bytes for v in passed.shards.verified}
        for _ in range(2):
            recorder.shard_read("notes.jsonl", sizes["notes.jsonl"])
        recorder.shard_read("more\x1b[31m.jsonl", 5)
        recorder.step_ended(10, epoch=2.0)
        recorder.run_ended(RunEnd.COMPLETED)
        return self.folder / name / RECORD_FILE

    def edited(self, name: str, change: Callable[[RunRecord], RunRecord]) -> Path:
        """Make a run whose record was changed and signed anew."""
        file = self.record(name)
        key = load_key(self.folder / ".provenance" / "keys" / "node.pem")
        file.write_bytes(record_bytes(change(parse_record(file.read_bytes()).record), key))
        return file


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("runs")
    made = World(folder)
    (folder / "data").mkdir()
    (folder / "run.yaml").write_text(RUN)
    assert made("-q", "init") == 0
    for name, dataset in (("notes.jsonl", "notes"), ("more\x1b[31m.jsonl", "notes"), ("letters.jsonl", "letters")):
        (folder / "data" / name).write_text(json.dumps({"text": f"words of {dataset} in {len(name)}"}) + "\n")
    stated = ("--license", "CC0-1.0", "--synthetic", "no")
    assert made("-q", "register", "data/notes.jsonl", "data/more\x1b[31m.jsonl", "--dataset", "notes", *stated) == 0
    assert made("-q", "register", "data/letters.jsonl", "--dataset", "letters", *stated) == 0
    (folder / "work.txt").write_text(" ".join(f"word{i}" for i in range(200)))
    work = ("--kind", "work", "--title", "W", "--holder", "H", "--license", "LicenseRef-all-rights-reserved")
    assert made("-q", "reference", "add", "works", str(folder / "work.txt"), *work) == 0
    assert made("-q", "audit", "run.yaml", "--no-report") == 0
    for name, role in (("officer", "issuer"), ("node", "recorder")):
        assert made("-q", "keys", "new", name, "--role", role, "--no-passphrase") == 0
    assert made("-q", "clear", "--as", "officer") == 0
    return made


def printed(world: World, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert world("-q", *arguments, "-f", "json") == code
    return json.loads(capsys.readouterr().out)


def said(world: World, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert world(*arguments) == code
    out = capsys.readouterr()
    return out.out + out.err


def test_a_run_is_taken_over_shown_and_tells_when_data_were_first_used(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert printed(world, capsys, "runs", "list") == []
    assert "first used         not known – no run record" in said(world, capsys, "datasets", "show", "notes")
    file = world.record("run-1")
    first = parse_record(file.read_bytes()).record.shards[-1].first_read
    taken = printed(world, capsys, "runs", "import", str(file))
    assert (taken["new"], taken["run"]["signed_by"], taken["run"]["verdict"]) == (True, "node", "CLEARED")
    assert [(r["dataset"], r["shards_read"], bool(r["first_read"])) for r in taken["run"]["reads"]] == [("notes", 2, True), ("letters", 0, False)]
    assert printed(world, capsys, "runs", "import", str(world.folder / "run-1"))["new"] is False
    shown = printed(world, capsys, "datasets", "show", "notes")
    assert shown["first_used"].startswith(str(first)[:10])
    assert [r["first_read"] for r in shown["runs"]] == [first]
    page = said(world, capsys, "datasets", "show", "letters")
    assert "not known – runs had it to read, and no read of it was" in page
    text = said(world, capsys, "runs", "show")
    assert "letters.jsonl" in text
    assert "not seen read" in text
    assert "more\\u001b[31m.jsonl" in text
    assert "\x1b" not in text
    assert all(len(line) <= 100 for line in text.splitlines())
    listed = said(world, capsys, "runs", "list")
    assert "node" in listed
    assert "CLEARED" in listed
    assert world("-q", "report", "make", "-o", str(tmp_path / "r")) == 0
    html = (tmp_path / "r" / "index.html").read_text(encoding="utf-8")
    assert str(first) in html
    assert "signed by node" in html
    assert (tmp_path / "r" / "runs.csv").read_text(encoding="utf-8").count("\n") == 3
    assert world("-q", "report", "verify", str(tmp_path / "r")) == 0
    assert world("-q", "log", "verify") == 0
    assert world("-q", "db", "check") == 0


def test_an_unsigned_record_is_kept_only_where_asked_and_stays_marked(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    file = world.record("run-2", key=None)
    assert "nobody signed the run record" in said(world, capsys, "runs", "import", str(file), code=1)
    assert "UNSIGNED" in said(world, capsys, "runs", "import", str(file), "--unsigned")
    assert "UNSIGNED" in said(world, capsys, "runs", "list")
    assert "UNSIGNED" in said(world, capsys, "runs", "show")
    assert "UNSIGNED" in said(world, capsys, "datasets", "show", "notes")
    assert printed(world, capsys, "runs", "verify", str(file), code=77)["holds"] is False
    sealed = printed(world, capsys, "runs", "seal", str(world.folder / "run-2"), "--key", "node")
    assert sealed["signed"] is True
    assert printed(world, capsys, "runs", "verify", str(file))["signed_by"] == "node"
    assert printed(world, capsys, "runs", "import", str(file))["new"] is True
    assert printed(world, capsys, "runs", "list")[0]["signed_by"] == "node"


def test_an_issuers_key_seals_no_record(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    file = world.record("run-3", key=None)
    assert "must not be on machines that train" in said(world, capsys, "runs", "seal", str(file.parent), "--key", "officer", code=1)
    assert parse_record(file.read_bytes()).envelope is None


def other_root(record: RunRecord) -> RunRecord:
    from provenance.fingerprint.digest import ShardLeaf, merkle_root

    shards = record.shards[:1]
    return replace(record, shards=shards, manifest_root=merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in shards))


OTHER = "sha256:" + "99" * 32


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: replace(r, audit=OTHER), "which this registry does not hold"),
        (lambda r: replace(r, clearance=OTHER), "log does not tell"),
        (other_root, "log does not tell"),
        (lambda r: replace(r, run_digest=OTHER), "not of the run that were audited"),
        (lambda r: replace(r, began="2020-01-01T00:00:00Z"), "its clearance held from"),
    ],
)
def test_a_signed_record_of_something_else_is_refused(
    world: World, capsys: pytest.CaptureFixture[str], change: Callable[[RunRecord], RunRecord], told: str, request: pytest.FixtureRequest
) -> None:
    file = world.edited(f"other-{abs(hash(request.node.name))}", change)
    for arguments in ((), ("--unsigned",)):
        assert told in said(world, capsys, "runs", "import", str(file), *arguments, code=1)


def test_two_records_of_one_run_are_a_conflict(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    file = world.record("run-5")
    assert world("-q", "runs", "import", str(file)) == 0
    record = parse_record(file.read_bytes()).record
    file.write_bytes(record_bytes(replace(record, steps=record.steps + 1)))
    assert "says something else" in said(world, capsys, "runs", "import", str(file), "--unsigned", code=1)


def damaged(raw: bytes, kind: str) -> bytes:
    document = json.loads(base64.b64decode(json.loads(raw)["payload"]))["predicate"]
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    shard = document["shards"][0]
    changed: dict[str, bytes] = {
        "huge": b"[" + b" " * (100 << 20) + b"]",
        "twice": plain.replace(b'"steps":', b'"steps":1,"steps":', 1),
        "nan": plain.replace(b'"steps":10', b'"steps":NaN', 1),
        "negative": plain.replace(b'"bytes_read":%d' % shard["bytes_read"], b'"bytes_read":-1', 1),
        "backwards": plain.replace(document["ended"].encode(), b"2001-01-01T00:00:00Z"),
        "version": plain.replace(b'"version":1', b'"version":2'),
        "deep": b"[" * 100_000,
        "other": b'{"format":"provenance.audit","version":1}',
        "empty": b"",
        "url64": raw.replace(b'"payload":"', b'"payload":"-_', 1),
        "spaced": plain + b" \n",
    }
    return changed[kind]


@pytest.mark.parametrize("kind", ["huge", "twice", "nan", "negative", "backwards", "version", "deep", "other", "empty", "url64", "spaced"])
def test_a_damaged_record_is_one_sentence(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str) -> None:
    existing = world.folder / "run-1" / RECORD_FILE
    file = tmp_path / "record.json"
    file.write_bytes(damaged((existing if existing.exists() else world.record("run-1")).read_bytes(), kind))
    text = said(world, capsys, "runs", "import", str(file), "--unsigned", code=1)
    assert text.startswith("error: ")
    assert "Traceback" not in text
    assert "internal" not in text
    assert len(text.splitlines()) <= 3
    assert world("-q", "runs", "verify", str(file)) in {1, 77}


def test_what_is_no_run_is_said(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "cannot be read" in said(world, capsys, "runs", "seal", str(tmp_path), code=1)
    assert "no run 'ffffffff'" in said(world, capsys, "runs", "show", "ffffffff", code=1)
