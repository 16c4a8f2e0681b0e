"""Files of a real S3 protocol server: listed, told apart, read in ranges, and every way in which that fails is one clear sentence."""

from __future__ import annotations

import hashlib
import io
import random
import time

import pytest

from provenance.errors import ShardDigestMismatchError, StoreError
from provenance.fingerprint.digest import hash_stream
from provenance.storage.options import StorageOptions
from provenance.storage.stores import Entry, Stores
from provenance.storage.stream import AHEAD_BYTES
from provenance.storage.urls import StoreUrl, parse_url
from tests.fakes.s3 import KEY_ID, SECRET, TOKEN, Fault, S3Server

PATIENT = Stores(StorageOptions(attempts=3, first_wait_s=0.0))
HASTY = Stores(StorageOptions(attempts=1))
RAW = random.Random(7).randbytes(300_000)


def url(server: S3Server, key: str) -> StoreUrl:
    return parse_url(server.url(key))


def digest(stores: Stores, location: StoreUrl) -> tuple[str, int]:
    with stores.open(location) as file:
        return hash_stream(file)


def test_a_store_is_listed_as_it_is_now(s3: S3Server) -> None:
    for key in ("p/a.jsonl", "p/deep/b.txt", "p/deep/er/c.txt", "pp/other.txt", "p/odd name #1?[x].txt"):
        s3.put(key, b"12345")
    names = ["a.jsonl", "deep/b.txt", "deep/er/c.txt", "odd name #1?[x].txt"]
    assert [e.path for e in PATIENT.files(url(s3, "p"))] == names
    assert PATIENT.entries(url(s3, "p")) == [Entry("a.jsonl", False, 5), Entry("deep", True, 0), Entry("odd name #1?[x].txt", False, 5)]
    s3.delete("p/a.jsonl")
    s3.put("p/new.txt", b"1")
    assert [e.path for e in PATIENT.files(url(s3, "p"))] == [*names[1:3], "new.txt", names[3]]
    assert [PATIENT.kind(url(s3, key)) for key in ("p/new.txt", "p/deep", "p/none", "p/dee")] == ["file", "directory", None, None]
    assert PATIENT.files(url(s3, "nothing")) == PATIENT.entries(url(s3, "nothing")) == []
    assert digest(PATIENT, parse_url("s3://corpus/p/odd name #1?[x].txt"))[1] == 5


def test_listings_of_several_pages_are_whole(s3: S3Server) -> None:
    for i in range(1_005):
        s3.put(f"many/{i:05}.txt", b"x")
    assert [e.path for e in PATIENT.files(url(s3, "many"))] == [f"{i:05}.txt" for i in range(1_005)]


def test_a_file_is_read_once_in_bounded_ranges(s3: S3Server) -> None:
    raw = random.Random(1).randbytes(3 * AHEAD_BYTES + 17)
    s3.put("p/big.bin", raw)
    assert digest(PATIENT, url(s3, "p/big.bin")) == (f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw))
    spans = [tuple(map(int, span.removeprefix("bytes=").split("-"))) for span, _ in s3.gets("/big.bin")]
    assert sum(end - start + 1 for start, end in spans) == len(raw) == s3.sent["/corpus/p/big.bin"]
    assert max(end - start + 1 for start, end in spans) <= AHEAD_BYTES


def test_only_what_is_asked_for_is_fetched(s3: S3Server) -> None:
    s3.put("p/big.bin", RAW * 20)
    with PATIENT.open(url(s3, "p/big.bin")) as file:
        assert file.seek(-8, io.SEEK_END) == len(RAW) * 20 - 8
        assert file.read(100) == RAW[-8:]
        file.seek(len(RAW) * 3 + 5)
        assert file.read(1000) == RAW[5:1005]
    assert s3.sent["/corpus/p/big.bin"] < 200_000


def test_what_fails_for_a_while_is_read_all_the_same(s3: S3Server) -> None:
    s3.put("p/a.bin", RAW)
    expected = (f"sha256:{hashlib.sha256(RAW).hexdigest()}", len(RAW))
    for fault in (
        Fault("/a.bin", 2, status=500),
        Fault("/a.bin", 2, status=503),
        Fault("/a.bin", 2, cut=1000),
        Fault("/a.bin", 1, cut=0),
        Fault("/a.bin", 2, status=500, method="HEAD"),
    ):
        s3.faults[:] = [fault]
        assert digest(PATIENT, url(s3, "p/a.bin")) == expected
        assert fault.times == 0


