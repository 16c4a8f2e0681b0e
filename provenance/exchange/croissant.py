"""Croissant 1.0 and 1.1 with the Responsible AI vocabulary: one document a dataset (crosswalk column ``croissant_1.1_rai``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from provenance.audit.imports import ImportedDataset
from provenance.exchange.claims import claim_of, facts_of
from provenance.exchange.croissant_structure import FILE_OBJECT, check_structure
from provenance.exchange.hf_card import SYNTHETIC_TAG
from provenance.exchange.jsonld import Context, Node, name_of, text_of
from provenance.exchange.languages import language_code
from provenance.exchange.shard_files import FormatOf, declared_shard, in_order
from provenance.exchange.sources import Reading, SourceFile, SourceRead, collected, kind_of, parse_json, repeated_key
from provenance.model.absence import Absence, TriState
from provenance.model.claims import DateRange, LicenseClaim
from provenance.model.dataset import Dataset, Generator, Shard, Source, SourceKind
from provenance.model.details import Collection, Details, Modality, PersonalData, Rights

MAX_NOTE = 2000
MAX_TOOLS = 1000
_HUB = re.compile(r"https?://(?:www\.)?huggingface\.co/datasets/([\w.-]+(?:/[\w.-]+)?)")
_SIZE = re.compile(r"(\d{1,18})(?: ?B| bytes)?")
_NOTED = (
    "rai:dataBiases", "rai:dataLimitations", "rai:dataSocialImpact", "rai:dataReleaseMaintenancePlan", "rai:dataCollectionMissingData",
    "rai:dataCollectionRawData", "rai:dataImputationProtocol", "rai:dataAnnotationProtocol", "rai:dataAnnotationPlatform", "rai:dataAnnotationAnalysis",
    "rai:annotationsPerItem", "rai:annotatorDemographics", "sc:temporalCoverage", "sc:conditionsOfAccess", "sc:usageInfo", "sc:dateCreated",
    "sc:dateModified", "cr:sdVersion", "prov:wasAssociatedWith", "prov:isAssociatedWith",
)  # fmt: skip
"""What has no field of its own and is kept in the notes."""
_MEDIA = {"image": Modality.IMAGE, "audio": Modality.AUDIO, "video": Modality.VIDEO}
_SAID = {"personal data: yes": TriState.YES, "personal data: no": TriState.NO}
_SENSITIVE = {"special categories: yes": TriState.YES, "special categories: no": TriState.NO}
_NOT_KNOWN = frozenset({"NOASSERTION", "NONE"})
"""SPDX's words for what nobody knows or states: they name nothing and nobody."""
_PLACEHOLDER_WORDS = frozenset({"personal data: not known", "special categories: not known"})


def is_croissant(value: object) -> bool:
    """Tell whether a JSON value looks like a Croissant document."""
    if not isinstance(value, dict) or "@context" not in value:
        return False
    conforms = str(value.get("conformsTo", value.get("dct:conformsTo", "")))
    return "mlcommons.org/croissant" in conforms or "mlcommons.org/croissant" in str(value["@context"])[:10_000]


def read_croissant(file: SourceFile, *, format_of: FormatOf, root: str) -> SourceRead:
    """Return the dataset that a document describes. Faults of its files and record sets leave its facts alone.

    Args:
        file: The document.
        format_of: Tells a shard's format by its path.
        root: The data root that its paths are relative to.

    Raises:
        ManifestError: If the file is not JSON.
    """
    value, reading = parse_json(file.raw, file.name), Reading(file.name)
    if not isinstance(value, dict):
        reading.problem(f"expected an object, got {kind_of(value)}")
        return collected([reading], [])
    if repeated := repeated_key(value):
        reading.problem(f"{repeated[:60]!r} is given twice in one object, and readers disagree which one counts: mend the document")
        return collected([reading], [])
    context = Context(value.get("@context"))
    node = Node(value, context)
    if "sc:Dataset" not in node.types:
        reading.problem(
            f"its @type must be sc:Dataset (https://schema.org/Dataset), got {', '.join(node.types)[:80] or 'none'}; nothing of it is imported"
        )
        return collected([reading], [])
    document = _Document(file, reading, node, context)
    dataset = document.dataset()
    check_structure(node, reading)
    if dataset is None:
        return collected([reading], [])
    shards = in_order(document.shards(format_of, root), reading)
    found = ImportedDataset(dataset=dataset, where=file.name, shards=(lambda: shards) if shards else None)
    return collected([reading], [found])


