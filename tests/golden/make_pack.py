"""Make the golden pack of the newest format: python tests/golden/make_pack.py FOLDER. Packs of released formats are never made again."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from provenance.matching.index import ReferenceStore
from provenance.matching.packfile import PackHeader, write_pack
from provenance.model.reference import ReferenceKind, ReferenceRecord
from tests.fakes.matching import PlainReference

SAMPLE = Path(__file__).parents[2] / "examples" / "sample" / "references"


def references() -> list[PlainReference]:
    lines = (SAMPLE / "cumulus-outputs.jsonl").read_text(encoding="utf-8").splitlines()[:4]
    found = [json.loads(line) for line in lines]
    return [
        PlainReference(
            ReferenceRecord(id=r["id"], kind=ReferenceKind.API_OUTPUT, prompt=r["prompt"], provider=r["provider"], model=r["model"]), r["output"]
        )
        for r in found
    ]


def make(target: Path) -> PackHeader:
    with tempfile.TemporaryDirectory() as folder:
        store = ReferenceStore(Path(folder))
        store.add("outputs", references(), kind=ReferenceKind.API_OUTPUT)
        return write_pack(store, "outputs", target)


if __name__ == "__main__":
    make(Path(sys.argv[1]) / "outputs.pack")
