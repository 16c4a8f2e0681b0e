"""Find the text rows in one field of a record, whatever its shape.

A string stands under its own path: ``messages[1].content``, ``completions[0].response``. In a text field every string is a row; elsewhere, and under the
labels of chat formats, those are that have room for a passage. Strings of one list that are too short to raise an alarm alone are also read together,
as one more row under the list's path, ``text[*]`` or ``turns[*].said``: a passage cut into pieces must not pass unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.ingest.lengths import is_alone, is_passage
from provenance.ingest.token_fields import is_hidden

LABEL_KEYS: frozenset[str] = frozenset({"role", "from", "type", "id", "name", "url", "image_url", "tool_call_id", "weight"})
"""Keys inside chat turns that hold labels: a row only where they have room for a passage."""
MAX_DEPTH = 32
"""Nesting inside one field beyond which a record counts as unreadable."""
PIECE_SEPARATOR = "\n"
"""Stands between the strings of a list that are read together."""
MAX_PATH = 400
"""Characters of a field path: without a bound, hostile keys repeated in the path of every row take a thousand times the line's size."""
_CUT = "…"
HOLDERS = frozenset({str, bytes, list, tuple, dict})
"""Types of values that are or may hold text. Arrow gives maps as lists of tuples."""


@dataclass(slots=True)
class FoundTexts:
    """The text rows of one field, in order."""

    every: bool
    """Every string is a row, not only those with room for a passage."""
    keys: bool = True
    """Keys with room for a passage are rows too. Not so where they are a schema's names."""
    rows: list[tuple[str, str]] = field(default_factory=list)
    """(field path, text)."""
    hidden: list[str] = field(default_factory=list)
    """Paths, with ``[*]`` for every index, of lists of token ids below the top level: these are not read."""
    _pieces: dict[str, list[str]] = field(default_factory=dict)

    def walk(self, value: object, path: str, wild: str) -> None:
        """Take the rows of a value. Numbers, booleans and nulls hold no text.

        Args:
            value: What the field holds.
            path: Where it stands.
            wild: The same with ``[*]`` for every index.

        Raises:
            RecursionError: If the value nests deeper than ``MAX_DEPTH``.
        """
        self._walk(value, (path, wild), self.every, 0)

    def join(self) -> None:
        """Add the rows of strings that are read together, ordered by their path: when all of the field has been walked."""
        self.rows += [(wild, text) for wild in sorted(self._pieces) if (text := join_pieces(self._pieces[wild])) is not None]
        self._pieces.clear()

    def _walk(self, value: object, at: tuple[str, str], every: bool, depth: int) -> None:
        if isinstance(value, str):
            self._take(value, at, every)
        elif isinstance(value, bytes):
            text = value.decode() if every else text_of(value)
            if text is not None:
                self._take(text, at, every)
        elif isinstance(value, (list, tuple, dict)):
            if depth >= MAX_DEPTH:
                raise RecursionError(f"field {at[0][:80]!r} nests deeper than {MAX_DEPTH} levels")
            if isinstance(value, dict):
                self._walk_keys(value, at, every, depth + 1)
            elif not HOLDERS.isdisjoint(map(type, value)):
                for i, item in enumerate(value):
                    self._walk(item, (extend(at[0], f"[{i}]"), extend(at[1], "[*]")), every, depth + 1)

    def _take(self, text: str, at: tuple[str, str], every: bool) -> None:
        path, wild = at
        if every or is_passage(text):
            self.rows.append((path, text))
        if path != wild and not is_alone(text):
            self._pieces.setdefault(wild, []).append(text)

    def _walk_keys(self, value: dict[str, object], at: tuple[str, str], every: bool, depth: int) -> None:
        path, wild = at
        for n, (key, item) in enumerate(value.items()):
            if self.keys and is_passage(key):
                self.rows.append((extend(path, f"{{{n}}}"), key))
            if key in LABEL_KEYS and isinstance(item, (str, bytes)):
                label = item if isinstance(item, str) else text_of(item)
                if label is not None and is_passage(label):
                    self.rows.append((extend(path, f".{key}"), label))
            elif type(item) in HOLDERS:
                if is_hidden(key, item):
                    self.hidden.append(extend(wild, f".{key}"))
                self._walk(item, (extend(path, f".{key}"), extend(wild, f".{key}")), every and key not in LABEL_KEYS, depth)


def extend(path: str, step: str) -> str:
    """Return a field path with one more step, cut at ``MAX_PATH`` characters."""
    longer = path + step
    return longer if len(longer) <= MAX_PATH else path if path.endswith(_CUT) else longer[: MAX_PATH - 1] + _CUT


def text_of(raw: bytes) -> str | None:
    """Return bytes that are UTF-8 as text, ``None`` for others: pictures, hashes."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def join_pieces(pieces: list[str]) -> str | None:
    """Return short strings of one list as one text, ``None`` where they have no room for a passage together or there is but one."""
    text = PIECE_SEPARATOR.join(pieces)
    return text if len(pieces) > 1 and is_passage(text) else None


def holds_string(value: object) -> bool:
    """Tell whether a value is or holds a string that is not empty."""
    if isinstance(value, (list, tuple)):
        return any(map(holds_string, value))
    if isinstance(value, dict):
        return any(map(holds_string, value.values()))
    return isinstance(value, str) and value != ""
