"""Energy, what it costs and what it emits: a function of the time in each status.

References
----------
ISO 20140-5:2017, Automation systems and integration, evaluating energy efficiency of manufacturing
systems: energy by state of the equipment, allocated to what is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.events.kinds import Kind
from twin.events.log import EventLog
from twin.kpi.rows import Floats
from twin.kpi.times import STATUSES
from twin.line import Line

if TYPE_CHECKING:
    import pandas as pd

SECONDS_PER_HOUR = 3600.0
NO_ORDER = ""
"""Order of the energy that went into parts without one, or that nothing was made with."""


def has_energy(line: Line) -> bool:
    """Tell whether the power of any station is known."""
    return any(station.power is not None for station in line.stations)


def power_kw(line: Line) -> Floats:
    """Return the power of one server, by station (``Line.flow_order``) and status, kW."""
    powers = [line.station(name).power for name in line.flow_order]
    return np.array(
        [[power.kw(status) if power else 0.0 for status in STATUSES] for power in powers]
    ).reshape(len(powers), len(STATUSES))


def energy_kwh(line: Line, status_s: Floats) -> Floats:
    """Return the energy of each station, kWh.

    Parameters
    ----------
    line : Line
        Whose stations state their power.
    status_s : array
        Server-seconds by station and status.
    """
    return np.asarray((power_kw(line) * status_s).sum(axis=1) / SECONDS_PER_HOUR)


def order_energy(log: EventLog, line: Line) -> pd.DataFrame:
    """Return the energy that went into each order; the rows add up to all energy.

    The energy of a station, waiting and standing still included, is shared out by the planned
    processing time of the operations that ended there while observed.

    Parameters
    ----------
    log : EventLog
        Simulated or real.
    line : Line
        The line it belongs to, with ``power`` at its stations.

    Returns
    -------
    pandas.DataFrame
        By ``order`` (empty: parts without one, and stations at which nothing ended):
        ``energy_kwh``, ``carbon_kg`` and ``energy_cost``, the latter two NaN where the line states
        no factor.
    """
    import pandas as pd  # noqa: PLC0415 - heavy, and a run does not need it

    from twin.kpi.measures import count, parts_of, planned_s  # noqa: PLC0415 - they import this
    from twin.kpi.rows import Table  # noqa: PLC0415

    table = Table.of(log, line)
    parts = parts_of(table, log)
    index = {name: i for i, name in enumerate(log.names.elements)}
    places = [index[name] for name in line.flow_order]
    ended = table.observed & table.where(Kind.PROCESSING_ENDED)
    orders = np.full(len(table.time_s), -1)
    orders[ended] = parts.order[parts.at(table.part[ended])]
    planned = np.array(
        [
            planned_s(table, log, line, ended & (orders == number), parts)[places]
            for number in range(-1, len(log.names.orders))
        ]
    )
    whole = planned.sum(axis=0)
    planned[0, whole <= 0] = 1.0
    spent_kwh = energy_kwh(line, count(log, line).status_s)
    found = (planned / planned.sum(axis=0) * spent_kwh).sum(axis=1)
    prices = line.energy
    return pd.DataFrame(
        {
            "order": [NO_ORDER, *log.names.orders],
            "energy_kwh": found,
            "carbon_kg": found * (prices.carbon_kg_per_kwh if prices else np.nan),
            "energy_cost": found * (prices.price_per_kwh if prices else np.nan),
        }
    )
