"""The plan that holds up, out of several that are nearly as good on paper as the best one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.results import ScheduleResult, SolveStatus
from scenarios.schedule.robust import Choice, choose, distinct
from scenarios.schedule.solve import share_left
from twin.events.state import LineState
from twin.line import Line

_PLANS = 8
"""Plans that are compared at most."""
_APART = 7_919
"""Difference of the seed of the comparison from that of what is told of the plan afterwards."""


def sturdiest(  # noqa: PLR0913 - what is played, where, how often
    line: Line,
    problem: SchedulingProblem,
    found: ScheduleResult,
    *,
    replications: int = 20,
    seed: int = 0,
    state: LineState | None = None,
    seconds: float = 5.0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ScheduleResult, Choice | None]:
    """Return what was found with the plan that is least late in the twin, and what it won against.

    Parameters
    ----------
    line : Line
        Line with its chances.
    problem : SchedulingProblem
        What was solved; one of a line.
    found : ScheduleResult
        Its result; the plan may be replaced by one that is hardly worse on paper.
    replications : int
        Runs of each plan that stays in the race; those of a replay with the same seed are others.
    seed : int
        Seed.
    state : LineState, optional
        Where the line stands.
    seconds : float
        Time to look for other plans, s.
    progress : callable, optional
        As for ``choose``.

    Returns
    -------
    tuple
        Without a plan, a line or due dates there is nothing to choose: the result as it was, and
        None.
    """
    best = found.schedule
    due = any(job.due_date_s is not None for job in problem.jobs)
    if best is None or problem.twin is None or not due:
        return found, None
    plans = distinct(problem, best, _PLANS, seconds=seconds, seed=seed)
    choice = choose(
        line,
        problem,
        plans,
        replications=replications,
        seed=(seed + _APART) % 2**63,
        state=state,
        progress=progress,
    )
    chosen = choice.chosen.schedule
    if chosen is best:
        return found, choice
    gap = share_left(chosen.objective, found.bound)
    status = found.status if gap == 0.0 else SolveStatus.FEASIBLE
    return (
        replace(found, status=status, schedule=chosen, objective=chosen.objective, gap=gap),
        choice,
    )


def told(choice: Choice) -> str:
    """Return a choice in words."""
    first, chosen = choice.candidates[0], choice.chosen
    count = len(choice.candidates)
    if chosen.schedule is first.schedule:
        return (
            f"of {count} plans played in the twin none is less late in the mean than the best one"
        )
    return (
        f"of {count} plans played in the twin the one that is least late is taken: in the mean "
        f"{chosen.expected.mean:,.0f} s, weighted, in place of {first.expected.mean:,.0f} s"
    )
