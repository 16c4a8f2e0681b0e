"""What one record says of itself: addresses, ids, authors, titles, and the digests of its texts.

Every address in a field of its own counts, whatever the field is called and however deep it stands, also beside the texts of a chat; links within a text do
not. Names decide what the other fields are: they are compared in lower case with ``_`` for ``-``. A record tells its page or its host only by a field that names
where it came from; one inside a field of texts tells where a part of it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

import orjson

from provenance.fingerprint.addresses import MAX_ADDRESS, Address, iter_more, read_address
from provenance.fingerprint.names import MAX_NAME, id_key, names_all, person_keys, title_key
from provenance.fingerprint.wanted import KeyRole
from provenance.ingest.fields import TEXT_FIELDS
from provenance.ingest.lengths import is_passage
from provenance.ingest.token_fields import token_names
from provenance.ingest.utf8 import utf8, whole
from provenance.ingest.walk import HOLDERS, MAX_DEPTH, extend

PAGE_FIELDS = frozenset(
    {
        "url",
        "uri",
        "source_url",
        "source_uri",
        "page_url",
        "web_url",
        "document_url",
        "doc_url",
        "article_url",
        "canonical_url",
        "original_url",
        "origin_url",
        "final_url",
        "requested_url",
        "target_uri",
        "warc_target_uri",
        "permalink",
        "webpage",
    }
)
"""Fields that name the page a record came from, with or without a scheme."""
LOOSE_FIELDS = frozenset({"source", "src", "origin", "link"})
"""Fields that name it if what they hold is an address beyond doubt: with a scheme."""
HOST_FIELDS = frozenset({"domain", "host", "hostname", "site", "website", "netloc", "source_domain", "url_host_name", "publisher_domain"})
"""Fields that name the host a record came from."""
ID_FIELDS = frozenset({"doc_id", "id", "uuid", "_id", "docid", "document_id", "record_id", "warc_record_id", "guid", "identifier"})
AUTHOR_FIELDS = frozenset({"author", "authors", "author_name", "creator", "creators", "byline", "writer", "writers"})
TITLE_FIELDS = frozenset({"title", "headline", "work", "book", "book_title", "work_title"})
_TEXTS = frozenset(TEXT_FIELDS)
_LONGEST_NAME = 64
_MAX_INNER = 1 << 16
"""Characters of a field that is looked at for JSON in it."""
_JSON_FIELDS = frozenset({"meta", "metadata", "headers", "warc_headers", "provenance", "attributes", "info"})
_NAMED_FIELDS = PAGE_FIELDS | HOST_FIELDS | LOOSE_FIELDS
_MOST_ADDRESSES = 256
"""Addresses of one field; what holds more is told as unreadable."""
_Leaf = tuple[str, str, object, bool, bool, int]
"""(folded name, path, value, whether it stands in a field of text however deep, whether it is a label and not the text itself, depth)."""
_DOUBT = "author is in doubt"
_MOST_KEYS = 10_000
"""Keys of one record; what holds more is told as unreadable."""


class TooManyKeysError(Exception):
    """A record holds more keys than are looked at."""


@dataclass(slots=True)
class OwnKeys:
    """The keys of one record."""

    found: list[tuple[KeyRole, str, str, str]] = field(default_factory=list)
    """(role, key, host, field)."""
    told: set[str] = field(default_factory=set)

    def add(self, role: KeyRole, key: str, path: str, host: str = "") -> None:
        """Take a key."""
        if len(self.found) >= _MOST_KEYS:
            raise TooManyKeysError
        self.found.append((role, key, host, path))


def keys_of(record: Mapping[str, object], text_field: str | None = None) -> OwnKeys:
    """Return what a record says of itself.

    Args:
        record: The decoded record.
        text_field: The field that holds its text, where the user named one.

    Raises:
        RecursionError: If it nests deeper than ``MAX_DEPTH``.
        TooManyKeysError: If it holds more keys than are looked at.
    """
    own = OwnKeys()
    chosen = () if text_field is None else (text_field, text_field.partition(".")[0], text_field.rpartition(".")[2])
    for leaf in _leaves(record, chosen):
        _take(own, leaf)
    if not any(isinstance(record[name], list) for name in _token_names(tuple(record))):
        own.told.add("text")  # all the text there is was seen
    if _DOUBT in own.told:
        own.told -= {_DOUBT, "author"}
    return own


_token_names = lru_cache(1 << 10)(token_names)


def _leaves(record: Mapping[str, object], chosen: tuple[str, ...]) -> Iterator[_Leaf]:
    """Yield all values that hold no others, in order. One stack, so that no depth ends it badly."""
    stack: list[_Leaf] = [(_folded(k), extend("", k), v, in_text := k in _TEXTS or k in chosen[:2], not in_text, 1) for k, v in record.items()]
    stack.reverse()
    while stack:
        leaf = stack.pop()
        name, path, value, in_text, is_label, depth = leaf
        if depth > MAX_DEPTH:
            raise RecursionError(f"field {path[:80]!r} nests deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            texts = _texts_below(value, chosen) if in_text else _TEXTS
            inner = [(_folded(k), extend(path, f".{k}"), v, in_text or str(k) in texts, str(k) not in texts, depth + 1) for k, v in value.items()]
            stack += reversed(inner)
        elif isinstance(value, (list, tuple)):
            if not HOLDERS.isdisjoint(map(type, value)) or name in ID_FIELDS:
                stack += reversed([(name, extend(path, f"[{i}]"), v, in_text, is_label, depth + 1) for i, v in enumerate(value)])
        elif isinstance(value, str) and name in _JSON_FIELDS and isinstance(parsed := _inner(value), dict):
            stack.append((name, path, parsed, in_text, is_label, depth + 1))
        else:
            yield leaf


def _texts_below(value: Mapping[object, object], chosen: tuple[str, ...]) -> frozenset[str]:
    """Return the keys of texts inside a field of texts. A turn of a chat with ``from`` has its text under ``value``."""
    turn = {"value"} if "from" in value else set[str]()
    return _TEXTS.union(turn, chosen[2:]) if turn or chosen else _TEXTS


def _folded(name: object) -> str:
    return _folded_text(name) if isinstance(name, str) and len(name) <= _LONGEST_NAME else ""  # a longer one is no field's name


@lru_cache(1 << 12)
def _folded_text(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")


def _inner(text: str) -> object:
    """Return the object that a text is as JSON, ``None`` where it is none."""
    if not text.startswith("{") or len(text) > _MAX_INNER:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _take(own: OwnKeys, leaf: _Leaf) -> None:
    name, path, value, in_text, is_label, _ = leaf
    if name in ID_FIELDS and is_label and (id_text := _id_of(value)):
        own.add(KeyRole.ID, id_key(id_text), path)
        own.told.update(() if in_text else ("id",))
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str) or not value:
        return
    if in_text or is_passage(value):
        own.add(KeyRole.DIGEST, hashlib.sha256(utf8(value)).hexdigest(), path)
        own.told.add("text")
    if is_label and (told := _take_label(own, name, path, whole(value))):
        own.told |= told & {_DOUBT} if in_text else told


def _take_label(own: OwnKeys, name: str, path: str, value: str) -> set[str]:
    """Take what a field that is no text names, and return what it tells of where it stands."""
    told = set[str]()
    if name in AUTHOR_FIELDS:
        told.add("author" if names_all(value) else _DOUBT)
        for key in person_keys(value):
            own.add(KeyRole.AUTHOR, key, path)
    elif name in TITLE_FIELDS and len(value) <= MAX_NAME and (key := title_key(value)):
        own.add(KeyRole.TITLE, key, path)
    if len(value) > MAX_ADDRESS or not (name in _NAMED_FIELDS or _is_address(value)):
        return told
    address = read_address(value)
    more = list(islice(iter_more(value, address), _MOST_ADDRESSES))
    if len(more) == _MOST_ADDRESSES:
        raise TooManyKeysError
    for key, host in dict.fromkeys((a.key, a.host) for a in (address, *more) if a is not None):
        own.add(KeyRole.ADDRESS, key, path, host)
    return told.union(_tells(name, address)) if address is not None and name in _NAMED_FIELDS else told


def _is_address(value: str) -> bool:
    """Tell whether a text of any field is nothing but addresses with a scheme."""
    if "://" not in value[:16] and not value.startswith("//"):
        return False
    parts = [part for part in value.split(" ") if part]
    return all("://" in part[:16] or part.startswith("//") for part in parts) and (found := read_address(parts[0])) is not None and found.has_scheme


def _tells(name: str, address: Address) -> Iterator[str]:
    """Yield what an address tells of where its record came from, by the field it stands in."""
    if name in PAGE_FIELDS or (name in LOOSE_FIELDS and address.has_scheme):
        yield "host"
        if name in PAGE_FIELDS or "/" in address.page or address.query:  # a source that is but a host may be where all of a dataset is from
            yield "page"
    elif name in HOST_FIELDS:
        yield "host"


def _id_of(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    return whole(value) if isinstance(value, str) else str(value) if isinstance(value, int) or type(value).__name__ == "UUID" else ""
