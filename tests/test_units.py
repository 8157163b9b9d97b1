"""Durations as people write them, and moments that say their zone."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.line import JobOrder
from twin.units import UNITS_S, aware_utc, duration_s, within_reach


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        (" 90 s ", 90.0),
        ("1.5h", 5400.0),
        ("8h30m", 30_600.0),
        ("1 d 2 h 3 min 4 s", 93_784.0),
        ("250ms", 0.25),
        ("2w", 1_209_600.0),
        ("-5 s", -5.0),
        ("1e3 s", 1000.0),
        (12, 12.0),
        (0.5, 0.5),
    ],
)
def test_reads(text: object, seconds: float) -> None:
    """Numbers are seconds; text adds up what carries a unit."""
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h",
        "ten",
        "1 000",
        "8h 30",
        "1,5 h",
        "5 parsecs",
        "3H",
        "1.2.3",
        "10 s later",
        "--5",
        "5 s;",
    ],
)
def test_refuses_text_that_is_no_duration(text: str) -> None:
    """What could be read in two ways, or in none, is refused with the text in the message."""
    with pytest.raises(ValueError, match=r"no duration|unknown unit"):
        duration_s(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1e400", "1e308 w", 10**400])
def test_refuses_what_is_not_finite(value: object) -> None:
    """No NaN, no infinity, no number beyond what a float holds."""
    with pytest.raises(ValueError, match="not a finite duration"):
        duration_s(value)


@pytest.mark.parametrize("value", [True, None, [], {}, b"5"])
def test_refuses_other_types(value: object) -> None:
    """A switch or a list is no time."""
    with pytest.raises(ValueError, match="is no duration"):
        duration_s(value)


@given(st.integers(0, 10_000), st.sampled_from(sorted(UNITS_S)))
def test_unit_is_a_factor(number: int, unit: str) -> None:
    """A number with a unit is that many times the unit."""
    assert duration_s(f"{number}{unit}") == pytest.approx(number * UNITS_S[unit], rel=1e-12)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a finite number or a ValueError comes out."""
    try:
        seconds = duration_s(text)
    except ValueError:
        return
    assert math.isfinite(seconds)


def test_moment_becomes_utc() -> None:
    """A moment with an offset is the same moment in UTC."""
    there = datetime(2026, 1, 5, 6, tzinfo=timezone(timedelta(hours=7)))
    assert aware_utc(there) == there
    assert aware_utc(there).tzinfo is UTC


def test_moment_without_zone_is_refused() -> None:
    """Nobody guesses which zone was meant."""
    with pytest.raises(ValueError, match="no time zone"):
        aware_utc(datetime(2026, 1, 5, 6))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("year", [1, 1899, 3000, 9999])
def test_a_date_that_stands_for_none_is_refused(year: int) -> None:
    """What no line can be counted from is not taken for a moment."""
    with pytest.raises(ValueError, match="leave it out where there is none"):
        within_reach(datetime(year, 12, 31, tzinfo=UTC))


def test_a_year_of_the_buddhist_era_is_told_with_the_common_one() -> None:
    """Taken as it stands, an order would be due in five centuries, and on time whatever is done."""
    with pytest.raises(ValueError, match="2573 is one of the Buddhist era; write 2030"):
        within_reach(datetime(2573, 1, 5, tzinfo=UTC))


def test_moments_in_reach_are_kept() -> None:
    """A date of any plan passes as it is."""
    moment = datetime(2399, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-11)))
    assert within_reach(moment) == moment


def test_an_order_due_after_any_date_is_refused() -> None:
    """A due date that no calendar can tell is refused where it is given."""
    with pytest.raises(ValueError, match="centuries ahead"):
        JobOrder(id="a", product="nut", quantity=1, due_date_s=1e12)
