"""Runs an example's training script again and again in one process, as torch is loaded once; started by ``tests.fakes.training``.

Argument: a JSON file of scenes. Each names a script, its arguments, and Python to run before it. Counts of what reached the model go to a JSON file after
each scene. The last scene's exit code is the process's own.
"""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

import torch

COUNTS = {"forward": 0, "fetched": 0}


def count_forward(*_: object) -> None:
    COUNTS["forward"] += 1


def count_fetched(kind: Any) -> None:
    inner = kind.fetch

    def fetch(self: Any, index: Any) -> Any:
        COUNTS["fetched"] += 1
        return inner(self, index)

    kind.fetch = fetch


def play(scene: dict[str, Any]) -> dict[str, Any]:
    """Run one scene and return how it ended."""
    COUNTS.update(forward=0, fetched=0)
    exec(scene["before"], {"__name__": "scene"})
    sys.argv = [scene["script"], *scene["arguments"]]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if scene["swallow"]:
                with contextlib.suppress(Exception):
                    runpy.run_path(scene["script"], run_name="__main__")
            else:
                runpy.run_path(scene["script"], run_name="__main__")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except Exception:  # noqa: BLE001 – a script may fail in any way, and the next scene is played still
            code = 1
            traceback.print_exc()
    return {"code": code, "out": out.getvalue(), "err": err.getvalue(), **COUNTS}


def main() -> None:
    plan = Path(sys.argv[1])
    scenes: list[dict[str, Any]] = json.loads(plan.read_text(encoding="utf-8"))
    torch.nn.modules.module.register_module_forward_pre_hook(count_forward)
    count_fetched(torch.utils.data._utils.fetch._MapDatasetFetcher)
    count_fetched(torch.utils.data._utils.fetch._IterableDatasetFetcher)
    torch.set_num_threads(1)
    ends = []
    for scene in scenes:
        sys.path.insert(0, str(Path(scene["script"]).parent))
        ends.append(play(scene))
        plan.with_suffix(".ends.json").write_text(json.dumps(ends), encoding="utf-8")
    sys.exit(ends[-1]["code"])


if __name__ == "__main__":
    main()
