"""JSON of the Data Provenance Initiative: one file a collection, one entry a dataset (their ``data_summaries``; crosswalk column ``dpi_collection``).

Their annotators read a licence in several places – the dataset's own page, the hub's card, the code repository, the paper –, and these often differ.
Each becomes a statement of its own, with where it was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provenance.audit.imports import ImportedDataset
from provenance.exchange.claims import claim_of, facts_of
from provenance.exchange.languages import language_code
from provenance.exchange.sources import Reading, SourceFile, SourceRead, collected, kind_of, members, parse_json, repeated_key
from provenance.model.absence import Absence, TriState
from provenance.model.claims import LicenseClaim
from provenance.model.dataset import Dataset, Generator, Source, SourceKind
from provenance.model.details import Collection, Details

ID = "Unique Dataset Identifier"
_PROVIDERS = {"OpenAI ": "openai", "Anthropic ": "anthropic", "Google ": "google", "Mistral ": "mistral", "Cohere ": "cohere"}
"""How names of models begin that say whose they are. Other names do not say it, and stay with an unknown provider."""
_INFERRED_LICENSES = (
    ("HF Yaml License", "dpi:huggingface", "Hugging Face URL"),
    ("HF Config License", "dpi:huggingface-config", "Hugging Face URL"),
    ("GitHub License", "dpi:github", "GitHub URL"),
)


def is_dpi(value: object) -> bool:
    """Tell whether a JSON value looks like one of their files."""
    return isinstance(value, dict) and any(isinstance(v, dict) and ID in v for v in value.values())


def read_dpi(file: SourceFile) -> SourceRead:
    """Return the datasets of a collection. An entry that cannot be read leaves the others alone.

    Raises:
        ManifestError: If the file is not JSON.
    """
    value = parse_json(file.raw, file.name)
    if not isinstance(value, dict):
        reading = Reading(file.name)
        reading.problem(f"expected an object of datasets by identifier, got {kind_of(value)}")
        return collected([reading], [])
    readings, datasets = [], []
    for key, entry in members(value):
        reading = Reading(file.name, entry=key[:80])
        readings.append(reading)
        dataset = _Entry(file, reading, key, entry).dataset() if _is_usable(key, entry, reading) else None
        if dataset is not None:
            datasets.append(ImportedDataset(dataset=dataset, where=file.name))
    return collected(readings, datasets)


def _is_usable(key: str, entry: object, reading: Reading) -> bool:
    if not isinstance(entry, dict):
        reading.problem(f"expected an object, got {kind_of(entry)}")
    elif repeated := repeated_key(entry):
        reading.problem(f"field {repeated[:60]!r} is given twice, and readers disagree which one counts: mend the entry")
    elif str(entry.get(ID, "")).startswith("string:"):
        reading.note("is the template that explains the format, and describes no dataset")
    elif entry.get(ID, key) != key:
        reading.problem(f"its {ID!r} is {str(entry[ID])[:60]!r}: the two must agree")
    else:
        return True
    return False


class _Entry:
    def __init__(self, file: SourceFile, reading: Reading, key: str, raw: dict[str, Any]) -> None:
        self._file, self._reading, self._key, self._raw = file, reading, key, raw
        inferred = raw.get("Inferred Metadata")
        self._inferred: Mapping[str, Any] = inferred if isinstance(inferred, dict) else {}
        if inferred is not None and not isinstance(inferred, dict):
            reading.problem(f"Inferred Metadata: expected an object, got {kind_of(inferred)}")

    def dataset(self) -> Dataset | None:
        name = self._reading.name(self._key, ID)
        if not name:
            return None
        generators = tuple(_generator(text) for text in self._texts("Model Generated"))
        title = self._text("Dataset Name") or self._key
        return Dataset(
            name=name,
            title="" if title == name else title,
            source=Source(kind=SourceKind.UNKNOWN, url=self._url("Dataset URL") or Absence.NOT_STATED.value),
            license=facts_of(self._stated(), by="dpi", evidence=self._file.evidence()),
            generators=generators,
            # An empty list may mean that nobody looked: it is no statement that people wrote the text.
            synthetic=TriState.YES if generators else TriState.UNKNOWN,
            languages=tuple(dict.fromkeys(language_code(t) for t in self._texts("Languages"))),
            derived_from=self._texts("Derived from Datasets"),
            tags=tuple(f"format:{t}" for t in self._texts("Format")),
            details=self._details(),
        )

    def _stated(self) -> Iterator[LicenseClaim]:
        listed = self._raw.get("Licenses")
        if listed is not None and not isinstance(listed, list):
            self._reading.problem(f"Licenses: expected a list, got {kind_of(listed)}: kept as {Absence.UNREADABLE}")
            yield LicenseClaim(value=Absence.UNREADABLE.value, by="dpi", evidence=self._file.evidence())
            return
        for i, item in enumerate(listed or ()):
            place = f"Licenses[{i}]"
            if not isinstance(item, dict):
                self._reading.problem(f"{place}: expected an object, got {kind_of(item)}: kept as {Absence.UNREADABLE}")
                yield LicenseClaim(value=Absence.UNREADABLE.value, by="dpi", evidence=self._file.evidence())
                continue
            if text := self._reading.text(item.get("License"), f"{place}.License"):
                url = self._reading.url(item.get("License URL") or None, f"{place}.License URL")
                yield claim_of(text, by="dpi", evidence=self._file.evidence(url))
        yield from self._inferred_licenses()

    def _inferred_licenses(self) -> Iterator[LicenseClaim]:
        for field, by, url_field in _INFERRED_LICENSES:
            if text := self._reading.text(self._inferred.get(field), field):
                yield claim_of(text, by=by, evidence=self._file.evidence(self._url(url_field)))
        if text := self._reading.text(self._inferred.get("PwC License Name"), "PwC License Name"):
            url = self._reading.url(self._inferred.get("PwC License URL") or None, "PwC License URL")
            yield claim_of(text, by="dpi:papers-with-code", evidence=self._file.evidence(url))

    def _details(self) -> Details:
        inferred = self._inferred
        topics = self._reading.texts(inferred.get("Text Topics") or None, "Text Topics")
        sources = self._texts("Text Sources")
        return Details(
            description=self._reading.text(inferred.get("PwC Description"), "PwC Description", cut=True) or Absence.NOT_STATED.value,
            identifiers=tuple(dict.fromkeys(self._identifiers())),
            creators=self._texts("Creators"),
            published=self._published(),
            content_types=tuple(dict.fromkeys((*self._texts("Task Categories"), *topics))),
            collection=Collection(method=f"text from {', '.join(sources)}"[:2000] if sources else Absence.UNKNOWN.value),
            citation=self._reading.text(self._raw.get("Bibtex"), "Bibtex", cut=True) or Absence.NOT_STATED.value,
            notes="\n".join(self._notes()) or Absence.NOT_STATED.value,
        )

    def _published(self) -> str:
        """Return the day on which the hub got the dataset, where it is the hub's: a copy that somebody made later is another one."""
        hub = str(self._inferred.get("HF Dataset") or "")
        if not hub or not self._url("Dataset URL").rstrip("/").endswith(f"huggingface.co/datasets/{hub}"):
            return Absence.UNKNOWN.value
        return self._reading.day(self._inferred.get("HF Date") or None, "HF Date") or Absence.UNKNOWN.value

    def _identifiers(self) -> Iterator[str]:
        if hub := self._reading.text(self._inferred.get("HF Dataset"), "HF Dataset"):
            yield f"hf:{hub}"
        if corpus := self._text("Semantic Scholar Corpus ID"):
            yield f"s2:{corpus}"
        yield from (
            u
            for f in ("Hugging Face URL", "GitHub URL", "ArXiv URL", "Papers with Code URL", "Collection URL")
            if (u := self._url(f)) not in {"", Absence.UNREADABLE}
        )

    def _notes(self) -> Iterator[str]:
        for field in ("License Notes", "License Verified By", "Human Annotation", "Collection", "Paper Title"):
            if text := self._text(field):
                yield f"{field}: {text}"
        for field in ("HF Config", "HF Date", "GitHub Date", "Github Date", "PwC Date", "S2 Date"):
            if text := self._reading.text(self._inferred.get(field), field):
                yield f"{field}: {text}"
        if filters := self._texts("Dataset Filter IDs"):
            yield f"Dataset Filter IDs: {', '.join(filters)}"
        metrics = self._raw.get("Text Metrics")
        dialogs = metrics.get("Num Dialogs") if isinstance(metrics, dict) else None
        if isinstance(dialogs, int) and not isinstance(dialogs, bool):
            yield f"Num Dialogs: {dialogs}"

    def _text(self, field: str) -> str:
        return self._reading.text(self._raw.get(field), field)

    def _texts(self, field: str) -> tuple[str, ...]:
        return self._reading.texts(self._raw.get(field), field)

    def _url(self, field: str) -> str:
        return self._reading.url(self._raw.get(field) or None, field)


def _generator(text: str) -> Generator:
    for prefix, provider in _PROVIDERS.items():
        if text.startswith(prefix):
            return Generator(provider=provider, model=text.removeprefix(prefix).strip())
    return Generator(model=text)
