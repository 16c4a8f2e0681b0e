"""Throw-away Redis servers for tests: a real one where it is installed, and one that speaks its protocol in this process."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_S = 20.0


class RedisMissingError(Exception):
    """Says why no server could be started."""


@contextmanager
def real_server() -> Iterator[int]:
    """Start a server without persistence and yield its port on this machine.

    Raises:
        RedisMissingError: If none is installed, or it does not start.
    """
    binary = shutil.which("redis-server")
    if binary is None:
        raise RedisMissingError("no redis-server is installed")
    with tempfile.TemporaryDirectory(prefix="redis") as folder:
        port = _free_port()
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()
            server.wait(_PATIENCE_S)


@contextmanager
def fake_server() -> Iterator[int]:
    """Start a server of the protocol in this process and yield its port on this machine."""
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_PATIENCE_S)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait(port: int) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RedisMissingError(f"redis-server did not listen within {_PATIENCE_S:.0f} seconds")
