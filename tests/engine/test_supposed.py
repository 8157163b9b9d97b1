"""What a run supposes: people who are away and sources that have nothing."""

from collections.abc import Sequence

import numpy as np
import pytest

from twin.engine.options import Absence, Shortage, SimulationOptions
from twin.engine.runs import Runs
from twin.engine.simulate import simulate
from twin.errors import OptionsError
from twin.events.fold import fold
from twin.events.kinds import Kind
from twin.events.log import EventLog
from twin.line import Constant, Exponential, Line, Uniform, serial_line


def manned(people: int) -> Line:
    """Return two benches of 10 s to which a crew comes for each part."""
    line = serial_line([Constant(value_s=10.0), Constant(value_s=10.0)], buffers=[5])
    return line.changed(
        {
            "crews": [{"id": "hands", "size": people}],
            "stations.s1.needs": [{"crew": "hands"}],
            "stations.s2.needs": [{"crew": "hands"}],
        }
    )


def options(**given: object) -> SimulationOptions:
    """Return ten minutes."""
    return SimulationOptions(horizon_s=600.0, seed=4, **given)


def moments(log: EventLog, kind: Kind, element: str = "") -> list[float]:
    """Return when something happened, s."""
    rows = log.kind == kind
    if element:
        rows &= log.element == log.names.elements.index(element)
    return [float(t) for t in log.time_s[rows]]


def finished(line: Line, absences: Sequence[Absence] = ()) -> int:
    """Return the parts finished."""
    log = simulate(line, options(absences=absences))
    return len(moments(log, Kind.PART_FINISHED))


def test_one_of_two_is_away() -> None:
    """Who is left does the work of both: from both benches at once to one at a time."""
    away = Absence(crew="hands", after_s=0.0, duration_s=600.0)
    assert finished(manned(2), [away]) == finished(manned(1))
    assert finished(manned(2)) > 1.8 * finished(manned(1))


def test_who_is_at_work_ends_it_and_nobody_begins() -> None:
    """The only person goes at 95 s, ends the part at 100 s, and is back at 300 s."""
    line = serial_line([Constant(value_s=10.0)]).changed(
        {"crews": [{"id": "hands", "size": 1}], "stations.s1.needs": [{"crew": "hands"}]}
    )
    log = simulate(line, options(absences=[Absence(crew="hands", after_s=95.0, duration_s=205.0)]))
    began = moments(log, Kind.PROCESSING_STARTED)
    assert max(t for t in began if t < 300.0) == 90.0
    assert 100.0 in moments(log, Kind.PROCESSING_ENDED)
    assert min(t for t in began if t > 100.0) == 300.0


def test_a_repair_waits_for_the_one_who_is_left() -> None:
    """With one of two repairers away, two failures are repaired one after the other."""
    modes = [
        {"id": "jam", "clock": "calendar", "crew": "menders",
         "time_to_failure_s": {"kind": "constant", "value_s": 100.0},
         "time_to_repair_s": {"kind": "constant", "value_s": 50.0}}
    ]  # fmt: skip
    line = serial_line([Constant(value_s=10.0)] * 2, buffers=[5]).changed(
        {"crews": [{"id": "menders", "size": 2}],
         "stations.s1.failures": modes, "stations.s2.failures": modes}
    )  # fmt: skip
    away = Absence(crew="menders", after_s=50.0, duration_s=500.0)
    assert moments(simulate(line, options()), Kind.REPAIRED)[:2] == [150.0, 150.0]
    log = simulate(line, options(absences=[away]))
    assert moments(log, Kind.REPAIRED)[:2] == [150.0, 200.0]


