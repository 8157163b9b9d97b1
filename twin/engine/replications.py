"""Many runs of one line, in this process or in several; the numbers are the same."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import xarray as xr

from twin.engine.options import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.errors import Finding, OptionsError
from twin.events import LineState
from twin.kpi.counters import Coordinates, Values
from twin.kpi.measures import figures
from twin.line import Line

Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]
Figures = tuple[Values, Coordinates]


def run_replications(
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
    for result in _results(line, options, state, numbers, workers):
        found.append(result)
        if progress is not None:
            progress(len(found), replications)
        if cancelled is not None and cancelled():
            break
    return _gathered(line, found, list(numbers)[: len(found)])


def one(line: Line, options: SimulationOptions, state: LineState | None) -> Figures:
    """Run once and return the key figures."""
    engine = ReferenceEngine(line, options, state)
    engine.advance(engine.end_s)
    return figures(engine.log(), line)


def _results(
    line: Line, options: SimulationOptions, state: LineState | None, numbers: range, workers: int
) -> Iterator[Figures]:
    """Yield the figures of each replication, in order."""
    runs = (options.model_copy(update={"replication": number}) for number in numbers)
    if workers <= 1 or len(numbers) == 1:
        for run in runs:
            yield one(line, run, state)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(numbers)), mp_context=context)
    try:
        pending = [pool.submit(one, line, run, state) for run in runs]
        for future in pending:
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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
