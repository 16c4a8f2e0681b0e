"""All formats that facts of datasets go out by, what each can hold, and how our own exports are read back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from provenance.errors import ManifestError
from provenance.exchange import export_card, export_croissant, export_csv, export_cyclonedx, export_dta, export_spdx
from provenance.exchange.export_facts import Export, ListReader, parse_facts, shard_line, whole_version
from provenance.model.dataset import DatasetVersion, Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """One format of documents."""

    name: str
    suffix: str
    """Ending of its files."""
    many: bool
    """Whether one document holds several datasets."""
    render: Callable[[Sequence[Export]], bytes]
    parse: Callable[[str], Any]
    """Text → plain values; ``ValueError`` where it is none."""
    facts_of: Callable[[Any], list[object]]
    """Parsed document → the facts of ours that it holds."""
    missing: Callable[[Any], list[str]]
    """Parsed document → what the format demands and its schema does not check."""


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: readers disagree which one counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names one key twice")
    return found


def _parse_card(text: str) -> Any:
    import yaml

    lines = text.split("\n")
    if lines[0] != "---" or "---" not in lines[1:]:
        raise ValueError("it has no metadata between dashes")
    try:
        return yaml.safe_load("\n".join(lines[1 : lines.index("---", 1)]))
    except yaml.YAMLError as err:
        raise ValueError(str(err)) from err


FORMATS: dict[str, ExportFormat] = {
    "croissant": ExportFormat(
        name="croissant",
        suffix=".croissant.json",
        many=False,
        render=export_croissant.render,
        parse=_parse_json,
        facts_of=export_croissant.facts_of,
        missing=export_croissant.missing,
    ),
    "spdx": ExportFormat(
        name="spdx",
        suffix=".spdx3.json",
        many=True,
        render=export_spdx.render,
        parse=_parse_json,
        facts_of=export_spdx.facts_of,
        missing=export_spdx.missing,
    ),
    "cyclonedx": ExportFormat(
        name="cyclonedx",
        suffix=".cdx.json",
        many=True,
        render=export_cyclonedx.render,
        parse=_parse_json,
        facts_of=export_cyclonedx.facts_of,
        missing=export_cyclonedx.missing,
    ),
    "dta": ExportFormat(
        name="dta",
        suffix=".dps.json",
        many=False,
        render=export_dta.render,
        parse=_parse_json,
        facts_of=export_dta.facts_of,
        missing=export_dta.missing,
    ),
    "hf-card": ExportFormat(
        name="hf-card",
        suffix=".README.md",
        many=False,
        render=export_card.render,
        parse=_parse_card,
        facts_of=export_card.facts_of,
        missing=export_card.missing,
    ),
}
"""Name → format. CSV is a stream and stands apart: ``export_csv.render``."""


def read_export(name: str, raw: bytes, *, where: str, lists: ListReader | None = None) -> tuple[DatasetVersion, ...]:
    """Return the datasets that a document of ours holds, equal to those it was made from.

    Args:
        name: Its format.
        raw: Its bytes.
        where: Its name, for errors.
        lists: Gives the shard lists beside it.

    Returns:
        Nothing where it holds no facts of ours: somebody else wrote it.

    Raises:
        ManifestError: If it is malformed, was changed after the export, or its shard list is missing or another one.
    """
    text = _text(raw, where)
    if name == "csv":
        return tuple(
            whole_version(e, where=where, lists=partial(_listed, shards))
            for e, shards in export_csv.parse_rows(io.StringIO(text, newline=""), where=where)
        )
    form = FORMATS[name]
    found = _parsed(form, text, where)
    exports = [parse_facts(facts, where=where) for facts in form.facts_of(found)]
    if not exports:
        return ()
    if len(exports) > 1 and not form.many:
        raise ManifestError(f"{where}: holds {len(exports)} datasets; {name} holds one")
    made = _parsed(form, _text(form.render(exports), where), where)
    if made != found:
        raise ManifestError(
            f"{where}: {difference(found, made)} was changed after the export: it is not what the facts in it say",
            hint="mend the registry instead and export again, or take the facts out of the file, so that it is read as somebody else's",
        )
    return tuple(whole_version(e, where=where, lists=lists) for e in exports)


def difference(left: Any, right: Any, path: str = "") -> str:
    """Return the first place where two parsed documents differ.

    >>> difference({"a": [1, 2]}, {"a": [1, 3]})
    'a[1]'
    """
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}, key=str):
            if key not in left or key not in right or left[key] != right[key]:
                return difference(left.get(key), right.get(key), f"{path}.{key}".lstrip("."))
    if isinstance(left, list) and isinstance(right, list):
        for i, (one, other) in enumerate(zip(left, right, strict=False)):
            if one != other:
                return difference(one, other, f"{path}[{i}]")
        return f"{path}[{min(len(left), len(right))}]"
    return path or "the document"


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ManifestError(f"{where}: not UTF-8 at byte {err.start}") from err


def _parsed(form: ExportFormat, text: str, where: str) -> Any:
    try:
        return form.parse(text)
    except (ValueError, RecursionError) as err:
        raise ManifestError(f"{where}: cannot be read as {form.name}: {err}") from err


def _listed(shards: Sequence[Shard], _name: str) -> Iterator[bytes]:
    """Return the lines of a shard list that stood in the document itself."""
    return map(shard_line, shards)
