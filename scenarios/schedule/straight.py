"""Lines on which the picture of machines with one order after the other is never too late.

There, what engines prove of the picture holds for the line: a bound, or that nothing is possible.
"""

from __future__ import annotations

from itertools import groupby

from scenarios.schedule.problem import SchedulingProblem
from twin.events.state import LineState, PartState
from twin.line import Line

_AHEAD = ("setup", "loading", "processing", "unloading")


def straight(problem: SchedulingProblem, loose: SchedulingProblem) -> bool:
    """Say whether orders stay one behind the other in the line of a problem, part by part.

    All go through the same stations of one server each, nobody overtakes at the entrance or from
    where parts stand now, no plan is running, and nothing but stations, setups, shifts and buffers
    holds them up.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem of a line.
    loose : SchedulingProblem
        What its line cannot beat: see :func:`scenarios.schedule.from_line.loosened`.
    """
    twin = problem.twin
    if twin is None or len(problem.same_order) != 1 or _steps(problem) != _steps(loose):
        return False
    if problem.plan:
        return False
    line, names = twin.line, {job.id for job in problem.jobs}
    group = problem.same_order[0]
    orders = [order for order in line.orders if order.id in names]
    routings = [line.product(order.product).routing for order in orders]
    stations = tuple(
        dict.fromkeys(name for steps in routings for step in steps for name in step.stations)
    )
    alike = all(
        tuple(step.stations[0] for step in steps) == stations
        and not any(step.components or step.makes or step.needs for step in steps)
        and all(step.max_wait_s is None for step in steps)
        for steps in routings
    )
    if not alike or set(group) - set(stations) or line.vehicles or line.loops:
        return False
    plain = all(
        station.servers == 1
        and station.batch is None
        and not (station.maintenance or station.needs)
        and station.while_down == "passes"
        for station in map(line.station, stations)
    )
    at_once = all(order.release_s <= problem.start_s for order in orders)
    enters = at_once or line.station(stations[0]).input_buffer is None
    return plain and enters and len(line.sources) == 1 and _apart(line, stations, twin.state)


def _steps(problem: SchedulingProblem) -> list[tuple[str, str]]:
    return [(job.id, operation.id) for job in problem.jobs for operation in job.operations]


def _apart(line: Line, stations: tuple[str, ...], state: LineState | None) -> bool:
    """Say whether the parts of each order stand together along the line."""
    if state is None:
        return True
    after = {line.station(name).input_buffer: at for at, name in enumerate(stations)}

    def place(item: tuple[int, PartState]) -> tuple[int, int, int]:
        number, part = item
        if part.location in stations:
            done = part.status == "done"
            return (
                -stations.index(part.location),
                -1 if done or part.status in _AHEAD else 0,
                number,
            )
        return -after.get(part.location, -1), 1, number

    row = [part.order for _, part in sorted(enumerate(state.parts), key=place)]
    return len([name for name, _ in groupby(row)]) == len(set(row))
