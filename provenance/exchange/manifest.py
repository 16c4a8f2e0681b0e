"""datasets.yaml: many datasets described in one file (FORMATS, datasets.yaml; schema in docs/formats/datasets.schema.json).

Whether text is synthetic: YES where a generator is named or the source is ``synthetic``; what the registrant says with ``synthetic: yes|no`` otherwise;
UNKNOWN where nothing is said. No kind of source rules model output out by itself – crawls, licensed and own data have all held it – and a false NO would
let a provider's terms go unasked. People who know say ``synthetic: no``, which may stand in ``defaults`` too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from provenance.documents import load_document
from provenance.errors import DocumentError, LocationError, ManifestError
from provenance.exchange.details import CLAIM_FIELDS, claim_of, detail_fields, read_claim, read_details
from provenance.exchange.fields import Faults, Fields
from provenance.exchange.shard_list import load_shard_list
from provenance.fingerprint.digest import ShardLeaf, hash_file
from provenance.model.absence import ABSENCES, Absence, TriState
from provenance.model.backing import with_evidence
from provenance.model.concluding import CONCLUSION_NEEDS, conclusion_gaps
from provenance.model.dataset import Dataset, Details, Evidence, Generator, LicenseFacts, Obtained, Source, SourceKind, Tokenizer
from provenance.storage.urls import Place, is_file_url, is_url, parse_place, shown, url_fault

FORMAT = "provenance.datasets"
VERSION = 1
DEFAULT_ROOT = "data"

TOP_FIELDS = ("format", "version", "roots", "defaults", "datasets")
DEFAULT_FIELDS: tuple[str, ...] = (
    "title",
    "root",
    "source",
    "obtained",
    "license",
    "terms",
    "generators",
    "synthetic",
    "domain",
    "languages",
    "derived_from",
    "owner",
)
DEFAULT_FIELDS += ("fields", "tags", "details")
DATASET_FIELDS = ("name", *DEFAULT_FIELDS, "shards")
SOURCE_FIELDS = ("kind", "url", "collected", "collector")
LICENSE_FIELDS = (*CLAIM_FIELDS, "concluded", "expires", "database", "metadata")
_OF_DETAILS = {"database": "container_license", "metadata": "metadata_license"}
"""Licences of other things than the contents, and the field of the details that holds them."""
CONCLUDED_FIELDS = ("value", "by", "at", "because")
GENERATOR_FIELDS = ("provider", "model", "channel", "region", "from", "to", "role", "prompt_source")
ROLES = ("generate", "rewrite", "label")

DATASET_NAME = re.compile(r"[^\W_][\w./-]{0,199}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A file that a claim goes back to."""

    path: Path
    name: str
    """As the manifest names it."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One dataset of a manifest."""

    dataset: Dataset
    patterns: tuple[str, ...]
    """Glob patterns, folders, paths relative to the root, or URLs."""
    root: str
    snapshots: tuple[Snapshot, ...] = ()
    """Files beside the manifest that claims go back to."""
    listed: tuple[ShardLeaf, ...] = ()
    """Digests and sizes that a shard list states. They are claims: nothing is cleared by them until the bytes have been read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDocument:
    """A datasets.yaml, read and checked. Satisfies ``ports.DatasetSource``."""

    path: Path
    roots: tuple[tuple[str, Place], ...]
    """Named data roots, absolute folders or URLs: relative folders are taken from the manifest's own."""
    entries: tuple[ManifestEntry, ...]

    def datasets(self) -> Sequence[tuple[Dataset, tuple[str, ...], str]]:
        """Return (dataset, shard patterns, root name), in the order of the file."""
        return [(e.dataset, e.patterns, e.root) for e in self.entries]


def load_datasets_manifest(path: Path) -> ManifestDocument:
    """Read a datasets.yaml.

    Raises:
        ManifestError: With every fault of the file: line, path, what was expected, and the nearest known spelling.
    """
    try:
        raw, text = load_document(path)
    except DocumentError as err:
        raise ManifestError(str(err), hint=err.hint) from err
    faults = Faults(str(path), text.decode("utf-8-sig"))
    document = _read(raw, path, faults)
    faults.raise_if_any()
    return document


