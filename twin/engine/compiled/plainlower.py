"""Plain lines as the arrays that ``maxplus`` runs on; ``rows`` names what stands in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from twin.engine.compiled import rows as mp
from twin.engine.compiled.lower import Lowering
from twin.engine.compiled.plainness import (
    CLOCKS,
    Strand,
    legs_of,
    places_in,
    room_before,
    strands_of,
)
from twin.engine.compiled.tables import Ints
from twin.engine.streams import SHARE
from twin.events.beginning import PARTS_PER_SLOT
from twin.line import Station, Wear


class PlainTables:
    """A plain line lowered: what no run changes, and what it begins with.

    Parameters
    ----------
    low : Lowering
        Of the line.
    tables : dict
        Its fields that no run changes.
    """

    def __init__(self, low: Lowering, tables: dict[str, Any]) -> None:
        self._low, self._tables = low, tables
        self._product = {product.id: p for p, product in enumerate(low.products)}
        self._strands = strands_of(low.line)
        self.places: list[int] = []
        """Stations by place; -1: the end of a strand, or a ride."""
        self._at: list[list[int]] = []
        """Places of the stations of each strand, then its end."""
        for strand in self._strands:
            first, row = len(self.places), [low.station[name] for name in strand.stations]
            self.places += [*row, -1]
            self._at.append(list(range(first, first + len(row) + 1)))
        self.rides = {len(self.places) + k: k for k in range(len(low.sites.pools))}
        """Pools by ride."""
        self.places += [-1] * len(self.rides)
        count, products = len(self.places), len(low.products)
        self._reals: list[float] = list(tables["parameters"])
        self._levels: list[int] = []
        self._kits: list[int] = []
        self._ints = np.zeros((count, mp.INTS), dtype=np.int64)
        self._ints[:, [mp.SETUP, mp.SCRAP, mp.WEARS, mp.GROUP]] = -1
        self._pieces = np.zeros((count, products, mp.PIECE_INTS), dtype=np.int64)
        self.mean_s = np.zeros((count, products))
        """Expected time of an operation, by place and product, s."""
        self.buffers: dict[int, int] = {}
        """Place that a buffer stands before, or that is a stock."""
        self.rings = self.levels = 0
        """Places in all buffers and vehicles; levels of wear."""
        self.run = self._lower_strands()
        records = self._ints.size + self._pieces.size
        self._pieces[:, :, [mp.FIRST_KIT, mp.LAST_KIT]] += records + len(self._levels)
        more = np.array(self._levels + self._kits, dtype=np.int64)
        self.row = np.concatenate([self._ints.ravel(), self._pieces.ravel(), more])
        self.table = np.array(self._reals)

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

    def _lower_strands(self) -> Ints:
        low, records = self._low, [np.zeros(mp.STRAND, dtype=np.int64)]
        made: list[int] = []
        for i, k in self.rides.items():
            self._lower_ride(self._ints[i], i, k)
        makes = mp.STRAND + len(self._strands) * mp.STRAND_INTS
        for strand, at in zip(self._strands, self._at, strict=True):
            self._lower_kits(strand, at)
            for visit, i in enumerate(at[:-1]):
                self._lower_station(self._ints[i], i, visit, strand)
            self._lower_end(self._ints[at[-1]], at[-1], strand)
            record, products = self._lower_source(at, strand)
            record[mp.MAKES] = makes + len(made)
            records.append(record)
            made += products
        run = np.concatenate([*records, np.array(made, dtype=np.int64)])
        run[mp.ANTITHETIC] = low.options.antithetic
        run[mp.PLACES] = len(self.places)
        run[mp.PRODUCTS] = len(low.products)
        run[mp.GROUPS] = len(low.groups)
        run[mp.STRANDS] = len(self._strands)
        return run

    def _lower_source(self, at: list[int], strand: Strand) -> tuple[Ints, list[int]]:
        """Return the record of a strand, and the products that its source makes."""
        tables, source = self._tables, self._low.sources.index(strand.source)
        first, last = tables["first_share"][source : source + 2]
        made = [int(product) for product in tables["share_product"][first:last]]
        record = np.zeros(mp.STRAND_INTS, dtype=np.int64)
        record[mp.BEGINS], record[mp.ENDS] = at[0], at[-1]
        record[mp.NUMBER] = source * PARTS_PER_SLOT
        steps = (step for product in strand.products for step in product.routing)
        record[mp.ASSEMBLES] = any(step.components for step in steps)
        record[mp.RIDES_ON] = self._ints[at, mp.RIDE].any()
        record[mp.KINDS] = len(made)
        record[mp.FIRST_SHARE] = self._behind(tables["share"][first:last])
        record[mp.LAST_SHARE] = len(self._reals) - 1
        record[mp.PRODUCT_KEY] = tables["source_product_key"][source]
        record[mp.ARRIVAL_KEY] = tables["source_arrival_key"][source]
        record[mp.ARRIVAL] = -1
        if tables["source_times"][source] >= 0:
            record[mp.ARRIVAL : mp.ARRIVAL + 3] = self._drawn(tables["source_times"][source])
        record[mp.WHICH :] = made[0]
        return record, made

    def _lower_kits(self, strand: Strand, at: list[int]) -> None:
        """Lower the components of a strand's products: all of one product together, by place."""
        supply = {other.products[0].id: k for k, other in enumerate(self._strands) if other.stock}
        for product in strand.products:
            piece = self._pieces[:, self._product[product.id]]
            piece[at[-1], mp.FIRST_KIT] = len(self._kits)
            for i, step in zip(at, product.routing, strict=False):
                piece[i, mp.FIRST_KIT] = len(self._kits)
                for name, count in sorted(step.components.items()):
                    self._kits += [self._at[supply[name]][-1], count, supply[name]]
                    self._ints[i, mp.KITS] = 1
                piece[i, mp.LAST_KIT] = len(self._kits)
            piece[at[-1], mp.LAST_KIT] = len(self._kits)

    def _lower_ride(self, row: Any, i: int, k: int) -> None:
        """Lower the way on which a pool brings parts."""
        tables, pool = self._tables, self._low.sites.pools[k]
        legs = (leg for strand in self._strands for leg in legs_of(self._low.line, strand))
        origin, goal = next(leg for leg in legs if pool.carries(*leg))
        place = self.places.index(self._low.station[origin])
        row[mp.SIZE], row[mp.RING] = pool.count, self.rings
        self.rings += pool.count
        row[mp.LOAD_KEY], row[mp.UNLOAD_KEY] = (
            tables["pool_load_key"][k],
            tables["pool_unload_key"][k],
        )
        row[mp.LOAD : mp.LOAD + 3] = self._drawn(tables["pool_load"][k])
        row[mp.UNLOAD : mp.UNLOAD + 3] = self._drawn(tables["pool_unload"][k])
        row[mp.WAYS] = self._behind(
            pool.travel_s(*way) for way in ((pool.home, origin), (goal, origin), (origin, goal))
        )
        row[mp.VISIT] = next(at.index(place) for at in self._at if place in at)
        self._ints[place, mp.RIDE] = i

    def _lower_end(self, row: Any, end: int, strand: Strand) -> None:
        """Lower what stands behind the stations of a strand: a stock, or nothing."""
        row[mp.ROOM], row[mp.RING] = places_in(self._low.line, strand.stock), self.rings
        if strand.stock is not None:
            name = strand.products[0].id
            steps = (step for product in self._low.products for step in product.routing)
            most = max(step.components.get(name, 0) for step in steps)
            row[mp.SIZE] = row[mp.ROOM] if row[mp.ROOM] >= 0 else most
            self.buffers[self._low.buffer[strand.stock]] = end
            self.rings += int(row[mp.SIZE])

    def _lower_station(self, row: Any, i: int, visit: int, strand: Strand) -> None:
        low, tables, s = self._low, self._tables, self.places[i]
        spec, mode = low.stations[s], tables["first_mode"][s]
        row[mp.KEY], row[mp.VISIT] = tables["station_work"][s], visit
        for failure in spec.failures:
            row[mp.FAILS] = CLOCKS[failure.clock]
            row[mp.LIFE_KEY] = tables["mode_life_key"][mode]
            row[mp.LIFE : mp.LIFE + 3] = self._drawn(tables["mode_life"][mode])
            row[mp.REPAIR_KEY] = tables["mode_repair_key"][mode]
            row[mp.REPAIR : mp.REPAIR + 3] = self._drawn(tables["mode_repair"][mode])
        row[mp.ROOM], row[mp.RING] = room_before(low.line, spec), self.rings
        self.rings += max(0, int(row[mp.ROOM]))
        if spec.input_buffer:
            self.buffers[low.buffer[spec.input_buffer]] = i
        if spec.setup:
            size = len(low.groups) ** 2
            first = int(tables["station_setup"][s]) * size
            row[mp.SETUP] = self._behind(tables["setup_s"][first : first + size])
            if spec.setup.initial_group:
                row[mp.GROUP] = low.groups[spec.setup.initial_group]
        self._lower_pieces(row, i, visit, strand)
        if spec.wear:
            self._lower_wear(row, spec, spec.wear)
        kinds = row[[mp.SETUP, mp.SCRAP, mp.WEARS]] >= 0
        row[mp.SLOW] = row[[mp.FAILS, mp.KITS, mp.RIDE]].any() or kinds.any()

    def _lower_pieces(self, row: Any, i: int, visit: int, strand: Strand) -> None:
        """Lower what depends on the product at a station."""
        tables, forms, scraps = self._tables, set(), [0.0] * len(self._low.products)
        for product in strand.products:
            p = self._product[product.id]
            choice = tables["first_choice"][tables["first_step"][p] + visit]
            times = int(tables["choice_times"][choice])
            form, group = int(tables["form"][times]), int(tables["product_group"][p])
            self._pieces[i, p, : mp.PROCESSED] = [*self._drawn(times), form, group]
            self.mean_s[i, p] = tables["choice_mean_s"][choice]
            scraps[p] = product.routing[visit].scrap_probability
            forms.add(form)
        row[mp.FORM] = forms.pop() if len(forms) == 1 else SHARE
        if any(scraps):
            row[mp.SCRAP] = self._behind(scraps)
            row[mp.QUALITY_KEY] = tables["station_quality"][self.places[i]]

    def _lower_wear(self, row: Any, spec: Station, wear: Wear) -> None:
        tables, s = self._tables, self._low.station[spec.id]
        first, count = int(tables["first_level"][s]), len(wear.levels) + 1
        row[mp.LEVEL_ROW] = self._ints.size + self._pieces.size + len(self._levels)
        row[mp.LEVEL_S] = len(self.places) * mp.REALS + self.levels
        row[mp.WEAR_KEY] = tables["wear_key"][s]
        row[mp.MENDS] = sum(tables["mode_mends"][tables["first_mode"][s]] for _ in spec.failures)
        worn = any(tables["mode_worn"][tables["first_mode"][s]] for _ in spec.failures)
        row[mp.WEARS] = len(self._reals)
        for level in range(first, first + count):
            after = int(tables["level_after"][level])
            self._levels += [*(self._drawn(after) if after >= 0 else (0, 0, 0)), after < 0]
            factor = tables["level_failure"][level] if worn else 1.0
            self._behind([factor, tables["level_time"][level]])
        self.levels += count
