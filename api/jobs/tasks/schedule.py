"""Search for a schedule, have it checked, and replay it with randomness in the twin."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import (
    CancelledWorkError,
    Context,
    LineCache,
    finite,
    interval_document,
)
from api.jobs.tasks.problem import held, objections, placed, posed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenarios.schedule.left_out import LeftOut
    from scenarios.schedule.locking import Places
    from scenarios.schedule.problem import SchedulingProblem
    from scenarios.schedule.replay import OrderOutlook
    from scenarios.schedule.schedule import Schedule
    from scenarios.schedule.solve import Limits, Progress, ScheduleResult
    from twin.events import LineState
    from twin.line import Line

SEARCH_SHARE = 0.6
"""Share of the progress bar that is the search's; the rest is the replay's."""
TOLD_S = 60.0
"""How far from its moment a locked bar may begin without a warning, s: planners plan to the minute,
and while a plan is made the plant goes on."""
STATUSES = {
    "optimal": "optimal",
    "feasible": "feasible",
    "infeasible": "infeasible",
    "time_limit": "unknown",
}
CHOICE_SHARE, CHOICE_S = 0.9, 5.0
"""How far the progress bar is once a plan is chosen, and time to look for other plans, s."""
OBJECTIVE = "weighted tardiness + 0.01 x makespan, s"


def schedule(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Make a schedule of a line's orders.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``state``, ``order_ids`` (or None), ``time_limit_s``,
        ``replications``, ``seed``, ``level``, ``locked`` (``order``, ``operation``, ``station``,
        ``start_s`` each), ``running`` (operations of the plan at work, or None) with ``freeze_s``
        and ``stability``, ``robust`` (whether the plan that holds up best is taken, where nothing
        is locked), and ``provenance``.

    Returns
    -------
    dict
        ``ScheduleResult``.
    """
    from scenarios.schedule.around import solve_around  # noqa: PLC0415
    from scenarios.schedule.left_out import not_kept  # noqa: PLC0415
    from scenarios.schedule.locking import entering  # noqa: PLC0415
    from scenarios.schedule.solve import Limits  # noqa: PLC0415
    from scenarios.schedule.violations import violations  # noqa: PLC0415
    from twin.events import LineState  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])
    where: tuple[Line, LineState | None] = line, LineState.model_validate(payload["state"])
    asked, places = posed(payload, line), held(payload)
    watch = _Watch(context, payload["time_limit_s"])
    limits = Limits(seconds=payload["time_limit_s"], seed=payload["seed"])
    shifted: Schedule | None = None
    if payload["running"] is None:
        problem, found = solve_around(
            asked, places, limits, progress=watch.improved, cancelled=watch.cancelled
        )
    else:
        problem, found, shifted = _replanned(asked, payload, limits, watch)
    if context.cancelled():
        raise CancelledWorkError("the search was cancelled")
    choice: dict[str, Any] | None = None
    if payload.get("robust") and not places:
        found, choice = _sturdiest(where, problem, found, payload, context)
    answer = _head(found, payload) | {"choice": choice, "changes": _changes(shifted, found)}
    if found.schedule is None:
        return answer
    if problem.twin is not None:
        where = entering(*where, {o.id: o.release_s for o in problem.twin.line.orders})
    outlook = _replayed(where, found.schedule, payload, context)
    answer["violations"] = objections(violations(problem, found.schedule))
    answer["warnings"] = warnings(line, [job.id for job in problem.jobs])
    kept = found.schedule if problem.twin is not None else None
    answer["warnings"] += told_of(not_kept(places, kept, TOLD_S))
    answer["operations"] = _operations(line, problem, found.schedule, places)
    answer["closed"] = _closed(line, problem, found.schedule)
    answer["orders"] = _orders(line, problem, outlook)
    answer["replications"] = payload["replications"]
    return answer


def warnings(line: Line, orders: Iterable[str]) -> list[dict[str, Any]]:
    """Return what a plan of these orders leaves out of a line, as ``ScheduleWarning`` has it."""
    from scenarios.schedule.left_out import left_out  # noqa: PLC0415

    return told_of(left_out(line, [line.order(name) for name in orders]))


