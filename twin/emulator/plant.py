"""The plant: a line that runs in scaled real time and serves what happens over OPC UA."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from asyncua import Server

from twin.emulator.faults import answer, checked_station
from twin.emulator.gap import RealityGap
from twin.emulator.rehearsal import Rehearsal, furnished
from twin.emulator.space import NAMESPACE_URI, Space
from twin.emulator.tracker import Tracker
from twin.engine.options import Fault, SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.errors import Finding, NotSupportedError, OptionsError, TwinError
from twin.events.builder import Row
from twin.events.log import EventLog, Stream
from twin.line import Line
from twin.signals import SignalModel
from twin.units import aware_utc

HOST = "127.0.0.1"
"""Where plants listen: nobody has to log in, so nobody from outside gets in."""
HORIZON_S = 1e9
"""Longest life of a plant, s of plant time: as far as the engine goes."""
MAX_SPEED = 1000.0
"""Highest ratio of plant time to wall time."""
MAX_AHEAD_S = 31 * 86400.0
"""Furthest a plant runs ahead before it opens, s of plant time."""
TICK_S = 0.05
"""Wall time between two looks at the clock, s."""
CLOCK_EVERY_S = 0.2
"""Wall time between two values of the plant's clock, s."""
SIGNALS_EVERY_S = 1.0
"""Plant time between two readings of the sensors, s; more where the plant runs very fast."""
LATE_S = 1.0
"""Wall time behind the clock that is worth a warning, s."""
STOP_TIMEOUT_S = 5.0

_logger = logging.getLogger(__name__)


class PlantError(TwinError, OSError):
    """A plant that cannot open, for instance because its port is in use."""


