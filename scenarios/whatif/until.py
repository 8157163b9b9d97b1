"""When an experiment knows enough."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from scenarios.whatif.comparison import Verdict, compare
from twin.errors import UnknownNameError
from twin.kpi.output_analysis import mean_interval
from twin.line.spec import Spec

LEAST_REPLICATIONS = 10
"""Fewer never end an experiment: their spread is not to be believed."""


class Until(Spec):
    """Stop as soon as what is asked for is known, or the time is spent.

    Whatever is given must hold; ``seconds`` ends the experiment in any case. An interval that
    decided when to stop holds somewhat less often than its level says (see ``replicate_until``).
    """

    kpi: str = "throughput_rate"
    """Figure of the line that counts."""
    relative_half_width: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Half of the width of each scenario's interval over its mean, e.g. 0.01."""
    decided: bool = False
    """Whether every scenario must have a verdict other than ``cannot tell yet``."""
    relevance: float = Field(default=0.01, ge=0)
    """Smallest difference that matters, a share of the base's mean."""
    level: float = Field(default=0.95, gt=0, lt=1)
    """Confidence level."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Most time to spend, s."""

    def reached(self, results: xr.Dataset, elapsed_s: float) -> bool:
        """Tell whether the replications so far are enough.

        Raises
        ------
        UnknownNameError
            If there is no such figure of the line.
        """
        if self.kpi not in results or results[self.kpi].ndim > 2:  # noqa: PLR2004 - by run
            known = [str(name) for name, found in results.items() if found.ndim == 2]  # noqa: PLR2004 - the same
            raise UnknownNameError("figure of the line", self.kpi, known)
        if self.seconds is not None and elapsed_s >= self.seconds:
            return True
        if self.relative_half_width is None and not self.decided:
            return False
        if results.sizes["replication"] < LEAST_REPLICATIONS:
            return False
        return self._narrow(results) and self._decided(results)

    def _narrow(self, results: xr.Dataset) -> bool:
        if self.relative_half_width is None:
            return True
        for values in np.asarray(results[self.kpi].transpose("scenario", "replication")):
            found = mean_interval(values, self.level)
            if not found.half_width <= self.relative_half_width * abs(found.mean):
                return False
        return True

    def _decided(self, results: xr.Dataset) -> bool:
        if not self.decided:
            return True
        comparison = compare(results[[self.kpi]], level=self.level, relevance=self.relevance)
        return all(row.verdict is not Verdict.CANNOT_TELL for row in comparison.rows)
