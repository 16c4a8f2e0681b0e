"""Part 1.3 of the EU summary: how much text there is, in the template's ranges of tokens, else in words, which it allows; and the types of content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord
from provenance.report.disclosure.sizes import Span, brackets_of, most_tokens, tokens_of, words_of
from provenance.report.disclosure.sources import Judged, Unit
from provenance.report.disclosure.template import Row, Template
from provenance.report.disclosure.values import State, Told
from provenance.report.disclosure.wide import estimate_note
from provenance.report.wording import number


def tell_sizes(record: AuditRecord, judged: Sequence[Judged], units: Sequence[Unit], template: Template) -> Iterator[Told]:
    """Yield how much there is of each modality, of what types of content, and what the size rests on."""
    rows = {r.name: r for s in template.sections for r in s.rows}
    held = [name for name in rows if any(name in u.modalities for u in units)]
    content = tuple(f"{name}: {what}" for name in held if (what := _content(name, judged, units)))
    if content:
        yield Told(field="1.3.c", state=State.DRAFTED, lines=content, rests_on=tuple(j.place for j in judged))
    others, lacking = [n for n in held if n != "Text"], [u.name for u in units if not u.modalities]
    if "Text" not in held:
        because = (
            f"nobody measured {', '.join(others)}"
            if others
            else f"no details.modalities of {', '.join(lacking)}"
            if lacking
            else "the audit names no data"
        )
        yield Told(field="1.3.b", state=State.MISSING, because=because)
        return
    size = _text_size(record, judged)
    found, rests_on = brackets_of(rows["Text"], size.tokens), tuple(j.place for j in judged)
    because = "; ".join(
        p
        for p in (
            "name one range, or keep the number of words: the template allows another unit" if len(found) > 1 and size.is_in_words else "",
            "name one range: the counts reach over several" if len(found) > 1 and not size.is_in_words else "",
            f"add the sizes of {', '.join(others)}: nobody measured them" if others else "",
            f"no details.modalities of {', '.join(lacking)}" if lacking else "",
        )
        if p
    )
    lines = (_bracket_line(rows["Text"], found, size),)
    yield Told(field="1.3.b", state=State.DRAFTED if because else State.COMPUTED, lines=lines, rests_on=rests_on, because=because)
    counted = [f"Tokens were counted with {', '.join(size.tokenizers)}."] if size.tokenizers else []
    estimated = [estimate_note(size.factors)] if size.factors else []
    yield Told(field="1.3.g", state=State.COMPUTED, lines=(*counted, *estimated), rests_on=rests_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TextSize:
    """How much text there is."""

    tokens: Span
    words: Span
    tokenizers: tuple[str, ...]
    """By which tokens were counted."""
    factors: tuple[int, ...]
    """Tokens that a word is taken to be at most, of the datasets whose tokens nobody counted."""

    @property
    def is_in_words(self) -> bool:
        """Tell whether nobody counted tokens of any dataset."""
        return not self.tokenizers


def _text_size(record: AuditRecord, judged: Sequence[Judged]) -> _TextSize:
    tokens, words, tokenizers, factors = Span(low=0, high=0), Span(low=0, high=0), [], []
    for one in judged:
        size, tokenizer = tokens_of(record, one.summary)
        tokens, words = tokens + size, words + words_of(record, one.summary)
        if tokenizer:
            tokenizers.append(tokenizer)
        else:
            factors.append(most_tokens(one.summary))
    return _TextSize(tokens=tokens, words=words, tokenizers=tuple(dict.fromkeys(tokenizers)), factors=tuple(factors))


def _bracket_line(row: Row, found: tuple[str, ...], size: _TextSize) -> str:
    """Return a modality's line; where nobody counted tokens and the range is open, the words that were counted, which the template allows."""
    ranges, words = " or ".join(found), f"{'' if size.words.high is not None else 'at least '}{number(size.words.low)} words"
    if size.is_in_words:
        return f"{row.name}: {ranges} ({words} counted)" if len(found) == 1 else f"{row.name}: {words} (counted; in tokens, {ranges})"
    low, high = size.tokens.low, size.tokens.high
    end = "" if high == low else " or more" if high is None else f" to {number(high)}"
    how = "counted, and estimated from words where nobody counted" if size.factors else "counted"
    return f"{row.name}: {ranges} ({number(low)}{end} tokens, {how})"


def _content(modality: str, judged: Sequence[Judged], units: Sequence[Unit]) -> str:
    datasets = [u.dataset for u in units if u.dataset is not None and modality in u.modalities] + [j.summary.dataset for j in judged]
    said = [t for d in datasets for t in d.details.content_types]
    said = said or [d.details.description for d in datasets if not is_absent(d.details.description)]
    return ", ".join(dict.fromkeys(said))