class Plant:
    """A line behind an OPC UA server; open it with ``async with``.

    Plant time is the plant's start plus speed times the wall time since it opened. It is read off
    the clock at every tick, so it never drifts: a plant that was held up catches up, writes every
    value it missed in order, and says how late it is in ``lag_s``.

    Parameters
    ----------
    line : Line
        The line as its twin knows it.
    speed : float
        Seconds of plant time per second of wall time, above 0 and at most 1000.
    start : datetime, optional
        Moment that the plant's clock shows when it opens, aware; the line has then run since its
        own start, so a plant that is started again with the same seed goes on with the same day.
        None: the line's start, with an empty line.
    seed : int
        Seed of everything that happens by chance.
    port : int
        Port to listen on; 0: any free one, see ``endpoint``.
    reality_gap : RealityGap, optional
        How the true line differs from ``line``; None: a default gap, ``RealityGap.none()``: not at
        all.
    faults : sequence of Fault
        Faults that will happen, ``after_s`` counted from the moment it opens.
    rows_kept : int, optional
        Most events to keep in memory for ``log``; None: all.
    rehearsal : Rehearsal, optional
        What the server offers and refuses; None: everything, unprotected, no history.

    Raises
    ------
    OptionsError
        If a value makes no sense.
    PlantError
        On opening, if the port cannot be used.
    """

    def __init__(  # noqa: PLR0913 - all that a plant is, told by name in one place
        self,
        line: Line,
        *,
        speed: float = 1.0,
        start: datetime | None = None,
        seed: int = 1,
        port: int = 0,
        reality_gap: RealityGap | None = None,
        faults: Sequence[Fault] = (),
        rows_kept: int | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        begin_s = 0.0 if start is None else (aware_utc(start) - line.start_utc).total_seconds()
        _check(speed, port, begin_s)
        self.line = line
        self.speed = float(speed)
        self.reality_gap = RealityGap() if reality_gap is None else reality_gap
        self.true_line = self.reality_gap.apply(line)
        self.begin_s = begin_s
        self.engine = ReferenceEngine(
            self.true_line, SimulationOptions(horizon_s=HORIZON_S, seed=seed)
        )
        self._faults = [checked_station(line, fault) for fault in faults]
        self._port = port
        self._rows_kept = rows_kept
        self._rehearsal = rehearsal or Rehearsal()
        self._dropped = 0
        self._cursor = 0
        self._reached_s = 0.0
        self._signals_every_s = max(SIGNALS_EVERY_S, self.speed * TICK_S)
        self._samples = 0
        self._tracker = Tracker(line)
        self._signals = SignalModel(self.true_line, Stream(seed))
        self._server: Server | None = None
        self._space: Space | None = None
        self._task: asyncio.Task[None] | None = None
        self._opened_s = 0.0
        self._clock_written_s = -math.inf
        self._warned_s = -math.inf

    # --- what one may ask

    @property
    def endpoint(self) -> str:
        """Where clients connect, e.g. ``opc.tcp://127.0.0.1:4840``."""
        return f"opc.tcp://{HOST}:{self._port}"

    @property
    def now_s(self) -> float:
        """The plant's time by the wall clock, s since the line's start."""
        if self._task is None:
            return self.begin_s
        return self.begin_s + self.speed * (asyncio.get_running_loop().time() - self._opened_s)

    @property
    def reached_s(self) -> float:
        """Moment up to which everything has happened and is served, s since the line's start."""
        return self._reached_s

    @property
    def lag_s(self) -> float:
        """How far the plant is behind the clock, s of wall time."""
        return max(0.0, (self.now_s - self._reached_s) / self.speed)

    @property
    def written(self) -> int:
        """Values written to the address space so far."""
        return 0 if self._space is None else self._space.written

    def log(self) -> EventLog:
        """Return everything that happened: the truth that a twin should come to know.

        Raises
        ------
        NotSupportedError
            If ``rows_kept`` made the plant forget the beginning.
        """
        if self._dropped:
            message = (
                f"the plant forgot its first {self._dropped} events; open it without rows_kept"
            )
            raise NotSupportedError(message)
        return self.engine.log()

    def moment(self, time_s: float) -> datetime:
        """Return a moment of the plant in UTC, to the microsecond, as timestamps carry it."""
        return self.line.start_utc + timedelta(seconds=time_s) + self._rehearsal.clock_offset

    def inject(self, fault: Fault) -> str:
        """Let a fault happen and return what was done, in words.

        Raises
        ------
        OptionsError
            If the line has no such station.
        """
        self.engine.inject(checked_station(self.line, fault))
        begins = self.moment(self.engine.now_s + fault.after_s).isoformat(timespec="seconds")
        what = f"{fault.kind} of {fault.station}"
        if fault.kind == "slowdown":
            what += f" by a factor of {fault.factor:g}"
        _logger.info("%s for %g s from %s", what, fault.duration_s, begins)
        return f"{what} for {fault.duration_s:g} s of plant time from {begins}"

    async def wait(self) -> None:
        """Wait until the plant stops; raise what stopped it.

        Raises
        ------
        TwinError
            If the line cannot go on.
        """
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    # --- opening and closing

    async def __aenter__(self) -> Self:
        """Run the line up to its start, open the server and let the clock go."""
        await self._run_ahead()
        self._port = _usable_port(self._port)
        server = self._rehearsal.server()
        await furnished(server)
        server.set_endpoint(f"{self.endpoint}/")
        server.set_server_name("linetwin plant emulator")
        await self._rehearsal.protect(server)
        await self._rehearsal.limit(server)
        namespace = await server.register_namespace(NAMESPACE_URI)
        self._space = Space(server, namespace, self.line, self._rehearsal)
        await self._space.build(self._call)
        await self._publish_all()
        try:
            await server.start()
        except OSError as error:
            raise _no_port(self._port, error) from error
        self._server = server
        for fault in self._faults:
            self.inject(fault)
        self._opened_s = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(), name=f"plant {self.line.id}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the clock and close the server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._server is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.stop(), STOP_TIMEOUT_S)
            self._server = None

    async def _call(self, parent: Any, *arguments: Any) -> Any:
        """Answer the OPC UA method that makes something go wrong."""
        del parent
        return answer(arguments, self.inject)

    # --- letting time go on

    async def _run(self) -> None:
        while True:
            await self._catch_up()
            await asyncio.sleep(TICK_S)

    async def _catch_up(self) -> None:
        """Let happen, and serve, all that is due by the clock."""
        loop = asyncio.get_running_loop()
        assert self._space is not None
        target_s = self.now_s
        rested_s = loop.time()
        while self._reached_s < target_s:
            await self._step(target_s)
            if loop.time() - rested_s > TICK_S:
                await asyncio.sleep(0)  # clients get their turn while the plant catches up
                rested_s, target_s = loop.time(), self.now_s
                self._tell_lag()
        if loop.time() - self._clock_written_s >= CLOCK_EVERY_S:
            self._clock_written_s = loop.time()
            await self._space.write_time(self.moment(self._reached_s))

    async def _step(self, target_s: float) -> None:
        """Go on to the next reading of the sensors, or to ``target_s`` if that comes first."""
        assert self._space is not None
        sample_s = self._next_sample_s()
        until_s = min(target_s, sample_s)
        self.engine.advance(until_s)
        await self._publish_rows()
        self._reached_s = until_s
        if until_s == sample_s:
            self._samples += 1
            await self._space.write_signals(self._signals.sample(until_s), self.moment(until_s))

    def _next_sample_s(self) -> float:
        return self.begin_s + (self._samples + 1) * self._signals_every_s

    async def _publish_rows(self) -> None:
        """Write what the new events changed, moment by moment, in order of time."""
        assert self._space is not None
        rows = self.engine.builder.rows
        while self._cursor < len(rows):
            moment = self.moment(rows[self._cursor].time_s)
            # One timestamp is one moment: events that it cannot tell apart are told together.
            while self._cursor < len(rows) and self.moment(rows[self._cursor].time_s) == moment:
                self._take(rows[self._cursor])
            await self._space.write(self._tracker.changes(), moment)
        self._forget(rows)

    def _take(self, row: Row) -> None:
        self._tracker.apply(row)
        self._signals.apply(row)
        self._cursor += 1

    def _forget(self, rows: list[Row]) -> None:
        if self._rows_kept is not None and len(rows) > 2 * self._rows_kept:
            surplus = len(rows) - self._rows_kept
            del rows[:surplus]
            self._cursor -= surplus
            self._dropped += surplus

    async def _run_ahead(self) -> None:
        """Let the line run from its own start to the moment at which the plant opens."""
        reached_s = 0.0
        while reached_s < self.begin_s:
            reached_s = min(self.begin_s, reached_s + 600.0)
            self.engine.advance(reached_s)
            rows = self.engine.builder.rows
            while self._cursor < len(rows):
                self._take(rows[self._cursor])
            self._forget(rows)
            await asyncio.sleep(0)
        self._reached_s = self.begin_s

    async def _publish_all(self) -> None:
        """Write every node once, as of the moment the plant opens."""
        assert self._space is not None
        moment = self.moment(self.begin_s)
        await self._space.write(self._tracker.changes(), moment)
        await self._space.write_signals(self._signals.sample(self.begin_s), moment)
        await self._space.write_time(moment)

    def _tell_lag(self) -> None:
        loop_s = asyncio.get_running_loop().time()
        if self.lag_s > LATE_S and loop_s - self._warned_s > 10 * LATE_S:
            self._warned_s = loop_s
            _logger.warning(
                "the plant is %.1f s behind its clock and catches up; a lower speed than %g, or a "
                "machine with less to do, keeps it on time",
                self.lag_s,
                self.speed,
            )


def _check(speed: float, port: int, begin_s: float) -> None:
    findings = []
    if not (math.isfinite(speed) and 0 < speed <= MAX_SPEED):
        findings.append(Finding("speed", f"{speed!r} is no speed", f"above 0, up to {MAX_SPEED:g}",
                                "1 is real time, 20 is twenty times as fast"))  # fmt: skip
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the highest port there is
        findings.append(Finding("port", f"{port!r} is no port", "0 to 65535; 0: any free one"))
    if not 0 <= begin_s <= MAX_AHEAD_S:
        message = f"it lies {begin_s / 86400:+.2f} days from the line's start"
        expected = f"from the line's start to {MAX_AHEAD_S / 86400:g} days after it"
        findings.append(Finding("start", message, expected, "change the line's start"))
    if findings:
        raise OptionsError("the plant's options", findings)


def _usable_port(port: int) -> int:
    """Return the port if it is free, or any free one for 0; the server itself would only log it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise _no_port(port, error) from error
        found: int = probe.getsockname()[1]
    return found


def _no_port(port: int, error: OSError) -> PlantError:
    if error.errno == errno.EADDRINUSE:
        told = PlantError(
            f"port {port} on {HOST} is in use; stop what listens there, or choose another port "
            "(0 takes any free one)"
        )
    else:
        reason = error.strerror or str(error)
        told = PlantError(f"port {port} on {HOST} cannot be opened: {reason}")
    told.errno = error.errno
    return told
