"""Reads ``run.yaml``: strict, with near spellings, and with a digest over what it says rather than how it is laid out."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from provenance.canonical import digest_bytes, digest_of
from provenance.documents import nearest, parse_placed, read_document
from provenance.errors import DocumentError, RunDocumentError, WireFormatError
from provenance.fingerprint.digest import is_digest
from provenance.model.absence import is_absent
from provenance.model.run import Run, RunData
from provenance.model.wire import read_value
from provenance.policy.placed import with_place
from provenance.policy.run_statements import check_day, check_evidence, check_statements, spell_out

RUN_FORMAT = "provenance.run"
RUN_VERSION = 1
MAX_BYTES = 4 << 20
"""Largest run file read, bytes."""
_COMPUTED = frozenset({"digest", "file_digest"})
WEIGHT_TOLERANCE = 1e-3
"""How far the weights' sum may be from 1: they are written by hand, with a few digits, such as 0.333 three times."""
_RELEASES = frozenset({"open", "closed"})


def load_run(path: Path) -> Run:
    """Read and check a run file.

    Raises:
        RunDocumentError: With file, line and column: not strict YAML, an unknown or missing field, a wrong type, a dataset named twice, weights that
            do not sum to 1, weight and epochs mixed, an approval whose file is not the recorded one.
    """
    try:
        raw = read_document(path, max_bytes=MAX_BYTES)
        document = parse_placed(raw, where=str(path))
    except DocumentError as err:
        raise RunDocumentError(str(err), hint=err.hint) from err
    try:
        run = parse_run(document.value, where=str(path))
        check_evidence(run, path.parent, str(path))
    except RunDocumentError as err:
        raise RunDocumentError(with_place(str(err), document, where=str(path)), hint=err.hint) from err
    return dataclasses.replace(run, file_digest=digest_bytes(raw))


def parse_run(raw: object, *, where: str) -> Run:
    """Return the run that a document describes.

    Raises:
        RunDocumentError: As ``load_run``.
    """
    if not isinstance(raw, Mapping):
        raise RunDocumentError(f"{where}: expected a run document, got {type(raw).__name__}", hint=f"begin with: format: {RUN_FORMAT}")
    if raw.get("format") != RUN_FORMAT:
        raise RunDocumentError(f"{where}: format is {raw.get('format')!r}, expected {RUN_FORMAT!r}")
    if raw.get("version") != RUN_VERSION or isinstance(raw.get("version"), bool):
        raise RunDocumentError(f"{where}: version is {raw.get('version')!r}, expected {RUN_VERSION}")
    body = {"organization": {}, "purpose": {}, **{k: v for k, v in raw.items() if k not in {"format", "version"}}}
    for name in _COMPUTED & body.keys():
        raise RunDocumentError(f"{where}: {name} is computed, not given")
    body = spell_out(body)
    _check_keys(Run, body, where)
    try:
        run = read_value(Run, body, where=where)
    except WireFormatError as err:
        raise RunDocumentError(str(err)) from err
    _check(run, where)
    try:
        digest = digest_of({"format": RUN_FORMAT, "version": RUN_VERSION, **{k: v for k, v in raw.items() if k not in {"format", "version"}}})
    except ValueError as err:
        raise RunDocumentError(f"{where}: {err}") from err
    return dataclasses.replace(run, digest=digest)


def _check_keys(kind: type, raw: object, where: str) -> None:
    """Refuse unknown keys with a near spelling, at every level."""
    if not isinstance(raw, Mapping):
        return
    hints = typing.get_type_hints(kind)
    fields = {str(f.metadata.get("wire", f.name)): hints[f.name] for f in dataclasses.fields(kind) if f.name not in _COMPUTED}
    for key, value in raw.items():
        if key not in fields:
            raise RunDocumentError(f"{where}: unknown key {key!r}", hint=nearest(str(key), fields))
        inner = _stated(fields[key])
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            _check_keys(inner, value, f"{where}: {key}")
        item = typing.get_args(inner)[0] if typing.get_origin(inner) is tuple else None
        if isinstance(item, type) and dataclasses.is_dataclass(item) and isinstance(value, list):
            for i, element in enumerate(value):
                _check_keys(item, element, f"{where}: {key}[{i}]")


