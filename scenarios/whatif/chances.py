"""How figures scatter from run to run: quantiles, and the chance to keep or to miss a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.errors import UnknownNameError
from twin.kpi.output_analysis import Interval, proportion_interval, quantile_interval

P10_P50_P90 = (0.1, 0.5, 0.9)
"""The quantiles that planners ask for."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How one figure of one scenario scatters."""

    scenario: str
    kpi: str
    element: str
    quantiles: tuple[tuple[float, Interval], ...]
    """Share and the quantile at it, with its interval; each interval holds at its level alone."""


def spreads(
    results: xr.Dataset,
    kpi: str,
    element: str = "",
    shares: Sequence[float] = P10_P50_P90,
    level: float = 0.95,
) -> list[Spread]:
    """Return quantiles of a figure over the runs of each scenario.

    Parameters
    ----------
    results : xarray.Dataset
        From ``run_experiment``.
    kpi, element : str
        Figure, and the element that it is about; empty: the line.
    shares : sequence of float
        Shares of the runs that lie below, between 0 and 1.
    level : float
        Confidence level of each interval.

    Raises
    ------
    UnknownNameError
        If there is no such figure or element.

    References
    ----------
    See ``twin.kpi.quantile_interval``: the intervals assume no distribution. Their ends are NaN
    where the runs are too few.
    """
    return [
        Spread(
            name,
            kpi,
            element,
            tuple((share, quantile_interval(values, share, level)) for share in shares),
        )
        for name, values in samples(results, kpi, element)
    ]


def chances(
    results: xr.Dataset,
    kpi: str,
    element: str = "",
    *,
    above: float | None = None,
    below: float | None = None,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Return the probability of each scenario that a run lies beyond a limit.

    Parameters
    ----------
    results, kpi, element, level
        As for ``spreads``. ``order_on_time`` above 0.5 is the chance that an order is on time.
    above, below : float
        The limit, in the figure's unit; exactly one of them. Runs without a value are left out.

    Returns
    -------
    dict of str to Interval
        Scenario to share of the runs with its Wilson interval.

    Raises
    ------
    ValueError
        If not exactly one limit is given.
    UnknownNameError
        If there is no such figure or element.
    """
    if (above is None) == (below is None):
        raise ValueError("give either above or below")
    found = {}
    for name, values in samples(results, kpi, element):
        known = values[np.isfinite(values)]
        hits = known < below if below is not None else known > (above or 0.0)
        found[name] = proportion_interval(int(hits.sum()), len(known), level)
    return found


def samples(
    results: xr.Dataset, kpi: str, element: str = ""
) -> list[tuple[str, NDArray[np.float64]]]:
    """Return the values of a figure by scenario, a value per replication.

    Raises
    ------
    UnknownNameError
        If there is no such figure or element.
    """
    if kpi not in results:
        raise UnknownNameError("figure", kpi, [str(name) for name in results.data_vars])
    found = results[kpi]
    inner = [str(dim) for dim in found.dims if dim not in ("scenario", "replication")]
    if element and len(inner) == 1:
        known = [str(name) for name in found[inner[0]].values]
        if element not in known:
            raise UnknownNameError(inner[0], element, known)
        found = found.isel({inner[0]: known.index(element)})
    elif element or inner:
        wanted = f"{kpi}/{element}" if element else kpi
        raise UnknownNameError("figure of one value", wanted, [f"{kpi}/<{'>/<'.join(inner)}>"])
    table = np.asarray(found.transpose("scenario", "replication"), dtype=np.float64)
    return [(str(name), row) for name, row in zip(results["scenario"].values, table, strict=True)]
