"""Record what a dataset's own files say on its licence, beside what was declared: where they differ, an audit sees it (rule L004)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from provenance.audit.backing import SNAPSHOT_SUFFIX, keep_snapshot
from provenance.audit.tools import Tools
from provenance.canonical import canonical_bytes
from provenance.errors import NotRegisteredError
from provenance.fingerprint.digest import is_digest
from provenance.model.dataset import DatasetVersion, Evidence, LicenseClaim
from provenance.model.license_detection import FileLicenses
from provenance.model.match import ReadProblem

FILE = "file:"
"""What ``by`` of a claim begins with that a file of the dataset makes."""


def keep_files(
    files: Sequence[FileLicenses], stated: Sequence[LicenseClaim], places: Mapping[str, tuple[Path, str]], tools: Tools
) -> tuple[Evidence, tuple[ReadProblem, ...]]:
    """Keep the files that claims go back to, and return what backs what all files say together: one file itself, of several a list with their digests.

    Args:
        files: All that were looked at.
        stated: What is claimed of them.
        places: Digest → where a file is, and what it is called.
        tools: With the evidence store.

    Returns:
        The evidence of the whole, and why files are not kept.
    """
    digests = dict.fromkeys(c.evidence.sha256 for c in stated if c.evidence.sha256 in places and is_digest(c.evidence.sha256))
    found = [keep_snapshot(*places[digest], digest, tools) for digest in digests]
    unkept = tuple(problem for problem in found if problem is not None)
    if len(files) == 1 and len(digests) == 1:
        return stated[0].evidence, unkept
    listed = [{"path": file.path, "sha256": file.sha256, "license": file.expression} for file in files]
    digest = tools.evidence.put_bytes(canonical_bytes({"files": listed}), suffix=SNAPSHOT_SUFFIX)
    return Evidence(sha256=digest, snapshot="list of the files looked at"), unkept


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
