"""One worker process: takes a task, does it, tells how far it is, and stops when it is told to.

It lives as long as its standard input is open, so none outlives the service, however that ends.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import queue
import sys
import threading
import time
from typing import Any, BinaryIO

from api.jobs.frames import Message, pack, read
from api.jobs.tasks import TASKS
from api.jobs.tasks.context import CancelledWorkError, Context, LineCache
from api.problems import refusal

try:
    import resource
except ImportError:  # a system without such limits; the service's own time limit still holds
    resource = None  # type: ignore[assignment]

BACKGROUND_NICE = 10
"""How far workers for jobs stand back behind the service, as of ``nice``."""
PROGRESS_EVERY_S = 0.1
"""Shortest time between two messages about progress, s."""

_log = logging.getLogger(__name__)


class Channel:
    """The worker's side of the pipe to the service.

    Parameters
    ----------
    source, sink : binary file
        Where messages come from and go to.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()
        self.work: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.cancelled: set[str] = set()

    def send(self, message: Message) -> None:
        """Send one message."""
        data = pack(message)
        with self._lock:
            self._sink.write(data)
            self._sink.flush()

    def listen(self) -> None:
        """Take messages until the service is gone, then end the process at once."""
        while (message := read(self._source)) is not None:
            if "cancel" in message:
                self.cancelled.add(message["cancel"])
            else:
                self.work.put(message)
        os._exit(0)


class Reporter:
    """What a task is given to tell about itself; see ``Context``."""

    def __init__(self, channel: Channel, identity: str) -> None:
        self._channel = channel
        self._identity = identity
        self._last_s = -PROGRESS_EVERY_S
        self._interim: list[dict[str, Any]] = []
        self._left_s: float | None = None

    def progress(
        self,
        fraction: float,
        message: str = "",
        objective: float | None = None,
        bound: float | None = None,
    ) -> None:
        """Tell how far the work has come."""
        now_s = time.monotonic()
        if now_s - self._last_s < PROGRESS_EVERY_S:
            return
        self._last_s = now_s
        told = {
            "fraction": min(max(fraction, 0.0), 1.0),
            "message": message,
            "objective": objective,
            "bound": bound,
            "left_s": self._left_s,
            "interim": self._interim,
        }
        self._channel.send({"id": self._identity, "progress": told})

    def interim(self, rows: list[dict[str, Any]], left_s: float | None) -> None:
        """Keep what the work says so far; it goes along with how far the work has come."""
        self._interim, self._left_s = rows, left_s

    def cancelled(self) -> bool:
        """Tell whether somebody wants the work to end."""
        return self._identity in self._channel.cancelled


def main() -> None:
    """Serve tasks until the service is gone."""
    _limit_memory(sys.argv)
    logging.basicConfig(level=logging.WARNING, format="worker %(process)d: %(message)s")
    if "--background" in sys.argv:
        _stand_back()
    # Solvers write to standard output from C: keep the pipe for messages and send that elsewhere.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    channel = Channel(sys.stdin.buffer, sink)
    threading.Thread(target=channel.listen, daemon=True, name="listen").start()
    lines = LineCache()
    try:
        channel.send({"ready": os.getpid()})
        while True:
            _do(channel, channel.work.get(), lines)
    except BrokenPipeError:
        os._exit(0)  # the service is gone: nobody is left to tell


def _stand_back() -> None:
    """Let the live line and the page go first: they are waited for, and need a core only briefly.

    Called before there is a second thread, because Linux keeps priorities by thread.
    """
    with contextlib.suppress(OSError):
        if hasattr(os, "nice"):
            os.nice(BACKGROUND_NICE)
        if hasattr(os, "SCHED_BATCH"):  # never takes a core away from somebody who just woke up
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _limit_memory(arguments: list[str]) -> None:
    """Have the system refuse this process more memory than it may have."""
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--memory" and resource is not None:
            most = int(value)
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _limit_cpu(seconds: float) -> None:
    """Have the system end this process once a task has used so much processor time."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + seconds)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = until if hard == resource.RLIM_INFINITY else min(until, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def _do(channel: Channel, message: Message, lines: LineCache) -> None:
    """Do one task and send what came out."""
    identity = message["id"]
    context: Context = Reporter(channel, identity)
    _limit_cpu(message["cpu_s"])
    try:
        result = TASKS[message["task"]](message["payload"], context, lines)
        answer: Message = {"id": identity, "result": result}
        pack(answer)
    except CancelledWorkError:
        answer = {"id": identity, "cancelled": True}
    except Exception as error:  # noqa: BLE001 - whatever a task raises is its job's end, not ours
        if context.cancelled():
            answer = {"id": identity, "cancelled": True}
        else:
            told = refusal(error)
            if told.kind.name == "internal":
                _log.exception("task %s failed", message["task"])
            answer = {"id": identity, "problem": told.problem().model_dump(mode="json")}
    channel.cancelled.discard(identity)
    channel.send(answer)


if __name__ == "__main__":
    main()
