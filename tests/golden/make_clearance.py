"""Write the golden clearances of every format, or with ``--check`` tell whether this version would still write the same bytes: version 1 without releases, version 2 with.

Run from the repository's root: ``python -m tests.golden.make_clearance``. The files of a released format are never rewritten: a new format gets a new folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from provenance.clearance.revocation import RevocationList, revocation_bytes
from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import RevocationSource, trust_bytes
from provenance.fingerprint.digest import manifest_bytes, merkle_root
from tests.fakes.clearances import leaves_of, released_clearance, rfc_key, sample_clearance, sample_trust

FOLDERS = tuple(Path(__file__).resolve().parent / f"clearance-v{n}" for n in (1, 2))
SHARDS = {"data/a.txt": "The quick brown fox.\n", "data/chat/b.jsonl": '{"text": "jumps over"}\n', "data/two words.txt": "the lazy dog\n"}


def golden_files(folder: Path) -> dict[str, bytes]:
    """Return every golden file but the shards, which must lie in place."""
    leaves = leaves_of(folder / "data")
    is_released = folder.name == "clearance-v2"
    roles = (("issuer",), ("reviewer",)) if is_released else ()
    trust = sample_trust(*roles, revocation=RevocationSource(path="revoked.json", max_age_s=86_400))
    root = merkle_root(leaves)
    return {
        "run.clearance.json": issue_clearance(released_clearance(manifest_root=root) if is_released else sample_clearance(root), rfc_key()),
        "run.manifest.jsonl": manifest_bytes(leaves),
        "trust.json": trust_bytes(trust),
        "revoked.json": revocation_bytes(RevocationList(issued="2026-11-24T11:00:00Z")),
    }


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
