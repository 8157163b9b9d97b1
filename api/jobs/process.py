"""Worker processes seen from the service: started ahead, asked, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.jobs.frames import Message, pack, read_async
from api.store import new_id
from twin.errors import TwinError

START_S = 60.0
"""Time that a worker may take to start, s."""
WARM_CPU_S = 1200.0
"""Processor time that a worker may take to get ready, s."""
STOP_S = 1.0
"""Time that a worker may take to end when asked, s."""

_log = logging.getLogger(__name__)
Heard = Callable[[Message], None]


class WorkerDiedError(TwinError, RuntimeError):
    """A worker process ended in the middle of its work.

    Parameters
    ----------
    message : str
        What happened.
    code : int, optional
        Exit code of the process, negative for a signal, where it is known.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code

    @property
    def out_of_time(self) -> bool:
        """Whether the system ended it because it had used up its processor time."""
        limit = getattr(signal, "SIGXCPU", None)
        return limit is not None and self.code == -limit


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker process may use."""

    memory_bytes: int = 8 * 2**30
    """Memory that it may address."""
    cpu_s: float = 4 * 3600.0
    """Processor time of one task, s, over all its threads."""


class WorkerProcess:
    """One worker process.

    Parameters
    ----------
    background : bool
        Whether others go before it when processors are short.
    limits : Limits
        What it may use.
    """

    def __init__(self, *, background: bool, limits: Limits) -> None:
        self._background = background
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process; None while there is none."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and alive else None

    async def start(self) -> None:
        """Start it, unless it runs, and wait until it is ready.

        Raises
        ------
        WorkerDiedError
            If it does not become ready.
        """
        if self.pid is not None:
            return
        arguments = ["-m", "api.jobs.worker", f"--memory={self._limits.memory_bytes}"]
        arguments += ["--background"] if self._background else []
        # Its own session: Ctrl-C in a terminal is for the service, which ends its workers itself.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_S):
                ready = await self._next()
        except TimeoutError:
            ready = None
        if ready is None or "ready" not in ready:
            await self.stop()
            raise WorkerDiedError("a worker process did not start; its log tells why")

    async def call(self, task: str, payload: Message, heard: Heard, identity: str = "") -> Message:
        """Have a task done and return the last message about it.

        Parameters
        ----------
        task : str
            Name in ``api.jobs.tasks.TASKS``.
        payload : dict
            Its input.
        heard : callable
            Told of each message before the last.
        identity : str
            Id of the work, by which it can be cancelled.

        Raises
        ------
        WorkerDiedError
            If the process ends before the work does.
        """
        identity = identity or new_id("task")
        # Warming up compiles once for an installation, however long that takes.
        cpu_s = self._limits.cpu_s if task != "warm" else WARM_CPU_S
        await self._send({"id": identity, "task": task, "payload": payload, "cpu_s": cpu_s})
        while (message := await self._next()) is not None:
            if message.get("id") != identity:
                continue
            if "progress" not in message:
                return message
            heard(message)
        code = await self._process.wait() if self._process else None
        told = f"the worker process ended in the middle of its work (code {code})"
        raise WorkerDiedError(told, code)

    async def cancel(self, identity: str) -> None:
        """Ask it to end what it does; a process that is gone has ended it already."""
        with contextlib.suppress(WorkerDiedError):
            await self._send({"cancel": identity})

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """End it: closing its input asks it to; a second later it is ended."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.stdout is not None:
            await process.stdout.read()  # to its end, so that the pipe closes

    async def _send(self, message: Message) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise WorkerDiedError("the worker process is not there")
        try:
            process.stdin.write(pack(message))
            await process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise WorkerDiedError("the worker process is gone") from error

    async def _next(self) -> Message | None:
        process = self._process
        if process is None or process.stdout is None:
            return None
        return await read_async(process.stdout)


class WorkerPool:
    """Workers that answer short questions while somebody waits.

    Parameters
    ----------
    size : int
        Number of workers.
    limits : Limits
        What each may use.
    """

    def __init__(self, size: int, limits: Limits) -> None:
        self._workers = [WorkerProcess(background=False, limits=limits) for _ in range(size)]
        self._free: asyncio.Queue[WorkerProcess] = asyncio.Queue()
        self._started = False

    @property
    def size(self) -> int:
        """Number of workers."""
        return len(self._workers)

    @property
    def pids(self) -> list[int]:
        """Numbers of the processes."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def start(self, warm_up: Message) -> None:
        """Start the workers and let each do a first small task, so that the next is quick."""
        await asyncio.gather(*(self._warm(worker, warm_up) for worker in self._workers))
        self._started = True

    async def _warm(self, worker: WorkerProcess, warm_up: Message) -> None:
        await worker.start()
        await worker.call("warm", warm_up, _ignore)
        self._free.put_nowait(worker)

    @property
    def ready(self) -> bool:
        """Whether all workers have started."""
        return self._started

    async def call(self, task: str, payload: Message, limit_s: float) -> dict[str, Any]:
        """Have a task done by the next free worker; return the last message about it.

        Raises
        ------
        TimeoutError
            If waiting and work take longer than ``limit_s``; the worker is replaced.
        WorkerDiedError
            If the worker dies twice.
        """
        async with asyncio.timeout(limit_s):
            worker = await self._free.get()
            finished = False
            try:
                await worker.start()
                try:
                    answer = await worker.call(task, payload, _ignore)
                except WorkerDiedError:
                    _log.warning("a worker died; asking another one")
                    await worker.stop()
                    await worker.start()
                    answer = await worker.call(task, payload, _ignore)
                finished = True
                return answer
            finally:
                if not finished:
                    worker.kill()  # it may still be at work for somebody who no longer waits
                self._free.put_nowait(worker)

    async def stop(self) -> None:
        """End the workers."""
        await asyncio.gather(*(worker.stop() for worker in self._workers))


def _ignore(_message: Message) -> None:
    """Hear a message that nobody waits for."""


def _environment() -> dict[str, str]:
    """Return the environment of a worker; it finds the same packages as the service."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # One thread each: the workers share the processors among themselves.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
