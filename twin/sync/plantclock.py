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

PACE_AFTER_S = 1.0
"""How long a clock is watched before its pace is known, s on our clock."""

PATIENCE_S = 5.0
"""Time after which the plant's clock has shown the time of a value that was not ahead of it, s on
our clock: heartbeats come behind values, and may come late."""


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
        self._patience = timedelta(seconds=PATIENCE_S * clock.speed)
        self._lead: timedelta | None = None
        self._shown: datetime | None = None
        self._heard_s = 0.0
        self._ahead: timedelta | None = None
        self._ahead_at: datetime | None = None
        self._first: tuple[datetime, datetime] | None = None
        self._last: tuple[datetime, datetime] | None = None

    def forget(self) -> None:
        """Begin anew: whatever was said of the time before means nothing now."""
        self._shown = self._ahead = self._ahead_at = self._first = self._lead = None

    def beat(self, shown: datetime, received_at: datetime) -> timedelta:
        """Take a heartbeat; return by how much the clock was set, zero if it was not.

        Heartbeats may be late, and several may come at once: then the clock seems to be slow for a
        while. Never does it seem to go back, nor to be much faster than it was; the clock of a
        plant that is rehearsed may be faster than ours all the time.
        """
        before, ahead = self._shown, shown - received_at
        if before is not None and self._ahead is not None:
            expected = self._expected(received_at)
            set_forward = expected is not None and ahead > expected + self._leap
            if set_forward or shown < before - self._step:
                step = ahead - (expected if set_forward and expected else self._ahead)
                self.forget()
                self._keep(shown, received_at)
                return step
            if shown < before:
                return timedelta()
        self._keep(shown, received_at)
        return timedelta()

    def _keep(self, shown: datetime, received_at: datetime) -> None:
        self._shown, self._heard_s = shown, self._clock.steady_s()
        self._last = shown, received_at
        if self._first is None:
            self._first = self._last
        if self._ahead is None or shown - received_at > self._ahead:
            self._ahead, self._ahead_at = shown - received_at, received_at

    def _pace(self) -> float | None:
        """Return how much faster than ours the clock was so far; None while that is new."""
        if self._first is None or self._last is None:
            return None
        shown, heard = (last - first for last, first in zip(self._last, self._first, strict=True))
        if heard < timedelta(seconds=PACE_AFTER_S):
            return None
        return max(1.0, shown / heard)

    def _expected(self, received_at: datetime) -> timedelta | None:
        """Return how far ahead the clock is by now at the pace it had; None while that is new."""
        pace = self._pace()
        if pace is None or self._ahead is None or self._ahead_at is None:
            return None
        return self._ahead + (pace - 1.0) * (received_at - self._ahead_at)

    def present(self) -> datetime | None:
        """Return what the clock shows by now, as far as it can be known; None before it did."""
        if self._shown is None:
            return None
        passed_s = (self._clock.steady_s() - self._heard_s) * self._clock.speed
        return self._shown + timedelta(seconds=passed_s) * (self._pace() or 1.0)

    def ahead_of(self) -> tuple[datetime, datetime]:
        """Return after which time a value is ahead of the clock, if it came before the other one.

        To be asked when a heartbeat was taken. A value may come long before the heartbeat of its
        time, so no value is ahead before heartbeats have gone on for a while behind it.
        """
        assert self._shown is not None
        assert self._last is not None
        return self._shown + self._step, self._last[1] - self._patience

    def leads(self, value: Value) -> bool:
        """Tell whether a value comes from a device whose clock was found to be far ahead."""
        present = self.present()
        if self._lead is None or present is None:
            return False
        return value.source_time > present + self._lead / 2

    def taken_down(self, value: Value) -> Value:
        """Return a value that was found ahead of the clock as one of now.

        A device whose own clock was set, back or ahead, goes on telling what happens now: it is
        taken for that, and is uncertain. What a history gave is as old as it says.
        """
        present = self.present()
        if value.late or present is None:
            return value
        lead = value.source_time - present
        if lead > self._leap and (self._lead is None or lead < self._lead):
            self._lead = lead
        quality = Quality.UNCERTAIN if value.quality is Quality.GOOD else value.quality
        return value._replace(source_time=present, quality=quality)

    def placed(self, value: Value, watermark: datetime | None) -> Value:
        """Return a value that is older than another of its node at a moment that it can have.

        Parameters
        ----------
        value : Value
            The value.
        watermark : datetime or None
            Moment up to which everything is known.
        """
        if watermark is None or value.source_time >= watermark - self._step:
            return value
        return self.taken_down(value)
