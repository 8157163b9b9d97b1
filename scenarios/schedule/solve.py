"""Solve a scheduling problem within a budget: the best schedule known, and how good it can be.

Dispatch rules answer at once. Then engines run side by side, the compiled search on one core and a
solver in a process of its own on the other, and each goes on from what the others have found.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product as product_of
from typing import Any

from scenarios.schedule import online
from scenarios.schedule.arriving import as_it_comes
from scenarios.schedule.bounds import (
    Bound,
    heads,
    is_integral,
    lower_bound,
    overloads,
    rounded,
    surely_late,
)
from scenarios.schedule.dispatching import RULES, STYLES, best_of_rules, dispatch
from scenarios.schedule.from_line import loosened
from scenarios.schedule.judge import Judge
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.queues import shared_bound
from scenarios.schedule.race import Found, Race
from scenarios.schedule.results import (
    Engine,
    Limits,
    Progress,
    ScheduleResult,
    SolveStatus,
)
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.team import Member, substitutes, team
from scenarios.schedule.timing import Network, decisions, timed
from scenarios.schedule.violations import violations
from twin.errors import TwinError

__all__ = ["Engine", "Limits", "Progress", "ScheduleResult", "SolveStatus", "solve"]

_SAME_S = 1e-6
"""Difference below which two moments count as one, s."""
_SHARED_S = 1.0
"""Time left for which a bound is worth working out that takes a moment, s; engines go on."""
_WORTH_TELLING = 1e-4
"""Rise of the bound that is told of, as a share of it."""
_TOLD = 12
"""Jobs or demands that are told of many."""
_GIVEN = "the plan given"
"""Source of what was known before."""
_RULES_SHARE = 0.1
"""Share of the time that further dispatch rules may take."""
_MANY = 1_000
"""Steps from which on one who has stopped does not wait for a rule."""
_RULES_S = 1.0
"""Longest time that they may take, s: the search does more."""


def solve(
    problem: SchedulingProblem,
    limits: Limits | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    extra: Callable[[Any], None] | None = None,
    start: Schedule | None = None,
) -> ScheduleResult:
    r"""Return the best schedule found within the limits, and a valid lower bound.

    Ctrl-C ends the search; the best schedule so far is returned.

    Parameters
    ----------
    problem : SchedulingProblem
        What is to be scheduled.
    limits : Limits, optional
        Wall time, seed, engine, cores; default 10 s on two cores.
    progress : callable, optional
        Called with every improvement, from the calling thread.
    cancelled : callable, optional
        Asked often; True stops the search within two seconds, and the best so far is returned.
    extra : callable, optional
        A user's own constraints: gets the Pyomo model with variables ``start[key]``, ``end[key]``,
        ``assign[key, machine]`` (key is ``"job/operation"``), ``makespan`` and ``tardiness[job]``,
        and adds linear constraints to it. Only the engine ``highs`` knows them.
    start : Schedule, optional
        A plan of this problem that is known already: the search goes on from it, and what is
        returned is no worse. One that leaves demands unmet is passed over.

    Returns
    -------
    ScheduleResult
        Infeasible is a status with an explanation, not an error.

    Raises
    ------
    InvalidInputError
        If ``extra`` adds something that is not linear.

    Examples
    --------
    >>> from scenarios.schedule.formats import from_jobshop_text
    >>> result = solve(from_jobshop_text("2 2\n0 3 1 2\n1 2 0 4\n"), Limits(seconds=5))
    >>> result.status.value, result.objective
    ('optimal', 7.0)
    """
    limits = limits or Limits()
    run = _Run(problem, limits, progress, cancelled or (lambda: False), extra)
    return run.solve(start)


class _Run:
    """Best schedule and bound while a search goes on."""

    def __init__(
        self,
        problem: SchedulingProblem,
        limits: Limits,
        progress: Callable[[Progress], None] | None,
        cancelled: Callable[[], bool],
        extra: Callable[[Any], None] | None,
    ) -> None:
        self.began = time.monotonic()
        self.until = math.inf if limits.iterations else self.began + limits.seconds
        self.limits = limits
        loose = loosened(problem)
        self.judge = Judge(problem, loose, hurried=limits.iterations is None)
        self.floor = Network.of(loose)
        """What bounds follow from."""
        same = self.judge.same_bounds
        self.network = self.floor if same else Network.of(problem.without_line())
        self.progress = progress
        self.cancelled = cancelled
        self.extra = extra
        self.interrupted = False
        self.best: Schedule | None = None
        self.picture: Schedule | None = None
        """What engines go on from: the best as they see it, where a line says how good it is."""
        self.engine = "none"
        # A user's own constraint may ask for half seconds.
        self.exact = extra is None and problem.twin is None and is_integral(self.network)
        self.bound = self._told(lower_bound(self.floor))
        self.trajectory: list[Progress] = []
        self.messages = overdue(problem)
        self.infeasible = False

    def solve(self, start: Schedule | None) -> ScheduleResult:
        try:
            if start is not None and self.extra is None:
                self._given(start)
            self._begin()
            if self.limits.engine != "dispatch" and not self._over():
                self._race()
            elif self.extra is not None:
                message = "constraints of one's own are met only by the engine highs"
                self.messages.append(f"{message}; nothing is returned")
        except KeyboardInterrupt:
            self.interrupted = True
            if self.best is None and self.extra is None:
                self._as_it_comes()
        return self._result()

    def _given(self, start: Schedule) -> None:
        """Take a plan that is known, in the times of the line if there is one."""
        machines = self.network.machines
        able = {(s.key, machines[c.machine].id) for s in self.network.steps for c in s.choices}
        told = {(placed.key, placed.machine) for placed in start.placements}
        if not told <= able or {key for key, _ in told} != self.network.index.keys():
            self.messages.append("the plan given is not one of this problem; it is passed over")
            return
        known = self.judge.kept(start)
        if known is not None:
            self._better(known, _GIVEN)
        picture = timed(self.network, *decisions(self.network, start))
        if picture is not None and not violations(self.network.problem, picture):
            self._found(picture, _GIVEN)

    def _as_it_comes(self) -> None:
        """Take a schedule that needs no rule: who stops early has one all the same."""
        found = as_it_comes(self.network)
        if not violations(self.network.problem, found):
            self._found(found, "order of arrival")

    def _begin(self) -> None:
        """Take the best schedule of the dispatch rules."""
        if len(self.network.steps) > _MANY and self.extra is None and self.cancelled():
            self._as_it_comes()
            return
        rules_until = self.began + min(_RULES_S, _RULES_SHARE * self.limits.seconds)
        start, rule = best_of_rules(
            self.network,
            # Where no clock may decide, all rules are played.
            lambda: (
                self.limits.iterations is None
                and (time.monotonic() >= rules_until or self.cancelled())
            ),
        )
        found = violations(self.network.problem, start)
        if not found and self.extra is None:
            self._found(start, f"dispatch rule {rule}")
        if self.best is None and self.extra is None and self.judge.problem.twin is not None:
            self._any_rule()
        if found and self.best is None:
            self.messages.append(f"the dispatch rules leave demands unmet, e.g. {found[0]}")
            self.infeasible = surely_late(self.floor)

    def _any_rule(self) -> None:
        """Take the first plan of a rule that the line keeps, whatever is wrong in the picture.

        Where machines that rules choose close a circle in which all wait, others may not.
        """
        for name, style in product_of(RULES, STYLES):
            self._if_kept(partial(dispatch, self.network, name, style), f"{name}, {style}")
        for named in range(max((len(s.choices) for s in self.network.steps), default=0)):
            self._if_kept(partial(as_it_comes, self.network, named), "order of arrival")

    def _if_kept(self, make: Callable[[], Schedule], source: str) -> None:
        if self.best is None and not self._over():
            found = self.judge.kept(make())
            if found is not None:
                self._better(found, f"dispatch rule {source}")

    def _race(self) -> None:
        """Run engines side by side until the best is proven or the budget is spent."""
        members, told = team(self.network, self.limits, self.extra)
        self.messages += told
        if self._plays():
            search = partial(online.improve, self.judge.problem, lambda: self.best)
            members.append(Member("search on the line", search, self.limits.seed))
        self._run(members)
        if self.picture is None and self.extra is None and not self._over():
            self._run(substitutes(self.network, self.limits))

    def _run(self, members: Sequence[Member]) -> None:
        race = Race(self.picture)
        for member in members:
            request = Request(
                network=self.network,
                start=self.picture,
                until=self.until,
                seed=member.seed,
                workers=member.workers,
                iterations=self.limits.iterations,
                extra=self.extra,
            )
            race.enter(member.source, member.improve, request)
        try:
            if self.until - time.monotonic() > _SHARED_S:
                self._raise_bound(shared_bound(self.floor))
            for found in race.news(self._watch):
                self._take(found)
                race.best = self.picture
        finally:
            race.stop()

    def _plays(self) -> bool:
        """Say whether plans are also searched for on the line itself."""
        limits, asked = self.limits, self.limits.engine in {"auto", "search"}
        return self.judge.problem.twin is not None and asked and limits.iterations is None

    def _watch(self) -> bool:
        """Let the line show what it keeps when it is time to; say whether the race is over."""
        self._judged(self.judge.due())
        return self._over()

    def _take(self, found: Found) -> None:
        if found.error is not None:
            # What is known is not lost because one engine fails; the others go on.
            if self.best is None or isinstance(found.error, TwinError):
                raise found.error
            self.messages.append(f"{found.source} failed: {found.error!r}")
        if found.schedule is not None:
            self._found(found.schedule, found.source)
        if found.bound is not None and self.judge.same_bounds:
            self._raise_bound(Bound(found.bound, found.source))
        if found.outcome is not None:
            self._end(found.source, found.outcome)

    def _end(self, source: str, outcome: Outcome) -> None:
        if math.isfinite(outcome.bound) and self.judge.same_bounds:
            self._raise_bound(Bound(outcome.bound, source))
        if outcome.schedule is not None:
            self._found(outcome.schedule, source)
        self.infeasible = self.infeasible or (outcome.infeasible and self.judge.same_bounds)
        if outcome.message:
            self.messages.append(outcome.message)

    def _over(self) -> bool:
        return (
            time.monotonic() >= self.until or self.infeasible or self._proven() or self.cancelled()
        )

    def _proven(self) -> bool:
        return self.best is not None and _met(self.best.objective, self.bound.value)

    def _found(self, schedule: Schedule, source: str) -> None:
        """Take a schedule of an engine; a line shows first how it would keep it, if it has not."""
        if any(placed.turn is not None for placed in schedule.placements):
            self._better(schedule, source)
            return
        if self.picture is None or schedule.objective < self.picture.objective:
            self.picture = schedule
            self._judged(self.judge.asked(schedule, source))

    def _judged(self, found: tuple[Schedule, str] | None) -> None:
        if found is not None:
            self._better(*found)

    def _better(self, schedule: Schedule, source: str) -> None:
        if self.best is None or schedule.objective < self.best.objective:
            self.best, self.engine = schedule, source
            self._tell(source)

    def _told(self, bound: Bound) -> Bound:
        return rounded(bound) if self.exact else bound

    def _raise_bound(self, bound: Bound) -> None:
        bound = self._told(bound)
        if not bound.value > self.bound.value + 1e-9 * max(1.0, abs(self.bound.value)):
            return
        ceiling = math.inf if self.best is None else self.best.objective
        self.bound = Bound(min(bound.value, ceiling), bound.source)
        before = self.trajectory[-1].bound if self.trajectory else -math.inf
        # Some solvers raise it by a hair a thousand times.
        if self._proven() or self.bound.value > before + _WORTH_TELLING * abs(self.bound.value):
            self._tell(bound.source)

    def _tell(self, source: str) -> None:
        step = Progress(
            seconds=time.monotonic() - self.began,
            objective=None if self.best is None else self.best.objective,
            bound=self.bound.value,
            source=source,
        )
        self.trajectory.append(step)
        if self.progress is not None:
            self.progress(step)

    def _result(self) -> ScheduleResult:
        self._judged(self.judge.last())
        self.messages += self.judge.messages
        best = self.best
        objective = math.inf if best is None else best.objective
        return ScheduleResult(
            status=self._status(),
            schedule=best,
            objective=objective,
            bound=self.bound.value,
            bound_source=self.bound.source,
            gap=math.nan if best is None else share_left(objective, self.bound.value),
            engine=self.engine,
            seconds=time.monotonic() - self.began,
            trajectory=tuple(self.trajectory),
            stopped=self._stopped(),
            messages=tuple(self.messages),
        )

    def _stopped(self) -> bool:
        return self.interrupted or self.cancelled()

    def _status(self) -> SolveStatus:
        stopped = self._stopped()
        if self.best is not None:
            if self._proven():
                return SolveStatus.OPTIMAL
            if stopped:
                self.messages.append("stopped on request, with the best schedule so far")
            return SolveStatus.FEASIBLE
        if self.infeasible:
            self.messages += hard_demands(self.floor)
            return SolveStatus.INFEASIBLE
        return SolveStatus.CANCELLED if stopped else SolveStatus.TIME_LIMIT


def _met(objective: float, bound: float) -> bool:
    return objective - bound <= 1e-6 * max(1.0, abs(objective))


def share_left(objective: float, bound: float) -> float:
    """Return the share of an objective that may still be saved, 0 to 1."""
    return 0.0 if _met(objective, bound) else min(1.0, (objective - bound) / abs(objective))


def hard_demands(network: Network) -> list[str]:
    """Return, in words, the hard demands and how close each comes to what is possible alone.

    What is not possible even alone comes first; of many, some are told.
    """
    problem, early = network.problem, heads(network)
    told = [
        f"machine {name}: not all that only it can do is done before hard dates, whatever the "
        f"order: something is {late_s:g} s late or later"
        for name, late_s in overloads(network).items()
    ]
    dates: list[tuple[float, str]] = []
    for j, job in enumerate(problem.jobs):
        last_s = max(early.end_s[i] for i, step in enumerate(network.steps) if step.job == j)
        for limit_s, what in ((job.deadline_s, "deadline"), (problem.horizon_s, "horizon")):
            if limit_s is None:
                continue
            verb = "is not possible even" if last_s > limit_s + _SAME_S else "would be possible"
            text = (
                f"job {job.id}: finished by its {what} at {limit_s:g} s {verb} with every machine "
                f"to itself, where it ends at {last_s:g} s"
            )
            dates.append((limit_s - last_s, text))
    told += [text for _, text in sorted(dates, key=lambda date: date[0])]
    told += [
        f"operation {step.key} must start at {step.fixed_s:g} s; alone it could start at "
        f"{early.start_s[i]:g} s"
        for i, step in enumerate(network.steps)
        if step.fixed_s is not None
    ]
    more = len(told) - _TOLD
    return [*told[:_TOLD], f"and {more} further hard demands"] if more > 0 else told


def overdue(problem: SchedulingProblem) -> list[str]:
    """Return, in words, jobs whose due date is over before anything can begin; empty: none."""
    late = [
        job.id
        for job in problem.jobs
        if job.due_date_s is not None and job.due_date_s <= problem.start_s
    ]
    if not late:
        return []
    names = ", ".join(late[:_TOLD]) + (f" and {len(late) - _TOLD} more" if late[_TOLD:] else "")
    return [f"due before the schedule begins, so late whatever is done: {names}"]
