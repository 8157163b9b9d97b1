"""Lines: what they are, where they are, how they do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.kpis import kpi_view
from api.live import LiveLine
from api.past import bottlenecks, gaps, losses, model_fit, picture_at, timeline
from api.routes.common import At, MayRead, TheSite
from api.schemas import (
    Bottlenecks,
    ForecasterView,
    Gaps,
    KpiView,
    LineStateView,
    LineSummary,
    Losses,
    ModelFit,
    Page,
    Timeline,
)

Window = Annotated[
    float, Query(gt=0, le=7 * 86400.0, allow_inf_nan=False, description="Time back, s.")
]

router = APIRouter(prefix="/v1/lines", tags=["lines"])


@router.get("")
async def list_lines(site: TheSite, _who: MayRead) -> Page[LineSummary]:
    """List the lines of the site, by id."""
    lines = [site.lines[line_id] for line_id in sorted(site.lines)]
    return Page[LineSummary](items=tuple(summary(live) for live in lines))


@router.get("/{line_id}")
async def get_line(site: TheSite, _who: MayRead, line_id: str) -> LineSummary:
    """Tell of one line."""
    return summary(site.line(line_id))


@router.get("/{line_id}/model")
async def get_model(
    site: TheSite,
    _who: MayRead,
    line_id: str,
    response: Response,
) -> dict[str, Any]:
    """Give the model of a line, as in a line file."""
    live = site.line(line_id)
    response.headers["ETag"] = f'"{live.line.hash}"'
    return dict(live.document)


@router.get("/{line_id}/state", response_model=LineStateView)
async def get_state(site: TheSite, _who: MayRead, line_id: str, at: At = None) -> Response:
    """Tell where everything is, now or then, and how far that can be trusted."""
    live = site.line(line_id)
    if at is None:
        told = live.told()
        body = told.body(datetime.now(UTC))
        return Response(body, media_type="application/json", headers={"ETag": told.etag})
    view = await asyncio.to_thread(lambda: live.view(picture_at(live, at)))
    return Response(view.model_dump_json(), media_type="application/json")


@router.get("/{line_id}/kpis")
def get_kpis(
    site: TheSite,
    _who: MayRead,
    line_id: str,
    window_s: Window = 3600.0,
    bins: Annotated[int, Query(ge=1, le=500, description="Stretches of the throughput.")] = 30,
) -> KpiView:
    """Tell how a line did, from now back over a window."""
    return kpi_view(site.line(line_id), window_s, bins)


@router.get("/{line_id}/gaps")
def get_gaps(site: TheSite, _who: MayRead, line_id: str) -> Gaps:
    """Tell what is known to be missing of a line's past."""
    live = site.line(line_id)
    return Gaps(line_id=line_id, provenance=live.provenance(live.picture()), items=gaps(live))


@router.get("/{line_id}/bottlenecks")
def get_bottlenecks(
    site: TheSite, _who: MayRead, line_id: str, window_s: Window = 3600.0
) -> Bottlenecks:
    """Tell which station held a line back, from now back over a window."""
    return bottlenecks(site.line(line_id), window_s)


@router.get("/{line_id}/losses")
def get_losses(site: TheSite, _who: MayRead, line_id: str, window_s: Window = 3600.0) -> Losses:
    """Tell where the time of each station went, from now back over a window."""
    return losses(site.line(line_id), window_s)


@router.get("/{line_id}/timeline")
def get_timeline(
    site: TheSite,
    _who: MayRead,
    line_id: str,
    window_s: Window = 3600.0,
    bins: Annotated[int, Query(ge=1, le=500, description="Stretches.")] = 48,
) -> Timeline:
    """Tell what each station did, stretch by stretch, from now back over a window."""
    return timeline(site.line(line_id), window_s, bins)


@router.get("/{line_id}/fit")
def get_fit(site: TheSite, _who: MayRead, line_id: str, window_s: Window = 14400.0) -> ModelFit:
    """Tell whether a line does as its model says, from now back over a window."""
    return model_fit(site.line(line_id), window_s)


@router.get("/{line_id}/forecaster")
def get_forecaster(site: TheSite, _who: MayRead, line_id: str) -> ForecasterView:
    """Tell whether the forecaster of a line is ready, and how good it is."""
    return site.forecaster(site.line(line_id))


def summary(live: LiveLine) -> LineSummary:
    """Return a line in short."""
    line = live.line
    return LineSummary(
        id=line.id,
        name=line.name or line.id,
        description=line.description,
        time_zone=line.time_zone,
        model_hash=line.hash,
        stations=len(line.stations),
        link=live.link(),
    )
