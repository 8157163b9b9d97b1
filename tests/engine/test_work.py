"""People, maintenance, what failures do, loading and unloading, energy: told event by event."""

from typing import Any

import pytest

from tests.engine.test_semantics import cell, product, run, times_of, told
from twin import summarise
from twin.errors import LineError
from twin.events import EventLog, Kind
from twin.kpi import loss_tree, order_energy
from twin.line import Line

FINISHED = Kind.PROCESSING_ENDED


def station(**more: Any) -> dict[str, Any]:
    """Return one station ``a``."""
    return {"id": "a", **more}


def single(steps: dict[str, Any] | None = None, **sections: Any) -> Line:
    """Return one station that works 10 s on each part; ``steps`` are more keys of the operation."""
    made = product("p", ("a", 10))
    made["routing"][0] |= steps or {}
    stations = [{"id": "a", **sections.pop("a", {})}]
    return cell(stations=stations, buffers=[], products=[made], **sections)


def failure(**more: Any) -> dict[str, Any]:
    """Return a failure mode with a repair of 5 s."""
    return {"id": "jam", "time_to_repair_s": 5, **more}


def shift(start: str, end: str, name: str = "day") -> dict[str, Any]:
    """Return a calendar of one shift on all days."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return {"id": name, "shifts": [{"start": start, "end": end, "days": days}]}


def status_s(log: EventLog, line: Line, name: str) -> dict[str, float]:
    """Return the time in each status of a station, those without any left out."""
    found = summarise(log, line).status_time_s.sel(station=name)
    return {str(k): float(v) for k, v in zip(found.status.values, found.values, strict=True) if v}


def test_failure_by_cycles_comes_with_the_operation_that_reaches_it() -> None:
    """Two operations at 10 and 20, then 5 s of repair, counted anew after it."""
    line = single(a={"failures": [failure(clock="cycles", cycles_to_failure=2)]})
    log = run(line, 60)
    assert times_of(log, Kind.FAILED) == [20.0, 45.0]
    assert times_of(log, FINISHED) == [10.0, 20.0, 35.0, 45.0]


@pytest.mark.parametrize(
    ("effect", "ended", "scrapped"),
    [
        ("stop", [10.0, 25.0, 35.0], []),
        ("restart", [10.0, 30.0, 45.0], []),
        ("scrap", [10.0, 30.0, 45.0], [15.0, 35.0]),
    ],
)
def test_effect_of_a_failure(effect: str, ended: list[float], scrapped: list[float]) -> None:
    """A failure at 15 of processing pauses the part, loses its work, or the part with it."""
    mode = failure(clock="calendar", time_to_failure_s=15, effect=effect)
    log = run(single(a={"failures": [mode]}), 46)
    assert times_of(log, FINISHED)[:2] == ended[:2]
    assert times_of(log, Kind.PART_SCRAPPED) == scrapped


def test_slow_failure_stretches_what_begins_until_it_is_repaired() -> None:
    """From 12 to 42 the station is slow: what began at 10 is not, what begins at 20 takes 30 s."""
    mode = failure(
        clock="calendar", time_to_failure_s=12, time_to_repair_s=30, effect="slow", slow_factor=3
    )
    line = single(a={"failures": [mode]})
    log = run(line, 65)
    assert times_of(log, FINISHED) == [10.0, 20.0, 50.0, 60.0]
    assert status_s(log, line, "a") == {"processing": 65.0}


def test_maintenance_waits_for_work_to_end_and_is_no_failure() -> None:
    """Due at 15, it begins at 20; the station is planned off, so its availability is untouched."""
    line = single(a={"maintenance": [{"id": "oil", "every_s": 15, "duration_s": 4}]})
    log = run(line, 34)
    assert times_of(log, Kind.MAINTENANCE_DUE) == [15.0]
    assert times_of(log, Kind.MAINTENANCE_STARTED) == [20.0]
    assert times_of(log, FINISHED) == [10.0, 20.0]
    assert status_s(log, line, "a") == {"processing": 30.0, "maintenance": 4.0}
    assert float(summarise(log, line).availability[0]) == 1.0
    losses = loss_tree(log, line).groupby("loss").time_s.sum()
    assert losses["maintenance"] == 4.0
    assert losses["failed"] == 0.0


def test_maintenance_that_interrupts_pauses_the_part() -> None:
    """Due at 15, begun at 15, over at 19: the part of 10 s that began at 10 ends at 24."""
    care = {"id": "oil", "every_s": 15, "duration_s": 4, "interrupts": True}
    log = run(single(a={"maintenance": [care]}), 30)
    assert times_of(log, FINISHED) == [10.0, 24.0]


def test_maintenance_by_use_and_by_calendar() -> None:
    """After every third operation; and whenever a shift of its calendar begins."""
    used = {"id": "tool", "clock": "cycles", "every_cycles": 3, "duration_s": 5}
    log = run(single(a={"maintenance": [used]}), 80)
    assert times_of(log, Kind.MAINTENANCE_STARTED) == [30.0, 65.0]
    dated = {"id": "check", "calendar": "day", "duration_s": 7}
    line = single(a={"maintenance": [dated]}, calendars=[shift("06:01", "06:02")])
    assert times_of(run(line, 100), Kind.MAINTENANCE_STARTED) == [60.0]


def test_maintenance_renews_what_wears() -> None:
    """A mode that would fail after 25 s of work never does, because the oil comes every 20 s."""
    wear = failure(time_to_failure_s=25)
    care = {"id": "oil", "clock": "operating", "every_s": 20, "duration_s": 1, "renews": ["jam"]}
    assert times_of(run(single(a={"failures": [wear]}), 200), Kind.FAILED)
    line = single(a={"failures": [wear], "maintenance": [care]})
    log = run(line, 200)
    assert len(times_of(log, Kind.MAINTENANCE_ENDED)) == 9
    assert not times_of(log, Kind.FAILED)


def test_two_stations_share_one_operator() -> None:
    """Each needs the same person for its 10 s, so parts are made in turns."""
    line = cell(
        stations=[{"id": "a", "needs": [{"crew": "op"}]}, {"id": "b", "needs": [{"crew": "op"}]}],
        buffers=[],
        crews=[{"id": "op"}],
    )
    log = run(line, 61)
    assert times_of(log, Kind.PART_FINISHED) == [20.0, 40.0, 60.0]
    assert status_s(log, line, "a")["no_operator"] == pytest.approx(30.0)


def test_maintenance_takes_whoever_stands_ready_for_work_it_holds_up() -> None:
    """The one who loads would stay to work; as maintenance waits, they do that at once."""
    care = {"id": "care", "every_s": 3, "duration_s": 2, "crew": "hands"}
    line = single(
        {"load_time_s": 4},
        a={"maintenance": [care], "needs": [{"crew": "hands", "during": ["load", "process"]}]},
        crews=[{"id": "hands", "size": 1}],
    )
    log = run(line, 20)
    assert times_of(log, Kind.MAINTENANCE_STARTED) == [4.0, 16.0]
    assert times_of(log, FINISHED) == [16.0]


def test_operator_is_needed_for_loading_only() -> None:
    """One person loads two machines for 2 s each; both then work 10 s alone."""
    made = product("p", ("a|b", 10))
    made["routing"][0] |= {"load_time_s": 2, "needs": [{"crew": "op", "during": ["load"]}]}
    line = cell(stations=[station(), station(id="b")], buffers=[], products=[made],
                crews=[{"id": "op"}])  # fmt: skip
    log = run(line, 30)
    assert times_of(log, Kind.LOADING_STARTED) == [0.0, 2.0, 12.0, 14.0, 24.0, 26.0]
    assert times_of(log, FINISHED) == [12.0, 14.0, 24.0, 26.0]
    assert status_s(log, line, "a") == {
        "processing": 20.0 + 2.0,
        "handling": 6.0,
        "no_operator": 2.0,
    }


def test_setup_waits_for_a_setter_and_unloading_comes_last() -> None:
    """The setter is away until 06:01; unloading takes 3 s before the part is done."""
    line = cell(
        stations=[
            {
                "id": "a",
                "setup": {"initial_group": "q", "matrix_s": {"q": {"p": 5}}},
                "needs": [{"skill": "set", "during": ["setup"]}],
            }
        ],
        buffers=[],
        products=[product("p", ("a", 10)), product("q", ("a", 10))],
        sources=[{"id": "in", "products": {"p": 1}}],
        crews=[{"id": "setters", "skills": ["set"], "calendar": "day"}],
        calendars=[shift("06:01", "07:00")],
    )
    line = line.changed({"products.p.routing.op0.unload_time_s": 3})
    log = run(line, 80)
    assert times_of(log, Kind.SETUP_STARTED) == [60.0]
    assert times_of(log, Kind.UNLOADING_STARTED) == [75.0]
    assert times_of(log, Kind.PART_FINISHED) == [78.0]


@pytest.mark.parametrize(("rule", "ended_s"), [("finish", 70.0), ("stop", 130.0)])
def test_people_at_the_end_of_their_shift(rule: str, ended_s: float) -> None:
    """Work of 70 s that begins at 0: people who finish end it at 70, others go on at 120."""
    made = product("p", ("a", 70))
    line = cell(
        stations=[{"id": "a", "needs": [{"crew": "op"}]}],
        buffers=[],
        products=[made],
        crews=[{"id": "op", "calendar": "day", "at_shift_end": rule}],
        calendars=[
            {
                "id": "day",
                "shifts": [
                    {"start": "06:00", "end": "06:01", "days": ["mon"]},
                    {"start": "06:02", "end": "06:30", "days": ["mon"]},
                ],
            }
        ],
    )
    log = run(line, 200)
    assert times_of(log, FINISHED)[0] == ended_s


def test_repair_takes_people_from_waiting_work_and_goes_on_in_the_next_shift() -> None:
    """The only person runs the machine and mends it: work and repair take turns without a lock."""
    mode = failure(clock="calendar", time_to_failure_s=15, crew="op")
    line = single(a={"failures": [mode], "needs": [{"crew": "op"}]}, crews=[{"id": "op"}])
    log = run(line, 30)
    assert times_of(log, FINISHED) == [10.0, 25.0]
    assert told(log, Kind.WORK_PAUSED, Kind.WORK_RESUMED) == [
        (15.0, "work_paused", 1),
        (20.0, "work_resumed", 1),
    ]


def test_a_higher_claim_is_given_people_first() -> None:
    """Both wait for one person from the beginning; the one that claims more begins."""
    stations = [
        {"id": "a", "needs": [{"crew": "op"}]},
        {"id": "b", "needs": [{"crew": "op"}], "claim": 2},
    ]
    line = cell(
        stations=stations, buffers=[], products=[product("p", ("a|b", 10))], crews=[{"id": "op"}]
    )
    assert told(run(line, 5), Kind.PROCESSING_STARTED, element="b")
    assert not told(run(line, 5), Kind.PROCESSING_STARTED, element="a")


def test_energy_is_that_of_the_times_in_status() -> None:
    """10 s at 36 kW and 10 s idle at 3.6 kW are 0.1 and 0.01 kWh; price and carbon follow."""
    line = cell(
        stations=[{"id": "a", "power": {"processing_kw": 36, "idle_kw": 3.6}}],
        buffers=[],
        products=[product("p", ("a", 10))],
        sources=[{"id": "in", "arrivals": "orders"}],
        orders=[{"id": "o1", "product": "p", "quantity": 1}],
        energy={"carbon_kg_per_kwh": 0.5, "price_per_kwh": 0.2},
    )
    log = run(line, 20)
    found = summarise(log, line)
    assert float(found.energy_kwh[0]) == pytest.approx(0.11)
    assert float(found.energy_per_part_kwh) == pytest.approx(0.11)
    assert float(found.carbon_kg) == pytest.approx(0.055)
    assert float(found.energy_cost) == pytest.approx(0.022)
    assert loss_tree(log, line).energy_kwh.sum() == pytest.approx(0.11)
    shares = order_energy(log, line).set_index("order").energy_kwh
    assert shares["o1"] == pytest.approx(0.11)
    assert shares.sum() == pytest.approx(0.11)


def test_what_people_and_maintenance_name_must_be_there() -> None:
    """Unknown crews, skills, failures and too many people are all told at once."""
    with pytest.raises(LineError) as told_of:
        single(
            a={
                "needs": [{"crew": "nobody"}, {"skill": "weld"}, {"crew": "op", "count": 3}],
                "maintenance": [{"id": "oil", "every_s": 9, "duration_s": 1, "renews": ["x"]}],
            },
            crews=[{"id": "op", "size": 2}],
        )
    paths = {finding.path for finding in told_of.value.findings}
    assert paths >= {
        "stations.a.needs.0.crew",
        "stations.a.needs.1.skill",
        "stations.a.needs.2.count",
        "stations.a.maintenance.oil.renews",
    }


def test_shifts_of_a_crew_follow_summer_time() -> None:
    """In Berlin the night of 29 March 2026 is an hour shorter: 06:00 comes after 23 hours."""
    line = cell(
        time_zone="Europe/Berlin",
        start="2026-03-28T06:00:00",
        stations=[{"id": "a", "needs": [{"crew": "op"}]}],
        buffers=[],
        products=[product("p", ("a", 3600))],
        crews=[{"id": "op", "calendar": "day"}],
        calendars=[shift("06:00", "07:00")],
    )
    assert times_of(run(line, 86_400), Kind.PROCESSING_STARTED) == [0.0, 23 * 3600.0]


def test_shared_people_are_the_bound_of_a_line() -> None:
    """Three people, five units of work a part: in a tenth of a week 604 parts, less the start."""
    needs = [{"crew": "op"}]
    line = cell(
        stations=[
            {"id": "a", "servers": 3, "needs": needs},
            {"id": "b", "servers": 3, "needs": needs, "input_buffer": "b1"},
            {"id": "c", "servers": 3, "needs": needs, "input_buffer": "b2"},
        ],
        buffers=[{"id": "b1", "capacity": 10}, {"id": "b2", "capacity": 10}],
        products=[product("p", ("a", 1), ("b", 2), ("c", 2))],
        crews=[{"id": "op", "size": 3}],
    )
    made = len(times_of(run(line, 1008.5), Kind.PART_FINISHED))
    assert 600 <= made <= 1008 * 3 / 5
