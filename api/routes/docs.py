"""The description of the API as a page, without any request to the outside."""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from api.problems import not_found

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>linetwin API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
<body><div id="swagger"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body></html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null,
  persistAuthorization: true, presets: [SwaggerUIBundle.presets.apis],
});
"""
_OWN = {"start.js": _START}
_BUNDLED = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}


@router.get("/docs")
async def page() -> HTMLResponse:
    """Show the description of the API."""
    return HTMLResponse(_PAGE)


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """Give a file that the page needs."""
    if name in _OWN:
        return Response(_OWN[name], media_type="text/javascript")
    if name not in _BUNDLED:
        raise not_found("file", name)
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_bundled(name), headers=headers, media_type=_BUNDLED[name])


@cache
def _bundled(name: str) -> bytes:
    """Return a file of Swagger UI; it comes with an installed package."""
    folder: Traversable = resources.files("fastapi_offline") / "static"
    return (folder / name).read_bytes()
