"""The file that a pack is: the same bytes for the same set, and refused where it is damaged or was made to harm."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from provenance.canonical import canonical_bytes, digest_bytes, digest_of
from provenance.errors import ReferenceIndexError, SchemeMismatchError
from provenance.matching import index as index_module
from provenance.matching.cascade import open_matcher
from provenance.matching.export import iter_exported
from provenance.matching.index import ReferenceStore
from provenance.matching.packfile import HEADER_NAME, add_pack, read_header, write_pack
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_answer, make_batch, make_reference, make_words

API, WORK = ReferenceKind.API_OUTPUT, ReferenceKind.WORK
TEXTS = [" ".join(make_words(200, i)) for i in range(12)]
ANSWERS = [make_answer(f"a{i}", text, prompt=" ".join(make_words(80, 100 + i))) for i, text in enumerate(TEXTS)]
Edit = Callable[[dict[str, Any], dict[str, bytes]], None]


@pytest.fixture
def pack(store: ReferenceStore, tmp_path: Path) -> Path:
    store.add("outputs", ANSWERS, kind=API)
    write_pack(store, "outputs", tmp_path / "outputs.pack")
    return tmp_path / "outputs.pack"


def rewrite(pack: Path, edit: Edit, *, compression: int = zipfile.ZIP_STORED) -> Path:
    """Take a pack apart, change it, and put it together with every digest right again."""
    with zipfile.ZipFile(pack) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(files.pop(HEADER_NAME))
    edit(header, files)
    for number, part in enumerate(header["parts"]):
        for file in part["files"]:
            raw = files.get(f"{number}/{file['name']}", b"")
            file["sha256"], file["size_bytes"] = digest_bytes(raw), len(raw)
        part["digest"] = digest_of({"params": part["params"], "files": part["files"]})
    fields = {key: header[key] for key in ("format", "version", "kind")}
    header["digest"] = digest_of({**fields, "parts": [p["digest"] for p in header["parts"]]})
    made = pack.with_name("made.pack")
    with zipfile.ZipFile(made, "w", compression) as archive:
        archive.writestr(HEADER_NAME, canonical_bytes(header))
        for name, raw in files.items():
            archive.writestr(name, raw)
    return made


def change_array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Edit:
    def edit(_header: dict[str, Any], files: dict[str, bytes]) -> None:
        array = change(np.load(io.BytesIO(files[f"0/{name}.npy"])).copy())
        out = io.BytesIO()
        np.save(out, array, allow_pickle=False)
        files[f"0/{name}.npy"] = out.getvalue()

    return edit


def put(index: Any, value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return change


def test_the_same_set_gives_the_same_bytes(store: ReferenceStore, pack: Path, tmp_path: Path) -> None:
    other = ReferenceStore(tmp_path / "elsewhere")
    other.add("outputs", ANSWERS, kind=API)
    write_pack(other, "outputs", tmp_path / "again.pack")
    assert (tmp_path / "again.pack").read_bytes() == pack.read_bytes()
    write_pack(store, "outputs", tmp_path / "sparser.pack", one_in=8)
    assert read_header(tmp_path / "sparser.pack").digest != read_header(pack).digest
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_the_header_says_what_is_in_it(pack: Path) -> None:
    header = read_header(pack)
    assert (header.format, header.version, header.name, header.kind) == ("provenance.reference-pack", 1, "outputs", API)
    assert (header.references, header.words, header.parts[0].params.one_in, header.parts[0].params.window) == (12, 2400, 4, 5)
    with zipfile.ZipFile(pack) as archive:
        assert archive.namelist()[0] == HEADER_NAME
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_sets_of_many_segments_become_packs_of_as_many_parts(store: ReferenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "SEGMENT_TEXT_BYTES", 3000)
    store.add("set", [make_reference(f"r{i}", text) for i, text in enumerate(TEXTS)], kind=WORK)
    header = write_pack(store, "set", tmp_path / "set.pack")
    assert len(header.parts) == store.show("set").segments > 3
    added = add_pack(store, "packed", tmp_path / "set.pack")
    assert (added.references, added.words, len(added.segments)) == (12, 2400, len(header.parts))
    matcher = open_matcher(store, ["packed"])
    found = matcher.match_batch(make_batch([" ".join(text.split()[20:160]) for text in TEXTS]), path="p")
    assert [(m.record, m.reference) for m in found if not m.explained] == [(i, f"r{i}") for i in range(12)]


def test_a_pack_is_added_once_and_beside_nothing_of_the_same_id(store: ReferenceStore, pack: Path) -> None:
    assert add_pack(store, "packed", pack).references == 12
    before = store.show("packed")
    again = add_pack(store, "packed", pack)
    assert (again.references, again.skipped, store.show("packed")) == (0, 12, before)
    with pytest.raises(ReferenceIndexError, match="reference 'a0' is in set 'outputs' already"):
        add_pack(store, "outputs", pack)
    with pytest.raises(ReferenceIndexError, match="'a3' is in set 'packed' already, with another text"):
        store.add("packed", [make_answer("a3", "another text")], kind=API)
    assert store.add("packed", [make_answer("a3", TEXTS[3])], kind=API).skipped == 1
    assert store.add("packed", [make_answer("new", "a text that is here")], kind=API).references == 1


@pytest.mark.parametrize("one_in", [-4, 0, 1, 3, 6, 64])
def test_rates_that_give_away_the_text_or_are_no_power_of_two_are_refused(store: ReferenceStore, pack: Path, tmp_path: Path, one_in: int) -> None:
    with pytest.raises(ReferenceIndexError, match="is refused"):
        write_pack(store, "outputs", tmp_path / "x.pack", one_in=one_in)
    assert not (tmp_path / "x.pack").exists()
    assert pack.exists()


def test_a_pack_is_neither_packed_nor_exported_again(store: ReferenceStore, pack: Path, tmp_path: Path) -> None:
    add_pack(store, "packed", pack)
    with pytest.raises(ReferenceIndexError, match="holds a pack: the reference is a pack: its words are not here"):
        write_pack(store, "packed", tmp_path / "x.pack")
    with pytest.raises(ReferenceIndexError, match="its words are not here"):
        list(iter_exported(store, "packed"))
    assert len(list(iter_exported(store, "packed", with_text=False))) == 12


def test_a_kind_that_is_not_the_packs_is_refused(store: ReferenceStore, pack: Path) -> None:
    with pytest.raises(ReferenceIndexError, match="of kind api-output, got work"):
        add_pack(store, "packed", pack, kind=WORK)
    store.add("works", [make_reference("w", "some words of a work")], kind=WORK)
    with pytest.raises(ReferenceIndexError, match="is of kind work, got api-output"):
        add_pack(store, "works", pack)


@pytest.mark.parametrize("kind", [ReferenceKind.BACKGROUND, ReferenceKind.LICENSE_TEXT])
def test_a_pack_that_explains_matches_away_must_be_asked_for(store: ReferenceStore, tmp_path: Path, kind: ReferenceKind) -> None:
    store.add("set", [make_reference("r", TEXTS[0], kind=kind)], kind=kind)
    write_pack(store, "set", tmp_path / "x.pack")
    with pytest.raises(ReferenceIndexError, match="explains matches away"):
        add_pack(store, "packed", tmp_path / "x.pack")
    assert add_pack(store, "packed", tmp_path / "x.pack", kind=kind).references == 1


def test_references_that_nothing_in_the_pack_finds_are_counted(store: ReferenceStore, tmp_path: Path) -> None:
    texts = ["", "one two three", "eight words are enough for a whole digest", TEXTS[0]]
    store.add("set", [make_reference(str(i), text) for i, text in enumerate(texts)], kind=WORK)
    assert write_pack(store, "set", tmp_path / "x.pack", one_in=8).unseen == read_header(tmp_path / "x.pack").unseen == 1


@pytest.mark.parametrize("raw", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_pack_is_said_to_be_none(store: ReferenceStore, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.pack").write_bytes(raw)
    with pytest.raises(ReferenceIndexError, match="not a reference pack"):
        add_pack(store, "x", tmp_path / "x.pack")
    with pytest.raises(ReferenceIndexError, match="cannot be read"):
        read_header(tmp_path / "missing.pack")


def set_field(name: str, value: object) -> Edit:
    def edit(header: dict[str, Any], _files: dict[str, bytes]) -> None:
        header[name] = value

    return edit


def set_param(name: str, value: object) -> Edit:
    def edit(header: dict[str, Any], _files: dict[str, bytes]) -> None:
        header["parts"][0]["params"][name] = value

    return edit


def set_part(name: str, value: object) -> Edit:
    def edit(header: dict[str, Any], _files: dict[str, bytes]) -> None:
        header["parts"][0][name] = value

    return edit


def drop_file(_header: dict[str, Any], files: dict[str, bytes]) -> None:
    del files["0/hashes.npy"]


def leave_out_file(header: dict[str, Any], _files: dict[str, bytes]) -> None:
    header["parts"][0]["files"].pop()


@pytest.mark.parametrize(
    "edit",
    [
        set_field("version", 2),
        set_field("format", "provenance.other"),
        set_field("kind", "work"),
        set_param("one_in", 1),
        set_param("one_in", 3),
        set_param("window", 4),
        set_part("references", 11),
        set_part("words", 5),
        set_part("pack", False),
        drop_file,
        leave_out_file,
        change_array("positions", put(0, 2**32 - 1)),
        change_array("positions", put(slice(None), 7)),
        change_array("positions", lambda a: a.astype(np.int64)),
        change_array("positions", put(np.s_[:1], 197)),
        change_array("hashes", lambda a: a[::-1]),
        change_array("hashes", lambda a: a | np.uint64(1)),
        change_array("hashes", lambda a: a[:-1]),
        change_array("spans", lambda a: a[:, ::-1].copy()),
        change_array("ref_offsets", put(3, 10**9)),
        change_array("ref_offsets", put(0, -5)),
        change_array("prompt_offsets", put(-1, 10**9)),
        change_array("prompt_hashes", lambda a: a[::-1]),
        change_array("digests", put((0, 1), 99)),
        change_array("sketch_refs", put(0, 99)),
        change_array("sketches", lambda a: a[:, :64]),
        change_array("origins", lambda a: a[:2]),
        change_array("bodies", lambda a: np.array([{"a": 1}] * len(a), dtype="U9")),
    ],
)
def test_packs_made_to_harm_are_refused_and_leave_no_set(store: ReferenceStore, pack: Path, edit: Edit) -> None:
    made = rewrite(pack, edit)
    with pytest.raises((ReferenceIndexError, SchemeMismatchError)):
        add_pack(store, "packed", made)
    assert [s.name for s in store.sets()] == ["outputs"]


def test_an_honest_rewrite_is_taken(store: ReferenceStore, pack: Path) -> None:
    assert add_pack(store, "packed", rewrite(pack, set_field("name", "other"))).references == 12


@pytest.mark.parametrize(("name", "value"), [("tokens", "words-0"), ("lists", "lists0"), ("escapes", "escapes0"), ("spelling", "spelling0")])
def test_a_pack_of_other_rules_is_refused_since_it_would_find_nothing(store: ReferenceStore, pack: Path, name: str, value: str) -> None:
    with pytest.raises(SchemeMismatchError, match=f"made as .*{value}"):
        add_pack(store, "packed", rewrite(pack, set_param(name, value)))


def test_a_compressed_archive_is_refused(store: ReferenceStore, pack: Path) -> None:
    with pytest.raises(ReferenceIndexError, match="compressed"):
        add_pack(store, "packed", rewrite(pack, lambda _h, _f: None, compression=zipfile.ZIP_DEFLATED))


def test_a_changed_byte_is_found_or_changes_nothing(store: ReferenceStore, pack: Path, tmp_path: Path) -> None:
    raw, chance = pack.read_bytes(), random.Random(11)
    digest = read_header(pack).digest
    for number in range(300):
        broken = bytearray(raw)
        broken[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        path = tmp_path / "broken.pack"
        path.write_bytes(broken[: chance.randrange(len(raw))] if number % 5 == 0 else broken)
        try:
            add_pack(store, f"set{number}", path)
        except (ReferenceIndexError, SchemeMismatchError):
            continue
        assert read_header(path).digest == digest  # zip's own fields, which say nothing


def test_the_disk_refuses(store: ReferenceStore, pack: Path, tmp_path: Path) -> None:
    assert pack.exists()
    with pytest.raises(ReferenceIndexError, match="cannot be written"):
        write_pack(store, "outputs", tmp_path / "no" / "folder" / "x.pack")