class _Document:
    def __init__(self, file: SourceFile, reading: Reading, node: Node, context: Context) -> None:
        self._file, self._reading, self._node, self._context = file, reading, node, context
        self._placeholders = {i for i in node.items("provenance:placeholders") if isinstance(i, str)}
        """What the writer had to fill without knowing it."""

    def dataset(self) -> Dataset | None:
        node, reading = self._node, self._reading
        given = text_of(node.raw("sc:name"), reading, "name")
        url = "" if "url" in self._placeholders else reading.url(node.raw("sc:url"), "url")
        name = reading.name(_hub_name(url, given) or given, "name")
        if not name:
            return None
        generators = tuple(dict.fromkeys(self._generators()))
        keywords = self._names("sc:keywords")
        # The hub's own documents list its tags as keywords.
        made = any(not g.is_labeller for g in generators) or any(k.lower() == SYNTHETIC_TAG for k in keywords)
        return Dataset(
            name=name,
            title="" if given == name else given,
            source=Source(kind=self._kind(), url=url or Absence.NOT_STATED.value, collected=self._collected()),
            license=facts_of(self._stated(), by="croissant", evidence=self._file.evidence(url)),
            generators=generators,
            synthetic=TriState.YES if made else TriState.UNKNOWN,
            languages=tuple(dict.fromkeys(language_code(t) for t in self._names("sc:inLanguage"))),
            derived_from=tuple(dict.fromkeys(self._ancestors())),
            tags=keywords,
            details=self._details(name, given, url),
        )

    def shards(self, format_of: FormatOf, root: str) -> Iterator[Shard]:
        """Yield the files of which the document states path, digest and exact size; of the others it says why they are none."""
        for node in self._node.nodes("sc:distribution"):
            if FILE_OBJECT not in node.types:
                continue
            path, digest, size = (node.raw(n) for n in ("sc:contentUrl", "sc:sha256", "sc:contentSize"))
            sized = _SIZE.fullmatch(str(size).strip()) if size is not None else None
            if not isinstance(path, str) or not isinstance(digest, str) or re.fullmatch(r"[0-9a-fA-F]{64}", digest) is None or sized is None:
                self._reading.note(f"file {node.id[:80]!r}: not listed as a shard: it states no SHA-256 or no size in bytes")
                continue
            shard = declared_shard(path, digest, int(sized[1]), root=root, format_of=format_of)
            if isinstance(shard, str):
                self._reading.note(f"file {node.id[:80]!r}: not listed as a shard: {shard}")
            else:
                yield shard

    def _stated(self) -> Iterator[LicenseClaim]:
        for i, item in enumerate(self._node.items("sc:license")):
            original, url = self._license(item, f"license[{i}]")
            if original:
                yield claim_of(original, by="croissant", evidence=self._file.evidence(url))

    def _license(self, item: Any, place: str) -> tuple[str, str]:
        """Return a licence's wording and its address."""
        if isinstance(item, dict) and "@value" not in item:
            node = Node(item, self._context)
            url = self._reading.url(node.raw("sc:url") or node.raw("@id"), place)
            return text_of(node.raw("sc:name"), self._reading, place) or url, url
        text = text_of(item, self._reading, place)
        return text, text if text.startswith(("http://", "https://")) else ""

    def _details(self, name: str, given: str, url: str) -> Details:
        node, reading = self._node, self._reading
        return Details(
            description=text_of(node.raw("sc:description"), reading, "description", cut=True) or Absence.NOT_STATED.value,
            version=self._version() or Absence.NOT_STATED.value,
            identifiers=tuple(dict.fromkeys(self._identifiers(name, given, url))),
            creators=tuple(dict.fromkeys((*self._names("sc:creator"), *self._people()))),
            publisher=", ".join(self._names("sc:publisher")) or Absence.UNKNOWN.value,
            published=self._published() or Absence.UNKNOWN.value,
            modalities=tuple(dict.fromkeys(self._modalities())),
            purposes=self._names("rai:dataUseCases"),
            processing=(*self._names("rai:dataPreprocessingProtocol"), *self._activities()),
            citation=self._citation() or Absence.NOT_STATED.value,
            collection=Collection(
                method="; ".join((*self._names("rai:dataCollection"), *self._names("rai:dataCollectionType"))) or Absence.UNKNOWN.value,
                ongoing=TriState.of(found if isinstance(found := node.raw("cr:isLiveDataset"), bool) else None),
                geography=self._names("sc:spatialCoverage"),
            ),
            personal_data=self._personal_data(),
            rights=Rights(
                holders=self._names("sc:copyrightHolder"),
                notice=text_of(node.raw("sc:copyrightNotice"), reading, "copyrightNotice", cut=True) or Absence.NOT_STATED.value,
            ),
            metadata_license=self._metadata_license(),
            notes="\n".join(self._notes()) or Absence.NOT_STATED.value,
        )

    def _published(self) -> str:
        return "" if "datePublished" in self._placeholders else self._reading.day(self._node.raw("sc:datePublished"), "datePublished")

    def _citation(self) -> str:
        text = text_of(self._node.raw("cr:citeAs"), self._reading, "citeAs", cut=True)
        return "" if text == "None" else text

    def _version(self) -> str:
        found = self._node.raw("sc:version")
        return self._reading.text(found, "version") if isinstance(found, int | float) else text_of(found, self._reading, "version")

    def _identifiers(self, name: str, given: str, url: str) -> Iterator[str]:
        if hub := _HUB.match(url):
            yield f"hf:{hub[1]}"
        yield from (t for field in ("sc:identifier", "sc:sameAs", "sc:alternateName") for t in self._names(field) if t not in {name, given})
        if isinstance(own := self._node.raw("@id"), str) and own:
            yield self._reading.text(own, "@id")

    def _kind(self) -> SourceKind:
        return SourceKind.WEB_CRAWL if self._names("rai:dataCollectionType") == ("Web Scraping",) else SourceKind.UNKNOWN

    def _collected(self) -> DateRange:
        field = "rai:dataCollectionTimeframe" if "rai:dataCollectionTimeframe" in self._node else "rai:dataCollectionTimeFrame"
        days = [
            d for i in self._node.items(field) if (d := self._reading.day(text_of(i, self._reading, field), field)) not in {"", Absence.UNREADABLE}
        ]
        return DateRange(start=min(days), end=max(days)) if len(days) > 1 else DateRange(start=days[0]) if days else DateRange()

    def _generators(self) -> Iterator[Generator]:
        for node in self._node.nodes("prov:wasAttributedTo"):
            if "prov:SoftwareAgent" in node.types:
                yield Generator(model=_model(self._label(node)))
        for tool in self._node.items("rai:machineAnnotationTools")[:MAX_TOOLS]:
            yield Generator(model=_model(name_of(tool, self._context, self._reading, "machineAnnotationTools")), role="label")

    def _people(self) -> Iterator[str]:
        for node in self._node.nodes("prov:wasAttributedTo"):
            if "prov:SoftwareAgent" not in node.types and (name := self._label(node)):
                yield name

    def _label(self, node: Node) -> str:
        return next(
            (t for n in ("sc:name", "prov:label", "@id") if n in node and (t := text_of(node.raw(n), self._reading, "prov:wasAttributedTo"))), ""
        )

    def _ancestors(self) -> Iterator[str]:
        for item in self._node.items("prov:wasDerivedFrom"):
            node = Node(item, self._context) if isinstance(item, dict) else None
            places = [node.raw(n) for n in ("prov:atLocation", "prov:locatedAt", "sc:url", "@id")] if node else [item]
            hub = next((m for p in places if isinstance(p, str) and (m := _HUB.match(p))), None)
            name = hub[1] if hub else name_of(item, self._context, self._reading, "prov:wasDerivedFrom")
            if name:
                yield name

    def _activities(self) -> Iterator[str]:
        for node in self._node.nodes("prov:wasGeneratedBy"):
            for name in ("prov:description", "sc:description", "prov:label", "sc:name", "@id"):
                if name in node:
                    yield text_of(node.raw(name), self._reading, "prov:wasGeneratedBy", cut=True)
                    break

    def _personal_data(self) -> PersonalData:
        said = self._names("rai:personalSensitiveInformation")
        words = {t.lower() for t in said}
        field = "rai:dataManipulationProtocol" if "rai:dataManipulationProtocol" in self._node else "rai:dataDataManipulationProtocol"
        return PersonalData(
            present=next((v for k, v in _SAID.items() if k in words), TriState.UNKNOWN),
            sensitive=next((v for k, v in _SENSITIVE.items() if k in words), TriState.UNKNOWN),
            categories=tuple(t for t in said if t.lower() not in {*_SAID, *_SENSITIVE, *_PLACEHOLDER_WORDS}),
            measures=self._names(field),
        )

    def _metadata_license(self) -> LicenseClaim:
        for item in self._node.items("sc:sdLicense"):
            original, url = self._license(item, "sdLicense")
            if original:
                return claim_of(original, by="croissant", evidence=self._file.evidence(url))
        return LicenseClaim()

    def _modalities(self) -> Iterator[Modality]:
        for node in self._node.nodes("sc:distribution"):
            for form in node.items("sc:encodingFormat"):
                if isinstance(form, str) and form.partition("/")[0] in _MEDIA:
                    yield _MEDIA[form.partition("/")[0]]

    def _notes(self) -> Iterator[str]:
        for field in _NOTED:
            for text in self._names(field):
                yield f"{field.partition(':')[2]}: {text}"[:MAX_NOTE]

    def _names(self, field: str) -> tuple[str, ...]:
        found = (name_of(item, self._context, self._reading, field.removeprefix("sc:")) for item in self._node.items(field)[:1000])
        return tuple(dict.fromkeys(t for t in found if t and not set(t.split()) <= _NOT_KNOWN))


def _model(text: str) -> str:
    """Return a model's name; that nobody knows it does not mean that there was none."""
    return Absence.UNKNOWN.value if set(text.split()) <= _NOT_KNOWN else text


def _hub_name(url: str, given: str) -> str:
    """Return the name on the hub that an address holds, where the document's name is its last part: a card of the same dataset bears it."""
    found = _HUB.match(url)
    return found[1] if found and given and found[1].rpartition("/")[2].lower() == given.lower() else ""
