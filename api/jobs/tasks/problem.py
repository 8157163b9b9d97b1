"""A schedule's question and its bars, from what a job is given to the planner's own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import finite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenarios.schedule.locking import Places
    from scenarios.schedule.problem import SchedulingProblem
    from scenarios.schedule.schedule import Schedule
    from scenarios.schedule.verdicts import Violation
    from twin.line import Line


def posed(payload: dict[str, Any], line: Line) -> SchedulingProblem:
    """Return the problem of a payload's ``order_ids`` (or None: all) from its ``state``."""
    from scenarios.schedule.from_line import (  # noqa: PLC0415
        DEFAULT_OBJECTIVE,
        problem_from_line,
    )
    from twin.events import LineState  # noqa: PLC0415

    chosen = payload["order_ids"]
    orders = [order for order in line.orders if chosen is None or order.id in chosen]
    state = LineState.model_validate(payload["state"])
    return problem_from_line(line, orders, state, DEFAULT_OBJECTIVE)


def held(payload: dict[str, Any]) -> Places:
    """Return the bars that a payload has as ``locked``, if any."""
    return {
        (item["order"], item["operation"]): (item["station"], item["start_s"])
        for item in payload.get("locked", ())
    }


def placed(problem: SchedulingProblem, operations: list[dict[str, Any]]) -> Schedule:
    """Return bars as a schedule; of two for one operation the later in the list counts.

    Bars name no people: whoever is free helps.
    """
    from scenarios.schedule.schedule import Placement, Schedule  # noqa: PLC0415
    from scenarios.schedule.staffing import staffed  # noqa: PLC0415

    last = {(item["order"], item["operation"]): item for item in operations}
    bars = [
        Placement(
            job=item["order"],
            operation=item["operation"],
            machine=item["station"],
            start_s=item["start_s"],
            end_s=item["end_s"],
            turn=item.get("turn"),
        )
        for item in last.values()
    ]
    return Schedule.of(problem, staffed(problem, bars))


def objections(found: Iterable[Violation]) -> list[dict[str, Any]]:
    """Return what a check found as ``ScheduleViolation`` has it."""
    return [
        {
            "kind": item.kind.value,
            "where": item.where,
            "amount_s": finite(item.amount_s),
            "others": list(item.others),
            "text": str(item),
        }
        for item in found
    ]
