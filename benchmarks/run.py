"""Run every benchmark of this folder, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    folder = Path(__file__).parent
    failed = []
    for path in sorted(folder.glob("*.py")):
        if path.name != Path(__file__).name:
            print(f"== {path.stem}", flush=True)
            if subprocess.run([sys.executable, str(path)], check=False).returncode:
                failed.append(path.stem)
    if failed:
        sys.exit("did not finish: " + ", ".join(failed))


if __name__ == "__main__":
    main()
