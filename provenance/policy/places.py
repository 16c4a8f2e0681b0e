"""Where in a YAML file a part of a document stands: line and column of keys, of values, and of single characters of a text.

The characters of a text are found whichever way it is written: plain, in quotes with escapes, over several lines, or as a block.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from provenance.documents import PlacedDocument

Path = tuple[str | int, ...]
"""Keys and positions from the document's top to a part of it."""
_ESCAPED_DIGITS = {"x": 2, "u": 4, "U": 8}


class Places:
    """Tells line and column, both from 1, of what a document holds."""

    def __init__(self, document: PlacedDocument) -> None:
        """Read nothing yet; places are only looked up where something is wrong."""
        self._top, self._text = document.node, document.text

    def of(self, path: Path) -> tuple[int, int]:
        """Return where a value begins; where the document has none, where the innermost part that it has begins."""
        found = self._node(path)
        return self._place(found.start_mark) if found is not None else (1, 1)

    def of_key(self, path: Path) -> tuple[int, int]:
        """Return where a key begins whose value is at a path."""
        parent = self._node(path[:-1])
        for key, _ in parent.value if isinstance(parent, yaml.MappingNode) else ():
            if key.value == path[-1]:
                return self._place(key.start_mark)
        return self.of(path)

    def inside(self, path: Path, offset: int) -> tuple[int, int]:
        """Return where one character of a text stands; of one past its end, where the last one does."""
        node = self._node(path)
        if not isinstance(node, yaml.ScalarNode):
            return self.of(path)
        place = node.start_mark.index
        for number, at in enumerate(_positions(node, self._text)):
            place = at
            if number == offset:
                break
        return self._line_and_column(place)

    def _node(self, path: Path) -> yaml.Node | None:
        node = self._top
        for step in path:
            inner = _child(node, step)
            if inner is None:
                break
            node = inner
        return node

    def _place(self, mark: yaml.Mark) -> tuple[int, int]:
        return self._line_and_column(mark.index)

    def _line_and_column(self, index: int) -> tuple[int, int]:
        before = self._text[:index]
        return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _child(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def _positions(node: yaml.ScalarNode, text: str) -> Iterator[int]:
    """Yield where each character of a text stands. Spaces may be folded line ends: these count as standing before what follows them."""
    at, end = node.start_mark.index, node.end_mark.index
    if node.style in {"|", ">"}:
        at = text.index("\n", at) + 1
    elif node.style in {"'", '"'}:
        at += 1
    for char in node.value:
        while not char.isspace() and at < end and text[at].isspace():
            at += 1
        if node.style == '"' and text.startswith("\\\n", at):  # a line end that does not count
            at += 2
            while at < end and text[at] in " \t":
                at += 1
        width = _width(node.style or "", text, at)
        if char.isspace() and width == 1 and not text[at : at + 1].isspace():
            yield at  # the second of several line ends folded into one
            continue
        yield at
        at += width


def _width(style: str, text: str, at: int) -> int:
    """Return how many characters of the file stand for one of the text."""
    if style == "'" and text.startswith("''", at):
        return 2
    if style == '"' and text.startswith("\\", at):
        return 2 + _ESCAPED_DIGITS.get(text[at + 1 : at + 2], 0)
    return 1
