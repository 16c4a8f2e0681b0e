"""The whole job on the sample: register, audit, see it blocked, mend it, see it cleared, and start a command under the clearance.

Run by ``make demo``; works in ``demo/`` beside the checkout's files and changes nothing in ``examples/``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "examples" / "sample"
WORK = ROOT / "demo"


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def provenance(*arguments: str, expect: tuple[int, ...] = (0,)) -> None:
    """Run one command as a user would, and stop if it does not end as the story says."""
    print("$ provenance " + " ".join(arguments), flush=True)
    code = subprocess.run([sys.executable, "-m", "provenance.cli.main", *arguments], cwd=WORK, check=False).returncode
    if code not in expect:
        sys.exit(f"the demo expected exit code {expect} and got {code}")


def main() -> None:
    """Play the story."""
    if WORK.exists():
        shutil.rmtree(WORK)
    shutil.copytree(SAMPLE, WORK)
    say("1. Record what we have, and what we do not want to find in it")
    provenance("-q", "init")
    provenance("-q", "register", "--manifest", "datasets.yaml")
    provenance(
        "-q",
        "reference",
        "add",
        "known-outputs",
        "references/cumulus-outputs.jsonl",
        "references/stratus-outputs.jsonl",
        "--kind",
        "api-output",
        "--text-field",
        "output",
    )
    provenance(
        *("-q", "reference", "add", "novels", "references/the-man-who-was-thursday.txt", "--kind", "work", "--id-template", "work:{stem}"),
        *("--title", "The Man Who Was Thursday", "--author", "G. K. Chesterton", "--holder", "Example House (fictitious)"),
        *("--license", "LicenseRef-all-rights-reserved"),
    )
    say("2. Judge the planned run: it is blocked, and says why")
    provenance("audit", "run.yaml", expect=(11,))
    say("3. The two mends that the audit proposes")
    provenance("-q", "remedy", "drop", "--rule", "D002", "--rule", "C001", "--apply")
    shutil.copy(WORK / "mended" / "datasets.yaml", WORK / "datasets.yaml")
    print("(the licence of forum-notes is now stated in datasets.yaml)")
    provenance("-q", "register", "--manifest", "datasets.yaml")
    say("4. Judge again: cleared. Sign, and start training under the clearance")
    provenance("audit", "run.yaml")
    provenance("-q", "keys", "new", "demo-officer", "--no-passphrase")
    provenance("-q", "clear")
    train = (sys.executable, "-c", "print('training starts')")
    gate = ("exec", "--clearance", "helpdesk-7b.clearance.json", "--trust", "trust.json", "--", *train)
    provenance(*gate)
    say("5. Change one byte, and the gate stays shut")
    with (WORK / "data" / "prose" / "prose.jsonl").open("ab") as file:
        file.write(b"\n")
    provenance(*gate, expect=(77,))
    say("Open the two reports in demo/reports, then try it on your own data: provenance check YOUR_FOLDER")


if __name__ == "__main__":
    main()
