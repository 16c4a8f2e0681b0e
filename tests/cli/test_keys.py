"""Keys and clearances through the commands: made, trusted, listed, rotated, revoked, signed by several, exported."""

from __future__ import annotations

import base64
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.bootstrap import SystemClock
from provenance.clearance.keys import load_key
from provenance.clearance.public_keys import public_key_pem
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Issuer
from provenance.clearance.trust import key_id, load_trust
from provenance.cli.main import run
from provenance.fingerprint.digest import manifest_bytes, merkle_root
from tests.fakes.clearances import leaves_of, rfc_key, sample_clearance

START = "2026-11-24T12:00:00Z"
ADA = base64.b64encode(rfc_key(0).public_key).decode()


class Desk:
    """A workspace, its clock, and what its commands say."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], clock: list[str]) -> None:
        self.folder, self.clock, self._capsys = folder, clock, capsys

    def __call__(self, *arguments: str) -> int:
        return run(["-C", str(self.folder), "-q", *arguments])

    def json(self, *arguments: str) -> Any:
        self._capsys.readouterr()
        assert self(*arguments, "-f", "json") == 0
        return json.loads(self._capsys.readouterr().out)

    def said(self, *arguments: str, code: int = 0) -> str:
        self._capsys.readouterr()
        assert self(*arguments) == code
        return self._capsys.readouterr().out

    def told(self, *arguments: str, code: int = 1) -> str:
        self._capsys.readouterr()
        assert self(*arguments) == code
        err = self._capsys.readouterr().err
        assert "Traceback" not in err
        assert "internal error" not in err
        return err

    def key(self, name: str, *roles: str) -> Any:
        return self.json("keys", "new", name, "--no-passphrase", *(word for role in roles for word in ("--role", role)))

    def later(self, **span: float) -> None:
        moment = datetime.fromisoformat(self.clock[0]) + timedelta(**span)
        self.clock[0] = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    @property
    def trust(self) -> Path:
        return self.folder / "trust.json"

    def clear(self, issuer: str = "ada") -> Path:
        """Clear the folder ``data`` with a key of the workspace, as ``provenance clear`` does after an audit."""
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "data" / "a.txt").write_text("It was a bright cold day in April.\n")
        leaves = leaves_of(self.folder / "data")
        times = {"issued": self.clock[0], "not_before": self.clock[0], "expires": "2027-02-01T00:00:00Z"}
        said = sample_clearance(merkle_root(leaves), issuer=Issuer(name=issuer, role="issuer"), **times)
        (self.folder / "run.manifest.jsonl").write_bytes(manifest_bytes(leaves))
        file = self.folder / "run.clearance.json"
        file.write_bytes(issue_clearance(said, load_key(self.folder / ".provenance" / "keys" / f"{issuer}.pem")))
        return file

    def gate(self) -> tuple[bool, str]:
        """Ask the gate at the desk's time."""
        from provenance.hooks.gate import TrainingBlocked, examine

        try:
            examine(self.folder / "run.clearance.json", roots=[self.folder / "data"], trust=self.trust, clock=lambda: self.clock[0])
        except TrainingBlocked as denial:
            return False, "; ".join(denial.reasons)
        return True, ""


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    clock = [START]
    monkeypatch.setattr(SystemClock, "now", lambda _: clock[0])
    monkeypatch.delenv("PROVENANCE_KEY_FILE", raising=False)
    made = Desk(tmp_path, capsys, clock)
    assert made("init") == 0
    return made


def test_a_public_key_goes_from_one_workspace_to_another(desk: Desk) -> None:
    own = desk.key("ada")
    row = desk.json("keys", "export", "ada")
    assert (row["id"], row["name"], row["roles"]) == (own["id"], "ada", ["issuer"])
    (desk.folder / "lena.pub").write_text(public_key_pem(rfc_key(1).public_key))
    said = desk.json("keys", "trust", "lena.pub", "--name", "Lena Law", "--role", "legal", "--until", "2027-06-30", "--threshold", "legal=1")
    assert (said["id"], said["not_after"], said["thresholds"]) == (rfc_key(1).key_id, "2027-06-30T23:59:59Z", {"issuer": 1, "legal": 1})
    assert said["fingerprint"].replace(" ", "") == rfc_key(1).key_id
    (desk.folder / "other.json").write_text(json.dumps(row))
    assert desk("keys", "trust", "other.json", "--trust", "other-trust.json") == 0
    assert load_trust(desk.folder / "other-trust.json").keys[0].id == own["id"]
    assert desk.said("keys", "export", "Lena Law", "-f", "pem") == public_key_pem(rfc_key(1).public_key)
    assert desk.said("keys", "export", "Lena Law", "-f", "base64").strip() == base64.b64encode(rfc_key(1).public_key).decode()


