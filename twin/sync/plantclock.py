"""The plant's own clock: what time it shows, and whether somebody set it."""

from __future__ import annotations

from datetime import datetime, timedelta

from twin.sync.clock import Clock
from twin.sync.protocol import Quality, Value

STEP_S = 2.0
"""Difference between two clocks from which one of them was set, s on our clock."""

LEAP_S = 60.0
"""Step forward from which the plant's clock was set, s on our clock: heartbeats may have been as
late as that, and be in time now."""


class PlantClock:
    """Follows the heartbeats of a plant.

    Parameters
    ----------
    clock : Clock
        Our clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._step = timedelta(seconds=STEP_S * clock.speed)
        self._leap = timedelta(seconds=LEAP_S * clock.speed)
        self._shown: datetime | None = None
        self._heard_s = 0.0
        self._ahead: timedelta | None = None

    def forget(self) -> None:
        """Begin anew: whatever was said of the time before means nothing now."""
        self._shown = self._ahead = None

    def beat(self, shown: datetime, received_at: datetime) -> timedelta:
        """Take a heartbeat; return by how much the clock was set, zero if it was not.

        Heartbeats may be late, and several may come at once: then the clock seems to be slow for a
        while. Never does it seem to go back, nor to be much faster than it was.
        """
        before, ahead = self._shown, shown - received_at
        if before is not None and self._ahead is not None:
            set_back = shown < before - self._step
            if set_back or ahead > self._ahead + self._leap:
                step = ahead - self._ahead
                self._shown, self._heard_s, self._ahead = shown, self._clock.steady_s(), ahead
                return step
            if shown < before:
                return timedelta()
        self._shown, self._heard_s = shown, self._clock.steady_s()
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)
        return timedelta()

    def present(self) -> datetime | None:
        """Return what the clock shows by now, as far as it can be known; None before it did."""
        if self._shown is None:
            return None
        passed_s = (self._clock.steady_s() - self._heard_s) * self._clock.speed
        return self._shown + timedelta(seconds=passed_s)

    def latest(self) -> datetime | None:
        """Return the latest moment at which a value can have been made by now."""
        present = self.present()
        return None if present is None else present + self._step

    def placed(self, value: Value, watermark: datetime | None) -> Value:
        """Return a value that cannot be of its time at a moment that it can have.

        A device whose own clock was set, back or ahead, goes on telling what happens now: it is
        taken for that, and is uncertain. What a history gave is as old as it says.

        Parameters
        ----------
        value : Value
            A value that is older than another of its node, or later than ``latest``.
        watermark : datetime or None
            Moment up to which everything is known.
        """
        present = self.present()
        if value.late or present is None:
            return value
        earliest = value.source_time if watermark is None else watermark - self._step
        if earliest <= value.source_time <= present + self._step:
            return value
        quality = Quality.UNCERTAIN if value.quality is Quality.GOOD else value.quality
        return value._replace(source_time=present, quality=quality)
