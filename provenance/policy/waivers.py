"""Waivers: named, justified, approved, expiring exceptions to one rule on one subject."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from provenance.canonical import digest_of
from provenance.documents import nearest
from provenance.errors import DocumentError, WaiverError, WireFormatError
from provenance.fingerprint.digest import is_digest
from provenance.fingerprint.persons import is_same_person
from provenance.model.absence import is_absent
from provenance.model.finding import Subject, SubjectKind, Waiver
from provenance.model.waiving import ApprovalSignature, SignedWaiver
from provenance.model.wire import read_value, to_wire
from provenance.policy.facts import SubjectFacts
from provenance.policy.placed import load_placed, with_place

WAIVERS_FORMAT = "provenance.waivers"
WAIVERS_VERSION = 1
MAX_DAYS = 366
"""Days that a waiver may hold from the day it is made: what is asked for longer is asked for again."""
_NAME = re.compile(r"\w[\w.:/+@-]{0,127}")
_RULE = re.compile(r"[A-Z][A-Z0-9-]{1,31}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
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
    why: str
    """In words: why it was not applied, or that it was."""


class Waivable(Protocol):
    """What a waiver needs to know of a rule."""

    @property
    def waivable(self) -> bool:
        """Whether the rule permits exceptions."""


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a file of waivers, their signatures aside: what asks whether a waiver counts reads them with ``load_signed_waivers``.

    Raises:
        WaiverError: As ``load_signed_waivers``.
    """
    return tuple(item.waiver for item in load_signed_waivers(path))


def load_signed_waivers(path: Path) -> tuple[SignedWaiver, ...]:
    """Read a file of waivers with the signatures that they bear, not verified.

    Raises:
        WaiverError: With file, line, column and waiver: malformed, without expiry, approved by its own requester, a reason outside the list, an id given twice.
    """
    try:
        document = load_placed(path, max_bytes=8 << 20)
    except DocumentError as err:
        raise WaiverError(str(err), hint=err.hint) from err
    try:
        return _parse_file(document.value, path)
    except WaiverError as err:
        raise WaiverError(with_place(str(err), document, where=str(path)), hint=err.hint) from err


def _parse_file(raw: object, path: Path) -> tuple[SignedWaiver, ...]:
    if not isinstance(raw, dict) or raw.get("format") != WAIVERS_FORMAT or raw.get("version") != WAIVERS_VERSION:
        raise WaiverError(f"{path}: expected format: {WAIVERS_FORMAT} and version: {WAIVERS_VERSION}")
    if unknown := sorted(set(raw) - {"format", "version", "waivers"}):
        raise WaiverError(f"{path}: unknown key {unknown[0]!r}", hint="known: format, version, waivers")
    items = raw.get("waivers")
    if not isinstance(items, list):
        raise WaiverError(f"{path}: waivers must be a list")
    waivers = tuple(_parse_signed(item, where=f"{path}: waivers[{i}]", origin=path.name) for i, item in enumerate(items))
    ids = [item.waiver.id for item in waivers]
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        raise WaiverError(f"{path}: waiver {repeated[0]!r} is given twice")
    return waivers


def _parse_signed(raw: object, *, where: str, origin: str) -> SignedWaiver:
    if not isinstance(raw, dict) or "signature" not in raw:
        return SignedWaiver(waiver=parse_waiver(raw, where=where), origin=origin)
    try:
        signature = read_value(ApprovalSignature, raw["signature"], where=f"{where}.signature")
    except WireFormatError as err:
        raise WaiverError(str(err), hint="sign it with: provenance waivers add --key KEY --file FILE") from err
    return SignedWaiver(waiver=parse_waiver({k: v for k, v in raw.items() if k != "signature"}, where=where), signature=signature, origin=origin)


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
    check_waiver(waiver, where=where)
    return waiver


def check_waiver(waiver: Waiver, *, where: str) -> None:
    """Check what a waiver says of itself.

    Raises:
        WaiverError: If a part is empty, or its own requester approves it, or its days or its reason cannot be.
    """
    _check_names(waiver, where)
    _check_persons(waiver, where)
    if waiver.reason not in set(WaiverReason):
        raise WaiverError(f"{where}: reason {waiver.reason!r}", hint=nearest(waiver.reason, [reason.value for reason in WaiverReason]))
    if waiver.reason == WaiverReason.RISK_ACCEPTED and not _is_said(waiver.comment):
        raise WaiverError(f"{where}: a risk is accepted without a word of why", hint="say it in the comment")
    made = waiver.created[:10] if _TIME.fullmatch(waiver.created) else waiver.created
    expires, created = _day(waiver.expires, f"{where}: expires"), _day(made, f"{where}: created")
    if expires < created:
        raise WaiverError(f"{where}: expires {waiver.expires}, before it was created {waiver.created}")


