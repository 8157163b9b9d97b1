"""The ledger of each node, by its laws: received + declared gaps = made."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from twin.sync.continuity import OVERFLOW, Continuity
from twin.sync.gapbook import GapBook
from twin.sync.protocol import Gap, Origin, Resolution, Sample
from twin.sync.sequence import LAST_SEQUENCE, SequenceCheck, Verdict

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def at(second: float) -> datetime:
    """Return a moment."""
    return START + timedelta(seconds=second)


def sample(
    value: int, second: float | None = None, *, status: int = 0, origin: Origin = Origin.LIVE
) -> Sample:
    """Return a counter's value, one a second unless told otherwise."""
    moment = at(value if second is None else second)
    return Sample("c", moment, moment, moment, value, status, 1, origin, stamped=True)


def test_numbers_roll_over_to_one() -> None:
    """After 2^32-1 comes 1, and nothing is missing between them."""
    check = SequenceCheck()
    for number in (LAST_SEQUENCE - 1, LAST_SEQUENCE, 1, 2):
        assert check.see(number, carries=True) is Verdict.NEXT
        check.took()
    assert check.see(4, carries=True) is Verdict.AHEAD
    assert check.missing(4) == 1


def test_keep_alive_carries_the_next_number() -> None:
    """Any number of keep-alives changes nothing; one that is ahead tells of a loss."""
    check = SequenceCheck()
    assert check.see(7, carries=True) is Verdict.NEXT
    check.took()
    for _ in range(5):
        assert check.see(8, carries=False) is Verdict.NEXT
    assert check.see(10, carries=False) is Verdict.AHEAD
    assert check.see(8, carries=True) is Verdict.NEXT


def test_repeated_and_strange_numbers_are_told_apart() -> None:
    """A notification that came before is a duplicate; a count that begins anew is not."""
    check = SequenceCheck()
    for number in (100, 101, 102):
        check.see(number, carries=True)
        check.took()
    assert check.see(101, carries=True) is Verdict.REPEATED
    assert check.see(1, carries=True) is Verdict.STRANGE


def test_number_that_came_before_with_other_values_is_strange() -> None:
    """A server that counts anew, or gives one number twice, tells news: they are no duplicates."""
    check = SequenceCheck()
    for number in range(1, 3001):
        assert check.see(number, carries=True, held=number) is Verdict.NEXT
        check.took(number)
    assert check.see(2999, carries=True, held=2999) is Verdict.REPEATED
    assert check.see(2999, carries=True, held=7) is Verdict.STRANGE
    assert check.see(1, carries=True, held=1) is Verdict.STRANGE  # nobody repeats what is so old


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("lose"), st.integers(1, 5)),
            st.tuples(st.just("tell"), st.integers(1, 8)),
            st.tuples(st.just("again"), st.just(0)),
        ),
        max_size=40,
    ),
    st.integers(1, 6),
    st.booleans(),
)
def test_received_and_gaps_are_what_was_made(
    story: list[tuple[str, int]], queue: int, equal: bool
) -> None:
    """Whatever is lost with a subscription or in a queue lies in a gap of the node."""
    book = GapBook()
    ledger = Continuity(book.add)
    track, made, got = ledger.track("c"), 0, []
    track.queue = queue

    def tell(values: list[int]) -> None:
        for value in values[-queue:]:
            one = sample(value, 0.0 if equal else None)
            if ledger.take(track, one):
                got.append(one)
        ledger.end_batch()

    for what, count in story:
        if what == "lose":
            made += count
            ledger.begin_epoch("restart")
        elif what == "tell":
            tell(list(range(made + 1, made + count + 1)))
            made += count
        elif got and got[-1].value == made:  # its newest value, on a connection found again
            ledger.resume()
            tell([got[-1].value])
    ledger.finish(at(made + 1), "the end" if made and got and got[-1].value < made else None)
    numbers = [one.value for one in got]
    assert len(set(numbers)) == len(numbers) == track.received
    covered = {
        (gap.before, gap.after) for gap in book.gaps if gap.resolved is Resolution.UNRECOVERABLE
    }
    for one, other in pairwise(numbers):
        if other > one + 1 and not equal:
            low, high = at(one), at(other)
            assert any(gap.begin <= low and gap.end >= high for gap in book.gaps)
        elif other > one + 1:
            assert any(low <= one and (high is None or high >= other) for low, high in covered)


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.booleans()), max_size=40),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
)
def test_publications_that_go_on(
    story: list[tuple[int, int, bool]], queue: int, liar: bool, ends: bool
) -> None:
    """More is said to come: queues emptied again and again, in pieces, hide no loss.

    A liar says so each time, so that only the pause before the next piece tells that it is another
    publication; one pause may lie within a publication. The last one may be broken off, by the end
    of all or by a new beginning.
    """
    book = GapBook()
    ledger = Continuity(book.add)
    track, made, got = ledger.track("c"), 0, []
    track.queue = queue
    for count, cut, whole in story:
        kept = list(range(made + 1, made + count + 1))[-queue:]
        made += count
        pieces = [piece for piece in (kept[:cut], kept[cut:]) if piece]
        for number, piece in enumerate(pieces):
            if liar:
                ledger.end_batch(doubted=True)
            for value in piece:
                ledger.take(track, sample(value))
                got.append(value)
            ledger.end_batch(more=liar or not whole or number + 1 < len(pieces))
    if ends:
        ledger.finish(at(made + 1), None)
    else:
        ledger.begin_epoch("the connection was lost")
    for one, other in pairwise(got):
        if other > one + 1:
            assert any(gap.begin <= at(one) and gap.end >= at(other) for gap in book.gaps)


