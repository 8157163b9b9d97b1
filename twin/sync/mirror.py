"""The mirror: a line's live state and event log, kept true to the plant or known to be old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from twin.events import EventLog, LineState, Status
from twin.sync.intake import Intake
from twin.sync.protocol import (
    CONNECTED,
    SourceState,
)
from twin.sync.restore import NO_EPOCH
from twin.sync.signals import Reading
from twin.sync.status import Change, ChangeKind, LinkStatus


class Mirror(Intake):
    """Follows a plant through a connector.

    Parameters
    ----------
    line : Line
        The line as the twin knows it.
    connector : Connector
        Where values come from, such as ``OpcUaConnector``.
    clock : Clock or None
        Our clock; None: this computer's.
    store : Store or None
        Where values are kept before they are believed, such as ``SqliteStore``; None: nowhere.
    window_s : float
        Plant time that ``log`` reaches back, s.
    mapping : Mapping or None
        How the plant is read; None: the connector's own, else that of the emulated plant.

    Notes
    -----
    ``run`` does the work; everything else may be asked at any time from the same event loop. The
    state is that of a moment which the plant's own clock has passed and for which all values are
    there; it lags behind the plant by the hold-back time of the mapping (0.25 s by default).
    """

    # --- asking -------------------------------------------------------------------------------

    def state(self) -> LineState:
        """Return where everything is, at the last moment for which all values are there.

        ``time_s`` is that moment on the plant's clock; it stands still while the link is lost.

        Raises
        ------
        LookupError
            Before the first picture of the plant is complete; see ``wait_ready``.
        """
        if not self.ready:
            raise LookupError(
                f"no picture of {self.connector.endpoint} yet: the link is {self._link.state}"
                f"{', ' + self._link.reason if self._link.reason else ''}"
            )
        return self._standing.state()

    def statuses(self) -> dict[str, list[Status]]:
        """Return what each server of each station does; empty before the first picture."""
        return self._standing.statuses()

    def log(self) -> EventLog:
        """Return the events since the last gap, as far back as the window reaches.

        Raises
        ------
        LookupError
            Before the first picture of the plant is complete.
        """
        self.state()
        return self.logs()[-1]

    def logs(self) -> tuple[EventLog, ...]:
        """Return the event logs between the gaps within the window, oldest first."""
        return self._standing.logs()

    def signals(self) -> dict[str, dict[str, Reading]]:
        """Return the newest reading of each sensor, by station and sensor."""
        return self._signals.latest()

    def signal_history(self, station: str, since_s: float) -> dict[str, list[Reading]]:
        """Return a station's readings by sensor from ``since_s`` (plant time) on, oldest first."""
        return self._signals.history(station, since_s)

    def status(self) -> LinkStatus:
        """Return how the link stands and how far the state can be trusted."""
        now_s = self._clock.steady_s()
        as_of = None if self._standing.as_of_s is None else self._moment(self._standing.as_of_s)
        return LinkStatus(
            state=self._link.state,
            since=self._link.at,
            as_of=as_of,
            age_s=None if self._heard_s is None else max(0.0, now_s - self._heard_s),
            quality=self._quality(),
            endpoint=self.connector.endpoint,
            reason=self._link.reason,
            received=self._ledger.received,
            duplicates=self._ledger.duplicates,
            gaps=tuple(self._ledger.gaps),
            missing=self._link.missing,
            last_error=self._last_error,
            mapping_hash=self.mapping.hash,
            skew_s=self._skew_s,
            alarm=self._writer.alarm,
            tally=self._standing.translator.tally,
        )

    def _quality(self) -> str:
        if not self.ready:
            return "bad"
        if self._link.state not in CONNECTED or self._writer.alarm is not None:
            return "stale"
        if self._picture_from is not None:
            return "gap"
        limit_s, skew_s = self.mapping.max_skew_s, self._skew_s
        skewed = limit_s is not None and skew_s is not None and abs(skew_s) > limit_s
        doubtful = self._link.state is SourceState.DEGRADED or skewed or self._doubt
        return "uncertain" if doubtful else "good"

    def changes(self) -> AsyncIterator[Change]:
        """Yield news as it comes. A reader who is too slow loses the oldest, never the newest."""
        return self._listeners.changes()

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once there is a state; raises TimeoutError after ``timeout_s``."""
        async with asyncio.timeout(timeout_s):
            while not self.ready:
                self._news.clear()
                await self._news.wait()

    # --- following ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow the plant until cancelled; then end the connection.

        Where a store is, the state of the last run is there at once, as old as it is.
        """
        if not self.ready:
            found = await asyncio.to_thread(self._keeper.restored, self.line, self.mapping)
            if found is not None:
                self._standing.take_over(found)
                self._tell(Change(ChangeKind.STATE, found.as_of_s, events=len(found.rows)))
                await self._keep(NO_EPOCH)
        await self.connector.connect()
        try:
            while True:
                await self.step()
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self.connector.close())
