"""Which station holds the line back, told from its events alone.

Three methods, because each sees something else: how long stations go without waiting, who goes
longest without waiting at each moment, and where waiting turns from blocked to starved.

References
----------
Roser, Nakano, Tanaka (2001), A practical bottleneck detection method. Winter Simulation Conference:
the station with the longest average active period.
Roser, Nakano, Tanaka (2002), Shifting bottleneck detection. Winter Simulation Conference: at each
moment the station whose active period is the longest; sole and shifting.
Li, Chang, Ni (2009), Data driven bottleneck detection of manufacturing systems. International
Journal of Production Research 47 (18): the turning point of blocked and starved times.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.events.kinds import Status
from twin.events.log import EventLog
from twin.kpi.rows import Floats, Ints, Rows, Table
from twin.kpi.times import status_counts
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr


def bottlenecks(log: EventLog, line: Line) -> xr.Dataset:
    """Return for each station how much of the observed time it was the bottleneck.

    A station is *active* while each of its servers processes, is set up or is failed: it waits for
    nobody. Waiting and the end of a shift end an active period. Periods are as long as they are,
    whether observed or not; what is still active at the end of the log is as long as it is until
    then.

    Parameters
    ----------
    log : EventLog
        Simulated or real.
    line : Line
        The line it belongs to.

    Returns
    -------
    xarray.Dataset
        By ``station``, in flow order, shares of the observed time:

        - ``momentary_share``: its active period was the longest of all at that moment. The shares
          add up to the share of time in which any station was active. Ties go to the period that
          began first, then to the station further upstream.
        - ``sole_share``: it was the bottleneck and no other took over or handed over.
        - ``shifting_share``: its period as bottleneck overlapped the one before or after.
        - ``active_share``: it was active.
        - ``active_period_mean_s``: mean length of its active periods that are observed in part, s;
          NaN without any. The longest is the bottleneck of the whole time.
        - ``chain_share``: it was active with a blocked station right upstream and a starved one
          right downstream; at an end of the line the one side that is there decides.
        - ``turning_point``: over the whole time, the stations right upstream were blocked more than
          starved, those right downstream starved more than blocked, and it waited less than either
          side. Long lines may have several; a line where no station waits has none.

        What stands right upstream and downstream is read from the routings.
    """
    import xarray as xr  # noqa: PLC0415 - heavy, and a run does not need it

    seen = _Seen.of(log, line)
    sole_s, shifting_s = _shifting(seen)
    share = 1.0 / seen.observed_s if seen.observed_s > 0 else np.nan
    values = {
        "momentary_share": _momentary(seen) * share,
        "sole_share": sole_s * share,
        "shifting_share": shifting_s * share,
        "active_share": _by_station(seen, seen.inside_s(seen.start_s, seen.stop_s)) * share,
        "active_period_mean_s": _mean_period_s(seen),
        "chain_share": _chain_s(seen, line) * share,
        "turning_point": _turning_points(seen, line),
    }
    return xr.Dataset(
        {name: (("station",), data) for name, data in values.items()},
        coords={"station": np.array(line.flow_order, dtype=object)},
        attrs={"line_id": line.id, "line_hash": line.hash},
    )


@dataclass(frozen=True, slots=True)
class _Waits:
    """What one station waited for, as steps: from each moment to the next, of some length."""

    time_s: Floats
    active: Rows
    blocked: Rows
    starved: Rows
    blocked_s: float
    """Server-seconds observed."""
    starved_s: float

    def at(self, what: Rows, moments_s: Floats) -> Rows:
        """Return what held from each of some moments on."""
        return what[np.searchsorted(self.time_s, moments_s, side="right") - 1]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Active periods of all stations, in order of their beginnings, and what stations waited."""

    station: Ints
    start_s: Floats
    stop_s: Floats
    waits: tuple[_Waits, ...]
    from_s: float
    until_s: float

    @staticmethod
    def of(log: EventLog, line: Line) -> _Seen:
        """Return what a log shows."""
        table = Table.of(log, line)
        exits = table.exits()
        index = {name: i for i, name in enumerate(log.names.elements)}
        waits = tuple(_waits(table, line, name, index[name], exits) for name in line.flow_order)
        periods = [_periods(found, table.until_s) for found in waits]
        station = np.repeat(np.arange(len(waits)), [len(start) for start, _ in periods])
        start_s = np.concatenate([start for start, _ in periods])
        stop_s = np.concatenate([stop for _, stop in periods])
        # Of equal beginnings the longest first, then the station upstream.
        order = np.lexsort((station, -stop_s, start_s))
        return _Seen(
            station[order], start_s[order], stop_s[order], waits, table.from_s, table.until_s
        )

    @property
    def observed_s(self) -> float:
        """Length of the observed time, s."""
        return self.until_s - self.from_s

    def inside_s(self, start_s: Floats, stop_s: Floats) -> Floats:
        """Return how much of some stretches was observed, s."""
        return np.asarray(
            np.maximum(np.minimum(stop_s, self.until_s) - np.maximum(start_s, self.from_s), 0.0)
        )


