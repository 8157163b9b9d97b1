"""Every page on the narrowest telephone, at a site with several lines."""

from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from api.ui.pages import PAGES
from tests.api.conftest import run_service
from tests.ui.conftest import ARGUMENTS, SLOW_MS
from twin.line import example_line

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
NARROW = 320
"""Width to which a page of 1280 shrinks at four times its size, CSS px."""
NAME_LETTERS = 50
"""Letters of a name that is long."""


@pytest.mark.parametrize("language", ["en", "th"])
def test_nothing_stands_outside_and_the_line_can_be_read(
    tmp_path: Path, chromium: Path, language: str
) -> None:
    """No page scrolls sideways, and the choice of the line is as wide as its name."""
    service = run_service(tmp_path, [example_line("bottling"), example_line("electronics")])
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            size = {"width": NARROW, "height": 700}
            page = browser.new_page(base_url=service.address, viewport=size)
            page.set_default_timeout(SLOW_MS)
            for _, path in PAGES:
                page.goto(f"{path}?lang={language}")
                choice = page.locator("#line-choice")
                expect(choice).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth") == NARROW, path
                box = choice.bounding_box()
                assert box is not None
                assert box["width"] > NARROW / 2, path
            browser.close()
    finally:
        service.stop()


def test_a_long_name_of_a_scenario_leaves_room_for_the_verdict(
    tmp_path: Path, chromium: Path
) -> None:
    """What the page names two changes itself fits: no column of the answer is cut off."""
    service = run_service(tmp_path, [example_line("bottling")])
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            size = {"width": 1280, "height": 900}
            page = browser.new_page(base_url=service.address, viewport=size)
            page.set_default_timeout(SLOW_MS)
            page.goto("/whatif")
            page.get_by_role("button", name="Add a change").click()
            page.get_by_role("button", name="Add a change").click()
            page.get_by_label("Replications").fill("5")
            page.get_by_role("button", name="Run", exact=True).click()
            answer = page.locator("table:has(th.scenario-name)").first
            expect(answer.locator("tbody tr").first).to_be_visible()
            assert len(answer.locator("th.scenario-name").inner_text()) > NAME_LETTERS
            wrap = answer.locator("xpath=..")
            assert wrap.evaluate("(place) => place.scrollWidth - place.clientWidth") <= 0
            browser.close()
    finally:
        service.stop()
