"""The facts that rules may read: one table, from which the typed schema, the strict validation and the documentation are all made.

Rules of this module:

* A fact that may be unknown is an enum that holds ``UNKNOWN``, a text that may hold a named absence, or a number with a ``…_known`` companion. A
  number that is not known is written as 0 and its companion says ``NO``: the engine then never calls a rule that reads it satisfied.
* Every fact of a subject is present, of the declared type, finite and inside I-JSON's integers; nothing else is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from provenance.canonical import MAX_SAFE_INTEGER, canonical_bytes
from provenance.errors import PolicyDocumentError
from provenance.model.absence import is_absent
from provenance.model.finding import ClauseCitation, FindingEvidence, Subject, SubjectKind
from provenance.policy.fact_fields import PERMISSIONS as _PERMISSION
from provenance.policy.fact_fields import UNKNOWN, FactField, FactType, FactValue
from provenance.policy.fact_fields import USES as _USES
from provenance.policy.fact_fields import enum_fact as _enum
from provenance.policy.fact_fields import number_fact as _int
from provenance.policy.fact_fields import share_fact as _share
from provenance.policy.fact_fields import text_fact as _text
from provenance.policy.fact_fields import texts_fact as _texts
from provenance.policy.fact_fields import tri_fact as _tri
from provenance.policy.fact_groups import MORE_FACTS

__all__ = [
    "SCHEMA",
    "UNKNOWN",
    "VISIBLE",
    "FactField",
    "FactType",
    "FactValue",
    "Facts",
    "FactsDigest",
    "SubjectFacts",
    "is_unknown",
    "schema_paths",
    "validate_facts",
    "validate_subject",
    "value_fault",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFacts:
    """The facts of one subject, with what backs them."""

    subject: Subject
    values: tuple[tuple[str, FactValue], ...]
    """(path relative to the subject, value), one for every field of the schema."""
    dataset: str = ""
    """Name of the dataset it belongs to."""
    clauses: tuple[ClauseCitation, ...] = ()
    evidence: tuple[FindingEvidence, ...] = ()
    weight: int = 0
    """Which of very many findings are listed and not only counted: those of the greatest weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules of a run are evaluated on."""

    run: SubjectFacts
    datasets: tuple[SubjectFacts, ...]
    shards: Iterable[SubjectFacts]
    """There may be millions: they can be gone through again, and need not be in memory."""
    domains: tuple[SubjectFacts, ...] = ()
    matches: Iterable[SubjectFacts] = ()
    """The same holds for these."""

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` over every value, so that a decision can be replayed."""
        digest = FactsDigest(self)
        for match in self.matches:
            digest.add(match)
        for shard in self.shards:
            digest.add_shard(shard)
        return digest.finish()


class FactsDigest:
    """Digest of all facts, taken while matches, and then shards, are gone through: of the canonical form of ``{kind: [[id, digest, dataset, [path, value] …] …]}``."""

    def __init__(self, facts: Facts) -> None:
        """Begin with all but matches and shards."""

        def listed(items: Iterable[SubjectFacts]) -> bytes:
            return b"[" + b",".join(map(_canonical_facts, items)) + b"]"

        self._state = hashlib.sha256(b'{"dataset":' + listed(facts.datasets) + b',"domain":' + listed(facts.domains) + b',"match":[')
        self._between = b'],"run":' + listed((facts.run,)) + b',"shard":['
        self._lead = b""

    def add(self, match: SubjectFacts) -> None:
        """Take the next match."""
        self._state.update(self._lead + _canonical_facts(match))
        self._lead = b","

    def add_shard(self, shard: SubjectFacts) -> None:
        """Take the next shard; no match can be added any more."""
        lead = self._between or b","
        self._between = b""
        self._state.update(lead + _canonical_facts(shard))

    def finish(self) -> str:
        """Return ``sha256:<hex>``; nothing can be added any more."""
        self._state.update(self._between + b"]}")
        return "sha256:" + self._state.hexdigest()


def _canonical_facts(item: SubjectFacts) -> bytes:
    head = canonical_bytes([item.subject.id, item.subject.digest, item.dataset])
    return b",".join((head[:-1], *map(_canonical_pair, item.values))) + b"]"


@lru_cache(1 << 14)
def _canonical_pair(pair: tuple[str, FactValue]) -> bytes:
    """Return a fact's canonical form; of equal ones, such as 1 and 1.0, it is the same."""
    return canonical_bytes(pair)


