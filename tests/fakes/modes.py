"""Running a command as a user whom file modes bind, also where the tests run as root."""

from __future__ import annotations

import os
import shutil

import pytest


def bound_by_modes() -> list[str]:
    """Return what a command begins with so that file modes bind it; the test is skipped where root cannot give its right up."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("did not run: root passes file modes by, and there is no setpriv to stop it")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]
