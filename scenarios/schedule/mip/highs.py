"""One Pyomo model handed once to one HiGHS: starts, interruption and incumbents that survive it.

Pyomo's public compiler turns the model into arrays, which go to ``highspy`` directly, because the
solver interfaces of Pyomo drop partial starts and lose the incumbent of an interrupted run.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.common.dependencies import scipy_available
from pyomo.core.expr.visitor import identify_variables
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler, LinearStandardFormInfo

from twin.errors import Finding, InvalidInputError

# Pyomo loads SciPy when it is asked for first; two threads that ask at once see half of it.
_COMPILING = threading.Lock()
assert scipy_available, "HiGHS comes with SciPy"
Reals = NDArray[np.float64]
"""A number per column."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run of HiGHS ended with."""

    values: NDArray[np.float64] | None
    """Value of each column in the best solution; None: there is none."""
    objective: float
    """Its objective; infinite without one."""
    bound: float
    """Proven lower bound; minus infinity without one."""
    infeasible: bool
    """Whether it was proven that there is no solution."""
    finished: bool = True
    """Whether it came to an end by itself: there is nothing better than what it found."""


@dataclass(slots=True)
class Watch:
    """What is to happen while HiGHS runs."""

    until: float
    """Moment of ``time.monotonic`` at which it stops, s."""
    cancelled: Callable[[], bool]
    """Asked often; True stops the run."""
    on_solution: Callable[[NDArray[np.float64]], None]
    """Called with the columns of each better solution."""
    on_bound: Callable[[float], None]
    """Called with the proven bound as it grows."""
    effort_s: float = math.inf
    """Processor time of this thread that it may take, s: a turn is worth the same on a busy
    machine."""
    _began_s: float = field(default_factory=time.thread_time)

    def over(self) -> bool:
        """Say whether the run must stop now; HiGHS, of one thread, asks from its own."""
        spent = time.thread_time() - self._began_s >= self.effort_s
        return spent or time.monotonic() >= self.until or self.cancelled()


class Program:
    """A linear mixed-integer model inside HiGHS.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        Linear, with one minimising objective.
    seed : int
        Seed of HiGHS' own choices.

    Raises
    ------
    InvalidInputError
        If a constraint is not linear.
    """

    def __init__(self, model: pyo.ConcreteModel, seed: int = 0) -> None:
        try:
            with _COMPILING:
                form = LinearStandardFormCompiler().write(model, mixed_form=True)
        except (ValueError, RuntimeError, TypeError) as error:
            finding = Finding("extra", str(error), "linear constraints and one linear objective")
            raise InvalidInputError("the Pyomo model", [finding]) from error
        self.columns: Sequence[Any] = form.columns
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, setting in (
            ("output_flag", False),
            # Threads beyond the one asked for would be taken from the other engines.
            ("threads", 1),
            ("random_seed", seed % 2**31),
            ("mip_rel_gap", 1e-7),
            ("mip_abs_gap", 1e-6),
            ("mip_feasibility_tolerance", 1e-7),
        ):
            self._highs.setOptionValue(option, setting)
        self._highs.passModel(_arrays(form))
        # The objective once more, as a row: what is not better than the best need not be found.
        cost = np.asarray(form.c.toarray()).ravel().astype(np.float64)
        inside = np.flatnonzero(cost).astype(np.int32)
        infinity = highspy.kHighsInf
        self._highs.addRow(-infinity, infinity, len(inside), inside, cost[inside])
        self._cost_row = len(form.rhs)
        self._offset = float(np.ravel(form.c_offset)[0]) if np.size(form.c_offset) else 0.0
        self._watch: Watch | None = None
        self._highs.cbMipInterrupt.subscribe(self._interrupt)
        self._highs.cbSimplexInterrupt.subscribe(self._interrupt)
        self._highs.cbMipImprovingSolution.subscribe(self._improved)
        self._highs.cbMipLogging.subscribe(self._logged)

    def index(self) -> dict[int, int]:
        """Return the column of each Pyomo variable, by the variable's ``id``."""
        return {id(variable): at for at, variable in enumerate(self.columns)}

    @property
    def bounds(self) -> tuple[Reals, Reals]:
        """Bounds of the columns as the model has them."""
        lower = [_bound(v.lb, -highspy.kHighsInf) for v in self.columns]
        upper = [_bound(v.ub, highspy.kHighsInf) for v in self.columns]
        return np.array(lower), np.array(upper)

    def run(self, watch: Watch, gap: float = 1e-6) -> Answer:
        """Search until it is over, starting from the values that the Pyomo variables have now.

        Parameters
        ----------
        watch : Watch
            When to stop, whom to tell.
        gap : float
            Difference of objective and bound at which the search is complete.
        """
        given = [(at, v.value) for at, v in enumerate(self.columns) if v.value is not None]
        self._highs.setOptionValue("mip_abs_gap", gap)
        if len(given) == len(self.columns):
            solution = highspy.HighsSolution()
            solution.col_value = [number for _, number in given]
            self._highs.setSolution(solution)
        elif given:
            at = np.array([column for column, _ in given], dtype=np.int32)
            numbers = np.array([number for _, number in given], dtype=np.float64)
            self._highs.setSolution(len(given), at, numbers)
        return self._run(watch)

    def bound(self, columns: NDArray[np.int32], lower: Reals, upper: Reals) -> None:
        """Give columns other bounds; the next run begins from nothing."""
        self._highs.changeColsBounds(len(columns), columns, lower, upper)

    def cut_off(self, objective: float) -> None:
        """Ask for solutions with at most this objective."""
        self._highs.changeRowBounds(self._cost_row, -highspy.kHighsInf, objective - self._offset)

    def explore(self, watch: Watch, gap: float = 1e-6) -> Answer:
        """Search within the bounds and the cut-off as they are now, without a start."""
        self._highs.setOptionValue("mip_abs_gap", gap)
        self._highs.clearSolver()
        return self._run(watch)

    def run_fixed(self, values: NDArray[np.float64], watch: Watch) -> Answer:
        """Return the best times for the integer decisions in ``values``, free of rounding errors.

        An integer that is off by a millionth lets a row with a big-M be missed by seconds.
        """
        integer = [at for at, v in enumerate(self.columns) if not v.is_continuous()]
        at = np.array(integer, dtype=np.int32)
        lower, upper = self.bounds
        if integer:
            exact = np.round(values[at])
            self._highs.changeColsBounds(len(at), at, exact, exact)
            self._set_kind(at, highspy.HighsVarType.kContinuous)
        self._highs.clearSolver()
        try:
            return self._run(watch)
        finally:
            if integer:
                self._highs.changeColsBounds(len(at), at, lower[at], upper[at])
                self._set_kind(at, highspy.HighsVarType.kInteger)

    def _set_kind(self, at: NDArray[np.int32], kind: highspy.HighsVarType) -> None:
        kinds = np.full(len(at), int(kind), dtype=np.uint8)
        self._highs.changeColsIntegrality(len(at), at, kinds)

    def put(self, values: NDArray[np.float64]) -> None:
        """Write the columns' values into the Pyomo variables."""
        for variable, number in zip(self.columns, values.tolist(), strict=True):
            variable.set_value(number, skip_validation=True)

    def _run(self, watch: Watch) -> Answer:
        self._watch = watch
        # HiGHS' clock goes on from run to run.
        left_s = max(0.01, watch.until - time.monotonic())
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + left_s)
        try:
            self._highs.run()
        finally:
            self._watch = None
        status, info = self._highs.getModelStatus(), self._highs.getInfo()
        done = highspy.HighsModelStatus
        # Asked of HiGHS itself: it keeps the incumbent of a run that was stopped.
        solved = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        optimal = status == done.kOptimal
        bound = float(info.mip_dual_bound) if info.mip_node_count >= 0 else -np.inf
        if optimal and info.mip_node_count < 0:
            bound = float(info.objective_function_value)
        return Answer(
            values=np.array(self._highs.getSolution().col_value) if solved else None,
            objective=float(info.objective_function_value) if solved else np.inf,
            bound=bound,
            infeasible=status in (done.kInfeasible, done.kUnboundedOrInfeasible),
            finished=status
            in (done.kOptimal, done.kInfeasible, done.kUnboundedOrInfeasible, done.kModelEmpty),
        )

    def _interrupt(self, event: highspy.HighsCallbackEvent) -> None:
        # HiGHS keeps the last answer between calls and runs: give one every time.
        if event.data_in is not None:
            over = self._watch is not None and self._watch.over()
            event.data_in.user_interrupt = over

    def _improved(self, event: highspy.HighsCallbackEvent) -> None:
        if self._watch is not None:
            self._watch.on_solution(np.array(event.data_out.mip_solution, dtype=np.float64))

    def _logged(self, event: highspy.HighsCallbackEvent) -> None:
        bound = float(event.data_out.mip_dual_bound)
        if self._watch is not None and np.isfinite(bound) and abs(bound) < highspy.kHighsInf:
            self._watch.on_bound(bound)


