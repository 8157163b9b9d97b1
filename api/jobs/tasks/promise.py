"""When will an order be done? As many replications as the time allows."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import Context, LineCache

if TYPE_CHECKING:
    from twin.events.state import OrderState
    from twin.line import JobOrder


def promise(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Simulate ahead as often as the time allows.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``order_id``, ``order`` (a new one, or None), ``state``,
        ``horizon_s``, ``time_budget_s``, ``replications``, ``seed``; ``first`` and ``stride`` say
        which replications are this worker's, ``fewest`` how many it runs whatever the time.

    Returns
    -------
    dict
        ``completions_s``: for each order of the line, the moment at which it is done in each
        replication, s since the line's start; None beyond the horizon.
    """
    from scenarios.whatif import adapt_state  # noqa: PLC0415 - the worker starts without it
    from twin.engine import SimulationOptions  # noqa: PLC0415
    from twin.engine.runs import Runs  # noqa: PLC0415
    from twin.events import LineState, Names  # noqa: PLC0415

    began_s = time.monotonic()
    line = lines.line(payload["line"], payload["line_hash"])
    state = LineState.model_validate(payload["state"]).opened()
    if payload["order"] is not None:
        with_order = line.changed({f"orders.{payload['order_id']}": payload["order"]})
        state = adapt_state(state, line, with_order)
        line = with_order
    options = SimulationOptions(horizon_s=payload["horizon_s"], seed=payload["seed"])
    runs = Runs(line, options, state)
    names = Names.of(line).orders
    # What was done before has no moment in the runs ahead.
    known = {
        name: state.time_s for name in names if is_done(state.orders.get(name), line.order(name))
    }
    found: list[list[float | None]] = []
    for number in range(payload["first"], payload["replications"], payload["stride"]):
        spent_s = time.monotonic() - began_s
        # The next one takes about as long as those before: stop before the budget is overrun.
        next_s = spent_s * (1 + 1 / len(found)) if found else 0.0
        enough = len(found) >= payload["fewest"] and next_s > payload["time_budget_s"]
        if enough or context.cancelled():
            break
        values, _ = runs.figures(number)
        moments = values["order_completion_s"][1].tolist()
        found.append([moment if math.isfinite(moment) else None for moment in moments])
    return {
        "completions_s": {
            name: [known.get(name, row[place]) for row in found] for place, name in enumerate(names)
        }
    }


def is_done(before: OrderState | None, order: JobOrder) -> bool:
    """Tell whether all parts of an order were gone before."""
    return before is not None and before.finished + before.scrapped >= order.quantity
