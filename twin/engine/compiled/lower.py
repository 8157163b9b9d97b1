"""A line becomes flat tables: the compiled engine's build step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import numpy as np

from twin.engine.compiled import tables as t
from twin.engine.compiled.demand import order_tables, source_tables
from twin.engine.compiled.grouping import group_tables, has_batches, is_grouped
from twin.engine.compiled.layout import floats, ints, offsets
from twin.engine.compiled.limits import (
    card_tables,
    has_limits,
    has_looks,
    is_sorted,
    limited_steps,
    needs_aside,
    wait_tables,
)
from twin.engine.compiled.routes import Routes
from twin.engine.compiled.transport import Sites, vehicle_tables
from twin.engine.compiled.upkeep import mode_tables, people_tables
from twin.engine.compiled.wearing import has_wear, scraps_by_wear, wear_tables
from twin.engine.model import ahead_of
from twin.engine.nodes import parameters_of
from twin.engine.options import Absence, Fault, Shortage, SimulationOptions
from twin.engine.reference.clock import Due
from twin.engine.reference.wear import BEFORE_MODES
from twin.engine.streams import Purpose, form_of, stream_key
from twin.events.log import Names
from twin.events.state import LineState
from twin.kpi.counters import Naming
from twin.line import AnyDistribution, Line, Operation, Station
from twin.line.rules import DISPATCH_RULES, ROUTING_RULES
from twin.line.switching import switches

RULES: dict[str, int] = {name: getattr(t, name.upper()) for name in DISPATCH_RULES}
CHOICES: dict[str, int] = {name: getattr(t, name.upper()) for name in ROUTING_RULES}


def rules_of(station: Station) -> list[int]:
    """Return the numbers of a station's dispatch rules, in their order."""
    return [RULES[name] for name in named_rules(station)]


def named_rules(station: Station) -> tuple[str, ...]:
    """Return the names of a station's dispatch rules, in their order."""
    named = station.dispatch_rule
    return (named,) if isinstance(named, str) else named


