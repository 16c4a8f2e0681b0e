"""Record what a dataset's own files say on its licence, beside what was declared: where they differ, an audit sees it (rule L004)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provenance.audit.tools import Tools
from provenance.errors import NotRegisteredError
from provenance.model.dataset import DatasetVersion, LicenseClaim

FILE = "file:"
"""What ``by`` of a claim begins with that a file of the dataset makes."""


def record_detected(name: str, detected: LicenseClaim, stated: Sequence[LicenseClaim], tools: Tools) -> DatasetVersion:
    """Record what the files of a registered dataset state, in the place of what they stated when they were last looked at.

    Declared and concluded licences stay as they are.

    Args:
        name: Of the dataset.
        detected: What its files say together.
        stated: What single files say; ``by`` of each begins with ``FILE``.
        tools: Where it is recorded, by whom and when.

    Raises:
        NotRegisteredError: If there is no such dataset.
    """
    with tools.units.begin(actor=tools.actor, action="detect-licenses", reason=name) as registry:
        known = registry.newest(name)
        if known is None:
            raise NotRegisteredError(f"dataset {name!r} is not registered", hint="register it first: provenance register --manifest datasets.yaml")
        before = known.dataset.license
        others = tuple(claim for claim in before.stated if not claim.by.startswith(FILE))
        facts = replace(known.dataset, license=replace(before, detected=detected, stated=(*others, *stated)))
        if facts != known.dataset:
            registry.change_facts(facts, created=tools.clock.now())
        return registry.newest(name) or known
