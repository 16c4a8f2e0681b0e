"""What lies in what a trainer was given: loaders, mappings and wrappers are opened until a dataset appears. No framework is imported here.

Rules:
* Wrappers of the frameworks themselves (a ``DataLoader``, a ``Subset``, what accelerate puts around them) only pass on what they hold.
* A wrapper of anybody else may read more than what it holds: both it and what it holds are yielded.
* What cannot be opened is a dataset.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

FRAMEWORKS: Final = frozenset({"torch", "accelerate", "transformers", "trl", "lightning", "pytorch_lightning", "composer", "torch_xla"})
MAX_DEPTH: Final = 16
"""Wrappers around one another; no trainer comes near."""
_HOLDS: Final = ("dataset", "datasets", "flattened", "dataloader", "_loader")
"""Attributes in which wrappers keep what they wrap: torch and accelerate, ``ConcatDataset``, Lightning's
``CombinedLoader``, Composer's ``DataSpec`` and ``Evaluator``, ``MpDeviceLoader``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One dataset that a trainer was given."""

    name: str
    """What the trainer calls it, such as ``eval_dataset[chat]``."""
    dataset: object


def handed_datasets(given: Mapping[str, object]) -> Iterator[Handed]:
    """Yield the datasets in what a trainer was given, each once; what is ``None`` was not given.

    Args:
        given: Loaders and datasets, by the trainer's names for them.
    """
    seen: set[int] = set()
    for name, value in given.items():
        for handed in _opened(name, value, MAX_DEPTH):
            if id(handed.dataset) not in seen:
                seen.add(id(handed.dataset))
                yield handed


def _opened(name: str, value: object, depth: int) -> Iterator[Handed]:
    held = None if depth == 0 or _is_dataset(value) else _held(value)
    if value is None:
        return
    if isinstance(value, Mapping) and depth and not _is_dataset(value):
        for key, part in value.items():
            yield from _opened(f"{name}[{key}]", part, depth - 1)
        return
    if isinstance(value, list | tuple) and depth and any(_held(part) is not None or _is_dataset(part) for part in value):
        for number, part in enumerate(value):
            yield from _opened(f"{name}[{number}]", part, depth - 1)
        return
    if held is None or package_of(value) not in FRAMEWORKS:
        yield Handed(name=name, dataset=value)
    if held is not None:
        yield from _opened(name, held, depth - 1)


def package_of(value: object) -> str:
    """Return the name of the package that defines a value's type."""
    return type(value).__module__.partition(".")[0]


def is_of_datasets(value: object) -> bool:
    """Tell whether a value's type is of Hugging Face's ``datasets`` package, or made from one that is; projects often have a package of that name too."""
    package = sys.modules.get("datasets")
    is_theirs = hasattr(package, "load_dataset") and hasattr(package, "DatasetDict")
    return is_theirs and any(kind.__module__.partition(".")[0] == "datasets" for kind in type(value).__mro__)


def _is_dataset(value: object) -> bool:
    """Tell whether a value is one that is resolved as it is, and not by what it holds."""
    return (is_of_datasets(value) or package_of(value) == "provenance") and not isinstance(value, dict)


def _held(value: object) -> object:
    """Return what a wrapper holds, ``None`` if it is none."""
    if isinstance(value, str | bytes | list | tuple | Mapping):
        return None
    held = next((held for name in _HOLDS if (held := getattr(value, name, None)) is not None), None)
    return None if isinstance(held, str | bytes | int | float) or callable(held) else held
