"""Each shipped bundle judges a small workspace that satisfies it, and one that breaks every rule of it, from the manifest to the exit code."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from provenance.cli.main import run

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "bundles"
SAMPLE = ROOT / "examples" / "sample"
BUNDLES = sorted(p.stem for p in (ROOT / "policies" / "bundles").glob("*.yaml"))
CLEARED, REVIEW, BLOCKED = 0, 10, 11
ALSO = {
    "baseline": {"E001", "L001", "D001", "C001"},
    "commercial-llm": set(),
    "research": set(),
    "distillation": set(),
    "eu-gpai": set(),
    "copyright": {"C001", "C002"},
    "strict": {"C006", "S001", "S004"},
}
"""Rules of other bundles, or for the baseline the only ones, that the violating workspace breaks too."""
NOT_HERE = {"C006", "U002"}
"""Rules that have workspaces of their own below: nothing can hold text of works and be compared with none."""


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def novel() -> list[str]:
    """Words of prose: the sample's novel, from the middle of a chapter."""
    return (SAMPLE / "references" / "the-man-who-was-thursday.txt").read_text(encoding="utf-8").split()[5_000:6_000]


def quoted(words: list[str]) -> str:
    """Words without marks of their own, to be put between marks."""
    return " ".join(words).replace('"', "")


def write(folder: Path, name: str, *texts: str) -> None:
    (folder / "data" / name).write_text("".join(json.dumps({"id": f"{name}-{i}", "text": text}) + "\n" for i, text in enumerate(texts)))


