"""What the page weighs, how soon it is seen, and how smoothly a plan of 2,000 bars moves.

In a real browser, on a demo that runs; on a busy machine all times are upper bounds.
"""

from __future__ import annotations

import os
import shutil
import statistics
from typing import TYPE_CHECKING, Any

import psutil

from api.ui.pages import PAGES
from tests.benchmarks.bench_api import demo
from tests.benchmarks.case import Case

if TYPE_CHECKING:
    from playwright.sync_api import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu"]
BARS, FRAMES, DRAWN = 2000, 120, 50
OPENINGS = 5
DRAWING = "vega"
"""Part of the name of the script that draws charts, which is not counted."""

SEEN = """async () => {
  await new Promise((done) => setTimeout(done, 1500));
  const first = performance.getEntriesByName("first-contentful-paint")[0];
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const own = loaded.filter((one) => !one.name.includes("%s") && !one.name.includes("/v1/"));
  return [first.startTime, own.reduce((sum, one) => sum + one.encodedBodySize, 0)];
}"""  # noqa: E501 - a script
PANNED = """async ([bars, frames, drawn, line]) => {
  const { Gantt } = await import("/static/js/gantt.js");
  const model = await (await fetch(`/v1/lines/${line}/model`)).json();
  const node = document.createElement("div");
  document.querySelector("main").append(node);
  const gantt = new Gantt(node, model);
  const began = Date.now();
  const at = (seconds) => new Date(began + 1000 * seconds).toISOString();
  const stations = model.stations.map((one) => one.id);
  gantt.show({ orders: [], provenance: { as_of: at(0) },
    operations: Array.from({ length: bars }, (_, number) => {
      const from = 600 * Math.floor(number / stations.length);
      return { order: `PO-${number %% 40}`, operation: "x", station: stations[number %% stations.length],
        product: model.products[0].id, start: at(from), end: at(from + 550), setup_s: 30 };
    }) });
  const waits = [];
  const frame = () => new Promise((seen) => requestAnimationFrame(seen));
  await frame();
  let last = performance.now();
  for (let number = 0; number < frames; number += 1) {
    gantt.pan(number < frames / 2 ? 3000 : -3000);
    if (number %% 10 === 0) gantt.zoom(number %% 20 ? 0.9 : 1 / 0.9);
    await frame();
    waits.push(performance.now() - last);
    last = performance.now();
  }
  const drawing = performance.now();
  for (let number = 0; number < drawn; number += 1) gantt.draw();
  node.remove();
  return [waits, (performance.now() - drawing) / drawn];
}""".replace("%%", "%")  # noqa: E501 - a script


def cases() -> list[Case]:
    """Return none: frames are no times of work, see ``report``."""
    return []


def report() -> dict[str, Any]:
    """Return first paint, weight and frames, by page."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - for this report only

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        return {"skipped": "there is no Chromium here"}
    with demo() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        said: dict[str, Any] = {}
        for name, path in PAGES:
            page = browser.new_context(base_url=site.address).new_page()
            said[name] = _opened(page, path)
            page.context.close()
        page = browser.new_page(base_url=site.address, viewport={"width": 1440, "height": 900})
        page.goto("/schedule")
        said[f"{BARS} bars"] = _panned(page)
        browser.close()
    return said | {"load": round(os.getloadavg()[0], 1)}


def _opened(page: Page, path: str) -> dict[str, float]:
    seen = []
    weight = 0
    for _ in range(OPENINGS):
        page.goto(path)
        first_ms, size = page.evaluate(SEEN % DRAWING)
        seen.append(first_ms)
        weight = weight or size  # the first opening finds nothing kept
    return {
        "first_paint_ms": round(seen[0]),
        "again_ms": round(statistics.median(seen[1:])),
        "weight_kb": round(weight / 1000, 1),
    }


def _cpu_s() -> float:
    """Return the processor time of the browser, all its processes together, s."""
    family = psutil.Process().children(recursive=True)
    used = [one.cpu_times() for one in family if "chrom" in one.name()]
    return sum(times.user + times.system for times in used)


def _panned(page: Page) -> dict[str, float]:
    page.evaluate(PANNED, [BARS, 10, 1, "bottling"])  # the first frames compile what draws
    began_s = _cpu_s()
    waits_ms, draw_ms = page.evaluate(PANNED, [BARS, FRAMES, DRAWN, "bottling"])
    each_ms = (_cpu_s() - began_s) / (FRAMES + DRAWN) * 1000
    waits_ms.sort()
    return {
        "median_frames_per_s": round(1000 / statistics.median(waits_ms), 1),
        "browser_cpu_ms_each": round(each_ms, 1),
        "p95_frame_ms": round(waits_ms[int(0.95 * len(waits_ms))], 1),
        "draw_ms": round(draw_ms, 2),
    }
