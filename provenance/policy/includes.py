"""Bundles that a bundle includes: each is loaded as a bundle of its own, so that a record names its release and digest beside those of the one that asked for it.

An included bundle is looked for beside the one that includes it, then among the shipped ones. It is taken as it is: its parameters cannot be changed from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.config import shipped
from provenance.documents import nearest
from provenance.errors import PolicyDocumentError
from provenance.policy.shipped_names import refuse_taken_file

if TYPE_CHECKING:
    from provenance.policy.rules import Bundle

MAX_BUNDLES = 100
"""Most bundles that judge one run, included ones counted."""


def with_included(paths: Sequence[Path], load: Callable[[Path], Bundle]) -> list[Bundle]:
    """Load bundles and all that they include, each file once: what is included comes before what includes it.

    Args:
        paths: The bundles that a run names, in its order.
        load: Reads one file.

    Raises:
        PolicyDocumentError: If one is malformed or not there, includes itself, or there are too many.
    """
    loaded: dict[Path, Bundle] = {}
    for path in paths:
        _take(path.resolve(), (), load, loaded)
    return list(loaded.values())


def _take(path: Path, way: tuple[Path, ...], load: Callable[[Path], Bundle], loaded: dict[Path, Bundle]) -> None:
    if path in way:
        names = " includes ".join(p.name for p in (*way[way.index(path) :], path))
        raise PolicyDocumentError(f"{way[-1]}: includes: {names}", hint="take one of them out")
    if path in loaded:
        return
    if len(loaded) + len(way) >= MAX_BUNDLES:
        raise PolicyDocumentError(f"{path}: more than {MAX_BUNDLES} bundles", hint="name fewer bundles, or write their rules into one")
    bundle = load(path)
    for name in bundle.includes:
        _take(find_included(name, path), (*way, path), load, loaded)
    loaded[path] = bundle


def find_included(name: str, including: Path) -> Path:
    """Return the file of an included bundle.

    Args:
        name: As written: the bundle's file name, with or without ``.yaml``.
        including: The file that includes it.

    Raises:
        PolicyDocumentError: If there is none, or one beside is named like a shipped bundle and holds something else.
    """
    file = name if name.endswith(".yaml") else f"{name}.yaml"
    folders = (including.parent, shipped("policies") / "bundles")
    for folder in folders:
        if (folder / file).is_file():
            refuse_taken_file(folder / file)
            return (folder / file).resolve()
    known = [p.stem for folder in folders for p in folder.glob("*.yaml")]
    raise PolicyDocumentError(f"{including}: includes: bundle {name!r} is not there", hint=nearest(name, known) or None)
