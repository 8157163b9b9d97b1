"""Runs on a Dask cluster: one on this machine, or one that a scheduler's address names."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Self

from scenarios.whatif.executors import BlockWork, Piece, Result, Stop, Task, in_order
from scenarios.whatif.versions import DECIDING, versions
from twin.errors import ConnectionLostError, Finding, InvalidInputError, SimulationError

CONNECT_S = 10.0
"""Longest wait for a scheduler, s."""
WORKERS_S = 120.0
"""Longest time without any worker, s."""
PATIENCE = "distributed.deploy.lost-worker-timeout"
"""Dask's name for the time after which a lost worker is never started anew."""
LOOK_S = 5.0
"""Workers are counted so often, s."""

BLOCK_S = 1.2
"""Work in a block, at most, s: what a task costs the cluster then counts for little."""
BLOCKS_EACH = 4
"""Blocks for each worker, at least, so that none waits long for the last one."""
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "200 ms",
    "distributed.admin.system-monitor.interval": "2 s",
}
"""How Dask is told not to watch its workers all the time: on a machine with few cores, what it
looks at for a dashboard that nobody opened takes a noticeable part of one."""

logger = logging.getLogger(__name__)


class Cluster:
    """Tasks on the workers of a Dask cluster; Dask does again what a lost worker had in hand.

    Parameters
    ----------
    work, pieces, workers, stop
        As for ``open_executor``.
    address : str
        A scheduler's; empty: a cluster of ``workers`` processes is started here, and ended.

    Raises
    ------
    ConnectionLostError
        On entering, if no scheduler answers or it has no worker.
    InvalidInputError
        On entering, if the workers' packages are of other versions.
    """

    def __init__(
        self,
        work: BlockWork[Piece, Result],
        pieces: Sequence[Piece],
        workers: int,
        stop: Stop,
        address: str = "",
    ) -> None:
        if importlib.util.find_spec("distributed") is None:
            finding = Finding("executor", "needs Dask", remedy="pip install 'linetwin[cluster]'")
            raise InvalidInputError("the executor", [finding])
        self._work = work
        self._given = pieces
        self._workers = workers
        self._stop = stop
        self._address = address

    def __enter__(self) -> Self:
        """Connect, compare versions, and bring the pieces to the workers."""
        import dask  # noqa: PLC0415 - heavy
        from distributed import Client, LocalCluster  # noqa: PLC0415 - heavy

        self._local = None
        if not self._address:
            # A worker that takes long to start anew on a busy machine is waited for.
            self._settings = dask.config.set(QUIET | {PATIENCE: f"{WORKERS_S} s"})
            self._local = LocalCluster(
                n_workers=self._workers, threads_per_worker=1, processes=True, host="127.0.0.1",
                dashboard_address=None, memory_limit=0,
            )  # fmt: skip
        try:
            where = self._local or self._address
            self._client = Client(where, timeout=CONNECT_S, set_as_default=False)
            self._client.wait_for_workers(1, timeout=WORKERS_S)
        except (OSError, ValueError) as error:  # a TimeoutError is an OSError
            self._end()
            raise ConnectionLostError(
                f"no Dask cluster answers at {self._address or 'this machine'}: {error}; "
                "check the address, and that it has workers"
            ) from error
        try:
            self._compare()
        except BaseException:
            self._end()
            raise
        # Made by a task, not handed out: what a lost worker held is made again elsewhere.
        self._pieces = [self._client.submit(_made, piece, pure=False) for piece in self._given]
        return self

    def __exit__(self, *_error: object) -> None:
        """Give up what is under way and leave the cluster."""
        self._client.cancel(self._pieces, force=True)
        self._end()

    def _end(self) -> None:
        if hasattr(self, "_client"):
            self._client.close(timeout=CONNECT_S)
        if self._local is not None:
            self._local.close(timeout=CONNECT_S)
            self._settings.__exit__(None, None, None)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Any]]:
        """Yield tasks with their results; see ``Executor``.

        Raises
        ------
        SimulationError
            If a task takes worker after worker down, or the cluster goes away.
        """
        from distributed import CancelledError, KilledWorker  # noqa: PLC0415 - heavy

        def submit(task: Task) -> _Promise:
            piece = self._pieces[task.piece]
            there = self._client.submit(_run_there, self._work, piece, task, pure=False)
            return _Promise(self._client, there)

        self._seen_s = time.monotonic()
        window = 3 * self._slots()
        try:
            yield from in_order(submit, tasks, window, self._asks)
        except (KilledWorker, CancelledError) as error:
            raise SimulationError(f"the cluster cannot do it: {error}") from error

    def block_s(self, work_s: float) -> float:
        """Return how much work one task should be; see ``Executor``."""
        return min(BLOCK_S, work_s / (BLOCKS_EACH * self._slots()))

    def _slots(self) -> int:
        return max(sum(map(int, self._client.nthreads().values())), 1)

    def _asks(self) -> bool:
        """Tell whether to stop; a cluster that has had no worker for long is given up."""
        waited_s = time.monotonic() - self._seen_s
        if waited_s > LOOK_S and self._client.nthreads():
            self._seen_s = time.monotonic()
        elif waited_s > WORKERS_S:
            raise SimulationError(f"the cluster has had no worker for {waited_s:.0f} s")
        return self._stop()

    def _compare(self) -> None:
        """Refuse workers on which the same run might come out otherwise."""
        mine = versions()
        findings = [
            Finding(
                f"executor.{worker}.{name}",
                f"is version {theirs.get(name)}",
                f"{mine[name]}, as here",
                "install the same versions, or the same bits are not to be had",
            )
            for worker, theirs in self._client.run(versions).items()
            for name in DECIDING
            if theirs.get(name) != mine[name]
        ]
        if findings:
            raise InvalidInputError("the Dask cluster", findings)


class _Promise:
    """A result that is brought here once it is there.

    A wait that is over does not break off the fetching: that may be from a worker that was just
    lost, and Dask's own ``result`` with a time limit then ends in an error of its own.
    """

    def __init__(self, client: Any, there: Any) -> None:
        self._client = client
        self._there = there
        self._is_there = threading.Event()
        self._fetching: Future[Any] | None = None
        there.add_done_callback(lambda _: self._is_there.set())

    def result(self, timeout: float | None = None) -> Any:
        """Return the result, or raise TimeoutError."""
        if self._fetching is None:
            if not self._is_there.wait(timeout):
                raise TimeoutError
            fetching = self._client.gather(self._there, asynchronous=True)
            loop = self._client.loop.asyncio_loop
            self._fetching = asyncio.run_coroutine_threadsafe(fetching, loop)
        return self._fetching.result(timeout)

    def done(self) -> bool:
        """Tell whether it is here."""
        return self._fetching is not None and self._fetching.done()

    def cancel(self) -> None:
        """Give it up."""
        self._there.cancel()


def _made(piece: Any) -> Any:
    return piece


def _run_there(work: BlockWork[Any, Any], piece: Any, task: Task) -> Any:
    return work(piece, task, _go_on)


def _go_on() -> bool:
    return False
