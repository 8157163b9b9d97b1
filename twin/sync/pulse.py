"""Whether values flow: the server's own clock, read beside them, proves it by moving."""

from __future__ import annotations

from datetime import datetime

from twin.sync.clock import Clock
from twin.sync.protocol import Quality, Value


class Pulse:
    """The signs of life of one server.

    Parameters
    ----------
    clock : Clock
        Our clock.
    """

    def __init__(self, clock: Clock) -> None:
        self.beating = False
        """Whether the server has a clock that can be subscribed to."""
        self.beats = 0
        """Different values of that clock in this connection."""
        self.skew_s: float | None = None
        """Server's clock less ours, s."""
        self.allowance_s = 0.0
        """Longest time between two signs of life by the server's own settings, s."""
        self.quiet_s = 0.0
        """Longest time between two publications of which one has no news, s."""
        self._clock = clock
        self._shown: datetime | None = None
        self._beat_s = self._heard_s = clock.steady_s()

    def connect(self) -> None:
        """Begin with a new connection."""
        self.beats = 0

    def begin(self) -> None:
        """Count the silence from now."""
        self._beat_s = self._heard_s = self._clock.steady_s()

    def allow(self, *times_s: float) -> None:
        """Let the server be silent for any of some times."""
        self.allowance_s = max(self.allowance_s, *times_s)

    def heard(self) -> None:
        """Note that a notification came in."""
        self._heard_s = self._clock.steady_s()

    def flow(self) -> None:
        """Note that new values came in: no clock could prove more."""
        self._heard_s = self._beat_s = self._clock.steady_s()

    def beat(self, shown: datetime, now: datetime) -> None:
        """Take a value of the server's clock, aware, UTC."""
        if shown != self._shown:
            self._shown = shown
            self.skew_s = (shown - now).total_seconds()
            self.beats += 1
            self._beat_s = self._clock.steady_s()

    def seen(self, shown: datetime) -> None:
        """Take the server's clock as it was read directly, aware, UTC.

        Where it stands as it stood no beat is due: what the server publishes at all is the sign.
        """
        if shown == self._shown:
            self.beats = max(1, self.beats)
            self.allow(self.quiet_s)
            self._beat_s = max(self._beat_s, self._heard_s)

    def silent_s(self) -> float:
        """Return the time since values were last proved to flow, s on our clock."""
        since_s = self._beat_s if self.beating and self.beats else self._heard_s
        return self._clock.steady_s() - since_s


def doubted(value: Value, skew_s: float | None, limit_s: float | None) -> Value:
    """Return a value as uncertain where the plant's clock is too far off ours.

    Parameters
    ----------
    value : Value
        A value as it came in.
    skew_s : float or None
        Plant's clock less ours, s; None while it is not known.
    limit_s : float or None
        Difference that is too much, s; None: none is.
    """
    if limit_s is None or value.quality is not Quality.GOOD:
        return value
    ahead_s = (value.source_time - value.received_at).total_seconds()
    skewed = skew_s is not None and abs(skew_s) > limit_s
    return value._replace(quality=Quality.UNCERTAIN) if skewed or ahead_s > limit_s else value
