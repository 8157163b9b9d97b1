"""What people write into cells: digits of any script, Thai units, days and years, clock with a dot.

Nothing is guessed: what can mean two things, such as 03/04/2026, is refused with a remedy.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Any

from twin.line.calendars import DAYS
from twin.units import BUDDHIST, END_YEAR

SHORT_UNTIL = 2000
"""Spreadsheet programs take the Buddhist year 69 for 1969; nobody plans a year before this one."""

UNITS = {
    "วินาที": "s", "วิ": "s", "นาที": "min", "ชั่วโมง": "h", "ชม": "h", "วัน": "d", "สัปดาห์": "w",
    "second": "s", "seconds": "s", "secs": "s", "minute": "min", "minutes": "min", "mins": "min",
    "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "day": "d", "days": "d", "week": "w",
    "weeks": "w",
}  # fmt: skip
"""Units as people write them, and as the twin does."""
DAY_NAMES = {
    name: day
    for day, names in zip(
        DAYS,
        ("จ จันทร์", "อ อังคาร", "พ พุธ", "พฤ พฤหัส พฤหัสบดี", "ศ ศุกร์", "ส เสาร์", "อา อาทิตย์"),
        strict=True,
    )
    for name in names.split()
}
EVERY_DAY = frozenset({"ทุกวัน", "every day", "daily"})
MONTHS = (
    "ม.ค. มกราคม", "ก.พ. กุมภาพันธ์", "มี.ค. มีนาคม", "เม.ย. เมษายน", "พ.ค. พฤษภาคม", "มิ.ย. มิถุนายน",
    "ก.ค. กรกฎาคม", "ส.ค. สิงหาคม", "ก.ย. กันยายน", "ต.ค. ตุลาคม", "พ.ย. พฤศจิกายน", "ธ.ค. ธันวาคม",
)  # fmt: skip
_MONTH = {
    name.replace(".", ""): number
    for number, names in enumerate(MONTHS, 1)
    for name in names.split()
}
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_PLAIN = re.compile(_NUMBER)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_TIME = re.compile(rf"(?:{_NUMBER}\s*[^\W\d_][^\s\d+-]*\s*)+")
_STEP = re.compile(rf"({_NUMBER})\s*([^\s\d+-]+)")
_HOUR = r"(?:[\sT,]*(?:เวลา)?\s*(\d{1,2})[:.](\d{2})(?::\d{2})?\s*(?:น\.?)?)?"
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})" + _HOUR)
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})" + _HOUR)
_WORDED = re.compile(r"(\d{1,2})\s*([^\W\d_][^\d]*?)\s*(?:พ\.?ศ\.?)?\s*(\d{2}|\d{4})" + _HOUR)
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?::\d{2})?\s*(?:น\.?|นาฬิกา)?")


def plain_digits(text: str) -> str:
    """Return a text with the digits of any script as 0 to 9."""
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text
    )


def number(value: Any) -> Any:
    """Return text that is a number as that number, such as ``๒๐`` or ``1 %``; else as it is."""
    if not isinstance(value, str):
        return value
    text = plain_digits(value).strip()
    if _PLAIN.fullmatch(text):
        return float(text) if "." in text else int(text)
    if text.endswith("%") and _PLAIN.fullmatch(text[:-1].rstrip()):
        return float(text[:-1]) / 100.0
    return value.strip()


def count(value: Any) -> Any:
    """Return the same for what is counted, where ``1,500`` can only be one thing."""
    if isinstance(value, str) and _GROUPED.fullmatch(plain_digits(value).strip()):
        return int(plain_digits(value).replace(",", ""))
    return number(value)


def length(value: Any, unit_s: float = 1.0) -> Any:
    """Return a duration as the twin reads it.

    Parameters
    ----------
    value : object
        What stands in the cell.
    unit_s : float
        What a plain number counts, s.

    Returns
    -------
    object
        Seconds, text such as ``10 min``, or the value where it is something else.
    """
    found = number(value)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return found if unit_s == 1 else found * unit_s
    if isinstance(found, str) and _TIME.fullmatch(text := plain_digits(found)):
        return " ".join(f"{many} {unit(word)}" for many, word in _STEP.findall(text))
    return found


def unit(word: str) -> str:
    """Return a unit of time as the twin writes it; another word as it is."""
    return UNITS.get(word.strip(" .").lower(), word.strip())


def clock(text: str) -> str:
    """Return a time of day as ``HH:MM`` where it is one, such as ``8.00 น.``; else the text."""
    found = _CLOCK.fullmatch(plain_digits(text).strip())
    return f"{int(found[1]):02}:{found[2]}" if found else text


def days(text: str) -> list[str]:
    """Return the days of a list such as ``mon, tue``, ``จ-ศ`` or ``ทุกวัน``; unknown ones as is."""
    plain = text.strip().lower()
    if plain in EVERY_DAY:
        return list(DAYS)
    found: list[str] = []
    for part in filter(None, re.split(r"[,;/]|\s+และ\s*", plain)):
        ends = [_day(end) for end in re.split(r"\s*(?:-|\u2013|ถึง)\s*", part.strip())]
        if len(ends) == 2 and set(ends) <= set(DAYS):  # noqa: PLR2004 - from, to
            first, last = (DAYS.index(end) for end in ends)
            found += [DAYS[at % 7] for at in range(first, last + 1 + 7 * (last < first))]
        else:
            found += ends if len(ends) == 1 else [part.strip()]
    return list(dict.fromkeys(found))


def _day(name: str) -> str:
    plain = name.removeprefix("วัน").strip(" .")
    return DAY_NAMES.get(plain, plain[:3] if plain[:3] in DAYS else plain)


def moment(value: Any) -> Any:
    """Return a moment in ISO's form, or a time after the start as ``length`` does.

    Raises
    ------
    ValueError
        If it is a date that does not exist, or one that can be read in two ways.
    """
    if isinstance(value, datetime | date):
        hour = (value.hour, value.minute) if isinstance(value, datetime) else None
        known = SHORT_UNTIL <= value.year < END_YEAR
        return value.isoformat() if known else _told(value.year, value.month, value.day, hour)
    if not isinstance(value, str):
        return value
    text = " ".join(plain_digits(value).split())
    found = _date(text)
    return length(_iso(text)) if found is None else _told(*found)


def _date(text: str) -> tuple[int, int, int, tuple[int, int] | None] | None:
    """Return year, month, day and hour of a date as people write it; None: it is none of these."""
    if found := _ISO.fullmatch(text):
        year, month, day = (int(found[at]) for at in (1, 2, 3))
        if year < END_YEAR:
            return None
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = (int(found[at]) for at in (1, 2, 3))
        if year < END_YEAR and day <= 12 and day != month:  # noqa: PLR2004 - a month
            meant = f"write {year}-{month:02}-{day:02} or {year}-{day:02}-{month:02}"
            raise ValueError(f"{text!r} has two readings: which number is the month?; {meant}")
    elif found := _WORDED.fullmatch(text):
        month = _MONTH.get(found[2].replace(".", "").replace(" ", ""), 0)
        short = len(found[3]) == 2  # noqa: PLR2004 - 69 is 2569
        day, year = int(found[1]), int(found[3]) + (2500 if short else 0)
    if not found or not month:
        return None
    return year, month, day, (int(found[4]), int(found[5])) if found[4] else None


def _iso(text: str) -> str:
    """Return a text that begins as a moment with the T that stands between day and hour."""
    return text.replace(" ", "T", 1) if text[:4].isdigit() and text[4:5] == "-" else text


def _told(year: int, month: int, day: int, hour: tuple[int, int] | None) -> str:
    """Return a moment in ISO's form; the year may be of the Buddhist era."""
    common = year - BUDDHIST if year >= END_YEAR else year
    if 1900 <= year < SHORT_UNTIL:  # noqa: PLR2004 - as programs complete two digits
        meant = f"write {day}/{month}/{2500 + year % 100} where the Buddhist year is meant"
        raise ValueError(f"{day}/{month}/{year} is long past; {meant}")
    try:
        if hour is None:
            return date(common, month, day).isoformat()
        return datetime(common, month, day, *hour).isoformat()  # noqa: DTZ001 - the line's zone
    except ValueError as error:
        told = f"{day}/{month}/{year}" + (f" {hour[0]}:{hour[1]:02}" if hour else "")
        raise ValueError(f"{told} is no date: {error}") from error
