"""Scenarios: what a change does to a line, and how a wrong one is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.whatif.scenario import Scenario, ScenarioError, resolve
from twin.engine.options import Fault, SimulationOptions
from twin.line import (
    Constant,
    Exponential,
    JobOrder,
    Line,
    Operation,
    Product,
    Source,
    Station,
    Uniform,
    serial_line,
)


@pytest.fixture
def line() -> Line:
    """Return two stations with three places between them."""
    return serial_line([Constant(value_s=10.0), Exponential(mean_s=12.0)], buffers=[3])


@pytest.fixture
def order_line() -> Line:
    """Return one station that makes orders."""
    return Line(
        id="orders",
        sources=(Source(id="door", arrivals="orders"),),
        stations=(Station(id="press"),),
        products=(
            Product(
                id="cup",
                routing=(
                    Operation(
                        id="press", stations=("press",), processing_time_s=Constant(value_s=9)
                    ),
                ),
            ),
        ),
        orders=(JobOrder(id="o1", product="cup", quantity=30, due_date_s=900.0),),
    )


def findings_of(scenario: Scenario, line: Line) -> list[str]:
    """Return what is wrong with a scenario on a line, as text."""
    with pytest.raises(ScenarioError) as caught:
        scenario.apply(line)
    return [str(finding) for finding in caught.value.findings]


def test_no_changes_is_the_same_line(line: Line) -> None:
    """A scenario without changes gives back the very line."""
    assert Scenario(name="nothing").apply(line) is line


def test_plain_value_replaces(line: Line) -> None:
    """A plain value takes the place of what was there."""
    changed = Scenario(name="two", changes={"stations.s2.servers": 2}).apply(line)
    assert (line.station("s2").servers, changed.station("s2").servers) == (1, 2)


def test_part_of_a_line_may_stand_for_its_data(line: Line) -> None:
    """A distribution object may be given as such."""
    path = "products.part.routing.op1.processing_time_s"
    scenario = Scenario(name="new", changes={path: Uniform(low_s=8.0, high_s=9.0)})
    time_s = scenario.apply(line).product("part").routing[0].processing_time_s
    assert time_s == Uniform(low_s=8.0, high_s=9.0)


def test_star_takes_every_item_and_times_scales_a_distribution(line: Line) -> None:
    """``*`` stands for all items, and a factor acts on the whole distribution."""
    path = "products.*.routing.*.processing_time_s"
    changed = Scenario(name="slow", changes={path: {"times": 1.5}}).apply(line)
    means = [step.processing_time_s.expected_s() for step in changed.product("part").routing]
    assert means == [15.0, 18.0]


def test_plus_moves_a_constant_time(line: Line) -> None:
    """An amount is added to a time that can be moved."""
    path = "products.part.routing.op1.processing_time_s"
    changed = Scenario(name="later", changes={path: {"plus": 2.5}}).apply(line)
    assert changed.product("part").routing[0].processing_time_s == Constant(value_s=12.5)


def test_pieces_stay_whole(order_line: Line) -> None:
    """15 % more of 30 parts are 35: integers are rounded to the nearest."""
    changed = Scenario(name="demand", changes={"orders.*.quantity": {"times": 1.15}}).apply(
        order_line
    )
    assert changed.order("o1").quantity == 35


def test_rush_order_is_added_by_its_path(order_line: Line) -> None:
    """A path that ends in a new id adds an item; durations may carry units."""
    rush = {"product": "cup", "quantity": 5, "due_date_s": "10 min", "priority": 9}
    changed = Scenario(name="rush", changes={"orders.rush": rush}).apply(order_line)
    assert changed.order("rush").due_date_s == 600.0
    assert [order.id for order in changed.orders] == ["o1", "rush"]


def test_remove_takes_an_item_away(order_line: Line) -> None:
    """``remove`` takes an item out of its list."""
    changed = Scenario(name="gone", changes={"orders.o1": {"remove": True}}).apply(order_line)
    assert changed.orders == ()


def test_changes_see_those_before_them(line: Line) -> None:
    """Changes are made in the order in which they are written."""
    changes: dict[str, Any] = {
        "buffers.b1.capacity": 10,
        "buffers.*.capacity": {"plus": 1},
    }
    assert Scenario(name="both", changes=changes).apply(line).buffer("b1").capacity == 11


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"buffers.b2.capacity": 1}, "buffers has no 'b2'; expected one of: b1"),
        ({"stations.s1.servers": {"times": "two"}}, "expected a finite number"),
        ({"stations.s1.servers": {"plus": -1}}, "stations.s1.servers"),
        ({"stations.s1.setup.matrix_s": {}}, "stations.s1.setup is not set"),
        ({"stations.s1.serverz": 3}, "unknown key 'serverz'"),
        ({"products.part.routing.op2.processing_time_s": {"plus": 1}}, "cannot be moved"),
        ({"products.part.routing.op1.processing_time_s": {"plus": -11}}, "no possible time"),
        ({"products.part.routing.op1.processing_time_s": {"times": 0}}, "above zero"),
        ({"stations.s3": {"servers": 1}}, "no routing visits it"),
        ({"buffers.b1": 4}, "mapping"),
        ({"buffers..capacity": 4}, "empty step"),
        ({"orders.*.quantity": {"times": 2}}, "nothing stands in orders"),
    ],
)
def test_wrong_change_is_told_by_its_path(line: Line, changes: dict[str, Any], told: str) -> None:
    """What is wrong is told with the scenario's name and the path that the user wrote."""
    findings = findings_of(Scenario(name="odd", changes=changes), line)
    assert any(told in finding for finding in findings), findings
    assert all("scenarios.odd.changes." in finding for finding in findings), findings


