"""Which licences count where several places state one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from provenance.audit.licenses import stated_licenses
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, Details, Evidence, LicenseClaim, LicenseFacts, LicensePart, Shard

TODAY = "2026-06-01"


def claim(value: str, by: str = "registrant", original: str = "") -> LicenseClaim:
    return LicenseClaim(value=value, by=by, original=original)


def dataset(**facts: Any) -> Dataset:
    return Dataset(name="d", license=LicenseFacts(**facts))


def shard(*parts: tuple[str, int], records: int | None = None, unread: int = 0) -> Shard:
    made = tuple(LicensePart(value=v, original=v, records=n) for v, n in parts)
    return Shard(path="a", sha256="sha256:" + "0" * 64, size_bytes=1, records=records, unread_records=unread, licenses=made)


def test_nothing_stated_is_not_known() -> None:
    assert stated_licenses(dataset(), (), TODAY).values == ("UNKNOWN",)


def test_every_place_that_speaks_counts() -> None:
    found = stated_licenses(dataset(declared=claim("CC-BY-4.0"), stated=(claim("CC-BY-NC-4.0", "file"), claim("CC-BY-4.0", "card"))), (), TODAY)
    assert set(found.values) == {"CC-BY-4.0", "CC-BY-NC-4.0"}
    assert found.agreed is TriState.NO
    assert found.summaries == ("registrant says CC-BY-4.0, file says CC-BY-NC-4.0, card says CC-BY-4.0: the strictest counts",)


def test_what_is_detected_counts_beside_what_is_declared() -> None:
    found = stated_licenses(dataset(declared=claim("MIT"), detected=claim("GPL-3.0-only", "detector")), (), TODAY)
    assert (set(found.values), found.agreed) == ({"MIT", "GPL-3.0-only"}, TriState.NO)


def test_a_place_that_says_nothing_takes_nothing_away() -> None:
    found = stated_licenses(dataset(declared=claim("MIT"), stated=(claim("NOT_STATED", "card"), claim("UNKNOWN", "github"))), (), TODAY)
    assert (found.values, found.agreed) == (("MIT",), TriState.YES)


def test_words_that_nobody_can_read_as_a_licence_count_as_unknown() -> None:
    for odd in (claim("UNKNOWN", "file", "you may use this on Tuesdays"), claim("UNREADABLE", "file")):
        assert odd.value in stated_licenses(dataset(declared=claim("MIT"), stated=(odd,)), (), TODAY).values


def test_a_conclusion_decides_and_the_conflict_stays_told() -> None:
    concluded = LicenseClaim(value="CC-BY-4.0", by="legal", evidence=Evidence(fetched_at="2026-01-01"))
    found = stated_licenses(dataset(declared=claim("MIT"), stated=(claim("CC-BY-NC-4.0", "file"),), concluded=concluded), (), TODAY)
    assert (found.values, found.agreed) == (("CC-BY-4.0",), TriState.YES)
    assert "a person concluded which holds" in found.summaries[0]


@pytest.mark.parametrize(
    ("last", "ended"), [("2026-05-31", True), ("2026-06-01", False), ("2026-06-02", False), ("NOT_STATED", False), ("UNKNOWN", False)]
)
def test_after_its_last_day_a_licence_is_not_known(last: str, ended: bool) -> None:
    for facts in ({"declared": claim("MIT")}, {"concluded": claim("MIT", "legal")}):
        assert ("UNKNOWN" in stated_licenses(dataset(**facts, expires=last), (), TODAY).values) is ended


def test_records_that_all_name_a_licence_speak_for_a_dataset_that_states_none() -> None:
    files = (shard(("MIT", 3), ("CC0-1.0", 2), records=5),)
    assert set(stated_licenses(dataset(), files, TODAY).values) == {"MIT", "CC0-1.0"}


@pytest.mark.parametrize(
    "files",
    [
        (shard(("MIT", 3), records=5),),
        (shard(("MIT", 5), records=5, unread=1),),
        (shard(("MIT", 5), records=None),),
        (shard(("MIT", 5), records=5), shard(records=1)),
        (shard(("MIT", 4), ("UNKNOWN", 1), records=5),),
        (shard(("MIT", 4), ("NOT_STATED", 1), records=5),),
    ],
    ids=[
        "some name none",
        "some were not read",
        "nobody counted",
        "a shard without the column",
        "some cannot be read as a licence",
        "some state none",
    ],
)
def test_records_of_which_some_name_no_licence_do_not(files: tuple[Shard, ...]) -> None:
    assert "UNKNOWN" in stated_licenses(dataset(), files, TODAY).values


def test_records_never_loosen_what_the_dataset_states() -> None:
    files = (shard(("CC-BY-NC-4.0", 1), ("MIT", 4), records=5),)
    found = stated_licenses(dataset(declared=claim("CC-BY-4.0")), files, TODAY)
    assert set(found.values) == {"CC-BY-4.0", "CC-BY-NC-4.0", "MIT"}
    assert found.summaries == (
        "registrant says CC-BY-4.0, records say CC-BY-NC-4.0 and MIT: the strictest counts",
        "records by the licence they name: MIT 4, CC-BY-NC-4.0 1",
    )


@pytest.mark.parametrize(
    ("declared", "records", "agreed"),
    [
        ("CC0-1.0", ["CC-BY-NC-4.0"], TriState.NO),
        ("CC0-1.0", ["CC0-1.0", "MIT"], TriState.NO),
        ("CC0-1.0", ["CC0-1.0", "NOT_STATED"], TriState.YES),
        ("CC0-1.0", ["CC0-1.0", "UNKNOWN"], TriState.YES),
        ("CC-BY-4.0 AND MIT", ["MIT", "CC-BY-4.0"], TriState.YES),
        ("CC-BY-4.0 OR MIT", ["MIT"], TriState.NO),
        ("NOT_STATED", ["MIT", "CC-BY-4.0"], TriState.YES),
    ],
)
def test_records_under_a_licence_that_the_whole_does_not_name_contradict_it(declared: str, records: list[str], agreed: TriState) -> None:
    files = (shard(*((value, 1) for value in records), records=len(records)),)
    assert stated_licenses(dataset(declared=claim(declared)), files, TODAY).agreed is agreed
    settled = dataset(declared=claim(declared), concluded=claim("MIT", "legal"))
    assert stated_licenses(settled, files, TODAY).agreed is TriState.YES


def test_a_dataset_whose_records_name_a_thousand_licences_is_told_in_one_line() -> None:
    files = (shard(*((f"LicenseRef-{n:04}", 1) for n in range(1000)), records=1000),)
    assert "LicenseRef-0007 and 992 more" in stated_licenses(dataset(declared=claim("MIT")), files, TODAY).summaries[0]


def test_records_that_name_none_are_under_what_the_dataset_states() -> None:
    assert stated_licenses(dataset(declared=claim("MIT")), (shard(("CC0-1.0", 2), ("NOT_STATED", 3), records=5),), TODAY).values == ("MIT", "CC0-1.0")


def test_the_order_of_statements_does_not_matter() -> None:
    claims = (claim("MIT", "a"), claim("CC0-1.0", "b"), claim("UNKNOWN", "c", "odd"))
    found = {frozenset(stated_licenses(dataset(stated=order), (), TODAY).values) for order in itertools.permutations(claims)}
    assert len(found) == 1


def licensed(database: str = "UNKNOWN", metadata: str = "UNKNOWN", **facts: Any) -> Dataset:
    details = Details(container_license=claim(database) if database != "UNKNOWN" else LicenseClaim(), metadata_license=claim(metadata))
    return Dataset(name="d", license=LicenseFacts(**facts), details=details)


def test_the_licence_of_the_database_counts_beside_that_of_its_contents() -> None:
    found = stated_licenses(licensed("ODbL-1.0", declared=claim("MIT")), (), TODAY)
    assert (set(found.values), found.agreed) == ({"MIT", "ODbL-1.0"}, TriState.YES)
    assert any("ODbL-1.0" in text for text in found.summaries)


def test_the_licence_of_the_database_stands_in_for_no_licence_of_the_contents() -> None:
    assert set(stated_licenses(licensed("CC0-1.0"), (), TODAY).values) == {"UNKNOWN", "CC0-1.0"}
    assert set(stated_licenses(licensed("CC0-1.0", declared=claim("NOT_STATED")), (), TODAY).values) == {"NOT_STATED", "CC0-1.0"}


def test_a_conclusion_on_the_contents_leaves_the_database_under_its_licence() -> None:
    found = stated_licenses(licensed("ODbL-1.0", declared=claim("CC-BY-NC-4.0"), concluded=claim("MIT", "counsel")), (), TODAY)
    assert set(found.values) == {"MIT", "ODbL-1.0"}


def test_the_licence_of_the_metadata_counts_for_nothing() -> None:
    for metadata in ("CC0-1.0", "CC-BY-NC-4.0"):
        assert stated_licenses(licensed(metadata=metadata, declared=claim("MIT")), (), TODAY).values == ("MIT",)
    assert stated_licenses(licensed(metadata="CC0-1.0"), (), TODAY).values == ("UNKNOWN",)
