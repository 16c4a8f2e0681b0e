"""Mending leaves out what an audit names and nothing else, keeps the original, and never leaves half a file."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.audit.admitting import Admitted
from provenance.audit.audit import AuditRequest, run_audit
from provenance.audit.browse import behind_in_record, find_behind, find_unlisted, iter_findings
from provenance.audit.judgements import Catalogs
from provenance.audit.remedy import ShardDrop, apply_drop, plan_drop, register_again
from provenance.audit.tools import Tools
from provenance.config import shipped
from provenance.errors import ConflictError, InputError, RegistryError
from provenance.fingerprint.digest import hash_file
from provenance.ingest.listing import FileListing
from provenance.ingest.reader import Reader
from provenance.ingest.rewrite import Rewriter
from provenance.licensing.classes import load_licenses
from provenance.licensing.terms import load_terms
from provenance.model.audit import AuditRecord, MatchFinding, ReferenceSummary, ToolVersion
from provenance.model.dataset import Shard
from provenance.model.finding import SubjectKind, VerdictKind, Waiver
from provenance.model.run import RunData
from provenance.policy.bundle import load_bundle
from tests.fakes.world import (
    LineRewriter,
    Planted,
    PlantedMatcher,
    World,
    output_reference,
    plain_dataset,
    plain_run,
    plain_shard,
    version_of,
    work_reference,
)

BOOK = "the harbour master counted the lanterns again and found one too many of them which troubled him more than a missing one would ever have done"
CALL = "press and hold the button for ten seconds until the light blinks then release it and wait for the device to start again on its own"
FREE = "all happy families are alike and each unhappy family is unhappy in its own way as people have said for more than a hundred years by now"
MATCHER = PlantedMatcher(
    Planted(BOOK, work_reference()), Planted(CALL, output_reference()), Planted(FREE, work_reference("work:free", license_text="CC0-1.0"))
)
REFERENCES = (ReferenceSummary(name="known", digest="sha256:" + "1" * 64, kind="work", references=3, words=100, scheme="planted-1"),)
SAMPLE = Path(__file__).parents[3] / "examples" / "sample"
LINES = b"".join(b'{"text": "line %d"}\n' % i for i in range(6))


class Mill:
    """A data root on disk with a registry in memory, audited by the baseline bundle."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.originals = folder / "originals"
        self.data.mkdir()
        world = World()
        self.tools: Tools = replace(world.tools, listing=FileListing({"data": self.data}), reader=Reader())
        self.catalogs = Catalogs(terms=load_terms((SAMPLE / "terms",)), licenses=load_licenses((shipped("policies") / "licenses",)))
        self.bundle = load_bundle(shipped("policies") / "bundles" / "baseline.yaml")

    def register(self, *paths: str) -> None:
        shards = tuple(self.tools.listing.describe(p, root="data") for p in sorted(paths))
        with self.tools.units.begin(actor="tester", action="register") as registry:
            registry.add_version(version_of(plain_dataset(), *shards))

    def audit(self, *, findings_listed: int | None = None, matches_listed: int = 1000, waivers: tuple[Waiver, ...] = ()) -> AuditRecord:
        request = AuditRequest(
            run=plain_run(RunData(dataset="notes", weight=1.0), references=("known",)),
            bundles=(self.bundle,),
            waivers=Admitted(waivers=waivers),
            findings_listed=findings_listed,
            matches_listed=matches_listed,
            catalogs=self.catalogs,
            references=REFERENCES,
            tool=ToolVersion(version="0"),
            command="audit",
        )
        return run_audit(request, MATCHER, self.tools).record

    def kept(self, record: AuditRecord) -> Iterable[MatchFinding] | None:
        """Return the findings that the evidence keeps of an audit."""
        return iter_findings(record, self.tools.evidence) if record.match_findings else None

    def mend(self, drops: Sequence[ShardDrop]) -> int:
        """Apply drops and register what is left. Returns how many records went."""
        gone = 0
        for drop in drops:
            gone += apply_drop(drop, self.shard(drop.path), self.data / drop.path, originals=self.originals, rewriter=Rewriter())[0]
        register_again({"notes"}, self.tools, describe=lambda _, s: self.tools.listing.describe(s.path, root=s.root))
        return gone

    def shard(self, path: str) -> Shard:
        with self.tools.units.read() as registry:
            return next(s for s in registry.dataset_version("notes").shards if s.path == path)


