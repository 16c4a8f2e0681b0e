"""Facts in the words of other formats: what is stated, what is not, media types, licences that another list knows.

What a format requires and nobody knows is written as ``NOASSERTION`` (nobody looked) or ``NONE`` (somebody looked, and nothing is stated), SPDX's words;
a day that it requires is that of the record, and named in ``placeholders``, so that no reader takes it for a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from provenance.licensing.expression import AllOf, AnyOf, Expression, OneLicense, parse_expression, render
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.dataset import DatasetVersion, Shard, ShardFormat

NOT_KNOWN, NOTHING_STATED = "NOASSERTION", "NONE"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20\x7f]+")
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)
_COMPRESSED = {".gz": "application/gzip", ".zst": "application/zstd", ".bz2": "application/x-bzip2", ".xz": "application/x-xz"}
_MEDIA = {
    ShardFormat.JSONL: "application/jsonlines",
    ShardFormat.PARQUET: "application/vnd.apache.parquet",
    ShardFormat.TEXT: "text/plain",
    ShardFormat.ARROW: "application/vnd.apache.arrow.file",
    ShardFormat.NUMPY: "application/octet-stream",
    ShardFormat.MEGATRON: "application/octet-stream",
    ShardFormat.MEGATRON_INDEX: "application/octet-stream",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseForm:
    """A licence as another format can write it."""

    expression: str = ""
    """SPDX expression of listed ids and ``LicenseRef-…``; empty where it is none."""
    refs: tuple[str, ...] = ()
    """The ``LicenseRef-…`` ids in it, sorted."""
    absent: str = ""
    """``NOASSERTION`` or ``NONE``; empty where there is a licence."""
    other: str = ""
    """What is stated and is no such expression."""

    @property
    def text(self) -> str:
        """The one of the three that holds."""
        return self.expression or self.absent or self.other


def license_form(value: str) -> LicenseForm:
    """Return how a licence value is written elsewhere."""
    if is_absent(value):
        return LicenseForm(absent=NOTHING_STATED if value == Absence.NOT_STATED else NOT_KNOWN)
    try:
        tree = parse_expression(value)
    except ValueError:
        return LicenseForm(other=value)
    ids = sorted(set(_ids(tree)))
    refs = tuple(i for i in ids if i.startswith(("LicenseRef-", "AdditionRef-")))
    if all(i in refs or i.lower() in _listed() for i in ids):
        return LicenseForm(expression=render(tree), refs=refs)
    return LicenseForm(other=value)


def _ids(tree: Expression) -> Iterable[str]:
    match tree:
        case OneLicense():
            yield from (i for i in (tree.id.removesuffix("+"), tree.exception) if i)
        case AllOf() | AnyOf():
            for part in tree.parts:
                yield from _ids(part)


@cache
def _listed() -> frozenset[str]:
    """Return the ids of SPDX's list of licences and exceptions, in lower case."""
    import license_expression

    return frozenset(str(key).lower() for key in license_expression.get_spdx_licensing().known_symbols)


def stated(value: str) -> str:
    """Return a text fact, empty where it has no value."""
    return "" if is_absent(value) else value


def asserted(value: str) -> str:
    """Return a text fact, ``NOASSERTION`` or ``NONE`` where it has no value."""
    if not is_absent(value):
        return value
    return NOTHING_STATED if value == Absence.NOT_STATED else NOT_KNOWN


def stated_url(value: str) -> str:
    """Return a text fact that is an absolute URL, else an empty text."""
    return value if not is_absent(value) and _URL.fullmatch(value) else ""


def stated_day(value: str) -> str:
    """Return a text fact that is a day, else an empty text."""
    return value if _DAY.fullmatch(value) else ""


def instant(day: str) -> str:
    """Return the first second of a day."""
    return f"{day}T00:00:00Z"


def last_instant(day: str) -> str:
    """Return the last second of a day: what holds until then holds on that day."""
    return f"{day}T23:59:59Z"


def yes_no(value: TriState, *, yes: str, no: str, unknown: str) -> str:
    """Return a format's word for a fact that may be unknown."""
    return {TriState.YES: yes, TriState.NO: no, TriState.UNKNOWN: unknown}[value]


def title_of(version: DatasetVersion) -> str:
    """Return the title, else the name."""
    return version.dataset.title or version.dataset.name


def publisher_of(version: DatasetVersion) -> str:
    """Return who issued a dataset: its publisher, its creators, or ``NOASSERTION``. Its owner here is somebody else."""
    details = version.dataset.details
    return stated(details.publisher) or ", ".join(details.creators) or NOT_KNOWN


def description_of(version: DatasetVersion) -> str:
    """Return the description, or that there is none."""
    return asserted(version.dataset.details.description)


def published_of(version: DatasetVersion) -> tuple[str, bool]:
    """Return the day of publication, else the day of the record, and whether it is known."""
    known = stated_day(version.dataset.details.published)
    return known or version.created[:10], bool(known)


def media_type(shard: Shard) -> str:
    """Return the media type of a shard's bytes; of the compression where it is compressed."""
    return _COMPRESSED.get(PurePosixPath(shard.path).suffix.lower(), _MEDIA[shard.format])


def media_types(version: DatasetVersion) -> list[str]:
    """Return the media types of the listed shards, sorted."""
    return sorted({media_type(s) for s in version.shards}) or ["application/octet-stream"]


def without_empty(document: Mapping[str, object]) -> dict[str, Any]:
    """Return a mapping without the keys that hold nothing."""
    return {key: value for key, value in document.items() if value not in ("", None, [], {}, ())}
