"""Documents of tokens as rows of text: long ones in pieces that overlap, and matches in them with their places in tokens.

A passage no longer than the overlap stands in one piece as a whole, a longer one in two pieces for the length of the overlap at least: none is lost. What
both pieces find is told once. Memory is bounded by the piece, however long the document is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.errors import ShardReadError
from provenance.ingest.detokenize import Decoded, Detokenizer
from provenance.model.match import Match
from provenance.ports import TextBatch

PIECE_TOKENS = 1 << 20
PIECE_BYTES = 16 << 20
"""Of text: a vocabulary may have very long tokens."""
OVERLAP_TOKENS = 1 << 12
"""Tokens that a piece shares with the one before it: many times the shortest passage that raises an alarm alone."""
_CONTINUATION, _LEAD = 0xC0, 0x80  # UTF-8: 10xxxxxx goes on with a character
_BLANK = ord(" ")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a document's tokens, decoded."""

    decoded: Decoded
    first: int
    """Place of its first token in the document."""
    overlap: int
    """Tokens at its start that the piece before holds too."""
    whole: bool
    """It is all of its document."""
    special: NDArray[np.int64]
    """Which of its tokens are special ones."""

    @property
    def suffix(self) -> str:
        """What its field's name has after it: ``[0:1048576]``, the tokens; nothing where it is whole."""
        return "" if self.whole else f"[{self.first}:{self.first + len(self.decoded.offsets) - 1}]"


def cut(ids: NDArray[Any], decoder: Detokenizer, *, where: str) -> Iterator[Piece]:
    """Yield the pieces of a document; none of an empty one.

    Args:
        ids: Token ids of any whole-number type; may be mapped from a file, of which a piece at a time is read.
        decoder: Turns them into text.
        where: Shard and record, for messages.

    Raises:
        ShardReadError: If the tokenizer does not have one of the ids: it is not the one that made them.
    """
    first = overlap = 0
    while first < len(ids):
        some = np.asarray(ids[first : first + PIECE_TOKENS])
        _check(some, decoder, first, where)
        some = some.astype(np.int64)
        some = some[: decoder.fit(some, PIECE_BYTES)]
        end = first + len(some)
        yield Piece(decoder.decode(some), first, overlap, len(some) == len(ids), np.flatnonzero(decoder.special[some]))
        overlap = 0 if end == len(ids) else min(OVERLAP_TOKENS, len(some) // 4)
        first = end - overlap


def _check(ids: NDArray[Any], decoder: Detokenizer, first: int, where: str) -> None:
    wrong = decoder.find_unknown(ids)
    if wrong is not None:
        raise ShardReadError(
            f"{where}: holds token id {int(ids[wrong]):,} at token {first + wrong:,}, which tokenizer {decoder.name} does not have: its ids are "
            f"below {decoder.ids:,}",
            hint="name the tokenizer that made these tokens: fields: {tokenizer: FILE} in the manifest, or --tokenizer",
        )


@dataclass(slots=True)
class Reported:
    """Matches of one document in pieces so far that reach into what the next piece holds too."""

    record: int = -1
    matches: list[Match] = field(default_factory=list)

    def covers(self, match: Match) -> bool:
        """Tell whether a match says nothing that was not reported."""
        return match.record == self.record and any(
            (m.reference_set, m.reference) == (match.reference_set, match.reference)
            and _span(m)[0] <= _span(match)[0]
            and _span(m)[1] >= _span(match)[1]
            and m.explained <= match.explained
            for m in self.matches
        )

    def keep(self, match: Match) -> None:
        """Remember a match."""
        if match.record != self.record:
            self.record, self.matches = match.record, []
        self.matches.append(match)


def _span(match: Match) -> tuple[int, int]:
    return match.token_start or 0, match.token_end or 0


class RowTokens:
    """The tokens of one row of a batch."""

    def __init__(self, row: int, piece: Piece) -> None:
        """Keep the tokens.

        Args:
            row: Place of the row in its batch.
            piece: What it holds.
        """
        self.row, self.piece = row, piece

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the tokens of the document that some code points of the row touch."""
        offsets = self.piece.decoded.offsets
        first = int(np.searchsorted(offsets, self._byte(start), side="right")) - 1
        last = int(np.searchsorted(offsets, self._byte(end), side="left"))
        return self.piece.first + first, self.piece.first + max(first, last)

    def special_bytes(self) -> NDArray[np.int64]:
        """Return where in the row the bytes of special tokens stand."""
        starts, ends = self.piece.decoded.offsets[self.piece.special], self.piece.decoded.offsets[self.piece.special + 1]
        sizes = ends - starts
        return np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())

    def _byte(self, character: int) -> int:
        return character if self._starts is None else int(self._starts[character])

    @cached_property
    def _starts(self) -> NDArray[np.int32] | None:
        """Where each character starts, and the last one ends; ``None`` where each is one byte."""
        data = self.piece.decoded.data
        if data.isascii():
            return None
        array = np.frombuffer(data, np.uint8)
        return np.append(np.flatnonzero((array & _CONTINUATION) != _LEAD), len(array)).astype(np.int32)


class TokenMap:
    """Where the tokens of a batch's rows stand (``ports.TokenPlaces``)."""

    def __init__(self, rows: Mapping[tuple[int, str], RowTokens], reported: Reported) -> None:
        """Keep the rows.

        Args:
            rows: (record, field) → tokens.
            reported: What earlier batches of the shard have reported.
        """
        self._rows, self._reported = rows, reported

    def locate(self, matches: Sequence[Match]) -> list[Match]:
        """Return matches with their places in tokens; those that an earlier piece of the same document has reported are left out."""
        located = []
        for match in matches:
            tokens = self._rows.get((match.record, match.field))
            if tokens is None:
                located.append(match)
                continue
            start, end = tokens.span(match.start, match.end)
            found = replace(match, token_start=start, token_end=end)
            if tokens.piece.overlap and end <= tokens.piece.first + tokens.piece.overlap and self._reported.covers(found):
                continue
            if not tokens.piece.whole:
                self._reported.keep(found)
            located.append(found)
        return located

    def without_special(self, batch: TextBatch) -> TextBatch:
        """Return the batch with blanks for special tokens, offsets as they are; characters outside ASCII stay, so that each is still one."""
        places = [batch.offsets[tokens.row] + tokens.special_bytes() for tokens in self._rows.values() if len(tokens.piece.special)]
        if not places:
            return batch
        data, at = batch.data.copy(), np.concatenate(places)
        data[at[data[at] < _LEAD]] = _BLANK
        data.setflags(write=False)  # as the data of every batch: kernels are compiled for one kind of array
        return replace(batch, data=data)
