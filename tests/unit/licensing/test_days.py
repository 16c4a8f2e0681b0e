"""Days, what holds on them, and the parts of an interval. Expected values follow from reading rules 1, 3, 4, 5 and 12, counted by hand."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from provenance.licensing.judging import Judged
from provenance.licensing.periods import ALWAYS, Dated, Days, Period, dated, known_days, licence_texts, periods, undated
from provenance.licensing.scenarios import Scenario, Situation, is_covered, versions_of
from provenance.licensing.splits import Split, split
from provenance.licensing.uses import Use
from provenance.licensing.weighing import PeriodOutcome, Weighed, weigh, weigh_period, weigh_scenario
from provenance.model.absence import Permission
from provenance.model.claims import DateRange
from tests.unit.licensing.small_terms import MADE, Made, text

ALLOWED, UNKNOWN, PROHIBITED = Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED
SAYS = {"yes": ALLOWED, "perhaps": UNKNOWN, "no": PROHIBITED, "silent": None}


def day(text_: str) -> dt.date:
    return dt.date.fromisoformat(f"2025-{text_}")


def version(name: str, first: str, last: str = "", *, first_surely: str = "", last_possibly: str = "", kind: str = "service-terms") -> Dated:
    """Return a text with the days that may and surely do hold; an end that is left out is never."""
    end = day(last) if last else dt.date.max
    return Dated(
        entry=text(id=name, kind=kind),
        starts_possibly=day(first),
        starts_surely=day(first_surely or first),
        ends_surely=end,
        ends_possibly=day(last_possibly) if last_possibly else end,
        why="",
    )


def parts(versions: list[Dated], first: str, last: str) -> list[tuple[str, str, str, str]]:
    """Return the parts of an interval: first and last day, the texts surely in force, and those that may be."""
    found = periods(versions, (day(first), day(last)))
    return [(f"{p.days[0]:%m-%d}", f"{p.days[1]:%m-%d}", " ".join(v.entry.id for v in p.sure), " ".join(v.entry.id for v in p.maybe)) for p in found]


JANUARY: Days = (day("01-01"), day("01-31"))
OLD, NEW = version("old", "01-01", "07-01"), version("new", "07-01")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("06-30", "06-30", [("06-30", "06-30", "old", "")]),
        ("07-01", "07-01", [("07-01", "07-01", "new", "")]),
        ("06-30", "07-01", [("06-30", "06-30", "old", ""), ("07-01", "07-01", "new", "")]),
        ("06-01", "08-31", [("06-01", "06-30", "old", ""), ("07-01", "08-31", "new", "")]),
        ("07-01", "08-31", [("07-01", "08-31", "new", "")]),
    ],
)
def test_a_text_holds_from_its_first_day_to_the_day_before_its_last(first: str, last: str, expected: list[tuple[str, str, str, str]]) -> None:
    assert parts([OLD, NEW], first, last) == expected


def test_a_text_of_which_the_month_is_known_may_hold_before_it_surely_does() -> None:
    march = version("march", "03-01", "09-01", first_surely="03-31", last_possibly="09-30")
    assert parts([march], "02-28", "10-01") == [
        ("02-28", "02-28", "", ""),
        ("03-01", "03-30", "", "march"),
        ("03-31", "08-31", "march", ""),
        ("09-01", "09-29", "", "march"),
        ("09-30", "10-01", "", ""),
    ]


def test_without_an_end_a_text_holds_to_the_end_of_time() -> None:
    (last,) = periods([NEW], (dt.date.max, dt.date.max))
    assert (last.sure, last.maybe) == ((NEW,), ())
    assert [p.days for p in periods([], ALWAYS)] == [ALWAYS]


def test_a_text_has_the_days_of_its_entry() -> None:
    entry = text(starts_possibly=day("01-01"), starts_surely=day("01-31"), ends_surely=day("06-01"), ends_possibly=day("06-30"))
    found = dated(entry, "since it says so")
    assert (found.starts_possibly, found.starts_surely, found.ends_surely, found.ends_possibly, found.why) == (
        day("01-01"),
        day("01-31"),
        day("06-01"),
        day("06-30"),
        "since it says so",
    )
    named = undated(entry, "somebody named it")
    assert (named.entry, named.starts_possibly, named.starts_surely, named.ends_surely, named.ends_possibly) == (
        entry,
        *(dt.date.min,) * 2,
        *(dt.date.max,) * 2,
    )
    assert named.why == "somebody named it"


def test_one_licence_text_follows_the_model_whatever_the_day_and_outlives_its_end() -> None:
    entry = text(ends_surely=day("06-01"), ends_possibly=day("06-01"))
    (found,) = licence_texts((entry,), "licence of the model")
    assert (found.starts_possibly, found.starts_surely, found.ends_surely, found.ends_possibly) == (
        dt.date.min,
        dt.date.min,
        dt.date.max,
        dt.date.max,
    )
    assert found.entry is entry
    assert found.why.startswith("licence of the model; ")


def test_of_several_licence_texts_that_of_the_day_counts() -> None:
    one, two = (
        text(id="one", ends_surely=day("06-01"), ends_possibly=day("06-01")),
        text(id="two", starts_possibly=day("06-01"), starts_surely=day("06-01")),
    )
    found = licence_texts((one, two), "licence")
    assert [(v.entry.id, v.starts_surely, v.ends_surely) for v in found] == [("one", day("01-01"), day("06-01")), ("two", day("06-01"), dt.date.max)]
    assert all(v.why.startswith("licence; ") for v in found)


def test_days_are_known_where_they_are_days() -> None:
    assert known_days(DateRange(start="2025-01-01", end="2025-02-30")) == (day("01-01"), None)
    assert known_days(DateRange(start="UNKNOWN", end="2025-02-01")) == (None, day("02-01"))


def judge(found: Dated, made: Made) -> Judged:
    """Judge a text by its id: ``no-1`` bars, ``yes-1`` allows, ``silent-1`` is silent."""
    assert made == MADE
    word = found.entry.id.partition("-")[0]
    return Judged(entry=found.entry, use=Use.DISTIL, outcome=SAYS[word], said=(), obligations=(), rules=(f"RR-{word}",), missing=())


def period(sure: str = "", maybe: str = "", days: Days = JANUARY, kind: str = "service-terms") -> Period:
    def texts(names: str) -> tuple[Dated, ...]:
        return tuple(version(n, "01-01", kind=kind) for n in names.split())

    return Period(days=days, sure=texts(sure), maybe=texts(maybe))


def scenario(*found: Period, gaps: tuple[str, ...] = ()) -> Scenario:
    return Scenario(made=MADE, periods=found, gaps=gaps, servers=frozenset({"acme"}))


@pytest.mark.parametrize(
    ("sure", "maybe", "expected", "rules"),
    [
        ("yes", "", "ALLOWED", "RR-yes RR01 RR03"),
        ("no", "", "PROHIBITED", "RR-no RR01 RR03"),
        ("perhaps", "", "UNKNOWN", "RR-perhaps RR01 RR03"),
        ("silent", "", "UNKNOWN", "RR-silent RR01 RR02 RR03"),
        ("yes no", "", "PROHIBITED", "RR-no RR-yes RR01 RR03"),
        ("yes perhaps", "", "UNKNOWN", "RR-perhaps RR-yes RR01 RR03"),
        ("yes silent", "", "ALLOWED", "RR-silent RR-yes RR01 RR03"),
        # a text that may have been in force never makes an answer better, and one that is silent beside a contract changes nothing
        ("yes", "no", "UNKNOWN", "RR-no RR-yes RR01 RR03"),
        ("yes", "perhaps", "UNKNOWN", "RR-perhaps RR-yes RR01 RR03"),
        ("yes", "yes", "ALLOWED", "RR-yes RR01 RR03"),
        ("yes", "silent", "ALLOWED", "RR-silent RR-yes RR01 RR03"),
        ("no", "yes", "PROHIBITED", "RR-no RR-yes RR01 RR03"),
        ("silent", "yes", "UNKNOWN", "RR-silent RR-yes RR01 RR02 RR03"),
        # nothing surely in force: what all candidates bar is barred (rule 5)
        ("", "no", "PROHIBITED", "RR-no RR01 RR03 RR05"),
        ("", "no no-2", "PROHIBITED", "RR-no RR01 RR03 RR05"),
        ("", "no yes", "UNKNOWN", "RR-no RR-yes RR01 RR02 RR03 RR04"),
        ("", "no silent", "UNKNOWN", "RR-no RR-silent RR01 RR02 RR03 RR04"),
        ("", "yes", "UNKNOWN", "RR-yes RR01 RR02 RR03 RR04"),
        ("", "", "UNKNOWN", "RR01 RR02 RR03 RR04"),
        ("silent", "no", "PROHIBITED", "RR-no RR-silent RR01 RR03 RR05"),
    ],
)
def test_what_the_texts_of_a_day_say_together(sure: str, maybe: str, expected: str, rules: str) -> None:
    here = period(sure, maybe)
    found = weigh_period(here, scenario(here), judge)
    assert (found.outcome.value, " ".join(sorted(found.rules))) == (expected, rules)
    assert found.bare is (not sure and not maybe)
    assert found.uncovered is ("RR04" in found.rules)


def test_a_layer_that_nobody_knows_allows_nothing_and_lifts_no_bar() -> None:
    for sure, maybe, expected in (("yes", "", UNKNOWN), ("no", "", PROHIBITED), ("", "no", UNKNOWN)):
        here = period(sure, maybe)
        found = weigh_period(here, scenario(here, gaps=("the terms of the host are not known",)), judge)
        assert found.outcome is expected
        assert "RR13" in found.rules
        assert ("the terms of the host are not known" in found.reasons) is (expected is UNKNOWN)


def test_a_usage_policy_covers_no_day() -> None:
    here = period("yes", kind="acceptable-use")
    found = weigh_period(here, scenario(here), judge)
    assert (found.outcome, found.uncovered, found.bare) == (UNKNOWN, True, False)
    silent = period("silent", kind="acceptable-use")
    assert weigh_period(silent, scenario(silent), judge).bare is True
    both = replace(here, sure=(*here.sure, *period("silent").sure))
    assert weigh_period(both, scenario(both), judge).outcome is ALLOWED


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (ALWAYS, "at any time"),
        ((dt.date.min, day("02-01")), "until 2025-02-01"),
        ((day("02-01"), dt.date.max), "from 2025-02-01 on"),
        ((day("02-01"), day("02-01")), "on 2025-02-01"),
        ((day("02-01"), day("02-02")), "from 2025-02-01 to 2025-02-02"),
    ],
)
def test_days_without_a_contract_are_named(days: Days, words: str) -> None:
    here = period(days=days)
    assert weigh_period(here, scenario(here), judge).reasons[-1].endswith(f"in force {words}")
    may = period("yes", "no", days=days)
    assert weigh_period(may, scenario(may), judge).reasons[-1] == f"no may have been in force {words}"


@pytest.mark.parametrize(
    ("kind", "channel", "provider", "expected"),
    [
        ("service-terms", "api", "acme", True),
        ("host-terms", "host", "acme", True),
        ("service-terms", "api", "other", False),
        ("model-licence", "api", "acme", False),
        ("model-licence", "weights", "other", True),
        ("model-licence", "UNKNOWN", "other", True),
        ("acceptable-use", "weights", "acme", False),
        ("help-article", "api", "acme", False),
    ],
)
def test_a_day_is_covered_by_a_contract_of_whoever_served(kind: str, channel: str, provider: str, expected: bool) -> None:
    entry = text(kind=kind, provider=provider)
    here = Period(days=ALWAYS, sure=(undated(entry, ""),), maybe=())
    made = replace(MADE, channel=channel)
    assert is_covered(here, Scenario(made=made, periods=(here,), servers=frozenset({"acme"}))) is expected
    unsure = Period(days=ALWAYS, sure=(), maybe=here.sure)
    assert is_covered(unsure, Scenario(made=made, periods=(unsure,), servers=frozenset({"acme"}))) is False


@pytest.mark.parametrize(
    ("first", "second", "known", "unknown"),
    [
        ("yes", "yes", "ALLOWED", "ALLOWED"),
        ("yes", "no", "PROHIBITED", "UNKNOWN"),
        ("no", "no", "PROHIBITED", "PROHIBITED"),
        ("yes", "perhaps", "UNKNOWN", "UNKNOWN"),
        # days on which nothing held: unknown days may be those, but a bar of all versions stands (rule 5)
        ("yes", "", "UNKNOWN", "UNKNOWN"),
        ("no", "", "PROHIBITED", "PROHIBITED"),
        ("", "", "UNKNOWN", "UNKNOWN"),
    ],
)
def test_known_days_are_under_all_versions_and_unknown_ones_under_what_all_agree_on(first: str, second: str, known: str, unknown: str) -> None:
    whole = scenario(period(first), period(second, days=(day("02-01"), day("02-02"))))
    found, parts_ = weigh_scenario(whole, judge, days_known=True)
    assert (found.outcome.value, found.bare) == (known, not first and not second)
    assert "RR04" in found.rules
    assert [p.period for p in parts_] == list(whole.periods)
    open_, _ = weigh_scenario(whole, judge, days_known=False)
    assert (open_.outcome.value, open_.bare) == (unknown, not first and not second)
    assert "RR05" in open_.rules
    single = scenario(period(first))
    assert weigh_scenario(single, judge, days_known=False)[0] == weigh_period(single.periods[0], single, judge)


def situation(*found: Scenario, outside: bool = False, missing: tuple[str, ...] = ()) -> Situation:
    return Situation(provider="acme", scenarios=found, days_known=True, missing=missing, outside=outside)


@pytest.mark.parametrize(
    ("readings", "outside", "expected"),
    [
        (("yes",), False, "ALLOWED"),
        (("yes",), True, "UNKNOWN"),
        (("no",), True, "PROHIBITED"),
        (("yes", "yes"), False, "ALLOWED"),
        (("yes", "yes"), True, "UNKNOWN"),
        (("yes", "no"), False, "UNKNOWN"),
        (("no", "no"), True, "PROHIBITED"),
        (("no", ""), False, "PROHIBITED"),
        (("yes", ""), False, "UNKNOWN"),
    ],
)
def test_readings_of_an_unknown_fact_have_to_agree(readings: tuple[str, ...], outside: bool, expected: str) -> None:
    scenarios = [scenario(period(r)) for r in readings]
    whole, parts_ = weigh(situation(*scenarios, outside=outside, missing=("channel", "days")), judge)
    assert whole.outcome.value == expected
    assert [s for s, _ in parts_] == scenarios
    assert ("RR05" in whole.rules) is (len(readings) > 1 or (outside and expected == "UNKNOWN"))
    if outside and expected == "UNKNOWN":
        assert whole.reasons[-1].startswith("channel not known")


def test_every_text_of_a_situation_is_listed_once() -> None:
    found = situation(scenario(period("yes", "no")), scenario(period("no", "perhaps")))
    assert [v.entry.id for v in versions_of(found)] == ["yes", "no", "perhaps"]


def columns(
    *outcomes: str, first: str = "01-01", edge: tuple[dt.date | None, dt.date | None] = (None, None)
) -> tuple[tuple[Scenario, tuple[PeriodOutcome, ...]], ...]:
    """Return one reading of some days in a row, one outcome on each."""
    starts = [day(first) + dt.timedelta(days=n) for n in range(len(outcomes))]
    days = [(d, d) for d in starts]
    days[0], days[-1] = (edge[0] or days[0][0], days[0][1]), (days[-1][0], edge[1] or days[-1][1])
    found = tuple(
        PeriodOutcome(period=period(f"{o}-{n}", days=d), weighed=Weighed(outcome=SAYS[o] or UNKNOWN, reasons=(), rules=frozenset()))
        for n, (o, d) in enumerate(zip(outcomes, days, strict=True))
    )
    return ((scenario(*(p.period for p in found)), found),)


def test_an_interval_is_split_where_the_outcomes_change() -> None:
    found = split({Use.DISTIL: columns("yes", "yes", "no", "yes")})
    assert found == (
        Split(first="2025-01-01", last="2025-01-02", outcomes=(("distil", ALLOWED),), terms=("yes-0", "yes-1")),
        Split(first="2025-01-03", last="2025-01-03", outcomes=(("distil", PROHIBITED),), terms=("no-2",)),
        Split(first="2025-01-04", last="2025-01-04", outcomes=(("distil", ALLOWED),), terms=("yes-3",)),
    )


def test_two_uses_are_split_where_either_changes() -> None:
    found = split({Use.DISTIL: columns("yes", "no", "no"), Use.COMMERCIAL: columns("yes", "yes", "no")})
    assert [(s.first[-2:], [o.value for _, o in s.outcomes]) for s in found] == [
        ("01", ["ALLOWED", "ALLOWED"]),
        ("02", ["PROHIBITED", "ALLOWED"]),
        ("03", ["PROHIBITED", "PROHIBITED"]),
    ]
    assert [use for use, _ in found[0].outcomes] == ["distil", "commercial"]


@pytest.mark.parametrize("outcomes", [("yes",), ("yes", "yes"), ("no", "no", "no")])
def test_where_all_days_agree_a_split_does_not_help(outcomes: tuple[str, ...]) -> None:
    assert split({Use.DISTIL: columns(*outcomes)}) == ()


def test_what_is_not_known_cannot_be_split() -> None:
    assert split({}) == ()
    assert split({Use.DISTIL: (*columns("yes", "no"), *columns("yes", "no"))}) == ()
    assert split({Use.DISTIL: ()}) == ()
    assert split({Use.DISTIL: columns("yes", "no", edge=(dt.date.min, None))}) == ()
    assert split({Use.DISTIL: columns("yes", "no", edge=(None, dt.date.max))}) == ()
    assert len(split({Use.DISTIL: columns("yes", "no")})) == 2
