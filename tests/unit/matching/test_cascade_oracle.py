"""The cascade against brute force: a planted passage is found where it stands, and text by another hand is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from provenance.matching.build import as_buffers
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.model.match import Explanation
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.ports import TextBatch

SAMPLE = Path(__file__).parent.parent.parent.parent / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"


@dataclass(frozen=True)
class Text:
    record: ReferenceRecord
    text: str


def matcher(folder: Path, text: str) -> CascadeMatcher:
    store = ReferenceStore(folder)
    store.add("works", [Text(ReferenceRecord(id="work:x", kind=ReferenceKind.WORK), text)], kind=ReferenceKind.WORK)
    return open_matcher(store, ["works"])


def batch(*texts: str) -> TextBatch:
    data, offsets = as_buffers(texts)
    n = len(texts)
    return TextBatch(
        data=data,
        offsets=offsets,
        record=np.arange(n, dtype=np.int64),
        line=np.arange(1, n + 1, dtype=np.int64),
        field_code=np.zeros(n, dtype=np.int32),
        field_names=("text",),
        doc_ids=[None] * n,
    )


def test_a_verbatim_passage_is_reported_exactly_where_it_stands(tmp_path: Path) -> None:
    book = SAMPLE.read_text(encoding="utf-8")
    start = book.index(". ", len(book) // 2) + 2
    passage = book[start : book.index(". ", start + 700) + 1]
    text = f"The minutes of the tenants' meeting follow below, as agreed – naïve or not. {passage} Nobody asked for the floor after that."
    (found,) = matcher(tmp_path, book).match_batch(batch(text, "Nothing of interest is said here at all."), path="p")
    assert not found.explained
    assert abs(found.start - text.index(passage)) <= 12
    assert abs(found.end - (text.index(passage) + len(passage))) <= 12
    assert " ".join(passage.split())[20:200] in " ".join(text[found.start : found.end].split())
    assert " ".join(passage.split())[20:200] in " ".join(book[found.reference_start : found.reference_end].split())


def test_a_short_quotation_is_listed_and_explained(tmp_path: Path) -> None:
    book = SAMPLE.read_text(encoding="utf-8")
    words = book.split()
    quote = " ".join(words[9000:9014])
    for found in matcher(tmp_path, book).match_batch(batch(f"As somebody wrote long ago {quote} which is still worth a thought."), path="p"):
        assert found.explained
        assert found.because in {Explanation.SHORT_PASSAGE, Explanation.QUOTATION}


def test_what_one_references_prompt_explains_another_reference_still_alarms(tmp_path: Path) -> None:
    book = SAMPLE.read_text(encoding="utf-8")
    start = book.index(". ", len(book) // 3) + 2
    passage = book[start : book.index(". ", start + 900) + 1]
    asked = ReferenceRecord(id="asked", kind=ReferenceKind.API_OUTPUT, provider="p", model="m", prompt=f"Repeat this: {passage}")
    unasked = ReferenceRecord(id="unasked", kind=ReferenceKind.API_OUTPUT, provider="p", model="m", prompt="Write a scene.")
    store = ReferenceStore(tmp_path)
    store.add("outputs", [Text(asked, f"Here it is. {passage}"), Text(unasked, f"A scene follows. {passage}")], kind=ReferenceKind.API_OUTPUT)
    text = f"The minutes of the tenants' meeting follow below, as agreed by all. {passage} Nobody asked for the floor."
    alarms = [m for m in open_matcher(store, ["outputs"]).match_batch(batch(text), path="p") if not m.explained]
    assert [m.reference for m in alarms] == ["unasked"]
