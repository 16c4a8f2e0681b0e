"""One browser and one set of pages for all tests that need them: starting a browser is dear."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.report.html import render_html
from provenance.report.pdf import BROWSERS
from provenance.report.portfolio import render_portfolio
from tests.fakes import records
from tests.fakes.portfolios import full_portfolio

MAKERS = {
    "blocked": records.blocked_record,
    "review": records.review_record,
    "cleared": records.cleared_record,
    "empty": records.empty_record,
    "hostile": records.hostile_record,
    "huge": records.huge_record,
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A running Chromium; where there is none the test is skipped, and fails in CI."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        reason = f"no browser found: looked for {', '.join(BROWSERS)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


class Pages(dict[str, Path]):
    """Every page by its name, made when it is first asked for: audits, and the portfolio."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> Path:
        """Return the page's file."""
        file = self._folder / f"{name}.html"
        file.write_bytes(render_portfolio(full_portfolio(), links={}) if name == "portfolio" else render_html(MAKERS[name]()))
        self[name] = file
        return file


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every page by its name."""
    return Pages(tmp_path_factory.mktemp("pages"))
