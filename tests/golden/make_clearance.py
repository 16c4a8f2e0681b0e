"""Write the golden clearance of the newest format, or with ``--check`` tell whether this version would still write the same bytes.

Run from the repository's root: ``python -m tests.golden.make_clearance``. The files of a released format are never rewritten: a new format gets a new folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from provenance.clearance.revocation import RevocationList, revocation_bytes
from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import RevocationSource, trust_bytes
from provenance.fingerprint.digest import manifest_bytes, merkle_root
from tests.fakes.clearances import leaves_of, rfc_key, sample_clearance, sample_trust

FOLDER = Path(__file__).resolve().parent / "clearance-v1"
SHARDS = {"data/a.txt": "The quick brown fox.\n", "data/chat/b.jsonl": '{"text": "jumps over"}\n', "data/two words.txt": "the lazy dog\n"}


def golden_files() -> dict[str, bytes]:
    """Return every golden file but the shards, which must lie in place."""
    leaves = leaves_of(FOLDER / "data")
    trust = sample_trust(revocation=RevocationSource(path="revoked.json", max_age_s=86_400))
    return {
        "run.clearance.json": issue_clearance(sample_clearance(merkle_root(leaves)), rfc_key()),
        "run.manifest.jsonl": manifest_bytes(leaves),
        "trust.json": trust_bytes(trust),
        "revoked.json": revocation_bytes(RevocationList(issued="2026-11-24T11:00:00Z")),
    }


def main() -> int:
    for name, text in SHARDS.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_bytes(text.encode())
    changed = [n for n, raw in golden_files().items() if not (FOLDER / n).is_file() or (FOLDER / n).read_bytes() != raw]
    if "--check" in sys.argv:
        sys.stdout.write("".join(f"{name} differs\n" for name in changed))
        return 1 if changed else 0
    for name in changed:
        (FOLDER / name).write_bytes(golden_files()[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
