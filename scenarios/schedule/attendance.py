"""When a station can work: its shifts, those of the people it needs, planned maintenance.

People who are enough for all stations at once only limit the hours. Where they are not, each of
them is a resource that one lot holds while it is worked on; in the twin they go from part to part,
which comes to the same amount of work.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scenarios.schedule.problem import Interval, Resource
from twin.events.state import LineState
from twin.line import Crew, Line, Maintenance, Need, Operation, Station

Span = tuple[float, float]
Work = Mapping[str, Sequence[Operation]]
"""The operations that are to be done, by station."""
_MOST_DOUBLINGS = 12
"""How often the calendars are looked at twice as far ahead before they count as empty."""
_DAY_S = 86400.0
_MOST_SERVICES = 1000
"""Services of a station by the clock that are looked at ahead."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who and what is there when, on a line as it stands.

    Parameters
    ----------
    line : Line
        Stations, crews, calendars.
    state : LineState or None
        Where the line stands: how old it is since its last maintenance. None: as new at time zero.
    loose : bool
        Whether stations are open whenever something might be worked on there: also off shift as
        long as something may be finished, and without maintenance.
    """

    line: Line
    state: LineState | None
    loose: bool = False

    @property
    def now_s(self) -> float:
        """Moment of the state, s."""
        return 0.0 if self.state is None else self.state.time_s

    def closed(
        self, station: Station, operations: Sequence[Operation], needed_s: float
    ) -> tuple[Interval, ...] | None:
        """Return when a station cannot work, far enough ahead for ``needed_s`` of work; None: ever.

        What lies beyond that is of no use: all jobs one after the other would be finished.
        """
        ahead_s = max(needed_s, _DAY_S)
        for _ in range(_MOST_DOUBLINGS):
            span = (self.now_s, self.now_s + ahead_s)
            open_s = self._working(station, operations, span)
            if math.fsum(end - begin for begin, end in open_s) >= needed_s:
                closed = _without([span], open_s)
                over_s = self._over_s(station, operations) if self.loose else 0.0
                return _intervals((a + over_s, b) for a, b in closed if a + over_s < b)
            ahead_s *= 2
        return None

    def _working(self, station: Station, operations: Sequence[Operation], span: Span) -> list[Span]:
        """Return when some operation can go on at a station within a span of time."""
        manned = [
            part
            for operation in operations
            for part in self._manned(processing(station, operation, "load", "unload"), span)
        ]
        shifts = self._calendar(station.calendar, span)
        found = _both(shifts, _merged(manned) if operations else [span])
        if self.loose:
            return found
        services = [
            one for service in station.maintenance for one in self._services(station, service, span)
        ]
        return _without(found, services)

    def _over_s(self, station: Station, operations: Sequence[Operation]) -> float:
        """Return how long something may go on after the end of a shift at most, s."""
        if station.at_shift_end != "finish" and not any(
            processing(station, operation, "load", "unload") for operation in operations
        ):
            return 0.0
        rows = station.setup.matrix_s.values() if station.setup else ()
        return max(
            [time_s for row in rows for time_s in row.values()]
            + [
                time.expected_s()
                for operation in operations
                for time in (
                    operation.processing_time_by_station_s.get(
                        station.id, operation.processing_time_s
                    ),
                    operation.load_time_s,
                    operation.unload_time_s,
                )
            ],
            default=0.0,
        )

    def _manned(self, needs: Iterable[Need], span: Span) -> list[Span]:
        """Return when somebody is there for each of some needs."""
        found = [span]
        for need in needs:
            crews = able(self.line, need)
            found = _both(
                found,
                _merged([part for one in crews for part in self._calendar(one.calendar, span)]),
            )
        return found

    def _calendar(self, name: str | None, span: Span) -> list[Span]:
        if name is None:
            return [span]
        line = self.line
        found = line.calendar(name).working_intervals(line.start_utc, line.zone, *span)
        return [(max(begin, span[0]), min(end, span[1])) for begin, end in found]

    def _services(self, station: Station, service: Maintenance, span: Span) -> list[Span]:
        """Return when a station is maintained by a calendar or the clock, as planned."""
        work_s = service.duration_s.expected_s()
        if service.calendar is not None:
            due = [begin for begin, _ in self._calendar(service.calendar, span) if begin > span[0]]
        elif service.every_s is not None and service.clock == "calendar":
            every_s = service.every_s.expected_s()
            first_s = self.now_s + every_s - self._age_s(station, service)
            count = int(min(_MOST_SERVICES, (span[1] - first_s) // max(every_s + work_s, 1.0) + 1))
            due = [first_s + k * (every_s + work_s) for k in range(max(0, count))]
        else:
            return []
        people = Need(crew=service.crew, skill=service.skill) if _somebody(service) else None
        there = self._manned([people] if people else [], span)
        begins = [next((max(b, at) for b, e in there if e > at), math.inf) for at in due]
        return [(begin, begin + work_s) for begin in begins if begin < span[1] and work_s > 0]

    def _age_s(self, station: Station, service: Maintenance) -> float:
        if self.state is None or station.id not in self.state.stations:
            return 0.0
        mode = self.state.stations[station.id].modes.get(service.id)
        return mode.age.elapsed_s(self.state.time_s) if mode and mode.status == "running" else 0.0

    def people(self, work: Work, needed_s: float) -> tuple[Resource, ...]:
        """Return the people who are too few for all stations at once, each by name."""
        scarce = self.scarce(work)
        found = []
        for crew in self.line.crews:
            if crew.id not in scarce:
                continue
            span = (self.now_s, self.now_s + 4 * max(needed_s, _DAY_S))
            away = _intervals(_without([span], self._calendar(crew.calendar, span)))
            for k in range(self.there(crew)):
                name = crew.id if crew.size == 1 else f"{crew.id}-{k + 1}"
                skills = crew.skills if crew.size == 1 else (crew.id, *crew.skills)
                found.append(Resource(id=name, skills=skills, unavailable=away))
        return tuple(found)

    def there(self, crew: Crew) -> int:
        """Return how many of a crew are not away, one at least: nobody knows for how long."""
        told = None if self.state is None else self.state.crews.get(crew.id)
        return max(1, crew.size - (told.away if told is not None else 0))

    def scarce(self, work: Work) -> frozenset[str]:
        """Return the crews that all stations at once could ask for more people than there are."""
        asked = {crew.id: 0 for crew in self.line.crews}
        linked: list[set[str]] = []
        for name, operations in work.items():
            station = self.line.station(name)
            most: dict[Need, int] = {}
            for operation in operations:
                for need in processing(station, operation):
                    most[need] = need.count * servers(self.line, station, operation)
            for need, count in most.items():
                crews = [crew.id for crew in able(self.line, need)]
                linked.append(set(crews))
                for crew in crews:
                    asked[crew] += count
        short = {crew.id for crew in self.line.crews if asked[crew.id] > self.there(crew)}
        # Who can stand in for somebody scarce must be told apart as well.
        return frozenset(name for names in linked if names & short for name in names)


def processing(station: Station, operation: Operation, *more: str) -> tuple[Need, ...]:
    """Return what an operation needs while it is processed, and in further phases that it has."""
    times = {"load": operation.load_time_s, "unload": operation.unload_time_s}
    phases = {"process", *(name for name in more if times[name].expected_s() > 0)}
    needs = (*station.needs, *operation.needs)
    return tuple(need for need in needs if phases & set(need.during))


def able(line: Line, need: Need) -> list[Crew]:
    """Return the crews of whom a need can be met."""
    return [
        crew
        for crew in line.crews
        if (crew.id == need.crew if need.crew is not None else need.skill in crew.skills)
    ]


def servers(line: Line, station: Station, operation: Operation) -> int:
    """Return how many servers of a station can work at once with the people there are."""
    teams = [
        sum(crew.size for crew in able(line, need)) // need.count
        for need in processing(station, operation)
    ]
    return max(1, min([station.servers, *teams]))


def care_s(station: Station, work_s: float) -> float:
    """Return the maintenance by use that falls to some work on a part in the mean, s."""
    found = 0.0
    for service in station.maintenance:
        if service.every_cycles is not None:
            found += service.duration_s.expected_s() / service.every_cycles
        elif service.every_s is not None and service.clock == "operating":
            found += service.duration_s.expected_s() * work_s / service.every_s.expected_s()
    return found


def _somebody(service: Maintenance) -> bool:
    return service.crew is not None or service.skill is not None


def _intervals(spans: Iterable[Span]) -> tuple[Interval, ...]:
    return tuple(Interval(start_s=begin, end_s=end) for begin, end in spans)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Return spans in rising order, those that touch as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _both(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """Return what two rising lists of spans have in common."""
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        begin, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if begin < end:
            found.append((begin, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return found


def _without(spans: Sequence[Span], out: Sequence[Span]) -> list[Span]:
    """Return spans less others."""
    edges = [-math.inf, *(moment for span in _merged(out) for moment in span), math.inf]
    return _both(spans, list(zip(edges[::2], edges[1::2], strict=True)))
