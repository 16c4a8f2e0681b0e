"""Fixtures for all suites. Tests use ``../shared`` where it stands beside the checkout, and the small committed samples always."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.fakes.postgres import PostgresMissingError, postgres_server

if TYPE_CHECKING:
    from tests.fakes.s3 import S3Server

settings.register_profile("untimed", deadline=None)  # the first example of a process may load compiled code
settings.load_profile("untimed")
ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("PROVENANCE_SHARED", ROOT.parent / "shared"))


@pytest.fixture(autouse=True)
def _tests_expect_denials() -> Iterator[None]:
    """Take back what a denial would make of this process's exit code: tests catch denials on purpose, in one process for all."""
    yield
    word = sys.modules.get("provenance.hooks.last_word")
    if word is not None:
        word._forget()
        word._let_through.clear()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of large real test data; the test is skipped where it is not there."""
    if not (SHARED / "data" / "dev").is_dir():
        pytest.skip("the large test data are not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def loops() -> int:
    """How many rounds a long loop runs: 20 in the full tier, 1 else."""
    return 20 if os.environ.get("PROVENANCE_FULL") else 1


@pytest.fixture(scope="session")
def s3_process() -> Iterator[S3Server]:
    """One S3 protocol server for all tests: what is opened by the environment is opened once a process."""
    from tests.fakes.s3 import s3_server

    with s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_process: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """An empty S3 server that the environment points at."""
    from tests.fakes.s3 import use_server

    return use_server(s3_process, monkeypatch)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A running server's URL; the test says that it did not run where there is none."""
    server = postgres_server()
    try:
        url = server.__enter__()
    except PostgresMissingError as err:
        if os.environ.get("CI"):
            pytest.fail(f"did not run on PostgreSQL: {err}")
        pytest.skip(f"did not run on PostgreSQL: {err}")
    try:
        yield url
    finally:
        server.__exit__(None, None, None)
