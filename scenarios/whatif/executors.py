"""Where the runs of an experiment take place: in this process or in several.

A task names a piece of work and a replication; a result depends on nothing else, so any executor
gives the same numbers.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple, TypeVar

from twin.errors import SimulationError

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Work = Callable[[Piece, int], Result]
"""Runs one replication of a piece of work; a function at the top of a module, so that another
process finds it by name."""

POLL_S = 0.1
"""How often a waiting experiment asks whether it was cancelled, s."""
MOST_WORKERS = 64
"""More processes are never started."""


class Task(NamedTuple):
    """One run."""

    piece: int
    """Place of the piece of work."""
    replication: int
    """Number of the replication."""


def run_tasks(
    work: Work[Piece, Result],
    pieces: Sequence[Piece],
    tasks: Sequence[Task],
    workers: int = 1,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[tuple[Task, Result]]:
    """Yield tasks with their results, in the order of the tasks; end early when cancelled.

    Parameters
    ----------
    work : callable
        Given a piece and the number of a replication, returns its result.
    pieces : sequence
        What there is to run.
    tasks : sequence of Task
        Runs wanted.
    workers : int
        Processes; 1 runs in this one.
    cancelled : callable, optional
        Asked before each run.

    Raises
    ------
    ValueError
        If ``workers`` is below 1.
    SimulationError
        If a run cannot go on or a worker process dies.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    stop = cancelled or _never
    count = min(workers, len(tasks), MOST_WORKERS)
    if count <= 1:
        for task in tasks:
            if stop():
                return
            yield task, work(pieces[task.piece], task.replication)
    else:
        yield from _in_processes((work, pieces), tasks, count, stop)


def _never() -> bool:
    return False


# A worker process is told once, when it starts, what to do; tasks then name pieces by number.
_ORDERS: list[Any] = []


def _begin(work: Work[Piece, Result], pieces: Sequence[Piece]) -> None:
    _ORDERS[:] = [work, pieces]


def _run_here(task: Task) -> Any:
    work, pieces = _ORDERS
    return work(pieces[task.piece], task.replication)


def _in_processes(
    orders: tuple[Work[Piece, Result], Sequence[Piece]],
    tasks: Sequence[Task],
    count: int,
    stop: Callable[[], bool],
) -> Iterator[tuple[Task, Result]]:
    # Spawned, not forked: a fork would copy the locks of the threads a service runs.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=orders)
    waiting: list[tuple[Task, Future[Result]]] = []
    rest = iter(tasks)
    try:
        # A short queue bounds memory and lets cancellation take effect within one run.
        for task in rest:
            waiting.append((task, pool.submit(_run_here, task)))
            if len(waiting) >= 2 * count:
                break
        while waiting:
            task, future = waiting[0]
            if stop():
                return
            try:
                result = future.result(timeout=POLL_S)
            except FutureTimeoutError:
                if future.done():
                    raise
                continue
            waiting.pop(0)
            following = next(rest, None)
            if following is not None:
                waiting.append((following, pool.submit(_run_here, following)))
            yield task, result
    except BrokenProcessPool as error:
        message = f"a worker process died in run {waiting[0][0].replication}; try fewer workers"
        raise SimulationError(message) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
