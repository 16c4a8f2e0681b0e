"""Real training runs for tests: scripts of ``examples/trainers`` on a cleared world, several scenes in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provenance.clearance.trust import trust_bytes
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "trainers"
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One run of a script."""

    script: str | Path
    """Name in ``examples/trainers``, or a file."""
    data: str = "data/chat/b.jsonl"
    before: str = ""
    """Python that is run before it, in the world's folder."""
    swallow: bool = False
    """Run it inside ``except Exception``."""
    more: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended."""

    code: int
    forward: int
    """Calls of any module of a model."""
    fetched: int
    """Batches that loaders fetched."""
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What all scenes came to."""

    folder: Path
    """The world's."""
    code: int
    """Of the process, which is the last scene's."""
    ends: dict[str, Ending]


def play_once(
    factory: pytest.TempPathFactory, name: str, prepare: Callable[[ClearedWorld], dict[str, Scene]], *, path: Sequence[Path] = ()
) -> Played:
    """Return what scenes came to, played once however many processes the tests run in.

    Args:
        factory: Of the session.
        name: Of the scenes.
        prepare: Makes the scenes of a world, in order; what one changes stays changed.
        path: Folders that Python looks for packages in, first; relative ones below the world's.
    """
    base = factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / f"played-{name}"
    ends = folder / "ends.json"
    try:
        folder.mkdir()
    except FileExistsError:  # another process plays them
        deadline = time.monotonic() + 300
        while not ends.exists():
            assert time.monotonic() < deadline, f"{name} was not played"
            time.sleep(0.1)
    else:
        part = folder / "ends.part"
        part.write_text(json.dumps(None), encoding="utf-8")
        try:
            world = lasting_world(folder)
            scenes = prepare(world)
            code, endings = play(world, list(scenes.values()), path=[folder / place for place in path])
            part.write_text(json.dumps([code, {name: asdict(end) for name, end in zip(scenes, endings, strict=True)}]), encoding="utf-8")
        finally:
            part.rename(ends)
    told = json.loads(ends.read_text(encoding="utf-8"))
    assert told is not None, f"{name} could not be played: see the first failure"
    return Played(folder=folder, code=told[0], ends={name: Ending(**end) for name, end in told[1].items()})


def lasting_world(folder: Path) -> ClearedWorld:
    """Return a cleared world that holds whenever the tests run."""
    made = cleared_world(folder, **ALWAYS)
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    return made


def play(world: ClearedWorld, scenes: Sequence[Scene], *, path: Sequence[Path] = ()) -> tuple[int, list[Ending]]:
    """Return the exit code of the process, which is the last scene's, and how each scene ended.

    Args:
        world: What is trained on.
        scenes: In order; what one changes stays changed.
        path: Folders that Python looks for packages in, first.
    """
    plan = world.folder / "plan.json"
    plan.write_text(json.dumps([_wire(world, scene) for scene in scenes]), encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT))),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(world.folder / "hf"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.fakes.training_driver", str(plan)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment, cwd=world.folder)
    ends = plan.with_suffix(".ends.json")
    assert ends.exists(), done.stderr
    endings = [Ending(**end) for end in json.loads(ends.read_text(encoding="utf-8"))]
    assert len(endings) == len(scenes), done.stderr
    return done.returncode, endings


def _wire(world: ClearedWorld, scene: Scene) -> dict[str, Any]:
    gate = ["--clearance", str(world.clearance), "--root", str(world.data), "--trust", str(world.trust)]
    own = isinstance(scene.script, Path)
    arguments = [*scene.more] if own else [*gate, "--data", scene.data, "--out", str(world.folder / "out"), *scene.more]
    return {"script": str(scene.script if own else EXAMPLES / scene.script), "arguments": arguments, "before": scene.before, "swallow": scene.swallow}
