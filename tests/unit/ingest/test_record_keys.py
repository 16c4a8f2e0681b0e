"""What records say of themselves is read from every format, from hostile records too, and against a look at the raw JSON."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ShardReadError
from provenance.fingerprint.wanted import KeyRole
from provenance.ingest.reader import Reader
from provenance.ingest.record_keys import TooManyKeysError, keys_of
from provenance.ingest.record_stream import KeyReader, KeyStream

TEXT = "one two three four five six seven eight nine ten"


def read(path: Path, **options: Any) -> tuple[KeyStream, list[tuple[KeyRole, str, str, int]]]:
    stream = KeyReader(Reader()).open_records(str(path), **options)
    rows = [(role, key, path, record) for keys in stream for role, key, path, record in zip(keys.role, keys.key, keys.path, keys.record, strict=True)]
    return stream, rows


def keys(record: dict[str, Any], role: KeyRole) -> list[tuple[str, str]]:
    return [(path, key) for r, key, _, path in keys_of(record).found if r is role]


RECORDS: list[dict[str, Any]] = [
    {"id": "a", "url": "https://www.example.com/1", "text": TEXT, "author": "Jane Doe"},
    {"id": 7, "meta": {"warc-target-uri": "http://Example.org:80/2/", "tags": ["x"]}, "text": TEXT + " again"},
    {"uuid": "u-3", "metadata": json.dumps({"source_url": "example.net/3"}), "text": "short"},
    {"text": TEXT, "source": "wikitext2", "title": "A Title"},
]


@pytest.fixture(params=["jsonl", "jsonl.gz", "json", "parquet", "arrow"])
def shard(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"s.{request.param}"
    lines = "".join(json.dumps(r) + "\n" for r in RECORDS).encode()
    if request.param == "jsonl":
        path.write_bytes(lines)
    elif request.param == "jsonl.gz":
        path.write_bytes(gzip.compress(lines))
    elif request.param == "json":
        path.write_text(json.dumps(RECORDS))
    else:
        names = sorted({k for r in RECORDS for k in r})
        table = pa.table({n: [str(v) if n == "id" and (v := r.get(n)) is not None else r.get(n) for r in RECORDS] for n in names})
        if request.param == "parquet":
            pq.write_table(table, path)
        else:
            with pa.ipc.new_stream(str(path), table.schema) as writer:
                writer.write_table(table)
    return path


def test_every_format_tells_the_same(shard: Path) -> None:
    stream, rows = read(shard)
    assert {(role, key, record) for role, key, _, record in rows if role is KeyRole.ADDRESS} == {
        (KeyRole.ADDRESS, "example.com/1", 0),
        (KeyRole.ADDRESS, "example.org/2", 1),
        (KeyRole.ADDRESS, "example.net/3", 2),
    }
    assert {(key, record) for role, key, _, record in rows if role is KeyRole.ID} == {("a", 0), ("7", 1), ("u-3", 2)}
    assert {(key, record) for role, key, _, record in rows if role is KeyRole.DIGEST} >= {
        (hashlib.sha256(r["text"].encode()).hexdigest(), i) for i, r in enumerate(RECORDS)
    }
    assert (stream.records, stream.unread) == (4, 0)
    assert {k: stream.told[k] for k in ("host", "page", "id", "author", "text")} == {"host": 3, "page": 3, "id": 3, "author": 1, "text": 4}


def test_a_name_that_is_no_address_does_not_pass_for_one() -> None:
    for record in ({"source": "books.txt"}, {"source": "wikitext2"}, {"domain": "medicine"}, {"url": "n/a"}, {"url": None}, {"url": 3}, {"url": ""}):
        assert "host" not in keys_of(record).told


def test_an_address_in_any_field_counts_but_only_a_source_field_tells_where_a_record_is_from() -> None:
    own = keys_of({"extra": {"deep": [{"href": "https://example.com/x"}]}, "text": TEXT})
    assert [(key, path) for role, key, _, path in own.found if role is KeyRole.ADDRESS] == [("example.com/x", "extra.deep[0].href")]
    assert "host" not in own.told


def test_links_in_texts_are_nobodys_address() -> None:
    chat = {"messages": [{"role": "user", "content": "https://example.com/x"}], "text": "https://example.com/y"}
    assert keys(chat, KeyRole.ADDRESS) == []
    assert keys({"remark": f"see https://example.com/x {TEXT}"}, KeyRole.ADDRESS) == []


def test_what_stands_beside_the_texts_of_a_chat_is_a_key_and_tells_nothing_of_the_whole() -> None:
    part = {"role": "user", "content": "hi", "url": "https://victim.com/page", "id": "r-1", "author": "Jane Roe", "title": "A Title"}
    own = keys_of({"messages": [part], "document": {"meta": {"href": "https://b.test/"}}})
    assert {(role, key, path) for role, key, _, path in own.found if role is not KeyRole.DIGEST} == {
        (KeyRole.ADDRESS, "victim.com/page", "messages[0].url"),
        (KeyRole.ID, "r-1", "messages[0].id"),
        (KeyRole.AUTHOR, "jane roe", "messages[0].author"),
        (KeyRole.TITLE, "a title", "messages[0].title"),
        (KeyRole.ADDRESS, "b.test", "document.meta.href"),
    }
    assert own.told == {"text"}
    texts = {
        "conversations": [{"from": "human", "value": "https://a.test/"}],
        "prompt": ["https://a.test/"],
        "content": [{"text": "https://a.test/"}],
    }
    assert keys(texts, KeyRole.ADDRESS) == []
    named = keys_of({"data": {"said": "https://a.test/", "url": "https://victim.com/page"}}, "data.said")
    assert [key for role, key, _, _ in named.found if role is KeyRole.ADDRESS] == ["victim.com/page"]


def test_every_address_of_a_field_is_a_key() -> None:
    found = keys({"url": "https://web.archive.org/web/2020/https://victim.com/page", "see": "https://a.test/ https://b.test/"}, KeyRole.ADDRESS)
    assert {("url", "victim.com/page"), ("see", "a.test"), ("see", "b.test")} <= set(found)
    with pytest.raises(TooManyKeysError):
        keys_of({"urls": " ".join(f"https://a.test/{i}" for i in range(400))})


@pytest.mark.parametrize("name", ["unknown", "n/a", "anonymous", "none", "-", "", "Jane Roe et al."])
def test_a_placeholder_names_no_author(name: str) -> None:
    assert "author" not in keys_of({"author": name}).told
    assert "author" not in keys_of({"authors": ["unknown", "Jane Roe"]}).told
    assert "author" in keys_of({"author": "Jane Roe", "creator": None}).told


def test_a_host_field_tells_the_host_and_no_page() -> None:
    own = keys_of({"domain": "News.Example.COM"})
    assert [(key, host) for _, key, host, _ in own.found] == [("news.example.com", "news.example.com")]
    assert own.told == {"host", "text"}


def test_a_source_that_is_but_a_host_tells_no_page() -> None:
    assert keys_of({"source": "https://example.com/"}).told == {"host", "text"}
    assert keys_of({"source": "https://example.com/x"}).told == {"host", "page", "text"}
    assert keys_of({"url": "https://example.com/"}).told == {"host", "page", "text"}


def test_ids_are_compared_in_one_form_of_unicode_and_without_blanks() -> None:
    for text in (" re\u0301sume\u0301 ", "r\u00e9sum\u00e9"):
        assert keys({"id": text}, KeyRole.ID) == [("id", "r\u00e9sum\u00e9")]


def test_records_of_token_ids_alone_are_not_known_by_their_text() -> None:
    assert "text" not in keys_of({"input_ids": [1, 2, 3], "url": "https://example.com/"}).told


@pytest.mark.parametrize("depth", [40, 900])
def test_a_record_that_nests_too_deep_is_told(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text('{"id": "a", "text": "x"}\n{"id": "b", "m": ' + '{"a":' * depth + "1" + "}" * depth + "}\n")
    stream, rows = read(path)
    assert stream.unread == 1
    assert [(p.line, p.record) for p in stream.problems] == [(2, 1)]
    assert [key for role, key, _, _ in rows if role is KeyRole.ID] == ["a"]


def test_a_record_with_endless_keys_is_told() -> None:
    with pytest.raises(TooManyKeysError):
        keys_of({f"k{i}": f"https://example.com/{i}" for i in range(20_000)})


def test_damaged_lines_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'{"id": "a", "text": "x"}\n{"id": \n[1]\n\xff\xfe\n{"id": "e", "url": "https://exa\\nmple.com/\\ud800", "text": "\\ud800"}\n')
    stream, rows = read(path)
    assert (stream.records, stream.unread) == (5, 3)
    assert [(key, record) for role, key, _, record in rows if role is KeyRole.ID] == [("a", 0), ("e", 4)]


def test_a_cut_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps({"id": str(i), "text": TEXT * 9}) + "\n" for i in range(2_000)).encode())[:-400])
    stream, _ = read(path)
    assert stream.unread >= 1


def test_a_text_file_is_one_record_named_by_its_stem(tmp_path: Path) -> None:
    path = tmp_path / "essay-9.txt"
    path.write_text(TEXT)
    stream, rows = read(path)
    assert {(role, key) for role, key, _, _ in rows} == {(KeyRole.ID, "essay-9"), (KeyRole.DIGEST, hashlib.sha256(TEXT.encode()).hexdigest())}
    assert (stream.records, dict(stream.told)) == (1, {"id": 1, "text": 1})


def test_a_file_that_is_not_there_or_of_no_known_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bogus").write_text("x")
    for name in ("none.jsonl", "x.bogus"):
        with pytest.raises(ShardReadError):
            read(tmp_path / name)


def test_real_corpora_are_read_as_their_raw_json_says(shared: Path) -> None:
    for name in ("peps.jsonl", "abc_news.jsonl", "pd_books.jsonl"):
        path = shared / "data" / "dev" / "corpora" / name
        raw = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        stream, rows = read(path)
        assert [(key, record) for role, key, _, record in rows if role is KeyRole.ID] == [(r["doc_id"], i) for i, r in enumerate(raw)]
        digests = {(key, record) for role, key, path_, record in rows if role is KeyRole.DIGEST and path_ == "text"}
        assert digests == {(hashlib.sha256(r["text"].encode()).hexdigest(), i) for i, r in enumerate(raw)}
        assert (stream.records, stream.told["host"], stream.unread) == (len(raw), 0, 0)
