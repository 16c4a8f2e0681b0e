"""The life of a waiver and of a review, through the commands: asked for, counted, expired, withdrawn; listed, released, rejected, cleared."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from provenance.bootstrap import SystemClock
from provenance.cli.main import run
from tests.conftest import ROOT

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: notes}]
policy: [baseline.yaml]
requested_by: Training Lead <lead@example.org>
"""
LASTS = ("--requested-by", "data@example.org", "--expires", "2026-12-31")
SOON = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).date().isoformat()
"""For what runs under the true clock."""
BY_LEGAL = ("--reason", "licensed", "--approved-by", "legal@example.org", *LASTS)


class Desk:
    """A workspace and what its commands say."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str) -> int:
        return run(["-C", str(self.folder), "-q", *arguments])

    def json(self, *arguments: str) -> Any:
        self._capsys.readouterr()
        assert self(*arguments, "-f", "json") in {0, 10, 11}
        return json.loads(self._capsys.readouterr().out)

    def told(self, *arguments: str, code: int = 1) -> str:
        self._capsys.readouterr()
        assert self(*arguments) == code
        return self._capsys.readouterr().err

    def audit(self) -> tuple[str, dict[str, str | None]]:
        """Audit; return the verdict, and each rule found with its waiver."""
        record = self.json("audit", "run.yaml", "--no-report")
        return record["verdict"], {f["rule"]: f["waiver"] for f in record["findings"]}

    def key(self, name: str, role: str) -> None:
        assert self("keys", "new", name, "--no-passphrase", "--role", role) == 0

    def write(self, text: str, *, license_text: str = "") -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "data" / "a.jsonl").write_text(json.dumps({"text": text}) + "\n")
        stated = ("--license", license_text) if license_text else ()
        assert self("register", "data/a.jsonl", "--dataset", "notes", "--synthetic", "no", *stated) == 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The time that commands see: change its one element."""
    at = ["2026-11-30T12:00:00Z"]
    monkeypatch.setattr(SystemClock, "now", lambda _: at[0])
    return at


@pytest.fixture
def desk(tmp_path: Path, clock: list[str], capsys: pytest.CaptureFixture[str]) -> Desk:
    """A dataset whose licence nobody states: L001 denies, R003 asks for a review, since nothing was compared."""
    del clock
    desk = Desk(tmp_path, capsys)
    (tmp_path / "run.yaml").write_text(RUN)
    assert desk("init") == 0
    desk.write("a plain line of text that nobody else has written")
    assert desk.audit()[0] == "BLOCKED"
    return desk


