"""``python -m axolotl.train CONFIG``: loads plug-ins, validates, loads data, then a model, then trains; in that order."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import yaml

from axolotl.integrations.base import BasePlugin, load_plugins


def validated(cfg: dict[str, Any], plugins: list[BasePlugin]) -> dict[str, Any]:
    for plugin in plugins:
        name = plugin.get_input_args()
        if name is not None:
            module, _, kind = name.rpartition(".")
            getattr(importlib.import_module(module), kind).model_validate({"provenance": cfg.get("provenance")})
    return cfg


def main(file: Path) -> None:
    cfg = yaml.safe_load(file.read_text(encoding="utf-8"))
    cfg["axolotl_config_path"] = str(file)
    plugins = load_plugins(cfg)
    cfg = validated(cfg, plugins)
    import tiny
    from datasets import concatenate_datasets, load_dataset
    from transformers import Trainer, TrainingArguments

    words = tiny.tokenizer()

    def tokens(record: dict[str, str]) -> dict[str, list[int]]:
        ids = words(record["text"], truncation=True, max_length=32, padding="max_length")["input_ids"]
        return {"input_ids": ids, "labels": ids}

    def load(entry: dict[str, Any]) -> Any:
        place = Path(entry["path"])
        files = [str(place)] if place.is_file() else [str(f) for f in sorted(place.glob("*.jsonl"))]
        return load_dataset("json", data_files=files, split="train", cache_dir="out/cache")

    texts = concatenate_datasets([load(entry) for entry in cfg["datasets"]])
    records = texts.map(tokens, remove_columns=texts.column_names, keep_in_memory=True)
    for plugin in plugins:
        plugin.pre_model_load(cfg)
    model = tiny.model()
    callbacks = [callback for plugin in plugins for callback in plugin.add_callbacks_pre_trainer(cfg, model)]
    arguments = TrainingArguments(cfg["output_dir"], max_steps=2, per_device_train_batch_size=2, use_cpu=True, report_to=[], disable_tqdm=True)
    trainer = Trainer(model=model, args=arguments, train_dataset=records, callbacks=callbacks)
    trainer.train()
    print(f"trained {trainer.state.global_step} steps")  # noqa: T201 – what the tests read


if __name__ == "__main__":
    main(Path(sys.argv[1]))
