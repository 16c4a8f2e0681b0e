"""A catalogue of one's own: looked at, compared, checked, and its effects told before it is put into force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run

MANIFEST = """format: provenance.datasets
version: 1
datasets:
  - {name: poems, synthetic: no, license: {declared: CC0-1.0}, languages: [en], shards: [poems.jsonl]}
  - name: chats
    synthetic: yes
    obtained: own-account
    license: {declared: CC0-1.0}
    generators: [{provider: mistral, model: mistral-small, channel: api, region: FR, from: 2024-03-01, to: 2024-03-10}]
    shards: [chats.jsonl]
  - {name: named, synthetic: no, license: {declared: CC0-1.0}, terms: [mistral.tos.2024-02-27], shards: [named.jsonl]}
  - {name: copied, synthetic: yes, license: {declared: CC0-1.0}, derived_from: [chats], shards: [copied.jsonl]}
"""
RUN = """format: provenance.run
version: 1
model: {name: helpdesk-7b, kind: chat-llm}
purpose: {commercial: true}
organization: {name: Example Ltd}
data: [{dataset: poems, weight: 0.5}, {dataset: chats, weight: 0.5}]
requested_by: lead@example.org
"""
OWN = """format: provenance.terms
version: 1
release: example.1
terms:
  - id: mistral.tos.2024-02-27
    provider: mistral
    service: api+chat
    kind: service-terms
    title: Terms of Service, as our counsel reads them
    version: {effective_from: 2024-02-27, effective_to: 2025-02-06, precision: observed}
    applies_to: {channels: [api, consumer], regions: [global], models: ["mistral*"]}
    clauses: {train_any_model: {value: prohibited-if-competing, quote: "\u202eNo."}}
    source: [{where: "memo of 2026-11-02"}]
    confidence: seen
