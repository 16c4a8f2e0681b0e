"""Runs of Axolotl's plug-in and of Composer's callback, by stand-ins that keep to their documented contracts."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.fakes.clearances import ClearedWorld
from tests.fakes.training import EXAMPLES, ROOT, Scene

STAND_INS = ROOT / "tests" / "fakes" / "packages"
TAMPER = """
import pathlib
file = pathlib.Path("data/chat/b.jsonl")
pathlib.Path("good").write_bytes(file.read_bytes())
file.write_bytes(file.read_bytes().replace(b"press", b"prest", 1))
"""
MEND = "import pathlib; pathlib.Path('data/chat/b.jsonl').write_bytes(pathlib.Path('good').read_bytes())"
OTHER = "import pathlib; pathlib.Path('other.jsonl').write_text('{\"text\": \"not registered\"}\\n' * 8)"
PREPARED = "import pathlib; p = pathlib.Path('prepared/abc'); p.mkdir(parents=True); (p / 'data-00000-of-00001.arrow').write_bytes(b'x')"
UNPREPARED = "import shutil; shutil.rmtree('prepared')"
CHANGE_LATER = """
import pathlib, tiny
make = tiny.model
def change():
    tiny.model = make
    file = pathlib.Path("data/human.txt")
    pathlib.Path("good").write_bytes(file.read_bytes())
    file.write_text("changed")
    return make()
tiny.model = change
"""
MEND_HUMAN = "import pathlib; pathlib.Path('data/human.txt').write_bytes(pathlib.Path('good').read_bytes())"

# Composer's other stages, and runs that end otherwise.
STAGES = """
import json, sys
import torch
from composer import Trainer
from datasets import load_dataset
from provenance.hooks.composer import ProvenanceCallback
from tests.fakes.observer import KeptObserver
from torch.utils.data import DataLoader

kept, way = KeptObserver(), sys.argv[1]
gate = ProvenanceCallback("run.clearance.json", roots=["data"], trust="trust.json", record=kept)

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, batch):
        if way == "fails":
            raise RuntimeError("out of memory")
        return self.layer(torch.ones(4)).mean()

def load(file):
    return DataLoader(load_dataset("json", data_files=[file], split="train", cache_dir="out/cache"), batch_size=2)

good, other = load("data/chat/b.jsonl"), load("other.jsonl")
trainer = Trainer(model=Model(), train_dataloader=good, eval_dataloader=other if way == "evaluators" else None, max_duration="2ba", callbacks=[gate])
try:
    if way == "eval":
        trainer.eval(other)
    elif way == "predict":
        trainer.predict(other)
    else:
        trainer.fit()
finally:
    print(json.dumps({"steps": kept.steps, "ends": kept.ends, "reads": kept.bytes_read()}))
"""


def written(folder: Path, name: str, **changes: object) -> str:
    """Return the example's configuration for a world, with changes, as a file."""
    cfg = yaml.safe_load((EXAMPLES / "axolotl.yml").read_text(encoding="utf-8"))
    cfg["provenance"]["trust"] = "trust.json"
    file = folder / f"{name}.yml"
    file.write_text(yaml.safe_dump(cfg | changes), encoding="utf-8")
    return str(file)


def contract_scenes(world: ClearedWorld) -> dict[str, Scene]:
    train = STAND_INS / "axolotl" / "train.py"

    def axolotl(name: str, *, before: str = "", swallow: bool = False, **changes: object) -> Scene:
        return Scene(script=train, more=(written(world.folder, name, **changes),), before=before, swallow=swallow)

    made = {
        "composer tampered": Scene(script="composer_fit.py", before=TAMPER, swallow=True),
        "composer mended": Scene(script="composer_fit.py", before=MEND),
        "composer unregistered": Scene(script="composer_fit.py", before=OTHER, data="other.jsonl"),
        "axolotl": axolotl("plain"),
    }
    stages = world.folder / "stages.py"
    stages.write_text(STAGES, encoding="utf-8")
    made |= {f"composer {name}": Scene(script=stages, more=(name,)) for name in ("observed", "fails", "eval", "predict", "evaluators")}
    made |= {
        "axolotl tampered": axolotl("tampered", before=TAMPER, swallow=True),
        "axolotl unregistered": axolotl("unregistered", before=MEND, datasets=[{"path": "other.jsonl"}]),
        "axolotl hub": axolotl("hub", datasets=[{"path": "data/chat"}, {"path": "org/name"}]),
        "axolotl prepared": axolotl("prepared", before=PREPARED),
        "axolotl not configured": axolotl("nothing", before=UNPREPARED, provenance=None),
        "axolotl mistake": axolotl("mistake", provenance={"clearence": "x"}),
        "axolotl changed before training": axolotl("later", before=CHANGE_LATER),
    }
    return made
