"""Wear: levels that rise with use, what they change, and what lowers them."""

from typing import Any

import numpy as np
import pytest

from tests.engine.test_semantics import cell, product, run, times_of
from twin import LineState, SimulationOptions, example_line, simulate, summarise
from twin.engine.runs import Runs
from twin.errors import LineError, StateError
from twin.events import EventLog, Kind, fold
from twin.events.state import Clock, StationState, WearState
from twin.line import Line
from twin.testing.laws import reordered

HOURS = 3600.0


def worn(levels: list[dict[str, Any]], **more: Any) -> Line:
    """Return one station that always works, 10 s on each part or ``work_s``, and wears."""
    keys = {key: more.pop(key) for key in ("clock", "ages", "lowered_by") if key in more}
    made = [product("p", ("a", more.pop("work_s", 10)))]
    station = {"id": "a", "wear": {"levels": levels, **keys}, **more}
    return cell(stations=[station], buffers=[], products=made)


def jam(**more: Any) -> dict[str, Any]:
    """Return a failure after 100 s of work, with a repair of 5 s."""
    return {"id": "jam", "time_to_failure_s": 100, "time_to_repair_s": 5} | more


def by_chance(mean_s: float) -> dict[str, Any]:
    """Return an exponential time."""
    return {"kind": "exponential", "mean_s": mean_s}


def changes(log: EventLog) -> list[tuple[float, int]]:
    """Return when which level was come to."""
    rows = np.isin(log.kind, [Kind.WEAR_RISEN, Kind.WEAR_LOWERED])
    return list(zip(log.time_s[rows].tolist(), log.detail[rows].tolist(), strict=True))


def test_a_worn_station_ages_faster_and_is_lowered_by_maintenance() -> None:
    """Worked out by hand: rates 1, 2 and 4, care when the second level comes, which resets it."""
    levels = [{"after_s": 50, "failure_factor": 2}, {"after_s": 55, "failure_factor": 4}]
    care = {"id": "care", "at_level": 2, "duration_s": 20}
    line = worn(levels, failures=[jam()], maintenance=[care], lowered_by={"care": 2})
    log = run(line, 240.0)
    # 50 s at rate 1 and 25 s at rate 2 make 100; the wear stands still while it is repaired.
    assert changes(log) == [(50.0, 1), (110.0, 2), (135.0, 0), (190.0, 1)]
    # From 80 on 30 s at rate 2 and 5 s at rate 4 make 80; the last 20 come at rate 1 from 135 on.
    assert times_of(log, Kind.FAILED) == [75.0, 155.0, 225.0]
    assert times_of(log, Kind.MAINTENANCE_READY) == [115.0]


def test_wear_by_operations_scraps_and_slows() -> None:
    """After two operations all are scrapped, after three more they take twice as long."""
    levels = [
        {"after_cycles": 2, "scrap_probability": 1.0},
        {"after_cycles": 3, "time_factor": 2.0},
    ]
    log = run(worn(levels, clock="cycles"), 75.0)
    assert changes(log) == [(20.0, 1), (50.0, 2)]
    assert times_of(log, Kind.PART_FINISHED) == [10.0, 20.0, 70.0]
    assert times_of(log, Kind.PART_SCRAPPED) == [30.0, 40.0, 50.0]


def test_wear_by_the_calendar_goes_on_while_nothing_is_done() -> None:
    """Only the modes that are named age faster; others keep their rate."""
    shelf = jam(id="shelf", clock="calendar", time_to_failure_s=60, time_to_repair_s=1)
    levels = [{"after_s": 30, "failure_factor": 3}]
    line = worn(levels, clock="calendar", ages=["shelf"], failures=[jam(), shelf])
    log = run(line, 110.0)
    assert changes(log) == [(30.0, 1)]
    assert times_of(log, Kind.FAILED)[:2] == [40.0, 61.0]  # 30 + 30 / 3; then 60 / 3 after 41
    jams = log.time_s[(log.kind == Kind.FAILED) & (log.detail == 0)]
    assert jams.tolist() == [103.0]  # 100 s of work and three stops of 1 s


def test_availability_is_that_of_the_markov_chain() -> None:
    """Two levels by chance, a failure that is five times as frequent at the second, renewed by it.

    From a repair on the station wears at rate a or fails at rate f, then fails at rate 5 f: it
    works 1 / (a + f) + a / (a + f) / (5 f) between repairs of mean r.
    """
    a, f, r = 1 / 400, 1 / 1000, 120.0
    line = worn(
        [{"after_s": by_chance(1 / a), "failure_factor": 5}],
        failures=[jam(time_to_failure_s=by_chance(1 / f), time_to_repair_s=by_chance(r))],
        lowered_by={"jam": 1},
        work_s=2000,
    )
    found = summarise(run(line, 500 * HOURS), line)
    fresh_s, worn_s = 1 / (a + f), a / (a + f) / (5 * f)
    exact = (fresh_s + worn_s) / (fresh_s + worn_s + r)
    assert float(found.availability[0]) == pytest.approx(exact, rel=0.02)
    # The repair is spent at the level at which it failed.
    low = fresh_s + r * f / (a + f)
    share = float(found.wear_time_s[0, 0]) / float(found.wear_time_s.sum())
    assert share == pytest.approx(low / (fresh_s + worn_s + r), rel=0.05)
    assert float(found.wear_level_mean[0]) == pytest.approx(1 - share)