def _waits(table: Table, line: Line, name: str, number: int, exits: Ints) -> _Waits:
    station = line.station(name)
    rows, counts = status_counts(table, station, number, exits, attended=name in line.attended)
    blocked, starved = counts[Status.BLOCKED], counts[Status.STARVED]
    lasted_s = table.lasted_s(rows)
    # The row after the last one stands for the end.
    time_s = np.append(table.time_s, max(table.until_s, table.time_s[-1]))[rows]
    # Several rows of one moment are one change: the last of them is what holds.
    real = np.append(np.diff(time_s) > 0, True)
    idle = (Status.BLOCKED, Status.STARVED, Status.OFF)
    busy = np.sum([count for status, count in counts.items() if status not in idle], axis=0)
    return _Waits(
        time_s=time_s[real],
        active=busy[real] >= station.servers,
        blocked=blocked[real] > 0,
        starved=starved[real] > 0,
        blocked_s=float(np.sum(blocked * lasted_s)),
        starved_s=float(np.sum(starved * lasted_s)),
    )


def _periods(waits: _Waits, end_s: float) -> tuple[Floats, Floats]:
    """Return beginnings and ends of the stretches in which a station was active."""
    changes = np.diff(waits.active.astype(np.int8), prepend=0, append=0)
    edges_s = np.append(waits.time_s, max(end_s, waits.time_s[-1]))
    start_s, stop_s = edges_s[changes > 0], edges_s[changes < 0]
    lasting = stop_s > start_s
    return start_s[lasting], stop_s[lasting]


def _by_station(seen: _Seen, values: Floats, chosen: Ints | None = None) -> Floats:
    stations = seen.station if chosen is None else seen.station[chosen]
    sums = np.bincount(stations, weights=values, minlength=len(seen.waits))
    return sums.astype(np.float64)


def _mean_period_s(seen: _Seen) -> Floats:
    partly = seen.inside_s(seen.start_s, seen.stop_s) > 0
    count = _by_station(seen, partly.astype(np.float64))
    total_s = _by_station(seen, (seen.stop_s - seen.start_s) * partly)
    mean_s = np.full(len(count), np.nan)
    mean_s[count > 0] = total_s[count > 0] / count[count > 0]
    return mean_s


def _winners(seen: _Seen) -> tuple[Floats, Ints]:
    """Return moments, and the period that is the longest from each to the next; -1: none."""
    # A period inside another is never the longest. Without those, beginnings and ends both rise, so
    # the periods of a moment are neighbours and the longest is a maximum over a range.
    reach_s = np.append(-np.inf, np.maximum.accumulate(seen.stop_s))[:-1]
    kept = np.flatnonzero(seen.stop_s > reach_s)
    start_s, stop_s = seen.start_s[kept], seen.stop_s[kept]
    moments_s = np.unique(np.concatenate([start_s, stop_s]))
    first = np.searchsorted(stop_s, moments_s, side="right")
    last = np.searchsorted(start_s, moments_s, side="right") - 1
    found = np.full(len(moments_s), -1, dtype=np.int64)
    some = first <= last
    found[some] = kept[_longest(stop_s - start_s, first[some], last[some])]
    return moments_s, found


