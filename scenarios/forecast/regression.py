"""Boosted trees with nothing left to chance: fixed seeds, bounded threads, text in and out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from twin.errors import Finding, InvalidInputError, NotSupportedError
from twin.line.spec import Spec

Floats = NDArray[np.float64]


class Trees(Spec):
    """How trees are grown."""

    rounds: int = Field(default=80, ge=1, le=5000)
    """Trees."""
    leaves: int = Field(default=15, ge=2, le=1000)
    """Most leaves of a tree."""
    learning_rate: float = Field(default=0.08, gt=0, le=1)
    """Share of each tree's advice that is taken."""
    least_rows: int = Field(default=40, ge=1)
    """Fewest rows in a leaf."""
    threads: int = Field(default=1, ge=1, le=64)
    """Threads; the model does not depend on it."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the choice of features."""

    def parameters(self, **objective: Any) -> dict[str, Any]:
        """Return LightGBM's parameters for an objective."""
        return {
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least_rows,
            "feature_fraction": 0.8,
            "lambda_l2": 1.0,
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **objective,
        }


def lightgbm() -> Any:
    """Return the library, or say how to get it.

    Raises
    ------
    NotSupportedError
        If it is not installed.
    """
    try:
        import lightgbm as found  # noqa: PLC0415 - heavy, and optional
    except ImportError as error:
        message = "learned forecasts need LightGBM: install linetwin[forecast]"
        raise NotSupportedError(message) from error
    return found


def grow(
    rows: Floats,
    target: Floats,
    weights: Floats,
    trees: Trees,
    objective: dict[str, Any],
    categories: tuple[int, ...] = (),
) -> str:
    """Return a fitted model as text; equal input gives equal text.

    Parameters
    ----------
    rows : ndarray, shape (n, features)
        NaN where a value is missing.
    target, weights : ndarray, shape (n,)
        What to learn, and how much each row counts.
    trees : Trees
        How to grow.
    objective : dict
        LightGBM's objective and what goes with it.
    categories : tuple of int
        Features that are names, not amounts.
    """
    library = lightgbm()
    kept = weights > 0
    data = library.Dataset(
        rows[kept],
        label=target[kept],
        weight=weights[kept],
        categorical_feature=list(categories),
        params={"verbosity": -1},
    )
    booster = library.train(trees.parameters(**objective), data, num_boost_round=trees.rounds)
    return str(booster.model_to_string())


class Model:
    """A model read from its text."""

    def __init__(self, text: str, threads: int = 1) -> None:
        library = lightgbm()
        try:
            self._booster = library.Booster(model_str=text)
        except library.basic.LightGBMError as error:
            finding = Finding("", f"no model: {error}", "a model written by Forecaster.save")
            raise InvalidInputError("the model", [finding]) from error
        self._threads = threads

    def predict(self, rows: Floats) -> Floats:
        """Return one number per row."""
        found = self._booster.predict(rows, num_threads=self._threads)
        return np.asarray(found, dtype=np.float64)
