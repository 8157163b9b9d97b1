"""Check a schedule that a planner changed by hand, without any solver."""

from __future__ import annotations

from typing import Any

from api.jobs.tasks.context import Context, LineCache, finite


def check(payload: dict[str, Any], _context: Context, lines: LineCache) -> dict[str, Any]:
    """Say what is wrong with a schedule whose bars were moved.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``state``, ``order_ids`` (or None) as the schedule was made with,
        its ``operations``, the ``moved`` ones, its ``objective`` and ``provenance``.

    Returns
    -------
    dict
        ``ScheduleCheck``.
    """
    from scenarios.schedule.from_line import (  # noqa: PLC0415
        DEFAULT_OBJECTIVE,
        problem_from_line,
    )
    from scenarios.schedule.schedule import Placement, Schedule  # noqa: PLC0415
    from scenarios.schedule.violations import violations  # noqa: PLC0415
    from twin.events import LineState  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])
    state = LineState.model_validate(payload["state"])
    chosen = payload["order_ids"]
    orders = [order for order in line.orders if chosen is None or order.id in chosen]
    problem = problem_from_line(line, orders, state, DEFAULT_OBJECTIVE)
    placed = {
        (item["order"], item["operation"]): item
        for item in [*payload["operations"], *payload["moved"]]
    }
    moved = Schedule.of(
        problem,
        [
            Placement(
                job=item["order"],
                operation=item["operation"],
                machine=item["station"],
                start_s=item["start_s"],
                end_s=item["end_s"],
            )
            for item in placed.values()
        ],
    )
    found = [str(item) for item in violations(problem, moved)]
    return {
        "feasible": not found,
        "violations": found,
        "objective": finite(moved.objective),
        "objective_before": payload["objective"],
        "provenance": payload["provenance"],
    }
