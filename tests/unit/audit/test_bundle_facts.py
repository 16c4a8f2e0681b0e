"""The facts of the mixture, of names, of works, of what the run states and of what the AI Act asks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.audit.disclosure import disclosure_values, summary_gaps
from provenance.audit.generations import Generations
from provenance.audit.judged import JudgedDataset
from provenance.audit.judgements import Catalogs, MatchJudgement
from provenance.audit.naming import base_naming, name_duties, output_naming
from provenance.audit.origins import holds_outputs, origin_values, teacher_values, text_origin
from provenance.audit.run_facts import stated_values
from provenance.audit.works import WorkSums
from provenance.config import shipped
from provenance.licensing.classes import shipped_licenses
from provenance.licensing.resolution import TermsAnswer, TermsLayer
from provenance.licensing.terms import Clause, load_terms
from provenance.model.absence import Permission, TriState
from provenance.model.claims import DateRange, Evidence
from provenance.model.dataset import Dataset, Generator, Source, SourceKind
from provenance.model.details import Collection, Crawler, Details, OptOutCheck, OptOutSignal
from provenance.model.match import AlsoIn, Explanation, Match
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.run import CopyrightPolicy, Organization, Release, Run
from tests.fakes.values import full_dataset
from tests.fakes.world import judged, plain_dataset, plain_match, plain_run

NO, YES, UNKNOWN = TriState.NO, TriState.YES, TriState.UNKNOWN
DIGEST = "sha256:" + "7" * 64
CATALOGS = Catalogs(terms=load_terms((shipped("policies") / "terms",)), licenses=shipped_licenses())


def teacher(role: str) -> tuple[Generator, ...]:
    return (Generator(provider="cumulus", model="x", role=role),)


def by(role: str, *related: Dataset) -> JudgedDataset:
    said = UNKNOWN if role == "label" else YES  # labels tell nothing of who wrote the text
    return replace(judged(plain_dataset(synthetic=said, generators=teacher(role))), related=related)


def labelled(synthetic: TriState) -> JudgedDataset:
    return judged(plain_dataset(synthetic=synthetic, generators=teacher("label")))


HUMAN, MADE, OPEN = plain_dataset("h"), plain_dataset("m", synthetic=YES), plain_dataset("o", synthetic=UNKNOWN)


@pytest.mark.parametrize(
    ("dataset", "origin", "role", "source"),
    [
        (judged(HUMAN), NO, "none", YES),
        (judged(MADE), YES, "generate", UNKNOWN),
        (judged(OPEN), UNKNOWN, "UNKNOWN", UNKNOWN),
        (judged(None), UNKNOWN, "UNKNOWN", UNKNOWN),
        (by("generate"), YES, "generate", UNKNOWN),
        (by("generate", HUMAN), YES, "generate", YES),
        (by("generate", MADE), YES, "generate", NO),
        (by("generate", MADE, OPEN), YES, "generate", UNKNOWN),
        (by("rewrite", HUMAN), YES, "rewrite", YES),
        (by("label", HUMAN), NO, "label", YES),
        (by("label"), UNKNOWN, "label", UNKNOWN),
        (labelled(NO), NO, "label", YES),
        (labelled(YES), YES, "generate", UNKNOWN),
        (by("label", MADE), YES, "generate", NO),
        (by("label", OPEN), UNKNOWN, "UNKNOWN", UNKNOWN),
        (replace(by("label", HUMAN), unknown_ancestors=("gone",)), UNKNOWN, "UNKNOWN", YES),
        (replace(judged(HUMAN), generated=("notes",)), YES, "generate", YES),
    ],
)
def test_who_wrote_a_dataset_and_what_a_model_did_for_it(dataset: JudgedDataset, origin: TriState, role: str, source: TriState) -> None:
    found = teacher_values(dataset)
    assert (text_origin(dataset), found["teacher_role"], found["human_source"]) == (origin, role, source)


@pytest.mark.parametrize(
    ("dataset", "outputs"),
    [
        (judged(HUMAN), "NO"),
        (judged(MADE), "YES"),
        (judged(OPEN), "UNKNOWN"),
        (judged(None), "UNKNOWN"),
        (by("generate"), "YES"),
        (labelled(NO), "YES"),
        (by("label"), "YES"),
        (replace(judged(HUMAN), related=(plain_dataset(synthetic=NO, generators=teacher("label")),)), "YES"),
        (replace(judged(HUMAN), related=(OPEN,)), "UNKNOWN"),
        (replace(judged(HUMAN), unknown_ancestors=("gone",)), "UNKNOWN"),
        (replace(judged(HUMAN), generated=("notes",)), "YES"),
    ],
)
def test_labels_are_outputs_whoever_wrote_the_text(dataset: JudgedDataset, outputs: str) -> None:
    assert teacher_values(dataset)["outputs"] == outputs
    assert holds_outputs(dataset) is TriState(outputs)


def test_generations_that_are_not_all_known_are_said_to_be_so() -> None:
    counted = replace(judged(MADE), generations=Generations(at_least=2, known=True))
    assert teacher_values(counted)["generations_known"] == "YES"
    assert (teacher_values(judged(MADE))["generations"], teacher_values(judged(MADE))["generations_known"]) == (0, "UNKNOWN")


def test_shares_of_people_and_of_models_are_told_apart_from_those_of_nobody_knows_whom() -> None:
    found = origin_values([(judged(HUMAN), 0.5), (judged(MADE), 0.25), (judged(OPEN), 0.125), (by("label", HUMAN), 0.125)])
    expected = {
        "synthetic_share": 0.25,
        "synthetic_share_upper": 0.375,
        "human_share": 0.625,
        "human_share_upper": 0.75,
        "synthetic_known": "UNKNOWN",
    }
    assert found == expected


@given(st.lists(st.tuples(st.sampled_from([HUMAN, MADE, OPEN]), st.floats(0, 1)), min_size=1, max_size=9))
def test_a_mixture_without_a_known_word_by_people_has_exactly_none(members: list[tuple[Dataset, float]]) -> None:
    found = origin_values((judged(d), share) for d, share in members)
    if all(d is not HUMAN for d, _ in members):
        assert found["human_share"] == 0.0
    if all(d is MADE for d, _ in members):
        assert found["human_share_upper"] == 0.0


@pytest.mark.parametrize(
    ("code", "name", "met"),
    [
        ("name-prefix:Llama 3", "Llama-3-helpdesk", YES),
        ("name-prefix:Llama 3", "llama3 helpdesk", YES),
        ("name-prefix:Llama 3", "helpdesk-llama-3", NO),
        ("name-prefix:", "Llama-3", UNKNOWN),
        ("name-prefix", "Llama-3", UNKNOWN),
        ("name-prefix:Llama", "Lama-7", NO),
        ("name-ban:Qwen", "Qwen-helpdesk", NO),
        ("name-ban:Qwen", "helpdesk", YES),
        ("name-ban", "helpdesk", UNKNOWN),
    ],
)
def test_a_name_is_held_to_what_the_code_asks(code: str, name: str, met: TriState) -> None:
    (found,) = name_duties([("t.1", code)])
    assert found.is_met_by(name) is met


def test_badges_and_notices_ask_nothing_of_a_name() -> None:
    assert name_duties([("t.1", code) for code in ("badge:Powered by X", "notice-file:Gemma", "name", "attribution")]) == ()


def test_a_clause_on_names_without_a_code_is_not_known_to_be_met() -> None:
    clause = Clause(name="naming_attribution", value="name-prefix+badge", quote="Include it")
    layer = TermsLayer(
        terms="t.1", title="", provider="p", effective_from="", effective_to="", outcome=Permission.ALLOWED, clauses=(), reason="", duties=(clause,)
    )
    found = output_naming("m", TermsAnswer(outcome=Permission.ALLOWED, layers=(layer,), reasons=(), rules=()), YES)
    assert (found["naming.asked"], found["naming.met"]) == ("YES", "UNKNOWN")


def test_outputs_of_nobody_knows_whom_leave_open_what_is_asked() -> None:
    nobody = TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=("",), rules=())
    assert output_naming("m", nobody, YES)["naming.asked"] == "UNKNOWN"
    assert output_naming("m", nobody, NO)["naming.asked"] == "NO"
    free = TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=("",), rules=())
    assert output_naming("m", free, YES)["naming.asked"] == "NO"


@pytest.mark.parametrize(
    ("base", "name", "asked", "met"),
    [
        ("meta-llama/Llama-3.1-8B", "Llama-helpdesk", "YES", "YES"),
        ("meta-llama/Llama-3.1-8B", "helpdesk", "YES", "NO"),
        ("none", "helpdesk", "NO", "YES"),
        (None, "helpdesk", "UNKNOWN", "UNKNOWN"),
        ("example/no-such-base", "helpdesk", "UNKNOWN", "UNKNOWN"),
    ],
)
def test_the_licence_of_the_base_may_ask_for_a_name(base: str | None, name: str, asked: str, met: str) -> None:
    found = base_naming(name, base, CATALOGS.terms)
    assert (found["naming.asked"], found["naming.met"]) == (asked, met)


def held(*spans: tuple[int, int], because: Explanation | None = None, license_: Permission = Permission.PROHIBITED, length: int = 100) -> WorkSums:
    sums = WorkSums()
    for start, end in spans:
        take(sums, start, end, because=because, license_=license_, length=length)
    return sums


def take(sums: WorkSums, start: int, end: int, *, because: Explanation | None, license_: Permission, length: int) -> None:
    """Share some words of a work of which every word is ten characters long."""
    record = ReferenceRecord(id="w", kind=ReferenceKind.WORK, words=length)
    match: Match = replace(plain_match(record, words=end - start), reference_start=10 * start, reference_end=10 * end, because=because)
    answer = TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=(), rules=())
    sums.add(match, [MatchJudgement(kind=ReferenceKind.WORK, reference=record, license=license_, terms=answer)])


def test_words_of_a_work_are_counted_once_however_often_they_are_shared() -> None:
    found = held((0, 30), (0, 30), (20, 40), (60, 70)).total("d")
    assert (found.words, found.share, found.unlicensed) == (50, 0.5, 1)


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 10)).map(lambda t: (t[0], t[0] + t[1])), min_size=1, max_size=300))
def test_the_count_is_that_of_the_words_marked_one_by_one(spans: list[tuple[int, int]]) -> None:
    marked = {word for start, end in spans for word in range(start, end)}
    assert held(*spans).total("d").words == len(marked)


def test_quotations_and_short_passages_count_and_what_is_nobodys_does_not() -> None:
    for because in (Explanation.QUOTATION, Explanation.SHORT_PASSAGE):
        assert held((0, 30), because=because).total("d").words == 30
    for because in (Explanation.BOILERPLATE, Explanation.LICENSE_TEXT, Explanation.PROMPT, Explanation.COMMON_TO_MODELS):
        assert held((0, 30), because=because).total("d").words == 0


def test_a_licensed_work_is_not_counted_and_one_of_unknown_licence_is() -> None:
    assert held((0, 30), license_=Permission.ALLOWED).total("d").unlicensed == 0
    assert held((0, 30), license_=Permission.UNKNOWN).total("d").unlicensed == 1


def test_the_share_of_a_work_that_nobody_counted_is_not_known() -> None:
    assert held((0, 30), length=0).total("d").values["works.share_known"] == "NO"
    assert held((0, 19), length=0).total("d").values["works.share_known"] == "YES"
    assert held((0, 19), length=20).total("d").share == 0.0
    assert held((0, 20), length=20).total("d").share == 1.0


def test_datasets_are_added_up_and_named() -> None:
    whole = WorkSums()
    whole.join("first", held((0, 30)))
    whole.join("second", held((20, 60)))
    found = whole.total("")
    assert (found.words, found.share) == (60, 0.6)
    assert "in first, second" in found.evidence[0].summary


@pytest.mark.parametrize(("score", "words"), [(30.0, 60), (27.0, 60), (26.0, 30)])
def test_two_editions_of_a_work_hold_a_passage_both_and_a_translation_that_shares_some_of_it_does_not(score: float, words: int) -> None:
    one, other = (ReferenceRecord(id=name, kind=ReferenceKind.WORK, words=100) for name in ("one", "other"))
    answer = TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=(), rules=())
    sums = WorkSums()
    for first, second, start in ((one, other, 0), (other, one, 300)):  # which of them is named as the best may change from passage to passage
        match = replace(plain_match(first, words=30), reference_start=start, reference_end=start + 300)
        match = replace(match, also=(AlsoIn(reference=second.id, start=start, end=start + 300, score=score),))
        sums.add(match, [MatchJudgement(kind=ReferenceKind.WORK, reference=first, license=Permission.PROHIBITED, terms=answer, others=(second,))])
    found = sums.total("d")
    assert (found.unlicensed, found.words, found.share) == (2, words, words / 100)


def stated(run: Run) -> dict[str, object]:
    return dict(stated_values(run, CATALOGS, today="2026-03-01"))


def test_what_the_run_does_not_say_is_not_stated_or_not_known() -> None:
    found = stated(plain_run())
    assert {found[k] for k in ("use_stated", "base_stated", "contact_stated")} == {"NO"}
    assert (found["copyright_policy.state"], found["release.license_use"]) == ("none", "UNKNOWN")
    blank = replace(plain_run(), organization=Organization(contact="  "))
    assert stated(blank)["contact_stated"] == "NO"


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        (CopyrightPolicy(url="https://e.org/p", date="2026-03-01"), "in-force"),
        (CopyrightPolicy(url="https://e.org/p", date="2026-03-02"), "later"),
        (CopyrightPolicy(url="https://e.org/p"), "UNKNOWN"),
        (CopyrightPolicy(date="2026-03-01"), "none"),
    ],
)
def test_a_copyright_policy_is_in_force_from_its_day(policy: CopyrightPolicy, state: str) -> None:
    assert stated(replace(plain_run(), organization=Organization(copyright_policy=policy)))["copyright_policy.state"] == state


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("MIT", "commercial"),
        ("CC-BY-NC-4.0", "non-commercial"),
        ("MIT OR CC-BY-NC-4.0", "commercial"),
        ("MIT AND CC-BY-NC-4.0", "non-commercial"),
        ("mine", "UNKNOWN"),
    ],
)
def test_the_licence_of_the_weights_counts_as_who_takes_them_may_read_it(text: str, use: str) -> None:
    run = plain_run()
    assert stated(replace(run, model=replace(run.model, release=Release(license=text))))["release.license_use"] == use


def crawl(*checks: OptOutCheck, kind: SourceKind = SourceKind.WEB_CRAWL, parents: tuple[str, ...] = ()) -> Dataset:
    return Dataset(name="crawl", source=Source(kind=kind), derived_from=parents, details=Details(collection=Collection(opt_outs=checks)))


def check(signal: OptOutSignal, honoured: TriState, digest: str = DIGEST) -> OptOutCheck:
    return OptOutCheck(signal=signal, honoured=honoured, evidence=Evidence(sha256=digest))


ROBOTS, OTHER = OptOutSignal.ROBOTS_TXT, OptOutSignal.TDM_RESERVATION


@pytest.mark.parametrize(
    ("own", "related", "crawled", "reservations", "kept"),
    [
        (crawl(), (), "YES", "UNKNOWN", "NO"),
        (crawl(check(ROBOTS, YES)), (), "YES", "YES", "YES"),
        (crawl(check(ROBOTS, YES, "UNKNOWN")), (), "YES", "YES", "NO"),
        (crawl(check(ROBOTS, YES), check(OTHER, NO)), (), "YES", "NO", "YES"),
        (crawl(check(ROBOTS, YES), check(OTHER, UNKNOWN)), (), "YES", "UNKNOWN", "YES"),
        (crawl(check(OTHER, YES)), (), "YES", "UNKNOWN", "YES"),
        (crawl(kind=SourceKind.OWN), (), "NO", "YES", "YES"),
        (crawl(kind=SourceKind.UNKNOWN), (), "UNKNOWN", "UNKNOWN", "NO"),
        (crawl(kind=SourceKind.OWN), (crawl(),), "YES", "UNKNOWN", "NO"),
        (crawl(), (crawl(check(ROBOTS, YES)),), "YES", "YES", "YES"),
        (crawl(check(ROBOTS, YES)), (crawl(check(ROBOTS, NO)),), "YES", "NO", "YES"),
        (crawl(check(OTHER, NO), kind=SourceKind.PUBLIC_DATASET), (), "NO", "NO", "YES"),
    ],
)
def test_opt_outs_are_honoured_where_all_that_it_comes_from_says_so(
    own: Dataset, related: tuple[Dataset, ...], crawled: str, reservations: str, kept: str
) -> None:
    found = disclosure_values(replace(judged(own), related=related))
    assert (found["crawled"], found["reservations"], found["reservations_kept"]) == (crawled, reservations, kept)


def test_what_comes_from_something_unregistered_may_be_crawled() -> None:
    found = disclosure_values(replace(judged(crawl(kind=SourceKind.OWN)), unknown_ancestors=("gone",)))
    assert (found["crawled"], found["reservations"]) == ("UNKNOWN", "UNKNOWN")


def points(dataset: Dataset, *related: Dataset) -> set[str]:
    return {gap.partition(":")[0] for gap in summary_gaps(replace(judged(dataset), related=related))}


def of(kind: SourceKind) -> Dataset:
    return Dataset(name="d", source=Source(kind=kind))


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (SourceKind.PUBLIC_DATASET, {"2.1.c"}),
        (SourceKind.LICENSED, set()),
        (SourceKind.WEB_CRAWL, {"2.3.b", "2.3.c", "2.3.d", "2.3.e", "2.3.f"}),
        (SourceKind.USER_DATA, {"2.4.c"}),
        (SourceKind.SYNTHETIC, {"2.5.c"}),
        (SourceKind.OWN, {"2.6.b"}),
        (SourceKind.OTHER, {"2.6.b"}),
        (SourceKind.UNKNOWN, {"2"}),
    ],
)
def test_each_kind_of_source_has_points_of_its_own_in_the_public_summary(kind: SourceKind, own: set[str]) -> None:
    assert points(of(kind)) == {"1.3.c", "1.3.d", "1.3.e", *own}


def test_a_dataset_of_which_all_is_known_leaves_no_gap() -> None:
    assert points(full_dataset()) == set()
    whole = Dataset(
        name="d",
        source=Source(kind=SourceKind.WEB_CRAWL, collected=DateRange(start="2025-01-01", end="2025-02-01")),
        languages=("en",),
        details=Details(
            description="pages", collection=Collection(crawlers=(Crawler(name="bot", purpose="training"),), opt_outs=(check(ROBOTS, YES),))
        ),
    )
    assert points(whole) == set()
    assert points(of(SourceKind.WEB_CRAWL), whole) == set()
    assert points(of(SourceKind.WEB_CRAWL), whole, of(SourceKind.WEB_CRAWL)) != set()


def test_what_is_not_registered_leaves_one_gap() -> None:
    assert len(list(summary_gaps(judged(None)))) == 1
