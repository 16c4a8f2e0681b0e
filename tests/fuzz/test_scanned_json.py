"""Objects read straight from their bytes are those that the decoder gives: the same rows, names, lines and problems, whatever the bytes."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import ShardReadError
from provenance.ingest import jsonl
from provenance.ingest.jsonl import JsonlStream
from provenance.ingest.rawbytes import is_utf8
from provenance.ingest.scanner import TEXT, WHOLE, scan_objects, shape_of

LONG = "the harbour master counted the lanterns again and found one too many for a night in November"
VALUES = [
    "",
    "short",
    LONG,
    LONG.replace(" ", "\n"),
    "él escribió “ocho” palabras más en una línea — y otra más 𝒻in",
    'a "quoted" word\\ and \t tabs \b\f\r\n / and \x00 NUL with some more words',
    "字字字字字字字字字字",
    "\u2028\u2029\x7f",
    "a" * 1200,
    0,
    -0.0,
    7,
    -12,
    10**15,
    10**14,
    10**20,
    1.5,
    -0.25,
    1e22,
    1e-9,
    True,
    False,
    None,
    [],
    {},
    ["nested " + LONG],
    {"inner": LONG},
]
KEYS = ["id", "text", "doc_id", "title", "n", "url", "content", "input_ids", "clé", "a\\b", "say a key of nine words that is itself a passage"]
RAW_NUMBERS = [
    "-0",
    "01",
    "1.",
    ".5",
    "+1",
    "1e5",
    "-",
    "1_0",
    "9" * 15,
    "9" * 16,
    "9" * 25,
    "0.0",
    "-0.5",
    "Infinity",
    "NaN",
    "1.0000000000000000001",
]
RAW_STRINGS = [
    r'"\u00e9"',
    r'"\ud83d\ude00 and"',
    r'"\ud83d"',
    r'"\ude00"',
    r'"\ud83dx"',
    r'"\u12"',
    r'"\x"',
    '"\t"',
    '"a\x01"',
    '"a\x01n b"',
    r'"\/"',
    '"',
    r'"\"',
    r'"\u00E9\u000a"',
]


@dataclass(frozen=True)
class Rows:
    """All that a reader says of a file."""

    rows: list[tuple[Any, ...]]
    problems: list[Any]
    records: int
    error: str

    @classmethod
    def of(cls, path: Path) -> Rows:
        stream, error = JsonlStream(str(path)), ""
        rows: list[tuple[Any, ...]] = []
        try:
            for batch in stream:
                names = [batch.field_names[code] for code in batch.field_code.tolist()]
                texts = [batch.data[a:b].tobytes() for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]
                rows += zip(texts, batch.record.tolist(), batch.line.tolist(), names, batch.doc_ids, strict=True)
        except ShardReadError as err:
            error = str(err)
        return cls(rows, list(stream.problems), stream.records, error)


def write_line(chance: random.Random, keys: list[str]) -> bytes:
    """Write an object, now and then in a way that few writers use, or wrongly."""
    style = chance.random()
    record = {key: chance.choice(VALUES) for key in keys}
    if style < 0.5:
        separators = chance.choice([(",", ":"), (", ", ": "), (" ,\t", "\r:  ")])
        return json.dumps(record, separators=separators, ensure_ascii=chance.random() < 0.5).encode()
    if style < 0.6:
        return b" \t" + json.dumps(record).encode() + b" \r"
    fields = [
        f'"{key}":{chance.choice(RAW_NUMBERS + RAW_STRINGS)}' if chance.random() < 0.2 else f'"{key}":{json.dumps(record[key])}' for key in keys
    ]
    line = ("{" + ",".join(fields) + "}").encode()
    if style < 0.8:
        return line
    at = chance.randrange(len(line))
    return line[:at] + bytes([chance.choice(b'"\\{}[]:, \x00\x1f\x80\xc3\xe9\xff0tn')]) + line[at + chance.randrange(2) :]


def write_file(path: Path, chance: random.Random) -> None:
    keys = chance.sample(KEYS[: chance.choice([5, 7, len(KEYS)])], chance.randint(1, 5))
    lines, plain = [], chance.choice([0.6, 0.95, 0.99])
    for _ in range(chance.choice([1, 30, 90, 300])):
        if chance.random() < 0.01:
            keys = chance.sample(KEYS, chance.randint(1, 4))
        lines.append(chance.choice([b"", b"null", b"[1]", b'{"text": "x"} {}']) if chance.random() < 0.03 else write_line(chance, keys))
        if chance.random() < plain:
            lines[-1] = orjson.dumps({key: chance.choice(VALUES[:9] + VALUES[11:13]) for key in keys})
    path.write_bytes(b"\n".join(lines) + chance.choice([b"", b"\n", b"\r\n"]))


def compare(path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Compare both ways of reading a file; return how many objects were read from their bytes."""
    scanned = []

    def count(*arguments: Any) -> Any:
        found = scan_objects(*arguments)
        scanned.append(len(found))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(jsonl, "scan_objects", count)
        fast = Rows.of(path)
    with monkeypatch.context() as patch:
        patch.setattr(jsonl, "shape_of", lambda _keys: None)
        slow = Rows.of(path)
    assert fast == slow
    return sum(scanned)


