"""Solve a scheduling problem within a budget: the best schedule known, and how good it can be."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationError

from scenarios.schedule.bounds import Bound, heads, lower_bound
from scenarios.schedule.dispatching import best_of_rules
from scenarios.schedule.neighbours import polish
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.protocol import Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Network
from scenarios.schedule.violations import violations
from twin.errors import OptionsError
from twin.line.spec import Spec, worded
from twin.units import PositiveDuration

_SHARE_BEFORE = 0.3
"""Share of the time that neighbours are searched before the model is built, at most."""
_LOADING_S = 3.0
"""Time that loading Pyomo and HiGHS may take on a busy machine, once in a process, s."""
Engine = Literal["auto", "dispatch", "mip"]
"""Engine by name: ``dispatch`` rules only; ``mip`` and ``auto``: rules, Pyomo and HiGHS,
and a search of neighbours in the time that is left."""


class SolveStatus(StrEnum):
    """How a search ended."""

    OPTIMAL = "optimal"
    """The schedule is proven to be best."""
    FEASIBLE = "feasible"
    """The schedule meets every demand; a better one may exist."""
    INFEASIBLE = "infeasible"
    """It is proven that no schedule meets every demand; the messages say why."""
    TIME_LIMIT = "time_limit"
    """The time was over before a feasible schedule was found."""
    CANCELLED = "cancelled"
    """Stopped on request before a feasible schedule was found."""


class Limits(Spec):
    """What a search may use.

    Raises
    ------
    OptionsError
        If a value makes no sense.
    """

    seconds: PositiveDuration = 10.0
    """Wall time, s."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of random choices."""
    engine: Engine = "auto"
    """Which engine."""

    def __init__(self, **data: Any) -> None:
        """Read the limits; keywords are the fields."""
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item) for item in error.errors()]
            raise OptionsError("the limits of the search", findings) from error


class Progress(Spec):
    """One improvement of a schedule or a bound."""

    seconds: float
    """Time since the search began, s."""
    objective: float | None
    """Best objective so far; none: no feasible schedule yet."""
    bound: float
    """Proven lower bound so far."""
    source: str
    """What found it."""


@dataclass(frozen=True, slots=True)
class ScheduleResult:
    """What a search found."""

    status: SolveStatus
    """How it ended."""
    schedule: Schedule | None
    """Best feasible schedule; None: none was found."""
    objective: float
    """Its objective; infinite without one."""
    bound: float
    """No schedule can be better than this."""
    bound_source: str
    """What the bound follows from."""
    gap: float
    """(objective - bound) / objective, from 0 to 1; NaN without a schedule."""
    engine: str
    """What found the schedule."""
    seconds: float
    """Wall time used, s."""
    trajectory: tuple[Progress, ...]
    """Every improvement in order of time."""
    messages: tuple[str, ...]
    """What there is to know: why infeasible, what was left out."""


def solve(
    problem: SchedulingProblem,
    limits: Limits | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    extra: Callable[[Any], None] | None = None,
) -> ScheduleResult:
    r"""Return the best schedule found within the limits, and a valid lower bound.

    Parameters
    ----------
    problem : SchedulingProblem
        What is to be scheduled.
    limits : Limits, optional
        Wall time, seed, engine; default 10 s.
    progress : callable, optional
        Called with every improvement, from the calling thread.
    cancelled : callable, optional
        Asked often; True stops the search within two seconds, and the best so far is returned.
    extra : callable, optional
        A user's own constraints: gets the Pyomo model with variables ``start[key]``, ``end[key]``,
        ``assign[key, machine]`` (key is ``"job/operation"``), ``makespan`` and ``tardiness[job]``,
        and adds linear constraints to it.

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
    >>> from scenarios.schedule.texts import from_jobshop_text
    >>> result = solve(from_jobshop_text("2 2\n0 3 1 2\n1 2 0 4\n"), Limits(seconds=5))
    >>> result.status.value, result.objective
    ('optimal', 7.0)
    """
    limits = limits or Limits()
    return _Run(problem, limits, progress, cancelled or (lambda: False)).solve(extra)


