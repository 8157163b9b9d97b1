"""Which scenario is better, how much, and how sure that is.

Scenarios are run with common random numbers, so the difference is taken replication by replication
and its interval is that of the mean of the pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.errors import UnknownNameError
from twin.kpi.output_analysis import (
    Interval,
    mean_interval,
    proportion_interval,
    share_difference_interval,
    t_quantile,
)

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
MOST_REPLICATIONS = 10_000_000
"""More are never asked for: such a difference is out of reach."""


class Verdict(StrEnum):
    """What the intervals allow to say about a scenario against the base."""

    BETTER = "better"
    WORSE = "worse"
    NO_RELEVANT_DIFFERENCE = "no relevant difference"
    CANNOT_TELL = "cannot tell yet"


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure that scenarios are judged by."""

    unit: str
    """Unit as shown; empty for a share."""
    higher_is_better: bool
    """Which way is up."""
    least: float = 0.0
    """Smallest difference that ever matters, in the KPI's unit."""


KPIS: dict[str, Kpi] = {
    "throughput_rate": Kpi("parts/s", higher_is_better=True),
    "finished": Kpi("parts", higher_is_better=True),
    "scrapped": Kpi("parts", higher_is_better=False, least=0.5),
    "wip_mean": Kpi("parts", higher_is_better=False),
    "flow_time_mean_s": Kpi("s", higher_is_better=False),
    "flow_time_p90_s": Kpi("s", higher_is_better=False),
    "oee_index": Kpi("", higher_is_better=True, least=0.002),
    "availability": Kpi("", higher_is_better=True, least=0.002),
    "quality_ratio": Kpi("", higher_is_better=True, least=0.002),
    "finished_by_product": Kpi("parts", higher_is_better=True),
    "order_completion_s": Kpi("s", higher_is_better=False, least=60.0),
    "order_tardiness_s": Kpi("s", higher_is_better=False, least=60.0),
    "order_on_time": Kpi("", higher_is_better=True, least=0.05),
    "energy_kwh": Kpi("kWh", higher_is_better=False),
    "energy_total_kwh": Kpi("kWh", higher_is_better=False),
    "energy_per_part_kwh": Kpi("kWh", higher_is_better=False),
    "energy_cost": Kpi("", higher_is_better=False),
    "carbon_kg": Kpi("kg", higher_is_better=False),
    "cost_total": Kpi("", higher_is_better=False),
    "cost_per_part": Kpi("", higher_is_better=False),
    "profit": Kpi("", higher_is_better=True),
}
"""KPIs that have a good and a bad direction; the others are described, not judged."""
SHARES = frozenset({"order_on_time"})
"""KPIs that are 0 or 1 in each run, so that their mean is a share."""


@dataclass(frozen=True, slots=True)
class Row:
    """One KPI of one scenario."""

    scenario: str
    kpi: str
    element: str
    """Station, product or order; empty for the line as a whole."""
    unit: str
    higher_is_better: bool
    mean: Interval
    """Mean over the replications, with its interval."""
    difference: Interval | None
    """Mean of the paired differences, scenario minus base; None for the base itself."""
    relevance: float
    """Smallest difference that matters here, in the KPI's unit."""
    verdict: Verdict | None
    """None for the base itself."""
    replications_needed: int | None
    """Replications in all that should decide it, for ``cannot tell yet``; None when decided, or
    when no number of replications helps (see ``note``)."""
    note: str = ""
    """What the reader must know, such as orders that were not finished."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scenarios against a base, KPI by KPI.

    A pair of scenario and base is judged by the interval of the mean paired difference (Student t
    with n - 1 degrees of freedom) and the smallest relevant difference, delta:

    - *better* or *worse*: the interval lies on one side of zero and reaches beyond delta;
    - *no relevant difference*: the interval lies within plus and minus delta;
    - *cannot tell yet*: neither. The replications that should decide it are the smallest n with
      ``t(n - 1, 1 - alpha / 2) * s / sqrt(n) <= max(abs(d), delta - abs(d))``, where d is the mean
      difference and s the standard deviation of the pairs so far: an interval of that half width
      either leaves zero or fits within delta.
    """

    base: str
    """Scenario that the others are compared with."""
    scenarios: tuple[str, ...]
    """All scenarios, base first."""
    level: float
    """Probability with which each interval should hold the true value."""
    correction: Literal["none", "bonferroni"]
    """``none``: the level holds for each interval alone; ``bonferroni``: for all scenarios of one
    KPI together."""
    replications: int
    """Replications per scenario."""
    rows: tuple[Row, ...]

    def of(self, scenario: str, kpi: str, element: str = "") -> Row:
        """Return one row.

        Raises
        ------
        UnknownNameError
            If there is none; the error names what there is.
        """
        for row in self.rows:
            if (row.scenario, row.kpi, row.element) == (scenario, kpi, element):
                return row
        known = sorted({f"{row.scenario}/{row.kpi}/{row.element}".rstrip("/") for row in self.rows})
        name = f"{scenario}/{kpi}/{element}".rstrip("/")
        raise UnknownNameError("row of the comparison", name, known)

    def document(self) -> dict[str, Any]:
        """Return the comparison as plain data for JSON; numbers that are not finite become None."""
        document = asdict(self)
        document["rows"] = [_plain(asdict(row)) for row in self.rows]
        return document

    def frame(self) -> pd.DataFrame:
        """Return the rows as a table, one line per scenario, KPI and element."""
        import pandas as pd  # noqa: PLC0415 - heavy, and a comparison does not need it

        return pd.DataFrame([_flat(row) for row in self.rows])


