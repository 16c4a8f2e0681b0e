"""Readers of foreign metadata keep what a source states, in its words, and guess nothing."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ManifestError
from provenance.exchange import export_croissant
from provenance.exchange.croissant import read_croissant
from provenance.exchange.dpi import read_dpi
from provenance.exchange.export_facts import prepare
from provenance.exchange.hf_card import read_card
from provenance.exchange.sources import MAX_DEPTH, SourceRead, dataset_name, parse_json, path_fault, source_of
from provenance.exchange.tabular import read_table
from provenance.ingest.reader import format_of
from provenance.model.absence import Absence, TriState
from provenance.model.dataset import Dataset, DatasetVersion, Generator, LicenseClaim, LicenseFacts, Shard, SourceKind
from tests.fakes import values

SHA = "ab" * 32
CARD = """---
pretty_name: Harbour notes
license:
- cc-by-4.0
- mit
language: [en, no]
source_datasets: [original, "extended|squad"]
annotations_creators: [machine-generated]
language_creators: [found]
task_categories: [question-answering]
size_categories: [n<1K]
paperswithcode_id: null
dataset_info:
  splits:
  - {name: train, num_examples: 7, num_bytes: 700}
  - {name: test, num_examples: 3, num_bytes: 300}
---
# Harbour notes

## Dataset Summary

Notes of a harbour master.

## Licensing Information

See the file.

## Citation Information

