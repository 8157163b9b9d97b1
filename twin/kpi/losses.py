"""Where the time of each station went, and what it would have been worth in operations.

References
----------
Nakajima (1988), Introduction to TPM. Productivity Press: losses of availability, of performance and
of quality, as parts of one whole.
ISO 22400-2:2014, Key performance indicators for manufacturing operations management: planned and
actual times, effectiveness, quality ratio.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from twin.events.kinds import OUTAGE, Kind, Status
from twin.events.log import EventLog
from twin.kpi.energy import SECONDS_PER_HOUR
from twin.kpi.measures import parts_of, planned_s
from twin.kpi.rows import Floats, Ints, Rows, Table
from twin.kpi.times import levels, status_counts
from twin.line import Failure, Line

if TYPE_CHECKING:
    import pandas as pd


class Loss(StrEnum):
    """What a server's time was spent on, in the order of the tree."""

    GOOD = "good"
    """Planned time of the operations that turned out good: no loss."""
    QUALITY = "quality"
    """Planned time of operations whose part was scrapped or sent back."""
    SLOW = "slow"
    """Processing beyond the planned time; negative: faster than planned."""
    SETUP = "setup"
    HANDLING = "handling"
    NO_OPERATOR = "no_operator"
    MAINTENANCE = "maintenance"
    FAILED = "failed"
    STARVED = "starved"
    BLOCKED = "blocked"
    OFF = "off"


STATUS_OF = dict.fromkeys((Loss.GOOD, Loss.QUALITY, Loss.SLOW), Status.PROCESSING.value)
"""Status of a loss where it is not of the same name."""
OUTAGE_CAUSE = "outage"
"""Cause of a stop that no failure mode explains."""
_LEFT = (
    Status.HANDLING,
    Status.NO_OPERATOR,
    Status.MAINTENANCE,
    Status.STARVED,
    Status.BLOCKED,
    Status.OFF,
)


