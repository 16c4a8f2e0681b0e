"""What becomes of the facts of a dataset when another source speaks of it: nothing that was declared is overwritten unseen, nothing that binds is lost.

The rules:

* What only one of the two states is taken. A named absence states nothing.
* Lists are joined: a generator, an ancestor or a language that one source names stays named.
* Licences: every source's statement is kept under ``license.stated``; what is declared stays as it was registered. An audit goes by the strictest of all.
* A conclusion, which overrules statements, is taken over for a dataset that is new here; for a registered one it is a conflict.
* Whether a model made the text, whether people are in it, and whether that is sensitive: YES wins.
* Where two texts differ, the registered one stays and the difference is a conflict, which is listed. Told to replace, the imported one is taken instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from provenance.model.absence import TriState, is_absent
from provenance.model.claims import LicenseClaim, LicenseFacts
from provenance.model.dataset import Dataset, Source, SourceKind
from provenance.model.details import Collection, Details, PersonalData, Rights

_JOINED_DEEPLY = (Source, Details, Collection, PersonalData, Rights)
_YES_WINS = frozenset({"synthetic", "details.personal_data.present", "details.personal_data.sensitive"})
_SHOWN = 120
"""Characters of a value that a conflict shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactConflict:
    """Two sources that state different things of one fact."""

    field: str
    registered: str
    imported: str
    kept: str
    """``registered``, ``imported`` or ``both``."""


def merge_facts(registered: Dataset, imported: Dataset, *, replace_facts: bool = False) -> tuple[Dataset, tuple[FactConflict, ...]]:
    """Return the facts of both, and where they exclude one another.

    Args:
        registered: What is known.
        imported: What another source says of the dataset of the same name.
        replace_facts: What the other source states takes the place of what is known.
    """
    merge = _Merge(replace_facts)
    merged = merge.values(registered, imported, "")
    if merged.writers and merged.synthetic is TriState.NO:
        merge.conflicts.append(FactConflict(field="synthetic", registered="NO", imported="generators are named", kept="imported"))
        merged = replace(merged, synthetic=TriState.YES)
    return merged, tuple(merge.conflicts)


class _Merge:
    def __init__(self, replace_facts: bool) -> None:
        self._replace = replace_facts
        self.conflicts: list[FactConflict] = []

    def values(self, old: Any, new: Any, place: str) -> Any:
        """Return two values of one dataclass merged field by field."""
        merged = {
            f.name: self._field(f, getattr(old, f.name), getattr(new, f.name), f"{place}.{f.name}".lstrip(".")) for f in dataclasses.fields(old)
        }
        return type(old)(**merged)

    def _field(self, field: dataclasses.Field[Any], old: Any, new: Any, place: str) -> Any:
        if old == new or place == "name":
            return old
        if isinstance(old, LicenseFacts):
            return self._licenses(old, new, place)
        if isinstance(old, _JOINED_DEEPLY):
            return self.values(old, new, place)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        return self._plain(old, new, place, default=default)

    def _plain(self, old: Any, new: Any, place: str, *, default: Any) -> Any:
        if old == new:
            return old
        if isinstance(old, tuple):
            return self._members(old, new, place) if self._replace else (*old, *(v for v in new if v not in old))
        if _says_nothing(new, default):
            return new if old == default else old
        if _says_nothing(old, default):
            return new
        if place in _YES_WINS and not self._replace:
            return self._conflict(place, TriState.YES, old, new)
        return self._conflict(place, new if self._replace else old, old, new)

    def _members(self, old: tuple[Any, ...], new: tuple[Any, ...], place: str) -> tuple[Any, ...]:
        """Return the list that takes the other's place; members that are lost by it are a conflict, each."""
        if not new:
            return old
        for lost in (v for v in old if v not in new):
            self.conflicts.append(FactConflict(field=place, registered=_shown(lost), imported="not among those it names", kept="imported"))
        return new

    def _licenses(self, old: LicenseFacts, new: LicenseFacts, place: str) -> LicenseFacts:
        return LicenseFacts(
            declared=self._claim(old.declared, new.declared, f"{place}.declared"),
            detected=self._claim(old.detected, new.detected, f"{place}.detected"),
            concluded=self._conclusion(old.concluded, new.concluded, f"{place}.concluded"),
            stated=self._stated(old, new, f"{place}.stated"),
            expires=self._plain(old.expires, new.expires, f"{place}.expires", default=LicenseFacts().expires),
        )

    def _claim(self, old: LicenseClaim, new: LicenseClaim, place: str) -> LicenseClaim:
        if old.value == new.value:
            return old if not self._replace or new == LicenseClaim() else new
        if is_absent(new.value):
            return new if old == LicenseClaim() else old
        if is_absent(old.value):
            return new
        kept = self._conflict(place, new if self._replace else old, old, new)
        return kept if isinstance(kept, LicenseClaim) else old

    def _conclusion(self, old: LicenseClaim, new: LicenseClaim, place: str) -> LicenseClaim:
        """Keep the registered conclusion, none included: one that overrules what other sources state is never taken from a file unasked."""
        if is_absent(old.value) and not is_absent(new.value):
            kept = self._conflict(place, new if self._replace else old, old, new)
            return kept if isinstance(kept, LicenseClaim) else old
        return self._claim(old, new, place)

    def _stated(self, old: LicenseFacts, new: LicenseFacts, place: str) -> tuple[LicenseClaim, ...]:
        """Join statements; a party that now says something else at the same place is a conflict, and both its statements stay."""
        said, parties = {_statement(c) for c in new.stated}, {_party(c) for c in new.stated}
        withdrawn = [c for c in old.stated if _party(c) in parties and _statement(c) not in said]
        for claim in withdrawn:
            now = ", ".join(c.value for c in new.stated if _party(c) == _party(claim))
            self.conflicts.append(
                FactConflict(field=f"{place} by {claim.by}", registered=claim.value, imported=now, kept="imported" if self._replace else "both")
            )
        fresh = {_statement(c): c for c in new.stated}
        kept = [fresh.pop(_statement(c), c) for c in old.stated if not (self._replace and c in withdrawn)]
        return (*kept, *fresh.values(), *self._overruled(old, new, [*kept, *fresh.values()]))

    def _overruled(self, old: LicenseFacts, new: LicenseFacts, stated: list[LicenseClaim]) -> Iterator[LicenseClaim]:
        """Yield the declaration that does not become the declared one, where no statement says the same: no source's word is lost."""
        first, second = (new.declared, old.declared) if self._replace else (old.declared, new.declared)
        if is_absent(second.value) or second.value == first.value or is_absent(first.value):
            return
        if second.value not in {c.value for c in stated} and not (self._replace and _party(second) == _party(first)):
            yield second

    def _conflict(self, place: str, kept: Any, old: Any, new: Any) -> Any:
        side = "registered" if kept == old else "imported"
        self.conflicts.append(FactConflict(field=place, registered=_shown(old), imported=_shown(new), kept=side))
        return kept


def _says_nothing(value: Any, default: Any) -> bool:
    return value == default or value is None or value in {SourceKind.UNKNOWN, TriState.UNKNOWN} or (isinstance(value, str) and is_absent(value))


def _party(claim: LicenseClaim) -> tuple[str, str, str]:
    return claim.by, claim.evidence.url, claim.evidence.snapshot


def _statement(claim: LicenseClaim) -> tuple[str, ...]:
    return (*_party(claim), claim.value, claim.original)


def _shown(value: Any) -> str:
    if isinstance(value, LicenseClaim):
        return f"{value.value} (by {value.by})"
    text = str(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
