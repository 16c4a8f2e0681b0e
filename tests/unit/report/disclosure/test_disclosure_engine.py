"""The engine of disclosure documents: conditions, states, contradictions, and answers files read strictly."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from provenance.documents import parse_document
from provenance.errors import DocumentError
from provenance.model.absence import TriState
from provenance.report.disclosure.answers import Answers, load_answers
from provenance.report.disclosure.conditions import holds, parse_condition
from provenance.report.disclosure.fill import Filled, fill
from provenance.report.disclosure.template import Field, Kind, Section, Template, load_template, read_template
from provenance.report.disclosure.values import Answer, Entry, State, Told

AUDIT = "sha256:" + "a" * 64
FACTS = Path(__file__).parents[5] / "shared" / "facts" / "eu_template.yaml"


def template(*fields: Field) -> Template:
    section = Section(id="1", title="One", fields=fields)
    return Template(id="t", name="T", release="1", date="2026-01-01", source="s", notice="n", sections=(section,))


def answered(field: str, *lines: str, applies: bool = True, because: str = "") -> Answer:
    return Answer(field=field, lines=lines, applies=applies, because=because, by="Ada", on="2026-11-30", where="answers.yaml:7:3")


def run(fields: tuple[Field, ...], told: tuple[Told, ...] = (), answers: tuple[Answer, ...] = (), **facts: TriState) -> Filled:
    return fill(template(*fields), told, Answers(fields={a.field: a for a in answers}), facts, audit=AUDIT)


def first(filled: Filled) -> Entry:
    return filled.sections[0].entries[-1]


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        ("always", {}, TriState.YES),
        ("a=Yes", {"a": TriState.YES}, TriState.YES),
        ("a=Yes", {"a": TriState.NO}, TriState.NO),
        ("a=Yes", {}, TriState.UNKNOWN),
        ("a=Yes and big", {"a": TriState.YES}, TriState.UNKNOWN),
        ("a=Yes and big", {"a": TriState.NO}, TriState.NO),
        ("a=Yes or b=Yes", {"a": TriState.NO}, TriState.UNKNOWN),
        ("a=Yes or b=Yes", {"a": TriState.NO, "b": TriState.NO}, TriState.NO),
        ("a=Yes or b=Yes", {"b": TriState.YES}, TriState.YES),
    ],
)
def test_a_condition_is_kleene_logic(text: str, facts: dict[str, TriState], expected: TriState) -> None:
    assert holds(parse_condition(text), facts)[0] is expected


def test_a_field_that_nobody_answered_is_missing_and_says_why() -> None:
    entry = first(run((Field(id="1.a", label="L"),)))
    assert entry.state is State.MISSING
    assert entry.lines == ("not known – only people know it",)


def test_what_may_apply_is_missing_and_never_left_out() -> None:
    entry = first(run((Field(id="1.a", label="L", when="big"),)))
    assert entry.state is State.MISSING
    assert "whether it applies is open" in entry.lines[0]
    assert first(run((Field(id="1.a", label="L", when="big"),), big=TriState.NO)).state is State.NOT_APPLICABLE
    assert first(run((Field(id="1.a", label="L", when="never"),))).state is State.LEFT_OPEN


def test_answers_to_earlier_fields_decide_conditions() -> None:
    fields = (Field(id="1.a", label="Q", kind=Kind.YES_NO), Field(id="1.b", label="L", when="1.a=Yes"))
    assert first(run(fields, answers=(answered("1.a", "No"),))).state is State.NOT_APPLICABLE
    assert first(run(fields, answers=(answered("1.a", "Yes"),))).state is State.MISSING
    assert first(run(fields)).state is State.MISSING


@pytest.mark.parametrize(
    ("kind", "computed", "said", "is_contradiction"),
    [
        (Kind.YES_NO, ("Yes",), ("No",), True),
        (Kind.YES_NO, ("Yes",), ("Yes",), False),
        (Kind.LIST, ("a", "b"), ("a",), True),
        (Kind.LIST, ("a",), ("a", "b"), False),
        (Kind.MODALITIES, ("Text",), ("text", "Image"), False),
        (Kind.MODALITIES, ("Text", "Image"), ("Text",), True),
        (Kind.MONTH, ("09/2026", "No"), ("08/2026", "No"), True),
        (Kind.TEXT, ("from the registry",), ("and more",), False),
    ],
)
def test_an_answer_may_add_and_not_contradict(kind: Kind, computed: tuple[str, ...], said: tuple[str, ...], is_contradiction: bool) -> None:
    filled = run(
        (Field(id="1.a", label="L", kind=kind),),
        (Told(field="1.a", state=State.COMPUTED, lines=computed, rests_on=("chats@sha256:1",)),),
        (answered("1.a", *said),),
    )
    assert bool(filled.problems) is is_contradiction
    if not is_contradiction:
        assert first(filled).lines[: len(computed)] == computed
    else:
        assert first(filled).state is State.CONTRADICTED
        assert (first(filled).claimed, first(filled).recorded) == (said, computed)
        assert first(filled).lines == (f"contradicted – {filled.problems[0].message}",)
        problem = filled.problems[0]
        assert problem.evidence == ("chats@sha256:1",)
        assert all(line in problem.message for line in (*computed, *said, "Ada", "answers.yaml:7:3"))


def test_not_known_of_a_computed_field_is_a_contradiction_and_of_another_an_answer() -> None:
    field, answer = Field(id="1.a", label="L"), answered("1.a", because="nobody kept it")
    assert first(run((field,), answers=(answer,))).lines == ("not known – nobody kept it",)
    assert run((field,), (Told(field="1.a", state=State.COMPUTED, lines=("x",)),), (answer,)).problems


def test_what_is_asked_cannot_be_said_not_to_apply() -> None:
    filled = run((Field(id="1.a", label="L"),), answers=(answered("1.a", applies=False, because="no"),))
    assert filled.problems
    assert first(filled).state is State.CONTRADICTED
    assert (
        first(run((Field(id="1.a", label="L", when="big"),), answers=(answered("1.a", applies=False, because="no"),))).state is State.NOT_APPLICABLE
    )


@pytest.mark.parametrize(
    ("decided", "state"),
    [(None, State.MISSING), ("Yes", State.CONTRADICTED), ("No", State.NOT_APPLICABLE)],
)
def test_a_field_is_left_out_only_once_the_field_that_decides_it_is_answered(decided: str | None, state: State) -> None:
    fields = (Field(id="1.a", label="Q", kind=Kind.YES_NO), Field(id="1.b", label="L", when="1.a=Yes"))
    given = (answered("1.b", applies=False, because="no such data are used"), *([answered("1.a", decided)] if decided else []))
    entry = first(run(fields, answers=given))
    assert entry.state is state
    assert decided or "decided by field 1.a, which nobody has answered" in entry.lines[0]


def test_the_shipped_template_has_the_words_of_its_source() -> None:
    loaded = load_template("eu-2025-8311")
    assert len(loaded.fields) == 53
    brackets = [b for s in loaded.sections for r in s.rows for b in r.brackets]
    assert "1billion to 10 trillions tokens" in brackets
    assert "1Million to1 billion images" in brackets
    assert len(loaded.conditions) == 53
    if FACTS.is_file():
        labels = {str(f["id"]): (f["label"], f.get("help", "")) for f in _fields(yaml.safe_load(FACTS.read_text()))}
        assert {f.id: (f.label, f.help) for f in loaded.fields} == labels


def _fields(node: object) -> list[dict[str, str]]:
    if isinstance(node, list):
        return [f for item in node for f in _fields(item)]
    if not isinstance(node, dict):
        return []
    return ([node] if "derive" in node else []) + [f for item in node.values() for f in _fields(item)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("when: always", "when: 9.z=Yes"), "no yes-or-no field before it"),
        (("id: 0.b", "id: 0.a"), "given twice"),
        (("kind: yesno", "kind: maybe"), "expected one of"),
        (("version: 1\n", "version: 2\n"), "expected format"),
    ],
)
def test_a_broken_template_is_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    text = (Path(__file__).parents[4] / "reports" / "disclosures" / "eu-2025-8311.yaml").read_text()
    path = tmp_path / "t.yaml"
    path.write_text(text.replace(*change, 1))
    with pytest.raises(DocumentError, match=said):
        read_template(path)


GOOD = """format: provenance.answers
version: 1
documents:
  - document: t
    model: m
    fields:
      1.a: {value: yes, by: Ada, on: "2026-11-30"}
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("1.a:", "1.z:"), r":7:7: documents.0.fields.1.z: '1.z' is not known"),
        (("value: yes", "value: perhaps"), r":7:13: .*expected yes or no"),
        (("2026-11-30", "2026-11-31"), "expected a day"),
        (("by: Ada, ", ""), "says who gave it and when"),
        (("value: yes", "value: null"), "without a value it says why"),
        (("value: yes", "valeu: yes"), "'valeu' is not known"),
        (("value: yes", "applies: false, because: not sure"), "'not sure' says nothing"),
        (("value: yes", "applies: false, because: x"), "'x' is no reason: say in a few words"),
        (("value: yes", "value: null, because: I don't know."), "says nothing"),
        (("model: m", "model: other"), "no answers for document"),
        (("value: yes", "applies: 3"), "expected true or false"),
        (("version: 1", "version: 2"), "expected format"),
    ],
)
def test_an_answers_file_is_read_strictly(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    asked = template(Field(id="1.a", label="Q", kind=Kind.YES_NO))
    path = tmp_path / "answers.yaml"
    path.write_text(GOOD)
    assert load_answers(path, asked, "m").fields["1.a"].lines == ("Yes",)
    path.write_text(GOOD.replace(*change))
    assert parse_document(path.read_bytes(), where="x") is not None
    with pytest.raises(DocumentError, match=said):
        load_answers(path, asked, "m")


def test_the_documented_answers_load_and_fit_their_schema(tmp_path: Path) -> None:
    formats = Path(__file__).parents[4] / "docs" / "formats"
    text = (formats / "answers.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "answers.yaml"
    path.write_text(text, encoding="utf-8")
    jsonschema.validate(parse_document(path.read_bytes(), where="answers"), json.loads((formats / "answers.schema.json").read_bytes()))
    given = load_answers(path, load_template("eu-2025-8311"), "helpdesk-7b")
    assert given.fields["2.4.b"].lines == ("Yes",)
    assert "3.1.a" not in given.fields
    assert given.domains is not None
    assert given.domains.file == tmp_path / "domains-scraped.csv"
