"""Which texts apply to what was made, and what stands in an answer. Expected values follow from reading rules 1 to 6, 12, 13, 15 and 18, on small catalogues."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from provenance.licensing.disagreements import Conflict
from provenance.licensing.resolution import TermsAnswer, answer_uses, notorious_answer, resolve, resolve_named, strictest
from provenance.licensing.scenarios import Situation, situation
from provenance.licensing.terms import Clause, Duty, ExceptionCase, LimitTest, TermsCatalog, TermsVersion
from provenance.licensing.uses import RunUse, Use
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import DateRange, Generator
from provenance.model.finding import ClauseCitation
from tests.unit.licensing.small_terms import NO, UNKNOWN, YES, exceptions, limits, text, training

QUIET = RunUse(commercial=NO, distribute_weights=NO, imitates=NO, others_compete=NO)
FREE, BARRED, SILENT = training("allowed"), training("prohibited"), training("silent")
JULY = dt.date(2025, 7, 1)


def catalog(*entries: TermsVersion) -> TermsCatalog:
    return TermsCatalog(version="v", digest="d", entries=entries)


def made(**fields: Any) -> Generator:
    first, last = fields.pop("days", "2025-06-01..2025-06-01").split("..")
    plain = {"provider": "acme", "model": "acme-1", "channel": "api", "region": "US", **fields}
    return Generator(**plain, generated=DateRange(start=first, end=last))


def ask(entries: TermsCatalog, *, host: str = "UNKNOWN", run: RunUse = QUIET, use: Use = Use.TRAIN_ANY_MODEL, **fields: Any) -> TermsAnswer:
    return answer_uses(entries, made(**fields), run, (use,), host=host)


def outcome(entries: TermsCatalog, *, host: str = "UNKNOWN", **fields: Any) -> str:
    return ask(entries, host=host, **fields).outcome.value


def layers(entries: TermsCatalog, *, host: str = "UNKNOWN", **fields: Any) -> dict[str, str]:
    """Return the texts that applied, and whether they surely did."""
    return {layer.terms: layer.applies for layer in ask(entries, host=host, **fields).layers}


def ended(entry: TermsVersion, day: dt.date = JULY) -> TermsVersion:
    return replace(entry, effective_to=day.isoformat(), ends_surely=day, ends_possibly=day)


def begun(entry: TermsVersion, day: dt.date = JULY) -> TermsVersion:
    return replace(entry, effective_from=day.isoformat(), starts_possibly=day, starts_surely=day)


def settled_fact(name: str, state: TriState) -> dict[str, Any]:
    return {name: state}


def readings(entries: TermsCatalog, *, host: str = "UNKNOWN", access: str = "UNKNOWN", **fields: Any) -> Situation:
    return situation(entries, made(**fields), host=host, access=access)


API, CHAT = text(FREE, id="api"), text(BARRED, id="chat", channels=("consumer",))


@pytest.mark.parametrize(
    ("fields", "missing", "outside"),
    [
        ({}, (), False),
        ({"channel": "UNKNOWN"}, ("channel",), True),
        ({"model": "UNKNOWN"}, ("model",), True),
        ({"region": "UNKNOWN"}, (), False),  # no copy is for one region only, so that the region tells nothing
        ({"days": "UNKNOWN..UNKNOWN"}, ("days",), False),
        ({"days": "2025-06-01..UNKNOWN"}, ("days",), False),
        ({"days": "UNKNOWN..2025-06-01"}, ("days",), False),
    ],
)
def test_a_fact_that_nobody_states_is_missing(fields: dict[str, Any], missing: tuple[str, ...], outside: bool) -> None:
    found = readings(catalog(API, CHAT), **fields)
    assert (found.missing, found.outside, found.days_known, found.problem) == (missing, outside, "days" not in missing, "")
    assert found.provider == "acme"


def test_an_unknown_channel_may_be_each_that_the_texts_of_the_model_name() -> None:
    other = text(FREE, id="cloud", channels=("cloud",), models=("other-*",))
    assert [s.made.channel for s in readings(catalog(API, CHAT, other), channel="UNKNOWN").scenarios] == ["api", "consumer"]
    assert [s.made.channel for s in readings(catalog(API, CHAT, other)).scenarios] == ["api"]
    assert [s.made.channel for s in readings(catalog(API, CHAT), channel="API").scenarios] == ["api"]
    assert ask(catalog(API, CHAT), channel="UNKNOWN").outcome is Permission.UNKNOWN


def test_a_text_without_channels_may_be_of_any() -> None:
    every = readings(catalog(replace(API, channels=())), channel="UNKNOWN").scenarios
    assert {"api", "consumer", "weights", "site"} <= {s.made.channel for s in every}


def test_regional_copies_hold_where_they_say() -> None:
    row = text(FREE, id="row", regions=("row",))
    europe = text(BARRED, id="europe", regions=("EEA", "CH"))
    both = catalog(row, europe)
    assert {r: outcome(both, region=r) for r in ("US", "DE", "CH", "NO", "EEA", "ROW")} == {
        "US": "ALLOWED",
        "DE": "PROHIBITED",
        "CH": "PROHIBITED",
        "NO": "PROHIBITED",
        "EEA": "PROHIBITED",
        "ROW": "ALLOWED",
    }
    answer = ask(both, region="UNKNOWN")
    assert (answer.outcome, answer.missing) == (Permission.UNKNOWN, ("region",))
    assert sorted(s.made.region for s in readings(both, region="UNKNOWN").scenarios) == ["CH", "EEA", "ELSEWHERE"]
    assert layers(both, region="UNKNOWN") == {"row": "possibly", "europe": "possibly"}


def test_a_regional_copy_of_another_channel_opens_no_question() -> None:
    entries = catalog(API, text(BARRED, id="europe", channels=("consumer",), regions=("EEA",)))
    assert readings(entries, region="UNKNOWN").missing == ()
    assert outcome(entries, region="UNKNOWN") == "ALLOWED"


def test_a_text_for_other_models_does_not_apply() -> None:
    entries = catalog(text(FREE, id="one", models=("acme-1*",), not_models=("acme-1-pro",)), text(BARRED, id="two", models=("acme-2*",)))
    assert {m: outcome(entries, model=m) for m in ("acme-1", "acme-1-pro", "acme-2b", "acme-3")} == {
        "acme-1": "ALLOWED",
        "acme-1-pro": "UNKNOWN",
        "acme-2b": "PROHIBITED",
        "acme-3": "UNKNOWN",
    }
    unknown = ask(entries, model="acme-3")
    assert (unknown.rules, unknown.layers, unknown.uses[0].rules) == (("RR13",), (), ("RR13",))
    assert "acme-3" in unknown.reasons[0]


def test_of_an_unknown_model_a_text_for_some_models_may_apply() -> None:
    some = catalog(text(BARRED, id="some", models=("acme-1*",)))
    assert layers(some, model="UNKNOWN") == {"some": "possibly"}
    assert outcome(some, model="UNKNOWN") == "PROHIBITED"  # every candidate bars (rule 5)
    assert "model" in ask(catalog(API), model="UNKNOWN").missing
    assert outcome(catalog(API), model="UNKNOWN") == "UNKNOWN"
    assert layers(catalog(API), model="UNKNOWN") == {"api": "possibly"}
    assert layers(catalog(replace(API, models=("*",))), model="UNKNOWN") == {"api": "surely"}
    assert layers(catalog(replace(API, models=("*",), not_models=("acme-9",))), model="UNKNOWN") == {"api": "possibly"}


@pytest.mark.parametrize(
    ("fields", "words", "missing"),
    [
        ({"provider": "UNKNOWN"}, "the provider of the generator is not known", ("provider",)),
        ({"provider": "nobody"}, "no terms of nobody are catalogued", ()),
        ({"model": "other"}, "no catalogued terms of acme cover model other", ()),
    ],
)
def test_what_nobody_catalogued_is_unknown(fields: dict[str, Any], words: str, missing: tuple[str, ...]) -> None:
    answer = ask(catalog(replace(API, models=("acme-*",) if "model" in fields else ("*",))), **fields)
    assert (answer.outcome, answer.reasons, answer.rules, answer.missing) == (Permission.UNKNOWN, (words,), ("RR13",), missing)
    (use,) = answer.uses
    assert (use.use, use.outcome, use.reasons, use.missing) == (Use.TRAIN_ANY_MODEL, Permission.UNKNOWN, (words,), missing)
    assert (use.layers, use.clauses, use.obligations, use.conflicts) == ((), (), (), ())


def test_days_that_run_backwards_are_no_days() -> None:
    answer = ask(catalog(API), days="2025-06-02..2025-06-01")
    assert (answer.outcome, answer.rules) == (Permission.UNKNOWN, ("RR01",))
    assert "2025-06-02 to 2025-06-01" in answer.reasons[0]
    assert outcome(catalog(API), days="2025-06-01..2025-06-01") == "ALLOWED"


SITE = text(FREE, id="site", kind="site-terms", channels=("site",), models=(), access=("dump",))
CRAWL = text(BARRED, id="crawl", kind="site-terms", channels=("site",), models=(), access=("crawl",))


def test_a_site_is_asked_by_the_way_the_text_came_off_it() -> None:
    entries = catalog(SITE, CRAWL)
    by_way = {
        way: answer_uses(entries, made(channel="site", model="UNKNOWN"), replace(QUIET, access=way), (Use.TRAIN_ANY_MODEL,))
        for way in ("dump", "crawl", "UNKNOWN", "data-api")
    }
    assert {way: a.outcome.value for way, a in by_way.items()} == {
        "dump": "ALLOWED",
        "crawl": "PROHIBITED",
        "UNKNOWN": "UNKNOWN",
        "data-api": "UNKNOWN",
    }
    assert by_way["dump"].missing == ()  # no model made the text of a site
    assert by_way["UNKNOWN"].missing == ("access",)
    assert [s.made.access for s in readings(entries, channel="site", access="UNKNOWN").scenarios] == ["crawl", "dump"]


HOST = text(FREE, id="host", provider="bigcloud", kind="host-terms", channels=("host", "cloud"), models=("*",))
LICENCE = text(FREE, id="licence", kind="model-licence", channels=("weights",), models=("acme-1*",))


def test_host_terms_and_the_licence_of_the_model_apply_together() -> None:
    entries = catalog(HOST, LICENCE)
    assert layers(entries, provider="bigcloud", channel="host") == {"host": "surely", "licence": "surely"}
    assert outcome(entries, provider="bigcloud", channel="host") == "ALLOWED"
    assert outcome(catalog(HOST, replace(LICENCE, clauses=(BARRED,))), provider="bigcloud", channel="host") == "PROHIBITED"
    assert outcome(catalog(replace(HOST, clauses=(BARRED,)), LICENCE), provider="bigcloud", channel="host") == "PROHIBITED"


def test_a_model_of_which_no_host_is_named_has_a_layer_that_nobody_knows() -> None:
    entries = catalog(HOST, LICENCE)
    unnamed = ask(entries, channel="host")
    assert (unnamed.outcome, "RR13" in unnamed.rules) == (Permission.UNKNOWN, True)
    assert "who served the model on channel host is not known" in unnamed.reasons
    named = ask(entries, channel="host", host="BigCloud")
    assert (named.outcome, {x.terms for x in named.layers}) == (Permission.ALLOWED, {"host", "licence"})
    nobody = ask(entries, channel="host", host="nobody")
    assert nobody.outcome is Permission.UNKNOWN
    assert "no terms of the host nobody for channel host are catalogued" in nobody.reasons
    # a bar of the licence needs no host
    assert outcome(catalog(HOST, replace(LICENCE, clauses=(BARRED,))), channel="host") == "PROHIBITED"


def test_a_licence_stands_in_for_a_contract_only_where_the_weights_were_run_at_home() -> None:
    assert outcome(catalog(LICENCE), channel="weights") == "ALLOWED"
    assert outcome(catalog(LICENCE, text(FREE, id="api", models=("acme-2",))), channel="api") == "UNKNOWN"


def test_a_model_of_the_host_itself_needs_no_maker() -> None:
    own = text(FREE, id="own", provider="bigcloud", channels=("cloud",), models=("big-*",))
    assert outcome(catalog(HOST, own), provider="bigcloud", model="big-1", channel="cloud") == "ALLOWED"
    somebody = ask(catalog(HOST, own), provider="bigcloud", model="unheard-of", channel="cloud")
    assert somebody.outcome is Permission.UNKNOWN
    assert "the terms of the maker of unheard-of on this host are not known on 2025-06-01" in somebody.reasons
    # where nothing is served for others, only a text for every model needs the maker's
    direct = text(FREE, models=("*",))
    assert outcome(catalog(API)) == "ALLOWED"
    assert outcome(catalog(direct)) == "UNKNOWN"
    assert outcome(catalog(direct, LICENCE)) == "ALLOWED"
    excluded = replace(HOST, not_models=("big-*",))
    assert outcome(catalog(excluded, own), provider="bigcloud", model="big-1", channel="cloud") == "ALLOWED"


MAKER = text(BARRED, id="maker", models=("acme-1*",))


def test_terms_of_the_maker_bind_where_the_host_passes_them_on() -> None:
    passing = replace(HOST, clauses=(FREE, Clause(name="downstream", value="pass-through")))
    assert layers(catalog(passing, MAKER), provider="bigcloud", channel="cloud") == {"host": "surely", "maker": "surely"}
    assert outcome(catalog(passing, MAKER), provider="bigcloud", channel="cloud") == "PROHIBITED"
    silent = ask(catalog(HOST, MAKER), provider="bigcloud", channel="cloud")
    assert (silent.outcome, {x.terms for x in silent.layers}) == (Permission.UNKNOWN, {"host"})
    flow_down = replace(HOST, clauses=(FREE, Clause(name="downstream", value="flow-down-required")))
    assert outcome(catalog(flow_down, MAKER), provider="bigcloud", channel="cloud") == "UNKNOWN"
    # terms for other channels than the API are not what a host passes on
    chat = replace(MAKER, channels=("consumer",))
    assert outcome(catalog(passing, chat), provider="bigcloud", channel="cloud") == "UNKNOWN"


def test_a_usage_policy_binds_all_users_of_the_model() -> None:
    policy = text(BARRED, id="policy", kind="acceptable-use", channels=("api", "cloud"), models=("acme-1*",))
    entries = catalog(HOST, policy)
    assert layers(entries, provider="bigcloud", channel="cloud") == {"host": "surely", "policy": "surely"}
    assert outcome(entries, provider="bigcloud", channel="cloud") == "PROHIBITED"
    assert layers(entries, provider="bigcloud", channel="host") == {"host": "surely"}
    assert layers(entries, provider="bigcloud", channel="cloud", model="other") == {"host": "surely"}
    free = replace(policy, clauses=(FREE,))
    assert outcome(catalog(HOST, free), provider="bigcloud", channel="cloud") == "UNKNOWN"  # a policy alone does not make the maker known
    assert outcome(catalog(HOST, free, LICENCE), provider="bigcloud", channel="cloud") == "ALLOWED"
    assert outcome(catalog(HOST, policy, LICENCE), provider="bigcloud", channel="cloud") == "PROHIBITED"


def test_of_several_licence_texts_that_of_the_day_applies() -> None:
    one, two = ended(replace(LICENCE, id="one")), begun(replace(LICENCE, id="two", clauses=(BARRED,)))
    entries = catalog(one, two)
    for days, names in (("2025-06-30..2025-06-30", {"one"}), ("2025-07-01..2025-07-01", {"two"}), ("2025-06-30..2025-07-01", {"one", "two"})):
        assert set(layers(entries, channel="weights", days=days)) == names
    assert outcome(catalog(LICENCE), channel="weights", days="2020-01-01..2020-01-01") == "ALLOWED"  # one text: whatever the day


def test_a_distilled_model_carries_the_licence_of_its_base() -> None:
    carries = replace(LICENCE, clauses=(FREE, exceptions(ExceptionCase(kind="inherits", models=("acme-1-distil*",), terms=("base",)))))
    base = text(BARRED, id="base", provider="other", kind="model-licence", channels=("weights",), models=("base-*",))
    assert layers(catalog(carries, base), channel="weights", model="acme-1-distil") == {"licence": "surely", "base": "surely"}
    assert outcome(catalog(carries, base), channel="weights", model="acme-1-distil") == "PROHIBITED"
    assert layers(catalog(carries, base), channel="weights") == {"licence": "surely"}


def test_an_interval_over_two_texts_is_under_both_and_can_be_split() -> None:
    answer = ask(catalog(ended(API), begun(text(BARRED, id="new"))), days="2025-06-01..2025-07-31")
    assert answer.outcome is Permission.PROHIBITED
    assert [(s.first, s.last, s.terms) for s in answer.splits] == [("2025-06-01", "2025-06-30", ("api",)), ("2025-07-01", "2025-07-31", ("new",))]
    assert "RR04" in answer.rules
    assert [(c.kind, c.terms, c.use, c.rule) for c in answer.conflicts] == [("layers", ("api", "new"), "train_any_model", "RR03")]
    same = ask(catalog(ended(API), begun(text(FREE, id="new"))), days="2025-06-01..2025-07-31")
    assert (same.outcome, same.splits, same.conflicts) == (Permission.ALLOWED, (), ())


def test_days_that_nothing_covers_are_unknown_and_the_text_is_missing() -> None:
    answer = ask(catalog(ended(API)), days="2025-06-30..2025-07-01")
    assert (answer.outcome, answer.missing) == (Permission.UNKNOWN, ("text",))
    assert [(s.first, dict(s.outcomes)["train_any_model"].value) for s in answer.splits] == [("2025-06-30", "ALLOWED"), ("2025-07-01", "UNKNOWN")]


def test_unknown_days_are_those_of_any_version() -> None:
    entries = catalog(ended(API), begun(text(BARRED, id="new")))
    answer = ask(entries, days="UNKNOWN..UNKNOWN")
    assert (answer.outcome, "days" in answer.missing, answer.splits) == (Permission.UNKNOWN, True, ())
    (conflict,) = (c for c in answer.conflicts if c.kind == "candidates")
    assert (conflict.rule, conflict.use) == ("RR05", "train_any_model")
    assert "api: ALLOWED" in conflict.summary
    assert "new: PROHIBITED" in conflict.summary
    assert {x.applies for x in answer.layers} == {"possibly"}
    barred = catalog(ended(replace(API, clauses=(BARRED,))), begun(text(BARRED, id="new")))
    assert outcome(barred, days="UNKNOWN..UNKNOWN") == "PROHIBITED"


def test_readings_of_an_unknown_channel_that_disagree_are_a_conflict() -> None:
    answer = ask(catalog(API, CHAT), channel="UNKNOWN")
    (conflict,) = (c for c in answer.conflicts if c.kind == "candidates")
    assert conflict == Conflict(
        kind="candidates",
        summary="readings of what is not known disagree: api: ALLOWED; consumer: PROHIBITED",
        terms=(),
        use="train_any_model",
        rule="RR05",
    )
    agreed = ask(catalog(replace(API, clauses=(BARRED,)), CHAT), channel="UNKNOWN")
    assert (agreed.outcome, agreed.conflicts) == (Permission.PROHIBITED, ())


def test_a_layer_tells_the_text_its_days_its_clauses_and_why_it_applies() -> None:
    badge = Clause(name="naming_attribution", value="required", quote="Show it.")
    entry = ended(text(training("prohibited", quote="You may not."), badge, title="Terms of Acme"))
    answer = answer_uses(catalog(entry), made(), QUIET, (Use.TRAIN_ANY_MODEL, Use.EVALUATION))
    (layer,) = answer.layers
    cited = ClauseCitation(
        terms="acme.1",
        clause="train_any_model",
        quote="You may not.",
        source="https://example.org/terms",
        value="prohibited",
        effective_from="2025-01-01",
        effective_to="2025-07-01",
    )
    assert (layer.terms, layer.title, layer.provider, layer.effective_from, layer.effective_to) == (
        "acme.1",
        "Terms of Acme",
        "acme",
        "2025-01-01",
        "2025-07-01",
    )
    assert (layer.outcome, layer.clauses, layer.duties, layer.applies) == (Permission.PROHIBITED, (cited,), (badge,), "surely")
    assert layer.says == (("train_any_model", Permission.PROHIBITED), ("evaluation", None))
    assert layer.why == "acme api, every region, acme-1"
    assert layer.reason == "acme.1: training on outputs is forbidden"
    assert answer.uses[0].clauses == (cited,)
    assert answer.uses[0].layers == (("acme.1", Permission.PROHIBITED),)
    assert (answer.uses[0].outcome, answer.uses[1].outcome, answer.outcome) == (Permission.PROHIBITED, Permission.UNKNOWN, Permission.PROHIBITED)
    assert answer.clauses == (cited,)


def test_a_silent_layer_says_so() -> None:
    (layer,) = ask(catalog(text(id="mute"))).layers
    assert (layer.outcome, layer.clauses, layer.says) == (None, (), (("train_any_model", None),))
    assert layer.reason


@pytest.mark.parametrize(
    ("entry", "fields", "rule"),
    [
        (LICENCE, {"channel": "weights"}, "RR12"),
        (HOST, {"provider": "bigcloud", "channel": "host", "model": "UNKNOWN"}, "RR13"),
        (text(FREE, kind="acceptable-use"), {}, "RR13"),
        (text(FREE, observed=True), {}, "RR14"),
        (API, {}, "RR15"),
    ],
)
def test_an_answer_names_the_rules_by_which_a_text_is_in_it(entry: TermsVersion, fields: dict[str, Any], rule: str) -> None:
    assert {rule, "RR06"} <= set(ask(catalog(entry), **fields).rules)
    plain = ask(catalog(ended(API)))
    assert rule not in plain.rules
    assert plain.uses[0].rules == plain.rules == tuple(sorted(plain.rules))


def test_facts_that_would_settle_it_are_named_unless_all_is_allowed() -> None:
    bar = catalog(text(training("prohibited-if-competing")))
    assert ask(bar, run=replace(QUIET, others_compete=UNKNOWN)).missing == ("competing",)
    assert ask(bar, run=replace(QUIET, others_compete=NO)).missing == ()
    assert ask(catalog(text(training("prohibited-without-approval")))).missing == ("approval",)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ({"commercial": UNKNOWN}, "be commercial"),
        ({"distribute_weights": UNKNOWN}, "hand its weights to others"),
        ({"distribute_data": UNKNOWN}, "hand its data to others"),
        ({"imitates": UNKNOWN}, "imitate the model"),
    ],
)
def test_what_a_run_may_do_leaves_open_what_it_would_be_barred_for(fact: dict[str, Any], words: str) -> None:
    (name,) = fact
    clauses = (
        training("research-or-noncommercial-only") if name == "commercial" else FREE,
        *((Clause(name="distillation", value="prohibited"),) if name == "imitates" else ()),
        *((Clause(name="redistribution", value="prohibited"),) if name == "distribute_data" else ()),
    )
    duties = (Duty(code="share-alike"),) if name == "distribute_weights" else ()
    entries = catalog(text(*clauses, duties=duties))
    answer = resolve(entries, made(), replace(QUIET, **fact))
    assert answer.outcome is Permission.UNKNOWN
    assert name in answer.missing
    assert any(f"the run may {words}" in r for r in answer.reasons)
    settled = resolve(entries, made(), replace(QUIET, **settled_fact(name, NO)))
    assert (settled.outcome, settled.missing) == (Permission.ALLOWED, ())
    done = resolve(entries, made(), replace(QUIET, **settled_fact(name, YES)))
    assert done.outcome is (Permission.UNKNOWN if name == "distribute_weights" else Permission.PROHIBITED)


def test_hearsay_is_named_where_it_may_be_the_missing_text() -> None:
    heard = text(BARRED, id="heard", confidence="unverified")
    known = begun(API, dt.date(2025, 9, 1))
    answer = ask(catalog(heard, known))
    assert answer.outcome is Permission.UNKNOWN
    assert [r for r in answer.reasons if "heard" in r] == ["heard is known by hearsay only and decides nothing (RR06)"]
    for entry in (replace(heard, channels=("consumer",)), begun(heard, dt.date(2025, 6, 2)), ended(heard, dt.date(2025, 6, 1))):
        assert not [r for r in ask(catalog(entry, known)).reasons if "heard" in r]
    for entry in (begun(heard, dt.date(2025, 6, 1)), ended(heard, dt.date(2025, 6, 2))):
        assert [r for r in ask(catalog(entry, known)).reasons if "heard" in r]
    assert not [r for r in ask(catalog(heard, API)).reasons if "heard" in r]


def test_terms_that_are_named_apply_whatever_the_day() -> None:
    entries = catalog(ended(API), CHAT, text(FREE, id="heard", confidence="unverified"))
    free = resolve_named(entries, ("api",), QUIET)
    assert (free.outcome, [(x.terms, x.applies, x.why) for x in free.layers]) == (
        Permission.ALLOWED,
        [("api", "surely", "named by whoever registered the text")],
    )
    assert [u.use for u in free.uses] == [Use.TRAIN_ANY_MODEL]
    assert resolve_named(entries, ("api", "chat"), QUIET).outcome is Permission.PROHIBITED
    for name in ("nobody", "heard"):
        answer = resolve_named(entries, ("api", name), QUIET)
        assert answer.outcome is Permission.UNKNOWN
        assert f"terms {name} are not catalogued" in answer.reasons
    open_ = resolve_named(catalog(text(training("research-or-noncommercial-only"))), ("acme.1",), replace(QUIET, commercial=UNKNOWN))
    assert (open_.outcome, "commercial" in open_.missing) == (Permission.UNKNOWN, True)


NOTORIOUS = text(
    training("prohibited", quote="Nothing."), id="shadow", provider="shadow-books", kind="notorious-source", artifacts=("The_Heap", "heap-v2")
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("shadow-books", True),
        ("Shadow_Books", True),
        ("org/the-heap", True),
        ("HEAP_V2", True),
        ("heap", False),
        ("the-heap/other", False),
        ("org/sub/heap-v2", True),
    ],
)
def test_a_notorious_source_is_known_by_its_names(name: str, found: bool) -> None:
    answer = notorious_answer(catalog(API, NOTORIOUS), ("other", name))
    assert (answer is not None) is found
    if answer is not None:
        assert (answer.outcome, answer.rules) == (Permission.PROHIBITED, ("RR18",))
        (layer,) = answer.layers
        assert (layer.terms, layer.outcome, layer.why, layer.applies) == (
            "shadow",
            Permission.PROHIBITED,
            "its name, or where it came from",
            "possibly",
        )
        assert [c.quote for c in layer.clauses] == ["Nothing."]
        assert answer.reasons == (layer.reason,)
    assert notorious_answer(catalog(API, replace(NOTORIOUS, confidence="unverified")), (name,)) is None


def test_texts_of_several_generators_are_weighed_together() -> None:
    free, bar = ask(catalog(API)), ask(catalog(CHAT), channel="consumer")
    open_ = ask(catalog(text(SILENT, id="mute")))
    assert strictest((free, open_)).outcome is Permission.UNKNOWN
    both = strictest((free, bar, bar))
    assert (both.outcome, [x.terms for x in both.layers]) == (Permission.PROHIBITED, ["api", "chat"])
    assert both.reasons == (*free.reasons, *bar.reasons)
    assert both.rules == tuple(sorted({"RR03", *free.rules, *bar.rules}))
    nothing = strictest(())
    assert (nothing.outcome, nothing.layers, nothing.rules, len(nothing.reasons)) == (Permission.UNKNOWN, (), ("RR02",), 1)
    waits = ask(catalog(text(training("prohibited-without-approval"))))
    assert strictest((waits, free, waits)).missing == ("approval",)
    prefixes = [ask(catalog(text(FREE, id=n, duties=(Duty(code=f"name-prefix:{n}"),)))) for n in ("one", "two")]
    named = strictest(prefixes)
    assert [o.code for o in named.obligations] == ["name-prefix:one", "name-prefix:two"]
    assert [(c.kind, c.terms) for c in named.conflicts] == [("obligations", ("one", "two"))]


def test_the_means_are_read_for_each_channel() -> None:
    permits = Clause(name="automated_extraction", value="allowed-with-conditions", permits=("api",))
    answer = ask(catalog(text(permits, channels=("api", "consumer"))), use=Use.COLLECTION, channel="UNKNOWN")
    (conflict,) = (c for c in answer.conflicts if c.kind == "candidates")
    assert "api: ALLOWED; consumer: PROHIBITED" in conflict.summary


def test_a_text_that_is_read_in_several_ways_is_listed_with_the_strictest() -> None:
    nowhere = limits(LimitTest(kind="territory", regions=("EU",)))
    entries = catalog(text(FREE, nowhere, id="everywhere"), text(FREE, id="copy", regions=("EU",)))
    for region, expected in (("UNKNOWN", "PROHIBITED"), ("DE", "PROHIBITED"), ("US", "ALLOWED")):
        answer = ask(entries, region=region)
        assert dict(answer.uses[0].layers)["everywhere"] == expected
        assert {x.terms: x.outcome for x in answer.layers}["everywhere"] == expected


def test_a_regional_copy_for_another_model_opens_no_question() -> None:
    entries = catalog(replace(API, models=("acme-1",)), text(BARRED, id="europe", models=("acme-2",), regions=("EEA",)))
    assert readings(entries, region="UNKNOWN").missing == ()
    assert readings(entries, region="UNKNOWN", model="acme-2").missing == ("region",)
