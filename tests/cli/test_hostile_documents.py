"""Documents and names made to do harm, end to end: one clear sentence each, exit code 4, the rest imported, nothing half done."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.cli.main import run
from provenance.fingerprint.digest import hash_file

DIGEST = "a" * 64
BOMB = 'a: &a ["lol"]\n' + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9))
CARDS: dict[str, tuple[bytes, str]] = {
    "broken": (b"---\nlicense: [mit\n---\n", "cannot be read"),
    "bomb": (f"---\n{BOMB}license: mit\n---\n".encode(), "anchors and aliases are not allowed"),
    "alias": (b"---\nx: &a mit\nlicense: *a\n---\n", "anchors and aliases are not allowed"),
    "object": (b'---\nlicense: !!python/object/apply:os.system ["echo"]\n---\n', "could not determine a constructor"),
    "ten-megabytes": (b"---\nlicense: " + b"m" * 10_000_000 + b"\n---\n", "more than 4194304"),
    "deep": (b"---\nlicense: " + b"[" * 5000 + b"]" * 5000 + b"\n---\n", "nested deeper"),
    "twice": (b"---\nlicense: mit\nlicense: cc0-1.0\n---\n", "given twice"),
    "open": (b"---\nlicense: mit\n", "does not end"),
    "random": (bytes(range(256)) * 20, "is not UTF-8 text"),
    "utf-16": ("---\nlicense: mit\n---\n".encode("utf-16"), "is not UTF-8 text"),
    "utf-16-unmarked": ("---\nlicense: mit\n---\n".encode("utf-16-le"), "is not UTF-8 text"),
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "Minutes of the meeting, as agreed by everybody."}\n')
    assert provenance(tmp_path, "init") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


@pytest.fixture
def licenses(work: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, str]]:
    """Return what is registered: names and declared licences, after the registry was verified."""

    def look() -> dict[str, str]:
        assert provenance(work, "log", "verify") == 0
        capsys.readouterr()
        assert provenance(work, "datasets", "list", "-f", "json") == 0
        return {v["dataset"]["name"]: v["dataset"]["license"]["declared"]["value"] for v in json.loads(capsys.readouterr().out)}

    return look


def problems(printed: str) -> list[str]:
    assert "internal error" not in printed
    return [line for line in printed.splitlines() if line.startswith("  ! ")]


def test_hostile_cards_are_kept_with_an_unreadable_licence_and_the_good_one_is_imported(
    work: Path, licenses: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (raw, _) in {**CARDS, "good": (b"---\nlicense: mit\n---\n", "")}.items():
        (work / "in" / name).mkdir(parents=True)
        (work / "in" / name / "README.md").write_bytes(raw)
    for name, (_, sentence) in CARDS.items():
        assert provenance(work, "import", f"in/{name}/README.md") == 4
        told = problems(capsys.readouterr().err)
        assert len(told) == 1
        assert sentence in told[0]
        assert len(told[0]) < 400
    assert provenance(work, "import", "in") == 4
    assert licenses() == {**dict.fromkeys(CARDS, "UNREADABLE"), "good": "MIT"}


ROWS: dict[str, tuple[str, str]] = {
    "a line break": ('"a\nb.jsonl",{d},1', "line break"),
    "upwards": ("../c.jsonl,{d},1", "must not lead out"),
    "upwards further down": ("d/../../c.jsonl,{d},1", "must not lead out"),
    "no digest": ("c.jsonl,abc,1", "is not a SHA-256"),
    "more than a database holds": ("c.jsonl,{d},9223372036854775808", "expected a whole number"),
    "negative": ("c.jsonl,{d},-1", "expected a whole number"),
    "a very long path": ("p" * 100_000 + ",{d},1", "must have 1 to 4096 characters"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_hostile_row_leaves_the_others(work: Path, licenses: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str], case: str) -> None:
    row, sentence = ROWS[case]
    lines = f"x,{row.format(d=DIGEST)},MIT\nx,good.jsonl,{DIGEST},1,MIT\n"
    (work / "m.csv").write_text("dataset,path,sha256,size_bytes,license\n" + lines)
    assert provenance(work, "import", "m.csv") == 4
    told = problems(capsys.readouterr().err)
    assert len(told) == 1
    assert sentence in told[0]
    assert len(told[0]) < 400
    assert licenses() == {"x": "MIT"}
    capsys.readouterr()
    assert provenance(work, "datasets", "show", "x", "-f", "json") == 0
    assert [s["path"] for s in json.loads(capsys.readouterr().out)["shards"]] == ["good.jsonl"]


def test_a_licence_of_ten_megabytes_is_unreadable_wherever_it_stands(
    work: Path, licenses: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    huge = "M" * 10_000_000
    (work / "m.csv").write_text(f"dataset,path,sha256,size_bytes,license\nx,a.jsonl,{DIGEST},1,{huge}\n")
    context = {
        "@vocab": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
    }
    document = {"@context": context, "@type": "Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0", "name": "y", "license": huge}
    (work / "croissant.json").write_text(json.dumps(document))
    (work / "datasets.yaml").write_text(
        f"format: provenance.datasets\nversion: 1\ndatasets:\n  - {{name: z, license: {huge[:100_000]}, synthetic: no, shards: [a.jsonl]}}\n"
    )
    for name in ("m.csv", "croissant.json"):
        assert provenance(work, "import", name) == 4
        assert max(map(len, capsys.readouterr().err.splitlines())) < 400
    assert licenses() == {"x": "UNREADABLE", "y": "UNREADABLE"}
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 1
    assert "1 to 10000 characters" in capsys.readouterr().err


def test_a_manifest_with_several_faults_says_each_on_a_line_of_its_own(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = "  - {name: x, licens: MIT, shards: [a.jsonl]}\n  - {name: x, shards: [a.jsonl]}\n  - {name: y, shards: [../a.jsonl]}\n"
    (work / "datasets.yaml").write_text(f"format: provenance.datasets\nversion: 1\ndatasets:\n{entries}")
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 1
    lines = capsys.readouterr().err.splitlines()
    assert sorted(next(w for w in ("licens'", "twice", "with ..") if w in line) for line in lines[:3]) == ["licens'", "twice", "with .."]
    assert not [line for line in lines if "\\u000a" in line]


CYCLES: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "cards": lambda name, source: (f"{name}/README.md", f"---\nlicense: mit\nsource_datasets:\n- {source}\n---\n"),
    "tables": lambda name, source: (f"{name}.csv", f"dataset,derived_from,license\n{name},{source},MIT\n"),
}


@pytest.mark.parametrize("form", CYCLES)
def test_an_import_that_would_make_a_dataset_come_from_itself_is_refused_and_the_rest_imported(
    work: Path, licenses: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str], form: str
) -> None:
    for name, source in (("p", "q"), ("q", "r"), ("r", "p"), ("s", "s"), ("t", "p")):
        path, content = CYCLES[form](name, source)
        (work / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (work / "in" / path).write_text(content)
    assert provenance(work, "import", *sorted(f"in/{CYCLES[form](name, '')[0]}" for name in "pqrst")) == 4
    told = problems(capsys.readouterr().err)
    assert len(told) == 1
    assert "'r' would come from itself: r ← p ← q ← r" in told[0]
    assert licenses() == {"p": "MIT", "q": "MIT", "s": "MIT", "t": "MIT"}
    capsys.readouterr()
    assert provenance(work, "datasets", "show", "s", "-f", "json") == 0
    assert json.loads(capsys.readouterr().out)["dataset"]["derived_from"] == []  # that it comes from itself says nothing


def test_files_with_names_that_cannot_be_kept_are_told_and_the_others_registered(
    work: Path, licenses: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = os.fsencode(work / "data")
    for name in (b"bad\xff.jsonl", b"line\nbreak.jsonl"):
        with open(folder + b"/" + name, "wb") as file:  # noqa: PTH123 - a name that no str path should hold
            file.write(b'{"text": "Minutes."}\n')
    (work / "data" / "out").symlink_to("/etc")
    assert provenance(work, "register", "data/**", "--dataset", "x", "--license", "MIT", "--synthetic", "no") == 4
    told = problems(capsys.readouterr().err)
    assert len(told) == 2
    assert [line for line in told if "bad\\xff.jsonl: the file's name is not UTF-8" in line]
    assert [line for line in told if "leads out of the data roots" in line]
    assert licenses() == {"x": "MIT"}
    capsys.readouterr()
    assert provenance(work, "datasets", "show", "x", "-f", "json") == 0
    assert [s["path"] for s in json.loads(capsys.readouterr().out)["shards"]] == ["a.jsonl", "line\nbreak.jsonl"]
    assert provenance(work, "datasets", "show", "x") == 0
    assert "line\\u000abreak.jsonl" in capsys.readouterr().out


def test_every_published_invalid_croissant_document_is_told(
    work: Path, shared: Path, licenses: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    documents = sorted((shared / "fixtures" / "croissant" / "invalid").glob("*metadata.json"))
    assert len(documents) == 15
    for path in documents:
        assert provenance(work, "import", str(path), "--dry-run") == 4
        told = problems(capsys.readouterr().err)
        assert 1 <= len(told) <= 3
        assert all(path.name in line for line in told)
    (work / "good").mkdir()
    (work / "good" / "README.md").write_text("---\nlicense: mit\n---\n")
    assert provenance(work, "import", *map(str, documents), "good/README.md") == 4
    assert licenses() == {"good": "MIT", "mydataset": "UNKNOWN"}


@pytest.fixture
def written_while_read(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shard that another program changes after it was hashed and before its records were counted, size and time of modification set back."""
    target = work / "data" / "moving.jsonl"
    target.write_text('{"text": "Minutes of the meeting."}\n')

    def hash_and_change(location: str) -> tuple[str, int]:
        found = hash_file(location)
        if location == str(target):
            before = target.stat()
            target.write_text(target.read_text().replace("Minutes", "Minuets"))
            os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        return found

    monkeypatch.setattr("provenance.ingest.listing.hash_file", hash_and_change)
    return target


def test_a_shard_that_changes_while_it_is_read_is_not_registered_and_the_others_are(
    work: Path, written_while_read: Path, licenses: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert provenance(work, "register", "data/**", "--dataset", "x", "--license", "MIT", "--synthetic", "no", "-j", "1") == 4
    told = problems(capsys.readouterr().err)
    assert len(told) == 1
    assert "changed while it was read" in told[0]
    assert licenses() == {"x": "MIT"}
    capsys.readouterr()
    assert provenance(work, "datasets", "show", "x", "-f", "json") == 0
    assert [s["path"] for s in json.loads(capsys.readouterr().out)["shards"]] == ["a.jsonl"]
