"""The reference engine: a SimPy model of the line, written to be read.

Each server is a SimPy process (``places.machine``) that takes a part, sets up, works and lets it
go. Failures, shifts and repairs are timers (``interruptions``) that stop and start what a server
does without its knowing. ``clock`` fires what is due at one moment in a written order; ``settle``
then decides what is shared. A run always begins from a ``LineState``: an empty one, or where a real
or simulated line stands.
"""

from __future__ import annotations

from twin.engine.fitting import check_names, check_state
from twin.engine.options import Fault, SimulationOptions
from twin.engine.reference.clock import LineClock
from twin.engine.reference.interruptions import (
    AbsenceSwitch,
    OutageSwitch,
    ShiftSwitch,
    ShortageSwitch,
    SlowdownSwitch,
)
from twin.engine.reference.modes import FailureMode, MaintenanceMode, StationMode
from twin.engine.reference.people import Workforce, manned
from twin.engine.reference.places import BufferPlace, StationPlace
from twin.engine.reference.restore import restore
from twin.engine.reference.run import Run
from twin.engine.reference.servers import behaviour_of
from twin.engine.reference.settle import Settle
from twin.engine.reference.snapshot import snapshot
from twin.engine.reference.sources import SourcePlace
from twin.engine.reference.vehicles import Transport
from twin.engine.reference.wear import StationWear
from twin.errors import Finding, OptionsError
from twin.events import EventLog, EventLogBuilder, LineState, Stream
from twin.events.beginning import beginning, empty_state
from twin.events.state import StreamState
from twin.line import Failure, Line
from twin.line.line import maker_slots


class ReferenceEngine:
    """One run of a line that can be taken forward step by step.

    Parameters
    ----------
    line : Line
        What runs.
    options : SimulationOptions
        Horizon, random numbers, faults, plan.
    state : LineState, optional
        Where to begin; none: the empty line at its time zero.

    Raises
    ------
    OptionsError
        If a fault or the plan names what the line does not have.
    StateError
        If the state does not fit the line.
    """

    def __init__(
        self, line: Line, options: SimulationOptions, state: LineState | None = None
    ) -> None:
        check_names(line, options)
        mine = StreamState(
            seed=options.seed, replication=options.replication, antithetic=options.antithetic
        )
        if state is None:
            begun = empty_state(line).model_copy(update={"stream": mine})
        else:
            check_state(line, state)
            begun = beginning(line, state, mine)
        stream = Stream(options.seed, options.replication, options.antithetic)
        initial = None if state is None else begun.model_dump(mode="json")
        self.line = line
        self.options = options
        self.begin_s = begun.time_s
        self.end_s = begun.time_s + options.horizon_s
        self.builder = EventLogBuilder(line, begun.time_s, stream, initial)
        self._clock = LineClock(begun.time_s, self._decide)
        self._run = Run(line, options, self._clock, self.builder)
        self._build(line)
        restore(self, begun)
        for fault in options.faults:
            self.inject(fault)
        self._suppose(options)
        for station in self.stations.values():
            for server in station.servers:
                self._clock.process(behaviour_of(server))
        self._clock.ask()

    def _suppose(self, options: SimulationOptions) -> None:
        """Let people be away and sources have nothing."""
        run, pools = self._run, self.workforce.pools
        for absence in options.absences:
            since_s = self.begin_s + absence.after_s
            AbsenceSwitch(run, pools[absence.crew], absence, since_s).arm()
        for short in options.shortages:
            source, since_s = self.sources[short.source], self.begin_s + short.after_s
            ShortageSwitch(run, source, short.duration_s, since_s).arm()

    def _decide(self) -> None:
        self._settle()

    def _build(self, line: Line) -> None:
        run = self._run
        self.buffers = {spec.id: BufferPlace(run, spec) for spec in line.buffers}
        self.workforce = Workforce(run, line)
        self.transport = Transport(run)
        self.stations: dict[str, StationPlace] = {}
        slots = maker_slots(line)
        self.modes: dict[str, tuple[StationMode, ...]] = {}
        self.outages: list[OutageSwitch] = []
        self.shifts: list[ShiftSwitch] = []
        for rank, name in enumerate(line.flow_order):
            spec = line.station(name)
            source = self.buffers[spec.input_buffer] if spec.input_buffer else None
            slot = slots.get(name, -1)
            station = self.stations[name] = StationPlace(run, spec, rank, source, slot)
            if source is not None and spec.batch is not None and spec.batch.wait_s is not None:
                source.waits_s.add(spec.batch.wait_s)
            station.workforce = self.workforce
            self.modes[name] = station.modes = tuple(
                FailureMode(run, station, mode, k, self.workforce)
                if isinstance(mode, Failure)
                else MaintenanceMode(run, station, mode, k, self.workforce)
                for k, mode in enumerate(spec.modes)
            )
            if spec.wear is not None:
                station.wear = StationWear(station, spec.wear)
            if spec.calendar:
                self.shifts.append(ShiftSwitch(run, station, line.calendar(spec.calendar)))
        self.sources = {
            spec.id: SourcePlace(run, spec, slot)
            for slot, spec in enumerate(sorted(line.sources, key=lambda s: s.id))
        }
        self._settle = Settle(
            run,
            self.stations,
            tuple(self.sources.values()),
            self.workforce,
            self.buffers,
            self.transport,
        )
        self.workforce.stations = manned(self.stations.values())
        self.workforce.modes = tuple(mode for modes in self.modes.values() for mode in modes)

    @property
    def run(self) -> Run:
        """What the objects of this run share."""
        return self._run

    @property
    def now_s(self) -> float:
        """The moment up to which the run has come, s since the line's start."""
        return float(self._clock.now)

    def advance(self, until_s: float) -> None:
        """Let everything before ``until_s`` happen; what is due at exactly that moment waits.

        Raises
        ------
        SimulationError
            If zero-time work never ends.
        """
        if until_s > self._clock.now:
            self._clock.run(until=until_s)

    def inject(self, fault: Fault) -> None:
        """Let a fault happen, ``fault.after_s`` from now.

        Raises
        ------
        OptionsError
            If the line has no such station.
        """
        if fault.station not in self.stations:
            known = ", ".join(self.stations)
            finding = Finding(
                "faults.station", f"unknown station {fault.station!r}", f"one of: {known}"
            )
            raise OptionsError("the fault", [finding])
        station = self.stations[fault.station]
        since_s = self.now_s + fault.after_s
        if fault.kind == "breakdown":
            outage = OutageSwitch(self._run, station, since_s, fault.duration_s)
            self.outages.append(outage)
            outage.arm()
        else:
            SlowdownSwitch(self._run, station, fault, since_s).arm()

    def state(self) -> LineState:
        """Return where everything is now."""
        return snapshot(self)

    def log(self) -> EventLog:
        """Return what happened so far."""
        observe_from_s = self.begin_s + self.options.warm_up_s
        return self.builder.log(self.now_s, min(observe_from_s, self.now_s))
