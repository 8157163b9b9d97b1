"""One line with options and state, run as often as wanted, on the engine that serves best.

Both engines give the same sample path, so the choice is never seen in a result. ``auto`` takes the
compiled engine where it supports the line; while its kernel is being compiled for the first time on
a machine, the reference engine answers.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from twin.engine.deadlock import deadlock, may_lock
from twin.engine.options import DispatchPlan, EngineName, SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.events import EventLog, LineState
from twin.events.state import StreamState
from twin.kpi.counters import Coordinates, Values
from twin.kpi.measures import figures
from twin.line import Line

if TYPE_CHECKING:
    from twin.engine.compiled.engine import Program

logger = logging.getLogger(__name__)


class Kernel:
    """Whether the compiled kernel is loaded in this process; it loads once, in the background."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()

    def ready(self) -> bool:
        """Tell whether the kernel can run now; if not, begin to load or compile it."""
        if self._ready.is_set():
            return True
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._load, name="kernel", daemon=True)
                self._thread.start()
        return False

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the kernel can run; tell whether it can."""
        return self.ready() or self._ready.wait(timeout_s)

    def _load(self) -> None:
        from twin.engine.compiled.engine import warm_up  # noqa: PLC0415 - compiles

        with _one_process_at_a_time():
            warm_up()
        self._ready.set()

    def declines(self, line: Line) -> bool:
        """Tell whether the compiled engine declines a line, and log why, once for each reason."""
        from twin.engine.compiled.engine import unsupported  # noqa: PLC0415 - loads the compiler

        reasons = unsupported(line)
        new = [reason for reason in reasons if reason not in self._told]
        if new:
            self._told.update(new)
            logger.warning("runs on the reference engine because of %s", "; ".join(new))
        return bool(reasons)


@contextmanager
def _one_process_at_a_time() -> Iterator[None]:
    """Let one process of this machine compile; the others wait and then load what it made."""
    here = hashlib.sha256(str(Path(__file__).parent).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"linetwin-kernel-{here}.lock"
    with ExitStack() as held:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415 - not on every system

            # The system frees the lock when its holder ends, however it ends. No place for a lock
            # or too long a wait: compile beside the others.
            with suppress(OSError):
                file = held.enter_context(path.open("w"))
                end_s = time.monotonic() + LONGEST_COMPILE_S
                while time.monotonic() < end_s:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except BlockingIOError:
                        time.sleep(0.05)
        yield


KERNEL = Kernel()
"""The kernel of this process."""
LONGEST_COMPILE_S = 300.0
"""Longest wait for a compilation in another process, s."""
PATIENCE_S = 4.0
"""How long a run waits for the kernel to load, s. From the cache it is under a second; where it
must be compiled first, the reference engine answers meanwhile."""
WORTH_S = 20.0
"""Work that would take the reference engine longer than this waits for the compilation, s."""
TASTE_S = 0.5
"""The reference engine is tried for so long to tell how long it would take, s."""
STEPS = 64
"""Steps of a run in which it is tried."""


Ran = Literal["reference", "compiled", "max-plus"]
"""What works figures out: an engine, or sums and maxima alone."""
Piece = tuple[Line, SimulationOptions, LineState | None]
"""What is run: a line with its options and where it begins."""


def choose_engine(pieces: Sequence[Piece], wish: EngineName = "auto", runs: int = 1) -> Ran:
    """Return what is to work out the figures of these pieces, the same for all of them.

    The events are the same on both to the last bit. Key figures may differ in the last digits,
    because sums are added up in another order; so what is compared runs on one engine. Where the
    kernel must be compiled first, the reference engine answers, unless all ``runs`` together would
    take it longer than the compilation takes.
    """
    if wish != "auto":
        return wish
    if any(KERNEL.declines(line) for line, _, _ in pieces):
        return "reference"
    if not KERNEL.wait(PATIENCE_S) and not _waited(pieces[0], runs):
        return "reference"
    from twin.engine.compiled.plainness import is_plain  # noqa: PLC0415 - loads the compiler

    plain = all(state is None and is_plain(line, options) for line, options, state in pieces)
    return "max-plus" if plain else "compiled"


def _waited(piece: Piece, runs: int) -> bool:
    """Wait for the compilation if it is worth it; tell whether the kernel is there."""
    engine = ReferenceEngine(*piece)
    first_s, began_s, spent_s = engine.now_s, time.perf_counter(), 0.0
    for step in range(1, STEPS + 1):
        engine.advance(first_s + (engine.end_s - first_s) * step / STEPS)
        spent_s = time.perf_counter() - began_s
        if KERNEL.ready():
            return True
        if spent_s > TASTE_S:
            break
    if spent_s * STEPS / step * runs < WORTH_S:
        return False
    logger.warning("%d runs wait for the kernel, which is compiled once on a machine", runs)
    return KERNEL.wait(LONGEST_COMPILE_S)


class Runs:
    """Replications of one line with the same options and state. Threads may share it.

    Parameters
    ----------
    line, options, state
        As for ``simulate``; ``options.replication`` has no part in it.
    engine : str, optional
        What works out the figures, in place of what ``options.engine`` asks for.
    ready : dict, optional
        What was lowered for these very options; see :meth:`following`.

    Raises
    ------
    OptionsError, StateError
        If options or state do not fit the line, at the first run.
    NotSupportedError
        If ``options.engine`` is ``compiled`` and that engine declines the line.
    """

    def __init__(
        self,
        line: Line,
        options: SimulationOptions,
        state: LineState | None = None,
        engine: Ran | None = None,
        ready: dict[int, Program] | None = None,
    ) -> None:
        self._line = line
        self._options = options
        self._state = state
        self._engine = engine
        self._lock = threading.Lock()
        self._may_lock = may_lock(line)
        self._programs: dict[int, Program] = ready or {}

    def __reduce__(self) -> tuple[type[Runs], tuple[*Piece, Ran | None]]:
        """Let another process make the same runs; what is lowered stays here."""
        return Runs, (self._line, self._options, self._state, self._engine)

    def following(self, plan: DispatchPlan) -> Runs:
        """Return the same runs under another plan; the line is not lowered again for that."""
        options = self._options.model_copy(update={"plan": plan})
        # The reference engine answered for want of the kernel, which may be there by now.
        engine = None if self._engine == "reference" else self._engine
        with self._lock:
            programs = dict(self._programs)
        ready = {key: program.following(plan) for key, program in programs.items()}
        return Runs(self._line, options, self._state, engine, ready)

    def log(self, replication: int) -> EventLog:
        """Run one replication and return its events."""
        program = self._program(replication)
        if program is None:
            return self._reference(replication).log()
        memory = program.run(replication, program.end_s, with_log=True)
        if self._may_lock:
            self._check(program.state(memory, replication))
        return program.log(memory, replication, program.end_s)

    def figures(self, replication: int) -> tuple[Values, Coordinates]:
        """Run one replication and return its key figures; see ``twin.kpi.summarise``."""
        program = self._program(replication)
        if program is None:
            return figures(self._reference(replication).log(), self._line)
        if self.engine == "max-plus":
            return program.plain_figures(replication)
        memory = program.run(replication, program.end_s, with_log=False)
        if self._may_lock:
            self._check(program.state(memory, replication))
        return program.figures_of(memory)

    @property
    def engine(self) -> Ran:
        """What works out the figures. Decided once; ``max-plus`` only where the choice is free."""
        if self._engine is None:
            piece = (self._line, self._options, self._state)
            self._engine = choose_engine([piece], self._options.engine)
        return self._engine

    @property
    def compiled(self) -> bool:
        """Whether these run on compiled code, outside Python's lock."""
        return self.engine != "reference"

    def _reference(self, replication: int) -> ReferenceEngine:
        options = self._options.model_copy(update={"replication": replication})
        engine = ReferenceEngine(self._line, options, self._state)
        engine.advance(engine.end_s)
        if self._may_lock:
            self._check(engine.state())
        return engine

    def _check(self, state: LineState) -> None:
        """Refuse a run that ended in a deadlock."""
        found = deadlock(self._line, state, self._options.plan)
        if found is not None:
            raise found

    def _program(self, replication: int) -> Program | None:
        if not self.compiled:
            return None
        from twin.engine.compiled.engine import Program  # noqa: PLC0415 - loads the compiler

        own = self._own_replication()
        # The state's own stream goes on exactly; every other one draws what is left anew.
        number = replication if replication == own or own is None else own + 1
        key = own if replication == own and own is not None else -1
        with self._lock:
            if key not in self._programs:
                options = self._options.model_copy(update={"replication": number})
                self._programs[key] = Program(self._line, options, self._state)
            return self._programs[key]

    def _own_replication(self) -> int | None:
        """Return the replication whose random numbers the state came from, if it is one of ours."""
        stream = self._state.stream if self._state else None
        if stream is None:
            return None
        mine = StreamState(
            seed=self._options.seed,
            replication=stream.replication,
            antithetic=self._options.antithetic,
        )
        return stream.replication if stream == mine else None
