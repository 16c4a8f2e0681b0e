"""Record demands that something be kept out of training data, and withdraw them. What is recorded is normalised, and refused where it cannot be looked for."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.documents import nearest
from provenance.errors import InputError, NotRegisteredError
from provenance.fingerprint.addresses import MAX_ADDRESS, is_public_suffix, read_address, read_host
from provenance.fingerprint.digest import is_digest
from provenance.fingerprint.names import MAX_NAME, person_key, title_key
from provenance.model.absence import Absence
from provenance.model.exclusion import Demand, DemandBasis, DemandKind, RecordedDemand, Withdrawal
from provenance.model.match import ReadProblem
from provenance.model.wire import to_wire
from provenance.storage.secrets import find_written_secret
from provenance.storage.urls import CREDENTIALS_HINT

Word = TypeVar("Word", bound=StrEnum)
MAX_TEXT = 2_000
"""Characters of a comment, a ticket, a name."""
FEWEST_DIGITS = 6
"""Digits by which a demand is named."""
ALL_BELOW = "/*"
_STORED_AT_ONCE = 1_000
_STEERING = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandFields:
    """A demand as somebody wrote it."""

    kind: str
    value: str
    demanded_by: str
    basis: str
    received: str = ""
    """``YYYY-MM-DD``; today where it is not said."""
    dataset: str = ""
    ticket: str = ""
    evidence_url: str = ""
    evidence_sha256: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of demands that were to be recorded."""

    new: tuple[Demand, ...] = ()
    known: tuple[Demand, ...] = ()
    """Those that hold already: nothing was changed."""
    problems: tuple[ReadProblem, ...] = ()


def record_demands(rows: Iterable[tuple[int, DemandFields | str]], tools: Tools, *, where: str) -> Recorded:
    """Record demands, a thousand a unit of work. A row that cannot be used is a problem, and the others are recorded all the same.

    Args:
        rows: (line, what somebody wrote) or (line, why it cannot be read).
        tools: Opens the registry, tells the time.
        where: The file, for messages.
    """
    found, problems, waiting = _Found.of(tools), list[ReadProblem](), list[tuple[Demand, bool]]()
    for line, fields in rows:
        try:
            waiting.append((_parsed(fields, today=tools.clock.now()[:10]), isinstance(fields, DemandFields) and not fields.received))
        except InputError as err:
            problems.append(ReadProblem(path=where, line=line, record=None, message=f"{err}; {err.hint}" if err.hint else str(err)))
        if len(waiting) >= _STORED_AT_ONCE:
            _store(waiting, found, tools)
            waiting = []
    _store(waiting, found, tools)
    return Recorded(new=tuple(found.new), known=tuple(found.known), problems=tuple(problems))


def _parsed(fields: DemandFields | str, *, today: str) -> Demand:
    if isinstance(fields, str):
        raise InputError(fields)
    return parse_demand(fields, today=today)


def record_demand(fields: DemandFields, tools: Tools) -> Recorded:
    """Record one demand.

    Raises:
        InputError: If it cannot be used.
    """
    found = _Found.of(tools)
    _store([(parse_demand(fields, today=tools.clock.now()[:10]), not fields.received)], found, tools)
    return Recorded(new=tuple(found.new), known=tuple(found.known))


@dataclass(slots=True)
class _Found:
    held: dict[tuple[object, ...], Demand]
    """Demands that hold, by all but the day."""
    new: list[Demand] = field(default_factory=list)
    known: list[Demand] = field(default_factory=list)

    @classmethod
    def of(cls, tools: Tools) -> _Found:
        """Begin with what is recorded."""
        with tools.units.read() as registry:
            return cls({_undated(d.demand): d.demand for d in registry.demands(open_only=True)})


def _store(parsed: Sequence[tuple[Demand, bool]], found: _Found, tools: Tools) -> None:
    """Record demands in one unit; of one that does not say when it was received, an open one of any day is the same."""
    if not parsed:
        return
    new: list[Demand] = []
    with tools.units.begin(actor=tools.actor, action="exclude add", reason=_reason([d for d, _ in parsed])) as registry:
        for plain, undated in parsed:
            demand = replace(plain, at=tools.clock.now(), actor=tools.actor)
            same = found.held.get(_undated(demand)) if undated else None
            if same is None and registry.add_demand(demand):
                found.held[_undated(demand)] = demand
                new.append(demand)
            else:
                found.known.append(same or demand)
    found.new += new