_SHOWN = 5
"""Faults printed in one message."""
_LICENSE = (
    _text(
        "license.expression",
        "Every licence that counts, what comes from ancestors too, joined by AND; a named absence where one is not known.",
        absent=True,
        evidence="license",
    ),
    _enum("license.use", *_USES, doc="Class of the effective licence.", evidence="license"),
    _enum("license.known", "YES", "NO", doc="Whether the class is known.", evidence="license"),
    _enum("license.this_use", *_PERMISSION, doc="What the licence says about training this run's model.", evidence="license"),
    _tri("license.attribution", "Whether it asks for attribution.", "license"),
    _tri("license.share_alike", "Whether it asks for the same licence on derivatives.", "license"),
    _tri("license.no_derivatives", "Whether it forbids derivatives.", "license"),
    _tri("license.agreed", "NO where two places state different licences and nobody concluded which holds.", "license"),
    _tri("license.flow_down", "Whether it sets use restrictions that must be passed on.", "license"),
)
_TERMS = (
    _enum("terms.this_use", *_PERMISSION, doc="What the terms in force on the generation days say about this run.", evidence="terms"),
    _texts("terms.ids", "Terms versions that applied."),
    _texts("terms.reasons", "Why the outcome is what it is."),
)
_ORIGIN = (
    _tri("synthetic", "Whether a model made the text."),
    _text("domain", "What the text is about.", absent=True),
    _text("provider", "Provider of the generator; several are joined by a comma.", absent=True),
    _text("model", "Model that generated it.", absent=True),
)
SCHEMA: Mapping[SubjectKind, tuple[FactField, ...]] = {
    SubjectKind.RUN: (
        _text("model.name", "Name of the model to be trained."),
        _text("model.kind", "Kind of the model.", absent=True),
        _tri("commercial", "Whether the model is for commercial use."),
        _tri("distribute_weights", "Whether its weights will be released."),
        _text("now", "Day of the audit, YYYY-MM-DD, UTC."),
        _int("datasets", "Datasets the run names."),
        _int("datasets_empty", "Datasets that are not registered or hold no shard."),
        _int("shards", "Shards judged."),
        _int("words", "Words in all shards.", known_by="words_known"),
        _enum("words_known", "YES", "NO", doc="Whether every shard was counted."),
        _share("synthetic_share", "Share of sampled tokens that is known to be synthetic.", known_by="mixture_known"),
        _share("synthetic_share_upper", "The same, with all of unknown origin counted as synthetic.", known_by="mixture_known"),
        _tri("synthetic_known", "YES where the origin of all data is known."),
        _enum("mixture_known", "YES", "NO", doc="Whether shares of the mixture could be computed."),
        _int("scans_missing", "Shards without a current scan.", evidence="scan"),
        _int("references", "Reference sets that the data were compared with.", evidence="scan"),
        _int("references_empty", "Reference sets that hold nothing to compare with.", evidence="scan"),
        _tri("license.compatible", "Whether the licences of all datasets together allow what the run does: train, and pass weights on.", "license"),
        _texts("license.conflicts", "Datasets whose licences stand in the way, and why."),
        *MORE_FACTS[SubjectKind.RUN],
    ),
    SubjectKind.DATASET: (
        _text("name", "Name of the dataset."),
        _enum("state", "registered", "unregistered", "empty", doc="Whether the registry holds it.", evidence="digest"),
        _enum("source", "web-crawl", "public-dataset", "licensed", "user-data", "synthetic", "own", "other", UNKNOWN, doc="Where it came from."),
        _enum("obtained", "own-account", "third-party", UNKNOWN, doc="How generated text was come by."),
        _int("shards", "Shards of the version."),
        _int("unread_records", "Records that could not be read.", evidence="scan"),
        _int("left_out_fields", "Fields that hold long text and were not compared, since the dataset names another field.", evidence="scan"),
        _int(
            "terms_named",
            "Terms beside those of models: named for it or what it comes from, of sites it was gathered from, the bar on a notorious source.",
            evidence="terms",
        ),
        _int("pieces.words", "Most words of one unlicensed work that short or quoted passages give away together.", evidence="pieces"),
        _int(
            "pieces.outputs",
            "API outputs under terms that do not allow this use of which short passages give away half, 250 words, or 20 in a row.",
            evidence="pieces",
        ),
        _int("pieces.output_words", "Words of such outputs that short passages give away together.", evidence="pieces"),
        _int("suspected_records", "Records that hold a formula of assistants or residue of their machinery.", evidence="suspects"),
        _share("suspected_share", "Their share of all records.", evidence="suspects"),
        _enum("suspects_known", "YES", "NO", doc="Whether all shards were looked at for such formulas.", evidence="suspects"),
        _int("exclusions.open", "Demands that something be kept out, of those that concern it.", evidence="exclusions"),
        _int("exclusions.inside", "Those of which something is still inside.", evidence="exclusions"),
        _int("exclusions.unknown", "Those of which nobody knows whether something is inside.", evidence="exclusions"),
        _share("share", "Share of sampled tokens.", known_by="share_known"),
        _enum("share_known", "YES", "NO", doc="Whether the share could be computed."),
        *_ORIGIN,
        *_LICENSE,
        _text("license.database", "Licence of the database, where one is stated beside that of its contents.", absent=True, evidence="license"),
        *_TERMS,
        *MORE_FACTS[SubjectKind.DATASET],
    ),
    SubjectKind.SHARD: (
        _text("path", "Path under its data root."),
        _text("dataset", "Name of its dataset."),
        _enum("state", "unchanged", "changed", "missing", "unregistered", UNKNOWN, doc="The file on disk against the registry.", evidence="digest"),
        _enum("scan", "current", "stale", "none", UNKNOWN, doc="Whether a scan of these bytes against all references is at hand.", evidence="scan"),
        _int("unread_records", "Records that could not be read.", evidence="scan"),
        _int("left_out_fields", "Fields that hold long text and were not compared, since the dataset names another field.", evidence="scan"),
        _int("words", "Words of text.", known_by="words_known"),
        _enum("words_known", "YES", "NO", doc="Whether the shard was counted."),
        *_ORIGIN,
        *_LICENSE,
        *_TERMS,
    ),
    SubjectKind.DOMAIN: (
        _text("name", "Name of the domain.", absent=True),
        _share("share", "Share of sampled tokens.", known_by="mixture_known"),
        _share("synthetic_share", "Share of the domain that is known to be synthetic.", known_by="mixture_known"),
        _share("synthetic_share_upper", "The same, with unknown origin counted as synthetic.", known_by="mixture_known"),
        _tri("synthetic_known", "YES where the origin of all its data is known."),
        _enum("mixture_known", "YES", "NO", doc="Whether shares of the mixture could be computed."),
        *MORE_FACTS[SubjectKind.DOMAIN],
    ),
    SubjectKind.MATCH: (
        _text("path", "Shard that holds the passage."),
        _text("document", "Document in the shard."),
        _enum("kind", "api-output", "work", "license-text", "background", doc="What the reference is."),
        _enum("explained", "YES", "NO", doc="Whether the shared text is explained away.", evidence="match"),
        _int("words", "Words of the passage: all of the training text from the first shared word to the last.", evidence="match"),
        _int("aligned_words", "Words shared: those of the passage that align with the reference, one to one.", evidence="match"),
        _int("record_words", "Words of all unexplained passages of this kind of reference in the record.", evidence="match"),
        _text("reference.id", "The best reference."),
        _text("reference.title", "Its title.", absent=True),
        _text("reference.name", "Its title, or its id where no title is known."),
        _text("reference.holder", "Who holds the rights.", absent=True),
        _text("reference.provider", "Provider of the API output.", absent=True),
        _text("reference.model", "Model of the API output.", absent=True),
        _enum("reference.license.this_use", *_PERMISSION, doc="Strictest licence of all references that hold the passage.", evidence="license"),
        _text("reference.license.expression", "Licence of the best reference.", absent=True, evidence="license"),
        *_TERMS,
        *MORE_FACTS[SubjectKind.MATCH],
    ),
    SubjectKind.WAIVER: (
        _text("id", "Id of the waiver."),
        _text("rule", "Rule it waives."),
        _text("subject", "Subject it waives it for."),
        _enum("state", "applied", "unused", "expired", "refused", doc="What became of it."),
        _text("expires", "Last day it holds."),
        _text("why", "Why it was not applied, in words, or that it was."),
    ),
}
"""Every fact of every subject. Fields may be added; a removed or renamed one breaks bundles and needs a new bundle format version."""

