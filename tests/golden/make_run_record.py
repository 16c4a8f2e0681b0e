"""Write the golden run records, or with ``--check`` tell whether this version would still write the same bytes.

Run from the repository's root: ``python -m tests.golden.make_run_record``. The files of a released format are never rewritten: a new format gets a new folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from provenance.clearance.run_record import record_bytes
from provenance.clearance.trust import trust_bytes
from tests.fakes.runs import recorder_key, recorder_trust, run_record

FOLDER = Path(__file__).resolve().parent / "run-record-v1"


def golden_files() -> dict[str, bytes]:
    """Return every golden file."""
    record = run_record()
    return {
        "signed.run-record.json": record_bytes(record, recorder_key()),
        "unsigned.run-record.json": record_bytes(record),
        "trust.json": trust_bytes(recorder_trust()),
    }


def main() -> int:
    wanted = {FOLDER / name: raw for name, raw in golden_files().items()}
    changed = [file for file, raw in wanted.items() if not file.is_file() or file.read_bytes() != raw]
    if "--check" in sys.argv:
        sys.stdout.write("".join(f"{file.name} differs\n" for file in changed))
        return 1 if changed else 0
    for file in changed:
        file.write_bytes(wanted[file])
    return 0


if __name__ == "__main__":
    sys.exit(main())
