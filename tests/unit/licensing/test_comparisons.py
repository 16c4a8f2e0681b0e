"""Texts beside one another: chains, what they say of the standard uses, and whether one is looser. Expected values follow from the rules."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.licensing.catalog_entries import WrittenEntry
from provenance.licensing.terms import TermsCatalog, TermsVersion
from provenance.licensing.terms_chains import governs_model, neighbours, share_chain, state_on
from provenance.licensing.terms_diff import FieldChange, changed_fields
from provenance.licensing.terms_loosening import loosening
from provenance.licensing.terms_names import channel_matches, glob_matches, normalize_model, normalize_provider, region_matches, region_names
from provenance.licensing.use_outcomes import (
    entry_outcomes,
    generator_answers,
    is_looser,
    named_answers,
    run_answers,
    run_answers_of_named,
)
from provenance.licensing.uses import RunUse
from provenance.model.absence import Permission
from provenance.model.dataset import DateRange, Generator
from tests.unit.licensing.small_terms import NO, UNKNOWN, YES, text, training

ALLOWED, OPEN, PROHIBITED = Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED
RIVALS = text(training("prohibited-if-competing"))
RESEARCH = text(training("research-or-noncommercial-only"), id="research")
MADE = Generator(provider="acme", model="acme-1", channel="api", region="US", generated=DateRange(start="2025-06-01", end="2025-06-01"))
RUN = RunUse(commercial=NO, distribute_weights=NO, imitates=NO, others_compete=YES)


def catalog(*entries: TermsVersion) -> TermsCatalog:
    return TermsCatalog(version="v", digest="d", entries=entries)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # for sale: competing, another; not for sale: competing, another
        (text(training("prohibited")), [PROHIBITED] * 4),
        (text(training("silent")), [OPEN] * 4),
        (RIVALS, [PROHIBITED, ALLOWED, PROHIBITED, ALLOWED]),
        (RESEARCH, [PROHIBITED, PROHIBITED, ALLOWED, ALLOWED]),
        (text(training("allowed"), confidence="unverified"), [OPEN] * 4),
    ],
)
def test_what_one_text_says_of_the_standard_uses(entry: TermsVersion, expected: list[Permission]) -> None:
    found = entry_outcomes(entry)
    assert [u.outcome for u in found] == expected
    assert [u.use for u in found] == [
        "train a competing model for sale",
        "train another model for sale",
        "train a competing model, non-commercial",
        "train another model, non-commercial",
    ]


def test_what_a_catalogue_says_of_a_generator_and_of_named_terms() -> None:
    entries = catalog(RIVALS, RESEARCH)
    both = [PROHIBITED, PROHIBITED, PROHIBITED, ALLOWED]
    assert [u.outcome for u in generator_answers(entries, MADE)] == both
    assert {u.texts for u in generator_answers(entries, MADE)} == {frozenset({"acme.1", "research"})}
    assert [u.outcome for u in named_answers(entries, ("acme.1", "research"))] == both
    assert [u.outcome for u in named_answers(entries, ("research",))] == [PROHIBITED, PROHIBITED, ALLOWED, ALLOWED]
    assert {u.texts for u in named_answers(entries, ("research",))} == {frozenset({"research"})}
    assert (
        [u.use for u in named_answers(entries, ("research",))]
        == [u.use for u in entry_outcomes(RIVALS)]
        == [u.use for u in generator_answers(entries, MADE)]
    )


def test_what_a_catalogue_says_of_one_run() -> None:
    entries = catalog(RIVALS, RESEARCH)
    (found,) = run_answers(entries, MADE, RUN)
    assert (found.use, found.outcome, found.texts) == ("this run", PROHIBITED, frozenset({"acme.1", "research"}))
    (friend,) = run_answers(entries, MADE, replace(RUN, others_compete=NO))
    assert friend.outcome is ALLOWED
    (named,) = run_answers_of_named(entries, ("research",), RUN)
    assert (named.use, named.outcome, named.texts) == ("this run", ALLOWED, frozenset({"research"}))
    (open_,) = run_answers_of_named(entries, ("research",), replace(RUN, commercial=UNKNOWN))
    assert open_.outcome is OPEN


def test_an_outcome_is_looser_where_it_forbids_less() -> None:
    order = (PROHIBITED, OPEN, ALLOWED)
    assert [[is_looser(before, after) for after in order] for before in order] == [[False, True, True], [False, False, True], [False, False, False]]


def test_a_text_that_loosens_says_in_what() -> None:
    assert loosening(RIVALS, RIVALS) == ()
    found = loosening(RIVALS, text(training("allowed")))
    # a run whose other facts nobody states is not free to hand on weights, which the text leaves open or allows alike
    assert found == (
        "train a competing model for sale: PROHIBITED before, ALLOWED now",
        "train a competing model, non-commercial: PROHIBITED before, ALLOWED now",
    )
    assert loosening(RIVALS, text(training("prohibited"))) == ()
    free = text(training("allowed"))
    assert loosening(free, replace(free, channels=("consumer",), confidence="unverified")) == ()


LATER = {"starts_possibly": dt.date(2025, 1, 2), "effective_from": "2025-01-02"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"confidence": "unverified"}, "it is unverified now"),
        (LATER, "it holds from 2025-01-02 to UNKNOWN, before from 2025-01-01 to UNKNOWN"),
        ({"ends_possibly": dt.date(2026, 1, 1), "effective_to": "2026-01-01"}, "it holds from 2025-01-01 to 2026-01-01"),
        ({"channels": ("consumer",)}, "the channels api"),
        ({"regions": ("EU",)}, "the regions global"),
        ({"models": ("acme-1",)}, "the models acme-*"),
        ({"not_models": ("acme-1", "acme-0")}, "the models acme-0, acme-1"),
        ({"provider": "other"}, "it is of provider other now, before of acme"),
    ],
)
def test_a_text_that_reaches_less_says_so(fields: dict[str, Any], words: str) -> None:
    (found, *_) = [w for w in loosening(RIVALS, replace(RIVALS, **fields)) if "before, " not in w]
    assert words in found


@pytest.mark.parametrize(
    "fields",
    [
        {"confidence": "secondary"},
        {"starts_possibly": dt.date(2024, 12, 31)},
        {"channels": ("api", "consumer")},
        {"channels": ()},
        {"regions": ("global", "EU")},
        {"models": ("*", "acme-1")},
    ],
)
def test_a_text_that_reaches_as_much_says_nothing(fields: dict[str, Any]) -> None:
    assert loosening(RIVALS, replace(RIVALS, **fields)) == ()


def test_a_text_for_everywhere_or_every_model_reaches_no_less() -> None:
    narrow = replace(RIVALS, regions=("EU",), models=("acme-1",))
    assert loosening(narrow, replace(narrow, regions=("global",))) == ()
    assert loosening(narrow, replace(narrow, models=("*",))) == ()
    assert loosening(narrow, replace(narrow, regions=("global", "US"))) == ()


def test_a_field_that_is_empty_and_one_that_is_not_there_are_the_same() -> None:
    def written(*values: tuple[str, str]) -> WrittenEntry:
        return WrittenEntry(id="acme.1", file=Path("own.json"), number=0, is_shipped=False, values=values)

    assert changed_fields(written(("title", ""), ("kind", "x")), written(("kind", "x"), ("bound", ""))) == ()
    assert changed_fields(written(("title", "a"), ("source.0.where", "b")), written(("bound", "c"))) == (
        FieldChange(field="title", old="a", new=""),
        FieldChange(field="bound", old="", new="c"),
    )
    assert [c.field for c in changed_fields(written(("url", "b")), written(), whole=True)] == ["url"]


def test_an_empty_list_reached_everything() -> None:
    wide = replace(RIVALS, channels=())
    assert loosening(wide, replace(RIVALS, channels=("api",))) == ("it no longer reaches the channels that it does not list",)
    assert loosening(replace(RIVALS, channels=("api", "cloud", "host")), replace(RIVALS, channels=("api",))) == (
        "it no longer reaches the channels cloud, host",
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"kind": "acceptable-use"}, False),
        ({"provider": "other"}, False),
        ({"service": "chat"}, False),
        ({"channels": ("consumer",)}, False),
        ({"channels": ("consumer", "api")}, True),
        ({"channels": ()}, True),
        ({"regions": ("EU",)}, False),
        ({"models": ("acme-1",)}, False),
        ({"models": ()}, True),
    ],
)
def test_versions_of_one_document(fields: dict[str, Any], expected: bool) -> None:
    other = replace(RIVALS, id="other", **fields)
    assert share_chain(RIVALS, other) is expected
    assert share_chain(other, RIVALS) is expected
    licence = replace(RIVALS, kind="model-licence")
    assert share_chain(licence, replace(licence, id="other")) is False


def test_neighbours_of_a_day_are_all_named() -> None:
    def on(name: str, month: int, **fields: Any) -> TermsVersion:
        day = dt.date(2025, month, 1)
        return replace(RIVALS, id=name, starts_possibly=day, starts_surely=day, **fields)

    here = on("here", 5, channels=())
    entries = [
        on("far", 1),
        on("b", 3),
        on("a", 3, channels=("consumer",)),
        here,
        on("same", 5),
        on("d", 7),
        on("c", 7),
        on("late", 9),
        on("alien", 4, provider="x"),
    ]
    found = neighbours(catalog(*entries), here)
    assert (found.before, found.after) == (("a", "b"), ("c", "d"))
    alone = neighbours(catalog(here), here)
    assert (alone.before, alone.after) == ((), ())


def test_the_state_on_the_first_and_the_last_day() -> None:
    entry = replace(RIVALS, ends_surely=dt.date(2025, 6, 1), ends_possibly=dt.date(2025, 6, 30), starts_surely=dt.date(2025, 1, 31))
    days = {
        (1, 1): "perhaps",
        (1, 30): "perhaps",
        (1, 31): "in force",
        (5, 31): "in force",
        (6, 1): "perhaps",
        (6, 29): "perhaps",
        (6, 30): "not in force",
    }
    assert {d: state_on(entry, dt.date(2025, *d)).value for d in days} == days
    assert state_on(entry, dt.date(2024, 12, 31)).value == "not in force"


def test_a_text_speaks_of_the_models_that_it_names() -> None:
    entry = replace(RIVALS, models=("acme-*",), not_models=("acme-9*",))
    assert {m: governs_model(entry, m) for m in ("acme-1", "Org/ACME 1", "acme-9b", "other", "UNKNOWN")} == {
        "acme-1": True,
        "Org/ACME 1": True,
        "acme-9b": False,
        "other": False,
        "UNKNOWN": True,
    }
    assert glob_matches(entry.models, entry.not_models, "Org/ACME 1")
    assert not glob_matches(entry.models, entry.not_models, "acme-9b")
    assert not glob_matches((), (), "acme-1")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Org/Sub/Model  A", "model-a"), (" m ", "m"), ("M", "m")],
)
def test_models_are_spelt_one_way(name: str, expected: str) -> None:
    assert normalize_model(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("Mistral AI", "mistral"), ("-Acme, Inc.-", "acme-inc"), ("AWS", "amazon"), ("X", "x"), ("gpt4all", "gpt4all")]
)
def test_providers_are_spelt_one_way(name: str, expected: str) -> None:
    assert normalize_provider(name) == expected


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("fr", "EEA EU FR"),
        ("NO", "EEA NO"),
        ("US", "US"),
        ("us-ca", "US"),
        ("GB", "UK"),
        ("UK", "UK"),
        ("EU", "EEA EU"),
        ("European Union", "EEA EU"),
        ("EEA", "EEA"),
        ("CH", "CH"),
    ],
)
def test_names_of_a_region(region: str, expected: str) -> None:
    assert " ".join(sorted(region_names(region))) == expected


@pytest.mark.parametrize(
    ("regions", "region", "expected"),
    [
        (("global",), "US", True),
        (("EU",), "UNKNOWN", True),
        (("EU",), "FR", True),
        (("EU",), "NO", False),
        (("EU",), "EEA", True),  # somewhere in the EEA may be in the EU
        (("eu",), "DE", True),
        (("EEA",), "NO", True),
        (("EEA",), "US", False),
        (("row",), "US", True),
        (("row",), "FR", False),
        (("row",), "ROW", True),
        (("row", "FR"), "FR", True),
    ],
)
def test_regional_copies(regions: tuple[str, ...], region: str, expected: bool) -> None:
    assert region_matches(regions, region, frozenset({"EU", "UK"})) is expected


def test_without_sibling_copies_the_rest_of_the_world_is_everywhere() -> None:
    assert region_matches(("row",), "FR")
    assert not region_matches(("EU",), "US")


def test_channels() -> None:
    assert channel_matches(("api",), "API")
    assert channel_matches((), "api")
    assert channel_matches(("api",), "UNKNOWN")
    assert not channel_matches(("api",), "consumer")


def test_a_catalogue_keeps_hearsay_apart() -> None:
    heard = replace(RIVALS, id="heard", confidence="unverified")
    licence = replace(RIVALS, id="licence", kind="model-licence", models=("acme-*",), provider="other")
    hearsay = replace(licence, id="hearsay", confidence="unverified")
    entries = catalog(RIVALS, heard, licence, hearsay)
    assert entries.of_provider("acme") == (RIVALS,)
    assert entries.of_provider("nobody") == ()
    assert entries.unverified("acme") == (heard,)
    # what its maker says of a model by name follows it as a licence does
    assert entries.following("org/acme-1") == (RIVALS, licence) == entries.following("org/acme-1")
    assert entries.following("other") == ()
    assert entries.providers() == ("acme", "other")
    assert (entries.get("heard"), entries.get("none")) == (heard, None)
