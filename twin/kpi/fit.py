"""Whether a line does as its model says: pace of work and number of failures, with intervals.

References
----------
Garwood (1936), Fiducial limits for the Poisson distribution. Biometrika 28: the exact interval of a
mean from one count.
Tukey (1958), Bias and confidence in not-quite large samples: the jackknife, here over stretches of
time, for a ratio of two sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from scipy import stats

from twin.events.kinds import OUTAGE, Kind, Status
from twin.events.log import EventLog
from twin.kpi.losses import OUTAGE_CAUSE
from twin.kpi.measures import count
from twin.kpi.output_analysis import Interval, t_quantile
from twin.kpi.rows import Floats, Table
from twin.kpi.times import STATUSES, status_counts
from twin.line import Failure, Line

STRETCHES = 10
"""Parts of the observed time that the interval of the pace is made from."""
FEWEST = 30
"""Operations below which nothing is said of a station's pace."""


class Fit(StrEnum):
    """What the observed figure says of the model's."""

    AGREES = "agrees"
    """The model's figure lies in the interval."""
    ABOVE = "above"
    """More was observed than the model says."""
    BELOW = "below"
    """Less was observed than the model says."""
    UNKNOWN = "unknown"
    """Too little was observed."""


@dataclass(frozen=True, slots=True)
class PaceFit:
    """How fast a station works, against its model."""

    station: str
    """Station."""
    processed: int
    """Operations that ended in the observed time."""
    pace: Interval
    """Planned over actual processing time: 1 is as planned, 0.9 is a tenth slower. NaN: too few
    operations."""
    fit: Fit
    """``above``: faster than planned."""


@dataclass(frozen=True, slots=True)
class FailureFit:
    """How often a station failed in one mode, against its model."""

    station: str
    """Station."""
    mode: str
    """Failure mode, or ``outage`` for stops that no mode explains."""
    expected: float
    """Failures that the model expects of the time in which the mode aged."""
    seen: int
    """Failures observed."""
    low: float
    """Lower end of the interval of the number to expect in the long run, from what was seen."""
    high: float
    """Upper end."""
    fit: Fit
    """``above``: more failures than expected; ``unknown``: none yet, and none had to be."""


def paces(
    log: EventLog, line: Line, level: float = 0.95, stretches: int = STRETCHES
) -> list[PaceFit]:
    """Return how fast each station works against its model, in flow order.

    Parameters
    ----------
    log : EventLog
        Simulated or real.
    line : Line
        The model.
    level : float
        Confidence that all intervals hold together.
    stretches : int
        Equal parts of the observed time; the interval is a jackknife over them.
    """
    edges_s = np.linspace(log.observe_from_s, log.end_s, stretches + 1)
    at = STATUSES.index(Status.PROCESSING)
    parts = [
        count(log.until(end_s).observed_from(begin_s), line) for begin_s, end_s in pairwise(edges_s)
    ]
    planned_s = np.array([part.planned_s for part in parts])
    actual_s = np.array([part.status_s[:, at] for part in parts])
    processed = np.sum([part.processed for part in parts], axis=0)
    alone = _shared(level, len(line.flow_order))
    found = []
    for number, name in enumerate(line.flow_order):
        enough = processed[number] >= FEWEST
        pace = _ratio(planned_s[:, number], actual_s[:, number], alone, enough=bool(enough))
        found.append(PaceFit(name, int(processed[number]), pace, _verdict(1.0, pace)))
    return found


def failures(log: EventLog, line: Line, level: float = 0.95) -> list[FailureFit]:
    """Return how often each station failed in each mode against its model, in flow order.

    A mode is taken to age as long as its clock says (``operating``: while a server works,
    ``calendar``: while the station is not failed), and to fail at the mean rate of its distribution
    all that time.

    Parameters
    ----------
    log : EventLog
        Simulated or real.
    line : Line
        The model.
    level : float
        Confidence that all intervals hold together.
    """
    table = Table.of(log, line)
    exits = table.exits()
    failed = table.observed & table.where(Kind.FAILED)
    ended = table.observed & table.where(Kind.PROCESSING_ENDED)
    alone = _shared(level, sum(len(line.station(name).failures) for name in line.flow_order))
    found = []
    for name in line.flow_order:
        station = line.station(name)
        number = log.names.elements.index(name)
        moments, counts = status_counts(table, station, number, exits)
        lasted_s = table.lasted_s(moments)
        aged_s = {
            "operating": float(np.sum(lasted_s[counts[Status.PROCESSING] > 0])),
            "calendar": float(np.sum(lasted_s[counts[Status.FAILED] == 0])),
            "cycles": float(np.sum(ended & (table.element == number))),
        }
        details = table.detail[failed & (table.element == number)]
        for index, model in enumerate(station.modes):
            if not isinstance(model, Failure):
                continue
            expected = aged_s[model.clock] / model.life.expected_s()
            found.append(_failure(name, model.id, expected, int(np.sum(details == index)), alone))
        outages = int(np.sum(details == OUTAGE))
        if outages:
            found.append(_failure(name, OUTAGE_CAUSE, 0.0, outages, alone))
    return found


def _shared(level: float, figures: int) -> float:
    """Return the confidence of each of some intervals that hold together with ``level``."""
    return 1 - (1 - level) / max(1, figures)


def _failure(station: str, mode: str, expected: float, seen: int, level: float) -> FailureFit:
    rest = (1 - level) / 2
    low = float(stats.chi2.ppf(rest, 2 * seen)) / 2 if seen else 0.0
    high = float(stats.chi2.ppf(1 - rest, 2 * seen + 2)) / 2
    silent = Fit.AGREES if seen else Fit.UNKNOWN  # no failure yet is no evidence for a rate
    fit = Fit.ABOVE if expected < low else Fit.BELOW if expected > high else silent
    return FailureFit(station, mode, expected, seen, low, high, fit)


def _ratio(top: Floats, bottom: Floats, level: float, *, enough: bool) -> Interval:
    """Return a ratio of sums with its jackknife interval; parts without anything do not count."""
    used = bottom > 0
    top, bottom = top[used], bottom[used]
    size = len(top)
    if not enough or size < 3:  # noqa: PLR2004 - fewer give no useful spread
        return Interval(np.nan, np.nan, np.nan, size, level)
    ratio = float(top.sum() / bottom.sum())
    without = (top.sum() - top) / (bottom.sum() - bottom)
    values = size * ratio - (size - 1) * without
    half = t_quantile((1 + level) / 2, size - 1) * float(values.std(ddof=1)) / np.sqrt(size)
    return Interval(ratio, ratio - float(half), ratio + float(half), size, level)


def _verdict(model: float, seen: Interval) -> Fit:
    if not np.isfinite(seen.mean):
        return Fit.UNKNOWN
    return Fit.ABOVE if seen.low > model else Fit.BELOW if seen.high < model else Fit.AGREES
