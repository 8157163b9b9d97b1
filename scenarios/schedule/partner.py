"""An engine in a process of its own: its own core, its own libraries, and it can be ended.

CP-SAT and HiGHS cannot be loaded into one process, and neither should stop the compiled search
while it builds a model. Both ends speak JSON, a line at a time, so that any script may call
``solve``.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import IO, Any, Literal

from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Network

Name = Literal["highs", "cpsat"]

MODULES: Mapping[str, str] = {
    "highs": "scenarios.schedule.mip.engine",
    "cpsat": "scenarios.schedule.cpsat.engine",
}
"""Where the function ``improve`` of each engine is."""
_GRACE_S = 0.3
"""Time that an engine gets to come to an end by itself, s: what it found is told already."""
_LOOK_S = 0.05
"""How often it is looked whether the request is over, s."""


class Partner:
    """One engine, one request, one process.

    Parameters
    ----------
    name : {"highs", "cpsat"}
        Engine.
    request : Request
        What it is asked; its callbacks are called from a thread of the partner's.
    polite : int
        How far its process steps back behind this one, from 0 to 19.
    """

    def __init__(self, name: Name, request: Request, polite: int = 0) -> None:
        self.name = name
        self.polite = polite
        self.request = request
        self.outcome: Outcome | None = None
        self._ready = threading.Event()
        self._told: Schedule | None = request.start

    def run(self) -> Outcome:
        """Run the engine until the request is over; the process is gone afterwards."""
        command = [sys.executable, "-m", "scenarios.schedule.partner"]
        with subprocess.Popen(  # noqa: S603 - this very file
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the one who started it
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
            reader.start()
            # A long question waits in the pipe until the process has loaded its libraries.
            asker = threading.Thread(target=self._ask, args=(process.stdin,), daemon=True)
            asker.start()
            try:
                while reader.is_alive() and not self.request.over():
                    if not asker.is_alive():
                        self._pass_on(process.stdin)
                    reader.join(_LOOK_S)
                if not asker.is_alive():
                    _say(process.stdin, {"stop": True})
                # One that has not begun has nothing to add.
                reader.join(_GRACE_S if self._ready.is_set() else 0)
            except OSError:  # it has ended; what it had to say is read
                reader.join(_GRACE_S)
            finally:
                process.kill()
                with suppress(OSError):  # what it did not read any more
                    process.stdin.close()
        if self.outcome is not None:
            return self.outcome
        message = "" if self.request.over() else f"the process of {self.name} ended unexpectedly"
        return Outcome(None, message=message)

    def _ask(self, pipe: IO[str]) -> None:
        request = self.request
        question = {
            "engine": self.name,
            "problem": request.network.problem.to_json(),
            "start": None if request.start is None else request.start.to_json(),
            # Clocks that count from a start of their own differ between processes on some systems.
            "until": time.time() + request.until - time.monotonic(),
            "seed": request.seed,
            "workers": request.workers,
            "polite": self.polite,
        }
        with suppress(OSError, ValueError):  # it has ended, or is no longer wanted
            _say(pipe, question)

    def _pass_on(self, pipe: IO[str]) -> None:
        found = self.request.incumbent()
        if found is not None and found is not self._told:
            self._told = found
            _say(pipe, {"schedule": found.to_json()})

    def _read(self, pipe: IO[str]) -> None:
        for line in pipe:
            try:
                said = json.loads(line)
            except ValueError:  # what a library writes, or half a line of a process that died
                continue
            self._ready.set()
            if "schedule" in said:
                self._told = Schedule.from_json(said["schedule"])
                self.request.on_schedule(self._told)
            elif "ready" in said:
                continue
            elif "bound" in said:
                self.request.on_bound(said["bound"])
            elif "outcome" in said:
                end = said["outcome"]
                bound = -math.inf if end["bound"] is None else end["bound"]
                self.outcome = Outcome(None, bound, end["infeasible"], end["message"])
                return


def _say(pipe: IO[str], document: dict[str, Any]) -> None:
    pipe.write(json.dumps(document) + "\n")
    pipe.flush()


class _Inbox:
    """What the other side says while the engine runs."""

    def __init__(self) -> None:
        self.stopped = False
        self.best: Schedule | None = None

    def listen(self, pipe: IO[str]) -> None:
        """Read until the other side says stop or is gone."""
        for line in pipe:
            said = json.loads(line)
            if "stop" in said:
                break
            self.best = Schedule.from_json(said["schedule"])
        self.stopped = True
        # An engine that does not look up would outlive the one who asked.
        time.sleep(2 * _GRACE_S)
        os._exit(1)


def serve(questions: IO[str], answers: IO[str]) -> None:
    """Answer one question: run the engine that it names."""
    asked = json.loads(questions.readline())
    if hasattr(os, "nice"):
        os.nice(asked["polite"])
    inbox, lock = _Inbox(), threading.Lock()
    threading.Thread(target=inbox.listen, args=(questions,), daemon=True).start()

    def say(document: dict[str, Any]) -> None:
        with lock:
            _say(answers, document)

    start = None if asked["start"] is None else Schedule.from_json(asked["start"])
    inbox.best = start
    improve: Callable[[Request], Outcome] = import_module(MODULES[asked["engine"]]).improve
    say({"ready": True})
    outcome = improve(
        Request(
            network=Network.of(SchedulingProblem.from_json(asked["problem"])),
            start=start,
            until=time.monotonic() + asked["until"] - time.time(),
            seed=asked["seed"],
            workers=asked["workers"],
            on_schedule=lambda schedule: say({"schedule": schedule.to_json()}),
            on_bound=lambda bound: say({"bound": bound}),
            cancelled=lambda: inbox.stopped,
            incumbent=lambda: inbox.best,
        )
    )
    bound = outcome.bound if math.isfinite(outcome.bound) else None
    end = {"bound": bound, "infeasible": outcome.infeasible, "message": outcome.message}
    say({"outcome": end})


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # solvers' threads that wind down slowly are waited for by nobody
