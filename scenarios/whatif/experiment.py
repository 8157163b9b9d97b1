"""Scenarios times replications, on common random numbers."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator

from scenarios.whatif.adaptation import adapt_state
from scenarios.whatif.executors import Task, run_tasks
from scenarios.whatif.scenario import BASE, Scenario, ScenarioError, resolve
from twin.engine.options import SimulationOptions
from twin.engine.runs import Runs, choose_engine
from twin.errors import Finding, InvalidInputError, StateError, TwinError
from twin.events.state import LineState
from twin.line import Line
from twin.line.spec import Spec, worded

MOST_RUNS = 10_000_000
"""An experiment of more runs is refused."""
FORMAT = 1

Figures = tuple[dict[str, tuple[tuple[str, ...], NDArray[np.float64]]], dict[str, Sequence[str]]]
"""KPIs of one run as plain arrays with their dimensions, and the labels of these."""


class ExperimentCancelledError(TwinError, RuntimeError):
    """An experiment that was told to stop before its last replication."""

    def __init__(self, done: int, total: int) -> None:
        self.done = done
        self.total = total
        super().__init__(f"the experiment was cancelled after {done} of {total} runs")


class Experiment(Spec):
    """A question in full: line, scenarios, options, replications and where to begin.

    Replication k of every scenario uses the same random numbers, so what differs between two
    scenarios is what was changed. An experiment that begins at a state opens it: what was under way
    is drawn anew given how far it has come, in every scenario from the same numbers.
    """

    line: Line
    """Line as it is."""
    scenarios: tuple[Scenario, ...] = Field(default=(), validate_default=True)
    """Scenarios; the first is always ``base``, the line untouched, and is added when absent."""
    options: SimulationOptions
    """Horizon, warm-up, seed; ``options.replication`` is the number of the first replication."""
    replications: int = Field(default=20, ge=1, le=1_000_000)
    """Runs of each scenario."""
    state: LineState | None = None
    """Where the line is when the runs begin; none: empty, at the line's start."""

    def __init__(self, **data: Any) -> None:
        """Read and check the experiment; keywords are the fields."""
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item) for item in error.errors()]
            raise ScenarioError("the experiment", findings) from error

    @field_validator("scenarios")
    @classmethod
    def _base_first(cls, given: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
        base = next((s for s in given if s.name == BASE), Scenario(name=BASE))
        return (base, *(scenario for scenario in given if scenario is not base))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scenarios, base first."""
        return tuple(scenario.name for scenario in self.scenarios)

    @property
    def runs(self) -> int:
        """Runs in all."""
        return len(self.scenarios) * self.replications

    @property
    def id(self) -> str:
        """SHA-256 of everything that decides the results, hexadecimal."""
        return hashlib.sha256(self._text().encode()).hexdigest()

    def _text(self) -> str:
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_results(cls, results: xr.Dataset) -> Self:
        """Return the experiment that results came from; running it gives the same numbers.

        Raises
        ------
        InvalidInputError
            If the results do not say where they came from.
        """
        try:
            return cls(**json.loads(results.attrs["experiment"]))
        except (KeyError, TypeError, ValueError) as error:
            finding = Finding("attrs.experiment", "no experiment", "results of run_experiment")
            raise InvalidInputError("the results", [finding]) from error


@dataclass(frozen=True, slots=True)
class Planned:
    """One scenario, ready to run."""

    name: str
    line: Line
    options: SimulationOptions
    state: LineState | None
    runs: Runs = field(init=False, compare=False, repr=False)
    """Its replications, on the engine that serves best."""

    def __post_init__(self) -> None:
        """Get ready to run."""
        object.__setattr__(self, "runs", Runs(self.line, self.options, self.state))


def plan(experiment: Experiment) -> tuple[Planned, ...]:
    """Return the scenarios ready to run: changed lines, faults added, states adapted.

    Raises
    ------
    ScenarioError
        With what is wrong in any scenario.
    StateError
        If only states do not fit.
    """
    findings: list[Finding] = []
    misfits: list[Finding] = []
    base = experiment.scenarios[0]
    if base.changes or base.faults or base.extends:
        message = "base is the line as it is and changes nothing"
        findings.append(Finding(f"scenarios.{BASE}", message, remedy="give it another name"))
    if experiment.runs > MOST_RUNS:
        message = f"{experiment.runs} runs are more than {MOST_RUNS}"
        findings.append(Finding("replications", message, remedy="ask for fewer"))
    state = experiment.state.opened() if experiment.state else None
    if state is not None and state.line_id != experiment.line.id:
        message = f"belongs to line {state.line_id!r}, not to {experiment.line.id!r}"
        misfits.append(Finding("state.line_id", message))
        state = None
    planned = []
    for scenario in () if findings else _resolved(experiment, findings):
        try:
            findings += _never_happens(scenario, experiment.options.horizon_s)
            line = scenario.apply(experiment.line)
            adapted = adapt_state(state, experiment.line, line) if state else None
            options = scenario.options(experiment.options)
            planned.append(Planned(scenario.name, line, options, adapted))
        except ScenarioError as error:
            findings += error.findings
        except StateError as error:
            misfits += [_of_scenario(scenario, finding) for finding in error.findings]
    if findings:
        raise ScenarioError("the experiment", findings + misfits)
    if misfits:
        raise StateError("the state that the experiment begins with", misfits)
    # Compared figures come from one engine, so that equal runs give equal bits.
    engine = choose_engine([one.line for one in planned], experiment.options.engine)
    return tuple(
        replace(one, options=one.options.model_copy(update={"engine": engine})) for one in planned
    )


def _never_happens(scenario: Scenario, horizon_s: float) -> list[Finding]:
    """Return a finding for each fault that would begin after the runs have ended."""
    return [
        Finding(
            f"scenarios.{scenario.name}.faults.{position}.after_s",
            f"begins {fault.after_s:g} s into a run of {horizon_s:g} s, so never",
            f"less than {horizon_s:g}",
            "let it begin earlier, or lengthen the horizon",
        )
        for position, fault in enumerate(scenario.faults)
        if fault.after_s >= horizon_s
    ]


def _resolved(experiment: Experiment, findings: list[Finding]) -> tuple[Scenario, ...]:
    try:
        return resolve(experiment.scenarios)
    except ScenarioError as error:
        findings += error.findings
        return ()


def _of_scenario(scenario: Scenario, finding: Finding) -> Finding:
    path = f"scenarios.{scenario.name}: {finding.path}"
    return Finding(path, finding.message, finding.expected, finding.remedy)


def run_experiment(
    experiment: Experiment,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> xr.Dataset:
    """Run every replication of every scenario.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    workers : int
        Threads, or processes on the reference engine. The results do not depend on it.
    progress : callable, optional
        Told ``(runs done, runs in all)`` after each run.
    cancelled : callable, optional
        Asked before each run; True stops the experiment.

    Returns
    -------
    xarray.Dataset
        The variables of ``summarise`` with dims ``scenario`` and ``replication`` in front; NaN for
        elements that a scenario does not have. Its attributes hold the experiment, line hash, seed
        and versions, so that it can be run again.

    Raises
    ------
    ScenarioError, StateError
        Before the first run, with everything that is wrong in any scenario.
    ExperimentCancelledError
        If ``cancelled`` said so.
    """
    planned = plan(experiment)
    first = experiment.options.replication
    # Replication by replication, so that all scenarios are equally far when somebody looks.
    tasks = [
        Task(number, first + k)
        for k in range(experiment.replications)
        for number in range(len(planned))
    ]
    runs: list[list[Figures]] = [[] for _ in planned]
    threads = all(one.runs.compiled for one in planned)
    finished = run_tasks(run_once, planned, tasks, workers, cancelled, threads=threads)
    for done, (task, result) in enumerate(finished, start=1):
        runs[task.piece].append(result)
        if progress is not None:
            progress(done, len(tasks))
    done = sum(len(found) for found in runs)
    if done < len(tasks):
        raise ExperimentCancelledError(done, len(tasks))
    return _joined(experiment, runs)


def run_once(planned: Planned, replication: int) -> Figures:
    """Return the KPIs of one replication of one scenario, as ``summarise`` has them."""
    values, labels = planned.runs.figures(replication)
    return values, {dim: [str(name) for name in names] for dim, names in labels.items()}


def _joined(experiment: Experiment, runs: list[list[Figures]]) -> xr.Dataset:
    """Put the runs into one table per KPI; elements that a scenario lacks are NaN there."""
    labels: dict[str, list[str]] = {}
    for found in runs:
        for dim, names in found[0][1].items():
            known = labels.setdefault(dim, [])
            known += [name for name in names if name not in known]
    kinds = {name: dims for found in runs for name, (dims, _) in found[0][0].items()}
    size = (len(runs), experiment.replications)
    variables = {}
    for name, dims in kinds.items():
        table = np.full((*size, *(len(labels[dim]) for dim in dims)), np.nan)
        for number, found in enumerate(runs):
            own = [[labels[dim].index(label) for label in found[0][1][dim]] for dim in dims]
            for k, (values, _) in enumerate(found):
                # The ellipsis keeps a view even where the KPI is a single number.
                table[number, k, ...][np.ix_(*own)] = values[name][1]
        variables[name] = (("scenario", "replication", *dims), table)
    numbers = experiment.options.replication + np.arange(experiment.replications)
    results = xr.Dataset(
        variables,
        coords={
            "scenario": np.array(experiment.names),
            "replication": numbers,
            **{dim: np.array(names, dtype=np.str_) for dim, names in labels.items()},
        },
    )
    results.attrs = {
        "format": FORMAT,
        "experiment_id": experiment.id,
        "line_id": experiment.line.id,
        "line_hash": experiment.line.hash,
        "seed": experiment.options.seed,
        "versions": json.dumps(versions(), sort_keys=True),
        "experiment": json.dumps(experiment.model_dump(mode="json"), sort_keys=True),
    }
    return results


def versions() -> dict[str, str]:
    """Return the versions that decide a result."""
    found = {"python": platform.python_version()}
    for name in ("linetwin", "numpy", "simpy", "numba", "xarray"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
