"""Opt-outs and removal demands as a compliance officer handles them: recorded, looked for, blocked, left out, and shown to be gone."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run
from provenance.ingest import record_stream
from tests.fakes.postgres import fresh_database

RUN = """format: provenance.run
version: 1
model: {name: m, kind: chat-llm, release: {weights: closed}}
purpose: {commercial: true}
organization: {name: E}
data: [DATA]
requested_by: lead@example.org
policy: [commercial-llm.yaml]
"""
MANIFEST = """format: provenance.datasets
version: 1
defaults: {synthetic: no, license: {declared: CC0-1.0}}
datasets:
"""
HOSTS = ("example.com", "www.example.com", "News.Example.COM:8080", "badexample.com", "example.com.evil.test", "other.org", "user@example.com")


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def answer(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = provenance(folder, *arguments, "-f", "json")
    return code, json.loads(capsys.readouterr().out)


def demand(folder: Path, *named: str, basis: str = "opt-out") -> None:
    assert provenance(folder, "exclude", "add", *named, "--by", "Example House", "--basis", basis) == 0


def write(path: Path, records: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in records))


def crawl(count: int = 60, seed: int = 5) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [
        {"id": f"r{seed}-{i}", "url": f"https://{draw.choice(HOSTS)}/page/{i}", "text": " ".join(f"w{seed}x{i}x{k}" for k in range(30))}
        for i in range(count)
    ]


def register(folder: Path, **shards: str) -> None:
    (folder / "datasets.yaml").write_text(MANIFEST + "".join(f"  - {{name: {name}, shards: [{shard}]}}\n" for name, shard in shards.items()))
    assert provenance(folder, "register", "--manifest", "datasets.yaml") in {0, 4}  # 4: a record that cannot be read is registered and told


def states(report: Any) -> dict[tuple[str, str], str]:
    values = {d["id"]: d["value"] for d in report["demands"]}
    return {(values[s["demand"]], s["dataset"]): s["state"] for s in report["states"]}


@pytest.fixture(params=["sqlite", "postgresql"])
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "postgresql":
        url = fresh_database(request.getfixturevalue("postgres"))
        (tmp_path / "provenance.toml").write_text(f'database = "{url}"\n')
    assert provenance(tmp_path, "init") == 0
    write(tmp_path / "data" / "crawl.jsonl", crawl())
    register(tmp_path, crawl="crawl.jsonl")
    return tmp_path


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    assert provenance(tmp_path, "init") == 0
    write(tmp_path / "data" / "crawl.jsonl", crawl())
    register(tmp_path, crawl="crawl.jsonl")
    return tmp_path


def audit(folder: Path, capsys: pytest.CaptureFixture[str], data: str = "{dataset: crawl}", *options: str) -> dict[str, Any]:
    (folder / "run.yaml").write_text(RUN.replace("DATA", data))
    _, record = answer(folder, capsys, "audit", "run.yaml", "--no-report", *options)
    return {f["rule"]: f for f in record["findings"] if f["rule"].startswith("X")}


def test_the_whole_way_from_a_demand_to_the_proof_that_it_is_met(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(work, capsys) == {}
    demand(work, "--domain", "Example.COM.")
    records = crawl()
    # The oracle: who looks at the raw JSON and cuts out the host by hand.
    inside = [
        i
        for i, r in enumerate(records)
        if ("." + r["url"][8:].partition("/")[0].rpartition("@")[2].partition(":")[0].lower()).endswith(".example.com")
    ]
    code, report = answer(work, capsys, "exclude", "check", "-o", "places.jsonl")
    assert code == 11
    (state,) = report["states"]
    assert (state["state"], state["count"]) == ("STILL_INSIDE", len(inside))
    assert [p["record"] for p in state["places"]] == inside[:10]
    lines = [json.loads(line) for line in (work / "places.jsonl").read_text().splitlines()]
    assert [(p["record"], p["line"], p["field"]) for p in lines] == [(i, i + 1, "url") for i in inside]
    found = audit(work, capsys)
    assert (found["X001"]["outcome"], found["X001"]["action"]) == ("VIOLATED", "deny")
    assert any("example.com" in e["summary"] and "Example House" in e["summary"] for e in found["X001"]["evidence"])
    assert provenance(work, "remedy", "drop", "--rule", "X001", "--apply") == 0
    left = [json.loads(line) for line in (work / "data" / "crawl.jsonl").read_text().splitlines()]
    assert left == [r for i, r in enumerate(records) if i not in inside]
    code, report = answer(work, capsys, "exclude", "check")
    assert (code, states(report)) == (0, {("example.com", "crawl"): "NOT_FOUND"})
    assert report["states"][0]["looked"]["records_told"] == len(left)
    assert audit(work, capsys) == {}
    code, report = answer(work, capsys, "exclude", "check", "--all-versions")
    assert [s["state"] for s in report["states"]] == ["NOT_FOUND", "STILL_INSIDE"]
    assert provenance(work, "log", "verify") == 0
    assert provenance(work, "db", "check") == 0


def test_each_kind_of_demand_is_found_where_it_was_planted(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = crawl(20, seed=9)
    records[3] |= {"url": "https://blog.test/jane/post?x=1"}
    records[4] |= {"url": "//www.blog.test:443/jane/%70ost/"}
    records[5] |= {"authors": ["Somebody Else", "Doe, Jane"], "title": "The  Example"}
    write(lite / "data" / "more.jsonl", records)
    register(lite, crawl="crawl.jsonl", more="more.jsonl")
    shard = hashlib.sha256((lite / "data" / "crawl.jsonl").read_bytes()).hexdigest()
    text = hashlib.sha256(records[6]["text"].encode()).hexdigest()
    for named in (
        ("--url", "http://blog.test/jane/post"),
        ("--url", "https://blog.test/jane/*"),
        ("--url", "https://blog.test/jane/post?x=2"),
        ("--record-id", "r9-7"),
        ("--record-id", "r9-7", "--dataset", "crawl"),
        ("--author", "Jane DOE"),
        ("--work", "the example"),
        ("--digest", text.upper()),
        ("--digest", f"sha256:{shard}"),
    ):
        demand(lite, *named)
    _, report = answer(lite, capsys, "exclude", "check")
    kinds = {d["id"]: (d["kind"], d["value"], d["dataset"]) for d in report["demands"]}
    found = {
        (*kinds[s["demand"]], s["dataset"]): (s["count"], [p["record"] for p in s["places"]])
        for s in report["states"]
        if s["state"] == "STILL_INSIDE"
    }
    assert found == {
        ("url", "blog.test/jane/post", "", "more"): (2, [3, 4]),
        ("url", "blog.test/jane/*", "", "more"): (2, [3, 4]),
        ("record-id", "r9-7", "", "more"): (1, [7]),
        ("author", "Jane DOE", "", "more"): (1, [5]),
        ("work", "the example", "", "more"): (1, [5]),
        ("digest", f"sha256:{text}", "", "more"): (1, [6]),
        ("digest", f"sha256:{shard}", "", "crawl"): (1, [None]),
    }
    of_one = [s for s in report["states"] if kinds[s["demand"]] == ("record-id", "r9-7", "crawl")]
    assert [(s["dataset"], s["state"]) for s in of_one] == [("crawl", "NOT_FOUND")]
    unseen = {kinds[s["demand"]][1]: s["state"] for s in report["states"] if s["dataset"] == "crawl" and kinds[s["demand"]][0] in {"author", "work"}}
    assert set(unseen.values()) == {"UNKNOWN"}


def test_what_could_not_be_looked_at_is_never_absent(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(lite / "data" / "silent.jsonl", [{"text": f"words {i}"} for i in range(4)])
    write(lite / "data" / "partly.jsonl", [{"text": "words", "id": "a", "url": "https://a.test/"}, {"text": "more words"}])
    (lite / "data" / "broken.jsonl").write_text('{"id": "a", "url": "https://a.test/", "text": "words"}\n{"id": \n')
    write(lite / "data" / "gone.jsonl", crawl(5, seed=3))
    write(lite / "data" / "changed.jsonl", crawl(5, seed=4))
    register(
        lite, crawl="crawl.jsonl", silent="silent.jsonl", partly="partly.jsonl", broken="broken.jsonl", gone="gone.jsonl", changed="changed.jsonl"
    )
    demand(lite, "--domain", "nowhere.test")
    demand(lite, "--record-id", "nobody")
    (lite / "data" / "gone.jsonl").unlink()
    (lite / "data" / "changed.jsonl").write_text((lite / "data" / "changed.jsonl").read_text().replace("r4-0", "r4-x"))
    code, report = answer(lite, capsys, "exclude", "check")
    assert code == 10
    assert states(report) == {
        (value, name): "NOT_FOUND" if name == "crawl" else "UNKNOWN"
        for value in ("nowhere.test", "nobody")
        for name in ("crawl", "silent", "partly", "broken", "gone", "changed")
    }
    reasons = {s["dataset"]: " ".join(s["reasons"]) for s in report["states"]}
    assert "4 of 4 records" in reasons["silent"]
    assert "1 of 2 records" in reasons["partly"]
    assert "1 parts could not be read" in reasons["broken"]
    assert "no such file" in reasons["gone"]
    assert "is not the file that was registered any more" in reasons["changed"]
    found = audit(lite, capsys, "{dataset: silent}")
    assert (found["X002"]["outcome"], found["X002"]["action"]) == ("VIOLATED", "review")


def test_an_audit_looks_itself_unless_it_is_told_not_to(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demand(lite, "--domain", "nowhere.test")
    assert set(audit(lite, capsys, "{dataset: crawl}", "--no-scan")) == {"X002"}
    assert audit(lite, capsys) == {}
    assert audit(lite, capsys, "{dataset: crawl}", "--no-scan") == {}


def test_a_second_check_reads_no_shard_again(lite: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    demand(lite, "--domain", "example.com")
    first = answer(lite, capsys, "exclude", "check")[1]["states"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(record_stream.KeyReader, "open_records", refuse)
    demand(lite, "--record-id", "r5-1")
    again = answer(lite, capsys, "exclude", "check")[1]
    assert again["states"][:1] == first
    assert states(again)["r5-1", "crawl"] == "STILL_INSIDE"


def test_a_check_that_is_stopped_goes_on_where_it_was(lite: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"s{i}" for i in range(4)]
    for i, name in enumerate(names):
        write(lite / "data" / f"{name}.jsonl", crawl(10, seed=20 + i))
    register(lite, **{name: f"{name}.jsonl" for name in names})
    demand(lite, "--domain", "example.com")
    opened: list[str] = []
    limit = 2
    real = record_stream.KeyReader.open_records

    def counted(self: record_stream.KeyReader, location: str, **options: Any) -> record_stream.KeyStream:
        if len(opened) == limit:
            raise KeyboardInterrupt
        opened.append(Path(location).stem)
        return real(self, location, **options)

    monkeypatch.setattr(record_stream.KeyReader, "open_records", counted)
    assert provenance(lite, "exclude", "check", *names) == 130
    before, limit = set(opened), 99
    opened.clear()
    code, report = answer(lite, capsys, "exclude", "check", *names)
    assert code == 11
    assert len(before) == 2
    assert set(opened) == set(names) - before
    assert len(report["states"]) == 4
    assert not list((lite / ".provenance" / "evidence").glob(".writing-*"))


def test_a_lost_index_is_made_again(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demand(lite, "--domain", "example.com")
    first = answer(lite, capsys, "exclude", "check")[1]["states"]
    for file in (lite / ".provenance" / "evidence").rglob("*.records.parquet"):
        file.write_bytes(b"not an index")
    assert answer(lite, capsys, "exclude", "check")[1]["states"] == first


def test_a_clearance_is_refused_once_a_demand_came_in(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lite / "run.yaml").write_text(RUN.replace("DATA", "{dataset: crawl}"))
    for name, role in (("officer", "issuer"), ("reviewer", "reviewer")):
        assert provenance(lite, "keys", "new", name, "--no-passphrase", "--role", role) == 0
    assert provenance(lite, "audit", "run.yaml", "--no-report") == 10
    clear = ("clear", "--as", "officer", "--released-by", "reviewer")
    assert provenance(lite, *clear) == 0
    capsys.readouterr()
    demand(lite, "--domain", "nowhere.test")
    told = capsys.readouterr().err
    assert "clearance of m" in told
    assert "audit of m" in told
    assert provenance(lite, *clear) == 1
    assert "demands that something be kept out" in capsys.readouterr().err
    assert provenance(lite, "audit", "run.yaml", "--no-report") == 10
    assert provenance(lite, *clear) == 0


def test_demands_are_listed_shown_withdrawn_and_made_again(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demand(lite, "--domain", "example.com")
    demand(lite, "--domain", "https://WWW.example.com/")
    _, listed = answer(lite, capsys, "exclude", "list")
    (found,) = listed
    name = found["demand"]["id"][7:15]
    assert (found["demand"]["value"], found["demand"]["given"]) == ("example.com", "example.com")
    assert provenance(lite, "exclude", "show", name) == 0
    assert provenance(lite, "exclude", "withdraw", name, "--reason", "they agreed") == 0
    assert provenance(lite, "exclude", "withdraw", name, "--reason", "they agreed") == 1
    assert answer(lite, capsys, "exclude", "list") == (0, [])
    assert [d["withdrawal"]["reason"] for d in answer(lite, capsys, "exclude", "list", "--all")[1]] == ["they agreed"]
    assert provenance(lite, "exclude", "check") == 0
    demand(lite, "--domain", "example.com")
    assert [d["withdrawal"] is None for d in answer(lite, capsys, "exclude", "list", "--all")[1]] == [False, True]
    assert provenance(lite, "log", "verify") == 0


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (("--domain", "com"), "no domain of anybody"),
        (("--domain", "co.uk"), "no domain of anybody"),
        (("--domain", "example.com/page"), "is no domain"),
        (("--domain", "exa mple.com"), "is no domain"),
        (("--domain", ""), "empty"),
        (("--url", "not a page"), "no address"),
        (("--url", "https://example.com/?a=1/*"), "nothing below"),
        (("--url", "https://example.com/\x1b[2J"), "control character"),
        (("--url", "https://example.com/" + "x" * 9_000), "characters, more than"),
        (("--author", "…"), "is no name"),
        (("--work", "a\nb"), "control character"),
        (("--record-id", "\u202eabc"), "control character"),
        (("--digest", "sha256:12"), "no SHA-256"),
        (("--domain", "example.com", "--received", "2999-01-01"), "future"),
        (("--domain", "example.com", "--received", "yesterday"), "is no day"),
        (("--domain", "example.com", "--basis", "other"), "says nothing by itself"),
        (("--domain", "example.com", "--basis", "because"), "is not one of"),
        (("--domain", "example.com", "--by", ""), "nobody says who"),
        (("--domain", "example.com", "--dataset", "crawl"), "only record-id"),
        (("--domain", "example.com", "--comment", "x" * 3_000), "characters, more than"),
        (("--domain", "example.com", "--evidence", "none.pdf"), "cannot be read"),
        (("--url", "https://me:secret@example.com/"), "before @"),
        (("--url", "https://example.com/?access_token=abcdefgh"), "credential"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_in_one_sentence(
    lite: Path, capsys: pytest.CaptureFixture[str], named: tuple[str, ...], words: str
) -> None:
    capsys.readouterr()
    assert provenance(lite, "exclude", "add", "--by", "x", "--basis", "opt-out", *named) == 1
    told = capsys.readouterr().err
    assert words in told
    assert len(told.splitlines()) <= 3
    assert "secret" not in told
    assert answer(lite, capsys, "exclude", "list") == (0, [])


def test_rows_of_a_file_are_recorded_and_bad_ones_told_with_their_line(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = 'kind,value,by,received,basis\ndomain,a.example,A,2026-01-02,opt-out\ndomain,com,A,2026-01-02,opt-out\nwork,"Two\nLines",B,,\n'
    (lite / "many.csv").write_bytes(good.encode() + b"url,https://b.example/x,,,erasure\nauthor,\xff\xfe,B,,\ndomain,c.example\n")
    capsys.readouterr()
    assert provenance(lite, "exclude", "add", "--from", "many.csv", "--by", "Default", "--basis", "copyright") == 4
    told = capsys.readouterr().err
    assert [f"many.csv:{line}:" in told for line in (2, 3, 4, 6, 7, 8)] == [False, True, True, False, True, True]
    (lite / "many.jsonl").write_text(
        '{"kind": "record-id", "value": "r1", "by": "C", "basis": "erasure"}\n{"kind": "domain"}\n[]\n{"kind": "domain", "value": "a.example", "bogus": "x"}\n'
    )
    assert provenance(lite, "exclude", "add", "--from", "many.jsonl") == 4
    _, listed = answer(lite, capsys, "exclude", "list")
    assert [(d["demand"]["value"], d["demand"]["demanded_by"], d["demand"]["basis"]) for d in listed] == [
        ("a.example", "A", "opt-out"),
        ("b.example/x", "Default", "erasure"),
        ("r1", "C", "erasure"),
    ]
    assert provenance(lite, "exclude", "add", "--from", "many.csv", "--by", "Default", "--basis", "copyright") == 4
    assert len(answer(lite, capsys, "exclude", "list")[1]) == 3


def test_what_was_made_of_data_that_held_it_says_so(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean = [r for r in crawl() if "other.org" in r["url"]]
    write(lite / "data" / "kept.jsonl", clean)
    write(lite / "data" / "told.jsonl", [{**r, "text": f"anew {i}"} for i, r in enumerate(clean)])
    register(lite, crawl="crawl.jsonl", kept="kept.jsonl", told="told.jsonl")
    for name, transform in (("kept", "filter"), ("told", "rewrite")):
        assert provenance(lite, "datasets", "derive", name, "--from", "crawl@newest", "--transform", transform) == 0
    demand(lite, "--domain", "example.com")
    _, report = answer(lite, capsys, "exclude", "check")
    assert states(report) == {("example.com", "crawl"): "STILL_INSIDE", ("example.com", "kept"): "NOT_FOUND", ("example.com", "told"): "UNKNOWN"}
    by_name = {s["dataset"]: s for s in report["states"]}
    assert "which held it" in by_name["kept"]["notes"][0]
    assert "rewrite" in by_name["told"]["reasons"][0]
    assert set(audit(lite, capsys, "{dataset: told}")) == {"X002"}


def test_a_demand_on_one_dataset_follows_its_records_into_copies(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tickets = [{"id": f"r-{i}", "text": f"please call me back {i}"} for i in range(4)]
    write(lite / "data" / "tickets.jsonl", tickets)
    write(lite / "data" / "twin.jsonl", tickets)
    write(lite / "data" / "books.jsonl", [*tickets, {"id": "b-1", "text": "a book"}])
    write(lite / "data" / "clean.jsonl", tickets[2:])
    write(lite / "data" / "told.jsonl", [{"id": f"t-{i}", "text": f"anew {i}"} for i in range(4)])
    write(lite / "data" / "alien.jsonl", [{"id": f"r-{i}", "text": f"another r-{i}"} for i in range(4)])
    names = ("tickets", "twin", "books", "clean", "told", "alien")
    register(lite, **{name: f"{name}.jsonl" for name in names})
    for name, source, transform in (
        ("books", "tickets", "copy"),
        ("clean", "books", "filter"),
        ("told", "twin", "rewrite"),
    ):
        assert provenance(lite, "datasets", "derive", name, "--from", f"{source}@newest", "--transform", transform) == 0
    demand(lite, "--record-id", "r-1", "--dataset", "tickets", basis="erasure")
    _, report = answer(lite, capsys, "exclude", "check", "-o", "places.jsonl")
    assert states(report) == {
        ("r-1", "tickets"): "STILL_INSIDE",
        ("r-1", "twin"): "STILL_INSIDE",
        ("r-1", "books"): "STILL_INSIDE",
        ("r-1", "clean"): "NOT_FOUND",
        ("r-1", "told"): "UNKNOWN",
    }
    places = [json.loads(line) for line in (lite / "places.jsonl").read_text().splitlines()]
    assert sorted(p["dataset"] for p in places) == ["books", "tickets", "twin"]
    assert set(audit(lite, capsys, "{dataset: books}")) == {"X001"}
    assert set(audit(lite, capsys, "{dataset: told}")) == {"X002"}
    assert provenance(lite, "audit", "run.yaml", "--no-report") != 0
    assert audit(lite, capsys, "{dataset: alien}") == {}


def test_pages_behind_archives_in_lists_and_in_chats_are_still_inside(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hiding: dict[str, dict[str, Any]] = {
        "archived": {"url": "https://web.archive.org/web/2020/https://victim.com/page"},
        "listed": {"url": "https://a.test/x https://victim.com/page"},
        "escaped": {"url": "https://a.test/go?u=https%3A%2F%2Fvictim.com%2Fpage"},
        "chat": {"url": "https://a.test/x", "messages": [{"role": "user", "content": "hi", "url": "https://victim.com/page"}]},
    }
    for name, record in hiding.items():
        write(lite / "data" / f"{name}.jsonl", [{"id": "1", "text": f"words of {name}", **record}])
    register(lite, **{name: f"{name}.jsonl" for name in hiding})
    demand(lite, "--domain", "victim.com")
    demand(lite, "--url", "https://victim.com/page")
    code, report = answer(lite, capsys, "exclude", "check", *hiding)
    assert code == 11
    assert states(report) == {(value, name): "STILL_INSIDE" for value in ("victim.com", "victim.com/page") for name in hiding}


def test_works_are_looked_for_in_current_scans(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = Path(__file__).parents[2] / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
    book = sample.read_text(encoding="utf-8").split()
    write(lite / "data" / "held.jsonl", [*crawl(3), {"id": "b", "url": "https://other.org/", "text": " ".join(book[3000:3200])}])
    write(lite / "data" / "free.jsonl", crawl(4, seed=31))
    write(lite / "data" / "named.jsonl", [{**r, "author": "Jane Roe"} for r in crawl(4, seed=32)])
    write(lite / "data" / "partly.jsonl", [{**r, "author": "n/a" if i else "Jane Roe"} for i, r in enumerate(crawl(4, seed=33))])
    register(lite, held="held.jsonl", free="free.jsonl", named="named.jsonl", partly="partly.jsonl")
    names = ("--title", "The Man Who Was Thursday", "--author", "G. K. Chesterton")
    assert provenance(lite, "reference", "add", "novels", str(sample), *names) == 0
    demand(lite, "--work", "the man who was THURSDAY", basis="copyright")
    demand(lite, "--author", "Chesterton, G.K.", basis="copyright")
    demand(lite, "--work", "Another Book", basis="copyright")
    code, report = answer(lite, capsys, "exclude", "check", "held", "free", "named", "partly")
    assert (code, set(states(report).values())) == (10, {"UNKNOWN"})
    assert any("no current scan against novels" in r for s in report["states"] for r in s["reasons"])
    assert any("no reference set holds this work" in r for s in report["states"] for r in s["reasons"])
    assert provenance(lite, "scan", "held", "free", "named", "partly") == 0
    code, report = answer(lite, capsys, "exclude", "check", "held", "free", "named", "partly")
    assert code == 11
    assert states(report) == {
        ("the man who was THURSDAY", "held"): "STILL_INSIDE",
        ("Chesterton, G.K.", "held"): "STILL_INSIDE",
        ("the man who was THURSDAY", "free"): "NOT_FOUND",
        ("Chesterton, G.K.", "free"): "UNKNOWN",  # nothing says who wrote these records
        ("the man who was THURSDAY", "named"): "NOT_FOUND",
        ("Chesterton, G.K.", "named"): "NOT_FOUND",
        ("the man who was THURSDAY", "partly"): "NOT_FOUND",
        ("Chesterton, G.K.", "partly"): "UNKNOWN",
        ("Another Book", "held"): "UNKNOWN",
        ("Another Book", "free"): "UNKNOWN",
        ("Another Book", "named"): "UNKNOWN",
        ("Another Book", "partly"): "UNKNOWN",
    }
    by_author = {s["dataset"]: s for s in report["states"] if s["looked"]["records"]}
    assert by_author["free"]["reasons"] == ["4 of 4 records name no author"]
    assert by_author["partly"]["reasons"] == ["3 of 4 records name no author"]
    assert (by_author["named"]["looked"]["records_told"], by_author["named"]["looked"]["sets"]) == (4, ["novels"])
    places = [(p["how"], p["record"], p["found"]) for s in report["states"] if s["state"] == "STILL_INSIDE" for p in s["places"]]
    assert {(how, record) for how, record, _ in places} == {("match", 3)}
    assert all(found.startswith("novels/") for *_, found in places)


def test_a_demand_on_a_text_file_or_a_shard_takes_the_file_out(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("essay", "other"):
        (lite / "data" / f"{name}.txt").write_text(f"{name} " * 40)
    write(lite / "data" / "whole.jsonl", crawl(4, seed=41))
    (lite / "datasets.yaml").write_text(MANIFEST + "  - {name: mixed, shards: ['*.txt', whole.jsonl, crawl.jsonl]}\n")
    assert provenance(lite, "register", "--manifest", "datasets.yaml") == 0
    demand(lite, "--record-id", "essay", basis="erasure")
    demand(lite, "--digest", hashlib.sha256((lite / "data" / "whole.jsonl").read_bytes()).hexdigest())
    assert set(audit(lite, capsys, "{dataset: mixed}")) == {"X001"}
    assert provenance(lite, "remedy", "drop", "--rule", "X001", "--apply") == 0
    assert sorted(p.name for p in (lite / "data").iterdir()) == ["crawl.jsonl", "other.txt"]
    assert answer(lite, capsys, "exclude", "check", "mixed")[0] == 0
    assert audit(lite, capsys, "{dataset: mixed}") == {}


def test_a_dataset_that_comes_from_the_domain_cannot_be_mended_by_dropping(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lite / "datasets.yaml").write_text(
        MANIFEST + "  - {name: crawl, source: {kind: public-dataset, url: 'https://data.nowhere.test/dump'}, shards: [crawl.jsonl]}\n"
    )
    assert provenance(lite, "register", "--manifest", "datasets.yaml") == 0
    demand(lite, "--domain", "nowhere.test")
    assert set(audit(lite, capsys)) == {"X001"}
    capsys.readouterr()
    assert provenance(lite, "remedy", "drop", "--rule", "X001") == 4
    assert "take the dataset out of the run" in capsys.readouterr().err


def test_a_demand_is_named_by_the_same_digits_everywhere(lite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    demand(lite, "--domain", "example.com")
    told = [capsys.readouterr().out]
    (found,) = answer(lite, capsys, "exclude", "list")[1]
    digits = found["demand"]["id"].removeprefix("sha256:")
    for command in ("list", "check"):
        provenance(lite, "exclude", command)
        told.append(capsys.readouterr().out)
    provenance(lite, "exclude", "withdraw", digits[:12], "--reason", "a licence was signed")
    told.append(capsys.readouterr().out)
    assert [digits[:12] in out.split() for out in told] == [True] * 4


def test_a_demand_on_a_dataset_that_is_not_registered_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "-q", "init"]) == 0
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("some words")
    assert run(["-C", str(tmp_path), "-q", "register", "data/a.txt", "--dataset", "tickets"]) == 0
    capsys.readouterr()
    assert run(["-C", str(tmp_path), "exclude", "add", "--record-id", "r-1", "--dataset", "tickts", "--by", "A", "--basis", "opt-out"]) == 0
    said = capsys.readouterr().err
    assert "dataset 'tickts' is not registered" in said
    assert "did you mean" in said


def test_a_file_may_name_columns_as_commands_print_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "-q", "init"]) == 0
    (tmp_path / "d.csv").write_text("kind,value,basis,demanded_by\ndomain,ok.example.net,opt-out,Ada\n")
    (tmp_path / "d.jsonl").write_text('{"kind": "domain", "value": "b.example.net", "basis": "opt-out", "demanded_by": "Bo"}\n')
    for name in ("d.csv", "d.jsonl"):
        assert run(["-C", str(tmp_path), "-q", "exclude", "add", "--from", str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert run(["-C", str(tmp_path), "exclude", "list"]) == 0
    said = capsys.readouterr().out
    assert "Ada" in said
    assert "Bo" in said
