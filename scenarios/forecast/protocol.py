"""What a forecast is: numbers with intervals, their model, and how good that has been."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.events.log import EventLog
from twin.line import Line

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of merit on data the model has not seen, beside that of the naive forecast."""

    name: str
    """``fault_pr_auc``, ``fault_brier_skill``, ``throughput_pinball``, ``throughput_skill`` ..."""
    value: float
    """Of the model."""
    naive: float
    """Of the naive forecast on the same data; NaN where there is none."""
    low: float
    """Lower end of the bootstrap interval of ``value``."""
    high: float
    """Upper end."""
    higher_is_better: bool | None
    """Which way is up; None: as near as possible to its nominal value."""
    gain_low: float = math.nan
    """Lower end of the bootstrap interval of the gain over naive; positive is better."""
    gain_high: float = math.nan
    """Upper end."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good a model has been in a backtest."""

    metrics: tuple[Metric, ...] = ()
    """Empty: not tested."""
    level: float = 0.95
    """Level of the bootstrap intervals."""
    units: int = 0
    """Independent runs that were tested on."""
    about: str = "not backtested"
    """What it was tested on, for people."""

    def of(self, name: str) -> Metric | None:
        """Return one metric, or None when it was not tested."""
        return next((metric for metric in self.metrics if metric.name == name), None)


@dataclass(frozen=True, slots=True)
class Fan:
    """Parts finished from now on, as quantiles by time ahead."""

    ahead_s: tuple[float, ...]
    """Times ahead, s, rising."""
    levels: tuple[float, ...]
    """Quantile levels, e.g. 0.1, 0.5, 0.9."""
    finished: tuple[tuple[float, ...], ...]
    """Parts finished up to each time ahead; one row per level."""
    in_bin: tuple[tuple[float, ...], ...] = ()
    """Parts finished in each stretch up to a time ahead; one row per level. Empty where only the
    cumulated count is forecast."""


@dataclass(frozen=True, slots=True)
class FaultRisk:
    """Probability that a failure stops a station within the horizon."""

    station: str
    risk: float
    """Probability, 0 to 1; NaN while the station is down."""
    base_rate: float
    """Probability for this station when nothing is known, 0 to 1."""
    horizon_s: float
    """How far ahead, s."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast that can be held to account."""

    made_at_s: float
    """Moment it was made, s since the line's start."""
    model_id: str
    """Content hash of the model."""
    data_hash: str
    """Hash of what it was made from: the training data of a learned model, the line and state of
    the twin."""
    score: Score
    """How good the model has been."""
    throughput: Fan | None = None
    fault_risks: tuple[FaultRisk, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the forecast as plain data for JSON; NaN becomes None."""
        plain = _plain(asdict(self))
        assert isinstance(plain, dict)
        return plain


class ForecastModel(Protocol):
    """Whatever can forecast from what was seen lately."""

    @property
    def id(self) -> str:
        """Content hash of the model."""

    def predict(self, recent: xr.Dataset, line: Line, log: EventLog | None = None) -> Forecast:
        """Return a forecast from the end of ``recent`` on."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
