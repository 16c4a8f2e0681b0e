"""Turn token ids back into text, byte for byte as the tokenizer's own ``decode`` does, and keep where each token stands.

``decode`` gives a text without saying which token a character came from. So each token's bytes are put in a table once, and texts are put together from
it. That holds only for decoders whose tokens do not change one another; whether one is such is not believed but tried, over the whole vocabulary.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from provenance.errors import ShardReadError

if TYPE_CHECKING:
    from provenance.model.dataset import Tokenizer

MAX_TOKENIZER_BYTES = 1 << 28
MAX_IDS = 1 << 24
"""More ids than any vocabulary has: a larger one would need a table of gigabytes."""
END_NAMES: tuple[str, ...] = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "[EOS]", "<|eos|>")
"""Special tokens that end a document by convention, the first that the tokenizer has counts: ``tokenizer.json`` has no word for it."""
KNOWN_DECODERS = frozenset({"ByteLevel", "Metaspace", "WordPiece", "Replace", "ByteFallback", "Fuse", "Strip"})
"""Of the ``tokenizers`` package. ``BPEDecoder`` and ``CTC`` write a token by what follows or precedes it."""
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
_REPLACEMENT = "\ufffd".encode()
_TRIAL_TOKENS = 512
_LOSSY = "provenance-lossy"
_WORDS = re.compile(r"[A-Za-z]+")
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and its tokens.

    Shapes:
        offsets: (n_tokens + 1,) int64 into ``data``; a character may stand across several tokens, and a token may hold none.
    """

    data: bytes
    """UTF-8."""
    offsets: NDArray[np.int64]


class NamedTokens:
    """The tokens that a dataset's shards hold: which tokenizer reads them and which field has them. The tokenizer is loaded when it is first needed."""

    def __init__(self, tokenizer: Tokenizer, folder: Path) -> None:
        """Keep what the dataset says.

        Args:
            tokenizer: As registered.
            folder: What its path is relative to.
        """
        self.field = tokenizer.field
        self._path, self._sha256 = folder / tokenizer.path, tokenizer.sha256

    @cached_property
    def decoder(self) -> Detokenizer:
        """The tokenizer's decoder.

        Raises:
            ShardReadError: If its file is missing, not the one that was named, or cannot be used, or the package ``tokenizers`` is not installed.
        """
        return load_detokenizer(self._path, self._sha256)


def load_detokenizer(path: Path, sha256: str) -> Detokenizer:
    """Load a ``tokenizer.json`` whose digest is known.

    Raises:
        ShardReadError: As ``NamedTokens.decoder``.
    """
    raw = _read(path)
    found = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    if found != sha256:
        raise ShardReadError(f"tokenizer {path}: is not the one that was named: its digest is {found}", hint="restore it, or register the data again")
    try:
        from tokenizers import Tokenizer as Loaded
    except ImportError as err:
        raise ShardReadError(
            f"tokenizer {path}: token ids need the package tokenizers, which is not installed", hint="pip install 'provenance-audit[tokenizers]'"
        ) from err
    try:
        loaded = Loaded.from_str(raw.decode())
    except Exception as err:
        raise ShardReadError(
            f"tokenizer {path}: is no tokenizer.json: {str(err)[:200]}", hint="write one: AutoTokenizer.from_pretrained(…).save_pretrained(FOLDER)"
        ) from err
    return Detokenizer(loaded, json.loads(raw).get("decoder"), str(path))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_TOKENIZER_BYTES:
            raise ShardReadError(f"tokenizer {path}: is larger than {MAX_TOKENIZER_BYTES:,} bytes", hint="name a tokenizer.json")
        return path.read_bytes()
    except OSError as err:
        raise ShardReadError(f"tokenizer {path}: cannot be read: {err.strerror or err}", hint="restore it, or register the data again") from err


