"""The whole job on data that lie in a store: blocked, mended on a copy, cleared, and shut again when an object changes. Credentials show nowhere."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import COMMANDS, run
from tests.conftest import ROOT
from tests.fakes.s3 import KEY_ID, SECRET, TOKEN, Fault, S3Server

SAMPLE = ROOT / "examples" / "sample"
NOVEL = ("--title", "The Man Who Was Thursday", "--holder", "Example House", "--license", "LicenseRef-all-rights-reserved")


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def upload(server: S3Server, folder: Path, prefix: str) -> None:
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        server.put(f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())


def workspace(folder: Path, root: str, *, attempts: int = 2, more: str = "") -> Path:
    """Copy the sample without its data into a workspace whose data root is a URL."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("data"))
    text = (folder / "provenance.toml").read_text().replace('data = "data"', f'data = "{root}"')
    (folder / "provenance.toml").write_text(f"{text}\n[storage]\nattempts = {attempts}\n{more}")
    manifest = folder / "datasets.yaml"
    manifest.write_text(manifest.read_text().replace("defaults:", f'roots: {{data: "{root}/"}}\ndefaults:'))
    return folder


def references(folder: Path, where: str = "references") -> None:
    outputs = [f"{where}/{name}-outputs.jsonl" for name in ("cumulus", "stratus")]
    assert provenance(folder, "reference", "add", "known-outputs", *outputs, "--kind", "api-output", "--text-field", "output") == 0
    novel = f"{where}/the-man-who-was-thursday.txt"
    assert provenance(folder, "reference", "add", "novels", novel, "--kind", "work", "--id-template", "work:{stem}", *NOVEL) == 0


def audited(folder: Path, capsys: pytest.CaptureFixture[str], *, code: int) -> dict[str, Any]:
    capsys.readouterr()
    assert provenance(folder, "audit", "run.yaml", "-f", "json") == code
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record


