"""Which of several good schedules holds up: each is played in the twin with the same chances.

A schedule that is best on paper may be the first to break. Some distinct schedules, all nearly as
good, are replayed with common random numbers; those that are clearly worse than another drop out
after a few replications, the rest are played more often, and the one with the least expected (or
tail) tardiness is chosen. Where replications lose time, durations are stretched and a further
candidate is made with that slack.

References
----------
Goren and Sabuncuoglu (2008), Robustness and stability measures for scheduling.
Nelson, Swann, Goldsman and Song (2001), Simple procedures for selecting the best simulated system.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.keeping import kept
from scenarios.schedule.neighbours import moved, polish
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.replay import OrderOutlook, on_time, replay, replay_options
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Choice as Alternative
from scenarios.schedule.timing import Network, decisions, timed
from scenarios.schedule.violations import violations
from twin.errors import Finding, OptionsError
from twin.events.state import LineState
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr

    from twin.kpi import Interval

Risk = Literal["expected", "tail"]
"""``expected``: mean weighted tardiness; ``tail``: mean of its worst tenth."""
_FIRST = 8
"""Replications after which clearly worse schedules drop out."""
_CLEAR = 2.0
"""Standard errors by which a schedule must be worse to drop out."""
_TAIL = 0.1
"""Share of the replications that are the tail."""
_MOST_STRETCH = 2.0
"""Factor on durations that slack gives at most."""
_TRIES = 60
"""Random changes tried for each further schedule that is wanted."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One schedule, as planned and as played."""

    schedule: Schedule
    planned: float
    """Weighted tardiness that it states, s."""
    expected: Interval
    """Mean weighted tardiness over the replications, with its interval, s."""
    tail: float
    """Mean of the worst tenth, s."""
    replications: int
    """How often it was played."""
    dropped: bool
    """Whether it was given up early, because another was clearly better."""
    padded: bool = False
    """Whether it was made with slack where others had lost time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and from what."""

    chosen: Judged
    candidates: tuple[Judged, ...]
    """All, in the order in which they were given; the padded one last."""
    outlooks: tuple[OrderOutlook, ...]
    """On-time probability and completion of each order under the chosen schedule."""


def distinct(
    problem: SchedulingProblem,
    best: Schedule,
    count: int = 20,
    *,
    slack: float = 0.05,
    seconds: float = 5.0,
    seed: int = 0,
) -> tuple[Schedule, ...]:
    """Return up to ``count`` schedules with other sequences, nearly as good; the best first.

    Parameters
    ----------
    problem : SchedulingProblem
        The problem.
    best : Schedule
        A good schedule of it.
    count : int
        Schedules wanted.
    slack : float
        How much worse they may be: this share of the objective plus as much of the makespan's
        weight, since tardiness alone may be zero.
    seconds : float
        Time for it, s.
    seed : int
        Seed of the changes.
    """
    network, generator = Network.of(problem.without_line()), np.random.default_rng(seed)
    found = {_signature(best): best}
    room = best.objective + slack * max(best.objective, best.makespan_s)
    until, here = time.monotonic() + seconds, best
    for _ in range(_TRIES * count):
        if len(found) >= count or time.monotonic() >= until:
            break
        move = moved(network, *decisions(network, here), generator)
        picture = None if move is None else timed(network, *move)
        other = None if picture is None else kept(problem, picture)
        if other is None or other.objective > room or violations(problem, other, played=False):
            here = best if generator.random() < _TAIL else here
            continue
        here = other
        found.setdefault(_signature(other), other)
    return tuple(found.values())


def _signature(schedule: Schedule) -> tuple[tuple[str, ...], ...]:
    rows = schedule.by_machine()
    return tuple((machine, *(placed.key for placed in rows[machine])) for machine in rows)


