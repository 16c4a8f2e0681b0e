"""What all readers of foreign metadata share: files of bounded size, strict JSON, and texts, addresses and names made safe to keep.

Foreign text is hostile. Controls and halves of characters are replaced, texts beyond a bound are cut or kept as ``UNREADABLE``, addresses lose their
credentials, and whatever is done is said. Nothing is guessed: what a source does not state stays absent.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from provenance.audit.imports import ImportedDataset
from provenance.canonical import digest_bytes
from provenance.errors import ManifestError
from provenance.exchange.fields import MAX_TEXT
from provenance.exchange.manifest import DATASET_NAME
from provenance.model.absence import Absence
from provenance.model.claims import Evidence
from provenance.model.concluding import without_baseless_conclusion
from provenance.model.dataset import Dataset
from provenance.model.match import ReadProblem

MAX_BYTES = 256 << 20
"""Largest metadata document read whole, bytes: the whole catalogue of the Data Provenance Initiative is 12 MB."""
MAX_DEPTH = 64
"""Deepest nesting read."""
MAX_ITEMS = 1000
"""Most texts of one list that are kept."""
MAX_NAME = 200
MAX_PATH = 4096
SCHEMES = frozenset({"http", "https", "ftp", "s3", "gs", "gcs", "az", "abfs", "abfss", "hf", "doi", "git+https", "ssh", "git"})
"""Schemes of addresses that may be kept."""
SHARD_SCHEMES = frozenset({"http", "https", "s3", "gs", "gcs", "az", "abfs", "abfss", "hf"})
"""Schemes that a shard may be read from: never one that names a file of this machine."""
_SECRET = re.compile(r"(?i)(token|sig|signature|secret|password|passwd|pwd|credential|api[-_]?key|access[-_]?key|x-(amz|goog)-.*)$")
_NEWLINES = frozenset("\n\t")
_NO_ADDRESS = frozenset({"", "none", "null", "n/a", "unspecified", "unknown", "-"})
"""What people write where they have no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A document that was read."""

    name: str
    """Where it was found, relative to what was named: never a path of this machine that the user did not type."""
    raw: bytes
    sha256: str

    def evidence(self, url: str = Absence.NOT_STATED.value) -> Evidence:
        """Return what backs a claim of this document: the address it speaks of, the document's digest and name."""
        return Evidence(url=url or Absence.NOT_STATED.value, sha256=self.sha256, snapshot=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """What a reader made of a source."""

    datasets: tuple[ImportedDataset, ...]
    problems: tuple[ReadProblem, ...] = ()
    """What could not be imported."""
    notes: tuple[ReadProblem, ...] = ()
    """What was changed or passed over on the way."""
    document: Path | None = None
    """The document that claims go back to; ``None`` where claims go back to documents that are not here, as those of an export do."""
    sha256: str = ""
    """Its digest when it was read."""


def load_source(path: Path, *, name: str = "") -> SourceFile:
    """Read a document.

    Raises:
        ManifestError: If it is missing, unreadable or too large.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ManifestError(f"{path}: {size} bytes, more than the limit of {MAX_BYTES}", hint="split the document")
        return source_of(path.read_bytes(), name or path.name)
    except OSError as err:
        raise ManifestError(f"{path}: cannot be read: {err.strerror or err}") from err


def source_of(raw: bytes, name: str) -> SourceFile:
    """Return bytes as a source."""
    return SourceFile(name=clean(name)[0][:MAX_PATH], raw=raw, sha256=digest_bytes(raw))


class JsonObject(dict[str, Any]):
    """A JSON object that knows which of its keys came twice; the first of each counts."""

    repeated: tuple[str, ...] = ()
    pairs: tuple[tuple[str, Any], ...] = ()
    """All members, repeated ones too; empty where none is."""


def parse_json(raw: bytes, where: str) -> Any:
    """Return the JSON value that bytes hold; objects are ``JsonObject``.

    Raises:
        ManifestError: If they are not UTF-8 JSON of bounded depth, or hold a number that no double can.
    """
    try:
        text = raw.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse, parse_float=_double)
    except UnicodeDecodeError as err:
        raise ManifestError(f"{where}: not UTF-8 at byte {err.start}") from err
    except json.JSONDecodeError as err:
        raise ManifestError(f"{where}:{err.lineno}:{err.colno}: not JSON: {err.msg.lower()}", hint="fetch or export the document again") from err
    except RecursionError as err:
        raise ManifestError(f"{where}: nested deeper than {MAX_DEPTH} levels") from err
    except ValueError as err:
        raise ManifestError(f"{where}: not JSON: {err}") from err
    _check_depth(value, where)
    return value


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject()
    for key, value in pairs:
        made.setdefault(key, value)
    if len(made) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        made.repeated = tuple(key for key, count in counts.items() if count > 1)
        made.pairs = tuple(pairs)
    return made


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not a JSON number")


def _double(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        _refuse(text)
    return value


def _check_depth(value: Any, where: str) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ManifestError(f"{where}: nested deeper than {MAX_DEPTH} levels")
        level = [c for v in level if isinstance(v, dict | list) for c in (v.values() if isinstance(v, dict) else v)]


def repeated_key(value: Any) -> str:
    """Return a key that stands twice in one object somewhere in a value, empty where none does."""
    pending = [value]
    while pending:
        found = pending.pop()
        if isinstance(found, JsonObject) and found.repeated:
            return found.repeated[0]
        if isinstance(found, dict):
            pending.extend(found.values())
        elif isinstance(found, list):
            pending.extend(found)
    return ""


def clean(text: str) -> tuple[str, bool]:
    """Return text that can be kept and printed, and whether something in it had to be replaced: controls, halves of characters."""
    if text.isascii() and text.isprintable():
        return text.strip(), False
    made = "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Cs"} and c not in _NEWLINES and c != "\r" else c for c in text)
    return made.replace("\r\n", "\n").replace("\r", "\n").strip(), made != text


def dataset_name(raw: str) -> str:
    """Return the nearest valid dataset name, empty where there is none.

    >>> dataset_name("tatsu-lab/alpaca"), dataset_name(" Flan Collection (Dialog) "), dataset_name("../../etc/passwd")
    ('tatsu-lab/alpaca', 'Flan-Collection-Dialog', 'etc/passwd')
    """
    text = unicodedata.normalize("NFC", clean(raw)[0])
    parts = [re.sub(r"-{2,}", "-", re.sub(r"[^\w.-]", "-", p)).strip("-") for p in text.split("/")]
    joined = "/".join(p for p in parts if p.strip("."))
    name = re.sub(r"^[\W_]+", "", joined)[:MAX_NAME].rstrip("/-")
    return name if DATASET_NAME.fullmatch(name) else ""


def path_fault(path: str) -> str:
    """Return why a path cannot be that of a shard, empty if it can."""
    if not path or len(path) > MAX_PATH:
        return f"must have 1 to {MAX_PATH} characters"
    if not (path.isascii() and path.isprintable()) and any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in path):
        return "holds a line break or another control character"
    if "://" in path:
        return _url_fault(path)
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        return "must be relative to a data root, with / between folders"
    parts = path.split("/")
    if ".." in parts:
        return "must not lead out of its data root with .."
    return "must be written without // and ./" if "" in parts or "." in parts else ""


def _url_fault(url: str) -> str:
    split = _split(url)
    if split is None or split.scheme not in SHARD_SCHEMES or not split.netloc:
        return f"is not an address that shards are read from ({', '.join(sorted(SHARD_SCHEMES))})"
    return "holds credentials" if _without_secrets(split) != split else ""


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _without_secrets(split: SplitResult) -> SplitResult:
    query = split.query
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(_SECRET.match(key) for key, _ in pairs):
        query = urlencode([(k, v) for k, v in pairs if not _SECRET.match(k)])
    return split._replace(netloc=split.netloc.rpartition("@")[2], query=query)


@dataclass(slots=True)
class Reading:
    """Reads the values of one entry of a source, and collects what is wrong with them and what was done to them."""

    file: str
    entry: str = ""
    problems: list[ReadProblem] = field(default_factory=list)
    notes: list[ReadProblem] = field(default_factory=list)

    def problem(self, message: str) -> None:
        """Note what could not be imported."""
        self.problems.append(self._said(message))

    def note(self, message: str) -> None:
        """Note what was done on the way."""
        self.notes.append(self._said(message))

    def concluded(self, dataset: Dataset) -> Dataset:
        """Return a dataset without a conclusion that nobody stands for, which is noted as a problem."""
        kept, why = without_baseless_conclusion(dataset)
        if why:
            self.problem(why)
        return kept

    def text(self, raw: object, place: str, *, limit: int = MAX_TEXT, cut: bool = False) -> str:
        """Return a text fact, empty where none is given.

        Args:
            raw: Text, a number, or nothing; anything else is a problem.
            place: The field, for people.
            limit: Characters.
            cut: What is longer is cut with a note; else it is kept as ``UNREADABLE`` and a problem.
        """
        if raw is None:
            return ""
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            self.problem(f"{place}: expected text, got {kind_of(raw)}")
            return ""
        given = str(raw)
        if len(given) > limit and not cut:
            self.problem(f"{place}: {len(given)} characters, more than {limit}: kept as {Absence.UNREADABLE}")
            return Absence.UNREADABLE.value
        if len(given) > limit:
            self.note(f"{place}: the first {limit} of {len(given)} characters are kept")
        text, changed = clean(given[:limit])
        if changed:
            self.note(f"{place}: control characters were replaced")
        return text

    def texts(self, raw: object, place: str) -> tuple[str, ...]:
        """Return a list of texts, each once; one text stands for a list of one."""
        items = raw if isinstance(raw, list) else [] if raw is None else [raw]
        if len(items) > MAX_ITEMS:
            self.problem(f"{place}: {len(items)} entries; the first {MAX_ITEMS} are kept")
        found = [self.text(item, f"{place}[{i}]" if isinstance(raw, list) else place) for i, item in enumerate(items[:MAX_ITEMS])]
        return tuple(dict.fromkeys(t for t in found if t))

    def url(self, raw: object, place: str) -> str:
        """Return an address without credentials; empty where none is given, ``UNREADABLE`` where it is none."""
        text = self.text(raw, place)
        if text.lower() in _NO_ADDRESS:
            return ""
        if text == Absence.UNREADABLE:
            return text
        split = _split(text)
        if split is None or split.scheme not in SCHEMES or re.search(r"[\s\ufffd<>\"]", text):
            self.note(f"{place}: {text[:80]!r} is not an address: kept as {Absence.UNREADABLE}")
            return Absence.UNREADABLE.value
        safe = _without_secrets(split)
        if safe != split:
            self.note(f"{place}: credentials in the address were left out")
            return urlunsplit(safe)
        return text

    def day(self, raw: object, place: str) -> str:
        """Return the day of a date or time, empty where none is given."""
        text = self.text(raw, place)
        if not text or text == Absence.UNREADABLE:
            return text
        found = re.match(r"(\d{4}-\d{2}-\d{2})(?!\d)", text, re.ASCII)
        try:
            return dt.date.fromisoformat(found[1] if found else "").isoformat()
        except ValueError:
            self.note(f"{place}: {text[:40]!r} is not a day (YYYY-MM-DD): kept as {Absence.UNREADABLE}")
            return Absence.UNREADABLE.value

    def name(self, raw: object, place: str) -> str:
        """Return a valid dataset name, empty and a problem where there is none."""
        given = self.text(raw, place, limit=MAX_TEXT)
        name = "" if given == Absence.UNREADABLE else dataset_name(given)
        if not name:
            self.problem(f"{place}: no dataset name can be made of {given[:60]!r}; nothing of it is imported")
        elif name != given:
            self.note(f"{place}: {given[:80]!r} is registered as {name!r}")
        return name

    def _said(self, message: str) -> ReadProblem:
        return ReadProblem(path=self.file, line=None, record=None, message=f"{self.entry}: {message}" if self.entry else message)


def collected(readings: list[Reading], datasets: list[ImportedDataset]) -> SourceRead:
    """Return what a reader found, a dataset that is described twice in one document only once."""
    seen: dict[str, ImportedDataset] = {}
    problems = [p for r in readings for p in r.problems]
    for found in datasets:
        if found.dataset.name in seen:
            message = f"{found.dataset.name}: described twice in this document; the first description is taken"
            problems.append(ReadProblem(path=found.where, line=None, record=None, message=message))
        else:
            seen[found.dataset.name] = found
    return SourceRead(datasets=tuple(seen.values()), problems=tuple(problems), notes=tuple(n for r in readings for n in r.notes))


def kind_of(raw: object) -> str:
    """Return what a JSON value is, in words."""
    names = {dict: "an object", JsonObject: "an object", list: "a list", bool: "true or false", type(None): "nothing", str: "text"}
    return names.get(type(raw), "a number" if isinstance(raw, int | float) else type(raw).__name__)


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the members of an object, repeated ones too."""
    yield from value.pairs if isinstance(value, JsonObject) and value.pairs else value.items()
