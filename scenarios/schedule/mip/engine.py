"""The Pyomo model on HiGHS as an engine: from a start to a better schedule and a proven bound."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.bounds import Bound, is_integral, rounded
from scenarios.schedule.mip.highs import Program, Watch, missed
from scenarios.schedule.mip.neighbourhoods import Neighbourhoods
from scenarios.schedule.mip.objective import build
from scenarios.schedule.mip.variables import Formulation, read, write
from scenarios.schedule.neighbours import wander
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import timed
from scenarios.schedule.violations import violations

SECONDS_PER_PAIR = 2e-4
"""Time to build the rows of one pair, s; cautious, from measurements on one shared core."""
_ROOM_WITH_EXTRA = 3.0
"""Length of the horizon, in serial horizons, if a user's own constraints may delay steps."""
_WHOLE = 150
"""Open decisions up to which HiGHS gets the whole model: beyond, it finds and proves little."""
_SHARE_WHOLE = 0.5
"""Share of the time for the whole model where no schedule to start from is known."""
_TURN_S = 0.25
"""Processor time for one neighbourhood to begin with, s."""
_LONGEST_TURN_S = 2.0
_STALE = 40
"""Turns without a better schedule after which turns become longer by half."""
_MOST_TURNS = 1_000_000
"""Neighbourhoods after which the search ends in any case."""
_REBUILD = 0.95
"""Share of the objective at which a new, smaller model is built."""
_ROOM = 0.02
"""How much worse than the best a schedule may be that a new model can hold, as a share."""
_IDLE = 12
"""Turns without a better schedule after which neighbourhoods are searched around another one."""
_TRIES = 60
"""Random changes that lead from one to another."""
_FAR = 0.01
"""How much worse than the best the other one may be, as a share."""
_LEFT = 0.005
"""How much worse than the best a schedule may be for the way to begin with it, as a share."""
_LEAST_STEP = 1e-4
"""Least improvement that is asked for where the objective is not a whole number, as a share."""
_TOLERANCE = 1e-5
"""Excess up to which a user's own row counts as met by the final times."""


def improve(request: Request) -> Outcome:
    """Search for a better schedule with the Pyomo model until the time is over."""
    start, network = request.start, request.network
    pairs = sum(
        count * (count - 1) // 2
        for m in range(len(network.machines))
        for count in [sum(any(c.machine == m for c in s.choices) for s in network.steps)]
    )
    left_s = request.until - time.monotonic()
    if pairs * SECONDS_PER_PAIR > left_s / 2:
        message = f"{pairs} pairs of operations are too many to build a model in {left_s:.1f} s"
        return Outcome(start, -math.inf, message=message)
    # A user's own constraints may rule the start out, and with it the windows that rest on it.
    upper = start.objective if start is not None and request.extra is None else None
    room = 1.0 if request.extra is None else _ROOM_WITH_EXTRA
    form = Formulation.of(network, upper, room=room)
    empty = _empty_window(form)
    if empty and start is None:
        return Outcome(None, -math.inf, infeasible=True, message=empty)
    return _Search(request, form).run()


def _empty_window(form: Formulation) -> str:
    """Return why some step has nowhere to lie, or an empty text."""
    limits = form.limits
    for i, step in enumerate(form.network.steps):
        if (
            limits.start_lo[i] > limits.start_hi[i] + 1e-6
            or limits.end_lo[i] > limits.end_hi[i] + 1e-6
        ):
            return (
                f"{step.key} cannot start before {limits.start_lo[i]:g} s nor end before "
                f"{limits.end_lo[i]:g} s, but must have started by {limits.start_hi[i]:g} s and "
                f"ended by {limits.end_hi[i]:g} s"
            )
    return ""


def _ignore(_: object) -> None:
    """Do nothing: what is found inside a neighbourhood is read at its end."""