VISIBLE: Mapping[SubjectKind, tuple[SubjectKind, ...]] = {
    SubjectKind.RUN: (SubjectKind.RUN,),
    SubjectKind.DATASET: (SubjectKind.DATASET, SubjectKind.RUN),
    SubjectKind.SHARD: (SubjectKind.SHARD, SubjectKind.DATASET, SubjectKind.RUN),
    SubjectKind.DOMAIN: (SubjectKind.DOMAIN, SubjectKind.RUN),
    SubjectKind.MATCH: (SubjectKind.MATCH, SubjectKind.DATASET, SubjectKind.RUN),
    SubjectKind.WAIVER: (SubjectKind.WAIVER, SubjectKind.RUN),
}
"""Whose facts a rule of each ``for_each`` can read."""


def schema_paths(for_each: SubjectKind) -> dict[str, FactField]:
    """Return every full path that rules of this kind may read, such as ``shard.license.use``."""
    return {f"{kind.value}.{field.path}": field for kind in VISIBLE[for_each] for field in SCHEMA[kind]}


def validate_facts(facts: Facts) -> None:
    """Check every subject against the schema, but matches and shards: these are checked one by one, as they come.

    Raises:
        PolicyDocumentError: Naming all faults: a fact that is missing, unknown, of another type, out of its vocabulary or not finite.
    """
    groups: tuple[tuple[Iterable[SubjectFacts], SubjectKind], ...] = (
        ((facts.run,), SubjectKind.RUN),
        (facts.datasets, SubjectKind.DATASET),
        (facts.domains, SubjectKind.DOMAIN),
    )
    faults = [fault for items, kind in groups for item in items for fault in _faults(item, kind)]
    if faults:
        rest = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise PolicyDocumentError("facts do not fit the schema: " + "; ".join(faults[:_SHOWN]) + rest)


