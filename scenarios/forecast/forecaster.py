"""Learned forecasts: risk of a failure by station, and a fan of throughput."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from scenarios.forecast.baselines import BaseRates, Persistence
from scenarios.forecast.calibration import corrected, fit_line, log_odds, unseen_predictions
from scenarios.forecast.conformal import CalibrationError, correction, least_units
from scenarios.forecast.models import StoredModel, read_model, write_model
from scenarios.forecast.protocol import Fan, FaultRisk, Floats, Forecast, Score
from scenarios.forecast.regression import Model, Trees, grow
from scenarios.synthetic.storage import checksum
from scenarios.synthetic.windows import (
    line_features,
    samples_of,
    signals_in,
    station_features,
)
from twin.errors import Finding, InvalidInputError
from twin.events.kinds import Status
from twin.events.log import EventLog
from twin.line import Line
from twin.line.spec import Spec
from twin.signals import STATUSES

FORMAT = 1


class ForecastOptions(Spec):
    """What is learned, and how."""

    levels: tuple[float, ...] = Field(default=(0.1, 0.5, 0.9), min_length=2)
    """Quantile levels of the fan, rising; the outer two hold a share of ``last - first``."""
    fault_trees: Trees = Trees()
    """Trees of the fault risk."""
    throughput_trees: Trees = Trees(rounds=60, leaves=7, least_rows=60)
    """Trees of the throughput quantiles."""

    @property
    def coverage(self) -> float:
        """Share that the outer levels promise to hold."""
        return self.levels[-1] - self.levels[0]


class Forecaster:
    """Learns from windows of simulated or recorded runs, and forecasts from the latest one.

    A forecaster never changes: ``fit`` returns a new one.

    Parameters
    ----------
    options : ForecastOptions, optional
        What is learned, and how.

    Examples
    --------
    ``Forecaster().fit(generate_dataset(line)).predict(signals, line)``
    """

    def __init__(self, options: ForecastOptions | None = None) -> None:
        self.options = options or ForecastOptions()
        self.texts: dict[str, str] = {}
        """Models as text, by name."""
        self.facts: dict[str, Any] = {}
        """What the models know of their data: names, horizons, rates, corrections, hashes."""
        self.score = Score()

    # Learning -------------------------------------------------------------------------------------

    def fit(self, dataset: xr.Dataset) -> Forecaster:
        """Return a forecaster that has learned from a data set.

        The risk of a failure is learned from all drawn runs by their weights, and its probabilities
        are corrected by those of trees that had not seen the run. Of the runs that follow the
        line's own law, some are held back from the throughput model and used to correct its
        quantiles.

        Parameters
        ----------
        dataset : xarray.Dataset
            From ``generate_dataset``.

        Raises
        ------
        InvalidInputError
            If the data set is none, or nothing fails in it.
        CalibrationError
            If too few runs follow the line's own law to support the levels.
        """
        _check_dataset(dataset)
        fitted = Forecaster(self.options)
        rates = BaseRates.of(
            dataset["sample_station"].values, dataset["fails"].values, dataset["weight"].values
        )
        line = self._fit_faults(dataset, fitted)
        fitted.facts = {
            "format": FORMAT,
            "options": self.options.model_dump(mode="json"),
            "data_hash": checksum(dataset),
            "line_id": dataset.attrs["line_id"],
            "line_hash": dataset.attrs["line_hash"],
            "window_s": dataset.attrs["window_s"],
            "step_s": dataset.attrs["step_s"],
            "fault_horizon_s": dataset.attrs["horizon_s"],
            "horizons_s": dataset["horizon"].values.tolist(),
            "stations": json.loads(dataset.attrs["stations"]),
            "features": dataset["feature"].values.tolist(),
            "line_features": dataset["line_feature"].values.tolist(),
            "fault_line": list(line),
            "base_rates": dict(rates.rates),
            "base_rate": rates.overall,
        }
        self._fit_throughput(dataset, fitted)
        return fitted

    def _fit_faults(self, dataset: xr.Dataset, fitted: Forecaster) -> tuple[float, float]:
        """Grow the trees of the fault risk; return the line that corrects their log odds."""
        rows, weights = dataset["features"].values, dataset["weight"].values
        truth = dataset["fails"].values.astype(np.float64)
        counted = weights > 0
        rows, weights, truth = rows[counted], weights[counted], truth[counted]
        station = (rows.shape[1] - 1,)
        trees, objective = self.options.fault_trees, {"objective": "binary"}

        def predict(learn: NDArray[np.bool_], out: NDArray[np.bool_]) -> Floats:
            if not 0 < truth[learn].sum() < learn.sum():
                return np.full(int(out.sum()), float(np.average(truth, weights=weights)))
            text = grow(rows[learn], truth[learn], weights[learn], trees, objective, station)
            return Model(text).predict(rows[out])

        unseen = unseen_predictions(dataset["sample_run"].values[counted], predict)
        fitted.texts["fault"] = grow(rows, truth, weights, trees, objective, station)
        return fit_line(log_odds(unseen), truth, weights)

    def _fit_throughput(self, dataset: xr.Dataset, fitted: Forecaster) -> None:
        options, horizons_s = self.options, dataset["horizon"].values
        run = dataset["moment_run"].values
        back = np.isin(run, _held_back(dataset, options.coverage))
        weights, future = dataset["moment_weight"].values, dataset["future_finished"].values
        seen = dataset["line_features"].values
        train = ~back & (weights > 0)
        persistence = Persistence.of(
            _rate(seen[train], dataset.attrs["window_s"]),
            future[train],
            horizons_s,
            options.levels,
            weights[train],
        )
        fitted.facts["persistence"] = [[h, *row] for h, row in persistence.spread.items()]
        rows, target, count = _by_horizon(seen[train], future[train], weights[train], horizons_s)
        for level in options.levels:
            objective = {"objective": "quantile", "alpha": level}
            text = grow(rows, target, count, options.throughput_trees, objective)
            fitted.texts[_quantile_name(level)] = text
        fitted.facts["corrections"] = []
        for column, horizon_s in enumerate(horizons_s.tolist()):
            known = back & np.isfinite(future[:, column])
            raw = fitted.raw_quantiles(seen[known], horizon_s)
            truth = future[known, column]
            scores = np.maximum(raw[:, 0] - truth, truth - raw[:, -1])
            fitted.facts["corrections"].append(correction(scores, run[known], options.coverage))

    # Knowing --------------------------------------------------------------------------------------

    @cached_property
    def id(self) -> str:
        """SHA-256 of models and facts, hexadecimal; the score has no part in it."""
        self._must_be_fitted()
        text = json.dumps([self.facts, self.texts], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _models(self) -> dict[str, Model]:
        self._must_be_fitted()
        return {name: Model(text) for name, text in self.texts.items()}

    @property
    def base_rates(self) -> BaseRates:
        """How often each station failed in the training data."""
        self._must_be_fitted()
        return BaseRates(self.facts["base_rates"], self.facts["base_rate"])

    @property
    def persistence(self) -> Persistence:
        """The naive forecast of throughput, as the training data would have it."""
        self._must_be_fitted()
        return Persistence({row[0]: tuple(row[1:]) for row in self.facts["persistence"]})

    def scored(self, score: Score) -> Forecaster:
        """Return the same forecaster with a score that goes with every forecast."""
        other = Forecaster(self.options)
        other.texts, other.facts, other.score = self.texts, self.facts, score
        return other

    def _must_be_fitted(self) -> None:
        if not self.texts:
            finding = Finding("", "has learned nothing yet", remedy="fit it to a data set first")
            raise InvalidInputError("the forecaster", [finding])

    # Forecasting ----------------------------------------------------------------------------------

    def predict(self, recent: xr.Dataset, line: Line, log: EventLog | None = None) -> Forecast:
        """Return a forecast from the end of ``recent`` on.

        Parameters
        ----------
        recent : xarray.Dataset
            Signals and ``status`` by ``time`` and ``station``, at least one window, sampled as in
            training: from ``signal_table``, or the history of a plant. Missing values are NaN.
        line : Line
            The line, for its calendars.
        log : EventLog, optional
            Events of the same time; without it there is no fan of throughput.

        Raises
        ------
        InvalidInputError
            If the table is too short, sampled otherwise, or lacks stations or signals.
        """
        window = self._window(recent)
        fan = None
        if log is not None:
            samples = samples_of(self.facts["window_s"], self.facts["step_s"])
            ends = np.array([window.sizes["time"] - 1])
            rule = (samples, tuple(self.facts["horizons_s"]))
            fan = self._fan(line_features(window, log, line, ends, rule))
        return Forecast(
            made_at_s=float(window["time"].values[-1]),
            model_id=self.id,
            data_hash=self.facts["data_hash"],
            score=self.score,
            throughput=fan,
            fault_risks=self._risks(window),
        )

    def risk_of(self, features: Floats) -> Floats:
        """Return the probability of a failure for rows of station features."""
        slope, offset = self.facts["fault_line"]
        return corrected(self._models["fault"].predict(features), (slope, offset))

    def quantiles(self, features: Floats, horizon_s: float) -> Floats:
        """Return corrected quantiles of the parts finished within a horizon of the training data.

        Parameters
        ----------
        features : ndarray, shape (n, features)
            Of the line as a whole.
        horizon_s : float
            One of the horizons learned, s.

        Returns
        -------
        ndarray, shape (n, levels)
            Rising in each row, not below zero.
        """
        number = self.facts["horizons_s"].index(horizon_s)
        raw = self.raw_quantiles(features, horizon_s)
        wider = self.facts["corrections"][number]
        raw[:, 0] -= wider
        raw[:, -1] += wider
        return np.maximum(np.sort(raw, axis=1), 0.0)

    def raw_quantiles(self, features: Floats, horizon_s: float) -> Floats:
        """Return quantiles as learned, before correction; shape (n, levels)."""
        rows = np.column_stack([features, np.full(len(features), horizon_s)])
        columns = [self._models[_quantile_name(p)].predict(rows) for p in self.options.levels]
        return np.sort(np.stack(columns, axis=-1), axis=1) * horizon_s

    def _fan(self, features: Floats) -> Fan:
        horizons_s = self.facts["horizons_s"]
        rows = np.stack([self.quantiles(features, h)[0] for h in horizons_s])
        # What was finished by a time cannot be less than what was finished before it.
        table = np.maximum.accumulate(rows, axis=0).T
        return Fan(
            ahead_s=tuple(horizons_s),
            levels=self.options.levels,
            finished=tuple(tuple(row) for row in table.tolist()),
        )

    def _risks(self, window: xr.Dataset) -> tuple[FaultRisk, ...]:
        samples = samples_of(self.facts["window_s"], self.facts["step_s"])
        ends = np.array([window.sizes["time"] - 1])
        features = station_features(window, ends, samples)[0]
        down = window["status"].values[-1] == STATUSES.index(Status.FAILED)
        risk = np.where(down, np.nan, self.risk_of(features))
        rates = self.base_rates
        return tuple(
            FaultRisk(
                station=name,
                risk=float(risk[column]),
                base_rate=rates.rates.get(name, rates.overall),
                horizon_s=self.facts["fault_horizon_s"],
            )
            for column, name in enumerate(self.facts["stations"])
        )

    def _window(self, recent: xr.Dataset) -> xr.Dataset:
        """Return the last window of a table with its stations in the order of training."""
        self._must_be_fitted()
        findings = []
        wanted = {name.rsplit("_", 1)[0] for name in self.facts["features"] if name.endswith("_sd")}
        missing = sorted(wanted - set(signals_in(recent)))
        if missing or "status" not in recent:
            names = ", ".join(missing or ["status"])
            findings.append(Finding("recent", f"lacks {names}", "the signals of the training data"))
        stations = {str(name) for name in recent["station"].values}
        absent = [name for name in self.facts["stations"] if name not in stations]
        if absent:
            findings.append(Finding("recent.station", f"lacks {', '.join(absent)}"))
        samples = samples_of(self.facts["window_s"], self.facts["step_s"])
        times_s = np.asarray(recent["time"].values, dtype=np.float64)
        if len(times_s) < samples:
            message = f"{len(times_s)} samples are less than a window"
            expected = f"at least {samples} samples, {self.facts['window_s']:g} s"
            findings.append(Finding("recent.time", message, expected, "wait until there are more"))
        elif not np.allclose(np.diff(times_s[-samples:]), self.facts["step_s"], rtol=0.01):
            message = "is not evenly sampled as in training"
            expected = f"a step of {self.facts['step_s']:g} s"
            findings.append(Finding("recent.time", message, expected, "resample it"))
        if findings:
            raise InvalidInputError("the recent signals", findings)
        kept = recent[["status", *sorted(wanted)]].sel(station=self.facts["stations"])
        return kept.isel(time=slice(-samples, None)).transpose("time", "station")

    # On disk --------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Write models as text and a manifest; return the manifest.

        Raises
        ------
        InvalidInputError
            If nothing was learned yet, or the folder cannot be written.
        """
        self._must_be_fitted()
        return write_model(Path(folder), StoredModel(self.id, self.facts, self.texts, self.score))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a forecaster that ``save`` wrote, and check that it is still the same.

        Raises
        ------
        InvalidInputError
            If files are missing or do not match the model's id.
        """
        stored = read_model(Path(folder))
        found = cls(ForecastOptions(**stored.facts["options"]))
        found.facts, found.texts, found.score = stored.facts, stored.texts, stored.score
        if found.id != stored.id:
            message = f"its content has the id {found.id[:12]}, the manifest says {stored.id[:12]}"
            finding = Finding("id", message, remedy="restore the files, or train it again")
            raise InvalidInputError(f"the model {folder}", [finding])
        return found


def fault_risks(forecaster: Forecaster, recent: xr.Dataset, line: Line) -> tuple[FaultRisk, ...]:
    """Return the risk of a failure of each station of a line, from upstream to downstream.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    recent : xarray.Dataset
        As for ``Forecaster.predict``.
    line : Line
        The line.

    Raises
    ------
    InvalidInputError
        If the signals do not fit the model.
    """
    by_station = {risk.station: risk for risk in forecaster.predict(recent, line).fault_risks}
    return tuple(by_station[name] for name in line.flow_order if name in by_station)


def _quantile_name(level: float) -> str:
    return f"throughput_{level:g}".replace(".", "_")


def _rate(features: Floats, window_s: float) -> Floats:
    """Return parts finished per second in the window; the count is the first feature."""
    return features[:, 0] / window_s


def _by_horizon(
    seen: Floats, future: Floats, weights: Floats, horizons_s: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return rows, rates and weights with the horizon as one more feature."""
    rows, target, count = [], [], []
    for column, horizon_s in enumerate(horizons_s.tolist()):
        known = np.isfinite(future[:, column])
        rows.append(np.column_stack([seen[known], np.full(int(known.sum()), horizon_s)]))
        target.append(future[known, column] / horizon_s)
        count.append(weights[known])
    return np.concatenate(rows), np.concatenate(target), np.concatenate(count)


