"""The format documents say what the code does: schemas hold for shipped data and examples, examples load, links and hints lead somewhere."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.documents import parse_document
from provenance.errors import ProvenanceError
from provenance.exchange.manifest import load_datasets_manifest
from provenance.fingerprint.digest import parse_manifest
from provenance.licensing.classes import load_licenses
from provenance.licensing.license_class import USES
from provenance.licensing.terms import load_terms
from provenance.model.finding import Action, Outcome, Severity, SubjectKind, Waiver
from provenance.model.match import Explanation, Match, MatchMethod
from provenance.model.run import (
    ApprovalEvidence,
    Imitates,
    ModelPlan,
    Organization,
    ProviderApproval,
    Purpose,
    Release,
    Revenue,
    Run,
    RunData,
    UsersOn,
)
from provenance.model.waiving import ApprovalSignature
from provenance.model.wire import read_value
from provenance.policy.bundle import load_bundle
from provenance.policy.bundle_tests import run_bundle_tests
from provenance.policy.remedy_file import load_remedies
from provenance.policy.rundoc import load_run
from provenance.policy.waivers import WaiverReason, load_waivers

ROOT = Path(__file__).parents[2]
FORMATS = ROOT / "docs" / "formats"
SAMPLE = ROOT / "examples" / "sample"
DOCUMENTS = ("run", "policy", "terms", "licenses", "waivers", "datasets", "remedy")


def schema(name: str) -> Any:
    return json.loads((FORMATS / f"{name}.schema.json").read_text(encoding="utf-8"))


def faults(name: str, document: object) -> list[str]:
    return [f"{e.json_path}: {e.message}" for e in jsonschema.Draft202012Validator(schema(name)).iter_errors(document)]


def read(path: Path) -> object:
    return json.loads(path.read_bytes()) if path.suffix == ".json" else parse_document(path.read_bytes(), where=path.name)


def examples(name: str, language: str) -> list[str]:
    """The fenced examples of a format document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (FORMATS / f"{name}.md").read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


SHIPPED: list[tuple[str, Path]] = [
    ("run", SAMPLE / "run.yaml"),
    ("datasets", SAMPLE / "datasets.yaml"),
    ("datasets", SAMPLE / "mended" / "datasets.yaml"),
    *(("policy", p) for p in sorted((ROOT / "policies" / "bundles").glob("*.yaml"))),
    *(("terms", p) for p in [*sorted((ROOT / "policies" / "terms").glob("*.json")), *sorted((SAMPLE / "terms").glob("*.yaml"))]),
    *(("licenses", p) for p in [*sorted((ROOT / "policies" / "licenses").glob("*.json")), *sorted((SAMPLE / "licenses").glob("*.yaml"))]),
]


@pytest.mark.parametrize("name", sorted(p.name.removesuffix(".schema.json") for p in FORMATS.glob("*.schema.json")))
def test_every_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$id"].endswith(f"/{name}.schema.json")


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=lambda v: v.name if isinstance(v, Path) else v)
def test_shipped_data_and_the_sample_fit_their_schema(name: str, path: Path) -> None:
    assert faults(name, read(path)) == []