class _Search:
    """One model, one run."""

    def __init__(self, request: Request, form: Formulation) -> None:
        self.request = request
        self.best = request.start
        self.here = request.start
        """Schedule around which neighbourhoods are searched; it may be worse than the best."""
        self.exact = is_integral(request.network) and request.extra is None
        weights = request.network.problem.objective
        self.regular = not (weights.energy or weights.stability)
        """Whether earlier is never worse."""
        self._build(form, math.inf if self.best is None else self.best.objective)
        if request.start is not None:
            write(self.model, form, request.start)
            if request.extra is not None and missed(self.model, _TOLERANCE):
                self.best = self.here = None

    def _build(self, form: Formulation, upper: float) -> None:
        self.form = form
        self.model = build(form, self.request.extra)
        self.program = Program(self.model, self.request.seed)
        self.upper = upper
        """Objective up to which the model holds every schedule."""

    def run(self) -> Outcome:
        request, gap = self.request, 1 - 1e-3 if self.exact else 1e-6
        whole = len(self.model.order) + len(self.model.assign) <= _WHOLE or self.best is None
        until = request.until
        if whole and math.isfinite(until) and len(self.model.order) > _WHOLE:
            until = time.monotonic() + _SHARE_WHOLE * (until - time.monotonic())
        if whole:
            watch = Watch(until, request.cancelled, self._found, request.on_bound)
            answer = self.program.run(watch, gap)
            if answer.values is not None:
                self._take(answer.values, watch)
            if answer.infeasible and self.best is None:
                return Outcome(None, -math.inf, infeasible=True, message=self._no_schedule())
            bound = self._rounded(answer.bound) if not answer.infeasible else -math.inf
            complete = answer.finished or self.best is None
            if complete or request.over():
                return Outcome(self.best, bound)
        proven = self._explore(gap)
        return Outcome(self.best, self._rounded(proven))

    def _rounded(self, bound: float) -> float:
        return rounded(Bound(bound, "")).value if self.exact else bound

    def _no_schedule(self) -> str:
        message = "HiGHS proved that no schedule meets all demands at once"
        if self.request.extra is None:
            return message
        return f"{message}, within {self.form.limits.horizon_s:g} s and with the user's constraints"

    def _explore(self, gap: float) -> float:
        """Search neighbourhoods until the request is over; return a bound that was proven."""
        around = Neighbourhoods(self.program, self.model, self.form, self.request.seed)
        turns, most = 0, self.request.iterations or _MOST_TURNS
        turn_s, found_at, came_at = _TURN_S, 0, 0
        while not self.request.over() and turns < most:
            turns += 1
            if turns - found_at > _STALE:
                turn_s, found_at = min(1.5 * turn_s, _LONGEST_TURN_S), turns
            self._share()
            best, here = self.best, self.here
            if best is None or here is None:
                raise AssertionError("neighbourhoods need a schedule")
            if best.objective < _REBUILD * self.upper and self.request.extra is None:
                around = self._rebuilt(best, around, turns)
            if turns - came_at > _IDLE and self.request.extra is None:
                here, came_at = self._aside(best, here, around.generator, turn_s), turns
            self.here = here
            now = around.at(here)
            kind, free = around.choose(now)
            step = 1.0 if self.exact else max(1e-6, _LEAST_STEP * abs(best.objective))
            began_s, finished = time.thread_time(), True
            if around.enter(now, free, here.objective - step):
                watch = Watch(
                    self.request.until, self.request.cancelled, _ignore, _ignore, effort_s=turn_s
                )
                answer = self.program.explore(watch, gap)
                finished = answer.finished
                if answer.values is not None:
                    self._take(answer.values, watch)
            if free.all() and finished and self.best is here and around.covers_all:
                return best.objective - step if not self.exact else best.objective
            found_at = turns if self.best is not best else found_at
            came_at = turns if self.here is not here else came_at
            gained = here.objective - self.here.objective
            spent_s = time.thread_time() - began_s
            gain = gained / max(abs(best.objective), 1.0)
            around.adapt(kind, spent_s, turn_s, gain=gain, finished=finished)
        return -math.inf

    def _rebuilt(self, best: Schedule, around: Neighbourhoods, turns: int) -> Neighbourhoods:
        """Return neighbourhoods of a new model, with what better schedules rule out left out."""
        upper = best.objective + _ROOM * abs(best.objective)
        self._build(Formulation.of(self.request.network, upper), upper)
        seed = self.request.seed + turns
        return Neighbourhoods(self.program, self.model, self.form, seed, around.size)

    def _aside(
        self, best: Schedule, here: Schedule, generator: np.random.Generator, effort_s: float
    ) -> Schedule:
        """Return a schedule that is hardly worse: small neighbourhoods of the best are exhausted.

        Where several longest paths must become shorter at once no small neighbourhood helps.
        """
        slack, until_s = abs(best.objective), time.thread_time() + effort_s
        return wander(
            self.request.network,
            here if here.objective <= best.objective + _LEFT * slack else best,
            generator,
            tries=_TRIES,
            limit=min(best.objective + _FAR * slack, self.upper),
            over=lambda: self.request.over() or time.thread_time() >= until_s,
        )

    def _share(self) -> None:
        """Go on from what another engine has found if that is better."""
        found = self.request.incumbent() if self.request.extra is None else None
        if found is not None and (self.best is None or found.objective < self.best.objective):
            self.best = self.here = found

    def _found(self, values: NDArray[np.float64]) -> None:
        """Work out the exact times of a solution of HiGHS, and keep it if it is better."""
        if self.request.extra is None:
            self._keep(self._left_shifted(values))

    def _take(self, values: NDArray[np.float64], watch: Watch) -> None:
        """Make schedules of a solution, with exact times, and keep the best of them."""
        if self.request.extra is None:
            self._keep(self._left_shifted(values))
            if self.regular:
                return
        # Left shift could break a user's constraint, or cost more: times come from the model, made
        # exact by a second run with the decisions fixed, which is a small linear program.
        watch.until = max(watch.until, time.monotonic() + 0.5)
        fixed = self.program.run_fixed(values, watch)
        self.program.put(values if fixed.values is None else fixed.values)
        sequences, choices, starts = read(self.model, self.form)
        floor_s = {i: round(start_s, 6) for i, start_s in enumerate(starts)}
        self._keep(timed(self.request.network, sequences, choices, floor_s))

    def _left_shifted(self, values: NDArray[np.float64]) -> Schedule | None:
        self.program.put(values)
        sequences, choices, _ = read(self.model, self.form)
        return timed(self.request.network, sequences, choices)

    def _keep(self, schedule: Schedule | None) -> None:
        if schedule is None or violations(self.request.network.problem, schedule):
            return
        if self.here is not None and schedule.objective < self.here.objective:
            self.here = schedule if self.request.extra is None else self.here
        if self.best is not None and schedule.objective >= self.best.objective:
            return
        if self.request.extra is not None:
            write(self.model, self.form, schedule)
            if missed(self.model, _TOLERANCE):
                return
        self.best = self.here = schedule
        self.request.on_schedule(schedule)
