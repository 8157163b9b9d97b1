"""Where the runs of an experiment take place: in this process or in several.

A task names a piece of work and a replication; a result depends on nothing else, so any executor
gives the same numbers.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple, TypeVar

from twin.engine.processes import WorkerPool
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
    *,
    threads: bool = False,
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
    threads : bool
        Use threads in place of processes; for work that runs outside Python's lock.

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
    elif threads:
        with ThreadPoolExecutor(count) as pool:
            calls = ((task, work, (pieces[task.piece], task.replication)) for task in tasks)
            yield from _in_order(pool, calls, count, stop)
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


def _in_order(
    pool: Executor,
    calls: Iterator[tuple[Task, Callable[..., Result], tuple[Any, ...]]],
    count: int,
    stop: Callable[[], bool],
) -> Iterator[tuple[Task, Result]]:
    """Yield results in the order of the tasks."""
    waiting: deque[tuple[Task, Future[Result]]] = deque()
    try:
        # A short queue bounds memory and lets cancellation take effect within one run.
        for task, work, arguments in itertools.islice(calls, 2 * count):
            waiting.append((task, pool.submit(work, *arguments)))
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
            waiting.popleft()
            for following, work, arguments in itertools.islice(calls, 1):
                waiting.append((following, pool.submit(work, *arguments)))
            yield task, result
    finally:
        for _, future in waiting:
            future.cancel()


def _in_processes(
    orders: tuple[Work[Piece, Result], Sequence[Piece]],
    tasks: Sequence[Task],
    count: int,
    stop: Callable[[], bool],
) -> Iterator[tuple[Task, Result]]:
    pool = WorkerPool(count, _begin, orders)
    try:
        calls = ((task, _run_here, (task,)) for task in tasks)
        yield from _in_order(pool, calls, count, stop)
    except BrokenProcessPool as error:
        message = "a worker process died; try fewer workers"
        raise SimulationError(message) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
