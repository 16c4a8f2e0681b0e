"""Huge rows are cut in pieces: the words, their places and every match are those of the whole."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from provenance.matching import long as long_module
from provenance.matching import measure as measure_module
from provenance.matching import passages as passages_module
from provenance.matching.build import as_buffers
from provenance.matching.cascade import CascadeMatcher
from provenance.matching.long import find_cut, is_long, read_long
from provenance.matching.measure import compare_in_parts
from provenance.matching.seeds import window_hash
from provenance.matching.words import WordReader, read_words
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_answer, make_batch, make_reference, make_words

PARTS = [
    *(
        "word ",
        "don&#39;t ",
        "exam-\nple ",
        "exam- \r\n  ple ",
        "co\u00adop ",
        "ex\u2010\n\tample ",
        "a&shy;\nb ",
        "&amp;amp;#49; ",
        "1. ",
        "\n1. ",
        "\n12) x ",
        " 3. ",
    ),
    *(
        "\n \n",
        "\t",
        "\r\n",
        "\n\n2.\n",
        "“12.” ",
        "\u0301",
        "\u200b",
        "е",
        "漢字",
        "。\n",
        "-",
        "- ",
        ";\n",
        "999 1.5 7) ",
        "1234. ",
        "ﬁ ",
        "ﷺ ",
        "x\u0301 \u0301 ",
        "'",
        " 'tis ",
    ),
    *(
        "\0",
        "\x0b",
        "\x0c",
        "\u2028",
        "\x85",
        "٣. ",
        " ٣. ",
        "\u200b1. ",
        "e\u0301",
        "ü ",
        "end.\n",
        "end. ",
        '"quoted" ',
        "a-b ",
        "a-\n",
        "&",
        "& ",
        "&lt",
        "&lt; ",
    ),
]


def make_text(chance: random.Random, parts: int) -> str:
    return "".join(chance.choice(PARTS) for _ in range(parts))


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut where texts of a test are long: after every few bytes."""
    monkeypatch.setattr(long_module, "LONG_BYTES", 64)
    monkeypatch.setattr(long_module, "PIECE_BYTES", 16)
    monkeypatch.setattr(passages_module, "_PROBED_AT_A_TIME", 16)
    monkeypatch.setattr(measure_module, "LONG_TEXT", 24)


@pytest.mark.usefixtures("_small_pieces")
@pytest.mark.parametrize("seed", range(150))
def test_pieces_give_the_words_of_the_whole(seed: int) -> None:
    chance = random.Random(seed)
    texts = [make_text(chance, chance.choice([0, 1, 40, 400])) for _ in range(chance.randrange(1, 5))]
    data, offsets = as_buffers(texts)
    data.setflags(write=False)
    whole, cut = read_words(data, offsets), read_long(WordReader(), data, offsets)
    assert cut.words.tolist() == whole.words.tolist()
    assert cut.offsets.tolist() == whole.offsets.tolist()
    numbers = np.array(chance.sample(range(len(whole.words)), len(whole.words)), dtype=np.int64)
    assert cut.starts(numbers).tolist() == whole.start[numbers].tolist()
    assert cut.ends(numbers).tolist() == whole.end[numbers].tolist()
    assert cut.ordinals(numbers).tolist() == whole.ordinal[numbers].tolist()


@pytest.mark.usefixtures("_small_pieces")
def test_a_long_text_is_cut_indeed() -> None:
    data, offsets = as_buffers(["word " * 100, "", "short", "1. " * 60, "12345 " * 60])
    cut = read_long(WordReader(), data, offsets)
    assert np.diff(cut.pieces.bounds).max() <= 3 * 60  # numbers of list items are not cut apart
    assert len(cut.pieces.words) > 20


@pytest.mark.parametrize(
    ("before", "after"),
    [("a", "b"), ("a.", "b"), ("漢", "字"), ("a", "123 "), ("a", "12 "), ("a", "1a."), ("a", "1234."), ("a", "(1. "), ("a", "\n1.")],
)
def test_a_text_may_be_cut_at_a_space(before: str, after: str) -> None:
    raw = f"{before} {after}".encode()
    assert find_cut(np.frombuffer(raw, np.uint8), 0, len(raw), 1) == len(before.encode()) + 1


