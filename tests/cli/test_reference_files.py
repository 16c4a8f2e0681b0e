"""Reference sets that leave the workspace and come back."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasketch import LeanMinHash, MinHashLSH

from provenance.cli.main import run
from provenance.matching.interop import iter_lean, sketch_texts
from tests.fakes.redis import fake_server

OUTPUTS = Path(__file__).parent.parent.parent / "examples" / "sample" / "references" / "cumulus-outputs.jsonl"
NOVEL = OUTPUTS.with_name("the-man-who-was-thursday.txt")
PASSAGE = max((json.loads(line)["output"] for line in OUTPUTS.read_text(encoding="utf-8").splitlines()), key=len)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "reference", "add", "outputs", str(OUTPUTS), "--kind", "api-output") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def sets(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert provenance(folder, "reference", "list", "-f", "json") == 0
    return {s["name"]: s for s in json.loads(capsys.readouterr().out)}


def test_an_exported_set_is_added_again_without_a_word_of_explanation(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "reference", "export", "outputs", "-o", "outputs.jsonl") == 0
    assert provenance(work, "reference", "add", "again", "outputs.jsonl") == 0
    found = sets(work, capsys)
    assert (found["again"]["digest"], found["again"]["kind"]) == (found["outputs"]["digest"], "api-output")
    assert [p.name for p in work.iterdir() if p.name.startswith(".outputs")] == []


def test_standard_output_takes_what_a_file_takes(work: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert provenance(work, "reference", "export", "outputs", "-o", "outputs.jsonl") == 0
    capfdbinary.readouterr()
    assert provenance(work, "reference", "export", "outputs") == 0
    assert capfdbinary.readouterr().out == (work / "outputs.jsonl").read_bytes()
    assert provenance(work, "reference", "export", "outputs", "--no-text") == 0
    assert b'"text"' not in capfdbinary.readouterr().out


def test_a_file_that_cannot_be_written_is_one_sentence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "reference", "export", "outputs", "-o", "no/such/folder/x.jsonl") == 1
    assert "cannot be written" in capsys.readouterr().err
    assert provenance(work, "reference", "export", "nobody") == 1


def test_sketches_go_to_a_file_that_holds_no_text(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "reference", "export", "outputs", "-f", "datasketch", "-o", "s.parquet") == 0
    assert "sketches of 60 of 60 references" in capsys.readouterr().out
    rows = {row["id"]: LeanMinHash.deserialize(row["sketch"], "<") for row in pq.read_table(work / "s.parquet").to_pylist()}
    asked = dict(iter_lean(sketch_texts({"passage": PASSAGE})))["passage"]
    whole = [json.loads(line) for line in OUTPUTS.read_text(encoding="utf-8").splitlines()]
    assert [name for name, sketch in rows.items() if sketch.jaccard(asked) == 1.0] == [r["id"] for r in whole if r["output"] == PASSAGE]
    assert pq.read_table(work / "s.parquet").column_names == ["id", "sketch", "windows"]
    assert provenance(work, "reference", "add", "back", "s.parquet") == 1  # sketches are no references: there is nothing to align and to show
    assert "has no text" in capsys.readouterr().err


def test_sketches_go_to_redis_where_datasketch_alone_finds_them(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_server() as port:
        url = f"redis://127.0.0.1:{port}/0"
        assert provenance(work, "reference", "export", "outputs", "-f", "datasketch", "--redis", url) == 0
        assert "MinHashLSH outputs on Redis: sketches of 60 of 60" in capsys.readouterr().out
        storage = {"type": "redis", "basename": b"outputs", "redis": {"host": "127.0.0.1", "port": port}}
        index = MinHashLSH(num_perm=128, params=(32, 4), storage_config=storage)
        (asked,) = (sketch for _, sketch in iter_lean(sketch_texts({"passage": PASSAGE})))
        whole = [json.loads(line) for line in OUTPUTS.read_text(encoding="utf-8").splitlines()]
        assert next(r["id"] for r in whole if r["output"] == PASSAGE) in index.query(asked)
        assert provenance(work, "reference", "export", "outputs", "-f", "datasketch", "--redis", url) == 1
        assert "holds 'cumulus-0001' already" in capsys.readouterr().err
        assert provenance(work, "reference", "export", "outputs", "-f", "datasketch", "--redis", url, "--basename", "again") == 0
    monkeypatch.setenv("PROVENANCE_REDIS_PASSWORD", "hush")
    capsys.readouterr()
    assert provenance(work, "reference", "export", "outputs", "-f", "datasketch", "--redis", "redis://me:secret@127.0.0.1:1") == 1
    told = capsys.readouterr().err
    assert "cannot hold the sketches" in told
    assert "secret" not in told
    assert "hush" not in told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "need a place to go"),
        (("--redis", "http://h"), "not given as redis://"),
        (("--redis", "http://:secret@h"), "holds an address with a name or password"),
        (("-o", "no/such/folder/s.parquet"), "cannot be written"),
    ],
)
def test_sketches_without_a_place_are_one_sentence(work: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], words: str) -> None:
    assert provenance(work, "reference", "export", "outputs", "-f", "datasketch", *given) == 1
    told = capsys.readouterr().err
    assert words in told
    assert "secret" not in told


@pytest.mark.parametrize("given", [("--redis", "redis://h"), ("--basename", "x")])
def test_records_do_not_go_to_redis(work: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...]) -> None:
    assert provenance(work, "reference", "export", "outputs", *given) == 1
    assert "-f datasketch" in capsys.readouterr().err


def test_a_set_without_five_words_has_no_sketches(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "few.txt").write_text("four words and dot", encoding="utf-8")
    assert provenance(work, "reference", "add", "few", "few.txt", "--kind", "work") == 0
    capsys.readouterr()
    assert provenance(work, "reference", "export", "few", "-f", "datasketch", "-o", "s.parquet") == 1
    assert "has no sketches" in capsys.readouterr().err
    assert not (work / "s.parquet").exists()


@pytest.fixture
def packed(work: Path) -> Path:
    assert provenance(work, "reference", "pack", "outputs") == 0
    (work / "corpus.jsonl").write_text(json.dumps({"id": "d", "text": "So it began. " + PASSAGE + " That is all."}) + "\n", encoding="utf-8")
    return work


def test_a_pack_is_written_added_listed_and_holds_no_text(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert PASSAGE.split(". ")[0].encode() not in (packed / "outputs.pack").read_bytes()
    assert provenance(packed, "reference", "add", "theirs", "outputs.pack") == 0
    found = sets(packed, capsys)
    assert (found["theirs"]["kind"], found["theirs"]["references"]) == ("api-output", found["outputs"]["references"])
    assert str(found["theirs"]["scheme"]).endswith("pack-1")
    assert provenance(packed, "reference", "verify") == 0
    assert provenance(packed, "reference", "show", "theirs") == 0
    capsys.readouterr()
    assert provenance(packed, "reference", "export", "theirs") == 1
    assert "its words are not here" in capsys.readouterr().err
    assert provenance(packed, "reference", "pack", "outputs", "--one-in", "1") == 1
    assert "refused" in capsys.readouterr().err


def test_match_takes_packs_alone_beside_files_and_in_folders(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def alarms(*references: str) -> list[tuple[str, str]]:
        capsys.readouterr()
        given = [part for name in references for part in ("--reference", name)]
        assert provenance(packed, "match", "corpus.jsonl", *given, "-f", "jsonl") == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [(m["reference_set"], m["doc_id"]) for m in found if not m["explained"]]

    assert alarms("outputs.pack") == [("outputs", "d")]
    assert alarms("outputs.pack", str(NOVEL)) == [("outputs", "d")]
    (packed / "folder").mkdir()
    (packed / "outputs.pack").rename(packed / "folder" / "outputs.pack")
    assert alarms("folder") == [("outputs", "d")]
    (packed / "broken.pack").write_bytes(b"nothing")
    assert provenance(packed, "match", "corpus.jsonl", "--reference", "broken.pack") == 1
    assert "not a reference pack" in capsys.readouterr().err


def test_check_takes_a_pack_again_and_again(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (packed / "data").mkdir()
    (packed / "corpus.jsonl").rename(packed / "data" / "corpus.jsonl")
    for _ in range(2):
        provenance(packed, "check", "data", "--reference", "outputs.pack")
        assert "D002" in capsys.readouterr().out


def test_an_audit_shows_what_a_pack_found_and_says_that_its_words_are_not_here(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(packed, "reference", "add", "theirs", "outputs.pack") == 0
    (packed / "data").mkdir()
    (packed / "corpus.jsonl").rename(packed / "data" / "corpus.jsonl")
    (packed / "datasets.yaml").write_text(
        "format: provenance.datasets\nversion: 1\nroots: {data: data/}\ndatasets:\n  - {name: d, shards: ['*.jsonl']}\n", encoding="utf-8"
    )
    (packed / "run.yaml").write_text(
        "format: provenance.run\nversion: 1\nmodel: {name: m}\npurpose: {commercial: true}\norganization: {name: X}\n"
        "data: [{dataset: d}]\nreferences: [theirs]\npolicy: [baseline.yaml]\nrequested_by: me\n",
        encoding="utf-8",
    )
    assert provenance(packed, "register", "--manifest", "datasets.yaml") == 0
    capsys.readouterr()
    assert provenance(packed, "audit", "run.yaml", "-f", "json") == 11
    record = json.loads(capsys.readouterr().out)
    assert any("theirs is a reference pack" in limit for limit in record["limits"])
    (found,) = [e for e in record["evidence"] if not e["match"]["explained"]]
    assert (found["text"]["reference_text"], bool(found["text"]["shared"])) == ("", True)
    assert provenance(packed, "matches", "show", found["id"][7:15]) == 0
    assert "the reference is a pack: its words are not here" in capsys.readouterr().out
    assert provenance(packed, "report", "make", "-o", "report") == 0
    assert "The reference is a pack: its words are not here." in (packed / "report" / "index.html").read_text(encoding="utf-8")


def test_the_list_of_sets_fits_a_terminal_and_scan_takes_several_by_commas(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "reference", "add", "novel", str(NOVEL), "--kind", "work") == 0
    (work / "data").mkdir()
    (work / "data" / "d.jsonl").write_text(json.dumps({"text": f"So it began. {PASSAGE}"}) + "\n", encoding="utf-8")
    assert provenance(work, "register", "data/d.jsonl", "--dataset", "d") == 0
    capsys.readouterr()
    assert provenance(work, "reference", "list") == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown[1:]] == ["novel", "outputs"]
    assert max(map(len, shown)) <= 80
    assert provenance(work, "scan", "-r", "novel,outputs", "-f", "json") == 0
    (together,) = json.loads(capsys.readouterr().out)
    assert provenance(work, "scan", "-r", "novel", "-r", "outputs", "-f", "json") == 0
    assert json.loads(capsys.readouterr().out) == [{**together, "scanned": "before"}]
    assert together["alarms"] == 1
    assert provenance(work, "scan", "-r", "novel,none") == 1
    assert "there is no reference set 'none'" in capsys.readouterr().err
