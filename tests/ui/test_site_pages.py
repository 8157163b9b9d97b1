"""The pages about the twin itself in a real browser: health, data, administration, the tour."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, Route, expect, sync_playwright

from api.keys import Scope, create_key
from api.live import LiveLine
from tests.api.conftest import Service, run_service
from tests.ui.conftest import ARGUMENTS, SLOW_MS, Running, Seen
from twin.line import example_line

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
expect.set_options(timeout=SLOW_MS)


def test_health_holds_the_line_against_its_model(seen: Seen, running: Running) -> None:
    """Stations and failure modes stand there with what was expected and what was seen."""
    page = seen.page
    page.goto("/health")
    expect(page.locator("#verdict")).not_to_be_empty()
    fit = running.client.ask("GET", "/v1/lines/bottling/fit?window_s=14400")
    expect(page.locator("#paces tbody tr")).to_have_count(len(fit["paces"]))
    expect(page.locator("#failures tbody tr")).to_have_count(len(fit["failures"]))
    shown = page.locator("#failures tbody tr").first
    row = fit["failures"][0]
    assert int(shown.locator(".seen").inner_text()) <= row["seen"]
    assert float(shown.locator(".expected").inner_text()) <= row["expected"] + 0.06
    summary = running.client.ask("GET", "/v1/lines/bottling")
    model = page.locator("[data-fact=model] dd")
    expect(model).to_have_text(summary["model_hash"][:12])
    expect(page.locator("[data-fact=link] dd")).to_contain_text("connected")


def test_gaps_say_of_which_node_and_how_far_a_clock_was_set(seen: Seen) -> None:
    """A long node id stays within the table; a clock that was set has no length."""
    node = "nsu=urn:plant:line;s=" + "Area7.Cell3." * 8 + "Temperature"
    begin, end = "2026-01-05T08:00:00Z", "2026-01-05T09:00:00Z"
    reason = "the plant's clock was set back by 3600.0 s"
    gaps = [
        {"begin": begin, "end": end, "reason": "BadNodeIdUnknown", "node": node},
        {"begin": begin, "end": end, "reason": "the plant could not be reached", "node": ""},
        {"begin": begin, "end": end, "reason": reason, "node": "i=2258", "clock_step_s": -3600.0},
    ]

    def told(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"items": gaps})

    page = seen.page
    page.route("**/gaps", told)
    page.goto("/health")
    rows = page.locator("#gaps tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0).locator("td").nth(2)).to_have_text("clock −60 min")
    expect(rows.nth(0)).to_contain_text("i=2258")
    expect(rows.nth(1).locator(".node")).to_have_text("all")
    expect(rows.nth(2).locator(".node")).to_have_text(node)
    expect(rows.nth(2).locator("td").nth(2)).to_have_text("60 min")
    card = page.locator("section", has=page.locator("#gaps"))
    wrap = card.locator(".table-wrap")
    assert wrap.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_data_leaves_and_comes_back_in(seen: Seen, running: Running, tmp_path: Path) -> None:
    """A table is the API's; a workbook is refused cell by cell, and taken once it is mended."""
    page = seen.page
    page.goto("/data")
    with page.expect_download() as told:
        page.get_by_role("link", name="State as csv").click()
    rows = list(csv.DictReader(io.StringIO(told.value.path().read_text("utf-8-sig"))))
    state = running.client.ask("GET", "/v1/lines/bottling/state")
    assert [row["station"] for row in rows] == [item["id"] for item in state["stations"]]
    with page.expect_download() as told:
        page.get_by_role("link", name="Scenarios as xlsx").click()
    path = tmp_path / "scenarios.xlsx"
    told.value.save_as(path)
    _filled(path, "buffers.packed.capacity", "many")
    _sent(page, path)
    expect(page.locator("#form-problem [role=alert]")).to_contain_text("scenarios!F2")
    _filled(path, "buffers.packed.capacity", 44)
    _sent(page, path)
    expect(page.locator("#imported li")).to_have_count(1)
    kept = running.client.ask("GET", "/v1/scenarios?line_id=bottling")["items"]
    (found,) = [item for item in kept if item["name"] == "more_room"]
    assert found["changes"] == {"buffers.packed.capacity": 44}
    # The browser itself notes each answer of 422; nothing else may be complained of.
    seen.errors[:] = [text for text in seen.errors if "422" not in text]


