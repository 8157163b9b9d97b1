"""Sums and maxima alone give what the engines give, on lines that are plain enough for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.engine.compiled import rows
from twin.engine.compiled import tables as t
from twin.engine.compiled.engine import Program
from twin.engine.compiled.flows import BINS, EXACT, flow_quantile
from twin.engine.compiled.plain import PlainProgram
from twin.engine.compiled.plainness import is_plain, legs_of, strands_of
from twin.engine.options import Fault, SimulationOptions
from twin.engine.simulate import replicate
from twin.errors import SimulationError
from twin.kpi.counters import Values
from twin.line import (
    Buffer,
    Constant,
    Exponential,
    Failure,
    Line,
    Lognormal,
    Move,
    Product,
    Setup,
    Source,
    Station,
    Vehicles,
    Wear,
    WearLevel,
    Weibull,
    load_line,
    serial_line,
)

pytestmark = pytest.mark.timeout(600)  # the first one may have to compile
NEAR = 1e-9
TIMES = st.sampled_from(
    [
        Constant(value_s=0.0),
        Constant(value_s=1.0),
        Constant(value_s=0.3),
        Exponential(mean_s=1.0),
        Weibull(scale_s=1.2, shape=2.0),
        Lognormal(mean_s=1.0, sd_s=0.5),
    ]
)
LIFE = Exponential(mean_s=6.0)
LOADS = Constant(value_s=1.0)
LIVES = st.sampled_from([Constant(value_s=4.0), LIFE])
REPAIRS = st.sampled_from([Constant(value_s=2.0), Exponential(mean_s=3.0)])


SHARES = st.sampled_from([0.0, 0.3])
CHANGES = st.sampled_from([0.0, 0.5, 2.0])


@st.composite
def stations(draw: st.DrawFn, plain: Station, groups: tuple[str, ...]) -> Station:
    """Return a station with and without a failure mode, setups and wear."""
    wears = draw(st.booleans())
    clock = "operating" if wears else draw(st.sampled_from(["operating", "calendar"]))
    failure = st.builds(
        Failure,
        id=st.just("stop"),
        clock=st.just(clock),
        time_to_failure_s=LIVES,
        time_to_repair_s=REPAIRS,
    )
    failures = draw(st.just(()) | st.tuples(failure))
    level = st.builds(
        WearLevel,
        after_s=st.sampled_from([Constant(value_s=1.0), Constant(value_s=2.0), LIFE]),
        failure_factor=st.sampled_from([1.0, 3.0]),
        time_factor=st.sampled_from([1.0, 1.5]),
    )
    levels = st.lists(level, min_size=1, max_size=3).map(tuple)
    mends = draw(st.integers(0, 2)) if failures else 0
    wear = st.builds(Wear, levels=levels, lowered_by=st.just({"stop": mends} if mends else {}))
    matrix = {a: {b: draw(CHANGES) for b in groups if b != a} for a in groups}
    setup = st.builds(
        Setup, matrix_s=st.just(matrix), initial_group=st.sampled_from([None, *groups])
    )
    return plain.model_copy(
        update={
            "failures": failures,
            "wear": draw(wear) if wears else None,
            "setup": draw(st.none() | setup),
        }
    )


BETWEEN = st.none() | st.sampled_from([Exponential(mean_s=1.5), Constant(value_s=1.0)])


@st.composite
def products(draw: st.DrawFn, plain: Product, names: tuple[str, ...]) -> list[Product]:
    """Return products that pass the same stations, with some groups, losses and times."""
    return [
        Product(
            id=name,
            setup_group=draw(st.sampled_from(["", "same"])),
            routing=[
                step.model_copy(
                    update={"scrap_probability": draw(SHARES)}
                    | ({"processing_time_s": draw(TIMES)} if name == "other" else {})
                )
                for step in plain.routing
            ],
        )
        for name in names
    ]


@st.composite
def components(draw: st.DrawFn, users: list[Product], name: str) -> list[Product]:
    """Return products of one row, some or all of which need a component at one station."""
    at, chosen = draw(st.integers(0, len(users[0].routing) - 1)), draw(st.integers(1, 3))
    found = []
    for i, product in enumerate(users):
        steps = list(product.routing)
        if i == 0 or chosen & i:
            needed = steps[at].components | {name: draw(st.integers(1, 2))}
            steps[at] = steps[at].model_copy(update={"components": needed})
        found.append(product.model_copy(update={"routing": tuple(steps)}))
    return found


@st.composite
def supply(draw: st.DrawFn, fields: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a line with one more row, which brings components to a stock."""
    rows: dict[str | None, list[Product]] = {}
    for product in fields["products"]:
        if product.routing:
            rows.setdefault(product.stock, []).append(product)
    users = draw(components(draw(st.sampled_from(list(rows.values()))), name))
    size, between = draw(st.integers(0, 2)), draw(BETWEEN)
    stock = Buffer(
        id=f"{name}s", capacity=draw(st.sampled_from([2, 3, *([None] if between else [])]))
    )
    plain = serial_line([draw(TIMES) for _ in range(max(size, 1))], [1] * (max(size, 1) - 1))
    renamed = {station.id: f"{name}{station.id}" for station in plain.stations}
    steps = [
        step.model_copy(
            update={"id": renamed[step.stations[0]], "stations": (renamed[step.stations[0]],)}
        )
        for step in plain.products[0].routing
    ][:size]
    own = Product(id=name, routing=steps, stock=stock.id)
    stations_of = [
        draw(stations(Station(id=step.id, input_buffer=f"{step.id}in" if i else None), (name,)))
        for i, step in enumerate(steps)
    ]
    buffers = [Buffer(id=f"{step.id}in", capacity=draw(st.integers(1, 2))) for step in steps[1:]]
    source = Source(
        id=f"{draw(st.sampled_from(['a', 'z']))}{name}",
        arrivals="interarrival" if between else "unlimited",
        interarrival_s=between,
        products={name: 1.0},
    )
    others = {product.id: product for product in [*fields["products"], *users]}
    return fields | {
        "sources": [*fields["sources"], source],
        "products": [*others.values(), own],
        "stations": [*fields["stations"], *stations_of],
        "buffers": [*fields["buffers"], *buffers, stock],
    }


