"""A scan that rests on an earlier one gives what a new scan gives, to the byte, whatever came and went; where the earlier one does not serve, it is not used."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from provenance.audit.rescan import SEGMENTS_SUFFIX, read_segments
from provenance.audit.scan import ScanOutcome
from provenance.errors import RegistryError
from provenance.ingest import batches, pieces
from provenance.matching.build import as_buffers
from provenance.matching.cascade import CascadeMatcher
from provenance.matching.params import MatchParams
from provenance.matching.words import read_words
from provenance.model.match import Explanation, Match, MatchMethod
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.ports import Matcher, TextBatch, Touched
from tests.fakes.hostile import KINDS, RATES, make_corpus
from tests.fakes.matching import PlainReference
from tests.fakes.rescans import Lab, Pool, sample_pools, write_shards
from tests.fakes.tokenizers import NOVEL, encode, saved
from tests.fakes.world import plain_dataset


def every(pools: dict[str, Pool]) -> list[PlainReference]:
    return [r for pool in pools.values() for chunk in pool.chunks for r in chunk]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 20_000)


@pytest.fixture
def lab(tmp_path: Path, small_batches: None) -> Lab:
    pools = sample_pools()
    lab = Lab(tmp_path, pools)
    write_shards(lab.data, every(pools), seed=1, records=60)
    lab.register(plain_dataset())
    return lab


def same_as_anew(lab: Lab, matcher: Matcher) -> list[ScanOutcome]:
    """Scan both ways and compare all that is kept: matches, counts, and the digests of the files with suspects and touched segments."""
    carried, anew = lab.scan(matcher), lab.scan_anew(matcher)
    for mine, fresh in zip(carried, anew, strict=True):
        assert list(mine.matches) == list(fresh.matches)
        assert mine.result == fresh.result
        assert mine.result is not None
        assert not fresh.updated
    return carried


def test_whatever_comes_and_goes_the_result_is_that_of_a_new_scan(lab: Lab, loops: int) -> None:
    chance = random.Random(7 + loops)
    lab.add("answers")
    lab.add("books")
    same_as_anew(lab, lab.matcher())
    updated = 0
    for _ in range(14 * loops):
        growing = [n for n, pool in lab.pools.items() if lab.held.get(n, 0) < len(pool.chunks)]
        if growing and (len(lab.held) < 2 or chance.random() < 0.7):
            for name in chance.sample(growing, k=min(len(growing), chance.choice((1, 1, 2)))):
                lab.add(name)
        else:
            lab.remove(chance.choice(sorted(lab.held)))
        names = sorted(lab.held)
        chosen = names if chance.random() < 0.7 else sorted(chance.sample(names, k=chance.randrange(1, len(names) + 1)))
        updated += sum(o.updated for o in same_as_anew(lab, lab.matcher(chosen)))
    assert updated > 10 * loops


def test_the_shards_of_these_tests_hold_all_that_is_judged(lab: Lab) -> None:
    for name, pool in lab.pools.items():
        for _ in pool.chunks:
            lab.add(name)
    found = [m for o in lab.scan(lab.matcher()) for m in o.matches]
    assert {m.because for m in found} == {None, *Explanation}
    assert {m.method for m in found} == set(MatchMethod)
    assert {m.kind for m in found} == {ReferenceKind.WORK, ReferenceKind.API_OUTPUT, ReferenceKind.LICENSE_TEXT}
    assert {m.reference_set for m in found} == set(lab.pools) - {"background"}
    assert any(m.also for m in found)
    assert any("messages[" in m.field for m in found)
    assert sum(o.result.suspected_records for o in lab.scan(lab.matcher()) if o.result is not None) > 0


class Counting(CascadeMatcher):
    """Counts the rows that it matches in full."""

    rows = 0

    def trace_batch(self, batch: TextBatch, *, path: str, shard: str, scan: str) -> tuple[list[Match], Touched]:
        self.rows += len(batch)
        return super().trace_batch(batch, path=path, shard=shard, scan=scan)


def rows_matched(lab: Lab) -> int:
    counting = Counting(lab.store.open(sorted(lab.held)), MatchParams())
    lab.scan(counting)
    return counting.rows


def test_what_new_references_do_not_touch_is_not_matched_again(lab: Lab) -> None:
    for name in ("answers", "answers", "books", "books"):
        lab.add(name)
    whole = rows_matched(lab)
    lab.add("handed-out")
    assert 0 < rows_matched(lab) < whole / 2
    assert rows_matched(lab) == 0  # nothing changed


def test_what_a_removed_set_did_not_touch_is_not_matched_again(lab: Lab) -> None:
    for name in ("answers", "answers", "books", "handed-out"):
        lab.add(name)
    whole = rows_matched(lab)
    lab.remove("handed-out")
    assert 0 < rows_matched(lab) < whole / 2


def test_of_several_earlier_scans_the_nearest_serves(lab: Lab) -> None:
    for name in ("answers", "answers", "books", "books", "licenses"):
        lab.add(name)
    lab.scan(lab.matcher())
    lab.scan(lab.matcher(["licenses"]))
    lab.add("handed-out")
    only_new = rows_matched(lab)
    assert only_new < sum(o.result.documents for o in lab.scan_anew(lab.matcher()) if o.result is not None) / 2


REPEATED = " ".join(["the bell rang and the hall grew quiet at last"] * 12)


def test_runs_of_a_new_segment_make_no_row_a_near_duplicate_of_an_old_one(tmp_path: Path) -> None:
    # Of its words the old reference holds less than a quarter, the rest is one line again and again, which the new reference holds.
    own = " ".join(NOVEL.split()[4000:4040])
    row = f"{own} {REPEATED} {REPEATED} {REPEATED}"
    shuffled = " ".join(" ".join(own.split()[i : i + 7]) for i in (28, 7, 21, 0, 14))
    old = PlainReference(ReferenceRecord(id="old", kind=ReferenceKind.WORK), shuffled + " " + "the bell rang and the hall grew")
    new = PlainReference(ReferenceRecord(id="new", kind=ReferenceKind.BACKGROUND), REPEATED)
    lab = Lab(tmp_path, {"old": Pool(ReferenceKind.WORK, ((old,),)), "plain": Pool(ReferenceKind.BACKGROUND, ((new,),))})
    (lab.data / "a.jsonl").write_text(json.dumps({"text": row}) + "\n")
    lab.register(plain_dataset())
    lab.add("old")
    ((before,),) = (o.matches for o in same_as_anew(lab, lab.matcher()))
    lab.add("plain")
    (after,) = same_as_anew(lab, lab.matcher())
    assert after.updated
    assert [(m.reference, m.method) for m in after.matches] == [(before.reference, before.method)]


def test_a_segment_that_shares_too_few_words_for_a_run_may_go(tmp_path: Path) -> None:
    short = [PlainReference(ReferenceRecord(id=name, kind=ReferenceKind.API_OUTPUT), "press the green button") for name in ("one", "two")]
    lab = Lab(tmp_path, {name: Pool(ReferenceKind.API_OUTPUT, ((reference,),)) for name, reference in zip(("a", "b"), short, strict=True)})
    (lab.data / "a.jsonl").write_text(json.dumps({"text": "Press the green button!"}) + "\n")
    lab.register(plain_dataset())
    lab.add("a")
    lab.add("b")
    ((with_both,),) = (o.matches for o in same_as_anew(lab, lab.matcher()))
    assert (with_both.reference, [a.reference for a in with_both.also]) == ("one", ["two"])
    lab.remove("b")
    ((alone,),) = (o.matches for o in same_as_anew(lab, lab.matcher()))
    assert (alone.reference, alone.also) == ("one", ())


def test_seeds_that_caps_left_out_are_counted_by_segment(tmp_path: Path) -> None:
    lines = [" ".join([f"{word} one line that comes again and again"] * 100) for word in ("with", "of", "for")]
    names = ("a", "b", "c")
    works = [PlainReference(ReferenceRecord(id=name, kind=ReferenceKind.WORK), text) for name, text in zip(names, lines, strict=True)]
    lab = Lab(tmp_path, {name: Pool(ReferenceKind.WORK, ((work,),)) for name, work in zip(names, works, strict=True)})
    (lab.data / "a.jsonl").write_text("".join(json.dumps({"text": f"{line[:90]} {i}"}) + "\n" for i, line in enumerate(lines * 3)))
    lab.register(plain_dataset())
    dropped = []
    for change, name in ((lab.add, "a"), (lab.add, "b"), (lab.add, "c"), (lab.remove, "b"), (lab.remove, "a")):
        change(name)
        (outcome,) = same_as_anew(lab, lab.matcher())
        assert outcome.result is not None
        dropped.append((outcome.updated, outcome.result.dropped_seeds > 0))
    assert dropped == [(False, True), *[(True, True)] * 4]


def test_chance_is_that_of_all_references_of_today(lab: Lab) -> None:
    lab.add("answers")
    before, _ = lab.scan(lab.matcher())
    lab.add("books")
    after, _ = same_as_anew(lab, lab.matcher())
    kept = {(m.record, m.field, m.start, m.reference): m.chance_alarms_per_million for m in after.matches}
    ratios = {
        round(kept[key] / m.chance_alarms_per_million, 9)
        for m in before.matches
        if (key := (m.record, m.field, m.start, m.reference)) in kept and m.chance_alarms_per_million > 0
    }
    words = {s.name: s.words for s in lab.store.sets()}
    assert ratios == {round((words["answers"] + words["books"]) / words["answers"], 9)}


def spoil_nothing(lab: Lab, outcome: ScanOutcome) -> None:
    del lab, outcome


def spoil(suffix: str, part: str, *, remove: bool) -> Callable[[Lab, ScanOutcome], None]:
    def damage(lab: Lab, outcome: ScanOutcome) -> None:
        digest = evidence_of(lab, outcome) if part == "matches" else getattr(outcome.result, part)
        file = lab.evidence.place(digest, suffix=suffix)
        if remove:
            file.unlink()
        else:
            raw = bytearray(file.read_bytes())
            raw[len(raw) // 2] ^= 1
            file.write_bytes(raw)

    return damage


def evidence_of(lab: Lab, outcome: ScanOutcome) -> str:
    assert outcome.result is not None
    with lab.units.read() as registry:
        kept = registry.scan_result(outcome.result.id)
    assert kept is not None
    return kept[1]


def forget(**facts: Any) -> Callable[[Lab, ScanOutcome], None]:
    def change(lab: Lab, outcome: ScanOutcome) -> None:
        assert outcome.result is not None
        digest = evidence_of(lab, outcome)
        with lab.units.begin(actor="tester", action="scan") as registry:
            registry.save_scan(replace(outcome.result, **facts), digest)

    return change


PARTS = [(".matches.parquet", "matches"), (".touched.parquet", "touched"), (SEGMENTS_SUFFIX, "segments"), (".suspects.parquet", "suspects_evidence")]


@pytest.mark.parametrize(
    ("damage", "serves"),
    [
        (spoil_nothing, True),
        *((spoil(*part, remove=remove), False) for part in PARTS for remove in (False, True)),
        (forget(frame=""), False),
        (forget(frame="sha256:" + "0" * 64), False),
        (forget(touched=""), False),
        (forget(dropped_seeds=10**9), False),
        (forget(records=1), False),
        (forget(documents=1), False),
        (forget(path="elsewhere.jsonl"), False),
    ],
)
def test_an_earlier_scan_that_is_not_whole_is_not_used(lab: Lab, damage: Callable[[Lab, ScanOutcome], None], *, serves: bool) -> None:
    lab.add("answers")
    chats = lab.scan(lab.matcher())[0]
    damage(lab, chats)
    lab.add("answers")
    assert same_as_anew(lab, lab.matcher())[0].updated is serves


def test_matches_of_other_rows_are_found_out(lab: Lab) -> None:
    lab.add("answers")
    chats = lab.scan(lab.matcher())[0]
    moved = [replace(m, record=m.record + 10_000) for m in chats.matches]
    assert chats.result is not None
    with lab.units.begin(actor="tester", action="scan") as registry:
        registry.save_scan(chats.result, lab.evidence.put_matches(moved))
    lab.add("answers")
    assert not same_as_anew(lab, lab.matcher())[0].updated


def test_sets_in_another_order_make_a_new_scan(lab: Lab) -> None:
    lab.add("answers")
    lab.add("books")
    lab.scan(lab.matcher(["answers", "books"]))
    assert [o.updated for o in same_as_anew(lab, lab.matcher(["books", "answers"]))] == [False, False]


@pytest.mark.parametrize("one_in", [2, 4, 16])
def test_references_of_which_only_some_windows_are_seeds_come_and_go(tmp_path: Path, small_batches: None, one_in: int) -> None:
    pools = sample_pools()
    pools["sparse"] = replace(pools.pop("books"), one_in=one_in)
    lab = Lab(tmp_path, pools)
    write_shards(lab.data, every(pools), seed=3, records=40)
    lab.register(plain_dataset())
    updated = []
    for name in ("answers", "sparse", "sparse", "background", "handed-out"):
        lab.add(name)
        updated.append([o.updated for o in same_as_anew(lab, lab.matcher())])
    lab.remove("sparse")
    updated.append([o.updated for o in same_as_anew(lab, lab.matcher())])
    assert updated == [[False, False], *[[True, True]] * 5]


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(4, 12))])
def test_corpora_made_of_few_phrases_are_carried_over_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, loops: int) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 4_000)
    for number in range(loops):
        corpus = make_corpus(100 * number + seed)
        chance, pools = corpus.chance, dict[str, Pool]()
        for i in range(4):
            kind, size = chance.choice(KINDS), chance.choice((1, 3, 6))
            chunks = tuple(tuple(corpus.reference(f"{i}-{k}-{n}", kind) for n in range(size)) for k in range(3))
            pools[f"s{i}"] = Pool(kind, chunks, is_pack=i == 3, one_in=None if i == 3 else chance.choice(RATES))
        lab = Lab(tmp_path / str(number), pools)
        held = every(pools)
        rows = [{"text": corpus.text(held)} if chance.random() < 0.5 else {"a": corpus.text(held), "b": [corpus.text(held)] * 2} for _ in range(60)]
        (lab.data / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        lab.register(plain_dataset())
        for _ in range(8):
            growing = [n for n, pool in pools.items() if lab.held.get(n, 0) < len(pool.chunks)]
            change, name = (
                (lab.add, chance.choice(growing))
                if growing and (not lab.held or chance.random() < 0.65)
                else (lab.remove, chance.choice(sorted(lab.held)))
            )
            change(name)
            if lab.held:
                same_as_anew(lab, lab.matcher())


def test_the_same_references_in_another_set_are_others(lab: Lab) -> None:
    lab.add("answers")
    lab.add("books")
    lab.scan(lab.matcher())
    lab.remove("answers")
    lab.store.add("again", lab.pools["answers"].chunks[0], kind=ReferenceKind.API_OUTPUT)  # as far in front as it was
    found = same_as_anew(lab, lab.matcher())
    assert {m.reference_set for o in found for m in o.matches} == {"books", "again"}


def test_shards_of_tokens_are_carried_over_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_TOKENS", 400)
    monkeypatch.setattr(pieces, "OVERLAP_TOKENS", 100)
    monkeypatch.setattr(batches, "BATCH_BYTES", 4_000)
    pools = sample_pools()
    lab = Lab(tmp_path, pools)
    write_shards(tmp_path, every(pools), seed=5, records=40)
    texts = [json.loads(line)["text"] for line in (tmp_path / "texts.jsonl").read_text().splitlines()]
    rows = [" ".join(texts[i : i + n]) for i, n in zip(range(0, 40, 4), (1, 9, 1, 1, 14, 1, 1, 1, 6, 1), strict=True)]
    (lab.data / "tokens.jsonl").write_text("".join(json.dumps({"input_ids": list(map(int, encode("byte-level", row)))}) + "\n" for row in rows))
    lab.register(replace(plain_dataset(), tokenizer=saved(tmp_path)))
    updated = []
    for name in ("answers", "books", "books", "handed-out", "books", "answers", "background"):
        lab.add(name)
        updated += [o.updated for o in same_as_anew(lab, lab.matcher())]
    lab.remove("books")
    (last,) = same_as_anew(lab, lab.matcher())
    assert [*updated, last.updated] == [False, *[True] * 7]
    assert any(m.token_start is not None and "[" in m.field for m in last.matches)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"format":"provenance.segments","version":2,"segments":[]}', b'{"format":"provenance.segments","version":1}']
)
def test_what_is_no_list_of_segments_is_refused(raw: bytes) -> None:
    with pytest.raises(RegistryError):
        read_segments(raw)


def test_a_batch_tells_which_segments_its_records_share_words_with(tmp_path: Path) -> None:
    """Against brute force: a record of one row with a match shares five words in a row, or all its words, with exactly these segments."""
    pools = {name: pool for name, pool in sample_pools().items() if not pool.is_pack}
    lab = Lab(tmp_path, pools)
    write_shards(lab.data, every(pools), seed=9, records=40)
    for name in ("answers", "books", "books", "licenses", "background"):
        lab.add(name)
    matcher = lab.matcher()
    chunks = [lab.pools[s.name].chunks[i] for s in lab.store.sets() for i in range(lab.held[s.name])]
    held = [{w for r in chunk for w in windows(r.text)} for chunk in chunks]
    checked = 0
    for batch in lab.reader.open(str(lab.data / "texts.jsonl")):
        _, touched = matcher.trace_batch(batch, path="p", shard="", scan="")
        pairs = set(zip(touched.records.tolist(), touched.segments.tolist(), strict=True))
        single = np.bincount(batch.record)[batch.record] == 1
        for row in np.flatnonzero(single & np.isin(batch.record, touched.records)).tolist():
            record, own = int(batch.record[row]), windows(batch.text(row))
            assert {i for i, other in enumerate(held) if own & other} == {i for r, i in pairs if r == record}
            checked += 1
    assert checked > 10


def windows(text: str) -> set[tuple[int, ...]]:
    """Return the runs of five words of a text, as the index reads them."""
    words = read_words(*as_buffers([text])).words.tolist()
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def test_rows_of_one_name_are_carried_over_in_the_order_of_a_new_scan(tmp_path: Path) -> None:
    words = NOVEL.split()
    lines = ["\n".join(json.dumps(f"é {' '.join(words[at : at + 30])}") for at in range(first, first + 900, 300)) for first in (3000, 6000, 9000)]
    rows = [{"text": text, "other": " ".join(words[at : at + 40])} for text, at in zip(lines, (1000, 1500, 2000), strict=True)]
    parts = [PlainReference(ReferenceRecord(id=f"part-{i}", kind=ReferenceKind.WORK), " ".join(words[i * 5000 : i * 5000 + 5000])) for i in range(2)]
    lab = Lab(tmp_path / "lab", {f"s{i}": Pool(ReferenceKind.WORK, ((part,),)) for i, part in enumerate(parts)})
    (lab.data / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lab.register(plain_dataset())
    for change, name in ((lab.add, "s0"), (lab.add, "s1"), (lab.remove, "s0")):
        change(name)
        (outcome,) = same_as_anew(lab, lab.matcher())
        fields = [(m.record, m.field) for m in outcome.matches]
    assert outcome.updated
    assert any(fields.count(field) > 1 and field[1].endswith("(json)") for field in fields)


@pytest.mark.parametrize("first", ["more", "common"])
def test_windows_that_stand_just_as_often_as_the_cap_allows_are_dropped_alike(tmp_path: Path, first: str) -> None:
    chance = random.Random(0)

    def words(count: int) -> list[str]:
        return ["".join(chance.choice("bcdfghjklmnpqrstvwxz") + chance.choice("aeiou") for _ in range(5)) for _ in range(count)]

    text, other, filling = words(60), words(300), words(100)
    phrases = [[*text[at : at + 6], *words(2 if turn > 61 else 10)] for turn in range(MatchParams().hits_per_seed) for at in range(0, 54, 2)]
    book = PlainReference(ReferenceRecord(id="book", kind=ReferenceKind.WORK), " ".join([*filling, *(w for phrase in phrases for w in phrase)]))
    pools = {"books": Pool(ReferenceKind.WORK, ((book,),))}
    for name, kind in (("more", ReferenceKind.WORK), ("common", ReferenceKind.BACKGROUND)):
        pools[name] = Pool(kind, ((PlainReference(ReferenceRecord(id=name, kind=kind), " ".join(other)),),))
    lab = Lab(tmp_path, pools)
    rows = [" ".join(text), *(" ".join([*other[at : at + 15], *words(300)]) for at in range(0, 150, 15))]
    (lab.data / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    lab.register(plain_dataset())
    lab.add(first)
    lab.scan(lab.matcher())
    lab.add("books")
    (outcome,) = same_as_anew(lab, lab.matcher())
    assert outcome.updated
    assert outcome.result is not None
    assert outcome.result.dropped_seeds


def test_tokens_beside_fields_of_one_name_are_scanned_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_TOKENS", 2_000)
    monkeypatch.setattr(pieces, "OVERLAP_TOKENS", 500)
    monkeypatch.setattr(batches, "BATCH_BYTES", 6_000)
    pools = sample_pools()
    lab = Lab(tmp_path, pools)
    write_shards(tmp_path, every(pools), seed=5, records=120)
    texts = [json.loads(line)["text"] for line in (tmp_path / "texts.jsonl").read_text().splitlines()]
    texts = ([text for text in texts if text[:1] not in '["{'] * 3)[:120]
    with (lab.data / "tokens.jsonl").open("w") as out:
        for i in range(10):
            ids = list(map(int, encode("byte-level", " ".join(texts[12 * i : 12 * i + 12]))))
            inner = texts[i + 1] + " and more words to be a passage of its own here"
            out.write(json.dumps({"input_ids": ids, "a.b": texts[i], "a": {"b": inner}}) + "\n")
    lab.register(replace(plain_dataset(), tokenizer=saved(tmp_path)))
    for name in ("answers", "books", "books", "handed-out", "books", "answers", "background"):
        lab.add(name)
        same_as_anew(lab, lab.matcher())