def _filled(path: Path, change: str, value: object) -> None:
    book = load_workbook(path)
    for place, cell in enumerate(("more_room", None, None, change, None, value), start=1):
        book["scenarios"].cell(2, place, cell)
    book.save(path)


def _sent(page: Page, path: Path) -> None:
    page.get_by_label("Workbook (.xlsx)").set_input_files(path)
    page.get_by_role("button", name="Bring in").click()


def test_administration_shows_what_one_may_see(seen: Seen, running: Running) -> None:
    """Without the scope it says kindly what is needed; with it the trail is the API's."""
    page = seen.page
    page.goto("/admin")
    expect(page.locator("[data-connection=bottling]")).to_contain_text("opc.tcp://")
    needs = page.locator(".needs-admin").first
    expect(needs).to_contain_text("twin keys create NAME --scope admin")
    expect(page.locator("#audit")).to_be_hidden()
    key = create_key(running.demo.settings.keys_path, "admin", Scope.ADMIN)
    page.goto("/login")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Enter").click()
    expect(page.locator("#freshness")).to_have_text(re.compile("^live"))
    body = {"line_id": "bottling", "name": "Noted", "changes": {"buffers.packed.capacity": 21}}
    made = running.client.ask("POST", "/v1/scenarios", body)
    page.goto("/admin")
    expect(page.locator("#session")).to_contain_text("everything")
    expect(needs).to_be_hidden()
    expect(page.locator("#audit tbody tr").first).to_contain_text(made["id"])


def test_report_is_a_pdf_of_what_is_shown(seen: Seen) -> None:
    """A finished comparison leaves as a PDF, in the language of the page."""
    page = seen.page
    page.goto("/whatif?lang=th")
    page.locator("[name=horizon]").select_option("1")
    page.locator("[name=replications]").fill("4")
    page.locator("#run").click()
    expect(page.locator("#verdict")).not_to_be_empty()
    with page.expect_download() as told:
        page.locator("#report").click()
    content = told.value.path().read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(content) > 10_000
    # Printed by the browser there is the answer without what only a screen can do, and no wider.
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})
    expect(page.locator("#verdict")).to_be_visible()
    for shown in page.locator("button, form, .nav, .foot").all():
        expect(shown).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 703


def test_board_shows_the_line_and_nothing_else(seen: Seen) -> None:
    """On the wall: dark, large, figures and drawing, no navigation."""
    page = seen.page
    page.goto("/?board=1")
    expect(page.locator("#map .station")).to_have_count(8)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    for hidden in (".nav", "#stations", ".foot"):
        expect(page.locator(hidden)).to_be_hidden()
    # Figures are drawn anew with every message: the one at hand may just have left the page.
    page.wait_for_function(
        "parseFloat(getComputedStyle(document.querySelector('.tile dd .value')).fontSize) > 60"
    )


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[Service]:
    """Serve a site without any line."""
    service = run_service(tmp_path, [])
    yield service
    service.stop()