DRIVES = st.sampled_from([0.0, 0.5, 2.0])


@st.composite
def vehicles(draw: st.DrawFn, way: tuple[str, str]) -> Vehicles:
    """Return vehicles that bring parts on one way and overtake nobody."""
    (origin, goal), count, back_s = way, draw(st.integers(1, 3)), draw(DRIVES)
    home = draw(st.sampled_from([*way, "yard"]))
    handling = TIMES if count == 1 else st.sampled_from([Constant(value_s=0.25), LOADS])
    times_s = {goal: {origin: back_s}, origin: {goal: draw(DRIVES)}}
    if home == "yard":
        times_s |= {home: {origin: draw(st.sampled_from([0.0, back_s]))}}
    return Vehicles(
        id=f"{origin}vehicles",
        count=count,
        moves=[Move(out_of=[origin], into=[goal])],
        travel_time_s=times_s,
        load_time_s=draw(handling),
        unload_time_s=draw(handling),
        home=home,
    )


@st.composite
def carried(draw: st.DrawFn, line: Line) -> Line:
    """Return a line in which vehicles bring the parts on some ways, each pool on its own."""
    names = set(line.flow_order)
    ways = [way for strand in strands_of(line) for way in legs_of(line, strand) if way[0] in names]
    chosen = draw(st.lists(st.sampled_from(ways), unique=True, max_size=2))
    fields = {name: getattr(line, name) for name in Line.model_fields}
    return Line(**fields | {"vehicles": [draw(vehicles(way)) for way in chosen]})


@st.composite
def plain_lines(draw: st.DrawFn) -> Line:
    """Return rows of single servers with all that needs no events."""
    size = draw(st.integers(1, 5))
    times = [draw(TIMES) for _ in range(size - 1)] + [Exponential(mean_s=1.0)]
    line = serial_line(times, [draw(st.integers(0, 3)) for _ in range(size - 1)])
    names = ("part", "other", "third")[: draw(st.integers(1, 3))]
    made = draw(products(line.products[0], names))
    between = draw(BETWEEN)
    source = Source(
        id=line.sources[0].id,
        arrivals="interarrival" if between else "unlimited",
        interarrival_s=between,
        products={name: draw(st.sampled_from([1.0, 2.5])) for name in names},
    )
    groups = tuple(sorted({product.group for product in made}))
    fields = {name: getattr(line, name) for name in Line.model_fields} | {
        "sources": [source],
        "products": made,
        "stations": [draw(stations(station, groups)) for station in line.stations],
    }
    for i in range(draw(st.integers(0, 3))):
        fields = draw(supply(fields, f"c{i}"))
    return draw(carried(Line(**fields)))


