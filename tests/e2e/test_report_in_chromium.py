"""The page in a real browser: nothing breaks its own policy, nothing is fetched, nothing hostile runs, and it fits every width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.watching import Watched

pytestmark = pytest.mark.chromium
NAMES = ("blocked", "cleared", "hostile", "huge", "portfolio")


@pytest.mark.parametrize("name", NAMES)
def test_page_keeps_its_policy_and_fetches_nothing(browser: Any, pages: dict[str, Path], name: str) -> None:
    with Watched(browser, pages[name]) as seen:
        assert seen.said == []
        assert seen.requests == [pages[name].as_uri()]
        assert seen.page.evaluate("getComputedStyle(document.body).marginTop") == "0px", "the style sheet applies"


def test_policy_stops_a_script_that_is_not_ours(browser: Any, pages: dict[str, Path], tmp_path: Path) -> None:
    page = pages["cleared"].read_text(encoding="utf-8").replace("<main>", "<main><script>window.pwned=1</script><p style='color:red'></p>")
    (tmp_path / "p.html").write_text(page)
    with Watched(browser, tmp_path / "p.html") as seen:
        assert len(seen.said) == 2
        assert seen.page.evaluate("window.pwned") is None


def test_hostile_text_becomes_no_element(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["hostile"]) as seen:
        assert seen.page.evaluate("window.pwned") is None
        assert seen.page.evaluate("document.scripts.length") == 1
        assert seen.page.evaluate("document.images.length") == 0
        assert "<script>window.pwned=1</script>" in seen.page.locator("h1").inner_text()


@pytest.mark.parametrize("name", ["blocked", "hostile", "huge"])
@pytest.mark.parametrize("width", [360, pytest.param(768, marks=pytest.mark.full), 3840])
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.full)])
def test_no_width_scrolls_sideways(browser: Any, pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    with Watched(browser, pages[name], width=width, color_scheme=scheme) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach((d, i) => { if (i < 40) d.open = true })")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_page_says_the_same_without_javascript(browser: Any, pages: dict[str, Path]) -> None:
    def words(javascript: bool) -> str:
        with Watched(browser, pages["blocked"], javascript=javascript) as seen:
            locators = seen.page.locator(".finding").all()
            return "\n".join(locator.text_content().replace("copy", "") for locator in locators)

    assert words(javascript=False) == words(javascript=True)


def test_finding_opens_without_javascript(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"], javascript=False) as seen:
        passage = seen.page.locator(".finding .passage").first
        assert not passage.is_visible()
        seen.page.locator(".finding > summary").first.click()
        assert passage.is_visible()
        assert passage.locator("mark").count() > 2


@pytest.mark.parametrize("javascript", [True, False])
def test_paper_shows_every_finding_open_in_light_colours(browser: Any, pages: dict[str, Path], javascript: bool) -> None:
    with Watched(browser, pages["blocked"], width=680, javascript=javascript, color_scheme="dark") as seen:
        seen.page.emulate_media(media="print")
        boxes = [p.bounding_box() for p in seen.page.locator(".finding .passage").all()]
        assert boxes
        assert all(box["height"] > 20 for box in boxes)
        left, right = boxes[0], boxes[1]
        assert left["x"] < right["x"], "the two passages stand side by side"
        assert abs(left["y"] - right["y"]) < 2
        assert not seen.page.locator("#tools").is_visible()


def test_paper_comes_out_as_a_pdf(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        raw = seen.page.pdf(prefer_css_page_size=True)
        assert raw.startswith(b"%PDF-")
        assert raw.count(b"/Type /Page\n") + raw.count(b"/Type /Page ") >= 4 or b"/Count" in raw


def test_filters_search_and_deep_links_work(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        page = seen.page
        total = page.locator(".finding").count()
        page.locator("#tools select[name=rule]").select_option("L001")
        shown = [f for f in page.locator(".finding").all() if f.is_visible()]
        assert 0 < len(shown) < total
        assert {f.get_attribute("data-rule") for f in shown} == {"L001"}
        page.locator("#tools select[name=rule]").select_option("")
        page.locator("#tools input").fill("moby-dick")
        assert {f.get_attribute("data-rule") for f in page.locator(".finding").all() if f.is_visible()} == {"C002"}
        page.locator("#tools input").fill("")
        target = page.locator(".finding").nth(1).get_attribute("id")
        page.evaluate(f"location.hash = '#{target}'")
        page.wait_for_function(f"document.getElementById('{target}').open")
        assert seen.said == []


def test_tables_sort_by_value(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        table = seen.page.locator("#datasets table.sortable").first

        def column(index: int) -> list[str]:
            return [row.locator("td").nth(index).inner_text().split("\n")[0] for row in table.locator("tbody tr").all()]

        table.get_by_role("button", name="Share of tokens").click()
        assert [s.split("\u202f")[0] for s in column(0)] == ["5", "22", "31", "42"]
        table.get_by_role("button", name="Words").click()
        assert [int(s.replace("\u202f", "")) for s in column(1)] == [192_000, 738_000, 1_100_000, 2_200_000], "not the shards written below them"
        table.get_by_role("button", name="Dataset").click()
        table.get_by_role("button", name="Dataset").click()
        assert table.locator("tbody th").first.inner_text().startswith("web-crawl")


def test_filters_reach_the_entries_of_one_line_too(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["huge"]) as seen:
        page = seen.page
        total = page.evaluate("document.querySelectorAll('.finding, #more-findings tbody tr').length")

        def shown() -> list[str]:
            return list(
                page.evaluate(
                    "[...document.querySelectorAll('.finding:not([hidden])')].map(f => f.dataset.action)"
                    ".concat([...document.querySelectorAll('#more-findings tbody tr:not([hidden])')].map(r => r.cells[0].textContent))"
                )
            )

        page.locator("#tools select[name=action]").select_option("warn")
        found = shown()
        assert set(found) == {"warn"}
        assert page.locator("#shown").inner_text().startswith(f"{len(found)} of {total} entries shown")
        page.locator("#tools select[name=action]").select_option("")
        page.locator("#tools input").fill("set-007/part-00307")
        assert len(shown()) == 1
        assert seen.said == []


def test_open_findings_hold_those_that_are_not_known(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        states = {}
        for state in ("open", "not known", "waived"):
            seen.page.locator("#tools select[name=state]").select_option(state)
            states[state] = {f.get_attribute("data-state") for f in seen.page.locator(".finding").all() if f.is_visible()}
        assert states == {"open": {"open", "not known"}, "not known": {"not known"}, "waived": {"waived"}}


def test_an_address_that_is_none_breaks_nothing(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        seen.page.evaluate("location.hash = '#%E0%A4%A'")
        address = seen.page.locator(".finding").nth(1).locator("a[href^='#finding-']").first
        seen.page.evaluate("location.hash = document.querySelectorAll('.finding')[1].querySelector('a[href^=\"#finding-\"]').hash")
        seen.page.wait_for_function("document.querySelectorAll('.finding')[1].open")
        assert address.is_visible()
        assert seen.said == []


def test_keyboard_alone_reaches_and_opens_a_finding(browser: Any, pages: dict[str, Path]) -> None:
    with Watched(browser, pages["blocked"]) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.className") == "skip"
        for _ in range(60):
            if seen.page.evaluate("document.activeElement.parentElement.className").startswith("finding"):
                break
            seen.page.keyboard.press("Tab")
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.parentElement.open") is True


def test_chart_text_is_at_least_eleven_pixels(browser: Any, pages: dict[str, Path]) -> None:
    for width in (360, 1280):
        with Watched(browser, pages["blocked"], width=width) as seen:
            heights = seen.page.evaluate(
                "[...document.querySelectorAll('svg.chart text')].filter(t => t.getClientRects().length)"
                ".map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().d / Math.abs(t.getScreenCTM().d || 1))"
            )
            assert heights
            assert min(abs(h) for h in heights) >= 11
