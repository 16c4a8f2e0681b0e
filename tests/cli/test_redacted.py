"""What packages and the database say is told without credentials, also outside our own messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from provenance.cli.main import run
from provenance.storage.secrets import redact

SECRET = "T0pS3cretPw"
NOISE = f"""
import gc, logging, threading, warnings
from provenance.cli.redacted import redact_stderr
redact_stderr()
signed = "https://bucket.example.org/x?X-Amz-Signature={SECRET}"
logging.getLogger("a.package").warning("retrying %s", signed)
logging.getLogger("a.package").info("not told")
warnings.warn("deprecated: " + signed, stacklevel=1)
class Unraisable:
    def __del__(self):
        raise RuntimeError(signed)
def fail():
    raise RuntimeError("in a thread: " + signed)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
Unraisable()
gc.collect()
raise RuntimeError("at last: " + signed)
"""


def test_log_messages_warnings_and_failures_of_packages_hide_credentials() -> None:
    done = subprocess.run([sys.executable, "-c", NOISE], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr
    for told in ("retrying", "deprecated", "in a thread", "__del__", "at last"):
        assert told in done.stderr, told
    assert "not told" not in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://user:{SECRET}@127.0.0.1:1/db",
        f"postgresql+psycopg://user:first@{SECRET}@127.0.0.1:1/db",
        f"postgresql+psycopg://user:{SECRET}%2Fx@127.0.0.1:1/db",
        f"postgresql+psycopg://user@127.0.0.1:1/db?password={SECRET}",
        f"postgresql+psycopg://user@127.0.0.1:1/db?sslpassword={SECRET}&nonsense={SECRET}",
        f"postgresql+psycopg://user:{SECRET}@127.0.0.1:port/db",
        f"postgresql+nodriver://user:{SECRET}@127.0.0.1/db",
        f"mysql://user:{SECRET}@127.0.0.1/db",
        SECRET,
    ],
)
def test_the_password_of_a_database_is_never_told(tmp_path: Path, url: str, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "provenance.toml").write_text(f'database = "{url}"\n')
    for command in (("datasets", "list"), ("sql", "SELECT 1"), ("db", "check")):
        assert run(["-C", str(tmp_path), "--debug", *command]) == 1
    told = capfd.readouterr()
    assert "error: " in told.err
    assert SECRET not in told.out + told.err


def test_the_password_of_a_proxy_is_never_told() -> None:
    for value in (
        f"http://user:{SECRET}@proxy.example.org:3128",
        f"user:{SECRET}@proxy.example.org:3128",
        f"http://user:{SECRET}%40x@proxy.example.org",
    ):
        said = f"cannot connect to proxy with {SECRET}, {SECRET}@x, Basic dXNlcjpUMHBTM2NyZXRQdw== at {value}"
        told = redact(said, environment={"https_proxy": value, "NO_PROXY": "example.org"})
        assert SECRET not in told
        assert "dXNlcjpUMHBTM2NyZXRQdw==" not in told or "%40" in value
        assert "proxy.example.org" in told
