"""Durations and moments as people write them, turned into seconds.

Inside the twin a time is a float of seconds since the line's ``start``. A person writes ``"90"``,
``"1.5 h"`` or ``"8h30m"``.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

UNITS_S = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
"""Seconds in each unit that a duration may carry."""
FIRST_YEAR, END_YEAR, BUDDHIST = 1900, 2400, 543
"""Years of the moments that can be told: the first, and the first that is too late, since nobody
plans four centuries ahead; then by how many years the Buddhist era is ahead."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PART = re.compile(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)")


def duration_s(value: object) -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    value : int, float or str
        A number of seconds, or text such as ``"90 s"``, ``"1.5h"``, ``"8h30m"``.

    Returns
    -------
    float
        Seconds, finite.

    Raises
    ------
    ValueError
        If the text is no duration or the number is not finite.

    Examples
    --------
    >>> duration_s("8h30m"), duration_s(12)
    (30600.0, 12.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(  # noqa: TRY004 - pydantic collects this one, not a TypeError
            f"{value!r} is no duration; write seconds or text such as '90 s' or '8h30m'"
        )
    try:
        number = _parse(value) if isinstance(value, str) else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{str(value)[:40]!r} is not a finite duration")
    return number


def _parse(text: str) -> float:
    total, end = 0.0, 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        if not match.group(2) and (end or text[match.end() :].strip()):
            break  # "1 000" or "8h 30": a number among several says what it counts
        unit = match.group(2) or "s"
        if unit not in UNITS_S:
            raise ValueError(f"unknown unit {unit!r} in {text!r}; known: {', '.join(UNITS_S)}")
        total += float(match.group(1)) * UNITS_S[unit]
        end = match.end()
    if end == 0 or text[end:].strip():
        raise ValueError(
            f"{text!r} is no duration; write seconds or text such as '90 s' or '8h30m'"
        )
    return total


def aware_utc(moment: datetime) -> datetime:
    """Return ``moment`` in UTC.

    Raises
    ------
    ValueError
        If ``moment`` carries no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} carries no time zone; add an offset such as +07:00")
    return moment.astimezone(UTC)


def within_reach(moment: datetime) -> datetime:
    """Return ``moment``, if it can be told in each time zone and counted from the start of a line.

    Raises
    ------
    ValueError
        If its year is before 1900, or from 2400 on: such years are those of the Buddhist era, and
        dates such as 9999-12-31 stand for none.
    """
    if END_YEAR <= moment.year < END_YEAR + BUDDHIST:
        common = moment.year - BUDDHIST
        raise ValueError(f"the year {moment.year} is one of the Buddhist era; write {common}")
    if not FIRST_YEAR <= moment.year < END_YEAR:
        raise ValueError(
            f"the year {moment.year} is out of reach; give one from {FIRST_YEAR} to "
            f"{END_YEAR - 1}, or leave it out where there is none"
        )
    return moment


_DURATION_SCHEMA = WithJsonSchema(
    {
        "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[\d.\s]+[a-z]*"}],
        "description": "Seconds, or text with a unit: 90, '90 s', '1.5 h', '8h30m'.",
    },
    mode="validation",
)
Seconds = Annotated[float, BeforeValidator(duration_s), _DURATION_SCHEMA]
"""A time in seconds; input may be text with a unit."""
Duration = Annotated[float, BeforeValidator(duration_s), Field(ge=0), _DURATION_SCHEMA]
"""A length of time in seconds, not negative; input may be text with a unit."""
PositiveDuration = Annotated[float, BeforeValidator(duration_s), Field(gt=0), _DURATION_SCHEMA]
"""A length of time in seconds, greater than zero; input may be text with a unit."""
Reachable = Annotated[datetime, AfterValidator(within_reach)]
"""A moment, with an offset or without, that can be told in each time zone."""


def micros(moment: datetime) -> int:
    """Return an aware moment as whole microseconds since 1970, UTC."""
    if moment.tzinfo is not UTC:
        moment = aware_utc(moment)
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