def _read(raw: object, path: Path, faults: Faults) -> ManifestDocument:
    top = Fields(raw, (), faults, known=TOP_FIELDS)
    if top.raw("format") != FORMAT:
        top.fault("format", f"expected {FORMAT}, got {top.raw('format')!r}")
    version = top.raw("version")
    if isinstance(version, bool) or version != VERSION:
        top.fault("version", f"expected {VERSION}, got {version!r}: this package reads version {VERSION}")
    roots = _roots(top, path)
    top.mapping("defaults", DEFAULT_FIELDS)  # notes unknown fields at their own place
    defaults = top.raw("defaults")
    items = top.raw("datasets")
    if not isinstance(items, list) or not items:
        top.fault("datasets", "expected a list of at least one dataset")
        items = []
    entries = [_entry(item, defaults, ("datasets", i), faults=faults, path=path, roots=tuple(n for n, _ in roots)) for i, item in enumerate(items)]
    seen: set[str] = set()
    for i, entry in enumerate(entries):
        if entry.dataset.name in seen:
            faults.add(("datasets", i, "name"), f"dataset {entry.dataset.name!r} is described twice")
        seen.add(entry.dataset.name)
    return ManifestDocument(path=path, roots=roots, entries=tuple(entries))


def _roots(top: Fields, path: Path) -> tuple[tuple[str, Place], ...]:
    raw = top.raw("roots")
    if raw is None and "roots" not in top:
        return ()
    if not isinstance(raw, Mapping) or not raw or not all(isinstance(v, str) and v for v in raw.values()):
        top.fault("roots", "expected names of data roots with their folders or URLs, such as {data: data/}")
        return ()
    found: list[tuple[str, Place]] = []
    for name, text in sorted(raw.items()):
        try:
            found.append((str(name), parse_place(text, folder=path.absolute().parent)))
        except LocationError as err:
            top.fault("roots", f"{err}; {err.hint}")
    return tuple(found)


def _entry(item: object, defaults: object, place: tuple[str | int, ...], *, faults: Faults, path: Path, roots: tuple[str, ...]) -> ManifestEntry:
    own = Fields(item, place, faults, known=DATASET_FIELDS)
    # A field of the dataset replaces the default whole: a default licence's URL must not vouch for another licence.
    merged = {**(defaults if isinstance(defaults, Mapping) else {}), **own.given}
    fields = Fields({k: v for k, v in merged.items() if k in DATASET_FIELDS}, place, faults, known=DATASET_FIELDS)
    root = fields.text("root", roots[0] if len(roots) == 1 else DEFAULT_ROOT)
    if roots and root not in roots:
        fields.fault("root", f"no data root is named {root!r}; known: {', '.join(roots)}")
    patterns, listed = _shards(fields, path)
    snapshots = _Snapshots(fields, path.absolute().parent)
    dataset = with_evidence(_dataset(fields, path.absolute().parent), snapshots.find)
    return ManifestEntry(dataset=dataset, patterns=patterns, root=root, listed=listed, snapshots=tuple(snapshots.found))


class _Snapshots:
    """Finds the files that evidence names, and states their digests."""

    def __init__(self, fields: Fields, folder: Path) -> None:
        self._fields, self._folder = fields, folder
        self.found: dict[Snapshot, None] = {}

    def find(self, evidence: Evidence) -> Evidence:
        """Return evidence with the digest of the file it names; an address of a copy elsewhere stays as it is."""
        name = evidence.snapshot
        if name in ABSENCES or is_url(name):
            return evidence
        path = self._folder / name
        try:
            digest, _ = hash_file(path)
        except (OSError, ValueError) as err:
            reason = err.strerror if isinstance(err, OSError) else err
            self._fields.fault("", f"snapshot {name[:80]!r} cannot be read: {reason}; name a file, from the folder of this manifest on")
            return evidence
        if evidence.sha256 not in {*ABSENCES, digest}:
            self._fields.fault("", f"snapshot {name[:80]!r} has the digest {digest}, and sha256 says {evidence.sha256[:80]}: mend one of them")
        self.found[Snapshot(path=path, name=name, sha256=digest)] = None
        return replace(evidence, sha256=digest)


