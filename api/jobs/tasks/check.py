"""Check a schedule that a planner changed by hand, without any solver."""

from __future__ import annotations

from typing import Any

from api.jobs.tasks.context import Context, LineCache, finite
from api.jobs.tasks.problem import placed, posed

ROUNDED_S = 0.01
"""Excess up to which times count as equal: moments lose as much on their way through a page, s."""


def check(payload: dict[str, Any], _context: Context, lines: LineCache) -> dict[str, Any]:
    """Say what the moves of bars have made wrong in a schedule.

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
    from scenarios.schedule.violations import violations  # noqa: PLC0415

    # A bar that is put somewhere is locked there, so the line's own times do not count.
    problem = posed(payload, lines.line(payload["line"], payload["line_hash"])).without_line()
    before = placed(problem, payload["operations"])
    moved = placed(problem, [*payload["operations"], *payload["moved"]])
    known = {(item.kind, item.where) for item in violations(problem, before, ROUNDED_S)}
    found = [
        str(item)
        for item in violations(problem, moved, ROUNDED_S)
        if (item.kind, item.where) not in known
    ]
    return {
        "feasible": not found,
        "violations": found,
        "objective": finite(moved.objective),
        "objective_before": payload["objective"],
        "provenance": payload["provenance"],
    }