def test_between_samples_is_told() -> None:
    """A node that is sampled may change twice in between: one gap says so, as long as it lasts."""
    book = GapBook()
    ledger = Continuity(book.add)
    track = ledger.track("c")
    track.queue, track.pace.coarse_s, track.pace.asked = 100, 0.1, True
    for value in (1, 2, 5, 9):
        ledger.take(track, sample(value))
        ledger.end_batch()
    (growing,) = ledger.undecided()
    assert (growing.begin, growing.end, growing.resolved) == (at(1), at(9), Resolution.SAMPLED)
    assert not book.gaps
    assert ledger.sampled() == 4
    for value, second in ((10, -5), (12, -3)):  # the plant's clock was set back
        ledger.take(track, sample(value, second))
    ledger.finish(at(13), None)
    assert [(gap.begin, gap.end) for gap in book.gaps] == [(at(1), at(9)), (at(-5), at(9))]


def test_value_that_is_out_of_reach_is_a_gap() -> None:
    """What the server cannot read is missing; what the plant itself says of a value is not."""
    gaps: list[Gap] = []
    ledger = Continuity(gaps.append, wanted=at(0))
    track = ledger.track("c")
    track.queue = 100
    broken = [sample(value)._replace(value=None, status=0x808C0000) for value in (2,)]
    away = [sample(value)._replace(value=None, status=0x80310000) for value in (4, 5)]
    for one in (sample(1), *broken, sample(3), *away, sample(9)):
        assert ledger.take(track, one)
        ledger.end_batch()
    ledger.abandon()
    assert [(gap.before, gap.after) for gap in gaps] == [(3, 9)]
    ledger.take(track, sample(10)._replace(status=0x80310000))  # it still tells the last one it had
    ledger.finish(at(12), None)
    assert [(gap.begin, gap.end) for gap in gaps[1:]] == [(at(9), at(12))]
    again = sample(10)._replace(status=0x80310000)
    ledger.begin_epoch("restart")
    assert not ledger.take(track, again)  # the same word again is no sign that nothing was missed
    assert track.opening is not None
    late = ledger.track("d")
    ledger.take(late, sample(4)._replace(value=None, status=0x80340000))
    ledger.take(late, sample(6))
    assert [(gap.begin, gap.end) for gap in gaps[2:]] == [(at(0), at(6))]


def test_value_told_again_after_others_came_again() -> None:
    """A server may tell its newest value once more after all that it had sent in vain."""
    gaps: list[Gap] = []
    ledger = Continuity(gaps.append)
    track = ledger.track("c")
    track.queue = 100
    ledger.take(track, sample(1))
    ledger.end_batch()
    ledger.resume()
    taken = [ledger.take(track, sample(value, origin=Origin.REPUBLISH)) for value in (2, 3)]
    ledger.end_batch()
    taken += [ledger.take(track, sample(value)) for value in (3, 4)]
    ledger.end_batch()
    assert taken == [True, True, False, True]
    assert (track.received, track.duplicates, gaps) == (4, 1, [])


def test_overflow_bit_is_a_gap() -> None:
    """The bit proves that values were lost before the one that bears it."""
    gaps: list[Gap] = []
    ledger = Continuity(gaps.append)
    track = ledger.track("c")
    track.queue = 100
    ledger.take(track, sample(1))
    ledger.end_batch()
    ledger.take(track, sample(9, status=OVERFLOW))
    ledger.end_batch()
    assert [(gap.before, gap.after) for gap in gaps] == [(1, 9)]


