"""Which lines are plain enough for ``maxplus``, and how they are lowered for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.engine.compiled import maxplus as mp
from twin.engine.compiled.flows import BINS, EXACT, flow_quantile
from twin.engine.compiled.lower import Lowering
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.options import SimulationOptions
from twin.kpi.counters import Coordinates, Counters, Values, figures_of
from twin.line import Line, Station


def is_plain(line: Line, options: SimulationOptions) -> bool:
    """Tell whether a line, from empty, is a row of single servers where sums and maxima decide.

    One source that always has a part, one product, each station once with a dispatch rule of ours,
    no rework and scrap, no setups, shifts and orders; at most one failure mode to a station, on the
    operating clock and without a crew.
    """
    if len(line.sources) != 1 or len(line.products) != 1 or line.orders:
        return False
    if line.sources[0].arrivals != "unlimited" or options.faults or options.plan is not None:
        return False
    routing = line.products[0].routing
    row = [step.stations[0] for step in routing if len(step.stations) == 1]
    if len(set(row)) != len(routing) or len(row) != len(line.stations):
        return False
    if any(step.rework or step.scrap_probability > 0.0 for step in routing):
        return False
    stations = [line.station(name) for name in row]
    buffers = [station.input_buffer for station in stations if station.input_buffer]
    if len(set(buffers)) != len(buffers) or (buffers and _room(line, stations[0]) < 0):
        return False
    return all(_is_plain_station(station) for station in stations)


def _is_plain_station(station: Station) -> bool:
    fixed = station.servers == 1 and station.setup is None and station.calendar is None
    modes = station.failures
    return fixed and len(modes) <= 1 and all(m.clock == "operating" and not m.crew for m in modes)


def _room(line: Line, station: Station) -> int:
    """Return the places in the buffer before a station; 0: no buffer, -1: without limit."""
    if not station.input_buffer:
        return 0
    capacity = line.buffer(station.input_buffer).capacity
    return -1 if capacity is None else capacity


@dataclass(frozen=True, slots=True)
class Ran:
    """What one replication left behind; see ``maxplus`` and ``flows``."""

    ints: Ints
    reals: Floats
    told: Floats
    flows: Floats
    """The first flow times, s."""
    bins: Ints


class PlainProgram:
    """A plain line with its options, lowered; ``figures`` as ``Program`` gives them."""

    def __init__(self, low: Lowering, tables: dict[str, Any], begin_s: float) -> None:
        self._low = low
        self._span = np.array([begin_s, begin_s + low.options.warm_up_s, 0.0])
        self._span[mp.UNTIL] = begin_s + low.options.horizon_s
        self._table = tables["parameters"]
        routing = low.line.products[0].routing
        self._row = [low.station[step.stations[0]] for step in routing]
        self._ints = np.zeros((len(self._row), mp.INTS), dtype=np.int64)
        self._places = 0
        for i, s in enumerate(self._row):
            self._lower_station(self._ints[i], i, s, tables)
        means = [tables["choice_mean_s"][tables["first_choice"][i]] for i in range(len(routing))]
        self._mean_s = np.array(means)

    def _lower_station(self, row: Any, i: int, s: int, tables: dict[str, Any]) -> None:
        def draw(column: int, key: int, distribution: int) -> None:
            first = tables["first_parameter"]
            row[column : column + 4] = (
                key,
                tables["code"][distribution],
                first[distribution],
                first[distribution + 1],
            )

        draw(mp.KEY, tables["station_work"][s], tables["choice_times"][tables["first_choice"][i]])
        mode = tables["first_mode"][s]
        row[mp.FAILS] = tables["first_mode"][s + 1] > mode
        if row[mp.FAILS]:
            draw(mp.LIFE_KEY, tables["mode_life_key"][mode], tables["mode_life"][mode])
            draw(mp.REPAIR_KEY, tables["mode_repair_key"][mode], tables["mode_repair"][mode])
        row[mp.ROOM] = _room(self._low.line, self._low.stations[s])
        row[mp.RING] = self._places
        self._places += max(0, int(row[mp.ROOM]))

    def figures(self, replication: int) -> tuple[Values, Coordinates]:
        """Run one replication and return its key figures."""
        return figures_of(self._counters(self.run(replication)), self._low.line, self._low.names)

    def run(self, replication: int) -> Ran:
        """Run one replication."""
        ran = Ran(
            ints=self._ints.copy(),
            reals=np.zeros((len(self._row), mp.REALS)),
            told=np.zeros(mp.TOLD),
            flows=np.zeros(EXACT),
            bins=np.zeros(BINS, dtype=np.int64),
        )
        run = np.array([replication, self._low.options.antithetic, len(self._row)], dtype=np.int64)
        times = np.zeros((len(self._row), mp.BLOCK))
        ring = np.zeros(self._places)
        mp.run_plain(
            run, ran.ints.ravel(), self._table, ran.reals.ravel(), ring, times.ravel(), self._span,
            ran.told, ran.flows, ran.bins,
        )  # fmt: skip
        return ran

    def _counters(self, ran: Ran) -> Counters:
        ints, reals, told = ran.ints, ran.reals, ran.told
        low, finished = self._low, int(told[mp.FINISHED])
        order = np.argsort(self._row)
        processed = ints[order, mp.PROCESSED].astype(float)
        status_s = np.zeros((len(self._row), 6))
        columns = ((0, mp.PROCESSING_S), (2, mp.BLOCKED_S), (4, mp.FAILED_S))
        for status, column in columns:
            status_s[:, status] = reals[order, column]
        observed_s = self._span[mp.UNTIL] - self._span[mp.FROM]
        status_s[:, 3] = np.maximum(0.0, observed_s - status_s.sum(axis=1))
        content = np.zeros(len(low.buffers))
        for i, s in enumerate(self._row):
            buffer = low.stations[s].input_buffer
            if buffer:
                content[low.buffer[buffer]] = reals[i, mp.CONTENT_AREA]
        none = np.zeros(0)
        return Counters(
            from_s=float(self._span[mp.FROM]),
            until_s=float(self._span[mp.UNTIL]),
            created=int(told[mp.CREATED]),
            finished=finished,
            flow_total_s=float(told[mp.FLOW_TOTAL]),
            flow_p90_s=flow_quantile(finished, ran.flows, ran.bins, 0.9),
            scrapped=0,
            wip_area=float(told[mp.WIP_AREA]),
            status_s=status_s,
            processed=processed,
            bad=np.zeros(len(order)),
            planned_s=processed * self._mean_s[order],
            content_area=content,
            product_finished=np.array([float(finished)]),
            order_good=none,
            order_gone=none,
            order_last_s=none,
        )
