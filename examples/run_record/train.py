"""A plain PyTorch loop that keeps a run record, workers of its data loader included.

    python train.py CLEARANCE DATA_FOLDER TRUST_FILE RUN_FOLDER [RECORDER_KEY]

The gate comes first; then every read of a shard is told to the recorder, in the process that reads. Afterwards:

    provenance runs import RUN_FOLDER        (add --unsigned where no key was given)
    provenance runs show
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from provenance.hooks.gate import TrainingBlocked, pass_gate
from provenance.hooks.observe import RunEnd, tell_denied
from provenance.hooks.record import RunRecorder

EPOCHS = 2
WORKERS = 2


def main() -> None:
    clearance, data, trust, folder, *key = sys.argv[1:]
    passed = pass_gate(clearance, roots=[data], trust=trust)

    import torch  # after the gate: nothing heavy is loaded for a run that may not start
    from torch.utils.data import DataLoader, IterableDataset, get_worker_info

    recorder = RunRecorder(folder, passed, key=key[0] if key else None, trust=trust, framework="torch", sees_all_reads=True)

    class Shards(IterableDataset[torch.Tensor]):
        """Gives the bytes of the cleared shards, 16 at a time; each worker its share of the shards."""

        def __iter__(self) -> Iterator[torch.Tensor]:
            worker = get_worker_info()
            number, workers = (worker.id, worker.num_workers) if worker is not None else (0, 1)
            for file in passed.shards.verified[number::workers]:
                raw = Path(file.place).read_bytes()
                recorder.shard_read(file.leaf.path, len(raw))
                for start in range(0, len(raw), 16):
                    yield torch.tensor(list(raw[start : start + 16].ljust(16)), dtype=torch.float32) / 255

    model = torch.nn.Linear(16, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    step = 0
    try:
        for epoch in range(EPOCHS):
            for batch in DataLoader(Shards(), batch_size=8, num_workers=WORKERS):
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(model(batch), batch).backward()
                optimizer.step()
                step += 1
                recorder.step_ended(step, epoch=epoch)
            recorder.step_ended(step, epoch=epoch + 1)
    except TrainingBlocked as denial:
        tell_denied(recorder, denial.reasons)
        raise
    except BaseException:
        recorder.run_ended(RunEnd.FAILED)
        raise
    recorder.run_ended(RunEnd.COMPLETED)
    print(f"{step} steps")


if __name__ == "__main__":
    main()
