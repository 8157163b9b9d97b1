"""What one benchmark is, and how it is timed."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One thing whose speed matters."""

    name: str
    """Subject and condition, such as `reference engine, bottling, 8 h`."""
    run: Callable[[], float]
    """Does the work once and returns how much was done, in `unit`."""
    unit: str
    """What `run` counts, in the plural: events, orders, requests."""
    repeats: int = 5
    """Timed runs, after one that warms up."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What came out for one case."""

    name: str
    unit: str
    done: float
    fastest_s: float
    median_s: float
    slowest_s: float

    @property
    def rate_per_s(self) -> float:
        """Return the work done per second in the median run."""
        return self.done / self.median_s


def measure(case: Case) -> Timing:
    """Run a case once to warm up, then time its repeats one by one."""
    done = case.run()
    spent_s = []
    for _ in range(case.repeats):
        started_s = time.perf_counter()
        done = case.run()
        spent_s.append(time.perf_counter() - started_s)
    return Timing(
        name=case.name,
        unit=case.unit,
        done=done,
        fastest_s=min(spent_s),
        median_s=statistics.median(spent_s),
        slowest_s=max(spent_s),
    )
