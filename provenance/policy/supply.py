"""How a fact that is not known can be supplied: what to write where, or what to run. Every finding of outcome UNKNOWN says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from provenance.model.absence import is_absent
from provenance.model.finding import Finding, MissingFact, Outcome, Reading, SubjectKind
from provenance.policy.facts import SCHEMA, FactField

_LICENSE = (
    "state the licence and where it was read: license: {declared: …, url: …} in datasets.yaml, or provenance licenses detect FOLDER --dataset {name}"
)
_ORIGIN = "state whether a model made it: synthetic: yes or no in datasets.yaml, of {name} and of all that it comes from"
_GENERATOR = "state who made the text: generators: [{provider: …, model: …, channel: …, region: …, from: …, to: …}] in datasets.yaml for {name}"
_MIXTURE = "register every dataset of the run with its shards, so that words are counted, or give each one a weight in the run file"
_DOMAIN = "state what the text is about: domain: … in datasets.yaml for {name}"
_SCAN = "scan it: provenance scan {name}"
_REFERENCE = (
    "add the reference set again with what is known of its records: provenance reference add SET FILES … --license … --provider … --generated …"
)
_SCANNED_WORKS = (
    "add the works as reference sets that hold their texts, so that their words are counted: provenance reference add SET FILES … --kind work"
)

SUPPLY: Mapping[SubjectKind, Mapping[str, str]] = {
    SubjectKind.RUN: {
        "model.kind": "state it in the run file: model: {kind: chat-llm}",
        "commercial": "state it in the run file: purpose: {commercial: true or false}",
        "distribute_weights": "state it in the run file: model: {release: {weights: open or closed}}",
        "words": _MIXTURE,
        "synthetic": "state of every dataset whether a model made it: synthetic: yes or no in datasets.yaml",
        "synthetic_share": _MIXTURE,
        "human_share": _MIXTURE,
        "license": "state the licence of each dataset in datasets.yaml; see provenance licenses combine --run RUN_FILE",
        "use": "state it in the run file: purpose: {use: what the model is for}",
        "base": "state it in the run file: model: {base: ORGANISATION/MODEL, or none}",
        "naming": "name the base model in the run file as the terms catalogue knows it: model: {base: ORGANISATION/MODEL, or none}",
        "release.license": "state it in the run file: model: {release: {license: …}}",
        "release.license_use": "state the licence of the weights in the run file by a name that the catalogue holds: model: {release: {license: …}}",
        "copyright_policy": "state it in the run file: organization: {copyright_policy: {url: …, date: …}}",
        "contact": "state it in the run file: organization: {contact: …}",
        "works": _SCANNED_WORKS,
    },
    SubjectKind.DATASET: {
        "source": "state where it came from: source: {kind: …} in datasets.yaml for {name}",
        "obtained": "state how it was come by: obtained: own-account or third-party in datasets.yaml for {name}",
        "share": _MIXTURE,
        "suspected": _SCAN,
        "teacher_role": _GENERATOR,
        "outputs": _ORIGIN,
        "human_source": "state what it was made from: derived_from: […] in datasets.yaml for {name}, and register these too",
        "generations": "register all that {name} comes from, each with who made it: generators or synthetic: no in datasets.yaml",
        "naming": _GENERATOR,
        "works": _SCANNED_WORKS,
        "crawled": "state where it came from: source: {kind: …} in datasets.yaml, of {name} and of all that it comes from",
        "reservations": "state in datasets.yaml for {name} which opt-outs of sites were read and whether they were honoured: details: {collection: {opt_outs: […]}}",
        "reservations_kept": "record what was read of opt-outs, with its digest: details: {collection: {opt_outs: [{evidence: {sha256: …}}]}} in datasets.yaml for {name}",
    },
    SubjectKind.SHARD: {
        "state": "make its place readable and named under roots, then provenance audit again",
        "scan": _SCAN,
        "words": "register it again, so that its words are counted: provenance register",
    },
    SubjectKind.DOMAIN: {
        "name": "state what each dataset is about: domain: … in datasets.yaml",
        "share": _MIXTURE,
        "synthetic": "state of every dataset of the domain whether a model made it: synthetic: yes or no in datasets.yaml",
        "synthetic_share": _MIXTURE,
        "human_share": _MIXTURE,
    },
    SubjectKind.MATCH: {"reference": _REFERENCE, "terms": _REFERENCE},
}
"""What supplies a fact, by the longest beginning of its path. ``{name}`` is the dataset's name."""
_SHARED = {"license": _LICENSE, "terms": _GENERATOR, "provider": _GENERATOR, "model": _GENERATOR, "synthetic": _ORIGIN, "domain": _DOMAIN}
"""Of datasets and of their shards."""
_OTHERWISE = "see what is recorded: provenance datasets show {name}"
_OTHERWISE_RUN = "state it in the run file, or in datasets.yaml of the datasets that it names"

