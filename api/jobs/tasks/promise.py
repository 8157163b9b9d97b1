"""When will an order be done? As many replications as the time allows, each until it is done."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import Context, LineCache

if TYPE_CHECKING:
    from twin.engine.options import SimulationOptions
    from twin.events import LineState
    from twin.line import Line

STEP_S = 300.0
"""Simulated time between two looks at the order, s."""


def promise(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Simulate ahead until the order is done, as often as the time allows.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``order_id``, ``order`` (a new one, or None), ``state``,
        ``horizon_s``, ``time_budget_s``, ``replications``, ``seed``; ``first`` and ``stride`` say
        which replications are this worker's, ``fewest`` how many it runs whatever the time.

    Returns
    -------
    dict
        ``completions_s``: moment at which the order is done in each replication, s since the line's
        start; None beyond the horizon.
    """
    from scenarios.whatif import adapt_state  # noqa: PLC0415 - the worker starts without it
    from twin.engine import SimulationOptions  # noqa: PLC0415
    from twin.events import LineState  # noqa: PLC0415

    began_s = time.monotonic()
    line = lines.line(payload["line"], payload["line_hash"])
    state = LineState.model_validate(payload["state"]).opened()
    if payload["order"] is not None:
        with_order = line.changed({f"orders.{payload['order_id']}": payload["order"]})
        state = adapt_state(state, line, with_order)
        line = with_order
    found: list[float] = []
    for number in range(payload["first"], payload["replications"], payload["stride"]):
        spent_s = time.monotonic() - began_s
        # The next one takes about as long as those before: stop before the budget is overrun.
        next_s = spent_s * (1 + 1 / len(found)) if found else 0.0
        enough = len(found) >= payload["fewest"] and next_s > payload["time_budget_s"]
        if enough or context.cancelled():
            break
        options = SimulationOptions(
            horizon_s=payload["horizon_s"], seed=payload["seed"], replication=number
        )
        found.append(completion_s(line, options, state, payload["order_id"]))
    return {"completions_s": [value if math.isfinite(value) else None for value in found]}


def completion_s(line: Line, options: SimulationOptions, state: LineState, order: str) -> float:
    """Return the moment at which an order's last part leaves the line, s since the line's start.

    Returns
    -------
    float
        Infinite when that is not within the horizon.
    """
    from twin.engine.reference.engine import ReferenceEngine  # noqa: PLC0415
    from twin.events import Kind  # noqa: PLC0415

    wanted = line.order(order).quantity
    before = state.orders.get(order)
    gone = before.finished + before.scrapped if before else 0
    if gone >= wanted:
        return state.time_s
    number = list(_order_names(line)).index(order)
    parts = {part.id for part in state.parts if part.order == order}
    engine = ReferenceEngine(line, options, state)
    rows = engine.builder.rows
    end_s = state.time_s + options.horizon_s
    seen = 0
    while engine.now_s < end_s:
        engine.advance(min(engine.now_s + STEP_S, end_s))
        for row in rows[seen:]:
            if row.kind == Kind.PART_CREATED and row.value == number:
                parts.add(row.part)
            elif row.kind in (Kind.PART_FINISHED, Kind.PART_SCRAPPED) and row.part in parts:
                gone += 1
                if gone == wanted:
                    return row.time_s
        seen = len(rows)
    return math.inf


def _order_names(line: Line) -> tuple[str, ...]:
    from twin.events import Names  # noqa: PLC0415

    return Names.of(line).orders
