"""Running an experiment: blocks of replications, results that tighten, stopping and going on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scenarios.whatif.executors import BLOCK_S, Executor, Stop, Task, open_executor
from scenarios.whatif.experiment import Experiment, ExperimentCancelledError, Planned, plan
from scenarios.whatif.until import Until
from scenarios.whatif.versions import versions
from twin.engine.runs import Ran
from twin.errors import Finding, InvalidInputError
from twin.kpi.store import FORMAT, ResultStore, document_id
from twin.kpi.table import LARGEST_TABLE, Columns, Floats, row_of

FIRST_WAVE = 2
"""Replications of each scenario that come first, so that something can be said soon."""
LARGEST_BLOCK = 250
"""Replications in a block of usual length, at most: interim results come often enough."""
TOLD_EVERY_S = 0.5
"""Shortest time between two interim results, s."""


class Block(NamedTuple):
    """What a worker brings back."""

    columns: Columns
    rows: Floats
    run_s: float
    """Shortest time of a run in it; the first one of all also makes ready, s."""


@dataclass(frozen=True)
class Interim:
    """How far an experiment has come, and what it says so far."""

    done: int
    """Runs that are done, those of an earlier beginning included."""
    total: int
    """Runs in all."""
    elapsed_s: float
    """Time since this beginning, s."""
    left_s: float
    """Time that is left at this pace, s; NaN: not known yet."""
    complete: bool
    """Whether these are the final results."""
    read: Callable[[], xr.Dataset] = field(repr=False)
    """Gives the results; a table that nobody looks at is not made."""

    @cached_property
    def results(self) -> xr.Dataset:
        """Replications that every scenario has, as ``run_experiment`` returns them."""
        return self.read()


def run_block(planned: Planned, task: Task, stop: Stop) -> Block:
    """Return the figures of some replications of one scenario."""
    run_s = math.inf
    rows: list[Floats] = []
    columns: Columns | None = None
    for replication in range(task.replication, task.replication + task.size):
        if rows and stop():
            break
        began_s = time.perf_counter()
        values, coordinates = planned.runs.figures(replication)
        columns = columns or Columns.of(values, coordinates)
        rows.append(row_of(values))
        run_s = min(run_s, time.perf_counter() - began_s)
    assert columns is not None, "a task has at least one replication"
    return Block(columns, np.stack(rows), run_s)


def stream_experiment(  # noqa: PLR0913 - all but the first are keywords
    experiment: Experiment,
    *,
    workers: int = 1,
    executor: str = "auto",
    store: str | Path | None = None,
    until: Until | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    engine: Ran | None = None,
) -> Iterator[Interim]:
    """Run an experiment and yield what it says so far, again and again, until it is complete.

    Parameters
    ----------
    experiment, workers, executor, store, until, progress, cancelled, engine
        As for ``run_experiment``.

    Yields
    ------
    Interim
        After two replications of each scenario, then at most twice a second; the last one is
        ``complete``.

    Raises
    ------
    ScenarioError, StateError, InvalidInputError, ExperimentCancelledError
        As ``run_experiment``.
    """
    path = Path(store) if store is not None else None
    kept = _kept(experiment, path)
    planned = plan(experiment, kept.attributes["engine"] if kept else engine)
    running = _Running(experiment, planned, path, kept)
    if kept is not None and "complete" in kept.attributes:
        yield running.interim(complete=True)
        return
    threads = all(one.runs.compiled for one in planned)
    with open_executor(executor, run_block, planned, workers, cancelled, threads=threads) as chosen:
        yield from running.stream(chosen, until, progress)


def run_experiment(  # noqa: PLR0913 - the later ones are keywords
    experiment: Experiment,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    executor: str = "auto",
    store: str | Path | None = None,
    until: Until | None = None,
    interim: Callable[[Interim], None] | None = None,
    engine: Ran | None = None,
) -> xr.Dataset:
    """Run every replication of every scenario.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    workers : int
        Threads, or processes on the reference engine. The results do not depend on it.
    progress : callable, optional
        Told ``(runs done, runs in all)``.
    cancelled : callable, optional
        Asked between runs; True stops the experiment. Worker processes are ended at once.
    executor : str
        ``auto``, ``serial``, ``threads``, ``processes``, ``dask`` or the address of a Dask
        scheduler, such as ``tcp://10.0.0.5:8786``: the same bits from each.
    store : str or Path, optional
        Folder for the results, a Zarr group. If it holds a part of this very experiment, the
        experiment goes on from the last finished block.
    until : Until, optional
        When to stop earlier; ``experiment.replications`` is then the most there may be.
    interim : callable, optional
        Told what the experiment says so far; see ``stream_experiment``.
    engine : str, optional
        What works out the figures, in place of what the options ask for: to repeat the very bits
        of results, give ``results.attrs["engine"]``.

    Returns
    -------
    xarray.Dataset
        The variables of ``summarise`` with dims ``scenario`` and ``replication`` in front; NaN for
        elements that a scenario does not have. Its attributes hold the experiment, line hash, seed,
        engine and versions, so that it can be run again.

    Raises
    ------
    ScenarioError, StateError
        Before the first run, with everything that is wrong in any scenario.
    InvalidInputError
        If the folder holds something else, or the results would not fit into memory.
    ExperimentCancelledError
        If ``cancelled`` said so.
    """
    last: Interim | None = None
    for found in stream_experiment(
        experiment, workers=workers, executor=executor, store=store, until=until,
        progress=progress, cancelled=cancelled, engine=engine,
    ):  # fmt: skip
        if interim is not None:
            interim(found)
        last = found
    assert last is not None
    return last.results


def _kept(experiment: Experiment, path: Path | None) -> ResultStore | None:
    """Return the part of the experiment that is on disk already."""
    if path is None or not (path / "zarr.json").is_file() or ResultStore.half_made(path):
        return None
    kept = ResultStore.open(path)
    if kept.attributes["experiment_id"] != experiment.id:
        told = kept.attributes["experiment_id"][:12]
        finding = Finding(
            "", f"holds experiment {told}", f"{experiment.id[:12]}, or a new folder",
            "choose another folder, or replay the one that is there",
        )  # fmt: skip
        raise InvalidInputError(f"the store {path}", [finding])
    return kept


class _Running:
    """An experiment under way: the table so far, and which of it is there."""

    def __init__(
        self,
        experiment: Experiment,
        planned: Sequence[Planned],
        path: Path | None,
        kept: ResultStore | None,
    ) -> None:
        self._experiment = experiment
        self._planned = planned
        self._path = path
        self._store = kept
        self._columns: Columns | None = None
        self._table: Floats = np.empty((0, 0, 0))
        self._places: dict[Columns, NDArray[np.intp]] = {}
        self._have: NDArray[np.bool_] = np.zeros(self._shape, dtype=np.bool_)
        self._done = 0
        self._began_s = time.monotonic()
        self._first: list[tuple[Task, Block]] = []
        if kept is not None:
            self._restore(kept)
        self._restored = self._done
        self._told_s = -TOLD_EVERY_S
        self._block_s: Callable[[float], float] = lambda _work_s: BLOCK_S
        self._said = 0

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self._planned), self._experiment.replications

    @property
    def _whole(self) -> int:
        """Replications that every scenario has."""
        each: NDArray[np.bool_] = np.all(self._have, axis=0)
        return len(each) if each.all() else int(np.argmin(each))

    def stream(
        self,
        executor: Executor[Block],
        until: Until | None,
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Interim]:
        """Do what is missing; yield what is known."""
        self._block_s = executor.block_s
        for task, block in self._waves(executor):
            self._take(task, block)
            if progress is not None:
                progress(self._done, self._have.size)
            if self._done == self._have.size or not self._tells():
                continue
            found = self.interim(complete=False)
            if until is not None and until.reached(found.results, found.elapsed_s):
                yield self._end()
                return
            yield found
        if self._done < self._have.size:
            raise ExperimentCancelledError(self._done, self._have.size)
        yield self._end()

    def _waves(self, executor: Executor[Block]) -> Iterator[tuple[Task, Block]]:
        """Yield the first few runs of each scenario, then the rest in blocks."""
        if self._columns is None:
            count = min(FIRST_WAVE, self._shape[1])
            first = self._experiment.options.replication
            wave = [Task(number, first, count) for number in range(self._shape[0])]
            yield from executor.run(wave)
            if self._columns is None:
                return  # cancelled before there was anything
        yield from executor.run(self._missing())

    def _missing(self) -> list[Task]:
        """Return the runs that are not there, block by block, all scenarios equally far."""
        assert self._columns is not None
        first, tasks = self._experiment.options.replication, []
        for begin in range(0, self._shape[1], self._block):
            for number in range(self._shape[0]):
                gaps = np.flatnonzero(~self._have[number, begin : begin + self._block])
                if len(gaps):
                    at, count = begin + int(gaps[0]), int(gaps[-1] - gaps[0]) + 1
                    tasks.append(Task(number, first + at, count))
        return tasks

    def _take(self, task: Task, block: Block) -> None:
        if self._columns is None:
            self._done += len(block.rows)
            self._first.append((task, block))
            if len(self._first) < self._shape[0]:
                return
            self._prepare()
            self._done, taken = 0, self._first
        else:
            taken = [(task, block)]
        assert self._columns is not None
        for done, found in taken:
            begin = done.replication - self._experiment.options.replication
            rows = np.full((len(found.rows), self._table.shape[2]), np.nan)
            rows[:, self._places_of(found.columns)] = found.rows
            self._table[done.piece, begin : begin + len(rows)] = rows
            self._have[done.piece, begin : begin + len(rows)] = True
            self._done += len(rows)
            self._keep(done.piece, begin, len(rows))

    def _places_of(self, columns: Columns) -> NDArray[np.intp]:
        """Return where columns stand in the table; those of a scenario are the same each time."""
        assert self._columns is not None
        if columns not in self._places:
            self._places[columns] = columns.places(self._columns)
        return self._places[columns]

    def _prepare(self) -> None:
        """Make table and store, now that the figures and the time of a run are known."""
        blocks = [block for _, block in self._first]
        slowest_s = max(block.run_s for block in blocks)
        block_s = self._block_s(slowest_s * self._have.size)
        most = max(1.0, LARGEST_BLOCK * block_s / BLOCK_S)
        size = int(np.clip(block_s / max(slowest_s, 1e-9), 1, most))
        # Blocks of equal size: a short one at the end would leave workers without work.
        self._block = -(-self._shape[1] // -(-self._shape[1] // size))
        self._lay_out(Columns.union([block.columns for block in blocks]))
        if self._path is not None:
            assert self._columns is not None
            self._store = ResultStore.create(
                self._path, self._columns, self._shape, self._block, self._about
            )

    def _lay_out(self, columns: Columns) -> None:
        shape = (*self._shape, len(columns.names))
        if 8 * int(np.prod(shape, dtype=np.float64)) > LARGEST_TABLE:
            needed = f"{8 * np.prod(shape, dtype=np.float64) / 2**30:.1f} GiB of figures"
            finding = Finding(
                "replications", f"{self._shape[1]} of {self._shape[0]} scenarios are {needed}",
                f"at most {LARGEST_TABLE / 2**30:g} GiB", "ask for fewer, or in parts",
            )  # fmt: skip
            raise InvalidInputError("the experiment", [finding])
        self._columns = columns
        self._table = np.empty(shape)

    def _restore(self, kept: ResultStore) -> None:
        self._block = kept.block
        self._lay_out(kept.columns)
        for scenario, block in np.argwhere(kept.done()).tolist():
            rows, begin = kept.read(scenario, block), block * kept.block
            self._table[scenario, begin : begin + len(rows)] = rows
            self._have[scenario, begin : begin + len(rows)] = True
            self._done += len(rows)

    def _keep(self, scenario: int, begin: int, count: int) -> None:
        """Write the blocks that some replications are in, once all of a block is there."""
        if self._store is None:
            return
        for number in range(begin // self._block, (begin + count - 1) // self._block + 1):
            place = slice(number * self._block, (number + 1) * self._block)
            if self._have[scenario, place].all():
                self._store.write(scenario, number, self._table[scenario, place])

    def _tells(self) -> bool:
        """Tell whether there is something new to say, and time to say it."""
        now_s = time.monotonic()
        if self._columns is None or now_s - self._told_s < TOLD_EVERY_S:
            return False
        whole = self._whole
        if whole <= self._said:
            return False
        self._said, self._told_s = whole, now_s
        return True

    def _end(self) -> Interim:
        if self._store is not None:
            self._store.end(self._whole)
        return self.interim(complete=True)

    def interim(self, *, complete: bool) -> Interim:
        """Return what is known."""
        elapsed_s = time.monotonic() - self._began_s
        here = self._done - self._restored
        left = self._have.size - self._done
        return Interim(
            done=self._done,
            total=self._have.size,
            elapsed_s=elapsed_s,
            left_s=0.0 if complete else elapsed_s / here * left if here else float("nan"),
            complete=complete,
            read=partial(self._results, self._whole),
        )

    def _results(self, whole: int) -> xr.Dataset:
        """Return the first replications; their rows do not change any more."""
        assert self._columns is not None
        names = self._experiment.names
        if self._store is not None and "complete" in self._store.attributes:
            whole = self._store.attributes["complete"]
        first = self._experiment.options.replication
        results = self._columns.dataset(self._table[:, :whole], names, first)
        about = dict(self._about)
        document = about.pop("experiment") | {"replications": whole}
        about.pop("scenarios")
        about["experiment_id"] = document_id(document)
        results.attrs = {"format": FORMAT} | about
        results.attrs["experiment"] = json.dumps(document, sort_keys=True)
        return results

    @cached_property
    def _about(self) -> dict[str, Any]:
        """Return everything that it takes to run the experiment again."""
        experiment = self._experiment
        return {
            "experiment_id": experiment.id,
            "line_id": experiment.line.id,
            "line_hash": experiment.line.hash,
            "seed": experiment.options.seed,
            "engine": self._planned[0].runs.engine,
            "versions": json.dumps(versions(), sort_keys=True),
            "scenarios": list(experiment.names),
            "experiment": experiment.document,
        }
