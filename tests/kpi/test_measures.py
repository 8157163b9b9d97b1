"""Key figures against figures worked out by hand, and their speed."""

import math
import time

import numpy as np
import pytest

from twin import EventLog, SimulationOptions, load_line, serial_line, simulate, summarise
from twin.events import EventLogBuilder, Kind, fold
from twin.kpi import throughput_series
from twin.line import Constant, Line, line_from_document


def two_stations() -> Line:
    """Return stations of 4 s and 10 s with one place between them."""
    return serial_line([Constant(value_s=4.0), Constant(value_s=10.0)], buffers=[1])


def run(line: Line, horizon_s: float, warm_up_s: float = 0.0, seed: int = 0) -> EventLog:
    """Return the events of a run."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, warm_up_s=warm_up_s, seed=seed))


def test_flow_by_hand() -> None:
    """Parts leave at 14, 24, 34: one each 10 s, with what is inside worked out by hand."""
    line = two_stations()
    log = run(line, 44.0)
    found = summarise(log, line)
    assert float(found.observed_s) == 44.0
    assert float(found.finished) == 3.0
    # Created at 0, 4, 8, 14, 24 and 34: two wait, one is blocked in the first station.
    assert float(found.created) == 6.0
    assert float(found.throughput_rate) == 3.0 / 44.0
    # From 0 to 4 one part inside, to 8 two, from then on three.
    assert float(found.wip_mean) == (4 * 1 + 4 * 2 + 36 * 3) / 44.0
    assert float(found.flow_time_mean_s) == np.mean([14.0, 20.0, 26.0])
    assert float(found.flow_time_p90_s) == np.quantile([14.0, 20.0, 26.0], 0.9)
    # The place is taken from 8 on, but for the moments of change.
    assert found.content_mean.values.tolist() == [36.0 / 44.0]


def test_times_in_state_by_hand() -> None:
    """The first station works 4 of 10 s and is blocked; the second starves 4 s and then works."""
    line = two_stations()
    spent = summarise(run(line, 44.0), line).status_time_s
    first = {
        str(k): float(v)
        for k, v in zip(spent.status.values, spent.sel(station="s1").values, strict=True)
    }
    assert first["processing"] == 24.0
    assert first["blocked"] == 20.0
    second = spent.sel(station="s2")
    assert float(second.sel(status="starved")) == 4.0
    assert float(second.sel(status="processing")) == 40.0


def test_standard_measures_by_hand() -> None:
    """Availability, effectiveness, quality and their product, as ISO 22400-2 has them."""
    line = two_stations()
    found = summarise(run(line, 44.0, warm_up_s=4.0), line).sel(station="s2")
    assert float(found.processed) == 3.0
    assert float(found.availability) == 1.0
    # Three operations of 10 s ended in 40 s of work; the fourth is not over.
    assert float(found.effectiveness) == 30.0 / 40.0
    assert float(found.quality_ratio) == 1.0
    assert float(found.oee_index) == 0.75


def test_time_before_the_first_event_counts() -> None:
    """A line that waits for its first part starves meanwhile."""
    line = line_from_document(
        {
            "id": "late",
            "sources": [{"id": "in", "arrivals": "interarrival", "interarrival_s": 30}],
            "stations": [{"id": "a", "servers": 2}],
            "products": [
                {"id": "p", "routing": [{"id": "o", "stations": ["a"], "processing_time_s": 5}]}
            ],
        }
    )
    spent = summarise(run(line, 50.0), line).status_time_s.sel(station="a")
    assert float(spent.sel(status="starved")) == 95.0
    assert float(spent.sel(status="processing")) == 5.0


def test_log_of_nothing_has_figures_too() -> None:
    """Nothing made is zero; what cannot be measured is NaN."""
    line = two_stations()
    log = EventLogBuilder(line).log(100.0)
    found = summarise(log, line)
    assert float(found.throughput_rate) == 0.0
    assert float(found.status_time_s.sel(station="s1", status="starved")) == 100.0
    assert math.isnan(float(found.flow_time_mean_s))
    assert np.isnan(found.effectiveness).all()
    assert np.isnan(found.quality_ratio).all()
    nothing = summarise(EventLogBuilder(line).log(0.0), line)
    assert math.isnan(float(nothing.throughput_rate))


def test_part_done_in_the_state_is_blocked_and_no_negative_work() -> None:
    """A log that begins with a part that waits to leave counts it as blocked."""
    line = two_stations()
    state = fold(run(line, 33.0), line)
    assert state.parts[-1].status == "done"
    rest = simulate(line, SimulationOptions(horizon_s=20.0), state)
    spent = summarise(rest, line).status_time_s.sel(station="s1")
    # Blocked 33-34, works 34-38, blocked to 44, works to 48, blocked to 53.
    assert float(spent.sel(status="processing")) == 8.0
    assert float(spent.sel(status="blocked")) == 12.0


def orders_line() -> Line:
    """Return one station of 10 s, two orders, one of them due too early."""
    return line_from_document(
        {
            "id": "orders",
            "sources": [{"id": "in", "arrivals": "orders"}],
            "stations": [{"id": "a"}],
            "products": [
                {"id": "p", "routing": [{"id": "o", "stations": ["a"], "processing_time_s": 10}]}
            ],
            "orders": [
                {"id": "A", "product": "p", "quantity": 2, "due_date_s": 25},
                {"id": "B", "product": "p", "quantity": 2, "due_date_s": 35},
                {"id": "C", "product": "p", "quantity": 1},
            ],
        }
    )


@pytest.mark.parametrize(
    ("end_s", "on_time", "tardiness_s", "completion_s"),
    [
        (15.0, [np.nan] * 3, [np.nan] * 3, [np.nan] * 3),
        (25.0, [1.0, np.nan, np.nan], [0.0, np.nan, np.nan], [20.0, np.nan, np.nan]),
        (38.0, [1.0, 0.0, np.nan], [0.0, 3.0, np.nan], [20.0, np.nan, np.nan]),
        (60.0, [1.0, 0.0, np.nan], [0.0, 5.0, np.nan], [20.0, 40.0, 50.0]),
    ],
)
def test_orders_are_decided_when_they_can_be(
    end_s: float, on_time: list[float], tardiness_s: list[float], completion_s: list[float]
) -> None:
    """Open and not yet due is undecided; open past its due date is late by at least so much."""
    line = orders_line()
    found = summarise(run(line, end_s), line)
    np.testing.assert_array_equal(found.order_on_time, on_time)
    np.testing.assert_array_equal(found.order_tardiness_s, tardiness_s)
    np.testing.assert_array_equal(found.order_completion_s, completion_s)


def test_figures_by_product_add_up() -> None:
    """Products share what was finished."""
    line = load_line("electronics")
    found = summarise(run(line, 86_400.0, seed=3), line)
    assert float(found.finished_by_product.sum()) == float(found.finished)
    # Nothing was inside at the beginning, so what orders made is what was finished.
    assert float(found.order_finished.sum()) == float(found.finished)


def test_real_part_without_an_order_is_counted() -> None:
    """A real log may leave the order of a part unsaid."""
    line = two_stations()
    builder = EventLogBuilder(line)
    source, first, out = (builder.index[name] for name in ("source", "s1", "out"))
    builder.add(1.0, Kind.PART_CREATED, source, 0, 0)
    builder.add(1.0, Kind.STATION_ENTERED, first, 0, 0, 0.0)
    builder.add(9.0, Kind.PART_FINISHED, out, 0)
    found = summarise(builder.log(10.0), line)
    assert float(found.flow_time_mean_s) == 8.0


def test_throughput_series_counts_each_part_once() -> None:
    """Bins cover the log; an incomplete last one is left out."""
    line = two_stations()
    edges_s, counts = throughput_series(run(line, 105.0), 20.0)
    assert edges_s.tolist() == [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    assert counts.tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]
    with pytest.raises(ValueError, match="not above zero"):
        throughput_series(run(line, 105.0), 0.0)
    _, none = throughput_series(run(line, 5.0), 20.0)
    assert len(none) == 0


def test_long_log_is_summarised_in_a_moment() -> None:
    """A day of bottling, some 190 000 events, costs well under a second of CPU time."""
    line = load_line("bottling")
    log = run(line, 100_000.0, seed=3)
    assert len(log) > 150_000
    summarise(log, line)
    begun_s = time.process_time()
    summarise(log, line)
    assert time.process_time() - begun_s < 1.0
