"""Write the golden trust file of version 2 and its signed revocation list, or with ``--check`` tell whether this version would still write the same bytes.

Run from the repository's root: ``python -m tests.golden.make_trust``. The files of a released format are never rewritten: a new format gets a new folder.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from provenance.clearance.keyring import knows_list, rotated
from provenance.clearance.revocation import Revocation, RevocationList
from provenance.clearance.signed_lists import sign_revocations
from provenance.clearance.trust import RevocationSource, trust_bytes
from tests.fakes.clearances import rfc_key, sample_trust

FOLDER = Path(__file__).resolve().parent / "trust-v2"
LIST = RevocationList(
    issued="2026-11-24T11:00:00Z",
    keys=(Revocation(id="ab" * 32, reason="laptop lost"),),
    clearances=(Revocation(id="sha256:" + "cd" * 32, reason="the wrong data"),),
)


def golden_files() -> dict[str, bytes]:
    source = RevocationSource(path="revoked.json", max_age_s=86_400, role="revoker")
    trust = sample_trust(("issuer",), ("revoker",), revocation=source)
    fresh = rfc_key(2).trusted(name="Ada Clearer", roles=("issuer",), not_before="2026-11-20T00:00:00Z", not_after="2027-11-20T00:00:00Z")
    turned = rotated(trust, trust.keys[0], fresh, "2026-11-20T00:00:00Z", overlap=timedelta(days=7))
    return {"trust.json": trust_bytes(knows_list(turned, LIST)), "revoked.json": sign_revocations(LIST, rfc_key(1))}


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    changed = {name: raw for name, raw in golden_files().items() if not (FOLDER / name).is_file() or (FOLDER / name).read_bytes() != raw}
    if "--check" in sys.argv:
        sys.stdout.write("".join(f"{name} differs\n" for name in changed))
        return 1 if changed else 0
    for name, raw in changed.items():
        (FOLDER / name).write_bytes(raw)
    return 0


if __name__ == "__main__":
    sys.exit(main())
