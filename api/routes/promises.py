"""When will it be done? The question that is asked most."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter

from api.futures import Completions
from api.jobs import WorkerDiedError
from api.problems import (
    NOT_READY,
    TIME_LIMIT,
    WORKER_DIED,
    RefusalError,
    invalid,
    passed_on,
)
from api.routes.common import MayRead, TheSite
from api.schemas import (
    Interval,
    OrderPromise,
    OrderPromiseRequest,
    Problem,
    Provenance,
    Quality,
)
from api.site import Site, known_state, line_payload, start_state
from twin.line import JobOrder, Line

router = APIRouter(prefix="/v1", tags=["order promises"])
NEW_ORDER = "promise"
ASKED = ("horizon_s", "time_budget_s", "replications", "seed")
"""What of a request decides which runs answer it."""
FEWEST = 2
"""Replications that are run whatever the time: fewer make no interval."""
GRACE_S = 30.0
"""Time over the budget that the fewest replications of a large line may take, s."""


@router.post("/order-promises")
async def promise(site: TheSite, _who: MayRead, body: OrderPromiseRequest) -> OrderPromise:
    """Tell when an order will be done, from where the line is now; keeps nothing."""
    began_s = time.monotonic()
    live = site.line(body.line_id)
    if not site.quick.ready:
        raise RefusalError(NOT_READY, "the workers are starting", headers={"Retry-After": "2"})
    state, as_of, _ = start_state(live, body.start)
    planned = await asyncio.to_thread(site.planned, live)
    start = planned.fitted(known_state(live, state))
    order, is_new = _order(planned.line, body, start.time_s)
    due_s = live.line.seconds(body.due_date) if body.due_date else order.due_date_s
    payload: dict[str, Any] = line_payload(planned) | {
        "order_id": order.id,
        "order": order.model_dump(mode="json", exclude={"id"}) if is_new else None,
        "state": start.model_dump(mode="json"),
    }
    asked = {name: getattr(body, name) for name in ASKED}
    ask = partial(_simulated, site, payload | asked)
    if is_new or body.start != "live":
        futures = await ask()
    else:
        # Whoever asks for one order soon asks for the others: the same runs answer all of them.
        key = f"{planned.line.hash} {sorted(asked.items())}"
        as_of, futures = await site.futures.get(key, as_of, ask)
    completions_s = futures[order.id]
    found = await asyncio.to_thread(summarised, completions_s, due_s, body.level)
    moment = live.line.moment
    told = {
        name: moment(value) if value is not None else None
        for name, value in (
            ("completion_p50", quantile(completions_s, 0.5)),
            ("completion_p90", quantile(completions_s, 0.9)),
            ("completion_mean", found.mean_s),
        )
    }
    return OrderPromise(
        line_id=live.line.id,
        order_id=None if is_new else order.id,
        product=order.product,
        quantity=order.quantity,
        due_date=moment(due_s) if due_s is not None else None,
        **told,
        completion_mean_half_width_s=found.half_width_s,
        on_time_probability=found.on_time,
        done_within_horizon=found.within,
        replications=len(completions_s),
        elapsed_s=time.monotonic() - began_s,
        provenance=Provenance(
            as_of=as_of,
            received_at=datetime.now(UTC),
            quality=Quality.SIMULATED,
            age_ms=0.0,
            model_version=planned.line.hash,
        ),
    )


async def _simulated(site: Site, payload: dict[str, Any]) -> Completions:
    """Return each order's completion in each replication, run by all quick workers together, s."""
    stride = min(site.quick.size, payload["replications"])
    fewest = -(-FEWEST // stride)
    shares = [
        payload | {"first": first, "stride": stride, "fewest": fewest} for first in range(stride)
    ]
    limit_s = payload["time_budget_s"] + GRACE_S
    try:
        answers = await asyncio.gather(
            *(site.quick.call("promise", share, limit_s) for share in shares)
        )
    except TimeoutError:
        detail = "shorten horizon_s, or ask for a run of a scenario instead"
        raise RefusalError(TIME_LIMIT, detail) from None
    except WorkerDiedError as error:
        raise RefusalError(WORKER_DIED, str(error)) from error
    for answer in answers:
        if "result" not in answer:
            raise passed_on(Problem.model_validate(answer["problem"]))
    found: Completions = {}
    for answer in answers:
        for name, moments in answer["result"]["completions_s"].items():
            row = found.setdefault(name, [])
            row += [math.inf if moment is None else float(moment) for moment in moments]
    return found


@dataclass(frozen=True, slots=True)
class Summary:
    """What the completions of the replications say together."""

    mean_s: float | None
    """Mean completion, s; None unless every replication is done."""
    half_width_s: float | None
    """Half its confidence interval, s."""
    on_time: Interval | None
    """Share that keeps the due date."""
    within: Interval
    """Share that is done within the horizon."""


def summarised(completions_s: list[float], due_s: float | None, level: float) -> Summary:
    """Return what completions, infinite beyond the horizon, say together."""
    from twin.kpi.output_analysis import mean_interval  # noqa: PLC0415 - scipy takes a while

    n = len(completions_s)
    done = [value for value in completions_s if math.isfinite(value)]
    mean = mean_interval(done, level) if len(done) == n and n > 1 else None
    kept = sum(value <= due_s for value in completions_s) if due_s is not None else 0
    return Summary(
        mean_s=mean.mean if mean else None,
        half_width_s=mean.half_width if mean else None,
        on_time=_share(kept, n, level) if due_s is not None else None,
        within=_share(len(done), n, level),
    )


def _share(count: int, n: int, level: float) -> Interval:
    from twin.kpi.output_analysis import proportion_interval  # noqa: PLC0415

    found = proportion_interval(count, n, level)
    return Interval.model_validate(found, from_attributes=True)


def quantile(values: list[float], share: float) -> float | None:
    """Return the smallest value that at least ``share`` of the values do not exceed.

    None stands for an infinite one.
    """
    found = sorted(values)[math.ceil(share * len(values)) - 1]
    return found if math.isfinite(found) else None


def _order(line: Line, body: OrderPromiseRequest, now_s: float) -> tuple[JobOrder, bool]:
    """Return the order that is asked about, and whether it is a new one."""
    if body.order_id is not None:
        if body.product is not None or body.quantity is not None:
            raise invalid("order_id", "stands beside product or quantity", "one or the other")
        known = [order.id for order in line.orders]
        if body.order_id not in known:
            shown = ", ".join(known[:20]) or "none: the line has no orders"
            raise invalid("order_id", f"unknown order {body.order_id!r}", shown)
        return line.order(body.order_id), False
    if body.product is None or body.quantity is None:
        raise invalid("order_id", "is missing", "order_id, or product and quantity")
    products = [product.id for product in line.products]
    if body.product not in products:
        raise invalid("product", f"unknown product {body.product!r}", ", ".join(products[:20]))
    taken = {order.id for order in line.orders}
    name = NEW_ORDER
    while name in taken:
        name += "_"
    order = JobOrder(
        id=name,
        product=body.product,
        quantity=body.quantity,
        release_s=now_s,
        priority=body.priority,
    )
    return order, True
