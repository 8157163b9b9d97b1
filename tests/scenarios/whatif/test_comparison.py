"""Verdicts: what intervals allow to say, and how many replications decide."""

import math

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from scenarios.whatif.comparison import (
    KPIS,
    Verdict,
    compare,
    replications_needed,
    verdict_of,
)
from twin.errors import UnknownNameError
from twin.kpi.output_analysis import Interval


def results(**tables: np.ndarray) -> xr.Dataset:
    """Return results with one table of scenario by replication per KPI."""
    first = next(iter(tables.values()))
    names = ["base", *(f"s{i}" for i in range(1, len(first)))]
    return xr.Dataset(
        {kpi: (("scenario", "replication"), table) for kpi, table in tables.items()},
        coords={"scenario": names, "replication": np.arange(first.shape[1])},
    )


def interval(low: float, high: float) -> Interval:
    """Return an interval with its mean in the middle."""
    return Interval((low + high) / 2, low, high, 10, 0.95)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (2.0, 5.0, Verdict.BETTER),
        (0.1, 5.0, Verdict.BETTER),
        (-5.0, -0.1, Verdict.WORSE),
        (-0.9, 0.9, Verdict.NO_RELEVANT_DIFFERENCE),
        (0.1, 0.9, Verdict.NO_RELEVANT_DIFFERENCE),
        (-0.5, 3.0, Verdict.CANNOT_TELL),
        (-math.inf, math.inf, Verdict.CANNOT_TELL),
    ],
)
def test_verdict_follows_interval_and_relevance(low: float, high: float, verdict: Verdict) -> None:
    """The table of the docstring, with a smallest relevant difference of 1."""
    assert verdict_of(interval(low, high), 1.0, higher_is_better=True) is verdict


def test_less_may_be_better() -> None:
    """A shorter flow time is better."""
    assert verdict_of(interval(-5.0, -2.0), 1.0, higher_is_better=False) is Verdict.BETTER


def test_interval_of_a_difference_is_the_paired_one() -> None:
    """Mean and half width are those of the pairs, by the formula written out."""
    rng = np.random.default_rng(1)
    base = rng.normal(100.0, 10.0, 30)
    other = base + rng.normal(3.0, 1.0, 30)
    row = compare(results(finished=np.stack([base, other]))).of("s1", "finished")
    pairs = other - base
    half = stats.t.ppf(0.975, 29) * pairs.std(ddof=1) / math.sqrt(30)
    assert row.difference is not None
    assert row.difference.mean == pytest.approx(pairs.mean())
    assert row.difference.half_width == pytest.approx(half)
    assert row.verdict is Verdict.BETTER


def test_identical_scenario_has_no_relevant_difference() -> None:
    """A difference of exactly zero is decided at once."""
    base = np.random.default_rng(2).normal(100.0, 10.0, 5)
    row = compare(results(finished=np.stack([base, base]))).of("s1", "finished")
    assert row.difference is not None
    assert (row.difference.low, row.difference.high) == (0.0, 0.0)
    assert row.verdict is Verdict.NO_RELEVANT_DIFFERENCE


def test_replications_needed_is_the_smallest_that_suffices() -> None:
    """At n the stated half width fits, at n - 1 it does not."""
    mean, sd, delta, level = 0.3, 4.0, 0.5, 0.95
    n = replications_needed(mean, sd, delta, level)
    assert n is not None

    def half(k: int) -> float:
        return float(stats.t.ppf((1 + level) / 2, k - 1)) * sd / math.sqrt(k)

    assert half(n) <= max(abs(mean), delta - abs(mean)) < half(n - 1)


def test_replications_needed_mostly_decide() -> None:
    """With twice what was asked for, nearly every question about a clear effect is decided."""
    rng = np.random.default_rng(3)
    decided = asked = 0
    for _ in range(200):
        base = rng.normal(100.0, 5.0, 400)
        other = base + rng.normal(3.0, 8.0, 400)
        table = np.stack([base, other])
        first = compare(results(finished=table[:, :20])).of("s1", "finished")
        if first.verdict is not Verdict.CANNOT_TELL:
            continue
        assert first.replications_needed is not None
        n = 2 * first.replications_needed
        if n > 400:
            continue
        asked += 1
        again = compare(results(finished=table[:, :n])).of("s1", "finished")
        decided += again.verdict is not Verdict.CANNOT_TELL
    assert asked > 50
    assert decided / asked > 0.85