OF_TERMS: Mapping[str, tuple[str, str]] = {
    "commercial": ("run.commercial", "state it in the run file: purpose: {commercial: true or false}"),
    "distribute_weights": ("run.distribute_weights", "state it in the run file: model: {release: {weights: open or closed}}"),
    "distribute_data": (
        "run.purpose.distribute_data",
        "state in the run file whether the text is handed to others: purpose: {distribute_data: true or false}",
    ),
    "competing": (
        "run.purpose.competes_with",
        "state in the run file whether the model competes: purpose: {competes_with: [{provider: …, value: false, who: …, why: …}]}",
    ),
    "imitates": (
        "run.purpose.imitates",
        "state in the run file whether the model is to behave like the provider's: purpose: {imitates: [{provider: …, value: false, who: …, why: …}]}",
    ),
    "model_kind": ("run.model.kind", "state it in the run file: model: {kind: chat-llm}"),
    "model_family": ("run.base", "state it in the run file: model: {base: ORGANISATION/MODEL, or none}"),
    "monthly_active_users": (
        "run.organization.monthly_active_users",
        "state it in the run file: organization: {monthly_active_users: …}, or of the day that the terms test: monthly_active_users_at: [{date: …, value: …}]",
    ),
    "revenue": (
        "run.organization.revenue",
        "state it in the run file: organization: {revenue: {amount: …, currency: USD, period: year or month, as_of: …}}",
    ),
    "approval": (
        "run.approvals",
        "record the provider's written approval in the run file: approvals: [{provider: …, who: …, day: …, evidence: {file: …, sha256: …}}]",
    ),
}
"""What an answer on terms lacks → the place of the fact in the run, and what states it. Facts of the text itself are those of its generators."""


def how_to_supply(kind: SubjectKind, path: str, name: str) -> str:
    """Return what supplies a fact.

    Args:
        kind: Whose fact it is.
        path: Relative to the subject, such as ``license.use``.
        name: The dataset's name, or the subject's where it has none.
    """
    return find_supply(kind, path, name) or (_OTHERWISE_RUN if kind is SubjectKind.RUN else _OTHERWISE).replace("{name}", name)


def find_supply(kind: SubjectKind, path: str, name: str) -> str:
    """Return what supplies or changes a fact, as ``how_to_supply`` does; empty where nothing of its own is said of it."""
    table = {**(_SHARED if kind in {SubjectKind.DATASET, SubjectKind.SHARD} else {}), **SUPPLY.get(kind, {})}
    fitting = [p for p in table if path == p or path.startswith((f"{p}.", f"{p}_"))]
    text = table[max(fitting, key=len)] if fitting else ""
    return text.replace("{name}", name)


def with_missing(finding: Finding) -> Finding:
    """Return a finding that says which of the facts it read are not known, and how to supply them; only one of outcome UNKNOWN has any."""
    if finding.outcome is not Outcome.UNKNOWN:
        return finding
    read = [(reading, *_field(reading.path)) for reading in finding.because]
    found = [(r, kind, path) for r, kind, path, field in read if field is not None and _is_unknown(r, field)]
    # A number is 0 where it is not known; its companion says so, and a rule need not read that one.
    found = found or [(r, kind, path) for r, kind, path, field in read if field is not None and field.known_by]
    name = finding.dataset or finding.subject.id
    missing = [MissingFact(path=r.path, supply=how_to_supply(kind, path, name)) for r, kind, path in found]
    return replace(finding, missing=tuple(missing))


def _field(path: str) -> tuple[SubjectKind, str, FactField | None]:
    kind, _, rest = path.partition(".")
    if kind not in set(SubjectKind):
        return SubjectKind.RUN, rest, None
    return SubjectKind(kind), rest, next((f for f in SCHEMA[SubjectKind(kind)] if f.path == rest), None)


def _is_unknown(reading: Reading, field: FactField) -> bool:
    if field.is_tristate or field.may_be_absent:
        return isinstance(reading.value, str) and is_absent(reading.value)
    return field.path.endswith("known") and reading.value == "NO"
