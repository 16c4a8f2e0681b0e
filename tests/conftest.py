"""Fixtures for all suites. Tests use ``../shared`` where it stands beside the checkout, and the small committed samples always."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # the first example of a process may load compiled code
settings.load_profile("untimed")
ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("PROVENANCE_SHARED", ROOT.parent / "shared"))


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
