"""Path templates: what the folders and names of files say of their datasets, such as ``{dataset}/{lang}/*.jsonl.zst``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provenance.errors import ManifestError
from provenance.exchange.sources import Reading, path_fault
from provenance.model.dataset import Dataset

_PIECE = re.compile(r"\{([^{}]*)\}|(\*\*/)|(\*\*)|(\*)|(\?)|([^{}])")
_LANGUAGE = ("lang", "language")
MAX_FIELD = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PathTemplate:
    """A template, ready to be matched."""

    text: str
    pattern: re.Pattern[str]

    def fields(self, path: str) -> dict[str, str] | None:
        """Return what a path says, ``None`` where the template does not fit it."""
        found = self.pattern.fullmatch(path)
        return found.groupdict() if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDataset:
    """The files that make up one dataset."""

    dataset: Dataset
    paths: tuple[str, ...]
    """Relative to the data root, sorted."""


def parse_template(text: str) -> PathTemplate:
    """Return a template.

    ``{name}`` stands for one part of a path or a piece of it, ``*`` and ``?`` for characters within a part, ``**`` for parts.

    Raises:
        ManifestError: If it leads out of the data root, is malformed, or has no ``{dataset}``.
    """
    where = f"template {text[:80]!r}"
    if fault := path_fault(re.sub(r"[{}]", "", text)):
        raise ManifestError(f"{where} {fault}")
    made, names, end = "", set[str](), 0
    for piece in _PIECE.finditer(text):
        if piece.start() != end:
            break
        end = piece.end()
        made += _piece(piece, names, where)
    if end != len(text):
        raise ManifestError(f"{where}: a brace at character {end + 1} has no partner", hint="write fields as {dataset}")
    if "dataset" not in names:
        raise ManifestError(f"{where}: has no {{dataset}}, so no file would belong to one", hint="such as {dataset}/{lang}/*.jsonl.zst")
    return PathTemplate(text=text, pattern=re.compile(made))


def _piece(piece: re.Match[str], names: set[str], where: str) -> str:
    name, folders, anything, within, one, literal = piece.groups()
    if name is None:
        return "(?:[^/]+/)*" if folders else ".*" if anything else "[^/]*" if within else "[^/]" if one else re.escape(literal)
    if not re.fullmatch(rf"[a-z][a-z0-9_]{{0,{MAX_FIELD - 1}}}", name):
        raise ManifestError(f"{where}: {name[:40]!r} is no field name", hint="lower-case letters, digits and _, such as {dataset} or {lang}")
    if name in names:
        return f"(?P={name})"
    names.add(name)
    return f"(?P<{name}>[^/]+?)"


def find_datasets(folder: Path, template: PathTemplate, *, reading: Reading) -> tuple[TemplateDataset, ...]:
    """Return the datasets whose files a template fits, by name.

    Args:
        folder: The data root.
        template: What their paths look like.
        reading: Told of what cannot be named, and of names that two folders share.

    Raises:
        ManifestError: If the folder cannot be listed.
    """
    if not folder.is_dir():
        raise ManifestError(f"{folder}: the data root is not there", hint="make it, or mend [roots] in the settings")
    groups: dict[str, list[tuple[str, dict[str, str]]]] = {}
    given_by_name: dict[str, str] = {}
    for path in _files(folder, reading):
        fields = template.fields(path)
        if fields is None:
            continue
        if fault := path_fault(path):
            reading.problem(f"{path[:120]!r} {fault}: not registered; rename it")
            continue
        given = fields.pop("dataset")
        name = reading.name(given, path[:120]) if given not in given_by_name.values() else next(n for n, g in given_by_name.items() if g == given)
        if not name:
            continue
        if given_by_name.setdefault(name, given) != given:
            reading.problem(f"{path[:120]!r}: {given!r} and {given_by_name[name]!r} would both be dataset {name!r}: not registered; rename one")
            continue
        groups.setdefault(name, []).append((path, fields))
    return tuple(_dataset(name, groups[name]) for name in sorted(groups))


def _dataset(name: str, files: list[tuple[str, dict[str, str]]]) -> TemplateDataset:
    languages = sorted({v for _, fields in files for k, v in fields.items() if k in _LANGUAGE})
    tags = sorted({f"{k}:{v}" for _, fields in files for k, v in fields.items() if k not in _LANGUAGE})
    return TemplateDataset(dataset=Dataset(name=name, languages=tuple(languages), tags=tuple(tags)), paths=tuple(sorted(p for p, _ in files)))


def _files(folder: Path, reading: Reading) -> Iterator[str]:
    """Yield the files below a folder, hidden ones left out, links to folders not followed."""

    def failed(err: OSError) -> None:
        reading.problem(f"{err.filename}: cannot be listed: {err.strerror}")

    for parent, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(n for n in names if not n.startswith(".")):
            yield (Path(parent) / name).relative_to(folder).as_posix()