def test_quality_is_that_of_the_levels() -> None:
    """One part in ten is scrapped at the first level, one in two at the second, equally long."""
    levels = [
        {"after_cycles": 1, "scrap_probability": 0.1},
        {"after_cycles": 50, "scrap_probability": 0.5},
        {"after_cycles": 50},
    ]
    care = {"id": "care", "at_level": 3, "duration_s": 0}
    line = worn(levels, clock="cycles", maintenance=[care], lowered_by={"care": 2})
    found = summarise(run(line, 100_000.0), line)
    assert float(found.quality_ratio[0]) == pytest.approx(0.7, abs=0.015)


def test_maintenance_comes_again_when_the_level_does() -> None:
    """One that takes one level off is due each time the level is reached anew, no sooner."""
    levels = [{"after_s": 20}, {"after_s": 30}]
    care = {"id": "care", "at_level": 2, "duration_s": 5}
    log = run(worn(levels, maintenance=[care], lowered_by={"care": 1}), 130.0)
    assert changes(log) == [(20.0, 1), (50.0, 2), (55.0, 1), (85.0, 2), (90.0, 1), (120.0, 2),
                            (125.0, 1)]  # fmt: skip


def test_a_state_tells_level_and_use_and_a_real_line_goes_on_from_it() -> None:
    """At level 1 with 40 of 55 s worn: the next comes after 15 s of work."""
    line = worn([{"after_s": 50}, {"after_s": 55, "failure_factor": 4}])
    wear = WearState(level=1, steps=1, clock=Clock(worked_s=40.0))
    state = LineState(line_id="cell", time_s=100.0, stations={"a": StationState(wear=wear)})
    log = simulate(line, SimulationOptions(horizon_s=60.0), state)
    assert changes(log) == [(115.0, 2)]
    bad = WearState(level=3)
    state = LineState(line_id="cell", time_s=0.0, stations={"a": StationState(wear=bad)})
    with pytest.raises(StateError, match=r"wear\.level: is 3; expected 0 to 2"):
        simulate(line, SimulationOptions(horizon_s=60.0), state)


def test_the_example_can_be_cut_and_written_in_any_order() -> None:
    """The example line goes on from its state, worn as it is, as if it had not been cut."""
    line = example_line("grinding")
    options = SimulationOptions(horizon_s=8 * HOURS, seed=5)
    log = simulate(line, options)
    state = fold(log.until(2 * HOURS), line)
    assert state.stations["grinder"].wear is not None
    assert state.stations["grinder"].wear.steps > 0
    rest = simulate(reordered(line), options.model_copy(update={"horizon_s": 6 * HOURS}), state)
    assert fold(rest, line) == fold(log, line)
    assert len(log.until(2 * HOURS)) + len(rest) == len(log)


def test_the_kernel_counts_the_time_at_each_level_while_observed() -> None:
    """Levels are followed from the beginning of the run, their times from the end of warm-up."""
    line = worn([{"after_s": 30}, {"after_s": 40, "time_factor": 2.0}])
    options = SimulationOptions(horizon_s=200.0, warm_up_s=50.0, engine="compiled")
    values, coordinates = Runs(line, options).figures(0)
    assert values["wear_time_s"][1].tolist() == [[0.0, 20.0, 130.0]]
    assert values["wear_level_mean"][1].tolist() == [pytest.approx((20 + 2 * 130) / 150)]
    assert list(coordinates["wear_level"]) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("changed", "path", "told"),
    [
        ({"levels": []}, "stations.a.wear.levels", "holds 0"),
        ({"levels": [{}]}, "stations.a.wear", "after_s is needed"),
        ({"levels": [{"after_cycles": 3}]}, "stations.a.wear", "goes with clock: cycles"),
        ({"levels": [{"after_s": 0}]}, "stations.a.wear.levels.0", "reached at once"),
        (
            {"levels": [{"after_s": 9}], "ages": ["x"]},
            "stations.a.wear.ages",
            "unknown failure or maintenance 'x'",
        ),
        (
            {"levels": [{"after_s": 9}], "lowered_by": {"care": 1, "x": 1}},
            "stations.a.wear.lowered_by",
            "one of: care, jam",
        ),
        (
            {"levels": [{"after_s": 9}], "lowered_by": {}},
            "stations.a.maintenance.care.at_level",
            "takes no level off",
        ),
    ],
)
def test_finding_about_wear(changed: dict[str, Any], path: str, told: str) -> None:
    """What does not fit is told with its path, in plain words."""
    wear = {"lowered_by": {"care": 1}} | changed
    care = {"id": "care", "at_level": 1, "duration_s": 1}
    station = {"id": "a", "wear": wear, "failures": [jam()], "maintenance": [care]}
    with pytest.raises(LineError) as caught:
        cell(stations=[station], buffers=[], products=[product("p", ("a", 10))])
    assert any(f.path == path and told in str(f) for f in caught.value.findings)


def test_maintenance_at_a_level_needs_wear_with_that_level() -> None:
    """Without wear it would never be due; nor would it at a level that is not reached."""
    care = {"id": "care", "at_level": 2, "duration_s": 1}
    with pytest.raises(LineError, match="the station does not wear"):
        cell(stations=[{"id": "a", "maintenance": [care]}], buffers=[],
             products=[product("p", ("a", 10))])  # fmt: skip
    with pytest.raises(LineError, match="is 2, and the last level is 1"):
        worn([{"after_s": 5}], maintenance=[care], lowered_by={"care": 1})