@pytest.mark.parametrize("text", ["a 1. b", "a 12) b", "a-\nb", "a- \nb", "a&shy;\nb", "a\u00ad\nb", "a\u2010\nb", "a-\r\nb", "a 1", "a  1. b"])
def test_a_text_is_not_cut_where_the_rest_would_be_read_otherwise(text: str) -> None:
    raw = text.encode()
    white = [
        at + 1 for at, byte in enumerate(raw) if byte in b" \n" and (raw[at + 1 : at + 2].isdigit() or (raw[at + 1 :] == b"b" and b"1" not in raw))
    ]
    assert white
    assert int(find_cut(np.frombuffer(raw, np.uint8), 0, len(raw), 1)) not in white


def test_ordinary_batches_are_not_cut() -> None:
    assert not is_long(np.array([0, 1 << 20, 5 << 20]))
    assert is_long(np.array([5, 5 + (17 << 20)]))


def _texts() -> list[str]:
    """Return texts that hold passages of the references in every way that the stages tell apart."""
    work, answer = make_words(300, 1), make_words(120, 2)
    edited = [w if i % 9 else "other" for i, w in enumerate(work[40:160])]
    return [
        " ".join([*make_words(200, 3), *work[20:90], *make_words(300, 4), *edited, "\n1. then\n2. next", *work[200:260], *make_words(50, 5)]),
        " ".join([*make_words(90, 6), "he said", '"' + " ".join(work[100:130]) + '"', "and", *make_words(90, 7)]),
        " ".join(answer),
        " ".join([*answer[60:], *answer[:60]]),
        " ".join(work),
        " ".join([*work[:30], *answer[:40], *make_words(40, 8), *work[:30], *work[:30]]),
        "short",
        "",
        " ".join(make_words(400, 9)),
    ]


@pytest.mark.parametrize("one_in", [1, 4])
@pytest.mark.parametrize("texts", [[0], [1], [2], [3], [4], [5], [0, 6, 7, 1], [8], [8, 0], list(range(9))], ids=str)
def test_matches_are_those_of_the_whole(
    matcher_over: Callable[..., CascadeMatcher], monkeypatch: pytest.MonkeyPatch, texts: list[int], one_in: int
) -> None:
    matcher = matcher_over(
        make_reference("work", " ".join(make_words(300, 1))),
        make_answer("answer", " ".join(make_words(120, 2))),
        make_answer("other", " ".join(make_words(120, 2)[30:]), model="m2"),
        make_reference("known", " ".join(make_words(300, 1)[210:240]), kind=ReferenceKind.BACKGROUND),
        one_in=one_in,
    )
    batch = make_batch([_texts()[i] for i in texts])
    whole = matcher.match_batch(batch, path="p")
    assert whole or texts == [8]
    for module, name, value in (
        (long_module, "LONG_BYTES", 64),
        (long_module, "PIECE_BYTES", 100),
        (passages_module, "_PROBED_AT_A_TIME", 32),
        (measure_module, "LONG_TEXT", 24),
    ):
        monkeypatch.setattr(module, name, value)
    assert matcher.match_batch(batch, path="p") == whole
    assert matcher.trace_batch(replace(batch), path="p", shard="", scan="")[0] == whole


@pytest.mark.parametrize("seed", range(20))
def test_windows_counted_in_parts_are_those_counted_at_once(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(measure_module, "LONG_TEXT", 16)
    chance = random.Random(seed)
    a, b = (np.array([chance.randrange(3) for _ in range(chance.choice([1, 4, 5, 60, 900]))], dtype=np.uint32) for _ in range(2))
    sets = [{tuple(words[i : i + 5].tolist()) for i in range(max(len(words) - 4, 1))} for words in (a, b)]
    found = compare_in_parts(a, np.array([0, len(a)]), b, np.array([0, len(b)]))
    if min(len(a), len(b)) >= 5:
        assert found == (len(sets[0]), len(sets[1]), len(sets[0] & sets[1]))
    else:
        assert found[:2] == (len(sets[0]), len(sets[1]))


def test_windows_chosen_for_one_part_are_counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knows the hash can choose windows that all fall into one part: a table made for a part would never find an end."""
    monkeypatch.setattr(measure_module, "_part_count", lambda _: 8)
    words = np.arange(1024, dtype=np.uint32)
    for i in range(5, len(words) + 1):
        while window_hash(words, i - 5, 5) >> np.uint64(2) & np.uint64(7) != 0:
            words[i - 1] += 10_000
    place = np.array([0, len(words)])
    assert compare_in_parts(words, place, words, place) == (1020, 1020, 1020)