class Detokenizer:
    """The decoder of one tokenizer."""

    def __init__(self, tokenizer: Any, decoder: Mapping[str, Any] | None, name: str) -> None:
        """Make the table of tokens and try it.

        Args:
            tokenizer: A ``tokenizers.Tokenizer``.
            decoder: The ``decoder`` of its JSON form.
            name: For messages.

        Raises:
            ShardReadError: If its decoder cannot be followed token by token.

        Cost:
            1 s for a vocabulary of 250,000.
        """
        self.name = name
        self._tokenizer = tokenizer
        vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
        self.ids = max(vocabulary.values(), default=-1) + 1
        """Ids are below this; not all of them need be given out."""
        if not 0 < self.ids <= MAX_IDS:
            raise ShardReadError(f"tokenizer {name}: has token ids up to {self.ids - 1:,}, expected 1 to {MAX_IDS:,} tokens")
        tokens: list[str | None] = [tokenizer.id_to_token(i) for i in range(self.ids)]
        self._given = np.array([token is not None for token in tokens])
        self._firsts: dict[int, bytes] = {}
        self._kinds = tuple(_kinds(decoder))
        self._is_byte = np.zeros(self.ids, np.bool_)
        special = {token.content: i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self.special = np.isin(np.arange(self.ids), list(special.values()))
        """Which ids are special tokens."""
        pieces = self._find_pieces(tokens)
        self._sizes = np.fromiter(map(len, pieces), np.int64, self.ids)
        self._longest = int(self._sizes.max())
        self._pieces: Any = pa.array(pieces, pa.large_binary())
        self.end = next((special[name] for name in END_NAMES if name in special), None)
        """Id of the token that ends a document, ``None`` where none has a name by convention."""
        self._try()

    def find_unknown(self, ids: NDArray[Any]) -> int | None:
        """Return the position of the first id that the tokenizer does not have, ``None`` where it has them all."""
        wrong = (ids < 0) | (ids >= self.ids)
        if not wrong.any():
            wrong = ~self._given[ids]
        return int(wrong.argmax()) if wrong.any() else None

    def fit(self, ids: NDArray[Any], size_bytes: int) -> int:
        """Return how many of some ids, from the first on and at least one, make no more than so many bytes."""
        if len(ids) * self._longest <= size_bytes:
            return len(ids)
        return max(1, int(np.searchsorted(np.cumsum(self._sizes[ids]), size_bytes, side="right")))

    def decode(self, ids: NDArray[Any]) -> Decoded:
        """Return the text of ids that the tokenizer has, at least one: what its ``decode(ids, skip_special_tokens=False)`` returns."""
        taken = self._pieces.take(pa.array(ids))
        _, offset_buffer, data_buffer = taken.buffers()
        offsets = np.frombuffer(offset_buffer, np.int64)[taken.offset : taken.offset + len(ids) + 1]
        decoded = Decoded(b"" if data_buffer is None else data_buffer.to_pybytes()[offsets[0] : offsets[-1]], offsets - offsets[0])
        others = dict(self._find_broken_bytes(ids, decoded)) if self._is_byte.any() else {}
        if self._kinds != ("ByteLevel",) and 0 not in others:
            others[0] = self._first(int(ids[0]))
        return _mended(_exchanged(decoded, others) if others else decoded)

    def _find_pieces(self, tokens: Sequence[str | None]) -> list[bytes]:
        """Return what each token adds to a text that has begun."""
        if not self._kinds:
            return [b"" if token is None else b" " + token.encode() for token in tokens]
        if self._kinds == ("ByteLevel",):
            return [b"" if token is None else _byte_level(token) for token in tokens]
        if not KNOWN_DECODERS.issuperset(self._kinds):
            raise self._cannot_follow()
        anchor = next((i for i, t in enumerate(tokens) if t and not _BYTE_TOKEN.fullmatch(t) and _WORDS.fullmatch(self._text([i]))), None)
        if anchor is None:
            raise self._cannot_follow()
        before = self._text([anchor])
        texts = self._tokenizer.decode_batch([[anchor, i] for i in range(self.ids)], skip_special_tokens=False)
        if not all(text.startswith(before) for text in texts):
            raise self._cannot_follow()
        pieces = [text[len(before) :].encode() for text in texts]
        if "ByteFallback" in self._kinds:
            for i, token in enumerate(tokens):
                found = _BYTE_TOKEN.fullmatch(token or "")
                if found is not None:
                    pieces[i], self._is_byte[i] = bytes([int(found[1], 16)]), True
        return pieces

    def _first(self, token: int) -> bytes:
        """Return what a token is at the start of a text, where some decoders drop a space."""
        known = self._firsts.get(token)
        if known is None:
            text = self._text([token])
            known = self._firsts[token] = self._pieces[token].as_py() if self._is_byte[token] and text else text.encode()
        return known

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def _find_broken_bytes(self, ids: NDArray[Any], decoded: Decoded) -> Iterator[tuple[int, bytes]]:
        """Yield (position, what stands for it) of byte tokens whose run is no UTF-8: a replacement character each."""
        places = np.flatnonzero(self._is_byte[ids])
        for run in np.split(places, np.flatnonzero(np.diff(places) != 1) + 1):
            if len(run):
                try:
                    decoded.data[decoded.offsets[run[0]] : decoded.offsets[run[-1] + 1]].decode()
                except UnicodeDecodeError:
                    yield from ((int(place), _REPLACEMENT) for place in run)

    def _try(self) -> None:
        """Hold the table against the tokenizer itself: every token after others and before others.

        Raises:
            ShardReadError: If they differ.
        """
        every = np.flatnonzero(self._given)
        shuffled = np.random.default_rng(0).permutation(every)
        for ids in (every, every[::-1], shuffled):
            for start in range(0, len(ids), _TRIAL_TOKENS):
                some = ids[start : start + _TRIAL_TOKENS]
                if self.decode(some).data != self._text(some.tolist()).encode():
                    raise self._cannot_follow()

    def _cannot_follow(self) -> ShardReadError:
        return ShardReadError(
            f"tokenizer {self.name}: its decoder ({', '.join(self._kinds) or 'none'}) cannot be followed token by token",
            hint="register the text that the tokens were made of",
        )


def _kinds(decoder: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the kinds of a decoder's steps."""
    if decoder is not None and decoder.get("type") == "Sequence":
        for step in decoder["decoders"]:
            yield from _kinds(step)
    elif decoder is not None:
        yield str(decoder.get("type"))


def _byte_characters() -> dict[str, int]:
    """Return the byte that each character of a byte-level vocabulary stands for.

    Source:
        GPT-2's ``bytes_to_unicode``: printable bytes stand for themselves, the others follow from U+0100 on.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(hidden)}


_BYTES = _byte_characters()


def _byte_level(token: str) -> bytes:
    try:
        return bytes([_BYTES[char] for char in token])
    except KeyError:  # an added token, which is text and not made of byte characters
        return token.encode()


def _exchanged(decoded: Decoded, others: Mapping[int, bytes]) -> Decoded:
    """Return a text with other bytes for some tokens."""
    sizes = np.diff(decoded.offsets)
    parts: list[bytes] = []
    at = 0
    for place in sorted(others):
        parts += (decoded.data[at : decoded.offsets[place]], others[place])
        at = int(decoded.offsets[place + 1])
        sizes[place] = len(others[place])
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return Decoded(b"".join([*parts, decoded.data[at:]]), offsets)


class _Spots(threading.local):
    """Where one text is no UTF-8, in this thread."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []


_spots = _Spots()


def _note_spot(err: UnicodeError) -> tuple[str, int]:
    if not isinstance(err, UnicodeDecodeError):
        raise err
    _spots.found.append((err.start, err.end))
    return "\ufffd", err.end


codecs.register_error(_LOSSY, _note_spot)  # an error handler is the one way to learn every spot in one pass


def _mended(decoded: Decoded) -> Decoded:
    """Return a text with U+FFFD for each stretch that is no UTF-8: tokens may begin or end within a character."""
    try:
        decoded.data.decode()
    except UnicodeDecodeError:
        _spots.found = []
        data = decoded.data.decode(errors=_LOSSY).encode()
        starts, ends = np.array(_spots.found, np.int64).T
        grown = np.concatenate([np.zeros(1, np.int64), np.cumsum(len(_REPLACEMENT) - (ends - starts))])
        # Such a stretch has at most three bytes, as many as what stands for it: a token that ends inside it still ends inside.
        return Decoded(data, decoded.offsets + grown[np.searchsorted(ends, decoded.offsets, side="right")])
    return decoded
