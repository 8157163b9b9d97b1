"""The counters that every key figure is made of, whoever counted: the log's reader or a kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.events.kinds import Status
from twin.events.log import Names
from twin.kpi.energy import energy_kwh, has_energy
from twin.kpi.times import STATUSES
from twin.line import Line

Floats = NDArray[np.float64]
Values = dict[str, tuple[tuple[str, ...], Floats]]
Coordinates = dict[str, NDArray[np.object_]]


@dataclass(frozen=True, slots=True)
class Counters:
    """What was counted in the observed stretch of one run; orders from the beginning on.

    Arrays stand by station (``Line.flow_order``), buffer, product and order (each by id).
    """

    from_s: float
    until_s: float
    created: int
    scrapped: int
    finished: int
    flow_total_s: float
    """Flow times of the parts finished, added up, s."""
    flow_p90_s: float
    """Flow time that nine parts in ten do not exceed, s; NaN without parts."""
    wip_area: float
    """Part-seconds in the line."""
    status_s: Floats
    """Server-seconds, by station and status."""
    processed: Floats
    """Operations, by station."""
    bad: Floats
    """Operations whose part was scrapped or sent back, by station."""
    planned_s: Floats
    """Expected time of the operations processed, by station, s."""
    content_area: Floats
    """Part-seconds, by buffer."""
    product_finished: Floats
    order_good: Floats
    """Good parts, by order."""
    order_gone: Floats
    """Parts finished or scrapped, by order."""
    order_last_s: Floats
    """Moment of the last part gone in this run, by order; NaN: none."""
    gap_s: float = 0.0
    """Observed time in declared gaps, s; a run has none."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What key figures of a line are called, and what its orders ask for; the same for all runs."""

    line: Line
    coordinates: Coordinates
    has_energy: bool
    quantity: Floats
    """Parts asked for, by order."""
    due_s: Floats
    """Due date of each order, s since the line's start; NaN: none."""

    @classmethod
    def of(cls, line: Line, names: Names) -> Naming:
        """Return how the figures of a line are named."""
        labels = {
            "station": line.flow_order,
            "status": tuple(status.value for status in STATUSES),
            "buffer": sorted(buffer.id for buffer in line.buffers),
            "product": names.products,
            "order": names.orders,
        }
        orders = [line.order(name) for name in names.orders]
        due_s = [np.nan if o.due_date_s is None else o.due_date_s for o in orders]
        return cls(
            line=line,
            # As objects: fixed-width text would depend on the longest name, and nothing is of no
            # type.
            coordinates={name: np.array(found, dtype=object) for name, found in labels.items()},
            has_energy=has_energy(line),
            quantity=np.array([order.quantity for order in orders], dtype=float),
            due_s=np.array(due_s, dtype=float),
        )


def figures_of(counters: Counters, naming: Naming) -> tuple[Values, Coordinates]:
    """Return the key figures that ``twin.kpi.summarise`` describes, as arrays and coordinates."""
    values: Values = {}
    spent = np.zeros((len(counters.status_s), len(STATUSES)))
    # An engine that knows fewer statuses counts the first of them.
    spent[:, : counters.status_s.shape[1]] = counters.status_s
    _flow(values, counters)
    _stations(values, counters, spent)
    observed_s = counters.until_s - counters.from_s
    values["content_mean"] = ("buffer",), _ratio(counters.content_area, observed_s)
    values["finished_by_product"] = ("product",), counters.product_finished
    _orders(values, counters, naming)
    if naming.has_energy:
        _energy(values, counters, naming.line, spent)
    return values, dict(naming.coordinates)


def _scalar(value: float) -> tuple[tuple[str, ...], Floats]:
    return (), np.array(float(value))


def _ratio(top: Floats, bottom: Floats | float) -> Floats:
    positive = np.where(np.greater(bottom, 0), bottom, np.nan)
    found: Floats = top / positive
    return found


def _flow(values: Values, counters: Counters) -> None:
    observed_s = counters.until_s - counters.from_s
    finished = counters.finished
    values["observed_s"] = _scalar(observed_s)
    values["gap_s"] = _scalar(counters.gap_s)
    values["created"] = _scalar(counters.created)
    values["finished"] = _scalar(finished)
    values["scrapped"] = _scalar(counters.scrapped)
    values["throughput_rate"] = _scalar(finished / observed_s if observed_s else np.nan)
    values["wip_mean"] = _scalar(counters.wip_area / observed_s if observed_s else np.nan)
    values["flow_time_mean_s"] = _scalar(counters.flow_total_s / finished if finished else np.nan)
    values["flow_time_p90_s"] = _scalar(counters.flow_p90_s)


def _stations(values: Values, counters: Counters, spent: Floats) -> None:
    total = spent.sum(axis=1, keepdims=True)
    actual_s = spent[:, STATUSES.index(Status.PROCESSING)]
    planned_off = [STATUSES.index(status) for status in (Status.OFF, Status.MAINTENANCE)]
    busy_s = total[:, 0] - spent[:, planned_off].sum(axis=1)
    values["status_time_s"] = ("station", "status"), spent
    values["status_share"] = ("station", "status"), _ratio(spent, total)
    values["processed"] = ("station",), counters.processed
    availability = _ratio(actual_s, busy_s)
    effectiveness = _ratio(counters.planned_s, actual_s)
    quality = _ratio(counters.processed - counters.bad, counters.processed)
    values["availability"] = ("station",), availability
    values["effectiveness"] = ("station",), effectiveness
    values["quality_ratio"] = ("station",), quality
    values["oee_index"] = ("station",), availability * effectiveness * quality


def _energy(values: Values, counters: Counters, line: Line, spent: Floats) -> None:
    by_station = energy_kwh(line, spent)
    total, prices = float(by_station.sum()), line.energy
    finished = counters.finished
    values["energy_kwh"] = ("station",), by_station
    values["energy_total_kwh"] = _scalar(total)
    values["energy_per_part_kwh"] = _scalar(total / finished if finished else np.nan)
    values["carbon_kg"] = _scalar(total * prices.carbon_kg_per_kwh if prices else np.nan)
    values["energy_cost"] = _scalar(total * prices.price_per_kwh if prices else np.nan)


def _orders(values: Values, counters: Counters, naming: Naming) -> None:
    quantity, due_s = naming.quantity, naming.due_s
    complete = counters.order_gone >= quantity
    # An order that was complete before the run began has no moment here.
    done_s = np.where(complete, counters.order_last_s, np.nan)
    reached_s = np.where(complete, done_s, counters.until_s)
    late = (reached_s > due_s) & ~(complete & np.isnan(done_s))
    told = (complete | late) & ~np.isnan(due_s) & ~np.isnan(reached_s)
    values["order_finished"] = ("order",), counters.order_good
    values["order_completion_s"] = ("order",), done_s
    lateness_s = np.maximum(0.0, reached_s - due_s)
    values["order_tardiness_s"] = ("order",), np.where(told, lateness_s, np.nan)
    values["order_on_time"] = ("order",), np.where(told, np.where(late, 0.0, 1.0), np.nan)
