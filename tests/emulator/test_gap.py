"""The reality gap: stated, repeatable, and only where it says."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from twin.emulator import RealityGap
from twin.emulator.gap import Range
from twin.line import Line, Station


def test_same_seed_same_plant_other_seed_another(line: Line) -> None:
    """The factors are a function of the seed and the station."""
    assert RealityGap(seed=1).factors(line) == RealityGap(seed=1).factors(line)
    assert RealityGap(seed=1).factors(line) != RealityGap(seed=2).factors(line)


def test_another_station_leaves_the_factors_of_the_others(line: Line) -> None:
    """Adding a station disturbs none of the others."""
    extra = line.model_copy(update={"stations": (*line.stations, Station(id="aaa"))})
    before = {gap.station: gap for gap in RealityGap().factors(line)}
    after = {gap.station: gap for gap in RealityGap().factors(extra)}
    assert {name: after[name] for name in before} == before


def test_factors_lie_in_the_stated_ranges(line: Line) -> None:
    """No seed leaves the ranges, and seeds spread over them."""
    found = [gap for seed in range(200) for gap in RealityGap(seed=seed).factors(line)]
    stated = RealityGap()
    for name in ("processing_time", "time_to_failure", "time_to_repair"):
        factors = [getattr(gap, name) for gap in found]
        span = getattr(stated, name)
        assert span.low <= min(factors) < span.low * 1.02
        assert span.high >= max(factors) > span.high * 0.98


def test_true_times_are_the_stated_ones_times_the_factors(line: Line) -> None:
    """Each mean of the true line is the twin's mean times the station's factor."""
    gap = RealityGap(seed=7)
    true = gap.apply(line)
    for factors in gap.factors(line):
        before, after = line.station(factors.station), true.station(factors.station)
        for mode, real in zip(before.failures, after.failures, strict=True):
            assert real.time_to_failure_s.expected_s() == pytest.approx(
                mode.time_to_failure_s.expected_s() * factors.time_to_failure
            )
            assert real.time_to_repair_s.expected_s() == pytest.approx(
                mode.time_to_repair_s.expected_s() * factors.time_to_repair
            )
        for product in line.products:
            for operation, real_one in zip(
                product.routing, true.product(product.id).routing, strict=True
            ):
                if factors.station in operation.stations:
                    time_s = real_one.processing_time_by_station_s[factors.station]
                    assert time_s.expected_s() == pytest.approx(
                        operation.processing_time_s.expected_s() * factors.processing_time
                    )


def test_no_gap_is_the_line_itself(line: Line) -> None:
    """Without a gap every time is the stated one."""
    true = RealityGap.none().apply(line)
    assert true.stations == line.stations
    for product in line.products:
        for operation, real in zip(product.routing, true.product(product.id).routing, strict=True):
            assert real.processing_time_by_station_s == dict.fromkeys(
                operation.stations, operation.processing_time_s
            )


def test_report_names_every_station_with_its_factors(line: Line) -> None:
    """What differs is printed on request."""
    report = RealityGap(seed=7).report(line)
    for gap in RealityGap(seed=7).factors(line):
        row = next(row for row in report.splitlines() if row.startswith(f"{gap.station} "))
        assert f"{gap.processing_time:.3f}x" in row
        assert f"{gap.time_to_failure:.3f}x" in row
        assert f"{gap.time_to_repair:.3f}x" in row


def test_a_range_upside_down_is_refused() -> None:
    """The greatest factor is not below the smallest."""
    with pytest.raises(ValidationError, match="high must not be below low"):
        Range(low=1.2, high=1.0)