def assert_near(found: Values, expected: Values) -> None:
    """Compare key figures."""
    assert found.keys() == expected.keys()
    for name, (_, values) in expected.items():
        np.testing.assert_allclose(found[name][1], values, rtol=NEAR, atol=NEAR, err_msg=name)


@given(
    line=plain_lines(),
    seed=st.integers(0, 1000),
    warm_up_s=st.sampled_from([0.0, 7.5]),
    antithetic=st.booleans(),
)
def test_a_plain_line_needs_no_events(
    line: Line, seed: int, warm_up_s: float, antithetic: bool
) -> None:
    """Flow times are equal to the last bit, figures to 1e-9."""
    options = SimulationOptions(
        horizon_s=60.0, warm_up_s=warm_up_s, seed=seed, antithetic=antithetic
    )
    assert is_plain(line, options)
    program = Program(line, options, None)
    memory = program.run(2, program.end_s, with_log=False)
    ran = PlainProgram(program.lowering, program.lowering.tables(), program.begin_s).run(2)
    finished = int(memory.m[t.N_FLOWS])
    assert ran.told[rows.FINISHED] == finished
    np.testing.assert_array_equal(
        ran.flows[:finished], memory.floats(t.FLOW_S, finished), strict=True
    )
    assert_near(program.plain_figures(2)[0], program.figures(2)[0])


def test_a_free_choice_takes_the_shorter_way_and_says_so() -> None:
    """A plain line runs by sums and maxima unless the kernel is asked for, with equal figures."""
    line = serial_line([Exponential(mean_s=1.0)] * 3, [2, 2])
    free = SimulationOptions(horizon_s=500.0)
    asked = free.model_copy(update={"engine": "compiled"})
    one, other = replicate(line, free, 3), replicate(line, asked, 3)
    assert one.attrs["engine"] == "max-plus"
    assert other.attrs["engine"] == "compiled"
    for name in one.data_vars:
        np.testing.assert_allclose(one[name], other[name], rtol=NEAR, atol=NEAR, err_msg=name)


@pytest.mark.parametrize("name", ["bottling", "electronics"])
def test_a_line_with_more_to_it_is_not_plain(name: str) -> None:
    """Setups, crews, shifts, rework and parallel servers need events."""
    assert not is_plain(load_line(name), SimulationOptions(horizon_s=60.0))


def test_a_fault_needs_events() -> None:
    """A supposed breakdown happens whatever the station does, so the line is not plain."""
    line = serial_line([Exponential(mean_s=1.0)] * 2, [1])
    fault = Fault(station=line.flow_order[0], duration_s=5.0)
    assert not is_plain(line, SimulationOptions(horizon_s=60.0, faults=(fault,)))


def test_time_that_does_not_go_on_is_told() -> None:
    """A row of stations whose work takes no time is refused with their names, not run for ever."""
    line = serial_line([Constant(value_s=0.0)] * 2, [2])
    with pytest.raises(SimulationError, match=r"zero-time work at 0 s around: s1, s2"):
        replicate(line, SimulationOptions(horizon_s=10.0), 2)


def test_many_flow_times_take_no_more_memory() -> None:
    """Beyond the first ones flow times are in bins; quantiles are within the bound told."""
    line = serial_line([Exponential(mean_s=1.0)] * 2, [3])
    program = Program(line, SimulationOptions(horizon_s=20_000.0), None)
    memory = program.run(0, program.end_s, with_log=True)
    finished = int(memory.m[t.N_FLOWS])
    assert finished > 2 * EXACT
    log = program.log(memory, 0, program.end_s).frame()
    created = log[log.kind == "part_created"].set_index("part").time_s
    gone = log[log.kind == "part_finished"].set_index("part").time_s
    flows = (gone - created.loc[gone.index]).to_numpy()
    bins = memory.ints(t.FLOW_BINS, BINS)
    for share in (0.01, 0.5, 0.9, 0.99):
        found = flow_quantile(finished, memory.floats(t.FLOW_S, EXACT), bins, share)
        assert found == pytest.approx(np.quantile(flows, share), rel=0.004)
    ran = PlainProgram(program.lowering, program.lowering.tables(), program.begin_s).run(0)
    np.testing.assert_array_equal(ran.bins, bins)
