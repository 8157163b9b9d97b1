"""The page without a browser: what it is made of, and what serves it."""

import asyncio
import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from fastapi import FastAPI

from api.jobs.tasks.schedule import OBJECTIVE
from api.routes.files import KINDS
from api.schemas import (
    RunResults,
    ScheduledOperation,
    ScheduleResult,
    ScheduleView,
    ScheduleViolation,
    ScheduleWarning,
)
from api.ui import add_pages, report, specs
from api.ui.pages import EXPORTS, FOLDER, MORE_PAGES, PAGES
from api.ui.words import ENGLISH, LANGUAGES
from scenarios.schedule.left_out import Omission
from scenarios.schedule.verdicts import ViolationKind
from scenarios.whatif.comparison import KPIS
from twin.sync.protocol import SourceState

STATIC = FOLDER / "static"
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
ADDRESS = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)


class Asker:
    """Asks the page alone, without a socket."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Return the answer to a GET."""
        return asyncio.run(self._ask(httpx.Request("GET", f"http://test{path}", headers=headers)))

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Return the answer to a POST."""
        return asyncio.run(self._ask(httpx.Request("POST", f"http://test{path}", json=body)))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, timeout=120) as client:
            return await client.send(request)


@pytest.fixture(scope="module")
def client() -> Asker:
    """Return a client of the page alone."""
    app = FastAPI()
    add_pages(app)
    return Asker(app)


class Outline(HTMLParser):
    """Headings, ids, labels and fields of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.unlabelled: list[dict[str, str | None]] = []
        self.resources: list[str] = []
        self._labels = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        found = dict(attrs)
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(tag)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "label":
            self._labels += 1
        if tag in {"input", "select"} and not self._labels and "aria-label" not in found:
            self.unlabelled.append(found)
        if tag in {"script", "link", "img"}:
            self.resources += [str(found[key]) for key in ("src", "href") if found.get(key)]

    def handle_endtag(self, tag: str) -> None:
        """Note where a label ends."""
        if tag == "label":
            self._labels -= 1


@pytest.mark.parametrize("path", [path for _, path in (*PAGES, *MORE_PAGES)])
def test_view_is_well_formed(client: Asker, path: str) -> None:
    """One h1, no id twice, every field has a label, everything comes from this server."""
    answer = client.get(path)
    assert answer.status_code == 200
    outline = Outline(answer.text)
    assert outline.headings.count("h1") == 1
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.unlabelled == []
    assert outline.resources
    assert all(found.startswith("/static/") for found in outline.resources)


@pytest.mark.parametrize("path", [path for _, path in PAGES])
def test_view_forbids_everything_from_elsewhere(client: Asker, path: str) -> None:
    """The content security policy names no other host and allows no code made from text."""
    policy = client.get(path).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert not ADDRESS.search(policy)


@pytest.mark.parametrize(
    "path", [*SCRIPTS, *TEMPLATES, *sorted((STATIC / "css").glob("*.css"))], ids=lambda p: p.name
)
def test_source_names_no_other_host(path: Path) -> None:
    """Nothing in the page's own files points to another machine."""
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not ADDRESS.search(text)


def test_every_resource_is_there(client: Asker) -> None:
    """What the views ask for can be had, modules and what these import included."""
    wanted = {found for _, path in PAGES for found in Outline(client.get(path).text).resources}
    for script in SCRIPTS:
        imports = re.findall(r'from "\./([\w.]+)"', script.read_text(encoding="utf-8"))
        wanted |= {f"/static/js/{name}" for name in imports}
    for path in wanted:
        assert client.get(path).status_code == 200, path


def test_every_word_is_in_the_list() -> None:
    """Each key that a template or script names has words."""
    named: set[str] = set()
    for path in [*SCRIPTS, *TEMPLATES]:
        named |= set(re.findall(r"""\bt\(\s*["']([\w. ]+)["'](?!\s*~)""", path.read_text("utf-8")))
    assert len(named) > 100
    assert named <= set(ENGLISH)


