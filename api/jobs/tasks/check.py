"""Check a schedule that a planner changed by hand, without any solver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import Context, LineCache, finite
from api.jobs.tasks.problem import held, objections, placed, posed

if TYPE_CHECKING:
    from scenarios.schedule.problem import SchedulingProblem

ROUNDED_S = 0.01
"""Excess up to which times count as equal: moments lose as much on their way through a page, s."""


def check(payload: dict[str, Any], _context: Context, lines: LineCache) -> dict[str, Any]:
    """Say what the moves of bars have made wrong in a schedule.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``state``, ``order_ids`` (or None), ``locked`` as the schedule was
        made with, its ``operations``, the ``moved`` ones, its ``objective`` and ``provenance``.

    Returns
    -------
    dict
        ``ScheduleCheck``.
    """
    from scenarios.schedule.violations import violations  # noqa: PLC0415

    # A bar that is put somewhere is locked there, so the line's own times do not count.
    asked = posed(payload, lines.line(payload["line"], payload["line_hash"]))
    problem = asked.without_line()
    before = placed(problem, payload["operations"])
    moved = placed(problem, [*payload["operations"], *payload["moved"]])
    known = {(item.kind, item.where) for item in violations(problem, before, ROUNDED_S)}
    found = objections(
        item
        for item in violations(problem, moved, ROUNDED_S)
        if (item.kind, item.where) not in known
    )
    answer = {
        "feasible": not found,
        "violations": found,
        "objective": finite(moved.objective),
        "objective_before": payload["objective"],
        "provenance": payload["provenance"],
    }
    return answer | (_on_the_line(asked, payload) if asked.twin is not None else {})


def _on_the_line(problem: SchedulingProblem, payload: dict[str, Any]) -> dict[str, Any]:
    """Return what a line makes of bars that were moved: it waits for no moment, but has turns.

    A bar that was moved is taken before the first one at its station that begins later.
    """
    from scenarios.schedule.keeping import kept  # noqa: PLC0415
    from scenarios.schedule.locking import on_the_line  # noqa: PLC0415
    from scenarios.schedule.schedule import Schedule  # noqa: PLC0415

    own = placed(problem, payload["operations"])
    problem, own = on_the_line(problem, held(payload), own) or (problem, own)
    before = {item.key: item for item in own.placements}
    moved = {
        bar.key: bar
        for bar in placed(problem, payload["moved"]).placements
        if bar.machine != before[bar.key].machine
        or abs(bar.start_s - before[bar.key].start_s) > ROUNDED_S
    }
    row = [item for item in own.in_turn() if item.key not in moved]
    for bar in sorted(moved.values(), key=lambda item: item.start_s):
        here = [at for at, item in enumerate(row) if item.machine == bar.machine]
        later = [at for at in here if row[at].start_s > bar.start_s]
        row.insert(later[0] if later else here[-1] + 1 if here else len(row), bar)
    turns = [item.model_copy(update={"turn": turn}) for turn, item in enumerate(row)]
    found = kept(problem, Schedule.of(problem, turns))
    if found is None:
        return {"objective": None, "kept": None}
    away = [
        {"order": now.job, "completion_s": now.completion_s, "before_s": then.completion_s}
        for then, now in zip(own.jobs, found.jobs, strict=True)
        if abs(now.completion_s - then.completion_s) > ROUNDED_S
    ]
    return {"objective": finite(found.objective), "kept": away}