BAD_TRUST: list[tuple[tuple[str, ...], str]] = [
    ((ADA,), "--name is missing"),
    ((ADA, "--name", "Ada"), "--role is missing"),
    (("AAAA", "--name", "x", "--role", "legal"), "has 32 bytes, got 3"),
    (("A" * 43 + "=", "--name", "x", "--role", "legal"), "of small order"),
    (("nothing.pub", "--name", "x", "--role", "legal"), "public key nothing.pub is not there"),
    ((".provenance/keys/ada.pem", "--name", "x", "--role", "legal"), "holds a private key"),
    ((".provenance/keys/ada.pub", "--name", "Bob", "--role", "legal"), "in the trust file already, as 'ada'"),
    ((ADA, "--name", "ada", "--role", "legal"), "has a key of 'ada' already"),
    ((ADA, "--name", "A\x1b[2J", "--role", "legal"), "characters that can be seen"),
    ((ADA, "--name", "Bob", "--role", "\u202elegal"), "characters that can be seen"),
    ((ADA, "--name", "Bob", "--role", "legal", "--until", "never"), "--until must be a UTC time"),
    ((ADA, "--name", "Bob", "--role", "legal", "--from", "2027-01-02", "--until", "2027-01-01"), "is not after not_before"),
    ((ADA, "--name", "Bob", "--role", "legal", "--fingerprint", "abcd abcd abcd abcd"), "the key's fingerprint is 21fe 31df"),
    ((ADA, "--name", "Bob", "--role", "legal", "--fingerprint", "21fe"), "give at least 16 digits"),
    (("--threshold", "issuer=2"), "of different persons, 1"),
    (("--threshold", "legal"), "of the form ROLE=N"),
    (("--threshold", "legal=-1"), "of the form ROLE=N"),
    (("--threshold", "issuer=0"), "must name the role 'issuer'"),
    ((), "there is nothing to do"),
    ((".", "--name", "x", "--role", "legal"), "Is a directory"),
]


@pytest.fixture(scope="module")
def ada_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ada")
    assert run(["-C", str(folder), "-q", "init"]) == 0
    assert run(["-C", str(folder), "-q", "keys", "new", "ada", "--no-passphrase"]) == 0
    return folder


@pytest.mark.parametrize(("arguments", "reason"), BAD_TRUST)
def test_what_is_not_to_be_trusted_is_refused_and_changes_nothing(
    ada_desk: Path, arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (ada_desk / "trust.json").read_bytes()
    told = Desk(ada_desk, capsys, []).told("keys", "trust", *arguments)
    assert reason in told
    assert "\x1b" not in told
    assert (ada_desk / "trust.json").read_bytes() == before


def test_two_names_of_one_person_are_told(desk: Desk) -> None:
    desk.key("Ada Clearer")
    told = desk.told("keys", "trust", ADA, "--name", "ada.clearer@example.org", "--role", "issuer", code=0)
    assert "may be the same person as Ada Clearer: they count once for a threshold" in told
    assert "of different persons, 1" in desk.told("keys", "trust", "--threshold", "issuer=2")


def test_a_fingerprint_told_by_voice_is_compared(desk: Desk) -> None:
    desk.key("ada")
    lena = base64.b64encode(rfc_key(1).public_key).decode()
    digits = rfc_key(1).key_id
    assert desk("keys", "trust", lena, "--name", "Lena", "--role", "legal", "--fingerprint", f"{digits[:8]} {digits[8:20].upper()}") == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/cron", None),
        ("..", "with a letter or digit"),
        ("a\nb", "can be seen"),
        ("x" * 101, "too long"),
        ("ada", "File exists"),
        ("ADA", "already"),
    ],
)
def test_hostile_names_make_no_file_elsewhere(desk: Desk, name: str, reason: str | None) -> None:
    desk.key("ada")
    if reason is None:
        made = Path(desk.json("keys", "new", name, "--no-passphrase", "--role", "legal")["private"])
        assert made.parent == desk.folder / ".provenance" / "keys"
    else:
        assert reason in desk.told("keys", "new", name, "--no-passphrase", "--role", "legal")
        assert len(load_trust(desk.trust).keys) == 1
    assert load_trust(desk.trust).key(load_key(desk.folder / ".provenance" / "keys" / "ada.pem").key_id) is not None


