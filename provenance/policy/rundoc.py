"""Reading run files (FORMATS, run.yaml): strict, so that a misspelt field never weakens an audit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from provenance.canonical import digest_of
from provenance.documents import load_document, nearest
from provenance.errors import DocumentError, RunDocumentError
from provenance.fingerprint.digest import is_digest
from provenance.model.absence import Absence, TriState
from provenance.model.run import CompetesWith, ModelPlan, Organization, Purpose, Release, Run, RunData

RUN_FORMAT = "provenance.run"
RUN_VERSION = 1
WEIGHT_TOLERANCE = 1e-3
"""Weights are shares of sampled tokens and must sum to 1 within this."""
_TOP = ("format", "version", "model", "purpose", "organization", "data", "references", "policy", "waivers", "requested_by")


def load_run(path: Path) -> Run:
    """Return the run that a file plans.

    Raises:
        RunDocumentError: If it cannot be read or is not a run file; the message names the field.
    """
    try:
        raw, _ = load_document(path)
    except DocumentError as err:
        raise RunDocumentError(str(err), hint=err.hint or "see docs/formats/run.md") from err
    return parse_run(raw, where=str(path))


def parse_run(raw: object, *, where: str) -> Run:
    """Return the run that a parsed document plans.

    Raises:
        RunDocumentError: If it does not have the shape of one.
    """
    reader = _Reader(where)
    top = reader.mapping(raw, "", _TOP)
    if top.get("format") != RUN_FORMAT:
        reader.fail("format", f"is {top.get('format')!r}, expected {RUN_FORMAT!r}")
    if top.get("version") != RUN_VERSION:
        reader.fail("version", f"is {top.get('version')!r}, this program reads version {RUN_VERSION}")
    return Run(
        model=reader.model(top.get("model")),
        purpose=reader.purpose(top.get("purpose")),
        organization=reader.organization(top.get("organization")),
        data=reader.data(top.get("data")),
        references=reader.texts(top.get("references"), "references"),
        policy=reader.texts(top.get("policy"), "policy"),
        waivers=reader.optional_text(top.get("waivers"), "waivers"),
        requested_by=reader.text(top.get("requested_by"), "requested_by", default=Absence.NOT_STATED.value),
        digest=digest_of(raw),
    )


class _Reader:
    """Reads values of one document; every fault names the document and the field."""

    def __init__(self, where: str) -> None:
        self._where = where

    def fail(self, field: str, reason: str, hint: str = "") -> NoReturn:
        raise RunDocumentError(f"{self._where}: {field + ' ' if field else ''}{reason}", hint=hint or "see docs/formats/run.md")

    def mapping(self, raw: object, field: str, known: tuple[str, ...]) -> Mapping[str, Any]:
        if not isinstance(raw, Mapping):
            self.fail(field, f"must be a mapping, got {type(raw).__name__}" if raw is not None else "is missing" if field else "is empty")
        for key in raw:
            if key not in known:
                self.fail(f"{field}.{key}" if field else str(key), "is not known", nearest(str(key), known))
        return raw

    def text(self, raw: object, field: str, *, default: str | None = None) -> str:
        if raw is None and default is not None:
            return default
        if not isinstance(raw, str) or not raw.strip():
            self.fail(field, "is missing" if raw is None else f"must be text, got {raw!r}")
        return raw

    def optional_text(self, raw: object, field: str) -> str | None:
        return None if raw is None else self.text(raw, field)

    def texts(self, raw: object, field: str) -> tuple[str, ...]:
        items = [raw] if isinstance(raw, str) else [] if raw is None else raw
        if not isinstance(items, list):
            self.fail(field, "must be a list of texts")
        found = tuple(self.text(item, f"{field}[{i}]") for i, item in enumerate(items))
        if len(set(found)) != len(found):
            self.fail(field, "names something twice")
        return found

    def number(self, raw: object, field: str, *, least: float = 0.0) -> float | None:
        if raw is None:
            return None
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not least <= raw < float("inf"):
            self.fail(field, f"must be a number of at least {least:g}, got {raw!r}")
        return float(raw)

    def boolean(self, raw: object, field: str) -> TriState:
        if raw is None or raw == Absence.UNKNOWN.value:
            return TriState.UNKNOWN
        if not isinstance(raw, bool):
            self.fail(field, f"must be true, false or UNKNOWN, got {raw!r}")
        return TriState.of(raw)

    def model(self, raw: object) -> ModelPlan:
        given = self.mapping(raw, "model", ("name", "base", "kind", "parameters", "release"))
        release = self.mapping(given.get("release") or {}, "model.release", ("weights", "markets", "date"))
        weights = self.text(release.get("weights"), "model.release.weights", default=Absence.UNKNOWN.value)
        if weights not in {"open", "closed", Absence.UNKNOWN.value}:
            self.fail("model.release.weights", f"is {weights!r}, expected open or closed")
        return ModelPlan(
            name=self.text(given.get("name"), "model.name"),
            base=self.optional_text(given.get("base"), "model.base"),
            kind=self.text(given.get("kind"), "model.kind", default=Absence.UNKNOWN.value),
            parameters=self.number(given.get("parameters"), "model.parameters"),
            release=Release(
                weights=weights,
                markets=self.texts(release.get("markets"), "model.release.markets"),
                date=self.text(release.get("date"), "model.release.date", default=Absence.UNKNOWN.value),
            ),
        )

    def purpose(self, raw: object) -> Purpose:
        given = self.mapping(raw or {}, "purpose", ("commercial", "use", "competes_with"))
        items = given.get("competes_with") or []
        if not isinstance(items, list):
            self.fail("purpose.competes_with", "must be a list")
        return Purpose(
            commercial=self.boolean(given.get("commercial"), "purpose.commercial"),
            use=self.text(given.get("use"), "purpose.use", default=Absence.UNKNOWN.value),
            competes_with=tuple(self.competes(item, f"purpose.competes_with[{i}]") for i, item in enumerate(items)),
        )

    def competes(self, raw: object, field: str) -> CompetesWith:
        """Read one statement. That a model does not compete needs a name and a reason: it loosens what terms forbid."""
        given = self.mapping(raw, field, ("provider", "value", "who", "why"))
        if not isinstance(given.get("value"), bool):
            self.fail(f"{field}.value", "must be true or false")
        if given["value"] is False and not (given.get("who") and given.get("why")):
            self.fail(field, "says that the model does not compete", "name who says so and why: {provider: …, value: false, who: …, why: …}")
        return CompetesWith(
            provider=self.text(given.get("provider"), f"{field}.provider"),
            value=given["value"],
            who=self.text(given.get("who"), f"{field}.who", default=Absence.NOT_STATED.value),
            why=self.text(given.get("why"), f"{field}.why", default=Absence.NOT_STATED.value),
        )

    def organization(self, raw: object) -> Organization:
        given = self.mapping(raw or {}, "organization", ("name", "monthly_active_users", "established_in"))
        users = self.number(given.get("monthly_active_users"), "organization.monthly_active_users")
        return Organization(
            name=self.text(given.get("name"), "organization.name", default=Absence.UNKNOWN.value),
            monthly_active_users=None if users is None else int(users),
            established_in=self.text(given.get("established_in"), "organization.established_in", default=Absence.UNKNOWN.value),
        )

    def data(self, raw: object) -> tuple[RunData, ...]:
        if not isinstance(raw, list) or not raw:
            self.fail("data", "must list the datasets of the run: at least one")
        items = tuple(self.data_item(item, f"data[{i}]") for i, item in enumerate(raw))
        names = [item.dataset.partition("@")[0] for item in items]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            self.fail("data", f"names dataset {twice!r} twice")
        self.check_weights(items)
        return items

    def data_item(self, raw: object, field: str) -> RunData:
        given = self.mapping(raw, field, ("dataset", "weight", "epochs"))
        name = self.text(given.get("dataset"), f"{field}.dataset")
        base, at, digest = name.partition("@")
        if not base or (at and not is_digest(digest)):
            self.fail(f"{field}.dataset", f"is {name!r}, expected a name or name@sha256:<64 hex digits>")
        return RunData(
            dataset=name, weight=self.number(given.get("weight"), f"{field}.weight"), epochs=self.number(given.get("epochs"), f"{field}.epochs")
        )

    def check_weights(self, items: tuple[RunData, ...]) -> None:
        weights = [item.weight for item in items if item.weight is not None]
        if weights and any(item.epochs is not None for item in items):
            self.fail("data", "gives both weights and epochs", "give one of the two: the other is derived")
        if weights and len(weights) != len(items):
            self.fail("data", "gives weights for some datasets only", "give every dataset a weight, or none")
        if weights and abs(sum(weights) - 1.0) > WEIGHT_TOLERANCE:
            self.fail("data", f"weights sum to {sum(weights):g}, expected 1", "a weight is the dataset's share of sampled tokens")