```
@misc{harbour}
```
"""
CROISSANT: dict[str, Any] = {
    "@context": {
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "prov": "http://www.w3.org/ns/prov#",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "citeAs": "cr:citeAs",
        "recordSet": "cr:recordSet",
        "field": "cr:field",
        "dataType": "cr:dataType",
        "source": "cr:source",
        "fileObject": "cr:fileObject",
        "isLiveDataset": "cr:isLiveDataset",
    },
    "@type": "sc:Dataset",
    "conformsTo": "http://mlcommons.org/croissant/1.1",
    "name": "notes",
    "description": "Notes of a harbour master.",
    "url": "https://huggingface.co/datasets/harbour/notes",
    "license": ["https://spdx.org/licenses/CC-BY-4.0", {"@type": "CreativeWork", "name": "CC BY-NC 4.0", "url": "https://example.org/l"}],
    "creator": [{"@type": "sc:Person", "name": "A. Master"}],
    "datePublished": "2025-02-03T04:05:06Z",
    "inLanguage": ["en", "German"],
    "citeAs": "@misc{harbour}",
    "keywords": ["boats"],
    "isLiveDataset": True,
    "sdLicense": "CC0-1.0",
    "rai:dataCollectionTimeframe": ["2024-03-01", "2024-01-01"],
    "rai:dataCollectionType": ["Web Scraping"],
    "rai:personalSensitiveInformation": ["Personal data: yes", "Special categories: no", "Names of captains"],
    "prov:wasAttributedTo": [{"@type": "prov:SoftwareAgent", "name": "some-model-7b"}, {"@type": "prov:Person", "name": "B. Mate"}],
    "prov:wasDerivedFrom": {"@id": "x", "prov:atLocation": "https://huggingface.co/datasets/harbour/raw"},
    "prov:wasGeneratedBy": {"@type": "prov:Activity", "prov:description": "Names were removed."},
    "distribution": [
        {
            "@type": "cr:FileObject",
            "@id": "b",
            "contentUrl": "b.jsonl",
            "contentSize": "20 B",
            "encodingFormat": "application/jsonlines",
            "sha256": SHA,
        },
        {
            "@type": "cr:FileObject",
            "@id": "a",
            "contentUrl": "a.jsonl",
            "contentSize": "10 B",
            "encodingFormat": "application/jsonlines",
            "sha256": SHA,
        },
        {
            "@type": "cr:FileObject",
            "@id": "c",
            "contentUrl": "../c.jsonl",
            "contentSize": "10 B",
            "encodingFormat": "application/jsonlines",
            "sha256": SHA,
        },
        {
            "@type": "cr:FileObject",
            "@id": "d",
            "contentUrl": "d.jsonl",
            "contentSize": "4.7 MB",
            "encodingFormat": "application/jsonlines",
            "sha256": SHA,
        },
    ],
}


def dpi_entry(name: str = "notes", **changed: Any) -> dict[str, Any]:
    entry = {
        "Unique Dataset Identifier": name,
        "Dataset Name": "Harbour notes",
        "Dataset URL": "https://user:secret@example.org/notes",
        "GitHub URL": "https://github.com/harbour/notes",
        "Hugging Face URL": "https://huggingface.co/datasets/harbour/notes",
        "Languages": ["English"],
        "Task Categories": ["Summarization"],
        "Text Sources": ["harbour.example"],
        "Model Generated": ["OpenAI GPT-4", "Local Thing"],
        "Creators": ["Harbour Ltd"],
        "Derived from Datasets": ["raw"],
        "Licenses": [{"License": "CC BY-NC 4.0", "License URL": "https://example.org/licence"}],
        "License Notes": "switched in May",
        "Bibtex": "",
        "Inferred Metadata": {
            "HF Yaml License": "MIT License",
            "GitHub License": "Apache License 2.0",
            "HF Dataset": "harbour/notes",
            "PwC License Name": "",
        },
    }
    return {**entry, **changed}


def card(text: str | bytes, place: str = "harbour/notes/README.md", *, name: str = "") -> SourceRead:
    return read_card(source_of(text.encode() if isinstance(text, str) else text, place), name=name)


def croissant(changed: dict[str, Any] | None = None, *, raw: bytes | None = None) -> SourceRead:
    document = raw if raw is not None else json.dumps({**CROISSANT, **(changed or {})}).encode()
    return read_croissant(source_of(document, "croissant.json"), format_of=format_of, root="data")


def dpi(value: object) -> SourceRead:
    return read_dpi(source_of(json.dumps(value).encode(), "collection.json"))


def only(read: SourceRead) -> Dataset:
    (found,) = read.datasets
    return found.dataset


def messages(read: SourceRead) -> str:
    return "\n".join(p.message for p in read.problems)


def shards(read: SourceRead, number: int = 0) -> list[Shard]:
    source = read.datasets[number].shards
    return [] if source is None else list(source())


class TestCards:
    def test_fields_become_facts(self) -> None:
        read = card(CARD)
        found = only(read)
        assert not read.problems
        assert (found.name, found.title, found.languages, found.derived_from) == ("notes", "Harbour notes", ("en", "no"), ("squad",))
        assert [(c.value, c.original, c.by) for c in found.license.stated] == [("CC-BY-4.0", "cc-by-4.0", "card"), ("MIT", "mit", "card")]
        assert found.license.declared.value == "CC-BY-4.0"  # it asks for more than MIT: no derivative may drop the credit
        assert found.details.description == "Notes of a harbour master."
        assert found.details.citation == "@misc{harbour}"
        assert found.details.content_types == ("question-answering",)
        assert "Examples by the card: 10" in found.details.notes
        assert "Licence section of the card: See the file." in found.details.notes

    def test_evidence_names_the_document_by_its_digest(self) -> None:
        import hashlib

        evidence = only(card(CARD)).license.declared.evidence
        assert evidence.sha256 == f"sha256:{hashlib.sha256(CARD.encode()).hexdigest()}"
        assert evidence.snapshot == "harbour/notes/README.md"

    def test_machine_made_labels_are_a_generator_that_nobody_named(self) -> None:
        found = only(card(CARD))
        assert (found.generators, found.synthetic) == ((Generator(role="label"),), TriState.UNKNOWN)

    def test_found_text_is_not_taken_for_human_text(self) -> None:
        found = only(card("---\nlanguage_creators: [found]\n---\n"))
        assert (found.synthetic, found.source.kind, found.license.declared.value) == (TriState.UNKNOWN, SourceKind.UNKNOWN, Absence.NOT_STATED)

    def test_another_licence_keeps_its_name_and_words(self) -> None:
        (claim,) = only(card("---\nlicense: other\nlicense_name: harbour-licence\nlicense_link: https://example.org/l\n---\n")).license.stated
        assert (claim.value, claim.original, claim.evidence.url) == ("UNKNOWN", "other: harbour-licence", "https://example.org/l")

    @pytest.mark.parametrize(
        ("front", "says"),
        [
            ("license: [mit", "front matter cannot be read"),
            ("a: &x [1]\nb: *x", "anchors and aliases"),
            ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]", "anchors and aliases"),
            ("license: mit\nlicense: cc-by-nc-4.0", "given twice"),
            ("a: " + "[" * 60 + "]" * 60, "nested deeper"),
            ("!!python/object/apply:os.system [true]", "front matter cannot be read"),
            ("- a list", "a list, expected fields"),
        ],
        ids=["broken", "alias", "bomb", "twice", "deep", "tag", "list"],
    )
    def test_front_matter_that_cannot_be_read_leaves_an_unreadable_licence(self, front: str, says: str) -> None:
        read = card(f"---\n{front}\n---\n# x\n\n## Dataset Summary\n\nNotes.\n")
        assert says in messages(read)
        assert only(read).license.declared.value == Absence.UNREADABLE
        assert [c.value for c in only(read).license.stated] == [Absence.UNREADABLE]
        assert only(read).details.description == "Notes."

    def test_front_matter_without_an_end_is_said(self) -> None:
        assert "does not end" in messages(card("---\nlicense: mit\n"))

    def test_a_licence_of_ten_megabytes_is_unreadable_and_the_rest_is_kept(self) -> None:
        read = card(f"---\nlicense: {'x' * 3_000_000}\npretty_name: Notes\n---\n")
        assert "3000000 characters, more than 10000: kept as UNREADABLE" in messages(read)
        assert (only(read).license.declared.value, only(read).title) == (Absence.UNREADABLE, "Notes")
        assert "more than 4194304" in messages(card(f"---\nlicense: {'x' * 10_485_760}\n---\n"))

    def test_names_come_from_the_place_or_the_option(self) -> None:
        assert only(card(CARD, "datasets--allenai--c4/snapshots/15/README.md")).name == "allenai/c4"
        assert only(card(CARD, "datasets--allenai--c4/snapshots/15/README.md")).source.url == "https://huggingface.co/datasets/allenai/c4"
        assert only(card(CARD, "squad.md")).name == "squad"
        assert only(card(CARD, name="org/name")).name == "org/name"
        assert "does not say which dataset" in messages(card(CARD, "README.md"))

    def test_broken_bytes_and_controls_are_no_crash(self) -> None:
        assert "not UTF-8" in messages(card(b"---\nlicense: \xff\n---\n"))
        found = only(card('---\npretty_name: "a\\u001b[31mb"\n---\n'))
        assert found.title == "a\ufffd[31mb"


class TestWhatCardsSayOfTheirSources:
    """Real cards: ``extended|other-common-crawl`` is no dataset of the hub, and is an ancestor all the same."""

    @pytest.mark.parametrize(
        ("sources", "ancestors"),
        [
            ("[original]", ()),
            ('["extended|squad"]', ("squad",)),
            ('["extended|other-common-crawl", "extended|other-nist"]', ("common-crawl", "nist")),
            ("[extended]", ("other (not named)",)),
            ('[original, "extended|other"]', ("other (not named)",)),
        ],
    )
    def test_no_ancestor_is_lost(self, sources: str, ancestors: tuple[str, ...]) -> None:
        assert only(card(f"---\nlicense: mit\nsource_datasets: {sources}\n---\n")).derived_from == ancestors

    def test_languages_in_both_keys_count(self) -> None:
        assert only(card("---\nlanguage: [en]\nlanguage_bcp47: [en-US, en]\n---\n")).languages == ("en", "en-US")

    @pytest.mark.parametrize("tag", ["synthetic", "Synthetic"])
    def test_the_tag_synthetic_is_read_however_it_is_written(self, tag: str) -> None:
        assert only(card(f"---\ntags: [{tag}]\n---\n")).synthetic is TriState.YES
        assert only(croissant({"keywords": [tag], "prov:wasAttributedTo": []})).synthetic is TriState.YES

    def test_other_tags_do_not_make_text_synthetic(self) -> None:
        assert only(croissant({"keywords": ["not synthetic"], "prov:wasAttributedTo": []})).synthetic is TriState.UNKNOWN


class TestOurExportsWithoutTheTextForOurImport:
    """Somebody took ``provenance:facts`` out: what was filled in for want of a fact is none, and unknown stays unknown."""

    def read(self, version: DatasetVersion) -> Dataset:
        document = export_croissant.document(prepare(version))
        del document["provenance:facts"]
        return only(read_croissant(source_of(json.dumps(document).encode(), "x.json"), format_of=format_of, root="data"))

    def test_placeholders_are_no_facts(self) -> None:
        found = self.read(values.version(Dataset(name="d"), values.shards(1)))
        assert (found.details.published, found.details.creators) == (Absence.UNKNOWN, ())
        assert (found.source.url, found.license.declared.value) == (Absence.NOT_STATED, Absence.UNKNOWN)
        assert found.synthetic is TriState.UNKNOWN

    def test_none_is_no_licence(self) -> None:
        facts = LicenseFacts(declared=LicenseClaim(value=Absence.NOT_STATED.value))
        assert self.read(values.version(Dataset(name="d", license=facts), values.shards(1))).license.declared.value == Absence.NOT_STATED

    def test_what_is_known_is_read_from_the_words_of_the_standard(self) -> None:
        given = values.full_version()
        found, told = self.read(given), given.dataset
        assert (found.title, found.languages, found.derived_from) == (told.title, told.languages, told.derived_from)
        assert found.license.declared.value == told.license.effective
        assert (found.source.collected, found.details.published) == (told.source.collected, told.details.published)
        assert (found.details.creators, found.details.rights.holders) == (told.details.creators, told.details.rights.holders)
        assert (found.details.personal_data.present, found.details.personal_data.sensitive) == (TriState.YES, TriState.NO)
        assert [(g.model, g.role) for g in found.generators] == [("openai gpt-4-0613", "generate"), ("openai gpt-3.5-turbo", "label")]

    def test_a_model_that_nobody_names_stays_unknown(self) -> None:
        made = Dataset(name="d", generators=(Generator(), Generator(role="label")), synthetic=TriState.YES)
        found = self.read(values.version(made, values.shards(1)))
        assert self.read(values.version(replace(made, generators=made.generators[1:]), values.shards(1))).synthetic is TriState.UNKNOWN
        assert found.generators == made.generators
        assert found.synthetic is TriState.YES


class TestCroissant:
    def test_properties_become_facts(self) -> None:
        read = croissant()
        found = only(read)
        assert not read.problems
        assert (found.name, found.title) == ("harbour/notes", "notes")
        assert [(c.value, c.original) for c in found.license.stated] == [
            ("CC-BY-4.0", "https://spdx.org/licenses/CC-BY-4.0"),
            ("CC-BY-NC-4.0", "CC BY-NC 4.0"),
        ]
        assert found.license.declared.value == "CC-BY-NC-4.0"
        assert (found.languages, found.tags, found.derived_from) == (("en", "de"), ("boats",), ("harbour/raw",))
        assert (found.source.kind, found.source.collected.start, found.source.collected.end) == (SourceKind.WEB_CRAWL, "2024-01-01", "2024-03-01")
        assert (found.generators, found.synthetic) == ((Generator(model="some-model-7b"),), TriState.YES)
        details = found.details
        assert (details.creators, details.published, details.citation) == (("A. Master", "B. Mate"), "2025-02-03", "@misc{harbour}")
        assert (details.collection.ongoing, details.metadata_license.value) == (TriState.YES, "CC0-1.0")
        people = details.personal_data
        assert (people.present, people.sensitive, people.categories) == (TriState.YES, TriState.NO, ("Names of captains",))
        assert details.processing == ("Names were removed.",)

    def test_files_with_digest_and_exact_size_are_shards_in_order(self) -> None:
        read = croissant()
        assert [(s.path, s.sha256, s.size_bytes, s.records) for s in shards(read)] == [
            ("a.jsonl", f"sha256:{SHA}", 10, None),
            ("b.jsonl", f"sha256:{SHA}", 20, None),
        ]
        notes = "\n".join(n.message for n in read.notes)
        assert "must not lead out of its data root" in notes
        assert "file 'd': not listed as a shard" in notes

    def test_what_is_not_stated_stays_absent(self) -> None:
        found = only(croissant(raw=json.dumps({k: CROISSANT[k] for k in ("@context", "@type", "name")}).encode()))
        assert found.license.declared.value == Absence.NOT_STATED
        assert (found.synthetic, found.source.kind, found.languages, found.license.stated) == (TriState.UNKNOWN, SourceKind.UNKNOWN, (), ())
        assert found.details.description == Absence.NOT_STATED

    @pytest.mark.parametrize("text", [["a", "b"], {"en": "a", "fr": "b"}, [{"@value": "a", "@language": "en"}]])
    def test_texts_come_in_three_forms(self, text: object) -> None:
        read = croissant({"description": text})
        assert only(read).details.description in {"a", "NOT_STATED"}
        assert bool(read.problems) == (text == ["a", "b"])

    @pytest.mark.parametrize(
        ("raw", "says"),
        [
            (b'{"@type": "sc:Dataset", "license": "mit", "license": "cc0-1.0"}', "given twice"),
            (b"[]", "expected an object"),
            (b'{"@type": "sc:Person", "name": "x"}', "must be sc:Dataset"),
            (b'{"@type": "sc:Dataset", "name": "\\u0000/../"}', "no dataset name"),
            (b'{"@type": "sc:Dataset", "name": 7}', "expected text, got a number"),
        ],
    )
    def test_a_document_that_is_none_is_said_in_a_sentence(self, raw: bytes, says: str) -> None:
        read = croissant(raw=raw)
        assert says in messages(read)
        assert not read.datasets

    @pytest.mark.parametrize("raw", [b"{", b"\xff", b'{"a": 1e999}', b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70])
    def test_what_is_no_json_is_refused(self, raw: bytes) -> None:
        with pytest.raises(ManifestError):
            croissant(raw=raw)

    def test_a_path_that_stands_for_two_files_is_recorded_for_neither(self) -> None:
        twice = [CROISSANT["distribution"][0], {**CROISSANT["distribution"][0], "contentSize": "21 B"}, CROISSANT["distribution"][1]]
        read = croissant({"distribution": twice})
        assert "stands for two different files" in messages(read)
        assert [s.path for s in shards(read)] == ["a.jsonl"]


class TestDaysOfTheDataProvenanceInitiative:
    """Their "HF Date" is that of the hub's repository: of a copy that somebody made later it is not the day of publication."""

    def test_the_hubs_day_is_that_of_publication_where_the_dataset_is_the_hubs(self) -> None:
        inferred: Any = {"HF Dataset": "a/notes", "HF Date": "2023-01-28"}
        there = {**dpi_entry(), "Dataset URL": "https://huggingface.co/datasets/a/notes", "Inferred Metadata": inferred}
        elsewhere = {**dpi_entry(), "Dataset URL": "https://example.org/notes", "Inferred Metadata": inferred}
        assert only(dpi({"notes": there})).details.published == "2023-01-28"
        found = only(dpi({"notes": elsewhere})).details
        assert found.published == Absence.UNKNOWN
        assert "HF Date: 2023-01-28" in found.notes


