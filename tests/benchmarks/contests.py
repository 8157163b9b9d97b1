"""The lines whose speed is compared, each for our engines and as a SimPy user's work.

A new feature: a function here that returns a ``Contest``, its line in ``contests``, and what the
feature asks of the script in ``simpy_line``. Whether both do the same work is tested in
``tests/validation/test_against_simpy.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tests.benchmarks import simpy_bottling, simpy_line, simpy_machining
from tests.benchmarks.simpy_parts import Results
from twin.line import (
    Batch,
    Buffer,
    Calendar,
    Constant,
    Crew,
    Exponential,
    Failure,
    Line,
    Move,
    Need,
    Operation,
    Product,
    Rework,
    Setup,
    Shift,
    Source,
    Station,
    Vehicles,
    Wear,
    WearLevel,
    example_line,
    serial_line,
)

STATIONS, PLACES = 10, 5
HORIZON_S = 3_000.0
TO_FAILURE_S, TO_REPAIR_S = 100.0, 10.0
CHANGE_OVER_S, REWORK_SHARE, BATCH = 0.5, 0.1, 4
VEHICLES, RIDE_S = 2, (0.1, 0.2, 0.1)
WEAR_S, WORN_FACTORS = 50.0, (1.0, 1.1, 1.2)


@dataclass(frozen=True)
class Contest:
    """One line, for our engines and for SimPy."""

    name: str
    line: Line
    horizon_s: float
    simpy: Callable[[int], int]
    """Runs the script with a seed, and returns how many operations ended."""


def contests() -> list[Contest]:
    """Return the lines that are compared."""
    return [
        exponential("exponential line of 10", "none"),
        exponential("line of 10, operating-time failures", "operating"),
        exponential("line of 10, calendar failures", "calendar"),
        crews(),
        people(),
        machining(),
        setups(),
        shifts(),
        rework(),
        batches(),
        assembly(),
        vehicles(),
        wear(),
        bottling(),
    ]


def changed(line: Line, **fields: Any) -> Line:
    """Return the line with some fields replaced."""
    return Line(**({name: getattr(line, name) for name in Line.model_fields} | fields))


def plain(stations: int = STATIONS) -> Line:
    """Return a line of exponential stations with a few places between them."""
    return serial_line([Exponential(mean_s=1.0)] * stations, [PLACES] * (stations - 1))


def _each(line: Line, **update: Any) -> tuple[Station, ...]:
    return tuple(station.model_copy(update=update) for station in line.stations)


def _work(clock: simpy_line.Clock, stations: int = STATIONS) -> simpy_line.Work:
    return simpy_line.Work(
        times=(lambda generator: float(generator.exponential(1.0)),) * stations,
        capacities=(PLACES,) * (stations - 1),
        horizon_s=HORIZON_S,
        clock=clock,
        to_failure_s=(TO_FAILURE_S,) * stations,
        to_repair_s=(TO_REPAIR_S,) * stations,
    )


def _contest(name: str, line: Line, work: simpy_line.Work) -> Contest:
    return Contest(name, line, work.horizon_s, partial(simpy_line.operations, work))


def _failure(clock: simpy_line.Clock, crew: str | None = None) -> Failure:
    return Failure(
        id="stop",
        clock=clock,
        time_to_failure_s=Exponential(mean_s=TO_FAILURE_S),
        time_to_repair_s=Exponential(mean_s=TO_REPAIR_S),
        crew=crew,
    )


def exponential(name: str, clock: simpy_line.Clock, stations: int = STATIONS) -> Contest:
    """Return a line with failures on some clock, or without."""
    line = plain(stations)
    if clock != "none":
        line = changed(line, stations=_each(line, failures=(_failure(clock),)))
    return _contest(name, line, _work(clock, stations))


def crews() -> Contest:
    """Return a line whose stations share two repair crews."""
    line = plain()
    line = changed(
        line,
        crews=(Crew(id="crew", size=2),),
        stations=_each(line, failures=(_failure("calendar", "crew"),)),
    )
    return _contest("line of 10, two crews", line, replace(_work("calendar"), crews=2))


def people() -> Contest:
    """Return a line whose stations share two repairers and eight operators."""
    line = plain()
    line = changed(
        line,
        crews=(Crew(id="crew", size=2), Crew(id="hands", size=8)),
        stations=_each(line, failures=(_failure("calendar", "crew"),), needs=(Need(crew="hands"),)),
    )
    work = replace(_work("calendar"), crews=2, operators=8)
    name = "line of 10, two repairers and eight operators"
    return _contest(name, line, work)


def setups() -> Contest:
    """Return a line that changes over between two products at random."""
    line = plain()
    matrix = {"part": {"other": CHANGE_OVER_S}, "other": {"part": CHANGE_OVER_S}}
    products = (line.products[0], line.products[0].model_copy(update={"id": "other"}))
    line = changed(
        line,
        products=products,
        sources=(line.sources[0].model_copy(update={"products": {"part": 1.0, "other": 1.0}}),),
        stations=_each(line, setup=Setup(matrix_s=matrix)),
    )
    work = replace(_work("none"), change_over_s=CHANGE_OVER_S)
    return _contest("line of 10, setups", line, work)


def shifts() -> Contest:
    """Return a line that works in shifts of half an hour and ends what it has begun."""
    line = plain()
    half_hours = tuple(
        Shift(start=f"{hour:02d}:00", end=f"{hour:02d}:30", days=("mon", "tue", "wed", "thu"))
        for hour in range(24)
    )
    line = changed(
        line,
        calendars=(Calendar(id="half", shifts=half_hours),),
        stations=_each(line, calendar="half", at_shift_end="finish"),
    )
    work = replace(_work("none"), shift_s=(1800.0, 1800.0), horizon_s=2 * HORIZON_S)
    return _contest("line of 10, shifts", line, work)


def rework() -> Contest:
    """Return a line in which a tenth of the parts goes back half the way from the end."""
    line = plain()
    back = line.products[0].routing[STATIONS // 2]
    routing = (
        *line.products[0].routing[:-1],
        line.products[0]
        .routing[-1]
        .model_copy(update={"rework": Rework(probability=REWORK_SHARE, to=back.id, limit=1000)}),
    )
    buffers = tuple(
        Buffer(id=b.id) if b.id == line.station(back.stations[0]).input_buffer else b
        for b in line.buffers
    )
    line = changed(
        line,
        products=(line.products[0].model_copy(update={"routing": routing}),),
        buffers=buffers,
    )
    capacities = tuple(
        float("inf") if i == STATIONS // 2 - 1 else PLACES for i in range(STATIONS - 1)
    )
    work = replace(
        _work("none"), capacities=capacities, rework_share=REWORK_SHARE, rework_to=STATIONS // 2
    )
    return _contest("line of 10, rework", line, work)


def batches() -> Contest:
    """Return a line with one station in its middle that works on four parts at once."""
    line, place = plain(), STATIONS // 2
    step, name = line.products[0].routing[place], line.flow_order[place]
    slow = step.model_copy(update={"processing_time_s": Exponential(mean_s=float(BATCH))})
    routing = tuple(slow if other.id == step.id else other for other in line.products[0].routing)
    line = changed(
        line,
        products=(line.products[0].model_copy(update={"routing": routing}),),
        stations=tuple(
            station.model_copy(update={"batch": Batch(min=BATCH, max=BATCH)})
            if station.id == name
            else station
            for station in line.stations
        ),
    )
    work = _work("none")
    times = list(work.times)
    times[place] = lambda generator: float(generator.exponential(BATCH))
    work = replace(work, times=tuple(times), batch=(place, BATCH))
    return _contest("line of 10, batches", line, work)


def assembly() -> Contest:
    """Return a line with one station that puts a component into each part."""
    line, place = plain(), STATIONS // 2
    step = line.products[0].routing[place]
    kitted = step.model_copy(update={"components": {"component": 1}})
    routing = tuple(kitted if other.id == step.id else other for other in line.products[0].routing)
    made = Operation(id="make", stations=("maker",), processing_time_s=Exponential(mean_s=1.0))
    line = changed(
        line,
        sources=(
            line.sources[0].model_copy(update={"products": {"part": 1.0}}),
            Source(id="stuff", products={"component": 1.0}),
        ),
        products=(
            line.products[0].model_copy(update={"routing": routing}),
            Product(id="component", routing=(made,), stock="components"),
        ),
        stations=(*line.stations, Station(id="maker")),
        buffers=(*line.buffers, Buffer(id="components", capacity=simpy_line.COMPONENTS)),
    )
    return _contest("line of 10, assembly", line, replace(_work("none"), kitted=place))


def vehicles() -> Contest:
    """Return a line in which two vehicles carry the parts from one station to the next buffer."""
    line, place = plain(), STATIONS // 2
    origin, goal = line.flow_order[place], line.station(line.flow_order[place + 1]).input_buffer
    assert goal
    load_s, drive_s, unload_s = RIDE_S
    pool = Vehicles(
        id="agv",
        count=VEHICLES,
        moves=(Move(out_of=(origin,), into=(goal,)),),
        travel_time_s={origin: {goal: drive_s}},
        load_time_s=Constant(value_s=load_s),
        unload_time_s=Constant(value_s=unload_s),
        home=origin,
    )
    work = replace(_work("none"), carried=place, vehicles=VEHICLES, ride_s=RIDE_S)
    return _contest("line of 10, two vehicles", changed(line, vehicles=(pool,)), work)


def wear() -> Contest:
    """Return a line whose stations wear with use and are slower for it until they are repaired."""
    line = plain()
    levels = tuple(
        WearLevel(after_s=Exponential(mean_s=WEAR_S), time_factor=factor)
        for factor in WORN_FACTORS[1:]
    )
    worn = Wear(levels=levels, lowered_by={"stop": 1})
    line = changed(line, stations=_each(line, failures=(_failure("operating"),), wear=worn))
    work = replace(_work("operating"), wear_s=WEAR_S, worn_factors=WORN_FACTORS)
    return _contest("line of 10, wear", line, work)


def machining() -> Contest:
    """Return the machining cell over two days."""
    return _example("machining", 48 * 3600.0, simpy_machining.run)


def bottling() -> Contest:
    """Return the bottling line over a shift."""
    return _example("bottling", 8 * 3600.0, simpy_bottling.run)


def _example(name: str, horizon_s: float, run: Callable[[Line, float, int], Results]) -> Contest:
    line = example_line(name)

    def operations(seed: int) -> int:
        return run(line, horizon_s, seed).operations.total()

    return Contest(f"{name}, {horizon_s / 3600:g} h", line, horizon_s, operations)
