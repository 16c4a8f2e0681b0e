"""Packs of every released format are still read, find what they found, and are what independent code says they are."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from provenance.matching.cascade import open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.packfile import add_pack, read_header
from provenance.model.match import MatchMethod
from tests.fakes.matching import make_batch
from tests.golden.make_pack import make, references

GOLDEN = Path(__file__).parent
VERSIONS = sorted(p.name for p in GOLDEN.glob("pack-v*"))
SCHEMA = GOLDEN.parents[1] / "docs" / "formats" / "pack.schema.json"


def test_there_is_a_golden_pack() -> None:
    assert VERSIONS[0] == "pack-v1"


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_packs_find_their_texts(version: str, tmp_path: Path) -> None:
    store = ReferenceStore(tmp_path)
    assert add_pack(store, "outputs", GOLDEN / version / "outputs.pack").references == 4
    texts = [r.text for r in references()]
    found = open_matcher(store, ["outputs"]).match_batch(make_batch([*texts, *(f"He told us this. {t} So much for that." for t in texts)]), path="p")
    assert [(m.record % 4, m.reference, m.explained) for m in found] == [(i % 4, references()[i % 4].record.id, False) for i in range(8)]
    assert [m.method for m in found[:4]] == [MatchMethod.DIGEST] * 4


def test_version_1_is_what_independent_code_makes_of_its_description() -> None:
    with zipfile.ZipFile(GOLDEN / "pack-v1" / "outputs.pack") as archive:
        header = json.loads(archive.read("pack.json"))
        jsonschema.validate(header, json.loads(SCHEMA.read_text(encoding="utf-8")))
        (part,) = header["parts"]
        for file in part["files"]:
            raw = archive.read(f"0/{file['name']}")
            assert (f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw)) == (file["sha256"], file["size_bytes"])
        arrays = {f["name"]: np.load(io.BytesIO(archive.read(f"0/{f['name']}"))) for f in part["files"] if f["name"].endswith(".npy")}
        assert archive.testzip() is None
    assert part["digest"] == canonical_digest({"params": part["params"], "files": part["files"]})
    assert header["digest"] == canonical_digest({**{k: header[k] for k in ("format", "version", "kind")}, "parts": [part["digest"]]})
    assert (arrays["hashes.npy"] % part["params"]["one_in"] == 0).all()
    assert len(arrays["ref_offsets.npy"]) == part["references"] + 1
    texts = "".join(r.text for r in references())
    assert arrays["sizes.npy"].sum() == len(texts)


def canonical_digest(value: object) -> str:
    """SHA-256 of canonical JSON; the values hold no number that RFC 8785 writes in another way, and no key beyond ASCII."""
    return f"sha256:{hashlib.sha256(json.dumps(value, sort_keys=True, separators=(',', ':')).encode()).hexdigest()}"


def test_the_newest_format_is_written_as_the_golden_pack_has_it(tmp_path: Path) -> None:
    golden = read_header(GOLDEN / VERSIONS[-1] / "outputs.pack").parts[0]
    made = make(tmp_path / "outputs.pack").parts[0]
    assert made.params == golden.params
    # Arrow's own bytes may change with its version; the arrays may not.
    assert [f for f in made.files if f.name.endswith(".npy")] == [f for f in golden.files if f.name.endswith(".npy")]
