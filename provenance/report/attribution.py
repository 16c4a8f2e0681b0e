"""Whom a model's makers have to credit, with what each licence asks a credit to hold, and what of it nobody recorded.

Requirements are read from the licences: CC BY 4.0, section 3(a)(1) (creator, copyright notice, link to the material, licence with link, changes; versions before 4.0
ask for the title too, 4(c)); MIT, BSD and ISC (copyright notice and text); Apache-2.0, section 4 (text, changes, notices, NOTICE file); ODC-By, 4.2–4.3, and ODbL,
4.2–4.3 (name of the database, licence with link). A credit that lacks one of them is listed with its gap, never left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.licensing.expression import iter_licenses, parse_expression
from provenance.licensing.spdx import listed_id, listed_licenses
from provenance.model.absence import is_absent
from provenance.model.audit import AskedDuty, AuditRecord
from provenance.model.dataset import Dataset

TITLE, CREATOR, SOURCE, LICENSE_LINK, CHANGES, NOTICE, TEXT = (
    "title",
    "creator",
    "link to the source",
    "link to the licence",
    "what was changed",
    "copyright notice",
    "the licence's text",
)
_ATTRIBUTION: Final = (TITLE, CREATOR, SOURCE, LICENSE_LINK, CHANGES)
_NOTICE_AND_TEXT: Final = (NOTICE, TEXT)
_NEEDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("CC-BY", _ATTRIBUTION),
    ("Apache-", (NOTICE, TEXT, CHANGES)),
    ("MIT", _NOTICE_AND_TEXT),
    ("BSD-", _NOTICE_AND_TEXT),
    ("ISC", _NOTICE_AND_TEXT),
    ("0BSD", ()),
    ("ODC-By", (TITLE, LICENSE_LINK)),
    ("ODbL", (TITLE, LICENSE_LINK)),
)
"""What a credit holds, by how the licence's id begins. Of other licences that ask for a credit, what CC BY asks is taken: it asks for most."""
_CREDIT_CODES: Final = frozenset({"attribution", "share-alike", "state-changes"})
_CREATIVE_COMMONS: Final = re.compile(r"CC-(BY(?:-NC)?(?:-ND|-SA)?)-(\d\.\d)")
_SENTENCE_CODES: Final = {"badge": "", "badge-docs": "in the documentation", "ui-badge": "in the user interface"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """A dataset that another one comes from."""

    dataset: Dataset
    way: str
    """Where it stands, as duties name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One credit."""

    dataset: str
    way: str
    """The ancestor that brings it, with the way; empty where the dataset itself does."""
    asked_by: tuple[str, ...]
    """Licences and terms."""
    license_expression: str
    title: str
    creator: str
    source: str
    license_links: tuple[str, ...]
    changes: str
    notice: str
    citation: str
    gaps: tuple[str, ...]
    """What the licences ask a credit to hold and nobody recorded."""

    @property
    def line(self) -> str:
        """Return the credit in one line: title, creator, source, licence, changes, with each gap in its place."""
        parts = (
            self.title or f"[{TITLE} not recorded]",
            f"by {self.creator or f'[{CREATOR} not recorded]'}",
            f"({self.source or f'[{SOURCE} not recorded]'}),",
            f"licence: {self.license_expression or '[not recorded]'}",
            f"({', '.join(self.license_links) or f'[{LICENSE_LINK} not recorded]'}).",
            f"Changes: {self.changes or '[not recorded]'}.",
        )
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredSentence:
    """Words that somebody has to show."""

    choices: tuple[str, ...]
    """One of these, as written."""
    where: str
    asked_by: tuple[str, ...]


def build_credits(record: AuditRecord, ancestors: Mapping[str, Sequence[Ancestry]] | None = None) -> tuple[Credit, ...]:
    """Return every credit that licences and terms of an audit's data ask for, by dataset and way.

    Args:
        record: The audit.
        ancestors: What each dataset comes from; ``None`` where nobody looked, so that credits of ancestors have gaps.
    """
    asked: dict[tuple[str, str], list[AskedDuty]] = {}
    for duty in record.duties:
        if duty.code.partition(":")[0] in _CREDIT_CODES:
            asked.setdefault((duty.dataset, duty.place), []).append(duty)
    own = {s.dataset.name: s.dataset for s in record.datasets}
    found = []
    for (name, way), duties in sorted(asked.items()):
        facts = own.get(name) if not way else _ancestor(way, (ancestors or {}).get(name, ()))
        found.append(_credit(name, way, duties, facts))
    return tuple(found)


def unknown_licenses(record: AuditRecord) -> tuple[str, ...]:
    """Return the datasets of which nobody knows whether their licence asks for a credit."""
    return tuple(sorted(s.dataset.name for s in record.datasets if is_absent(s.dataset.license.effective)))


def required_sentences(record: AuditRecord) -> tuple[RequiredSentence, ...]:
    """Return the sentences that terms and licences ask to be shown, such as ``Built with Llama``, each once."""
    found: dict[tuple[str, str], list[str]] = {}
    for duty in record.duties:
        kind, _, words = duty.code.partition(":")
        if kind in _SENTENCE_CODES and words.strip():
            found.setdefault((words.strip(), _SENTENCE_CODES[kind]), []).append(duty.asked_by)
    return tuple(
        RequiredSentence(choices=tuple(w.strip() for w in words.split("|") if w.strip()), where=where, asked_by=tuple(dict.fromkeys(who)))
        for (words, where), who in sorted(found.items())
    )


def _ancestor(way: str, known: Sequence[Ancestry]) -> Dataset | None:
    return next((a.dataset for a in known if a.way == way), None)


def _credit(name: str, way: str, duties: Sequence[AskedDuty], facts: Dataset | None) -> Credit:
    asked = tuple(dict.fromkeys(d.asked_by for d in duties))
    if facts is None:
        gap = f"the facts of {way or name}: they are not in the audit; make the file in the workspace that holds them"
        return Credit(
            dataset=name,
            way=way,
            asked_by=asked,
            license_expression="",
            title="",
            creator="",
            source="",
            license_links=(),
            changes="",
            notice="",
            citation="",
            gaps=(gap,),
        )
    details, held = facts.details, facts.license.effective
    stated = {
        TITLE: facts.title,
        CREATOR: ", ".join(details.creators) or details.publisher,
        SOURCE: facts.source.url,
        CHANGES: "; ".join([*details.processing, *(f"rewritten by {g.provider} {g.model}" for g in facts.generators if g.role == "rewrite")]),
        NOTICE: details.rights.notice,
        TEXT: "",
        LICENSE_LINK: ", ".join(license_links(facts)),
    }
    known = {what: "" if is_absent(value) else value for what, value in stated.items()}
    needs = dict.fromkeys(need for id_ in _ids(held, asked) for need in needs_of(id_))
    gaps = tuple(what for what in needs if not known[what])
    return Credit(
        dataset=name,
        way=way,
        asked_by=asked,
        license_expression="" if is_absent(held) else held,
        title=known[TITLE],
        creator=known[CREATOR],
        source=known[SOURCE],
        license_links=license_links(facts),
        changes=known[CHANGES],
        notice=known[NOTICE],
        citation="" if is_absent(details.citation) else details.citation,
        gaps=tuple(_gap(what, held) for what in gaps),
    )


def needs_of(license_id: str) -> tuple[str, ...]:
    """Return what a credit under a licence holds.

    >>> needs_of("MIT"), needs_of("0BSD")
    (('copyright notice', "the licence's text"), ())
    """
    return next((needs for start, needs in _NEEDS if license_id.startswith(start)), _ATTRIBUTION)


def license_links(dataset: Dataset) -> tuple[str, ...]:
    """Return an address of each licence of a dataset: that of Creative Commons, of the SPDX list, else where the licence was read."""
    held = dataset.license.effective
    if is_absent(held):
        return ()
    found = [_address(id_) for id_ in _ids(held, ())]
    read = dataset.license.declared.evidence.url
    return tuple(dict.fromkeys([*(a for a in found if a), *([] if all(found) or is_absent(read) else [read])]))


def _ids(expression: str, otherwise: Sequence[str]) -> tuple[str, ...]:
    if is_absent(expression):
        return tuple(otherwise)
    try:
        return tuple(dict.fromkeys(one.id for one in iter_licenses(parse_expression(expression))))
    except ValueError:
        return (expression,)


def _address(license_id: str) -> str:
    if found := _CREATIVE_COMMONS.fullmatch(license_id):
        return f"https://creativecommons.org/licenses/{found[1].lower()}/{found[2]}/"
    listed = listed_id(license_id)
    return "" if listed is None else listed_licenses()[listed].url


def _gap(what: str, held: str) -> str:
    if what == TEXT:
        names = ", ".join(i for i in _ids(held, ()) if TEXT in needs_of(i))
        return f"{TEXT} ({names}): put it beside this file"
    fields = {TITLE: "title", CREATOR: "details.creators", SOURCE: "source.url", CHANGES: "details.processing", NOTICE: "details.rights.notice"}
    field = fields.get(what, "license.url")
    return f"{what}: state {field} in datasets.yaml"


def iter_gaps(credits_: Sequence[Credit]) -> Iterator[str]:
    """Yield every gap with its dataset."""
    for credit in credits_:
        where = f"{credit.dataset} ({credit.way})" if credit.way else credit.dataset
        yield from (f"{where}: {gap}" for gap in credit.gaps)
