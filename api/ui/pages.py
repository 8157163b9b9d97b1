"""Serves the page: its views, their static files, the drawing script, and chart specifications."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import Field
from starlette.staticfiles import StaticFiles

from api.problems import invalid
from api.schemas import (
    ForecastResult,
    RunResults,
    ScheduleView,
    ScreeningResult,
    SensitivityResult,
    Shape,
)
from api.ui import drawing, report, specs
from api.ui.words import LANGUAGES, NAMES, language_for
from api.ui.words.phrases import patterns
from twin.events.kinds import Status

_log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent
PAGES = (
    ("live", "/"),
    ("whatif", "/whatif"),
    ("scenarios", "/scenarios"),
    ("runs", "/runs"),
    ("compare", "/compare"),
    ("bottleneck", "/bottleneck"),
    ("schedule", "/schedule"),
    ("forecast", "/forecast"),
    ("health", "/health"),
    ("data", "/data"),
    ("admin", "/admin"),
)
"""Views and their paths, as in the navigation."""
MORE_PAGES = (("login", "/login"), ("tour", "/tour"))
"""Views that are not in the navigation."""
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""What the page may load: nothing from elsewhere. Charts run in an interpreter, so no script is
made from text; the drawing library does set inline styles."""
TABLE = ("csv", "xlsx", "parquet", "json")
DOCUMENT = ("yaml", "xlsx", "json")
EXPORTS = tuple((name, TABLE) for name in ("events", "signals", "kpis", "state")) + tuple(
    (name, DOCUMENT) for name in ("model", "scenarios")
)
"""What the API gives of a line as a file, and the kinds of files; the data page offers them."""
LANGUAGE_COOKIE = "language"
YEAR_S = 365 * 86400
VEGA_PATH = "/static/vega.js"
PDF = "application/pdf"

WARM_AFTER_S = 3.0
"""Time after the start at which charts are made ready, s: the line itself comes first."""


@asynccontextmanager
async def _ready_charts(_app: FastAPI) -> AsyncIterator[None]:
    """Make script and chart library ready in the background, so that the first chart is quick."""
    task = asyncio.create_task(_warm_up(), name="charts")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _warm_up() -> None:
    await asyncio.sleep(WARM_AFTER_S)
    try:
        await asyncio.to_thread(drawing.script)
        await asyncio.to_thread(specs.warm_up)
    except (OSError, ImportError, subprocess.SubprocessError) as error:
        _log.warning("charts cannot be drawn: %s", error)


router = APIRouter(include_in_schema=False, lifespan=_ready_charts)


def add_pages(app: FastAPI) -> None:
    """Add the page to the service: views, charts, and files below ``/static``."""
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")


def _words(lang: str = "en") -> dict[str, str]:
    return LANGUAGES[language_for(lang, "")]


Words = Annotated[dict[str, str], Depends(_words)]
LineName = Annotated[str, Query(max_length=500, description="Name of the line for people.")]


def _view(name: str) -> Callable[[Request], Awaitable[HTMLResponse]]:
    async def view(request: Request) -> HTMLResponse:
        return _page(request, name)

    return view


for _name, _path in (*PAGES, *MORE_PAGES):
    router.add_api_route(_path, _view(_name), methods=["GET"], name=_name)


@router.post("/ui/charts/comparison")
def comparison_chart(words: Words, results: RunResults) -> dict[str, Any]:
    """Return the Vega-Lite chart of what a scenario changes."""
    return specs.comparison(results, words)


@router.post("/ui/charts/samples")
def samples_chart(words: Words, results: RunResults) -> dict[str, Any]:
    """Return the Vega-Lite chart of the runs of a comparison."""
    return specs.samples(results, words)


@router.post("/ui/charts/fan")
def fan_chart(words: Words, result: ForecastResult) -> dict[str, Any]:
    """Return the Vega-Lite chart of the throughput ahead."""
    return specs.fan(result, words)


@router.post("/ui/charts/risk")
def risk_chart(words: Words, result: ForecastResult) -> dict[str, Any]:
    """Return the Vega-Lite chart of the fault risks."""
    return specs.risk(result, words)


@router.post("/ui/charts/gains")
def gains_chart(words: Words, result: SensitivityResult) -> dict[str, Any]:
    """Return the Vega-Lite chart of what a little of each thing brings."""
    return specs.gains(result, words)


@router.post("/ui/charts/screening")
def screening_chart(words: Words, result: ScreeningResult) -> dict[str, Any]:
    """Return the Vega-Lite chart of what matters most."""
    return specs.screening(result, words)


@router.post("/ui/reports/comparison")
def comparison_paper(words: Words, results: RunResults, name: LineName = "") -> Response:
    """Return the report of a comparison on paper."""
    paper = report.comparison_report(results, words, name)
    return Response(report.printed(paper), media_type=PDF)


class ScheduleOnPaper(Shape):
    """What the report of a schedule needs."""

    view: ScheduleView
    """The schedule."""
    names: dict[str, str] = Field(default_factory=dict, max_length=1000)
    """Names of stations for people, by id."""


@router.post("/ui/reports/schedule")
def schedule_paper(words: Words, given: ScheduleOnPaper, name: LineName = "") -> Response:
    """Return the report of a schedule on paper."""
    if given.view.result is None:
        raise invalid("view.result", "is none: there is nothing to report yet")
    paper = report.schedule_report(given.view, given.names, words, name)
    return Response(report.printed(paper), media_type=PDF)


@router.get(VEGA_PATH)
async def vega(request: Request) -> Response:
    """Return the script that draws charts, from the installed package."""
    script = await asyncio.to_thread(drawing.script)
    if request.headers.get("if-none-match") == script.etag:
        return Response(status_code=304, headers={"ETag": script.etag})
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"ETag": script.etag, "Cache-Control": "max-age=86400", "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    content = script.packed if packed else script.plain
    return Response(content, media_type="text/javascript", headers=headers)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["pages"] = PAGES
    environment.globals["exports"] = EXPORTS
    environment.globals["statuses"] = [str(status) for status in Status]
    return environment


@lru_cache(maxsize=1)
def _version() -> str:
    """Return a mark of the static files, so that browsers fetch changed ones anew."""
    digest = hashlib.sha256()
    for path in sorted((FOLDER / "static").rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _page(request: Request, name: str) -> HTMLResponse:
    root = str(request.scope.get("root_path", "")).rstrip("/")
    wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    language = language_for(wanted, request.headers.get("accept-language", ""))
    words = LANGUAGES[language]
    text = (
        _templates()
        .get_template(f"{name}.html")
        .render(
            page=name,
            root=root,
            language=language,
            languages=NAMES,
            words=words,
            phrases=patterns(language),
            t=words.__getitem__,
            vega=VEGA_PATH,
            board=name == "live" and request.query_params.get("board") == "1",
            asset=lambda path: f"{root}/static/{path}?v={_version()}",
        )
    )
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Language, Cookie",
    }
    answer = HTMLResponse(text, headers=headers)
    if request.query_params.get("lang") == language:
        answer.set_cookie(
            LANGUAGE_COOKIE, language, max_age=YEAR_S, path=root or "/", samesite="lax"
        )
    return answer