class Lowering:
    """Turns one line, with the options and the state of a run, into tables."""

    def __init__(self, line: Line, options: SimulationOptions, state: LineState) -> None:
        self.line = line
        self.options = options
        self.state = state
        self.names = Names.of(line)
        self.naming = Naming.of(line, self.names)
        self.element = {name: i for i, name in enumerate(self.names.elements)}
        self.station = {name: i for i, name in enumerate(line.flow_order)}
        self.stations = [line.station(name) for name in line.flow_order]
        self.buffers = sorted(line.buffers, key=lambda b: b.id)
        self.buffer = {spec.id: i for i, spec in enumerate(self.buffers)}
        self.products = [line.product(name) for name in self.names.products]
        self.orders = [line.order(name) for name in self.names.orders]
        self.order = {spec.id: i for i, spec in enumerate(self.orders)}
        self.sources = sorted(line.sources, key=lambda s: s.id)
        self.crews = sorted(line.crews, key=lambda c: c.id)
        self.modes = [(s, mode) for s, spec in enumerate(self.stations) for mode in spec.modes]
        self.groups = self._groups()
        self.outages = self._outages()
        self.slows = [f for f in options.faults if f.kind == "slowdown"]
        self.slots = self._slots()
        self.routes = Routes(line, state, options.plan)
        self.limited = has_limits(line)
        self.sites = Sites(line, state, self.routes.entrance_names)
        sources, pools = [s.id for s in self.sources], [pool.id for pool in self.sites.pools]
        self.outside = [*sources, *pools]
        self.aside = needs_aside(line, state)
        self._codes: list[int] = []
        self._parameters: list[t.Floats] = []
        self._known: dict[AnyDistribution, int] = {}
        self._switches: dict[str, list[tuple[float, bool]]] = {}

    def _groups(self) -> dict[str, int]:
        """Return a number for every setup group that a product, a station or the state names."""
        named = {product.group for product in self.products}
        named |= {
            spec.setup.initial_group
            for spec in self.stations
            if spec.setup and spec.setup.initial_group
        }
        named |= {found.setup_group for found in self.state.stations.values() if found.setup_group}
        return {name: i for i, name in enumerate(sorted(named))}

    def _slots(self) -> list[int]:
        """Return the places in a routing from which parts are sent back, or were."""
        places = {
            place
            for product in self.products
            for place, step in enumerate(product.routing)
            if step.rework
        }
        places |= {int(place) for part in self.state.parts for place in part.reworks}
        return sorted(places)

    def _outages(self) -> list[tuple[int, float, float, bool]]:
        """Return (station, since, until, in force) of the state's outages and of those supposed."""
        found = [
            (self.station[name], o.since_s, math.inf if o.until_s is None else o.until_s, True)
            for name in self.line.flow_order
            if name in self.state.stations
            for o in self.state.stations[name].outages
        ]
        begin_s = self.state.time_s
        supposed = [f for f in self.options.faults if f.kind == "breakdown"]
        for fault in supposed:
            since_s = begin_s + fault.after_s
            place = self.station[fault.station]
            found.append((place, since_s, since_s + fault.duration_s, False))
        self.lengths = [math.nan] * (len(found) - len(supposed)) + [f.duration_s for f in supposed]
        return found

    @property
    def pass_places(self) -> int:
        """Places of a pass."""
        return self.routes.first_source + len(self.sources)

    def setup_between_s(self, s: int, before: int, after: int) -> float:
        """Return the time to change a station over between two groups by number, s."""
        setup, groups = self.stations[s].setup, list(self.groups)
        if setup is None or before < 0 or before == after:
            return 0.0
        return setup.matrix_s.get(groups[before], {}).get(groups[after], 0.0)

    def tables(self) -> dict[str, Any]:
        """Return the fields that no run changes."""
        fields: dict[str, Any] = {}
        for part in (
            self._station_tables(),
            self._product_tables(),
            mode_tables(self),
            people_tables(self),
            wear_tables(self),
            vehicle_tables(self),
            source_tables(self),
            order_tables(self),
            self._fault_tables(),
            self._timer_tables(),
            self.routes.tables(),
            wait_tables(self.line, self.state, self.buffers),
            card_tables(self.line, self.routes),
            group_tables(self),
            {"batch_plain": ints(self._has_plain_batches(spec) for spec in self.stations)},
        ):
            fields |= part
        fields["code"] = ints(self._codes)
        fields["form"] = ints(map(form_of, self._codes, self._parameters))
        fields["first_parameter"] = offsets(len(row) for row in self._parameters)
        fields["parameters"] = np.concatenate([np.empty(0), *self._parameters])
        return fields

    def sizes(self) -> dict[int, int]:
        """Return the sizes that stand at the front of M, by place."""
        return {
            t.ANTITHETIC: int(self.options.antithetic),
            t.STEP_ROWS: sum(len(product.routing) + 1 for product in self.products),
            t.GROUPS: len(self.groups),
            t.STATIONS: len(self.stations),
            t.SERVERS: sum(spec.servers for spec in self.stations),
            t.BUFFERS: len(self.buffers),
            t.MODES: len(self.modes),
            t.CREWS: len(self.crews),
            t.SOURCES: len(self.sources),
            t.ORDER_COUNT: len(self.orders),
            t.OUTAGES: len(self.outages),
            t.SLOWDOWNS: len(self.slows),
            t.GIVEN_STATIONS: int(bool(self.options.plan and self.options.plan.assignment)),
            t.WAITING_MODES: len(self.state.queue),
            t.LOOK_WORDS: -(-self.pass_places // t.LOOK_BITS),
            t.FIRST_SOURCE: self.routes.first_source,
            t.PRODUCTS: len(self.products),
            t.LOOPS: len(self.line.loops),
            t.LIMITED: int(self.limited),
            t.FOLLOWED: int(self.limited or bool(self.line.loops)),
            t.POOLS: len(self.line.vehicles),
            t.SITES: len(self.sites.names),
            t.MOVES: sum(len(pool.moves) for pool in self.line.vehicles),
            t.CALLERS: len(self.routes.callers),
            t.LOOKS: int(has_looks(self.line)),
            t.ASIDE: int(self.aside),
            t.BATCHES: int(has_batches(self.line)),
            t.GROUPED: int(is_grouped(self.line)),
            t.SLOTS: len(self.slots),
            t.MANNED: len(self.line.manned),
            t.ABSENCES: len(self.options.absences),
            t.SHORTAGES: len(self.options.shortages),
            t.CONTENDED: int(self.routes.contended),
            t.STEERED: int(self.routes.steered),
        }

    def distribution(self, distribution: AnyDistribution) -> int:
        """Return the number of a distribution."""
        if distribution not in self._known:
            code, parameters = parameters_of(distribution)
            self._known[distribution] = len(self._codes)
            self._codes.append(code)
            self._parameters.append(parameters)
        return self._known[distribution]

    def _key(self, element: str, purpose: Purpose) -> np.uint64:
        return stream_key(self.options.seed, element, purpose)

    def keys(self, elements: Iterable[str], purpose: Purpose) -> t.Ints:
        """Return the keys of the random numbers of some elements."""
        keys = [self._key(element, purpose) for element in elements]
        return np.array(keys, dtype=np.uint64).view(np.int64)

    def _station_tables(self) -> dict[str, Any]:
        specs, planned = self.stations, self.options.plan.sequence if self.options.plan else {}
        setups = [spec.setup for spec in specs if spec.setup]
        matrix = np.zeros((len(setups), len(self.groups), len(self.groups)))
        for row, setup in enumerate(setups):
            for before, line in setup.matrix_s.items():
                for after, time_s in line.items():
                    if before in self.groups and after in self.groups and before != after:
                        matrix[row, self.groups[before], self.groups[after]] = time_s
        ids = [spec.id for spec in specs]
        rules = [[t.PLAN] if spec.id in planned else rules_of(spec) for spec in specs]
        return {
            "first_server": offsets(spec.servers for spec in specs),
            "server_station": ints(s for s, spec in enumerate(specs) for _ in range(spec.servers)),
            "station_input": ints(
                self.buffer[spec.input_buffer] if spec.input_buffer else -1 for spec in specs
            ),
            "station_rule": ints(named[0] for named in rules),
            "first_rule": offsets(len(named) for named in rules),
            "rule": ints(number for named in rules for number in named),
            "station_finish": ints(spec.at_shift_end == "finish" for spec in specs),
            "station_closes": ints(spec.while_down == "closed" for spec in specs),
            "station_element": ints(self.element[name] for name in ids),
            "station_quality": self.keys(ids, Purpose.QUALITY),
            "station_work": self.keys(ids, Purpose.PROCESSING),
            "station_load": self.keys(ids, Purpose.LOAD),
            "station_unload": self.keys(ids, Purpose.UNLOAD),
            "station_more": ints(self._more(spec) for spec in specs),
            "station_wears": ints(spec.wear is not None for spec in specs),
            "station_setup": ints(setups.index(spec.setup) if spec.setup else -1 for spec in specs),
            "setup_s": matrix.ravel(),
            "capacity": ints(
                t.NO_LIMIT if b.capacity is None else b.capacity for b in self.buffers
            ),
            "buffer_element": ints(self.element[b.id] for b in self.buffers),
            **self._switch_tables(),
        }

    def _switch_tables(self) -> dict[str, Any]:
        rows = [self.switches(spec.calendar) if spec.calendar else [] for spec in self.stations]
        return {
            "first_switch": offsets(len(row) for row in rows),
            "switch_s": floats(time_s for row in rows for time_s, _ in row),
            "switch_on": ints(on for row in rows for _, on in row),
        }

    def switches(self, calendar: str) -> list[tuple[float, bool]]:
        """Return every switch of a calendar in the run: when, and whether working time begins."""
        if calendar not in self._switches:
            begin_s = self.state.time_s
            end_s = begin_s + self.options.horizon_s
            found = switches(self.line, self.line.calendar(calendar), begin_s, end_s)
            self._switches[calendar] = found
        return self._switches[calendar]

    def _product_tables(self) -> dict[str, Any]:
        # None stands for the step after a product's last operation: the part leaves the line.
        steps = [
            (product, place, step)
            for product in self.products
            for place, step in enumerate((*product.routing, None))
        ]
        choices = [
            self._choice(step, name) for _, _, step in steps if step for name in step.stations
        ]
        reworks = [step.rework if step else None for _, _, step in steps]
        scraps = [step.scrap_probability if step else 0.0 for _, _, step in steps]
        ahead = [ahead_of(product) for product in self.products]
        work = [pair for pairs in ahead for pair in (*pairs, (0.0, 1.0))]
        slot = {place: i for i, place in enumerate(self.slots)}
        sinks = [product.sink or self.line.sinks[0].id for product in self.products]
        return {
            "product_group": ints(self.groups[product.group] for product in self.products),
            "product_sink": ints(self.element[name] for name in sinks),
            "step_luck": ints(
                scrap > 0.0 or rework is not None or scraps_by_wear(self.line, step)
                for scrap, rework, (_, _, step) in zip(scraps, reworks, steps, strict=True)
            ),
            "step_scrap": floats(scraps),
            "step_rework": floats(rework.probability if rework else 0.0 for rework in reworks),
            "step_back": ints(
                [other.id for other in product.routing].index(rework.to) if rework else -1
                for (product, _, _), rework in zip(steps, reworks, strict=True)
            ),
            "step_limit": ints(rework.limit if rework else 0 for rework in reworks),
            "step_rest_s": floats(rest_s for rest_s, _ in work),
            "step_share": floats(share for _, share in work),
            "step_left": ints(len(product.routing) - place for product, place, _ in steps),
            "step_slot": ints(slot.get(place, -1) for _, place, _ in steps),
            "step_choice": ints(CHOICES[step.choice] if step else 0 for _, _, step in steps),
            "step_route": self.keys(
                (f"{product.id}/{step.id if step else ''}" for product, _, step in steps),
                Purpose.ROUTE,
            ),
            "first_choice": offsets(len(step.stations) if step else 0 for _, _, step in steps),
            "choice_station": ints(row[0] for row in choices),
            "choice_times": ints(row[1] for row in choices),
            "choice_mean_s": floats(row[2] for row in choices),
            "choice_load": ints(row[3] for row in choices),
            "choice_unload": ints(row[4] for row in choices),
            "choice_share": floats(
                share
                for _, _, step in steps
                if step
                for share in accumulate(step.weights.get(name, 1.0) for name in step.stations)
            ),
        }

    def _choice(self, step: Operation, station: str) -> tuple[int, int, float, int, int]:
        times = step.processing_time_by_station_s.get(station, step.processing_time_s)
        return (
            self.station[station],
            self.distribution(times),
            times.expected_s(),
            self.distribution(step.load_time_s) if step.loads else -1,
            self.distribution(step.unload_time_s) if step.unloads else -1,
        )

    def _has_plain_batches(self, spec: Station) -> bool:
        """Tell whether the first parts in a station's buffer are always those that go together."""
        if spec.batch is None or not self.routes.takes_any(spec.id):
            return False
        leading = sum(
            spec.id in step.stations for product in self.products for step in product.routing
        )
        alike = spec.batch.alike == "any" or (leading == 1 and spec.batch.alike != "family")
        return alike and is_sorted(self.state, spec.input_buffer or "")

    def _more(self, spec: Station) -> bool:
        """Tell whether there is more to a station than setups and failures that stop it."""
        steps = [step for product in self.products for step in product.routing]
        return (
            bool(spec.maintenance or spec.wear)
            or spec.id in self.line.manned
            or (
                any(mode.effect != "stop" or mode.clock == "cycles" for mode in spec.failures)
                or any(
                    spec.id in step.stations and (step.loads or step.unloads or step.components)
                    for step in steps
                )
            )
        )

    def _fault_tables(self) -> dict[str, Any]:
        begin_s = self.state.time_s

        def since_s(fault: Fault | Absence | Shortage) -> float:
            return begin_s + fault.after_s

        absences, shortages = self.options.absences, self.options.shortages
        crews = {crew.id: i for i, crew in enumerate(self.crews)}
        slots = {source.id: i for i, source in enumerate(self.sources)}

        return {
            "outage_station": ints(s for s, _, _, _ in self.outages),
            "outage_since_s": floats(since for _, since, _, _ in self.outages),
            "outage_until_s": floats(until for _, _, until, _ in self.outages),
            "outage_length_s": floats(self.lengths),
            "slow_station": ints(self.station[f.station] for f in self.slows),
            "slow_since_s": floats(since_s(f) for f in self.slows),
            "slow_until_s": floats(since_s(f) + f.duration_s for f in self.slows),
            "slow_factor": floats(f.factor for f in self.slows),
            "absence_crew": ints(crews[one.crew] for one in absences),
            "absence_people": ints(one.people for one in absences),
            "absence_since_s": floats(since_s(one) for one in absences),
            "absence_until_s": floats(since_s(one) + one.duration_s for one in absences),
            "shortage_source": ints(slots[one.source] for one in shortages),
            "shortage_since_s": floats(since_s(one) for one in shortages),
            "shortage_until_s": floats(since_s(one) + one.duration_s for one in shortages),
        }

    def _timer_tables(self) -> dict[str, Any]:
        servers = [(s, k) for s, spec in enumerate(self.stations) for k in range(spec.servers)]
        modes = []
        for s, spec in enumerate(self.stations):
            modes += [(s, k) for k in range(len(spec.modes))]
        outages = [(s, 0) for s, _, _, _ in self.outages]
        slows = [(self.station[f.station], 1) for f in self.slows]
        shifts = [(s, 0) for s in range(len(self.stations)) if self.line.calendars]
        crews = [crew.id for crew in self.crews]
        slots = [source.id for source in self.sources]
        behind = len(self.stations)
        vehicles = [(k, v) for k, pool in enumerate(self.sites.pools) for v in range(pool.count)]
        wears = [(s, BEFORE_MODES) for s in range(behind) if has_wear(self.line)]
        away = [(behind + crews.index(one.crew), 0) for one in self.options.absences]
        behind += len(crews)
        short = [(behind + slots.index(one.source), 0) for one in self.options.shortages]
        kinds: list[tuple[int, list[tuple[int, int]]]] = [
            (Due.FINISH, servers),
            (Due.FAILURE, modes),
            (Due.REPAIR, modes),
            (0, shifts),  # the kind comes at run time
            (Due.OUTAGE_START, outages),
            (Due.OUTAGE_END, outages),
            (Due.OUTAGE_START, slows),
            (Due.OUTAGE_END, slows),
            (Due.RELEASE, [(i, 0) for i in range(len(self.orders))]),
            (Due.ARRIVAL, [(i, 0) for i in range(len(self.sources))]),
            (0, [(len(self.stations) + k, 0) for k in range(len(self.crews))]),
            (Due.OUTAGE_START, away),
            (Due.OUTAGE_END, away),
            (Due.OUTAGE_START, short),
            (Due.OUTAGE_END, short),
            (Due.OVERDUE, [(i, 0) for i in range(len(limited_steps(self.line)))]),
            (Due.LOOK, [(i, 0) for i in range(len(self.buffers)) if has_looks(self.line)]),
            (Due.FAILURE, wears),
            (Due.VEHICLE, vehicles),
        ]
        return {
            "first_timer": offsets(len(rows) for _, rows in kinds),
            "timer_rank": ints(
                (int(due) << t.RANK_SHIFT) + (a << t.SUB_SHIFT) + b
                for due, rows in kinds
                for a, b in rows
            ),
            "timer_owner": ints(i for _, rows in kinds for i in range(len(rows))),
            "timer_kind": ints(kind for kind, (_, rows) in enumerate(kinds) for _ in rows),
        }
