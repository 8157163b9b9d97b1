"""The compiled engine: a line lowered once, run on the kernel; log, state and figures from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np

from twin.engine.compiled import tables as t
from twin.engine.compiled.begin import begin
from twin.engine.compiled.demand import order_tables
from twin.engine.compiled.kernel import run, run_common, run_lean
from twin.engine.compiled.layout import Memory, laid_out, zeros
from twin.engine.compiled.lean import form_of
from twin.engine.compiled.lower import CHOICES, RULES, Lowering, named_rules
from twin.engine.compiled.plain import PlainProgram
from twin.engine.compiled.reading import kernel_figures, kernel_state
from twin.engine.compiled.template import Template, first_leaf
from twin.engine.fitting import check_names, check_state
from twin.engine.nodes import parameters_of
from twin.engine.options import DispatchPlan, SimulationOptions
from twin.errors import NotSupportedError, SimulationError
from twin.events.beginning import beginning, empty_state
from twin.events.log import EventLog, Stream
from twin.events.state import LineState, StreamState
from twin.kpi.counters import Coordinates, Values
from twin.line import Exponential, Gamma, Line, serial_line

FORMS = (run, run_common, run_lean)
"""The kernel by its form; see ``lean``."""
FIRST_ROWS = 1 << 16
FIRST_PARTS = 256
LOG_NUMBERS, LOG_REALS = ("kind", "element", "part", "detail"), ("time_s", "value")


def unsupported(line: Line) -> list[str]:
    """Return the features of a line that this engine declines, in the line's words."""
    return [
        *_rules_declined(line),
        *_choices_declined(line),
    ]


def _rules_declined(line: Line) -> Iterator[str]:
    for station in line.stations:
        if station.kind != "station":
            yield f"kind {station.kind!r} of station {station.id!r}"
    for station in line.stations:
        for name in named_rules(station):
            if name not in RULES:
                yield f"dispatch rule {name!r} of station {station.id!r}"


def _choices_declined(line: Line) -> Iterator[str]:
    for product in line.products:
        for step in product.routing:
            if step.choice not in CHOICES:
                yield f"choice {step.choice!r} of operation {product.id}/{step.id}"


