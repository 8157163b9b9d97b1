"""Shifts, breaks and holidays as absolute times, in the zone of the plant."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from twin.line import Calendar, Line, Operation, Period, Product, Shift, Source, Station
from twin.line.calendars import DAYS
from twin.line.distributions import Constant
from twin.line.switching import is_on, next_switch_s, switches

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0
DAY = 24 * HOUR


def hours(calendar: Calendar, start: datetime, days: float) -> list[tuple[float, float]]:
    """Return working intervals in hours since the start, those that end after it."""
    zone = start.tzinfo
    assert isinstance(zone, ZoneInfo)
    found = calendar.working_intervals(start, zone, 0.0, days * DAY)
    return [(begin / HOUR, end / HOUR) for begin, end in found]


def calendar(*shifts: Shift, holidays: tuple[date, ...] = ()) -> Calendar:
    """Return a calendar of these shifts."""
    return Calendar(id="c", shifts=shifts, holidays=holidays)


def line_with(found: Calendar, zone: str = "UTC", start: datetime | None = None) -> Line:
    """Return a line of one station that works by a calendar."""
    return Line(
        id="l",
        time_zone=zone,
        start=start or datetime(2026, 1, 5),  # noqa: DTZ001 - wall clock of the plant
        sources=(Source(id="in"),),
        stations=(Station(id="s", calendar="c"),),
        products=(
            Product(
                id="p",
                routing=(
                    Operation(id="o", stations=("s",), processing_time_s=Constant(value_s=60.0)),
                ),
            ),
        ),
        calendars=(found,),
    )


def test_day_shift_with_a_break() -> None:
    """A break cuts a shift in two; Saturday and Sunday are free."""
    shift = Shift(start="08:00", end="17:00", breaks=(Period(start="12:00", end="13:00"),))
    found = hours(calendar(shift), datetime(2026, 1, 9, tzinfo=BERLIN), 4)  # a Friday
    assert found == [(8, 12), (13, 17), (80, 84), (85, 89)]


def test_night_shift_with_a_break_after_midnight() -> None:
    """The break of 02:00 belongs to the shift that began the evening before."""
    shift = Shift(
        days=("mon",), start="22:00", end="06:00", breaks=(Period(start="02:00", end="02:30"),)
    )
    found = hours(calendar(shift), datetime(2026, 1, 5, tzinfo=BERLIN), 3)
    assert found == [(22, 26), (26.5, 30)]


def test_break_over_midnight() -> None:
    """A break may begin on one day and end on the next."""
    shift = Shift(
        days=("mon",), start="20:00", end="04:00", breaks=(Period(start="23:45", end="00:15"),)
    )
    found = hours(calendar(shift), datetime(2026, 1, 5, tzinfo=BERLIN), 3)
    assert found == [(20, 23.75), (24.25, 28)]


def test_end_of_the_day() -> None:
    """24:00 is the end of the day, and a whole day may be worked."""
    evening = Shift(days=("mon",), start="16:00", end="24:00")
    assert hours(calendar(evening), datetime(2026, 1, 5, tzinfo=BERLIN), 2) == [(16, 24)]
    whole = Shift(days=("mon",), start="00:00", end="24:00")
    assert hours(calendar(whole), datetime(2026, 1, 5, tzinfo=BERLIN), 2) == [(0, 24)]


def test_shifts_that_touch_or_overlap_are_one() -> None:
    """Handing over at 14:00, or half an hour early, is no stop."""
    early = Shift(days=("mon",), start="06:00", end="14:00")
    late = Shift(days=("mon",), start="13:30", end="22:00")
    assert hours(calendar(early, late), datetime(2026, 1, 5, tzinfo=BERLIN), 2) == [(6, 22)]


def test_no_shift_begins_on_a_holiday() -> None:
    """A shift that began the evening before still ends on the holiday."""
    night = Shift(days=DAYS, start="22:00", end="06:00")
    found = hours(
        calendar(night, holidays=(date(2026, 1, 6),)), datetime(2026, 1, 5, tzinfo=BERLIN), 3
    )
    assert found == [(-2, 6), (22, 30), (70, 78)]


@pytest.mark.parametrize(("day", "length_h"), [(29, 7), (28, 8)])
def test_night_over_the_change_to_summer_time_is_shorter(day: int, length_h: float) -> None:
    """In the night of the 28th to the 29th of March 2026 an hour is missing in Berlin."""
    night = Shift(days=DAYS, start="22:00", end="06:00")
    start = datetime(2026, 3, day - 1, 12, tzinfo=BERLIN)
    begin, end = hours(calendar(night), start, 1)[0]
    assert begin == 10.0
    assert end - begin == length_h


def test_night_over_the_change_to_winter_time_is_longer() -> None:
    """In the night to the 25th of October 2026 an hour comes twice in Berlin."""
    night = Shift(days=DAYS, start="22:00", end="06:00")
    begin, end = hours(calendar(night), datetime(2026, 10, 24, 12, tzinfo=BERLIN), 1)[0]
    assert end - begin == 9.0


def test_shift_in_the_missing_hour_does_not_happen() -> None:
    """A shift from 02:15 to 03:00 has no time on the day on which 02:00 is 03:00."""
    short = Shift(days=("sun",), start="02:15", end="03:00")
    assert hours(calendar(short), datetime(2026, 3, 29, tzinfo=BERLIN), 1) == []


@pytest.mark.parametrize("clock", ["8:00", "25:00", "24:01", "noon", "06:60"])
def test_wrong_clock_times_are_refused(clock: str) -> None:
    """Clock times are HH:MM up to 24:00."""
    with pytest.raises(ValidationError):
        Shift(start=clock, end="17:00")


def test_calendar_without_a_day_is_refused() -> None:
    """A calendar that leaves no working time would stop the line for ever."""
    with pytest.raises(ValidationError, match="no working time"):
        calendar(Shift(days=(), start="06:00", end="14:00"))


def test_switches_follow_each_other() -> None:
    """Each switch is found from the one before, and on and off take turns."""
    shift = Shift(start="08:00", end="17:00", breaks=(Period(start="12:00", end="13:00"),))
    line = line_with(calendar(shift))
    found = switches(line, line.calendars[0], 0.0, 7 * DAY)
    assert [time_s / HOUR for time_s, _ in found][:4] == [8, 12, 13, 17]
    assert [on for _, on in found] == [True, False] * 10


def test_first_moment_of_a_shift_belongs_to_it_and_the_last_does_not() -> None:
    """Intervals are closed at the beginning and open at the end."""
    line = line_with(calendar(Shift(start="08:00", end="17:00")))
    found = line.calendars[0]
    assert is_on(line, found, 8 * HOUR)
    assert not is_on(line, found, 17 * HOUR)
    assert not is_on(line, found, 8 * HOUR - 1e-6)
    assert is_on(line, None, 0.0)


def test_round_the_clock_never_switches() -> None:
    """Work without end has no next switch, however far one looks."""
    line = line_with(calendar(Shift(days=DAYS, start="00:00", end="24:00")))
    assert is_on(line, line.calendars[0], 5 * DAY)
    assert next_switch_s(line, line.calendars[0], 0.0) is None


def test_switch_after_a_long_shutdown_is_found() -> None:
    """Forty days of holidays do not hide the next shift."""
    shut = tuple(date.fromordinal(date(2026, 1, 5).toordinal() + k) for k in range(40))
    line = line_with(calendar(Shift(days=DAYS, start="08:00", end="16:00"), holidays=shut))
    assert next_switch_s(line, line.calendars[0], 0.0) == 40 * DAY + 8 * HOUR


@given(
    st.integers(0, 23),
    st.integers(1, 23),
    st.floats(0, 30 * 86_400.0),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Bangkok"]),
)
def test_is_on_agrees_with_the_intervals(begin: int, length: int, time_s: float, zone: str) -> None:
    """On means inside one of the intervals; switches are their ends and nothing else."""
    shift = Shift(days=DAYS, start=f"{begin:02d}:00", end=f"{(begin + length) % 24:02d}:00")
    line = line_with(calendar(shift), zone, datetime(2026, 3, 10))  # noqa: DTZ001 - wall clock
    found = line.calendars[0]
    spans = found.working_intervals(line.start_utc, line.zone, time_s - 1, time_s + 1)
    assert is_on(line, found, time_s) == any(a <= time_s < b for a, b in spans)
    after_s = next_switch_s(line, found, time_s)
    assert after_s is not None
    assert after_s > time_s
    assert is_on(line, found, after_s) != is_on(line, found, time_s)