@pytest.fixture
def inbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A run that needs a review, under the true clock, and keys of everybody."""
    desk = Desk(tmp_path, capsys)
    (tmp_path / "run.yaml").write_text(RUN)
    assert desk("init") == 0
    desk.write("a plain line of text that nobody else has written", license_text="CC0-1.0")
    for name, role in (("officer", "issuer"), ("grace", "reviewer"), ("joan", "reviewer"), ("counsel", "approver")):
        desk.key(name, role)
    assert desk.audit()[0] == "REVIEW"
    return desk


def add(desk: Desk, *more: str) -> str:
    return str(desk.json("waivers", "add", "--subject", "dataset:notes", "--rule", "L001", *BY_LEGAL, *more)["waiver"]["id"])


def test_a_waiver_of_the_registry_counts_until_the_end_of_its_last_day(desk: Desk, clock: list[str]) -> None:
    name = add(desk)
    for at, verdict, waived in (
        ("2026-11-30T12:00:01Z", "REVIEW", name),
        ("2026-12-31T23:59:59Z", "REVIEW", name),
        ("2027-01-01T00:00:00Z", "BLOCKED", None),
    ):
        clock[0] = at
        assert desk.audit()[0] == verdict
        found = desk.audit()[1]
        assert found["L001"] == waived
        assert ("W001" in found) == (waived is None)
    assert desk.json("waivers", "list", "--state", "expired")[0]["waiver"]["id"] == name
    assert desk("log", "verify") == 0


def test_what_changed_is_not_waived(desk: Desk) -> None:
    name = add(desk)
    assert desk.audit()[1]["L001"] == name
    desk.write("another line")
    verdict, found = desk.audit()
    assert (verdict, found["L001"]) == ("BLOCKED", None)
    assert "W002" in found
    assert desk.json("waivers", "list")[0]["state"] == "unused"


def test_a_withdrawn_waiver_counts_no_more_and_stays_in_the_log(desk: Desk) -> None:
    name = add(desk)
    assert desk.audit()[0] == "REVIEW"
    assert "reason" in desk.told("waivers", "withdraw", name, "--reason", " ")
    assert desk("waivers", "withdraw", name, "--reason", "the licence ended") == 0
    assert "withdrawn already" in desk.told("waivers", "withdraw", name, "--reason", "again")
    assert "no waiver 'W-x'" in desk.told("waivers", "withdraw", "W-x", "--reason", "again")
    assert desk.audit()[0] == "BLOCKED"
    shown = desk.json("waivers", "show", name)[0]
    assert (shown["state"], "the licence ended" in shown["why"]) == ("withdrawn", True)
    assert desk("log", "verify") == 0


def test_waivers_of_the_registry_that_name_nothing_of_a_run_are_not_told_there(desk: Desk) -> None:
    digest = "sha256:" + "5" * 64
    assert "covers nothing yet" in desk.told(
        *("waivers", "add", "--subject", "dataset:elsewhere", "--rule", "L001", "--digest", digest, *BY_LEGAL), code=0
    )
    assert "W002" not in desk.audit()[1]
    assert desk.json("waivers", "list")[0]["state"] == "active"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--approved-by", "DATA@Example.org"), "approved by its own requester"),
        (("--approved-by", "Da\u200bta <data@example.org>"), "approved by its own requester"),
        (("--approved-by", "d\u0430ta@example.org"), "approved by its own requester"),
        (("--approved-by", ""), "nobody says who approves it"),
        (("--requested-by", ""), "nobody says who asks for it"),
        (("--expires", ""), "the waiver has no end"),
        (("--expires", "2026-11-29"), "lies in the past"),
        (("--expires", "2027-12-02"), "more than 366 days away"),
        (("--expires", "31.12.2026"), "is no day"),
        (("--expires", "2026-12-31T10:00:00"), "is no day"),
        (("--rule", "L0O1"), "did you mean 'L001'?"),
        (("--rule", "W001"), "permits no waiver"),
        (("--reason", "because"), "is not one of licensed"),
        (("--reason", "risk-accepted"), "without a word of why"),
        (("--comment", "a\x1b[2J"), "control character U+001B"),
        (("--comment", "a\u202eb"), "control character U+202E"),
        (("--id", "a\nb"), "control character U+000A"),
        (("--subject", "dataset:note"), "did you mean 'notes'?"),
        (("--subject", "waiver:x"), "no waiver is waived"),
        (("--subject", "planet:x"), "names no subject"),
        (("--subject", ""), "nothing is named"),
        (("--subject", "abcdef0"), "begin with 'abcdef0'"),
        (("--digest", "sha256:" + "0" * 64), "and sha256:000"),
        (("--digest", "123"), "is no SHA-256 digest"),
        (("--key", "nobody"), "no key to sign with"),
        (("--file", "run.yaml"), "expected format: provenance.waivers"),
    ],
)
def test_each_bad_input_has_its_sentence_and_records_nothing(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    told = desk.told("waivers", "add", "--subject", "dataset:notes", "--rule", "L001", *BY_LEGAL, *arguments)
    assert said in told
    assert "\x1b" not in told
    assert desk.json("waivers", "list") == []


def test_a_file_of_waivers_is_added_to_and_kept_as_people_wrote_it(desk: Desk) -> None:
    (desk.folder / "run.yaml").write_text(RUN + "waivers: waivers.yaml\n")
    (desk.folder / "waivers.yaml").write_text("# ours\nformat: provenance.waivers\nversion: 1\nwaivers: []\n")
    name = add(desk, "--file", "waivers.yaml")
    second = add(desk, "--file", "waivers.yaml", "--id", "second", "--comment", 'a "b": c # d')
    text = (desk.folder / "waivers.yaml").read_text()
    assert text.startswith("# ours\n")
    assert (text.count(name), second) == (1, "second")
    assert desk.audit()[1]["L001"] in {name, second}
    assert {s["waiver"]["id"]: s["origin"] for s in desk.json("waivers", "list")} == {name: "waivers.yaml", "second": "waivers.yaml"}
    assert desk("waivers", "add", "--subject", "dataset:notes", "--rule", "L001", *BY_LEGAL, "--file", "waivers.yaml") == 0
    assert (desk.folder / "waivers.yaml").read_text() == text


def test_one_id_for_two_waivers_stops_the_audit_and_one_for_equal_ones_does_not(desk: Desk) -> None:
    (desk.folder / "run.yaml").write_text(RUN + "waivers: waivers.yaml\n")
    name = add(desk, "--file", "waivers.yaml")
    assert add(desk) == name
    assert desk.audit()[1]["L001"] == name
    text = (desk.folder / "waivers.yaml").read_text()
    (desk.folder / "waivers.yaml").write_text(text.replace("2026-12-31", "2027-06-30"))
    assert f"waiver '{name}' is recorded in the registry too" in desk.told("audit", "run.yaml", "--no-report")


def test_of_two_that_cover_one_finding_the_longer_counts_and_the_other_is_told(desk: Desk) -> None:
    add(desk, "--id", "a-short")
    add(desk, "--id", "b-long", "--expires", "2027-03-31")
    record = desk.json("audit", "run.yaml", "--no-report")
    assert [f["waiver"] for f in record["findings"] if f["rule"] == "L001"] == ["b-long"]
    assert [f["message"] for f in record["findings"] if f["rule"] == "W002"] == [
        "waiver a-short of L001 on notes was not used: waiver b-long covers the same until 2027-03-31"
    ]


def test_signed_waivers_count_where_they_are_asked_for_and_bad_signatures_never(desk: Desk, clock: list[str]) -> None:
    assert clock[0] == "2026-11-30T12:00:00Z"
    for name, role in (("officer", "issuer"), ("counsel", "approver")):
        desk.key(name, role)
    key_days = json.loads((desk.folder / "trust.json").read_text())
    for key in key_days["keys"]:
        key["not_before"], key["not_after"] = "2026-01-01T00:00:00Z", "2027-12-31T00:00:00Z"
    (desk.folder / "trust.json").write_text(json.dumps(key_days))
    (desk.folder / "run.yaml").write_text(RUN + "waivers: waivers.yaml\n")
    signed = ("--subject", "dataset:notes", "--rule", "L001", "--reason", "licensed", "--key", "counsel", *LASTS, "--file", "waivers.yaml")
    name = desk.json("waivers", "add", *signed)["waiver"]["id"]
    settings = desk.folder / "provenance.toml"
    settings.write_text("require_signed_waivers = true\n" + settings.read_text())
    assert desk.audit()[1]["L001"] == name
    told = desk.told("waivers", "add", "--subject", "dataset:notes", "--rule", "L001", *BY_LEGAL, "--id", "other")
    assert "nobody signed it" in told
    assert "no role 'approver'" in desk.told("waivers", "add", *signed, "--id", "o", "--key", "officer")
    assert "is named as its approver" in desk.told("waivers", "add", *signed, "--id", "o", "--approved-by", "grace")
    text = (desk.folder / "waivers.yaml").read_text()
    for damaged, why in (
        (text.replace("2026-12-31", "2027-12-31"), "does not verify"),
        (text.replace('"sig": "', '"sig": "AAAA'), "does not verify"),
        ("".join(line for line in text.splitlines(keepends=True) if "signature" not in line), "nobody signed it"),
    ):
        (desk.folder / "waivers.yaml").write_text(damaged)
        record = desk.json("audit", "run.yaml", "--no-report")
        assert record["verdict"] == "BLOCKED"
        assert why in next(f["message"] for f in record["findings"] if f["rule"] == "W003")
    settings.write_text(settings.read_text().replace("true", "1"))
    assert "require_signed_waivers must be true or false" in desk.told("audit", "run.yaml")


def test_the_runs_own_requester_approves_no_waiver_and_w003_says_so(desk: Desk) -> None:
    own = ("--reason", "licensed", "--requested-by", "intern", "--approved-by", "lead@example.org", "--expires", "2026-12-31")
    assert "asked for the run itself" in desk.told("waivers", "add", "--subject", "dataset:notes", "--rule", "L001", *own, code=0)
    record = desk.json("audit", "run.yaml", "--no-report")
    assert record["verdict"] == "BLOCKED"
    assert [f["waiver"] for f in record["findings"] if f["rule"] == "L001"] == [None]
    assert any("asked for the run" in f["message"] for f in record["findings"] if f["rule"] == "W003")


def test_two_different_waivers_of_one_id_make_two_audits(desk: Desk) -> None:
    ids = []
    for day in ("2026-12-31", "2027-01-31"):
        add(desk, "--id", "same", "--expires", day)
        ids.append(desk.json("audit", "run.yaml", "--no-report")["id"])
        assert desk("waivers", "withdraw", "same", "--reason", "another one") == 0
    assert ids[0] != ids[1]


@pytest.mark.parametrize("said", ["", "requested_by: NOT_STATED\n"])
def test_a_run_that_nobody_asked_for_is_not_released(inbox: Desk, said: str) -> None:
    (inbox.folder / "run.yaml").write_text(RUN.replace("requested_by: Training Lead <lead@example.org>\n", said))
    assert inbox.audit()[0] == "REVIEW"
    assert "state requested_by in the run file" in inbox.told("review", "release", "--key", "grace", "--comment", "read")


def test_a_review_waits_in_the_inbox_until_it_is_released_and_then_clears(inbox: Desk) -> None:
    (waiting,) = inbox.json("review", "list")
    assert (waiting["model"], waiting["state"], waiting["rules"]) == ("m", "open", ["R003"])
    assert "no reviewer released it" in inbox.told("clear", "--as", "officer")
    assert "no reviewer released it" in inbox.told("clear", "--as", "officer", "--released-by", "Grace Somebody")
    release = ("review", "release", "--key", "grace", "--comment", "nothing to compare with yet")
    assert inbox("review", "show") == 0
    done = inbox.json(*release)
    assert (done["release"]["covers"], done["review"]["state"]) == ("all", "released")
    assert inbox.json("review", "list") == []
    assert inbox.json("review", "list", "--all")[0]["state"] == "released"
    assert "released already" in inbox.told(*release)
    assert "released by grace" in inbox.told("clear", "--as", "officer", "--released-by", "joan.other")
    assert inbox("clear", "--as", "officer", "--released-by", "grace") == 0
    assert inbox("clear", "--as", "officer") == 0
    gate = ("clearance", "verify", "m.clearance.json", "--trust", "trust.json")
    assert inbox(*gate) == 0
    statement = inbox.json("clearance", "inspect", "m.clearance.json")
    assert (statement["released_by"], len(statement["releases"])) == ("grace", 1)
    assert inbox("log", "verify") == 0
    # The same findings again: another record, which nobody released.
    assert inbox.audit()[0] == "REVIEW"
    assert "no reviewer released it" in inbox.told("clear", "--as", "officer")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--key", "officer"), "no role reviewer"),
        (("--key", "counsel"), "no role reviewer"),
        (("--key", "nobody"), "no key to sign with"),
        (("--key", "joan", "--reviewer", "grace"), "the key is of 'joan', and 'grace' is named"),
        (("--comment", ""), "a word of why"),
        (("--comment", "a\x1bb"), "control character"),
        (("--finding", "abcdef"), "no findings that ask for a review begin with"),
    ],
)
def test_a_release_that_cannot_be_is_refused(inbox: Desk, arguments: tuple[str, ...], said: str) -> None:
    assert said in inbox.told("review", "release", "--key", "grace", "--comment", "read", *arguments)
    assert inbox.json("review", "list")[0]["state"] == "open"


def test_who_asked_for_the_run_does_not_release_it(inbox: Desk) -> None:
    for name in ("Lead@example.org", "Lead, Training"):
        inbox.key(name, "reviewer")
        stem = "Lead@example.org" if "@" in name else "Lead--Training"
        assert "asked for this run" in inbox.told("review", "release", "--key", stem, "--comment", "read")


def test_one_person_with_two_keys_does_not_release_and_issue(inbox: Desk) -> None:
    inbox.key("Ann Smith", "issuer")
    inbox.key("ann.smith@example.org", "reviewer")
    own = ("clear", "--as", "Ann-Smith", "--reviewer-key", "ann.smith@example.org")
    assert "cannot both issue and release" in inbox.told(*own)
    assert inbox("review", "release", "--key", "ann.smith@example.org", "--comment", "read") == 0
    assert "released the review and cannot issue" in inbox.told("clear", "--as", "Ann-Smith")
    assert not (inbox.folder / "m.clearance.json").exists()
    assert inbox("clear", "--as", "officer") == 0


def test_the_convenient_path_signs_the_release_on_the_way(inbox: Desk) -> None:
    assert "cannot both issue and release" in inbox.told("clear", "--as", "grace", "--reviewer-key", "grace")
    assert "no role reviewer" in inbox.told("clear", "--as", "officer", "--reviewer-key", "counsel")
    assert "--released-by says 'joan'" in inbox.told("clear", "--as", "officer", "--reviewer-key", "grace", "--released-by", "joan")
    assert inbox("clear", "--as", "officer", "--released-by", "grace", "--reviewer-key", "grace", "--comment", "read it all") == 0
    assert inbox.json("review", "show")["releases"][0]["comment"] == "read it all"
    assert inbox("clearance", "verify", "m.clearance.json", "--trust", "trust.json") == 0


def test_a_rejected_audit_clears_nothing_whoever_releases_it(inbox: Desk) -> None:
    release = ("review", "release", "--key", "grace", "--comment", "read")
    assert inbox(*release) == 0
    assert inbox("review", "reject", "--reviewer", "joan", "--reason", "compare it first") == 0
    assert "not to be cleared: joan rejected it" in inbox.told("clear", "--as", "officer")
    assert "was rejected" in inbox.told("review", "release", "--key", "joan", "--comment", "read")
    assert "rejected already" in inbox.told("review", "reject", "--reviewer", "joan", "--reason", "again")


def test_a_rejection_outlives_the_next_audit_until_something_else_is_found(inbox: Desk) -> None:
    assert inbox("review", "reject", "--reviewer", "joan", "--reason", "compare it first") == 0
    first = inbox.json("audit", "run.yaml", "--no-report")["id"]
    assert inbox.json("review", "list", "--all")[0]["state"] == "rejected"
    assert inbox.json("review", "list") == []
    assert "was rejected" in inbox.told("review", "release", "--key", "grace", "--comment", "read")
    assert "not to be cleared: joan rejected it" in inbox.told("clear", "--as", "officer")
    assert "rejected already" in inbox.told("review", "reject", "--reviewer", "joan", "--reason", "again")
    inbox.write("other words, after what was found was mended", license_text="CC0-1.0")
    assert inbox.json("audit", "run.yaml", "--no-report")["id"] != first
    (waiting,) = inbox.json("review", "list")
    assert (waiting["state"], "an earlier audit of the run was rejected by joan" in waiting["why"]) == ("open", True)
    assert "say why this one may pass" in inbox.told("clear", "--as", "officer", "--reviewer-key", "grace")
    assert inbox("clear", "--as", "officer", "--reviewer-key", "grace", "--comment", "compared and mended") == 0


def test_no_review_releases_what_denies(desk: Desk, clock: list[str]) -> None:
    del clock
    for name, role in (("officer", "issuer"), ("grace", "reviewer")):
        desk.key(name, role)
    assert "no review releases what denies" in desk.told("review", "release", "--key", "grace", "--comment", "read")
    assert "is BLOCKED by L001" in desk.told("clear", "--as", "officer")


def test_tampering_with_stored_waivers_and_releases_is_found(inbox: Desk) -> None:
    assert inbox("waivers", "add", "--subject", "dataset:notes", "--rule", "L001", "--digest", "5" * 64, *BY_LEGAL, "--expires", SOON) == 0
    assert inbox("review", "release", "--key", "grace", "--comment", "read") == 0
    file = inbox.folder / ".provenance" / "registry.db"
    before = file.read_bytes()
    for statement in (
        "UPDATE waivers SET expires = '2027-11-30'",
        "UPDATE waivers SET subject_digest = 'sha256:' || subject_digest",
        "DELETE FROM waivers",
        "UPDATE reviews SET envelope = '{}'",
        "UPDATE reviews SET record_digest = 'x'",
        "DELETE FROM reviews",
    ):
        table = "waivers" if "waivers" in statement else "reviews"
        with closing(sqlite3.connect(file)) as connection, connection:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER {table}_no_{verb}")
            connection.execute(statement)
        assert inbox("log", "verify") == 1, statement
        for extra in file.parent.glob("registry.db-[ws]*"):
            extra.unlink()
        file.write_bytes(before)
    assert inbox("log", "verify") == 0


@pytest.mark.parametrize("command", ["waivers", pytest.param("review", marks=pytest.mark.full)])
def test_a_kill_at_any_moment_leaves_all_or_nothing(inbox: Desk, command: str) -> None:
    """Kill the process at its n-th statement to the database, for growing n until what it does is kept whole."""
    arguments = {
        "waivers": ["waivers", "add", "--subject", "dataset:notes", "--rule", "L001", "--digest", "5" * 64, *BY_LEGAL, "--expires", SOON],
        "review": ["review", "release", "--key", "grace", "--comment", "read"],
    }[command]
    script = (
        "import os, sys\nfrom sqlalchemy import Engine, event\nleft = [int(sys.argv[1])]\n"
        "def tick(*_):\n    left[0] -= 1\n    left[0] or os._exit(9)\n"
        "event.listen(Engine, 'after_cursor_execute', tick)\nevent.listen(Engine, 'commit', tick)\n"
        "from provenance.cli.main import run\nsys.exit(run(sys.argv[2:]))\n"
    )
    for moment in (5, 9, 13, 17, 21, 25, 29, 200):
        done = subprocess.run(
            [sys.executable, "-c", script, str(moment), "-C", str(inbox.folder), "-q", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert inbox("log", "verify") == 0
        kept = len(inbox.json("waivers", "list") if command == "waivers" else inbox.json("review", "show")["releases"])
        assert (kept, done.returncode) in {(0, 9), (1, 9), (1, 0)}, done.stderr
        if kept:
            return
    pytest.fail("it never ended")
