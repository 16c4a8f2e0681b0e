"""What a run file states for the terms of others to be judged by: whom the model imitates, counts and revenue, approvals that providers gave."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from provenance.documents import nearest
from provenance.errors import RunDocumentError
from provenance.fingerprint.digest import is_digest
from provenance.licensing.terms_names import normalize_provider
from provenance.licensing.uses import Use
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.run import Organization, ProviderApproval, Purpose, Run

MAX_EVIDENCE_BYTES = 256 << 20
"""Largest file of evidence that is held against its digest."""
_UNKNOWN = Absence.UNKNOWN.value
_MAY_BE_UNKNOWN = {
    "purpose": ("imitates",),
    "organization": ("monthly_active_users", "monthly_active_users_at", "revenue"),
}
"""Fields that are no text; the word UNKNOWN in their place means that they are not stated."""


def spell_out(body: Mapping[str, object]) -> dict[str, object]:
    """Return a run document with YES and NO in the place of true and false, and without what it says is UNKNOWN."""
    found = {key: value for key, value in body.items() if key != "approvals" or value != _UNKNOWN}
    for part, names in _MAY_BE_UNKNOWN.items():
        given = found.get(part)
        if isinstance(given, Mapping):
            found[part] = {key: value for key, value in given.items() if key not in names or value != _UNKNOWN}
    found["purpose"] = _purpose(found.get("purpose"))
    found["approvals"] = _each(found.get("approvals", []), _approval)
    return found


def _purpose(raw: object) -> object:
    if not isinstance(raw, Mapping):
        return raw
    plain = {key: _word(value) if key in {"commercial", "distribute_data"} else value for key, value in raw.items()}
    return plain if "imitates" not in plain else {**plain, "imitates": _each(plain["imitates"], _statement)}


def _statement(raw: Mapping[str, object]) -> dict[str, object]:
    return {key: _word(value) if key == "value" else value for key, value in raw.items()}


def _approval(raw: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in raw.items() if key != "evidence" or not (isinstance(value, str) and is_absent(value))}


def _each(raw: object, change: Callable[[Mapping[str, object]], dict[str, object]]) -> object:
    return [change(item) if isinstance(item, Mapping) else item for item in raw] if isinstance(raw, list) else raw


def _word(value: object) -> object:
    return TriState.of(value).value if isinstance(value, bool) else value


def check_statements(run: Run, where: str) -> None:
    """Refuse statements that say nothing, or more than anybody can mean.

    Raises:
        RunDocumentError: With the place and what to write instead.
    """
    _check_purpose(run.purpose, f"{where}: purpose")
    _check_organization(run.organization, f"{where}: organization")
    for number, approval in enumerate(run.approvals):
        _check_approval(approval, f"{where}: approvals[{number}]")


def check_day(text: str, where: str) -> None:
    """Refuse what is neither a day nor a named absence.

    Raises:
        RunDocumentError: With the place.
    """
    if is_absent(text):
        return
    try:
        exact = dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        exact = False
    if not exact:
        raise RunDocumentError(f"{where}: {text!r} is not a day YYYY-MM-DD")


def _check_purpose(purpose: Purpose, where: str) -> None:
    data = purpose.distribute_data
    if data not in set(TriState) and not is_absent(data):
        raise RunDocumentError(f"{where}.distribute_data is {data!r}", hint="true, false, or UNKNOWN")
    _check_providers([c.provider for c in purpose.competes_with], f"{where}.competes_with")
    _check_providers([i.provider for i in purpose.imitates], f"{where}.imitates")
    for competing in purpose.competes_with:
        if not competing.value and (is_absent(competing.who) or is_absent(competing.why)):
            raise _unfounded(f"{where}.competes_with", f"compete with {competing.provider!r}")
    for imitating in purpose.imitates:
        if imitating.value is TriState.NO and (is_absent(imitating.who.strip()) or is_absent(imitating.why.strip())):
            raise _unfounded(f"{where}.imitates", f"imitate {imitating.provider!r}")


def _unfounded(where: str, what: str) -> RunDocumentError:
    return RunDocumentError(
        f"{where}: that the model does not {what} is said by nobody or for no reason", hint="give who and why: the verdict rests on this statement"
    )


def _check_providers(providers: list[str], where: str) -> None:
    names = [normalize_provider(p) for p in providers]
    if any(is_absent(p.strip()) for p in providers):
        raise RunDocumentError(f"{where}: a statement names no provider", hint="providers: provenance terms list")
    if repeated := sorted({p for p, n in zip(providers, names, strict=True) if names.count(n) > 1}):
        raise RunDocumentError(f"{where} names {repeated[0]!r} twice")


def _check_organization(organization: Organization, where: str) -> None:
    for users in (organization.monthly_active_users, *(u.value for u in organization.monthly_active_users_at)):
        if users is not None and users < 0:
            raise RunDocumentError(f"{where}: {users} is not a number of users from 0 up")
    days = [u.date for u in organization.monthly_active_users_at]
    for day in days:
        _check_stated_day(day, f"{where}.monthly_active_users_at: date")
    if repeated := sorted({d for d in days if days.count(d) > 1}):
        raise RunDocumentError(f"{where}.monthly_active_users_at names {repeated[0]} twice")
    revenue = organization.revenue
    if revenue is None:
        return
    if not math.isfinite(revenue.amount) or revenue.amount < 0:
        raise RunDocumentError(f"{where}.revenue.amount: {revenue.amount} is not a number from 0 up")
    if not re.fullmatch("[A-Z]{3}", revenue.currency):
        raise RunDocumentError(f"{where}.revenue.currency is {revenue.currency!r}", hint="three capital letters, such as EUR or USD")
    _check_stated_day(revenue.as_of, f"{where}.revenue.as_of")


def _check_stated_day(text: str, where: str) -> None:
    if is_absent(text):
        raise RunDocumentError(f"{where} is not stated", hint="a count or a revenue says nothing without its day, YYYY-MM-DD")
    check_day(text, where)


def _check_approval(approval: ProviderApproval, where: str) -> None:
    named = [n for n in ("provider", "terms") if not is_absent(getattr(approval, n).strip())]
    if len(named) != 1:
        raise RunDocumentError(f"{where} names {'both a provider and terms' if named else 'neither a provider nor terms'}", hint="give one of them")
    if approval.model != Absence.NOT_STATED and is_absent(approval.model.strip()):
        raise RunDocumentError(
            f"{where}.model is {approval.model!r}", hint="name the model whose outputs it is for, or leave it out if it is for all"
        )
    for use in approval.scope:
        if use not in set(Use):
            raise RunDocumentError(f"{where}.scope: unknown use {use!r}", hint=nearest(use, set(Use)) or f"uses: {', '.join(Use)}")
    check_day(approval.day, f"{where}.day")
    digest = approval.evidence.sha256
    if not is_absent(digest) and not is_digest(digest):
        raise RunDocumentError(f"{where}.evidence.sha256: {digest!r} is not sha256:<64 hex digits>")


def check_evidence(run: Run, folder: Path, where: str) -> None:
    """Hold files of evidence against their digests.

    Args:
        run: The run.
        folder: Where files are looked for.
        where: The run file, for errors.

    Raises:
        RunDocumentError: If a file cannot be read, or is not the one that was recorded.
    """
    for number, approval in enumerate(run.approvals):
        evidence = approval.evidence
        if is_absent(evidence.file):
            continue
        found = _digest_of(folder / evidence.file, f"{where}: approvals[{number}].evidence.file: {evidence.file}")
        if not is_absent(evidence.sha256) and evidence.sha256 != found:
            raise RunDocumentError(
                f"{where}: approvals[{number}].evidence: {evidence.file} is not the file that was recorded: it has {found}, recorded is {evidence.sha256}",
                hint="find the recorded file again, or read this one and record its sha256",
            )


def _digest_of(path: Path, where: str) -> str:
    try:
        if not path.is_file():
            raise RunDocumentError(f"{where} is no file", hint="files of evidence are looked for from the folder of the run file on")
        if path.stat().st_size > MAX_EVIDENCE_BYTES:
            raise RunDocumentError(f"{where} has more than {MAX_EVIDENCE_BYTES} bytes", hint="record the letter itself")
        with path.open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    except (OSError, ValueError) as err:
        raise RunDocumentError(f"{where}: cannot be read: {getattr(err, 'strerror', None) or err}") from err
