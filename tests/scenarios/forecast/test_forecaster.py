"""Learned forecasts: better than naive on a plant with a gap, repeatable, and checked from disk."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from scenarios.forecast.backtest import BacktestOptions, backtest
from scenarios.forecast.conformal import CalibrationError
from scenarios.forecast.forecaster import Forecaster, fault_risks
from scenarios.forecast.protocol import Score
from scenarios.synthetic.dataset import generate_dataset
from scenarios.synthetic.sampling import Sampling
from scenarios.synthetic.storage import checksum
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.errors import InvalidInputError
from twin.events.log import EventLog
from twin.line import Constant, Exponential, Failure, Line, Signal, Weibull, serial_line
from twin.signals import signal_table


@pytest.fixture(scope="module")
def line() -> Line:
    """Return two stations with sensors that tell of wear."""
    jam = Failure(
        id="jam",
        time_to_failure_s=Weibull(scale_s=3000.0, shape=2.0),
        time_to_repair_s=Constant(value_s=240.0),
    )
    bearing = Failure(
        id="bearing",
        time_to_failure_s=Weibull(scale_s=20_000.0, shape=2.0),
        time_to_repair_s=Constant(value_s=900.0),
    )
    vibration = Signal(idle=0.5, running=2.0, worn=6.0, noise_sd=0.2).model_dump(mode="json")
    plain = serial_line([Constant(value_s=25.0), Exponential(mean_s=24.0)], buffers=[4])
    return plain.changed(
        {
            "stations.s1.failures": [jam.model_dump(mode="json")],
            "stations.s2.failures": [bearing.model_dump(mode="json")],
            "stations.s1.signals": {"vibration": vibration},
            "stations.s2.signals": {"vibration": vibration},
        }
    )


@pytest.fixture(scope="module")
def dataset(line: Line) -> xr.Dataset:
    """Return a training set of the twin."""
    return generate_dataset(
        line, 600.0, 1800.0, 30.0, run_s=9000.0, runs=20, sampling=Sampling(own_share=0.5)
    )


@pytest.fixture(scope="module")
def forecaster(dataset: xr.Dataset) -> Forecaster:
    """Return a forecaster that learned from it."""
    return Forecaster().fit(dataset)


@pytest.fixture(scope="module")
def seen(line: Line) -> tuple[EventLog, xr.Dataset]:
    """Return events and signals of another run."""
    log = simulate(line, SimulationOptions(horizon_s=3000.0, seed=5))
    return log, signal_table(log, line, 30.0)


@pytest.fixture(scope="module")
def score(forecaster: Forecaster, line: Line) -> Score:
    """Return its backtest on a plant with the default reality gap."""
    options = BacktestOptions(runs=8, run_s=9000.0, twin_moments=1, twin_replications=12)
    return backtest(forecaster, line, options=options)


def test_fault_risk_beats_the_base_rate(score: Score) -> None:
    """On a plant that differs from the twin, precision and Brier score are better than naive."""
    precision, squared = score.of("fault_pr_auc"), score.of("fault_brier")
    assert precision is not None
    assert precision.gain_low > 0, precision
    assert squared is not None
    assert squared.value < squared.naive, squared


def test_throughput_scores_stand_beside_naive(score: Score) -> None:
    """Loss and coverage are told with intervals, learned and twin ensemble alike."""
    for name in ("throughput", "twin"):
        loss, covered = score.of(f"{name}_pinball"), score.of(f"{name}_coverage")
        assert loss is not None
        assert loss.low <= loss.value <= loss.high
        assert np.isfinite(loss.naive)
        assert covered is not None
        assert 0.0 <= covered.value <= 1.0
    covered = score.of("throughput_coverage")
    assert covered is not None
    assert covered.value > 0.6
    assert score.units == 8


def test_forecast_carries_model_score_and_data(
    forecaster: Forecaster,
    dataset: xr.Dataset,
    score: Score,
    line: Line,
    seen: tuple[EventLog, xr.Dataset],
) -> None:
    """Every forecast says what it comes from and how good that has been."""
    log, table = seen
    forecast = forecaster.scored(score).predict(table, line, log)
    assert forecast.model_id == forecaster.id
    assert forecast.data_hash == checksum(dataset)
    assert forecast.score == score
    assert forecast.made_at_s == 3000.0
    assert forecast.throughput is not None
    finished = np.array(forecast.throughput.finished)
    assert (np.diff(finished, axis=0) >= 0).all()
    assert (np.diff(finished, axis=1) >= 0).all()
    document = forecast.document()
    assert document["fault_risks"][0]["station"] == "s1"


def test_risk_rises_with_wear(
    forecaster: Forecaster, line: Line, seen: tuple[EventLog, xr.Dataset]
) -> None:
    """The same window with the vibration of a worn machine gives a higher risk."""
    _, table = seen
    healthy = table.copy(deep=True)
    healthy["status"][:] = 0
    healthy["vibration"][:] = 2.0
    worn = healthy.copy(deep=True)
    worn["vibration"].loc[{"station": "s1"}] = 5.5
    before = fault_risks(forecaster, healthy, line)
    after = fault_risks(forecaster, worn, line)
    assert [risk.station for risk in before] == list(line.flow_order)
    assert after[0].risk > before[0].risk + 0.2
    assert all(0.0 <= risk.risk <= 1.0 for risk in (*before, *after))


def test_station_that_is_down_has_no_risk(
    forecaster: Forecaster, line: Line, seen: tuple[EventLog, xr.Dataset]
) -> None:
    """Nothing that is failed can fail; the document says None."""
    table = seen[1].copy(deep=True)
    table["status"].loc[{"station": "s2", "time": table["time"][-1]}] = 4
    risks = {risk.station: risk.risk for risk in fault_risks(forecaster, table, line)}
    assert np.isnan(risks["s2"])
    assert np.isfinite(risks["s1"])


def test_sensor_that_is_silent_is_bridged(
    forecaster: Forecaster, line: Line, seen: tuple[EventLog, xr.Dataset]
) -> None:
    """A sensor without values still leaves a forecast from the rest."""
    table = seen[1].copy(deep=True)
    table["vibration"].loc[{"station": "s1"}] = np.nan
    risks = fault_risks(forecaster, table, line)
    assert all(np.isfinite(risk.risk) for risk in risks)


def test_signals_that_do_not_fit_are_refused(
    forecaster: Forecaster, line: Line, seen: tuple[EventLog, xr.Dataset]
) -> None:
    """Too short, another step, a missing sensor or station: each is told, together."""
    _, table = seen
    with pytest.raises(InvalidInputError, match="less than a window"):
        forecaster.predict(table.isel(time=slice(0, 5)), line)
    with pytest.raises(InvalidInputError, match="evenly sampled"):
        forecaster.predict(table.isel(time=slice(None, None, 2)), line)
    with pytest.raises(InvalidInputError) as caught:
        forecaster.predict(table.drop_vars("vibration").isel(station=[0]), line)
    assert len(caught.value.findings) == 2


def test_same_data_same_model(forecaster: Forecaster, dataset: xr.Dataset) -> None:
    """Fitting again gives the same id."""
    assert Forecaster().fit(dataset).id == forecaster.id


def test_model_survives_disk(
    tmp_path: Path,
    forecaster: Forecaster,
    score: Score,
    line: Line,
    seen: tuple[EventLog, xr.Dataset],
) -> None:
    """Text and a manifest are enough to forecast the same, score included."""
    log, table = seen
    forecaster.scored(score).save(tmp_path / "model")
    assert not list((tmp_path / "model").glob("*.pkl"))
    again = Forecaster.load(tmp_path / "model")
    assert again.id == forecaster.id
    expected = forecaster.scored(score).predict(table, line, log)
    assert again.predict(table, line, log).document() == expected.document()


def test_changed_model_is_refused(tmp_path: Path, forecaster: Forecaster) -> None:
    """A model whose text was touched does not match its id."""
    forecaster.save(tmp_path)
    file = tmp_path / "fault.txt"
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="id"):
        Forecaster.load(tmp_path)
    with pytest.raises(InvalidInputError, match="no model"):
        Forecaster.load(tmp_path / "nowhere")


def test_level_that_the_runs_cannot_support_is_refused(line: Line) -> None:
    """With two runs of the line's own law there is no 80 % fan, and the error says why."""
    few = generate_dataset(
        line, 600.0, 1800.0, 30.0, run_s=5400.0, runs=6, sampling=Sampling(own_share=0.3)
    )
    with pytest.raises(CalibrationError, match="at least 4"):
        Forecaster().fit(few)


def test_forecaster_that_knows_nothing_says_so(
    line: Line, seen: tuple[EventLog, xr.Dataset]
) -> None:
    """Predicting before fitting, and fitting to something else, are told."""
    with pytest.raises(InvalidInputError, match="fit"):
        Forecaster().predict(seen[1], line)
    with pytest.raises(InvalidInputError, match="lacks"):
        Forecaster().fit(xr.Dataset())
