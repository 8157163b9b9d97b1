"""Scenarios times replications, on common random numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import xarray as xr
from pydantic import Field, ValidationError, field_validator

from scenarios.whatif.adaptation import adapt_state
from scenarios.whatif.scenario import BASE, Scenario, ScenarioError, resolve
from twin.engine.options import SimulationOptions
from twin.engine.runs import Ran, Runs, choose_engine
from twin.errors import Finding, InvalidInputError, StateError, TwinError
from twin.events.state import LineState
from twin.kpi.store import document_id
from twin.line import Line
from twin.line.spec import Spec, without_later, worded

MOST_RUNS = 10_000_000
"""An experiment of more runs is refused."""


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
    def document(self) -> dict[str, Any]:
        """Everything that decides the results, as plain data."""
        return without_later(self.model_dump(mode="json"), self)

    @property
    def id(self) -> str:
        """SHA-256 of everything that decides the results, hexadecimal."""
        return document_id(self.document)

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


@dataclass(frozen=True)
class Planned:
    """One scenario, ready to run."""

    name: str
    line: Line
    options: SimulationOptions
    state: LineState | None
    engine: Ran | None = None
    """What works out its figures, the same for all scenarios; none: what serves this one best."""

    @cached_property
    def runs(self) -> Runs:
        """Its replications."""
        return Runs(self.line, self.options, self.state, self.engine)


def plan(experiment: Experiment, engine: Ran | None = None) -> tuple[Planned, ...]:
    """Return the scenarios ready to run: changed lines, faults added, states adapted.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    engine : str, optional
        Engine in place of the one that the options ask for, to go on with what it began.

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
    if not base.bare:
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
            line = scenario.apply(experiment.line, state.time_s if state else 0.0)
            adapted = adapt_state(state, experiment.line, line) if state else None
            options = scenario.options(experiment.options, line)
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
    pieces = [(one.line, one.options, one.state) for one in planned]
    chosen = engine or choose_engine(pieces, experiment.options.engine, experiment.runs)
    return tuple(replace(one, engine=chosen) for one in planned)


def _never_happens(scenario: Scenario, horizon_s: float) -> list[Finding]:
    """Return a finding for each fault or event that would begin after the runs have ended."""
    begun = [(f"faults.{k}", fault.after_s) for k, fault in enumerate(scenario.faults)]
    begun += [(f"events.{k}", event.begins_s) for k, event in enumerate(scenario.events)]
    return [
        Finding(
            f"scenarios.{scenario.name}.{where}.after_s",
            f"begins {after_s:g} s into a run of {horizon_s:g} s, so never",
            f"less than {horizon_s:g}",
            "let it begin earlier, or lengthen the horizon",
        )
        for where, after_s in begun
        if after_s >= horizon_s
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
