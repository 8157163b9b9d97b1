"""The compiled engine: a line lowered once, run on the kernel; log, state and figures from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twin.engine.compiled import tables as t
from twin.engine.compiled.begin import begin
from twin.engine.compiled.kernel import run
from twin.engine.compiled.lower import RULES, Lowering
from twin.engine.compiled.reading import kernel_figures, kernel_state
from twin.engine.compiled.template import Template
from twin.engine.fitting import check_names, check_state
from twin.engine.options import SimulationOptions
from twin.errors import NotSupportedError, SimulationError
from twin.events.beginning import beginning, empty_state
from twin.events.log import EventLog, Stream
from twin.events.state import LineState, StreamState
from twin.kpi.counters import Coordinates, Values
from twin.line import Exponential, Line, serial_line

FIRST_ROWS = 1 << 16
FIRST_PARTS = 256
FIRST_FLOWS = 1 << 12


@dataclass(frozen=True, slots=True)
class Memory:
    """The two arrays of one replication; see ``tables``."""

    m: t.Ints
    x: t.Floats

    def ints(self, field: int, count: int) -> t.Ints:
        """Return a field of whole numbers."""
        return self.m[self.m[field] : self.m[field] + count]

    def floats(self, field: int, count: int) -> t.Floats:
        """Return a field of real numbers."""
        return self.x[self.m[field] : self.m[field] + count]


def unsupported(line: Line) -> list[str]:
    """Return the features of a line that this engine declines, in the line's words."""
    return [*_rules_declined(line), *_choices_declined(line)]


def _rules_declined(line: Line) -> Iterator[str]:
    for station in line.stations:
        if station.dispatch_rule not in RULES:
            yield f"dispatch rule {station.dispatch_rule!r} of station {station.id!r}"


def _choices_declined(line: Line) -> Iterator[str]:
    for product in line.products:
        for step in product.routing:
            if step.choice != "preference":
                yield f"choice {step.choice!r} of operation {product.id}/{step.id}"


def warm_up() -> None:
    """Load the kernel from its cache, or compile it; runs a small line of every kind of work."""
    line = serial_line([Exponential(mean_s=1.0)] * 2, [1])
    Program(line, SimulationOptions(horizon_s=2.0), None).figures(0)


