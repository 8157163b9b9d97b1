"""The generator against published vectors, the distributions against SciPy, what is left by age."""

import math

import numpy as np
import pytest
from scipy import stats

from twin.engine import streams
from twin.engine.model import Draw
from twin.engine.nodes import TOP, parameters_of
from twin.line import (
    AnyDistribution,
    Beta,
    Constant,
    Discrete,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Normal,
    Triangular,
    Uniform,
    Weibull,
)

ONES = 0xFFFFFFFF
# Random123, kat_vectors: counter, key, result.
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
GRID = np.concatenate(
    [np.logspace(-12, -1, 40), np.linspace(0.1, 0.9, 33), 1 - np.logspace(-1, -12, 40)]
)
CONTINUOUS = [
    (Exponential(mean_s=7.0), stats.expon(scale=7.0)),
    (Uniform(low_s=2.0, high_s=9.0), stats.uniform(2.0, 7.0)),
    (Triangular(low_s=1.0, mode_s=2.0, high_s=7.0), stats.triang(1 / 6, 1.0, 6.0)),
    (Triangular(low_s=1.0, mode_s=1.0, high_s=7.0), stats.triang(0.0, 1.0, 6.0)),
    (Triangular(low_s=1.0, mode_s=7.0, high_s=7.0), stats.triang(1.0, 1.0, 6.0)),
    (Normal(mean_s=10.0, sd_s=2.0), None),
    (Normal(mean_s=2.0, sd_s=4.0), None),
    (Lognormal(mean_s=10.0, sd_s=6.0), None),
    (Weibull(scale_s=5.0, shape=2.2), stats.weibull_min(2.2, scale=5.0)),
    (Weibull(scale_s=5.0, shape=0.7), stats.weibull_min(0.7, scale=5.0)),
    (Gamma(scale_s=3.0, shape=0.05), stats.gamma(0.05, scale=3.0)),
    (Gamma(scale_s=3.0, shape=0.6), stats.gamma(0.6, scale=3.0)),
    (Gamma(scale_s=2.0, shape=2.5), stats.gamma(2.5, scale=2.0)),
    (Gamma(scale_s=0.1, shape=900.0), stats.gamma(900.0, scale=0.1)),
    (Erlang(mean_s=12.0, stages=1), stats.expon(scale=12.0)),
    (Erlang(mean_s=12.0, stages=4), stats.gamma(4, scale=3.0)),
    (Beta(low_s=0.0, high_s=1.0, alpha=2.0, beta=5.0), stats.beta(2.0, 5.0)),
    (Beta(low_s=0.0, high_s=7.0, alpha=0.5, beta=1.4), stats.beta(0.5, 1.4, 0.0, 7.0)),
    (Beta(low_s=0.0, high_s=10.0, alpha=0.05, beta=30.0), stats.beta(0.05, 30.0, 0.0, 10.0)),
    (Beta(low_s=1.0, high_s=2.0, alpha=1000.0, beta=600.0), stats.beta(1000, 600, 1.0, 1.0)),
]
ALL = [
    *(found for found, _ in CONTINUOUS),
    Constant(value_s=3.0),
    Discrete(values_s=(5.0, 1.0, 2.0), weights=(1, 2, 1)),
    Empirical(sample_s=(4.0, 1.0, 2.0, 2.0)),
    Empirical(sample_s=(4.0, 1.0, 2.0), interpolate=False),
]


class CutNormal:
    """A normal distribution cut off at zero; SciPy's own loses digits in the upper tail."""

    def __init__(self, mean_s: float, sd_s: float) -> None:
        self.whole = stats.norm(mean_s, sd_s)
        self.below, self.above = self.whole.cdf(0.0), self.whole.sf(0.0)

    def ppf(self, u: np.ndarray) -> np.ndarray:
        """Return quantiles, from the nearer end."""
        low = self.whole.ppf(self.below + u * self.above)
        return np.where(u < 0.5, low, self.whole.isf((1.0 - u) * self.above))

    def cdf(self, times_s: np.ndarray) -> np.ndarray:
        """Return the share at or below."""
        return (self.whole.cdf(times_s) - self.below) / self.above

    def sf(self, times_s: np.ndarray) -> np.ndarray:
        """Return the share above."""
        return self.whole.sf(times_s) / self.above


