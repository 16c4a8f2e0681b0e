"""The part of the Hugging Face hub's protocol that reading a data set takes, on loopback: one data set, ``org/name``, revision ``main``."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_TREE, _FILES = "/api/datasets/org/name/tree/main", "/datasets/org/name/resolve/main/"
_REVISION = "1" * 40


@dataclass(slots=True)
class Hub:
    """What the hub holds, and what it was asked with."""

    endpoint: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    """Authorization headers that came."""

    def entry(self, path: str) -> dict[str, Any]:
        """Describe a file as the hub does."""
        raw = self.files[path]
        return {"type": "file", "oid": hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest(), "size": len(raw), "path": path}

    def tree(self, base: str, *, recursive: bool) -> list[dict[str, Any]]:
        """List a folder."""
        start, found = f"{base}/" if base else "", {}
        for path in sorted(p for p in self.files if p.startswith(start)):
            parts = path[len(start) :].split("/")
            for n in range(1, len(parts) if recursive else min(2, len(parts))):
                folder = start + "/".join(parts[:n])
                found[folder] = {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder}
            if recursive or len(parts) == 1:
                found[path] = self.entry(path)
        return list(found.values())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        address = urlsplit(self.path)
        path = unquote(address.path)
        if path in {"/api/datasets/org/name", "/api/datasets/org/name/revision/main"}:
            self._json({"id": "org/name", "sha": _REVISION, "siblings": [], "private": False, "tags": [], "downloads": 0, "likes": 0})
        elif path.startswith(_TREE):
            recursive = parse_qs(address.query).get("recursive", ["false"])[0].lower() == "true"
            found = self.hub.tree(path[len(_TREE) :].strip("/"), recursive=recursive)
            self._json(found) if found else self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        elif path.startswith(_FILES) and path[len(_FILES) :] in self.hub.files:
            self._file(path[len(_FILES) :])
        else:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound" if path.startswith(_FILES) else "RepoNotFound"})

    def _file(self, name: str) -> None:
        raw, tag = self.hub.files[name], {"ETag": f'"{self.hub.entry(name)["oid"]}"', "X-Repo-Commit": _REVISION}
        if "Range" in self.headers:
            start, end = (int(part) for part in self.headers["Range"].removeprefix("bytes=").split("-"))
            part = raw[start : end + 1]
            self._send(206, part, {**tag, "Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(raw)}"})
        else:
            self._send(200, raw, {**tag, "Accept-Ranges": "bytes"})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Start a hub in this process, on a free port of loopback."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
