"""``provenance export``: what is registered comes out whole, to a file, a folder or standard output."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from provenance.cli.export import file_stem
from provenance.cli.main import run
from provenance.exchange import export_facts
from provenance.exchange.export_check import check_document
from provenance.exchange.exports import FORMATS, read_export
from provenance.model.dataset import Dataset, DatasetVersion
from provenance.registry.session import SqlUnitOfWork
from tests.fakes.clock import FixedClock
from tests.fakes.values import full_version, shards, version


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), *arguments])


def record(folder: Path, *versions: DatasetVersion) -> None:
    units = SqlUnitOfWork(f"sqlite:///{folder / '.provenance' / 'registry.db'}", FixedClock())
    with units.begin(actor="a", action="register") as registry:
        for facts in versions:
            registry.add_version(facts)
    units.close()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    assert provenance(tmp_path, "init") == 0
    record(tmp_path, full_version("chats"), version(Dataset(name="../../notes"), shards(2)))
    return tmp_path


@pytest.mark.parametrize("name", [*FORMATS, "csv"])
def test_one_dataset_to_a_file(work: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "export", "chats", "-f", name, "-o", "out/chats.txt") == 0
    raw = (work / "out" / "chats.txt").read_bytes()
    assert read_export(name, raw, where=name) == (full_version("chats"),)
    assert "1 dataset written to" in capsys.readouterr().err
    assert provenance(work, "export", "chats", "-f", name, "-o", "again.txt") == 0
    assert (work / "again.txt").read_bytes() == raw


@pytest.mark.parametrize("name", [*FORMATS, "csv"])
def test_standard_output_is_the_document_alone(work: Path, name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert provenance(work, "export", "chats", "-f", name) == 0
    assert read_export(name, capfdbinary.readouterr().out, where=name) == (full_version("chats"),)


@pytest.mark.parametrize("name", ["spdx", "cyclonedx", "csv"])
def test_all_datasets_in_one_file(work: Path, name: str) -> None:
    assert provenance(work, "export", "-f", name, "-o", "all.out") == 0
    found = read_export(name, (work / "all.out").read_bytes(), where=name)
    assert [v.dataset.name for v in found] == ["../../notes", "chats"]


@pytest.mark.parametrize("name", ["croissant", "dta", "hf-card"])
def test_all_datasets_in_a_folder_and_none_outside_it(work: Path, name: str) -> None:
    assert provenance(work, "export", "-f", name, "-o", "cards", "--validate") == 0
    files = sorted(p.name for p in (work / "cards").iterdir())
    assert len(files) == 2
    assert [f for f in files if f.startswith("chats")] == [f"chats{FORMATS[name].suffix}"]
    assert all(check_document(name, (work / "cards" / f).read_bytes()) == [] for f in files)


def test_several_documents_do_not_go_to_standard_output(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "export", "-f", "croissant") == 2
    assert "give -o FOLDER" in capsys.readouterr().err


def test_a_version_is_named_by_its_digest(work: Path) -> None:
    newer = dataclasses.replace(version(full_version("chats").dataset, shards(3)))
    record(work, newer)
    old = full_version("chats")
    assert provenance(work, "export", f"chats@{old.root_digest}", "chats", "-f", "croissant", "-o", "both/") == 0
    names = sorted(p.name for p in (work / "both").iterdir())
    assert names == sorted(f"chats.{d.removeprefix('sha256:')[:12]}.croissant.json" for d in (old.root_digest, newer.root_digest))


def test_what_is_not_registered_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "export", "chat", "-f", "spdx") == 1
    assert "did you mean 'chats'" in capsys.readouterr().err


def test_more_shards_than_a_document_lists(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(export_facts, "MAX_INLINE", 3)
    assert provenance(work, "export", "chats", "-f", "spdx") == 2
    assert "listed in a file beside it" in capsys.readouterr().err
    assert provenance(work, "export", "chats", "-f", "spdx", "-o", "out/x.json") == 0
    (listed,) = (work / "out").glob("*.shards.jsonl")
    raw = (work / "out" / "x.json").read_bytes()
    assert listed.name in raw.decode()
    found = read_export("spdx", raw, where="x", lists=lambda name: (work / "out" / name).read_bytes().splitlines(keepends=True))
    assert found == (full_version("chats"),)


def test_a_document_that_breaks_the_rules_is_not_written(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    form = FORMATS["spdx"]
    broken = dataclasses.replace(form, render=lambda exports: form.render(exports).replace(b"hasConcludedLicense", b"hasEvidence"))
    monkeypatch.setitem(FORMATS, "spdx", broken)
    assert provenance(work, "export", "-f", "spdx", "-o", "x.json", "--validate") == 1
    assert "exactly one relationship hasConcludedLicense" in capsys.readouterr().err
    assert not (work / "x.json").exists()


def test_an_empty_registry_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "export", "-f", "csv") == 1
    assert "no datasets are registered" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a", "chat-distilled", "v1.2_x"])
def test_harmless_names_are_file_names(name: str) -> None:
    assert file_stem(name) == name


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", ".hidden", "a/b", "..", "", "ä" * 500, "a\x00b", "a b", "x" * 300])
def test_other_names_make_file_names_that_stay_in_the_folder(name: str) -> None:
    stem = file_stem(name)
    assert "/" not in stem
    assert not stem.startswith(".")
    assert stem.isascii()
    assert stem.isprintable()
    assert len(stem) <= 100


def test_names_that_look_alike_get_files_of_their_own() -> None:
    assert len({file_stem(n) for n in ("a/b", "a_b", "a b", "a//b", "./a_b")}) == 5


def test_json_documents_end_with_a_line_break(work: Path) -> None:
    assert provenance(work, "export", "chats", "-f", "dta", "-o", "x.json") == 0
    raw = (work / "x.json").read_text()
    assert raw.endswith("}\n")
    assert raw == json.dumps(json.loads(raw), ensure_ascii=False, sort_keys=True, indent=2) + "\n"


@pytest.mark.parametrize("name", [*FORMATS, "csv", "native"])
def test_import_into_another_registry_gives_equal_facts(tmp_path: Path, name: str) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        assert provenance(tmp_path / folder, "init") == 0
    originals = {v.dataset.name: v for v in (full_version("chats"), version(Dataset(name="notes"), shards(3)))}
    record(tmp_path / "a", *originals.values())
    many = name not in FORMATS or FORMATS[name].many
    target = tmp_path / ("all.csv" if name == "csv" else "all.jsonl" if name == "native" else "all.json" if many else "all")
    assert provenance(tmp_path / "a", "export", "-f", name, "-o", str(target)) == 0
    assert provenance(tmp_path / "b", "import", str(target)) == 0
    units = SqlUnitOfWork(f"sqlite:///{tmp_path / 'b' / '.provenance' / 'registry.db'}", FixedClock())
    with units.read() as registry:
        found = {v.dataset.name: registry.dataset_version(v.dataset.name) for v in registry.datasets()}
    units.close()
    assert {n: (v.dataset, v.root_digest, set(v.shards)) for n, v in found.items()} == {
        n: (v.dataset, v.root_digest, set(v.shards)) for n, v in originals.items()
    }


def test_import_of_a_changed_export_takes_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "export", "chats", "-f", "cyclonedx", "-o", "x.json") == 0
    raw = (work / "x.json").read_text()
    (work / "x.json").write_text(raw.replace("CC-BY-4.0", "CC0-1.0", 1))
    assert provenance(work, "import", "x.json") == 4
    assert "was changed after the export" in capsys.readouterr().err


def test_documents_of_others_that_only_export_writes_are_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "x.json").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.7", "components": []}')
    assert provenance(work, "import", "x.json") == 4
    assert "only documents that provenance export wrote are read" in capsys.readouterr().err
