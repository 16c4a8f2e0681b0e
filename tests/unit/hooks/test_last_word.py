"""A denial that a bare ``except:`` swallowed is the process's exit code all the same, unless a gate was passed since; and no run is denied that was let through."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.clearance.trust import trust_bytes
from tests.fakes.clearances import cleared_world, sample_trust

ROOT = Path(__file__).parents[3]
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}
# What a careless script does, step by step, and the exit code that it must have although it always comes to its end.
CASES = {
    "denied": (["break good", "gate good"], 77),
    "denied, another was let through since": (["break good", "gate good", "gate other"], 0),
    "let through, another was denied since": (["gate other", "break good", "gate good"], 0),
    "let through and then denied": (["gate good", "break good", "gate good"], 77),
    "let through and then denied, mended, let through": (["gate good", "break good", "gate good", "mend good", "gate good"], 0),
    "let through": (["gate good"], 0),
    "asked only": (["break good", "ask good"], 0),
    "a read was denied": (["gate good", "break good", "read good"], 77),
    "a read was denied, then mended and looked at": (["gate good", "break good", "read good", "mend good", "look good"], 77),
    "a read was denied, another was let through since": (["gate good", "break good", "read good", "gate other"], 0),
    "a trainer's look was denied": (["trainer good", "break good", "step"], 77),
    "never denied in a process that was forked": (["break good", "gate good", "fork"], 77),
    "denied in a process that was forked from a denied one": (["break good", "gate good", "break other", "fork other"], 77),
}
SCRIPT = """
import atexit, json, os, sys
from pathlib import Path
from provenance.hooks.gate import examine
from provenance.hooks.guard import Guard
from provenance.hooks.trainers import TrainerGate

folder, cases = Path(sys.argv[1]), json.loads(sys.argv[2])
GOOD = {name: (folder / name / "data/human.txt").read_bytes() for name in ("good", "other")}

def careless(steps):
    guards, trainer = {}, None
    for step in steps:
        did, _, name = step.partition(" ")
        where, file = folder / name, folder / name / "data/human.txt"
        options = {"roots": [where / "data"], "trust": where / "trust.json"}
        try:
            if did == "break":
                file.write_bytes(GOOD[name][::-1])
            elif did == "mend":
                file.write_bytes(GOOD[name])
            elif did == "gate":
                guards[name] = Guard.enter(where / "run.clearance.json", **options)
            elif did == "ask":
                examine(where / "run.clearance.json", **options)
            elif did == "read":
                guards[name].read_bytes(file)
            elif did == "look":
                guards[name].check_unchanged()
                print("was let through again")
            elif did == "trainer":
                trainer = TrainerGate(where / "run.clearance.json", framework="none", **options)
            elif did == "step":
                trainer.step_ended(1)
            elif did == "fork":
                child = os.fork()
                if not child:
                    if name:
                        careless([f"gate {name}"])
                    sys.exit(0)
                print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        except:
            pass
    for name, good in GOOD.items():
        (folder / name / "data/human.txt").write_bytes(good)

codes = {}
for case, steps in cases.items():
    child = os.fork()
    if not child:
        atexit.register(print, case, "ends in order", flush=True)
        careless(steps)
        sys.exit(0)
    codes[case] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
(folder / "codes.json").write_text(json.dumps(codes))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], str]:
    folder = tmp_path_factory.mktemp("last")
    for name in ("good", "other"):
        (folder / name).mkdir()
        world = cleared_world(folder / name, **ALWAYS)
        world.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    command = [sys.executable, "-c", SCRIPT, str(folder), json.dumps({case: steps for case, (steps, _) in CASES.items()})]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "codes.json").read_text(encoding="utf-8")), done.stdout


@pytest.mark.parametrize("case", CASES)
def test_the_exit_code_of_a_script_that_swallows_denials(ran: tuple[dict[str, int], str], case: str) -> None:
    codes, said = ran
    assert codes[case] == CASES[case][1]
    assert f"{case} ends in order" in said  # what was registered to be called at exit was called
    assert "was let through again" not in said


def test_a_forked_process_has_an_exit_code_of_its_own(ran: tuple[dict[str, int], str]) -> None:
    assert "child 0" in ran[1]
    assert "child 77" in ran[1]
