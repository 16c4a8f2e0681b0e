"""Real documents: every valid one is read without a fault, every bad example of MLCommons gives a sentence, and what annotators read is kept."""

from __future__ import annotations

import json
from pathlib import Path

from provenance.exchange.croissant import read_croissant
from provenance.exchange.dpi import read_dpi
from provenance.exchange.hf_card import read_card
from provenance.exchange.sources import SourceRead, dataset_name, load_source, source_of
from provenance.ingest.reader import format_of
from provenance.model.absence import TriState

SAYS = {
    "distribution_bad_contained_in": "'THISDOESNOTEXIST', which is not in the document",
    "distribution_bad_id": "white space",
    "distribution_bad_type": "must be cr:FileObject or cr:FileSet",
    "distribution_missing_encoding_format": "encodingFormat is missing",
    "distribution_missing_property_content_url": "contentUrl is missing",
    "metadata_bad_type": "must be sc:Dataset",
    "mlfield_bad_source": "'THISDOESNOTEXIST' is not in the document",
    "mlfield_bad_type": "must be cr:Field",
    "mlfield_missing_source": "neither source nor value",
    "recordset_bad_type": "must be cr:RecordSet",
    "recordset_missing_context_for_datatype": "has no dataType",
    "recordset_wrong_join": "'references'",
    "mlfield_bad_array_definition": "isArray is not true",
    "mlfield_bad_array_shape": "'a,b,c'",
    "multilingual_fields": "expected text, got a number",
}


def croissant(path: Path) -> SourceRead:
    return read_croissant(load_source(path), format_of=format_of, root="data")


def test_every_valid_croissant_document_is_read_without_a_fault(shared: Path) -> None:
    paths = [*(shared / "fixtures/croissant/valid").glob("*.json"), *(shared / "data/dev/registry_metadata/croissant").glob("*.json")]
    assert len(paths) >= 30
    for path in paths:
        read = croissant(path)
        assert (len(read.datasets), read.problems) == (1, ()), path.name
        stated = json.loads(path.read_bytes()).get("license")
        assert [c.original for c in read.datasets[0].dataset.license.stated] == ([stated] if stated else []), path.name


def test_every_bad_example_gives_a_sentence_and_keeps_the_facts(shared: Path) -> None:
    paths = list((shared / "fixtures/croissant/invalid").glob("*metadata.json"))
    assert len(paths) == len(SAYS)
    for path in paths:
        case = path.name.split("__")[1]
        read = croissant(path)
        assert any(SAYS[case] in p.message for p in read.problems), (case, read.problems)
        assert len(read.datasets) == (case != "metadata_bad_type")
        assert all(d.dataset.license.declared.original == "This is a license." for d in read.datasets)


def test_alpaca_keeps_all_four_statements(shared: Path) -> None:
    read = read_dpi(load_source(shared / "fixtures/dpi/Alpaca.json"))
    (found,) = read.datasets
    assert [(c.by, c.original) for c in found.dataset.license.stated] == [
        ("dpi", "OpenAI"),
        ("dpi", "CC BY-NC 4.0"),
        ("dpi:huggingface", "CC BY-NC 4.0"),
        ("dpi:github", "Apache License 2.0"),
    ]
    assert [(g.provider, g.model) for g in found.dataset.generators] == [("openai", "GPT-3")]
    assert found.dataset.license.declared.value == "CC-BY-NC-4.0"
    assert "formerly Apache 2.0, switched" in found.dataset.details.notes


def test_every_collection_is_read_entry_by_entry(shared: Path) -> None:
    for path in (shared / "data/dev/registry_metadata/dpi/data_summaries").glob("*.json"):
        if path.name == "_template.json":
            continue
        entries = json.loads(path.read_bytes())
        read = read_dpi(load_source(path))
        assert (len(read.datasets), read.problems) == (len(entries), ()), path.name
        for found in read.datasets:
            entry = next(e for key, e in entries.items() if dataset_name(key) == found.dataset.name)
            inferred = entry.get("Inferred Metadata", {})
            named = [i["License"] for i in entry["Licenses"]] + [
                inferred.get(f) for f in ("HF Yaml License", "HF Config License", "GitHub License", "PwC License Name")
            ]
            assert {c.original for c in found.dataset.license.stated} == {n.strip() for n in named if n and n.strip()}, found.dataset.name
            assert (found.dataset.synthetic is TriState.YES) == bool(entry["Model Generated"])


def test_every_card_of_the_hub_keeps_its_licences(shared: Path) -> None:
    unread = 0
    for line in (shared / "data/dev/registry_metadata/hf_cards/cards.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        raw = row.get("readme") or f"---\n{row['yaml_raw']}\n---\n"
        read = read_card(source_of(raw.encode(), f"{row['dataset']}/README.md"))
        (found,) = read.datasets
        unread += bool(read.problems)
        if not read.problems:
            stated = row["license"] if isinstance(row["license"], list) else [row["license"]] if row["license"] else []
            assert sorted(c.original.partition(":")[0] for c in found.dataset.license.stated) == sorted(set(stated)), row["dataset"]
    assert unread <= 1
