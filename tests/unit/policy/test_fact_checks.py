"""The strict check of facts, what counts as unknown, and the digest over all of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from provenance.errors import PolicyDocumentError
from provenance.model.finding import Subject, SubjectKind
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.facts import (
    SCHEMA,
    FactField,
    Facts,
    FactsDigest,
    FactType,
    FactValue,
    SubjectFacts,
    is_unknown,
    schema_paths,
    validate_facts,
    validate_subject,
    value_fault,
)
from tests.fakes.plain_audit import plain_digest

LARGEST = 2**53 - 1
"""The largest whole number that every reader of I-JSON holds exactly (RFC 7493, 2.2)."""


def subject(kind: SubjectKind, name: str = "a", changes: dict[str, FactValue] | None = None, dataset: str = "d") -> SubjectFacts:
    harmless = harmless_values()
    values = {field.path: harmless[f"{kind.value}.{field.path}"] for field in SCHEMA[kind]} | (changes or {})
    return SubjectFacts(subject=Subject(kind=kind, id=name, digest="sha256:" + "0" * 64), values=tuple(values.items()), dataset=dataset)


def field(kind: FactType, *, values: tuple[str, ...] = (), may_be_absent: bool = False, known_by: str = "") -> FactField:
    return FactField(path="p", type=kind, doc="", values=values, may_be_absent=may_be_absent, known_by=known_by)


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_the_harmless_facts_of_each_kind_fit(kind: SubjectKind) -> None:
    validate_subject(subject(kind), kind)


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        (FactType.TEXT, "", ""),
        (FactType.TEXT, 1, "expected text, got int"),
        (FactType.TEXT, None, "expected text, got NoneType"),
        (FactType.INT, LARGEST, ""),
        (FactType.INT, -LARGEST, ""),
        (FactType.INT, LARGEST + 1, "9007199254740992 is not a finite number within range"),
        (FactType.INT, -LARGEST - 1, "-9007199254740992 is not a finite number within range"),
        (FactType.INT, 1.0, "expected a number (int), got float"),
        (FactType.INT, True, "expected a number (int), got bool"),
        (FactType.INT, "1", "expected a number (int), got str"),
        (FactType.DOUBLE, 0.5, ""),
        (FactType.DOUBLE, 1, ""),
        (FactType.DOUBLE, float(LARGEST), ""),
        (FactType.DOUBLE, float(LARGEST + 1), "9007199254740992.0 is not a finite number within range"),
        (FactType.DOUBLE, math.nan, "nan is not a finite number within range"),
        (FactType.DOUBLE, math.inf, "inf is not a finite number within range"),
        (FactType.DOUBLE, -math.inf, "-inf is not a finite number within range"),
        (FactType.DOUBLE, False, "expected a number (double), got bool"),
        (FactType.DOUBLE, "0.5", "expected a number (double), got str"),
        (FactType.TEXTS, (), ""),
        (FactType.TEXTS, ("a", "b"), ""),
        (FactType.TEXTS, ("a", 1), "expected a list of texts"),
        (FactType.TEXTS, "a", "expected a list of texts"),
        (FactType.TEXTS, ["a"], "expected a list of texts"),
    ],
)
def test_a_value_is_of_its_type_finite_and_within_range(kind: FactType, value: object, fault: str) -> None:
    assert value_fault(field(kind), value) == fault


def test_a_word_is_of_its_vocabulary() -> None:
    words = field(FactType.TEXT, values=("YES", "NO"))
    assert value_fault(words, "NO") == ""
    assert value_fault(words, "no") == "'no' is not one of YES, NO"
    assert value_fault(words, 1) == "expected text, got int"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"scan": "currant"}, "scan: 'currant' is not one of current, stale, none, UNKNOWN"),
        ({"words": 1.0}, "words: expected a number (int), got float"),
        ({"words": True}, "words: expected a number (int), got bool"),
        ({"surprise": "x"}, "unknown fact 'surprise'"),
        ({"path": ["x"]}, "path: expected text, got list"),
    ],
)
def test_a_fault_names_kind_subject_and_fact(changes: dict[str, FactValue], fault: str) -> None:
    validate_subject(subject(SubjectKind.SHARD, changes={"words": 1}), SubjectKind.SHARD)  # 1 and True are equal; only one of them is a number
    with pytest.raises(PolicyDocumentError) as caught:
        validate_subject(subject(SubjectKind.SHARD, changes=changes), SubjectKind.SHARD)
    assert str(caught.value) == f"facts do not fit the schema: shard 'a': {fault}"


def test_every_fault_of_a_subject_is_named() -> None:
    whole = subject(SubjectKind.DOMAIN)
    with pytest.raises(PolicyDocumentError) as caught:
        validate_subject(replace(whole, values=(*whole.values[1:], whole.values[1], ("more", 1))), SubjectKind.DOMAIN)
    faults = str(caught.value).removeprefix("facts do not fit the schema: ").split("; ")
    assert faults == ["domain 'a': a fact is given twice", "domain 'a': unknown fact 'more'", "domain 'a': fact 'name' is missing"]


def test_a_subject_of_another_kind_is_refused() -> None:
    item = subject(SubjectKind.DOMAIN)
    with pytest.raises(PolicyDocumentError, match="domain 'a': subject is a waiver"):
        validate_subject(replace(item, subject=replace(item.subject, kind=SubjectKind.WAIVER)), SubjectKind.DOMAIN)


@pytest.mark.parametrize("number", [1, 5, 6, 9])
def test_of_many_faults_five_are_named_and_the_others_counted(number: int) -> None:
    shares = {f"share{i}": 1 for i in range(number)}
    facts = Facts(run=subject(SubjectKind.RUN), datasets=(subject(SubjectKind.DATASET, changes=dict(shares)),), shards=())
    with pytest.raises(PolicyDocumentError) as caught:
        validate_facts(facts)
    shown = [f"dataset 'a': unknown fact 'share{i}'" for i in range(min(number, 5))]
    rest = [f"and {number - 5} more"] if number > 5 else []
    assert str(caught.value) == "facts do not fit the schema: " + "; ".join(shown + rest)


@pytest.mark.parametrize("kind", [SubjectKind.RUN, SubjectKind.DATASET, SubjectKind.DOMAIN])
def test_the_facts_of_run_datasets_and_domains_are_checked_together(kind: SubjectKind) -> None:
    good = Facts(run=subject(SubjectKind.RUN), datasets=(subject(SubjectKind.DATASET),), shards=(), domains=(subject(SubjectKind.DOMAIN),))
    validate_facts(good)
    bad = subject(kind, changes={"surprise": 1})
    with pytest.raises(PolicyDocumentError, match=f"{kind.value} 'a': unknown fact 'surprise'"):
        validate_facts(
            replace(
                good,
                run=bad if kind is SubjectKind.RUN else good.run,
                datasets=(bad,) if kind is SubjectKind.DATASET else good.datasets,
                domains=(bad,) if kind is SubjectKind.DOMAIN else good.domains,
            )
        )


@pytest.mark.parametrize(
    ("kind", "visible"),
    [
        (SubjectKind.RUN, {"run"}),
        (SubjectKind.DATASET, {"dataset", "run"}),
        (SubjectKind.SHARD, {"shard", "dataset", "run"}),
        (SubjectKind.DOMAIN, {"domain", "run"}),
        (SubjectKind.MATCH, {"match", "dataset", "run"}),
        (SubjectKind.WAIVER, {"waiver", "run"}),
    ],
)
def test_a_rule_reads_its_subject_the_run_and_of_shards_and_matches_the_dataset(kind: SubjectKind, visible: set[str]) -> None:
    paths = schema_paths(kind)
    assert {path.partition(".")[0] for path in paths} == visible
    assert all(path.partition(".")[2] == found.path for path, found in paths.items())
    assert len(paths) == sum(len(SCHEMA[SubjectKind(name)]) for name in visible)


TRI = field(FactType.TEXT, values=("YES", "NO", "UNKNOWN"))
ABSENT = field(FactType.TEXT, may_be_absent=True)
COUNTED = field(FactType.INT, known_by="p_known")


@pytest.mark.parametrize(
    ("fact", "value", "siblings", "unknown"),
    [
        (TRI, "UNKNOWN", {}, True),
        (TRI, "NO", {}, False),
        (ABSENT, "UNKNOWN", {}, True),
        (ABSENT, "NOT_STATED", {}, True),
        (ABSENT, "UNREADABLE", {}, True),
        (ABSENT, "openai", {}, False),
        (field(FactType.TEXT), "UNKNOWN", {}, False),
        (COUNTED, 0, {"shard.p_known": "NO"}, True),
        (COUNTED, 7, {"shard.p_known": "NO"}, True),
        (COUNTED, 0, {"shard.p_known": "YES"}, False),
        (COUNTED, 0, {}, True),  # where nobody says that it is known, it is not
        (COUNTED, 0, {"run.p_known": "YES"}, True),
        (field(FactType.INT), 0, {}, False),
    ],
)
def test_a_fact_is_unknown_by_its_word_its_absence_or_its_companion(
    fact: FactField, value: FactValue, siblings: dict[str, FactValue], unknown: bool
) -> None:
    assert is_unknown(fact, value, siblings, "shard") is unknown


@pytest.mark.parametrize("matches", [0, 1, 3])
@pytest.mark.parametrize("shards", [0, 1, 3])
@pytest.mark.parametrize("others", [0, 1, 2])
def test_the_digest_is_that_of_one_document_of_all_facts(matches: int, shards: int, others: int) -> None:
    def several(kind: SubjectKind, number: int) -> tuple[SubjectFacts, ...]:
        return tuple(subject(kind, f"{kind.value}{i}", dataset=f"d{i % 2}") for i in range(number))

    facts = Facts(
        run=subject(SubjectKind.RUN, "r"),
        datasets=several(SubjectKind.DATASET, others),
        shards=several(SubjectKind.SHARD, shards),
        domains=several(SubjectKind.DOMAIN, others),
        matches=several(SubjectKind.MATCH, matches),
    )
    assert facts.digest == plain_digest(facts)
    taken = FactsDigest(facts)
    for match in facts.matches:
        taken.add(match)
    for shard in facts.shards:
        taken.add_shard(shard)
    assert taken.finish() == facts.digest