def test_passphrases_come_from_files_descriptors_or_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "pass").write_bytes("Gr\u00fc\u00dfe \U0001f511\r\nsecond line\n".encode())
    assert desk("keys", "new", "ada", "--passphrase-file", "pass") == 0
    pem = desk.folder / ".provenance" / "keys" / "ada.pem"
    assert load_key(pem, passphrase="Gr\u00fc\u00dfe \U0001f511".encode())
    reader, writer = os.pipe()
    os.write(writer, b"from a descriptor\n")
    os.close(writer)
    assert desk("keys", "new", "lena", "--role", "legal", "--passphrase-file", f"/dev/fd/{reader}") == 0
    os.close(reader)
    assert load_key(pem.with_name("lena.pem"), passphrase=b"from a descriptor")
    (desk.folder / "empty").write_bytes(b"\n")
    (desk.folder / "long").write_bytes(b"x" * 5_000)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for arguments, reason in (
        (("--passphrase-file", "empty"), "passphrase file empty is empty"),
        (("--passphrase-file", "long"), "at most 1000 are taken"),
        (("--passphrase-file", "none"), "No such file"),
        ((), "there is nobody to ask"),
    ):
        assert reason in desk.told("keys", "new", "joan", "--role", "legal", *arguments)
        assert not pem.with_name("joan.pem").exists()
    assert len(load_trust(desk.trust).keys) == 2


def test_a_listing_says_what_counts_now(desk: Desk) -> None:
    desk.key("ada")
    desk.key("lena", "legal")
    assert desk("keys", "trust", ADA, "--name", "Bob", "--role", "legal", "--from", "2027-01-01") == 0
    assert desk("keys", "trust", "--threshold", "legal=2") == 0
    listed = desk.json("keys", "list")
    assert {k["name"]: (k["state"], k["private"]) for k in listed["keys"]} == {
        "ada": ("valid", "ada.pem"),
        "lena": ("valid", "lena.pem"),
        "Bob": ("not yet", None),
    }
    assert listed["thresholds"] == [
        {"role": "issuer", "needed": 1, "able": 1, "met": True},
        {"role": "legal", "needed": 2, "able": 1, "met": False},
    ]
    text = desk.said("keys", "list")
    assert "threshold  legal: 2 must sign, 1 can now: cannot be met" in text
    assert [line.split()[-2:] for line in text.splitlines()[1:4]] == [["yet", "-"], ["valid", "here"], ["valid", "here"]]
    desk.later(days=366)
    states = {k["name"]: k["state"] for k in desk.json("keys", "list")["keys"]}
    assert states == {"ada": "ended", "lena": "ended", "Bob": "valid"}


def test_a_rotation_keeps_what_was_cleared_and_stops_the_old_key(desk: Desk) -> None:
    first = desk.key("ada")
    desk.clear()
    desk.later(hours=1)
    turned = desk.json("keys", "rotate", "ada", "--no-passphrase")
    assert turned["old"]["issue_until"] == "2026-11-24T13:00:00Z"
    keys = desk.folder / ".provenance" / "keys"
    assert load_key(keys / "ada.pem").key_id == turned["id"] != first["id"]
    retired = keys / "retired" / f"ada-{first['id'][:8]}.pem"
    assert load_key(retired).key_id == first["id"]
    desk.later(days=30)
    assert desk.gate() == (True, "")  # issued before, checked after
    desk.clear()
    assert desk.gate() == (True, "")  # with the new key
    retired.replace(keys / "ada.pem")
    desk.clear()
    assert "signs nothing new after 2026-11-24T13:00:00Z" in desk.gate()[1]
    listed = {k["id"]: k["state"] for k in desk.json("keys", "list")["keys"]}
    assert listed == {first["id"]: "rotated", turned["id"]: "valid"}


def test_a_person_elsewhere_hands_in_a_new_public_key(desk: Desk) -> None:
    desk.key("ada")
    assert desk("keys", "trust", ADA, "--name", "Bob", "--role", "legal") == 0
    lena = base64.b64encode(rfc_key(1).public_key).decode()
    assert desk.json("keys", "rotate", "Bob", "--public-key", lena, "--overlap", "7")["private"] is None
    until = {k.id: k.issue_until for k in load_trust(desk.trust).keys}
    assert (until[rfc_key(0).key_id], until[rfc_key(1).key_id]) == ("2026-12-01T12:00:00Z", None)
    assert "in the trust file already" in desk.told("keys", "rotate", "ada", "--public-key", lena)
    assert "has no key 'nobody'" in desk.told("keys", "rotate", "nobody")