class TestDataProvenanceInitiative:
    def test_every_place_that_states_a_licence_is_a_statement(self) -> None:
        read = dpi({"notes": dpi_entry()})
        found = only(read)
        assert [(c.by, c.value, c.original, c.evidence.url) for c in found.license.stated] == [
            ("dpi", "CC-BY-NC-4.0", "CC BY-NC 4.0", "https://example.org/licence"),
            ("dpi:huggingface", "MIT", "MIT License", "https://huggingface.co/datasets/harbour/notes"),
            ("dpi:github", "Apache-2.0", "Apache License 2.0", "https://github.com/harbour/notes"),
        ]
        assert found.license.declared.value == "CC-BY-NC-4.0"
        assert found.generators == (Generator(provider="openai", model="GPT-4"), Generator(model="Local Thing"))
        assert (found.synthetic, found.languages, found.derived_from) == (TriState.YES, ("en",), ("raw",))
        assert found.details.creators == ("Harbour Ltd",)
        assert "License Notes: switched in May" in found.details.notes

    def test_credentials_in_addresses_are_left_out(self) -> None:
        read = dpi({"notes": dpi_entry()})
        assert only(read).source.url == "https://example.org/notes"
        assert "credentials" in "".join(n.message for n in read.notes)
        assert "secret" not in repr(read)

    def test_no_named_model_does_not_make_text_human(self) -> None:
        assert only(dpi({"notes": dpi_entry("notes", **{"Model Generated": []})})).synthetic is TriState.UNKNOWN

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            ([], "expected an object"),
            (dpi_entry("other"), "the two must agree"),
        ],
    )
    def test_a_broken_entry_leaves_the_others(self, bad: object, says: str) -> None:
        read = dpi({"bad": bad, "notes": dpi_entry()})
        assert only(read).name == "notes"
        assert says in messages(read)

    def test_licences_that_are_no_list_are_unreadable_and_the_rest_is_kept(self) -> None:
        read = dpi({"notes": dpi_entry("notes", Licenses="MIT", **{"Inferred Metadata": None})})
        assert [c.value for c in only(read).license.stated] == [Absence.UNREADABLE]
        assert only(read).details.creators == ("Harbour Ltd",)

    def test_an_identifier_given_twice_counts_once_and_is_said(self) -> None:
        entry = json.dumps(dpi_entry())
        read = read_dpi(source_of(f'{{"notes": {entry}, "notes": {entry}}}'.encode(), "c.json"))
        assert only(read).name == "notes"
        assert "described twice" in messages(read)

    def test_a_field_given_twice_spoils_its_entry_only(self) -> None:
        raw = f'{{"bad": {{"Unique Dataset Identifier": "bad", "Creators": [], "Creators": ["x"]}}, "notes": {json.dumps(dpi_entry())}}}'
        read = read_dpi(source_of(raw.encode(), "c.json"))
        assert only(read).name == "notes"
        assert "'Creators' is given twice" in messages(read)