def _dataset(fields: Fields, folder: Path) -> Dataset:
    name = fields.text("name", "")
    if name and DATASET_NAME.fullmatch(name) is None:
        fields.fault("name", f"{name[:60]!r} is no dataset name: expected letters, digits and . _ - /, at most 200, starting with a letter or digit")
    if "name" not in fields:
        fields.fault("", "field 'name' is missing")
    source = _source(fields)
    generators = tuple(_generator(g) for g in fields.mappings("generators", GENERATOR_FIELDS))
    named = fields.mapping("fields", ("text", "tokenizer", "tokens", "license"))
    details = fields.mapping("details", detail_fields())
    license_facts, conclusion = _license(fields)
    return Dataset(
        name=name,
        title=fields.text("title", ""),
        source=source,
        obtained=fields.choice("obtained", Obtained, Obtained.UNKNOWN),
        license=license_facts,
        terms=fields.texts("terms"),
        generators=generators,
        synthetic=_synthetic(fields, made_by_model=any(not g.is_labeller for g in generators) or source.kind is SourceKind.SYNTHETIC),
        domain=fields.text("domain"),
        languages=fields.texts("languages"),
        derived_from=fields.texts("derived_from"),
        owner=fields.text("owner"),
        text_field=named.text("text") if "text" in named else None,
        tags=fields.texts("tags"),
        tokenizer=_tokenizer(named, folder),
        details=_licensed(
            read_details(details, license_field=named.text("license") if "license" in named else None, conclusion=conclusion), fields, details
        ),
    )


def _licensed(found: Details, fields: Fields, details: Fields) -> Details:
    """Return details with the licences of database and metadata that stand beside that of the contents."""
    if not isinstance(fields.raw("license"), Mapping):
        return found
    claims = fields.mapping("license", LICENSE_FIELDS)
    for key, kept in _OF_DETAILS.items():
        if key in claims and kept in details:
            claims.fault(key, f"is about the same as details.{kept}: give one of them")
    return replace(
        found,
        container_license=read_claim(claims, "database", by="registrant") if "database" in claims else found.container_license,
        metadata_license=read_claim(claims, "metadata", by="registrant") if "metadata" in claims else found.metadata_license,
    )


def _tokenizer(named: Fields, folder: Path) -> Tokenizer | None:
    """Return the tokenizer that a dataset names; its path stays as it is, absolute or from the manifest's folder on, until the workspace is known."""
    if "tokenizer" not in named:
        if "tokens" in named:
            named.fault("tokens", "names a field of token ids, but no tokenizer reads them; add: tokenizer: FILE")
        return None
    given = named.text("tokenizer", "")
    try:
        return find_tokenizer(folder / given, field=named.text("tokens") if "tokens" in named else None) if given else None
    except ManifestError as err:
        named.fault("tokenizer", f"{err}; {err.hint}")
        return None


def find_tokenizer(path: Path, *, field: str | None) -> Tokenizer:
    """Return a tokenizer's file with its digest as it is now.

    Args:
        path: A ``tokenizer.json``, or the folder that holds it.
        field: The field that holds the ids; ``None`` = found by convention.

    Raises:
        ManifestError: If there is none. Nothing is ever downloaded.
    """
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        digest, _ = hash_file(file)
    except OSError as err:
        raise ManifestError(
            f"tokenizer {file}: cannot be read: {err.strerror}",
            hint="give the path of a tokenizer.json: names are not looked up, nothing is downloaded",
        ) from err
    return Tokenizer(path=Path(os.path.abspath(file)).as_posix(), sha256=digest, field=field)  # noqa: PTH100 - without .., links as they are


def _source(fields: Fields) -> Source:
    source = fields.mapping("source", SOURCE_FIELDS)
    return Source(
        kind=source.choice("kind", SourceKind, SourceKind.UNKNOWN),
        url=source.text("url"),
        collected=source.mapping("collected", ("from", "to")).days("from", "to"),
        collector=source.text("collector"),
    )