def test_what_goes_on_failing_is_told_with_the_number_of_attempts(s3: S3Server) -> None:
    s3.put("p/a.bin", RAW)
    for fault in (Fault("/a.bin", 99, status=500), Fault("/a.bin", 99, cut=1000)):
        s3.faults[:] = [fault]
        with pytest.raises(StoreError, match=r"s3://corpus/p/a.bin: reading stopped at byte 0 after 3 attempts: ") as caught:
            digest(PATIENT, url(s3, "p/a.bin"))
        assert caught.value.hint
        assert fault.times == 96


def test_a_body_that_is_cut_short_is_never_taken_for_the_end(s3: S3Server) -> None:
    s3.put("p/a.bin", RAW)
    s3.faults.append(Fault("/a.bin", 1, cut=len(RAW) - 200_000))
    with pytest.raises(StoreError, match="reading stopped"):
        digest(HASTY, url(s3, "p/a.bin"))


def test_what_is_refused_or_missing_is_not_tried_again(s3: S3Server) -> None:
    s3.put("p/a.bin", RAW)
    for status, words in ((403, "access denied"), (404, "no such file")):
        s3.faults[:] = [Fault("/a.bin", 99, status=status)]
        with pytest.raises(StoreError, match=words) as caught:
            digest(PATIENT, url(s3, "p/a.bin"))
        assert s3.faults[0].times == 98
        assert caught.value.hint
    s3.faults[:] = [Fault("/a.bin", 99, status=403, method="HEAD")]
    with pytest.raises(StoreError, match="access denied"):
        PATIENT.stamp(url(s3, "p/a.bin"))
    s3.faults[:] = [Fault("/corpus", 99, status=403)]
    with pytest.raises(StoreError, match="access denied"):
        PATIENT.files(url(s3, "p"))
    for missing in ("p/none.bin", "p"):
        s3.faults.clear()
        with pytest.raises(StoreError, match=r"no such file|is a folder"):
            PATIENT.open(url(s3, missing))


def test_a_server_that_does_not_answer_is_given_up(s3: S3Server) -> None:
    s3.put("p/a.bin", RAW)
    impatient = Stores(StorageOptions(attempts=2, first_wait_s=0.0, timeout_s=1))
    s3.faults.append(Fault("/a.bin", 99, wait_s=1.6))
    started = time.monotonic()
    with pytest.raises(StoreError, match="reading stopped at byte 0 after 2 attempts: no answer within 1 s"):
        digest(impatient, url(s3, "p/a.bin"))
    assert time.monotonic() - started < 15


def test_no_server_at_all_is_told() -> None:
    stores = Stores(
        StorageOptions(
            attempts=2,
            first_wait_s=0.0,
            stores=(
                (
                    "s3",
                    (("anon", True), ("endpoint_url", "http://127.0.0.1:9")),
                ),
            ),
        )
    )
    with pytest.raises(StoreError, match=r"it cannot be listed after 2 attempts: .*connect"):
        stores.files(parse_url("s3://corpus/p"))


def test_an_object_that_changes_while_it_is_read_is_noticed(s3: S3Server) -> None:
    raw = RAW * 40
    for fault in (Fault("/a.bin", 1), Fault("/a.bin", 1, status=500), Fault("/a.bin", 1, cut=3)):
        s3.put("p/a.bin", raw)
        fault.before = lambda: s3.put("p/a.bin", raw[::-1])  # of the same size
        s3.faults[:] = [fault]
        with pytest.raises(ShardDigestMismatchError, match="changed while it was read"):
            digest(PATIENT, url(s3, "p/a.bin"))
    s3.put("p/a.bin", raw)
    with PATIENT.open(url(s3, "p/a.bin")) as file:
        assert len(file.readall()) == len(raw)
        s3.put("p/a.bin", raw[::-1])
        file.seek(1000)
        with pytest.raises(ShardDigestMismatchError):
            file.readall()


def test_the_stamp_is_another_for_another_object_of_the_same_size(s3: S3Server) -> None:
    s3.put("p/a.bin", b"one")
    before = PATIENT.stamp(url(s3, "p/a.bin"))
    assert PATIENT.stamp(url(s3, "p/a.bin")) == before
    s3.put("p/a.bin", b"two")
    assert PATIENT.stamp(url(s3, "p/a.bin")) != before


@pytest.mark.parametrize("status", [403, 404, 500])
def test_what_a_server_repeats_of_the_credentials_is_not_told(s3: S3Server, status: int) -> None:
    s3.put("p/a.bin", RAW)
    s3.faults.append(Fault("/a.bin", 99, status=status, echo=True))
    with pytest.raises(StoreError) as caught:
        digest(PATIENT, url(s3, "p/a.bin"))
    told = f"{caught.value} {caught.value.hint} {caught.value.context}"
    assert not [secret for secret in (KEY_ID, SECRET, TOKEN) if secret in told]
