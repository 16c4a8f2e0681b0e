"""The shipped stop passages: wording that stands in countless texts and is evidence of nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from provenance.matching.score import shingles
from provenance.matching.words import read_words

STOP_FILE = Path(__file__).parent / "stop_passages.txt"


@cache
def stop_windows() -> NDArray[np.uint64]:
    """Return the sorted set of 5-word windows of the stop passages; passages are separated by lines of ``%%``."""
    found = [np.empty(0, dtype=np.uint64)]
    for passage in STOP_FILE.read_bytes().split(b"\n%%"):
        data = np.frombuffer(passage, dtype=np.uint8)
        found.append(shingles(read_words(data, np.array([0, len(data)], dtype=np.int64)).words))
    return np.unique(np.concatenate(found))