def _stated(hint: Any) -> Any:
    """Return the type of a field where it is stated at all."""
    options = [o for o in typing.get_args(hint) if o is not types.NoneType] if isinstance(hint, types.UnionType) else [hint]
    return options[0] if len(options) == 1 else hint


def _check(run: Run, where: str) -> None:
    if not run.model.name.strip():
        raise RunDocumentError(f"{where}: model.name is empty")
    if not run.data:
        raise RunDocumentError(f"{where}: data names no dataset", hint="data: [{dataset: NAME, weight: 1.0}]")
    for number in (run.model.parameters, *(d.weight for d in run.data), *(d.epochs for d in run.data)):
        if number is not None and (not math.isfinite(number) or number < 0):
            raise RunDocumentError(f"{where}: {number} is not a number from 0 up")
    _check_asking(run, where)
    release = run.model.release
    if release.weights not in _RELEASES and not is_absent(release.weights):
        raise RunDocumentError(f"{where}: model.release.weights is {release.weights!r}", hint="open, closed, or UNKNOWN")
    check_day(release.date, f"{where}: model.release.date")
    check_day(run.organization.copyright_policy.date, f"{where}: organization.copyright_policy.date")
    check_statements(run, where)
    _check_data(run.data, f"{where}: data")


def _check_asking(run: Run, where: str) -> None:
    if (run.organization.monthly_active_users or 0) < 0:
        raise RunDocumentError(f"{where}: organization.monthly_active_users is {run.organization.monthly_active_users}, expected a number from 0 up")
    if not run.requested_by.strip():
        raise RunDocumentError(f"{where}: requested_by is empty", hint="say who asks for the run, or leave it out")
    if repeated := sorted({p for p in run.policy if run.policy.count(p) > 1}):
        raise RunDocumentError(f"{where}: policy names {repeated[0]!r} twice")


def _check_data(data: tuple[RunData, ...], where: str) -> None:
    names = [split_pin(item.dataset, where)[0] for item in data]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise RunDocumentError(f"{where}: dataset {repeated[0]!r} is named twice", hint="give it one weight")
    weights = [item.weight for item in data if item.weight is not None]
    epochs = [item.epochs for item in data if item.epochs is not None]
    if weights and epochs:
        raise RunDocumentError(f"{where}: weight and epochs are mixed", hint="give weights or epochs, the others are derived")
    if weights and len(weights) != len(data):
        raise RunDocumentError(f"{where}: {len(data) - len(weights)} of {len(data)} datasets have no weight")
    if epochs and len(epochs) != len(data):
        raise RunDocumentError(f"{where}: {len(data) - len(epochs)} of {len(data)} datasets have no epochs")
    if weights and not is_whole(weights):
        raise RunDocumentError(f"{where}: the weights sum to {math.fsum(weights):g}, expected 1", hint="a weight is a share of the sampled tokens")
    if epochs and not math.fsum(epochs):
        raise RunDocumentError(f"{where}: all epochs are 0")


def is_whole(weights: Iterable[float]) -> bool:
    """Tell whether shares sum to 1, as far as their digits can be trusted."""
    return round(abs(math.fsum(weights) - 1), 9) <= WEIGHT_TOLERANCE  # 1 - 0.999 is a little more than 0.001


def split_pin(dataset: str, where: str = "dataset") -> tuple[str, str | None]:
    """Return name and root digest of ``name`` or ``name@sha256:…``.

    Raises:
        RunDocumentError: If the name is empty or the pin is no digest.
    """
    name, at, pin = dataset.partition("@")
    if not name.strip():
        raise RunDocumentError(f"{where}: a dataset has no name")
    if at and not is_digest(pin):
        raise RunDocumentError(f"{where}: {dataset!r}: {pin!r} is not sha256:<64 hex digits>")
    return name, pin if at else None