def told_of(found: Iterable[LeftOut]) -> list[dict[str, Any]]:
    """Return what a plan leaves out as ``ScheduleWarning`` has it."""
    return [
        {
            "kind": item.kind,
            "elements": list(item.elements),
            "late_s": finite(item.late_s) or None,
            "text": str(item),
        }
        for item in found
    ]


def _replanned(
    problem: SchedulingProblem, payload: dict[str, Any], limits: Limits, watch: _Watch
) -> tuple[SchedulingProblem, ScheduleResult, Schedule]:
    """Return problem and result of another plan than the running one, and how that one goes on.

    If that is the best that is known, the result has it.
    """
    from scenarios.schedule.around import replan_around  # noqa: PLC0415
    from scenarios.schedule.solve import SolveStatus, share_left  # noqa: PLC0415

    proposal = replan_around(
        problem,
        held(payload),
        placed(problem, payload["running"]),
        limits,
        freeze_s=payload["freeze_s"],
        stability=payload["stability"],
        progress=watch.improved,
        cancelled=watch.cancelled,
    )
    found = proposal.result
    if found.schedule is not proposal.schedule:
        status = SolveStatus.FEASIBLE if found.schedule is None else found.status
        objective = proposal.schedule.objective
        gap = share_left(objective, found.bound)
        found = replace(
            found, status=status, schedule=proposal.schedule, objective=objective, gap=gap
        )
    return proposal.problem, found, proposal.shifted


def _changes(shifted: Schedule | None, found: ScheduleResult) -> dict[str, Any] | None:
    """Return what a plan changes against the running one as that goes on by itself."""
    from scenarios.schedule.replan import difference  # noqa: PLC0415

    if shifted is None or found.schedule is None:
        return None
    change = difference(shifted, found.schedule)
    return {
        "moved": len(change.moves),
        "machine_changes": change.machine_changes,
        "added": len(change.added),
        "shift_s": change.shift_s,
        "later": list(change.later),
        "improved": found.schedule is not shifted,
        "objective_unchanged": finite(shifted.objective),
    }


def _sturdiest(
    where: tuple[Line, LineState | None],
    problem: SchedulingProblem,
    found: ScheduleResult,
    payload: dict[str, Any],
    context: Context,
) -> tuple[ScheduleResult, dict[str, Any] | None]:
    """Return the plan that holds up best in the twin, and what it was chosen from."""
    from scenarios.schedule.sturdy import sturdiest  # noqa: PLC0415

    def step(done: int, total: int) -> None:
        if context.cancelled():
            raise CancelledWorkError("the choice of a plan was cancelled")
        share = SEARCH_SHARE + (CHOICE_SHARE - SEARCH_SHARE) * done / total
        context.progress(share, f"replay {done} of {total}", finite(found.objective))

    line, state = where
    found, choice = sturdiest(
        line,
        problem,
        found,
        replications=payload["replications"],
        seed=payload["seed"],
        state=state,
        seconds=min(CHOICE_S, payload["time_limit_s"]),
        progress=step,
    )
    if choice is None:
        return found, None
    first, chosen = choice.candidates[0], choice.chosen
    return found, {
        "plans": len(choice.candidates),
        "changed": chosen.schedule is not first.schedule,
        "late_s": chosen.expected.mean,
        "late_on_paper_best_s": first.expected.mean,
    }


@dataclass(slots=True)
class _Watch:
    """Tells how the search goes."""

    context: Context
    limit_s: float
    objective: float | None = None
    bound: float | None = None
    began_s: float = 0.0

    def improved(self, step: Progress) -> None:
        """Hear of a better schedule or bound."""
        self.objective, self.bound = finite(step.objective), finite(step.bound)

    def cancelled(self) -> bool:
        """Answer the search, which asks often, and tell how much of its time is over."""
        self.began_s = self.began_s or time.monotonic()
        share = min((time.monotonic() - self.began_s) / self.limit_s, 1.0)
        self.context.progress(SEARCH_SHARE * share, "searching", self.objective, self.bound)
        return self.context.cancelled()