def test_a_revoked_key_and_a_revoked_clearance_deny(desk: Desk) -> None:
    ada = desk.key("ada")
    desk.key("rita", "revoker")
    file = desk.clear()
    assert desk.gate() == (True, "")
    assert "has no role 'revoker'" in desk.told("clearance", "revoke", str(file), "--reason", "wrong data", "--as", "ada")
    assert load_trust(desk.trust).revocation is None
    said = desk.json("clearance", "revoke", str(file), "--reason", "wrong data", "--as", "rita", "--max-age", "7")
    assert said["list"] == str(desk.folder / "revoked.json")
    assert desk.gate() == (False, "the clearance was revoked: wrong data")
    source = load_trust(desk.trust).revocation
    assert source is not None
    assert (source.role, source.max_age_s, source.issued_from) == ("revoker", 604_800, START)
    desk.later(minutes=10)
    desk.clear()
    assert desk.gate() == (True, "")
    assert desk("keys", "revoke", "ada", "--reason", "laptop lost", "--as", "rita") == 0
    assert desk.gate() == (False, "the key of 'ada' was revoked: laptop lost")
    assert "is revoked already: laptop lost" in desk.told("keys", "revoke", ada["id"], "--reason", "again", "--as", "rita")
    assert {k["name"]: k["state"] for k in desk.json("keys", "list")["keys"]} == {"ada": "revoked", "rita": "valid"}
    assert sum("revoke " in line for line in desk.said("log", "show").splitlines()) == 2
    assert desk("log", "verify") == 0


def test_a_list_that_is_stale_missing_truncated_unsigned_or_old_denies_until_it_is_issued_anew(desk: Desk) -> None:
    desk.key("ada")
    desk.key("rita", "revoker")
    desk.clear()
    assert desk("keys", "refresh", "--as", "rita", "--max-age", "1") == 0
    place = desk.folder / "revoked.json"
    first = place.read_bytes()
    desk.later(hours=25)
    assert "is older than 86400 s" in desk.gate()[1]
    assert "denied" in desk.said("keys", "list")
    assert desk("keys", "refresh", "--as", "rita") == 0
    assert desk.gate() == (True, "")
    second = place.read_bytes()
    for raw, reason in ((first, "is older than one that the trust file knows of"), (second[:-20], "this is none"), (b"{}", "this is none")):
        place.write_bytes(raw)
        assert reason in desk.gate()[1]
        assert reason in desk.told("keys", "refresh", "--as", "rita")
    place.unlink()
    assert "cannot be read: No such file" in desk.gate()[1]
    assert "cannot be read: No such file" in desk.told("keys", "revoke", "ada", "--reason", "x", "--as", "rita")
    place.write_bytes(second)
    desk.later(days=-30)
    assert "clock" in desk.told("keys", "refresh", "--as", "rita")


def test_an_unsigned_list_stays_one_until_it_is_signed(desk: Desk) -> None:
    desk.key("ada")
    desk.clear()
    assert "not signed" in desk.told("keys", "refresh", "--unsigned", code=0)
    assert json.loads(desk.trust.read_bytes())["version"] == 1
    assert json.loads((desk.folder / "revoked.json").read_bytes())["version"] == 1
    assert desk.gate() == (True, "")
    desk.later(hours=1)
    assert desk("keys", "refresh", "--sign") == 0
    assert desk.gate() == (True, "")
    source = load_trust(desk.trust).revocation
    assert source is not None
    assert source.role == "issuer"


def test_the_only_key_that_signs_lists_cannot_revoke_itself(desk: Desk) -> None:
    desk.key("ada")
    assert "the list itself revokes the key of 'ada'" in desk.told("keys", "revoke", "ada", "--reason", "lost")
    assert not (desk.folder / "revoked.json").exists()
    old = load_trust(desk.trust).keys[0].id
    assert desk("keys", "rotate", "ada", "--no-passphrase") == 0
    assert desk("keys", "revoke", old, "--reason", "lost") == 0


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_a_revocation_says_why(desk: Desk, reason: str) -> None:
    desk.key("ada")
    assert "a reason of 1 to 1,000 characters" in desk.told("keys", "revoke", "ada", "--reason", reason)


def test_a_list_of_somebody_elses_is_not_overwritten(desk: Desk) -> None:
    desk.key("ada")
    (desk.folder / "revoked.json").write_text("mine")
    assert "the trust file does not name it" in desk.told("keys", "refresh")
    assert "clearance envelope: the envelope lacks" in desk.told("clearance", "revoke", "trust.json", "--reason", "x")


