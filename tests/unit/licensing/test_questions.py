"""Questions are read strictly, and answers are written as docs/formats/terms.md says."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from provenance.errors import TermsDocumentError
from provenance.licensing.answer_documents import answer_document, missing_facts
from provenance.licensing.questions import KEYS, TRI_STATE_FACTS, Question, answer_question, parse_question
from provenance.licensing.resolution import RunUse
from provenance.licensing.terms import TermsCatalog
from provenance.licensing.uses import Approval, Use, as_use, both, strictest_of, uses_of
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import DateRange, Generator
from provenance.model.run import Period, Revenue
from tests.unit.licensing.small_terms import NO, UNKNOWN, YES, Duty, text, training

LETTER: Any = {"who": "Ann", "when": "2025-01-31", "evidence": "letter.pdf"}


def test_a_question_that_says_nothing_leaves_everything_open() -> None:
    assert parse_question({}) == Question(generator=Generator(), uses=tuple(Use), run=RunUse(), host="UNKNOWN")
    assert parse_question(dict.fromkeys(k for k in KEYS if k != "approvals")).uses == tuple(Use)


def test_every_fact_of_a_question_arrives() -> None:
    asked = parse_question(
        {
            "id": "q1",
            "provider": " acme ",
            "model": "acme-1",
            "channel": "Code_Assistant",
            "region": "de",
            "from": "2025-01-01",
            "to": "2025-01-31",
            "use": ["commercial", "distil"],
            "host": "bigcloud",
            "access": "data_api",
            "competing": {"acme": "yes", "other": "no", "third": "unknown"},
            "commercial": "yes",
            "distribute_weights": "no",
            "distribute_data": True,
            "same_family": "unknown",
            "imitates": False,
            "grounded": "TRUE",
            "automated": "false",
            "model_kind": "classifier",
            "model_family": "acme-xl",
            "output_type": "image",
            "obtained": "own-account",
            "release_date": "2025-02-28",
            "monthly_active_users": 5,
            "revenue": 0,
            "approvals": [{"terms": "acme.1", **LETTER}],
        }
    )
    days = DateRange(start="2025-01-01", end="2025-01-31")
    assert asked == Question(
        generator=Generator(provider="acme", model="acme-1", channel="code-assistant", region="DE", generated=days),
        uses=(Use.DISTIL, Use.COMMERCIAL),
        host="bigcloud",
        run=RunUse(
            commercial=YES,
            distribute_weights=NO,
            distribute_data=YES,
            same_family=UNKNOWN,
            imitates=NO,
            grounded=YES,
            automated=NO,
            competing_with=("acme",),
            not_competing_with=("other",),
            others_compete=UNKNOWN,
            kind="classifier",
            family="acme-xl",
            output_type="image",
            access="data-api",
            obtained="own-account",
            release_date="2025-02-28",
            monthly_active_users=5,
            revenue=Revenue(amount=0, currency="USD", period=Period.YEAR),
            approvals=(Approval(terms="acme.1", **LETTER),),
        ),
    )


@pytest.mark.parametrize("name", TRI_STATE_FACTS)
def test_each_fact_is_its_own(name: str) -> None:
    plain = RunUse()
    for word, state in (("yes", YES), ("no", NO), ("unknown", UNKNOWN)):
        run = parse_question({name: word}).run
        assert getattr(run, name) is state
        assert [n for n in TRI_STATE_FACTS if n != name and getattr(run, n) is not getattr(plain, n)] == []


@pytest.mark.parametrize(("given", "expected"), [("yes", YES), ("no", NO), (True, YES), (False, NO), ("unknown", UNKNOWN), (None, UNKNOWN)])
def test_one_word_on_competing_is_meant_for_all(given: object, expected: TriState) -> None:
    run = parse_question({"competing": given}).run
    assert (run.others_compete, run.competing_with, run.not_competing_with) == (expected, (), ())


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ({"from": "2025-01-01"}, "2025-01-01", "2025-01-01"),
        ({"from": "2025-01-01", "to": "2025-01-01"}, "2025-01-01", "2025-01-01"),
        ({"from": "2025-01-01", "to": "unknown"}, "2025-01-01", "UNKNOWN"),
        ({"from": "2025-01-01", "to": None}, "2025-01-01", "UNKNOWN"),
        ({"to": "2025-01-01"}, "UNKNOWN", "2025-01-01"),
        ({"from": "Unknown", "to": "2025-01-01"}, "UNKNOWN", "2025-01-01"),
        ({}, "UNKNOWN", "UNKNOWN"),
    ],
)
def test_days_of_a_question(given: dict[str, object], start: str, end: str) -> None:
    assert parse_question(given).generator.generated == DateRange(start=start, end=end)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("DE", "DE"),
        ("us-ca", "US-CA"),
        ("EU", "EU"),
        ("eea", "EEA"),
        ("ROW", "ROW"),
        ("uk", "UK"),
        ("global", "UNKNOWN"),
        ("Worldwide", "UNKNOWN"),
        ("any", "UNKNOWN"),
        ("unknown", "UNKNOWN"),
        ("", "UNKNOWN"),
    ],
)
def test_regions_of_a_question(given: str, expected: str) -> None:
    assert parse_question({"region": given}).generator.region == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("all", tuple(Use)),
        (["all"], tuple(Use)),
        ([], tuple(Use)),
        ("distill", (Use.DISTIL,)),
        ("train-non-commercial", (Use.TRAIN_NONCOMMERCIAL,)),
        (" Train-Any-Model ", (Use.TRAIN_ANY_MODEL,)),
        (["evaluation", "all"], (Use.EVALUATION,)),
        (["collection", "distil", "distil"], (Use.DISTIL, Use.COLLECTION)),
    ],
)
def test_uses_of_a_question(given: object, expected: tuple[Use, ...]) -> None:
    assert parse_question({"use": given}).uses == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "text"),
        ({"output_type": "image"}, "image"),
        ({"output_type": "unknown"}, "UNKNOWN"),
        ({"output_type": ""}, "UNKNOWN"),
        ({"output_type": "AUDIO"}, "audio"),
    ],
)
def test_what_type_outputs_are(given: dict[str, object], expected: str) -> None:
    assert parse_question(given).run.output_type == expected


def test_an_approval_without_terms_or_provider_is_of_the_provider_asked_about() -> None:
    def approval(asked_about: str, **more: str) -> Approval:
        return parse_question({"provider": asked_about, "approvals": [{**LETTER, **more}]}).run.approvals[0]

    assert approval("Acme Inc") == Approval(provider="acme-inc", **LETTER)
    assert approval("UNKNOWN") == Approval(provider="", **LETTER)
    assert approval("acme", terms="other.1") == Approval(terms="other.1", **LETTER)
    assert approval("acme", provider=" other ") == Approval(provider="other", **LETTER)
    assert [a.is_complete for a in (approval("acme"), approval("UNKNOWN"))] == [True, False]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"modle": "x"}, "unknown key 'modle'|model"),
        ({"model": 4}, "model 4 is no text"),
        ({"channel": "apis"}, "channel 'apis' is not known|api"),
        ({"model_kind": "robot"}, "model_kind 'robot' is not known|llm"),
        ({"output_type": "smell"}, "output_type 'smell' is not known"),
        ({"access": "magic"}, "access 'magic' is not known|crawl"),
        ({"obtained": "stolen"}, "obtained 'stolen' is not known"),
        ({"region": "Europe"}, "region 'Europe' is not known"),
        ({"from": "2025-1-1"}, "from '2025-1-1' is no day"),
        ({"to": "2025-01"}, "to '2025-01' is no day"),
        ({"from": "2025-02-30"}, "from '2025-02-30' is no day of the calendar"),
        ({"release_date": "soon"}, "release_date 'soon' is no day"),
        ({"from": "2025-01-02", "to": "2025-01-01"}, "the days run backwards"),
        ({"revenue": -1}, "revenue -1 is no whole number"),
        ({"revenue": True}, "revenue True is no whole number"),
        ({"monthly_active_users": "5"}, "monthly_active_users '5' is no whole number"),
        ({"monthly_active_users": 5.0}, "monthly_active_users 5.0 is no whole number"),
        ({"commercial": "perhaps"}, "commercial 'perhaps' is neither yes, no nor unknown"),
        ({"commercial": 1}, "commercial 1 is neither"),
        ({"competing": "maybe"}, "competing 'maybe' is neither"),
        ({"competing": {"acme": "maybe"}}, "competing.acme 'maybe' is neither"),
        ({"use": "trian"}, "unknown use 'trian'"),
        ({"use": 5}, "use 5 is neither a name nor a list"),
        ({"use": ["distil", 5]}, "is neither a name nor a list"),
        ({"approvals": {}}, "approvals must be a list"),
        ({"approvals": [5]}, "approvals must be a list"),
        ({"approvals": [{"term": "x"}]}, "unknown key 'term' in an approval|terms"),
        ({"approvals": [{**LETTER, "who": " "}]}, "an approval without who"),
        ({"approvals": [{**LETTER, "evidence": ""}]}, "an approval without evidence"),
        ({"approvals": [{**LETTER, "when": ""}]}, "an approval without when"),
        ({"approvals": [{**LETTER, "when": "yesterday"}]}, "when 'yesterday' is no day"),
    ],
)
def test_a_slip_in_a_question_is_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(TermsDocumentError) as caught:
        parse_question(given)
    message, _, hint = words.partition("|")
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_an_answer_is_one_document() -> None:
    """Keys as docs/formats/terms.md lists them."""
    entry = text(training("prohibited", quote="No."), duties=(Duty(code="badge:Acme"),), bound="users")
    catalog = TermsCatalog(version="2025.1", digest="sha256:00", entries=(entry,))
    question = parse_question(
        {"provider": "acme", "model": "acme-1", "channel": "api", "region": "US", "from": "2025-06-01", "use": ["distil", "evaluation"]}
    )
    answer = answer_question(catalog, question)
    document: Any = answer_document(question, answer, catalog)
    assert list(document) == [
        "question",
        "outcome",
        "layers",
        "obligations",
        "conflicts",
        "rules",
        "reasons",
        "uses",
        "splits",
        "nearby",
        "missing",
        "catalog",
    ]
    asked: Any = document["question"]
    run = asked.pop("run")
    assert asked == {
        "provider": "acme",
        "model": "acme-1",
        "channel": "api",
        "region": "US",
        "from": "2025-06-01",
        "to": "2025-06-01",
        "use": ["distil", "evaluation"],
        "host": "UNKNOWN",
    }
    assert (run["commercial"], run["output_type"], run["monthly_active_users"]) == ("UNKNOWN", "text", None)
    assert document["outcome"] == {"distil": "PROHIBITED", "evaluation": "UNKNOWN"}
    assert document["catalog"] == {"version": "2025.1", "digest": "sha256:00"}
    assert (document["rules"], document["reasons"]) == (list(answer.rules), list(answer.reasons))
    uses: Any = document["uses"]
    assert list(uses["distil"]) == ["outcome", "layers", "clauses", "rules", "reasons", "obligations", "missing"]
    assert (uses["distil"]["outcome"], uses["distil"]["layers"], uses["distil"]["obligations"]) == (
        "PROHIBITED",
        {"acme.1": "PROHIBITED"},
        ["badge:Acme"],
    )
    assert (uses["evaluation"]["outcome"], uses["evaluation"]["layers"], uses["evaluation"]["obligations"]) == ("UNKNOWN", {"acme.1": None}, [])
    assert [c["quote"] for c in uses["distil"]["clauses"]] == ["No."]
    assert uses["distil"]["rules"] == list(answer.uses[0].rules)
    assert uses["distil"]["reasons"] == list(answer.uses[0].reasons)
    (layer,) = document["layers"]
    assert {k: layer[k] for k in ("terms", "channels", "regions", "kind", "confidence", "source", "bound", "says")} == {
        "terms": "acme.1",
        "channels": ["api"],
        "regions": ["global"],
        "kind": "service-terms",
        "confidence": "seen",
        "source": "https://example.org/terms",
        "bound": "users",
        "says": {"distil": "PROHIBITED", "evaluation": None},
    }
    assert "duties" not in layer
    (obligation,) = document["obligations"]
    assert (obligation["code"], obligation["due"]) == ("badge:Acme", "YES")


def test_parts_of_an_interval_and_conflicts_are_in_the_document() -> None:
    day = dt.date(2025, 7, 1)
    old = replace(text(training("allowed"), id="old"), ends_surely=day, ends_possibly=day)
    new = replace(text(training("prohibited"), id="new"), starts_possibly=day, starts_surely=day)
    catalog = TermsCatalog(version="v", digest="d", entries=(old, new))
    question = parse_question(
        {"provider": "acme", "model": "acme-1", "channel": "api", "region": "US", "from": "2025-06-30", "to": "2025-07-01", "use": "classifier"}
    )
    document: Any = answer_document(question, answer_question(catalog, question), catalog)
    assert document["splits"] == [
        {"from": "2025-06-30", "to": "2025-06-30", "outcome": {"classifier": "ALLOWED"}, "terms": ["old"]},
        {"from": "2025-07-01", "to": "2025-07-01", "outcome": {"classifier": "PROHIBITED"}, "terms": ["new"]},
    ]
    (conflict,) = document["conflicts"]
    assert (conflict["kind"], conflict["terms"], conflict["rule"]) == ("layers", ["old", "new"], "RR03")


def test_each_missing_fact_comes_with_how_to_give_it() -> None:
    found = missing_facts(("commercial", "not-a-fact", "days"))
    assert found == (
        {"fact": "commercial", "what": "whether the run is commercial", "how": "--commercial or --non-commercial"},
        {"fact": "days", "what": "the days of generation", "how": "--from 2024-03-01 --to 2024-05-31"},
    )
    catalog = TermsCatalog(version="v", digest="d", entries=(text(training("prohibited-if-competing")),))
    question = parse_question(
        {"provider": "acme", "model": "acme-1", "channel": "api", "region": "US", "from": "2025-06-01", "use": "train_any_model"}
    )
    document: Any = answer_document(question, answer_question(catalog, question), catalog)
    assert [m["fact"] for m in document["missing"]] == document["uses"]["train_any_model"]["missing"] == ["competing"]


# -- uses ------------------------------------------------------------------------------------------------------------------------------------------------


def test_a_use_takes_one_fact_as_given() -> None:
    run = RunUse(competing_with=("a",), not_competing_with=("b",), others_compete=NO, kind="llm")
    rival = as_use(run, Use.TRAIN_COMPETING)
    assert [rival.competes(p) for p in ("a", "b", "c")] == [YES, YES, YES]
    assert (as_use(run, Use.CLASSIFIER).kind, as_use(RunUse(kind="embedding"), Use.CLASSIFIER).kind, as_use(RunUse(), Use.CLASSIFIER).kind) == (
        "classifier",
        "embedding",
        "classifier",
    )
    assert as_use(run, Use.SAME_FAMILY).same_family is YES
    assert as_use(run, Use.DISTIL).imitates is YES
    assert as_use(run, Use.DISTRIBUTE_WEIGHTS).distribute_weights is YES
    assert as_use(run, Use.COMMERCIAL).commercial is YES
    assert as_use(run, Use.TRAIN_NONCOMMERCIAL).commercial is NO
    for use in (Use.TRAIN_ANY_MODEL, Use.DISTRIBUTE_DATA, Use.EVALUATION, Use.COLLECTION):
        assert as_use(run, use) == run


def test_what_a_run_makes_of_text() -> None:
    assert uses_of(RunUse()) == (
        (Use.TRAIN_ANY_MODEL, True),
        (Use.COMMERCIAL, False),
        (Use.DISTRIBUTE_WEIGHTS, False),
        (Use.DISTIL, False),
    )
    assert uses_of(RunUse(commercial=YES, distribute_weights=NO, distribute_data=YES, imitates=NO)) == (
        (Use.TRAIN_ANY_MODEL, True),
        (Use.COMMERCIAL, True),
        (Use.DISTRIBUTE_DATA, True),
    )


def test_who_is_competed_with() -> None:
    run = RunUse(competing_with=("Mistral AI",), not_competing_with=("OpenAI", "mistral"), others_compete=UNKNOWN)
    assert [run.competes(p) for p in ("mistral", "openai", "Open-AI", "other")] == [YES, NO, UNKNOWN, UNKNOWN]


def test_an_approval_reaches_its_text_or_all_of_its_provider() -> None:
    own, wide = Approval(terms="acme.1", **LETTER), Approval(provider="Acme", **LETTER)
    run = RunUse(approvals=(own,))
    assert run.approval(terms="acme.1", provider="acme", model="acme-1", use=Use.TRAIN_ANY_MODEL) == own
    assert run.approval(terms="acme.2", provider="acme", model="acme-1", use=Use.TRAIN_ANY_MODEL) is None
    assert RunUse(approvals=(wide,)).approval(terms="acme.2", provider="acme", model="acme-1", use=Use.TRAIN_ANY_MODEL) == wide
    assert RunUse(approvals=(wide,)).approval(terms="acme.2", provider="other", model="acme-1", use=Use.TRAIN_ANY_MODEL) is None
    both_ = Approval(terms="acme.1", provider="acme", **LETTER)
    assert RunUse(approvals=(both_,)).approval(terms="acme.2", provider="acme", model="acme-1", use=Use.TRAIN_ANY_MODEL) is None


@pytest.mark.parametrize("missing", ["who", "when", "evidence"])
def test_an_approval_without_person_day_or_evidence_counts_for_nothing(missing: str) -> None:
    lame = Approval(terms="acme.1", **{**LETTER, missing: ""})
    assert not lame.is_complete
    assert RunUse(approvals=(lame,)).approval(terms="acme.1", provider="acme", model="acme-1", use=Use.TRAIN_ANY_MODEL) is None


def test_the_strictest_of_nothing_is_not_known() -> None:
    assert strictest_of([]) is Permission.UNKNOWN
    assert strictest_of([Permission.UNKNOWN, Permission.PROHIBITED, Permission.ALLOWED]) is Permission.PROHIBITED
    assert strictest_of([Permission.ALLOWED]) is Permission.ALLOWED


def test_two_things_hold_together_as_in_three_valued_logic() -> None:
    states = (YES, NO, UNKNOWN)
    table = [[both(a, b) for b in states] for a in states]
    assert table == [[YES, NO, UNKNOWN], [NO, NO, NO], [UNKNOWN, NO, UNKNOWN]]
