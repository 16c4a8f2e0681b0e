"""Long documents come in pieces: no passage is lost at a cut, none is told twice, and memory does not grow with the document."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from provenance.ingest import pieces
from provenance.ingest.detokenize import load_detokenizer
from provenance.ingest.reader import Reader
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_reference, make_words
from tests.fakes.tokenizers import NOVEL, decode, encode, saved

PASSAGE = " ".join(NOVEL.split()[3_000:3_060])
NOISE = make_words(4_000, 7)


@pytest.fixture
def matcher(tmp_path: Path) -> CascadeMatcher:
    store = ReferenceStore(tmp_path / "store")
    store.add("novel", [make_reference("novel", NOVEL)], kind=ReferenceKind.WORK)
    return open_matcher(store, ["novel"])


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_TOKENS", 2_000)
    monkeypatch.setattr(pieces, "OVERLAP_TOKENS", 400)


def around(passage: str, words: int) -> tuple[list[int], list[int], int]:
    """Return the ids of a passage that so many words stand before, its own ids, and where these begin."""
    before, ids = encode("byte-level", " ".join(NOISE[:words])), encode("byte-level", " " + passage)
    return [*before, *ids, *encode("byte-level", " " + " ".join(NOISE[words:]))], ids, len(before)


def scan(path: Path, folder: Path, matcher: CascadeMatcher) -> tuple[list[Match], int]:
    found: list[Match] = []
    rows = 0
    for batch in Reader().open(str(path), tokenizer=saved(folder)):
        assert batch.tokens is not None
        found += batch.tokens.locate(matcher.match_batch(batch, path="p"))
        rows += len(batch)
    return found, rows


@pytest.mark.usefixtures("short_pieces")
@pytest.mark.parametrize("words", range(500, 900, 40))
def test_a_passage_is_found_once_wherever_pieces_are_cut(tmp_path: Path, matcher: CascadeMatcher, words: int) -> None:
    ids, passage, at = around(PASSAGE, words)
    assert len(passage) < 400
    np.save(tmp_path / "a.npy", np.array([ids], np.uint16))
    (match,), rows = scan(tmp_path / "a.npy", tmp_path, matcher)
    assert rows > 5
    assert (match.token_start, match.token_end) == (at, at + len(passage))
    assert match.field.startswith("tokens[")
    assert not match.explained


@pytest.mark.usefixtures("short_pieces")
def test_a_passage_longer_than_the_overlap_is_told_of_in_every_piece(tmp_path: Path, matcher: CascadeMatcher) -> None:
    ids, passage, at = around(" ".join(NOVEL.split()[3_000:5_000]), 300)
    np.save(tmp_path / "a.npy", np.array([ids], np.uint16))
    found, _ = scan(tmp_path / "a.npy", tmp_path, matcher)
    covered = np.zeros(len(ids), np.bool_)
    for match in found:
        covered[match.token_start : match.token_end] = True
    assert covered[at : at + len(passage)].all()
    assert covered.sum() == len(passage)


@pytest.mark.usefixtures("short_pieces")
def test_pieces_cover_every_token_and_say_which(tmp_path: Path) -> None:
    ids = np.array(encode("byte-level", NOVEL)[:9_001])
    named = saved(tmp_path)
    decoder = load_detokenizer(Path(named.path), named.sha256)
    cut = list(pieces.cut(ids, decoder, where="w"))
    assert [(p.first, p.overlap) for p in cut] == [(0, 0), (1_600, 400), (3_200, 400), (4_800, 400), (6_400, 400), (8_000, 400)]
    assert cut[1].suffix == "[1600:3600]"
    assert cut[-1].suffix == "[8000:9001]"
    for piece in cut:
        assert piece.decoded.data.decode() == decode("byte-level", ids[piece.first : piece.first + len(piece.decoded.offsets) - 1].tolist())


def test_pieces_are_cut_by_their_text_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100)
    ids = np.array(encode("byte-level", NOVEL)[:500])
    named = saved(tmp_path)
    cut = list(pieces.cut(ids, load_detokenizer(Path(named.path), named.sha256), where="w"))
    assert all(0 < len(p.decoded.data) <= 100 for p in cut)
    assert cut[-1].first + len(cut[-1].decoded.offsets) - 1 == 500
    assert b"".join(p.decoded.data[p.decoded.offsets[p.overlap] :] for p in cut).decode() == decode("byte-level", ids.tolist())


def test_an_empty_document_has_no_piece(tmp_path: Path) -> None:
    named = saved(tmp_path)
    assert list(pieces.cut(np.zeros(0, np.int64), load_detokenizer(Path(named.path), named.sha256), where="w")) == []


def test_memory_does_not_grow_with_the_document(tmp_path: Path) -> None:
    once = np.array(encode("byte-level", NOVEL), np.uint16)
    once = once[once != 0]
    peaks = []
    for times in (60, 240):
        np.save(tmp_path / "a.npy", np.tile(once, times)[None, :])
        stream = Reader().open(str(tmp_path / "a.npy"), tokenizer=saved(tmp_path))
        tracemalloc.start()
        tokens = sum(len(batch) for batch in stream)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert tokens == -(-(once.size * times - pieces.OVERLAP_TOKENS) // (pieces.PIECE_TOKENS - pieces.OVERLAP_TOKENS))
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 150 << 20


def test_special_tokens_are_blanked_where_nobody_said_them(tmp_path: Path) -> None:
    text = "naïve \U0001f98a words"
    ids = [0, *encode("byte-level", text), 0, 0, *encode("byte-level", "<|endoftex"), 0]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "first <|endoftext|>", "input_ids": ids}) + "\n")
    (batch,) = Reader().open(str(tmp_path / "a.jsonl"), tokenizer=saved(tmp_path))
    assert batch.tokens is not None
    blank = batch.tokens.without_special(batch)
    mark = " " * len("<|endoftext|>")
    assert [blank.text(row) for row in range(2)] == ["first <|endoftext|>", f"{mark}{text}{mark}{mark}<|endoftex{mark}"]
    assert batch.text(1) == decode("byte-level", ids)
    assert not blank.data.flags.writeable
