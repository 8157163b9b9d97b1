"""The continuity ledger: nothing twice, nothing missing without being declared."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from twin.sync.ledger import Ledger
from twin.sync.protocol import Reading, Value

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def at(second: float) -> datetime:
    """Return a moment."""
    return START + timedelta(seconds=second)


def value(second: float, reading: Reading, epoch: int = 1, node: str = "s=a") -> Value:
    """Return a value of one node."""
    return Value("plant", node, "x", "p", at(second), None, at(second), reading, epoch=epoch)


def test_first_connection_is_no_gap() -> None:
    """Nothing came before the first subscription ever, so nothing is missing."""
    ledger = Ledger()
    ledger.begin_epoch(1, "first")
    ledger.accept(value(1, 1))
    assert ledger.close_gap(at(1)) is None


def test_new_subscription_is_a_gap() -> None:
    """From the last good value to the first new one, values may be missing."""
    ledger = Ledger()
    ledger.begin_epoch(1, "first")
    ledger.accept(value(1, 1))
    ledger.accept(value(5, 2))
    ledger.begin_epoch(2, "reset")
    ledger.begin_epoch(3, "reset again")
    ledger.accept(value(9, 3, epoch=3))
    gap = ledger.close_gap(at(9))
    assert gap is not None
    assert (gap.begin, gap.end, gap.reason, gap.epoch) == (at(5), at(9), "reset", 3)
    assert ledger.gaps == [gap]


def test_unchanged_value_of_a_new_subscription_is_a_duplicate() -> None:
    """The server repeats what it showed last; it is counted once."""
    ledger = Ledger()
    assert ledger.accept(value(1, 7)) is not None
    assert ledger.accept(value(1, 7, epoch=2)) is None
    assert (ledger.received, ledger.duplicates) == (1, 1)


def test_other_value_of_the_same_moment_is_kept() -> None:
    """A value that changed within one timestamp while the link was down is no duplicate."""
    ledger = Ledger()
    ledger.accept(value(1, 7))
    found = ledger.accept(value(1, 8, epoch=2))
    assert found is not None
    assert found.sequence == 1


def test_time_before_this_run_is_a_gap() -> None:
    """What an earlier run stored bounds the gap from which this one begins."""
    ledger = Ledger(known=[value(3, 1), value(4, 1, node="s=b")])
    ledger.begin_epoch(1, "the twin was not running")
    ledger.accept(value(8, 2))
    gap = ledger.close_gap(at(8))
    assert gap is not None
    assert (gap.begin, gap.end) == (at(4), at(8))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=60))
def test_keys_are_unique_within_a_subscription(made: list[tuple[int, int]]) -> None:
    """Equal and repeated timestamps in order still give every value its own key."""
    ledger = Ledger()
    made.sort(key=lambda item: item[0])
    found = [ledger.accept(value(second, reading)) for second, reading in made]
    keys = [(item.source_time, item.sequence) for item in found if item is not None]
    assert len(set(keys)) == len(made) == ledger.received


def test_values_whose_clock_goes_back_have_keys_of_their_own() -> None:
    """A clock that comes by the same moments again gives further values, which the store keeps."""
    ledger = Ledger()
    moments = [5.0, 6.0, 6.0, 5.0, 5.0, 6.0, 7.0, 5.0]
    found = [ledger.accept(value(second, k)) for k, second in enumerate(moments)]
    keys = {(item.source_time, item.sequence) for item in found if item is not None}
    assert len(keys) == ledger.received == len(moments)
