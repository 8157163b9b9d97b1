"""A small line with everything that a plant shows."""

from __future__ import annotations

from twin.line import (
    Buffer,
    Calendar,
    Constant,
    Crew,
    Exponential,
    Failure,
    JobOrder,
    Line,
    Operation,
    Period,
    Product,
    Rework,
    Setup,
    Shift,
    Signal,
    Source,
    Station,
    Uniform,
)


def small_line() -> Line:
    """Return a line with orders, setups, two servers, rework, scrap, failures and a short shift."""
    failure = Failure(
        id="jam",
        time_to_failure_s=Exponential(mean_s=60.0),
        time_to_repair_s=Uniform(low_s=5.0, high_s=20.0),
        crew="crew",
    )
    belt = Failure(
        id="belt",
        clock="calendar",
        time_to_failure_s=Exponential(mean_s=90.0),
        time_to_repair_s=Uniform(low_s=5.0, high_s=20.0),
        crew="crew",
    )
    current = Signal(idle=1.0, running=9.0, worn=12.0, noise_sd=0.2, unit="A")
    shift = Shift(start="06:00", end="08:00", breaks=(Period(start="06:05", end="06:06"),))
    matrix = {"red": {"blue": 8.0}, "blue": {"red": 5.0}}

    def routing(time_s: float) -> tuple[Operation, ...]:
        return (
            Operation(id="cut", stations=("saw",), processing_time_s=Constant(value_s=time_s)),
            Operation(
                id="paint",
                stations=("booth",),
                processing_time_s=Uniform(low_s=3.0, high_s=9.0),
                scrap_probability=0.05,
                rework=Rework(probability=0.1, to="paint"),
            ),
            Operation(
                id="pack", stations=("pack",), processing_time_s=Uniform(low_s=1.0, high_s=4.0)
            ),
        )

    return Line(
        id="small",
        time_zone="Europe/Berlin",
        sources=(Source(id="orders", arrivals="orders"),),
        crews=(Crew(id="crew"),),
        calendars=(Calendar(id="day", shifts=(shift,)),),
        stations=(
            Station(id="saw", setup=Setup(matrix_s=matrix), failures=(failure, belt)),
            Station(id="booth", servers=2, input_buffer="rack", signals={"current": current}),
            Station(id="pack", input_buffer="lane", calendar="day", failures=(failure,)),
        ),
        buffers=(Buffer(id="rack", capacity=3), Buffer(id="lane", capacity=4)),
        products=(
            Product(id="red", routing=routing(4.0)),
            Product(id="blue", routing=routing(5.0)),
        ),
        orders=tuple(
            JobOrder(id=f"o{k}", product="blue" if k % 2 else "red", quantity=15) for k in range(40)
        ),
    )