def compare(
    results: xr.Dataset,
    base: str = "base",
    level: float = 0.95,
    relevance: float | Mapping[str, float] = 0.01,
    correction: Literal["none", "bonferroni"] = "bonferroni",
) -> Comparison:
    """Compare scenarios with a base.

    Parameters
    ----------
    results : xarray.Dataset
        From ``run_experiment``: dims ``scenario`` and ``replication``.
    base : str
        Scenario to compare with.
    level : float
        Probability with which each interval should hold the true value, in (0, 1).
    relevance : float or mapping of str to float
        Smallest difference that matters: a share of the base's mean for all KPIs (0.01: 1 %), or a
        mapping of KPI to an amount in its unit; KPIs that it leaves out take 1 %. Never less than
        the least difference that ``KPIS`` states.
    correction : {"none", "bonferroni"}
        Whether ``level`` holds for each interval alone or for all scenarios of a KPI together. The
        means of single scenarios are no comparison and keep ``level`` for themselves.

    Returns
    -------
    Comparison
        With a row per KPI of ``KPIS`` that the results have, element and scenario; elements without
        a value in any run are left out.

    Raises
    ------
    UnknownNameError
        If there is no scenario of that name.
    ValueError
        If ``level`` is not inside (0, 1) or a relevance is negative.
    """
    names = [str(name) for name in results["scenario"].values]
    if base not in names:
        raise UnknownNameError("scenario", base, names)
    if not 0 < level < 1:
        raise ValueError(f"level {level!r} is not inside (0, 1)")
    ordered = (base, *(name for name in names if name != base))
    others = max(len(ordered) - 1, 1)
    used = 1 - (1 - level) / others if correction == "bonferroni" else level
    rows = []
    for kpi, element, table in _columns(results):
        if not np.isfinite(table).any():
            continue  # not decided in any run, such as an order that lies beyond the horizon
        reference = table[names.index(base)]
        delta = _relevance(kpi, reference, relevance)
        unit = str(results[kpi].attrs.get("unit", KPIS[kpi].unit))
        rule = _Rule(kpi, element, unit, delta, level, used)
        rows += [
            _row(name, rule, table[names.index(name)], None if name == base else reference)
            for name in ordered
        ]
    return Comparison(
        base=base,
        scenarios=ordered,
        level=level,
        correction=correction,
        replications=int(results.sizes["replication"]),
        rows=tuple(rows),
    )


def verdict_of(difference: Interval, relevance: float, *, higher_is_better: bool) -> Verdict:
    """Return what an interval of a difference allows to say; see ``Comparison``."""
    if not math.isfinite(difference.low) or not math.isfinite(difference.high):
        return Verdict.CANNOT_TELL
    if -relevance <= difference.low and difference.high <= relevance:
        return Verdict.NO_RELEVANT_DIFFERENCE
    if difference.low <= 0 <= difference.high:
        return Verdict.CANNOT_TELL
    up = difference.low > 0
    return Verdict.BETTER if up == higher_is_better else Verdict.WORSE


