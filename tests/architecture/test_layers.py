"""The house keeps its shape: layers, lean rooms, a page for every rule, a docstring in every module."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "provenance").rglob("*.py"))
BUNDLES = sorted((ROOT / "policies" / "bundles").glob("*.yaml"))
RULES = [(bundle.stem, rule["id"]) for bundle in BUNDLES for rule in yaml.safe_load(bundle.read_text(encoding="utf-8"))["rules"]]
MAX_MODULE_LINES = 400


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_names() -> list[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    return re.findall(r"[a-z_]+", parser["importlinter:contract:layers"]["layers"])


def test_every_import_contract_is_kept() -> None:
    cli = pytest.importorskip("importlinter.cli", reason="import-linter comes with the check extra")
    assert cli.lint_imports(config_filename=str(ROOT / ".importlinter"), no_cache=True) == 0


def test_the_contract_names_every_module_of_the_package() -> None:
    present = {p.stem for p in (ROOT / "provenance").iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    assert present - {"__init__", "__main__"} <= set(layer_names())


def test_the_architecture_page_shows_the_layers_of_the_contract() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"## Layers\n.*?```\n(.*?)```", page, flags=re.DOTALL)
    assert block is not None
    shown = [name for line in block[1].splitlines() for name in re.findall(r"[a-z_]+", line.split("  ")[0])]
    assert shown == layer_names()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_bytes()))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_module_outgrows_one_concept(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize(("bundle", "rule"), RULES)
def test_every_rule_has_a_page_that_names_it(bundle: str, rule: str) -> None:
    page = ROOT / "docs" / "rules" / f"{rule}.md"
    assert page.is_file(), f"{bundle}: {rule} has no page"
    assert rule in page.read_text(encoding="utf-8").splitlines()[0]


def test_no_rule_id_is_used_twice_and_no_page_is_left_over() -> None:
    ids = [rule for _, rule in RULES]
    assert len(set(ids)) == len(ids)
    pages = {p.stem for p in (ROOT / "docs" / "rules").glob("[A-Z][0-9][0-9][0-9].md")}
    assert pages - set(ids) <= {"E000"}  # the engine's own finding, in no bundle


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            assert "://" in target or (page.parent / target).exists(), f"{relative(page)}: {target}"