def choose(  # noqa: PLR0913 - what is played, where, how often, and what counts
    line: Line,
    problem: SchedulingProblem,
    schedules: Sequence[Schedule],
    *,
    replications: int = 40,
    seed: int = 0,
    state: LineState | None = None,
    risk: Risk = "expected",
    pad: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Choice:
    """Return the schedule that holds up best in the twin.

    Parameters
    ----------
    line : Line
        Line that has the orders.
    problem : SchedulingProblem
        What was scheduled; its weights and due dates count.
    schedules : sequence of Schedule
        Candidates, at least one; see :func:`distinct`.
    replications : int
        Runs of each schedule that stays in the race.
    seed : int
        Seed; replication n has the same chances for all.
    state : LineState, optional
        Where the line stands.
    risk : {"expected", "tail"}
        What is to be small.
    pad : bool
        Whether to add a candidate with slack where the best of them loses time.
    progress : callable, optional
        Told how many replications are done, and of how many at most; what it raises ends the race.

    Raises
    ------
    OptionsError
        If there is no schedule.
    """
    if not schedules:
        finding = Finding("schedules", "is empty", "at least one schedule")
        raise OptionsError("the choice of a schedule", [finding])
    most = (len(schedules) + pad) * replications
    race = _Race(line, problem, state, seed, horizon_of(schedules, state), progress, most)
    entries = [_Entry(schedule) for schedule in schedules]
    first = min(_FIRST, replications)
    for entry in entries:
        race.play(entry, first)
    _drop(entries)
    staying = [entry for entry in entries if not entry.dropped]
    for entry in staying:
        race.play(entry, replications)
    if pad:
        best = min(staying, key=lambda entry: entry.score(risk))
        slackened = race.padded(best)
        if slackened is not None:
            entries.append(_Entry(slackened, padded=True))
            race.play(entries[-1], replications)
            staying.append(entries[-1])
    chosen = min(staying, key=lambda entry: entry.score(risk))
    judged = {id(entry): entry.judged() for entry in entries}
    return Choice(
        chosen=judged[id(chosen)],
        candidates=tuple(judged.values()),
        outlooks=() if chosen.results is None else on_time(chosen.results, chosen.schedule),
    )


def horizon_of(schedules: Sequence[Schedule], state: LineState | None) -> float:
    """Return a horizon that leaves room for every one of some schedules, s."""
    return max(replay_options(schedule, state).horizon_s for schedule in schedules)


class _Entry:
    """One schedule in the race."""

    def __init__(self, schedule: Schedule, *, padded: bool = False) -> None:
        self.schedule = schedule
        self.padded = padded
        self.late_s: NDArray[np.float64] = np.zeros(0)
        """Weighted tardiness of each replication, s."""
        self.results: xr.Dataset | None = None
        self.dropped = False

    def score(self, risk: Risk) -> float:
        return tail_mean(self.late_s) if risk == "tail" else float(self.late_s.mean())

    def judged(self) -> Judged:
        from twin.kpi import mean_interval  # noqa: PLC0415 - heavy

        return Judged(
            schedule=self.schedule,
            planned=self.schedule.weighted_tardiness_s,
            expected=mean_interval(self.late_s),
            tail=tail_mean(self.late_s),
            replications=len(self.late_s),
            dropped=self.dropped,
            padded=self.padded,
        )


def tail_mean(values: NDArray[np.float64]) -> float:
    """Return the mean of the worst tenth of some values, of one at least."""
    count = max(1, math.ceil(_TAIL * len(values)))
    return float(np.sort(values)[-count:].mean())


def _drop(entries: Sequence[_Entry]) -> None:
    """Give up the schedules that are clearly worse than the best, replication by replication."""
    best = min(entries, key=lambda entry: float(entry.late_s.mean()))
    for entry in entries:
        worse_s = entry.late_s - best.late_s
        error_s = float(worse_s.std(ddof=1)) / math.sqrt(len(worse_s)) if len(worse_s) > 1 else 0.0
        entry.dropped = entry is not best and float(worse_s.mean()) > _CLEAR * error_s


class _Race:
    """What all schedules are played in."""

    def __init__(  # noqa: PLR0913, PLR0917 - what is played, and whom to tell
        self,
        line: Line,
        problem: SchedulingProblem,
        state: LineState | None,
        seed: int,
        horizon_s: float,
        progress: Callable[[int, int], None] | None = None,
        most: int = 0,
    ) -> None:
        from twin.engine.options import SimulationOptions  # noqa: PLC0415 - heavy

        self.line, self.problem, self.state = line, problem, state
        self.options = SimulationOptions(horizon_s=horizon_s, seed=seed)
        self.end_s = horizon_s + (0.0 if state is None else state.time_s)
        self.progress, self.most, self.done = progress, most, 0

    def _step(self, _done: int, _total: int) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(min(self.done, self.most), self.most)

    def play(self, entry: _Entry, replications: int) -> None:
        if len(entry.late_s) >= replications:
            return
        results = replay(
            self.line,
            entry.schedule,
            self.options,
            replications,
            self.state,
            progress=self._step,
        )
        names = [job.id for job in self.problem.jobs]
        ends = np.asarray(results.order_completion_s.sel(order=names).values, dtype=np.float64)
        # An order that was not finished is as late as can be seen, at least.
        ends = np.where(np.isnan(ends), self.end_s, ends)
        late_s = np.zeros(len(ends))
        for at, job in enumerate(self.problem.jobs):
            if job.due_date_s is not None:
                late_s += job.weight * np.maximum(0.0, ends[:, at] - job.due_date_s)
        entry.results, entry.late_s = results, late_s

    def padded(self, entry: _Entry) -> Schedule | None:
        """Return a schedule that was made with longer durations where an order lost time."""
        if entry.results is None:
            return None
        stretched = with_slack(self.problem, entry.schedule, entry.results, self.end_s)
        if stretched is None:
            return None
        network = Network.of(stretched)
        start = timed(network, *decisions(network, entry.schedule))
        if start is None or violations(stretched, start):
            return None
        until = time.monotonic() + 1.0
        found = polish(network, start, 0, lambda: time.monotonic() >= until, lambda _: None)
        plain = Network.of(self.problem.without_line())
        picture = timed(plain, *_chosen(plain, network, found))
        schedule = None if picture is None else kept(self.problem, picture)
        if schedule is None or violations(self.problem, schedule, played=False):
            return None
        return None if _signature(schedule) == _signature(entry.schedule) else schedule


def _chosen(
    plain: Network, stretched: Network, found: Schedule
) -> tuple[list[list[int]], dict[int, Alternative]]:
    """Return the decisions of a schedule of the stretched problem in terms of the plain one."""
    sequences, choices = decisions(stretched, found)
    return sequences, {
        i: next(c for c in plain.steps[i].choices if c.machine == choice.machine)
        for i, choice in choices.items()
    }


def with_slack(
    problem: SchedulingProblem, schedule: Schedule, results: xr.Dataset, end_s: float
) -> SchedulingProblem | None:
    """Return the problem with longer durations where the replications lost time; None: nowhere.

    The factor of an order is what its time in the plant took in the mean against its plan, from 1
    to 2.
    """
    jobs, changed = [], False
    for job, outcome in zip(problem.jobs, schedule.jobs, strict=True):
        ends = np.asarray(results.order_completion_s.sel(order=job.id).values, dtype=np.float64)
        mean_s = float(np.where(np.isnan(ends), end_s, ends).mean())
        begin_s = max(job.release_s, problem.start_s)
        planned_s = max(outcome.completion_s - begin_s, 1e-9)
        factor = min(max((mean_s - begin_s) / planned_s, 1.0), _MOST_STRETCH)
        changed = changed or factor > 1.0
        operations = tuple(
            operation.model_copy(
                update={
                    "modes": tuple(
                        mode.model_copy(update={"duration_s": factor * mode.duration_s})
                        for mode in operation.modes
                    )
                }
            )
            for operation in job.operations
        )
        jobs.append(job.model_copy(update={"operations": operations}))
    stretched = problem.without_line().model_copy(update={"jobs": tuple(jobs)})
    return stretched if changed else None


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often what was called likely came true."""

    low: float
    high: float
    """Range of probabilities, from and to."""
    said: float
    """Mean probability in the range."""
    seen: Interval
    """Share that was on time, with its Wilson interval."""

    @property
    def holds(self) -> bool:
        """Whether what was said lies in the interval of what was seen."""
        return self.seen.low <= self.said <= self.seen.high


def reliability(
    said: Sequence[float], seen: Sequence[bool], bins: int = 5
) -> tuple[tuple[Reliability, ...], float]:
    """Return the rows of a reliability diagram, and the Brier score.

    Parameters
    ----------
    said : sequence of float
        Probability of being on time of each order, from 0 to 1.
    seen : sequence of bool
        Whether it was.
    bins : int
        Ranges of probability, of equal width; empty ones are left out.

    References
    ----------
    Murphy and Winkler (1977), Reliability of subjective probability forecasts.
    """
    from twin.kpi import proportion_interval  # noqa: PLC0415 - heavy

    probability = np.asarray(said, dtype=np.float64)
    happened = np.asarray(seen, dtype=np.float64)
    place = np.minimum((probability * bins).astype(int), bins - 1)
    rows = [
        Reliability(
            low=at / bins,
            high=(at + 1) / bins,
            said=float(probability[place == at].mean()),
            seen=proportion_interval(int(happened[place == at].sum()), int((place == at).sum())),
        )
        for at in range(bins)
        if np.any(place == at)
    ]
    brier = float(((probability - happened) ** 2).mean()) if len(probability) else math.nan
    return tuple(rows), brier