def _check_names(waiver: Waiver, where: str) -> None:
    for name in ("id", "rule"):
        if not str(getattr(waiver, name)).strip():
            raise WaiverError(f"{where}: {name} is empty")
    if not _NAME.fullmatch(waiver.id):
        raise WaiverError(f"{where}: id {waiver.id[:80]!r} is no name", hint="letters, digits and . _ : / + @ -, such as W-2026-11")
    if not _RULE.fullmatch(waiver.rule):
        raise WaiverError(f"{where}: rule {waiver.rule[:80]!r} is no rule's id", hint="write it as the bundle does, such as R003")
    if not is_digest(waiver.subject.digest):
        raise WaiverError(
            f"{where}: the subject's digest {waiver.subject.digest[:80]!r} is not sha256: and 64 hex digits",
            hint="see: provenance findings show ID -f json",
        )


def _check_persons(waiver: Waiver, where: str) -> None:
    for name in ("requested_by", "approved_by"):
        said = str(getattr(waiver, name))
        if not said.strip():
            raise WaiverError(f"{where}: {name} is empty")
        if not _is_said(said):
            raise WaiverError(f"{where}: {name} is {said!r}, which names nobody", hint="a waiver names who asks for it and who approves it")
    if is_same_person(waiver.requested_by, waiver.approved_by):
        raise WaiverError(f"{where}: approved by its own requester {waiver.approved_by!r}", hint="somebody else must approve it")


def _is_said(text: str) -> bool:
    return bool(text.strip()) and not is_absent(text.strip().upper())


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

    A waiver touches only its rule and its subject (kind, id and digest all equal). It holds until the end of its last UTC day. Of several that cover one
    finding the one counts that holds longest, of these the first by id.
    """

    def __init__(self, waivers: Sequence[Waiver], *, rules: Mapping[str, Waivable], today: str, refused: Mapping[str, str] | None = None) -> None:
        """Open the book.

        Args:
            waivers: As loaded, each id once.
            rules: By id, to refuse waivers of rules that permit none.
            today: ``YYYY-MM-DD``, UTC.
            refused: Why some do not count whatever they say, by id.
        """
        self._waivers = tuple(waivers)
        self._uses = {w.id: WaiverUse(waiver=w, state=state, why=why) for w in waivers for state, why in (_state(w, rules, today, refused or {}),)}
        self._usable: dict[tuple[str, Subject], Waiver] = {}
        for waiver in sorted(waivers, key=lambda w: w.id):
            if self._uses[waiver.id].state is WaiverState.UNUSED:
                self._take(waiver)

    def find(self, rule: str, subject: Subject) -> str | None:
        """Return the id of the waiver that covers what a rule finds of a subject, and remember that it was of use; ``None`` where none does."""
        found = self._usable.get((rule, subject)) if self._usable else None
        if found is None:
            return None
        self._uses[found.id] = WaiverUse(waiver=found, state=WaiverState.APPLIED, why="it covers a finding")
        return found.id

    def uses(self) -> tuple[WaiverUse, ...]:
        """Return what became of every waiver so far."""
        return tuple(self._uses[w.id] for w in self._waivers)

    def _take(self, waiver: Waiver) -> None:
        key = (waiver.rule, waiver.subject)
        other = self._usable.get(key)
        if other is not None:
            kept, spare = (other, waiver) if other.expires >= waiver.expires else (waiver, other)
            self._uses[spare.id] = WaiverUse(waiver=spare, state=WaiverState.UNUSED, why=f"waiver {kept.id} covers the same until {kept.expires}")
            waiver = kept
        self._usable[key] = waiver


def _state(waiver: Waiver, rules: Mapping[str, Waivable], today: str, refused: Mapping[str, str]) -> tuple[WaiverState, str]:
    if waiver.id in refused:
        return WaiverState.REFUSED, refused[waiver.id]
    if today > waiver.expires:  # both are YYYY-MM-DD, so text order is time order
        return WaiverState.EXPIRED, f"it held until the end of {waiver.expires} UTC"
    if waiver.created[:10] > today:
        return WaiverState.REFUSED, f"it is dated in the future: {waiver.created[:10]}, and today is {today} UTC"
    limit = dt.date.fromisoformat(waiver.created[:10]) + dt.timedelta(days=MAX_DAYS)
    if waiver.expires > limit.isoformat():
        return WaiverState.REFUSED, f"it ends on {waiver.expires}, more than {MAX_DAYS} days after it was made: it can hold until {limit}"
    rule = rules.get(waiver.rule)
    if rule is not None and not rule.waivable:
        return WaiverState.REFUSED, f"{waiver.rule} permits none"
    return WaiverState.UNUSED, "it met no finding"


def is_told(use: WaiverUse, *, quiet: Collection[str]) -> bool:
    """Tell whether rules for waivers judge a waiver: of those in ``quiet``, which need not concern this run, only where one was applied."""
    return use.state is WaiverState.APPLIED or use.waiver.id not in quiet


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
                ("why", use.why),
            ),
        )
        for use in uses
    )