def test_the_sample_is_judged_in_a_store_as_on_a_disk_and_cleared_there(s3: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = tmp_path / "here"
    shutil.copytree(SAMPLE, here)
    upload(s3, SAMPLE / "data", "raw")
    upload(s3, SAMPLE / "references", "references")
    there = workspace(tmp_path / "there", s3.url("raw"))
    for folder, where in ((here, "references"), (there, s3.url("references"))):
        assert provenance(folder, "init") == 0
        assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0
        references(folder, where)
    mine, theirs = audited(here, capsys, code=11), audited(there, capsys, code=11)
    assert theirs["manifest_root"] == mine["manifest_root"]
    assert [r["digest"] for r in theirs["references"]] == [r["digest"] for r in mine["references"]]
    assert theirs["facts_digest"] == mine["facts_digest"]
    assert [(f["rule"], f["subject"]) for f in theirs["findings"]] == [(f["rule"], f["subject"]) for f in mine["findings"]]
    assert provenance(there, "remedy", "drop") == 4
    assert provenance(there, "remedy", "drop", "--apply") == 4
    assert "lies in a store, where this command writes nothing; copy it below a data root" in capsys.readouterr().err
    assert provenance(there, "clear") == 1

    assert provenance(here, "remedy", "drop", "--apply") == 0
    upload(s3, here / "data", "clean")
    clean = workspace(tmp_path / "clean", s3.url("clean"))
    text = (clean / "mended" / "datasets.yaml").read_text()
    (clean / "datasets.yaml").write_text(text)
    assert provenance(clean, "init") == 0
    assert provenance(clean, "register", "--manifest", "datasets.yaml") == 0
    references(clean)
    assert audited(clean, capsys, code=0)["verdict"] == "CLEARED"
    assert provenance(clean, "keys", "new", "officer", "--no-passphrase") == 0
    assert provenance(clean, "clear") == 0
    gate = ("clearance", "verify", "helpdesk-7b.clearance.json", "--trust", "trust.json")
    assert provenance(clean, *gate) == 0
    assert provenance(clean, *gate, "--root", s3.url("clean")) == 0
    assert provenance(clean, *gate, "--root", str(here / "data")) == 0  # the same bytes on a disk are the same data
    assert provenance(clean, *gate, "--root", s3.url("raw")) == 77
    s3.put("clean/prose/unseen.jsonl", b"{}\n")
    capsys.readouterr()
    assert provenance(clean, *gate) == 77
    assert "unseen.jsonl: not among the files that were cleared" in capsys.readouterr().err
    assert audited(clean, capsys, code=11)["verdict"] == "BLOCKED"
    s3.delete("clean/prose/unseen.jsonl")
    assert provenance(clean, *gate) == 0
    raw = (here / "data" / "prose" / "prose.jsonl").read_bytes()
    s3.put("clean/prose/prose.jsonl", raw.replace(b"e", b"E", 1))
    assert provenance(clean, *gate) == 77
    assert audited(clean, capsys, code=11)["verdict"] == "BLOCKED"


def test_the_launcher_starts_a_command_on_data_in_a_store(s3: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from provenance.clearance.trust import trust_bytes
    from tests.fakes.clearances import cleared_world, sample_trust

    world = cleared_world(tmp_path, issued="2020-01-01T00:00:00Z", not_before="2020-01-01T00:00:00Z", expires="2999-01-01T00:00:00Z")
    world.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    upload(s3, world.data, "train")
    command = [sys.executable, "-m", "provenance.hooks.launcher", "--clearance", str(world.clearance), "--root", s3.url("train")]
    command += ["--trust", str(world.trust), "--", sys.executable, "-c", "print('TRAINED')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "TRAINED\n"), done.stderr
    s3.put("train/extra", b"x")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)
    assert (done.returncode, done.stdout) == (77, ""), done.stderr
    assert "extra: not among the files that were cleared" in done.stderr


def test_files_are_matched_and_folders_checked_in_stores(s3: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upload(s3, SAMPLE / "data", "data")
    upload(s3, SAMPLE / "references", "refs")
    found = {}
    for name, corpus, reference in (
        ("here", str(SAMPLE / "data"), str(SAMPLE / "references" / "the-man-who-was-thursday.txt")),
        ("there", s3.url("data"), s3.url("refs/the-man-who-was-thursday.txt")),
        ("pattern", s3.url("data/[f-p]*/*.jsonl*"), s3.url("refs/*thursday.txt")),
    ):
        capsys.readouterr()
        assert provenance(tmp_path, "match", corpus, "-r", reference, "-f", "jsonl") == 0
        found[name] = [(m["record"], m["start"], m["end"], m["words"]) for m in map(json.loads, capsys.readouterr().out.splitlines())]
    assert found["there"] == found["pattern"] == found["here"] != []
    assert provenance(tmp_path, "check", s3.url("data"), "-r", s3.url("refs/the-man-who-was-thursday.txt")) == 11
    assert "C001" in capsys.readouterr().out
    assert provenance(tmp_path, "check", s3.url("nothing")) == 1
    assert "no such folder" in capsys.readouterr().err
    assert provenance(tmp_path, "match", s3.url("data/none.jsonl"), "-r", s3.url("refs/the-man-who-was-thursday.txt")) == 1
    assert "s3://corpus/data/none.jsonl: no such file" in capsys.readouterr().err


def test_full_urls_are_shards_too_and_what_stands_beside_them_is_seen(s3: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    assert provenance(tmp_path, "init") == 0
    for name in ("a", "b"):
        s3.put(f"x/{name}.jsonl", json.dumps({"text": f"some words of file {name}"}).encode() + b"\n")
    assert provenance(tmp_path, "register", s3.url("x/*.jsonl"), "--dataset", "d") == 0
    assert provenance(tmp_path, "datasets", "show", "d", "-f", "json") == 0
    shown = capsys.readouterr().out
    assert s3.url("x/a.jsonl") in shown
    run_file = "format: provenance.run\nversion: 1\nmodel: {name: m, kind: chat-llm}\npurpose: {commercial: false, use: x}\n"
    (tmp_path / "run.yaml").write_text(f"{run_file}organization: {{name: E}}\ndata: [{{dataset: d}}]\nreferences: []\npolicy: []\n")
    shards = {f["path"]: f["state"] for f in audited(tmp_path, capsys, code=11)["shards"]}
    assert shards == {s3.url("x/a.jsonl"): "unchanged", s3.url("x/b.jsonl"): "unchanged"}
    s3.put("x/c.jsonl", b"{}\n")
    record = audited(tmp_path, capsys, code=11)
    assert s3.url("x/c.jsonl") in json.dumps(record)


def test_a_shard_that_a_store_refuses_is_named_with_the_reason(s3: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upload(s3, SAMPLE / "data", "raw")
    folder = workspace(tmp_path / "w", s3.url("raw"))
    assert provenance(folder, "init") == 0
    s3.faults[:] = [Fault("/prose.jsonl", 99, status=403), Fault("/chats.jsonl", 99, status=500)]
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 4
    told = capsys.readouterr().err
    assert "prose/prose.jsonl: access denied" in told
    assert "helpdesk/chats.jsonl: reading stopped at byte 0 after 2 attempts" in told
    s3.faults.clear()
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0
    references(folder)
    s3.faults[:] = [Fault("/prose.jsonl", 99, status=503)]
    assert provenance(folder, "scan") == 4
    assert "prose/prose.jsonl: reading stopped at byte 0 after 2 attempts" in capsys.readouterr().err
    assert provenance(folder, "audit") == 11
    assert "prose/prose.jsonl: reading stopped at byte 0 after 2 attempts" in capsys.readouterr().err


def test_a_registration_that_is_killed_leaves_nothing_half_done(s3: S3Server, tmp_path: Path) -> None:
    upload(s3, SAMPLE / "data", "raw")
    folder = workspace(tmp_path / "w", s3.url("raw"))
    assert provenance(folder, "init") == 0
    s3.faults.append(Fault("/prose.jsonl", 1, wait_s=20))
    command = [sys.executable, "-m", "provenance.cli.main", "-C", str(folder), "-q", "register", "--manifest", "datasets.yaml"]
    process = subprocess.Popen(command, cwd=ROOT)
    deadline = time.monotonic() + 60
    while s3.faults[0].times and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert s3.faults[0].times == 0
    s3.faults.clear()
    assert provenance(folder, "log", "verify") == 0
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0
    assert provenance(folder, "datasets", "list") == 0


SIGNED = "https://bucket.example.org/x.jsonl?X-Amz-Signature=5ignature0f0ur7ests"
LOGIN = "s3://AKIAQ7EXAMPLEKEYID99:s3cr3t/KEY+of=the+tests@corpus/raw"
HIDDEN = ("5ignature0f0ur7ests", "s3cr3t/KEY", KEY_ID, SECRET, TOKEN)


def shows_secrets(text: str) -> list[str]:
    return [secret for secret in HIDDEN if secret in text]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("address", [SIGNED, LOGIN])
def test_no_command_repeats_a_credential_of_its_arguments(tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, address: str) -> None:
    for arguments in (
        [address],
        ["-r", address, address],
        ["show", address],
        ["add", "x", address],
        ["verify", address],
        [f"--dataset={address}", "x"],
    ):
        assert run(["-C", str(tmp_path), "--debug", command, *arguments]) in {1, 2}
        printed = capfd.readouterr()
        assert shows_secrets(printed.out + printed.err) == []
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_documents_with_credentials_are_refused_with_their_line_and_kept_nowhere(
    s3: S3Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    upload(s3, SAMPLE / "data", "raw")
    for number, (old, new) in enumerate(
        [
            ("shards: [prose/*.jsonl]", f'shards: ["{LOGIN}"]'),
            ("https://example.org/public-prose", SIGNED),
            ("how-to", f"see {SIGNED}"),
            ('roots: {data: "', f'roots: {{other: "{LOGIN}", data: "'),
        ]
    ):
        folder = workspace(tmp_path / str(number), s3.url("raw"))
        assert provenance(folder, "init") == 0
        manifest = folder / "datasets.yaml"
        assert old in manifest.read_text()
        manifest.write_text(manifest.read_text().replace(old, new))
        line = next(n for n, text in enumerate(manifest.read_text().splitlines(), 1) if new in text)
        assert run(["-C", str(folder), "--debug", "register", "--manifest", "datasets.yaml"]) == 1
        printed = capfd.readouterr()
        assert f"datasets.yaml:{line}: an address holds" in printed.err
        assert shows_secrets(printed.out + printed.err) == []
    (folder / "provenance.toml").write_text(f'[roots]\ndata = "{LOGIN}"\n')
    assert run(["-C", str(folder), "--debug", "register", "x", "--dataset", "d"]) == 1
    (folder / "list.csv").write_text(f"path,sha256,size_bytes\n{SIGNED},{'0' * 64},3\n")
    manifest.write_text(manifest.read_text().replace(f'other: "{LOGIN}", ', "").replace("shards: [prose/*.jsonl]", "shards: {list: list.csv}"))
    (folder / "provenance.toml").write_text(f'[roots]\ndata = "{s3.url("raw")}"\n')
    assert run(["-C", str(folder), "--debug", "register", "--manifest", "datasets.yaml"]) == 1
    printed = capfd.readouterr()
    assert "holds a credential in its parameter" in printed.err
    assert shows_secrets(printed.out + printed.err) == []


def test_no_credential_is_told_or_kept_whatever_a_store_answers(s3: S3Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    upload(s3, SAMPLE / "data", "raw")
    upload(s3, SAMPLE / "references", "refs")
    folder = workspace(
        tmp_path / "w",
        s3.url("raw"),
        attempts=1,
        more='[storage.s3]\nkey_env = "AWS_ACCESS_KEY_ID"\nsecret_env = "AWS_SECRET_ACCESS_KEY"\ntoken_env = "AWS_SESSION_TOKEN"\n',
    )
    debug = ("-C", str(folder), "--debug")
    printed = ""
    for status in (0, 403, 500):
        s3.faults[:] = [Fault("", 10**6, status=status, echo=True)] if status else []
        for arguments in (
            ["init"],
            ["register", "--manifest", "datasets.yaml"],
            ["register", s3.url("raw/prose"), "--dataset", "p"],
            ["reference", "add", "known-outputs", s3.url("refs/*.jsonl"), "--kind", "api-output"],
            ["reference", "add", "novels", s3.url("refs/the-man-who-was-thursday.txt")],
            ["scan"],
            ["match", s3.url("raw/prose"), "-r", s3.url("refs/the-man-who-was-thursday.txt")],
            ["check", s3.url("raw")],
            ["audit", *([] if status == 403 else ["--no-report"])],
            ["audit", "-f", "json", "--no-report"],
            ["remedy", "drop", "--apply"],
            ["clearance", "verify", "none.json", "--root", s3.url("raw")],
            ["log", "show"],
        ):
            run([*debug, *arguments])
            told = capfd.readouterr()
            printed += told.out + told.err
            assert shows_secrets(told.out + told.err) == [], arguments
    assert "Traceback" in printed
    assert "access denied" in printed
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert len(files) > 20
    assert {str(p): found for p in files if (found := shows_secrets(p.read_bytes().decode("latin-1")))} == {}
