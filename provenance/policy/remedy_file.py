"""Reads ``remedy.yaml``: what somebody thinks of doing. As strict as a run file, since its effect will be believed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from provenance.canonical import digest_of
from provenance.documents import nearest
from provenance.errors import DocumentError, RemedyError, WaiverError, WireFormatError
from provenance.model.absence import TriState
from provenance.model.remedy import DatasetWeight, RemedyPlan
from provenance.model.wire import read_value
from provenance.policy.placed import load_placed, with_place
from provenance.policy.rundoc import is_whole
from provenance.policy.waivers import parse_waiver

REMEDY_FORMAT = "provenance.remedy"
REMEDY_VERSION = 1
_KEYS = ("format", "version", "leave_out", "weights", "drop", "licenses", "run", "waivers")
_RUN_KEYS = ("model_name", "release_weights", "commercial")
_LICENSE_KEYS = ("dataset", "license", "by", "why")


def load_remedies(path: Path) -> RemedyPlan:
    """Read and check a remedy file.

    Raises:
        RemedyError: With file, line and column: not strict YAML, an unknown key, a wrong type, weights that do not sum to 1, a waiver that no file of
            waivers may hold.
    """
    try:
        document = load_placed(path, max_bytes=4 << 20)
    except DocumentError as err:
        raise RemedyError(str(err), hint=err.hint) from err
    try:
        return parse_remedies(document.value, where=str(path))
    except RemedyError as err:
        raise RemedyError(with_place(str(err), document, where=str(path)), hint=err.hint) from err


def parse_remedies(raw: object, *, where: str) -> RemedyPlan:
    """Return the plan that a document describes.

    Raises:
        RemedyError: As ``load_remedies``.
    """
    if not isinstance(raw, Mapping) or raw.get("format") != REMEDY_FORMAT or raw.get("version") != REMEDY_VERSION or raw.get("version") is True:
        raise RemedyError(f"{where}: expected format: {REMEDY_FORMAT} and version: {REMEDY_VERSION}")
    _known(raw, _KEYS, where)
    body = {key: value for key, value in raw.items() if key not in {"format", "version"} and value is not None}
    _known(body.get("run", {}), _RUN_KEYS, f"{where}: run")
    for i, item in enumerate(body.get("licenses", ()) if isinstance(body.get("licenses"), list) else ()):
        _known(item, _LICENSE_KEYS, f"{where}: licenses[{i}]")
    waivers = body.pop("waivers", [])
    if not isinstance(waivers, list):
        raise RemedyError(f"{where}: waivers must be a list")
    weights = _weights(body.pop("weights", {}), f"{where}: weights")
    if isinstance(body.get("run"), Mapping):
        body["run"] = _run(body["run"])
    try:
        plan = read_value(RemedyPlan, body, where=where)
        read = tuple(parse_waiver(item, where=f"{where}: waivers[{i}]") for i, item in enumerate(waivers))
        digest = digest_of(dict(raw))
    except (WireFormatError, WaiverError, ValueError) as err:
        raise RemedyError(str(err), hint=getattr(err, "hint", None)) from err
    _check(plan, where)
    _refuse_twice("waivers", [waiver.id for waiver in read], where)
    return dataclasses.replace(plan, weights=weights, waivers=read, digest=digest)


def _known(raw: object, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(raw, Mapping):
        raise RemedyError(f"{where}: expected keys with values, got {type(raw).__name__}", hint=f"known: {', '.join(keys)}")
    for key in raw:
        if key not in keys:
            raise RemedyError(f"{where}: unknown key {key!r}", hint=nearest(str(key), keys))


def _run(raw: Mapping[str, object]) -> dict[str, object]:
    value = raw.get("commercial")
    said = {"commercial": TriState.of(value).value} if isinstance(value, bool) else {}
    return {**raw, **said}


def _weights(raw: object, where: str) -> tuple[DatasetWeight, ...]:
    if not isinstance(raw, Mapping):
        raise RemedyError(f"{where}: expected a share for each dataset", hint="weights: {support-tickets: 0.8, chats: 0.2}")
    found = []
    for name, value in raw.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise RemedyError(f"{where}: {name}: {value!r} is not a number from 0 up")
        found.append(DatasetWeight(dataset=str(name), weight=float(value)))
    if found and not is_whole(w.weight for w in found):
        raise RemedyError(
            f"{where}: they sum to {math.fsum(w.weight for w in found):g}, expected 1", hint="a weight is a share of the sampled tokens"
        )
    return tuple(found)


def _check(plan: RemedyPlan, where: str) -> None:
    if plan.run.release_weights not in {"", "open", "closed"}:
        raise RemedyError(f"{where}: run: release_weights is {plan.run.release_weights!r}", hint="open or closed")
    for item in plan.licenses:
        for name in _LICENSE_KEYS:
            if not str(getattr(item, name)).strip():
                raise RemedyError(f"{where}: licenses: {name} is empty", hint="say which dataset, which licence, who would conclude it, and why")
    _refuse_twice("licenses", [item.dataset for item in plan.licenses], where)
    _refuse_twice("leave_out", plan.leave_out, where)
    _refuse_twice("drop", plan.drop, where)


def _refuse_twice(what: str, names: Sequence[str], where: str) -> None:
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise RemedyError(f"{where}: {what} names {repeated[0]!r} twice")
