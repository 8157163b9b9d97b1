"""Where the runs of an experiment take place: here, in threads, in processes, on a cluster.

A task names a piece of work and some replications; a result depends on nothing else, so any
executor gives the same numbers. A worker that is lost costs the time of what it had in hand:
another one does that again.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from twin.engine.processes import WorkerPool
from twin.errors import SimulationError

Piece = TypeVar("Piece")
Result = TypeVar("Result")
Stop = Callable[[], bool]
Work = Callable[[Piece, int], Result]
"""Runs one replication of a piece of work; a function at the top of a module, so that another
process finds it by name."""

BLOCK_S = 0.3
"""Work in a block, about; a cancelled experiment ends within one block or less, s."""
POLL_S = 0.1
"""How often a waiting experiment asks whether it was cancelled, s."""
FETCH_S = 60.0
"""Longest wait for a result that is there to be brought here, s."""
MOST_WORKERS = 64
"""More threads or processes are never started."""
MOST_DEATHS = 3
"""Times that worker processes are started anew after one of them died."""

logger = logging.getLogger(__name__)


class Task(NamedTuple):
    """Some runs of one piece of work."""

    piece: int
    """Place of the piece of work."""
    replication: int
    """Number of the first replication."""
    size: int = 1
    """Replications."""


BlockWork = Callable[[Piece, Task, Stop], Result]
"""Runs the replications of a task, asking between them whether to stop; a function at the top of a
module."""


class Executor(AbstractContextManager["Executor[Result]"], Protocol[Result]):
    """Does tasks. Results come in the order of the tasks and end early when it is told to stop."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Yield tasks with their results."""

    def block_s(self, work_s: float) -> float:
        """Return how much work one task should be, of so much in all, s."""


class _Base(Generic[Piece, Result]):
    """What executors share: the work, its pieces, and the wish to stop."""

    def __init__(
        self, work: BlockWork[Piece, Result], pieces: Sequence[Piece], workers: int, stop: Stop
    ) -> None:
        self._work = work
        self._pieces = pieces
        self._workers = min(workers, MOST_WORKERS)
        self._stop = stop

    def block_s(self, _work_s: float) -> float:
        """Return how much work one task should be; see ``Executor``."""
        return BLOCK_S

    def __enter__(self) -> Self:
        """Get ready."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave nothing running."""


class Serial(_Base[Piece, Result]):
    """One run after the other, in the thread that asks."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Yield tasks with their results; see ``Executor``."""
        for task in tasks:
            if self._stop():
                return
            result = self._work(self._pieces[task.piece], task, self._stop)
            if self._stop() and task.size > 1:
                return  # what was broken off is no result
            yield task, result


class Threads(_Base[Piece, Result]):
    """Threads of this process; for work that runs outside Python's lock."""

    def __enter__(self) -> Self:
        """Start the threads."""
        self._pool = ThreadPoolExecutor(self._workers)
        self._ended = threading.Event()
        return self

    def __exit__(self, *_error: object) -> None:
        """Wait for the runs that are under way; the rest of their tasks is not begun."""
        self._ended.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Yield tasks with their results; see ``Executor``."""

        def submit(task: Task) -> Future[Result]:
            return self._pool.submit(self._work, self._pieces[task.piece], task, self._ended.is_set)

        yield from in_order(submit, tasks, 2 * self._workers, self._stop)


# A worker process is told once, when it starts, what to do; tasks then name pieces by number.
_ORDERS: list[Any] = []


def _begin(work: BlockWork[Piece, Result], pieces: Sequence[Piece]) -> None:
    _ORDERS[:] = [work, pieces]


def _run_here(task: Task) -> Any:
    work, pieces = _ORDERS
    return work(pieces[task.piece], task, _never)


class Processes(_Base[Piece, Result]):
    """Spawned processes; when one dies, the others are replaced too and go on where it was."""

    def __enter__(self) -> Self:
        """Start the processes."""
        self._deaths = 0
        self._pool = self._started()
        return self

    def __exit__(self, *_error: object) -> None:
        """End the processes; runs that are under way are given up."""
        self._pool.kill()

    def _started(self) -> WorkerPool:
        return WorkerPool(self._workers, _begin, (self._work, self._pieces))

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Yield tasks with their results; see ``Executor``.

        Raises
        ------
        SimulationError
            If processes die again and again.
        """
        rest = deque(tasks)
        while rest:
            try:
                for task, result in in_order(self._submit, rest, 2 * self._workers, self._stop):
                    rest.popleft()
                    yield task, result
            except BrokenProcessPool as error:
                self._deaths += 1
                if self._deaths > MOST_DEATHS:
                    message = f"worker processes died {self._deaths} times; try fewer workers"
                    raise SimulationError(message) from error
                logger.warning("a worker process died; what it had in hand is done again")
                self._pool.kill()
                self._pool = self._started()
            else:
                return

    def _submit(self, task: Task) -> Future[Result]:
        return self._pool.submit(_run_here, task)


