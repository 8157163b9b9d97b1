"""Values of one moment are brought together and come out in order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from twin.sync.moments import Moments
from twin.sync.protocol import Value

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def at(second: float) -> datetime:
    """Return a moment."""
    return START + timedelta(seconds=second)


def value(second: float, number: int = 0) -> Value:
    """Return a value of one node."""
    return Value("plant", "s=a", "x", "p", at(second), None, at(second), number)


def test_values_wait_for_the_plants_clock_and_the_hold_back() -> None:
    """A moment goes out once the clock has passed it and late companions had their time."""
    moments = Moments(hold_back_s=0.25)
    moments.add(value(1))
    assert moments.due(10.0) == []
    moments.beat(at(2), steady_s=10.0)
    assert moments.due(10.2) == []
    moments.add(value(1, 5))
    ((moment, values),) = moments.due(10.25)
    assert moment == at(1)
    assert [item.value for item in values] == [0, 5]
    assert moments.watermark == at(2)


def test_value_at_the_clock_itself_waits() -> None:
    """What carries the clock's own time may have companions yet to come."""
    moments = Moments(hold_back_s=0.0)
    moments.add(value(2))
    moments.beat(at(2), steady_s=0.0)
    assert moments.due(1.0) == []


def test_late_value_is_counted_and_goes_with_the_next_moment() -> None:
    """What came too late is not lost, and not told as if it had been in time."""
    moments = Moments(hold_back_s=0.0)
    moments.beat(at(5), steady_s=0.0)
    moments.due(0.0)
    assert moments.add(value(3))
    assert moments.late == 1
    moments.beat(at(6), steady_s=0.1)
    ((moment, values),) = moments.due(0.1)
    assert moment == at(5)
    assert values == [value(3)]


def test_full_queue_lets_the_oldest_go_early() -> None:
    """A plant whose clock stands still cannot fill the memory."""
    moments = Moments(hold_back_s=0.25, limit=10)
    for second in range(50):
        moments.add(value(second))
        moments.due(0.0)
    assert moments.watermark is not None
    assert len(moments.flush()) <= 10


@given(st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=50))
def test_moments_come_out_once_and_in_order(made: list[tuple[float, bool]]) -> None:
    """Whatever the order of arrival, moments rise and no value is lost."""
    moments = Moments(hold_back_s=0.0)
    out: list[tuple[datetime, list[Value]]] = []
    clock = 0.0
    for number, (second, beat) in enumerate(made):
        moments.add(value(second, number))
        if beat:
            moments.beat(at(second), steady_s=clock)
            out += moments.due(clock)
        clock += 1
    moments.beat(at(11), steady_s=clock)
    out += moments.due(clock)
    assert [moment for moment, _ in out] == sorted(moment for moment, _ in out)
    assert sorted(item.value for _, values in out for item in values) == list(range(len(made)))
