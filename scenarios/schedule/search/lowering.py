"""From seconds to ticks: compiled searches count in whole numbers, so that equal is equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scenarios.schedule.search.chance import Numbers
from scenarios.schedule.timing import Network

_SCALES = (1, 2, 4, 5, 10, 20, 60, 100, 1_000, 10_000, 100_000)
_FINEST = 1_000_000
"""Ticks per second if nothing coarser fits. Times that still do not are rounded to a microsecond in
the search; the schedules that it gives are timed anew, to the last digit."""
_EXACT = 1e-7
"""Distance from a whole number of ticks up to which a time counts as one, in ticks."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """The clock of a search."""

    per_second: int
    origin_s: float
    """Moment of tick 0, s."""

    @staticmethod
    def of(network: Network) -> Ticks:
        """Return the coarsest clock that shows every time of a problem exactly, if there is one."""
        origin_s = network.problem.start_s
        times = np.array(list(_times(network)), dtype=np.float64)
        for scale in _SCALES:
            counts = times * scale
            if np.all(np.abs(counts - np.rint(counts)) <= _EXACT):
                return Ticks(scale, origin_s)
        return Ticks(_FINEST, origin_s)

    def lengths(self, seconds: Iterable[float]) -> Numbers:
        """Return lengths of time in ticks."""
        return np.rint(np.fromiter(seconds, dtype=np.float64) * self.per_second).astype(np.int64)

    def moments(self, seconds: Sequence[float]) -> Numbers:
        """Return moments in ticks; what lies before the origin becomes 0."""
        return self.lengths(max(0.0, moment_s - self.origin_s) for moment_s in seconds)


def begun(network: Network) -> tuple[dict[int, float], list[float]]:
    """Return when steps under way start, and from when on each machine is free of them, s.

    They come first on their machines and wait for nothing: a search for a shop need not move them.
    """
    starts: dict[int, float] = {}
    free = []
    for machine in network.machines:
        time_s = max(machine.ready_s, network.problem.start_s)
        for i in (network.index[key] for key in machine.running):
            step = network.steps[i]
            starts[i] = max(time_s, network.problem.jobs[step.job].release_s)
            time_s = starts[i] + step.choices[0].duration_s
        free.append(time_s)
    return starts, free


def _times(network: Network) -> Iterator[float]:
    """Yield every time of a problem, moments as seconds since its start."""
    origin_s = network.problem.start_s
    for job in network.problem.jobs:
        for moment_s in (job.release_s, job.due_date_s, job.deadline_s):
            if moment_s is not None:
                yield moment_s - origin_s
    for step in network.steps:
        if step.fixed_s is not None:
            yield step.fixed_s - origin_s
        for choice in step.choices:
            yield from (choice.duration_s, choice.first_part_s, choice.last_part_s)
    for machine in network.machines:
        yield machine.ready_s - origin_s
        for row in machine.setup_s.values():
            yield from row.values()
        for closed in machine.unavailable:
            yield closed.start_s - origin_s
            yield closed.end_s - origin_s
