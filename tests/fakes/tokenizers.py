"""Small tokenizers trained on the sample's novel, and shards of their ids written by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer as Trained
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from provenance.exchange.manifest import find_tokenizer
from provenance.model.dataset import Tokenizer
from tests.conftest import ROOT

NOVEL = (ROOT / "examples/sample/references/the-man-who-was-thursday.txt").read_text(encoding="utf-8")
KINDS = ("byte-level", "word-piece", "metaspace", "byte-fallback", "none")
MORE = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich \U0001f98a, naïve 日本語の文章です。"


def trained(kind: str, size: int = 2_000) -> Any:
    """Return a tokenizer that was trained on the novel: once, since training twice need not give the same."""
    return _train(kind, size)


@cache
def _train(kind: str, size: int) -> Any:
    made, trainer = _BLANK[kind](size)
    made.train_from_iterator(NOVEL.splitlines(), trainer)
    return made


def _byte_level(size: int) -> tuple[Any, Any]:
    made = Trained(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return made, trainers.BpeTrainer(vocab_size=size, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False)


def _word_piece(size: int) -> tuple[Any, Any]:
    made = Trained(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer, made.decoder = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    return made, trainers.WordPieceTrainer(vocab_size=size, special_tokens=["[UNK]", "[PAD]", "[SEP]"], show_progress=False)


def _metaspace(size: int) -> tuple[Any, Any]:
    made = Trained(models.Unigram())
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return made, trainers.UnigramTrainer(vocab_size=size, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False)


def _byte_fallback(size: int) -> tuple[Any, Any]:
    made = Trained(models.BPE(byte_fallback=True, unk_token="<unk>"))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))]
    return made, trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False)


def _none(size: int) -> tuple[Any, Any]:
    made = Trained(models.WordLevel(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made, trainers.WordLevelTrainer(vocab_size=size, special_tokens=["[UNK]"], show_progress=False)


_BLANK = {"byte-level": _byte_level, "word-piece": _word_piece, "metaspace": _metaspace, "byte-fallback": _byte_fallback, "none": _none}


def saved(folder: Path, kind: str = "byte-level", *, field: str | None = None, size: int = 2_000) -> Tokenizer:
    """Write a tokenizer's file and return how a dataset names it."""
    path = folder / f"{kind}-{size}.json"
    path.write_text(trained(kind, size).to_str(), encoding="utf-8")
    return find_tokenizer(path, field=field)


def encode(kind: str, text: str, size: int = 2_000) -> list[int]:
    """Return the ids of a text."""
    ids: list[int] = trained(kind, size).encode(text, add_special_tokens=False).ids
    return ids


def decode(kind: str, ids: Sequence[int]) -> str:
    """Return what the tokenizer itself makes of ids."""
    text: str = trained(kind).decode(list(ids), skip_special_tokens=False)
    return text


def write_megatron(path: Path, documents: Sequence[Sequence[Sequence[int]]], *, code: int = 8, dtype: str = "<u2") -> Path:
    """Write documents of sequences as Megatron does; return the ``.bin``."""
    sequences = [sequence for document in documents for sequence in document]
    sizes = [len(sequence) for sequence in sequences]
    width = np.dtype(dtype).itemsize
    places = [sum(sizes[:i]) * width for i in range(len(sizes))]
    bounds = [0]
    for document in documents:
        bounds.append(bounds[-1] + len(document))
    index = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, code, len(sizes), len(bounds))
    index += struct.pack(f"<{len(sizes)}i", *sizes) + struct.pack(f"<{len(sizes)}q", *places) + struct.pack(f"<{len(bounds)}q", *bounds)
    path.with_suffix(".idx").write_bytes(index)
    path.write_bytes(np.array([i for sequence in sequences for i in sequence], dtype).tobytes())
    return path
