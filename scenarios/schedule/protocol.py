"""What every engine is asked and what it answers: one function ``improve(request) -> Outcome``.

An engine starts from a feasible schedule, tells of each better one and of each better bound, takes
over what others have found meanwhile if it can, and stops when the request is over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Network


@dataclass(slots=True)
class Request:
    """What an engine is asked."""

    network: Network
    start: Schedule | None
    """Feasible schedule to start from; None: none is known."""
    until: float
    """Moment of ``time.monotonic`` at which it stops, s; infinite: ``iterations`` say."""
    seed: int = 0
    """Seed of its random choices."""
    workers: int = 1
    """Threads that it may use."""
    iterations: int | None = None
    """Steps of its own kind after which it stops; None: as many as the time allows."""
    extra: Callable[[Any], None] | None = None
    """User's own constraints, on the Pyomo model."""
    on_schedule: Callable[[Schedule], None] = field(default=lambda _: None)
    """Called with every better schedule; it is feasible."""
    on_bound: Callable[[float], None] = field(default=lambda _: None)
    """Called with the proven bound as it grows."""
    cancelled: Callable[[], bool] = field(default=lambda: False)
    """Asked often; True stops."""
    incumbent: Callable[[], Schedule | None] = field(default=lambda: None)
    """Best schedule that any engine has found so far."""

    def over(self) -> bool:
        """Say whether the engine must stop now."""
        return time.monotonic() >= self.until or self.cancelled()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine found."""

    schedule: Schedule | None
    """Best schedule it knows, the start included; None: none."""
    bound: float = -math.inf
    """Proven lower bound; minus infinity without one."""
    infeasible: bool = False
    """Whether it was proven that no schedule meets all demands."""
    message: str = ""
    """What there is to say."""
