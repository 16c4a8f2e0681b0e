"""A real S3 protocol server on loopback (moto), which can be told to fail: refuse, answer late, cut bodies short, change objects under the reader's eyes."""

from __future__ import annotations

import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

KEY_ID, SECRET, TOKEN = "AKIAQ7EXAMPLEKEYID99", "s3cr3t/KEY+of=the+tests/0123456789abcdef", "session-token-of-the-tests-zyxwvut"
BUCKET = "corpus"
_HEADERS = {"Content-Type": "application/octet-stream", "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/s3/aws4_request"}
_ERRORS = {403: "AccessDenied", 404: "NoSuchKey", 500: "InternalError", 503: "SlowDown"}


@dataclass(slots=True)
class Fault:
    """What happens to the next requests for one object."""

    ending: str
    """Of the object's name."""
    times: int
    """So many requests; further ones are answered well."""
    status: int = 0
    """Answer this status."""
    cut: int | None = None
    """Send only so many bytes of the body, and close the connection."""
    wait_s: float = 0.0
    """Answer after so long."""
    before: Callable[[], None] | None = None
    """Done before the answer is made."""
    method: str = "GET"
    echo: bool = False
    """The error repeats the request's headers, as careless servers do."""


@dataclass(slots=True)
class S3Server:
    """A server with one bucket."""

    endpoint: str
    faults: list[Fault] = field(default_factory=list)
    log: list[tuple[str, str, str, int]] = field(default_factory=list)
    """(method, path, range, status) of each request."""
    sent: dict[str, int] = field(default_factory=dict)
    """Path → bytes of its bodies."""

    def put(self, key: str, raw: bytes) -> None:
        """Store an object."""
        self._request("PUT", f"/{BUCKET}/{quote(key)}", raw)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._request("DELETE", f"/{BUCKET}/{quote(key)}")

    def url(self, key: str = "") -> str:
        """Return an object's URL."""
        return f"s3://{BUCKET}/{key}".rstrip("/")

    def reset(self) -> None:
        """Forget all objects and faults."""
        self.faults.clear()
        self._request("POST", "/moto-api/reset")
        self._request("PUT", f"/{BUCKET}")
        self.log.clear()
        self.sent.clear()

    def gets(self, ending: str) -> list[tuple[str, int]]:
        """Return (range, status) of the reading requests for an object."""
        return [(span, status) for method, path, span, status in self.log if method == "GET" and path.endswith(ending)]

    def _request(self, method: str, path: str, raw: bytes | None = None) -> None:
        request = urllib.request.Request(self.endpoint + path, data=raw, method=method, headers=_HEADERS)
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()


class _Unreliable:
    """The server's application with faults in front of it."""

    def __init__(self, app: Any, server: S3Server) -> None:
        self._app, self._server = app, server

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        fault = next((f for f in self._server.faults if f.times > 0 and f.method == method and path.endswith(f.ending)), None)
        if fault is not None:
            fault.times -= 1
            if fault.before is not None:
                fault.before()
            time.sleep(fault.wait_s)
            if fault.status:
                return self._refuse(environ, start_response, fault)
        seen: list[str] = []

        def started(status: str, headers: Any, *rest: Any) -> Any:
            seen.append(status)
            return start_response(status, headers, *rest)

        body = b"".join(self._app(environ, started))
        self._note(environ, int(seen[0][:3]), len(body))
        return [body if fault is None or fault.cut is None else body[: fault.cut]]

    def _refuse(self, environ: dict[str, Any], start_response: Any, fault: Fault) -> Iterable[bytes]:
        said = " ".join(environ.get(name, "") for name in ("HTTP_X_AMZ_SECURITY_TOKEN", "HTTP_AUTHORIZATION")) if fault.echo else "told to fail"
        raw = f"<?xml version='1.0'?><Error><Code>{_ERRORS[fault.status]}</Code><Message>{said.replace('<', '')}</Message></Error>".encode()
        self._note(environ, fault.status, len(raw))
        start_response(f"{fault.status} Told", [("Content-Type", "application/xml"), ("Content-Length", str(len(raw)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [raw]

    def _note(self, environ: dict[str, Any], status: int, size: int) -> None:
        path = environ["PATH_INFO"]
        self._server.log.append((environ["REQUEST_METHOD"], path, environ.get("HTTP_RANGE", ""), status))
        if environ["REQUEST_METHOD"] == "GET":
            self._server.sent[path] = self._server.sent.get(path, 0) + size


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Start a server in this process, on a free port of loopback."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = S3Server("")
    web = make_server("127.0.0.1", 0, _Unreliable(DomainDispatcherApplication(create_backend_app), server), threaded=True)
    server.endpoint = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    try:
        server.reset()
        yield server
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


def use_server(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Point this process's environment at a server, emptied."""
    server.reset()
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    return server
