"""Figures over a gap say so."""

import pytest

from twin import summarise
from twin.events import EventLogBuilder, Kind
from twin.line import Constant, serial_line

Told = tuple[Kind, float, float]
LOST, BACK, GAP = Kind.LINK_LOST, Kind.LINK_RESTORED, Kind.GAP


@pytest.mark.parametrize(
    ("rows", "expected_s"),
    [
        ([], 0.0),
        ([(GAP, 20.0, 12.0), (GAP, 24.0, 15.0), (GAP, 40.0, 38.0)], 14.0),  # the first two overlap
        ([(GAP, 14.0, 2.0)], 4.0),  # only from the observed time on, which begins at 10
        ([(LOST, 30.0, 29.0), (BACK, 50.0, 0.0)], 0.0),  # values came late, and came
        ([(LOST, 30.0, 29.0), (BACK, 50.0, 0.0), (GAP, 50.0, 29.0)], 21.0),
        ([(LOST, 90.0, 88.0)], 12.0),  # lost until the end
    ],
)
def test_observed_time_in_gaps(rows: list[Told], expected_s: float) -> None:
    """Overlapping gaps count once, within the observed time; a link found again is none."""
    line = serial_line([Constant(value_s=1.0)])
    builder = EventLogBuilder(line)
    for kind, time_s, value in rows:
        builder.add(time_s, kind, value=value)
    found = summarise(builder.log(100.0).observed_from(10.0), line)
    assert float(found.gap_s) == expected_s
