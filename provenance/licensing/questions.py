"""Questions on terms as people and programs write them, read strictly, and their answers as one document each."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from provenance.documents import nearest
from provenance.errors import TermsDocumentError
from provenance.licensing.answers import TermsAnswer
from provenance.licensing.resolution import answer_uses
from provenance.licensing.terms_names import ACCESS, CHANNELS, is_known_region, normalize_provider
from provenance.licensing.terms_values import TermsCatalog
from provenance.licensing.uses import MODEL_KINDS, Approval, RunUse, Use
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.dataset import DateRange, Generator
from provenance.model.run import Period, Revenue

_UNKNOWN = Absence.UNKNOWN.value
TRI_STATE_FACTS = ("commercial", "distribute_weights", "distribute_data", "same_family", "imitates", "similar", "grounded", "automated")
"""Facts that are yes, no or unknown."""
KEYS = (
    "id",
    "provider",
    "model",
    "channel",
    "region",
    "from",
    "to",
    "use",
    "host",
    "access",
    "competing",
    *TRI_STATE_FACTS,
    "model_kind",
    "model_family",
    "output_type",
    "obtained",
    "release_date",
    "monthly_active_users",
    "revenue",
    "approvals",
)
_OBTAINED = ("own-account", "third-party")
_OUTPUT_TYPES = ("text", "image", "voice", "audio", "video")
_ANYWHERE = frozenset({"GLOBAL", "WORLDWIDE", "ANY"})
_YES = {"yes": TriState.YES, "true": TriState.YES, "no": TriState.NO, "false": TriState.NO, "unknown": TriState.UNKNOWN}
_APPROVAL_KEYS = ("terms", "provider", "who", "when", "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question: what made the text, and what somebody wants to do with it."""

    generator: Generator
    uses: tuple[Use, ...]
    run: RunUse = field(default_factory=RunUse)
    host: str = _UNKNOWN


def parse_question(given: Mapping[str, object], *, today: dt.date | None = None) -> Question:
    """Return a question from what a document or the command line gives.

    Args:
        given: Key → value, as ``KEYS`` names them; a key left out is a fact that nobody knows.
        today: The day on which it is asked; an approval of a later day is refused.

    Raises:
        TermsDocumentError: If a key is not known, or a value is not what the key holds.
    """
    for key in given:
        if key not in KEYS:
            raise TermsDocumentError(f"unknown key {key!r}", hint=nearest(str(key), set(KEYS)))
    provider = _text(given, "provider")
    generator = Generator(
        provider=provider,
        model=_text(given, "model"),
        channel=_one_of(given, "channel", CHANNELS),
        region=_region(given),
        generated=_days(given),
    )
    for approval in _approvals(given.get("approvals", []), provider):
        if today is not None and not approval.is_given_by(today):
            raise TermsDocumentError(f"an approval of {approval.when} lies in the future", hint="give the day on which it was given")
    return Question(generator=generator, uses=_uses(given.get("use")), run=_run(given, provider), host=_text(given, "host"))


def _run(given: Mapping[str, object], provider: str) -> RunUse:
    competing, others = _competing(given.get("competing", "unknown"))
    tri = {name: _tri_state(given.get(name, "no" if name == "distribute_data" else "unknown"), name) for name in TRI_STATE_FACTS}
    return RunUse(
        commercial=tri["commercial"],
        distribute_weights=tri["distribute_weights"],
        distribute_data=tri["distribute_data"],
        same_family=tri["same_family"],
        imitates=tri["imitates"],
        similar=tri["similar"],
        grounded=tri["grounded"],
        automated=tri["automated"],
        competing_with=tuple(p for p, v in competing if v is TriState.YES),
        not_competing_with=tuple(p for p, v in competing if v is TriState.NO),
        others_compete=others,
        kind=_one_of(given, "model_kind", MODEL_KINDS),
        family=_text(given, "model_family"),
        output_type=_one_of(given, "output_type", _OUTPUT_TYPES, default="text"),
        access=_one_of(given, "access", ACCESS),
        obtained=_one_of(given, "obtained", _OBTAINED),
        release_date=_day(given, "release_date"),
        monthly_active_users=_number(given, "monthly_active_users"),
        revenue=_revenue(given),
        approvals=_approvals(given.get("approvals", []), provider),
    )


def _text(given: Mapping[str, object], key: str) -> str:
    value = given.get(key)
    if value is None:
        return _UNKNOWN
    if not isinstance(value, str):
        raise TermsDocumentError(f"{key} {value!r} is no text", hint=f'write "{key}": "…"')
    return value.strip() or _UNKNOWN


def _one_of(given: Mapping[str, object], key: str, known: tuple[str, ...], *, default: str = _UNKNOWN) -> str:
    text = _text(given, key)
    if is_absent(text) or text.lower() == "unknown":
        return default if key not in given else _UNKNOWN
    folded = text.lower().replace("_", "-")
    if folded not in known:
        raise TermsDocumentError(f"{key} {text!r} is not known", hint=nearest(folded, set(known)) or f"known: {', '.join(known)}")
    return folded


