"""Models: what was trained, and how good it is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.problems import not_found
from api.routes.common import Cursor, Limit, LineFilter, MayRead, TheSite, page_of, part_of
from api.schemas import JobStatus, ModelCard, ModelSummary, Page
from api.site import Site
from api.store import Resource, ResourceKind, Transaction

router = APIRouter(prefix="/v1/models", tags=["models"])
PURPOSE = "Throughput ahead with intervals, and the risk that a station fails soon."
LIMITS = (
    "Learned from simulated runs of the line with failures made frequent and weights that undo it; "
    "scored on runs of a plant that differs from the model by a stated gap. It does not know what "
    "the line model leaves out, and another model of the line needs another forecaster."
)


@router.get("")
def list_models(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ModelSummary]:
    """List models, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.MODEL, part_of(limit, cursor, line_id))
        views = [ModelSummary.model_validate(_view(site, transaction, item)) for item in found]
    return page_of(ModelSummary, views, [item.id for item in found], limit)


@router.get("/{model_id}/card")
def get_card(site: TheSite, _who: MayRead, model_id: str) -> ModelCard:
    """Tell what a model is for, what it learned from, and how good it is."""
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.MODEL, model_id)
        if found is None:
            raise not_found("model", model_id)
        view = _view(site, transaction, found)
    return ModelCard.model_validate(
        view
        | {
            "purpose": PURPOSE,
            "limits": LIMITS,
            "trained_for": str(found.document["learns"]),
            "model": found.result["model"] if found.result else None,
        }
    )


def _view(site: Site, transaction: Transaction, found: Resource) -> dict[str, Any]:
    job_id = str(found.document["job_id"])
    job = transaction.job(job_id)
    done = job is not None and job.status is JobStatus.SUCCEEDED
    ended = job is None or job.status.final
    return {
        "id": found.id,
        "line_id": found.line_id,
        "status": "ready" if done else "failed" if ended else "training",
        "active": done and site.active_model(found.line_id) == found.id,
        "created_at": found.created_at,
        "job_id": job_id,
    }