def loss_tree(log: EventLog, line: Line) -> pd.DataFrame:
    """Return where the server time of each station went; the rows add up to all of it.

    Parameters
    ----------
    log : EventLog
        Simulated or real.
    line : Line
        The line it belongs to.

    Returns
    -------
    pandas.DataFrame
        A row for each ``station``, ``loss`` (a ``Loss``) and ``cause``: stations in flow order,
        losses in the order of ``Loss``. ``cause`` is the failure mode or ``outage`` for ``failed``
        and empty otherwise; of several modes at once, the one that failed first has the time.
        ``time_s``: server-seconds, adding up to servers times observed time. ``share`` of that
        (NaN with nothing observed). ``operations``: how many the time is worth at the planned time
        of those that ended at the station; NaN if none did. At a station that is never starved or
        blocked these are the line's lost parts; elsewhere most of them could not have been sold.
        ``energy_kwh``: energy of that time, 0 where the station states no power.

        Planned times count when an operation ends and processing when it happens, so what is under
        way at either end of the observed time shows in ``slow``, by an operation for each server at
        most.
    """
    import pandas as pd  # noqa: PLC0415 - heavy, and a run does not need it

    table = Table.of(log, line)
    exits = table.exits()
    index = {name: i for i, name in enumerate(log.names.elements)}
    ended = table.observed & table.where(Kind.PROCESSING_ENDED)
    parts = parts_of(table, log)
    planned = planned_s(table, log, line, ended, parts)
    wasted = planned_s(table, log, line, _bad(table) & ended, parts)
    count = np.bincount(table.element[ended], minlength=len(index))
    frames = []
    for name in line.flow_order:
        number = index[name]
        found = _of_station(table, line, name, number, exits)
        busy_s = found.pop((Loss.GOOD, ""))
        time_s = {
            (Loss.GOOD, ""): planned[number] - wasted[number],
            (Loss.QUALITY, ""): wasted[number],
            (Loss.SLOW, ""): busy_s - planned[number],
            **found,
        }
        each_s = planned[number] / count[number] if count[number] else np.nan
        spent_s = np.array([float(value) for value in time_s.values()])
        whole_s = line.station(name).servers * (table.until_s - table.from_s)
        power = line.station(name).power
        kw = [power.kw(STATUS_OF.get(loss, loss.value)) if power else 0.0 for loss, _ in time_s]
        frames.append(
            pd.DataFrame(
                {
                    "station": name,
                    "loss": [loss.value for loss, _ in time_s],
                    "cause": [cause for _, cause in time_s],
                    "time_s": spent_s,
                    "share": spent_s / whole_s if whole_s > 0 else np.nan,
                    "operations": spent_s / each_s if each_s > 0 else np.nan,
                    "energy_kwh": spent_s * np.array(kw) / SECONDS_PER_HOUR,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _of_station(
    table: Table, line: Line, name: str, number: int, exits: Ints
) -> dict[tuple[Loss, str], float]:
    """Return a station's time by loss and cause; all processing stands under ``GOOD``."""
    station = line.station(name)
    rows, counts = status_counts(table, station, number, exits, attended=name in line.attended)
    lasted_s = table.lasted_s(rows)

    def spent_s(status: Status) -> float:
        return float(np.sum(counts[status] * lasted_s))

    modes = {
        k: mode.id
        for k, mode in enumerate(station.modes)
        if isinstance(mode, Failure) and mode.stops
    }
    by_mode = _failed_s(table, number, [*modes]) * station.servers
    causes = dict(zip([*modes.values(), OUTAGE_CAUSE], by_mode.tolist(), strict=True))
    if not causes[OUTAGE_CAUSE] and modes:
        del causes[OUTAGE_CAUSE]
    return {
        (Loss.GOOD, ""): spent_s(Status.PROCESSING),
        (Loss.SETUP, ""): spent_s(Status.SETUP),
        **{(Loss(status.value), ""): spent_s(status) for status in _LEFT[:3]},
        **{(Loss.FAILED, cause): time_s for cause, time_s in causes.items()},
        **{(Loss(status.value), ""): spent_s(status) for status in _LEFT[3:]},
    }


def _failed_s(table: Table, number: int, modes: list[int]) -> Floats:
    """Return how long a station was failed, by the mode that failed first; outages last, s."""
    rows = np.flatnonzero(table.element == number)
    kinds, details = table.kind[rows], table.detail[rows]
    numbers = [*modes, OUTAGE]
    pairs = [
        (
            rows[(kinds == Kind.FAILED) & (details == mode)],
            rows[(kinds == Kind.REPAIRED) & (details == mode)],
        )
        for mode in numbers
    ]
    moments, down = levels(*pairs)
    # The row since which each mode is down; one that is up comes last.
    never = len(table.time_s)
    began = np.diff((down > 0).astype(np.int8), axis=1, prepend=0) > 0
    since = np.maximum.accumulate(np.where(began, moments, -1), axis=1)
    since = np.where(down > 0, since, never)
    first = np.where(since.min(axis=0) < never, since.argmin(axis=0), len(numbers))
    found = np.bincount(first, weights=table.lasted_s(moments), minlength=len(numbers) + 1)
    return found[:-1].astype(np.float64)


def _bad(table: Table) -> Rows:
    """Return which operations, by the row of their end, had a part scrapped or sent back."""
    # What a failure broke off did not end.
    broken = table.where(Kind.PART_SCRAPPED) & ~np.isnan(table.value)
    lost = table.where(Kind.PART_SCRAPPED, Kind.REWORK_SENT) & ~broken
    rows = np.flatnonzero(lost | table.where(Kind.PROCESSING_ENDED))
    order = rows[np.lexsort((rows, table.part[rows]))]
    # The end that belongs to a verdict is the row of the same part just before it.
    before, after = order[:-1], order[1:]
    pairs = lost[after] & ~lost[before] & (table.part[before] == table.part[after])
    pairs &= table.element[before] == table.element[after]
    found = np.zeros(len(table.time_s), dtype=np.bool_)
    found[before[pairs]] = True
    return found
