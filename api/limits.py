"""How often somebody may ask: a bucket of tokens for each key and each address."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from api.problems import TOO_OFTEN, RefusalError

MOST_KNOWN = 10_000
"""Buckets that are kept; the one that was idle longest is forgotten first."""


class RateLimit:
    """Refuses who asks too often.

    Parameters
    ----------
    per_s : float
        Requests per second in the long run.
    burst : int
        Requests that may come at once.
    clock : callable
        Steady clock, s.
    """

    def __init__(
        self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, cost: float = 1.0) -> None:
        """Count a request.

        Raises
        ------
        RefusalError
            If there were too many; it tells when to come again.
        """
        now_s = self._clock()
        left, last_s = self._buckets.pop(who, (self._burst, now_s))
        left = min(self._burst, left + (now_s - last_s) * self._per_s)
        enough = left >= cost
        self._buckets[who] = (left - cost if enough else left, now_s)
        while len(self._buckets) > MOST_KNOWN:
            self._buckets.popitem(last=False)
        if not enough:
            wait_s = math.ceil((cost - left) / self._per_s)
            detail = f"more than {self._per_s:g} requests per second"
            raise RefusalError(TOO_OFTEN, detail, headers={"Retry-After": str(max(wait_s, 1))})
