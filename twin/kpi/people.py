"""What people did: time at work and time there, by crew.

References
----------
ISO 22400-2:2014: worker efficiency is the actual personnel work time over the actual personnel
attendance time. People are taken to be there while the shift of their crew runs, those aside who
are told to be away, and while they end beyond it what they are at. Who is only supposed to be away,
as in a what-if, counts as there: that person is paid, and missing is what the question is about.
"""

from __future__ import annotations

import numpy as np

from twin.events.kinds import Kind
from twin.events.log import Names
from twin.kpi.counters import Coordinates, Values
from twin.kpi.rows import Floats, Table
from twin.line import Line

BEGUN = (Kind.REPAIR_STARTED, Kind.MAINTENANCE_STARTED)
OVER = (Kind.REPAIRED, Kind.MAINTENANCE_ENDED, Kind.REPAIR_PAUSED)


def crew_figures(
    values: Values, coordinates: Coordinates, names: Names, work_s: Floats, there_s: Floats
) -> None:
    """Add what people did: people-seconds at work and there, by crew (by id)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(there_s > 0, work_s / there_s, np.nan)
    values["crew_work_s"] = ("crew",), work_s
    values["crew_attendance_s"] = ("crew",), there_s
    values["worker_efficiency"] = ("crew",), share
    coordinates["crew"] = np.array(names.crews, dtype=object)


def crew_times_s(table: Table, line: Line, names: Names) -> tuple[Floats, Floats]:
    """Return people-seconds of each crew (by id) at work, and there."""
    steps_s = table.steps_s()
    work_s, there_s = np.zeros(len(names.crews)), np.zeros(len(names.crews))
    for k, name in enumerate(names.crews):
        busy = np.maximum(0.0, np.cumsum(_changes(table, line, names, k)))
        work_s[k] = np.sum(busy * steps_s)
        given = table.initial.crews.get(name)
        on = np.zeros(len(steps_s))
        on[0] = 1.0 if given is None else given.on
        of_crew = table.detail == k
        on[table.where(Kind.CREW_CAME) & of_crew] += 1.0
        on[table.where(Kind.CREW_LEFT) & of_crew] -= 1.0
        away = np.zeros(len(steps_s))
        away[0] = 0.0 if given is None else given.away
        counted = np.flatnonzero(table.where(Kind.CREW_COUNTED) & of_crew)
        away[counted] += np.diff(table.value[counted], prepend=away[0])
        size = next(crew.size for crew in line.crews if crew.id == name)
        there = np.maximum(0.0, size - np.cumsum(away)) * np.cumsum(on)
        there_s[k] = np.sum(np.maximum(busy, there) * steps_s)
    return work_s, there_s


def _changes(table: Table, line: Line, names: Names, crew: int) -> Floats:
    """Return for each row by how many people more of a crew are at work."""
    name, found = names.crews[crew], np.zeros(len(table.time_s))
    found[0] = _at_work(table, line, name)
    for kind, sign in ((Kind.CREW_TAKEN, 1.0), (Kind.CREW_RELEASED, -1.0)):
        rows = table.where(kind) & (table.detail == crew)
        found[rows] += sign * table.value[rows]
    # The people of a repair are written only where a skill chose them.
    for station in line.stations:
        here = table.element == names.elements.index(station.id)
        for number, mode in enumerate(station.modes):
            if mode.crew == name:
                rows = here & (table.detail == number)
                found[rows & table.where(*BEGUN)] += mode.people
                found[rows & table.where(*OVER)] -= mode.people
    return found


def _at_work(table: Table, line: Line, crew: str) -> int:
    """Return how many people of a crew are at work at the beginning."""
    count = sum(part.team.get(crew, 0) for part in table.initial.parts)
    for name, station in table.initial.stations.items():
        for mode in line.station(name).modes:
            found = station.modes.get(mode.id)
            if found is not None and found.status == "repair":
                count += mode.people if mode.crew == crew else found.team.get(crew, 0)
    return count
