"""Read the texts to look for: JSON Lines or Parquet records, or text files of one work each. What cannot be read is listed, never passed over."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from provenance.errors import ConfigError, ShardReadError
from provenance.ingest.fields import chosen_text
from provenance.ingest.files import ByteSource, split_name
from provenance.ingest.jsonl import iter_json_records
from provenance.ingest.parquet import iter_parquet_records
from provenance.ingest.problems import ProblemLog, json_kind, list_names
from provenance.ingest.reader import format_of
from provenance.ingest.text import read_document
from provenance.ingest.utf8 import whole
from provenance.model.absence import Absence
from provenance.model.dataset import DateRange, ShardFormat
from provenance.model.match import ReadProblem
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.storage.secrets import without_secrets
from provenance.storage.stores import PLAIN_STORES, Stores

TEXT_NAMES = ("text", "output", "content", "completion", "response")
OUTPUT_NAMES = ("output", "completion", "response", "answer", "text", "content")
"""For API outputs: where a log holds both, ``text`` is what the model was asked."""
"""Fields that hold a reference's text, the first that is there wins."""
_ANSWER_NAMES = frozenset(OUTPUT_NAMES) - {"text", "content"}
_PROMPT_NAMES = frozenset({"prompt", "instruction", "messages"})
_CHAT_NAMES = ("messages", "conversations", "conversation")
_MODEL_ROLES = frozenset({"assistant", "model", "gpt", "bot"})
"""What chat records call the turns of the model."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = ("stem", "id", "n")
_KINDS = frozenset(kind.value for kind in ReferenceKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOptions:
    """How reference files are read, and what is said of references whose own record says nothing."""

    kind: ReferenceKind
    id_field: str | None = None
    """Field that names a record; ``None`` = ``id``, else the file's stem."""
    text_field: str | None = None
    """Field that holds the text, a key or a dotted path; ``None`` = the first of ``TEXT_NAMES``, or ``OUTPUT_NAMES``."""
    prompt_field: str | None = None
    """Field that holds the prompt; ``None`` = ``prompt``, else ``instruction`` with ``input``."""
    id_template: str | None = None
    """Such as ``work:{stem}``; knows ``{stem}`` of the file, ``{id}`` of the record and its 0-based number ``{n}``."""
    provider: str = Absence.UNKNOWN.value
    model: str = Absence.UNKNOWN.value
    channel: str = Absence.UNKNOWN.value
    region: str = Absence.UNKNOWN.value
    generated: DateRange = field(default_factory=DateRange)
    license: str = Absence.UNKNOWN.value
    title: str = Absence.UNKNOWN.value
    author: str = Absence.UNKNOWN.value
    holder: str = Absence.UNKNOWN.value
    source: str = Absence.UNKNOWN.value


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenReference:
    """One reference with its text (``ports.ReferenceText``)."""

    record: ReferenceRecord
    text: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record of a reference file and where it stands."""

    stem: str
    index: int
    line: int
    record: Mapping[str, object]
    alone: bool
    """The file holds this one document."""


def iter_references(
    files: Iterable[str], options: ReferenceOptions, *, problems: list[ReadProblem], stores: Stores = PLAIN_STORES
) -> Iterator[FrozenReference]:
    """Yield the references of files, in order.

    What a record says of itself (provider, model, title, license …) wins over the options. An id that comes a second time gets ``#2`` appended and
    a problem says so: neither text is lost.

    Args:
        files: Paths or URLs.
        options: How to read them.
        problems: Takes what could not be read: records, and whole files.
        stores: Opens URLs.

    Raises:
        ConfigError: If the id template names something unknown.
    """
    _check_template(options.id_template)
    seen: dict[str, int] = {}
    for location in files:
        log = ProblemLog(location)
        try:
            for entry in _entries(location, log, stores):
                reference = _reference(entry, options, log)
                if reference is not None:
                    yield _unique(reference, entry, seen, log)
        except ShardReadError as err:
            log.add(str(err).removeprefix(f"{location}: ") + (f"; {err.hint}" if err.hint else ""))
        problems.extend(log.items)


def stated_kind(files: Iterable[str], stores: Stores = PLAIN_STORES) -> ReferenceKind | None:
    """Return the kind that the first record of some files says it is, as exported sets do, or shows; ``None`` where it does neither.

    A record that names its model or provider beside an answer or a prompt is an API output.
    """
    for location in files:
        try:
            for entry in _entries(location, ProblemLog(location), stores):
                return _kind_of(entry.record) or _shown_kind(entry.record)
        except ShardReadError:  # whoever reads the references says so
            continue
    return None


def _kind_of(record: Mapping[str, object]) -> ReferenceKind | None:
    said = record.get("kind")
    return ReferenceKind(said) if isinstance(said, str) and said in _KINDS else None


def _shown_kind(record: Mapping[str, object]) -> ReferenceKind | None:
    says_whose = any(_said(record, name) for name in ("provider", "model", "generator"))
    return ReferenceKind.API_OUTPUT if says_whose and (_ANSWER_NAMES | _PROMPT_NAMES) & record.keys() else None


def _turns_apart(record: Mapping[str, object], options: ReferenceOptions) -> Mapping[str, object]:
    """Return a chat record with what the model said as its output and the rest as its prompt: a user's words are nobody's output."""
    if options.kind not in (ReferenceKind.API_OUTPUT, ReferenceKind.BACKGROUND) or options.text_field not in (None, *_CHAT_NAMES):
        return record
    name = options.text_field or next((n for n in _CHAT_NAMES if isinstance(record.get(n), list)), "")
    turns = record.get(name)
    if not isinstance(turns, list) or (options.text_field is None and any(_said(record, n) for n in OUTPUT_NAMES)):
        return record
    said: dict[bool, list[str]] = {True: [], False: []}
    for turn in turns:
        if isinstance(turn, Mapping):
            role, text = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
            if isinstance(text, str):
                said[role in _MODEL_ROLES].append(text)
    rest = {k: v for k, v in record.items() if k != name}
    return {"prompt": "\n\n".join(said[False]), **rest, "output": "\n\n".join(said[True])}


def _check_template(template: str | None) -> None:
    for name in _PLACEHOLDER.findall(template or ""):
        if name not in _PLACEHOLDERS:
            raise ConfigError(f"id template {template!r}: unknown placeholder {{{name}}}", hint="known: {stem}, {id}, {n}")


def _entries(location: str, log: ProblemLog, stores: Stores) -> Iterator[_Entry]:
    form, stem = format_of(location), split_name(location)[0]
    if form is None:
        raise ShardReadError("its format is unknown", hint="expected .jsonl, .parquet or a text file such as .txt")
    if form is ShardFormat.TEXT:
        with ByteSource(location, stores) as source:
            text = read_document(source, location).decode()
            if source.damage is not None:
                log.add(source.damage, record=0)
        yield _Entry(stem, 0, 0, {"text": text}, alone=True)
        return
    count = 0
    for index, line, value in iter_json_records(location, log, stores) if form is ShardFormat.JSONL else iter_parquet_records(location, log, stores):
        count += 1
        if isinstance(value, dict):
            yield _Entry(stem, index, line, value, alone=False)
        else:
            log.add(f"is {json_kind(value)}, expected an object with named fields", line=line or None, record=index)
    if not count and not log.count:
        raise ShardReadError("holds no records")


def _reference(entry: _Entry, options: ReferenceOptions, log: ProblemLog) -> FrozenReference | None:
    record = _turns_apart(entry.record, options)
    text = _text_of(record, options)
    if not text or text.isspace():
        wanted = options.text_field or " or ".join(_text_names(options))
        log.add(f"has no text in {wanted}; its fields are: {list_names(record)}", line=entry.line or None, record=entry.index)
        return None
    kind = _kind_of(record)
    if kind not in (None, options.kind):
        log.add(f"says that it is of kind {kind}; kept as {options.kind}, like the set", line=entry.line or None, record=entry.index)
    generated = _generated(record, options.generated)
    if Absence.UNREADABLE in (generated.start, generated.end):
        log.add("its field 'generated' is no date or range of dates such as 2024-03-01..2024-05-31", line=entry.line or None, record=entry.index)

    def said(name: str, otherwise: str) -> str:
        return without_secrets(_said(record, name) or otherwise)

    return FrozenReference(
        text=whole(text),
        record=ReferenceRecord(
            id=_id_of(entry, options),
            kind=options.kind,
            prompt=_prompt_of(record, options.prompt_field),
            title=said("title", options.title),
            author=said("author", options.author),
            holder=said("holder", options.holder),
            edition_family=_said(record, "edition_family"),
            license=said("license", options.license),
            provider=said("provider", options.provider),
            model=said("model", options.model),
            channel=said("channel", options.channel),
            region=said("region", options.region),
            generated=generated,
            source=said("source", options.source),
            call=_said(record, "call"),
        ),
    )


def _text_names(options: ReferenceOptions) -> tuple[str, ...]:
    return OUTPUT_NAMES if options.kind is ReferenceKind.API_OUTPUT else TEXT_NAMES


def _text_of(record: Mapping[str, object], options: ReferenceOptions) -> str:
    if options.text_field is not None and (options.text_field in record or options.text_field not in _CHAT_NAMES):
        try:
            return chosen_text(record, options.text_field)
        except (RecursionError, UnicodeDecodeError):
            return ""
    return next((value for name in _text_names(options) if isinstance(value := record.get(name), str) and value), "")


def _prompt_of(record: Mapping[str, object], prompt_field: str | None) -> str | None:
    if prompt_field is not None:
        return _said(record, prompt_field)
    parts = [_said(record, "instruction"), _said(record, "input")]
    return _said(record, "prompt") or "\n\n".join(part for part in parts if part) or None


def _id_of(entry: _Entry, options: ReferenceOptions) -> str:
    own = _said(entry.record, options.id_field or "id") or (entry.stem if entry.alone else f"{entry.stem}#{entry.index}")
    if options.id_template is None:
        return own
    values = {"stem": entry.stem, "id": own, "n": str(entry.index)}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], options.id_template)


def _said(record: Mapping[str, object], name: str) -> str | None:
    """Return what a record says under a name: text that is not empty, or a whole number; else ``None``."""
    value = record.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return whole(value) if isinstance(value, str) and value else None


def _generated(record: Mapping[str, object], otherwise: DateRange) -> DateRange:
    value = record.get("generated")
    if isinstance(value, Mapping):
        return DateRange(start=_day(value.get("from")), end=_day(value.get("to")))
    if isinstance(value, str) and value:
        first, _, last = value.partition("..")
        return DateRange(start=_day(first), end=_day(last or first))
    return otherwise if value is None or value == "" else DateRange(start=Absence.UNREADABLE.value, end=Absence.UNREADABLE.value)


def _day(value: object) -> str:
    if value is None or value == "":
        return Absence.UNKNOWN.value
    text = str(value)
    if text in {Absence.UNKNOWN, Absence.NOT_STATED}:
        return text
    try:
        return dt.date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return Absence.UNREADABLE.value


def _unique(reference: FrozenReference, entry: _Entry, seen: dict[str, int], log: ProblemLog) -> FrozenReference:
    name = reference.record.id
    seen[name] = times = seen.get(name, 0) + 1
    if times == 1:
        return reference
    log.add(f"its id {name!r} was given before; this one is kept as '{name}#{times}'", line=entry.line or None, record=entry.index)
    return replace(reference, record=replace(reference.record, id=f"{name}#{times}"))