def open_executor(
    name: str,
    work: BlockWork[Piece, Result],
    pieces: Sequence[Piece],
    workers: int = 1,
    stop: Stop | None = None,
    *,
    threads: bool = False,
) -> Executor[Result]:
    """Return an executor by name.

    Parameters
    ----------
    name : str
        ``auto``, ``serial``, ``threads``, ``processes``, ``dask`` for a cluster of ``workers``
        processes on this machine, or the address of a Dask scheduler such as
        ``tcp://10.0.0.5:8786``.
    work, pieces
        What to do with what.
    workers : int
        Threads or processes; a cluster at an address has its own.
    stop : callable, optional
        Asked between runs; True ends the work.
    threads : bool
        Whether the work runs outside Python's lock, so that ``auto`` takes threads.

    Raises
    ------
    ValueError
        If ``workers`` is below 1 or there is no such executor.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    if name == "auto":
        name = "serial" if workers == 1 else "threads" if threads else "processes"
    ask = stop or _never
    if name == "dask" or "://" in name:
        from scenarios.whatif.cluster import Cluster  # noqa: PLC0415 - a heavy library, and extra

        return Cluster(work, pieces, workers, ask, address="" if name == "dask" else name)
    kinds: dict[str, type[_Base[Any, Any]]] = {
        "serial": Serial, "threads": Threads, "processes": Processes,
    }  # fmt: skip
    if name not in kinds:
        expected = ", ".join(["auto", *kinds, "dask", "tcp://HOST:PORT"])
        raise ValueError(f"unknown executor {name!r}; expected one of: {expected}")
    return kinds[name](work, pieces, workers, ask)  # type: ignore[return-value]


def run_tasks(
    work: Work[Piece, Result],
    pieces: Sequence[Piece],
    tasks: Sequence[Task],
    workers: int = 1,
    cancelled: Stop | None = None,
    *,
    threads: bool = False,
) -> Iterator[tuple[Task, Result]]:
    """Yield tasks of one run each with their results, in order; end early when cancelled.

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
        If a run cannot go on or worker processes keep dying.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    count = max(min(workers, len(tasks)), 1)
    alone: BlockWork[Piece, Result] = partial(_one, work)
    with open_executor("auto", alone, pieces, count, cancelled, threads=threads) as executor:
        yield from executor.run(tasks)


def _one(work: Work[Piece, Result], piece: Piece, task: Task, _stop: Stop) -> Result:
    return work(piece, task.replication)


def _never() -> bool:
    return False


Found_co = TypeVar("Found_co", covariant=True)


class Promise(Protocol[Found_co]):
    """What is known of a result to come."""

    def result(self, timeout: float | None = None) -> Found_co:
        """Return the result, or raise TimeoutError."""

    def done(self) -> bool:
        """Tell whether there is one."""

    def cancel(self) -> object:
        """Give it up."""


def in_order(
    submit: Callable[[Task], Promise[Result]], tasks: Sequence[Task], window: int, stop: Stop
) -> Iterator[tuple[Task, Result]]:
    """Yield results in the order of the tasks.

    A short queue bounds memory and lets cancellation take effect soon.
    """
    waiting: deque[tuple[Task, Promise[Result]]] = deque()
    rest = iter(tuple(tasks))
    try:
        for task in itertools.islice(rest, window):
            waiting.append((task, submit(task)))
        while waiting:
            task, promise = waiting[0]
            if stop():
                return
            try:
                result = promise.result(timeout=POLL_S)
            except FutureTimeoutError:
                if not promise.done():
                    continue
                result = promise.result(timeout=FETCH_S)  # came meanwhile, or is itself this error
            waiting.popleft()
            for following in itertools.islice(rest, 1):
                waiting.append((following, submit(following)))
            yield task, result
    finally:
        for _, promise in waiting:
            promise.cancel()
