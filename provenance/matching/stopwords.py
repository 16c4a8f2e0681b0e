"""The shipped stop passages: wording that stands in countless texts and is evidence of nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from provenance.canonical import digest_bytes
from provenance.matching.score import shingles
from provenance.matching.words import read_words
from provenance.model.match import Explanation

STOP_FILE = Path(__file__).parent / "stop_passages.txt"


@cache
def stop_windows() -> tuple[tuple[Explanation, NDArray[np.uint64]], ...]:
    """Return, for licence texts and for boilerplate, the sorted set of the 5-word windows of its stop passages.

    In the file a line ``%% license-text`` or ``%% boilerplate`` begins a passage and says what it is.
    """
    found: dict[Explanation, list[NDArray[np.uint64]]] = {Explanation.LICENSE_TEXT: [], Explanation.BOILERPLATE: []}
    for passage in STOP_FILE.read_bytes().removeprefix(b"%% ").split(b"\n%% "):
        kind, _, text = passage.partition(b"\n")
        data = np.frombuffer(text, dtype=np.uint8)
        found[Explanation(kind.decode())].append(shingles(read_words(data, np.array([0, len(data)], dtype=np.int64)).words))
    return tuple((kind, np.unique(np.concatenate(windows))) for kind, windows in found.items())


@cache
def stop_name() -> str:
    """Return a name that changes with the stop passages."""
    return "stop-" + digest_bytes(STOP_FILE.read_bytes()).removeprefix("sha256:")[:12]