def name_of(distribution: object) -> str:
    """Return a short name for the list of tests."""
    return type(distribution).__name__


def reference(distribution: AnyDistribution, given: object) -> object:
    """Return SciPy's frozen distribution."""
    if isinstance(distribution, Normal):
        return CutNormal(distribution.mean_s, distribution.sd_s)
    if isinstance(distribution, Lognormal):
        mu, sigma = distribution.encode()[1]
        return stats.lognorm(sigma, scale=math.exp(mu))
    return given


def encoded(distribution: AnyDistribution) -> tuple[int, np.ndarray]:
    """Return code and parameters as the draw functions take them."""
    code, parameters = distribution.encode()
    return int(code), np.array(parameters, dtype=np.float64)


def left_of(distribution: AnyDistribution, age_s: float, count: int = 4000) -> np.ndarray:
    """Return times left at an age, drawn from one stream."""
    code, parameters = encoded(distribution)
    draw = Draw(code, parameters, streams.stream_key(1, "left", "test"), 0, False)
    return np.array([draw.left(age_s, k) for k in range(count)])


SOLVED_AHEAD = [
    *(pair for pair in CONTINUOUS if isinstance(pair[0], Gamma)),
    (Gamma(scale_s=1.0, shape=0.1), stats.gamma(0.1)),
    (Gamma(scale_s=1.0, shape=10_000.0), stats.gamma(10_000.0)),
    (Erlang(mean_s=12.0, stages=4), stats.gamma(4, scale=3.0)),
    (Beta(low_s=0.0, high_s=1.0, alpha=2.0, beta=5.0), stats.beta(2.0, 5.0)),
    (Beta(low_s=0.0, high_s=1.0, alpha=0.5, beta=0.5), stats.beta(0.5, 0.5)),
    (Beta(low_s=0.0, high_s=1.0, alpha=0.5, beta=1000.0), stats.beta(0.5, 1000.0)),
    (Beta(low_s=1.0, high_s=2.0, alpha=1000.0, beta=600.0), stats.beta(1000, 600, 1.0, 1.0)),
]
EXTREMES = [2.0**-53, 2.0**-20, 0.5 - 2.0**-53, 0.5 + 2.0**-53, 1.0 - 2.0**-20, 1.0 - 2.0**-53]


@pytest.mark.parametrize(("distribution", "given"), SOLVED_AHEAD)
def test_times_read_from_nodes_agree_with_scipy(
    distribution: AnyDistribution, given: object
) -> None:
    """What is drawn of gamma and beta times is the quantile too, with all forms of the number."""
    code, table = parameters_of(distribution)
    frozen = reference(distribution, given)
    times_s = [streams.quantile(code, table, u) for u in GRID]
    assert times_s == pytest.approx(frozen.ppf(GRID), rel=1e-9, abs=1e-300)
    assert streams.form_of(code, table) == streams.DEVIATE
    for u in [*GRID, *EXTREMES]:
        z = streams.normal_quantile(u)
        assert abs(z) < TOP
        assert streams.formed_time(code, table, 0, z) == streams.quantile(code, table, u)


@pytest.mark.parametrize(("distribution", "given"), SOLVED_AHEAD)
def test_times_read_from_nodes_rise_with_their_share(
    distribution: AnyDistribution, given: object
) -> None:
    """A larger share never gives a shorter time, over the nodes and between them."""
    code, table = parameters_of(distribution)
    deviates = np.linspace(-TOP, TOP, 20_000)[1:-1]
    times_s = np.array([streams.formed_time(code, table, 0, z) for z in deviates])
    assert np.all(np.diff(times_s) >= -1e-12 * times_s[1:])