@pytest.fixture
def first_page(empty_site: Service, chromium: Path) -> Iterator[Page]:
    """Open a browser at a site without any line."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(base_url=empty_site.address)
        page.set_default_timeout(SLOW_MS)
        yield page
        browser.close()


def test_tour_leads_from_a_workbook_to_a_whatif(empty_site: Service, first_page: Page) -> None:
    """A site without a line shows the tour; the workbook brought in is a line to ask about."""
    page = first_page
    page.goto("/")
    expect(page.locator("h1")).to_have_text("From your spreadsheet to the first what-if")
    with page.expect_download() as told:
        page.get_by_role("link", name="Download the workbook").click()
    page.get_by_label("Workbook (.xlsx)").set_input_files(told.value.path())
    page.get_by_role("button", name="Bring in").click()
    expect(page.locator("#done")).to_contain_text("2 stations")
    page.get_by_role("link", name="Ask a what-if").click()
    page.get_by_label("Look ahead").select_option("1")
    page.get_by_label("Replications").fill("4")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#verdict")).to_contain_text("throughput")
    assert list(empty_site.site.lines) == ["two_station"]
    assert (empty_site.folder / "lines" / "two_station.yaml").is_file()


def test_first_hour_of_a_planner_who_writes_thai(first_page: Page, tmp_path: Path) -> None:
    """The Thai workbook, a bad cell named in it, the same mended, and a plan of its orders."""
    page = first_page
    page.goto("/?lang=th")
    with page.expect_download() as told:
        page.locator("#template").click()
    path = tmp_path / "น้ำปลา.xlsx"
    told.value.save_as(path)
    book = load_workbook(path)
    for sheet, rows in {
        "สายการผลิต": [["รหัส", "น้ำปลา"], ["ชื่อ", "ไลน์น้ำปลา"], ["เขตเวลา", "Asia/Bangkok"],
                       ["เริ่ม", "5/1/2569 08:00"]],
        "สถานีงาน": [["ล้าง", "เครื่องล้างขวด"], ["บรรจุ", None, 1, "ราง"]],
        "บัฟเฟอร์": [["ราง", None, 20]],
        "ผลิตภัณฑ์": [["น้ำปลา700", "น้ำปลา", "ล้าง", "ล้าง", "0.5 นาที"],
                      [None, None, "บรรจุ", "บรรจุ", "๔๕ วินาที"]],
        "วัตถุดิบ": [],
        "ใบสั่ง": [["PO/1", "น้ำปลา", 10, None, "03/04/2026"], ["PO/2", "น้ำปลา", 20]],
        "ทีมช่าง": [],
    }.items():  # fmt: skip
        book[sheet].delete_rows(2, 10)
        for row in rows:
            book[sheet].append(row)
    book.save(path)
    page.locator("[name=file]").set_input_files(path)
    page.locator("#line-form .primary").click()
    expect(page.locator("#form-problem")).to_contain_text("ใบสั่ง!E2")
    expect(page.locator("#form-problem")).to_contain_text("เขียน 2026-04-03 หรือ 2026-03-04")
    book["ใบสั่ง"]["E2"] = "5/1/2569 17:00"
    book.save(path)
    page.locator("[name=file]").set_input_files(path)
    page.locator("#line-form .primary").click()
    expect(page.locator("#done")).to_contain_text("ไลน์น้ำปลา")
    page.goto("/schedule?line=line_1")
    page.locator("[name=time_limit]").fill("1")
    page.locator("#plan").click()
    expect(page.locator("#plan-orders tbody tr")).to_have_count(2)
    expect(page.locator("#plan-orders")).to_contain_text("PO_1")
    expect(page.locator("#plan-orders")).to_contain_text("น้ำปลา")
    page.goto("/?line=line_1")
    expect(page.locator("#map")).to_contain_text("เครื่องล้างขวด")


def test_language_and_theme_change_nothing_else(empty_site: Service, first_page: Page) -> None:
    """The first pages offer both languages and themes too; what the address asks for stays."""
    page = first_page
    page.goto("/tour")
    page.locator("#theme").click()
    dark = page.locator("html").get_attribute("data-theme")
    page.get_by_role("link", name="ไทย").click()
    expect(page.locator("h1")).to_have_text("จากสเปรดชีตของคุณสู่คำถามแรก")
    assert page.locator("html").get_attribute("data-theme") == dark
    empty_site.site.add(LiveLine(example_line("two_station")))
    empty_site.site.add(LiveLine(example_line("electronics")))
    page.goto("/whatif?line=electronics&station=printer")
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("What if?")
    assert parse_qs(urlsplit(page.url).query)["line"] == ["electronics"]
    expect(page.locator("#line-choice")).to_have_value("electronics")


def test_a_plan_without_orders_says_where_orders_come_from(
    empty_site: Service, first_page: Page
) -> None:
    """A line that has none shows no empty chart, but what there is to do."""
    empty_site.site.add(LiveLine(example_line("two_station")))
    page = first_page
    page.goto("/schedule?line=two_station")
    page.locator("[name=time_limit]").fill("1")
    page.locator("#plan").click()
    expect(page.locator("#plan-empty")).to_contain_text("sheet orders")
    expect(page.locator("#plan-result")).to_be_hidden()


def test_a_search_that_finds_no_plan_says_so_and_why(empty_site: Service, first_page: Page) -> None:
    """That no plan was found is not told as if there was nothing to plan, in either language."""
    empty_site.site.add(LiveLine(example_line("two_station")))
    page = first_page
    still = "after 9 h orders are still to be finished"
    why = f"the line does not finish a plan that looked good: {still}"

    def none_found(route: Route) -> None:
        answer = route.fetch()
        view = answer.json()
        view["result"] |= {"status": "unknown", "orders": [], "message": f"{why}: PO-1"}
        route.fulfill(response=answer, json=view)

    page.route("**/v1/schedules/schedule-*", none_found)
    for language, said in (
        ("en", "nothing found: the line does not"),
        ("th", "ใบสั่งเหล่านี้ยังไม่เสร็จ: PO-1"),
    ):
        page.goto(f"/schedule?line=two_station&lang={language}")
        page.locator("[name=time_limit]").fill("1")
        page.locator("#plan").click()
        expect(page.locator("#plan-empty")).to_contain_text(said)


def test_mistakes_are_told_by_their_fields_in_the_language_of_the_page(
    seen: Seen, tmp_path: Path
) -> None:
    """A planner's usual mistakes on the Thai page: what is wrong stands by the field, in Thai."""
    page = seen.page
    page.goto("/whatif?lang=th")
    run = page.locator("#run")
    page.locator("[name=minutes]").fill("0")
    page.locator("[name=replications]").fill("")
    run.click()
    expect(_message(page, "[name=minutes]")).to_have_text("ใส่ตัวเลขตั้งแต่ 1 ถึง 10080")
    expect(_message(page, "[name=replications]")).to_have_text("กรอกช่องนี้")
    expect(page.locator("[name=minutes]")).to_be_focused()
    page.locator("[name=minutes]").fill("30")
    page.locator("[name=replications]").fill("20")
    expect(page.locator(".field-error")).to_have_count(0)
    page.locator("[name=after]").fill("600")
    run.click()
    expect(_message(page, "[name=horizon]")).to_contain_text("มองไปข้างหน้าให้ไกลขึ้น")
    page.locator(".change [name=kind]").select_option("value")
    for path, value, said in (
        ("stations.nowhere.servers", "2", "สถานีงาน ไม่มี 'nowhere'"),
        ("stations.filler.servers", "many", "'many' ไม่ใช่จำนวนเต็ม"),
    ):
        page.locator("[name=path]").fill(path)
        page.locator("[name=value]").fill(value)
        run.click()
        expect(page.locator(".change .field-error")).to_contain_text(said)
        expect(page.locator("#form-problem")).to_have_text("สถานการณ์ไม่เข้ากับสายการผลิต 'bottling'")
    page.goto("/data")
    page.locator("#import-form button").click()
    expect(_message(page, "[name=file]")).to_have_text("เลือกไฟล์")
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(b"no workbook")
    chosen = page.locator("label.file [data-none]")
    expect(chosen).to_have_text("ยังไม่ได้เลือก")
    page.locator("[name=file]").set_input_files(bad)
    expect(chosen).to_have_text("bad.xlsx")
    page.locator("#import-form button").click()
    expect(page.locator("#form-problem")).to_contain_text("ไม่ใช่สมุดงาน")
    page.goto("/login")
    page.locator("#key").fill("nonsense")
    page.locator("#login-form button").click()
    expect(page.locator("#form-problem")).to_contain_text("ขอคีย์ใหม่จากผู้ดูแล")
    seen.errors[:] = [text for text in seen.errors if "422" not in text and "401" not in text]


def _message(page: Page, field: str) -> Locator:
    """Return what describes a field as a screen reader hears it."""
    wrong = page.locator(f"{field}[aria-invalid=true]")
    return page.locator(f"#{wrong.get_attribute('aria-describedby')}")
