"""The attribution and naming file of a run: what licences and terms of its data ask of whoever trains and hands out the model, with where each comes from.

Everything that comes from catalogues, manifests and corpora is written so that Markdown takes it for plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.naming import name_duties
from provenance.licensing.terms_duties import Obligation, contradictions
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AskedDuty, AuditRecord
from provenance.report.attribution import Ancestry, Credit, build_credits, iter_gaps, required_sentences, unknown_licenses
from provenance.report.wording import clip, visible

_LONGEST = 600
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&]|^[-+=]|^\d+[.)])", re.MULTILINE)
_CREDIT = frozenset({"attribution", "share-alike", "state-changes"})
_SECTIONS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("Name of the model", frozenset({"name-prefix", "name-ban"}), "What the name of a model that is handed out has to begin with, or must not."),
    ("Words to show", frozenset({"badge", "badge-docs", "ui-badge", "ai-disclosure"}), "Badges and disclosures, where the texts say they go."),
    ("Notices to hand on", frozenset({"notice-file"}), "Files or sentences that go with the weights."),
    ("Restrictions to pass on", frozenset({"flow-down"}), "Whoever receives the model has to be bound to them."),
    ("Licences that may be needed besides", frozenset({"extra-licence"}), "Above a threshold, tested on the day that the text names."),
    ("Approvals to keep", frozenset({"written-approval", "no-distribution"}), "Conditions of a permission that this run rests on."),
)


@dataclass(frozen=True, slots=True)
class NoticesReport:
    """Writes the file as Markdown."""

    name: str = "notices"
    file_name: str = "NOTICES.md"
    suffix: str = ".md"
    ancestors: Mapping[str, Sequence[Ancestry]] | None = None
    """What each dataset comes from; ``None`` where nobody looked, so that credits of ancestors have gaps."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document; a section without a duty says so."""
        return ("\n".join(_lines(record, self.ancestors)).rstrip() + "\n").encode("utf-8", "replace")


def _lines(record: AuditRecord, ancestors: Mapping[str, Sequence[Ancestry]] | None) -> Iterator[str]:
    yield f"# Notices for {plain(record.run.model.name)}"
    yield ""
    yield f"Made from audit {plain(record.id)} of {plain(record.created[:10])}, verdict {record.verdict.value}. It lists what the licences and terms that are"
    yield "recorded of the data ask in return. What a credit needs and nobody recorded is listed as missing. Not legal advice."
    yield ""
    yield from _clashes(record.duties)
    yield from _sentences(record)
    named = set[str]()
    for title, kinds, lead in _SECTIONS:
        named |= kinds
        yield from _section(title, lead, [d for d in record.duties if _kind(d) in kinds], record.run.model.name)
    others = [d for d in record.duties if _kind(d) not in named | _CREDIT]
    yield from _section("Other duties", "", others, record.run.model.name)
    yield from _credits(record, ancestors)


def _kind(duty: AskedDuty) -> str:
    return duty.code.partition(":")[0]


def _clashes(duties: Sequence[AskedDuty]) -> Iterator[str]:
    asked = [Obligation(code=d.code, summary=d.summary, terms=d.asked_by, clause="", source=d.source, due=d.due) for d in duties]
    found = list(dict.fromkeys(f"{reason} ({one.terms} and {other.terms})" for one, other, reason in contradictions(asked)))
    if found:
        yield "## Duties that cannot both be kept"
        yield ""
        yield from (f"- {plain(text)}" for text in found)
        yield ""