def _held_back(dataset: xr.Dataset, coverage: float) -> NDArray[np.int64]:
    """Return the runs that correct the quantiles: of the line's own law, so all weigh the same."""
    own = (dataset["run_law"].values == "own") & (dataset["run_role"].values == "drawn")
    runs = np.flatnonzero(own)
    needed = max(least_units(coverage), 3 * len(runs) // 4)
    if len(runs) < least_units(coverage) or len(own) <= needed:
        message = f"{len(runs)} of {len(own)} runs follow the line's own law"
        expected = f"at least {least_units(coverage)} to support a coverage of {coverage:g}"
        expected += ", and others to learn from"
        remedy = "draw more runs, raise own_share, or ask for levels that lie closer together"
        raise CalibrationError("the calibration", [Finding("run_law", message, expected, remedy)])
    return runs[-needed:]


def _check_dataset(dataset: xr.Dataset) -> None:
    names = {"features", "fails", "weight", "line_features", "future_finished", "run_law"}
    missing = sorted(names - set(dataset.data_vars))
    findings = []
    if missing:
        expected = "a data set from generate_dataset"
        findings.append(Finding("dataset", f"lacks {', '.join(missing)}", expected))
    else:
        counted = dataset["fails"].values[dataset["weight"].values > 0]
        if not counted.any() or counted.all():
            what = "every window ends in" if len(counted) and counted.all() else "no window ends in"
            message = f"{what} a failure, so nothing can be learned about failures"
            remedy = "longer runs, more runs, or another horizon"
            findings.append(Finding("dataset.fails", message, remedy=remedy))
    if findings:
        raise InvalidInputError("the data set", findings)
