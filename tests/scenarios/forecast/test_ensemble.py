"""The twin as a forecaster of throughput."""

import numpy as np
import pytest

from scenarios.forecast.ensemble import throughput_fan
from scenarios.whatif.experiment import ExperimentCancelledError
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.errors import InvalidInputError
from twin.events.fold import fold
from twin.line import Constant, Exponential, Line, serial_line


@pytest.fixture(scope="module")
def line() -> Line:
    """Return two stations, the second random and slower."""
    return serial_line([Constant(value_s=8.0), Exponential(mean_s=10.0)], buffers=[10])


def test_fan_from_a_state_holds_what_then_happens(line: Line) -> None:
    """Over 15 plants that are as the twin says, about 80 % end inside P10 to P90."""
    inside = []
    for number in range(15):
        run = SimulationOptions(horizon_s=2700.0, seed=99, replication=number)
        log = simulate(line, run)
        state = fold(log.until(1800.0), line).opened()
        forecast = throughput_fan(line, state, 900.0, 9, 450.0, seed=number)
        fan = forecast.throughput
        assert fan is not None
        assert forecast.made_at_s == 1800.0
        moments = log.time_s[(log.kind == 11) & (log.time_s >= 1800.0)]
        inside.append(fan.finished[0][-1] <= len(moments) <= fan.finished[2][-1])
    assert np.mean(inside) >= 0.6


def test_fan_is_cumulative_and_ordered(line: Line) -> None:
    """Counts rise with time and with the level, and bins say what each stretch adds."""
    fan = throughput_fan(line, None, 3600.0, 12, 900.0).throughput
    assert fan is not None
    table = np.array(fan.finished)
    assert fan.ahead_s == (900.0, 1800.0, 2700.0, 3600.0)
    assert (np.diff(table, axis=0) >= 0).all()
    assert (np.diff(table, axis=1) >= 0).all()
    assert np.array(fan.in_bin).shape == table.shape


def test_same_question_same_answer(line: Line) -> None:
    """Model id, data hash and numbers depend on line, state and seed alone."""
    first = throughput_fan(line, None, 900.0, 10, 300.0)
    assert first == throughput_fan(line, None, 900.0, 10, 300.0)
    assert first.model_id == f"twin:{line.hash}"


def test_quantiles_that_no_sample_holds_are_refused(line: Line) -> None:
    """Five futures hold no P10, and the error says how many would."""
    with pytest.raises(InvalidInputError, match="at least 9"):
        throughput_fan(line, None, 900.0, 5, 300.0)
    with pytest.raises(InvalidInputError, match="bin_s"):
        throughput_fan(line, None, 900.0, 20, 1000.0)


def test_cancelled_forecast_returns_nothing(line: Line) -> None:
    """A forecast that is no longer wanted ends at once."""
    with pytest.raises(ExperimentCancelledError):
        throughput_fan(line, None, 900.0, 20, 300.0, cancelled=lambda: True)
