"""What the examples train: a model of two layers with random weights, on a CPU, so that each runs in seconds and fetches nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast


def arguments(description: str | None) -> argparse.Namespace:
    """Return the command line: the gate's files, and what to train on."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clearance", type=Path, required=True, help="X.clearance.json")
    parser.add_argument("--root", type=Path, required=True, help="data root that was cleared")
    parser.add_argument("--trust", type=Path, help="trust file; the system's otherwise")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="JSON Lines files with a field text, below the data root")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the run record, checkpoints and caches; not below the data root")
    return parser.parse_args()


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of single bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(["<end>", *letters])}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", pad_token="<end>")  # noqa: S106 – a token of text


def model() -> GPT2LMHeadModel:
    """Return a GPT-2 of two layers, with random weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(vocab_size=257, n_positions=64, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0, pad_token_id=0))
