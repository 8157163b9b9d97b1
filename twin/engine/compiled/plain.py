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
from twin.line import Buffer, Failure, Line, Operation, Product, Source, Station
from twin.line.spec import Spec

CLOCKS = {"operating": mp.BY_AGE, "calendar": mp.BY_CALENDAR}
"""Clocks of failures that need no events."""
RULES = ("fifo", "spt", "edd", "priority")
"""Dispatch rules that leave parts of one product in the order in which they came."""
# What may be said of a plain line; anything else that is not as by default makes it another.
SAID: dict[type[Spec], str] = {
    SimulationOptions: "horizon_s warm_up_s seed replication antithetic engine",
    Line: "id name description time_zone start sources sinks stations buffers products",
    Source: "id name arrivals products",
    Product: "id name setup_group routing sink attributes",
    Operation: "id name stations processing_time_s processing_time_by_station_s",
    Station: "id name input_buffer dispatch_rule failures signals",
    Buffer: "id name capacity",
    Failure: "id name clock time_to_failure_s time_to_repair_s",
}


def is_plain(line: Line, options: SimulationOptions) -> bool:
    """Tell whether a line, from empty, is a row of single servers where sums and maxima decide.

    One source that always has a part, one product, each station once; at most one failure mode to a
    station, on the operating clock or by calendar and without a crew; nothing else.
    """
    if not (_says_no_more(line) and _says_no_more(options)):
        return False
    if len(line.sources) != 1 or len(line.products) != 1:
        return False
    routing = line.products[0].routing
    row = [step.stations[0] for step in routing if len(step.stations) == 1]
    if len(set(row)) != len(routing) or len(row) != len(line.stations):
        return False
    stations = [line.station(name) for name in row]
    buffers = [station.input_buffer for station in stations if station.input_buffer]
    if len(set(buffers)) != len(buffers) or _room(line, stations[0]) < 0:
        return False
    modes = [mode for station in stations for mode in station.failures]
    specs = (*line.sources, *line.products, *routing, *stations, *line.buffers, *modes)
    return (
        line.sources[0].arrivals == "unlimited"
        and all(_says_no_more(spec) for spec in specs)
        and all(station.dispatch_rule in RULES for station in stations)
        and all(len(station.failures) <= 1 for station in stations)
        and all(mode.clock in CLOCKS for mode in modes)
    )


def _says_no_more(spec: Spec) -> bool:
    said = SAID[type(spec)].split()
    return all(
        name in said or getattr(spec, name) == field.get_default(call_default_factory=True)
        for name, field in type(spec).model_fields.items()
    )


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
    """All of them by size, where there are more."""


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
        self._order = np.argsort(self._row)
        self._mean_s = np.array(means)[self._order]
        self._buffers = {
            low.buffer[name]: i
            for i, s in enumerate(self._row)
            if (name := low.stations[s].input_buffer)
        }

    def _lower_station(self, row: Any, i: int, s: int, tables: dict[str, Any]) -> None:
        def draw(column: int, key: int, distribution: int) -> None:
            first = tables["first_parameter"]
            row[column : column + 5] = (
                key,
                tables["code"][distribution],
                first[distribution],
                first[distribution + 1],
                tables["form"][distribution],
            )

        draw(mp.KEY, tables["station_work"][s], tables["choice_times"][tables["first_choice"][i]])
        mode = tables["first_mode"][s]
        for failure in self._low.stations[s].failures:
            row[mp.FAILS] = CLOCKS[failure.clock]
            draw(mp.LIFE_KEY, tables["mode_life_key"][mode], tables["mode_life"][mode])
            draw(mp.REPAIR_KEY, tables["mode_repair_key"][mode], tables["mode_repair"][mode])
        row[mp.ROOM] = _room(self._low.line, self._low.stations[s])
        row[mp.RING] = self._places
        self._places += max(0, int(row[mp.ROOM]))

    def figures(self, replication: int) -> tuple[Values, Coordinates]:
        """Run one replication and return its key figures."""
        return figures_of(self._counters(self.run(replication)), self._low.naming)

    def run(self, replication: int) -> Ran:
        """Run one replication."""
        ran = Ran(
            ints=self._ints.copy(),
            reals=np.zeros((len(self._row), mp.REALS)),
            told=np.zeros(mp.TOLD),
            flows=np.empty(EXACT),
            bins=np.empty(BINS, dtype=np.int64),
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
        reals, told = ran.reals[self._order], ran.told
        finished, none = int(told[mp.FINISHED]), np.zeros(0)
        processed = ran.ints[self._order, mp.PROCESSED].astype(float)
        status_s = np.zeros((len(self._row), 6))
        columns = ((0, mp.PROCESSING_S), (2, mp.BLOCKED_S), (4, mp.FAILED_S))
        for status, column in columns:
            status_s[:, status] = reals[:, column]
        observed_s = self._span[mp.UNTIL] - self._span[mp.FROM]
        status_s[:, 3] = np.maximum(0.0, observed_s - status_s.sum(axis=1))
        content = np.zeros(len(self._low.buffers))
        for buffer, i in self._buffers.items():
            content[buffer] = ran.reals[i, mp.CONTENT_AREA]
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
            bad=np.zeros(len(processed)),
            planned_s=processed * self._mean_s,
            content_area=content,
            product_finished=np.array([float(finished)]),
            order_good=none,
            order_gone=none,
            order_last_s=none,
        )
