"""Find the text rows in one field of a record, whatever its shape.

A string stands under its own path: ``messages[1].content``, ``completions[0].response``. In a text field every string is a row; elsewhere, and under the
labels of chat formats, those are that have room for a passage. Strings of one list that are too short to raise an alarm alone are also read together,
as one more row under the list's path, ``text[*]`` or ``turns[*].said``: a passage cut into pieces must not pass unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.ingest.lengths import is_alone, is_passage
from provenance.ingest.lines import wide_encoding
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
MOST_SHORT_ROWS = 1 << 16
"""So many strings of one field are rows however short they are; further short ones are only read together."""
_LOOKED_AT = 4096
_MOST_ODD = 0.2
_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])
HOLDERS = frozenset({str, bytes, list, tuple, dict})
"""Types of values that are or may hold text. Arrow gives maps as lists of tuples."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands."""

    path: str
    wild: str
    """The same with ``[*]`` for every index."""
    in_list: bool
    """Somewhere on the way there is a list: strings there are read together too."""


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
        self._walk(value, _Place(path, wild, in_list=path != wild), self.every, 0)

    def join(self) -> None:
        """Add the rows of strings that are read together, ordered by their path: when all of the field has been walked."""
        for wild in sorted(self._pieces):
            text = join_pieces(self._pieces[wild], labels=wild.rpartition(".")[2] in LABEL_KEYS)
            if text is not None:
                self.rows.append((wild, text))
        self._pieces.clear()

    def _walk(self, value: object, at: _Place, every: bool, depth: int) -> None:
        if isinstance(value, str):
            self._take(value, at, every)
        elif isinstance(value, bytes):
            # A text field must be text: decoding raises with the place.
            text = value.decode() if every and wide_encoding(value[:4]) is None else text_of(value)
            if text is not None:
                self._take(text, at, every)
        elif isinstance(value, (list, tuple, dict)):
            if depth >= MAX_DEPTH:
                raise RecursionError(f"field {at.path[:80]!r} nests deeper than {MAX_DEPTH} levels")
            if isinstance(value, dict):
                self._walk_keys(value, at, every, depth + 1)
            elif not HOLDERS.isdisjoint(map(type, value)):
                self._walk_list(value, at, every, depth + 1)

    def _walk_list(self, value: list[object] | tuple[object, ...], at: _Place, every: bool, depth: int) -> None:
        wild = extend(at.wild, "[*]")
        pieces = self._pieces.setdefault(wild, [])
        for i, item in enumerate(value):
            if type(item) is str:
                if self._is_row(item, every):
                    self.rows.append((extend(at.path, f"[{i}]"), item))
                if not is_alone(item):
                    pieces.append(item)
            elif type(item) in HOLDERS:
                self._walk(item, _Place(extend(at.path, f"[{i}]"), wild, in_list=True), every, depth)

    def _is_row(self, text: str, every: bool) -> bool:
        return (every and len(self.rows) < MOST_SHORT_ROWS) or is_passage(text)

    def _take(self, text: str, at: _Place, every: bool) -> None:
        if self._is_row(text, every):
            self.rows.append((at.path, text))
        if at.in_list and not is_alone(text):
            self._pieces.setdefault(at.wild, []).append(text)

    def _walk_keys(self, value: dict[str, object], at: _Place, every: bool, depth: int) -> None:
        for n, (key, item) in enumerate(value.items()):
            if self.keys and is_passage(key):
                self.rows.append((extend(at.path, f"{{{n}}}"), key))
            inner = _Place(extend(at.path, f".{key}"), extend(at.wild, f".{key}"), in_list=at.in_list)
            if key in LABEL_KEYS and isinstance(item, (str, bytes)):
                label = item if isinstance(item, str) else text_of(item)
                if label is not None:
                    self._take(label, inner, every=False)
            elif type(item) in HOLDERS:
                if is_hidden(key, item):
                    self.hidden.append(inner.wild)
                self._walk(item, inner, every and key not in LABEL_KEYS, depth)


def extend(path: str, step: str) -> str:
    """Return a field path with one more step, cut at ``MAX_PATH`` characters."""
    longer = path + step
    return longer if len(longer) <= MAX_PATH else path if path.endswith(_CUT) else longer[: MAX_PATH - 1] + _CUT


def text_of(raw: bytes) -> str | None:
    """Return bytes as text, ``None`` for what is none: pictures, hashes.

    Text that is not UTF-8 is read as far as it can be: as UTF-16 or UTF-32 where its zeros or its mark show it, as Windows-1252 where more of its bytes are that,
    with U+FFFD for the bytes that are neither.
    """
    wide = wide_encoding(raw[:4])
    if wide is not None and _is_printable(text := raw.decode(wide, "replace").removeprefix("\ufeff")):
        return text
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    text = raw.decode("utf-8", "replace")
    others = sum(not c.isascii() for c in text)
    if 2 * text.count("\ufffd") <= others and _is_printable(text):
        return text
    return raw.decode("cp1252", "replace") if _looks_like_text(raw[:_LOOKED_AT]) else None


def _is_printable(text: str) -> bool:
    """Tell whether most of a text's characters are printable or white space, and few stand for bytes that are none."""
    head = text[:_LOOKED_AT]
    odd = sum(not (c.isprintable() or c.isspace()) or c == "\ufffd" for c in head)
    return odd <= _MOST_ODD * len(head)


def _looks_like_text(raw: bytes) -> bool:
    """Tell whether most bytes are printable ASCII or white space, as in text of any European language in any 8-bit encoding."""
    return len(raw.translate(None, _PRINTABLE)) <= _MOST_ODD * len(raw)


def join_pieces(pieces: list[str], *, labels: bool = False) -> str | None:
    """Return short strings of one list as one text, ``None`` where they have no room for a passage together or there is but one.

    Args:
        pieces: The strings.
        labels: They are labels, of which the same few come again and again: only if different ones have room for a passage is there a text in them.
    """
    if len(pieces) <= 1 or (labels and not is_passage(PIECE_SEPARATOR.join(dict.fromkeys(pieces)))):
        return None
    text = PIECE_SEPARATOR.join(pieces)
    return text if is_passage(text) else None


def holds_string(value: object) -> bool:
    """Tell whether a value is or holds a string that is not empty."""
    if isinstance(value, (list, tuple)):
        return any(map(holds_string, value))
    if isinstance(value, dict):
        return any(map(holds_string, value.values()))
    return isinstance(value, str) and value != ""
