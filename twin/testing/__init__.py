"""What proves an engine or a line: random lines over every feature, and the laws all must keep.

Needs hypothesis, which the extra dependencies of development bring.
"""

from twin.testing.laws import LineLaws, first_difference, same_events
from twin.testing.stations import StationTests
from twin.testing.strategies import lines, moments, options_for

__all__ = [
    "LineLaws",
    "StationTests",
    "first_difference",
    "lines",
    "moments",
    "options_for",
    "same_events",
]
