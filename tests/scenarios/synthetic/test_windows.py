"""Windows and labels, checked against the plain formulas and the log."""

import numpy as np
import pytest
import xarray as xr

from scenarios.synthetic.windows import (
    feature_names,
    labels_of,
    manned_share,
    samples_of,
    signals_in,
    station_features,
)
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.errors import InvalidInputError
from twin.events.kinds import Kind
from twin.line import Line, example_line
from twin.signals import STATUSES


@pytest.fixture(scope="module")
def table() -> xr.Dataset:
    """Return a made-up table of two stations, one without a sensor."""
    rng = np.random.default_rng(1)
    heat = 1000.0 + rng.normal(0.0, 1.0, (40, 2)).cumsum(axis=0)
    heat[:, 1] = np.nan
    return xr.Dataset(
        {
            "heat": (("time", "station"), heat),
            "status": (("time", "station"), rng.integers(0, 6, (40, 2)).astype(np.int8)),
            "wear": (("time", "station"), rng.random((40, 2)), {"hidden_truth": 1}),
        },
        coords={"time": 30.0 * np.arange(40), "station": ["a", "b"]},
    )


def test_hidden_truth_is_no_feature(table: xr.Dataset) -> None:
    """What no plant could measure is left out."""
    assert signals_in(table) == ["heat"]


def test_features_are_the_plain_statistics(table: xr.Dataset) -> None:
    """Mean, deviation, slope, last value and shares agree with a direct computation."""
    ends, samples = np.array([9, 25, 39]), 10
    found = station_features(table, ends, samples)
    names = feature_names(["heat"])
    assert found.shape == (3, 2, len(names))
    for k, end in enumerate(ends.tolist()):
        window = table["heat"].values[end - 9 : end + 1, 0]
        status = table["status"].values[end - 9 : end + 1, 0]
        hours = 30.0 * np.arange(10) / 3600.0
        expected = {
            "heat_mean": window.mean(),
            "heat_sd": window.std(),
            "heat_slope": np.polyfit(hours, window, 1)[0],
            "heat_last": window[-1],
            "heat_running": window[status == 0].mean() if (status == 0).any() else np.nan,
            f"share_{STATUSES[3].value}": np.mean(status == 3),
            "station_number": 0.0,
        }
        for name, value in expected.items():
            got = found[k, 0, names.index(name)]
            np.testing.assert_allclose(got, value, rtol=1e-6, atol=1e-6, err_msg=name)


def test_missing_sensor_is_nan_and_only_that(table: xr.Dataset) -> None:
    """A station without a sensor has NaN there and its shares all the same."""
    found = station_features(table, np.array([20]), 10)[0, 1]
    names = feature_names(["heat"])
    for name, value in zip(names, found, strict=True):
        assert np.isnan(value) == name.startswith("heat"), name


def test_labels_agree_with_the_log() -> None:
    """A window is positive exactly when the log fails that station within the horizon."""
    line = example_line("bottling")
    log = simulate(line, SimulationOptions(horizon_s=5400.0, seed=2))
    stations = sorted(station.id for station in line.stations)
    times_s = np.array([600.0, 1800.0, 3000.0])
    status = np.zeros((3, len(stations)), dtype=np.int8)
    labels = labels_of(log, stations, times_s, status, 1200.0)
    for column, name in enumerate(stations):
        number = log.names.elements.index(name)
        rows = (log.kind == Kind.FAILED) & (log.element == number) & (log.detail >= 0)
        for row, moment_s in enumerate(times_s.tolist()):
            later = log.time_s[rows][log.time_s[rows] >= moment_s]
            expected = bool(len(later)) and later[0] - moment_s <= 1200.0
            assert labels.fails[row, column] == expected
            assert (labels.fault[row, column] != "") == expected
            assert labels.censored[row, column] == (not len(later))
    assert labels.fails.any()


def test_down_stations_and_unseen_futures_have_no_label() -> None:
    """A station that is down, or whose future the log does not show, is not counted."""
    line = example_line("bottling")
    log = simulate(line, SimulationOptions(horizon_s=1800.0, seed=2))
    stations = sorted(station.id for station in line.stations)
    down = np.full((1, len(stations)), list(STATUSES).index("failed"), dtype=np.int8)
    assert not labels_of(log, stations, np.array([60.0]), down, 600.0).known.any()
    late = labels_of(log, stations, np.array([1700.0]), np.zeros_like(down), 600.0)
    np.testing.assert_array_equal(late.known, late.fails)


def test_manned_share_knows_breaks() -> None:
    """From 10:00 to 10:40 two of eight stations pause for 20 of 40 minutes."""
    line: Line = example_line("bottling")
    share = manned_share(line, np.array([4 * 3600.0]), 2400.0)[0]
    assert share == pytest.approx((6 + 2 * 0.5) / 8)


def test_window_of_too_few_samples_is_refused() -> None:
    """A window without a slope is told, with what would do."""
    with pytest.raises(InvalidInputError, match="at least 3"):
        samples_of(30.0, 30.0)
    with pytest.raises(InvalidInputError, match="above zero"):
        samples_of(30.0, 0.0)
