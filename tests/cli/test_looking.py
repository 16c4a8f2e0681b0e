"""What people see of the registry: lists, pages, searches, comparisons, the log, and answers in SQL."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from provenance.cli.main import run
from provenance.errors import ManifestError, RegistryError
from provenance.registry.engine import open_engine, transaction
from provenance.registry.readonly import ask
from provenance.registry.views import VIEWS
from tests.fakes.postgres import fresh_database

MANIFEST = """format: provenance.datasets
version: 1
datasets:
  - {name: poems, title: "=cmd()", license: {declared: CC0-1.0}, languages: [de], synthetic: no, shards: ["poems/*.jsonl"]}
  - {name: chats, synthetic: yes, generators: [{provider: openai, model: gpt-4}], shards: [chats.jsonl],
     details: {description: "What people\u202e asked of us, over a very long time, and what was answered by a model that nobody had asked for"}}
"""


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def said(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert provenance(folder, *arguments) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("looking")
    (folder / "data" / "poems").mkdir(parents=True)
    for number in range(30):
        (folder / "data" / "poems" / f"{number:02}.jsonl").write_text(json.dumps({"text": f"poem number {number}"}) + "\n")
    (folder / "data" / "chats.jsonl").write_text(json.dumps({"text": "good evening"}) + "\n")
    (folder / "datasets.yaml").write_text(MANIFEST)
    assert provenance(folder, "init") == 0
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0
    (folder / "data" / "poems" / "29.jsonl").unlink()
    (folder / "data" / "poems" / "30.jsonl").write_text(json.dumps({"text": "a new poem"}) + "\n")
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0
    return folder


def database(work: Path) -> str:
    return f"sqlite:///{work}/.provenance/registry.db"


@pytest.mark.parametrize(
    "command",
    [
        ("datasets", "list"),
        ("datasets", "search", "poem"),
        ("datasets", "show", "poems"),
        ("datasets", "show", "chats"),
        ("datasets", "diff", "poems"),
        ("datasets", "lineage", "poems"),
        ("log", "show"),
    ],
)
def test_everything_fits_eighty_columns_and_steers_no_terminal(work: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    text = said(work, capsys, *command)
    longest = max(text.splitlines(), key=len)
    assert len(longest) <= 85 if "sha256:" in longest else len(longest) <= 80
    assert "\u202e" not in text


def test_show_prints_some_shards_and_counts_all(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(work, capsys, "datasets", "show", "poems")
    assert sum("poems/" in line for line in text.splitlines()) == 20
    assert "30 shards" in text
    assert "not known – nobody has said" in text
    assert "description" not in text
    assert "description" in said(work, capsys, "datasets", "show", "chats")
    page = said(work, capsys, "datasets", "show", "poems", "--shards", "2", "--offset", "29")
    assert [line.split()[0] for line in page.splitlines() if line.startswith("poems/")] == ["poems/30.jsonl"]
    assert len(json.loads(said(work, capsys, "datasets", "show", "poems", "-f", "json"))["shards"]) == 30


def test_lists_are_filtered(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(work, capsys, "datasets", "list", "--provider", "OpenAI", "-f", "json"))
    assert [d["dataset"]["name"] for d in found] == ["chats"]
    assert "no dataset fits" in said(work, capsys, "datasets", "list", "--license", "MIT")
    answer = json.loads(said(work, capsys, "datasets", "search", "poem", "-f", "json"))
    assert [d["dataset"]["name"] for d in answer["datasets"]] == ["poems"]
    assert answer["facets"]["license"] == {"CC0-1.0": 1}


def test_the_last_two_recordings_are_compared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(work, capsys, "datasets", "diff", "poems", "-f", "json"))
    assert [s["path"] for s in found["added"]] == ["poems/30.jsonl"]
    assert [s["path"] for s in found["removed"]] == ["poems/29.jsonl"]
    assert "equal" in said(work, capsys, "datasets", "diff", "poems", "poems")
    assert provenance(work, "datasets", "diff", "chats") == 1


def test_the_log_says_what_was_changed(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(work, capsys, "log", "show", "--action", "register")
    assert "poems · 1 version" in text
    assert json.loads(said(work, capsys, "log", "show", "--limit", "1", "-f", "json"))[0]["seq"] == 3


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_view_answers(work: Path, view: str) -> None:
    answer = ask(database(work), f"SELECT * FROM {view}")
    assert answer.columns
    with closing(sqlite3.connect(work / ".provenance" / "registry.db")) as connection:
        assert list(answer.rows) == connection.execute(f"SELECT * FROM {view}").fetchall()


def test_views_tell_of_newest_versions_only(work: Path) -> None:
    rows = ask(database(work), "SELECT dataset, shards FROM dataset_overview ORDER BY dataset").rows
    assert rows == (("chats", 1), ("poems", 30))
    assert ask(database(work), "SELECT COUNT(*) FROM shard_overview").rows == ((31,),)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM shards",
        "DROP VIEW dataset_overview",
        "PRAGMA query_only = OFF",
        "ATTACH DATABASE '/tmp/x.db' AS x",
        "SELECT 1; DROP TABLE shards",
        "WITH x AS (SELECT 1) DELETE FROM shards",
        "WITH x AS (SELECT 1) INSERT INTO audits SELECT 1, 'a', 'b', 'c', 'CLEARED', 'd' FROM x",
        "SELECT load_extension('x')",
        "/* SELECT */ DROP TABLE shards",
        "SELECT * FROM nothing",
        "",
        "SELECT",
    ],
)
def test_what_is_no_question_is_refused(work: Path, query: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = (work / ".provenance" / "registry.db").read_bytes()
    with pytest.raises(ManifestError):
        ask(database(work), query)
    assert provenance(work, "sql", query) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert (work / ".provenance" / "registry.db").read_bytes() == before
    assert not Path("/tmp/x.db").exists()


def test_an_endless_question_is_stopped(work: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT SUM(i) FROM n"
    with pytest.raises(RegistryError, match="longer"):
        ask(database(work), endless, timeout_s=0.2)


@pytest.mark.parametrize("value", ["hex(zeroblob(40000000))", "replace(hex(zeroblob(2000000)), '0', 'xxxxxxxxxxxxxxxxxxxxx')"])
def test_no_single_value_takes_memory_without_bound(work: Path, value: str) -> None:
    with pytest.raises(ManifestError, match="too big"):
        ask(database(work), f"SELECT length({value})")


def test_an_answer_without_end_is_refused_before_memory_ends(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.registry.readonly.MAX_ANSWER_BYTES", 1_000_000)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, hex(zeroblob(100)) FROM n"
    with pytest.raises(RegistryError, match="larger than 1 MB"):
        ask(database(work), endless)
    assert len(ask(database(work), endless, limit=5).rows) == 5


def test_rows_are_limited_and_it_is_said(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "sql", "SELECT path FROM shard_overview", "--limit", "3") == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 4
    assert "cut after 3" in printed.err


def test_answers_are_csv_without_formulas_json_and_parquet(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT dataset, title, shards FROM dataset_overview ORDER BY dataset"
    rows = list(csv.reader(io.StringIO(said(work, capsys, "sql", query, "-f", "csv"))))
    assert rows == [["dataset", "title", "shards"], ["chats", "", "1"], ["poems", "'=cmd()", "30"]]
    assert json.loads(said(work, capsys, "sql", query, "-f", "json"))["rows"] == [["chats", "", 1], ["poems", "=cmd()", 30]]
    said(work, capsys, "sql", query, "-f", "parquet", "-o", "answer.parquet")
    assert pq.read_table(work / "answer.parquet").to_pydict() == {"dataset": ["chats", "poems"], "title": ["", "=cmd()"], "shards": [1, 30]}
    assert ask(database(work), "SELECT 1 AS a, 'x' AS a UNION ALL SELECT 'two', NULL").to_arrow().to_pydict() == {
        "a": ["1", "two"],
        "a_2": ["x", None],
    }


def test_postgresql_answers_questions_only(postgres: str) -> None:
    from provenance.registry.session import SqlUnitOfWork
    from provenance.registry.upgrade import upgrade
    from tests.fakes import values
    from tests.fakes.clock import TickingClock

    url = fresh_database(postgres)
    upgrade(url)
    with SqlUnitOfWork(url, TickingClock()).begin(actor="a", action="register") as registry:
        registry.add_version(values.full_version(count=3))
    engine = open_engine(url)
    with transaction(engine, write=True) as connection:
        connection.exec_driver_sql("""CREATE FUNCTION "Odd ""name"(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1' SET work_mem = '4MB'""")
    engine.dispose()
    for view in VIEWS:
        assert ask(url, f"SELECT * FROM {view}").columns
    assert ask(url, "SELECT shards FROM dataset_overview").rows == ((3,),)
    for query in (
        "SELECT 1; DROP VIEW dataset_overview",
        "SELECT 1) AS x; DROP VIEW dataset_overview; SELECT * FROM (SELECT 1",
        "WITH x AS (DELETE FROM shards RETURNING 1) SELECT * FROM x",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT set_config('role', 'test', false)",
        "SELECT lo_export(1, '/tmp/out')",
        'SELECT U&"\\006co_from_bytea"(0, path::bytea) FROM shards',
        "SELECT * FROM pg_read_file('/etc/passwd')",
        "SELECT 1 WHERE EXISTS (SELECT * FROM pg_ls_dir('/'))",
        "SELECT lo_export(1, '/tmp/out') FROM shards AS \"'\" WHERE 'x' > ''",
        "WITH \"'\" AS MATERIALIZED (SELECT lo_export(1, '/tmp/out')) SELECT * FROM \"'\"",
        """SELECT '"' || lo_export(1, '/tmp/out') || '"('""",
        "SELECT 'a\\' || lo_export(1, '/tmp/out')",
        'SELECT "Odd ""name"(1)',
        "SELECT query_to_xml('DELETE FROM shards', true, true, '')",
        "SELECT count(*) FROM shards WHERE pg_terminate_backend(path::int)",
        "SELECT path, row_number() OVER (ORDER BY pg_advisory_lock(size_bytes) IS NULL) FROM shards",
        "WITH x AS MATERIALIZED (SELECT lo_create(0)) SELECT 1 FROM x",
        "SELECT 1; COMMIT; DELETE FROM shards",
        "SELECT 1) AS question; COMMIT; DELETE FROM shards; --",
        "COPY shards TO PROGRAM 'touch /tmp/out'",
        "SELECT * INTO copied FROM shards",
        "SELECT * FROM shards FOR UPDATE",
        "SELECT * FROM nothing",
    ):
        with pytest.raises(ManifestError):
            ask(url, query)
    assert (
        ask(url, "SELECT 'lo_export 1', lower('A'), count(*), max(length(path)) FROM shards WHERE path LIKE '%lo_export%' OR random() < 2").rows[0][2]
        == 3
    )
    assert ask(url, "SELECT generate_series(1, 1000000000)", limit=5).rows == ((1,), (2,), (3,), (4,), (5,))
    assert len(ask(url, "SELECT generate_series(1, 5000)").rows) == 5000
    with pytest.raises(RegistryError, match="longer"):
        ask(url, "SELECT pg_sleep(30)", timeout_s=0.2)
    with pytest.raises(RegistryError, match="longer"):
        ask(url, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n", timeout_s=0.2)
    assert not Path("/tmp/out").exists()
    assert ask(url, "SELECT shards FROM dataset_overview").rows == ((3,),)


@pytest.fixture
def copied(work: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(work, tmp_path / "copied"))


def test_a_generator_that_changed_says_what_it_was_and_what_it_became(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "data" / "g.jsonl").write_text('{"text": "good evening"}\n')
    manifest = """format: provenance.datasets
version: 1
datasets:
  - name: g
    shards: [g.jsonl]
    tags: [TAGS]
    title: TITLE
    generators:
      - {provider: openai, model: MODEL, channel: api, from: 2024-01-01, to: 2024-01-31, prompt_source: "a very long name of a source of prompts"}
"""
    for model, tags, title in (("gpt-4-0613", "one, two", "T" * 60), ("gpt-4o-2024-05-13", "two, three", "U" * 60)):
        (copied / "g.yaml").write_text(manifest.replace("MODEL", model).replace("TAGS", tags).replace("TITLE", title))
        assert provenance(copied, "register", "--manifest", "g.yaml") == 0
    lines = said(copied, capsys, "datasets", "diff", "g~1", "g").splitlines()
    assert "  generators[0].model: gpt-4-0613 → gpt-4o-2024-05-13" in lines
    assert lines[lines.index("  tags:") :][:3] == ["  tags:", "    - one", "    + three"]
    assert lines[lines.index("  title:") :][:3] == ["  title:", f"    - {'T' * 60}", f"    + {'U' * 60}"]
    assert not any("prompt_source" in line for line in lines)


@pytest.mark.parametrize(("words", "says"), [(("openai",), "no dataset says 'openai' in words; --provider openai finds 1"), (("gpt",), None)])
def test_a_word_that_only_a_facet_has_is_proposed_as_a_filter(
    copied: Path, words: tuple[str, ...], says: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provenance(copied, "datasets", "search", *words) == 0
    found = capsys.readouterr()
    assert "no dataset fits" in found.out
    told = [line for line in found.err.splitlines() if " in words; --" in line]
    if says is not None:
        assert told == [says]
    for line in told:
        option, value = line.partition("; ")[2].split(" ")[:2]
        assert provenance(copied, "datasets", "search", option, value.strip("'")) == 0
        assert "no dataset fits" not in capsys.readouterr().out


@pytest.mark.parametrize("word", ["tokenise", "tokenize", "TOKENISE"])
def test_the_british_spelling_of_a_transform_is_taken(copied: Path, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(copied, "datasets", "derive", "poems", "--from", "chats", "--transform", word) == 0
    graph = json.loads(said(copied, capsys, "datasets", "lineage", "poems", "-f", "json"))
    assert "tokenize" in {e["transform"] for e in graph["edges"]}
    assert provenance(copied, "datasets", "derive", "poems", "--from", "chats", "--transform", "tokenism") == 2