class _Run:
    """Best schedule and bound while a search goes on."""

    def __init__(
        self,
        problem: SchedulingProblem,
        limits: Limits,
        progress: Callable[[Progress], None] | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self.began = time.monotonic()
        self.until = self.began + limits.seconds
        self.limits = limits
        self.network = Network.of(problem)
        self.progress = progress
        self.cancelled = cancelled
        self.best: Schedule | None = None
        self.engine = "none"
        self.bound = lower_bound(self.network)
        self.trajectory: list[Progress] = []
        self.messages: list[str] = []
        self.infeasible = False

    def solve(self, extra: Callable[[Any], None] | None) -> ScheduleResult:
        start, rule = best_of_rules(self.network, self._over)
        found = violations(self.network.problem, start)
        if found:
            self.messages.append(f"the dispatch rules leave demands unmet, e.g. {found[0]}")
        elif extra is None:
            self._better(start, f"dispatch rule {rule}")
        if self.limits.engine != "dispatch" and not self._proven() and not self._over():
            # A better start first: the windows of the model, and so its size, follow from it.
            self._polish(extra, time.monotonic() + _SHARE_BEFORE * self._left_s())
            if not self._proven() and not self._over():
                self._improve(None if found else self.best or start, extra)
            self._polish(extra, self.until)
        elif extra is not None:
            message = "constraints of one's own are met only by the engine mip; nothing is returned"
            self.messages.append(message)
        return self._result()

    def _improve(self, start: Schedule | None, extra: Callable[[Any], None] | None) -> None:
        # Who only reads schedules, or has no time, does not wait for Pyomo and HiGHS to be loaded.
        if extra is None and self._left_s() < _LOADING_S and "pyomo.environ" not in sys.modules:
            message = f"{self._left_s():.1f} s are too few to load Pyomo and HiGHS first"
            self.messages.append(
                f"{message}; give more time, or import scenarios.schedule.mip.engine"
            )
            return
        from scenarios.schedule.mip.engine import improve  # noqa: PLC0415

        request = Request(
            network=self.network,
            start=start,
            until=self.until,
            seed=self.limits.seed,
            extra=extra,
            on_schedule=lambda schedule: self._better(schedule, "Pyomo and HiGHS"),
            on_bound=lambda value: self._raise_bound(Bound(value, "HiGHS")),
            cancelled=self.cancelled,
        )
        outcome = improve(request)
        self._raise_bound(Bound(outcome.bound, "HiGHS"))
        if outcome.schedule is not None and self.best is None:
            self._better(outcome.schedule, "dispatch rule")
        self.infeasible = outcome.infeasible
        if outcome.message:
            self.messages.append(outcome.message)

    def _polish(self, extra: Callable[[Any], None] | None, until: float) -> None:
        """Search neighbours of the best schedule; they know nothing of a user's own constraints."""
        if extra is not None or self.best is None:
            return
        polish(
            self.network,
            self.best,
            self.limits.seed,
            lambda: self._over() or self._proven() or time.monotonic() >= until,
            lambda schedule: self._better(schedule, "neighbour search"),
        )

    def _left_s(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def _over(self) -> bool:
        return time.monotonic() >= self.until or self.cancelled()

    def _proven(self) -> bool:
        return self.best is not None and _met(self.best.objective, self.bound.value)

    def _better(self, schedule: Schedule, source: str) -> None:
        if self.best is None or schedule.objective < self.best.objective:
            self.best, self.engine = schedule, source
            self._tell(source)

    def _raise_bound(self, bound: Bound) -> None:
        if not bound.value > self.bound.value + 1e-9 * max(1.0, abs(self.bound.value)):
            return
        ceiling = math.inf if self.best is None else self.best.objective
        self.bound = Bound(min(bound.value, ceiling), bound.source)
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
        best = self.best
        objective = math.inf if best is None else best.objective
        return ScheduleResult(
            status=self._status(),
            schedule=best,
            objective=objective,
            bound=self.bound.value,
            bound_source=self.bound.source,
            gap=math.nan if best is None else _gap(objective, self.bound.value),
            engine=self.engine,
            seconds=time.monotonic() - self.began,
            trajectory=tuple(self.trajectory),
            messages=tuple(self.messages),
        )

    def _status(self) -> SolveStatus:
        if self.best is not None:
            if self._proven():
                return SolveStatus.OPTIMAL
            if self.cancelled():
                self.messages.append("stopped on request; the best schedule so far is returned")
            return SolveStatus.FEASIBLE
        if self.infeasible:
            self.messages += hard_demands(self.network)
            return SolveStatus.INFEASIBLE
        return SolveStatus.CANCELLED if self.cancelled() else SolveStatus.TIME_LIMIT


def _met(objective: float, bound: float) -> bool:
    return objective - bound <= 1e-6 * max(1.0, abs(objective))


def _gap(objective: float, bound: float) -> float:
    return 0.0 if _met(objective, bound) else min(1.0, (objective - bound) / abs(objective))


def hard_demands(network: Network) -> list[str]:
    """Return, in words, the hard demands and how close each comes to what is possible alone."""
    problem, early = network.problem, heads(network)
    told = []
    for j, job in enumerate(problem.jobs):
        ends = [early.end_s[i] for i, step in enumerate(network.steps) if step.job == j]
        for limit_s, what in ((job.deadline_s, "deadline"), (problem.horizon_s, "horizon")):
            if limit_s is None:
                continue
            verb = "is not possible even" if max(ends) > limit_s + 1e-6 else "would be possible"
            text = (
                f"job {job.id}: finished by its {what} at {limit_s:g} s {verb} with every machine "
                f"to itself, where it ends at {max(ends):g} s"
            )
            told.append(text)
    told += [
        f"operation {step.key} must start at {step.fixed_s:g} s; alone it could start at "
        f"{early.start_s[i]:g} s"
        for i, step in enumerate(network.steps)
        if step.fixed_s is not None
    ]
    return told
