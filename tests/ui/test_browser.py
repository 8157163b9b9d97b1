"""The page in a real browser, on a real plant: what a planner sees and does."""

import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FloatRect, Locator, Page, expect, sync_playwright

from api.ui.pages import PAGES
from api.ui.words import THAI
from tests.ui.conftest import ARGUMENTS, SLOW_MS, Running, Seen
from twin.errors import JournalError
from twin.history import SqliteStore

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
expect.set_options(timeout=SLOW_MS)


def figures(text: str) -> tuple[float, float]:
    """Return mean and half-width of an interval as the page writes it."""
    mean, half = re.findall(r"[−\d.,]+", text)[:2]
    return float(mean.replace("−", "-").replace(",", "")), float(half.replace(",", ""))


def line_name(running: Running, station: str) -> str:
    """Return what people call a station."""
    return running.demo.line.station(station).name


def test_live_line_is_shown_with_its_age(seen: Seen, running: Running) -> None:
    """Every station stands in the drawing with a status in words; the age of the data is told."""
    page = seen.page
    page.goto("/")
    expect(page.locator("h1")).to_have_text("Bottling line 1")
    expect(page.locator("#freshness")).to_have_text(re.compile(r"^live, \d+\.\d s$"))
    state = running.client.ask("GET", "/v1/lines/bottling/state")
    stations = page.locator("#map .station")
    expect(stations).to_have_count(len(state["stations"]))
    words = {"processing", "setup", "blocked", "starved", "failed", "off"}
    for label in stations.evaluate_all("all => all.map(one => one.ariaLabel)"):
        assert set(re.split(r"[ .:,]+", label)) & words, label
    expect(page.locator("#stations tbody tr")).to_have_count(len(state["stations"]))
    for station in state["stations"]:
        tip = page.locator(f"#map [data-station={station['id']}] title").first
        expect(tip).to_have_text(re.compile(f"^{line_name(running, station['id'])}: "))
    expect(page.locator("#orders tbody tr")).to_have_count(len(state["orders"]))
    before = page.locator("#plant-time").inner_text()
    expect(page.locator("#plant-time")).not_to_have_text(before)


def test_stations_can_be_reached_by_keyboard(seen: Seen) -> None:
    """Tab comes to the navigation, the drawing's stations and the links of the table."""
    page = seen.page
    page.goto("/")
    expect(page.locator("#map .station")).to_have_count(8)
    reached = set()
    for _press in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('class') ?? ''"))
    assert {"skip", "brand", "station"} <= reached


def test_whatif_through_the_form_equals_the_api(seen: Seen, running: Running) -> None:
    """A planner's question is run with progress; every figure shown is the API's, and stays."""
    page = seen.page
    page.goto("/whatif")
    page.get_by_label("Station").select_option("filler")
    page.get_by_label("Lasts, minutes").fill("30")
    page.get_by_label("Look ahead").select_option("1")
    page.get_by_label("Replications").fill("12")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#job progress")).to_be_visible()
    expect(page.locator("#verdict")).to_contain_text("throughput falls by")
    run_id = parse_qs(urlsplit(page.url).query)["run"][0]
    results = running.client.ask("GET", f"/v1/runs/{run_id}/results")
    rows = [row for row in results["rows"] if row["element"] is None]
    assert {row["kpi"] for row in rows} >= {"throughput_rate", "wip_mean", "flow_time_mean_s"}
    _compare(page, rows)
    expect(page.locator("#answer .tag.simulated")).to_have_text("simulated")
    expect(page.locator("#chart-comparison svg")).to_be_visible()
    expect(page.locator("#chart-samples svg")).to_be_visible()
    drawable = [row for row in rows if row["difference"] and row["base"] and row["base"]["mean"]]
    expect(page.locator("#chart-comparison .role-mark.mark-symbol path")).to_have_count(
        len(drawable)
    )
    page.reload()
    expect(page.locator("#verdict")).to_contain_text("throughput falls by")
    _compare(page, rows)


def _compare(page: Page, rows: list[dict[str, Any]]) -> None:
    (row,) = [row for row in rows if row["kpi"] == "throughput_rate"]
    cells = page.locator("#comparison tr[data-kpi=throughput_rate]")
    for name in ("base", "value", "difference"):
        mean, half = figures(cells.locator(f"td.{name}").inner_text())
        assert mean == pytest.approx(row[name]["mean"] * 3600, abs=0.051)
        assert half == pytest.approx(row[name]["half_width"] * 3600, abs=0.051)
    expect(page.locator("#comparison tbody tr")).to_have_count(len(rows))


