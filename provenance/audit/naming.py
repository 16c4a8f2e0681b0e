"""What terms ask of the name of a model that learns from outputs, and whether the run's name is as they ask.

``name_duties`` is the one place that reads such duties out of terms. A duty whose words nobody catalogued is not known to be met.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from provenance.licensing.resolution import TermsAnswer
from provenance.licensing.terms import DECIDING, Clause, TermsCatalog, TermsVersion
from provenance.licensing.terms_names import glob_matches
from provenance.model.absence import Permission, TriState, is_absent
from provenance.policy.facts import FactValue

_CLAUSES = ("naming_attribution", "downstream")
FROM_NOTHING = "none"
"""What a run file gives as the base of a model that is trained from nothing."""
_PREFIX, _BAN = "name-prefix", "name-ban"


class NameAsk(StrEnum):
    """What terms may ask of a name."""

    PREFIX = _PREFIX
    """It begins with some words."""
    BAN = _BAN
    """It does not begin with them: they are not its primary name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameDuty:
    """One duty."""

    ask: NameAsk
    words: str
    """Empty where nobody catalogued them."""
    terms: str
    """Id of the text that asks."""

    def is_met_by(self, model: str) -> TriState:
        """Tell whether a model's name is as the duty asks."""
        if not _letters(self.words):
            return TriState.UNKNOWN
        begins = _letters(model).startswith(_letters(self.words))
        return TriState.of(begins if self.ask is NameAsk.PREFIX else not begins)

    @property
    def summary(self) -> str:
        """Return it for people."""
        what = f'"{self.words}"' if self.words else "words that the catalogue does not hold"
        verb = "begins with" if self.ask is NameAsk.PREFIX else "does not begin with"
        return f"the name {verb} {what} ({self.terms})"


def name_duties(asked: Iterable[tuple[str, str]]) -> tuple[NameDuty, ...]:
    """Return what terms ask of names, each duty once.

    Args:
        asked: Codes of obligations such as ``name-prefix:Llama``, each with the id of the text that asks.
    """
    found = ((terms, *code.partition(":")[::2]) for terms, code in asked)
    return tuple(dict.fromkeys(NameDuty(ask=NameAsk(kind), words=words.strip(), terms=terms) for terms, kind, words in found if kind in set(NameAsk)))


def output_naming(model: str, answer: TermsAnswer, outputs: TriState) -> dict[str, FactValue]:
    """Return the facts of a dataset: what is asked of a model that learns from it. Where nobody knows whose outputs it holds, labels among them, nobody knows what is asked."""
    clauses = ((layer.terms, clause) for layer in answer.layers for clause in layer.duties)
    duties = name_duties(_with_uncoded([(o.terms, o.code) for o in answer.obligations], clauses))
    is_open = outputs is not TriState.NO and not answer.layers and answer.outcome is Permission.UNKNOWN
    return _values(model, duties, is_open=is_open)


def base_naming(model: str, base: str | None, catalog: TermsCatalog) -> dict[str, FactValue]:
    """Return the facts of a run: what is asked of a model that is made from another, by the licence of that one."""
    if base == FROM_NOTHING:
        return _values(model, (), is_open=False)
    entries = base_licenses(base, catalog)
    coded = [(e.id, duty.code) for e in entries for duty in e.duties]
    clauses = ((e.id, c) for e in entries for name in _CLAUSES if (c := e.clause(name)) is not None)
    return _values(model, name_duties(_with_uncoded(coded, clauses)), is_open=not entries)


def base_licenses(base: str | None, catalog: TermsCatalog) -> list[TermsVersion]:
    """Return the catalogued licences of the model that a run starts from; none where it is not stated, or starts from nothing."""
    if base is None or base == FROM_NOTHING or is_absent(base):
        return []
    return [e for e in catalog.entries if _is_license_of(e, base)]


def _with_uncoded(coded: Sequence[tuple[str, str]], clauses: Iterable[tuple[str, Clause]]) -> Iterator[tuple[str, str]]:
    """Yield codes, and one without words for every clause that speaks of names where its text catalogues none: that it asks for something is known, not for what."""
    yield from coded
    known = {(terms, code.partition(":")[0]) for terms, code in coded}
    for terms, clause in clauses:
        yield from ((terms, kind.value) for kind in NameAsk if kind.value in clause.value and (terms, kind.value) not in known)


def _is_license_of(entry: TermsVersion, base: str) -> bool:
    return (
        entry.kind == "model-licence"
        and entry.confidence in DECIDING
        and "*" not in entry.models
        and glob_matches(entry.models, entry.not_models, base)
    )


def _values(model: str, duties: tuple[NameDuty, ...], *, is_open: bool) -> dict[str, FactValue]:
    met = {duty.is_met_by(model) for duty in duties} | ({TriState.UNKNOWN} if is_open else set())
    return {
        "naming.asked": TriState.YES.value if duties else TriState.UNKNOWN.value if is_open else TriState.NO.value,
        "naming.met": next((s.value for s in (TriState.NO, TriState.UNKNOWN) if s in met), TriState.YES.value),
        "naming.duties": tuple(d.summary for d in duties) or (("nobody knows what is asked",) if is_open else ()),
    }


def _letters(name: str) -> str:
    """Return letters and digits of a name, folded: ``llama 3``, ``Llama-3`` and ``LLAMA3`` are one."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())
