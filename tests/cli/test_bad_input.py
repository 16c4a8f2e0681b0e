"""Bad input of every kind, end to end: one clear sentence, the documented exit code, no traceback, the rest of the work done, nothing lost."""

from __future__ import annotations

import gzip
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.clearance.trust import trust_bytes
from provenance.cli.main import run
from provenance.config import shipped
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

PASSAGE = (
    "On the third evening the harbour master counted the lanterns again and found one too many, which troubled him more than a missing one would have, "
    "because a lamp that nobody owns is a lamp that somebody brought, and nobody rows out in November without a reason that he would rather not tell."
)
GOOD = "".join(json.dumps({"id": f"g{i}", "text": f"Minute {i} of the meeting was agreed by everybody present."}) + "\n" for i in range(5)).encode()
RUN = """format: provenance.run
version: 1
model: {{name: m, release: {{weights: closed}}}}
purpose: {{commercial: true}}
data: [{data}]
references: [works]
policy: [{policy}]
"""


def _cut_gzip() -> bytes:
    return gzip.compress(GOOD * 200, mtime=0)[:60]


def _cut_zstd() -> bytes:
    return bytes(pa.Codec("zstd").compress(GOOD * 200, asbytes=True))[:60]


def _cut_parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": [f"row {i}" for i in range(1000)]}), sink)
    raw = bytes(sink.getvalue())
    return raw[: len(raw) // 2]


UNREADABLE: dict[str, tuple[str, bytes, str]] = {
    "empty": ("bad.jsonl", b"", "is empty"),
    "cut gzip": ("bad.jsonl.gz", _cut_gzip(), "compressed frame (gzip)"),
    "cut zstd": ("bad.jsonl.zst", _cut_zstd(), "compressed frame (zstd)"),
    "cut parquet": ("bad.parquet", _cut_parquet(), "cut short or no Parquet file"),
    "seven bytes of parquet": ("bad.parquet", b"PAR1abc", "cut short or no Parquet file"),
    "no text field": ("bad.jsonl", b'{"a": 1}\n', "no record has a text field; the fields there are: 'a'"),
    "UTF-16": ("bad.jsonl", '{"text": "wide"}\n'.encode("utf-16"), "UTF-16"),
    "gzip by name only": ("bad.jsonl.gz", GOOD, "gzip"),
}
"""Files of which nothing can be read: name, bytes, words of the sentence."""
READ_IN_PART: dict[str, tuple[bytes, str]] = {
    "broken JSON": (GOOD + b'{"text": \n' + GOOD, "bad.jsonl:6: is not JSON"),
    "no object": (GOOD + b"[1, 2]\n" + GOOD, "bad.jsonl:6: "),
    "invalid UTF-8": (GOOD + b'{"text": "\xff\xfe"}\n' + GOOD, "bad.jsonl:6: is not UTF-8"),
    "one record without text": (GOOD + b'{"a": 1}\n' + GOOD, "bad.jsonl:6: "),
}
"""Files of eleven lines of which line 6 cannot be read: bytes, and how the sentence begins."""


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def sentences(self, words: str) -> list[str]:
        """The lines on standard error that hold words."""
        return [line for line in self.err.splitlines() if words in line]


class Workspace:
    """A workspace with one good shard and a reference set of one passage."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.write("good.jsonl", GOOD)
        (folder / "works.txt").write_text(PASSAGE, encoding="utf-8")
        assert self.run("init").code == 0

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def run(self, *arguments: str) -> Outcome:
        self._capsys.readouterr()
        code = run(["-C", str(self.folder), *arguments])
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.err
        assert "internal error" not in printed.err
        return Outcome(code, printed.out, printed.err)

    def register(self, dataset: str, *names: str, license_text: str = "CC0-1.0") -> Outcome:
        return self.run("register", *(f"data/{n}" for n in names), "--dataset", dataset, "--license", license_text, "--synthetic", "no")

    def add_works(self) -> None:
        assert self.run("reference", "add", "works", "works.txt", "--license", "LicenseRef-all-rights-reserved").code == 0

    def audit(self, *datasets: str, policy: str = "baseline.yaml") -> Outcome:
        if not (self.folder / ".provenance" / "references" / "works").exists():
            self.add_works()
        data = ", ".join(f"{{dataset: {d}, epochs: 1}}" for d in datasets)
        (self.folder / "run.yaml").write_text(RUN.format(data=data, policy=policy), encoding="utf-8")
        return self.run("audit", "run.yaml", "-f", "json", "--no-report")

    def shards(self, dataset: str) -> dict[str, int]:
        """Path and readable records of every registered shard."""
        version = json.loads(self.run("datasets", "show", dataset, "-f", "json").out)
        return {s["path"]: s["records"] - s["unread_records"] for s in version["shards"]}


def findings_of(outcome: Outcome) -> dict[str, list[str]]:
    """Messages of the findings, by rule."""
    found: dict[str, list[str]] = {}
    for finding in json.loads(outcome.out)["findings"]:
        found.setdefault(finding["rule"], []).append(finding["message"])
    return found


@pytest.fixture
def work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Workspace:
    return Workspace(tmp_path, capsys)


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_shard_of_which_nothing_can_be_read_leaves_the_others_registered(work: Workspace, case: str) -> None:
    name, content, words = UNREADABLE[case]
    work.write(name, content)
    done = work.register("notes", "good.jsonl", name)
    assert done.code == 4
    assert len(done.sentences(words)) == 1
    assert name in done.sentences(words)[0]
    assert work.shards("notes") == {"good.jsonl": 5}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_of_which_nothing_can_be_read_leaves_the_others_compared(work: Workspace, case: str) -> None:
    name, content, words = UNREADABLE[case]
    work.write(name, content)
    done = work.run("match", f"data/{name}", "data/good.jsonl", "--reference", "works.txt")
    assert done.code == 4
    assert len(done.sentences(words)) == 1
    assert "5 texts" in done.err
    assert "in 1 file" in done.err


def test_a_missing_file_leaves_the_others_registered_and_compared(work: Workspace) -> None:
    done = work.register("notes", "good.jsonl", "gone.jsonl")
    assert done.code == 4
    assert len(done.sentences("gone.jsonl")) == 1
    assert "names no data file" in done.err
    assert work.shards("notes") == {"good.jsonl": 5}
    done = work.run("match", "data/gone.jsonl", "data/good.jsonl", "--reference", "works.txt")
    assert done.code == 4
    assert len(done.sentences("no such file")) == 1
    assert "5 texts" in done.err


def test_a_dataset_without_any_readable_file_leaves_the_other_datasets_registered(work: Workspace) -> None:
    entries = "".join(f"  - {{name: {n}, license: CC0-1.0, synthetic: no, shards: [{n}.jsonl]}}\n" for n in ("gone", "good"))
    (work.folder / "datasets.yaml").write_text(f"format: provenance.datasets\nversion: 1\ndatasets:\n{entries}", encoding="utf-8")
    assert work.run("register", "--manifest", "datasets.yaml").code == 4
    assert work.shards("good") == {"good.jsonl": 5}
    assert work.run("datasets", "show", "gone").code == 1


@pytest.mark.parametrize("case", READ_IN_PART)
def test_one_unreadable_record_is_named_with_its_line_and_the_others_are_kept(work: Workspace, case: str) -> None:
    content, sentence = READ_IN_PART[case]
    work.write("bad.jsonl", content)
    done = work.register("notes", "good.jsonl", "bad.jsonl")
    assert done.code == 4
    assert len(done.sentences(sentence)) == 1
    assert work.shards("notes") == {"bad.jsonl": 10, "good.jsonl": 5}
    work.add_works()
    scanned = work.run("scan", "notes")
    assert scanned.code == 4
    assert len(scanned.sentences(sentence)) == 1
    judged = work.audit("notes")
    assert judged.code == 11
    assert [m for m in findings_of(judged)["R002"] if m.startswith("bad.jsonl") and "1 record" in m]
    assert len(findings_of(judged)["R002"]) == 1


@pytest.mark.parametrize("name", ["bad.jsonl.gz", "bad.jsonl.zst"])
def test_what_stands_before_the_cut_of_a_compressed_shard_is_kept(work: Workspace, name: str) -> None:
    chance = random.Random(7)
    lines = b"".join(json.dumps({"text": f"{chance.randbytes(40).hex()} is one of many"}).encode() + b"\n" for _ in range(20_000))
    packed = gzip.compress(lines, mtime=0) if name.endswith("gz") else bytes(pa.Codec("zstd").compress(lines, asbytes=True))
    work.write(name, packed[: len(packed) * 3 // 4])
    done = work.register("notes", "good.jsonl", name)
    assert done.code == 4
    assert len(done.sentences("ends in the middle of a compressed frame")) == 1
    assert work.shards("notes")["good.jsonl"] == 5
    assert 10_000 < work.shards("notes")[name] < 20_000
    judged = work.audit("notes")
    assert judged.code == 11
    assert [m for m in findings_of(judged)["R002"] if m.startswith(name)]


def test_lone_surrogates_in_ids_and_keys_do_not_stop_the_work(work: Workspace) -> None:
    passage = json.dumps(PASSAGE)
    work.write("odd.jsonl", b'{"id": "\\ud800x", "messages": [{"role": "user", "\\udfff": ' + passage.encode() + b"}]}\n" + GOOD)
    assert work.register("notes", "odd.jsonl", "good.jsonl").code == 0
    judged = work.audit("notes")
    assert judged.code == 11
    found = [e["match"] for e in json.loads(judged.out)["evidence"]]
    assert [(m["doc_id"], m["field"]) for m in found] == [("\ufffdx", "messages[0].\ufffd")]
    assert set(findings_of(judged)) == {"C001"}


def _long_line(size_bytes: int) -> bytes:
    filler = "nothing of note was said and the weather held until the evening came on "
    text = filler * (size_bytes // len(filler)) + PASSAGE
    return json.dumps({"id": "long", "text": text}).encode() + b"\n"


@pytest.mark.parametrize("size_bytes", [5_000_000, pytest.param(200_000_000, marks=pytest.mark.full)])
def test_a_very_long_line_is_read_to_its_end(work: Workspace, size_bytes: int) -> None:
    work.write("bad.jsonl", _long_line(size_bytes) + GOOD)
    done = work.run("match", "data/bad.jsonl", "--reference", "works.txt", "-f", "jsonl")
    assert done.code == 0
    assert [m["doc_id"] for m in map(json.loads, done.out.splitlines()) if not m["explained"]] == ["long"]
    assert work.register("notes", "bad.jsonl").code == 0
    assert work.shards("notes") == {"bad.jsonl": 6}


def test_a_very_long_broken_line_is_one_short_sentence(work: Workspace) -> None:
    work.write("bad.jsonl", b'{"text": "' + b"x" * 5_000_000 + b"\n" + GOOD)
    done = work.register("notes", "bad.jsonl")
    assert done.code == 4
    assert len(done.sentences("bad.jsonl:1: is not JSON")) == 1
    assert max(map(len, done.err.splitlines())) < 400
    assert work.shards("notes") == {"bad.jsonl": 5}


def test_a_shard_changed_after_registration_blocks_until_it_is_registered_again(work: Workspace) -> None:
    work.register("notes", "good.jsonl")
    assert work.audit("notes").code == 0
    work.write("good.jsonl", GOOD + b'{"text": "one more"}\n')
    judged = work.audit("notes")
    assert judged.code == 11
    assert findings_of(judged)["R001"] == ["good.jsonl is changed: files and registry do not agree"]
    assert work.register("notes", "good.jsonl").code == 0
    assert work.audit("notes").code == 0
    assert len(json.loads(work.run("datasets", "versions", "notes", "-f", "json").out)) == 2
    (work.folder / "data" / "good.jsonl").unlink()
    judged = work.audit("notes")
    assert judged.code == 11
    assert findings_of(judged)["R001"] == ["good.jsonl is missing: files and registry do not agree"]


def test_a_shard_changed_after_the_clearance_is_denied(work: Workspace) -> None:
    work.register("notes", "good.jsonl")
    assert work.audit("notes").code == 0
    assert work.run("keys", "new", "officer", "--no-passphrase").code == 0
    assert work.run("clear").code == 0
    gate = ("--trust", "trust.json")
    assert work.run("clearance", "verify", "m.clearance.json", *gate).code == 0
    work.write("good.jsonl", GOOD.replace(b"Minute 3", b"Minute 4"))
    for command in (("exec", "--clearance", "m.clearance.json", *gate, "--", "true"), ("clearance", "verify", "m.clearance.json", *gate)):
        denied = work.run(*command)
        assert denied.code == 77
        assert "good.jsonl" in denied.err
        assert "changed" in denied.err


def test_an_unknown_licence_is_kept_as_written_and_blocks(work: Workspace) -> None:
    assert work.register("notes", "good.jsonl", license_text="ask Bob nicely").code == 0
    declared = json.loads(work.run("datasets", "show", "notes", "-f", "json").out)["dataset"]["license"]["declared"]
    assert (declared["value"], declared["original"]) == ("UNKNOWN", "ask Bob nicely")
    judged = work.audit("notes")
    assert judged.code == 11
    assert set(findings_of(judged)) == {"L001"}
    assert "notes" in findings_of(judged)["L001"][0]


@pytest.mark.parametrize("wrong", ["shard.stae ==", 'shard.path != "" && shard.stae =='])
def test_a_misspelt_field_of_a_policy_is_named_with_line_column_and_rule(work: Workspace, wrong: str) -> None:
    text = (shipped("policies") / "bundles" / "baseline.yaml").read_text(encoding="utf-8")
    text = text.replace("require: shard.state ==", f"require: {wrong}")
    (work.folder / "mine.yaml").write_text(text, encoding="utf-8")
    line, row = next((n, row) for n, row in enumerate(text.splitlines(), start=1) if "shard.stae" in row)
    place = f"mine.yaml:{line}:{row.index('shard.stae') + 1}: rule R001: require: unknown fact 'shard.stae'"
    work.register("notes", "good.jsonl")
    for done in (work.audit("notes", policy="mine.yaml"), work.run("policy", "show", "mine.yaml")):
        assert done.code == 1
        assert len(done.sentences(place)) == 1
        assert "did you mean 'shard.state'?" in done.err


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    cleared = cleared_world(tmp_path)
    cleared.trust.write_bytes(trust_bytes(sample_trust(window=("2020-01-01T00:00:00Z", "2099-12-31T00:00:00Z"))))
    cleared.reissue(issued="2026-01-02T00:00:00Z", not_before="2026-01-02T00:00:00Z", expires="2099-01-01T00:00:00Z")
    return cleared


def gate_argv(world: ClearedWorld, command: str) -> list[str]:
    options = ["--root", str(world.data), "--trust", str(world.trust)]
    if command == "exec":
        return ["exec", "--clearance", str(world.clearance), *options, "--", "false"]
    return ["clearance", "verify", str(world.clearance), *options]


@pytest.mark.parametrize("command", ["exec", "verify"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("expired", "expired"),
        ("byte of the statement", "signature"),
        ("byte of a shard", "a.jsonl"),
        ("no file", "cannot be read"),
        ("cut", "envelope"),
    ],
)
def test_a_clearance_that_does_not_hold_is_denied_with_the_reason(
    world: ClearedWorld, capsys: pytest.CaptureFixture[str], command: str, fault: str, words: str
) -> None:
    assert run(gate_argv(world, "verify")) == 0
    raw = world.clearance.read_bytes()
    if fault == "expired":
        world.reissue(issued="2026-01-02T00:00:00Z", not_before="2026-01-02T00:00:00Z", expires="2026-01-03T00:00:00Z")
    elif fault == "byte of the statement":
        at = raw.index(b'"payload":"') + 60
        world.clearance.write_bytes(raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :])
    elif fault == "byte of a shard":
        shard = world.data / "chat" / "a.jsonl"
        stamp = shard.stat()
        shard.write_bytes(shard.read_bytes().replace(b"password", b"passw0rd"))
        os.utime(shard, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    elif fault == "no file":
        world.clearance.unlink()
    else:
        world.clearance.write_bytes(raw[: len(raw) // 2])
    capsys.readouterr()
    assert run(gate_argv(world, command)) == 77
    printed = capsys.readouterr()
    assert "TRAINING BLOCKED" in printed.err
    assert words in printed.err
    assert "Traceback" not in printed.err


def test_mending_that_leaves_nothing_of_a_shard_finishes_the_other_shards(work: Workspace) -> None:
    passage = json.dumps({"text": PASSAGE}).encode() + b"\n"
    for name, content in (("only.jsonl", passage), ("mixed.jsonl", GOOD + passage), ("alone.jsonl", b"\n" + passage)):
        work.write(name, content)
    work.register("notes", "good.jsonl", "only.jsonl", "mixed.jsonl")
    work.register("single", "alone.jsonl")
    assert work.audit("notes", "single").code == 11
    done = work.run("remedy", "drop", "--apply")
    assert done.code == 0
    assert "nothing is left of single: take it out of the run file" in done.out
    assert work.shards("notes") == {"good.jsonl": 5, "mixed.jsonl": 5}
    assert work.audit("notes").code == 0
    assert set(findings_of(work.audit("notes", "single"))) == {"R001", "R002"}
    originals = list((work.folder / ".provenance" / "originals").glob("*/*.jsonl"))
    assert sorted(p.name for p in originals) == ["alone.jsonl", "mixed.jsonl", "only.jsonl"]


def test_a_shard_that_cannot_be_mended_is_named_and_the_others_are_mended(work: Workspace) -> None:
    work.write("mixed.jsonl", GOOD + json.dumps({"text": PASSAGE}).encode() + b"\n")
    work.write("book.txt", PASSAGE.encode())
    work.register("books", "book.txt")
    work.register("notes", "good.jsonl", "mixed.jsonl")
    assert work.audit("books", "notes").code == 11
    done = work.run("remedy", "drop", "--apply")
    assert done.code == 4
    assert len(done.sentences("book.txt: ")) == 1
    assert "take the whole file out of the dataset" in done.err
    assert work.shards("notes") == {"good.jsonl": 5, "mixed.jsonl": 5}
    assert (work.folder / "data" / "book.txt").read_text(encoding="utf-8") == PASSAGE
    assert set(findings_of(work.audit("books", "notes"))) == {"C001"}


def test_a_run_that_does_not_name_the_baseline_is_judged_by_it_all_the_same(work: Workspace) -> None:
    work.register("notes", "good.jsonl")
    assert work.audit("notes", policy="distillation.yaml").code == 0
    work.write("good.jsonl", GOOD + GOOD)
    judged = work.audit("notes", policy="distillation.yaml")
    assert judged.code == 11
    assert set(findings_of(judged)) == {"R001", "R002"}
    assert work.audit("notes", policy="").code == 11


def test_a_bundle_that_redefines_a_rule_of_the_baseline_is_refused(work: Workspace) -> None:
    text = (shipped("policies") / "bundles" / "baseline.yaml").read_text(encoding="utf-8")
    (work.folder / "loose.yaml").write_text(text.replace('shard.state == "unchanged"', 'shard.state != "missing"'), encoding="utf-8")
    work.register("notes", "good.jsonl")
    refused = work.audit("notes", policy="loose.yaml")
    assert refused.code == 1
    assert "bundle 'baseline' has the name" in refused.err
    (work.folder / "loose.yaml").write_text(text.replace("name: baseline", "name: loose"), encoding="utf-8")
    refused = work.audit("notes", policy="loose.yaml")
    assert refused.code == 1
    assert "rule E001 is also in" in refused.err
