"""The Pyomo model on HiGHS as an engine: from a start to a better schedule and a proven bound."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.mip.highs import Answer, Program, Watch, missed
from scenarios.schedule.mip.objective import build
from scenarios.schedule.mip.variables import Formulation, read, write
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Network, timed
from scenarios.schedule.violations import violations

SECONDS_PER_PAIR = 2e-4
"""Time to build the rows of one pair, s; cautious, from measurements on one shared core."""
_ROOM_WITH_EXTRA = 3.0
"""Length of the horizon, in serial horizons, if a user's own constraints may delay steps."""
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


class _Search:
    """One model, one run."""

    def __init__(self, request: Request, form: Formulation) -> None:
        self.request = request
        self.form = form
        self.model = build(form, request.extra)
        self.best = request.start
        if request.start is not None:
            write(self.model, form, request.start)
            if request.extra is not None and missed(self.model, _TOLERANCE):
                self.best = None
        self.program = Program(self.model, request.seed)

    def run(self) -> Outcome:
        request = self.request
        watch = Watch(request.until, request.cancelled, self._found, request.on_bound)
        gap = 1 - 1e-3 if is_integral(request.network) and request.extra is None else 1e-6
        answer = self.program.run(watch, gap)
        bound = answer.bound
        if answer.values is not None:
            self._keep(self._exact(answer, watch))
        if is_integral(request.network) and request.extra is None and math.isfinite(bound):
            bound = math.ceil(bound - 1e-4)
        if answer.infeasible and self.best is None:
            message = "HiGHS proved that no schedule meets all demands at once"
            if request.extra is not None:
                message += (
                    f", within {self.form.limits.horizon_s:g} s and with the user's constraints"
                )
            return Outcome(None, -math.inf, infeasible=True, message=message)
        return Outcome(self.best, bound if not answer.infeasible else -math.inf)

    def _found(self, values: NDArray[np.float64]) -> None:
        """Work out the exact times of a solution of HiGHS, and keep it if it is better."""
        if self.request.extra is None:
            self._keep(self._left_shifted(values))

    def _exact(self, answer: Answer, watch: Watch) -> Schedule | None:
        if answer.values is None or self.request.extra is None:
            return None if answer.values is None else self._left_shifted(answer.values)
        # Left shift could break a user's constraint: times come from the model, made exact by a
        # second run with the decisions fixed, which is a small linear program.
        watch.until = max(watch.until, time.monotonic() + 0.5)
        fixed = self.program.run_fixed(answer.values, watch)
        self.program.put(answer.values if fixed.values is None else fixed.values)
        sequences, choices, starts = read(self.model, self.form)
        floor_s = {i: round(start_s, 6) for i, start_s in enumerate(starts)}
        return timed(self.request.network, sequences, choices, floor_s)

    def _left_shifted(self, values: NDArray[np.float64]) -> Schedule | None:
        self.program.put(values)
        sequences, choices, _ = read(self.model, self.form)
        return timed(self.request.network, sequences, choices)

    def _keep(self, schedule: Schedule | None) -> None:
        if schedule is None or violations(self.request.network.problem, schedule):
            return
        if self.best is not None and schedule.objective >= self.best.objective:
            return
        if self.request.extra is not None:
            write(self.model, self.form, schedule)
            if missed(self.model, _TOLERANCE):
                return
        self.best = schedule
        self.request.on_schedule(schedule)


def is_integral(network: Network) -> bool:
    """Say whether every schedule that is shifted to the left has an integer objective."""
    problem = network.problem
    numbers = [problem.start_s, problem.objective.makespan, problem.objective.tardiness]
    for job in problem.jobs:
        numbers += [job.release_s, job.weight, job.due_date_s or 0.0]
    for machine in problem.machines:
        numbers += [machine.ready_s]
        numbers += [t for row in machine.setup_s.values() for t in row.values()]
        numbers += [t for closed in machine.unavailable for t in (closed.start_s, closed.end_s)]
    for step in network.steps:
        numbers += [step.fixed_s or 0.0]
        numbers += [t for c in step.choices for t in (c.duration_s, c.first_part_s, c.last_part_s)]
    return all(float(number).is_integer() for number in numbers)