def opened(gaps: list[Gap]) -> Continuity:
    """Return a ledger with one gap, from 3 to 8, of a node that changed each second."""
    ledger = Continuity(gaps.append)
    track = ledger.track("c")
    track.queue = 100
    for value in (1, 2, 3):
        ledger.take(track, sample(value))
    ledger.end_batch()
    ledger.begin_epoch("restart")
    ledger.take(track, sample(8))
    return ledger


def test_whole_history_closes_a_gap() -> None:
    """With both ends and all between them nothing is missing any more."""
    gaps: list[Gap] = []
    ledger = opened(gaps)
    found = ledger.history(ledger.opened[0], [sample(value) for value in range(2, 10)])
    assert [item.value for item in found] == [4, 5, 6, 7]
    assert [gap.resolved for gap in gaps] == [Resolution.HISTORY]


def test_partial_history_leaves_the_rest_open() -> None:
    """A history that begins late, or has a hole, closes only what it has."""
    gaps: list[Gap] = []
    ledger = opened(gaps)
    found = ledger.history(ledger.opened[0], [sample(5), sample(8)])
    assert [item.value for item in found] == [5]
    assert [(gap.before, gap.after, gap.resolved.value) for gap in gaps] == [
        (3, 5, "unrecoverable"),
        (5, 8, "unrecoverable"),
    ]


def test_clock_set_back_leaves_a_gap_with_both_times() -> None:
    """A server that comes back an hour earlier leaves a gap that holds both moments."""
    gaps: list[Gap] = []
    ledger = Continuity(gaps.append)
    track = ledger.track("c")
    track.queue = 100
    ledger.take(track, sample(1, 7200.0))
    ledger.begin_epoch("restart")
    ledger.take(track, sample(5, 3600.0))
    ledger.abandon()
    assert [(gap.begin, gap.end) for gap in gaps] == [(at(3600.0), at(7200.0))]


def ledger() -> tuple[Continuity, GapBook]:
    """Return a ledger and the book of its gaps."""
    book = GapBook()
    return Continuity(book.add), book


def test_a_clock_to_and_fro_widens_the_gaps() -> None:
    """What is missing may bear a time before that of the value that went before it."""
    account, book = ledger()
    track = account.track("c")
    for number in range(1, 30):
        account.take(track, sample(number, number - 3.0 * (number % 5 == 0)))
        account.end_batch()
    account.begin_epoch("lost")
    account.take(track, sample(40))  # 30 and 35 had a time of 27 s and 32 s
    account.abandon()
    (gap,) = [gap for gap in book.gaps if gap.reason == "lost"]
    assert gap.begin <= at(27)
    assert gap.end >= at(40)


def test_a_clock_set_back_once_widens_nothing() -> None:
    """Only the order of times that changes again and again is doubted."""
    account, book = ledger()
    track = account.track("c")
    for number in range(1, 30):
        account.take(track, sample(number, number - 3600.0 * (number > 10)))
    account.begin_epoch("lost")
    account.take(track, sample(40, 40 - 3600.0))
    account.abandon()
    gap = next(gap for gap in book.gaps if gap.reason == "lost")
    assert (gap.begin, gap.end) == (at(29 - 3600.0), at(40 - 3600.0))


def test_values_without_times_begin_a_gap_where_the_one_before_came_in() -> None:
    """When such a value was made is not known, only when those before it were told."""
    account, book = ledger()
    track = account.track("c")
    for number in range(1, 5):
        account.take(track, sample(number)._replace(stamped=False))
        account.end_batch()
    account.begin_epoch("lost")
    account.take(track, sample(9)._replace(stamped=False))
    account.abandon()
    assert book.gaps[0].begin < at(4)


def test_a_plant_ahead_of_us_ends_ahead_of_us() -> None:
    """The last gap reaches as far into the future as the plant's own times do."""
    account, book = ledger()
    ahead = sample(1, 3600.0)._replace(received_at=at(1))
    account.take(account.track("c"), ahead)
    account.finish(at(10), "not told before the end")
    assert (book.gaps[0].begin, book.gaps[0].end) == (at(3600), at(3609))


def test_gaps_that_history_may_close_are_told_meanwhile() -> None:
    """A program that ends before history was read leaves them open."""
    account, book = ledger()
    track = account.track("c")
    account.take(track, sample(1))
    account.begin_epoch("lost")
    account.take(track, sample(5))
    assert not book.gaps
    (gap,) = account.undecided()
    assert (gap.begin, gap.end, gap.resolved) == (at(1), at(5), Resolution.UNRECOVERABLE)
