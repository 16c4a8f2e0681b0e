"""Waivers: named, justified, approved, expiring exceptions to one rule on one subject."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from provenance.canonical import digest_of
from provenance.documents import load_document, nearest
from provenance.errors import DocumentError, WaiverError, WireFormatError
from provenance.model.finding import Subject, SubjectKind, Waiver
from provenance.model.wire import read_value, to_wire
from provenance.policy.facts import SubjectFacts

WAIVERS_FORMAT = "provenance.waivers"
WAIVERS_VERSION = 1
_KEYS = ("id", "rule", "subject", "reason", "comment", "requested_by", "approved_by", "created", "expires")


class WaiverReason(StrEnum):
    """Why an exception is justified."""

    LICENSED = "licensed"
    """A licence or permission was obtained; the comment says where it is kept."""
    FALSE_POSITIVE = "false-positive"
    """The finding is wrong."""
    RISK_ACCEPTED = "risk-accepted"
    """The finding is right, and the approver takes the risk."""
    LEGAL_EXCEPTION = "legal-exception"
    """A statutory exception applies."""
    REMEDIED = "remedied"
    """Mended in a way that the facts do not show yet."""


class WaiverState(StrEnum):
    """What became of a waiver in an evaluation."""

    APPLIED = "applied"
    UNUSED = "unused"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverUse:
    """A waiver and what became of it."""

    waiver: Waiver
    state: WaiverState


class Waivable(Protocol):
    """What a waiver needs to know of a rule."""

    @property
    def waivable(self) -> bool:
        """Whether the rule permits exceptions."""


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a file of waivers.

    Raises:
        WaiverError: Naming file and waiver: malformed, without expiry, approved by its own requester, a reason outside the list, an id given twice.
    """
    try:
        raw, _ = load_document(path, max_bytes=8 << 20)
    except DocumentError as err:
        raise WaiverError(str(err)) from err
    if not isinstance(raw, dict) or raw.get("format") != WAIVERS_FORMAT or raw.get("version") != WAIVERS_VERSION:
        raise WaiverError(f"{path}: expected format: {WAIVERS_FORMAT} and version: {WAIVERS_VERSION}")
    if unknown := sorted(set(raw) - {"format", "version", "waivers"}):
        raise WaiverError(f"{path}: unknown key {unknown[0]!r}", hint="known: format, version, waivers")
    items = raw.get("waivers")
    if not isinstance(items, list):
        raise WaiverError(f"{path}: waivers must be a list")
    waivers = tuple(parse_waiver(item, where=f"{path}: waivers[{i}]") for i, item in enumerate(items))
    ids = [waiver.id for waiver in waivers]
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        raise WaiverError(f"{path}: waiver {repeated[0]!r} is given twice")
    return waivers


def parse_waiver(raw: object, *, where: str) -> Waiver:
    """Return one checked waiver.

    Raises:
        WaiverError: If it is malformed or approves itself.
    """
    if isinstance(raw, dict):
        if unknown := [k for k in raw if k not in _KEYS]:
            raise WaiverError(f"{where}: unknown key {unknown[0]!r}", hint=nearest(str(unknown[0]), _KEYS))
        if "expires" not in raw:
            raise WaiverError(f"{where}: expires is missing", hint="every waiver ends: expires: YYYY-MM-DD, the last UTC day it holds")
        raw = {"comment": "", **raw}
    try:
        waiver = read_value(Waiver, raw, where=where)
    except WireFormatError as err:
        raise WaiverError(str(err)) from err
    _check(waiver, where)
    return waiver


def _check(waiver: Waiver, where: str) -> None:
    for name in ("id", "rule", "requested_by", "approved_by"):
        if not str(getattr(waiver, name)).strip():
            raise WaiverError(f"{where}: {name} is empty")
    if _same_person(waiver.requested_by, waiver.approved_by):
        raise WaiverError(f"{where}: approved by its own requester {waiver.approved_by!r}", hint="somebody else must approve it")
    if waiver.reason not in set(WaiverReason):
        raise WaiverError(f"{where}: reason {waiver.reason!r}", hint=nearest(waiver.reason, list(WaiverReason)))
    expires, created = _day(waiver.expires, f"{where}: expires"), _day(waiver.created[:10], f"{where}: created")
    if expires < created:
        raise WaiverError(f"{where}: expires {waiver.expires}, before it was created {waiver.created}")


def _same_person(name: str, other: str) -> bool:
    """Compare names as people read them: case, width, spaces and characters without a shape make nobody somebody else."""

    def shown(text: str) -> str:
        folded = unicodedata.normalize("NFKC", text).casefold()
        return "".join(c for c in folded if unicodedata.category(c)[0] not in {"C", "Z"})

    return shown(name) == shown(other)


def _day(text: str, where: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as err:
        raise WaiverError(f"{where}: {text!r} is not a day YYYY-MM-DD") from err
    if day.isoformat() != text:
        raise WaiverError(f"{where}: {text!r} is not a day YYYY-MM-DD")
    return day


class WaiverBook:
    """The waivers of one evaluation, and what becomes of each.

    A waiver touches only its rule and its subject (kind, id and digest all equal). It holds until the end of its last UTC day.
    """

    def __init__(self, waivers: Sequence[Waiver], *, rules: Mapping[str, Waivable], today: str) -> None:
        """Open the book.

        Args:
            waivers: As loaded.
            rules: By id, to refuse waivers of rules that permit none.
            today: ``YYYY-MM-DD``, UTC.
        """
        self._waivers = tuple(waivers)
        self._states = {waiver.id: _state(waiver, rules, today) for waiver in waivers}
        self._usable: dict[tuple[str, Subject], Waiver] = {}
        for waiver in waivers:
            if self._states[waiver.id] is WaiverState.UNUSED:
                self._usable.setdefault((waiver.rule, waiver.subject), waiver)

    def find(self, rule: str, subject: Subject) -> str | None:
        """Return the id of the waiver that covers what a rule finds of a subject, and remember that it was of use; ``None`` where none does."""
        found = self._usable.get((rule, subject)) if self._usable else None
        if found is None:
            return None
        self._states[found.id] = WaiverState.APPLIED
        return found.id

    def uses(self) -> tuple[WaiverUse, ...]:
        """Return what became of every waiver so far."""
        return tuple(WaiverUse(waiver=w, state=self._states[w.id]) for w in self._waivers)


def _state(waiver: Waiver, rules: Mapping[str, Waivable], today: str) -> WaiverState:
    if today > waiver.expires:  # both are YYYY-MM-DD, so text order is time order
        return WaiverState.EXPIRED
    if waiver.created[:10] > today:
        return WaiverState.REFUSED
    rule = rules.get(waiver.rule)
    if rule is not None and not rule.waivable:
        return WaiverState.REFUSED
    return WaiverState.UNUSED


def waiver_facts(uses: Sequence[WaiverUse]) -> tuple[SubjectFacts, ...]:
    """Return the facts that rules for waivers read."""
    return tuple(
        SubjectFacts(
            subject=Subject(kind=SubjectKind.WAIVER, id=use.waiver.id, digest=digest_of(to_wire(use.waiver))),
            values=(
                ("id", use.waiver.id),
                ("rule", use.waiver.rule),
                ("subject", use.waiver.subject.id),
                ("state", use.state.value),
                ("expires", use.waiver.expires),
            ),
        )
        for use in uses
    )