def test_named_roles_sign_off_one_after_the_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, role in (("ada", "issuer"), ("lena", "legal"), ("sam", "security")):
        desk.key(name, role)
    assert desk("keys", "trust", "--threshold", "legal=1", "--threshold", "security=1") == 0
    file = desk.clear()
    assert "role 'legal' must sign, 0 did; still to sign: lena" in desk.gate()[1]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "there is nobody to ask" in desk.told("clearance", "sign", str(file), "--as", "lena")
    before = file.read_bytes()
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert "nothing was signed" in desk.told("clearance", "sign", str(file), "--as", "lena")
    assert file.read_bytes() == before
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    said = desk.said("clearance", "sign", str(file), "--as", "lena")
    for words in (
        "verdict     CLEARED",
        "until 2027-02-01T00:00:00Z",
        "by ada as issuer",
        "keep the notice of the CC BY sources",
        "still to sign: sam",
    ):
        assert words in said
    assert "has signed this clearance already" in desk.told("clearance", "sign", str(file), "--as", "lena", "--yes")
    assert desk.json("clearance", "sign", str(file), "--as", "sam", "--yes") == {"file": str(file), "signed_by": ANY_ORDER, "lacking": []}
    assert desk.gate() == (True, "")
    file.write_bytes(file.read_bytes().replace(b'"sig":"', b'"sig":"A', 1))
    assert desk("clearance", "sign", str(file), "--as", "sam", "--yes") == 1


class _AnyOrder:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and sorted(other) == ["ada", "lena", "sam"]

    __hash__ = object.__hash__


ANY_ORDER = _AnyOrder()


def test_a_build_server_offers_a_key_by_the_environment_and_nothing_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.key("ada")
    desk.key("lena", "legal")
    assert desk("keys", "trust", "--threshold", "legal=1") == 0
    file = desk.clear()
    pem = desk.folder / ".provenance" / "keys" / "lena.pem"
    moved = desk.folder.parent / f"{desk.folder.name}-ci.pem"
    pem.rename(moved)
    monkeypatch.setenv("PROVENANCE_KEY_FILE", str(moved))
    moved.chmod(0o640)
    assert "open to other users" in desk.told("clearance", "sign", str(file), "--yes")
    moved.chmod(0o600)
    assert "key file of PROVENANCE_KEY_FILE" in desk.told("clearance", "sign", str(file), "--yes", code=0)
    assert desk.gate() == (True, "")
    monkeypatch.setenv("PROVENANCE_KEY_FILE", str(moved.with_suffix("")))
    assert "expected a file NAME.pem" in desk.told("clearance", "sign", str(file), "--yes")
    stranger = desk.folder / "stranger.pem"
    stranger.write_bytes(rfc_key(2).pem(None))
    stranger.chmod(0o600)
    monkeypatch.setenv("PROVENANCE_KEY_FILE", str(stranger))
    assert f"key {key_id(rfc_key(2).public_key)[:16]} is not in the trust file" in desk.told("clearance", "sign", str(file), "--yes")


def test_lists_are_issued_where_there_is_no_workspace(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    desk.key("ada")
    bare = tmp_path_factory.mktemp("bare")
    (bare / "trust.json").write_bytes(desk.trust.read_bytes())
    key = str(desk.folder / ".provenance" / "keys" / "ada.pem")
    assert run(["-C", str(bare), "-q", "keys", "refresh", "--trust", "trust.json", "--as", key]) == 0
    assert (bare / "revoked.json").is_file()
    assert run(["-C", str(bare), "-q", "keys", "list", "--trust", "trust.json"]) == 0


def test_exports_name_the_signer(desk: Desk) -> None:
    ada = desk.key("ada")
    desk.key("lena", "legal")
    file = desk.clear()
    assert desk.said("clearance", "export", str(file), "--format", "dsse").encode() == file.read_bytes()
    assert desk.said("clearance", "export", str(file), "--format", "public-key-pem") == desk.said("keys", "export", "ada", "-f", "pem")
    assert desk("clearance", "sign", str(file), "--as", "lena", "--yes") == 0
    assert "several signatures to export; it is signed by" in desk.told("clearance", "export", str(file))
    assert "no signatures to export" in desk.told("clearance", "export", str(file), "--signer", "nobody")
    assert desk("clearance", "export", str(file), "--signer", ada["id"][:16], "-o", "run.sigstore.json") == 0
    bundle = json.loads((desk.folder / "run.sigstore.json").read_bytes())
    assert [s["keyid"] for s in bundle["dsseEnvelope"]["signatures"]] == [ada["id"]]
