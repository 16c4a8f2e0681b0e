"""Ways in which a run might be cleared although it must not be: each is tried for real, and each is blocked or sent to review."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.cli.main import run

RUN = """format: provenance.run
version: 1
model: {{name: m, release: {{weights: closed}}}}
purpose: {{commercial: true}}
data: [{data}]
references: [{references}]
policy: [baseline.yaml]
"""
PASSAGE = (
    "On the third evening the harbour master counted the lanterns again and found one too many, which troubled him more than a missing one would have, "
    "because a lamp that nobody owns is a lamp that somebody brought, and nobody rows out in November without a reason that he would rather not tell."
)
PLAIN = "The committee thanked the treasurer, approved the minutes and closed at nine, since the hall had been let to the choir."


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "book.txt").write_text("Somewhere else entirely the story had begun. " + PASSAGE)
    assert provenance(tmp_path, "init") == 0
    arguments = ("--kind", "work", "--license", "LicenseRef-all-rights-reserved")
    assert provenance(tmp_path, "reference", "add", "books", "book.txt", *arguments) == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def write(folder: Path, name: str, *texts: str) -> None:
    (folder / "data" / name).write_text("".join(json.dumps({"id": f"r{i}", "text": text}) + "\n" for i, text in enumerate(texts)))


def register(folder: Path, name: str, file: str, *more: str) -> int:
    return provenance(folder, "register", f"data/{file}", "--dataset", name, "--license", "CC0-1.0", "--synthetic", "no", *more)


def audit(folder: Path, *datasets: str, references: str = "books", capsys: pytest.CaptureFixture[str]) -> tuple[int, set[str]]:
    """Return the exit code and the rules with open findings."""
    (folder / "run.yaml").write_text(RUN.format(data=", ".join(f"{{dataset: {d}}}" for d in datasets), references=references))
    capsys.readouterr()
    code = provenance(folder, "audit", "run.yaml", "-f", "json", "--no-report")
    record = json.loads(capsys.readouterr().out)
    return code, {f["rule"] for f in record["findings"] if f["waiver"] is None}


def test_a_harmless_dataset_is_cleared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", PLAIN)
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", capsys=capsys) == (0, set())


def test_escaped_text_is_found_in_a_dump_of_json_and_as_records(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    escaped = "".join(f"\\u{ord(c):04x}" for c in PASSAGE)
    (work / "data" / "dump.txt").write_text(f'{{"text": "{escaped}"}}\n{{"text": ""}}\n')
    assert register(work, "a", "dump.txt") == 0
    assert audit(work, "a", capsys=capsys) == (11, {"C001"})
    (work / "data" / "dump.txt").rename(work / "data" / "dump.jsonl")
    assert register(work, "a", "dump.jsonl") == 0
    assert audit(work, "a", capsys=capsys) == (11, {"C001"})


@pytest.mark.parametrize("terms", ["x.developer.2025-06-04", "no.such.terms"])
def test_terms_named_for_text_by_people_are_judged(work: Path, capsys: pytest.CaptureFixture[str], terms: str) -> None:
    write(work, "a.jsonl", PLAIN)
    assert register(work, "a", "a.jsonl", "--terms", terms) == 0
    assert audit(work, "a", capsys=capsys) == (11, {"T001"})


@pytest.mark.parametrize("said", ["", "synthetic: no", "synthetic: yes"])
def test_labels_are_judged_as_the_outputs_that_they_are_whoever_wrote_the_text(work: Path, capsys: pytest.CaptureFixture[str], said: str) -> None:
    write(work, "a.jsonl", PLAIN)
    made = "{provider: cohere, model: command-r, channel: api, role: label, from: 2025-08-01, to: 2025-08-31}"
    (work / "datasets.yaml").write_text(
        "format: provenance.datasets\nversion: 1\ndatasets:\n"
        f"  - {{name: a, shards: [a.jsonl], license: CC0-1.0, generators: [{made}]{', ' + said if said else ''}}}\n"
    )
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    assert audit(work, "a", capsys=capsys) == (11, {"D001"})


@pytest.mark.parametrize("said", ["synthetic: no", "synthetic: unknown"])
def test_labels_of_a_model_that_nobody_catalogued_leave_open_what_they_ask_of_the_name(
    work: Path, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    write(work, "a.jsonl", PLAIN)
    made = "{provider: nobodycorp, model: nobody-7b, channel: api, role: label, from: 2025-08-01, to: 2025-08-31}"
    (work / "datasets.yaml").write_text(
        f"format: provenance.datasets\nversion: 1\ndatasets:\n  - {{name: a, shards: [a.jsonl], license: CC0-1.0, generators: [{made}], {said}}}\n"
    )
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    capsys.readouterr()
    (work / "run.yaml").write_text(
        RUN.format(data="{dataset: a}", references="books").replace("baseline.yaml", "distillation").replace("closed", "open")
    )
    assert provenance(work, "audit", "run.yaml", "-f", "json", "--no-report") == 11
    found = {f["rule"]: f["outcome"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert found.get("D001") == found.get("D004") == "UNKNOWN", found


@pytest.mark.parametrize(
    ("name", "more"), [("a", ("--source-url", "https://huggingface.co/datasets/the_pile_books3")), ("slimpajama", ())], ids=["address", "name"]
)
def test_a_notorious_source_is_barred_whatever_licence_it_carries(
    work: Path, capsys: pytest.CaptureFixture[str], name: str, more: tuple[str, ...]
) -> None:
    write(work, "a.jsonl", PLAIN)
    assert register(work, name, "a.jsonl", *more) == 0
    assert audit(work, name, capsys=capsys)[0] == 11


def test_a_reference_set_without_a_word_is_no_comparison(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", PLAIN)
    assert register(work, "a", "a.jsonl") == 0
    (work / "dots.jsonl").write_text('{"id": "a", "text": "…"}\n')
    assert provenance(work, "reference", "add", "nothing", "dots.jsonl", "--kind", "work") == 0
    assert audit(work, "a", references="books, nothing", capsys=capsys) == (10, {"R003"})


def test_no_reference_set_is_made_of_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "empty.jsonl").write_text("")
    assert provenance(work, "reference", "add", "nothing", "empty.jsonl", "--kind", "work") == 1
    assert "would hold nothing" in capsys.readouterr().err
    assert provenance(work, "match", "book.txt", "--reference", "nothing") == 1


def test_what_derives_from_forbidden_text_is_forbidden(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "src.jsonl", PLAIN)
    write(work, "derived.jsonl", PLAIN + " And so to bed.")
    manifest = """format: provenance.datasets
