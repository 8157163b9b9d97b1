"""The web service, put together from its parts."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import problems
from api.etags import Tagged
from api.guard import Guard
from api.live import Feed, LiveLine
from api.routes import (
    audit,
    comparisons,
    connections,
    docs,
    elements,
    events,
    files,
    forecasts,
    health,
    jobs,
    keys,
    lines,
    models,
    operations,
    promises,
    scenarios,
    schedules,
    screenings,
    sensitivities,
    session,
    webhooks,
)
from api.routes.common import PROBLEMS
from api.routes.health import version
from api.schemas import (
    FieldProblem,
    OperationsPerformanceIn,
    OperationsScheduleIn,
    Problem,
)
from api.settings import Settings
from api.site import Site
from api.states import States
from twin.line import Line

DESCRIPTION = """
The digital twin of production lines: where a line is, how it does, what it could and should do.

* Errors are `application/problem+json` (RFC 9457), see `Problem`.
* Long work answers 202 with a job: poll it, or follow `/v1/events`.
* POSTs that create take an `Idempotency-Key`; repeating one does nothing twice.
* Times are RFC 3339 with an offset; names end in their unit; 64-bit numbers are text.
* Each answer about a state carries its `provenance`: simulated is never taken for measured.
"""
OPEN_OPERATIONS = frozenset(
    {
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/v1/session", "post"),
        ("/v1/session", "delete"),
    }
)
"""What may be asked without a key."""
_log = logging.getLogger(__name__)
_ROUTERS = (
    health,
    session,
    lines,
    elements,
    scenarios,
    comparisons,
    schedules,
    screenings,
    sensitivities,
    forecasts,
    promises,
    operations,
    jobs,
    models,
    connections,
    events,
    webhooks,
    keys,
    audit,
    files,
    docs,
)


def create_app(
    settings: Settings | None = None,
    lines: Iterable[Line] = (),
    feeds: Iterable[Feed] = (),
) -> FastAPI:
    """Return the web service of one site; nothing is started before it is served.

    Parameters
    ----------
    settings : Settings, optional
        How it is set up; none: from environment and file.
    lines : iterable of Line
        Lines without a plant.
    feeds : iterable of Feed
        Lines with a plant; ``api.mirrors.MirrorFeed`` makes one of a mirror.

    Returns
    -------
    FastAPI
        Its ``state.site`` is the ``Site``.

    Raises
    ------
    OptionsError
        If the settings make no sense.
    """
    settings = settings or Settings.load()
    live = {line.id: LiveLine(line) for line in lines}
    live |= {feed.line.id: LiveLine(feed.line, feed) for feed in feeds}
    site = Site(settings, list(live.values()))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await site.start()
            yield
        finally:
            await site.stop()

    app = FastAPI(
        title="linetwin",
        version=version(),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
        separate_input_output_schemas=True,
    )
    app.state.site = site
    for module in _ROUTERS:
        app.include_router(module.router)
    _include_page(app)
    problems.install(app)
    app.add_middleware(Tagged)
    app.add_middleware(States, lines=lambda: site.lines)
    app.add_middleware(Guard, settings=settings, keys=site.keys, metrics=site.metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _include_page(app: FastAPI) -> None:
    """Serve the page, where this installation has it."""
    try:
        from api.ui import add_pages  # noqa: PLC0415 - needs libraries that the API does without
    except ImportError as error:
        _log.warning("the API is served without its page: %s", error)
        return
    add_pages(app)


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Declare what stands before every route: validation by ETag, and who may ask."""
    if (path, method) in OPEN_OPERATIONS:
        operation["security"] = []
    if method != "get" or not path.startswith("/v1") or path == "/v1/events":
        return
    operation["responses"]["304"] = {"description": "It is still as your ETag says"}
    operation.setdefault("parameters", []).append(
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "ETag of what you have.",
        }
    )


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API, with the shape of problems and the ways to give a key."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        shapes = schema.setdefault("components", {}).setdefault("schemas", {})
        reference = "#/components/schemas/{model}"
        for kind in (FieldProblem, Problem, OperationsScheduleIn, OperationsPerformanceIn):
            shape = kind.model_json_schema(ref_template=reference, mode="serialization")
            shapes[kind.__name__] = shape
            for name, part in shape.pop("$defs", {}).items():
                shapes.setdefault(name, part)
        for shape in shapes.values():
            for part in shape.get("properties", {}).values():
                if isinstance(part.get("default"), dict):
                    del part["default"]  # generators of clients drop a shape that has one
        for path, item in schema["paths"].items():
            for method, operation in item.items():
                _complete(path, method, operation)
        for unused in ("HTTPValidationError", "ValidationError"):
            shapes.pop(unused, None)
        schema["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        schema["security"] = [{"bearer": []}, {"key": []}]
        app.openapi_schema = schema
    return app.openapi_schema
