"""Small references and batches for tests of the matching room."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.ports import TextBatch


@dataclass(frozen=True)
class PlainReference:
    record: ReferenceRecord
    text: str


def make_reference(
    name: str, text: str, *, kind: ReferenceKind = ReferenceKind.WORK, prompt: str | None = None, model: str = "UNKNOWN"
) -> PlainReference:
    provider = "UNKNOWN" if model == "UNKNOWN" else f"maker of {model}"
    return PlainReference(ReferenceRecord(id=name, kind=kind, prompt=prompt, model=model, provider=provider), text)


def make_answer(name: str, text: str, *, prompt: str = "What do you think?", model: str = "m1") -> PlainReference:
    return make_reference(name, text, kind=ReferenceKind.API_OUTPUT, prompt=prompt, model=model)


def make_batch(texts: Sequence[str]) -> TextBatch:
    raw = [t.encode("utf-8", "surrogatepass") for t in texts]
    offsets = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    numbers = np.arange(len(raw), dtype=np.int64)
    return TextBatch(
        data=np.frombuffer(b"".join(raw), dtype=np.uint8),
        offsets=offsets,
        record=numbers,
        line=numbers + 1,
        field_code=np.zeros(len(raw), dtype=np.int32),
        field_names=("text",),
        doc_ids=[None] * len(raw),
    )


def make_words(count: int, seed: int, *, vocabulary: int = 5000) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(vocabulary)}x{seed}" for _ in range(count)]
