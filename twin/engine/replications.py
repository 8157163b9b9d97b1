"""Many runs of one line, in this process or in several; the numbers are the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import xarray as xr

from twin.engine.options import SimulationOptions
from twin.engine.processes import WorkerPool
from twin.engine.runs import Runs, choose_engine
from twin.errors import Finding, OptionsError
from twin.events import LineState
from twin.kpi.counters import Coordinates, Values
from twin.line import Line

Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]
Figures = tuple[Values, Coordinates]


def run_replications(  # noqa: PLR0913 - keywords
    line: Line,
    options: SimulationOptions,
    replications: int,
    state: LineState | None = None,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> xr.Dataset:
    """Run and gather; see ``twin.engine.simulate.replicate``."""
    if replications < 1:
        finding = Finding("replications", f"is {replications}", "at least 1")
        raise OptionsError("the number of replications", [finding])
    numbers = range(options.replication, options.replication + replications)
    found: list[Figures] = []
    chosen = choose_engine([(line, options, state)], options.engine, replications)
    runs = Runs(line, options, state, chosen)
    for result in _results(line, options, state, runs, numbers, workers):
        found.append(result)
        if progress is not None:
            progress(len(found), replications)
        if cancelled is not None and cancelled():
            break
    return _gathered(line, found, list(numbers)[: len(found)]).assign_attrs(engine=runs.engine)


def one(line: Line, options: SimulationOptions, state: LineState | None) -> Figures:
    """Run once and return the key figures; a function of its own so that a process can find it."""
    return Runs(line, options, state).figures(options.replication)


def _results(
    line: Line,
    options: SimulationOptions,
    state: LineState | None,
    runs: Runs,
    numbers: range,
    workers: int,
) -> Iterator[Figures]:
    """Yield the figures of each replication, in order."""
    workers = min(workers, len(numbers))
    if workers <= 1:
        for number in numbers:
            yield runs.figures(number)
        return
    if runs.compiled:
        # The kernel runs outside Python's lock, so threads serve and nothing is copied.
        with ThreadPoolExecutor(workers) as threads:
            yield from _in_order(threads, [(runs.figures, number) for number in numbers], workers)
        return
    # The kernel of each process would have to load first, so these stay with the reference.
    fixed = options.model_copy(update={"engine": "reference"})
    calls = [(_one_of, (line, fixed, state, number)) for number in numbers]
    with WorkerPool(workers) as processes:
        yield from _in_order(processes, calls, workers)


def _one_of(job: tuple[Line, SimulationOptions, LineState | None, int]) -> Figures:
    line, options, state, number = job
    return one(line, options.model_copy(update={"replication": number}), state)


def _in_order(
    pool: Executor, calls: Sequence[tuple[Callable[[Any], Figures], Any]], workers: int
) -> Iterator[Figures]:
    """Yield results in the order of the calls; a short queue, so that a stop takes effect soon."""
    waiting: deque[Future[Figures]] = deque()
    rest = iter(calls)
    try:
        for function, argument in rest:
            waiting.append(pool.submit(function, argument))
            if len(waiting) < 2 * workers:
                continue
            yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _gathered(line: Line, found: list[Figures], numbers: list[int]) -> xr.Dataset:
    coordinates = found[0][1]
    data = {
        name: (("replication", *dims), np.stack([values[name][1] for values, _ in found]))
        for name, (dims, _) in found[0][0].items()
    }
    return xr.Dataset(
        data,
        coords={"replication": numbers, **coordinates},
        attrs={"line_id": line.id, "line_hash": line.hash},
    )
