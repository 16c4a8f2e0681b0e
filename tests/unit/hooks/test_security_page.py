"""The page on security names a test for each attack, and each is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_test_that_the_page_names_exists() -> None:
    page = (ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("## Attack and test")[2].splitlines() if line.startswith("| ") and "| test |" not in line]
    assert len(rows) > 25
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, name in named:
            assert f"def {name}" in (ROOT / "tests" / file).read_text(encoding="utf-8"), row
