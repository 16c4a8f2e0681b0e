"""The evidence folder gives back what was put, or says what happened to it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import RegistryError
from provenance.model.audit import MatchFinding
from provenance.model.finding import Outcome
from provenance.model.match import AlsoIn, Explanation, Match, MatchMethod, Suspect
from provenance.model.reference import ReferenceKind
from provenance.ports import Touched
from provenance.registry.columns import MATCH_SCHEMA, TOUCHED_SCHEMA
from provenance.registry.evidence import EvidenceFolder
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "matches-v2"
MATCH = Match(
    scan="s",
    shard="sha256:" + "a" * 64,
    path="chat/ä.jsonl",
    record=3,
    line=4,
    doc_id="d-1",
    field="messages[1].content",
    start=5,
    end=70,
    reference_set="known",
    reference="call-1",
    kind=ReferenceKind.API_OUTPUT,
    reference_start=0,
    reference_end=66,
    also=(AlsoIn(reference="call-2", start=1, end=2, score=3.5, reference_set="other"),),
    method=MatchMethod.PASSAGE,
    words=12,
    aligned_words=11,
    longest_run=9,
    exact_jaccard=0.5,
    exact_containment=0.75,
    document_jaccard=0.1,
    score=21.25,
    chance_alarms_per_million=1e-9,
    ci_low=0.4,
    ci_high=0.9,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
counts = st.integers(0, 2**53)
reals = st.floats(allow_nan=False, allow_infinity=False)
matches = st.builds(
    replace,
    st.just(MATCH),
    path=texts,
    doc_id=texts,
    line=st.none() | counts,
    record=counts,
    also=st.lists(st.builds(AlsoIn, reference=texts, start=counts, end=counts, score=reals, reference_set=texts), max_size=3).map(tuple),
    method=st.sampled_from(MatchMethod),
    kind=st.sampled_from(ReferenceKind),
    score=reals,
    explained=st.booleans(),
    because=st.none() | st.sampled_from(Explanation),
    token_start=st.none() | counts,
    token_end=st.none() | counts,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(matches, max_size=5))
def test_matches_come_back_equal(tmp_path: Path, found: list[Match]) -> None:
    store = EvidenceFolder(tmp_path / "evidence")
    assert store.get_matches(store.put_matches(iter(found))) == found


def test_more_matches_than_a_row_group_come_back_in_order(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    digest = store.put_matches(replace(MATCH, record=i) for i in range(20_001))
    assert [m.record for m in store.get_matches(digest)] == list(range(20_001))


def test_files_are_named_by_the_digest_of_their_bytes(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    digest = store.put_matches([MATCH])
    file = store.place(digest, suffix=".matches.parquet")
    assert "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert pq.read_table(file).num_rows == 1
    assert store.put_matches([MATCH]) == digest
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [file]


def test_bytes_come_back(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    # RFC 6234's empty-string vector
    assert store.put_bytes(b"", suffix=".json") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    digest = store.put_bytes(b"\x00\xff", suffix="json")
    assert store.get_bytes(digest, suffix=".json") == b"\x00\xff"


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: b"", lambda raw: bytes([raw[0] ^ 1]) + raw[1:]], ids=["cut", "empty", "bit"])
def test_changed_evidence_is_refused_and_healed_by_putting_it_again(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    store = EvidenceFolder(tmp_path)
    digest = store.put_matches([MATCH])
    file = store.place(digest, suffix=".matches.parquet")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(RegistryError, match="changed"):
        store.get_matches(digest)
    store.put_matches([MATCH])
    assert store.get_matches(digest) == [MATCH]


def test_matches_of_the_second_version_are_read(tmp_path: Path) -> None:
    # The file was written by the package before matches had places in tokens.
    raw = (GOLDEN / "match.matches.parquet").read_bytes()
    store = EvidenceFolder(tmp_path)
    assert store.get_matches(store.put_bytes(raw, suffix=".matches.parquet")) == [
        MATCH,
        replace(MATCH, because=Explanation.PROMPT, explained=True, line=None),
    ]


def test_what_is_no_matches_file_is_refused(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    digest = store.put_bytes(b"PAR1 not really", suffix=".matches.parquet")
    with pytest.raises(RegistryError, match="cannot be read as matches"):
        store.get_matches(digest)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "sha256:" + "A" * 64, "sha256:../" + "a" * 61])
def test_a_digest_that_is_none_names_no_file(tmp_path: Path, digest: str) -> None:
    with pytest.raises(RegistryError, match="not named by"):
        EvidenceFolder(tmp_path).get_bytes(digest, suffix=".json")


@pytest.mark.parametrize("suffix", ["", "/x", "../x", ".a/b", "."])
def test_a_suffix_cannot_leave_the_folder(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ValueError, match="ending"):
        EvidenceFolder(tmp_path).put_bytes(b"", suffix=suffix)


def test_missing_evidence_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=str(tmp_path)):
        EvidenceFolder(tmp_path).get_bytes("sha256:" + "a" * 64, suffix=".json")


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[Match]:
        yield MATCH
        yield replace(MATCH, path="\ud800")

    with pytest.raises(RegistryError, match="cannot be stored"):
        EvidenceFolder(tmp_path).put_matches(broken())
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_every_field_of_a_match_is_stored() -> None:
    assert set(MATCH_SCHEMA.names) == {f.name for f in fields(Match)}
    assert {f.name for f in MATCH_SCHEMA.field("also").type.value_type} == {f.name for f in fields(AlsoIn)}


def test_a_process_that_ends_right_after_reading_ends_well(tmp_path: Path) -> None:
    digest = EvidenceFolder(tmp_path).put_matches([MATCH])
    code = "import sys, pathlib, provenance.registry.evidence as e; e.EvidenceFolder(pathlib.Path(sys.argv[1])).get_matches(sys.argv[2])"
    for _ in range(6):  # Arrow's threads, where it starts any, abort two such processes of five
        subprocess.run([sys.executable, "-c", code, str(tmp_path), digest], check=True, capture_output=True)


SUSPECT = Suspect(
    scan="s",
    shard="",
    path="a.jsonl",
    record=2,
    line=None,
    doc_id="a.jsonl#2",
    field="text",
    start=0,
    end=9,
    pattern="as-an-ai",
    kind="refusal",
    text="As an AI",
)


def touched(*pairs: tuple[int, int], dropped: tuple[int, ...] = (0, 0)) -> Touched:
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Touched(columns[:, 0], columns[:, 1].astype(np.int32), dropped)


def test_what_a_scan_finds_piece_by_piece_comes_back_in_order(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    with store.writing_scan() as writer:
        for i in range(0, 45_000, 9_000):
            writer.add_matches([replace(MATCH, record=i + k) for k in range(9_000)])
            writer.add_touched(touched((i, 0), (i, 1), dropped=(1, i)))
        writer.add_suspects([SUSPECT])
        files = writer.publish()
    assert [m.record for m in store.iter_matches(files.matches)] == list(range(45_000))
    assert list(store.iter_suspects(files.suspects)) == [SUSPECT]
    kept = store.get_touched(files.touched)
    assert kept.dropped == (5, 90_000)
    assert list(kept.pairs) == [(i, segment) for i in range(0, 45_000, 9_000) for segment in (0, 1)]
    assert files.matches == store.put_matches(replace(MATCH, record=i) for i in range(45_000))
    groups = pq.ParquetFile(store.place(files.matches, suffix=".matches.parquet")).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [20_000, 20_000, 5_000]


def test_a_scan_that_finds_nothing_keeps_that(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    with store.writing_scan() as writer:
        files = writer.publish()
    assert (list(store.iter_matches(files.matches)), files.suspects) == ([], "")
    assert store.get_touched(files.touched).dropped == ()


def test_what_was_not_published_is_gone(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    with store.writing_scan() as writer:
        writer.add_suspects([SUSPECT])
        writer.add_matches([replace(MATCH, record=i) for i in range(20_001)])
        assert list(tmp_path.iterdir()) != []
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_stored_leaves_no_file_of_the_scan(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    with store.writing_scan() as writer:
        writer.add_suspects([SUSPECT])
        writer.add_matches([replace(MATCH, path="\ud800")])
        with pytest.raises(RegistryError, match="matches cannot be stored"):
            writer.publish()
    assert not [p for p in tmp_path.rglob(".writing-*") if p.is_file()]


def test_stored_evidence_is_verified_before_any_of_it_is_given(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    digest = store.put_matches([MATCH])
    store.place(digest, suffix=".matches.parquet").write_bytes(b"")
    with pytest.raises(RegistryError, match="changed"):
        store.iter_matches(digest)


def test_pairs_without_the_dropped_seeds_are_refused(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    buffer = io.BytesIO()
    pq.write_table(pa.table({"record": [1], "segment": [0]}, TOUCHED_SCHEMA), buffer)
    digest = store.put_bytes(buffer.getvalue(), suffix=".touched.parquet")
    with pytest.raises(RegistryError, match="dropped seeds"):
        store.get_touched(digest)


@pytest.mark.parametrize("rows", [0, 3, 20_001])
def test_findings_on_matches_come_back_in_order(tmp_path: Path, rows: int) -> None:
    store = EvidenceFolder(tmp_path)
    kinds = list(ReferenceKind)
    found = [
        MatchFinding(
            rule=f"C00{i % 3}",
            outcome=Outcome.VIOLATED if i % 2 else Outcome.UNKNOWN,
            waiver="" if i % 5 else "W-1",
            dataset="chät",
            judged_as=kinds[i % len(kinds)],
            match=replace(MATCH, record=i, explained=i % 2 == 0, because=None if i % 2 else Explanation.QUOTATION),
        )
        for i in range(rows)
    ]
    with store.writing_findings() as writer:
        for i in range(0, rows, 7):
            writer.add(found[i : i + 7])
        digest = writer.publish()
    assert list(store.iter_findings(digest)) == found
    store.place(digest, suffix=".findings.parquet").write_bytes(b"")
    with pytest.raises(RegistryError, match="changed"):
        store.iter_findings(digest)


def test_findings_that_nobody_publishes_are_gone(tmp_path: Path) -> None:
    store = EvidenceFolder(tmp_path)
    row = MatchFinding(rule="C001", outcome=Outcome.VIOLATED, waiver="", dataset="d", judged_as=ReferenceKind.WORK, match=MATCH)
    with store.writing_findings() as writer:
        writer.add([row] * 20_001)
        assert list(tmp_path.iterdir()) != []
    assert list(tmp_path.iterdir()) == []