def test_what_the_api_says_in_words_has_words() -> None:
    """Where a source stands and what plans aim at are told in the language of the page."""
    assert {f"source.{state}" for state in SourceState} <= set(ENGLISH)
    assert f"objective.{OBJECTIVE}" in ENGLISH


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_each_kind_of_violation_and_warning_has_words(words: dict[str, str]) -> None:
    """What the checker finds and what a plan leaves out: the API has these kinds, no others."""
    kinds = {str(kind) for kind in ViolationKind}
    assert set(get_args(ScheduleViolation.model_fields["kind"].annotation)) == kinds
    further = {"violation.about", "violation.by", "violation.further"}
    listed = {key for key in words if key.startswith("violation.")} - further
    assert listed == {f"violation.{kind}" for kind in kinds}
    assert all("{where}" in words[key] for key in listed)
    omissions = {str(kind) for kind in Omission}
    assert set(get_args(ScheduleWarning.model_fields["kind"].annotation)) == omissions
    said = {key for key in words if key.startswith("plan.left_out.")}
    assert said == {f"plan.left_out.{kind}" for kind in omissions}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", [path for _, path in (*PAGES, *MORE_PAGES)])
def test_view_is_light(client: Asker, path: str, language: str) -> None:
    """A view with its modules and styles is at most 400 kB, compressed, without the charts."""
    text = client.get(f"{path}?lang={language}").text
    wanted = {found.partition("?")[0] for found in Outline(text).resources}
    known: set[str] = set()
    while wanted:
        one = wanted.pop()
        known.add(one)
        if one.endswith(".js"):
            found = re.findall(r'from "\./([\w.]+)"', client.get(one).text)
            wanted |= {f"/static/js/{name}" for name in found} - known
    weight = len(gzip.compress(text.encode())) + sum(
        len(gzip.compress(client.get(one).content)) for one in known
    )
    assert weight < 100_000