def test_run_can_be_cancelled_from_the_page(seen: Seen, running: Running) -> None:
    """A run that takes too long is ended by its button, and the page says so."""
    page = seen.page
    page.goto("/whatif")
    page.get_by_label("Look ahead").select_option("24")
    page.get_by_label("Replications").fill("1000")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#answer-empty")).to_contain_text("cancelled")
    jobs = running.client.ask("GET", "/v1/jobs?line_id=bottling")["items"]
    assert "cancelled" in {job["status"] for job in jobs}


def test_kept_scenarios_are_cloned_compared_and_found_among_the_runs(
    seen: Seen, running: Running
) -> None:
    """Two kept scenarios run side by side; the table has the API's figures; the queue has both."""
    page = seen.page
    for name, changes in (("More room", 40), ("Less room", 3)):
        body = {
            "line_id": "bottling",
            "name": name,
            "changes": {"buffers.packed.capacity": changes},
        }
        running.client.ask("POST", "/v1/scenarios", body)
    page.goto("/scenarios")
    row = page.locator("#scenarios tbody tr", has_text="More room")
    expect(row).to_contain_text("with 40 places")
    row.get_by_role("button", name="Clone More room").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Copy of More room")).to_be_visible()
    # The table is drawn anew; who works by keyboard stays where they were.
    expect(row.get_by_role("button", name="Clone More room")).to_be_focused()
    copy = page.locator("#scenarios tbody tr", has_text="Copy of More room")
    copy.get_by_role("button", name="Delete").click()
    copy.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="Copy of More room")).to_have_count(0)
    for name in ("More room", "Less room"):
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_label("Look ahead").select_option("1")
    page.get_by_label("Replications").fill("6")
    page.get_by_role("button", name="Run all").click()
    expect(page.locator("#verdicts p")).to_have_count(2)
    run_id = parse_qs(urlsplit(page.url).query)["run"][0]
    results = running.client.ask("GET", f"/v1/runs/{run_id}/results")
    shown = [row for row in results["rows"] if row["kpi"] == "throughput_rate"]
    assert len(shown) == 2
    for row in shown:
        cell = page.locator(f"tr[data-kpi=throughput_rate] td[data-scenario={row['scenario_id']}]")
        mean, half = figures(cell.inner_text())
        assert mean == pytest.approx(row["value"]["mean"] * 3600, abs=0.051)
        assert half == pytest.approx(row["value"]["half_width"] * 3600, abs=0.051)
    page.goto("/runs")
    done = page.locator("#runs tbody tr[data-status=succeeded]", has_text="More room, Less room")
    done.get_by_role("link").click()
    expect(page.locator("#answer")).to_have_attribute("data-run", run_id)


def test_what_matters_most_is_found_and_said(seen: Seen, running: Running) -> None:
    """Settings and ranges go in, a ranking comes out with what to do, the same as the API's."""
    page = seen.page
    page.goto("/compare")
    rows = page.get_by_role("group", name="A setting and its range")
    expect(rows).to_have_count(4)
    for name in ("Repair time", "People"):
        rows.filter(has=page.locator("option:checked", has_text=name)).get_by_label(
            "Remove this setting"
        ).click()
    expect(rows).to_have_count(2)
    rows.first.locator("[name=element]").select_option("filler")
    rows.first.get_by_label("From, % of now").fill("60")
    page.get_by_label("Time ahead").select_option("1")
    page.get_by_role("button", name="Find out").click()
    shown = page.locator("#matters tbody tr")
    expect(shown).to_have_count(2)
    screening_id = parse_qs(urlsplit(page.url).query)["screening"][0]
    result = running.client.ask("GET", f"/v1/screenings/{screening_id}")["result"]
    assert {(one["element"], one["low"]) for one in result["influences"]} == {
        ("filler", 0.6),
        ("capped", 0.5),
    }
    for row, one in zip(shown.all(), result["influences"], strict=True):
        assert row.get_attribute("data-setting") == f"{one['kind']} {one['element']}"
        value = float(row.locator(".strong").inner_text())
        assert value == pytest.approx(one["value"] * 3600, abs=0.051)
    expect(page.locator("#matters-verdict")).not_to_be_empty()
    expect(page.locator("#chart-matters svg")).to_have_attribute("role", "img")
    with page.expect_download() as told:
        page.get_by_role("link", name="What matters most as csv").click()
    assert "filler" in told.value.path().read_text("utf-8-sig")


