"""Write the golden clearances of every format, or with ``--check`` tell whether this version would still write the same bytes: version 1 without releases, version 2 with,
version 3 with what the audit rests on, cleared and by break-glass.

Run from the repository's root: ``python -m tests.golden.make_clearance``. The files of a released format are never rewritten: a new format gets a new folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from provenance.clearance.revocation import RevocationList, revocation_bytes
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import GateLeave
from provenance.clearance.trust import RevocationSource, trust_bytes
from provenance.fingerprint.digest import manifest_bytes, merkle_root
from tests.fakes.clearances import (
    POLICY_FILE,
    RUN_FILE,
    bound_clearance,
    broken_clearance,
    leaves_of,
    released_clearance,
    rfc_key,
    sample_clearance,
    sample_trust,
)

FOLDERS = tuple(Path(__file__).resolve().parent / f"clearance-v{n}" for n in (1, 2, 3))
SHARDS = {"data/a.txt": "The quick brown fox.\n", "data/chat/b.jsonl": '{"text": "jumps over"}\n', "data/two words.txt": "the lazy dog\n"}


def golden_files(folder: Path) -> dict[str, bytes]:
    """Return every golden file but the shards, which must lie in place."""
    leaves = leaves_of(folder / "data")
    root = merkle_root(leaves)
    issued, second_role = _issued(folder.name, root)
    roles = (("issuer",), (second_role,)) if second_role else ()
    trust = sample_trust(*roles, revocation=RevocationSource(path="revoked.json", max_age_s=86_400))
    return {
        **issued,
        "run.manifest.jsonl": manifest_bytes(leaves),
        "trust.json": trust_bytes(trust),
        "revoked.json": revocation_bytes(RevocationList(issued="2026-11-24T11:00:00Z")),
    }


def _issued(version: str, root: str) -> tuple[dict[str, bytes], str]:
    """Return the clearances of a version with the files that they are bound to, and the role of the second key, if there is one."""
    if version == "clearance-v1":
        return {"run.clearance.json": issue_clearance(sample_clearance(root), rfc_key())}, ""
    if version == "clearance-v2":
        return {"run.clearance.json": issue_clearance(released_clearance(manifest_root=root), rfc_key())}, "reviewer"
    issued = {
        "run.clearance.json": issue_clearance(bound_clearance(root, gate=GateLeave(digest_cache=True)), rfc_key()),
        "break-glass.clearance.json": issue_clearance(broken_clearance(root), rfc_key(0), rfc_key(1)),
        "run.yaml": RUN_FILE,
        "policy.yaml": POLICY_FILE,
    }
    return issued, "approver"


def main() -> int:
    for folder in FOLDERS:
        for name, text in SHARDS.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode())
    wanted = {folder / name: raw for folder in FOLDERS for name, raw in golden_files(folder).items()}
    changed = [file for file, raw in wanted.items() if not file.is_file() or file.read_bytes() != raw]
    if "--check" in sys.argv:
        sys.stdout.write("".join(f"{file.parent.name}/{file.name} differs\n" for file in changed))
        return 1 if changed else 0
    for file in changed:
        file.write_bytes(wanted[file])
    return 0


if __name__ == "__main__":
    sys.exit(main())