def test_false_better_stays_under_its_level() -> None:
    """With no difference at all, at most half of 5 % are called better."""
    rng = np.random.default_rng(4)
    trials, better = 400, 0
    for _ in range(trials):
        pair = rng.normal(100.0, 5.0, (2, 15))
        row = compare(results(finished=pair), relevance=0.0).of("s1", "finished")
        better += row.verdict is Verdict.BETTER
    assert better / trials < 0.025 + 3 * math.sqrt(0.025 * 0.975 / trials)


def test_single_replication_tells_nothing() -> None:
    """One pair has no variance: cannot tell, and two are the least to ask for."""
    row = compare(results(finished=np.array([[100.0], [150.0]]))).of("s1", "finished")
    assert row.verdict is Verdict.CANNOT_TELL
    assert row.replications_needed == 2


def test_missing_values_are_not_passed_over() -> None:
    """An order that is not finished in some runs is never called better by the others."""
    base = np.full(6, 5000.0) + np.arange(6)
    other = base - 1000.0
    other[2] = np.nan
    row = compare(results(order_completion_s=np.stack([base, other]))).of(
        "s1", "order_completion_s"
    )
    assert row.verdict is Verdict.CANNOT_TELL
    assert row.replications_needed is None
    assert "1 of 6" in row.note


def test_relevance_may_be_an_amount() -> None:
    """With 500 parts as the smallest relevant difference, 50 more are none."""
    rng = np.random.default_rng(5)
    base = rng.normal(1000.0, 5.0, 30)
    table = np.stack([base, base + 50.0 + rng.normal(0.0, 1.0, 30)])
    assert compare(results(finished=table)).of("s1", "finished").verdict is Verdict.BETTER
    row = compare(results(finished=table), relevance={"finished": 500.0}).of("s1", "finished")
    assert row.verdict is Verdict.NO_RELEVANT_DIFFERENCE
    assert row.relevance == 500.0


def test_bonferroni_widens() -> None:
    """For two scenarios together each interval is wider than alone."""
    table = np.random.default_rng(6).normal(100.0, 5.0, (3, 20))
    alone = compare(results(finished=table), correction="none").of("s1", "finished").difference
    together = compare(results(finished=table), correction="bonferroni").of("s1", "finished")
    assert alone is not None
    assert together.difference is not None
    assert together.difference.half_width > alone.half_width


def test_another_base_may_be_chosen() -> None:
    """Any scenario may be compared with; it stands first."""
    table = np.random.default_rng(7).normal(100.0, 5.0, (3, 20))
    comparison = compare(results(finished=table), base="s2")
    assert comparison.scenarios == ("s2", "base", "s1")
    assert comparison.of("s2", "finished").verdict is None


def test_wrong_questions_are_refused() -> None:
    """Unknown names and impossible levels are told."""
    good = results(finished=np.ones((2, 3)))
    with pytest.raises(UnknownNameError, match="s1"):
        compare(good, base="nobody")
    with pytest.raises(ValueError, match="level"):
        compare(good, level=1.0)
    with pytest.raises(ValueError, match="negative"):
        compare(good, relevance=-0.1)
    with pytest.raises(UnknownNameError, match="finished"):
        compare(good).of("s1", "nothing")


def test_elements_have_rows_of_their_own() -> None:
    """A KPI per station gives a row per station; the table and the document hold them all."""
    data = results(finished=np.arange(8.0).reshape(2, 4))
    data["oee_index"] = (("scenario", "replication", "station"), np.full((2, 4, 2), 0.5))
    data = data.assign_coords(station=["a", "b"])
    comparison = compare(data)
    assert {row.element for row in comparison.rows if row.kpi == "oee_index"} == {"a", "b"}
    assert len(comparison.frame()) == len(comparison.rows) == len(comparison.document()["rows"])
    assert set(comparison.frame()["kpi"]) <= set(KPIS)


def test_what_is_nowhere_decided_has_no_row() -> None:
    """An order beyond every horizon is left out; one that only a scenario has says so."""
    table = np.full((2, 5, 2), np.nan)
    table[1, :, 1] = 100.0
    data = xr.Dataset(
        {"order_completion_s": (("scenario", "replication", "order"), table)},
        coords={"scenario": ["base", "rush"], "replication": np.arange(5), "order": ["a", "new"]},
    )
    comparison = compare(data)
    assert {row.element for row in comparison.rows} == {"new"}
    row = comparison.of("rush", "order_completion_s", "new")
    assert row.mean.mean == 100.0
    assert row.verdict is Verdict.CANNOT_TELL
    assert "nothing to compare" in row.note