def test_data_page_offers_what_the_api_gives() -> None:
    """Subjects and kinds of files on the page are those of the API."""
    assert {name: set(kinds) for name, kinds in EXPORTS} == {
        str(subject): {str(kind) for kind in kinds} for subject, kinds in KINDS.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_report_says_what_the_results_say(language: str) -> None:
    """The paper has the figures with their intervals, in the reader's language, and is a PDF."""
    paper = report.comparison_report(RunResults.model_validate(RESULTS), LANGUAGES[language])
    text = "".join(paper.parts)
    assert LANGUAGES[language]["kpi.throughput_rate"] in text
    assert "288.0 ± 36.0" in text
    assert "144.0 ± 36.0" in text
    assert len(paper.charts) == 2
    assert report.printed(paper).startswith(b"%PDF-")


@pytest.mark.parametrize("language", LANGUAGES)
def test_report_of_many_scenarios_cuts_off_nothing_and_ends_on_its_page(language: str) -> None:
    """Six columns with long names: every figure and verdict is whole, and the charts are on it."""
    names = ("บัฟเฟอร์ใหญ่ขึ้น", "A second capper beside the first", "c", "d", "e")
    scenarios = [{"id": "base", "name": "base"}] + [
        {"id": f"s{number}", "name": name} for number, name in enumerate(names)
    ]
    kinds = ("throughput_rate", "finished", "scrapped", "wip_mean", "flow_time_mean_s")
    rows = [
        RESULTS["rows"][0]
        | {"kpi": kpi, "scenario_id": item["id"], "scenario": item["name"]}
        | {"verdict": "no relevant difference"}
        for kpi in kinds
        for item in scenarios[1:]
    ]
    samples = {"throughput_rate": {item["id"]: [0.05, 0.06] for item in scenarios}}
    given = RESULTS | {"scenarios": scenarios, "rows": rows, "samples": samples}
    words = LANGUAGES[language]
    paper = report.comparison_report(RunResults.model_validate(given), words)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", "".join(paper.parts))
    assert not [text for text in texts if "…" in text]
    assert "second" in " ".join(texts)
    begin = "=\u00a0" + words["verdict.no relevant difference"][:8]
    assert sum(text.startswith(begin) for text in texts) == len(rows)
    for chart in paper.charts:
        left, top, wide, high = chart["place"]
        assert left >= report.EDGE
        assert left + wide <= report.WIDTH - report.EDGE
        assert top + high <= report.HEIGHT - report.EDGE + 5
        assert high > 100


def test_report_of_a_schedule_has_stations_in_the_order_of_the_line() -> None:
    """The Gantt chart on paper begins with the first station, whatever begins to work first."""
    begin = datetime(2026, 1, 5, 8, tzinfo=UTC)
    bars = [
        {"order": "a", "operation": "x", "station": name, "product": "p", "setup_s": 0.0,
         "start": begin + timedelta(minutes=at), "end": begin + timedelta(minutes=at + 5)}
        for at, name in enumerate(("lathe", "press"))
    ]  # fmt: skip
    result = ScheduleResult.model_construct(
        operations=[ScheduledOperation.model_construct(**bar) for bar in bars]
    )
    spec = specs.gantt(result, {"press": "Press", "lathe": "Lathe"}, ENGLISH)
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["Press", "Lathe"]


@pytest.mark.parametrize("kind", ViolationKind)
def test_thai_report_of_a_schedule_tells_violations_in_thai(kind: ViolationKind) -> None:
    """Names of operations and stations are all that has Latin letters where a plan is broken."""
    wrong = {"kind": kind, "text": "in English", "where": "7/fill_up", "amount_s": 5460.0}
    wrong["others"] = ["8/fill_up", "press"]
    whole = {"kind": kind, "text": "in English", "where": "press", "amount_s": None}
    left_out = {"kind": "times", "elements": ["7"], "text": "in English", "late_s": 5400.0}
    view = ScheduleView.model_validate(
        SCHEDULE | {"result": PLAN | {"violations": [wrong, whole], "warnings": [left_out]}}
    )
    paper = report.schedule_report(view, {"press": "เครื่องอัด"}, LANGUAGES["th"])
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", "".join(paper.parts))
    facts = next(at for at, text in enumerate(texts) if "7 fill up: " in text)
    told = " ".join(texts[facts : facts + 4])
    assert ": 8 fill up, เครื่องอัด (1 ชม. 31 นาที)" in told
    assert "งานที่ห่างที่สุดเริ่มช้ากว่าที่ล็อกไว้ 1 ชม. 30 นาที" in told
    told = told.replace("7 fill up", "").replace("8 fill up", "")
    assert "เครื่องอัด: " in told
    assert not re.search("[A-Za-z]", told)


def test_report_of_a_schedule_counts_the_violations_that_it_does_not_name() -> None:
    """A report stays one page however much is broken, and says how much is not on it."""
    many = [
        {"kind": "machine", "text": "", "where": f"{number}/fill", "amount_s": 0.4}
        for number in range(report.VIOLATIONS + 3)
    ]
    view = ScheduleView.model_validate(SCHEDULE | {"result": PLAN | {"violations": many}})
    said = "".join(report.schedule_report(view, {}, ENGLISH).parts)
    assert said.count("starts while its station") == report.VIOLATIONS
    assert "(by &lt; 1 s)" in said
    assert "and 3 more" in said


def test_reports_call_the_line_by_its_name_and_tell_the_plants_time() -> None:
    """The name stands in the title; two moments of one day have that day once."""
    order = {
        "order": "7", "product": "p", "quantity": 1, "due_date": None, "tardiness_s": None,
        "completion": "2026-01-05T10:00:00+07:00", "on_time_probability": None,
        "completion_p50": "2026-01-05T10:00:00+07:00",
        "completion_p90": "2026-01-05T11:30:00+07:00",
    }  # fmt: skip
    view = ScheduleView.model_validate(SCHEDULE | {"result": PLAN | {"orders": [order]}})
    said = "".join(report.schedule_report(view, {}, ENGLISH, "ไลน์หนึ่ง").parts)
    assert "Schedule – ไลน์หนึ่ง<" in said
    assert re.search(r"2026-01-05 10:00 – 11:30", said.replace("</text>", ""))


def test_report_rounds_as_the_page_does() -> None:
    """Halves go up and digits are those that the page shows, not those behind the double."""
    rows = RESULTS["rows"][0] | {
        "kpi": "finished",
        "base": interval(2.25, 0.35),
        "value": interval(1.0, 0.0),
    }
    results = RunResults.model_validate(RESULTS | {"rows": [rows]})
    paper = report.comparison_report(results, ENGLISH)
    assert "2.3 ± 0.4" in "".join(paper.parts)


def test_thai_vowel_am_keeps_its_room() -> None:
    """The vowel of one letter and two shapes is drawn as two letters, the tone between them."""
    paper = report.Paper()
    paper.text("น้ำ ทำ")
    drawn = report.printed(paper, svg=True).decode()
    assert "น\u0e4d\u0e49\u0e32 ท\u0e4d\u0e32" in drawn


@pytest.mark.parametrize(
    ("headers", "query", "language"),
    [
        ({}, "", "en"),
        ({"Accept-Language": "th-TH,th;q=0.9,en;q=0.8"}, "", "th"),
        ({"Accept-Language": "en;q=0.4, th;q=0.6"}, "", "th"),
        ({"Accept-Language": "fr, th;q=broken"}, "", "th"),
        ({"Accept-Language": "de"}, "", "en"),
        ({"Accept-Language": "th", "Cookie": "language=en"}, "", "en"),
        ({"Cookie": "language=th"}, "?lang=en", "en"),
        ({"Cookie": "language=<script>"}, "?lang=../x", "en"),
    ],
)
def test_page_speaks_the_language_asked_for(
    client: Asker, headers: dict[str, str], query: str, language: str
) -> None:
    """A choice goes before the browser's languages; what is not known is English."""
    page = client.get(f"/{query}", headers)
    assert f'<html lang="{language}"' in page.text
    assert LANGUAGES[language]["live.title"] in page.text
    chosen = "set-cookie" in page.headers
    assert chosen == (query == f"?lang={language}")


def test_languages_have_the_same_keys_and_names() -> None:
    """A translation leaves out no key and no name in braces."""
    for words in LANGUAGES.values():
        assert set(words) == set(ENGLISH)
        for key, text in words.items():
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", ENGLISH[key]))


def test_drawing_script_comes_packed_and_is_kept(client: Asker) -> None:
    """The script is packed for those who take it so, and not sent twice."""
    answer = client.get("/static/vega.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 400_000
    assert "window.vegaEmbed" in answer.text
    again = client.get("/static/vega.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def interval(mean: float, half: float) -> dict[str, Any]:
    """Return an interval as the API gives it."""
    return {"mean": mean, "low": mean - half, "high": mean + half, "half_width": half, "n": 5}


PROVENANCE = {
    "as_of": "2026-01-05T08:00:00+07:00",
    "received_at": "2026-01-05T08:00:00+07:00",
    "quality": "simulated",
    "age_ms": 0.0,
    "model_version": "0" * 64,
}
RESULTS = {
    "run_id": "run-1",
    "line_id": "bottling",
    "provenance": PROVENANCE,
    "scenarios": [{"id": "base", "name": "base"}, {"id": "s", "name": "Filler down"}],
    "horizon_s": 3600.0,
    "warm_up_s": 0.0,
    "replications": 2,
    "level": 0.95,
    "rows": [
        {
            "scenario_id": "s",
            "scenario": "Filler down",
            "kpi": "throughput_rate",
            "higher_is_better": True,
            "relevance": 0.001,
            "unit": "parts/s",
            "base": interval(0.08, 0.01),
            "value": interval(0.04, 0.01),
            "difference": interval(-0.04, 0.008),
            "relative": -0.5,
            "verdict": "worse",
        }
    ],
    "samples": {"throughput_rate": {"base": [0.07, 0.09], "s": [0.03, 0.05]}},
}
PLAN = {
    "status": "feasible",
    "solver": "search",
    "objective": 10.0,
    "objective_name": OBJECTIVE,
    "bound": None,
    "gap": None,
    "elapsed_s": 1.0,
    "operations": [],
    "orders": [],
    "violations": [],
    "replications": 2,
    "provenance": PROVENANCE,
}
SCHEDULE = {
    "id": "schedule-1",
    "line_id": "bottling",
    "job_id": "job-1",
    "status": "succeeded",
    "created_at": "2026-01-05T08:00:00+07:00",
}


def rows_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all rows that a chart draws."""
    return [row for rows in spec["datasets"].values() for row in rows]


def test_chart_of_a_comparison_is_relative_to_the_base(client: Asker) -> None:
    """The difference is drawn as a share of the base, with its interval."""
    answer = client.post("/ui/charts/comparison", RESULTS)
    assert answer.status_code == 200
    (row,) = [row for row in rows_of(answer.json()) if "change" in row]
    assert row["change"] == pytest.approx(-0.5)
    assert (row["low"], row["high"]) == (pytest.approx(-0.6), pytest.approx(-0.4))


@pytest.mark.parametrize("kind", ["comparison", "samples"])
def test_charts_speak_the_language_of_the_page(client: Asker, kind: str) -> None:
    """A Thai page gets a Thai chart, with the same data."""
    name = {"comparison": "chart.change", "samples": "chart.throughput"}[kind]
    for language in LANGUAGES:
        spec = client.post(f"/ui/charts/{kind}?lang={language}", RESULTS).json()
        text = json.dumps(spec, ensure_ascii=False)
        others = {words[name] for code, words in LANGUAGES.items() if code != language}
        assert f'"{LANGUAGES[language][name]}"' in text
        assert not any(f'"{other}"' in text for other in others)


def test_chart_of_the_runs_is_per_hour(client: Asker) -> None:
    """Each run is a dot in parts per hour, under the name of its scenario."""
    spec = client.post("/ui/charts/samples", RESULTS).json()
    found = {(row["scenario"], row["replication"]): row["value"] for row in rows_of(spec)}
    assert found["As it is", 1] == pytest.approx(324.0)
    assert found["Filler down", 0] == pytest.approx(108.0)


def test_chart_of_the_fan_is_per_hour_on_the_plants_clock(client: Asker) -> None:
    """Quantiles become rates, and times stay as the plant's wall clock shows them."""
    moments = [f"2026-01-05T{hour:02d}:00:00+07:00" for hour in (7, 8, 9)]
    result = {
        "horizon_s": 3600.0,
        "throughput": [
            {
                "begin": moments[1],
                "end": "2026-01-05T08:30:00+07:00",
                "quantiles": {"0.05": 100, "0.5": 120, "0.95": 130},
            }
        ],
        "history": [{"begin": moments[0], "end": moments[1], "finished": 250}],
        "fault_risks": [],
        "model": {"id": "m", "trained_at": moments[0]},
        "provenance": PROVENANCE,
    }
    answer = client.post("/ui/charts/fan", result)
    assert answer.status_code == 200
    rows = rows_of(answer.json())
    assert any(row.get("q0_5") == pytest.approx(240.0) for row in rows)
    assert any(row.get("parts_per_h") == pytest.approx(250.0) for row in rows)
    assert "2026-01-05T08:30" in json.dumps(rows)


def test_every_figure_that_the_page_compares_has_a_word() -> None:
    """Money and counts by product are the command line's; all else stands on the page."""
    elsewhere = {"finished_by_product", "cost_total", "cost_per_part", "profit"}
    assert {f"kpi.{name}" for name in KPIS.keys() - elsewhere} <= ENGLISH.keys()