def validate_subject(item: SubjectFacts, kind: SubjectKind) -> None:
    """Check one subject as ``validate_facts`` does.

    Raises:
        PolicyDocumentError: If a fact does not fit.
    """
    if faults := _faults(item, kind):
        raise PolicyDocumentError("facts do not fit the schema: " + "; ".join(faults))


def _faults(item: SubjectFacts, kind: SubjectKind) -> list[str]:
    given = dict(item.values)
    fields = _FIELDS[kind]
    found = []
    if item.subject.kind is not kind:
        found.append(f"subject is a {item.subject.kind.value}")
    if len(given) != len(item.values):
        found.append("a fact is given twice")
    found += [f"unknown fact {path!r}" for path in given if path not in fields]
    found += [f"fact {path!r} is missing" for path in fields if path not in given]
    found += [f"{path}: {fault}" for path, value in given.items() if path in fields and (fault := _known_fault(kind, path, value))]
    return [f"{kind.value} {item.subject.id!r}: {fault}" for fault in found]


_FIELDS = {kind: {field.path: field for field in fields} for kind, fields in SCHEMA.items()}


def _known_fault(kind: SubjectKind, path: str, value: FactValue) -> str:
    """Return what is wrong with a fact's value, of the many that are equal once."""
    try:
        return _fault_once(kind, path, value)
    except TypeError:  # it cannot be looked up, so it is none of the types a fact can have
        return value_fault(_FIELDS[kind][path], value)


@lru_cache(1 << 14, typed=True)  # 1 and 1.0 are equal, and not the same fact
def _fault_once(kind: SubjectKind, path: str, value: FactValue) -> str:
    return value_fault(_FIELDS[kind][path], value)


def value_fault(field: FactField, value: object) -> str:
    """Say what is wrong with a fact's value; empty where nothing is."""
    if field.type is FactType.TEXT:
        return _text_fault(field, value)
    if field.type is FactType.TEXTS:
        return "" if isinstance(value, tuple) and all(isinstance(v, str) for v in value) else "expected a list of texts"
    wanted = int if field.type is FactType.INT else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        return f"expected a number ({field.type.value}), got {type(value).__name__}"
    return "" if math.isfinite(value) and abs(value) <= MAX_SAFE_INTEGER else f"{value} is not a finite number within range"


def _text_fault(field: FactField, value: object) -> str:
    if not isinstance(value, str):
        return f"expected text, got {type(value).__name__}"
    return f"{value!r} is not one of {', '.join(field.values)}" if field.values and value not in field.values else ""


def is_unknown(field: FactField, value: FactValue, siblings: Mapping[str, FactValue], prefix: str) -> bool:
    """Tell whether a fact has no known value.

    Args:
        field: The fact.
        value: Its value.
        siblings: All values by full path.
        prefix: The subject's name in full paths, such as ``shard``.
    """
    if field.is_tristate:
        return value == UNKNOWN
    if field.may_be_absent:
        return isinstance(value, str) and is_absent(value)
    return bool(field.known_by) and siblings.get(f"{prefix}.{field.known_by}") != "YES"