def _region(given: Mapping[str, object]) -> str:
    text = _text(given, "region")
    code = text.upper()
    if is_absent(text) or code in _ANYWHERE or code == _UNKNOWN:
        return _UNKNOWN
    if is_known_region(code):
        return code
    raise TermsDocumentError(f"region {text!r} is not known", hint="write a country code such as DE, or EU, EEA, UK, ROW")


def known_channel(text: str) -> str:
    """Return a channel as the catalogue spells it.

    Raises:
        TermsDocumentError: If there is none of this name.
    """
    return _one_of({"channel": text}, "channel", CHANNELS)


def known_region(text: str) -> str:
    """Return a region as the catalogue spells it.

    Raises:
        TermsDocumentError: If it is none.
    """
    return _region({"region": text})


def _days(given: Mapping[str, object]) -> DateRange:
    first, last = _day(given, "from"), _day(given, "to")
    if is_absent(last) and not is_absent(first) and "to" not in given:
        last = first
    if not is_absent(first) and not is_absent(last) and last < first:
        raise TermsDocumentError(f"the days run backwards: from {first} to {last}", hint="give the earlier day as from; both days are included")
    return DateRange(start=first, end=last)


def _day(given: Mapping[str, object], key: str) -> str:
    text = _text(given, key)
    if is_absent(text) or text.upper() == _UNKNOWN:
        return _UNKNOWN
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise TermsDocumentError(
            f"{key} {text!r} is no day", hint="write the UTC day as YYYY-MM-DD, without a time: a month or a year alone leaves the version open"
        )
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError as err:
        raise TermsDocumentError(f"{key} {text!r} is no day of the calendar", hint="write the UTC day as YYYY-MM-DD") from err


def _number(given: Mapping[str, object], key: str) -> int | None:
    value = given.get(key)
    if value is None or value in (_UNKNOWN, "unknown"):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TermsDocumentError(f"{key} {value!r} is no whole number", hint="write plain digits, such as 700000000")
    return value


def _revenue(given: Mapping[str, object]) -> Revenue | None:
    """Return a revenue in US dollars a year."""
    amount = _number(given, "revenue")
    return None if amount is None else Revenue(amount=amount, currency="USD", period=Period.YEAR)


def _tri_state(value: object, key: str) -> TriState:
    if isinstance(value, bool):
        return TriState.of(value)
    found = _YES.get(value.lower()) if isinstance(value, str) else TriState.UNKNOWN if value is None else None
    if found is None:
        raise TermsDocumentError(f"{key} {value!r} is neither yes, no nor unknown")
    return found


def _competing(value: object) -> tuple[list[tuple[str, TriState]], TriState]:
    """Return who is competed with: one answer for all, or one for each provider."""
    if isinstance(value, dict):
        return [(str(name), _tri_state(v, f"competing.{name}")) for name, v in value.items()], TriState.UNKNOWN
    return [], _tri_state(value, "competing")


def _uses(value: object) -> tuple[Use, ...]:
    names = [value] if isinstance(value, str) else value if isinstance(value, list) else [] if value is None else None
    if names is None or not all(isinstance(n, str) for n in names):
        raise TermsDocumentError(f"use {value!r} is neither a name nor a list of names", hint=f"uses: {', '.join(Use)}")
    found = {_use(n) for n in names if n != "all"}
    return tuple(u for u in Use if u in found) if found else tuple(Use)


def _use(name: str) -> Use:
    folded = name.strip().lower().replace("-", "_")
    folded = {"distill": "distil", "train_non_commercial": "train_noncommercial"}.get(folded, folded)
    if folded not in set(Use):
        raise TermsDocumentError(f"unknown use {name!r}", hint=nearest(folded, {u.value for u in Use}) or f"uses: {', '.join(Use)}")
    return Use(folded)


def _approvals(value: object, provider: str) -> tuple[Approval, ...]:
    if not isinstance(value, list) or not all(isinstance(a, dict) for a in value):
        raise TermsDocumentError(
            "approvals must be a list of objects", hint='such as [{"terms": "…", "who": "…", "when": "2026-01-31", "evidence": "…"}]'
        )
    return tuple(_approval(a, provider) for a in value)


def _approval(given: Mapping[str, object], provider: str) -> Approval:
    for key in given:
        if key not in _APPROVAL_KEYS:
            raise TermsDocumentError(f"unknown key {key!r} in an approval", hint=nearest(str(key), set(_APPROVAL_KEYS)))
    text = {key: str(given.get(key, "")).strip() for key in _APPROVAL_KEYS}
    empty = [key for key in ("who", "when", "evidence") if not text[key]]
    if empty:
        raise TermsDocumentError(f"an approval without {empty[0]} counts for nothing", hint="give who, when and evidence")
    _day(text, "when")
    if not text["terms"] and not text["provider"]:
        text["provider"] = "" if is_absent(provider) else normalize_provider(provider)
    return Approval(terms=text["terms"], provider=text["provider"], who=text["who"], when=text["when"], evidence=text["evidence"])


def answer_question(catalog: TermsCatalog, question: Question) -> TermsAnswer:
    """Return what the catalogue says to a question."""
    return answer_uses(catalog, question.generator, question.run, question.uses, host=question.host)
