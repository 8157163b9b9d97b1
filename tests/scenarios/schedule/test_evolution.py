"""The population of a search: who gets in, and in whose place."""

import math
from dataclasses import dataclass

import pytest

from scenarios.schedule import Schedule
from scenarios.schedule.protocol import Request
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.evolution import Evolution
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import job, shop


@dataclass(frozen=True)
class Point:
    """A solution on a line."""

    value: int
    at: int


class Line(Evolution[Point]):
    """Solutions that differ by how far they are apart; forty operations."""

    def __init__(self) -> None:
        network = Network.of(shop([job("a", [("m", 1)])], ["m"]))
        request = Request(network, None, math.inf, iterations=1)
        super().__init__(Effort(request), Point(0, 0), 40)

    def improved(self, solution: Point) -> Point:
        """Leave it as it is."""
        return solution

    def shaken(self, solution: Point, steps: int) -> Point:
        """Go some steps to the right."""
        return Point(solution.value, solution.at + steps)

    def between(self, left: Point, right: Point, share: float) -> Point:
        """Stand somewhere between."""
        return Point(left.value, int(left.at + share * (right.at - left.at)))

    def distance(self, left: Point, right: Point) -> int:
        """Return how far two are apart."""
        return abs(left.at - right.at)

    def solution(self, schedule: Schedule) -> Point:
        """Return the beginning."""
        return Point(int(schedule.objective), 0)


@pytest.mark.parametrize(
    ("child", "expected", "better"),
    [
        (Point(5, 104), [(9, 0), (5, 104)], True),  # near a worse one: takes its place
        (Point(8, 104), [(9, 0), (7, 100)], False),  # near a better one: stays out
        (Point(8, 50), [(8, 50), (7, 100)], True),  # far from all: instead of the worst
        (Point(10, 50), [(9, 0), (7, 100)], False),  # worse than all
        (Point(9, 50), [(9, 50), (7, 100)], False),  # as good as the worst: in, but nothing won
    ],
)
def test_a_child_competes_with_its_like(
    child: Point, expected: list[tuple[int, int]], better: bool
) -> None:
    """Near a member only that one may give way, so that the population does not become one."""
    crowd = [Point(9, 0), Point(7, 100)]
    assert Line().enters(crowd, child) is better
    assert [(one.value, one.at) for one in crowd] == expected
