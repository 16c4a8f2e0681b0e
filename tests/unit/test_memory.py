"""Freed memory is kept by the process, where the C library can, and changes nothing else."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from provenance.memory import keep_freed_memory

PROGRAM = """
import resource
from provenance.memory import keep_freed_memory
keep_freed_memory()
def take(): [bytearray(b"x") * (3 << 20) for _ in range(4)]
for _ in range(3): take()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20): take()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_buffers_that_come_again_take_no_new_pages() -> None:
    if not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        pytest.skip("the C library is not glibc")
    run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert int(run.stdout) < 20 * 4 * 768 // 10  # a buffer has 768 pages of 4 KiB


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed_memory.cache_clear()
    try:
        assert not keep_freed_memory()
    finally:
        keep_freed_memory.cache_clear()
