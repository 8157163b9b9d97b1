"""Worker processes that end with whoever started them, and leave Ctrl-C to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

KILLED_S = 5.0
"""Longest wait for a process that was killed, s."""

Args = ParamSpec("Args")
Result = TypeVar("Result")


class WorkerPool(ProcessPoolExecutor):
    """Processes for work; one that is killed without a word takes them with it.

    Parameters
    ----------
    workers : int
        Processes, at least 1.
    initializer : callable, optional
        Called in each process when it starts.
    initargs : tuple
        Its arguments.
    """

    def __init__(
        self,
        workers: int,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        # Spawned, not forked: a fork would copy the locks of the threads a service runs.
        context = multiprocessing.get_context("spawn")
        super().__init__(
            workers, mp_context=context, initializer=_begin, initargs=(initializer, initargs)
        )

    def submit(
        self, fn: Callable[Args, Result], /, *args: Args.args, **kwargs: Args.kwargs
    ) -> Future[Result]:
        """Queue a call; see ``concurrent.futures.Executor``. It may start a process."""
        with _interrupts_held():
            return super().submit(fn, *args, **kwargs)

    def kill(self) -> None:
        """End the processes now; what they have in hand is lost."""
        processes = list((self._processes or {}).values())
        self.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join(KILLED_S)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Have processes that are started meanwhile never see Ctrl-C.

    A terminal sends it to all of its processes. The one that started the others tidies up, and
    must not find them dead or telling of it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # not on every system
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with(parent: BaseProcess) -> None:
    """Leave when the parent is gone; a worker that waits for its pipes would wait for ever."""
    parent.join()
    os._exit(1)
