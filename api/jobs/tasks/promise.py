"""When will an order be done? As many replications as the time allows, each until it is done."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import Context, LineCache, interval_document

if TYPE_CHECKING:
    from twin.engine.options import SimulationOptions
    from twin.events import LineState
    from twin.line import Line

STEP_S = 300.0
"""Simulated time between two looks at the order, s."""
FEWEST = 2
"""Replications that are run whatever the time: fewer make no interval."""


def promise(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Simulate ahead until the order is done, as often as the time allows.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``order_id``, ``order`` (a new one, or None), ``state``,
        ``horizon_s``, ``time_budget_s``, ``replications``, ``seed``, ``level`` and ``due_date_s``.

    Returns
    -------
    dict
        ``completion_p50_s``, ``completion_p90_s``, ``completion_mean_s`` (seconds since the line's
        start, or None), ``completion_mean_half_width_s``, ``on_time_probability``,
        ``done_within_horizon`` and ``replications``.
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
    while len(found) < payload["replications"] and not context.cancelled():
        spent_s = time.monotonic() - began_s
        # The next one takes about as long as those before: stop before the budget is overrun.
        if len(found) >= FEWEST and spent_s * (1 + 1 / len(found)) > payload["time_budget_s"]:
            break
        options = SimulationOptions(
            horizon_s=payload["horizon_s"], seed=payload["seed"], replication=len(found)
        )
        found.append(completion_s(line, options, state, payload["order_id"]))
    return _told(found, payload["due_date_s"], payload["level"])


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


def _told(found: list[float], due_date_s: float | None, level: float) -> dict[str, Any]:
    from twin.kpi.output_analysis import mean_interval, proportion_interval  # noqa: PLC0415

    n = len(found)
    done = [value for value in found if math.isfinite(value)]
    mean = mean_interval(done, level) if len(done) == n else None
    within = interval_document(proportion_interval(len(done), n, level), level)
    on_time = None
    if due_date_s is not None:
        kept = sum(value <= due_date_s for value in found)
        on_time = interval_document(proportion_interval(kept, n, level), level)
    return {
        "completion_p50_s": quantile(found, 0.5),
        "completion_p90_s": quantile(found, 0.9),
        "completion_mean_s": float(mean.mean) if mean else None,
        "completion_mean_half_width_s": float(mean.half_width) if mean else None,
        "on_time_probability": on_time,
        "done_within_horizon": within,
        "replications": n,
    }


def quantile(values: list[float], share: float) -> float | None:
    """Return the smallest value that at least ``share`` of the values do not exceed.

    None stands for an infinite one.
    """
    found = sorted(values)[math.ceil(share * len(values)) - 1]
    return found if math.isfinite(found) else None
