"""A mirror of a plant as a feed of the service."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from api.live import Picture, Readings, Signal
from api.schemas import Link, LinkStatus, Quality
from twin.errors import TwinError
from twin.events import EventLog
from twin.events.fold import empty_state
from twin.line import Line
from twin.sync import LinkStatus as MirrorStatus
from twin.sync import Mapping, Mirror
from twin.sync.protocol import CONNECTED

AGAIN_S = 5.0
"""Time after which a mirror that ended is begun again, s."""
STOP_S = 5.0
"""Time that a mirror may take to end, s."""
LOG_KEPT_S = 1.0
"""Time for which a log is given out again, s: making one of a long window takes a while."""

_log = logging.getLogger(__name__)
Found = TypeVar("Found")


class MirrorFeed:
    """Follows a plant through a mirror; may be asked from any thread.

    Parameters
    ----------
    mirror : Mirror
        Not running yet.
    stale_after_s : float
        Age above which values are called stale, s.
    closing : callable, optional
        Called once the mirror has ended, for instance to close its journal.
    """

    def __init__(
        self,
        mirror: Mirror,
        stale_after_s: float = 5.0,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self._mirror = mirror
        self._stale_after_s = stale_after_s
        self._closing = closing
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._kept: tuple[float, EventLog] | None = None

    @property
    def line(self) -> Line:
        """The line."""
        return self._mirror.line

    @property
    def mirror(self) -> Mirror:
        """The mirror."""
        return self._mirror

    async def start(self) -> None:
        """Begin to follow the plant; one that is not there is waited for."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._task = asyncio.create_task(self._follow(), name=f"mirror-{self.line.id}")

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_S)
            self._task = None
        self._loop = None
        if self._closing is not None:
            self._closing()

    async def _follow(self) -> None:
        """Run the mirror; whatever ends it is logged, and it is begun again."""
        while True:
            try:
                await self._mirror.run()
            except (TwinError, OSError, ValueError, LookupError):
                _log.exception("the mirror of %s ended; it is begun again", self.line.id)
            await asyncio.sleep(AGAIN_S)

    def link(self) -> Link:
        """Return how the connection stands."""
        return self._ask(self._link)

    @property
    def revision(self) -> Hashable:
        """What stays equal for as long as the picture does, but for its age."""
        return self._ask(lambda: (self._mirror.revision, self._is_old(self._mirror.status())))

    def _is_old(self, status: MirrorStatus) -> bool:
        return (status.age_s or 0.0) > self._stale_after_s

    def picture(self) -> Picture:
        """Return the line as it is now; before the first picture an empty one of bad quality."""
        return self._ask(self._picture)

    def log(self, window_s: float) -> EventLog | None:
        """Return the events since the last gap, at least the last ``window_s`` where they are."""
        del window_s  # the mirror keeps one window; the caller observes a part of it
        return self._ask(self._logged)

    def readings(self, since_s: float) -> Readings:
        """Return what the sensors read from ``since_s`` (plant time) on."""
        return self._ask(lambda: self._read(since_s))

    def logs(self) -> tuple[EventLog, ...]:
        """Return the events between the gaps, oldest first, as far back as they are kept."""
        return self._ask(self._mirror.logs)

    def status(self) -> MirrorStatus:
        """Return how the connection stands, in full."""
        return self._ask(self._mirror.status)

    @property
    def mapping(self) -> Mapping:
        """How the plant is read."""
        return self._mirror.mapping

    def _read(self, since_s: float) -> Readings:
        return {
            station.id: {
                name: [(reading.time_s, reading.value) for reading in past]
                for name, past in self._mirror.signal_history(station.id, since_s).items()
            }
            for station in self.line.stations
        }

    def _ask(self, question: Callable[[], Found]) -> Found:
        """Ask the mirror in its own thread, wherever the caller is."""
        loop = self._loop
        if loop is None or threading.get_ident() == self._thread:
            return question()

        async def asked() -> Found:
            return question()

        return asyncio.run_coroutine_threadsafe(asked(), loop).result(timeout=10.0)

    def _link(self) -> Link:
        status = self._mirror.status()
        if status.state in CONNECTED:
            found = LinkStatus.CONNECTED
        else:
            found = LinkStatus.LOST if self._mirror.ready else LinkStatus.CONNECTING
        reason = status.alarm or status.reason
        return Link(
            status=found, since=status.since, endpoint=status.endpoint, message=reason[:500]
        )

    def _picture(self) -> Picture:
        mirror = self._mirror
        status = mirror.status()
        now = datetime.now(UTC)
        if not mirror.ready:
            return Picture(
                state=empty_state(self.line),
                statuses={},
                signals={},
                as_of=self.line.start_utc,
                received_at=now,
                quality=Quality.BAD,
                link=self._link(),
                known=False,
            )
        state = mirror.state()
        age_s = status.age_s or 0.0
        quality = Quality(status.quality)
        if self._is_old(status) and quality in {
            Quality.GOOD,
            Quality.UNCERTAIN,
            Quality.GAP,
        }:
            quality = Quality.STALE
        return Picture(
            state=state,
            statuses=mirror.statuses(),
            signals={
                station: {
                    name: Signal(reading.value, reading.unit, self.line.moment(reading.time_s))
                    for name, reading in readings.items()
                }
                for station, readings in mirror.signals().items()
            },
            as_of=self.line.moment(state.time_s),
            received_at=now - timedelta(seconds=age_s),
            quality=quality,
            link=self._link(),
        )

    def _logged(self) -> EventLog | None:
        if not self._mirror.ready:
            return None
        now_s = time.monotonic()
        if self._kept is None or now_s - self._kept[0] > LOG_KEPT_S:
            self._kept = (now_s, self._mirror.log())
        return self._kept[1]