def _license(fields: Fields) -> tuple[LicenseFacts, str]:
    """Return what is said of the licence, and why it was concluded to be what it is."""
    declared = read_claim(fields, "license", by="registrant", known=LICENSE_FIELDS)
    if not isinstance(fields.raw("license"), Mapping):
        return LicenseFacts(declared=declared), Absence.NOT_STATED.value
    claim = fields.mapping("license", LICENSE_FIELDS)
    expires = claim.day("expires") if "expires" in claim else Absence.NOT_STATED.value
    if "concluded" not in claim:
        return LicenseFacts(declared=declared, expires=expires), Absence.NOT_STATED.value
    concluded = claim.mapping("concluded", CONCLUDED_FIELDS)
    for key in CONCLUDED_FIELDS:
        if key not in concluded:
            concluded.fault(key, f"is missing: {CONCLUSION_NEEDS}")
    evidence, because = Evidence(fetched_at=concluded.day("at")), concluded.text("because")
    value = claim_of(concluded.text("value"), by=concluded.text("by"), evidence=evidence)
    for key in conclusion_gaps(value, because):
        if str(concluded.raw(key)).strip() in {"", *ABSENCES}:
            concluded.fault(key, f"says nothing: {CONCLUSION_NEEDS}")
    return LicenseFacts(declared=declared, concluded=value, expires=expires), because


def _generator(fields: Fields) -> Generator:
    role = fields.text("role", "generate")
    if role not in ROLES:
        fields.fault("role", f"{role!r} is not one of {', '.join(ROLES)}")
    return Generator(
        provider=fields.text("provider"),
        model=fields.text("model"),
        channel=fields.text("channel"),
        region=fields.text("region"),
        generated=fields.days("from", "to"),
        role=role,
        prompt_source=fields.text("prompt_source"),
    )


def _synthetic(fields: Fields, *, made_by_model: bool) -> TriState:
    raw = fields.raw("synthetic")
    said = TriState.of(raw) if isinstance(raw, bool) else TriState.UNKNOWN
    if "synthetic" in fields and not isinstance(raw, bool):
        words = {t.value.lower(): t for t in TriState}
        word = raw.lower() if isinstance(raw, str) else ""
        if word not in words:
            fields.fault("synthetic", f"expected yes, no or unknown, got {str(raw)[:40]!r}")
        said = words.get(word, TriState.UNKNOWN)
    if made_by_model and said is TriState.NO:
        fields.fault(
            "synthetic",
            "'no' contradicts the generators that wrote text, or the synthetic source, that are declared; one that only labelled has role: label",
        )
    return TriState.YES if made_by_model else said


def _shards(fields: Fields, path: Path) -> tuple[tuple[str, ...], tuple[ShardLeaf, ...]]:
    if isinstance(fields.raw("shards"), Mapping):
        name = fields.mapping("shards", ("list",)).text("list", "")
        if not name:
            fields.fault("shards", "expected patterns, or {list: FILE.parquet} for a shard list")
            return (), ()
        try:
            listed = load_shard_list(path.absolute().parent / name)
        except ManifestError as err:
            fields.fault("shards", str(err))
            return (), ()
        return tuple(leaf.path for leaf in listed), listed
    patterns = fields.texts("shards")
    if not patterns:
        fields.fault("shards" if "shards" in fields else "", "expected at least one pattern in 'shards', such as chat/*.jsonl.zst")
    for pattern in patterns:
        fault = pattern_fault(pattern)
        if fault:
            fields.fault("shards", f"{shown(pattern)[:80]!r} {fault}")
    return patterns, ()


def pattern_fault(pattern: str) -> str:
    """Return why a shard pattern cannot be used, empty if it can."""
    if is_url(pattern):
        return url_fault(pattern) or ""
    if is_file_url(pattern):
        return "must be a path relative to a data root; to read another folder, declare it under roots:"
    if pattern.startswith(("/", "~")) or "\\" in pattern or re.match(r"[A-Za-z]:", pattern):
        return "must be relative to a data root, with / between folders"
    if ".." in PurePosixPath(pattern).parts:
        return "must not lead out of its data root with .."
    return "holds a line break" if re.search(r"[\r\n]", pattern) else ""
