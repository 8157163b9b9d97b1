"""Energy, what it costs and what it emits: a function of the time in each status.

References
----------
ISO 20140-5:2017, Automation systems and integration, evaluating energy efficiency of manufacturing
systems: energy by state of the equipment, allocated to what is made.
"""

from __future__ import annotations

import numpy as np

from twin.kpi.rows import Floats
from twin.kpi.times import STATUSES
from twin.line import Line

SECONDS_PER_HOUR = 3600.0


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
