"""People who use a keyboard, a screen reader, large text, a narrow screen or few colours get all of every page (WCAG 2.2 AA)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.fakes.watching import Watched

pytestmark = pytest.mark.chromium
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPEN = "document.querySelectorAll('details').forEach((d, i) => { if (i < 40) d.open = true })"
full = pytest.mark.full
STATES = [
    ("blocked", "light"),
    ("cleared", "dark"),
    ("portfolio", "light"),
    pytest.param("blocked", "dark", marks=full),
    pytest.param("review", "light", marks=full),
    pytest.param("review", "dark", marks=full),
    pytest.param("cleared", "light", marks=full),
    pytest.param("empty", "light", marks=full),
    pytest.param("empty", "dark", marks=full),
    pytest.param("hostile", "light", marks=full),
    pytest.param("hostile", "dark", marks=full),
    pytest.param("huge", "light", marks=full),
    pytest.param("huge", "dark", marks=full),
    pytest.param("portfolio", "dark", marks=full),
]


def violations(page: Any) -> list[str]:
    """Return what axe-core finds, one line each."""
    axe = Axe()
    found = axe.run(page, options={"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {[n['target'] for n in v['nodes'][:3]]} {v['nodes'][0]['failureSummary'][:200]}" for v in found]


@pytest.mark.parametrize(("name", "scheme"), STATES)
def test_axe_finds_nothing_with_all_findings_open(browser: Any, pages: dict[str, Path], name: str, scheme: str) -> None:
    with Watched(browser, pages[name], color_scheme=scheme) as seen:
        seen.page.evaluate(OPEN)
        assert violations(seen.page) == []


def test_axe_can_find_something(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["empty"]) as seen:
        seen.page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button>')")
        assert [v.split(":")[0] for v in violations(seen.page)] == ["button-name"]


def test_tab_order_is_the_visual_order_and_focus_is_seen(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        page = seen.page
        tops = []
        for step in range(40):
            page.keyboard.press("Tab")
            top, width, style = page.evaluate(
                "(() => { const a = document.activeElement, c = getComputedStyle(a); "
                "return [a.getBoundingClientRect().top + scrollY, parseFloat(c.outlineWidth), c.outlineStyle]; })()"
            )
            assert width >= 2, step
            assert style == "solid"
            tops.append(top)
        assert all(b >= a - 60 for a, b in pairwise(tops[1:])), tops  # one line may hold several


def test_skip_link_moves_the_reader_to_the_findings(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"], javascript=False) as seen:
        seen.page.keyboard.press("Tab")
        seen.page.keyboard.press("Enter")
        assert seen.page.url.endswith("#findings")
        seen.page.keyboard.press("Tab")
        assert seen.page.locator("#findings :focus").count() == 1


def test_keyboard_alone_sorts_filters_opens_and_closes(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        page = seen.page
        button = page.locator("#datasets table.sortable").first.get_by_role("button", name="Words")
        button.focus()
        head = page.locator("#datasets table.sortable").first.locator("th[aria-sort]")
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        page.keyboard.press("Space")
        assert head.get_attribute("aria-sort") == "descending"
        page.locator("#tools select[name=provider]").focus()
        page.keyboard.type("lumen")
        shown = [f.get_attribute("data-provider") for f in page.locator(".finding").all() if f.is_visible()]
        assert shown == ["lumen-ai"]
        assert page.locator("#shown").inner_text().startswith("1 of ")
        summary = page.locator(".finding > summary").first
        summary.focus()
        page.keyboard.press("Enter")
        assert page.locator(".finding").first.evaluate("f => f.open")
        page.keyboard.press("Space")
        assert not page.locator(".finding").first.evaluate("f => f.open")


@pytest.mark.parametrize("name", ["blocked", "portfolio"])
def test_structure_speaks_in_the_order_that_is_seen(browser: Any, pages: dict[str, Path], name: str) -> None:
    with Watched(browser, pages[name]) as seen:
        page = seen.page
        page.evaluate(OPEN)
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].filter(h => h.getClientRects().length).map(h => +h.tagName[1])")
        assert levels.count(1) == 1
        assert all(b <= a + 1 for a, b in pairwise(levels))
        tops = page.evaluate("[...document.querySelectorAll('main > section')].map(s => s.getBoundingClientRect().top)")
        assert tops == sorted(tops)
        assert page.evaluate("['header', 'nav', 'main'].every(name => document.querySelectorAll('body > .page > ' + name).length === 1)")
        bad = page.evaluate(
            "[...document.querySelectorAll('table')].filter(t => !t.caption || [...t.querySelectorAll('th')].some(h => !h.scope)).length"
        )
        assert bad == 0


def test_targets_are_at_least_24_pixels_high(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        seen.page.evaluate(OPEN)
        small = seen.page.evaluate(
            "[...document.querySelectorAll('button, summary, select, input, nav a')].filter(e => e.getClientRects().length)"
            ".map(e => [e.tagName, e.textContent.slice(0, 30), e.getBoundingClientRect().height]).filter(e => e[2] < 24)"
        )
        assert small == []


@pytest.mark.parametrize("name", ["blocked", "cleared", "portfolio"])
def test_page_reflows_at_320_pixels_and_at_text_of_200_percent(browser: Any, pages: dict[str, Path], name: str) -> None:
    with Watched(browser, pages[name], width=320) as seen:
        seen.page.evaluate(OPEN)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320
    with Watched(browser, pages[name], width=1280) as seen:
        seen.page.evaluate(OPEN)
        seen.page.evaluate("document.documentElement.style.fontSize = '32px'")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280
        clipped = "[...document.querySelectorAll('h1, h2, p, dt, dd, li')].filter(e => e.scrollWidth > e.clientWidth + 2 && e.clientWidth && getComputedStyle(e).overflowX === 'hidden').length"
        assert seen.page.evaluate(clipped) == 0


def test_nothing_moves_and_forced_colours_keep_marks_and_charts(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"], reduced_motion="reduce", forced_colors="active") as seen:
        seen.page.evaluate(OPEN)
        moving = "[...document.querySelectorAll('*')].filter(e => { const c = getComputedStyle(e); return parseFloat(c.transitionDuration) || c.animationName !== 'none'; }).length"
        assert seen.page.evaluate(moving) == 0
        assert seen.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
        assert "underline" in seen.page.evaluate("getComputedStyle(document.querySelector('mark')).textDecorationLine")
        fills = seen.page.evaluate(
            "[...new Set([...document.querySelectorAll('#chart-license .chart path')].map(e => getComputedStyle(e).fill))].length"
        )
        assert fills > 1, "slices stay apart"
