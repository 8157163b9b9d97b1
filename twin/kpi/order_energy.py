"""The energy that went into each order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.events.kinds import Kind
from twin.events.log import EventLog
from twin.kpi.energy import energy_kwh
from twin.kpi.measures import count, parts_of, planned_s
from twin.kpi.rows import Table
from twin.line import Line

if TYPE_CHECKING:
    import pandas as pd

NO_ORDER = ""
"""Order of the energy that went into parts without one, or that nothing was made with."""


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