def test_all_findings_are_told(line: Line) -> None:
    """Two bad changes and a fault at an unknown station are three findings."""
    scenario = Scenario(
        name="odd",
        changes={"buffers.b7.capacity": 1, "stations.s9.servers": 1},
        faults=(Fault(station="s8", duration_s=5.0),),
    )
    assert len(findings_of(scenario, line)) == 3


def test_name_must_be_a_name() -> None:
    """A bad scenario is one error with findings, not a library's own."""
    with pytest.raises(ScenarioError, match="name"):
        Scenario(name="two words")


def test_difference_reads_like_a_sentence(line: Line) -> None:
    """The difference names path, before and after, with units, faults last."""
    scenario = Scenario(
        name="more",
        changes={
            "buffers.b1.capacity": {"plus": 2},
            "products.part.routing.op2.processing_time_s": {"times": 0.5},
        },
        faults=(Fault(station="s1", after_s=3600.0, duration_s=14400.0),),
    )
    rows = [(row.path, row.before, row.after) for row in scenario.difference(line)]
    assert rows == [
        ("buffers.b1.capacity", "3", "5"),
        (
            "products.part.routing.op2.processing_time_s",
            "exponential (mean 12 s)",
            "exponential (mean 6 s)",
        ),
        ("stations.s1", "-", "breakdown after 1 h for 4 h"),
    ]


def test_options_gain_the_faults(line: Line) -> None:
    """Faults of the scenario come after those the options have."""
    first = Fault(station="s1", duration_s=1.0)
    second = Fault(station="s2", duration_s=2.0)
    options = SimulationOptions(horizon_s=10.0, faults=(first,))
    scenario = Scenario(name="two", faults=(second,))
    assert scenario.options(options).faults == (first, second)


def test_child_takes_over_and_overrides() -> None:
    """Parents come first; a path that both name is the child's."""
    parent = Scenario(
        name="a", changes={"x.y": 1, "x.z": 2}, faults=(Fault(station="s", duration_s=1),)
    )
    child = Scenario(name="b", extends="a", changes={"x.y": 3})
    resolved = resolve([child, parent])[0]
    assert list(resolved.changes.items()) == [("x.z", 2), ("x.y", 3)]
    assert resolved.extends == ()
    assert len(resolved.faults) == 1


def test_circle_of_parents_is_told() -> None:
    """A circle is named step by step."""
    with pytest.raises(ScenarioError, match="a -> b -> a"):
        resolve([Scenario(name="a", extends="b"), Scenario(name="b", extends="a")])


def test_names_are_used_once() -> None:
    """Two scenarios of one name cannot be told apart."""
    with pytest.raises(ScenarioError, match="used 2 times"):
        resolve([Scenario(name="a"), Scenario(name="a")])


def test_unresolved_scenario_says_what_to_do(line: Line) -> None:
    """A scenario whose parent is not at hand is not applied in part."""
    with pytest.raises(ScenarioError, match="resolve"):
        Scenario(name="b", extends="a").apply(line)


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,20}", fullmatch=True)
VALUES = st.one_of(
    st.integers(-1000, 1000),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(max_size=10),
    st.booleans(),
    st.none(),
    st.fixed_dictionaries({"times": st.floats(0.1, 10.0)}),
    st.fixed_dictionaries({"product": st.just("cup"), "quantity": st.integers(1, 9)}),
    st.lists(st.integers(0, 9), max_size=3),
)
FAULTS = st.builds(
    Fault,
    station=st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,9}", fullmatch=True),
    kind=st.sampled_from(["breakdown", "slowdown"]),
    after_s=st.floats(0.0, 1e6),
    duration_s=st.floats(0.1, 1e6),
    factor=st.floats(0.1, 10.0),
)
SCENARIOS = st.builds(
    Scenario,
    name=NAMES,
    description=st.text(max_size=30),
    extends=st.none() | NAMES,
    changes=st.dictionaries(st.text("abc.*", min_size=1, max_size=12), VALUES, max_size=5),
    faults=st.lists(FAULTS, max_size=3).map(tuple),
)


@given(SCENARIOS)
def test_scenario_survives_json(scenario: Scenario) -> None:
    """A scenario written as JSON and read again is the same, its order of changes included."""
    again = Scenario(**json.loads(scenario.model_dump_json()))
    assert again == scenario
    assert list(again.changes) == list(scenario.changes)
