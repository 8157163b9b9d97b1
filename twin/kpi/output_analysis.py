"""What a sample of replications says: means, shares and quantiles with their intervals.

References
----------
Student (1908), The probable error of a mean. Biometrika 6.
Wilson (1927), Probable inference, the law of succession, and statistical inference. Journal of the
American Statistical Association 22.
David and Nagaraja (2003), Order statistics, 3rd edition, section 7.1: distribution-free confidence
intervals for quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.events.kinds import Kind
from twin.events.log import EventLog


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, share or quantile with its confidence interval."""

    mean: float
    """Estimate, also where it is no mean; NaN without observations."""
    low: float
    """Lower end; NaN if it cannot be told."""
    high: float
    """Upper end."""
    n: int
    """Observations."""
    level: float
    """Confidence level, e.g. 0.95."""

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the mean of independent observations with its Student-t interval.

    Parameters
    ----------
    values : array_like
        Observations of any shape, in any unit; NaN is left out. One has a mean but no interval.
    level : float
        Confidence, between 0 and 1.

    Raises
    ------
    ValueError
        If ``level`` is not between 0 and 1.
    """
    _check_level(level)
    found = np.asarray(values, dtype=np.float64).ravel()
    found = found[~np.isnan(found)]
    n = len(found)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, level)
    mean = float(found.mean())
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1, level)
    error = float(found.std(ddof=1)) / np.sqrt(n)
    half = t_quantile(0.5 + level / 2, n - 1) * float(error)
    return Interval(mean, mean - half, mean + half, n, level)


@lru_cache(maxsize=4096)
def t_quantile(share: float, freedom: int) -> float:
    """Return a quantile of Student's t distribution; remembered, as tables ask for few again."""
    from scipy import special  # noqa: PLC0415 - heavy, and most runs ask for no interval

    return float(special.stdtrit(freedom, share))


def normal_quantile(share: float) -> float:
    """Return a quantile of the standard normal distribution."""
    from scipy import special  # noqa: PLC0415 - heavy, and most runs ask for no interval

    return float(special.ndtri(share))


def proportion_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Return a share with its Wilson score interval, which holds for few and for extreme cases.

    Parameters
    ----------
    successes, n : int
        How many of how many.
    level : float
        Confidence, between 0 and 1.

    Raises
    ------
    ValueError
        If ``successes`` is not between 0 and ``n``, or ``level`` not between 0 and 1.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference. Journal of
    the American Statistical Association 22.
    """
    _check_level(level)
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return Interval(np.nan, 0.0, 1.0, 0, level)
    z = normal_quantile(0.5 + level / 2)
    share = successes / n
    spread = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    middle = share + z * z / (2 * n)
    low, high = (middle - spread) / scale, (middle + spread) / scale
    # Rounding must not put the share itself outside.
    low, high = min(max(0.0, float(low)), share), max(min(1.0, float(high)), share)
    return Interval(share, low, high, n, level)


def share_difference_interval(
    values: ArrayLike, reference: ArrayLike, level: float = 0.95
) -> Interval:
    """Return the difference of two shares from pairs of zeros and ones, with its interval.

    Half a pair is added to each of the four outcomes (Agresti and Min, 2005), so the interval does
    not shrink to nothing when few pairs happen to agree.

    Parameters
    ----------
    values, reference : array_like of 0 and 1
        Pair by pair; NaN must have been left out.

    References
    ----------
    Agresti and Min (2005), Simple improved confidence intervals for comparing matched proportions.
    Statistics in Medicine 24.
    """
    _check_level(level)
    pairs = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    n = len(pairs)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, level)
    up, down = float((pairs > 0).sum()) + 0.5, float((pairs < 0).sum()) + 0.5
    total = n + 2
    middle = (up - down) / total
    z = normal_quantile(0.5 + level / 2)
    half = z * float(np.sqrt(up + down - (up - down) ** 2 / total)) / total
    mean = float(pairs.mean())
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return Interval(mean, min(low, mean), max(high, mean), n, level)


def quantile_interval(values: ArrayLike, share: float, level: float = 0.95) -> Interval:
    """Return a quantile with an interval between two order statistics, whatever the distribution.

    How many of ``n`` independent observations lie below the quantile is binomial, so the interval
    holds at least at its level, for few observations and long tails too. It is no narrower than
    that: between observations nothing is assumed.

    Parameters
    ----------
    values : array_like
        Independent observations, such as one figure of each replication; NaN is left out. Flow
        times of one run depend on each other: take each replication's quantile instead.
    share : float
        Share of the distribution below the quantile, e.g. 0.9.
    level : float
        Confidence level; each end is missed with at most half of the rest.

    Returns
    -------
    Interval
        ``mean`` is the estimate, interpolated between observations. An end is NaN where so few
        observations cannot tell it: the upper end of a 0.9 quantile needs 36 at level 0.95.

    Raises
    ------
    ValueError
        If ``share`` or ``level`` is not between 0 and 1.
    """
    from scipy import special  # noqa: PLC0415 - heavy, and most runs ask for no interval

    _check_level(level)
    if not 0 < share < 1:
        raise ValueError(f"a quantile at a share of {share!r} is not between 0 and 1")
    found = np.asarray(values, dtype=np.float64).ravel()
    found = np.sort(found[~np.isnan(found)])
    n = len(found)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, level)
    estimate = float(np.quantile(found, share))
    # below[k]: probability that at most k observations lie below the quantile. From the upper end
    # it is asked as a probability of its own, because 1 - p rounds.
    counts = np.arange(n)
    below = special.bdtr(counts, n, share)
    above = special.bdtrc(counts, n, share)
    lower = np.flatnonzero(below <= (1 - level) / 2)
    upper = np.flatnonzero(above <= (1 - level) / 2)
    # The estimate is interpolated and could leave an interval of a low level.
    low = min(float(found[lower[-1]]), estimate) if len(lower) else np.nan
    high = max(float(found[upper[0]]), estimate) if len(upper) else np.nan
    return Interval(estimate, low, high, n, level)


def throughput_series(
    log: EventLog, bin_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many parts were finished in each stretch of the log.

    Parameters
    ----------
    log : EventLog
        Simulated or real.
    bin_s : float
        Length of a stretch, s.

    Returns
    -------
    edges_s : ndarray, shape (bins + 1,)
        Limits of the stretches, s; the last, incomplete one is left out.
    counts : ndarray, shape (bins,)
        Parts finished in each.

    Raises
    ------
    ValueError
        If the length is not above zero.
    """
    if not bin_s > 0:
        raise ValueError(f"a stretch of {bin_s!r} s is not above zero")
    bins = int((log.end_s - log.begin_s) / bin_s + 1e-9)
    edges_s = log.begin_s + bin_s * np.arange(bins + 1)
    moments = log.time_s[log.kind == Kind.PART_FINISHED]
    counts, _ = (
        np.histogram(moments[moments < edges_s[-1]], bins=edges_s) if bins else (np.array([]), 0)
    )
    return edges_s.astype(np.float64), counts.astype(np.float64)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level of {level!r} is not between 0 and 1")
