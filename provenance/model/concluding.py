"""What makes a conclusion on a licence one that overrules statements: a person, a day and a reason."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

from provenance.model.absence import Absence, is_absent
from provenance.model.claims import LicenseClaim, LicenseFacts
from provenance.model.dataset import Dataset

CONCLUSION_NEEDS = "a conclusion needs a licence, a person, a day and a reason"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def conclusion_gaps(concluded: LicenseClaim, because: str) -> tuple[str, ...]:
    """Return what a conclusion lacks: ``by``, ``at`` and ``because``; nothing where none is made.

    Args:
        concluded: The licence, who concluded it, and when: the day on which the evidence was looked at.
        because: Why.

    >>> conclusion_gaps(LicenseClaim(value="MIT", by=" "), "read the contract")
    ('by', 'at')
    """
    if is_absent(concluded.value):
        return ()
    is_given = {"by": _says(concluded.by), "at": _is_day(concluded.evidence.fetched_at), "because": _says(because)}
    return tuple(name for name, given in is_given.items() if not given)


def without_baseless_conclusion(dataset: Dataset) -> tuple[Dataset, str]:
    """Return a dataset, and why its conclusion was not taken; such a conclusion overrules nothing and counts as a statement among the others."""
    facts = dataset.license
    gaps = conclusion_gaps(facts.concluded, dataset.details.conclusion)
    if not gaps:
        return dataset, ""
    said = facts.concluded if _says(facts.concluded.by) else replace(facts.concluded, by=Absence.UNKNOWN.value)
    stated = facts.stated if said in facts.stated else (*facts.stated, said)
    changed: LicenseFacts = replace(facts, concluded=LicenseClaim(), stated=stated)
    told = (
        f"{dataset.name}: the conclusion {said.value} is not taken, it lacks {', '.join(gaps)}: {CONCLUSION_NEEDS}; it counts as one statement more"
    )
    return replace(dataset, license=changed), told


def _says(text: str) -> bool:
    return bool(text.strip()) and not is_absent(text.strip())


def _is_day(text: str) -> bool:
    """Tell whether a text is a day, or a time that begins with one."""
    try:
        return _DAY.match(text) is not None and dt.date.fromisoformat(text[:10]) is not None
    except ValueError:
        return False
