"""Servers that lose values and do not say so give themselves away."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from twin.sync.continuity import Continuity, Track
from twin.sync.protocol import Gap, Origin, Sample

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def at(second: float) -> datetime:
    """Return a moment."""
    return START + timedelta(seconds=second)


def sample(value: int, second: float, received: float) -> Sample:
    """Return a counter's value."""
    return Sample("c", at(second), None, at(received), value, 0, 1, Origin.LIVE, stamped=True)


def ledger(coarse_s: float | None = None) -> tuple[Continuity, Track, list[Gap]]:
    """Return an account of one node whose server promised a long queue."""
    gaps: list[Gap] = []
    found = Continuity(gaps.append)
    track = found.track("c")
    track.queue, track.pace.coarse_s = 1000, coarse_s
    return found, track, gaps


def tell(found: Continuity, track: Track, values: Iterable[int], received: float) -> None:
    """Bring one publication of values that were made a hundred a second."""
    for value in values:
        found.take(track, sample(value, value / 100, received))
    found.end_batch()


def spans(gaps: list[Gap]) -> list[tuple[int, int]]:
    """Return the values before and after each gap."""
    return [(gap.before, gap.after) for gap in gaps]


def test_value_that_was_read_and_never_told() -> None:
    """A queue that drops in silence is found out; from then on each publication is doubted."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 11), 0.1)
    track.pace.testify(15, at(0.15))
    tell(found, track, range(17, 21), 0.2)
    assert spans(gaps) == [(1, 17)]  # nothing proves that the ones before were whole
    tell(found, track, range(26, 31), 0.3)
    assert spans(gaps)[1:] == [(20, 26)]


def test_one_value_that_was_told_proves_nothing_of_those_before() -> None:
    """A queue that keeps a few tells some of what is read by chance; losses before it are told."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 11), 0.1)
    track.pace.testify(28, at(0.28))
    tell(found, track, range(26, 31), 0.3)  # 11 to 25 are lost, 28 is told all the same
    assert gaps == []
    track.pace.testify(33, at(0.33))
    tell(found, track, range(46, 51), 0.5)
    assert spans(gaps) == [(1, 46)]


def test_value_that_was_read_and_told_later_proves_the_queue() -> None:
    """The same reading, brought by the subscription, leaves no doubt."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 11), 0.1)
    track.pace.testify(15, at(0.15))
    tell(found, track, range(11, 21), 0.2)
    assert gaps == []


def test_same_value_with_a_newer_time_is_no_loss() -> None:
    """Servers renew the time of a value that rests; that is no change and is not told."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 11), 0.1)
    track.pace.testify(10, at(0.15))
    tell(found, track, range(20, 23), 0.3)
    assert gaps == []


def test_longer_pause_than_ever_after_a_stall() -> None:
    """Values that waited for seconds, with a hole before them: the oldest may be no more."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 21), 0.2)
    tell(found, track, range(21, 41), 0.4)
    found.resume()
    tell(found, track, range(200, 300), 3.0)
    assert spans(gaps) == [(40, 200)]


def test_stall_without_a_hole_is_no_gap() -> None:
    """What the queue kept is whole."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 21), 0.2)
    found.resume()
    tell(found, track, range(21, 300), 3.0)
    assert gaps == []


def test_rest_of_the_plant_is_no_gap() -> None:
    """A pause longer than ever whose end came at once: nothing happened, nothing waited."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 21), 0.2)
    found.resume()
    tell(found, track, [500], 5.01)
    assert gaps == []


def test_late_sampler_between_fast_values() -> None:
    """A server that samples every 0.05 s, once after 0.14 s: the longer pause is doubted too."""
    found, track, gaps = ledger(0.05)
    for number, value in enumerate((5, 10, 15, 29, 34, 39)):
        tell(found, track, [value], value / 100 + 0.001 * number)
    assert spans(gaps) == [(5, 10), (10, 15), (15, 29), (29, 34), (34, 39)]


def test_fast_stretch_that_begins_with_a_late_sample() -> None:
    """The pause before the first fast pair belongs to it; a long rest does not."""
    found, track, gaps = ledger(0.05)
    for value in (100, 1000, 1020, 1025):
        tell(found, track, [value], value / 100)
    assert spans(gaps) == [(1000, 1020), (1020, 1025)]


def test_values_no_sampler_could_tell() -> None:
    """Ten in a row within half a sample each: the server reports every change after all."""
    found, track, gaps = ledger(0.05)
    tell(found, track, range(1, 31), 0.3)
    assert track.pace.coarse_s is None
    before = len(gaps)
    tell(found, track, range(31, 61), 0.6)
    assert len(gaps) == before


def test_pause_of_the_plant_while_few_values_waited() -> None:
    """A queue that held a hundred values has not run over at fifty: the plant made a pause."""
    found, track, gaps = ledger()
    tell(found, track, range(1, 21), 0.2)
    found.resume()
    tell(found, track, range(21, 121), 1.7)
    found.resume()
    tell(found, track, range(300, 350), 4.0)
    assert gaps == []
    found.resume()
    tell(found, track, range(1000, 1100), 12.0)
    assert spans(gaps) == [(349, 1000)]