LOADERS: dict[str, Callable[[Path], object]] = {
    "run": load_run,
    "policy": load_bundle,
    "waivers": load_waivers,
    "remedy": load_remedies,
    "datasets": load_datasets_manifest,
    "terms": lambda path: load_terms((path.parent,)),
    "licenses": lambda path: load_licenses((path.parent,)),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_example_of_a_document_fits_its_schema_and_loads(name: str, tmp_path: Path) -> None:
    (text,) = examples(name, "yaml")
    path = tmp_path / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    assert faults(name, read(path)) == []
    (tmp_path / "lists").mkdir()
    if name == "datasets":
        path.write_text(text.replace("{list: tickets.parquet}", "[tickets.jsonl]"), encoding="utf-8")
    LOADERS[name](path)


def test_the_example_bundle_passes_its_own_tests(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(examples("policy", "yaml")[0], encoding="utf-8")
    results = run_bundle_tests(load_bundle(path))
    assert len(results) == 3
    assert [r for r in results if not r.passed] == []


def test_the_example_match_is_a_match_and_the_example_line_a_manifest() -> None:
    raw = json.loads(examples("match", "json")[0])
    assert sorted(raw) == sorted(f.name for f in fields(Match))
    read_value(Match, raw)
    leaves, _ = parse_manifest(examples("manifest", "json")[0].encode())
    assert [leaf.path for leaf in leaves] == ["chat/000001.jsonl.zst"]
    assert json.loads(examples("references", "json")[0])["id"] == "call-000412"


def keys(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document that is an object of named fields."""
    if isinstance(node, dict):
        yield path
        for key, value in node.items():
            yield from keys(value, (*path, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from keys(value, (*path, i))


FREE_KEYS = {"policy": {"params", "given", "expect"}, "licenses": {"aliases", "compatibility"}, "datasets": {"roots"}}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_field_nobody_knows_is_refused_by_schema_and_loader_alike_at_every_place(name: str, tmp_path: Path) -> None:
    document: Any = parse_document(examples(name, "yaml")[0].replace("{list: tickets.parquet}", "[tickets.jsonl]").encode(), where=name)
    for place in keys(document):
        if FREE_KEYS.get(name, set()) & set(place):
            continue
        wrong = copy.deepcopy(document)
        node = wrong
        for part in place:
            node = node[part]
        node["licence_x"] = "YES"
        assert faults(name, wrong), place
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(ProvenanceError, match="licence_x"):
            LOADERS[name](path)
        path.unlink()


def test_the_schemas_know_the_fields_and_words_of_the_code() -> None:
    run = schema("run")["properties"]
    for place, kind in (
        (run, Run),
        (run["model"]["properties"], ModelPlan),
        (run["model"]["properties"]["release"]["properties"], Release),
        (run["purpose"]["properties"], Purpose),
        (run["organization"]["properties"], Organization),
        (run["data"]["items"]["properties"], RunData),
        (run["purpose"]["properties"]["imitates"]["anyOf"][0]["items"]["properties"], Imitates),
        (run["organization"]["properties"]["monthly_active_users_at"]["anyOf"][0]["items"]["properties"], UsersOn),
        (run["organization"]["properties"]["revenue"]["anyOf"][0]["properties"], Revenue),
        (run["approvals"]["anyOf"][0]["items"]["properties"], ProviderApproval),
        (run["approvals"]["anyOf"][0]["items"]["properties"]["evidence"]["anyOf"][0]["properties"], ApprovalEvidence),
    ):
        assert set(place) - {"format", "version"} == {f.name for f in fields(kind)} - {"digest", "file_digest"}
    rule = schema("policy")["properties"]["rules"]["items"]["properties"]
    assert rule["for_each"]["enum"] == [k.value for k in SubjectKind]
    assert rule["action"]["enum"] == [a.value for a in Action]
    assert rule["severity"]["enum"] == [s.value for s in Severity]
    expect = schema("policy")["properties"]["tests"]["items"]["properties"]["expect"]
    assert expect["additionalProperties"]["enum"] == [o.value for o in Outcome]
    waiver = schema("waivers")["properties"]["waivers"]["items"]["properties"]
    assert set(waiver) == {f.name for f in fields(Waiver)} | {"signature"}
    assert set(waiver["signature"]["properties"]) == {f.name for f in fields(ApprovalSignature)}
    assert waiver["reason"]["enum"] == [r.value for r in WaiverReason]
    assert schema("licenses")["properties"]["licenses"]["items"]["properties"]["use"]["enum"] == list(USES)
    text = (FORMATS / "match.md").read_text(encoding="utf-8")
    assert all(f"`{word}`" in text for word in (*MatchMethod, *Explanation))


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = []
    for file in [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            if "://" not in target and not (file.parent / target).exists():
                broken.append(f"{file.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_every_format_document_is_linked_from_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [p.name for p in sorted(FORMATS.glob("*.md")) if f"(formats/{p.name})" not in text] == []


def test_every_path_that_the_code_names_exists() -> None:
    named = set()
    for file in [*sorted((ROOT / "provenance").rglob("*.py")), *sorted((ROOT / "examples").rglob("*.yaml"))]:
        named |= set(re.findall(r"(?<![\w./-])docs/[\w./-]*\w", file.read_text(encoding="utf-8")))
    assert len(named) > 3
    numbers = {n for n in named if re.fullmatch(r"docs/adr/\d{4}", n)}
    assert [n for n in sorted(named - numbers) if not (ROOT / n).exists()] == []
    assert [n for n in sorted(numbers) if not list((ROOT / "docs" / "adr").glob(f"{n[-4:]}-*.md"))] == []