"""


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), *arguments])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terms")
    (folder / "data").mkdir()
    for name in ("poems", "chats", "named", "copied"):
        (folder / "data" / f"{name}.jsonl").write_text(json.dumps({"text": f"of {name} there is nothing to tell tonight"}) + "\n")
    for name, text in (("datasets.yaml", MANIFEST), ("run.yaml", RUN), ("own.yaml", OWN)):
        (folder / name).write_text(text, encoding="utf-8")
    assert provenance(folder, "-q", "init") == 0
    assert provenance(folder, "-q", "register", "--manifest", "datasets.yaml") == 0
    assert provenance(folder, "-q", "audit") in {0, 10}
    return folder


@pytest.fixture
def asked(work: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert provenance(work, "-q", "terms", *arguments, "-f", "json") == code
        return json.loads(capsys.readouterr().out)

    return ask


def said(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert provenance(folder, *arguments) == code
    out, err = capsys.readouterr()
    return out, err


# -- list, show, on -------------------------------------------------------------------------------------------------------------------------------------


def test_a_list_is_filtered_by_each_option(asked: Any) -> None:
    everything = asked("list")
    assert len(everything) > 150
    for option, value, holds in (
        ("--provider", "Mistral AI", lambda e: e["provider"] == "mistral"),
        ("--channel", "consumer", lambda e: "consumer" in e["channels"]),
        ("--kind", "model-licence", lambda e: e["kind"] == "model-licence"),
        ("--confidence", "secondary", lambda e: e["confidence"] == "secondary"),
    ):
        found = asked("list", option, value)
        assert found == [e for e in everything if holds(e)], option
        assert 0 < len(found) < len(everything), option
    european = {e["id"] for e in asked("list", "--provider", "openai", "--region", "DE")}
    assert "openai.eu-tou.2024-02-15" in european


def test_what_is_in_force_today_is_marked(work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.bootstrap.SystemClock.now", lambda _: "2024-02-27T10:00:00Z")
    out, err = said(work, capsys, "terms", "list", "--provider", "mistral", "--channel", "api")
    marks = {line[2:].split()[0]: line[0] for line in out.splitlines()[1:]}
    assert marks["mistral.tos.2024-02-27"] == "●"
    assert marks["mistral.tos.2024-02-26"] == " "
    assert "catalogue 2026" in err
    assert "Next: provenance terms show" in err


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-02-26", {"mistral.tos.2024-02-26": "in force"}),
        ("2024-02-27", {"mistral.tos.2024-02-27": "in force"}),
        ("2025-03-01", {}),
    ],
)
def test_a_day_has_its_texts(asked: Any, day: str, expected: dict[str, str]) -> None:
    found = asked("on", day, "--provider", "mistral", "--channel", "api", "--model", "mistral-small")
    assert {e["id"]: e["state"] for e in found} == expected


def test_an_edge_that_is_not_known_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(work, capsys, "terms", "on", "2022-06-01", "--provider", "openai", "--channel", "api")
    assert "? openai.tou.2022: began by 2022-12-31 (from 2022)" in out


def test_a_day_without_texts_says_what_that_means(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(work, capsys, "terms", "on", "2025-03-01", "--provider", "mistral", "--channel", "api", "--model", "mistral-small")
    assert "UNKNOWN" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("on", "2024-02-30"), "'2024-02-30' is no day"),
        (("on", "yesterday"), "'yesterday' is no day"),
        (("list", "--provider", "mistrall"), "did you mean 'mistral'?"),
        (("show", "mistral.tos.2024-02-28"), "did you mean 'mistral.tos.2024-02-2"),
        (("diff", "mistral.tos.2024-02-27", "nobody.1"), "no terms 'nobody.1'"),
        (("diff", "own.yaml", "nowhere.yaml"), "'nowhere.yaml' is no file or folder"),
        (("check", "nowhere"), "no such folder"),
        (("impact", "nowhere"), "no such folder"),
    ],
)
def test_a_slip_is_told_in_a_sentence(work: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str) -> None:
    _, err = said(work, capsys, "-q", "terms", *arguments, code=1)
    assert says in err
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_a_page_tells_source_confidence_neighbours_and_reading(work: Path, capsys: pytest.CaptureFixture[str], asked: Any) -> None:
    out, err = said(work, capsys, "terms", "show", "mistral.tos.2024-02-27")
    for text in (
        "confidence  seen: the text itself was read",
        "Not use Outputs to reverse-engineer Our Services",
        "before it   mistral.tos.2024-02-26",
        "after it    mistral.tos.2025-08",
        "ALLOWED     train a competing model for sale",
        "OpenTermsArchive",
        "mistral.json:",
    ):
        assert text in out, text
    assert "provenance terms diff mistral.tos.2024-02-26 mistral.tos.2024-02-27" in err
    page = asked("show", "mistral.tos.2024-02-27")
    assert page["successors"] == ["mistral.tos.2025-08"]
    assert page["written"]["version.effective_from"] == "2024-02-27"


# -- diff, check ----------------------------------------------------------------------------------------------------------------------------------------


def test_the_night_to_2024_02_27_changed_what_competitors_may(asked: Any) -> None:
    found = asked("diff", "mistral.tos.2024-02-26", "mistral.tos.2024-02-27")
    values = {c["field"]: (c["old"], c["new"]) for c in found["changes"]}
    assert values["clauses.train_any_model.value"] == ("prohibited-if-competing", "allowed")
    assert {u["use"] for u in found["uses"] if u["old"] != u["new"]} == {
        "train a competing model for sale",
        "train a competing model, non-commercial",
    }
    assert found["one_chain"]


def test_texts_of_two_providers_are_no_chain(asked: Any) -> None:
    assert not asked("diff", "mistral.tos.2024-02-26", "openai.tou.2023-03-14")["one_chain"]


def test_files_are_compared_as_catalogues(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = tmp_path / "new.yaml"
    other.write_text(OWN.replace("prohibited-if-competing", "prohibited"), encoding="utf-8")
    out, err = said(work, capsys, "terms", "diff", "own.yaml", str(other))
    assert out.splitlines() == [
        "~ mistral.tos.2024-02-27",
        "    clauses.train_any_model.value",
        "      - prohibited-if-competing",
        "      + prohibited",
    ]
    assert "0 added, 0 removed, 1 changed" in err


def test_a_check_of_what_ships_finds_nothing_to_mend(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = said(work, capsys, "terms", "check")
    assert "0 faults" in err


def test_a_check_tells_an_override(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(work, capsys, "terms", "check", "own.yaml")
    assert "mistral.tos.2024-02-27 takes the place of another entry" in out


def test_a_check_exits_11_where_an_override_loosens(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    loose = tmp_path / "loose.yaml"
    loose.write_text(
        OWN.replace("mistral.tos.2024-02-27", "mistral.tos.2024-02-26")
        .replace("prohibited-if-competing", "allowed")
        .replace("2025-02-06", "2024-02-28"),
        encoding="utf-8",
    )
    out, _ = said(work, capsys, "terms", "check", str(loose), code=11)
    assert "✗ loosens  mistral.tos.2024-02-26" in out or "x loosens  mistral.tos.2024-02-26" in out
    said(work, capsys, "terms", "check", str(loose), "--accept", "mistral.tos.2024-02-26", code=11)  # it still overlaps its successor
    assert asks(work, capsys, str(loose)) >= {"loosens", "overlap"}


def asks(work: Path, capsys: pytest.CaptureFixture[str], path: str) -> set[str]:
    out, _ = said(work, capsys, "terms", "check", path, "-f", "json", code=11)
    return {p["kind"] for p in json.loads(out)["problems"]}


def test_text_of_an_entry_cannot_steer_the_terminal(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(OWN.replace("\u202eNo.", "No."), encoding="utf-8")
    out, _ = said(work, capsys, "terms", "diff", "own.yaml", str(tmp_path / "plain.yaml"))
    assert "- \\u202eNo." in out
    assert "\u202e" not in out


def test_a_file_is_checked_over_the_folder_that_holds_already(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (
        ("terms/own.yaml", OWN),
        ("provenance.toml", 'terms = ["terms"]\n'),
        ("loose.yaml", OWN.replace("prohibited-if-competing", "allowed")),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert "0 faults" in said(tmp_path, capsys, "terms", "check")[1]
    assert "0 faults" in said(tmp_path, capsys, "terms", "check", "terms/own.yaml")[1]  # holds already: not laid over itself
    out, _ = said(tmp_path, capsys, "terms", "check", "loose.yaml", code=11)
    assert "PROHIBITED before, ALLOWED now" in out
    listed, _ = said(tmp_path, capsys, "terms", "list", "--provider", "mistral")
    assert "mistral.tos.2024-02-27 *" in listed
    assert "· yours, in the place of a shipped entry" in said(tmp_path, capsys, "terms", "show", "mistral.tos.2024-02-27")[0]


# -- impact ---------------------------------------------------------------------------------------------------------------------------------------------


def test_an_entry_touches_what_rests_on_its_days(asked: Any) -> None:
    found = asked("impact", "own.yaml")
    assert found["entries"] == ["mistral.tos.2024-02-27"]
    touched = {(t["dataset"], bool(t["through"])): t for t in found["datasets"]}
    assert set(touched) == {("chats", False), ("named", False), ("copied", True)}
    assert {o["use"]: (o["before"], o["after"]) for o in touched["chats", False]["outcomes"]} == {
        "train a competing model for sale": ("ALLOWED", "PROHIBITED"),
        "train another model for sale": ("ALLOWED", "ALLOWED"),
        "train a competing model, non-commercial": ("ALLOWED", "PROHIBITED"),
        "train another model, non-commercial": ("ALLOWED", "ALLOWED"),
    }
    assert [(u["dataset"], u["why"]) for u in found["unknown"]] == [("copied", "a model made it, and nobody says which")]
    (audit,) = found["audits"]
    assert audit["run"] == "helpdesk-7b"
    assert [(t["dataset"], [(o["before"], o["after"]) for o in t["outcomes"]]) for t in audit["touched"]] == [("chats", [("ALLOWED", "PROHIBITED")])]


def test_an_entry_that_changes_no_outcome_is_told_all_the_same(work: Path, asked: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    same = tmp_path / "same.yaml"
    same.write_text(OWN.replace("prohibited-if-competing", "allowed"), encoding="utf-8")
    found = asked("impact", str(same))
    assert {t["dataset"] for t in found["datasets"]} == {"chats", "named", "copied"}
    assert len(found["audits"]) == 1
    out = said(work, capsys, "terms", "impact", str(same))[0]
    assert "outcomes stay: this run ALLOWED" in out
    assert "May be affected, since makers are not known: 1 dataset" in out
    assert "Runs that may be affected: none known by the run records at hand" in out


def test_an_entry_that_holds_already_or_is_elsewhere_touches_nothing(work: Path, asked: Any) -> None:
    copy = work / "copy.json"
    from provenance.config import shipped

    copy.write_bytes((shipped("policies") / "terms" / "mistral.json").read_bytes())
    assert asked("impact", "copy.json")["entries"] == []
    new = work / "new.yaml"
    new.write_text(OWN.replace("id: mistral.tos.2024-02-27", "id: cumulus.1").replace("provider: mistral", "provider: cumulus"), encoding="utf-8")
    found = asked("impact", "new.yaml")
    assert found["entries"] == ["cumulus.1"]
    assert (found["datasets"], found["audits"], found["clearances"]) == ([], [], [])


def test_an_audit_that_cannot_be_read_is_told_and_not_passed_over(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (record,) = (work / ".provenance").rglob("*.audit.json")
    raw = record.read_bytes()
    record.chmod(0o644)
    record.write_bytes(raw[:-10])
    try:
        out, err = said(work, capsys, "terms", "impact", "own.yaml", code=4)
    finally:
        record.write_bytes(raw)
    assert "Audits touched: 0" in out
    assert "could not be read: what the change does to them is not known" in err


def test_an_audit_names_both_catalogues_with_their_digests(work: Path) -> None:
    from provenance.bootstrap import open_workspace

    (record,) = (work / ".provenance").rglob("*.audit.json")
    told, workspace = json.loads(record.read_bytes()), open_workspace(work)
    assert (told["terms_catalog_version"], told["terms_catalog_digest"]) == (workspace.terms.version, workspace.terms.digest)
    assert (told["licenses_version"], told["licenses_digest"]) == (workspace.licenses.version, workspace.licenses.digest)
    assert told["licenses_version"]


def test_clearances_that_rest_on_a_touched_audit_are_told_until_they_expire(work: Path, asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from provenance.bootstrap import open_workspace

    workspace = open_workspace(work)
    with workspace.units.read() as registry:
        audit = registry.audits()[0][0]
    roots = {"live": "sha256:" + "1" * 64, "expired": "sha256:" + "2" * 64, "other": "sha256:" + "3" * 64}
    rows = (
        ("live", audit, "2999-01-01T00:00:00Z"),
        ("expired", audit, "2020-01-01T00:00:00Z"),
        ("other", "sha256:" + "4" * 64, "2999-01-01T00:00:00Z"),
    )
    for name, of, expires in rows:
        with workspace.units.begin(actor="legal", action="clear", reason=of) as registry:
            registry.note("clearances", audit=of, manifest_root=roots[name], expires=expires)
    assert [(c["audit"], c["manifest_root"]) for c in asked("impact", "own.yaml")["clearances"]] == [(audit, roots["live"])]
    out, err = said(work, capsys, "terms", "impact", "own.yaml")
    assert "Clearances that rest on them: 1" in out
    assert "revoke" in err