class Program:
    """One line with options and state, lowered; every replication of it runs on the same tables.

    Parameters
    ----------
    line : Line
        What runs.
    options : SimulationOptions
        Horizon, seed, faults, plan. ``replication`` is that of the state's stream, if it has one:
        other replications of this program are independent of the state's own future.
    state : LineState, optional
        Where to begin.

    Raises
    ------
    NotSupportedError
        If the line has something that this engine declines.
    OptionsError, StateError
        As for ``ReferenceEngine``.
    """

    def __init__(self, line: Line, options: SimulationOptions, state: LineState | None) -> None:
        declined = unsupported(line)
        if declined:
            raise NotSupportedError(
                "the compiled engine declines: " + "; ".join(declined) + "; use engine='reference'"
            )
        self.line = line
        self.options = options
        check_names(line, options)
        self.given = state
        self.stream = StreamState(
            seed=options.seed, replication=options.replication, antithetic=options.antithetic
        )
        if state is None:
            self.initial = empty_state(line).model_copy(update={"stream": self.stream})
        else:
            check_state(line, state)
            self.initial = beginning(line, state, self.stream)
        self.lowering = Lowering(line, options, self.initial)
        self.begin_s = self.initial.time_s
        self.end_s = self.begin_s + options.horizon_s
        self.observe_from_s = self.begin_s + options.warm_up_s
        self._tables = self.lowering.tables()
        self._room = {t.ROOM_PARTS: FIRST_PARTS, t.ROOM_FLOWS: FIRST_FLOWS, t.ROOM_LOG: FIRST_ROWS}
        self._packed: dict[bool, Memory] = {}
        self._lock = threading.Lock()

    def memory(self, replication: int, *, with_log: bool) -> Memory:
        """Return a replication that stands at its beginning."""
        with self._lock:
            packed = self._packed.get(with_log)
            if packed is None:
                packed = self._packed[with_log] = self._pack(with_log=with_log)
        memory = Memory(packed.m.copy(), packed.x.copy())
        memory.m[t.REPLICATION] = replication
        begin(memory.m, memory.x)
        return memory

    def _pack(self, *, with_log: bool) -> Memory:
        """Lay all fields out in the two arrays."""
        room = dict(self._room)
        template = Template(self.lowering, self._tables, room[t.ROOM_PARTS])
        fields = self._tables | template.fields
        room[t.ROOM_PARTS] = len(fields["part_id"])
        room[t.ROOM_LOG] = room[t.ROOM_LOG] if with_log else 0
        fields["flow_s"] = np.zeros(room[t.ROOM_FLOWS])
        fields["log_numbers"] = np.zeros(4 * room[t.ROOM_LOG], dtype=np.int64)
        fields["log_times"] = np.zeros(2 * room[t.ROOM_LOG])
        assert fields.keys() == t.FIELD.keys()
        m, x = [np.zeros(t.HEADER, dtype=np.int64)], [np.zeros(t.MOMENTS)]
        sizes = {int: t.HEADER, float: t.MOMENTS}
        for name, place in t.FIELD.items():
            real = fields[name].dtype == np.float64
            m[0][place] = sizes[float if real else int]
            (x if real else m).append(fields[name])
            sizes[float if real else int] += len(fields[name])
        for place, value in (self.lowering.sizes() | room).items():
            m[0][place] = value
        parts = len(self.initial.parts)
        m[0][t.N_FREE], m[0][t.N_PARTS], m[0][t.N_MOVES], m[0][t.N_IN_LINE] = (
            -1,
            parts,
            parts,
            parts,
        )
        m[0][t.N_FINISHED], m[0][t.N_SCRAPPED] = self.initial.finished, self.initial.scrapped
        x[0][t.NOW] = x[0][t.WIP_SINCE] = self.begin_s
        x[0][t.OBSERVE], x[0][t.END] = self.observe_from_s, self.end_s
        return Memory(np.concatenate(m), np.concatenate(x))

    def run(self, replication: int, until_s: float, *, with_log: bool) -> Memory:
        """Run one replication from its beginning; grows what is too small and runs again.

        Raises
        ------
        SimulationError
            If zero-time work never ends.
        """
        while True:
            memory = self.memory(replication, with_log=with_log)
            status = run(memory.m, memory.x, until_s)
            if status == t.ENDLESS:
                raise SimulationError(self._endless(memory))
            needed = {t.ROOM_FLOWS: t.N_FLOWS, t.ROOM_LOG: t.N_LOGGED}
            short = {
                place: int(memory.m[count])
                for place, count in needed.items()
                if memory.m[count] > memory.m[place]
            }
            if status == t.PARTS_FULL:
                short[t.ROOM_PARTS] = 2 * int(memory.m[t.ROOM_PARTS])
            if not short:
                return memory
            with self._lock:
                for place, count in short.items():
                    self._room[place] = max(self._room[place], count + count // 8)
                self._packed.clear()

    def _endless(self, memory: Memory) -> str:
        m, x = memory.m, memory.x
        timers = m[m[t.HEAP] : m[t.HEAP] + m[t.N_HEAP]].tolist()
        names = {self._owner(memory, k) for k in timers if x[m[t.DUE_S] + k] == x[t.NOW]}
        around = ", ".join(sorted(names)) or "unknown"
        return (
            f"endless loop of zero-time work at {x[t.NOW]:g} s around: {around}; "
            "give one of these activities a time above zero"
        )

    def _owner(self, memory: Memory, timer: int) -> str:
        m, low = memory.m, self.lowering
        kind, owner = int(m[m[t.TIMER_KIND] + timer]), int(m[m[t.TIMER_OWNER] + timer])
        if kind == t.T_FINISH:
            return low.stations[int(m[m[t.SERVER_STATION] + owner])].id
        if kind in (t.T_LIFE, t.T_REPAIR):
            s, mode = low.modes[owner]
            return f"{low.stations[s].id}/{mode.id}"
        if kind == t.T_ARRIVAL:
            return low.sources[owner].id
        return low.stations[owner].id if kind == t.T_SHIFT else f"timer {timer}"

    def log(self, memory: Memory, replication: int, end_s: float) -> EventLog:
        """Return the log of a replication that was run with one."""
        count = int(memory.m[t.N_LOGGED])
        numbers = memory.ints(t.LOG_NUMBERS, 4 * count).reshape(-1, 4)
        times = memory.floats(t.LOG_TIMES, 2 * count).reshape(-1, 2)
        stream = self.stream.model_copy(update={"replication": replication})
        initial = self.initial.model_copy(update={"stream": stream})
        return EventLog(
            line_id=self.line.id,
            line_hash=self.line.hash,
            names=self.lowering.names,
            begin_s=self.begin_s,
            end_s=end_s,
            observe_from_s=min(self.observe_from_s, end_s),
            stream=Stream(stream.seed, replication, stream.antithetic),
            initial=None if self.given is None else initial.model_dump(mode="json"),
            time_s=times[:, 0].copy(),
            kind=numbers[:, 0].astype(np.int16),
            element=numbers[:, 1].astype(np.int32),
            part=numbers[:, 2].copy(),
            detail=numbers[:, 3].astype(np.int32),
            value=times[:, 1].copy(),
            quality=np.zeros(count, dtype=np.int8),
        )

    def state(self, memory: Memory, replication: int) -> LineState:
        """Return where everything is in a replication."""
        return kernel_state(self.lowering, memory.m, memory.x, replication)

    def figures(self, replication: int) -> tuple[Values, Coordinates]:
        """Run one replication without a log and return its key figures."""
        memory = self.run(replication, self.end_s, with_log=False)
        return kernel_figures(self.lowering, memory.m, memory.x)


class CompiledEngine:
    """One run of a line on the kernel; offers what ``ReferenceEngine`` offers for a whole run.

    Parameters
    ----------
    line, options, state
        As for ``ReferenceEngine``.
    """

    def __init__(
        self, line: Line, options: SimulationOptions, state: LineState | None = None
    ) -> None:
        self._program = Program(line, options, state)
        self._memory: Memory | None = None
        self._now_s = self._program.begin_s
        self.begin_s = self._program.begin_s
        self.end_s = self._program.end_s

    @property
    def now_s(self) -> float:
        """The moment up to which the run has come, s since the line's start."""
        return self._now_s

    def advance(self, until_s: float) -> None:
        """Let everything before ``until_s`` happen."""
        self._now_s = max(self._now_s, until_s)
        replication = self._program.options.replication
        self._memory = self._program.run(replication, self._now_s, with_log=True)

    def _ran(self) -> Memory:
        if self._memory is None:
            self.advance(self.begin_s)
        assert self._memory is not None
        return self._memory

    def log(self) -> EventLog:
        """Return what happened so far."""
        memory = self._ran()
        return self._program.log(memory, self._program.options.replication, self._now_s)

    def state(self) -> LineState:
        """Return where everything is now."""
        return self._program.state(self._ran(), self._program.options.replication)
