"""Model ids, and the spellings under which one model goes: what one place writes with a dot another writes with ``_``, ``-`` or ``:``.

A spelling that is missed loses a licence or a limit, so a name counts as every model that it may be spelling: the more texts apply, the stricter the answer.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

_VERSION = re.compile(r"(?<=\d)_(?=\d(?![\db]))|(?<=[a-z]\d)-(?=\d(?:-|$))")
"""What stands for the dot of a version: ``3_1``, ``qwen2-5-vl``; never a hyphen before another word, or Qwen2.5 would pass as Qwen2."""
_MOST_OPEN = 4
"""Underscores of which both readings are tried."""
_DISTILLED = {"1.5b": ("qwen",), "7b": ("qwen",), "8b": ("llama", "qwen"), "14b": ("qwen",), "32b": ("qwen",), "70b": ("llama",)}
"""Sizes of DeepSeek R1 that were distilled into models of others: some places name them by size alone."""


@lru_cache(maxsize=4096)
def normalize_model(name: str) -> str:
    """Return a model id as globs match it: lower case, without the organisation, spaces as hyphens.

    >>> normalize_model("mistralai/Mistral 7B")
    'mistral-7b'
    """
    return re.sub(r"\s+", "-", name.strip().lower().rsplit("/", 1)[-1])


@lru_cache(maxsize=4096)
def model_spellings(name: str) -> tuple[str, ...]:
    """Return the ids that a name may stand for.

    >>> "llama-3.1-nemotron-51b" in model_spellings("nvidia/Llama-3_1-Nemotron-51B"), "gemma-2-9b" in model_spellings("gemma2:9b")
    (True, True)
    """
    plain = normalize_model(name)
    dotted = _VERSION.sub(".", plain)
    read = (dotted if dotted != plain and "_" not in plain else plain, *_underscores(dotted.replace(":", "-")))
    names = (n for one in dict.fromkeys(read) for n in (one, *_joints(one)))
    ids = tuple(dict.fromkeys(names)) if dotted == plain else tuple(n for n in dict.fromkeys(names) if n != plain)
    return (*ids, *(i for n in ids for i in _distilled(n)))


def _underscores(name: str) -> Iterator[str]:
    """Yield the name with each underscore read as a hyphen and as a dot."""
    first, *others = name.split("_")
    for marks in itertools.product("-.", repeat=min(len(others), _MOST_OPEN)):
        filled = itertools.chain(marks, itertools.repeat("-"))
        yield first + "".join(mark + part for mark, part in zip(filled, others, strict=False))


def _joints(name: str) -> Iterator[str]:
    """Yield the name with a hyphen between family and version, without one, and with a dot in a version that is written with a hyphen."""
    yield re.sub(r"^([a-z]{2,})(?=\d)", r"\1-", name)
    yield re.sub(r"^([a-z]{2,})-(?=\d)", r"\1", name)
    yield re.sub(r"(?<=\d)-(?=\d(?:-|$))", ".", name)


def _distilled(name: str) -> Iterator[str]:
    found = re.match(r"deepseek-r1-(\d+(?:\.\d+)?b)(?![a-z0-9])", name)
    for base in _DISTILLED.get(found[1], ()) if found is not None else ():
        yield f"deepseek-r1-distill-{base}-{found[1] if found is not None else ''}"


def glob_matches(models: Sequence[str], not_models: Sequence[str], model: str) -> bool:
    """Tell whether globs name a model, in any spelling that it may stand for.

    >>> glob_matches(["llama-3", "llama-3-*"], [], "meta-llama/Llama-3.1-8B")
    False
    """
    return any(_named(models, name) and not _named(not_models, name) for name in model_spellings(model))


def _named(globs: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
