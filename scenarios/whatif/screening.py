"""What matters over wide ranges, and what works together: Morris and Sobol, through SALib.

References
----------
Morris (1991), Factorial sampling plans for preliminary computational experiments. Technometrics 33.
Sobol (2001), Global sensitivity indices for nonlinear mathematical models and their Monte Carlo
estimates. Mathematics and Computers in Simulation 55.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scenarios.whatif.comparison import KPIS
from scenarios.whatif.costs import CostModel
from scenarios.whatif.experiment import Experiment
from scenarios.whatif.scenario import Scenario
from scenarios.whatif.trials import Trials
from twin.engine.options import SimulationOptions
from twin.errors import Finding, InvalidInputError, NotSupportedError
from twin.events.state import LineState
from twin.line import Line

Floats = NDArray[np.float64]
Method = Literal["morris", "sobol"]
MOST_DESIGNS = 20_000
"""More points are refused."""
Changes = Callable[[str, float], dict[str, Any]]
"""Gives what a scenario changes for a name and a factor."""


def at_path(path: str, factor: float) -> dict[str, Any]:
    """Return the change that multiplies what is at a path."""
    return {path: {"times": factor}}


def screen(  # noqa: PLR0913 - the later ones are keywords
    line: Line,
    options: SimulationOptions,
    ranges: Mapping[str, tuple[float, float]],
    *,
    method: Method = "morris",
    samples: int = 16,
    replications: int = 5,
    figure: str = "throughput_rate",
    costs: CostModel | None = None,
    changes: Changes = at_path,
    state: LineState | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> xr.Dataset:
    """Tell which of several things matter over their ranges.

    Parameters
    ----------
    line, options, state
        As for ``Experiment``.
    ranges : mapping of str to (float, float)
        Path of a time or number, and the least and largest factor on it, such as
        ``{"stations.s1.failures.stop.time_to_repair_s": (0.5, 1.5)}``; whole numbers are rounded.
        With ``changes`` of one's own: any name.
    method : str
        ``morris``: mean and spread of elementary effects, for a first look; ``sobol``: the share of
        the variance that each explains alone and with others.
    samples : int
        Trajectories (morris) or base points, a power of two (sobol).
    replications : int
        Runs at each point, on common random numbers; their mean is analysed.
    figure, costs, workers, cancelled
        As for ``select_best``.
    changes : callable
        Gives what a scenario changes, for a name of ``ranges`` and a factor; none: the name is the
        path of one value.
    progress : callable, optional
        Told the runs done and all runs.

    Returns
    -------
    xarray.Dataset
        Dim ``factor``. Morris: ``mu``, ``mu_star``, ``sigma``, ``mu_star_half_width``, in the
        figure's unit over the whole range. Sobol: ``first``, ``total`` and their ``half_width``,
        without unit. Half widths are SALib's at 95 %, from resampling. The attributes ``lowest``,
        ``mean`` and ``highest`` tell what the figure came to over all points.

    Raises
    ------
    NotSupportedError
        If SALib is not installed.
    InvalidInputError, ScenarioError, StateError, UnknownNameError
        If ranges, paths, numbers, the state or the figure do not fit.
    """
    _check(ranges, method, samples, replications)
    problem = {
        "num_vars": len(ranges),
        "names": list(ranges),
        "bounds": [list(span) for span in ranges.values()],
    }
    points, analyse = _plan(problem, method, samples, options.seed)
    if len(points) > MOST_DESIGNS:
        message = f"{len(points)} points are more than {MOST_DESIGNS}"
        raise InvalidInputError("the screening", [Finding("samples", message, remedy="fewer")])
    scenarios = tuple(
        Scenario(name=f"p{number}", changes=_together(ranges, point, changes))
        for number, point in enumerate(points)
    )
    trials = Trials(
        Experiment(line=line, scenarios=scenarios, options=options, state=state),
        figure, costs, workers, cancelled, progress,
    )  # fmt: skip
    found = trials.values(range(1, len(points) + 1), 0, replications).mean(axis=1)
    _check_told(found, figure)
    return xr.Dataset(
        {name: ("factor", np.asarray(values)) for name, values in analyse(found).items()},
        coords={"factor": list(ranges)},
        attrs={
            "method": method,
            "figure": figure,
            "unit": KPIS[figure].unit if figure in KPIS else "",
            "runs": trials.runs,
            "seed": options.seed,
            "designs": len(points),
            "lowest": float(found.min()),
            "mean": float(found.mean()),
            "highest": float(found.max()),
        },
    )


def _together(
    ranges: Mapping[str, tuple[float, float]], point: Floats, changes: Changes
) -> dict[str, Any]:
    """Return the changes of one point."""
    told: dict[str, Any] = {}
    for name, factor in zip(ranges, point, strict=True):
        told |= changes(name, float(factor))
    return told


def _check_told(found: Floats, figure: str) -> None:
    """Refuse what cannot be analysed: a figure that some points do not have."""
    without = int(np.sum(~np.isfinite(found)))
    if without:
        finding = Finding(
            "figure",
            f"{figure} has no value at {without} of {len(found)} points: no part was finished",
            remedy="a longer horizon, or narrower ranges",
        )
        raise InvalidInputError("the screening", [finding])


def _check(
    ranges: Mapping[str, tuple[float, float]], method: str, samples: int, replications: int
) -> None:
    findings = [
        Finding(f"ranges.{path}", f"{low!r} to {high!r} is no range", "0 < least < largest")
        for path, (low, high) in ranges.items()
        if not 0 < low < high
    ]
    if not ranges:
        findings.append(Finding("ranges", "nothing is varied", "at least one path"))
    if method not in {"morris", "sobol"}:
        findings.append(Finding("method", f"unknown method {method!r}", "morris or sobol"))
    if samples < 2 or (method == "sobol" and samples & (samples - 1)):  # noqa: PLR2004 - one has no spread
        findings.append(
            Finding("samples", f"{samples} does not do", "2 or more; 2, 4, 8, ... for sobol")
        )
    if replications < 1:
        findings.append(Finding("replications", f"{replications} is too few", "1 or more"))
    if findings:
        raise InvalidInputError("the screening", findings)


def _plan(
    problem: dict[str, Any], method: Method, samples: int, seed: int
) -> tuple[Floats, Callable[[Floats], dict[str, Floats]]]:
    """Return the points to simulate and how to analyse what they give."""
    try:
        from SALib.analyze import morris as effects  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
        from SALib.analyze import sobol as indices  # noqa: PLC0415 - the same
        from SALib.sample import morris as walks  # type: ignore[import-untyped]  # noqa: PLC0415 - the same
        from SALib.sample import sobol as sequence  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        message = "Morris and Sobol need SALib: pip install 'linetwin[tune]'"
        raise NotSupportedError(message) from error
    seed %= 2**32
    if method == "morris":
        points = walks.sample(problem, samples, seed=seed)

        def analyse(found: Floats) -> dict[str, Floats]:
            told = effects.analyze(problem, points, found, seed=seed, scaled=False)
            return {
                "mu": told["mu"],
                "mu_star": told["mu_star"],
                "sigma": told["sigma"],
                "mu_star_half_width": told["mu_star_conf"],
            }

        return points, analyse
    points = sequence.sample(problem, samples, calc_second_order=False, seed=seed)

    def analysed(found: Floats) -> dict[str, Floats]:
        told = indices.analyze(problem, found, calc_second_order=False, seed=seed)
        return {
            "first": told["S1"],
            "first_half_width": told["S1_conf"],
            "total": told["ST"],
            "total_half_width": told["ST_conf"],
        }

    return points, analysed