def _section(title: str, lead: str, duties: Sequence[AskedDuty], model: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if not duties:
        yield "Nothing that is recorded asks for any."
        yield ""
        return
    if lead:
        yield lead
        yield ""
    groups: dict[AskedDuty, list[AskedDuty]] = {}
    for duty in duties:
        groups.setdefault(replace(duty, dataset="", place=""), []).append(duty)
    for duty, members in sorted(groups.items(), key=lambda item: (item[0].code, item[0].asked_by)):
        yield f"- **{plain(duty.code)}** – {plain(duty.summary)}"
        yield f"  Asked by {plain(duty.asked_by)}{_source(duty.source)}{_open(duty)}, for {', '.join(dict.fromkeys(_of(m) for m in members))}."
        yield from (f"  {line}" for line in _name_state(duty, model))
    yield ""


def _name_state(duty: AskedDuty, model: str) -> Iterator[str]:
    for asked in name_duties([(duty.asked_by, duty.code)]):
        state = {TriState.YES: "is as asked", TriState.NO: "is NOT as asked", TriState.UNKNOWN: "cannot be compared: the words are not catalogued"}
        yield f"The planned name {plain(model)} {state[asked.is_met_by(model)]}."


def _open(duty: AskedDuty) -> str:
    tested = f", tested on {plain(duty.tested_when)}" if duty.tested_when and duty.tested_when != "always" else ""
    return (", if it applies: a fact that decides is not stated" if duty.due is TriState.UNKNOWN else "") + tested


def _of(duty: AskedDuty) -> str:
    return f"{plain(duty.dataset)} ({plain(duty.place)})" if duty.place else plain(duty.dataset)


def _source(source: str) -> str:
    return "" if not source or is_absent(source) else f" ({plain(source)})"


def _credits(record: AuditRecord, ancestors: Mapping[str, Sequence[Ancestry]] | None) -> Iterator[str]:
    """Yield whom to credit: one entry for each dataset and ancestor of which a licence or terms ask for it, and what is missing for it."""
    yield "## Attribution"
    yield ""
    credits_ = build_credits(record, ancestors)
    duties = [d for d in record.duties if _kind(d) in _CREDIT]
    if not credits_ and not duties:
        yield "Nothing that is recorded asks for any."
        yield ""
    for credit in credits_:
        yield f"### {plain(credit.title or credit.dataset)}"
        yield ""
        yield plain(credit.line)
        yield ""
        yield from (f"- {line}" for line in _credit_lines(credit))
        asked = [d for d in duties if (d.dataset, d.place) == (credit.dataset, credit.way)]
        yield from (f"- Asked: {plain(d.code)}: {plain(d.summary)} ({plain(d.asked_by)}{_source(d.source)}{_open(d)})" for d in asked)
        yield from (f"- **Not recorded**: {plain(gap)}" for gap in credit.gaps)
        yield ""
    yield from _gaps(record, credits_)


def _credit_lines(credit: Credit) -> Iterator[str]:
    if credit.license_expression:
        yield f"SPDX-License-Identifier: {plain(credit.license_expression)}"
    if credit.notice:
        yield f"SPDX-FileCopyrightText: {plain(credit.notice)}"
    if credit.citation:
        yield f"To be cited as: {plain(credit.citation)}"
    yield f"In dataset {plain(credit.dataset)}" + (f", from {plain(credit.way)}" if credit.way else "")


def _gaps(record: AuditRecord, credits_: Sequence[Credit]) -> Iterator[str]:
    """Yield what is missing for valid credits, all in one place."""
    yield "## What is missing for valid credits"
    yield ""
    unknown = [f"{name}: its licence is not known, nor whether it asks for a credit" for name in unknown_licenses(record)]
    found = [*iter_gaps(credits_), *unknown]
    yield from (f"- {plain(gap)}" for gap in found)
    if not found:
        yield "Nothing that the recorded licences ask for."
    yield ""


def _sentences(record: AuditRecord) -> Iterator[str]:
    """Yield the sentences to show, each on a line of its own, to be copied."""
    found = required_sentences(record)
    if not found:
        return
    yield "## Sentences to copy"
    yield ""
    for sentence in found:
        choices = " or ".join(f"“{plain(words)}”" for words in sentence.choices)
        where = f", {sentence.where}" if sentence.where else ""
        yield f"- {choices}{where} (asked by {', '.join(plain(w) for w in sentence.asked_by)})"
    yield ""


def plain(text: str) -> str:
    """Return text that Markdown takes as it is, in one line."""
    shown = " ".join(visible(clip(text, _LONGEST)).split())
    return _SPECIAL.sub(r"\\\1", shown)


def count_of(duties: Iterable[AskedDuty]) -> int:
    """Return how many different things are asked."""
    return len({(d.code, d.asked_by) for d in duties})