def test_kept_scenario_opens_in_the_form(seen: Seen, running: Running) -> None:
    """What a kept scenario has comes back, also without a form of its own, and is run with it."""
    body = {
        "line_id": "bottling",
        "name": "Several",
        "changes": {"buffers.packed.capacity": 33, "stations.filler.wear_onset": 0.4},
        "faults": [{"station": "filler", "after_s": 600, "duration_s": 1800}],
        "events": [
            {"kind": "operator_absent", "crew": "operators", "people": 1, "duration_s": 5400},
            {"kind": "drift", "station": "packer", "factor": 1.2, "duration_s": 3600},
        ],
    }
    kept = running.client.ask("POST", "/v1/scenarios", body)
    page = seen.page
    page.goto(f"/whatif?scenario={kept['id']}")
    cards = page.locator("#changes .change")
    expect(cards).to_have_count(5)
    expect(page.get_by_label("People away")).to_have_value("1")
    assert [box.input_value() for box in page.get_by_label("Lasts, minutes").all()] == ["30", "90"]
    expect(page.get_by_label("Begins in, minutes").first).to_have_value("10")
    expect(page.get_by_label("Places")).to_have_value("33")
    expect(page.get_by_label("Which value")).to_have_value("stations.filler.wear_onset")
    expect(page.get_by_label("New value")).to_have_value("0.4")
    page.get_by_label("Look ahead").select_option("1")
    page.get_by_label("Replications").fill("2")
    with page.expect_request("**/v1/scenarios") as asked:
        page.get_by_role("button", name="Run", exact=True).click()
    sent = asked.value.post_data_json
    assert [event["kind"] for event in sent["events"]] == ["operator_absent", "drift"]
    assert sent["changes"] == body["changes"]
    expect(page.locator("#verdict")).not_to_be_empty()


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "th")])
def test_everybody_can_use_every_page(
    running: Running, chromium: Path, theme: Literal["light", "dark"], language: str
) -> None:
    """Contrast, names, roles and order: an automatic check of every page finds nothing.

    And on a telephone no page is wider than the screen.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        # The checker is put into the page as a script, which the page's own rules would refuse.
        context = browser.new_context(
            base_url=running.address, color_scheme=theme, locale=language, bypass_csp=True
        )
        page = context.new_page()
        page.set_default_timeout(SLOW_MS)
        for name, path in (*PAGES, ("login", "/login")):
            page.goto(path)
            assert page.locator("html").get_attribute("lang") == language
            if name != "login":
                expect(page.locator("#freshness")).to_have_attribute("data-level", "good")
            checked = Axe().run(page).response
            assert checked["passes"], path
            assert [found["id"] for found in checked["violations"]] == [], path
            page.set_viewport_size({"width": 420, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide == 420, path
            # What does not fit scrolls inside its place, for who has only a keyboard too.
            assert page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done("
                "[...document.querySelectorAll('.table-wrap')].every("
                "(place) => place.scrollWidth <= place.clientWidth || place.tabIndex === 0)))))"
            ), path
            page.set_viewport_size({"width": 1280, "height": 720})
        browser.close()


def test_bad_input_is_explained_beside_the_form(seen: Seen) -> None:
    """What the line cannot do is told in words, with what to do; the form stays as it is."""
    page = seen.page
    page.goto("/whatif")
    page.get_by_label("Kind of change").select_option("servers")
    page.get_by_label("Station").select_option("filler")
    page.get_by_label("Machines").fill("2")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#form-problem [role=alert]")).to_contain_text("setup")
    # The browser itself notes each answer of 422; nothing else may be complained of.
    seen.errors[:] = [text for text in seen.errors if "422" not in text]


def test_schedule_is_drawn_with_its_dates(seen: Seen, running: Running) -> None:
    """A plan shows objective, bound and violations; each order has its chance of being on time."""
    page = seen.page
    page.goto("/schedule")
    page.get_by_label("Search for, seconds").fill("2")
    page.get_by_label("Replays").fill("2")
    page.get_by_role("button", name="Plan from now").click()
    expect(page.locator("[data-fact=violations] dd")).to_have_text("none")
    plan_id = parse_qs(urlsplit(page.url).query)["schedule"][0]
    result = running.client.ask("GET", f"/v1/schedules/{plan_id}")["result"]
    expect(page.locator("#plan-orders tbody tr")).to_have_count(len(result["orders"]))
    label = page.locator("#gantt canvas").get_attribute("aria-label") or ""
    assert f"{len(result['operations'])} operations" in label
    painted = page.locator("#gantt canvas").evaluate(
        "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert painted > 20


def test_plan_is_changed_by_hand_checked_locked_and_planned_anew(
    seen: Seen, running: Running
) -> None:
    """A bar dragged onto others is told in words; taken back; locked by keys; planned around."""
    page = seen.page
    page.goto("/schedule")
    page.get_by_label("Search for, seconds").fill("1")
    page.get_by_label("Replays").fill("2")
    page.get_by_role("button", name="Plan from now").click()
    expect(page.locator("[data-fact=violations] dd")).to_have_text("none")
    canvas = page.locator("#gantt canvas")
    _move_a_bar_onto_others(page)
    expect(page.locator("#edit-check .error")).to_contain_text("do not hold")
    assert page.locator("#edit-check li").count() >= 1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#edit-check")).to_be_empty()
    # There and back: the bar of before, which begins hours ahead however long all of this takes.
    canvas.focus()
    page.keyboard.press("n")
    page.keyboard.press("p")
    page.keyboard.press("l")
    expect(page.locator("#edit-said")).to_contain_text("locked")
    # A minute later and a minute earlier: what the page makes of the moments breaks nothing.
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("#edit-check .good")).to_be_visible()
    said = str(page.locator("#edit-said").text_content())
    held = re.match(r"(.+?), (.+?) at ", said)
    assert held is not None
    before = parse_qs(urlsplit(page.url).query)["schedule"][0]
    page.get_by_role("button", name="Plan anew around locked bars").click()
    expect(page.locator("#edit-undo")).to_be_disabled()  # the plan in view is the new one
    after = parse_qs(urlsplit(page.url).query)["schedule"][0]
    assert after != before
    first, second = (
        running.client.ask("GET", f"/v1/schedules/{name}")["result"] for name in (before, after)
    )
    assert second["violations"] == []
    # What is locked stays so, for the next plan too, until somebody takes the lock off.
    assert held.groups() in {
        (bar["order"], bar["operation"]) for bar in second["operations"] if bar["locked"]
    }
    expect(page.locator("#edit-replan")).to_be_enabled()
    then, now = (
        {(bar["order"], bar["operation"]): bar["start_s"] for bar in plan["operations"]}
        for plan in (first, second)
    )
    # The plant has gone on meanwhile, and what it did moves a start by seconds; an order between
    # would move it by a quarter of an hour.
    assert now[held.groups()] == pytest.approx(then[held.groups()], abs=60.0)


def test_a_thai_page_tells_in_thai_what_a_moved_bar_breaks(seen: Seen, running: Running) -> None:
    """Beside the names of orders, operations and stations nothing broken has Latin letters."""
    page = seen.page
    page.goto("/schedule?lang=th")
    page.locator("#schedule-form [name=time_limit]").fill("1")
    page.locator("#schedule-form [name=replications]").fill("2")
    page.locator("#plan").click()
    expect(page.locator("[data-fact=violations] dd")).to_have_text(THAI["plan.no_violations"])
    _move_a_bar_onto_others(page)
    expect(page.locator("#edit-check li").first).to_be_visible()
    plan_id = parse_qs(urlsplit(page.url).query)["schedule"][0]
    plan = running.client.ask("GET", f"/v1/schedules/{plan_id}")["result"]
    bars = {f"{bar['order']} {bar['operation'].replace('_', ' ')}" for bar in plan["operations"]}
    told = page.locator("#edit-check li").all_inner_texts()
    assert any(item.partition(": ")[0] in bars for item in told)
    # Two bars at one station at one time: it says which is in the way of which.
    assert any(sum(bar in item for bar in bars) == 2 for item in told)
    line = running.demo.line
    names = bars | {order.id for order in line.orders} | {one.name for one in line.stations}
    named = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    for item in told:
        assert not re.search("[A-Za-z]", named.sub("", item)), item
    warned = page.locator("#plan-warnings li").all_inner_texts()
    assert len(warned) == len(plan["warnings"])


def _move_a_bar_onto_others(page: Page) -> None:
    canvas = page.locator("#gantt canvas")
    # The first station's row: its bars stand close, so one moved far to the left lands on others.
    y, width = 26 + 17, int(_settled(canvas)["width"])
    grabbed = next(x for x in range(width - 12, 140, -8) if _bar_is_picked(canvas, x, y))
    box = _settled(canvas)
    left, top = box["x"] + grabbed, box["y"] + y
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left - 200, top, steps=4)
    page.mouse.up()


def _settled(part: Locator) -> FloatRect:
    """Return where a part of the page is once what stands above it has come and gone."""
    part.scroll_into_view_if_needed()
    found = part.bounding_box()
    for _ in range(50):
        part.page.wait_for_timeout(200)
        before, found = found, part.bounding_box()
        if found is not None and found == before:
            return found
    pytest.fail("the page does not settle")


def _bar_is_picked(canvas: Locator, x: int, y: int) -> bool:
    canvas.click(position={"x": x, "y": y})  # wherever a notice above may have moved it to
    return not canvas.page.locator("#edit-lock").is_disabled()


def test_bottleneck_is_named_with_its_losses(seen: Seen, running: Running) -> None:
    """The sentence names the API's bottleneck; each station has its shares and its time."""
    page = seen.page
    page.goto("/bottleneck")
    expect(page.locator("#verdict")).not_to_be_empty()
    found = running.client.ask("GET", "/v1/lines/bottling/bottlenecks?window_s=3600")
    model = running.client.ask("GET", "/v1/lines/bottling/model")
    names = {item["id"]: item["name"] for item in model["stations"]}
    rows = page.locator("#bottlenecks tbody tr")
    expect(rows).to_have_count(len(found["stations"]))
    assert rows.locator("th").first.inner_text().startswith(names[found["stations"][0]["station"]])
    sentence = page.locator("#verdict").inner_text()
    assert any(name in sentence for name in names.values())
    expect(page.locator("#losses tbody tr")).to_have_count(len(names))


