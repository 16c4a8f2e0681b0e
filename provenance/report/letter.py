"""The customer letter: one page, in plain words, on what was checked of a model's training data, by whom, when, with which outcome, and what is not promised.

Rules this module keeps: a letter says nothing that is not recorded, and every sentence names the record that it rests on by its digest; a run that was not
cleared, or that somebody let pass by break-glass, gets no letter; the same record, addressee and clearance give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.audit.impact import IssuedClearance
from provenance.audit.naming import FROM_NOTHING
from provenance.canonical import digest_bytes
from provenance.errors import InputError
from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord
from provenance.model.finding import Action, VerdictKind, verdict_of
from provenance.model.wire import to_wire
from provenance.report.html import render_page
from provenance.report.notices import plain
from provenance.report.record_json import read_format, render_json, render_value
from provenance.report.wording import clip, count

LETTER_FORMAT: Final = "provenance.letter"
LETTER_VERSION: Final = 1
DATA_FILE, PAGE_FILE, TEXT_FILE = "letter.json", "letter.html", "letter.md"
_TEMPLATE: Final = "letter.html.j2"
_SHOWN_LIMITS: Final = 5
_NAME_ROOM: Final = 120
_NAMED_POLICIES: Final = 4
_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")
CHECK_LINE: Final = (
    "Where letter.dsse.json lies beside this page, it is signed by a key as well. Without a network, with the sender's trust file: "
    "provenance report verify FOLDER --trust FILE."
)
_FIXED_LIMITS: Final = (
    "It does not say what the model will write, nor that its output is free of others' rights.",
    "It is not legal advice, and no warranty beyond what a contract gives.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of the letter."""

    text: str
    source: str
    """Name of the source that it rests on; see ``LetterSource``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSource:
    """A record that sentences rest on."""

    name: str
    what: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterClearance:
    """The clearance that the letter speaks of."""

    issued: IssuedClearance
    revocations: str
    """What a look at the revocation list said, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a run gets no letter."""

    verdict: VerdictKind
    """BLOCKED also where the run was let pass by break-glass."""
    reason: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """All that a letter says."""

    to: str
    sender: str
    model: str
    audit: str
    """Id of the audit."""
    as_of: str
    """Day of the audit, which every sentence is as of."""
    checked: tuple[Sentence, ...]
    outcome: tuple[Sentence, ...]
    not_promised: tuple[Sentence, ...]
    sources: tuple[LetterSource, ...]
    format: str = LETTER_FORMAT
    version: int = LETTER_VERSION


def letter_refusal(record: AuditRecord, issued: IssuedClearance | None) -> Refusal | None:
    """Return why a run gets no letter, ``None`` where it gets one.

    Args:
        record: The audit, with the break-glass clearances of its run.
        issued: A clearance of this audit that is not by break-glass, ``None`` where there is none.
    """
    name, verdicts = record.run.model.name, {record.verdict, verdict_of(record.findings)}
    if record.broken_glass:
        last = record.broken_glass[-1]
        return Refusal(
            verdict=VerdictKind.BLOCKED,
            reason=f"a run of {name} was let pass by break-glass on {last.at[:10]}, approved by {last.approver}, though its audit did not clear it",
            hint="the report of the audit tells what was let pass: provenance report make",
        )
    if VerdictKind.BLOCKED in verdicts:
        return Refusal(verdict=VerdictKind.BLOCKED, reason=f"the audit of {name} is BLOCKED", hint="mend what it found: provenance findings list")
    if VerdictKind.REVIEW in verdicts and issued is None:
        return Refusal(
            verdict=VerdictKind.REVIEW,
            reason=f"the audit of {name} needs a reviewer, and no clearance was issued after a review",
            hint="release it: provenance review release; then: provenance clear",
        )
    if record.totals.shards_judged != record.totals.shards_named or not record.totals.shards_named:
        told = f"{record.totals.shards_judged:,} of {record.totals.shards_named:,} files of {name} were judged"
        return Refusal(verdict=VerdictKind.BLOCKED, reason=f"only {told}", hint="audit the run again")
    return None


def build_letter(record: AuditRecord, *, to: str, digest: str = "", clearance: LetterClearance | None = None) -> Letter:
    """Return the letter on an audit that gets one.

    Args:
        record: The audit.
        to: Whom it is for.
        digest: Digest of the audit record as it is stored; that of ``record`` otherwise.
        clearance: The clearance that was issued for it, if any.

    Raises:
        InputError: If the addressee is empty or too long.
    """
    name = " ".join(to.split())
    if not name or len(name) > _NAME_ROOM:
        raise InputError(f"the addressee holds {len(name)} characters, expected 1 to {_NAME_ROOM}", hint="name the customer: --to NAME")
    return Letter(
        to=name,
        sender=_stated(record.run.organization.name, "an organisation that the run file does not name"),
        model=record.run.model.name,
        audit=record.id,
        as_of=record.created[:10],
        checked=tuple(_checked(record)),
        outcome=tuple(_outcome(record, clearance)),
        not_promised=tuple(_not_promised(record)),
        sources=tuple(_sources(record, digest or digest_bytes(render_json(record)[:-1]), clearance)),
    )


def _checked(record: AuditRecord) -> Iterator[Sentence]:
    run, totals = record.run, record.totals
    sender, base = _stated(run.organization.name, "The organisation, which the run file does not name,"), run.model.base
    if base == FROM_NOTHING:
        start = "starts from no other model"
    else:
        start = (
            "starts from a model that is not named"
            if base is None or is_absent(base)
            else f"starts from {base}, whose own training data were not checked"
        )
    use = f" It is meant for {run.purpose.use}." if not is_absent(run.purpose.use) else ""
    yield Sentence(text=f"{sender} plans to train the model {run.model.name}, which {start}.{use}", source="run")
    yield Sentence(
        text=f"On {record.created[:10]}, all {count(totals.shards_judged, 'file')} of {count(totals.datasets, 'dataset')} that it is to be trained on were "
        f"checked: {count(totals.records, 'record')}, {count(totals.words, 'word')}. The check was made by the program provenance, version {record.tool.version}, "
        f"and asked for by {_stated(run.requested_by, 'somebody whom the run file does not name')}.",
        source="audit",
    )
    if record.references:
        texts = sum(r.references for r in record.references)
        yield Sentence(
            text=f"The data were compared with {count(texts, 'text')} in {count(len(record.references), 'set')} of known works and model outputs: "
            f"{count(totals.alarms, 'shared passage')} remained that nothing explains.",
            source="audit",
        )
    else:
        yield Sentence(text="The data were compared with no known works or model outputs: no set of them was given.", source="audit")
    rules = sum(len(p.rules) for p in record.policy)
    named = [f"{p.bundle} {p.version}" for p in record.policy]
    more = f" and {len(named) - _NAMED_POLICIES} more" if len(named) > _NAMED_POLICIES else ""
    yield Sentence(
        text=f"They were judged by {count(rules, 'rule')} of {count(len(named), 'policy', 'policies')}: {', '.join(named[:_NAMED_POLICIES]) or 'none'}{more}.",
        source="policy",
    )


def _outcome(record: AuditRecord, clearance: LetterClearance | None) -> Iterator[Sentence]:
    totals = record.totals
    if record.verdict is VerdictKind.REVIEW:
        yield Sentence(text="The verdict asked for a reviewer, and a clearance was issued after the review.", source="audit")
    else:
        yield Sentence(
            text=f"The verdict is {record.verdict.value}: no rule that denies, or that asks for a reviewer, was left open.", source="audit"
        )
    open_warnings = sum(f.size for f in record.findings if f.is_open and f.action is Action.WARN)
    waived = "no finding was" if not totals.waived else f"{count(totals.waived, 'finding')} {'was' if totals.waived == 1 else 'were'}"
    warned = "No warning is" if not open_warnings else f"{count(open_warnings, 'warning')} {'is' if open_warnings == 1 else 'are'}"
    yield Sentence(text=f"{warned} open, and {waived} set aside by a named person's waiver.", source="audit")
    if record.duties:
        asked = len({(d.code, d.asked_by) for d in record.duties})
        yield Sentence(
            text=f"Licences and terms of the data ask for {count(asked, 'thing')} in return; the notices of the model list them.", source="audit"
        )
    if clearance is None:
        yield Sentence(text="No clearance has been issued for this audit.", source="audit")
        return
    found = clearance.issued
    yield Sentence(
        text=f"Clearance {found.statement or 'without a recorded id'} was issued on {found.issued[:10]} and ends on {found.expires}. {clearance.revocations}",
        source="clearance",
    )
    yield Sentence(
        text=f"It holds for exactly the files whose list has the digest {found.manifest_root}. A file that is added or changed is not covered.",
        source="clearance",
    )


def _not_promised(record: AuditRecord) -> Iterator[Sentence]:
    for limit in record.limits[:_SHOWN_LIMITS]:
        yield Sentence(text=clip(limit, 240), source="audit")
    if (left := len(record.limits) - _SHOWN_LIMITS) > 0:
        yield Sentence(text=f"{count(left, 'more limit')} of the check stand in the audit.", source="audit")
    for text in _FIXED_LIMITS:
        yield Sentence(text=text, source="letter")


def _sources(record: AuditRecord, digest: str, clearance: LetterClearance | None) -> Iterator[LetterSource]:
    yield LetterSource(name="audit", what=f"audit record of {record.created}", digest=digest)
    yield LetterSource(name="run", what="run file, as the audit read it", digest=record.run.digest)
    yield from (LetterSource(name="policy", what=f"policy {p.bundle} {p.version}", digest=p.digest) for p in record.policy)
    if clearance is not None:
        yield LetterSource(
            name="clearance", what="clearance, by the registry's log", digest=clearance.issued.statement or clearance.issued.manifest_root
        )
    yield LetterSource(
        name="letter", what="the general limits of such letters, the same in each", digest=digest_bytes("\n".join(_FIXED_LIMITS).encode())
    )


def _stated(value: str, otherwise: str) -> str:
    return otherwise if is_absent(value) else value


def letter_json(letter: Letter) -> bytes:
    """Return the letter as canonical JSON: these bytes are what a signature covers."""
    return render_value(to_wire(letter), where="letter")


def read_letter(raw: bytes, *, where: str) -> Letter:
    """Return the letter that JSON bytes hold.

    Raises:
        ReportError: If they hold none, or one of another version.
    """
    return read_format(Letter, raw, name=LETTER_FORMAT, version=LETTER_VERSION, where=where)


def letter_files(letter: Letter, *, templates: Path | None = None) -> dict[str, bytes]:
    """Return the documents of a letter by file name: all of them are views of the value alone.

    Raises:
        ReportError: If a page cannot be made.
    """
    return {DATA_FILE: letter_json(letter), PAGE_FILE: letter_html(letter, templates=templates), TEXT_FILE: letter_markdown(letter)}


def letter_html(letter: Letter, *, templates: Path | None = None) -> bytes:
    """Return the letter as one self-contained page.

    Raises:
        ReportError: If a template is missing, broken, or uses a name that does not exist.
    """
    found = _ID.fullmatch(letter.audit)
    foot = f"Letter on audit {found.group(1)[:12]}" if found else "Letter on an audit"
    numbers = _numbers(letter)
    values = {"letter": letter, "numbers": numbers, "digest": digest_bytes(letter_json(letter)), "check_line": CHECK_LINE}
    return render_page(_TEMPLATE, values, foot=foot, templates=templates)


def letter_markdown(letter: Letter) -> bytes:
    """Return the letter as Markdown; what comes from records is written so that Markdown takes it for plain text."""
    return ("\n".join(_markdown(letter)).rstrip() + "\n").encode("utf-8", "replace")


def _markdown(letter: Letter) -> Iterator[str]:
    numbers = _numbers(letter)
    yield f"# On the training data of {plain(letter.model)}"
    yield ""
    yield f"To {plain(letter.to)}, from {plain(letter.sender)}. Facts as of {plain(letter.as_of)}."
    for title, sentences in (
        ("What was checked", letter.checked),
        ("The outcome", letter.outcome),
        ("What this letter does not promise", letter.not_promised),
    ):
        yield from ("", f"## {title}", "")
        yield from (f"- {plain(s.text)} ({', '.join(str(n) for n in numbers[s.source])})" for s in sentences)
    yield from ("", "## Where each sentence comes from", "")
    yield from (f"{i}. {plain(s.what)}: {plain(s.digest)}" for i, s in enumerate(letter.sources, start=1))
    yield from (
        "",
        "## Signed",
        "",
        "Name, role:",
        "",
        "Date, signature:",
        "",
        CHECK_LINE,
        "",
        f"Digest of letter.json: {digest_bytes(letter_json(letter))}",
    )


def _numbers(letter: Letter) -> dict[str, tuple[int, ...]]:
    """Return the numbers of the sources that each name stands for."""
    found: dict[str, tuple[int, ...]] = {s.source: () for s in (*letter.checked, *letter.outcome, *letter.not_promised)}
    for number_, source in enumerate(letter.sources, start=1):
        found[source.name] = (*found.get(source.name, ()), number_)
    return found
