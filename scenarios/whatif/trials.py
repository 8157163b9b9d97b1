"""Alternatives run on common random numbers, each as often as is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from scenarios.whatif.costs import CostModel, priced
from scenarios.whatif.executors import Task, run_tasks
from scenarios.whatif.experiment import Experiment, ExperimentCancelledError, plan
from twin.engine.runs import Runs
from twin.errors import UnknownNameError
from twin.kpi.table import Columns, Floats, row_of


class Run(NamedTuple):
    """The figures of one run."""

    columns: Columns
    row: Floats


def run_once(runs: Runs, replication: int) -> Run:
    """Return the figures of one replication."""
    values, coordinates = runs.figures(replication)
    return Run(Columns.of(values, coordinates), row_of(values))


class Trials:
    """One figure of the scenarios of an experiment, replication by replication.

    Parameters
    ----------
    experiment : Experiment
        Line, scenarios, options and state; its number of replications has no part in it.
    figure : str
        Figure of the line as a whole, such as ``throughput_rate``; costs and profit with prices.
    costs : CostModel, optional
        Prices.
    workers : int
        Threads, or processes on the reference engine.
    cancelled : callable, optional
        Asked between runs.
    progress : callable, optional
        Told the runs done and all runs of what was asked for last.

    Raises
    ------
    ScenarioError, StateError
        Before the first run, with everything that is wrong in any scenario.
    """

    def __init__(
        self,
        experiment: Experiment,
        figure: str,
        costs: CostModel | None = None,
        workers: int = 1,
        cancelled: Callable[[], bool] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._experiment = experiment
        self._figure = figure
        self._costs = costs
        self._workers = workers
        self._cancelled = cancelled
        self._progress = progress
        # The engine's choice stays free: what is compared here is judged with intervals, far above
        # the last digits in which sums differ between engines.
        self._pieces = [Runs(one.line, one.options, one.state) for one in plan(experiment)]
        self.runs = 0
        """Runs so far."""

    def values(self, which: Sequence[int], first: int, count: int) -> Floats:
        """Return the figure of some scenarios in the replications from ``first`` on.

        Returns
        -------
        ndarray of shape (len(which), count)

        Raises
        ------
        UnknownNameError
            If there is no such figure of the line.
        ExperimentCancelledError
            If it was told to stop.
        """
        begin = self._experiment.options.replication + first
        tasks = [Task(n, k) for k in range(begin, begin + count) for n in which]
        threads = all(self._pieces[n].compiled for n in which)
        found: dict[int, list[Run]] = {n: [] for n in which}
        for number, (task, run) in enumerate(
            run_tasks(
                run_once, self._pieces, tasks, self._workers, self._cancelled, threads=threads
            ),
            start=1,
        ):
            found[task.piece].append(run)
            self.runs += 1
            if self._progress is not None:
                self._progress(number, len(tasks))
        done = sum(map(len, found.values()))
        if done < len(tasks):
            raise ExperimentCancelledError(done, len(tasks))
        return self._told([found[n] for n in which], which, begin)

    def _told(self, found: list[list[Run]], which: Sequence[int], begin: int) -> Floats:
        columns = Columns.union([runs[0].columns for runs in found])
        table = np.full((len(found), len(found[0]), len(columns.names)), np.nan)
        for place, runs in enumerate(found):
            at = runs[0].columns.places(columns)
            table[place][:, at] = np.stack([run.row for run in runs])
        if self._costs is None and self._figure in columns.names:
            return table[:, :, columns.names.index(self._figure)]
        results = columns.dataset(table, [self._experiment.names[n] for n in which], begin)
        return self._of(results)

    def _of(self, results: xr.Dataset) -> Floats:
        if self._costs is not None:
            results.attrs["experiment"] = json.dumps(self._experiment.document)
            results = priced(results, self._costs)
        if self._figure not in results or results[self._figure].ndim != 2:  # noqa: PLR2004 - by run
            known = [str(name) for name, one in results.items() if one.ndim == 2]  # noqa: PLR2004 - the same
            raise UnknownNameError("figure of the line", self._figure, known)
        return np.asarray(results[self._figure], dtype=np.float64)