def _arrays(form: LinearStandardFormInfo) -> highspy.HighsLp:
    """Return the compiled model as HiGHS takes it."""
    matrix, infinity = form.A.tocsc(), highspy.kHighsInf
    lower = np.full(len(form.rhs), -infinity)
    upper = np.full(len(form.rhs), infinity)
    for at, (row, side) in enumerate(zip(form.rows, form.rhs, strict=True)):
        # bound_type: 0 equal to, 1 at most, -1 at least the right-hand side
        if row.bound_type <= 0:
            lower[at] = side
        if row.bound_type >= 0:
            upper[at] = side
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(form.columns), len(form.rhs)
    program.col_cost_ = np.asarray(form.c.toarray()).ravel().astype(np.float64)
    program.offset_ = float(np.ravel(form.c_offset)[0]) if np.size(form.c_offset) else 0.0
    program.col_lower_ = np.array([_bound(v.lb, -infinity) for v in form.columns])
    program.col_upper_ = np.array([_bound(v.ub, infinity) for v in form.columns])
    program.row_lower_, program.row_upper_ = lower, upper
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    program.a_matrix_.index_ = matrix.indices.astype(np.int32)
    program.a_matrix_.value_ = matrix.data.astype(np.float64)
    kinds = highspy.HighsVarType
    program.integrality_ = [
        kinds.kContinuous if variable.is_continuous() else kinds.kInteger
        for variable in form.columns
    ]
    return program


def _bound(limit: float | None, infinity: float) -> float:
    return infinity if limit is None else float(limit)


def missed(model: pyo.ConcreteModel, tolerance: float) -> list[str]:
    """Return the active constraints that the variables' values miss, by name.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        Model whose variables have values.
    tolerance : float
        Excess up to which a side counts as met.
    """
    names = []
    for row in model.component_data_objects(pyo.Constraint, active=True):
        known = all(v.value is not None for v in identify_variables(row.body, include_fixed=True))
        body = pyo.value(row.body) if known else None
        if body is None:
            continue
        low = row.lower is not None and body < pyo.value(row.lower) - tolerance
        high = row.upper is not None and body > pyo.value(row.upper) + tolerance
        if low or high:
            names.append(row.name)
    return names