@pytest.mark.parametrize("seeds", [range(150), pytest.param(range(150, 6000), marks=pytest.mark.full)], ids=["150", "6000"])
def test_both_ways_of_reading_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: range) -> None:
    path, scanned = tmp_path / "a.jsonl", 0
    for seed in seeds:
        write_file(path, random.Random(seed))
        scanned += compare(path, monkeypatch)
    assert scanned > 5 * len(seeds)


def test_lines_over_several_blocks_are_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.ingest.lines.BLOCK_BYTES", 700)
    path, scanned = tmp_path / "a.jsonl", 0
    for seed in range(40):
        write_file(path, random.Random(seed))
        scanned += compare(path, monkeypatch)
    assert scanned


@given(st.binary(max_size=300), st.lists(st.sampled_from(KEYS[:7]), min_size=1, max_size=3, unique=True))
def test_what_is_scanned_is_what_the_decoder_reads(raw: bytes, keys: list[str]) -> None:
    """Whatever bytes follow an object that begins well, what is taken for an object is one, with these values."""
    shape = shape_of(keys)
    assert shape is not None
    begun = b"{" + b",".join(f'"{key}":'.encode() + value for key, value in zip(keys, [*[b"1"] * (len(keys) - 1), b""], strict=True))
    text = begun + raw
    if not is_utf8(text):
        with pytest.raises(UnicodeDecodeError):
            text.decode()
        return
    found = scan_objects(np.frombuffer(text, np.uint8), 0, shape)
    for line, kinds, spans in zip(text.split(b"\n"), found.kinds.tolist(), found.spans.tolist(), strict=False):
        value = orjson.loads(line)
        assert list(value) == keys
        for key, kind, (start, end) in zip(keys, kinds, spans, strict=True):
            assert isinstance(value[key], str) == (kind == TEXT)
            assert (isinstance(value[key], int) and not isinstance(value[key], bool)) == (kind == WHOLE)
            if kind == WHOLE:
                assert text[start:end].decode() == str(value[key])


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_strings_are_unescaped(text: str, ascii_only: bool) -> None:
    raw = json.dumps({"text": text}, ensure_ascii=ascii_only).encode()
    shape = shape_of(["text"])
    assert shape is not None
    found = scan_objects(np.frombuffer(raw, np.uint8), 0, shape)
    assert found.texts(0, np.arange(len(found))) == [text.encode()]


@pytest.mark.parametrize("raw", [*RAW_NUMBERS, *RAW_STRINGS, "tru", "truex", "null", "[]", '"a" "b"', "", " 7 "])
@pytest.mark.parametrize("key", ["id", "text", "title"])
def test_odd_values_among_plain_ones_are_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: str, key: str) -> None:
    plain = {"id": "a", "text": LONG, "title": LONG}
    lines = [orjson.dumps(plain | {"id": f"a{i}"}) for i in range(60)]
    lines[40] = ("{" + ",".join(f'"{name}":{raw if name == key else json.dumps(value)}' for name, value in plain.items()) + "}").encode()
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    assert compare(path, monkeypatch) >= 24


OTHERS = [
    '{"id":"a","text":"x","text":"y"}',
    '{"text":"x","id":"a"}',
    '{"id":"a"}',
    '{"id":"a","text":"x",}',
    '{"id":"a","text":"x"',
    '{"id":"a","text":"x"} x',
    '{"id":"a","text":"x"}{}',
    "{}",
    " ",
]


@pytest.mark.parametrize("line", OTHERS)
def test_objects_of_other_shapes_are_left_to_the_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    lines = [orjson.dumps({"id": f"a{i}", "text": LONG}) for i in range(60)]
    lines[40] = line.encode()
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    assert 24 <= compare(path, monkeypatch) < 60
