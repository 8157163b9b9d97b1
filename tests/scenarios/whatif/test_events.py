"""What happens at a given time: what each event becomes, and what does not fit."""

import itertools
import math

import pytest

from scenarios.whatif.events import DRIFT_STEPS
from scenarios.whatif.files import scenarios_from_text
from scenarios.whatif.scenario import Scenario, ScenarioError, resolve
from twin.engine.options import SimulationOptions
from twin.line import Line, example_line

OPTIONS = SimulationOptions(horizon_s=8 * 3600.0)


@pytest.fixture(scope="module")
def line() -> Line:
    """Return the bottling line: orders, shifts, eight stations."""
    return example_line("bottling")


def happening(**event: object) -> Scenario:
    """Return a scenario with one event."""
    return Scenario(name="one", events=(event,))


def test_a_station_stands_still(line: Line) -> None:
    """A breakdown stops a station for a while."""
    scenario = happening(kind="breakdown", station="filler", after_s="1h", duration_s="4h")
    (fault,) = scenario.options(OPTIONS, scenario.apply(line)).faults
    assert (fault.station, fault.kind) == ("filler", "breakdown")
    assert (fault.after_s, fault.duration_s) == (3600.0, 14400.0)


def test_an_operator_is_missing_in_the_crew(line: Line) -> None:
    """Named by the crew, or by a station whose work needs people; else the station stands still."""
    scenario = happening(kind="operator_absent", crew="operators", after_s="1h", duration_s="2h")
    (absence,) = scenario.options(OPTIONS, scenario.apply(line)).absences
    assert (absence.crew, absence.people) == ("operators", 1)
    assert (absence.after_s, absence.duration_s) == (3600.0, 7200.0)
    at_station = happening(kind="operator_absent", station="packer", duration_s="2h")
    options = at_station.options(OPTIONS, at_station.apply(line))
    assert options.absences == ()
    assert [fault.station for fault in options.faults] == ["packer"]
    manned = line.changed({"stations.packer.needs": [{"crew": "operators"}]})
    options = at_station.options(OPTIONS, at_station.apply(manned))
    assert [absence.crew for absence in options.absences] == ["operators"]
    assert options.faults == ()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"crew": "night"}, "unknown crew 'night'"),
        ({"crew": "maintenance", "people": 2}, "2 of crew 'maintenance' cannot be away"),
        ({"station": "packer"}, "people of several crews work at 'packer'"),
    ],
)
def test_an_absence_must_fit_the_crew(line: Line, event: dict[str, object], said: str) -> None:
    """Unknown crews, more people than there are, and stations where several crews work."""
    both = line.changed({"stations.packer.needs": [{"crew": "operators"}, {"crew": "maintenance"}]})
    with pytest.raises(ScenarioError, match=said):
        happening(kind="operator_absent", duration_s="1h", **event).apply(both)


def test_drift_grows_and_stays(line: Line) -> None:
    """The factor rises evenly without a gap and holds until the horizon."""
    scenario = happening(kind="drift", station="filler", after_s="1h", duration_s="2h", factor=1.3)
    faults = scenario.options(OPTIONS, scenario.apply(line)).faults
    assert len(faults) == DRIFT_STEPS + 1
    for before, after in itertools.pairwise(faults):
        assert math.isclose(before.after_s + before.duration_s, after.after_s)
        assert before.factor < after.factor
    assert faults[-1].factor == 1.3
    assert math.isclose(faults[-1].after_s + faults[-1].duration_s, OPTIONS.horizon_s)


def test_late_material_keeps_a_source_empty(line: Line) -> None:
    """The source has nothing for a while; no station fails."""
    scenario = happening(kind="material_late", source="glass_store", duration_s="30min")
    options = scenario.options(OPTIONS, scenario.apply(line))
    assert [(one.source, one.duration_s) for one in options.shortages] == [("glass_store", 1800.0)]
    assert options.faults == ()


def test_a_rush_order_counts_from_where_the_run_begins(line: Line) -> None:
    """It is released on the line's clock, before all others, and due after that."""
    product = line.products[0].id
    scenario = happening(
        kind="rush_order", product=product, quantity=40, after_s="1h", due_in_s="2h"
    )
    order = scenario.apply(line, begin_s=10_000.0).order("rush")
    assert (order.release_s, order.due_date_s) == (13_600.0, 20_800.0)
    assert order.priority > max(other.priority for other in line.orders)


def test_demand_changes_quantities_and_arrivals(line: Line) -> None:
    """15 % more: larger orders, and parts that come sooner."""
    scenario = happening(kind="demand", factor=1.15)
    for before, after in zip(line.orders, scenario.apply(line).orders, strict=True):
        assert abs(after.quantity - 1.15 * before.quantity) <= 0.5
    coming = line.changed(
        {"sources.glass_store.arrivals": "interarrival",
         "sources.glass_store.interarrival_s": {"kind": "exponential", "mean_s": 23.0},
         "sources.glass_store.products": {line.products[0].id: 1.0}, "orders": []}
    )  # fmt: skip
    arrivals = scenario.apply(coming).sources[0].interarrival_s
    assert arrivals is not None
    assert math.isclose(arrivals.expected_s(), 20.0)


def test_a_shift_is_added(line: Line) -> None:
    """The calendar has one more shift."""
    scenario = happening(kind="extra_shift", calendar="manned", start="22:00", end="06:00")
    shifts = scenario.apply(line).calendar("manned").shifts
    assert len(shifts) == len(line.calendar("manned").shifts) + 1
    assert shifts[-1].start == "22:00"


def test_everything_wrong_is_told_at_once_with_its_line(line: Line) -> None:
    """Unknown places, impossible values and unknown fields are told by event, with file and row."""
    text = """scenarios:
  bad:
    events:
      - {kind: breakdown, station: nowhere, duration_s: 1h}
      - {kind: material_late, source: sand, duration_s: 1h}
      - {kind: rush_order, product: tea, quantity: 3, id: o1}
  worse:
    events:
      - {kind: demand, factor: -1}
      - {kind: earthquake}
"""
    with pytest.raises(ScenarioError) as caught:
        scenarios_from_text(text, line, "file.yaml")
    told = [str(finding) for finding in caught.value.findings]
    assert any(t.startswith("file.yaml:4:") and "unknown station 'nowhere'" in t for t in told)
    assert any(t.startswith("file.yaml:5:") and "unknown source 'sand'" in t for t in told)
    assert any(t.startswith("file.yaml:6:") and "unknown product 'tea'" in t for t in told)
    assert any(t.startswith("file.yaml:9:") for t in told)
    assert any("earthquake" in t for t in told)


def test_a_scenario_may_build_on_several() -> None:
    """Later parents win over earlier ones, own changes over both; everything happens once."""
    one = Scenario(name="one", changes={"a.b": 1, "a.c": 1})
    two = Scenario(name="two", extends="one", changes={"a.b": 2})
    other = Scenario(name="other", changes={"a.c": 3}, events=({"kind": "demand", "factor": 2},))
    both = Scenario(name="both", extends=("two", "other", "one"), changes={"a.d": 4})
    resolved = resolve([one, two, other, both])[-1]
    assert resolved.changes == {"a.b": 2, "a.c": 3, "a.d": 4}
    assert len(resolved.events) == 1


def test_differences_tell_events_in_words(line: Line) -> None:
    """A reader sees what happens, when and for how long."""
    (told,) = happening(
        kind="operator_absent", crew="operators", after_s="90min", duration_s="1h"
    ).difference(line)
    assert told.path == "events.operator_absent"
    assert told.after == "after 1 h 30 min, duration 1 h, crew operators, people 1"
