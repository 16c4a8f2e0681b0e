"""What is amiss in entries that load: each kind is told where it stands, and what is right is not told."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from provenance.config import shipped
from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_entries import read_entries
from provenance.licensing.terms import TermsVersion, load_terms
from provenance.licensing.terms_chains import InForce, neighbours, overlap, state_on
from provenance.licensing.terms_check import CheckResult, check_terms
from provenance.licensing.terms_diff import diff_catalogs, diff_entries

SHIPPED = shipped("policies") / "terms"
ENTRY: dict[str, Any] = {
    "id": "acme.1",
    "provider": "acme",
    "service": "api",
    "kind": "service-terms",
    "version": {"effective_from": "2025-01-01", "effective_to": "2025-07-01"},
    "applies_to": {"channels": ["api"], "regions": ["global"], "models": ["*"]},
    "clauses": {"train_any_model": {"value": "prohibited-if-competing"}},
    "source": [{"where": "https://example.org/terms"}],
    "confidence": "seen",
}


def entry(**changes: Any) -> dict[str, Any]:
    """Return an entry with some fields changed; a name such as ``version__effective_to`` reaches inside."""
    made = copy.deepcopy(ENTRY)
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        if inner:
            made[outer][inner] = value
        else:
            made[outer] = value
    return made


def write(folder: Path, *entries: Mapping[str, Any], name: str = "own.json") -> Path:
    folder.mkdir(exist_ok=True)
    document = {"format": "provenance.terms", "version": 1, "terms": list(entries)}
    (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
    return folder


def check(tmp_path: Path, *entries: Mapping[str, Any], accepted: tuple[str, ...] = ()) -> CheckResult:
    """Check entries over an empty shipped catalogue."""
    return check_terms((write(tmp_path / "own", *entries),), shipped=write(tmp_path / "shipped"), accepted=accepted)


def kinds(found: CheckResult) -> list[tuple[str, str, bool]]:
    return [(p.kind.value, p.entry, p.is_fault) for p in found.problems]


def test_what_ships_has_nothing_to_mend() -> None:
    found = check_terms((), shipped=SHIPPED)
    assert found.faults == 0, [p for p in found.problems if p.is_fault]
    assert found.entries > 150


def test_a_right_entry_has_nothing_to_mend(tmp_path: Path) -> None:
    assert kinds(check(tmp_path, ENTRY)) == []


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"version__effective_to": "2024-12-31"}, "reversed-dates", "it was never in force"),
        ({"version__effective_to": "2025-01-01"}, "reversed-dates", "it was never in force"),
        ({"version": {"observed_from": "2025-03-01", "observed_to": "2025-02-01"}}, "reversed-dates", "before it was first seen"),
        ({"source": []}, "no-source", "not where the text was read"),
        ({"kind": "servce-terms"}, "unknown-word", "'servce-terms'"),
        ({"confidence": "sure"}, "unknown-word", "'sure'"),
        ({"applies_to__channels": ["apis"]}, "unknown-word", "'apis'"),
        ({"applies_to__regions": ["Europe"]}, "unknown-word", "'Europe'"),
        ({"clauses": {"train_any_model": {"value": "permitted"}}}, "unknown-word", "'permitted'"),
        ({"clauses": {"train_any_model": {"value": "allowed"}, "competing_models": {"value": "prohibited"}}}, "contradiction", "strictest"),
        ({"clauses": {"train_any_model": {"value": "prohibited"}, "competing_models": {"value": "allowed"}}}, "contradiction", "strictest"),
        ({"clauses": {"train_any_model": {"value": "prohibited"}, "distillation": {"value": "allowed"}}}, "contradiction", "strictest"),
    ],
)
def test_each_slip_is_told_once(tmp_path: Path, changes: dict[str, Any], kind: str, says: str) -> None:
    found = check(tmp_path, entry(**changes))
    assert [(p.kind.value, p.entry) for p in found.problems] == [(kind, "acme.1")], found.problems
    assert says in found.problems[0].message
    assert found.problems[0].is_fault
    assert found.problems[0].place.startswith(f"{tmp_path / 'own' / 'own.json'}:")


@pytest.mark.parametrize(
    "changes",
    [
        {"clauses": {"train_any_model": {"value": "allowed"}, "distillation": {"value": "prohibited"}}},
        {"clauses": {"train_any_model": {"value": "prohibited-if-competing"}, "competing_models": {"value": "prohibited"}}},
        {"confidence": "unverified", "source": []},
        {"version__effective_to": "2025-01"},  # a day of January after the first
        {"applies_to__regions": ["EU", "EEA", "UK", "CH", "BR"]},
    ],
)
def test_what_is_right_is_not_told(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert kinds(check(tmp_path, entry(**changes))) == []


def test_a_word_of_ones_own_where_people_read_is_a_remark(tmp_path: Path) -> None:
    found = check(tmp_path, entry(clauses={"train_any_model": {"value": "allowed"}, "naming_attribution": {"value": "ask-us"}}))
    assert kinds(found) == [("unknown-word", "acme.1", False)]
    assert kinds(check(tmp_path, entry(clauses={"limits": {"value": "ask-us"}}))) == [("unknown-word", "acme.1", True)]


def test_the_place_is_the_line_of_the_field(tmp_path: Path) -> None:
    found = check(tmp_path, entry(applies_to__channels=["apis"]))
    lines = (tmp_path / "own" / "own.json").read_text().splitlines()
    line, column = map(int, found.problems[0].place.rsplit(":", 2)[1:])
    assert lines[line - 1][column - 1 :].startswith('"channels"')


@pytest.mark.parametrize(
    ("changes", "field", "hint"),
    [
        ({"applies_to__channels": ["apis"]}, "channels", "did you mean 'api'?"),
        ({"applies_to__regions": ["Europe"]}, "regions", "global, row, EU, EEA, UK, or the two letters of a country"),
        ({"version__effective_to": "2024-12-31"}, "effective_to", "effective_to is the first day on which it no longer holds"),
        (
            {"clauses": {"train_any_model": {"value": "allowed"}, "competing_models": {"value": "prohibited"}}},
            "competing_models",
            "write prohibited-if",
        ),
        ({"clauses": {"train_any_model": {"value": "prohibited"}, "distillation": {"value": "allowed"}}}, "distillation", ""),
        ({"kind": "service-term"}, "kind", "did you mean 'service-terms'?"),
        ({"source": [{"observed": "2025-01-01"}]}, "source", "say where the text was read"),
    ],
)
def test_each_fault_has_its_place_and_its_hint(tmp_path: Path, changes: dict[str, Any], field: str, hint: str) -> None:
    own = write(tmp_path / "own", entry(**changes))
    found = check_terms((own,), shipped=SHIPPED)
    (problem,) = (p for p in found.problems if p.entry == "acme.1")
    line, column = map(int, problem.place.rsplit(":", 2)[1:])
    assert (own / "own.json").read_text().splitlines()[line - 1][column - 1 :].startswith(f'"{field}"')
    assert problem.hint.startswith(hint)
    assert problem.message
    assert (problem.is_fault, problem.is_shipped) == (True, False)
    assert (found.files, found.overrides) == (1 + len(list(SHIPPED.glob("*.*"))), ())


def test_what_does_not_load_has_no_entries(tmp_path: Path) -> None:
    found = check_terms((write(tmp_path / "own", {"id": "acme.1"}),), shipped=write(tmp_path / "shipped"))
    assert (found.entries, found.files, found.overrides) == (0, 2, ())
    (problem,) = found.problems
    assert (problem.entry, problem.is_shipped) == ("", False)
    assert "missing field" in problem.message
    assert problem.hint


def test_texts_of_one_chain_that_hold_at_once_are_told_and_may_be_accepted(tmp_path: Path) -> None:
    later = entry(id="acme.2", version={"effective_from": "2025-06-01"})
    assert kinds(check(tmp_path, ENTRY, later)) == [("overlap", "acme.2", True)]
    assert kinds(check(tmp_path, ENTRY, later, accepted=("acme.2",))) == []


@pytest.mark.parametrize(
    "other",
    [
        {"version": {"effective_from": "2025-07-01"}},  # the day on which the first no longer holds
        {"version": {"effective_from": "2025-06-01"}, "applies_to__channels": ["consumer"]},
        {"version": {"effective_from": "2025-06-01"}, "applies_to__regions": ["EU"]},
        {"version": {"effective_from": "2025-06-01"}, "service": "chat"},
        {"version": {"effective_from": "2025-06-01"}, "kind": "acceptable-use"},
        {"version": {"effective_from": "2025-06-01"}, "provider": "other"},
    ],
)
def test_texts_that_follow_or_are_of_another_chain_are_not_told(tmp_path: Path, other: dict[str, Any]) -> None:
    assert kinds(check(tmp_path, ENTRY, entry(id="acme.2", **other))) == []


def test_a_gap_is_told_and_is_no_fault(tmp_path: Path) -> None:
    found = check(tmp_path, ENTRY, entry(id="acme.2", version={"effective_from": "2025-08-01"}))
    assert kinds(found) == [("gap", "acme.1", False)]
    assert found.faults == 0


def test_what_does_not_load_is_told_for_every_file(tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(version={"effective_from": "1.1.2025"}), name="a.json")
    write(own, {**ENTRY, "extra": 1}, name="b.json")
    found = check_terms((own,), shipped=write(tmp_path / "shipped"))
    assert [(p.kind.value, Path(p.place.partition(":")[0]).name) for p in found.problems] == [("unreadable", "a.json"), ("unreadable", "b.json")]
    assert found.faults == 2


def test_an_id_given_twice_is_told(tmp_path: Path) -> None:
    own = write(tmp_path / "own", ENTRY, name="a.json")
    write(own, ENTRY, name="b.json")
    found = check_terms((own,), shipped=write(tmp_path / "shipped"))
    assert [p.kind.value for p in found.problems] == ["unreadable"]
    assert "given twice" in found.problems[0].message


def override(tmp_path: Path, **changes: Any) -> CheckResult:
    return check_terms((write(tmp_path / "own", entry(**changes)),), shipped=write(tmp_path / "shipped", ENTRY))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"clauses": {"train_any_model": {"value": "allowed"}}}, "PROHIBITED before, ALLOWED now"),
        ({"clauses": {"train_any_model": {"value": "silent"}}}, "PROHIBITED before, UNKNOWN now"),
        ({"confidence": "unverified"}, "decides nothing"),
        ({"version__effective_from": "2025-02-01"}, "it holds from 2025-02-01"),
        ({"version__effective_to": "2025-06-01"}, "it holds from 2025-01-01 to 2025-06-01"),
        ({"applies_to__channels": ["consumer"]}, "no longer reaches the channels api"),
        ({"applies_to__models": ["acme-1"]}, "no longer reaches the models *"),
        ({"applies_to__not_models": ["acme-1"]}, "no longer reaches the models acme-1"),
        ({"applies_to__regions": ["EU"]}, "no longer reaches the regions global"),
        ({"provider": "acmee"}, "before of acme"),
    ],
)
def test_an_override_that_loosens_is_a_fault(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    found = override(tmp_path, **changes)
    loosened = [p for p in found.problems if p.kind.value == "loosens"]
    assert any(says in p.message for p in loosened), found.problems
    assert all(p.is_fault and "--accept acme.1" in p.hint for p in loosened)
    assert [name for name, _ in found.overrides] == ["acme.1"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clauses": {"train_any_model": {"value": "prohibited"}}},
        {"version": {"effective_from": "2024-01-01"}},
        {"applies_to__channels": ["api", "consumer"]},
        {"applies_to__channels": []},
    ],
)
def test_an_override_that_is_as_strict_is_listed_only(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = override(tmp_path, **changes)
    assert kinds(found) == []
    assert [name for name, _ in found.overrides] == ["acme.1"]


def test_hearsay_in_the_place_of_hearsay_loosens_nothing(tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(confidence="unverified", title="of another day"))
    assert kinds(check_terms((own,), shipped=write(tmp_path / "shipped", entry(confidence="unverified")))) == []


def test_an_override_that_somebody_looked_at_is_listed_only(tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(clauses={"train_any_model": {"value": "allowed"}}))
    found = check_terms((own,), shipped=write(tmp_path / "shipped", ENTRY), accepted=("acme.1",))
    assert kinds(found) == []
    assert len(found.overrides) == 1


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TermsDocumentError, match="no such folder"):
        check_terms((tmp_path / "nowhere",), shipped=SHIPPED)


def messages(found: CheckResult) -> list[str]:
    return [p.message for p in found.problems]


def test_days_of_an_overlap_and_of_a_gap_are_named(tmp_path: Path) -> None:
    later = entry(id="acme.2", version={"effective_from": "2025-06-01"})
    assert messages(check(tmp_path, ENTRY, later)) == ["holds beside acme.1 from 2025-06-01 to the day before 2025-07-01, and no note says why"]
    endless = entry(version={"effective_from": "2025-01-01"})
    assert messages(check(tmp_path, endless, later)) == ["holds beside acme.1 from 2025-06-01 on, and no note says why"]
    after = entry(id="acme.2", version={"effective_from": "2025-07-02"})
    assert messages(check(tmp_path, ENTRY, after)) == ["ends before 2025-07-01, and the next text begins on 2025-07-02: the days between are UNKNOWN"]


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [(["crawl"], ["crawl"], True), (["crawl"], ["dump"], False), ([], ["dump"], True), (["crawl"], [], True), (["crawl", "dump"], ["dump"], True)],
)
def test_texts_of_a_site_overlap_where_they_are_about_one_way_to_it(tmp_path: Path, one: list[str], other: list[str], told: bool) -> None:
    first = entry(applies_to__access=one)
    later = entry(id="acme.2", version={"effective_from": "2025-06-01"}, applies_to__access=other)
    assert any(p.kind.value == "overlap" for p in check(tmp_path, first, later).problems) is told


# -- chains ---------------------------------------------------------------------------------------------------------------------------------------------


def versions(tmp_path: Path, *dates: tuple[str, str]) -> list[TermsVersion]:
    made = [entry(id=f"acme.{n}", version={"effective_from": a, **({"effective_to": b} if b else {})}) for n, (a, b) in enumerate(dates)]
    return list(load_terms((write(tmp_path / "v", *made),)).entries)


def test_the_state_on_a_day_is_that_of_every_reading_of_its_dates(tmp_path: Path) -> None:
    (version,) = versions(tmp_path, ("2024-02", "2024-04"))
    for number in range(150):
        day = dt.date(2024, 1, 1) + dt.timedelta(days=number)
        starts = [dt.date(2024, 2, d) for d in range(1, 30)]
        ends = [dt.date(2024, 4, d) for d in range(1, 31)]
        readings = {start <= day < end for start, end in itertools.product(starts, ends)}
        expected = InForce.YES if readings == {True} else InForce.NO if readings == {False} else InForce.PERHAPS
        assert state_on(version, day) is expected, day


def test_days_of_overlap_are_those_on_which_both_surely_hold(tmp_path: Path) -> None:
    one, other, apart = versions(tmp_path, ("2024-01-01", "2024-01-10"), ("2024-01-05", "2024-02-01"), ("2024-01-10", ""))
    assert overlap(one, other) == (dt.date(2024, 1, 5), dt.date(2024, 1, 10))
    assert overlap(one, apart) is None


def test_neighbours_are_the_nearest_in_time(tmp_path: Path) -> None:
    made = versions(tmp_path, ("2024-01-01", "2024-02-01"), ("2024-02-01", "2024-03-01"), ("2024-03-01", "2024-04-01"), ("2024-04-01", ""))
    catalog = load_terms((tmp_path / "v",))
    near = neighbours(catalog, made[2])
    assert (near.before, near.after) == (("acme.1",), ("acme.3",))
    assert neighbours(catalog, made[0]).before == ()


# -- comparing ------------------------------------------------------------------------------------------------------------------------------------------


def test_a_diff_names_each_field_and_what_changes_for_whom(tmp_path: Path) -> None:
    new = entry(id="acme.2", version={"effective_from": "2025-07-01"}, clauses={"train_any_model": {"value": "allowed", "quote": "Go on."}})
    folder = write(tmp_path / "own", ENTRY, new)
    catalog = load_terms((folder,))
    old_version, new_version = catalog.get("acme.1"), catalog.get("acme.2")
    assert old_version is not None
    assert new_version is not None
    written = {e.id: e for e in read_entries((folder,), shipped=SHIPPED)}
    found = diff_entries(written["acme.1"], written["acme.2"], (old_version, new_version))
    assert found.one_chain
    assert [(c.field, c.old, c.new) for c in found.changes] == [
        ("version.effective_from", "2025-01-01", "2025-07-01"),
        ("version.effective_to", "2025-07-01", ""),
        ("clauses.train_any_model.value", "prohibited-if-competing", "allowed"),
        ("clauses.train_any_model.quote", "", "Go on."),
    ]
    changed = {u.use: (u.old.value, u.new.value) for u in found.uses if u.old is not u.new}
    assert changed == {
        "train a competing model for sale": ("PROHIBITED", "ALLOWED"),
        "train a competing model, non-commercial": ("PROHIBITED", "ALLOWED"),
    }


def test_catalogues_are_compared_by_id(tmp_path: Path) -> None:
    old = read_entries((write(tmp_path / "a", ENTRY, entry(id="acme.2")),), shipped=SHIPPED)
    new = read_entries((write(tmp_path / "b", entry(id="acme.3"), entry(source=[{"where": "elsewhere"}])),), shipped=SHIPPED)
    found = diff_catalogs(old, new)
    assert (found.added, found.removed) == (("acme.3",), ("acme.2",))
    assert [(name, [c.field for c in changes]) for name, changes in found.changed] == [("acme.1", ["source.0.where"])]
