"""The stop-watch of the benchmarks."""

from tests.benchmarks.case import Case, measure


def test_measure_runs_once_more_than_it_times() -> None:
    """One run warms up; the timed runs follow, and the slowest is never below the fastest."""
    calls: list[int] = []

    def work() -> float:
        calls.append(1)
        return 100.0

    timing = measure(Case(name="counting", run=work, unit="steps", repeats=3))
    assert len(calls) == 4
    assert 0.0 <= timing.fastest_s <= timing.median_s <= timing.slowest_s
    assert timing.done == 100.0