def _longest(length_s: Floats, first: Ints, last: Ints) -> Ints:
    """Return the place of the first maximum in each range ``first..last``, both included.

    Ranges of 1, 2, 4, ... are solved one from the other; two of them cover any range.
    """
    found = np.empty(len(first), dtype=np.int64)
    best = np.arange(len(length_s))
    level = np.frexp((last - first + 1).astype(np.float64))[1] - 1
    for power in range(int(level.max(initial=-1)) + 1):
        size = 2**power
        if power:
            best = _longer(length_s, best[: -(size // 2)], best[size // 2 :])
        here = np.flatnonzero(level == power)
        found[here] = _longer(length_s, best[first[here]], best[last[here] - size + 1])
    return found


def _longer(length_s: Floats, one: Ints, other: Ints) -> Ints:
    return np.where(length_s[other] > length_s[one], other, one)


def _momentary(seen: _Seen) -> Floats:
    moments_s, found = _winners(seen)
    some = np.flatnonzero(found[:-1] >= 0)
    spent_s = seen.inside_s(moments_s[some], moments_s[some + 1])
    return _by_station(seen, spent_s, found[some])


def _shifting(seen: _Seen) -> tuple[Floats, Floats]:
    """Return the observed time of each station as sole and as shifting bottleneck, s."""
    _, found = _winners(seen)
    chain = found[np.append(True, found[1:] != found[:-1])] if len(found) else found
    chain = chain[chain >= 0]
    start_s, stop_s = seen.start_s[chain], seen.stop_s[chain]
    # Alone: after the one before has ended, and before the one after has begun.
    alone_from_s = np.maximum(start_s, np.append(-np.inf, stop_s)[: len(chain)])
    alone_until_s = np.minimum(stop_s, np.append(start_s, np.inf)[1:])
    sole_s = seen.inside_s(alone_from_s, alone_until_s)
    whole_s = seen.inside_s(start_s, stop_s)
    return _by_station(seen, sole_s, chain), _by_station(seen, whole_s - sole_s, chain)


def neighbours(line: Line) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which stations stand right upstream and right downstream of each.

    Returns
    -------
    upstream, downstream : ndarray, shape (stations, stations)
        In flow order; row: the station, column: the one beside it. A station that does two
        operations in a row is no neighbour of itself.
    """
    place = {name: i for i, name in enumerate(line.flow_order)}
    upstream = np.zeros((len(place), len(place)), dtype=np.bool_)
    for product in line.products:
        steps = [[place[name] for name in step.stations] for step in product.routing]
        for before, after in pairwise(steps):
            upstream[np.ix_(after, before)] = True
    np.fill_diagonal(upstream, val=False)
    return upstream, upstream.T.copy()


def _chain_s(seen: _Seen, line: Line) -> Floats:
    """Return how long each station was active between a blocked and a starved one, s."""
    upstream, downstream = neighbours(line)
    found = np.zeros(len(seen.waits))
    for number, own in enumerate(seen.waits):
        before = [seen.waits[i] for i in np.flatnonzero(upstream[number])]
        after = [seen.waits[i] for i in np.flatnonzero(downstream[number])]
        if not before and not after:
            continue
        moments_s = np.unique(
            np.concatenate([own.time_s, *(other.time_s for other in before + after)])
        )
        holds = own.at(own.active, moments_s)
        if before:
            holds &= np.any([w.at(w.blocked, moments_s) for w in before], axis=0)
        if after:
            holds &= np.any([w.at(w.starved, moments_s) for w in after], axis=0)
        lasted_s = seen.inside_s(moments_s, np.append(moments_s[1:], seen.until_s))
        found[number] = float(np.sum(lasted_s * holds))
    return found


def _turning_points(seen: _Seen, line: Line) -> Rows:
    upstream, downstream = neighbours(line)
    blocked_s = np.array([waits.blocked_s for waits in seen.waits])
    starved_s = np.array([waits.starved_s for waits in seen.waits])
    excess_s, waited_s = blocked_s - starved_s, blocked_s + starved_s
    found = np.zeros(len(seen.waits), dtype=np.bool_)
    for number, own_s in enumerate(waited_s):
        before, after = upstream[number], downstream[number]
        turns = bool(before.any() or after.any())
        if before.any():
            turns &= bool(excess_s[before].sum() > 0 and own_s < waited_s[before].mean())
        if after.any():
            turns &= bool(excess_s[after].sum() < 0 and own_s < waited_s[after].mean())
        found[number] = turns
    return found