class TestTables:
    COLUMNS = "dataset,path,sha256,size_bytes,license,language,records\n"

    def read(self, tmp_path: Path, text: str | bytes, *, stack: ExitStack, name: str = "m.csv") -> SourceRead:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(path, name=name, format_of=format_of, root="data", stack=stack)

    def test_rows_become_datasets_with_shards_in_order(self, tmp_path: Path) -> None:
        rows = f"b,z.jsonl,{SHA},5,MIT,en,1\na,y.jsonl,{SHA},6,mit,de,\nb,x.parquet,sha256:{SHA.upper()},7,MIT,fr,3\n"
        with ExitStack() as stack:
            read = self.read(tmp_path, self.COLUMNS + rows, stack=stack)
            assert [d.dataset.name for d in read.datasets] == ["b", "a"]
            assert [(s.path, s.size_bytes, s.records, s.root) for s in shards(read)] == [("x.parquet", 7, 3, "data"), ("z.jsonl", 5, 1, "data")]
            assert shards(read) == shards(read)
            assert read.datasets[0].dataset.languages == ("en", "fr")
            assert [c.value for c in read.datasets[0].dataset.license.stated] == ["MIT"]
            assert not read.problems

    def test_rows_under_several_licences_say_so_shard_by_shard(self, tmp_path: Path) -> None:
        rows = f"b,a.jsonl,{SHA},5,MIT,en,4\nb,b.jsonl,{SHA},5,CC BY-NC 4.0,en,2\n"
        with ExitStack() as stack:
            read = self.read(tmp_path, self.COLUMNS + rows, stack=stack)
            assert read.datasets[0].dataset.license.declared.value == "CC-BY-NC-4.0"
            assert [[(p.value, p.records) for p in s.licenses] for s in shards(read)] == [[("MIT", 4)], [("CC-BY-NC-4.0", 2)]]

    @pytest.mark.parametrize(
        ("row", "says"),
        [
            (f"a,../x.jsonl,{SHA},5,MIT,en,1", "must not lead out"),
            (f"a,/etc/passwd.txt,{SHA},5,MIT,en,1", "relative to a data root"),
            (f"a,file:///etc/passwd.txt,{SHA},5,MIT,en,1", "not an address that shards are read from"),
            (f"a,https://u:p@example.org/x.jsonl,{SHA},5,MIT,en,1", "holds credentials"),
            (f"a,https://example.org/x.jsonl?X-Amz-Signature=1,{SHA},5,MIT,en,1", "holds credentials"),
            (f'a,"x\n.jsonl",{SHA},5,MIT,en,1', "line break"),
            (f"a,x.jsonl,{SHA[:-1]},5,MIT,en,1", "not a SHA-256"),
            (f"a,x.jsonl,{SHA},-5,MIT,en,1", "size_bytes"),
            (f"a,x.jsonl,{SHA},{2**53},MIT,en,1", "size_bytes"),
            (f"a,x.jsonl,{SHA},5,MIT,en,many", "records or words"),
            (f"a,x.tar,{SHA},5,MIT,en,1", "no reader knows its ending"),
            (f"../..,x.jsonl,{SHA},5,MIT,en,1", "no dataset name"),
            (f"a,x.jsonl,{SHA},5", "4 cells, expected 7"),
            (f'a,"x"y.jsonl,{SHA},5,MIT,en,1', "not CSV"),
        ],
    )
    def test_a_row_that_is_no_shard_leaves_the_others(self, tmp_path: Path, row: str, says: str) -> None:
        with ExitStack() as stack:
            read = self.read(tmp_path, f"{self.COLUMNS}{row}\na,good.jsonl,{SHA},5,MIT,en,1\n", stack=stack)
            assert says in messages(read)
            assert "row 2" in messages(read)
            assert [s.path for d in read.datasets for s in (d.shards() if d.shards else ())] == ["good.jsonl"]

    def test_repeated_rows_count_once_and_contradicting_ones_not_at_all(self, tmp_path: Path) -> None:
        rows = f"a,x.jsonl,{SHA},5,MIT,en,1\na,x.jsonl,{SHA},5,MIT,en,1\na,y.jsonl,{SHA},5,MIT,en,1\na,y.jsonl,{SHA},6,MIT,en,1\n"
        with ExitStack() as stack:
            read = self.read(tmp_path, self.COLUMNS + rows, stack=stack)
            assert "'y.jsonl' stands for two different files" in messages(read)
            assert [s.path for s in shards(read)] == ["x.jsonl"]

    def test_a_licence_cell_of_ten_megabytes_is_unreadable(self, tmp_path: Path) -> None:
        with ExitStack() as stack:
            read = self.read(tmp_path, f"{self.COLUMNS}a,x.jsonl,{SHA},5,{'x' * 10_485_760},en,1\na,y.jsonl,{SHA},5,MIT,en,1\n", stack=stack)
            assert "kept as UNREADABLE" in messages(read)
            assert {c.value for c in read.datasets[0].dataset.license.stated} == {"UNREADABLE", "MIT"}
            assert [s.path for s in shards(read)] == ["x.jsonl", "y.jsonl"]

    def test_facts_alone_make_datasets_without_shards(self, tmp_path: Path) -> None:
        table = "dataset,license,provider,model,synthetic,source_kind,collected_from\nnotes,MIT,openai,gpt-4,no,licensed,2024-01-01\n"
        with ExitStack() as stack:
            read = self.read(tmp_path, table, stack=stack)
            found = only(read)
            assert read.datasets[0].shards is None
            assert (found.generators, found.synthetic) == ((Generator(provider="openai", model="gpt-4"),), TriState.YES)
            assert (found.source.kind, found.source.collected.start) == (SourceKind.LICENSED, "2024-01-01")

    def test_facts_that_rows_contradict_are_said(self, tmp_path: Path) -> None:
        with ExitStack() as stack:
            read = self.read(tmp_path, "dataset,title,synthetic\na,One,no\na,Two,unknown\n", stack=stack)
            assert "title: the rows say 2 different things" in messages(read)
            assert only(read).synthetic is TriState.UNKNOWN

    def test_parquet_reads_as_csv_does(self, tmp_path: Path) -> None:
        table = pa.table({"dataset": ["a", "a"], "path": ["y.jsonl", None], "sha256": [SHA, SHA], "size_bytes": [5, 5], "license": ["MIT", None]})
        pq.write_table(table, tmp_path / "m.parquet")
        with ExitStack() as stack:
            read = read_table(tmp_path / "m.parquet", name="m.parquet", format_of=format_of, root="data", stack=stack)
            assert [s.path for s in shards(read)] == ["y.jsonl"]
            assert only(read).license.declared.value == "MIT"

    @pytest.mark.parametrize(
        ("name", "raw"), [("m.csv", b"a,b\n1,2\n"), ("m.csv", b"path,path\n"), ("m.parquet", b"PAR1 nothing"), ("m.parquet", b"")]
    )
    def test_what_is_no_such_table_is_refused(self, tmp_path: Path, name: str, raw: bytes) -> None:
        with ExitStack() as stack, pytest.raises(ManifestError):
            self.read(tmp_path, raw, stack=stack, name=name)