def texts_of(path: Path, field: str) -> list[str]:
    return [json.loads(line)[field] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with text by people, answers of a model, quotations, and two novels of which one is licensed."""
    for name in ("terms", "licenses"):
        shutil.copytree(FIXTURES / name, tmp_path / name)
    (tmp_path / "provenance.toml").write_text('terms = ["terms"]\nlicenses = ["licenses"]\n[roots]\ndata = "data"\n')
    (tmp_path / "data").mkdir()
    prose, answers = texts_of(SAMPLE / "data/prose/prose.jsonl", "text"), texts_of(SAMPLE / "references/cumulus-outputs.jsonl", "output")
    words = novel()
    write(tmp_path, "letters.jsonl", *prose[:8])
    write(tmp_path, "minutes.jsonl", *prose[8:16])
    write(tmp_path, "answers.jsonl", *answers[:8])
    write(tmp_path, "more-answers.jsonl", *answers[8:16])
    write(tmp_path, "copied.jsonl", " ".join(words[:120]))
    write(tmp_path, "quoting-little.jsonl", f"{prose[20]} He liked to say “{quoted(words[150:175])}”, and nobody asked him why.")
    much = (
        f"{text} He liked to say “{quoted(words[n : n + 50])}”, and that was that." for n, text in zip(range(150, 500, 50), prose[20:], strict=False)
    )
    write(tmp_path, "quoting-much.jsonl", *much)
    write(tmp_path, "licensed.jsonl", " ".join(words[700:900]))
    (tmp_path / "novel.txt").write_text(" ".join(words[:600]))
    (tmp_path / "free.txt").write_text(" ".join(words[600:]))
    (tmp_path / "outputs.jsonl").write_text(json.dumps({"id": "o1", "output": answers[20]}) + "\n")
    assert provenance(tmp_path, "init") == 0
    reserved = ("--license", "LicenseRef-all-rights-reserved")
    assert provenance(tmp_path, "reference", "add", "novels", "novel.txt", "--kind", "work", *reserved) == 0
    assert provenance(tmp_path, "reference", "add", "free-novels", "free.txt", "--kind", "work", "--license", "CC0-1.0") == 0
    assert provenance(tmp_path, "reference", "add", "outputs", "outputs.jsonl", "--kind", "api-output", "--text-field", "output") == 0
    return tmp_path


def audit(work: Path, bundle: str, case: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    """Register and judge one of the fixtures; return exit code and record."""
    for file in (FIXTURES / bundle / case).iterdir():
        shutil.copy(file, work)
    named = {shard for d in yaml.safe_load((work / "datasets.yaml").read_text())["datasets"] for shard in d["shards"]}
    for file in (work / "data").iterdir():
        if file.name not in named:
            file.unlink()  # a file that nobody registered is a finding of its own
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    return judge(work, capsys)


def judge(work: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    capsys.readouterr()
    code = provenance(work, "audit", "run.yaml", "-f", "json", "--no-report")
    return code, json.loads(capsys.readouterr().out)


def broken(record: Any) -> set[str]:
    return {f["rule"] for f in record["findings"] if f["waiver"] is None}


def rules_of(bundle: str) -> set[str]:
    return {rule["id"] for rule in yaml.safe_load((ROOT / "policies/bundles" / f"{bundle}.yaml").read_text())["rules"]}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_workspace_that_satisfies_a_bundle_is_cleared(bundle: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, record = audit(work, bundle, "satisfied", capsys)
    assert [f["message"] for f in record["findings"]] == []
    assert code == CLEARED
    assert bundle in {p["bundle"] for p in record["policy"]}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_workspace_that_violates_a_bundle_breaks_each_of_its_rules(bundle: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, record = audit(work, bundle, "violated", capsys)
    own = set() if bundle == "baseline" else rules_of(bundle) - NOT_HERE
    assert broken(record) == own | ALSO[bundle]
    assert code == BLOCKED


def test_strict_names_each_bundle_that_it_includes_with_its_digest(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, record = audit(work, "strict", "satisfied", capsys)
    named = [p["bundle"] for p in record["policy"]]
    assert named == ["baseline", "commercial-llm", "distillation", "copyright", "eu-gpai", "strict"]
    assert len({p["digest"] for p in record["policy"]}) == len(named)


def _in_a_month() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).date().isoformat()


def test_a_waiver_that_is_used_sends_a_strict_run_to_review(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit(work, "strict", "satisfied", capsys)
    run_file = work / "run.yaml"
    run_file.write_text(run_file.read_text().replace(", contact: rights@example.org", ""))
    code, record = judge(work, capsys)
    assert (code, broken(record)) == (REVIEW, {"G002"})
    (finding,) = record["findings"]
    days = {"requested_by": "a@example.org", "approved_by": "b@example.org", "created": record["created"][:10], "expires": _in_a_month()}
    waiver = {"id": "W-1", "rule": "G002", "subject": finding["subject"], "reason": "risk-accepted", "comment": "soon", **days}
    (work / "waivers.yaml").write_text(json.dumps({"format": "provenance.waivers", "version": 1, "waivers": [waiver]}))
    run_file.write_text(run_file.read_text() + "waivers: waivers.yaml\n")
    subject = judge(work, capsys)[1]["findings"][0]["subject"]  # the run file changed, and so did the subject's digest
    (work / "waivers.yaml").write_text(json.dumps({"format": "provenance.waivers", "version": 1, "waivers": [{**waiver, "subject": subject}]}))
    code, record = judge(work, capsys)
    assert (code, broken(record)) == (REVIEW, {"U002"})


def test_a_copyright_run_that_is_compared_with_outputs_alone_is_blocked(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit(work, "copyright", "satisfied", capsys)
    run_file = work / "run.yaml"
    run_file.write_text(run_file.read_text().replace("[novels, free-novels]", "[outputs]"))
    code, record = judge(work, capsys)
    assert (code, broken(record)) == (BLOCKED, {"C006"})


def test_a_work_that_two_datasets_share_between_them_is_added_up(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = novel()
    for half, start in (("first", 0), ("second", 200)):
        write(work, f"{half}.jsonl", " ".join(words[start : start + 200]))
    for file in (work / "data").iterdir():
        if file.stem not in {"first", "second"}:
            file.unlink()
    manifest = "".join(f"  - {{name: {n}, license: CC0-1.0, synthetic: no, shards: [{n}.jsonl]}}\n" for n in ("first", "second"))
    (work / "datasets.yaml").write_text(f"format: provenance.datasets\nversion: 1\ndatasets:\n{manifest}")
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    plan = "format: provenance.run\nversion: 1\nmodel: {{name: m}}\ndata: [{data}]\nreferences: [novels]\npolicy: [copyright]\n"
    found = {}
    for names in (("first",), ("first", "second")):
        (work / "run.yaml").write_text(plan.format(data=", ".join(f"{{dataset: {n}}}" for n in names)))
        found[names] = broken(judge(work, capsys)[1])
    assert "C003" not in found["first",]
    assert "C003" in found["first", "second"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("copyright_policy:", "copyrigth_policy:", "copyright_policy"),
        ("date: 2025-01-01", "date: 2025-13-01", "not a day"),
        ("url:", "ulr:", "url"),
        ("contact:", "contract:", "contact"),
        ("[eu-gpai]", "[eu-gpia]", "eu-gpia"),
    ],
)
def test_a_slip_in_the_run_file_is_told_with_its_place(old: str, new: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(tmp_path, "init") == 0
    text = (FIXTURES / "eu-gpai/satisfied/run.yaml").read_text()
    assert old in text
    (tmp_path / "run.yaml").write_text(text.replace("[novels]", "[]").replace(old, new))
    assert provenance(tmp_path, "audit", "run.yaml", "--no-report") == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
