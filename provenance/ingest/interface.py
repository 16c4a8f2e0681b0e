"""What every format's stream keeps: counters, problems, and the last word on whether a shard held any text at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from provenance.errors import ShardReadError
from provenance.ingest.batches import RowCollector
from provenance.ingest.detokenize import NamedTokens
from provenance.ingest.problems import ProblemLog, list_names
from provenance.ingest.unfold import unfold
from provenance.model.dataset import ShardFormat
from provenance.model.match import ReadProblem
from provenance.ports import TextBatch
from provenance.storage.stores import PLAIN_STORES, Stores

TOKENIZER_HINT: Final = "name the tokenizer that made them: fields: {tokenizer: FILE} in the manifest, or --tokenizer"


def needs_tokenizer(location: str, what: str) -> ShardReadError:
    """Return the error of a shard that holds nothing but tokens, where no tokenizer is named."""
    return ShardReadError(f"{location}: holds {what}, and no tokenizer is named that reads them", hint=TOKENIZER_HINT)


class Stream(ABC):
    """An open shard (``ports.ShardStream``): iterate it once.

    A record that cannot be read is a problem and the rest goes on; where nothing at all could be read, the iteration ends in ``ShardReadError``.
    """

    format: ClassVar[ShardFormat]
    keys_are_text: ClassVar[bool] = True
    """A key with room for a passage is text too: not so where keys are a schema's names."""

    def __init__(self, location: str, text_field: str | None = None, tokens: NamedTokens | None = None, *, stores: Stores = PLAIN_STORES) -> None:
        self.location = location
        self.stores = stores
        self.text_field = text_field
        self.tokens = tokens
        self._log = ProblemLog(location)
        self._rows = RowCollector(text_field, keys=self.keys_are_text, tokens=tokens, where=location)
        self._records = 0
        self._bytes_read = 0

    @property
    def problems(self) -> Sequence[ReadProblem]:
        """What could not be read so far; beyond a thousand only counted."""
        return self._log.items

    @property
    def unread(self) -> int:
        """Problems so far, all of them: above zero the shard is not known completely."""
        return self._log.count

    @property
    def left_out(self) -> Mapping[str, int]:
        """What a scan of this shard did not check: field with long text that was not read, since another one was named → records so far.

        Paths have ``[*]`` for every index. At most forty are named; what other fields hold is counted under ``…``.
        """
        return self._rows.unread.left_out

    @property
    def records(self) -> int:
        """Records seen so far, unreadable ones included."""
        return self._records

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file so far, as stored."""
        return self._bytes_read

    def __iter__(self) -> Iterator[TextBatch]:
        """Yield batches of bounded size.

        Raises:
            ShardReadError: If the file cannot be read, or nothing in it could.
        """
        for batch in self._batches():
            yield from unfold(batch, self._rows.unread)
        self._require_text()

    @abstractmethod
    def _batches(self) -> Iterator[TextBatch]:
        """Yield the batches of this format."""

    def _add(self, record: object, line: int = 0, *, has_tokens: bool = False) -> None:
        """Take the rows of the next record, or note why there are none; one whose tokens are read elsewhere needs none."""
        trouble = self._rows.add(record, index=self._records, line=line, has_tokens=has_tokens)
        if trouble is not None:
            self._log.add(trouble, line=line or None, record=self._records)
        self._records += 1

    def _add_alike(self, records: Sequence[Mapping[str, object]], lines: Sequence[int]) -> bool:
        """Take the rows of the next records, which have one set of keys; tell whether they were taken, all or none."""
        troubles = self._rows.add_alike(records, index=self._records, lines=lines)
        if troubles is None:
            return False
        for i, trouble in troubles:
            self._log.add(trouble, line=lines[i] or None, record=self._records + i)
        self._records += len(records)
        return True

    def _require_text(self) -> None:
        if self._rows.rows:
            return
        if self._rows.tokens_seen:
            raise needs_tokenizer(self.location, f"token ids in field {self._rows.tokens_seen!r} and no text")
        if self._rows.fields_seen:
            wanted = "no record has a text field" if self.text_field is None else f"no record has text in field {self.text_field!r}"
            raise ShardReadError(
                f"{self.location}: {wanted}; the fields there are: {list_names(self._rows.fields_seen)}",
                hint="name the field: fields: {text: …} in the manifest, or --text-field",
            )
        if self._log.items:
            first = self._log.items[0]
            where = f"line {first.line}: " if first.line else f"record {first.record}: " if first.record is not None else ""
            raise ShardReadError(
                f"{self.location}: nothing could be read ({self._log.count:,} problems); the first: {where}{first.message}", hint=self._hint()
            )
        raise ShardReadError(f"{self.location}: holds no records", hint="remove it from the data, or write it again")

    def _hint(self) -> str | None:
        return None