def write(path: Path, texts: Sequence[str]) -> None:
    lines = "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)).encode()
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": list(range(len(texts))), "text": list(texts)}), path, row_group_size=3)
    else:
        path.write_bytes(gzip.compress(lines, mtime=0) if path.suffix == ".gz" else lines)


def read(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return [str(t) for t in pq.read_table(path)["text"].to_pylist()]
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line)["text"] for line in raw.splitlines()]


_TEXTS = st.lists(st.sampled_from(["quiet", "still quiet", BOOK, f"so he said: {CALL}, and went", FREE, f"{BOOK}. {CALL}"]), min_size=1, max_size=9)


@settings(deadline=None, max_examples=25)
@given(texts=st.lists(_TEXTS, min_size=1, max_size=3), ending=st.sampled_from([".jsonl", ".jsonl.gz", ".parquet"]), bound=st.integers(1, 4))
def test_after_the_drop_no_match_that_the_audit_named_is_left_open(texts: list[list[str]], ending: str, bound: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        mill = Mill(Path(name))
        files = {f"{i}{ending}": ["opening words", *items] for i, items in enumerate(texts)}
        for path, items in files.items():
            write(mill.data / path, items)
        mill.register(*files)
        record = mill.audit()
        bad = sum(BOOK in t or CALL in t for items in texts for t in items)
        assert (record.verdict is VerdictKind.BLOCKED) == (bad > 0)
        if bad:
            drops = plan_drop(record, ())
            bounded = mill.audit(findings_listed=bound, matches_listed=bound + 1)
            assert plan_drop(bounded, (), mill.kept(bounded)) == drops
            assert [s.summary for s in bounded.steps] == [s.summary for s in record.steps]
            assert sum(len(d.records) for d in drops) == bad
            assert mill.mend(drops) == bad
            record = mill.audit()
        assert record.verdict is VerdictKind.CLEARED
        assert [f for f in record.findings if f.is_open and f.subject.kind is SubjectKind.MATCH] == []
        for path, items in files.items():
            assert read(mill.data / path) == [t for t in items if BOOK not in t and CALL not in t]


def test_only_the_rules_named_are_mended(tmp_path: Path) -> None:
    mill = Mill(tmp_path)
    write(mill.data / "a.jsonl", ["quiet", BOOK, CALL])
    mill.register("a.jsonl")
    record = mill.audit()
    (drop,) = plan_drop(record, ["D002"])
    assert (drop.records, drop.lines, drop.rules) == (frozenset({2}), frozenset({3}), ("D002",))
    mill.mend([drop])
    assert {f.rule for f in mill.audit().findings if f.is_open} == {"C001"}
    with pytest.raises(InputError, match="no open finding of D002"):
        plan_drop(mill.audit(), ["D002"])


def test_a_record_without_findings_on_shared_text_has_no_plan(tmp_path: Path) -> None:
    mill = Mill(tmp_path)
    write(mill.data / "a.jsonl", ["quiet"])
    mill.register("a.jsonl")
    with pytest.raises(InputError, match="no open finding rests on shared text"):
        plan_drop(mill.audit(), ())


def test_matches_that_the_record_does_not_list_are_not_mended_blindly(tmp_path: Path) -> None:
    mill = Mill(tmp_path)
    write(mill.data / "a.jsonl", [BOOK, BOOK + " again"])
    mill.register("a.jsonl")
    record = mill.audit()
    with pytest.raises(InputError, match="only 1 of 2 findings on shared text are at hand"):
        plan_drop(replace(record, evidence=record.evidence[:1]), ())


def test_without_the_kept_findings_those_of_a_group_are_not_mended_in_part(tmp_path: Path) -> None:
    mill = Mill(tmp_path)
    write(mill.data / "a.jsonl", [BOOK + f" {i}" for i in range(5)])
    mill.register("a.jsonl")
    record = mill.audit(findings_listed=2)
    assert sorted(f.grouped for f in record.findings if f.rule == "C001") == [0, 0, 3]
    with pytest.raises(InputError, match="only 2 of 5 findings"):
        plan_drop(record, ())
    rows = list(iter_findings(record, mill.tools.evidence))
    with pytest.raises(InputError, match="only 4 of 5 findings"):
        plan_drop(record, (), rows[1:])
    (drop,) = plan_drop(record, (), rows)
    assert drop.records == frozenset(range(5))


def test_a_record_that_a_waiver_covers_is_not_dropped_with_its_group(tmp_path: Path) -> None:
    mill = Mill(tmp_path)
    write(mill.data / "a.jsonl", [BOOK + f" {i}" for i in range(5)])
    mill.register("a.jsonl")
    excepted = next(f for f in mill.audit().findings if f.rule == "C001")
    record = next(e.match.record for e in mill.audit().evidence if e.id == excepted.subject.id)
    waiver = Waiver(
        id="w",
        rule="C001",
        subject=excepted.subject,
        reason="licensed",
        comment="",
        requested_by="a@x",
        approved_by="b@x",
        created="2026-01-01",
        expires="2026-12-31",
    )
    audit = mill.audit(findings_listed=1, waivers=(waiver,))
    (drop,) = plan_drop(audit, (), mill.kept(audit))
    assert drop.records == frozenset(range(5)) - {record}


def test_what_a_record_does_not_list_is_gone_through_after_it(tmp_path: Path) -> None:
    mill = Mill(tmp_path)
    write(mill.data / "a.jsonl", ["quiet", *(BOOK + f" {i}" for i in range(4)), FREE])
    write(mill.data / "b.jsonl", [CALL, BOOK, "quiet"])
    mill.register("a.jsonl", "b.jsonl")
    whole = mill.audit()
    assert whole.match_findings == ""
    for findings_listed, matches_listed in ((1, 1), (2, 3), (9, 2), (1, 9)):
        record = mill.audit(findings_listed=findings_listed, matches_listed=matches_listed)
        every = [e.id for e in record.evidence] + [m.id for m in find_unlisted(record, mill.tools.units, mill.tools.evidence)]
        assert sorted(every) == sorted(e.id for e in whole.evidence)
        for rule in ("C001", "D002"):
            behind = {f.subject.id for f in whole.findings if f.rule == rule}
            chosen = [f for f in record.findings if f.rule == rule]
            found = list(behind_in_record(record, chosen))
            found += [m.id for m in find_behind(record, chosen, mill.tools.evidence)] if record.match_findings else []
            assert sorted(found) == sorted(behind)
        for group in (f for f in record.findings if f.grouped):
            members = [m.id for m in find_behind(record, [group], mill.tools.evidence)]
            listed = {f.subject.id for f in record.findings if f.rule == group.rule and not f.grouped}
            assert len(members) == group.grouped
            assert set(members) == {f.subject.id for f in whole.findings if f.rule == group.rule} - listed


def test_findings_that_are_not_here_are_an_error(tmp_path: Path) -> None:
    mill = Mill(tmp_path)
    write(mill.data / "a.jsonl", [BOOK, BOOK + " again"])
    mill.register("a.jsonl")
    record = mill.audit(findings_listed=1)
    with pytest.raises(RegistryError, match="findings of audit sha256:"):
        iter_findings(record, World().evidence)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "a.jsonl"
    path.parent.mkdir()
    path.write_bytes(LINES)
    return path


def drop_of(path: Path) -> ShardDrop:
    return ShardDrop(dataset="notes", path=path.name, sha256=hash_file(path)[0], records=frozenset({1, 4}), lines=frozenset({2, 5}), rules=("C001",))


def without_two_and_five() -> bytes:
    return b"".join(line for i, line in enumerate(LINES.splitlines(keepends=True), 1) if i not in {2, 5})


def test_the_original_is_kept_under_its_digest_before_it_is_replaced(shard: Path, tmp_path: Path) -> None:
    drop = drop_of(shard)
    left_out, kept = apply_drop(drop, plain_shard(), shard, originals=tmp_path / "originals", rewriter=Rewriter())
    assert left_out == 2
    assert shard.read_bytes() == without_two_and_five()
    assert kept.read_bytes() == LINES
    assert kept.parent.name == drop.sha256.removeprefix("sha256:")


def test_a_file_that_is_not_the_one_scanned_is_left_alone(shard: Path, tmp_path: Path) -> None:
    drop = drop_of(shard)
    shard.write_bytes(LINES + b"late\n")
    with pytest.raises(ConflictError, match="not the file that was scanned"):
        apply_drop(drop, plain_shard(), shard, originals=tmp_path / "originals", rewriter=Rewriter())
    assert shard.read_bytes() == LINES + b"late\n"
    assert not (tmp_path / "originals").exists()


def test_a_second_application_is_refused_and_changes_nothing(shard: Path, tmp_path: Path) -> None:
    drop = drop_of(shard)
    apply_drop(drop, plain_shard(), shard, originals=tmp_path / "originals", rewriter=Rewriter())
    with pytest.raises(ConflictError):
        apply_drop(drop, plain_shard(), shard, originals=tmp_path / "originals", rewriter=Rewriter())
    assert shard.read_bytes() == without_two_and_five()


def test_dying_between_copy_and_replace_leaves_the_old_file_whole_and_the_drop_can_be_made_again(shard: Path, tmp_path: Path) -> None:
    drop, originals = drop_of(shard), tmp_path / "originals"
    with pytest.raises(KeyboardInterrupt):
        apply_drop(drop, plain_shard(), shard, originals=originals, rewriter=LineRewriter(dies=True))
    assert shard.read_bytes() == LINES
    assert apply_drop(drop, plain_shard(), shard, originals=originals, rewriter=LineRewriter())[0] == 2
    assert shard.read_bytes() == without_two_and_five()


def test_a_damaged_copy_of_the_original_is_not_taken_for_it(shard: Path, tmp_path: Path) -> None:
    drop, originals = drop_of(shard), tmp_path / "originals"
    kept = originals / drop.sha256.removeprefix("sha256:") / shard.name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(LINES[:10])
    kept.with_name(kept.name + ".part").write_bytes(b"half a copy")
    apply_drop(drop, plain_shard(), shard, originals=originals, rewriter=Rewriter())
    assert kept.read_bytes() == LINES
    assert shard.read_bytes() == without_two_and_five()


KILLED = """
import sys
from pathlib import Path
from provenance.audit.remedy import ShardDrop, apply_drop
from provenance.ingest.rewrite import Rewriter
from provenance.model.dataset import Shard
path, originals, digest = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
drop = ShardDrop(dataset="d", path=path.name, sha256=digest, records=frozenset(), lines=frozenset(range(1, 200_000, 3)), rules=())
print("ready", flush=True)
apply_drop(drop, Shard(path=path.name, sha256=digest, size_bytes=1), path, originals=originals, rewriter=Rewriter())
"""


def test_killed_at_any_moment_the_shard_is_the_old_or_the_new_one(tmp_path: Path, loops: int) -> None:
    lines = [b'{"text": "line %d of a shard that takes a while to write"}\n' % i for i in range(200_000)]
    old, new = b"".join(lines), b"".join(line for i, line in enumerate(lines, 1) if i % 3 != 1)
    path = tmp_path / "a.jsonl"
    seen = set()
    for i in range(3 * loops):
        path.write_bytes(old)
        argv = [sys.executable, "-c", KILLED, str(path), str(tmp_path / f"originals{i}"), hash_file(path)[0]]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            try:
                child.wait(timeout=0.02 + 0.06 * (i % 9))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
        raw = path.read_bytes()
        assert raw in {old, new}
        seen.add(raw == new)
        if raw == new:
            assert [p.read_bytes() for p in (tmp_path / f"originals{i}").glob("*/a.jsonl")] == [old]
    assert seen
