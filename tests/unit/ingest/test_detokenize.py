"""Texts are what the tokenizer's own ``decode`` returns, and every token stands where its bytes are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers
from tokenizers import Tokenizer as Trained

from provenance.errors import ShardReadError
from provenance.ingest.detokenize import Detokenizer, NamedTokens, load_detokenizer
from provenance.model.dataset import Tokenizer
from tests.fakes.tokenizers import KINDS, MORE, NOVEL, decode, encode, saved, trained

_MADE: dict[str, Detokenizer] = {}


def made(kind: str) -> Detokenizer:
    if kind not in _MADE:
        _MADE[kind] = of(trained(kind), kind)
    return _MADE[kind]


def of(tokenizer: Any, name: str = "t") -> Detokenizer:
    return Detokenizer(tokenizer, json.loads(tokenizer.to_str())["decoder"], name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [NOVEL, MORE, "x", " x"], ids=["novel", "more", "letter", "space"])
def test_the_text_is_the_tokenizers_own(kind: str, text: str) -> None:
    ids = encode(kind, text)
    found = made(kind).decode(np.array(ids))
    assert found.data.decode() == decode(kind, ids)
    assert found.offsets[0] == 0
    assert found.offsets[-1] == len(found.data)
    assert (np.diff(found.offsets) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_ids_in_any_order_give_the_tokenizers_own_text(kind: str, data: st.DataObject) -> None:
    detokenizer = made(kind)
    # Bytes and special tokens come first in these vocabularies: half of the ids are drawn from there, so that characters break.
    ids = data.draw(st.lists(st.integers(0, 260) | st.integers(0, detokenizer.ids - 1), min_size=1, max_size=40))
    ids = [i % detokenizer.ids for i in ids]
    found = detokenizer.decode(np.array(ids))
    assert found.data.decode() == decode(kind, ids)
    assert (len(found.offsets), int(found.offsets[-1])) == (len(ids) + 1, len(found.data))
    assert (np.diff(found.offsets) >= 0).all()


def test_a_character_across_tokens_stands_in_all_of_them() -> None:
    ids = encode("byte-level", "a\U0001f98a")
    assert len(ids) == 5  # the alphabet alone: one token a byte
    found = made("byte-level").decode(np.array(ids))
    assert found.offsets.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.data == "a\U0001f98a".encode()


def test_broken_characters_are_replaced_and_later_tokens_moved() -> None:
    # By hand: U+1F98A is F0 9F A6 8A; its first two bytes and its last one are no UTF-8, one replacement character each (three bytes).
    fox, x = encode("byte-level", "\U0001f98a"), encode("byte-level", "x")
    found = made("byte-level").decode(np.array([*fox[:2], *x, fox[3], *x]))
    assert found.data.decode() == "\ufffdx\ufffdx"
    assert found.offsets.tolist() == [0, 1, 3, 4, 7, 8]


def test_the_end_of_a_document_is_told_by_convention() -> None:
    assert [made(kind).end for kind in KINDS] == [0, None, 1, 2, None]


def test_added_tokens_and_gaps_between_ids(tmp_path: Path) -> None:
    tokenizer = Trained.from_str(trained("byte-level").to_str())
    tokenizer.add_special_tokens([AddedToken("<|user|>", special=True)])
    tokenizer.add_tokens(["naïve word"])
    ids = tokenizer.encode("<|user|>a naïve word", add_special_tokens=False).ids
    assert of(tokenizer).decode(np.array(ids)).data.decode() == tokenizer.decode(ids, skip_special_tokens=False)
    gaps = json.loads(trained("none").to_str())
    gaps["model"]["vocab"]["Thursday"] = 70_000
    detokenizer = of(Trained.from_str(json.dumps(gaps)))
    assert detokenizer.ids == 70_001
    assert detokenizer.find_unknown(np.array([0, 70_000, 60_000, 70_001])) == 3
    assert detokenizer.find_unknown(np.array([0, 70_000, 60_000])) == 2
    assert detokenizer.find_unknown(np.array([0, 70_000])) is None
    assert detokenizer.find_unknown(np.array([0, -1])) == 1


@pytest.mark.parametrize("decoder", [decoders.CTC(), decoders.BPEDecoder(), decoders.Sequence([decoders.Fuse(), decoders.Replace("ab", "c")])])
def test_a_decoder_that_cannot_be_followed_is_refused(decoder: Any) -> None:
    tokenizer = Trained(models.WordLevel({"a": 0, "b": 1, "c": 2, "?": 3}, unk_token="?"))
    tokenizer.normalizer, tokenizer.decoder = normalizers.NFC(), decoder
    with pytest.raises(ShardReadError, match="cannot be followed token by token"):
        of(tokenizer)


def test_a_tokenizer_of_no_tokens_is_refused() -> None:
    with pytest.raises(ShardReadError, match="expected 1 to"):
        of(Trained(models.BPE()))


def test_a_missing_changed_or_wrong_file_is_one_sentence(tmp_path: Path) -> None:
    named = saved(tmp_path)
    path = Path(named.path)
    assert load_detokenizer(path, named.sha256).end == 0
    with pytest.raises(ShardReadError, match=r"tokenizer .*gone\.json: cannot be read: No such file") as caught:
        load_detokenizer(tmp_path / "gone.json", named.sha256)
    assert caught.value.hint
    path.write_text(path.read_text() + " ")
    with pytest.raises(ShardReadError, match="is not the one that was named: its digest is sha256:"):
        assert NamedTokens(named, Path()).decoder
    for raw in (b"", b"{}", b"\xff\xfe", b'{"model": 1}'):
        path.write_bytes(raw)
        with pytest.raises(ShardReadError, match=r"is no tokenizer\.json"):
            load_detokenizer(path, digest_of(path))


def digest_of(path: Path) -> str:
    from provenance.fingerprint.digest import hash_file

    return hash_file(path)[0]


def test_without_the_package_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = saved(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(ShardReadError, match="package tokenizers, which is not installed") as caught:
        load_detokenizer(Path(named.path), named.sha256)
    assert caught.value.hint == "pip install 'provenance-audit[tokenizers]'"


def test_paths_are_relative_to_the_workspace(tmp_path: Path) -> None:
    named = saved(tmp_path)
    moved = Tokenizer(path=Path(named.path).name, sha256=named.sha256)
    assert NamedTokens(moved, tmp_path).decoder.ids == 2_000
