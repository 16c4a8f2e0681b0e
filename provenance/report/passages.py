"""Passages side by side: shared words marked, long gaps shortened, and where in the document they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from provenance.model.absence import is_absent
from provenance.model.audit import MatchEvidence
from provenance.model.match import Explanation, Match, MatchText, Span
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.report.wording import clip, clip_middle, count, number, percent, rate, visible

MAP_UNITS = 1000
"""Width of the mini-map in its own units."""
_MAP_MIN_UNITS = 6
_GAP_CHARS, _GAP_ENDS = 240, 90
PASSAGE_CHARS = 1600
"""Of a passage, on each side."""
_CONTEXT_CHARS = 160
_ADDRESS_CHARS = 120
_ALSO_NAMED = 5

EXPLAINED = {
    Explanation.QUOTATION: "it stands in quotation marks or names its source",
    Explanation.SHORT_PASSAGE: "it is shorter than the policy counts",
    Explanation.BOILERPLATE: "it is boilerplate that many references share",
    Explanation.LICENSE_TEXT: "it is the text of a licence",
    Explanation.PROMPT: "it repeats the prompt",
    Explanation.COMMON_TO_MODELS: "other models answer the prompt with the same words",
}
"""Why a match is no alarm, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two texts."""

    heading: str
    address: tuple[tuple[str, str], ...]
    before: str
    passage: Markup
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """A match as the page shows it."""

    title: str
    training: Side
    reference: Side
    has_text: bool
    map_start: int
    map_width: int
    where: str
    numbers: tuple[tuple[str, str, str], ...]
    """(label, value, meaning)."""
    explained: str
    also: str


def view_evidence(item: MatchEvidence, *, chars: int = PASSAGE_CHARS) -> EvidenceView:
    """Return what the page shows of a match, at most ``chars`` characters of each passage."""
    match, text = item.match, item.text
    length = max(text.document_length if text else 0, match.end)
    start, width = _map_span(match.start, match.end, length)
    training = Side(
        heading="Training text",
        address=_training_address(item),
        before=_tail(text.before) if text else "",
        passage=marked(text.text, text.shared, chars) if text else Markup(),
        after=clip(text.after, _CONTEXT_CHARS) if text else "",
    )
    reference = Side(
        heading="API output" if match.kind is ReferenceKind.API_OUTPUT else "Reference",
        address=_reference_address(item),
        before=_tail(text.reference_before) if text else "",
        passage=_reference_passage(text, chars) if text else Markup(),
        after=clip(text.reference_after, _CONTEXT_CHARS) if text else "",
    )
    of = f" of {number(length)}" if text else ""
    return EvidenceView(
        title=f"{clip_middle(match.path, 70)}, record {number(match.record)}",
        training=training,
        reference=reference,
        has_text=text is not None,
        map_start=start,
        map_width=width,
        where=f"characters {number(match.start)}–{number(match.end)}{of}{_tokens(match)}",
        numbers=_numbers(item),
        explained=_explained(item),
        also=_also(item),
    )


def _tokens(match: Match) -> str:
    if match.token_start is None or match.token_end is None:
        return ""
    return f", tokens {number(match.token_start)}–{number(match.token_end)}"


def _reference_passage(text: MatchText, chars: int) -> Markup:
    if not text.reference_text:
        return Markup('<span class="cut">The reference is a pack: its words are not here.</span>')
    return marked(text.reference_text, text.reference_shared, chars)


def _map_span(start: int, end: int, length: int) -> tuple[int, int]:
    if length <= 0:
        return 0, 0
    width = max(_MAP_MIN_UNITS, MAP_UNITS * (end - start) // length)
    return min(MAP_UNITS * start // length, MAP_UNITS - width), width


def _tail(text: str) -> str:
    return text if len(text) <= _CONTEXT_CHARS else "…" + text[-(_CONTEXT_CHARS - 1) :]


def _training_address(item: MatchEvidence) -> tuple[tuple[str, str], ...]:
    match = item.match
    line = f", line {number(match.line)}" if match.line else ""
    return (
        ("Path", clip_middle(match.path, _ADDRESS_CHARS)),
        ("Record", f"{number(match.record)}{line}, field {clip(match.field, 60)}"),
        ("Id", clip_middle(match.doc_id, _ADDRESS_CHARS)),
    )


def _reference_address(item: MatchEvidence) -> tuple[tuple[str, str], ...]:
    record, match = item.reference, item.match
    rows = _call_address(record) if record.kind is ReferenceKind.API_OUTPUT else _work_address(record)
    rows.append(("Set", f"{clip(match.reference_set, 60)}, characters {number(match.reference_start)}–{number(match.reference_end)}"))
    return tuple(rows)


def _call_address(record: ReferenceRecord) -> list[tuple[str, str]]:
    dates = record.generated
    when = dates.start if dates.start == dates.end else f"{dates.start} – {dates.end}"
    return [
        ("API call", clip_middle(record.call or record.id, _ADDRESS_CHARS)),
        ("Model", clip(f"{_known(record.model)} of {_known(record.provider)}, {_known(record.channel)}", _ADDRESS_CHARS)),
        ("Made", clip("date not known" if is_absent(dates.start) else when, 60)),
    ]


def _work_address(record: ReferenceRecord) -> list[tuple[str, str]]:
    return [
        ("Work", clip(_work_name(record), _ADDRESS_CHARS)),
        ("Rights", clip(f"{_known(record.holder, 'holder')}; licence {_known(record.license)}", _ADDRESS_CHARS)),
        ("Where", clip(f"{record.id}; {_known(record.source, 'page')}", _ADDRESS_CHARS)),
    ]


def _work_name(record: ReferenceRecord) -> str:
    if is_absent(record.title) and is_absent(record.author):
        return f"{record.id} (title and author not known)"
    return f"{_known(record.title, 'title')} by {_known(record.author, 'author')}"


def _known(value: str, noun: str = "") -> str:
    return f"{noun} not known".strip() if is_absent(value) else value


def _numbers(item: MatchEvidence) -> tuple[tuple[str, str, str], ...]:
    match = item.match
    interval = f"of more text changed as this was, {percent(match.ci_low)} to {percent(match.ci_high)} (95 % interval)"
    return (
        ("Words shared", number(match.aligned_words), f"aligned one to one, in a passage of {count(match.words, 'word')}"),
        ("Containment", percent(match.exact_containment), f"five-word sequences of the training passage that the reference holds; {interval}"),
        ("Longest run", f"{number(match.longest_run)} words", "without a difference"),
        ("By chance", rate(match.chance_alarms_per_million), "alarms expected per million documents of 1\u202f500 words"),
    )


def _explained(item: MatchEvidence) -> str:
    if not item.match.explained:
        return "Nothing was explained away: no quotation, boilerplate, licence text or prompt covers this passage."
    why = EXPLAINED[item.match.because] if item.match.because else "the record does not say why"
    return f"Explained away, and so no alarm: {why}."


def _also(item: MatchEvidence) -> str:
    also = item.match.also
    if not also:
        return ""
    names = ", ".join(clip(a.reference, 40) for a in also[:_ALSO_NAMED])
    more = f" and {number(len(also) - _ALSO_NAMED)} more" if len(also) > _ALSO_NAMED else ""
    return f"The same passage also stands in {names}{more}."


def marked(text: str, spans: Sequence[Span], limit: int = PASSAGE_CHARS) -> Markup:
    """Return text escaped, with shared stretches in ``<mark>``; long gaps and overlong passages are cut, the cut shown as ….

    Spans that overlap or leave the text are clamped: the marks never change the text.
    """
    parts, used, at = [], 0, 0
    for piece, is_shared in _pieces(text, spans):
        if used >= limit:
            break
        whole = len(piece) <= limit - used
        shown = clip(piece, limit - used) if is_shared else _short_gap(piece, limit - used)
        used += len(piece)
        at += len(piece) if whole or not is_shared else len(shown) - 1
        safe = Markup.escape(visible(shown))
        parts.append(Markup("<mark>{}</mark>").format(safe) if is_shared else safe)
    if at < len(text):
        parts.append(Markup(' <span class="cut">[… {} characters left out]</span>').format(number(len(text) - at)))
    return Markup().join(parts)


def _short_gap(piece: str, room: int) -> str:
    if len(piece) <= min(_GAP_CHARS, room):
        return piece
    return f"{piece[:_GAP_ENDS]} … {piece[-_GAP_ENDS:]}"


def _pieces(text: str, spans: Sequence[Span]) -> Iterator[tuple[str, bool]]:
    at = 0
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        start, end = max(span.start, at), min(span.end, len(text))
        if start >= end:
            continue
        if start > at:
            yield text[at:start], False
        yield text[start:end], True
        at = end
    if at < len(text):
        yield text[at:], False