version: 1
datasets:
  - {name: src, license: {declared: CC-BY-NC-4.0}, synthetic: no, shards: [src.jsonl]}
  - {name: derived, license: {declared: CC0-1.0}, synthetic: no, derived_from: [src], shards: [derived.jsonl]}
  - {name: orphan, license: {declared: CC0-1.0}, synthetic: no, derived_from: [nosuch], shards: [derived.jsonl]}
"""
    (work / "datasets.yaml").write_text(manifest)
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    (work / "run.yaml").write_text(RUN.format(data="{dataset: derived}", references="books").replace("[baseline.yaml]", "[commercial-llm.yaml]"))
    assert provenance(work, "audit", "run.yaml", "--no-report") == 11
    assert "L001" in audit(work, "orphan", capsys=capsys)[1]


def test_equal_bytes_are_judged_by_all_that_is_registered_of_them(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", PLAIN)
    assert register(work, "clean", "a.jsonl") == 0
    assert audit(work, "clean", capsys=capsys)[0] == 0
    made = ("--license", "CC0-1.0", "--provider", "nobody", "--model", "m-1")
    assert provenance(work, "register", "data/a.jsonl", "--dataset", "made", *made) == 0
    assert audit(work, "clean", capsys=capsys) == (11, {"D001"})


def test_a_work_given_away_in_pieces_goes_to_review(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"{w}{i}" for i in range(40) for w in ("river", "stone", "paper", "candle", "window", "garden", "silver", "winter", "letter", "orange")]
    (work / "long.txt").write_text(" ".join(words))
    assert provenance(work, "reference", "add", "long", "long.txt", "--kind", "work", "--license", "LicenseRef-all-rights-reserved") == 0
    pieces = [f"As he liked to say, {' '.join(words[i : i + 20])}, and nobody asked him why." for i in range(0, 400, 20)]
    write(work, "a.jsonl", *pieces)
    assert register(work, "a", "a.jsonl") == 0
    code, rules = audit(work, "a", references="books, long", capsys=capsys)
    assert code in {10, 11}
    assert rules & {"C001", "C002"}


def test_a_second_audit_judges_all_that_hold_a_passage_as_the_first_did(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "o.jsonl").write_text(json.dumps({"id": "o1", "output": PASSAGE}))
    assert provenance(work, "reference", "add", "answers", "o.jsonl", "--kind", "api-output", "--text-field", "output") == 0
    write(work, "a.jsonl", f"Read to us last night: {PASSAGE}")
    assert register(work, "a", "a.jsonl") == 0
    for _ in range(2):
        assert audit(work, "a", references="books, answers", capsys=capsys) == (11, {"C001", "D002"})


@pytest.fixture
def answers(work: Path) -> list[list[str]]:
    """Sixty API outputs of a hundred words each, no word of which another one has, as a reference set."""
    outputs = [[f"{stem}{n}x{i}" for i in range(20) for stem in ("river", "stone", "paper", "candle", "window")] for n in range(60)]
    lines = [json.dumps({"id": f"o{n}", "output": " ".join(words)}) for n, words in enumerate(outputs)]
    (work / "o.jsonl").write_text("\n".join(lines))
    assert provenance(work, "reference", "add", "answers", "o.jsonl", "--kind", "api-output", "--text-field", "output") == 0
    return outputs


def test_outputs_given_away_in_pieces_go_to_review(work: Path, answers: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    pieces = [f"As one says, {' '.join(words[i : i + 20])}, and nobody asked him why." for words in answers[:12] for i in range(0, 100, 20)]
    write(work, "a.jsonl", *pieces)
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", references="books, answers", capsys=capsys) == (10, {"D003"})


def test_a_verbatim_part_of_each_of_many_outputs_goes_to_review(work: Path, answers: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", *(f"As one says, {' '.join(words[10:33])}, and nobody asked him why." for words in answers))
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", references="books, answers", capsys=capsys) == (10, {"D003"})


PIECES = [" ".join(PASSAGE.split()[i : i + 5]) for i in range(0, 60, 5)]
TWELVES = [" ".join(PASSAGE.split()[i : i + 12]) for i in range(0, 60, 12)]


@pytest.mark.parametrize(
    "record",
    [
        {"f0": " ".join(PASSAGE.split()[:20]), "f1": " ".join(PASSAGE.split()[20:40]), "f2": " ".join(PASSAGE.split()[40:])},
        {"x": PIECES},
        {"x": [{"name": piece} for piece in PIECES]},
        {"x": [{"id": word} for word in PASSAGE.split()]},
        {"messages": [{"type": piece, "content": ""} for piece in PIECES]},
        {"lines": [piece.ljust(310) for piece in TWELVES]},
        {"https://example.org/?q=" + "a" * 400: PIECES},
        {"messages": json.dumps([{"role": "assistant", "content": PASSAGE.replace(" ", "\n")}])},
        {"messages": json.dumps(json.dumps({"said": PASSAGE.replace(" ", "\n")}))},
        {"text": PASSAGE.replace("e", "&#101;")},
    ],
    ids=["fields", "list", "labels", "words", "types", "padded", "long key", "JSON", "JSON in JSON", "references"],
)
def test_a_passage_is_found_however_it_is_cut_or_written(work: Path, record: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    (work / "data" / "a.jsonl").write_text(json.dumps({"id": "r", "note": "hello there"} | record) + "\n")
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", capsys=capsys) == (11, {"C001"})


@pytest.mark.parametrize(
    "raw", [("é " + PASSAGE).encode("latin1"), PASSAGE.encode("utf-16"), PASSAGE.encode() + b"\xff"], ids=["Latin-1", "UTF-16", "one bad byte"]
)
def test_bytes_in_another_encoding_are_read(work: Path, raw: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"text": ["hello"], "raw": pa.array([raw])}), work / "data" / "a.parquet")
    assert register(work, "a", "a.parquet") == 0
    assert audit(work, "a", capsys=capsys) == (11, {"C001"})


def test_a_book_in_short_notes_beside_the_named_field_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"text": "ok then", "note": f"{piece} {n}"}) for n, piece in enumerate(TWELVES * 3)]
    (work / "data" / "a.jsonl").write_text("\n".join(lines))
    assert register(work, "a", "a.jsonl", "--text-field", "text") == 0
    assert audit(work, "a", capsys=capsys) == (10, {"R004"})
    assert provenance(work, "match", "data/a.jsonl", "--reference", "books", "--text-field", "text", "--fail-on-match") == 4
    assert "note: its text or token ids in 12 records were compared with nothing" in capsys.readouterr().err


def test_a_surrogate_in_the_name_of_a_field_that_is_not_read_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "data" / "a.jsonl").write_text('{"text": "hello there", "\\ud800x": "' + PASSAGE + '"}\n')
    assert register(work, "a", "a.jsonl", "--text-field", "text") == 0
    assert audit(work, "a", capsys=capsys) == (10, {"R004"})


def test_a_column_without_text_is_no_text_field(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"n": [1, 2], "t": [PASSAGE, PASSAGE]}), work / "data" / "a.parquet")
    assert register(work, "a", "a.parquet", "--text-field", "n") == 4
    assert "no column 'n' that holds text" in capsys.readouterr().err


def test_a_phrase_of_each_of_many_outputs_gives_none_away(work: Path, answers: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", *(f"As one says, {' '.join(words[10:22])}, and nobody asked him why." for words in answers))
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", references="books, answers", capsys=capsys) == (0, set())


def test_the_same_piece_again_and_again_gives_no_more_away(work: Path, answers: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", *(f"As {n} says, {' '.join(answers[0][:20])}, and nobody asked him why." for n in range(80)))
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", references="books, answers", capsys=capsys) == (0, set())


def test_a_file_in_two_datasets_is_mended_for_both(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", PLAIN, f"Read to us last night: {PASSAGE}", PLAIN)
    assert register(work, "one", "a.jsonl") == 0
    assert register(work, "two", "a.jsonl") == 0
    assert audit(work, "one", "two", capsys=capsys) == (11, {"C001"})
    assert provenance(work, "remedy", "drop", "--apply") == 0
    assert len((work / "data" / "a.jsonl").read_text().splitlines()) == 2
    assert audit(work, "one", "two", capsys=capsys) == (0, set())


def test_a_forged_record_is_not_signed(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", f"Read to us last night: {PASSAGE}")
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", capsys=capsys)[0] == 11
    assert provenance(work, "keys", "new", "officer", "--no-passphrase") == 0
    capsys.readouterr()
    assert provenance(work, "audit", "run.yaml", "-f", "json") == 11
    record = json.loads(capsys.readouterr().out) | {"verdict": "CLEARED", "findings": []}
    for name in ("forged.json", "latest"):
        (work / name).write_text(json.dumps(record))
        assert provenance(work, "clear", name) == 1
    assert not list(work.glob("*.clearance.json"))


def test_a_passage_in_any_field_is_found_and_one_in_a_field_left_out_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"instruction": "Go on.", "completions": [{"response": PASSAGE}], "text": PLAIN}
    (work / "data" / "a.jsonl").write_text(json.dumps(record) + "\n")
    assert register(work, "a", "a.jsonl") == 0
    code, rules = audit(work, "a", capsys=capsys)
    assert code != 0
    assert "C001" in rules
    assert register(work, "a", "a.jsonl", "--text-field", "text") == 0
    code, rules = audit(work, "a", capsys=capsys)
    assert code != 0
    assert rules == {"R004"}


def test_matches_are_listed_by_what_they_are(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", f"Read to us last night: {PASSAGE}", f"As he said, {' '.join(PASSAGE.split()[:12])}, and went.")
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", capsys=capsys) == (11, {"C001"})

    def listed(*filters: str) -> list[str]:
        capsys.readouterr()
        assert provenance(work, "matches", "list", "-f", "json", *filters) == 0
        return [item["match"]["doc_id"] for item in json.loads(capsys.readouterr().out)]

    assert listed() == ["r0", "r1"]
    assert listed("--state", "alarm") == listed("--finding", "C001") == ["r0"]
    assert listed("--state", "short-passage") == ["r1"]
    assert listed("--reference", "books") == listed("--reference", "book") == listed("--kind", "work", "--dataset", "a") == ["r0", "r1"]
    assert listed("--reference", "other") == listed("--kind", "api-output") == listed("--dataset", "b") == []


def test_a_pack_from_another_hand_explains_nothing_away(
    work: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path_factory.mktemp("other")
    assert provenance(other, "init") == 0
    filler = [[f"{stem}{n}y{i}" for i in range(40) for stem in ("river", "stone", "paper", "candle", "window")] for n in range(6)]
    part = " ".join(PASSAGE.split()[:30])
    lines = [
        json.dumps({"id": f"w{n}", "title": f"t{n}", "author": f"a{n}", "holder": f"h{n}", "text": f"{' '.join(f)} {part}"})
        for n, f in enumerate(filler)
    ]
    (other / "w.jsonl").write_text("\n".join(lines))
    assert provenance(other, "reference", "add", "works", "w.jsonl", "--kind", "work", "--license", "CC0-1.0") == 0
    assert provenance(other, "reference", "pack", "works", "-o", str(work / "works.pack"), "--one-in", "2") == 0
    assert provenance(work, "reference", "add", "theirs", "works.pack") == 0
    (work / "long.txt").write_text(" ".join(f"{stem}z{i}" for i in range(400) for stem in ("river", "stone", "paper")) + f" {part}")
    assert provenance(work, "reference", "add", "long", "long.txt", "--kind", "work", "--license", "LicenseRef-all-rights-reserved") == 0
    write(work, "a.jsonl", f"And then, {part} as he said")
    assert register(work, "a", "a.jsonl") == 0
    assert audit(work, "a", references="long, theirs", capsys=capsys) == (11, {"C001"})


def test_nothing_is_cleared_by_other_patterns_than_it_was_judged_by(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "a.jsonl", *(f"{PLAIN} Number {n}." for n in range(5)))
    assert register(work, "a", "a.jsonl") == 0
    assert provenance(work, "keys", "new", "officer", "--no-passphrase") == 0
    assert audit(work, "a", capsys=capsys) == (0, set())
    (work / "patterns").mkdir()
    pattern = "{id: choir, kind: refusal, title: sings, regex: let to the choir, needles: [choir], examples: [let to the choir]}"
    (work / "patterns" / "own.yaml").write_text(f"format: provenance.patterns\nversion: 1\nname: own\nrelease: '1'\npatterns: [{pattern}]\n")
    settings = work / "provenance.toml"
    settings.write_text('patterns = ["patterns"]\n' + settings.read_text())
    assert provenance(work, "clear") == 1
    assert "looked at for patterns changed since the audit" in capsys.readouterr().err
    assert audit(work, "a", capsys=capsys) == (10, {"A001"})


def test_a_sample_tells_what_it_did_not_read(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"text": "ok then", "x": PASSAGE}) for _ in range(40)]
    (work / "data" / "a.jsonl").write_text("\n".join([*lines, "no JSON"]))
    assert register(work, "a", "a.jsonl", "--text-field", "text") == 4
    capsys.readouterr()
    assert provenance(work, "scan", "--sample", "50%", "-f", "json") == 4
    said = capsys.readouterr()
    (sample,) = json.loads(said.out)
    assert (sample["records"], sample["unread"], sample["left_out"]) == (41, 1, [{"field": "x", "records": 40}])
    assert sample["upper_records"] >= 1
    assert "were compared with nothing" in said.err


def test_data_that_nobody_looked_at_for_assistants_is_not_cleared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A001 asks only of data that was looked at: R002 and R003 ask that it was."""
    write(work, "plain.jsonl", PLAIN)
    write(work, "chats.jsonl", *(f"As an AI language model, I cannot say more about lantern {n} than that." for n in range(9)))
    assert register(work, "plain", "plain.jsonl") == 0
    assert register(work, "chats", "chats.jsonl") == 0
    assert "A001" in audit(work, "chats", capsys=capsys)[1]
    (work / "data" / "chats.jsonl").write_bytes(b"\xff\xfe")  # a shard that no scan can read
    assert provenance(work, "register", "data/chats.jsonl", "--dataset", "chats", "--license", "CC0-1.0", "--synthetic", "no") in {0, 1, 4}
    code, rules = audit(work, "plain", "chats", capsys=capsys)
    assert code == 11
    assert rules & {"R001", "R002"}
    code, rules = audit(work, "plain", references="", capsys=capsys)
    assert code in {10, 11}
    assert "R003" in rules
