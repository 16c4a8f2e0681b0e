"""Changes to whom is trusted, as values: a key added, rotated or ended, a threshold set, a revocation list asked for and issued anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from provenance.clearance.revocation import CLOCK_SKEW, Revocation, RevocationList
from provenance.clearance.strict_json import parse_time
from provenance.clearance.trust import ISSUER_ROLE, RevocationSource, Trust, TrustedKey
from provenance.errors import InputError, RevokedClearanceError
from provenance.fingerprint.persons import is_same_name

REVOKER_ROLE: Final = "revoker"
"""Who signs revocation lists, where the trust file has keys of this role; issuers do otherwise."""
DEFAULT_LIST: Final = "revoked.json"
DEFAULT_MAX_AGE: Final = timedelta(days=30)
LONGEST_CLEARANCE: Final = timedelta(days=90)
"""The longest that `provenance clear` makes a clearance hold: how long a rotated key's signatures may still be looked at."""
MAX_NAME: Final = 100
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_SHORT_ID: Final = 8


def check_name(name: str) -> str:
    """Return a name for a key, if people can read it and tell it from others.

    Raises:
        InputError: If it is empty, too long, or holds characters that cannot be seen.
    """
    if not name.strip() or name != name.strip():
        raise InputError(f"key name {name!r} is empty, or begins or ends with a space")
    if len(name) > MAX_NAME:
        raise InputError(f"key name of {len(name)} characters is too long, at most {MAX_NAME} are taken")
    if not name.isprintable() or not any(c.isalnum() for c in name):
        raise InputError(f"key name {name!r} must be of characters that can be seen, with a letter or digit among them")
    return name


def with_key(trust: Trust | None, key: TrustedKey) -> Trust:
    """Return a trust that holds one key more; without a trust, a new one that asks for one issuer.

    Raises:
        InputError: If the key, or its name, is there already, or there is no trust yet and the key is no issuer's.
    """
    if trust is None:
        if ISSUER_ROLE not in key.roles:
            raise InputError("there is no trust file yet, and a first key must be an issuer's", hint="make an issuer's key: provenance keys new NAME")
        return Trust(keys=(key,), thresholds=((ISSUER_ROLE, 1),))
    _check_new(trust, key)
    spelt = key.name.casefold().split()
    named = next((k for k in trust.keys if k.name.casefold().split() == spelt), None)
    if named is not None:
        raise InputError(
            f"the trust file has a key of {named.name!r} already, {named.id[:16]}", hint="give that person a new key: provenance keys rotate NAME"
        )
    return replace(trust, keys=(*trust.keys, key))


def _check_new(trust: Trust, key: TrustedKey) -> None:
    known = trust.key(key.id)
    if known is not None:
        raise InputError(
            f"key {key.id[:16]} is in the trust file already, as {known.name!r}", hint="one key is one person's: have a new one made for another"
        )