def warm_up() -> None:
    """Load the kernel from its cache, or compile it, in all its forms; runs a small line."""
    parameters_of(Gamma(scale_s=1.0, shape=2.0))
    line = serial_line([Exponential(mean_s=1.0)] * 2, [1])
    program = Program(line, SimulationOptions(horizon_s=2.0), None)
    for form in FORMS:
        memory = program.memory(0, with_log=False)
        form(memory.m, memory.x, program.end_s)
    program.plain_figures(0)


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
        self._room = {t.ROOM_PARTS: FIRST_PARTS, t.ROOM_LOG: FIRST_ROWS}
        self._packed: dict[bool, Memory] = {}
        self.changed: dict[str, Any] = {}
        """Fields that are others than those packed."""
        self._plain: PlainProgram | None = None
        self._lock = threading.Lock()

    def following(self, plan: DispatchPlan) -> Program:
        """Return the same program under another plan; only what that changes is lowered.

        Raises
        ------
        OptionsError
            If the plan names what the line does not have.
        """
        options, before = self.options.model_copy(update={"plan": plan}), self.options.plan
        told = (plan.sequence.keys(), bool(plan.assignment))
        if before is None or told != (before.sequence.keys(), bool(before.assignment)):
            return Program(self.line, options, self.given)
        check_names(self.line, options)
        found = copy(self)  # what is packed is shared
        found.options, found.lowering = options, copy(self.lowering)
        found.lowering.options = options
        found.changed = order_tables(found.lowering)
        return found

    def memory(self, replication: int, *, with_log: bool) -> Memory:
        """Return a replication that stands at its beginning."""
        with self._lock:
            packed = self._packed.get(with_log)
            if packed is None:
                packed = self._packed[with_log] = self._pack(with_log=with_log)
        memory = packed.copy()
        for name, values in self.changed.items():
            view = memory.floats if values.dtype == np.float64 else memory.ints
            view(t.FIELD[name], len(values))[:] = values
        memory.m[t.REPLICATION] = replication
        begin(memory.m, memory.x)
        return memory

    def _pack(self, *, with_log: bool) -> Memory:
        """Lay all fields out."""
        low = self.lowering
        template = Template(low, self._tables, self._room[t.ROOM_PARTS], self.observe_from_s)
        fields = self._tables | template.fields
        room = {t.ROOM_PARTS: len(fields["part_id"]), t.ROOM_LOG: 0}
        if with_log:
            room[t.ROOM_LOG] = self._room[t.ROOM_LOG]
        fields |= {f"log_{name}": zeros(room[t.ROOM_LOG]) for name in LOG_NUMBERS}
        fields |= {f"log_{name}": np.zeros(room[t.ROOM_LOG]) for name in LOG_REALS}
        memory = laid_out(fields)
        for place, value in (low.sizes() | room).items():
            memory.m[place] = value
        parts = len(self.initial.parts)
        memory.m[[t.N_PARTS, t.N_MOVES, t.N_IN_LINE]] = parts
        memory.m[[t.N_FREE, t.N_STALE]] = -1
        memory.m[t.LEAF] = first_leaf(len(fields["timer_kind"]))
        memory.m[t.N_FINISHED] = self.initial.finished
        memory.m[t.N_SCRAPPED] = self.initial.scrapped
        memory.x[t.NOW], memory.x[t.OBSERVE] = self.begin_s, self.observe_from_s
        memory.x[t.WIP_SINCE] = max(self.begin_s, self.observe_from_s)
        return memory

    def run(self, replication: int, until_s: float, *, with_log: bool) -> Memory:
        """Run one replication from its beginning; grows what is too small and runs again.

        Raises
        ------
        SimulationError
            If zero-time work never ends.
        """
        while True:
            memory = self.memory(replication, with_log=with_log)
            status = FORMS[form_of(memory)](memory.m, memory.x, until_s)
            if status == t.ENDLESS:
                raise SimulationError(self._endless(memory))
            short: dict[int, int] = {}
            if memory.m[t.N_LOGGED] > memory.m[t.ROOM_LOG]:
                short[t.ROOM_LOG] = int(memory.m[t.N_LOGGED])
            if status == t.PARTS_FULL:
                short[t.ROOM_PARTS] = 2 * int(memory.m[t.ROOM_PARTS])
            if not short:
                return memory
            with self._lock:
                for place, count in short.items():
                    self._room[place] = max(self._room[place], count + count // 8)
                self._packed.clear()

    def _endless(self, memory: Memory) -> str:
        now_s, count = memory.x[t.NOW], len(self._tables["timer_kind"])
        due_s = memory.floats(t.NODE_S, int(memory.m[t.LEAF]) + count)[-count:]
        names = {self._owner(memory, int(k)) for k in np.flatnonzero(due_s == now_s)}
        around = ", ".join(sorted(names)) or "unknown"
        return (
            f"endless loop of zero-time work at {now_s:g} s around: {around}; "
            "give one of these activities a time above zero"
        )

    def _owner(self, memory: Memory, timer: int) -> str:
        low = self.lowering
        kind, owner = memory.n(t.TIMER_KIND, timer), memory.n(t.TIMER_OWNER, timer)
        if kind == t.T_FINISH:
            return low.stations[memory.n(t.SERVER_STATION, owner)].id
        if kind in (t.T_LIFE, t.T_REPAIR):
            s, mode = low.modes[owner]
            return f"{low.stations[s].id}/{mode.id}"
        if kind == t.T_VEHICLE:
            return low.sites.pools[memory.n(t.VEHICLE_POOL, owner)].id
        if kind == t.T_ARRIVAL:
            return low.sources[owner].id
        if kind == t.T_LOOK:
            return low.buffers[owner].id
        return low.stations[owner].id if kind in (t.T_SHIFT, t.T_WEAR) else f"timer {timer}"

    def log(self, memory: Memory, replication: int, end_s: float) -> EventLog:
        """Return the log of a replication that was run with one."""
        count = int(memory.m[t.N_LOGGED])
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
            time_s=memory.floats(t.LOG_TIME_S, count).copy(),
            kind=memory.ints(t.LOG_KIND, count).astype(np.int16),
            element=memory.ints(t.LOG_ELEMENT, count).astype(np.int32),
            part=memory.ints(t.LOG_PART, count).copy(),
            detail=memory.ints(t.LOG_DETAIL, count).astype(np.int32),
            value=memory.floats(t.LOG_VALUE, count).copy(),
            quality=np.zeros(count, dtype=np.int8),
        )

    def state(self, memory: Memory, replication: int) -> LineState:
        """Return where everything is in a replication."""
        return kernel_state(self.lowering, memory, replication)

    def figures(self, replication: int) -> tuple[Values, Coordinates]:
        """Run one replication without a log and return its key figures."""
        return self.figures_of(self.run(replication, self.end_s, with_log=False))

    def figures_of(self, memory: Memory) -> tuple[Values, Coordinates]:
        """Return the key figures of a replication that was run."""
        return kernel_figures(self.lowering, memory)

    def plain_figures(self, replication: int) -> tuple[Values, Coordinates]:
        """Return the same by sums and maxima alone; the line must be plain (``is_plain``)."""
        with self._lock:
            if self._plain is None:
                self._plain = PlainProgram(self.lowering, self._tables, self.begin_s)
        return self._plain.figures(replication) or self.figures(replication)


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
