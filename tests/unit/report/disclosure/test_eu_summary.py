"""The EU summary: each field with a registry that can answer it and one that cannot, the 3 % and domain rules against oracles, hostile text."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run
from provenance.errors import DocumentError, ReportError
from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord
from provenance.model.dataset import Dataset, DateRange, Generator, Source, SourceKind
from provenance.model.details import Collection, Crawler, Details, Modality, OptOutCheck, OptOutSignal, PersonalData, Rights, TokenCount
from provenance.report.disclosure.answers import Answers, DomainFile, load_answers
from provenance.report.disclosure.domains import PublicSuffixes, load_domains, top_domains
from provenance.report.disclosure.eu import Superseded, due_after, eu_template, make_eu_summary
from provenance.report.disclosure.questions import questions_yaml
from provenance.report.disclosure.sizes import Span, brackets_of, large_datasets
from provenance.report.disclosure.sources import Judged, gather
from provenance.report.disclosure.values import Answer, Disclosure, Entry, State
from provenance.report.disclosure.views import read_disclosure, render_disclosure_html, render_disclosure_markdown, write_disclosure
from provenance.report.folder import verify_report
from provenance.report.record_json import JsonReport
from tests.fakes.records import blocked_record, cleared_record, make_run, make_shard, make_summary, settled

EVIL = "<script>alert(1)</script>\u202e\x00</style>=cmd|x"
DAYS = DateRange(start="2025-01-01", end="2025-09-30")
LUMEN = Generator(provider="lumen-ai", model="lumen-2-chat", generated=DateRange(start="2025-03-01", end="2025-05-31"))


def dataset(name: str, kind: SourceKind = SourceKind.PUBLIC_DATASET, *, full: bool = True, **changes: Any) -> Dataset:
    made = Dataset(name=name, source=Source(kind=kind), synthetic=TriState.NO)
    if full:
        crawled = kind is SourceKind.WEB_CRAWL
        collection = Collection(
            ongoing=TriState.NO,
            crawlers=(Crawler(name="ExampleBot", purpose="training"),) if crawled else (),
            opt_outs=(OptOutCheck(signal=OptOutSignal.ROBOTS_TXT, honoured=TriState.YES),) if crawled else (),
        )
        details = Details(
            description=f"what {name} holds",
            modalities=(Modality.TEXT,),
            content_types=("news",),
            processing=("blocked lists of illegal content",),
            collection=collection,
            personal_data=PersonalData(present=TriState.NO),
            rights=Rights(copyright=TriState.YES),
        )
        made = replace(made, source=Source(kind=kind, url=f"https://d.example/{name}", collected=DAYS), languages=("de",), details=details)
    return replace(made, **changes)


def record_of(*datasets: Dataset, words: int = 10_000) -> AuditRecord:
    summaries = tuple(make_summary(d, weight=0.1, shards=1, words=words) for d in datasets)
    run = make_run(data=tuple((d.name, 0.1) for d in datasets))
    shards = tuple(make_shard(d.name, f"part-{i}.jsonl", words=words) for i, d in enumerate(datasets))
    return settled(replace(cleared_record(), run=run, datasets=summaries, shards=shards, shards_total=len(shards), evidence=(), findings=()))


def summary(*datasets: Dataset, answers: Answers | None = None, words: int = 10_000) -> Disclosure:
    record = record_of(*datasets, words=words)
    return make_eu_summary(record, alone(record), answers or Answers())


def alone(record: AuditRecord) -> tuple[Judged, ...]:
    """Return datasets of which a registry says that they were made of no other."""
    return tuple(Judged(summary=s) for s in record.datasets)


def by_id(document: Disclosure) -> dict[str, Entry]:
    return {e.id: e for e in document.entries}


def said(field: str, *lines: str, because: str = "", applies: bool = True) -> Answer:
    return Answer(field=field, lines=lines, because=because, applies=applies, by="Ada", on="2026-11-30", where="a.yaml:1:1")


EVERY = (
    dataset("books", SourceKind.PUBLIC_DATASET),
    dataset("press", SourceKind.LICENSED),
    dataset("web", SourceKind.WEB_CRAWL),
    dataset("chats", SourceKind.USER_DATA),
    dataset("taught", SourceKind.SYNTHETIC, synthetic=TriState.YES, generators=(LUMEN,)),
    dataset("labels", SourceKind.OWN),
)


@pytest.mark.parametrize(
    ("field", "lines"),
    [
        ("0.a", ("1",)),
        ("0.b", ("24/11/26",)),
        ("1.1.a", ("Example Ltd",)),
        ("1.2.a", ("helpdesk-7b",)),
        ("1.2.b", ("meta-llama/Llama-3.1-8B",)),
        ("1.3.a", ("Text",)),
        ("1.3.b", ("Text: Less than 1 billion tokens (60\u202f000 words counted)",)),
        ("1.3.c", ("Text: news",)),
        ("1.3.d", ("09/2025", "No, the collection of every dataset has ended")),
        ("1.3.e", ("German (de), official language of the Union",)),
        ("2.1.a", ("Yes",)),
        ("2.1.b", ("Text",)),
        ("2.1.c", ("books: https://d.example/books",)),
        ("2.2.1.a", ("Yes",)),
        ("2.2.1.b", ("Text",)),
        ("2.2.2.a", ("No",)),
        ("2.3.a", ("Yes",)),
        ("2.3.b", ("ExampleBot",)),
        ("2.3.c", ("ExampleBot: training",)),
        ("2.3.d", ("web: robots.txt: honoured",)),
        ("2.3.e", ("From 01/2025 to 09/2025",)),
        ("2.3.g", ("Text",)),
        ("2.4.d", ("Text",)),
        ("2.5.a", ("Yes",)),
        ("2.5.b", ("Text",)),
        ("2.5.c", ("lumen-ai: lumen-2-chat",)),
        ("2.6.a", ("Yes",)),
        ("3.1.b", ("web: robots.txt: honoured",)),
    ],
)
def test_a_registry_that_can_answers(field: str, lines: tuple[str, ...]) -> None:
    entry = by_id(summary(*EVERY))[field]
    assert entry.state in {State.COMPUTED, State.DRAFTED}
    assert entry.lines == lines
    assert entry.rests_on


def test_a_registry_that_cannot_says_why_in_every_field() -> None:
    bare = dataset("bare", SourceKind.UNKNOWN, full=False, synthetic=TriState.UNKNOWN)
    document = summary(bare, words=0)
    assert len(document.entries) == 53
    for entry in document.entries:
        assert entry.lines, entry.id
        assert all(line.strip() for line in entry.lines), entry.id
        if entry.state is State.MISSING:
            assert entry.lines[0].startswith("not known – "), entry.id
    states = {e.id: e.state for e in document.entries}
    for section in ("2.1.a", "2.2.1.a", "2.2.2.a", "2.3.a", "2.4.a", "2.4.b", "2.5.a", "2.6.a", "1.3.a", "1.3.b", "1.3.d", "3.1.a", "3.1.b", "3.2.a"):
        assert states[section] is State.MISSING, section
    assert State.NOT_APPLICABLE not in {states[i] for i in ("2.1.b", "2.1.c", "2.3.b", "2.5.c", "2.6.b")}  # unknown is not "does not apply"
    assert not document.is_complete


def test_what_was_made_of_a_crawl_counts_as_a_crawl() -> None:
    filtered = dataset("clean", SourceKind.OWN, derived_from=("web",))
    record = record_of(filtered)
    web = dataset("web", SourceKind.WEB_CRAWL)
    judged = (Judged(summary=record.datasets[0], ancestors=((web, "sha256:" + "1" * 64, False),)),)
    entries = by_id(make_eu_summary(record, judged, Answers()))
    assert entries["2.3.a"].lines == ("Yes",)
    assert entries["2.6.a"].lines == ("No",)
    unknown = by_id(make_eu_summary(record, (Judged(summary=record.datasets[0], unknown=("web",)),), Answers()))
    assert unknown["2.3.a"].state is State.MISSING
    denied = make_eu_summary(record, judged, Answers(fields={"2.3.a": said("2.3.a", "No")}))
    assert [p.field for p in denied.problems] == ["2.3.a"]


def test_a_person_places_what_facts_do_not_tell_and_cannot_move_the_rest() -> None:
    bought = dataset("bought", SourceKind.OTHER)
    assert by_id(summary(bought))["2.2.2.a"].state is State.MISSING
    entries = by_id(summary(bought, answers=Answers(categories={"bought": "2.2.2"})))
    assert entries["2.2.2.a"].lines == ("Yes",)
    moved = summary(*EVERY, answers=Answers(categories={"web": "2.1"}))
    assert any("'web' is in two sections" in p.message for p in moved.problems)


def test_no_synthetic_data_is_held_against_matches_and_generators() -> None:
    blocked = blocked_record()
    clean = tuple(replace(s, synthetic=TriState.NO, dataset=dataset(s.dataset.name)) for s in blocked.datasets)
    record = replace(blocked, datasets=clean)
    document = make_eu_summary(record, alone(record), Answers())
    entry = by_id(document)["2.5.a"]
    assert (entry.state, entry.claimed) == (State.CONTRADICTED, ("No",))
    assert "18 passages match" in entry.lines[0]
    dependants = {i: by_id(document)[i] for i in ("2.5.b", "2.5.c", "2.5.d")}
    assert {e.state for e in dependants.values()} == {State.MISSING}
    assert all("field 2.5.a is contradicted" in e.lines[0] for e in dependants.values())
    found = [p for p in document.problems if p.field == "2.5.a"]
    known = {e.id for e in record.evidence} | {f.id for f in record.findings}
    assert found
    assert set(found[0].evidence) <= known
    told = summary(*EVERY, answers=Answers(fields={"2.5.a": said("2.5.a", "No")}))
    assert any(p.field == "2.5.a" and "Ada" in p.message for p in told.problems)


def test_days_after_the_audit_and_users_denied_are_contradictions() -> None:
    late = dataset("late", source=Source(kind=SourceKind.PUBLIC_DATASET, collected=DateRange(start="2026-01-01", end="2027-01-01")))
    assert [p.field for p in summary(late).problems] == ["1.3.d"]
    denied = Answers(fields={f: said(f, "No") for f in ("2.4.a", "2.4.b")})
    assert any(p.field == "2.4.a" for p in summary(dataset("chats", SourceKind.USER_DATA), answers=denied).problems)


def test_brackets_are_given_only_where_both_ends_fall_in_one() -> None:
    row = next(r for s in eu_template().sections for r in s.rows if r.name == "Text")
    assert brackets_of(row, Span(low=0, high=10**9 - 1)) == row.brackets[:1]
    assert brackets_of(row, Span(low=10**9 - 1, high=10**9)) == row.brackets[:2]
    assert brackets_of(row, Span(low=10**13, high=None)) == row.brackets[2:]
    assert brackets_of(row, Span(low=5, high=None)) == row.brackets
    counted = dataset("books", details=Details(modalities=(Modality.TEXT,), token_counts=(TokenCount(tokens=2 * 10**9, tokenizer="t"),)))
    entry = by_id(summary(counted))["1.3.b"]
    assert entry.lines == ("Text: 1billion to 10 trillions tokens (2\u202f000\u202f000\u202f000 tokens, counted)",)
    over = by_id(summary(dataset("books"), words=500_000_000))["1.3.b"]
    assert over.state is State.DRAFTED
    assert "Less than 1 billion tokens or 1billion to 10 trillions tokens" in over.lines[0]


def test_large_datasets_by_brute_force() -> None:
    draw = random.Random(7)
    for _ in range(300):
        sizes = {f"d{n}": {"Text": Span(low=w, high=w)} for n, w in enumerate(draw.choices((0, 1, 3, 29, 97, 970, 1000), k=draw.randint(1, 8)))}
        total = sum(s["Text"].low for s in sizes.values())
        expected = {n: TriState.of(total > 0 and Fraction(s["Text"].low, total) > Fraction(3, 100)) for n, s in sizes.items()}
        assert large_datasets(sizes) == expected


def test_what_may_be_large_by_brute_force_over_ranges() -> None:
    draw = random.Random(8)
    for _ in range(60):
        spans = [sorted(draw.choices((1, 2, 3, 4, 90, 100), k=2)) for _ in range(3)]
        found = large_datasets({str(n): {"Text": Span(low=low, high=high)} for n, (low, high) in enumerate(spans)})
        for number in range(3):
            worlds = {
                100 * world[number] > 3 * sum(world) for world in itertools.product(*(range(a, b + 1) if b - a < 5 else (a, b) for a, b in spans))
            }
            assert found[str(number)] is (TriState.UNKNOWN if len(worlds) > 1 else TriState.of(worlds.pop()))


def test_domains_by_brute_force(tmp_path: Path) -> None:
    draw = random.Random(9)
    for count in (1, 9, 10, 11, 21, 199, 200):
        sizes = {f"d{n}.example": draw.randint(0, 50) for n in range(count)}
        ranked = sorted(sizes, key=lambda n: (-sizes[n], n))
        assert top_domains(sizes, is_small=False) == tuple(ranked[: -(-count // 10)])
        assert top_domains(sizes, is_small=True) == tuple(ranked[: -(-count // 20)])
    many = {f"d{n}.example": n for n in range(30_000)}
    assert len(top_domains(many, is_small=True)) == 1000
    assert len(top_domains(many, is_small=False)) == 3000
    path = tmp_path / "d.csv"
    path.write_text("domain,bytes\nwww.example.co.uk,5\nexample.co.uk,7\na.example.com,1\n")
    assert load_domains(path, PublicSuffixes(frozenset({"uk", "co.uk", "com"}))) == {"example.co.uk": 12, "example.com": 1}
    assert len(load_domains(path, None)) == 3
    for bad, where in (
        ("domain,bytes\n=cmd|x,5\n", ":2: "),
        ("domain,bytes\na.example,-5\n", ":2: "),
        ("host\n", ":1: "),
        ("domain,bytes\n", "no domain"),
    ):
        path.write_text(bad)
        with pytest.raises(DocumentError, match=where):
            load_domains(path, None)


@pytest.mark.parametrize(
    ("host", "expected"),
    [  # examples of publicsuffix.org's own description of its rules
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("b.c.kobe.jp", "b.c.kobe.jp"),
        ("a.b.c.kobe.jp", "b.c.kobe.jp"),
        ("www.city.kobe.jp", "city.kobe.jp"),
        ("www.ck", "www.ck"),
        ("www.www.ck", "www.ck"),
        ("b.test.ck", "b.test.ck"),
        ("unlisted.example", "unlisted.example"),
        ("192.0.2.17", "192.0.2.17"),
    ],
)
def test_registrable_domains(host: str, expected: str) -> None:
    rules = PublicSuffixes(frozenset({"com", "jp", "kobe.jp", "*.kobe.jp", "!city.kobe.jp", "*.ck", "!www.ck"}))
    assert rules.registrable(host) == expected


def test_the_questions_are_an_answers_file_that_answers_nothing_yet(tmp_path: Path) -> None:
    document = summary(*EVERY)
    path = tmp_path / "answers.yaml"
    path.write_text(questions_yaml(document))
    given = load_answers(path, eu_template(), document.model)
    assert not given.fields
    assert summary(*EVERY, answers=given) == document
    path.write_text(
        path.read_text()
        .replace("by: null", "by: Ada")
        .replace("on: null", 'on: "2026-11-30"')
        .replace(" value: null\n", " value: null\n        because: the notes on it are lost\n")
    )
    filled = summary(*EVERY, answers=load_answers(path, eu_template(), document.model))
    assert filled.count(State.MISSING) + filled.count(State.DRAFTED) == 0


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def test_hostile_text_stays_text_and_the_folder_is_the_same_twice(tmp_path: Path) -> None:
    evil = dataset(
        EVIL, title=EVIL, details=Details(description=EVIL, modalities=(Modality.TEXT,)), source=Source(kind=SourceKind.PUBLIC_DATASET, url=EVIL)
    )
    document = summary(evil, answers=Answers(fields={"1.1.a": said("1.1.a", EVIL)}))
    parser = _Tags()
    parser.feed(render_disclosure_html(document).decode())
    assert parser.tags.count("script") == 1
    text = render_disclosure_html(document).decode() + render_disclosure_markdown(document).decode()
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "<script>" not in render_disclosure_markdown(document).decode().replace("\\<script", "")
    for name in ("a", "b"):
        write_disclosure(document, tmp_path / name)
        verify_report(tmp_path / name)
    assert all((tmp_path / "a" / f.name).read_bytes() == f.read_bytes() for f in (tmp_path / "b").iterdir())
    assert read_disclosure(tmp_path / "a" / "summary.json") == document
    (tmp_path / "a" / "summary.json").write_text(json.dumps({"format": "provenance.disclosure", "version": 2}))
    with pytest.raises(ReportError, match="version 1"):
        read_disclosure(tmp_path / "a" / "summary.json")


def test_a_new_version_lists_what_changed_and_when_it_is_due_again(tmp_path: Path) -> None:
    old = summary(*EVERY)
    record = record_of(*EVERY[:-1])
    new = make_eu_summary(record, alone(record), Answers(), before=Superseded(place="summary.json", document=old))
    assert new.document_version == "2"
    assert (old.updated, old.due) == ("2026-11-24", "2027-05-24")
    assert new.supersedes is not None
    changes = {c.field: (c.before, c.after) for c in new.supersedes.changes or ()}
    assert changes["2.6.a"] == (("Yes",), ("No",))
    assert set(changes) == {i for i, e in by_id(new).items() if by_id(old)[i].lines != e.lines}


def test_the_previous_version_is_named_with_what_is_known_of_it() -> None:
    old, record = summary(*EVERY), record_of(*EVERY)

    def field(before: Superseded) -> Entry:
        return by_id(make_eu_summary(record, alone(record), Answers(), before=before))["0.a"]

    address = "https://example.org/summary-1.html"
    both = field(Superseded(place="one", document=old, address=address))
    assert (both.state, both.lines) == (State.COMPUTED, ("2", f"Previous version: 1 of 2026-11-24: {address}"))
    folder = field(Superseded(place="one", document=old))
    assert (folder.state, folder.lines) == (State.DRAFTED, ("2", "Previous version: 1 of 2026-11-24"))  # the template asks for a link
    alone_ = field(Superseded(place=address, document=None, address=address))
    assert (alone_.state, alone_.lines[0]) == (State.DRAFTED, "2 or later")
    with pytest.raises(ReportError, match="after this document"):
        field(Superseded(place="one", document=replace(old, updated="2026-11-25")))


@pytest.mark.parametrize(
    ("day", "due"),
    [  # six months end on the day of the same number, else on the last of the month: Regulation 1182/71, article 3(2)(c)
        ("2026-11-24", "2027-05-24"),
        ("2026-08-31", "2027-02-28"),
        ("2027-08-31", "2028-02-29"),
        ("2026-06-30", "2026-12-30"),
        ("2026-12-31", "2027-06-30"),
    ],
)
def test_the_next_update_is_due_six_months_after_the_last(day: str, due: str) -> None:
    assert due_after(day) == due


@pytest.mark.parametrize(
    ("languages", "words", "lines", "note"),
    [  # with 125 million words, 8 tokens a word are 1e9: the first size that may lie in the second range
        (("de",), 124_999_999, "Less than 1 billion tokens (124 999 999 words counted)", "at least 1 token and at most 8."),
        (("de",), 125_000_000, "125 000 000 words (counted; in tokens, Less than 1 billion tokens or 1billion to 10 trillions tokens)", "at most 8."),
        (("ja",), 9_999_999, "Less than 1 billion tokens (9 999 999 words counted)", "at most 100 where words are written without spaces"),
        (("ja",), 10_000_000, "10 000 000 words (counted; in tokens, Less than 1 billion tokens or 1billion to 10 trillions tokens)", "at most 100"),
        (("de",), 1_000_000_000, "1billion to 10 trillions tokens (1 000 000 000 words counted)", "at most 8."),
    ],
)
def test_a_size_is_given_in_tokens_where_any_count_of_them_falls_in_one_range_and_else_in_words(
    languages: tuple[str, ...], words: int, lines: str, note: str
) -> None:
    found = by_id(summary(dataset("books", languages=languages), words=words))
    assert found["1.3.b"].lines[0].replace("\u202f", " ") == f"Text: {lines}"
    assert found["1.3.b"].state is (State.DRAFTED if " or " in lines else State.COMPUTED)
    assert found["1.3.g"].lines[0].startswith("Words were counted, tokens were not. ")
    assert note in found["1.3.g"].lines[0]


def test_counted_tokens_name_their_tokenizer_and_rest_on_no_estimate() -> None:
    counts = (TokenCount(tokens=900, tokenizer="o200k_base"), TokenCount(tokens=1000, tokenizer="other"))
    found = by_id(summary(dataset("books", details=Details(modalities=(Modality.TEXT,), token_counts=counts))))
    assert found["1.3.b"].lines == ("Text: Less than 1 billion tokens (900 to 1\u202f000 tokens, counted)",)
    assert found["1.3.g"].lines == ("Tokens were counted with o200k_base, other.",)


def test_a_bracket_that_the_counts_rule_out_is_a_contradiction_and_one_of_them_is_not() -> None:
    wide = dataset("books")

    def answered(bracket: str, words: int) -> Entry:
        return by_id(summary(wide, words=words, answers=Answers(fields={"1.3.b": said("1.3.b", f"Text: {bracket}")})))["1.3.b"]

    assert answered("1billion to 10 trillions tokens", 500_000_000).state is State.ANSWERED
    assert answered("More than 10 trillions tokens", 500_000_000).state is State.CONTRADICTED
    same = answered("Less than 1 billion tokens", 10_000)
    assert (same.state, len(same.lines)) == (State.COMPUTED, 1)  # the same range is not printed twice
    assert answered("More than 10 trillions tokens", 10_000).state is State.CONTRADICTED


@pytest.mark.parametrize(
    ("month", "state"), [("08/2025", State.CONTRADICTED), ("09/2025", State.ANSWERED), ("01/2026", State.ANSWERED), ("12/2024", State.CONTRADICTED)]
)
def test_data_of_a_later_month_than_the_answer_says_contradict_it(month: str, state: State) -> None:
    given = Answers(fields={"1.3.d": said("1.3.d", month, "No")})
    assert by_id(summary(dataset("books"), answers=given))["1.3.d"].state is state  # collected until 2025-09-30


def test_a_day_of_release_that_has_not_come_is_told_as_planned() -> None:
    record = record_of(*EVERY)
    release = replace(record.run.model.release, date="2026-12-20")
    record = replace(record, run=replace(record.run, model=replace(record.run.model, release=release)))
    assert by_id(make_eu_summary(record, alone(record), Answers()))["1.2.c"].lines == ("2026-12-20 (planned, as of 2026-11-24)",)


def test_crawlers_of_those_who_published_the_data_are_none_of_the_provider() -> None:
    def made(operator: str, kind: SourceKind) -> list[str]:
        crawler = Crawler(name="SomeBot", operator=operator)
        one = dataset("bought", kind)
        one = replace(one, details=replace(one.details, collection=Collection(ongoing=TriState.NO, crawlers=(crawler,))))
        return [p.field for p in summary(one).problems]

    assert made("Press Ltd", SourceKind.LICENSED) == []
    assert made("UNKNOWN", SourceKind.LICENSED) == []
    assert made("Example Ltd", SourceKind.LICENSED) == ["2.3.a"]
    assert made("UNKNOWN", SourceKind.OWN) == ["2.3.a"]


def test_outputs_in_a_public_dataset_that_says_so_do_not_speak_against_a_no() -> None:
    blocked = blocked_record()
    names = {e.dataset for e in blocked.evidence}
    open_about_it = tuple(
        replace(s, synthetic=TriState.of(s.dataset.name in names), dataset=dataset(s.dataset.name, synthetic=TriState.of(s.dataset.name in names)))
        for s in blocked.datasets
    )
    record = replace(blocked, datasets=open_about_it, findings=())
    found = by_id(make_eu_summary(record, alone(record), Answers()))["2.5.a"]
    assert (found.state, found.lines) == (State.COMPUTED, ("No",))  # section 2.5 leaves out what others published; it stands in 2.1


@pytest.mark.parametrize(
    ("said", "state", "lines"), [("NO", State.COMPUTED, ("No",)), ("UNKNOWN", State.MISSING, None), ("YES", State.COMPUTED, ("Yes",))]
)
def test_data_that_a_model_only_labelled_are_as_synthetic_as_their_text(said: str, state: State, lines: tuple[str, ...] | None) -> None:
    by = (Generator(provider="lumen-ai", model="lumen-2", role="label"),)
    labelled = dataset("crawl", SourceKind.WEB_CRAWL, synthetic=TriState(said), generators=by)
    record = replace(record_of(), datasets=(replace(make_summary(labelled, weight=1.0, shards=1, words=10), synthetic=TriState(said)),))
    fields = by_id(make_eu_summary(record, alone(record), Answers()))
    assert fields["2.5.a"].state is state
    assert lines is None or fields["2.5.a"].lines == lines
    told = {"NO": "; not written by models;", "UNKNOWN": "; written by models: not known;", "YES": "; written by models;"}
    assert [word for word, text in told.items() if any(text in line for line in fields["2.3.f"].lines)] == [said]


@pytest.mark.parametrize(("month", "state"), [("09/2025", State.CONTRADICTED), ("10/2025", State.ANSWERED), ("11/2026", State.ANSWERED)])
def test_no_month_before_a_collection_began_is_the_latest_although_nobody_recorded_its_end(month: str, state: State) -> None:
    begun = dataset("books")
    begun = replace(begun, source=replace(begun.source, collected=DateRange(start="2025-10-07")))
    assert by_id(summary(begun))["1.3.d"].state is State.MISSING
    given = Answers(fields={"1.3.d": said("1.3.d", month, "No")})
    entry = by_id(summary(begun, answers=given))["1.3.d"]
    assert entry.state is state
    assert ("recorded facts say that data were collected in 10/2025" in entry.lines[0]) is (state is State.CONTRADICTED)


def sized(**words: int) -> AuditRecord:
    """Return an audit of public datasets of these numbers of words."""
    return replace(record_of(), datasets=tuple(make_summary(dataset(n), weight=0.1, shards=1, words=w) for n, w in words.items()))


def test_exactly_three_percent_is_not_large_and_more_is() -> None:
    exact = by_id(make_eu_summary(sized(small=30, rest=970), alone(sized(small=30, rest=970)), Answers()))
    assert exact["2.1.c"].lines == ("rest: https://d.example/rest",)
    assert len(exact["2.1.d"].lines) == 1
    above = by_id(make_eu_summary(sized(small=31, rest=969), alone(sized(small=31, rest=969)), Answers()))
    assert above["2.1.c"].lines == ("rest: https://d.example/rest", "small: https://d.example/small")
    assert above["2.1.d"].lines == ("Not applicable – every public dataset is large and listed above.",)


def test_a_dataset_is_not_made_small_by_splitting_it() -> None:
    record = sized(part1=20, part2=20, rest=960)  # 2 % each, and 4 % together
    parent = (dataset("books"), "sha256:" + "1" * 64, False)
    split = tuple(
        Judged(summary=replace(s, dataset=replace(s.dataset, derived_from=("books",))), ancestors=(parent,))
        if "part" in s.dataset.name
        else Judged(summary=s)
        for s in record.datasets
    )
    found = by_id(make_eu_summary(replace(record, datasets=tuple(j.summary for j in split)), split, Answers()))["2.1.c"]
    assert [line.split(":")[0] for line in found.lines] == ["books", "rest"]
    assert "used as part1, part2" in found.lines[0]


def test_three_percent_is_of_each_modality_apart() -> None:
    record = sized(words=990, pictures=1)
    pictures = replace(record.datasets[1].dataset, details=replace(record.datasets[1].dataset.details, modalities=(Modality.IMAGE, Modality.TEXT)))
    record = replace(record, datasets=(record.datasets[0], replace(record.datasets[1], dataset=pictures)))
    found = by_id(make_eu_summary(record, alone(record), Answers()))["2.1.c"]
    assert [line.split(":")[0] for line in found.lines] == ["pictures", "words"]  # 0.1 % of the text, and all of the images


def test_domains_come_from_a_file_that_the_answers_name(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("domain,bytes\n" + "".join(f"d{n}.example,{n}\n" for n in range(20)))
    given = Answers(domains=DomainFile(file=tmp_path / "d.csv", by="Ada", on="2026-11-30"))
    document = summary(*EVERY, answers=given)
    assert document.domains == ("d19.example", "d18.example")
    assert by_id(document)["2.3.h"].state is State.COMPUTED
    (tmp_path / "d.csv").write_text("domain,bytes\n" + "".join(f"d{n}.example,{n}\n" for n in range(21)))
    record = record_of(*EVERY)
    assert len(make_eu_summary(record, alone(record), given).domains) == 3  # 2.1 of 21, rounded up
    assert len(make_eu_summary(record, alone(record), given, is_small=True).domains) == 2  # 1.05 of 21
    (tmp_path / "d.csv").write_text("domain,bytes\n" + "".join(f"d{n}.example,{n}\n" for n in range(20)))
    write_disclosure(document, tmp_path / "out")
    assert (tmp_path / "out" / "domains.csv").read_bytes() == b"domain\r\nd19.example\r\nd18.example\r\n"


def test_without_a_registry_no_source_is_ruled_out() -> None:
    record = record_of(*EVERY)
    entries = by_id(make_eu_summary(record, gather(record, None), Answers()))
    assert entries["2.3.a"].lines == ("Yes",)
    assert entries["2.2.2.a"].state is State.MISSING
    assert "not registered" in entries["2.2.2.a"].because


def test_the_command_writes_lists_and_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    record = record_of(*EVERY)
    (tmp_path / "audit.json").write_bytes(JsonReport().render(record))

    def eu(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(["report", "eu", "audit.json", *words])
        return code, capsys.readouterr().out

    assert eu("--out", "one")[0] == 10
    verify_report(tmp_path / "one")
    code, text = eu("--questions", "-f", "yaml")
    assert code == 10
    (tmp_path / "answers.yaml").write_text(text)
    assert eu("--answers", "answers.yaml", "--supersedes", "one", "--out", "two")[0] == 10
    assert read_disclosure(tmp_path / "two" / "summary.json").document_version == "2"
    bad = (tmp_path / "answers.yaml").read_text().replace('"1.1.a":', '"1.1.z":')
    (tmp_path / "bad.yaml").write_text(bad)
    assert eu("--answers", "bad.yaml", "--out", "three")[0] == 1
    said_no = "format: provenance.answers\nversion: 1\ndocuments:\n  - document: eu-2025-8311\n    model: helpdesk-7b\n    fields:\n"
    (tmp_path / "no.yaml").write_text(said_no + '      "2.3.a": {value: no, by: Ada, on: "2026-11-30"}\n')
    code, text = eu("--answers", "no.yaml", "--out", "four")
    assert code == 11
    assert "2.3.a" in text
