"""Clocks: what time it is at the plant, and how long we have waited."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from twin.units import aware_utc


class Clock(Protocol):
    """Two clocks in one: the plant's calendar, and our own steady seconds for waits and ages."""

    @property
    def speed(self) -> float:
        """Plant seconds that pass in one of our seconds."""
        ...

    def now(self) -> datetime:
        """Return the plant's time, aware, UTC."""
        ...

    def steady_s(self) -> float:
        """Return our own seconds since some moment; they never jump."""
        ...

    async def sleep(self, seconds_s: float) -> None:
        """Wait for so many of our own seconds."""
        ...


class SystemClock:
    """The plant runs on this computer's clock."""

    @property
    def speed(self) -> float:
        """Plant seconds that pass in one of our seconds: one."""
        return 1.0

    def now(self) -> datetime:
        """Return the computer's time, aware, UTC."""
        return datetime.now(UTC)

    def steady_s(self) -> float:
        """Return our own seconds since some moment; they never jump."""
        return time.monotonic()

    async def sleep(self, seconds_s: float) -> None:
        """Wait for so many seconds."""
        await asyncio.sleep(seconds_s)


class ScaledClock(SystemClock):
    """The plant is an emulated one whose time runs faster or slower than ours.

    Parameters
    ----------
    start : datetime
        Plant time at the moment this clock is made, aware.
    speed : float
        Plant seconds that pass in one of our seconds, greater than zero.

    Raises
    ------
    ValueError
        If ``start`` carries no time zone or ``speed`` is not above zero.
    """

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"the speed of a clock must be above zero, not {speed!r}")
        self._start = aware_utc(start)
        self._speed = speed
        self._began_s = time.monotonic()

    @property
    def speed(self) -> float:
        """Plant seconds that pass in one of our seconds."""
        return self._speed

    def now(self) -> datetime:
        """Return the plant's time, aware, UTC."""
        passed_s = (time.monotonic() - self._began_s) * self._speed
        return self._start + timedelta(seconds=passed_s)


class ManualClock:
    """A clock that moves only when it is told to; sleeping moves it at once.

    Parameters
    ----------
    start : datetime
        Time it shows first, aware.
    """

    def __init__(self, start: datetime) -> None:
        self._now = aware_utc(start)
        self._steady_s = 0.0

    @property
    def speed(self) -> float:
        """Plant seconds that pass in one of our seconds: one."""
        return 1.0

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self._now

    def steady_s(self) -> float:
        """Return the seconds by which it was advanced."""
        return self._steady_s

    def advance(self, seconds_s: float) -> None:
        """Move both clocks on.

        Raises
        ------
        ValueError
            If ``seconds_s`` is negative.
        """
        if seconds_s < 0:
            raise ValueError(f"a clock does not run backwards: {seconds_s!r} s")
        self._now += timedelta(seconds=seconds_s)
        self._steady_s += seconds_s

    async def sleep(self, seconds_s: float) -> None:
        """Advance by so many seconds and let others run."""
        self.advance(seconds_s)
        await asyncio.sleep(0)
