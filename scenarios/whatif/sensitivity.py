"""What a little of each thing brings: one percent of a time, one place, one server, one person.

A change in both directions is run on the common random numbers of the line as it is, so most of the
luck cancels: half the difference of the pair is one observation of the slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from scenarios.whatif.comparison import KPIS
from scenarios.whatif.costs import CostModel, priced
from scenarios.whatif.experiment import Experiment
from scenarios.whatif.running import run_experiment
from scenarios.whatif.scenario import Scenario
from twin.engine.options import SimulationOptions
from twin.errors import Finding, InvalidInputError, UnknownNameError
from twin.events.state import LineState
from twin.kpi.output_analysis import Interval, mean_interval
from twin.line import Line, scaled

Kind = Literal[
    "processing time",
    "mtbf",
    "mttr",
    "mtbm",
    "service",
    "place",
    "server",
    "person",
    "vehicle",
    "card",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What may be asked about."""
MONEY = ("profit", "cost_total", "cost_per_part")
"""Figures that are told as well where there are prices."""
STEP = 0.05
"""Share by which times are changed; wide enough to rise above rounding and rare repairs."""
PERCENT = 0.01


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that could be a little better."""

    kind: Kind
    element: str
    """Station, ``station.mode``, buffer, crew or loop."""
    unit: str
    """What one unit of it is: ``-1 %``, ``+1 %`` or ``+1``."""
    better: dict[str, Any]
    """Changes that improve it by a step."""
    worse: dict[str, Any] | None
    """Changes that make it worse by a step; None: it is only tried one larger."""
    now: int | None = None
    """How many there are now; None: it is a time."""

    @property
    def name(self) -> str:
        """Kind and element, unique."""
        return f"{self.kind} {self.element}"


def factors(line: Line, kinds: Sequence[Kind] = KINDS, step: float = STEP) -> list[Factor]:
    """Return what could be a little better in a line, in the order of its flow.

    Parameters
    ----------
    line : Line
        The line as it is.
    kinds : sequence of str
        Of ``processing time`` and ``mttr`` (less), ``mtbf`` (more), ``mtbm`` (more time, or one
        more operation, from one maintenance to the next: it may do harm where maintenance renews),
        ``service`` (less time for maintenance), ``place`` (of a buffer), ``server``, ``person`` (of
        a crew), ``vehicle`` and ``card`` (of a loop).
    step : float
        Share by which times are changed.
    """
    found = [factor for name in line.flow_order for factor in _of_station(line, name, step)]
    # A station that is set up has one server: a second one would share its setup.
    flow = [line.station(name) for name in line.flow_order]
    free = [station for station in flow if not station.setup]
    counted: list[tuple[Kind, str, Sequence[Any], str]] = [
        ("place", "buffers", line.buffers, "capacity"),
        ("server", "stations", free, "servers"),
        ("person", "crews", line.crews, "size"),
        ("vehicle", "vehicles", line.vehicles, "count"),
        ("card", "loops", line.loops, "cards"),
    ]
    for kind, section, items, field in counted:
        for item in items:
            now = getattr(item, field)
            if now is not None:  # a buffer without limit has all it can use
                path = f"{section}.{item.id}.{field}"
                found.append(Factor(kind, item.id, "+1", {path: {"plus": 1}}, None, now))
    return [factor for factor in found if factor.kind in kinds]


def scale(line: Line, factor: Factor, times: float) -> dict[str, Any]:
    """Return the changes that make all that a factor is about so many times as long or as many.

    Parameters
    ----------
    line : Line
        The line as it is.
    factor : Factor
        One of its ``factors``.
    times : float
        By how much; whole numbers are rounded to the nearest.
    """
    if factor.kind == "processing time":
        return _processing_times(line, factor.element, times)
    return {path: {"times": times} for path in factor.better}


def _of_station(line: Line, name: str, step: float) -> Iterator[Factor]:
    less, more = _processing_times(line, name, 1 - step), _processing_times(line, name, 1 + step)
    yield Factor("processing time", name, "-1 %", less, more)
    modes = line.station(name).failures
    for mode in modes:
        element = name if len(modes) == 1 else f"{name}.{mode.id}"
        at = f"stations.{name}.failures.{mode.id}"
        down, up = {"times": 1 - step}, {"times": 1 + step}
        life = "time_to_failure_s" if mode.cycles_to_failure is None else "cycles_to_failure"
        between, repair = f"{at}.{life}", f"{at}.time_to_repair_s"
        yield Factor("mtbf", element, "+1 %", {between: up}, {between: down})
        yield Factor("mttr", element, "-1 %", {repair: down}, {repair: up})
    yield from _of_maintenance(line, name, step)


def _of_maintenance(line: Line, name: str, step: float) -> Iterator[Factor]:
    planned = line.station(name).maintenance
    down, up = {"times": 1 - step}, {"times": 1 + step}
    for one in planned:
        element = name if len(planned) == 1 else f"{name}.{one.id}"
        at = f"stations.{name}.maintenance.{one.id}"
        if one.every_s is not None:
            every = f"{at}.every_s"
            yield Factor("mtbm", element, "+1 %", {every: up}, {every: down})
        elif one.every_cycles is not None:
            more = {f"{at}.every_cycles": {"plus": 1}}
            yield Factor("mtbm", element, "+1", more, None, one.every_cycles)
        took = f"{at}.duration_s"
        yield Factor("service", element, "-1 %", {took: down}, {took: up})


def _processing_times(line: Line, name: str, factor: float) -> dict[str, Any]:
    """Return the changes that scale every time of work at a station, and only there."""
    changes: dict[str, Any] = {}
    for product in line.products:
        for step in product.routing:
            if name not in step.stations:
                continue
            at = f"products.{product.id}.routing.{step.id}"
            own = f"{at}.processing_time_by_station_s.{name}"
            if name in step.processing_time_by_station_s:
                changes[own] = {"times": factor}
            elif step.stations == (name,):
                changes[f"{at}.processing_time_s"] = {"times": factor}
            else:
                time = scaled(step.processing_time_s, factor)
                changes[own] = time.model_dump(mode="json")
    return changes


def sensitivities(  # noqa: PLR0913 - the later ones are keywords
    line: Line,
    options: SimulationOptions,
    *,
    replications: int = 50,
    figures: Sequence[str] = ("throughput_rate",),
    kinds: Sequence[Kind] = KINDS,
    costs: CostModel | None = None,
    state: LineState | None = None,
    step: float = STEP,
    level: float = 0.95,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> xr.Dataset:
    """Tell how much a little of each thing brings, by paired finite differences.

    Times are made a ``step`` better and a step worse, and the central difference is scaled to one
    percent; places, servers, people and cards are tried with one more. All runs share their random
    numbers with the line as it is.

    Parameters
    ----------
    line, options, state
        As for ``Experiment``.
    replications : int
        Runs of each change, at least 2.
    figures : sequence of str
        Figures of the line as a whole. With prices, profit or cost are added.
    kinds : sequence of str
        What to try; see ``factors``.
    costs : CostModel, optional
        Prices.
    step : float
        Share by which times are changed, above 0 and below 0.5.
    level : float
        Confidence of each interval, for itself.
    workers, progress, cancelled
        As for ``run_experiment``.

    Returns
    -------
    xarray.Dataset
        Dims ``factor`` (largest gain of the first figure first) and ``figure``: ``gain`` (mean of
        the improvement's effect, in the figure's unit), ``low``, ``high``, and ``share`` (gain as a
        share of the line's mean). Coordinates ``kind``, ``element``, ``unit`` by factor, and
        ``mean`` by figure: the line as it is.

    Raises
    ------
    InvalidInputError, ScenarioError, StateError
        If a number makes no sense or line, options and state do not fit.
    UnknownNameError
        If there is no such figure.
    """
    tried = factors(line, kinds, step if 0 < step < 0.5 else STEP)  # noqa: PLR2004 - told below
    _check(replications, step, tried, kinds)
    scenarios = []
    for number, factor in enumerate(tried):
        scenarios.append(Scenario(name=f"better{number}", changes=factor.better))
        if factor.worse is not None:
            scenarios.append(Scenario(name=f"worse{number}", changes=factor.worse))
    asked = Experiment(
        line=line, scenarios=scenarios, options=options, replications=replications, state=state
    )
    results = run_experiment(asked, workers, progress, cancelled)
    wanted = list(figures)
    if costs is not None:
        results = priced(results, costs)
        wanted += [name for name in MONEY if name in results and name not in wanted]
    for name in wanted:
        if name not in results or results[name].ndim != 2:  # noqa: PLR2004 - by run
            known = [name for name in KPIS if name in results and results[name].ndim == 2]  # noqa: PLR2004 - the same
            raise UnknownNameError("figure of the line", name, known)
    return _told(results, tried, wanted, step, level)


def _check(replications: int, step: float, tried: Sequence[Factor], kinds: Sequence[str]) -> None:
    findings = []
    if replications < 2:  # noqa: PLR2004 - one run has no spread
        findings.append(Finding("replications", f"{replications} run has no spread", "2 or more"))
    if not 0 < step < 0.5:  # noqa: PLR2004 - half of a time is no small change
        findings.append(Finding("step", f"{step!r} is no small share", "above 0 and below 0.5"))
    unknown = [kind for kind in kinds if kind not in KINDS]
    findings += [Finding("kinds", f"unknown kind {k!r}", ", ".join(KINDS)) for k in unknown]
    if not findings and not tried:
        findings.append(Finding("kinds", "the line has nothing of this kind", ", ".join(KINDS)))
    if findings:
        raise InvalidInputError("the sensitivities", findings)


def _told(
    results: xr.Dataset, tried: Sequence[Factor], wanted: Sequence[str], step: float, level: float
) -> xr.Dataset:
    gains = [[_gain(results[name], n, f, step, level) for name in wanted]
             for n, f in enumerate(tried)]  # fmt: skip
    first = np.array([row[0].mean for row in gains])
    order = np.argsort(-np.nan_to_num(np.abs(first)), kind="stable")
    shown = [tried[n] for n in order]
    mean = np.array([float(results[name].sel(scenario="base").mean()) for name in wanted])
    table = {
        key: np.array([[getattr(gains[n][k], key) for k in range(len(wanted))] for n in order])
        for key in ("mean", "low", "high")
    }
    dims = ("factor", "figure")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(mean != 0.0, table["mean"] / np.abs(mean), math.nan)
    return xr.Dataset(
        {
            "gain": (dims, table["mean"]),
            "low": (dims, table["low"]),
            "high": (dims, table["high"]),
            "share": (dims, share),
        },
        coords={
            "factor": [factor.name for factor in shown],
            "figure": list(wanted),
            "kind": ("factor", [factor.kind for factor in shown]),
            "element": ("factor", [factor.element for factor in shown]),
            "unit": ("factor", [factor.unit for factor in shown]),
            "mean": ("figure", mean),
        },
        attrs={
            "level": level,
            "step": step,
            "replications": results.sizes["replication"],
            "line_id": results.attrs["line_id"],
            "line_hash": results.attrs["line_hash"],
            "seed": results.attrs["seed"],
        },
    )


def _gain(values: xr.DataArray, number: int, factor: Factor, step: float, level: float) -> Interval:
    better = values.sel(scenario=f"better{number}").values
    if factor.worse is None:
        return mean_interval(better - values.sel(scenario="base").values, level)
    slope = (better - values.sel(scenario=f"worse{number}").values) / (2 * step)
    return mean_interval(slope * PERCENT, level)