class TestSources:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("a b/c", "a-b/c"),
            ("../x", "x"),
            ("a/./b", "a/b"),
            ("..", ""),
            ("\x1b[2J", "2J"),
            ("é", "é"),
            ("_hidden", "hidden"),
            ("x" * 300, "x" * 200),
        ],
    )
    def test_names_become_valid_ones(self, given: str, name: str) -> None:
        assert dataset_name(given) == name

    @pytest.mark.parametrize("path", ["a.jsonl", "a/b c.jsonl", "é.txt", "https://example.org/a.jsonl", "s3://bucket/a.parquet"])
    def test_paths_that_shards_may_have(self, path: str) -> None:
        assert path_fault(path) == ""

    @pytest.mark.parametrize(
        "path", ["", "/a", "~/a", "a\\b", "C:/a", "a/../b", "a\u2028b", "a\rb", "./a", "a//b", "file:///a", "s3:///a", "x" * 5000, "\ud800"]
    )
    def test_paths_that_they_may_not(self, path: str) -> None:
        assert path_fault(path)

    def test_json_of_the_largest_depth_is_read(self) -> None:
        raw = b"[" * (MAX_DEPTH - 1) + b"1" + b"]" * (MAX_DEPTH - 1)
        assert parse_json(raw, "x") is not None
        with pytest.raises(ManifestError, match="nested deeper"):
            parse_json(b"[" + raw + b"]", "x")
