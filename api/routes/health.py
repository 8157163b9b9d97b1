"""Whether the service lives, and whether it is ready for work."""

from __future__ import annotations

from importlib import metadata

from fastapi import APIRouter, Response

from api.routes.common import TheSite
from api.schemas import Health

router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> Health:
    """Tell that the process answers."""
    return Health(status="ok", version=version())


@router.get("/readyz", responses={503: {"model": Health, "description": "Not ready yet"}})
def readyz(site: TheSite, response: Response) -> Health:
    """Tell whether store and workers are there; links to plants are told at the lines."""
    checks = site.checks()
    ready = all(found == "ok" for found in checks.values())
    response.status_code = 200 if ready else 503
    return Health(status="ok" if ready else "not ready", version=version(), checks=checks)


def version() -> str:
    """Return the version of the product."""
    try:
        return metadata.version("linetwin")
    except metadata.PackageNotFoundError:
        return "unknown"
