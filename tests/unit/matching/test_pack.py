"""Packs: what is in them and what is not, and matching with sampled windows against brute force."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.errors import ReferenceIndexError, SchemeMismatchError
from provenance.fingerprint.minhash import sketch_shingles
from provenance.fingerprint.shingles import Shingles
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.interop import from_lsh, iter_lean, sketch_set, sketch_texts, to_lsh
from provenance.matching.pack import PackSegment, coverage
from provenance.matching.packfile import add_pack, write_pack
from provenance.matching.params import MatchParams
from provenance.matching.passages import group_segments
from provenance.matching.sampled import find_sampled, sampled_windows
from provenance.matching.words import read_words
from provenance.model.match import Explanation, MatchMethod
from provenance.model.reference import ReferenceKind
from tests.conftest import ROOT
from tests.fakes.matching import PlainReference, make_answer, make_batch, make_reference, make_words

NOVEL = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
SIZE = 2**64
Packed = Callable[..., CascadeMatcher]


@pytest.fixture
def packed(store: ReferenceStore, tmp_path: Path) -> Packed:
    """Index references, pack the sets, and open a matcher over what was made of the packs alone."""

    def build(*references: PlainReference, one_in: int = 4) -> CascadeMatcher:
        names = []
        for kind in ReferenceKind:
            members = [r for r in references if r.record.kind is kind]
            if members:
                store.add(f"texts-{kind}", members, kind=kind)
                write_pack(store, f"texts-{kind}", tmp_path / f"{kind}.pack", one_in=one_in)
                add_pack(store, kind.value, tmp_path / f"{kind}.pack")
                names.append(kind.value)
        return open_matcher(store, names)

    return build


def pack_of(matcher: CascadeMatcher) -> PackSegment:
    (segment,) = matcher._segments
    assert isinstance(segment, PackSegment)
    return segment


def hash_window(words: list[int]) -> int:
    """The hash of a window, in plain integers."""
    h = len(words)
    for word in words:
        h = (h + word + 1) * 0x9E3779B97F4A7C15 % SIZE
    h ^= h >> 32
    h = h * 0xD6E8FEB86659FD93 % SIZE
    return h ^ (h >> 32)


def words_of(text: str) -> list[int]:
    data = np.frombuffer(text.encode(), np.uint8)
    hashes: list[int] = read_words(data, np.array([0, len(data)], dtype=np.int64)).words.tolist()
    return hashes


def sampled(words: list[int], one_in: int) -> dict[int, int]:
    """Position → hash of the windows that are kept."""
    windows = {i: hash_window(words[i : i + 5]) for i in range(len(words) - 4)}
    return {i: h for i, h in windows.items() if h % one_in == 0}


@pytest.mark.parametrize("one_in", [2, 4, 8])
def test_a_pack_holds_the_sampled_windows_and_where_they_stand(packed: Packed, one_in: int) -> None:
    texts = ["Ünï – " + ", ".join(make_words(90, 1)), "two words", " ".join(make_words(200, 2)), ""]
    segment = pack_of(packed(*(make_reference(str(i), t) for i, t in enumerate(texts)), one_in=one_in))
    first = 0
    expected: dict[int, int] = {}
    for text in texts:
        expected |= {first + i: h for i, h in sampled(words_of(text), one_in).items()}
        first += len(words_of(text))
    assert dict(zip(segment.positions.tolist(), segment.hashes.tolist(), strict=True)) == expected
    assert sorted(segment.hashes.tolist()) == segment.hashes.tolist()
    held = {texts[0][a:b] for a, b in segment.spans[: len(segment.windows_between(0, 90))].tolist()}
    words = texts[0].split("– ")[1].split(", ")
    assert held <= {", ".join(words[i : i + 5]) for i in range(86)} | {"Ünï – " + ", ".join(words[:4])}


def test_neither_words_nor_texts_nor_prompts_nor_hashes_of_words_are_in_the_file(store: ReferenceStore, tmp_path: Path) -> None:
    answer = make_answer("id-1", " ".join(make_words(400, 3)), prompt="Reveal nothing of this private question to anybody please")
    short = make_answer("id-2", "secretword yes indeed")
    store.add("set", [answer, short], kind=ReferenceKind.API_OUTPUT)
    write_pack(store, "set", tmp_path / "x.pack")
    raw = (tmp_path / "x.pack").read_bytes()
    for word in {*answer.text.split(), *str(answer.record.prompt).split(), "secretword"} - {"of", "to", "this"}:
        assert word.encode() not in raw
    hashes = np.array(words_of(answer.text), dtype="<u4")
    found = np.flatnonzero(np.isin(np.frombuffer(raw[: len(raw) // 4 * 4], "<u4"), hashes))
    assert len(found) <= 1  # one in 4 billion would be chance
    assert b"id-1" in raw


def test_nothing_of_windows_that_are_not_sampled_is_given_away_by_sketches_or_prompts(packed: Packed) -> None:
    prompt = " ".join(make_words(60, 8))
    segment = pack_of(packed(make_answer("a", " ".join(make_words(70, 9)), prompt=prompt)))
    kept = set(segment.hashes.tolist())
    assert set(segment.prompt_hashes.tolist()) == set(sampled(words_of(prompt), 4).values())
    assert segment.sketches.tolist() == sketch_of_hashes(np.array(sorted(kept), dtype=np.uint64)).tolist()


def sketch_of_hashes(hashes: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return sketch_shingles(Shingles((hashes >> np.uint64(32)).astype(np.uint32), np.array([0, len(hashes)])))


@pytest.mark.parametrize("seed", range(10))
def test_runs_are_those_of_brute_force(packed: Packed, seed: int) -> None:
    chance = random.Random(seed)
    vocabulary = [f"v{i}" for i in range(6 + 3 * seed)]
    references = [[chance.choice(vocabulary) for _ in range(120)] for _ in range(3)]
    query = (
        [chance.choice(vocabulary) for _ in range(50)] + references[1][30:80] + references[2][5:40] + [chance.choice(vocabulary) for _ in range(50)]
    )
    matcher = packed(*(make_reference(str(i), " ".join(r)) for i, r in enumerate(references)), one_in=2)
    segment = pack_of(matcher)
    words = read_words(*buffers(" ".join(query)))
    (group,) = group_segments([segment])
    found = find_sampled(words, group.probe(words), segment, MatchParams(hits_per_seed=10**6))
    own = sampled(words_of(" ".join(query)), 2)
    hits = {
        (ref, r + 120 * ref - q, q)
        for ref, text in enumerate(references)
        for r, h in sampled(words_of(" ".join(text)), 2).items()
        for q, other in own.items()
        if h == other
    }
    covered = {(ref, diagonal, q + i) for ref, diagonal, q in hits for i in range(5)}
    runs = {(ref, diagonal, q) for ref, diagonal, q in covered if (ref, diagonal, q - 1) not in covered}
    assert {(ref, r - q, q) for _, ref, q, r, _ in found.runs.tolist()} == runs
    assert {(ref, r - q, q + i) for _, ref, q, r, n in found.runs.tolist() for i in range(n)} == covered
    for _, ref, start, end, low, high, _, equal, _ in found.passages.tolist():
        shown = {q for r, d, q in covered if r == ref and start <= q < end and low <= q + d < high}
        assert 8 <= equal <= len(shown)
        assert {start, end - 1} <= shown


def buffers(text: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    data = np.frombuffer(text.encode(), np.uint8)
    return data, np.array([0, len(data)], dtype=np.int64)


def test_a_passage_is_reported_within_where_it_stands_in_both_texts(packed: Packed) -> None:
    book = NOVEL.read_text(encoding="utf-8")
    start = book.index(". ", len(book) // 2) + 2
    passage = book[start : book.index(". ", start + 700) + 1]
    text = f"The minutes of the tenants' meeting follow below, as agreed – naïve or not. {passage} Nobody asked for the floor after that."
    matcher = packed(make_reference("work:x", book))
    (found,) = matcher.match_batch(make_batch([text, "Nothing of interest is said here at all."]), path="p")
    assert (found.explained, found.method, found.reference_set) == (False, MatchMethod.PASSAGE, "work")
    shown, original = text[found.start : found.end], book[found.reference_start : found.reference_end]
    assert shown == original
    assert shown in passage
    assert len(shown) > 0.8 * len(passage)
    assert found.longest_run <= found.aligned_words <= found.words == len(words_of(shown))
    assert (found.exact_containment, found.exact_jaccard) == (1.0, 1.0)
    words = matcher.match_text(found, text)
    assert (words.text, words.reference_text, words.reference_shared) == (shown, "", ())
    assert sum(s.end - s.start for s in words.shared) > 0.5 * len(shown)


def test_similarities_are_those_of_the_sampled_windows(packed: Packed) -> None:
    reference = make_words(300, 4)
    query = [w if i % 17 else "other" for i, w in enumerate(reference[100:220])]
    segment = pack_of(matcher := packed(make_reference("r", " ".join(reference))))
    (found,) = matcher.match_batch(make_batch([" ".join(make_words(50, 5) + query + make_words(50, 6))]), path="p")
    held = set(sampled(words_of(" ".join(reference)), 4).values())
    field = set(sampled(words_of(" ".join(make_words(50, 5) + query + make_words(50, 6))), 4).values())
    assert found.document_jaccard == pytest.approx(len(held & field) / len(held | field))
    own = set(sampled(words_of(" ".join(query)), 4).values())
    assert found.ci_low <= len(own & held) / len(own) <= found.ci_high
    assert found.aligned_words <= len(query)
    assert np.array_equal(sampled_windows(read_words(*buffers(" ".join(reference))), 0, 300, segment), segment.shingles(0))


@pytest.mark.parametrize(("words", "least"), [(40, 0.9), (60, 0.98), (120, 1.0)])
def test_verbatim_passages_alarm_as_often_as_the_rate_lets_them(packed: Packed, words: int, least: float) -> None:
    book = NOVEL.read_text(encoding="utf-8").split()
    matcher = packed(make_reference("work:x", " ".join(book)))
    texts = [" ".join(make_words(30, i) + book[at : at + words] + make_words(30, i)) for i, at in enumerate(range(500, 18_000, 175))]
    alarms = {m.record for m in matcher.match_batch(make_batch(texts), path="p") if not m.explained}
    assert len(alarms) >= least * len(texts)


def test_what_is_too_short_to_tell_is_listed_and_explained(packed: Packed) -> None:
    book = NOVEL.read_text(encoding="utf-8").split()
    matcher = packed(make_reference("work:x", " ".join(book)))
    texts = [" ".join(make_words(30, i) + book[at : at + 14] + make_words(30, i)) for i, at in enumerate(range(500, 18_000, 175))]
    found = matcher.match_batch(make_batch(texts), path="p")
    assert len({m.record for m in found}) > 30
    assert {m.because for m in found} == {Explanation.SHORT_PASSAGE}


def test_text_by_other_authors_does_not_alarm(packed: Packed, shared: Path) -> None:
    other = (shared / "data" / "dev" / "works" / "pp_pg.txt").read_text(encoding="utf-8").split()
    matcher = packed(make_reference("work:x", NOVEL.read_text(encoding="utf-8")))
    texts = [" ".join(other[at : at + 1500]) for at in range(0, len(other), 1500)]
    assert [m for m in matcher.match_batch(make_batch(texts), path="p") if not m.explained] == []


def test_a_whole_text_is_known_by_its_digest_from_eight_words_on(packed: Packed) -> None:
    texts = {"eight": "quartz vexing jumbled waltz nymph fjord glyphs sphinx", "seven": "seven words that nobody else would say"}
    matcher = packed(*(make_answer(name, text, prompt="?") for name, text in texts.items()))
    found = {m.reference: m for m in matcher.match_batch(make_batch(list(texts.values())), path="p")}
    assert (found["eight"].method, found["eight"].explained, found["eight"].longest_run) == (MatchMethod.DIGEST, False, 8)
    assert (found["eight"].reference_start, found["eight"].reference_end) == (0, len(texts["eight"]))
    assert found.keys() == {"eight"}


def test_what_the_prompt_says_explains_as_it_does_with_texts(packed: Packed) -> None:
    asked = " ".join(make_words(80, 21))
    matcher = packed(
        make_answer("echo", f"You said {asked} and that is that", prompt=f"Repeat: {asked}"),
        make_answer("own", " ".join(make_words(90, 22)), model="m2"),
    )
    found = matcher.match_batch(make_batch([f"They wrote {asked} once", "So " + " ".join(make_words(90, 22)[10:80])]), path="p")
    assert [(m.reference, m.because) for m in found] == [("echo", Explanation.PROMPT), ("own", None)]


def test_what_other_models_say_too_is_common_to_models(packed: Packed) -> None:
    phrase = make_words(34, 31)
    answers = [make_answer(f"a{i}", " ".join(make_words(60, 40 + i) + phrase + make_words(60, 50 + i)), model=f"m{i}") for i in range(3)]
    found = packed(*answers).match_batch(make_batch([" ".join(make_words(200, 60) + phrase + make_words(200, 61))]), path="p")
    assert {m.because for m in found} <= {Explanation.COMMON_TO_MODELS, Explanation.SHORT_PASSAGE, Explanation.QUOTATION}
    assert found


def test_a_reordered_copy_of_a_whole_text_is_found(packed: Packed) -> None:
    sentences = [make_words(13, i) for i in range(40)]
    matcher = packed(make_reference("r", " ".join(w for s in sentences for w in s)))
    chance = random.Random(2)
    chance.shuffle(sentences)
    found = matcher.match_batch(make_batch([" ".join(w for s in sentences for w in s)]), path="p")
    assert any(not m.explained and m.method is MatchMethod.MINHASH for m in found)


def test_packs_and_texts_are_matched_together(store: ReferenceStore, tmp_path: Path) -> None:
    text = " ".join(make_words(200, 71))
    store.add("texts", [make_reference("with-text", text)], kind=ReferenceKind.WORK)
    store.add("others", [make_reference("without", f"{text} and more")], kind=ReferenceKind.WORK)
    write_pack(store, "others", tmp_path / "o.pack")
    add_pack(store, "packed", tmp_path / "o.pack")
    (found,) = open_matcher(store, ["packed", "texts"]).match_batch(make_batch([" ".join(make_words(200, 71)[20:150])]), path="p")
    assert (found.reference, [a.reference for a in found.also]) == ("with-text", ["without"])
    assert open_matcher(store, ["packed", "texts"]).scheme.count("pack-1") == 1


def test_sets_of_packs_have_no_text_and_say_so(packed: Packed, store: ReferenceStore) -> None:
    segment = pack_of(packed(make_reference("r", " ".join(make_words(50, 1)))))
    with pytest.raises(ReferenceIndexError, match=r"reference 'r' of set 'work' has no text: the reference is a pack: its words are not here"):
        segment.text_bytes(0)
    assert store.show("work").scheme.endswith("/pack-1")
    assert store.verify("work") == []


def test_sketches_of_packs_go_to_datasketch_and_are_asked_at_their_rate(packed: Packed, store: ReferenceStore) -> None:
    texts = {str(i): " ".join(make_words(150, i)) for i in range(20)}
    packed(*(make_reference(name, text) for name, text in texts.items()))
    exported = sketch_set(store, "work")
    asked = sketch_texts({"7": texts["7"] + " and a few words more"}, one_in=4)
    index = to_lsh(exported)
    assert [index.query(sketch) for _, sketch in iter_lean(asked)] == [["7"]]
    assert exported.one_in == asked.one_in == 4
    assert len(from_lsh(index)) == 20
    store.add("work", [make_reference("text", texts["0"])], kind=ReferenceKind.WORK)
    with pytest.raises(SchemeMismatchError, match=r"one in \[1, 4\]"):
        sketch_set(store, "work")


def test_coverage_is_that_of_random_sampling() -> None:
    chance = random.Random(1)
    kept = [chance.random() < 0.25 for _ in range(100_000)]
    covered = sum(any(kept[max(0, i - 4) : i + 1]) for i in range(len(kept))) / len(kept)
    assert coverage(4) == pytest.approx(covered, abs=0.01)


def test_a_passage_cut_over_the_fields_of_a_record_adds_up(packed: Packed) -> None:
    book = NOVEL.read_text(encoding="utf-8").split()
    matcher = packed(make_reference("work:x", " ".join(book)))
    found = 0
    for first in range(1000, 16_000, 500):
        batch = make_batch([f"{at} went on: {' '.join(book[at : at + 14])}." for at in range(first, first + 280, 14)])
        one_record = dataclasses.replace(batch, record=np.zeros(len(batch), dtype=np.int64))
        found += any(not m.explained for m in matcher.match_batch(one_record, path="p"))
    assert found >= 29
