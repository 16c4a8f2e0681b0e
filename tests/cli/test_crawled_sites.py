"""The terms of a site bind what was crawled there: each case is registered and audited for real."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run

RUN = """format: provenance.run
version: 1
model: {{name: m, release: {{weights: {weights}}}}}
purpose: {{commercial: {commercial}}}
data: [{{dataset: {data}}}]
references: [books]
policy: [baseline.yaml]
"""
TEXT = "The committee thanked the treasurer, approved the minutes and closed at nine, since the hall had been let to the choir."
OTHER = "A lamp that nobody owns is a lamp that somebody brought, and nobody rows out in November without a reason."
NYT, WIKI = "https://www.nytimes.com/section/world", "https://dumps.wikimedia.org/enwiki/"
EXIT_OF = {"CLEARED": 0, "REVIEW": 10, "BLOCKED": 11}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "book.txt").write_text(OTHER + " It was so ever since, and the harbour master knew it well, for he had counted.")
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "reference", "add", "books", "book.txt", "--kind", "work", "--license", "LicenseRef-all-rights-reserved") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def source(url: str, kind: str = "web-crawl", days: tuple[str, str] | None = ("2024-03-01", "2024-03-31")) -> str:
    collected = "" if days is None else f", collected: {{from: {days[0]}, to: {days[1]}}}"
    return f'{{kind: {kind}, url: "{url}"{collected}}}'


def register(folder: Path, *datasets: str) -> None:
    """Register datasets: flow mappings without licence, origin and shards, which are open, human and a file of the dataset's name."""
    lines = []
    for number, dataset in enumerate(datasets):
        name = dataset.split(",")[0].removeprefix("name: ")
        (folder / "data" / f"{name}.jsonl").write_text(json.dumps({"id": "a", "text": f"{TEXT} {number}"}) + "\n")
        lines.append(f"  - {{{dataset}, license: CC0-1.0, synthetic: no, shards: [{name}.jsonl]}}\n")
    (folder / "datasets.yaml").write_text("format: provenance.datasets\nversion: 1\ndatasets:\n" + "".join(lines))
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0


def audit(
    folder: Path, data: str, capsys: pytest.CaptureFixture[str], *, weights: str = "closed", commercial: str = "true"
) -> tuple[int, Mapping[str, Any]]:
    """Return the exit code and the open findings by rule."""
    (folder / "run.yaml").write_text(RUN.format(data=data, weights=weights, commercial=commercial))
    capsys.readouterr()
    code = provenance(folder, "audit", "run.yaml", "-f", "json", "--no-report")
    record = json.loads(capsys.readouterr().out)
    return code, {f["rule"]: f for f in record["findings"] if f["waiver"] is None}


@pytest.mark.parametrize(
    ("url", "days", "outcome", "clause"),
    [
        # "designed to data mine or scrape the Content" is barred since 2021-09-01.
        (NYT, ("2022-03-01", "2022-03-31"), "VIOLATED", ("nyt.tos.2021-09-01", "automated_extraction")),
        # "training, fine tuning, or grounding" is barred since 2025-06-09.
        (NYT, ("2025-07-01", "2025-07-31"), "VIOLATED", ("nyt.tos.2025-06-09", "train_any_model")),
        ("https://www.bbc.co.uk/news", ("2024-03-01", "2024-03-31"), "VIOLATED", ("bbc.tos", "train_any_model")),
        ("https://x.com/someone", ("2024-03-01", "2024-03-31"), "VIOLATED", ("x.tos.2023-09-29", "automated_extraction")),
        ("HTTPS://X.COM.:443/a", ("2024-03-01", "2024-03-31"), "VIOLATED", ("x.tos.2023-09-29", "automated_extraction")),
    ],
)
def test_a_crawl_of_a_site_that_bars_it_is_denied(
    work: Path, capsys: pytest.CaptureFixture[str], url: str, days: tuple[str, str], outcome: str, clause: tuple[str, str]
) -> None:
    register(work, f"name: crawl, source: {source(url, days=days)}")
    code, found = audit(work, "crawl", capsys)
    assert (code, set(found), found["T001"]["outcome"]) == (11, {"T001"}, outcome)
    assert clause in {(c["terms"], c["clause"]) for c in found["T001"]["clauses"]}


