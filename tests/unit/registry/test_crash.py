"""A process killed at any moment leaves a whole registry: a version is there with all its shards and its log row, or not at all."""

from __future__ import annotations

import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from provenance.errors import RegistryError
from provenance.registry.engine import open_engine, transaction
from provenance.registry.integrity import verify_registry
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.upgrade import upgrade
from tests.conftest import ROOT
from tests.fakes import values
from tests.fakes.clock import FixedClock

SHARDS = 3000
WRITER = f"""
import sys
from provenance.model.dataset import Dataset
from provenance.registry.session import SqlUnitOfWork
from tests.fakes import values
from tests.fakes.clock import FixedClock

units = SqlUnitOfWork(sys.argv[1], FixedClock())
first = int(sys.argv[2])
versions = [values.version(Dataset(name=f"d{{first + i}}"), values.shards({SHARDS}, start=i)) for i in range(5)]
print("ready", flush=True)
for version in versions:
    with units.begin(actor="victim", action="register") as registry:
        registry.add_version(version)
    print(version.dataset.name, flush=True)
"""


def kill_while_writing(url: str, *, first: int, after_s: float) -> set[str]:
    """Kill a writing process some time after it has begun; return what it said it had recorded."""
    command = [sys.executable, "-c", WRITER, url, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as writer:
        assert writer.stdout is not None
        assert select.select([writer.stdout], [], [], 60)[0]
        assert writer.stdout.readline() == "ready\n"
        time.sleep(after_s)
        writer.send_signal(signal.SIGKILL)
        return set(writer.stdout.read().split())


def test_a_killed_writer_leaves_whole_versions_only(tmp_path: Path, loops: int) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    upgrade(url)
    moments, promised = random.Random(20261124), set()
    for number in range(3 * loops):
        promised |= kill_while_writing(url, first=10 * number, after_s=moments.uniform(0.0, 0.6))
        units = SqlUnitOfWork(url, FixedClock())
        with units.read() as registry:
            verify_registry(registry)
            names = {v.dataset.name for v in registry.datasets()}
            assert promised <= names
            assert {n: t.shards for n, t in registry.totals().items()} == dict.fromkeys(names, SHARDS)
    with units.begin(actor="next", action="register") as registry:
        registry.add_version(values.full_version())
    with units.read() as registry:
        verify_registry(registry)


def test_a_write_protected_registry_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    upgrade(url)

    def write() -> None:
        with transaction(open_engine(url), write=False) as connection:
            connection.execute(text("PRAGMA query_only = ON"))  # stands in for file rights, which do not bind every user
            connection.execute(text("INSERT INTO audits (id, created, model, verdict, record_digest) VALUES ('', '', '', 'REVIEW', '')"))

    with pytest.raises(RegistryError, match=r"registry\.db.*readonly") as caught:
        write()
    assert "write-protected" in str(caught.value.hint)


def test_a_full_disk_says_so_and_records_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    upgrade(url)
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{WRITER}"
    done = subprocess.run([sys.executable, "-c", limit, url, "0"], capture_output=True, cwd=ROOT, text=True, check=False, timeout=60)
    assert done.stdout == "ready\n"
    assert "provenance.errors.RegistryError" in done.stderr
    with SqlUnitOfWork(url, FixedClock()).read() as registry:
        assert list(registry.datasets()) == []
        verify_registry(registry)
