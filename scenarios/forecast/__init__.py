"""What comes next: fault risks and throughput, each with its model's id and score."""

from scenarios.forecast.backtest import BacktestOptions, backtest
from scenarios.forecast.conformal import CalibrationError
from scenarios.forecast.ensemble import throughput_fan
from scenarios.forecast.forecaster import Forecaster, ForecastOptions, fault_risks
from scenarios.forecast.protocol import Fan, FaultRisk, Forecast, ForecastModel, Metric, Score

__all__ = [
    "BacktestOptions",
    "CalibrationError",
    "Fan",
    "FaultRisk",
    "Forecast",
    "ForecastModel",
    "ForecastOptions",
    "Forecaster",
    "Metric",
    "Score",
    "backtest",
    "fault_risks",
    "throughput_fan",
]