def replications_needed(mean: float, sd: float, relevance: float, level: float) -> int | None:
    """Return the replications after which a difference should be decided.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation of the paired differences so far, in the KPI's unit.
    relevance : float
        Smallest difference that matters, in the KPI's unit.
    level : float
        Probability with which the interval should hold the true value.

    Returns
    -------
    int or None
        Smallest n with ``t(n - 1) * sd / sqrt(n) <= max(abs(mean), relevance - abs(mean))``; None
        when even ten million are not enough.
    """
    target = max(abs(mean), relevance - abs(mean))
    if target <= 0:
        return None

    def half_width(n: int) -> float:
        return t_quantile((1 + level) / 2, n - 1) * sd / math.sqrt(n)

    if half_width(MOST_REPLICATIONS) > target:
        return None
    low, high = 1, 2
    while half_width(high) > target:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if half_width(middle) > target else (low, middle)
    return high


def _columns(results: xr.Dataset) -> Iterator[tuple[str, str, Floats]]:
    """Yield KPI, element and a table of scenario by replication."""
    for kpi in KPIS:
        if kpi not in results:
            continue
        values = results[kpi]
        inner = [str(dim) for dim in values.dims if dim not in ("scenario", "replication")]
        if not inner:
            yield kpi, "", np.asarray(values.transpose("scenario", "replication"), dtype=float)
            continue
        dim = inner[0]
        for element in values[dim].values:
            table = values.sel({dim: element}).transpose("scenario", "replication")
            yield kpi, str(element), np.asarray(table, dtype=float)


def _relevance(kpi: str, reference: Floats, given: float | Mapping[str, float]) -> float:
    least = KPIS[kpi].least
    if isinstance(given, Mapping) and kpi in given:
        amount = float(given[kpi])
    else:
        share = 0.01 if isinstance(given, Mapping) else float(given)
        known = reference[np.isfinite(reference)]
        amount = max(share * abs(float(known.mean())) if len(known) else 0.0, least)
        amount = amount if share >= 0 else share
    if not amount >= 0:
        raise ValueError(f"relevance of {kpi} must not be negative, not {amount!r}")
    return amount


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a row is about and how it is judged."""

    kpi: str
    element: str
    unit: str
    relevance: float
    level: float
    """Of each mean alone."""
    corrected: float
    """Of each difference, so that the comparison's level holds for all of them."""


def _row(scenario: str, rule: _Rule, values: Floats, reference: Floats | None) -> Row:
    kpi, relevance = rule.kpi, rule.relevance
    spec = KPIS[kpi]
    known = values[np.isfinite(values)]
    note, missing = "", len(values) - len(known)
    difference, verdict, needed = None, None, None
    if reference is not None:
        both = np.isfinite(values) & np.isfinite(reference)
        pairs = values[both] - reference[both]
        missing = len(values) - len(pairs)
        difference = (
            share_difference_interval(values[both], reference[both], rule.corrected)
            if kpi in SHARES
            else mean_interval(pairs, rule.corrected)
        )
        verdict = verdict_of(difference, relevance, higher_is_better=spec.higher_is_better)
        if missing:
            # Runs without a value are no random ones (an order that is late beyond the horizon),
            # so the rest of them proves nothing.
            verdict = Verdict.CANNOT_TELL
        elif verdict is Verdict.CANNOT_TELL:
            needed = _needed(pairs, relevance, rule.corrected)
    if reference is not None and len(known) and not np.isfinite(reference).any():
        note = "has no value in any run of the base, so there is nothing to compare with"
    elif missing:
        note = f"no value in {missing} of {len(values)} replications; a longer horizon may help"
    mean = (
        proportion_interval(int(known.sum()), len(known), rule.level)
        if kpi in SHARES
        else mean_interval(known, rule.level)
    )
    return Row(
        scenario, kpi, rule.element, rule.unit, spec.higher_is_better, mean,
        difference, relevance, verdict, needed, note,
    )  # fmt: skip


def _needed(pairs: Floats, relevance: float, level: float) -> int | None:
    if len(pairs) < 2:  # noqa: PLR2004 - a variance takes two
        return 2
    mean, sd = float(pairs.mean()), float(pairs.std(ddof=1))
    needed = replications_needed(mean, sd, relevance, level)
    return None if needed is None else max(needed, len(pairs) + 1)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.value if isinstance(value, Verdict) else value


def _flat(row: Row) -> dict[str, Any]:
    difference = row.difference
    return {
        "kpi": row.kpi,
        "element": row.element,
        "scenario": row.scenario,
        "unit": row.unit,
        "mean": row.mean.mean,
        "low": row.mean.low,
        "high": row.mean.high,
        "difference": difference.mean if difference else math.nan,
        "difference_low": difference.low if difference else math.nan,
        "difference_high": difference.high if difference else math.nan,
        "verdict": row.verdict.value if row.verdict else "",
        "replications_needed": row.replications_needed,
        "note": row.note,
    }
