"""Runs of plain lines by ``maxplus``, and their key figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.engine.compiled import rows as mp
from twin.engine.compiled.flows import BINS, EXACT, flow_quantile
from twin.engine.compiled.lower import Lowering
from twin.engine.compiled.maxplus import run_plain
from twin.engine.compiled.plainlower import PlainTables
from twin.engine.compiled.tables import VEHICLE_STATES, Floats, Ints
from twin.engine.compiled.wearing import has_wear
from twin.kpi.counters import Coordinates, Counters, Values, figures_of
from twin.kpi.vehicles import vehicle_figures
from twin.kpi.wear import highest_level, wear_figures


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
        self._plain = PlainTables(low, tables)
        places = np.array(self._plain.places)
        at_station = np.flatnonzero(places >= 0)
        self._order = at_station[np.argsort(places[at_station])]
        """Places by station."""

    def figures(self, replication: int) -> tuple[Values, Coordinates] | None:
        """Run one replication and return its key figures; None: time does not go on."""
        ran = self.run(replication)
        if ran.told[mp.ENDLESS]:
            return None
        values, coordinates = figures_of(self._counters(ran), self._low.naming)
        if has_wear(self._low.line):
            wear_figures(values, coordinates, self._level_times_s(ran))
        if self._low.line.vehicles:
            vehicle_figures(values, coordinates, self._low.line, *self._vehicle_counts(ran))
        return values, coordinates

    def run(self, replication: int) -> Ran:
        """Run one replication."""
        plain, places = self._plain, len(self._plain.places)
        ran = Ran(
            ints=plain.row.copy(),
            reals=np.zeros(places * mp.REALS + plain.levels),
            told=np.zeros(mp.MADE + len(self._low.products)),
            flows=np.empty(EXACT),
            bins=np.empty(BINS, dtype=np.int64),
        )
        run = plain.run.copy()
        run[mp.REPLICATION] = replication
        times, ring = np.zeros(places * mp.BLOCK), np.zeros(plain.rings)
        run_plain(
            run, ran.ints, plain.table, ran.reals, ring, times, self._span, ran.told, ran.flows,
            ran.bins,
        )  # fmt: skip
        return ran

    def _by_place(self, ran: Ran) -> tuple[Ints, Floats]:
        """Return what stands in the records of all places."""
        count = len(self._plain.places)
        ints = ran.ints[: count * mp.INTS].reshape(count, mp.INTS)
        return ints, ran.reals[: count * mp.REALS].reshape(count, mp.REALS)

    def _counters(self, ran: Ran) -> Counters:
        (ints, reals), told, places = self._by_place(ran), ran.told, len(self._plain.places)
        finished, none = int(told[mp.FINISHED]), np.zeros(0)
        products, begin = len(self._low.products), places * mp.INTS
        pieces = ran.ints[begin : begin + places * products * mp.PIECE_INTS]
        worked = pieces.reshape(places, products, mp.PIECE_INTS)[:, :, mp.PROCESSED].astype(float)
        planned_s = (worked * self._plain.mean_s).sum(axis=1)
        status_s = np.zeros((places, 6))
        spent = (mp.PROCESSING_S, mp.SETUP_S, mp.BLOCKED_S, mp.FAILED_S)
        for status, column in zip((0, 1, 2, 4), spent, strict=True):
            status_s[:, status] = reals[:, column]
        observed_s = self._span[mp.UNTIL] - self._span[mp.FROM]
        status_s[:, 3] = np.maximum(0.0, observed_s - status_s.sum(axis=1))
        content = np.zeros(len(self._low.buffers))
        for buffer, i in self._plain.buffers.items():
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
        ints, reals = self._by_place(ran)
        spent = np.zeros((len(self._order), highest_level(self._low.line) + 1))
        for s, i in enumerate(self._order):
            wear = self._low.stations[s].wear
            if wear is not None:
                first = ints[i, mp.LEVEL_S]
                spent[s, : len(wear.levels) + 1] = ran.reals[first : first + len(wear.levels) + 1]
                since_s = max(reals[i, mp.WORN_S], self._span[mp.FROM])
                spent[s, ints[i, mp.LEVEL]] += max(0.0, self._span[mp.UNTIL] - since_s)
        return spent

    def _vehicle_counts(self, ran: Ran) -> tuple[Floats, Floats, Floats]:
        """Return times of pools in each status, trips of pools, and waits at stations, s."""
        pools, (ints, reals) = self._low.sites.pools, self._by_place(ran)
        spent, carried = np.zeros((len(pools), VEHICLE_STATES)), np.zeros(len(pools))
        waits_s = np.zeros(len(reals))
        columns = [mp.EMPTY_S, mp.LOADING_S, mp.LOADED_S, mp.UNLOADING_S]
        station = {int(ride): i for i, ride in enumerate(ints[:, mp.RIDE]) if ride}
        for i, k in self._plain.rides.items():
            spent[k, 1:5] = reals[i, columns]
            observed_s = ints[i, mp.SIZE] * (self._span[mp.UNTIL] - self._span[mp.FROM])
            spent[k, 0] = max(0.0, observed_s - spent[k].sum())
            carried[k], waits_s[station[i]] = reals[i, mp.TRIPS], reals[i, mp.WAIT_S]
        return spent, carried, waits_s[self._order]
