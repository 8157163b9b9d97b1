"""Key figures of a line over its last while, as the API shows them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from api.live import LiveLine
from api.schemas import KpiView, StationKpis, ThroughputBin, VehicleKpis
from twin.events import EventLog, Kind
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr


def kpi_view(live: LiveLine, window_s: float, bins: int) -> KpiView:
    """Return how a line did over the window that ends now.

    Parameters
    ----------
    live : LiveLine
        The line; one without a plant, or of which nothing was seen yet, has no figures.
    window_s : float
        Time back from now on the plant's clock, s.
    bins : int
        Equal stretches of the throughput.
    """
    provenance = live.provenance(live.picture())
    log = live.feed.log(window_s) if live.feed is not None else None
    if log is None or not log.end_s > log.begin_s:
        return KpiView(
            line_id=live.line.id,
            provenance=provenance,
            window_s=window_s,
            observed_s=0.0,
            gap_s=_gap_s(live, window_s),
        )
    log = log.observed_from(log.end_s - window_s)
    figures = _summarised(log, live.line)
    rate = _number(figures, "throughput_rate")
    return KpiView(
        line_id=live.line.id,
        provenance=provenance,
        window_s=window_s,
        observed_s=float(figures["observed_s"]),
        gap_s=max(float(figures["gap_s"]), _gap_s(live, window_s)),
        throughput_rate=rate,
        throughput_per_h=rate * 3600.0 if rate is not None else None,
        finished=int(figures["finished"]),
        scrapped=int(figures["scrapped"]),
        created=int(figures["created"]),
        wip_mean=_number(figures, "wip_mean"),
        flow_time_mean_s=_number(figures, "flow_time_mean_s"),
        flow_time_p90_s=_number(figures, "flow_time_p90_s"),
        stations=tuple(_station(figures, name) for name in live.line.flow_order),
        buffers={
            str(name): _finite(float(value))
            for name, value in zip(
                figures["buffer"].values, figures["content_mean"].values, strict=True
            )
        },
        vehicles=vehicle_kpis(figures),
        throughput=_throughput(log, live.line, bins),
    )


def _gap_s(live: LiveLine, window_s: float) -> float:
    """Return how much of the window lies in declared gaps, s: the log may begin after one."""
    status = live.feed.status() if live.feed is not None else None
    if status is None or status.as_of is None:
        return 0.0
    total_s, reached = 0.0, status.as_of - timedelta(seconds=window_s)
    for gap in sorted(status.gaps, key=lambda gap: gap.begin):
        low, high = max(gap.begin, reached), min(gap.end, status.as_of)
        if high > low:
            total_s += (high - low).total_seconds()
            reached = high
    return total_s


def _summarised(log: EventLog, line: Line) -> xr.Dataset:
    from twin.kpi import summarise  # noqa: PLC0415 - brings in scipy, which a start can do without

    return summarise(log, line)


def _station(figures: xr.Dataset, name: str) -> StationKpis:
    here = figures.sel(station=name)
    shares = here["status_share"]
    return StationKpis(
        id=name,
        status_share={
            str(status): _finite(float(share)) or 0.0
            for status, share in zip(shares["status"].values, shares.values, strict=True)
        },
        processed=int(here["processed"]),
        availability=_number(here, "availability"),
        effectiveness=_number(here, "effectiveness"),
        quality_ratio=_number(here, "quality_ratio"),
        oee_index=_number(here, "oee_index"),
    )


def vehicle_kpis(figures: xr.Dataset) -> tuple[VehicleKpis, ...]:
    """Return what the vehicles of each pool did, by name of the pool; nothing without vehicles."""
    if "vehicles" not in figures.coords:
        return ()
    return tuple(
        VehicleKpis(
            id=str(name),
            share={
                str(state): share
                for state, value in zip(
                    figures["vehicle_state"].values,
                    figures["vehicle_share"].sel(vehicles=name).values,
                    strict=True,
                )
                if (share := _finite(float(value))) is not None
            },
            trips=int(figures["vehicle_trips"].sel(vehicles=name)),
        )
        for name in figures["vehicles"].values
    )


def _throughput(log: EventLog, line: Line, bins: int) -> tuple[ThroughputBin, ...]:
    edges_s = np.linspace(log.observe_from_s, log.end_s, bins + 1)
    moments_s = log.time_s[log.kind == Kind.PART_FINISHED]
    counts, _ = np.histogram(moments_s, bins=edges_s)
    length = timedelta(seconds=float(edges_s[1] - edges_s[0]))
    begins = [line.moment(float(edge_s)) for edge_s in edges_s[:-1]]
    return tuple(
        ThroughputBin(begin=begin, end=begin + length, finished=int(count))
        for begin, count in zip(begins, counts, strict=True)
    )


def _number(figures: xr.Dataset, name: str) -> float | None:
    return _finite(float(figures[name]))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
