"""datasets.yaml is read strictly, and unknown facts stay unknown."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.documents import parse_document
from provenance.errors import ManifestError
from provenance.exchange import manifest as module
from provenance.exchange.manifest import ManifestDocument, load_datasets_manifest
from provenance.model.absence import TriState
from provenance.model.dataset import DateRange, Details, Evidence, Generator, Obtained, Source, SourceKind, Tokenizer
from provenance.model.details import Collection, Crawler, Modality, OptOutCheck, OptOutSignal, PersonalData, TokenCount
from tests.conftest import ROOT

FULL = """
format: provenance.datasets
version: 1
roots: {data: data/}
defaults: {owner: data-team@example.org}
datasets:
  - name: chat-distilled
    title: Support chats, answers by GPT-4
    source: {kind: synthetic, url: "https://example.org/chats", collected: {from: 2024-03-01, to: 2024-05-31}, collector: Example}
    obtained: own-account
    license: {declared: LicenseRef-proprietary, url: "https://example.org/licence"}
    terms: [openai/business]
    generators: [{provider: openai, model: gpt-4-0613, channel: api, region: US, from: 2024-03-01, to: 2024-05-31, role: generate}]
    domain: customer-support
    languages: [en, NO]
    derived_from: [support-tickets]
    shards: [chat/*.jsonl.zst]
    fields: {text: messages}
    tags: [v2]
  - name: support-tickets
    license: CC BY 4.0
    synthetic: no
    owner: support@example.org
    shards: tickets
"""
MINIMAL = "format: provenance.datasets\nversion: 1\ndatasets:\n  - name: d\n    shards: ['*.txt']\n"


def load(tmp_path: Path, text: str) -> ManifestDocument:
    file = tmp_path / "datasets.yaml"
    file.write_text(text, encoding="utf-8")
    return load_datasets_manifest(file)


def with_field(line: str) -> str:
    return MINIMAL + f"    {line}\n"


def test_every_field_of_the_format_is_read(tmp_path: Path) -> None:
    document = load(tmp_path, FULL)
    (chat, patterns, root), (tickets, ticket_patterns, _) = document.datasets()
    assert (patterns, root, ticket_patterns) == (("chat/*.jsonl.zst",), "data", ("tickets",))
    assert document.roots == (("data", tmp_path / "data"),)
    assert chat.title == "Support chats, answers by GPT-4"
    assert chat.source == Source(
        kind=SourceKind.SYNTHETIC, url="https://example.org/chats", collected=DateRange(start="2024-03-01", end="2024-05-31"), collector="Example"
    )
    assert chat.obtained is Obtained.OWN_ACCOUNT
    assert chat.license.declared.value == "LicenseRef-proprietary"
    assert chat.license.declared.evidence.url == "https://example.org/licence"
    assert chat.generators == (
        Generator(provider="openai", model="gpt-4-0613", channel="api", region="US", generated=DateRange(start="2024-03-01", end="2024-05-31")),
    )
    assert (chat.synthetic, chat.text_field, chat.terms, chat.tags) == (TriState.YES, "messages", ("openai/business",), ("v2",))
    assert chat.languages == ("en", "NO")
    assert (chat.owner, tickets.owner) == ("data-team@example.org", "support@example.org")
    assert (tickets.license.declared.value, tickets.license.declared.original) == ("CC-BY-4.0", "CC BY 4.0")
    assert tickets.synthetic is TriState.NO


def test_what_is_not_said_is_unknown(tmp_path: Path) -> None:
    ((dataset, _, root),) = load(tmp_path, MINIMAL).datasets()
    assert root == "data"
    assert dataset.license.effective == "UNKNOWN"
    assert dataset.synthetic is TriState.UNKNOWN
    assert dataset.source == Source()
    assert dataset.obtained is Obtained.UNKNOWN
    assert (dataset.owner, dataset.domain, dataset.text_field) == ("UNKNOWN", "UNKNOWN", None)


@pytest.mark.parametrize("kind", [k for k in SourceKind if k is not SourceKind.SYNTHETIC])
def test_no_kind_of_source_says_that_text_is_human(tmp_path: Path, kind: SourceKind) -> None:
    ((dataset, _, _),) = load(tmp_path, with_field(f"source: {{kind: {kind.value}}}")).datasets()
    assert dataset.synthetic is TriState.UNKNOWN


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("synthetic: no", TriState.NO),
        ("synthetic: No", TriState.NO),
        ("synthetic: false", TriState.NO),
        ("synthetic: yes", TriState.YES),
        ("synthetic: UNKNOWN", TriState.UNKNOWN),
        ("generators: [{provider: openai}]", TriState.YES),
        ("generators: [{provider: openai, role: label}]", TriState.UNKNOWN),
        ("generators: [{provider: openai, role: label}, {provider: openai, role: rewrite}]", TriState.YES),
        ("generators: [{provider: openai, role: label}]\n    synthetic: no", TriState.NO),
        ("generators: [{provider: openai, role: label}]\n    synthetic: yes", TriState.YES),
        ("source: {kind: synthetic}", TriState.YES),
    ],
)
def test_a_statement_on_synthetic_text_is_taken(tmp_path: Path, line: str, expected: TriState) -> None:
    ((dataset, _, _),) = load(tmp_path, with_field(line)).datasets()
    assert dataset.synthetic is expected


@pytest.mark.parametrize("word", ["NOT_STATED", "UNREADABLE", "UNKNOWN"])
def test_a_named_absence_is_no_licence(tmp_path: Path, word: str) -> None:
    ((dataset, _, _),) = load(tmp_path, with_field(f"license: {word}")).datasets()
    assert dataset.license.declared.value == word


def test_an_unknown_licence_keeps_its_wording(tmp_path: Path) -> None:
    ((dataset, _, _),) = load(tmp_path, with_field("license: ask Bob first")).datasets()
    assert (dataset.license.declared.value, dataset.license.declared.original) == ("UNKNOWN", "ask Bob first")


def test_a_default_licence_is_replaced_whole(tmp_path: Path) -> None:
    text = MINIMAL.replace("datasets:", "defaults: {license: {declared: MIT, url: 'https://example.org/mit'}}\ndatasets:")
    assert load(tmp_path, text).entries[0].dataset.license.declared.value == "MIT"
    ((dataset, _, _),) = load(tmp_path, text + "    license: {declared: CC0-1.0}\n").datasets()
    assert dataset.license.declared.value == "CC0-1.0"
    assert dataset.license.declared.evidence.url == "NOT_STATED"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("licence: MIT", r":6: datasets\[0\]\.licence: unknown field 'licence'; did you mean 'license'\?"),
        ("source: {knd: own}", r":6: datasets\[0\]\.source\.knd: .*did you mean 'kind'\?"),
        ("generators: [{provider: a}, {modle: b}]", r"datasets\[0\]\.generators\[1\]\.modle: .*'model'"),
        ("source: {kind: webcrawl}", "did you mean 'web-crawl'"),
        ("obtained: stolen", "not one of own-account"),
        ("generators: [{from: 2024-13-01}]", "not a day"),
        ("generators: [{from: 2023-02-29}]", "not a day"),
        ("generators: [{from: 2024-03}]", "expected YYYY-MM-DD"),
        ("generators: [{from: 2024-03-02, to: 2024-03-01}]", "is before"),
        ("generators: [{role: invent}]", "not one of generate"),
        ("generators: {provider: a}", "expected a list"),
        ("generators: [openai]", "expected a mapping"),
        ("generators: [{model: 4}]", "expected text, got a number.*quotes"),
        ("domain: true", "expected text, got true or false"),
        ("domain:", "expected text, got nothing"),
        ("domain: ''", "leave the field out"),
        ("tags: [[a]]", "expected text, got a list"),
        ("synthetic: maybe", "expected yes, no or unknown"),
        ("synthetic: 0", "expected yes, no or unknown"),
        ("license: [MIT]", "expected a mapping"),
        ("name: e", "'name' is given twice"),
        ("root: elsewhere\n    roots: 1", "unknown field 'roots'; did you mean 'root'"),
        ("<<: {owner: me}", "unknown field '<<'"),
        ("title: " + "x" * 10_001, "1 to 10000 characters"),
        ("fields: {tokenizer: gone.json}", r"fields\.tokenizer: tokenizer .*gone\.json: cannot be read: No such file.*nothing is downloaded"),
        ("fields: {tokens: input_ids}", r"fields\.tokens: names a field of token ids, but no tokenizer reads them"),
        ("fields: {tokeniser: a.json}", "did you mean 'tokenizer'"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        load(tmp_path, with_field(line))


@pytest.mark.parametrize("line", ["generators: [{provider: openai}]", "source: {kind: synthetic}"])
def test_saying_no_to_synthetic_against_the_facts_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ManifestError, match="contradicts"):
        load(tmp_path, with_field(f"{line}\n    synthetic: no"))
    with pytest.raises(ManifestError, match="contradicts"):
        load(tmp_path, with_field(line).replace("datasets:", "defaults: {synthetic: no}\ndatasets:"))


@pytest.mark.parametrize(
    "pattern",
    ["/etc/passwd", "../x.jsonl", "a/../../x", "~/x", "C:/x", "a\\\\b", "a\\nb"],
    ids=["absolute", "up", "inner-up", "home", "drive", "backslash", "line"],
)
def test_a_pattern_cannot_leave_its_root(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ManifestError, match=r"data root|line break"):
        load(tmp_path, MINIMAL.replace("'*.txt'", f'"{pattern}"'))


@pytest.mark.parametrize("name", ["", " ", "a b", "a@b", "-a", "../a", "a\\nb", "x" * 201])
def test_a_name_that_could_be_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match=r"datasets\[0\]\.name"):
        load(tmp_path, MINIMAL.replace("name: d", f'name: "{name}"'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping"),
        ("[]", "expected a mapping"),
        (MINIMAL.replace("version: 1", "version: 2"), "reads version 1"),
        (MINIMAL.replace("version: 1", "version: true"), "reads version 1"),
        (MINIMAL.replace("provenance.datasets", "provenance.run"), "expected provenance.datasets"),
        (MINIMAL + "\tx: 1\n", "datasets.yaml:6"),
        (MINIMAL.replace("version: 1", "version: 1\nversion: 1"), "given twice"),
        ("a: &a [x]\nb: *a\n", "aliases are not allowed"),
        (MINIMAL.replace("name: d", "name: !!python/object:os.system d"), "datasets.yaml:4"),
        (MINIMAL + "  - name: d\n    shards: [x]\n", "described twice"),
        ("format: provenance.datasets\nversion: 1\ndatasets: []\n", "at least one dataset"),
        ("format: provenance.datasets\nversion: 1\ndatasets: [x]\n", "expected a mapping"),
        ("format: provenance.datasets\nversion: 1\ndatasets: [{name: d}]\n", "at least one pattern"),
        (MINIMAL.replace("datasets:", "defaults: {name: x}\ndatasets:"), r"defaults\.name: unknown field"),
        (MINIMAL.replace("datasets:", "roots: []\ndatasets:"), "expected names of data roots"),
        (with_field("root: raw").replace("datasets:", "roots: {a: x, b: y}\ndatasets:", 1), "no data root is named 'raw'"),
    ],
)
def test_a_broken_document_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        load(tmp_path, text)


def test_all_faults_are_told_at_once_up_to_a_limit(tmp_path: Path) -> None:
    items = "".join(f"  - {{name: d{i}, shards: [x], colour: red}}\n" for i in range(30))
    with pytest.raises(ManifestError) as caught:
        load(tmp_path, "format: provenance.datasets\nversion: 1\ndatasets:\n" + items)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[0].startswith(f"{tmp_path}/datasets.yaml:4: datasets[0].colour: unknown field")
    assert lines[-1] == "and 10 more"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere\.yaml"):
        load_datasets_manifest(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_shard_list_names_files_and_what_it_claims_of_them(tmp_path: Path, form: str) -> None:
    rows: dict[str, list[str] | list[int]] = {"path": ["b.jsonl", "a.jsonl"], "sha256": ["b" * 64, "sha256:" + "a" * 64], "size_bytes": [2, 1]}
    if form == "csv":
        lines = [",".join(str(rows[c][i]) for c in rows) for i in range(2)]
        (tmp_path / "list.csv").write_text("path,sha256,size_bytes\n" + "\n".join(lines), encoding="utf-8")
    else:
        pq.write_table(pa.table(rows), tmp_path / "list.parquet")
    document = load(tmp_path, MINIMAL.replace("['*.txt']", f"{{list: list.{form}}}"))
    assert document.entries[0].patterns == ("a.jsonl", "b.jsonl")
    assert [leaf.sha256 for leaf in document.entries[0].listed] == ["sha256:" + "a" * 64, "sha256:" + "b" * 64]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,sha256\n", "lacks the column 'size_bytes'"),
        ("path,sha256,size_bytes\n", "empty"),
        ("path,sha256,size_bytes\na,xyz,1\n", "list.csv:2: not a shard"),
        (f"path,sha256,size_bytes\na,{'a' * 64},-1\n", "size -1"),
        (f"path,sha256,size_bytes\na,{'a' * 64},\n", "not a shard"),
        (f"path,sha256,size_bytes\n../a,{'a' * 64},1\n", "one file below a data root"),
        (f"path,sha256,size_bytes\n*,{'a' * 64},1\n", "no wildcard"),
        (f"path,sha256,size_bytes\na,{'a' * 64},1\na,{'b' * 64},1\n", "two different files"),
        ("\xff", "lacks the column"),
    ],
)
def test_a_broken_shard_list_says_where(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(content, encoding="utf-8")
    with pytest.raises(ManifestError, match=message):
        load(tmp_path, MINIMAL.replace("['*.txt']", "{list: list.csv}"))


def test_a_parquet_shard_list_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "list.parquet").write_bytes(b"PAR1")
    with pytest.raises(ManifestError, match="cannot be read"):
        load(tmp_path, MINIMAL.replace("['*.txt']", "{list: list.parquet}"))


SCHEMA = json.loads((ROOT / "docs" / "formats" / "datasets.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", [FULL, MINIMAL, MINIMAL.replace("['*.txt']", "{list: x.csv}")])
def test_the_published_schema_accepts_what_is_read(text: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(parse_document(text.encode(), where="x"), SCHEMA)


def test_a_tokenizer_is_named_by_its_file_or_folder_and_kept_with_its_digest(tmp_path: Path) -> None:
    folder = tmp_path / "tok"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes(b"{}")
    expected = Tokenizer(path=f"{folder}/tokenizer.json", sha256="sha256:" + hashlib.sha256(b"{}").hexdigest(), field="ids")
    for given in ("tok", "tok/tokenizer.json", "../" + tmp_path.name + "/tok"):
        (dataset, _, _), *_ = load(tmp_path, with_field(f"fields: {{tokenizer: {given}, tokens: ids}}")).datasets()
        assert dataset.tokenizer == expected
    assert load(tmp_path, MINIMAL).datasets()[0][0].tokenizer is None


def test_the_published_schema_knows_the_fields_of_a_dataset() -> None:
    document = parse_document(with_field("fields: {text: t, tokenizer: a.json, tokens: ids}").encode(), where="x")
    jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize(
    "line", ["licence: MIT", "fields: {tokens: ids}", "source: {knd: own}", "generators: [{from: 2024-03}]", "domain: 1", "synthetic: maybe"]
)
def test_the_published_schema_refuses_what_is_refused(line: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(parse_document(with_field(line).encode(), where="x"), SCHEMA)


def test_the_published_schema_has_exactly_the_fields_that_are_read() -> None:
    top = SCHEMA["properties"]
    item = top["datasets"]["items"]["properties"]
    assert set(top) == set(module.TOP_FIELDS)
    assert set(top["defaults"]["properties"]) == set(module.DEFAULT_FIELDS)
    assert set(item) == set(module.DATASET_FIELDS)
    assert set(item["source"]["properties"]) == set(module.SOURCE_FIELDS)
    assert set(item["license"]["oneOf"][1]["properties"]) == set(module.LICENSE_FIELDS)
    assert set(item["generators"]["items"]["properties"]) == set(module.GENERATOR_FIELDS)


DETAILS = """
    details:
      description: What customers asked
      published: 2024-06-01
      modalities: [text, code]
      creators: A. Person
      collection: {method: crawl, ongoing: no, geography: [DE], crawlers: [{name: b}], opt_outs: [{signal: robots.txt, honoured: yes, evidence: {url: "https://x/robots.txt"}}]}
      personal_data: {present: true, sensitive: unknown}
      token_counts: [{tokens: 1000, tokenizer: o200k}]
      container_license: ODC-By
      metadata_license: {declared: cc0, url: "https://x/m"}
"""


def test_details_are_read_by_their_types(tmp_path: Path) -> None:
    details = load(tmp_path, MINIMAL + DETAILS).entries[0].dataset.details
    assert (details.description, details.published, details.creators) == ("What customers asked", "2024-06-01", ("A. Person",))
    assert details.modalities == (Modality.TEXT, Modality.CODE)
    check = OptOutCheck(signal=OptOutSignal.ROBOTS_TXT, honoured=TriState.YES, evidence=Evidence(url="https://x/robots.txt"))
    assert details.collection == Collection(method="crawl", ongoing=TriState.NO, geography=("DE",), crawlers=(Crawler(name="b"),), opt_outs=(check,))
    assert details.personal_data == PersonalData(present=TriState.YES)
    assert details.token_counts == (TokenCount(tokens=1000, tokenizer="o200k"),)
    assert (details.container_license.value, details.container_license.original) == ("ODC-By-1.0", "ODC-By")
    assert (details.metadata_license.value, details.metadata_license.evidence.url) == ("CC0-1.0", "https://x/m")


def test_details_that_are_not_stated_stay_unknown(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL).entries[0].dataset.details == Details()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("details: {smell: 1}", "unknown field 'smell'"),
        ("details: {modalities: [smell]}", "'smell' is not one of text, code"),
        ("details: {published: 2024-13-01}", "is not a day"),
        ("details: {collection: {ongoing: perhaps}}", "expected yes, no or unknown"),
        ("details: {collection: {opt_outs: [{honoured: yes}]}}", "field 'signal' is missing"),
        ("details: {token_counts: [{tokens: -3, tokenizer: t}]}", "expected a whole number from 0"),
        ("details: {token_counts: [{tokens: 1.5, tokenizer: t}]}", "expected a whole number from 0"),
        ("details: {token_counts: [{tokens: 3}]}", "field 'tokenizer' is missing"),
        ("details: [1]", "expected a mapping"),
        ("license: {declared: MIT, concluded: {value: MIT, at: 2026-01-01, because: read}}", "concluded.by: is missing"),
        ("license: {declared: MIT, concluded: {value: MIT, by: me, at: soon, because: read}}", "is not a day"),
        ("license: {declared: MIT, concluded: {value: MIT, by: UNKNOWN, at: 2026-01-01, because: read}}", "concluded.by: says nothing"),
        ("license: {declared: MIT, concluded: {value: MIT, by: me, at: UNKNOWN, because: read}}", "concluded.at: says nothing"),
        ("license: {declared: MIT, concluded: {value: MIT, by: me, at: 2026-01-01, because: ' '}}", "concluded.because: says nothing"),
    ],
)
def test_what_details_cannot_say_is_a_fault(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(fault)):
        load(tmp_path, with_field(line))


def test_a_conclusion_decides_and_keeps_who_and_why(tmp_path: Path) -> None:
    line = "license: {declared: unknown words, concluded: {value: cc by 4.0, by: legal, at: 2026-01-15, because: contract}, expires: 2027-01-01}"
    dataset = load(tmp_path, with_field(line)).entries[0].dataset
    assert dataset.license.effective == "CC-BY-4.0"
    assert (dataset.license.concluded.by, dataset.license.concluded.evidence.fetched_at) == ("legal", "2026-01-15")
    assert (dataset.details.conclusion, dataset.license.expires) == ("contract", "2027-01-01")
    assert dataset.license.declared.value == "UNKNOWN"


def test_licences_of_contents_database_and_metadata_are_kept_apart(tmp_path: Path) -> None:
    text = MINIMAL + '    license: {declared: CC BY 4.0, database: {declared: ODbL, url: "https://x/l"}, metadata: cc0}\n'
    dataset = load(tmp_path, text).entries[0].dataset
    assert dataset.license.declared.value == "CC-BY-4.0"
    assert (dataset.details.container_license.value, dataset.details.container_license.evidence.url) == ("ODbL-1.0", "https://x/l")
    assert (dataset.details.metadata_license.value, dataset.details.metadata_license.by) == ("CC0-1.0", "registrant")


def test_a_licence_of_the_database_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    text = MINIMAL + "    license: {declared: MIT, database: ODbL}\n    details: {container_license: CC0}\n"
    with pytest.raises(ManifestError, match=r"database.*details.container_license"):
        load(tmp_path, text)