def _head(found: ScheduleResult, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": STATUSES.get(found.status.value, "unknown"),
        "solver": found.engine,
        "objective": finite(found.objective),
        "objective_name": OBJECTIVE,
        "bound": finite(found.bound),
        "gap": finite(found.gap),
        "elapsed_s": found.seconds,
        "operations": [],
        "orders": [],
        "violations": [],
        "replications": 0,
        "message": "; ".join(found.messages),
        "provenance": payload["provenance"],
    }


def _replayed(
    where: tuple[Line, LineState | None], found: Schedule, payload: dict[str, Any], context: Context
) -> tuple[OrderOutlook, ...]:
    from scenarios.schedule.replay import on_time, replay, replay_options  # noqa: PLC0415

    line, state = where

    def step(done: int, total: int) -> None:
        fraction = SEARCH_SHARE + (1 - SEARCH_SHARE) * done / total
        context.progress(fraction, f"replay {done} of {total}", finite(found.objective))

    results = replay(
        line,
        found,
        replay_options(found, state, payload["seed"]),
        payload["replications"],
        state,
        progress=step,
        cancelled=context.cancelled,
    )
    if context.cancelled():
        raise CancelledWorkError("the replay was cancelled")
    return on_time(results, found, payload["level"])


def _operations(
    line: Line, problem: SchedulingProblem, found: Schedule, places: Places
) -> list[dict[str, Any]]:
    setups = _setups_s(problem, found)
    return [
        {
            "order": item.job,
            "operation": item.operation,
            "station": item.machine,
            "product": line.order(item.job).product,
            "start": line.moment(item.start_s).isoformat(),
            "end": line.moment(item.end_s).isoformat(),
            "start_s": item.start_s,
            "end_s": item.end_s,
            "turn": item.turn,
            "setup_s": setups.get(item.key, 0.0),
            "people": list(item.resources),
            "locked": (item.job, item.operation) in places,
        }
        for item in found.placements
    ]


def _closed(line: Line, problem: SchedulingProblem, found: Schedule) -> list[dict[str, Any]]:
    """Return when stations do not work, up to the end of the plan."""
    end_s = max((item.end_s for item in found.placements), default=problem.start_s)
    return [
        {
            "station": machine.id,
            "start": line.moment(max(pause.start_s, problem.start_s)).isoformat(),
            "end": line.moment(min(pause.end_s, end_s)).isoformat(),
        }
        for machine in problem.machines
        for pause in machine.unavailable
        if pause.end_s > problem.start_s and pause.start_s < end_s
    ]


def _setups_s(problem: SchedulingProblem, found: Schedule) -> dict[str, float]:
    """Return the setup before each operation that needs one, s."""
    groups = {
        f"{job.id}/{operation.id}": operation.setup_group
        for job in problem.jobs
        for operation in job.operations
    }
    machines = {machine.id: machine for machine in problem.machines}
    setups: dict[str, float] = {}
    for name, placements in found.by_machine().items():
        machine = machines[name]
        before = machine.setup_group
        for item in placements:
            after = groups[item.key]
            if before and after:
                setups[item.key] = machine.setup_s.get(before, {}).get(after, 0.0)
            before = after or before
    return setups


def _orders(
    line: Line, problem: SchedulingProblem, outlook: tuple[OrderOutlook, ...]
) -> list[dict[str, Any]]:
    def moment(time_s: float | None) -> str | None:
        known = time_s is not None and math.isfinite(time_s)
        return line.moment(time_s).isoformat() if known and time_s is not None else None

    kept = {job.id for job in problem.jobs}
    rows = []
    for item in sorted(outlook, key=lambda found: found.planned_s):
        if item.order not in kept:
            continue
        order = line.order(item.order)
        late_s = None
        if item.due_date_s is not None:
            late_s = max(0.0, item.planned_s - item.due_date_s)
        rows.append(
            {
                "order": item.order,
                "product": order.product,
                "quantity": order.quantity,
                "due_date": moment(item.due_date_s),
                "completion": moment(item.planned_s),
                "tardiness_s": late_s,
                "on_time_probability": interval_document(item.on_time, item.on_time.level)
                if item.on_time is not None
                else None,
                "completion_p50": moment(item.p50_s),
                "completion_p90": moment(item.p90_s),
            }
        )
    return rows
