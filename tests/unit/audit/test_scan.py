"""A scan is kept under all that it depends on, is of exactly the bytes it names, and keeps what could not be read."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from provenance.audit.findings import Gathered, Tally
from provenance.audit.scan import Finders, ScanOutcome, ShardToScan, collect_texts, problems_of, scan_id, scan_registered, target_of
from provenance.matching.suspects import PatternFinder
from provenance.model.dataset import DatasetVersion, ShardFormat, Tokenizer
from provenance.model.match import Suspect, SuspectCount
from tests.fakes.world import Planted, PlantedMatcher, World, plain_dataset, work_reference

PASSAGE = "a lamp that nobody owns is a lamp that somebody brought"
BOOK = Planted(PASSAGE, work_reference())
FILE = b"nothing to see\nbefore it " + PASSAGE.encode() + b" after it\nthe end\n"
BROKEN = b"fine\n!broken\n" + PASSAGE.encode() + b"\n!broken too\n"


def scan(world: World, *versions: DatasetVersion, matcher: PlantedMatcher | None = None, rescan: bool = True) -> list[ScanOutcome]:
    targets = [ShardToScan(dataset=v.dataset, shard=s, location=world.disk.locate(s.path, root=s.root)) for v in versions for s in v.shards]
    world.disk.opened.clear()
    return scan_registered(targets, Finders(matcher or PlantedMatcher(BOOK), world.tools.suspects), world.tools, rescan=rescan)


def kept(world: World, outcome: ScanOutcome, matcher: PlantedMatcher | None = None) -> bool:
    key = scan_id(outcome.target, Finders(matcher or PlantedMatcher(BOOK), world.tools.suspects), world.tools.reader)
    with world.units.read() as registry:
        return registry.scan_result(key) is not None


def test_a_scan_counts_what_it_saw_and_keeps_it() -> None:
    world = World({"a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl")
    (outcome,) = scan(world, version)
    assert outcome.result is not None
    r = outcome.result
    assert (r.records, r.documents, r.words, r.text_bytes) == (3, 3, len(FILE.split()), len(FILE) - 3)
    assert (r.matches, r.alarms, r.shard, r.path) == (1, 1, version.shards[0].sha256, "a.jsonl")
    assert r.finished == world.clock.now()
    assert [(m.record, m.line, m.start, m.scan, m.shard) for m in outcome.matches] == [(1, 2, len("before it "), r.id, r.shard)]
    assert world.progress.done == len(FILE)
    assert kept(world, outcome)


def test_an_explained_match_is_no_alarm() -> None:
    world = World({"a.jsonl": FILE})
    matcher = PlantedMatcher(replace(BOOK, explained=True))
    (outcome,) = scan(world, world.register(plain_dataset(), "a.jsonl"), matcher=matcher)
    assert outcome.result is not None
    assert (outcome.result.matches, outcome.result.alarms) == (1, 0)


def test_the_same_bytes_are_not_read_twice() -> None:
    world = World({"a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl")
    (first,) = scan(world, version)
    done = world.progress.done
    (again,) = scan(world, version)
    assert world.disk.opened == []
    assert again == replace(first, reused=True)
    assert world.progress.done == done + len(FILE)


def test_equal_bytes_under_another_path_share_a_scan_and_are_named_by_their_own_path() -> None:
    world = World({"a.jsonl": BROKEN, "moved/b.jsonl": BROKEN})
    first, second = scan(world, world.register(plain_dataset("one"), "a.jsonl"), world.register(plain_dataset("two"), "moved/b.jsonl"))
    assert world.disk.opened == ["data/a.jsonl"]
    assert (first.reused, second.reused) == (False, True)
    assert [m.path for m in second.matches] == ["moved/b.jsonl"]
    assert [m.doc_id for m in second.matches] == ["moved/b.jsonl#2"]
    assert second.result is not None
    assert second.result.path == "moved/b.jsonl"
    assert {p.path for p in second.result.problems} == {"data/moved/b.jsonl"}
    assert {p.path for p in problems_of([first])} == {"data/a.jsonl"}


def test_a_documents_own_id_survives_a_move() -> None:
    world = World({"a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl")
    (outcome,) = scan(world, version)
    named = [replace(m, doc_id="my-id") for m in outcome.matches]
    assert outcome.result is not None
    with world.units.begin(actor="tester", action="scan") as registry:
        registry.save_scan(outcome.result, world.evidence.put_matches(named))
    world.disk.files["data/b.jsonl"] = FILE
    (moved,) = scan(world, world.register(plain_dataset("two"), "b.jsonl"))
    assert [(m.path, m.doc_id) for m in moved.matches] == [("b.jsonl", "my-id")]


TOKENIZER = Tokenizer(path="tokenizer.json", sha256="sha256:" + "7" * 64)


@pytest.mark.parametrize("other", ["scheme", "index", "name of the set", "text field", "tokenizer", "other tokenizer", "tokens field", "bytes"])
def test_what_a_result_depends_on_is_in_its_key(other: str) -> None:
    world = World({"a.jsonl": FILE})
    dataset, matcher = plain_dataset(), PlantedMatcher(BOOK)
    scan(world, world.register(dataset, "a.jsonl"), matcher=matcher)
    if other == "scheme":
        matcher = PlantedMatcher(BOOK, scheme="planted-2")
    elif other == "index":
        matcher = PlantedMatcher(BOOK, indexes=("sha256:" + "2" * 64,))
    elif other == "name of the set":
        matcher = PlantedMatcher(BOOK)
        matcher.reference_sets = ("the same references under another name",)
    elif other == "text field":
        dataset = replace(dataset, text_field="body")
    elif other == "tokenizer":
        dataset = replace(dataset, tokenizer=TOKENIZER)
    elif other in {"other tokenizer", "tokens field"}:
        dataset = replace(dataset, tokenizer=TOKENIZER)
        scan(world, world.register(dataset, "a.jsonl"), matcher=matcher)
        changed = {"sha256": "sha256:" + "8" * 64} if other == "other tokenizer" else {"field": "ids"}
        dataset = replace(dataset, tokenizer=replace(TOKENIZER, **changed))
    else:
        world.disk.files["data/a.jsonl"] += b"more\n"
    (outcome,) = scan(world, world.register(dataset, "a.jsonl"), matcher=matcher)
    assert not outcome.reused
    assert world.disk.opened == ["data/a.jsonl"]


def pair(world: World, *, index: bytes = b"index") -> DatasetVersion:
    """Register a Megatron pair with another index each time."""
    world.disk.files["data/a.idx"] = index
    made = world.register(plain_dataset(), "a.bin", "a.idx")
    forms = {"a.bin": ShardFormat.MEGATRON, "a.idx": ShardFormat.MEGATRON_INDEX}
    return replace(made, shards=tuple(replace(s, format=forms[s.path]) for s in made.shards))


def scan_bin(world: World, version: DatasetVersion) -> ScanOutcome:
    world.disk.opened.clear()
    target = target_of(version, version.shards[0], world.disk)
    (outcome,) = scan_registered([target], Finders(PlantedMatcher(BOOK), world.tools.suspects), world.tools)
    return outcome


def test_a_shard_is_scanned_again_when_its_index_is_another_one() -> None:
    world = World({"a.bin": FILE})
    assert [scan_bin(world, pair(world, index=raw)).reused for raw in (b"one", b"one", b"two", b"one")] == [False, True, False, True]


def test_an_index_that_changes_while_its_shard_is_scanned_spoils_the_scan() -> None:
    world = World({"a.bin": FILE})
    version = pair(world)
    world.disk.after_reading = lambda: world.disk.files.update({"data/a.idx": b"other"})
    outcome = scan_bin(world, version)
    assert (outcome.result, outcome.error) == (None, "a.bin changed while it was scanned")


def test_a_shard_whose_index_is_not_registered_is_not_scanned() -> None:
    world = World({"a.bin": FILE})
    version = pair(world)
    outcome = scan_bin(world, replace(version, shards=version.shards[:1]))
    assert outcome.result is None
    assert outcome.error == "a.bin: the .idx beside it is not registered; register both"
    assert world.disk.opened == []


def test_a_shard_that_changes_while_it_is_scanned_is_not_recorded() -> None:
    world = World({"a.jsonl": FILE, "b.jsonl": b"quiet\n"})
    version = world.register(plain_dataset(), "a.jsonl", "b.jsonl")
    world.disk.after_reading = lambda: world.disk.files.update({"data/a.jsonl": FILE + b"late\n"})
    changed, quiet = scan(world, version)
    assert changed.result is None
    assert changed.matches == ()
    assert changed.error == "a.jsonl changed while it was scanned"
    assert not kept(world, changed)
    assert kept(world, quiet)
    assert world.evidence.matches.keys() == {world.evidence.put_matches(())}


def test_a_shard_that_vanishes_while_it_is_scanned_is_not_recorded() -> None:
    world = World({"a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl")
    world.disk.after_reading = world.disk.files.clear
    (outcome,) = scan(world, version)
    assert outcome.result is None
    assert "no such file" in str(outcome.error)
    assert not kept(world, outcome)


def test_unread_records_are_kept_with_the_result_and_told_again_when_it_is_reused() -> None:
    world = World({"a.jsonl": BROKEN})
    version = world.register(plain_dataset(), "a.jsonl")
    for reused in (False, True):
        (outcome,) = scan(world, version)
        assert outcome.reused is reused
        assert [(p.line, p.record) for p in problems_of([outcome])] == [(2, 1), (4, 3)]
        assert len(list(outcome.matches)) == 1


def test_one_unreadable_shard_leaves_the_others_scanned() -> None:
    world = World({"a.jsonl": FILE, "b.jsonl": FILE + b"b\n"})
    version = world.register(plain_dataset(), "a.jsonl", "b.jsonl")
    del world.disk.files["data/a.jsonl"]
    bad, good = scan(world, version)
    assert bad.result is None
    assert good.result is not None
    assert [(p.path, p.message) for p in problems_of([bad, good])] == [("a.jsonl", "data/a.jsonl: no such file")]


def test_without_permission_to_scan_only_what_is_current_counts() -> None:
    world = World({"a.jsonl": FILE, "b.jsonl": b"quiet\n"})
    scan(world, world.register(plain_dataset("one"), "a.jsonl"))
    version = world.register(plain_dataset("two"), "a.jsonl", "b.jsonl")
    known, fresh = scan(world, version, rescan=False)
    assert known.reused
    assert fresh.result is None
    assert fresh.error == "no current scan result"
    assert world.disk.opened == []


def test_the_words_behind_matches_are_read_again_and_left_out_where_they_are_gone() -> None:
    world = World({"a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl")
    (outcome,) = scan(world, version)
    matcher, target = PlantedMatcher(BOOK), outcome.target
    texts = collect_texts(world.disk, matcher, target, outcome.matches)
    assert [t.text for t in texts.values()] == [PASSAGE]
    assert [(t.before, t.after) for t in texts.values()] == [("before it ", " after it")]
    world.disk.files["data/a.jsonl"] = b"nothing to see\nshort\n"
    assert collect_texts(world.disk, matcher, target, outcome.matches) == {}
    del world.disk.files["data/a.jsonl"]
    assert collect_texts(world.disk, matcher, target, outcome.matches) == {}


def test_the_same_bytes_read_in_another_format_are_another_scan() -> None:
    world = World({"a.txt": FILE, "a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.txt", "a.jsonl")
    targets = [ShardToScan(dataset=version.dataset, shard=s, location=s.path) for s in version.shards]
    finders = Finders(PlantedMatcher(BOOK), world.tools.suspects)
    assert targets[0].shard.sha256 == targets[1].shard.sha256
    assert len({scan_id(t, finders, world.tools.reader) for t in targets}) == 2
    assert not any(o.reused for o in scan(world, version))


def test_lost_evidence_is_made_again() -> None:
    world = World({"a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl")
    (first,) = scan(world, version)
    world.evidence.lose_everything()
    (again,) = scan(world, version)
    assert not again.reused
    assert list(again.matches) == list(first.matches)
    (third,) = scan(world, version)
    assert third.reused


def test_suspects_are_counted_by_record_and_kept_apart() -> None:
    raw = b"I am the Oracle\nnothing here\nBecause I am the oracle, and I am the oracle\n"
    world = World({"a.jsonl": raw})
    version = world.register(plain_dataset(), "a.jsonl")
    (outcome,) = scan(world, version)
    assert outcome.result is not None
    assert outcome.matches == ()
    assert outcome.result.suspected_records == 2
    assert outcome.result.suspects == (SuspectCount(pattern="names-itself", kind="self-identification", records=2),)
    found = world.evidence.get_suspects(outcome.result.suspects_evidence)
    assert [(s.record, s.line, s.start, s.end, s.text, s.scan) for s in found] == [
        (0, 1, 0, 15, "I am the Oracle", outcome.result.id),
        (2, 3, 8, 23, "I am the oracle", outcome.result.id),
    ]


def test_other_patterns_make_another_scan() -> None:
    world = World({"a.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl")
    scan(world, version)
    world.tools = replace(world.tools, suspects=PatternFinder(()))
    (again,) = scan(world, version)
    assert not again.reused


def test_records_are_counted_once_in_whatever_order_their_rows_come() -> None:
    def suspect(record: int, pattern: str) -> Suspect:
        at: dict[str, Any] = {"scan": "", "shard": "", "path": "", "line": None, "doc_id": "", "field": "", "start": 0, "end": 1}
        return Suspect(record=record, pattern=pattern, kind="template", **at)

    chance = random.Random(3)
    found = [suspect(chance.choice((0, 7, 8, 9, 500, 499, 70_000)), chance.choice("abc")) for _ in range(200)]
    gathered = Gathered()
    tally = Tally(gathered)
    for start in range(0, 200, 17):
        tally.add_suspects(found[start : start + 17])
    assert tally.suspected_records == len({s.record for s in found})
    assert {c.pattern: c.records for c in tally.suspects} == {p: len({s.record for s in found if s.pattern == p}) for p in "abc"}
    assert gathered.suspects == found
