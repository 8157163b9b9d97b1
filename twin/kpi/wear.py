"""How worn stations were: time at each level."""

from __future__ import annotations

import numpy as np

from twin.events.kinds import Kind
from twin.events.log import Names
from twin.kpi.counters import Coordinates, Values
from twin.kpi.rows import Floats, Table
from twin.line import Line


def highest_level(line: Line) -> int:
    """Return the highest level of wear of any station; 0: none wears."""
    return max((len(s.wear.levels) for s in line.stations if s.wear is not None), default=0)


def wear_figures(values: Values, coordinates: Coordinates, spent: Floats) -> None:
    """Add how worn the stations were; ``spent``: time by station and level, s."""
    levels = np.arange(spent.shape[1])
    with np.errstate(invalid="ignore"):
        mean = np.sum(spent * levels, axis=1) / spent.sum(axis=1)
    values["wear_time_s"] = ("station", "wear_level"), spent
    values["wear_level_mean"] = ("station",), mean
    coordinates["wear_level"] = np.array([str(level) for level in levels], dtype=object)


def wear_times_s(table: Table, line: Line, names: Names) -> Floats:
    """Return the time of each station (``Line.flow_order``) at each level from 0 on, s.

    Zeros where a station does not wear, or has fewer levels.
    """
    found = np.zeros((len(line.flow_order), highest_level(line) + 1))
    changes = np.flatnonzero(table.where(Kind.WEAR_RISEN, Kind.WEAR_LOWERED))
    for place, name in enumerate(line.flow_order):
        if line.station(name).wear is None:
            continue
        given = table.initial.stations.get(name)
        begun = given.wear.level if given is not None and given.wear is not None else 0
        rows = changes[table.element[changes] == names.elements.index(name)]
        at = np.append(begun, table.detail[rows])
        lasted_s = table.lasted_s(np.append(0, rows))
        found[place] = np.bincount(at, lasted_s, minlength=found.shape[1])
    return found