def _reason(demands: Sequence[Demand]) -> str:
    first = demands[0]
    return f"{first.kind} {first.value}"[:200] if len(demands) == 1 else f"{len(demands)} demands"


def _undated(demand: Demand) -> tuple[object, ...]:
    return tuple(to_wire(replace(demand, id="", given="", received="", at="", actor="")).values())


def withdraw(name: str, reason: str, tools: Tools) -> RecordedDemand:
    """Record that a demand no longer holds, and return it.

    Raises:
        InputError: If no reason is given, or the name fits several demands.
        NotRegisteredError: If there is no such demand.
        ConflictError: If it is withdrawn already.
    """
    said = read_line(reason, "reason")
    if not said:
        raise InputError("a withdrawal needs a reason", hint="such as: --reason 'the author withdrew the request, mail of 2026-11-30'")
    with tools.units.begin(actor=tools.actor, action="exclude withdraw", reason=said[:200]) as registry:
        found = find_demand(registry.demands(), name)
        withdrawal = Withdrawal(reason=said, at=tools.clock.now(), actor=tools.actor)
        registry.withdraw_demand(found.demand.id, withdrawal)
    return replace(found, withdrawal=withdrawal)


def find_demand(demands: Sequence[RecordedDemand], name: str) -> RecordedDemand:
    """Return the demand whose id begins so, of several recordings of one the last.

    Raises:
        InputError: If the name is too short, or fits several demands.
        NotRegisteredError: If there is none.
    """
    digits = name.strip().lower().removeprefix("sha256:")
    if len(digits) < FEWEST_DIGITS or not re.fullmatch(r"[0-9a-f]+", digits):
        raise InputError(f"{name[:80]!r} names no demand: expected {FEWEST_DIGITS} or more digits of its id", hint="see: provenance exclude list")
    found = {d.demand.id: d for d in demands if d.demand.id.removeprefix("sha256:").startswith(digits)}
    if len(found) > 1:
        raise InputError(f"{name!r} begins {len(found)} demands", hint="give more digits")
    if not found:
        raise NotRegisteredError(f"no demand begins with {name!r}", hint="see: provenance exclude list --all")
    return next(iter(found.values()))


def demands_digest(demands: Iterable[Demand]) -> str:
    """Return the digest of the demands that hold, by which an audit says which it knew; empty where none holds."""
    ids = sorted({d.id for d in demands})
    return digest_of(ids) if ids else ""


def parse_demand(fields: DemandFields, *, today: str) -> Demand:
    """Return the demand that somebody wrote, normalised.

    Args:
        fields: What was written.
        today: ``YYYY-MM-DD``: what is said to be received later is refused.

    Raises:
        InputError: If it names nothing that can be looked for, or a part of it cannot be used.
    """
    kind = _word(fields.kind, DemandKind, "kind")
    given = _value(fields.value, kind)
    if fields.dataset and kind is not DemandKind.RECORD_ID:
        raise InputError(f"a dataset is named, and {kind} is no id of its records", hint="only record-id may be limited to a dataset")
    plain = Demand(
        id="",
        kind=kind,
        value=_READERS[kind](given),
        given=given,
        dataset=read_line(fields.dataset, "dataset"),
        demanded_by=_required(fields.demanded_by, "who demands it", "--by 'NAME'"),
        received=_day(fields.received or today, today),
        basis=_word(fields.basis, DemandBasis, "basis"),
        ticket=read_line(fields.ticket, "ticket"),
        evidence_url=read_line(fields.evidence_url, "evidence URL") or Absence.NOT_STATED.value,
        evidence_sha256=_digest(fields.evidence_sha256) if fields.evidence_sha256 else Absence.NOT_STATED.value,
        comment=read_line(fields.comment, "comment"),
    )
    if plain.basis is DemandBasis.OTHER and not plain.comment:
        raise InputError("basis other says nothing by itself", hint="say what it rests on: --comment '…'")
    content = {k: v for k, v in to_wire(plain).items() if k not in {"id", "given", "at", "actor"}}
    return replace(plain, id=digest_of(content))