def test_sharp_beta_times_are_solved_one_by_one() -> None:
    """Where nodes would not be close enough there are none."""
    sharp = Beta(low_s=0.0, high_s=1.0, alpha=0.05, beta=0.05)
    code, table = parameters_of(sharp)
    assert len(table) == len(sharp.encode()[1])
    assert streams.form_of(code, table) == streams.SHARE


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_generator_gives_the_published_vectors(
    counter: tuple[int, ...], key: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """Philox4x32-10 agrees with the known answers of its authors."""
    words = streams.philox4x32(*(np.uint64(word) for word in (*counter, *key)))
    assert tuple(int(word) for word in words) == expected


def test_uniform_uses_the_generator_by_its_index() -> None:
    """A uniform is the first 52 bits of the block whose counter is (a, b, replication)."""
    key = streams.stream_key(5, "s1", "processing")
    a, b, replication = 2**40 + 17, 3, 9
    words = (a & ONES, a >> 32, b, replication, int(key) & ONES, int(key) >> 32)
    block = streams.philox4x32(*(np.uint64(word) for word in words))
    bits = ((int(block[0]) << 32) | int(block[1])) >> 12
    assert streams.uniform(key, replication, a, b) == (bits + 0.5) / 2**52


def test_uniforms_are_uniform_and_unrelated() -> None:
    """Neighbouring indexes, replications and purposes give unrelated uniform numbers."""
    key = streams.stream_key(5, "s1", "processing")
    other = streams.stream_key(5, "s1", "repair")
    base = np.array([streams.uniform(key, 0, a, 0) for a in range(20_000)])
    assert stats.kstest(base, "uniform").pvalue > 0.001
    for second in (
        [streams.uniform(key, 1, a, 0) for a in range(20_000)],
        [streams.uniform(key, 0, a, 1) for a in range(20_000)],
        [streams.uniform(key, 0, a + 1, 0) for a in range(20_000)],
        [streams.uniform(other, 0, a, 0) for a in range(20_000)],
    ):
        assert abs(np.corrcoef(base, second)[0, 1]) < 4 / math.sqrt(20_000)


def test_antithetic_numbers_mirror_exactly() -> None:
    """The antithetic run sees 1 - u, which is exact because u lies on a symmetric grid."""
    key = streams.stream_key(5, "s1", "processing")
    one = np.array([0.0, 1.0])
    plain, mirrored = Draw(2, one, key, 3, False), Draw(2, one, key, 3, True)
    for k in range(1000):
        u = plain(k)
        assert 0.0 < u < 1.0
        assert u + mirrored(k) == 1.0


def test_streams_go_by_name() -> None:
    """Seed, element and purpose each make another stream."""
    keys = {
        streams.stream_key(seed, element, purpose)
        for seed in (0, 1)
        for element in ("s1", "s2", "s1/m")
        for purpose in streams.Purpose
    }
    assert len(keys) == 2 * 3 * len(streams.Purpose)


def test_normal_quantile_agrees_with_scipy() -> None:
    """AS 241 is good to 1e-13 relative over twelve decades of both tails."""
    ours = np.array([streams.normal_quantile(u) for u in GRID])
    np.testing.assert_allclose(ours, stats.norm.ppf(GRID), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("distribution", "given"), CONTINUOUS, ids=name_of)
def test_quantile_and_cdf_agree_with_scipy(distribution: AnyDistribution, given: object) -> None:
    """Quantile and distribution function are SciPy's to 1e-9."""
    expected = reference(distribution, given)
    code, parameters = encoded(distribution)
    times_s = np.array([streams.quantile(code, parameters, u) for u in GRID])
    np.testing.assert_allclose(times_s, expected.ppf(GRID), rtol=1e-9, atol=1e-12)
    shares = np.array([streams.cdf(code, parameters, t) for t in times_s])
    np.testing.assert_allclose(shares, expected.cdf(times_s), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("distribution", ALL, ids=name_of)
def test_cdf_undoes_the_quantile(distribution: AnyDistribution) -> None:
    """At least the share u lies at or below the quantile of u."""
    code, parameters = encoded(distribution)
    for u in GRID:
        time_s = streams.quantile(code, parameters, u)
        assert time_s >= 0.0
        assert streams.cdf(code, parameters, time_s) >= u - 1e-12


@pytest.mark.parametrize("distribution", ALL, ids=name_of)
def test_mean_is_that_of_the_draws(distribution: AnyDistribution) -> None:
    """The expected time is the mean of the quantile over all shares."""
    code, parameters = encoded(distribution)
    n = 20_000
    mean_s = np.mean([streams.quantile(code, parameters, (i + 0.5) / n) for i in range(n)])
    assert mean_s == pytest.approx(distribution.expected_s(), rel=2e-3)


@pytest.mark.parametrize(("distribution", "given"), CONTINUOUS, ids=name_of)
def test_time_left_has_the_conditional_distribution(
    distribution: AnyDistribution, given: object
) -> None:
    """Given the age, what is left follows the conditional distribution (Kolmogorov-Smirnov)."""
    expected = reference(distribution, given)
    for share in (0.2, 0.8):
        age_s = float(expected.ppf(share))
        survived = expected.sf(age_s)

        def conditional(
            t: np.ndarray, age_s: float = age_s, survived: float = survived
        ) -> np.ndarray:
            return 1.0 - expected.sf(age_s + t) / survived

        assert stats.kstest(left_of(distribution, age_s), conditional).pvalue > 0.001


def test_time_left_of_few_values_is_exact() -> None:
    """Of a discrete time only the values above the age remain, with their weights."""
    left_s = left_of(Discrete(values_s=(1.0, 3.0, 6.0), weights=(2, 1, 1)), 2.0)
    assert set(left_s.tolist()) == {1.0, 4.0}
    assert np.mean(left_s == 1.0) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("distribution", ALL, ids=name_of)
def test_age_zero_leaves_the_whole_time(distribution: AnyDistribution) -> None:
    """Without age the time left is the draw itself, to the last bit."""
    code, parameters = encoded(distribution)
    for u in GRID:
        assert streams.residual(code, parameters, 0.0, u) == streams.quantile(code, parameters, u)


@pytest.mark.parametrize(
    "distribution", [Constant(value_s=3.0), Uniform(low_s=1, high_s=2), Empirical(sample_s=(1, 2))]
)
def test_age_beyond_the_longest_time_leaves_nothing(distribution: AnyDistribution) -> None:
    """What should be over by all that is known is due now."""
    code, parameters = encoded(distribution)
    assert streams.residual(code, parameters, 50.0, 0.5) == 0.0


def test_memoryless_life_forgets_its_age() -> None:
    """An exponential life is as long as new at any age."""
    code, parameters = encoded(Exponential(mean_s=4.0))
    assert streams.residual(code, parameters, 1e6, 0.3) == streams.quantile(code, parameters, 0.3)


def test_long_stop_goes_on() -> None:
    """A repair that lasted a hundred times its mean has a rest as long as its law says."""
    repair = Lognormal(mean_s=90.0, sd_s=60.0)
    code, parameters = encoded(repair)
    law = stats.lognorm(parameters[1], scale=math.exp(parameters[0]))
    age_s = 20_000.0
    left_s = streams.residual(code, parameters, age_s, 0.5)
    assert left_s == pytest.approx(float(law.isf(0.5 * law.sf(age_s))) - age_s, rel=1e-6)
    assert left_s > 300.0


def test_wear_far_out_keeps_its_digits() -> None:
    """A Weibull life of twelve times its scale still has a positive, tiny rest."""
    code, parameters = encoded(Weibull(scale_s=10.0, shape=2.0))
    left_s = streams.residual(code, parameters, 120.0, 0.5)
    assert left_s == pytest.approx(10.0 * math.sqrt(144.0 + math.log(2.0)) - 120.0, rel=1e-9)