def find_key(trust: Trust, wanted: str) -> TrustedKey:
    """Return the key that a name, an id or the beginning of one stands for.

    Raises:
        InputError: If there is none, or there are several.
    """
    lower = wanted.lower().replace(" ", "")
    by_id = [k for k in trust.keys if len(lower) >= _SHORT_ID and k.id.startswith(lower)]
    found = by_id or [k for k in trust.keys if k.name == wanted] or [k for k in trust.keys if is_same_name(k.name, wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        names = ", ".join(sorted({k.name for k in trust.keys}))
        raise InputError(f"the trust file has no key {wanted!r}; it has {names}", hint="see them: provenance keys list")
    raise InputError(f"{wanted!r} has {len(found)} keys: {', '.join(k.id[:16] for k in found)}", hint="name one by its id: provenance keys list")


def current_key(trust: Trust, wanted: str, now: str) -> TrustedKey:
    """Return the key that a person signs with now, the last one where none does, or the one that an id names.

    Raises:
        InputError: If there is none, or there are several.
    """
    moment = parse_time(now, where="now")
    named = [k for k in trust.keys if k.name == wanted] or [k for k in trust.keys if is_same_name(k.name, wanted)]
    live = [k for k in named if k.window_fault(moment, moment) is None]
    if len(live) == 1:
        return live[0]
    return max(named, key=lambda k: k.window()[1]) if named and not live else find_key(trust, wanted)


def rotated(trust: Trust, old: TrustedKey, new: TrustedKey, now: str, *, overlap: timedelta = timedelta()) -> Trust:
    """Return a trust in which a person has a new key, and the old one signs nothing new.

    What the old key signed until now, or until the overlap ends, counts on until it expires: its window stays open for checks as long as a clearance can hold.

    Raises:
        InputError: If the new key is in the trust file already, or the old one has not begun.
    """
    _check_new(trust, new)
    moment = parse_time(now, where="now")
    start, end = old.window()
    if moment < start:
        raise InputError(f"the key of {old.name!r} begins at {old.not_before}: there is nothing to rotate yet")
    if old.window_fault(moment, moment) is not None:  # it has ended already: nothing of it changes
        return replace(trust, keys=(*trust.keys, new))
    stop = min(moment + overlap, end)
    ending = replace(old, issue_until=stop.strftime(_TIME), not_after=min(end, stop + LONGEST_CLEARANCE).strftime(_TIME))
    return replace(trust, keys=(*(k for k in trust.keys if k.id != old.id), ending, new))


def with_thresholds(trust: Trust, wanted: Iterable[tuple[str, int]]) -> Trust:
    """Return a trust that asks for so many persons of each role; 0 asks for none any more.

    Raises:
        InputError: If nobody could reach one of them, or no issuer would be asked for.
    """
    thresholds = {**dict(trust.thresholds), **dict(wanted)}
    try:
        return replace(trust, thresholds=tuple(sorted((role, n) for role, n in thresholds.items() if n)))
    except ValueError as err:
        raise InputError(str(err), hint="trust the keys first, then set the threshold") from err


def with_list(trust: Trust, *, is_signed: bool, max_age: timedelta | None = None) -> Trust:
    """Return a trust that names a revocation list: the one it names, signed where asked, or a new one beside the trust file."""
    age = None if max_age is None else int(max_age.total_seconds())
    source = trust.revocation or RevocationSource(path=DEFAULT_LIST, max_age_s=int(DEFAULT_MAX_AGE.total_seconds()))
    role = source.role
    if is_signed and role is None:
        role = REVOKER_ROLE if any(REVOKER_ROLE in k.roles for k in trust.keys) else ISSUER_ROLE
    return replace(trust, revocation=replace(source, role=role, max_age_s=age or source.max_age_s))


def with_revoked(known: RevocationList | None, now: str, *, keys: Iterable[Revocation] = (), clearances: Iterable[Revocation] = ()) -> RevocationList:
    """Return a list that is issued now and holds what was revoked before and more.

    Raises:
        RevokedClearanceError: If the list at hand was issued in this machine's future: a clock that was set back must not make an older list.
        InputError: If something is revoked already.
    """
    moment = parse_time(now, where="now")
    before = RevocationList(issued=now) if known is None else known
    if known is not None:
        moment = _later(parse_time(known.issued, where="issued"), moment)
    more, gone = tuple(keys), tuple(clearances)
    for entry, there in [*((e, before.key(e.id)) for e in more), *((e, before.clearance(e.id)) for e in gone)]:
        if there is not None:
            raise InputError(f"{entry.id[:23]} is revoked already: {there.reason}")
    return RevocationList(issued=moment.strftime(_TIME), keys=(*before.keys, *more), clearances=(*before.clearances, *gone))


def _later(before: datetime, now: datetime) -> datetime:
    if before > now + CLOCK_SKEW:
        raise RevokedClearanceError(
            f"the revocation list was issued at {before:{_TIME}}, and this machine's clock says {now:{_TIME}}",
            hint="set the clock right, then try again",
        )
    return max(now, before + timedelta(seconds=1))


def knows_list(trust: Trust, revocations: RevocationList) -> Trust:
    """Return a trust that refuses every list issued before this one."""
    source = trust.revocation
    return trust if source is None or source.role is None else replace(trust, revocation=replace(source, issued_from=revocations.issued))
