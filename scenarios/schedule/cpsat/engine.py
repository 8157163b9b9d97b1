"""CP-SAT as an engine: incumbents and bounds as they come, exact times from its decisions."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from ortools.sat.python import cp_model

from scenarios.schedule.cpsat.model import Intervals, build, hint
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Choice, decisions, timed
from scenarios.schedule.violations import violations

_LOOK_S = 0.05
"""How often it is looked whether the request is over, s."""


def improve(request: Request) -> Outcome:
    """Search with CP-SAT until the request is over."""
    upper = None if request.start is None else request.start.objective
    form = build(request.network, upper)
    if request.start is not None:
        _, choices = decisions(request.network, request.start)
        starts = {request.network.index[p.key]: p.start_s for p in request.start.placements}
        hint(form, starts, {i: choice.machine for i, choice in choices.items()})
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = request.workers
    solver.parameters.random_seed = request.seed % 2**31
    solver.parameters.max_time_in_seconds = max(0.01, request.until - time.monotonic())
    solver.parameters.relative_gap_limit = 0.0
    told = _Told(request, form)
    valid = not any(price.per_kwh < 0 for price in request.network.problem.prices)
    if valid:
        solver.best_bound_callback = request.on_bound
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(request, solver, done), daemon=True)
    watch.start()
    try:
        status = solver.solve(form.model, told)
    finally:
        done.set()
        watch.join()
    if status == cp_model.MODEL_INVALID:
        return Outcome(told.best, message=f"CP-SAT refuses the model: {form.model.validate()}")
    if status == cp_model.INFEASIBLE and request.start is None:
        message = "CP-SAT proved that no schedule meets all demands at once"
        return Outcome(None, infeasible=True, message=message)
    bound = float(solver.best_objective_bound) if status != cp_model.INFEASIBLE else -math.inf
    return Outcome(told.best, bound if valid else -math.inf)


def _watch(request: Request, solver: Any, done: threading.Event) -> None:
    while not done.wait(_LOOK_S):
        if request.over():
            solver.stop_search()
            return


class _Told(cp_model.CpSolverSolutionCallback):  # type: ignore[misc, unused-ignore]
    """Turns each solution into a schedule with exact times, and tells of it if it is better."""

    def __init__(self, request: Request, form: Intervals) -> None:
        super().__init__()
        self.request, self.form = request, form
        self.best: Schedule | None = request.start
        weights = request.network.problem.objective
        self.regular = not (weights.energy or weights.stability)

    def on_solution_callback(self) -> None:
        """Read the solution; CP-SAT calls this."""
        network, form = self.request.network, self.form
        starts = [self.value(start) for start in form.start]
        ends = [self.value(end) for end in form.end]
        choices: dict[int, Choice] = {}
        for i, step in enumerate(network.steps):
            on = [choice for choice in step.choices if self.value(form.here[i, choice.machine])]
            choices[i] = on[0]
        place = {step: at for at, step in enumerate(network.topological)}
        sequences: list[list[int]] = [[] for _ in network.machines]
        for i in sorted(range(len(starts)), key=lambda i: (starts[i], ends[i], place[i])):
            sequences[choices[i].machine].append(i)
        self._keep(timed(network, sequences, choices))
        if not self.regular:
            floor_s = {i: start / form.scale for i, start in enumerate(starts)}
            self._keep(timed(network, sequences, choices, floor_s))

    def _keep(self, schedule: Schedule | None) -> None:
        if schedule is None or violations(self.request.network.problem, schedule):
            return
        if self.best is None or schedule.objective < self.best.objective:
            self.best = schedule
            self.request.on_schedule(schedule)
