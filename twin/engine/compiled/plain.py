"""Which lines are plain enough for ``maxplus``, and how they are lowered for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.engine.compiled import rows as mp
from twin.engine.compiled.flows import BINS, EXACT, flow_quantile
from twin.engine.compiled.lower import Lowering
from twin.engine.compiled.maxplus import run_plain
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.compiled.wearing import has_wear
from twin.engine.options import SimulationOptions
from twin.engine.streams import SHARE
from twin.kpi.counters import Coordinates, Counters, Values, figures_of
from twin.kpi.wear import highest_level, wear_figures
from twin.line import (
    Buffer,
    Failure,
    Line,
    Operation,
    Product,
    Setup,
    Source,
    Station,
    Wear,
    WearLevel,
)
from twin.line.spec import Spec

CLOCKS = {"operating": mp.BY_AGE, "calendar": mp.BY_CALENDAR}
"""Clocks of failures that need no events."""
RULES = ("fifo", "spt", "edd", "priority")
"""Dispatch rules that leave parts of one product in the order in which they came."""
# What may be said of a plain line; anything else that is not as by default makes it another.
SAID: dict[type[Spec], str] = {
    SimulationOptions: "horizon_s warm_up_s seed replication antithetic engine",
    Line: "id name description time_zone start sources sinks stations buffers products",
    Source: "id name arrivals interarrival_s products",
    Product: "id name setup_group routing sink attributes",
    Operation: "id name stations processing_time_s processing_time_by_station_s scrap_probability",
    Station: "id name input_buffer dispatch_rule failures setup signals wear",
    Setup: "matrix_s initial_group",
    Buffer: "id name capacity",
    Failure: "id name clock time_to_failure_s time_to_repair_s",
    Wear: "levels ages lowered_by",
    WearLevel: "after_s failure_factor time_factor",
}


def is_plain(line: Line, options: SimulationOptions) -> bool:
    """Tell whether a line, from empty, is a row of single servers where sums and maxima decide.

    One source without orders; products that all pass the same stations, each once, and that nothing
    reorders; at most one failure mode to a station, on the operating clock or by calendar and
    without a crew; wear by operating time; nothing else.
    """
    if not (_says_no_more(line) and _says_no_more(options) and len(line.sources) == 1):
        return False
    source, rows = line.sources[0], [product.routing for product in line.products]
    row = [step.stations[0] for step in rows[0]]
    if any([step.stations for step in steps] != [(name,) for name in row] for steps in rows):
        return False
    if len(set(row)) != len(row) or len(row) != len(line.stations):
        return False
    stations = [line.station(name) for name in row]
    buffers = [station.input_buffer for station in stations if station.input_buffer]
    specs = (source, *line.products, *(step for steps in rows for step in steps), *line.buffers)
    rules = RULES if len(rows) == 1 else RULES[:1]
    return (
        len(set(buffers)) == len(buffers)
        and source.arrivals != "orders"
        and (source.arrivals == "interarrival" or _room(line, stations[0]) >= 0)
        and all(_says_no_more(spec) for spec in specs)
        and all(one.dispatch_rule in rules and _is_plain(one) for one in stations)
    )


def _is_plain(station: Station) -> bool:
    """Tell whether what sets a station up, wears it and stops it needs no events."""
    wear, modes = station.wear, station.failures
    specs = (station, *modes, *([station.setup] if station.setup else []))
    if wear is not None:
        specs = (*specs, wear, *wear.levels)
    clocks = CLOCKS if wear is None else ("operating",)
    return (
        len(modes) <= 1
        and all(mode.clock in clocks for mode in modes)
        and all(_says_no_more(spec) for spec in specs)
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
        self._low, self._tables = low, tables
        self._span = np.array([begin_s, begin_s + low.options.warm_up_s, 0.0])
        self._span[mp.UNTIL] = begin_s + low.options.horizon_s
        # All products pass the same stations; the first of them has its choices in front.
        self._row = [int(s) for s in tables["choice_station"][: len(low.stations)]]
        self._reals: list[float] = list(tables["parameters"])
        self._pieces: list[int] = []
        self._levels: list[int] = []
        self._begins = 0
        self._places = 0
        ints = np.zeros((len(self._row), mp.INTS), dtype=np.int64)
        for i, s in enumerate(self._row):
            self._lower_station(ints[i], i, s)
        self._run = self._lower_run()
        records = np.array(self._pieces + self._levels, dtype=np.int64)
        self._ints = np.concatenate([ints.ravel(), records])
        self._table = np.array(self._reals)
        self._order = np.argsort(self._row)
        self._buffers = {
            low.buffer[name]: i
            for i, s in enumerate(self._row)
            if (name := low.stations[s].input_buffer)
        }

    def _drawn(self, distribution: int) -> tuple[int, int, int]:
        """Return the columns of a distribution."""
        first = self._tables["first_parameter"]
        code = self._tables["code"][distribution]
        return int(code), int(first[distribution]), int(first[distribution + 1])

    def _behind(self, values: Iterable[float]) -> int:
        """Put numbers behind the table; return where they begin."""
        begin = len(self._reals)
        self._reals.extend(values)
        return begin

    def _lower_run(self) -> Ints:
        low, tables = self._low, self._tables
        made = tables["share_product"]
        run = np.zeros(mp.WHICH + mp.BLOCK + len(made), dtype=np.int64)
        run[mp.ANTITHETIC] = low.options.antithetic
        run[mp.STATIONS] = len(self._row)
        run[mp.PRODUCTS] = len(low.products)
        run[mp.GROUPS] = len(low.groups)
        run[mp.FIRST_SHARE] = self._behind(tables["share"])
        run[mp.LAST_SHARE] = len(self._reals) - 1
        run[mp.PRODUCT_KEY] = tables["source_product_key"][0]
        run[mp.ARRIVAL_KEY] = tables["source_arrival_key"][0]
        run[mp.ARRIVAL] = -1
        if tables["source_times"][0] >= 0:
            run[mp.ARRIVAL : mp.ARRIVAL + 3] = self._drawn(tables["source_times"][0])
        run[mp.WHICH + mp.BLOCK :] = made
        return run

    def _choices(self, i: int) -> list[int]:
        """Return the rows of choices of a place in the routing, by product."""
        firsts = zip(self._tables["first_step"], self._low.products, strict=False)
        return [int(self._tables["first_choice"][first + i]) for first, _ in firsts]

    def _lower_station(self, row: Any, i: int, s: int) -> None:
        tables, spec, choices = self._tables, self._low.stations[s], self._choices(i)
        times = [int(tables["choice_times"][choice]) for choice in choices]
        forms = {int(tables["form"][one]) for one in times}
        row[mp.KEY] = tables["station_work"][s]
        row[mp.FORM] = forms.pop() if len(forms) == 1 else SHARE
        for one, group in zip(times, tables["product_group"], strict=True):
            self._pieces += [*self._drawn(one), int(tables["form"][one]), int(group), 0]
        mode = tables["first_mode"][s]
        for failure in spec.failures:
            row[mp.FAILS] = CLOCKS[failure.clock]
            row[mp.LIFE_KEY] = tables["mode_life_key"][mode]
            row[mp.LIFE : mp.LIFE + 3] = self._drawn(tables["mode_life"][mode])
            row[mp.REPAIR_KEY] = tables["mode_repair_key"][mode]
            row[mp.REPAIR : mp.REPAIR + 3] = self._drawn(tables["mode_repair"][mode])
        row[mp.ROOM] = _room(self._low.line, spec)
        row[mp.RING] = self._places
        self._places += max(0, int(row[mp.ROOM]))
        row[mp.SETUP] = row[mp.SCRAP] = row[mp.WEARS] = row[mp.GROUP] = -1
        if spec.setup:
            size = len(self._low.groups) ** 2
            first = int(tables["station_setup"][s]) * size
            row[mp.SETUP] = self._behind(tables["setup_s"][first : first + size])
            if spec.setup.initial_group:
                row[mp.GROUP] = self._low.groups[spec.setup.initial_group]
        scraps = [product.routing[i].scrap_probability for product in self._low.products]
        if any(scraps):
            row[mp.SCRAP] = self._behind(scraps)
            row[mp.QUALITY_KEY] = tables["station_quality"][s]
        if spec.wear:
            self._lower_wear(row, s, spec.wear)
        row[mp.SLOW] = bool(row[mp.FAILS]) or (row[[mp.SETUP, mp.SCRAP, mp.WEARS]] >= 0).any()

    def _lower_wear(self, row: Any, s: int, wear: Wear) -> None:
        tables, spec = self._tables, self._low.stations[s]
        first, count = int(tables["first_level"][s]), len(wear.levels) + 1
        modes = len(self._row) * len(self._low.products) * mp.PIECE_INTS
        row[mp.LEVEL_ROW] = len(self._row) * mp.INTS + modes + len(self._levels)
        row[mp.LEVEL_S] = len(self._row) * mp.REALS + self._begins
        row[mp.WEAR_KEY] = tables["wear_key"][s]
        row[mp.MENDS] = sum(tables["mode_mends"][tables["first_mode"][s]] for _ in spec.failures)
        worn = any(tables["mode_worn"][tables["first_mode"][s]] for _ in spec.failures)
        row[mp.WEARS] = len(self._reals)
        for level in range(first, first + count):
            after = int(tables["level_after"][level])
            self._levels += [*(self._drawn(after) if after >= 0 else (0, 0, 0)), after < 0]
            factor = tables["level_failure"][level] if worn else 1.0
            self._behind([factor, tables["level_time"][level]])
        self._begins += count

    def figures(self, replication: int) -> tuple[Values, Coordinates] | None:
        """Run one replication and return its key figures; None: time does not go on."""
        ran = self.run(replication)
        if ran.told[mp.ENDLESS]:
            return None
        values, coordinates = figures_of(self._counters(ran), self._low.naming)
        if has_wear(self._low.line):
            wear_figures(values, coordinates, self._level_times_s(ran))
        return values, coordinates

    def run(self, replication: int) -> Ran:
        """Run one replication."""
        stations = len(self._row)
        ran = Ran(
            ints=self._ints.copy(),
            reals=np.zeros(stations * mp.REALS + self._begins),
            told=np.zeros(mp.MADE + len(self._low.products)),
            flows=np.empty(EXACT),
            bins=np.empty(BINS, dtype=np.int64),
        )
        run = self._run.copy()
        run[mp.REPLICATION] = replication
        times = np.zeros((stations + 1) * mp.BLOCK)
        ring = np.zeros(self._places)
        run_plain(
            run, ran.ints, self._table, ran.reals, ring, times, self._span, ran.told, ran.flows,
            ran.bins,
        )  # fmt: skip
        return ran

    def _by_station(self, ran: Ran) -> tuple[Ints, Floats]:
        """Return what stands in the records of the stations, in their order in the row."""
        count = len(self._row)
        ints = ran.ints[: count * mp.INTS].reshape(count, mp.INTS)
        return ints, ran.reals[: count * mp.REALS].reshape(count, mp.REALS)

    def _counters(self, ran: Ran) -> Counters:
        (ints, reals), told, stations = self._by_station(ran), ran.told, len(self._row)
        finished, none = int(told[mp.FINISHED]), np.zeros(0)
        products, begin = len(self._low.products), stations * mp.INTS
        pieces = ran.ints[begin : begin + stations * products * mp.PIECE_INTS]
        worked = pieces.reshape(stations, products, mp.PIECE_INTS)[:, :, mp.PROCESSED].astype(float)
        choices = np.array([self._choices(i) for i in range(stations)])
        planned_s = (worked * self._tables["choice_mean_s"][choices]).sum(axis=1)
        status_s = np.zeros((stations, 6))
        spent = (mp.PROCESSING_S, mp.SETUP_S, mp.BLOCKED_S, mp.FAILED_S)
        for status, column in zip((0, 1, 2, 4), spent, strict=True):
            status_s[:, status] = reals[:, column]
        observed_s = self._span[mp.UNTIL] - self._span[mp.FROM]
        status_s[:, 3] = np.maximum(0.0, observed_s - status_s.sum(axis=1))
        content = np.zeros(len(self._low.buffers))
        for buffer, i in self._buffers.items():
            content[buffer] = reals[i, mp.CONTENT_AREA]
        return Counters(
            from_s=float(self._span[mp.FROM]),
            until_s=float(self._span[mp.UNTIL]),
            created=int(told[mp.CREATED]),
            finished=finished,
            flow_total_s=float(told[mp.FLOW_TOTAL]),
            flow_p90_s=flow_quantile(finished, ran.flows, ran.bins, 0.9),
            scrapped=int(told[mp.SCRAPPED]),
            wip_area=float(told[mp.WIP_AREA]),
            status_s=status_s[self._order],
            processed=worked.sum(axis=1)[self._order],
            bad=ints[self._order, mp.BAD].astype(float),
            planned_s=planned_s[self._order],
            content_area=content,
            product_finished=told[mp.MADE :].copy(),
            order_good=none,
            order_gone=none,
            order_last_s=none,
        )

    def _level_times_s(self, ran: Ran) -> Floats:
        """Return the time of each station at each level of wear, s."""
        ints, reals = self._by_station(ran)
        spent = np.zeros((len(self._row), highest_level(self._low.line) + 1))
        for i, s in enumerate(self._row):
            wear = self._low.stations[s].wear
            if wear is not None:
                first = ints[i, mp.LEVEL_S]
                spent[s, : len(wear.levels) + 1] = ran.reals[first : first + len(wear.levels) + 1]
                since_s = max(reals[i, mp.WORN_S], self._span[mp.FROM])
                spent[s, ints[i, mp.LEVEL]] += max(0.0, self._span[mp.UNTIL] - since_s)
        return spent