def test_forecast_is_drawn(seen: Seen) -> None:
    """The page foretells by itself and shows the fan with the model behind it."""
    page = seen.page
    page.goto("/forecast")
    expect(page.locator("#chart-fan svg")).to_be_visible()
    expect(page.locator("#model dd").first).not_to_be_empty()


def test_a_page_without_room_in_the_stream_goes_on_and_says_so(
    seen: Seen, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too many follow, a page still reads the line, tells what to do, and joins later."""
    assert running.demo.app is not None
    site = running.demo.app.state.site
    settings = site.settings
    monkeypatch.setattr(site, "settings", settings.model_copy(update={"event_clients": 0}))
    page = seen.page
    page.goto("/")
    banner = page.locator("#banner")
    expect(banner).to_contain_text("event_clients")
    expect(page.locator("#freshness")).to_contain_text("read")
    before = page.locator("#plant-time").inner_text()
    expect(page.locator("#plant-time")).not_to_have_text(before)
    monkeypatch.setattr(site, "settings", settings)
    expect(page.locator("#freshness")).to_contain_text("live")
    expect(banner).to_be_hidden()
    # What was refused stands in the browser's console; nothing else may.
    assert all("429" in text for text in seen.errors)
    seen.errors.clear()


def test_a_full_disk_is_told_with_what_helps(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture stands still while nothing can be written: the page says why, then goes on."""
    page = seen.page
    page.goto("/")
    expect(page.locator("#freshness")).to_have_text(re.compile("^live"))

    def full(*_values: object) -> int:
        raise JournalError("the journal j cannot be written: disk is full; free some space")

    monkeypatch.setattr(SqliteStore, "append", full)
    banner = page.locator("#banner")
    expect(banner).to_contain_text("The picture stands still since")
    expect(banner).to_contain_text("free some space")
    expect(page.locator("#gaps-note")).to_contain_text("disk is full")
    monkeypatch.undo()
    expect(banner).to_be_hidden()
    expect(page.locator("#freshness")).to_have_text(re.compile("^live"))


def test_lost_plant_is_told_and_comes_back(seen: Seen, running: Running) -> None:
    """A killed plant: banner and age say since when; started again: live, and the page says so."""
    page = seen.page
    page.goto("/")
    expect(page.locator("#freshness")).to_have_text(re.compile("^live"))
    running.demo.plant.kill()
    expect(page.locator("#banner")).to_contain_text("Connection to the plant lost at")
    expect(page.locator("#freshness")).to_have_text(re.compile(r"^stale since \d\d:\d\d:\d\d$"))
    running.demo.plant.start()
    expect(page.locator("#banner")).to_contain_text("is back")
    expect(page.locator("#freshness")).to_have_text(re.compile("^live"))