def _word(text: str, words: type[Word], what: str) -> Word:
    try:
        return words(text.strip().lower().replace("_", "-"))
    except ValueError:
        hint = nearest(text[:80], [w.value for w in words])
        raise InputError(f"{what} {text[:80]!r} is not one of {', '.join(w.value for w in words)}", hint=hint) from None


def _value(text: str, kind: DemandKind) -> str:
    value = read_line(text, f"{kind} value", MAX_ADDRESS if kind is DemandKind.URL else MAX_TEXT)
    if not value:
        raise InputError(f"the {kind} is empty", hint="name what must go")
    return value


def read_line(text: str, what: str, most: int = MAX_TEXT) -> str:
    """Return a text of one line, in NFC.

    Raises:
        InputError: If it is too long, holds what steers a terminal or is no character, or a credential.
    """
    if len(text) > most:
        raise InputError(f"the {what} has {len(text):,} characters, more than {most:,}", hint="put long text in a file and name it with --evidence")
    text = unicodedata.normalize("NFC", text.strip())
    odd = next((c for c in text if unicodedata.category(c) in _STEERING or c in _BIDI), None)
    if odd is not None:
        raise InputError(f"the {what} holds the control character U+{ord(odd):04X}", hint="write it in one line of plain text")
    if (found := find_written_secret(text)) is not None:
        raise InputError(f"the {what} holds {found}", hint=CREDENTIALS_HINT)
    return text


def _required(text: str, what: str, option: str) -> str:
    said = read_line(text, what)
    if not said:
        raise InputError(f"nobody says {what}", hint=f"say it: {option}")
    return said


def _day(text: str, today: str) -> str:
    try:
        day = dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise InputError(f"received {text[:40]!r} is no day", hint="write it as 2026-11-30") from None
    if day > today:
        raise InputError(f"received {day} lies in the future, today is {today} UTC", hint="mend the day")
    return day


def _read_domain(text: str) -> str:
    host = read_host(text.removeprefix("*.").removeprefix(".")) if "/" not in text else None
    if host is None:
        address = read_address(text)
        if address is None or "/" in address.page or address.query:
            hint = "a page is named with --url" if address is not None else "such as: example.com"
            raise InputError(f"{text[:80]!r} is no domain", hint=hint)
        host = address.host
    if is_public_suffix(host):
        raise InputError(f"{host} is no domain of anybody: everybody registers names below it", hint="name the whole domain, such as example.com")
    site = host.removeprefix("www.")
    return host if is_public_suffix(site) else site  # who names the site's www means the site


def _read_url(text: str) -> str:
    address = read_address(text.removesuffix(ALL_BELOW))
    if address is None:
        raise InputError(
            f"{text[:80]!r} is no address of a page", hint="such as: https://example.com/page, or https://example.com/blog/* for all below"
        )
    if is_public_suffix(address.host):
        raise InputError(f"{address.host} is no domain of anybody", hint="name the whole address, such as https://example.com/page")
    if text.endswith(ALL_BELOW) and address.query:
        raise InputError("a page with parameters has nothing below it", hint="leave out the /* or what stands behind ?")
    return address.key + (ALL_BELOW if text.endswith(ALL_BELOW) else "")


def _read_work(text: str) -> str:
    if not title_key(text):
        raise InputError(
            f"{text[:80]!r} is neither a title nor the id of a reference, or has more than {MAX_NAME:,} characters", hint="give the title"
        )
    return text


def _read_author(text: str) -> str:
    if not person_key(text):
        raise InputError(f"{text[:80]!r} is no name, or has more than {MAX_NAME:,} characters", hint="such as: 'G. K. Chesterton'")
    return text


def _digest(text: str) -> str:
    digits = text.strip().lower().removeprefix("sha256:")
    if not is_digest(f"sha256:{digits}"):
        raise InputError(f"{text[:80]!r} is no SHA-256 digest: expected sha256: and 64 hex digits", hint="of a file: sha256sum FILE")
    return f"sha256:{digits}"


_READERS: Mapping[DemandKind, Callable[[str], str]] = {
    DemandKind.DOMAIN: _read_domain,
    DemandKind.URL: _read_url,
    DemandKind.WORK: _read_work,
    DemandKind.AUTHOR: _read_author,
    DemandKind.RECORD_ID: str,
    DemandKind.DIGEST: _digest,
}