def test_a_crawl_of_the_times_of_2024_is_never_cleared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, f"name: crawl, source: {source(NYT)}", f"name: undated, source: {source(NYT, days=None)}")
    for name in ("crawl", "undated"):
        code, found = audit(work, name, capsys)
        assert (code, set(found)) == (11, {"T001"})
        assert found["T001"]["outcome"] in {"VIOLATED", "UNKNOWN"}


def test_a_dump_of_wikimedia_is_not_denied(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = "details: {collection: {method: official dump}}"
    register(work, *(f"name: {kind}, source: {source(WIKI, kind)}, {dump}" for kind in ("web-crawl", "public-dataset", "other")))
    for kind in ("web-crawl", "public-dataset", "other"):
        assert audit(work, kind, capsys) == (0, {})


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.org/forum", "web-crawl"),
        ("https://notnytimes.com/", "web-crawl"),
        ("https://nytimes.com.example/", "web-crawl"),
        ("https://huggingface.co/datasets/a/b", "public-dataset"),
        ("https://huggingface.co/datasets/a/b", "web-crawl"),
        ("https://huggingface.co/a/b", "other"),
        ("https://huggingface.co/a/b", "UNKNOWN"),
        ("https://github.com/a/b", "public-dataset"),
        ("https://github.com/a/b", "other"),
        (NYT, "licensed"),
        (NYT, "own"),
    ],
)
def test_what_was_gathered_from_no_catalogued_site_is_judged_as_before(work: Path, capsys: pytest.CaptureFixture[str], url: str, kind: str) -> None:
    register(work, f"name: a, source: {source(url, kind)}")
    assert audit(work, "a", capsys) == (0, {})


def test_what_derives_from_a_crawl_inherits_the_terms_of_its_site(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crawl = f"name: crawl, source: {source(NYT, days=('2025-07-01', '2025-07-31'))}"
    register(work, crawl, "name: child, derived_from: [crawl], source: {kind: own}", "name: grandchild, derived_from: [child], source: {kind: own}")
    for name in ("child", "grandchild"):
        code, found = audit(work, name, capsys)
        assert (code, found["T001"]["outcome"]) == (11, "VIOLATED")


def test_terms_named_for_what_it_derives_from_are_judged_too(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, "name: posts, terms: [x.developer.2025-06-04]", "name: child, derived_from: [posts]")
    code, found = audit(work, "child", capsys)
    assert (code, found["T001"]["outcome"]) == (11, "VIOLATED")


def test_the_site_of_a_robots_txt_that_a_crawl_read_is_one_that_it_crawled(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = '{signal: robots.txt, honoured: yes, evidence: {url: "https://www.bbc.co.uk/robots.txt"}}'
    opt_outs = f"details: {{collection: {{opt_outs: [{read}]}}}}"
    register(work, f"name: crawl, source: {source('https://example.org/')}, {opt_outs}")
    code, found = audit(work, "crawl", capsys)
    assert (code, found["T001"]["outcome"]) == (11, "VIOLATED")


def test_an_address_of_which_nobody_says_that_it_was_crawled_is_not_cleared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, f"name: a, source: {source('https://www.quora.com/', 'UNKNOWN')}", f"name: b, source: {source(WIKI, 'UNKNOWN')}")
    code, found = audit(work, "a", capsys)
    assert (code, found["T001"]["outcome"]) == (11, "UNKNOWN")
    assert audit(work, "b", capsys) == (0, {})


def test_an_address_never_makes_a_verdict_better(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sites = ["UNKNOWN", "https://example.org/", WIKI, NYT]
    days = [("2022-03-01", "2022-03-31"), ("2026-01-01", "2026-01-31")]
    names = {
        f"{kind}{number}{year[0][:4]}": source(url, kind, year)
        for (number, url), kind, year in itertools.product(enumerate(sites), ("web-crawl", "other"), days)
    }
    register(work, *(f"name: {name}, source: {text}" for name, text in names.items()))
    codes = {name: audit(work, name, capsys)[0] for name in names}
    assert set(codes.values()) <= set(EXIT_OF.values())
    for name, code in codes.items():
        assert code >= codes[f"{name[:-5]}0{name[-4:]}"]