def test_nothing_enters_while_material_is_late() -> None:
    """What is inside goes on; no station fails; the source goes on at the end."""
    line = serial_line([Constant(value_s=10.0)] * 2, buffers=[5])
    log = simulate(line, options(shortages=[Shortage(source="source", after_s=95, duration_s=200)]))
    entered = moments(log, Kind.STATION_ENTERED, "s1")
    assert not [t for t in entered if 95.0 <= t < 295.0]
    assert 295.0 in entered
    assert [t for t in moments(log, Kind.PART_FINISHED) if 95.0 < t <= 115.0]
    assert not moments(log, Kind.FAILED)


def test_shortages_that_overlap_are_one() -> None:
    """Nothing enters until the last one is over."""
    line = serial_line([Constant(value_s=10.0)])
    both = [Shortage(source="source", after_s=0, duration_s=100),
            Shortage(source="source", after_s=50, duration_s=100)]  # fmt: skip
    log = simulate(line, options(shortages=both))
    assert min(moments(log, Kind.STATION_ENTERED)) == 150.0


def test_arrivals_wait_at_a_source_that_is_short() -> None:
    """They come at the moments at which they would have come, and enter when it is over."""
    line = serial_line([Constant(value_s=1.0)]).changed(
        {"sources.source.arrivals": "interarrival",
         "sources.source.interarrival_s": Exponential(mean_s=20.0).model_dump(mode="json")}
    )  # fmt: skip
    free = simulate(line, options())
    held = simulate(line, options(shortages=[Shortage(source="source", duration_s=300)]))
    assert moments(held, Kind.PART_CREATED) == moments(free, Kind.PART_CREATED)
    assert min(moments(held, Kind.STATION_ENTERED)) == 300.0


def test_both_leave_random_numbers_where_they_were() -> None:
    """Common random numbers: each part's time at each station is the same with and without."""
    line = serial_line([Uniform(low_s=5.0, high_s=15.0)] * 2, buffers=[5])
    line = line.changed(
        {"crews": [{"id": "hands", "size": 2}], "stations.s2.needs": [{"crew": "hands"}]}
    )
    supposed = options(
        absences=[Absence(crew="hands", people=2, after_s=100, duration_s=60)],
        shortages=[Shortage(source="source", after_s=50, duration_s=60)],
    )

    def drawn(log: EventLog) -> dict[tuple[int, int], float]:
        rows = np.flatnonzero(log.kind == Kind.PROCESSING_STARTED)
        return {(int(log.element[i]), int(log.part[i])): float(log.value[i]) for i in rows}

    with_both, without = drawn(simulate(line, supposed)), drawn(simulate(line, options()))
    assert len(with_both) > 30
    assert with_both.items() <= without.items()


def test_the_fold_law_holds() -> None:
    """Folding the log up to a moment in both gives the engine's state there."""
    supposed = options(
        absences=[Absence(crew="hands", after_s=100, duration_s=300)],
        shortages=[Shortage(source="source", after_s=150, duration_s=300)],
    )
    line = manned(2)
    runs = Runs(line, supposed)
    engine = runs._reference(0)  # noqa: SLF001 - the engine at its end
    assert fold(engine.log(), line) == engine.state()


def test_a_live_state_may_begin_in_the_middle() -> None:
    """People at work when the run begins end what they are at; then one is missing."""
    line = manned(2)
    state = fold(simulate(line, options()), line).opened()
    away = options(absences=[Absence(crew="hands", duration_s=600.0)])
    log = simulate(line, away, state)
    assert 25 <= len(moments(log, Kind.PART_FINISHED)) <= 35


def test_names_and_numbers_must_fit() -> None:
    """Unknown crews and sources and too many people are told together."""
    wrong = options(
        absences=[
            Absence(crew="feet", duration_s=1),
            Absence(crew="hands", people=3, duration_s=1),
        ],
        shortages=[Shortage(source="sky", duration_s=1)],
    )
    with pytest.raises(OptionsError) as caught:
        simulate(manned(2), wrong)
    assert [found.path for found in caught.value.findings] == [
        "absences.0.crew", "absences.1.people", "shortages.0.source",
    ]  # fmt: skip
