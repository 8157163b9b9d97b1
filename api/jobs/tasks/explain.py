"""Why an order of a schedule is done when it is, and what would make it earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import Context, LineCache
from api.jobs.tasks.problem import placed, posed

if TYPE_CHECKING:
    from scenarios.schedule import Relaxation
    from scenarios.schedule.explain import Hold
    from twin.line import Line


def explain(payload: dict[str, Any], _context: Context, lines: LineCache) -> dict[str, Any]:
    """Tell what an order waits for, back to a cause, and what would help it.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``state``, ``order_ids`` (or None) as the schedule was made with,
        its ``operations`` and ``provenance``; ``order`` and ``time_budget_s``.

    Returns
    -------
    dict
        ``ScheduleExplanation``.
    """
    from scenarios.schedule import explain as held  # noqa: PLC0415
    from scenarios.schedule import relaxations  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])
    problem = posed(payload, line)
    schedule = placed(problem, payload["operations"])
    order = payload["order"]
    found = held(problem, schedule, order)
    tried = relaxations(problem, schedule, order, payload["time_budget_s"])
    return {
        "order": order,
        "tardiness_s": found.tardiness_s,
        # Told from the cause on: a planner reads what came first first.
        "chain": [_hold(line, hold) for hold in reversed(found.chain)],
        "relaxations": [_relaxation(line, item) for item in tried],
        "provenance": payload["provenance"],
    }


def _hold(line: Line, hold: Hold) -> dict[str, Any]:
    order, _, operation = hold.operation.partition("/")
    return {
        "kind": hold.kind.value,
        "order": order,
        "operation": operation,
        "held_by": hold.held_by,
        "until": line.moment(hold.until_s).isoformat(),
        "text": hold.text,
    }


def _relaxation(line: Line, found: Relaxation) -> dict[str, Any]:
    return {
        "kind": found.kind.value,
        "element": found.element,
        "at": line.moment(found.at_s).isoformat(),
        "amount_s": found.cost_s,
        "tardiness_s": found.tardiness_s,
        "on_time": found.on_time,
        "others_later_s": found.others_later_s,
        "text": found.text,
    }
