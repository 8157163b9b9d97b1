"""A replication's beginning: what the state says, packed once; what is pending, drawn each time.

It does what ``reference.restore`` does, for a state that ``twin.events.beginning`` has made ready.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from twin.engine.compiled import tables as t
from twin.engine.compiled.ahead import BLOCK
from twin.engine.compiled.flows import BINS, EXACT
from twin.engine.compiled.grouping import has_batches
from twin.engine.compiled.layout import all_bits, floats, ints, nan, none, zeros
from twin.engine.compiled.limits import free_cards, limited_steps
from twin.engine.compiled.lower import Lowering
from twin.engine.compiled.memory import GROUP
from twin.engine.compiled.tables import Ints
from twin.engine.compiled.transport import vehicle_fields
from twin.engine.compiled.wearing import wear_fields
from twin.events.state import Clock, CrewState, LineState, PartState
from twin.line import Maintenance

STATUS_OF = {
    "waiting": t.WAITING,
    "setup": t.SETUP,
    "processing": t.PROCESSING,
    "done": t.DONE,
    "loading": t.LOADING,
    "unloading": t.UNLOADING,
}
STATUSES = (
    "processing",
    "setup_status",
    "blocked",
    "starved",
    "failed",
    "off",
    "handling",
    "maintenance",
    "no_operator",
)
MODE_STATUS = {
    "running": t.RUNNING,
    "waiting": t.QUEUED,
    "repair": t.REPAIRING,
    "due": t.AWAITED,
}


def first_leaf(timers: int) -> int:
    """Return the first leaf of the tree over so many timers, its root being the first group.

    No group more than needed: what is left of the root holds the first timers, those of servers,
    which change most often and then cost one look.
    """
    return max(0, -(-(timers - GROUP) // (GROUP - 1)))


def nodes(timers: int) -> int:
    """Return the number of nodes of the tree over so many timers, in whole groups."""
    return GROUP * (1 + first_leaf(timers))


class Template:
    """The state a run begins with, as fields without random numbers."""

    def __init__(
        self, low: Lowering, tables: dict[str, Any], parts: int, observe_from_s: float
    ) -> None:
        self._low = low
        self._state: LineState = low.state
        self._since_s = max(low.state.time_s, observe_from_s)
        self._first_server: Ints = tables["first_server"]
        self._first_step: Ints = tables["first_step"]
        self._first_timer: Ints = tables["first_timer"]
        self._stations = [low.state.stations[spec.id] for spec in low.stations]
        self._modes = [self._stations[s].modes[mode.id] for s, mode in low.modes]
        self._parts = max(parts, len(self._state.parts) + 1)
        self.fields: dict[str, Any] = {}
        self._timers(len(tables["timer_rank"]))
        self._station_fields()
        self._mode_fields()
        self._crew_fields()
        self._source_fields()
        self._order_fields()
        self.fields |= wear_fields(low, self._stations, self._since_s)
        self.fields |= vehicle_fields(low, tables, self._since_s)
        self._part_fields()
        self._place_parts()
        self._clocks()

    def _timers(self, count: int) -> None:
        self.fields |= {
            "total_s": np.zeros(count),
            "worked_s": np.zeros(count),
            "since_s": nan(count),
            "given_s": nan(count),
            "remaining_s": nan(count),
            "due": zeros(count),
            "node_s": np.full(nodes(count), np.inf),
        }

    def _station_fields(self) -> None:
        low, found = self._low, self._stations
        count, servers, buffers = len(found), int(self._first_server[-1]), len(low.buffers)
        self.fields |= {
            "station_on": ints(station.on for station in found),
            **self._stop_fields(),
            "station_group": ints(
                low.groups[station.setup_group] if station.setup_group else -1 for station in found
            ),
            "station_free": np.diff(self._first_server),
            "station_working": zeros(count),
            "ahead_from": zeros(count),
            "ahead_to": zeros(count),
            "ahead_kind": zeros(count),
            "ahead": np.zeros(count * BLOCK),
            "station_finished": ints(station.finished for station in found),
            "station_switch": zeros(count),
            "done_count": zeros(count),
            "done_list": zeros(servers),
            "server_part": none(servers),
            "server_told": zeros(servers),
            "server_choice": zeros(servers),
            "wakes": zeros(servers),
            "setup_total_s": np.zeros(servers),
            "lacking": zeros(servers),
            "lacking_count": zeros(count),
            "station_made": ints(station.made for station in found),
            "buffer_head": none(buffers),
            "buffer_tail": none(buffers),
            "buffer_length": zeros(buffers),
            "busy": zeros(count),
            "changing": zeros(count),
            "handling": zeros(count),
            "status_since_s": np.full(count, self._since_s),
            **{f"{status}_s": np.zeros(count) for status in STATUSES},
            "processed": zeros(count),
            "bad": zeros(count),
            "planned_s": np.zeros(count),
            "content_since_s": np.full(buffers, self._since_s),
            "content_area": np.zeros(buffers),
            "product_finished": zeros(len(low.products)),
            "watch_head": none(len(limited_steps(low.line))),
            "watch_tail": none(len(limited_steps(low.line))),
            "late_head": none(buffers),
            "late_tail": none(buffers),
            "loop_free": ints(free_cards(low.line, self._state)),
            "step_turn": ints(self._turns()),
            "outage_active": ints(active for _, _, _, active in low.outages),
            "slow_order": none(len(low.slows)),
            "look": all_bits(low.pass_places),
            "look_any": all_bits(len(all_bits(low.pass_places))),
            "flow_s": np.zeros(EXACT),
            "flow_bins": zeros(BINS),
        }

    def _turns(self) -> Iterator[int]:
        """Yield how many parts went to each step so far, where its stations take turns."""
        for product in self._low.products:
            for step in product.routing:
                yield self._state.turns.get(f"{product.id}/{step.id}", 0)
            yield 0  # the step after the last operation

    def _stop_fields(self) -> dict[str, Any]:
        """Return what stops stations, slows them, or waits for work to end."""
        count = len(self._stations)
        stops = ints(len(station.outages) for station in self._stations)
        maintained, awaits = zeros(count), zeros(count)
        slows = ints(spec.wear is not None for spec in self._low.stations)
        for (s, spec), mode in zip(self._low.modes, self._modes, strict=True):
            if mode.status == "due":
                awaits[s] += 1
            elif mode.status != "running":
                stops[s] += spec.stops
                slows[s] += not spec.stops
                maintained[s] += isinstance(spec, Maintenance)
        return {
            "station_stops": stops,
            "station_maintained": maintained,
            "station_awaits": awaits,
            "station_slows": slows,
        }

    def _mode_fields(self) -> None:
        low, modes = self._low, self._modes
        names = {f"{low.stations[s].id}/{mode.id}": i for i, (s, mode) in enumerate(low.modes)}
        self.fields |= {
            "mode_status": ints(MODE_STATUS[mode.status] for mode in modes),
            "mode_count": ints(mode.count for mode in modes),
            "mode_renewed": ints(mode.renewed for mode in modes),
            "mode_begun": ints(
                mode.repair is not None or mode.status == "repair" for mode in modes
            ),
            "mode_ages": ints(
                spec.clock == "operating" and mode.status == "running"
                for (_, spec), mode in zip(low.modes, modes, strict=True)
            ),
            "mode_beginning": zeros(len(modes)),
            "mode_failed_s": floats(
                math.nan if mode.failed_s is None else mode.failed_s for mode in modes
            ),
            "mode_next": none(len(modes)),
            "mode_team": zeros(len(modes) * len(low.crews)),
            "crew_head": none(len(low.crews) + 1),
            "crew_tail": none(len(low.crews) + 1),
            "fails": zeros(len(modes)),
            "state_queue": ints(names[name] for name in self._state.queue),
        }

    def _crew_fields(self) -> None:
        low, crews, servers = self._low, len(self._low.crews), int(self._first_server[-1])
        told = [self._state.crews.get(crew.id, CrewState()) for crew in low.crews]
        on, away = ints(crew.on for crew in told), ints(crew.away for crew in told)
        size = ints(crew.size for crew in low.crews) - away  # who was told to be away is no part
        self.fields |= {
            "crew_on": on,
            "crew_size": size,
            "crew_free": on * size,
            "crew_coming": zeros(crews),
            "crew_away": zeros(crews),
            "crew_left_over": zeros(crews),
            "crew_chosen": zeros(crews),
            "crew_busy": zeros(crews),
            "crew_since_s": np.full(crews, self._since_s),
            "crew_work_s": np.zeros(crews),
            "crew_there_s": np.zeros(crews),
            "server_team": zeros(servers * crews),
            "server_people": zeros(servers),
            "server_asks": zeros(servers),
            "asking": zeros(servers),
        }
        for m, ((_, spec), mode) in enumerate(zip(low.modes, self._modes, strict=True)):
            if mode.status == "repair":
                team = mode.team if spec.crew is None else {spec.crew: spec.people}
                self._at_work("mode_team", m, team)

    def _at_work(self, field: str, place: int, team: Mapping[str, int]) -> int:
        """Have people at work on a server or a mode; return how many."""
        numbers = {crew.id: i for i, crew in enumerate(self._low.crews)}
        for name, count in team.items():
            self.fields[field][place * len(numbers) + numbers[name]] = count
            self.fields["crew_free"][numbers[name]] -= count
            self.fields["crew_busy"][numbers[name]] += count
        return sum(team.values())

    def _source_fields(self) -> None:
        found = [self._state.sources[source.id] for source in self._low.sources]
        count = len(found)
        self.fields |= {
            "source_created": ints(source.created for source in found),
            "source_since_s": floats(
                self._state.time_s if source.since_s is None else source.since_s for source in found
            ),
            "source_drawn_s": floats(
                math.nan if source.drawn_s is None else source.drawn_s for source in found
            ),
            "source_head": none(count),
            "source_tail": none(count),
            "source_short": zeros(count),
            "head_known": zeros(count),
            "head_product": none(count),
            "head_order": none(count),
        }

    def _order_fields(self) -> None:
        found = [self._state.orders[order.id] for order in self._low.orders]
        self.fields |= {
            "order_released": ints(order.released for order in found),
            "order_created": ints(order.created for order in found),
            "order_finished": ints(order.finished for order in found),
            "order_scrapped": ints(order.scrapped for order in found),
            "order_extra": ints(order.extra for order in found),
            "order_last_s": nan(len(found)),
        }

    def _part_fields(self) -> None:
        count = self._parts
        names = ("product", "at", "step", "row", "status", "visits", "move", "stage")
        self.fields |= {f"part_{name}": zeros(count) for name in names}
        self.fields |= {
            f"part_{name}": none(count) for name in ("id", "order", "server", "next", "before")
        }
        self.fields |= {
            f"part_{name}_s": np.zeros(count) for name in ("created", "entered", "done")
        }
        self.fields["part_slowed"], self.fields["part_asked_s"] = np.ones(count), nan(count)
        aside = count if self._low.aside else 0
        self.fields |= {
            "part_ready_s": nan(aside),
            "part_kitted": zeros(aside),
            "part_family": none(aside),
            "watched": zeros(aside),
            "watch_before": none(aside),
            "watch_next": none(aside),
            "late_next": none(aside if self._low.routes.backs else 0),
            "overdue": zeros(aside),
            "part_mate": none(aside),
            "part_called": zeros(aside),
            "part_fate": zeros(aside),
        }
        ranked = count if has_batches(self._low.line) else 0
        self.fields |= {f"ranked{name}": zeros(ranked) for name in ("", "_row", "_place", "_seen")}
        self.fields["ranked_key"] = np.zeros(ranked)
        self.fields["part_reworks"] = zeros(count * len(self._low.slots))

    def _place_parts(self) -> None:
        f, low = self.fields, self._low
        products = {product.id: i for i, product in enumerate(low.products)}
        sources = {source.id: i for i, source in enumerate(low.sources)}
        pools = {pool.id: k for k, pool in enumerate(low.sites.pools)}
        called = {vehicle.part for found in self._state.vehicles.values() for vehicle in found}
        for p, part in enumerate(self._state.parts):
            f["part_id"][p] = part.id
            f["part_product"][p] = products[part.product]
            f["part_order"][p] = low.order[part.order] if part.order else -1
            f["part_created_s"][p], f["part_entered_s"][p] = part.created_s, part.entered_s
            f["part_step"][p], f["part_visits"][p] = part.operation, part.visits
            f["part_row"][p] = self._first_step[products[part.product]] + part.operation
            f["part_status"][p], f["part_move"][p] = STATUS_OF[part.status], p
            f["part_done_s"][p] = part.entered_s if part.done_s is None else part.done_s
            f["part_stage"][p], f["part_slowed"][p] = part.stage, part.slowed
            f["part_asked_s"][p] = math.nan if part.asked_s is None else part.asked_s
            for place, count in part.reworks.items():
                f["part_reworks"][p * len(low.slots) + low.slots.index(int(place))] = count
            if low.aside:
                f["part_ready_s"][p] = math.nan if part.ready_s is None else part.ready_s
                f["part_kitted"][p] = part.kitted
                f["part_family"][p] = -1 if part.family is None else part.family
                f["part_called"][p] = part.id in called
            if part.location in low.buffer:
                b = f["part_at"][p] = low.buffer[part.location]
                self._append("buffer", b, p)
                f["buffer_length"][b] += 1
            elif part.location in sources:
                f["part_at"][p] = -1 - sources[part.location]
                if part.id not in called:
                    self._append("source", sources[part.location], p)
            elif part.location in pools:
                f["part_at"][p] = -1 - len(sources) - pools[part.location]
        # Parts that name their server come first, so that no other takes it.
        inside = [(p, part) for p, part in enumerate(self._state.parts)]
        for p, part in sorted(inside, key=lambda pair: pair[1].server is None):
            if part.location in low.station:
                self._inside(p, part)
        # Servers that are kept for parts on vehicles do not count as free.
        f["station_free"] -= f["station_coming"]
        for s in range(len(low.stations)):
            first, done = self._first_server[s], f["done_count"][s]
            servers = f["done_list"][first : first + done].tolist()
            servers.sort(key=lambda v: (f["part_done_s"][f["server_part"][v]], v))
            f["done_list"][first : first + done] = servers
        self._place_late()

    def _place_late(self) -> None:
        """Have those leave their buffer who waited there too long, who was late first first."""
        f, low = self.fields, self._low
        late = [
            (
                part.done_s if part.done_s is not None else part.entered_s,
                part.id,
                p,
                low.buffer[part.location],
            )
            for p, part in enumerate(self._state.parts)
            if part.status == "done" and part.location in low.buffer
        ]
        for _, _, p, b in sorted(late):
            if f["late_tail"][b] >= 0:
                f["late_next"][f["late_tail"][b]] = p
            else:
                f["late_head"][b] = p
            f["late_tail"][b] = p

    def _append(self, kind: str, place: int, p: int) -> None:
        f = self.fields
        tail = f[f"{kind}_tail"][place]
        f["part_before"][p] = tail
        if tail >= 0:
            f["part_next"][tail] = p
        else:
            f[f"{kind}_head"][place] = p
        f[f"{kind}_tail"][place] = p

    def _inside(self, p: int, part: PartState) -> None:
        f, low = self.fields, self._low
        s = low.station[part.location]
        v = int(self._first_server[s]) + (part.server or 0)
        while part.server is None and f["server_part"][v] >= 0:
            v += 1
        f["part_at"][p] = len(low.buffers) + s
        f["part_server"][p] = v - self._first_server[s]
        if f["server_part"][v] >= 0:  # the first of a batch tells how far it is
            self._beside(p, int(f["server_part"][v]))
            return
        f["server_part"][v] = p
        f["station_free"][s] -= 1
        routing = low.line.product(part.product).routing
        step = routing[part.operation] if part.operation < len(routing) else None
        if part.status == "waiting" and step and step.components and not part.kitted:
            f["lacking"][self._first_server[s] + f["lacking_count"][s]] = v
            f["lacking_count"][s] += 1
        if part.status == "done":
            f["done_list"][self._first_server[s] + f["done_count"][s]] = v
            f["done_count"][s] += 1
        f["server_people"][v] = self._at_work("server_team", v, part.team)
        if part.asked_s is None:  # what waits for people does not go on
            f["busy"][s] += part.status == "processing"
            f["changing"][s] += part.status == "setup"
            f["handling"][s] += part.status in ("loading", "unloading")
        self._clock(v, part.clock or Clock())
        if part.status == "setup":
            group = low.groups[low.line.product(part.product).group]
            f["setup_total_s"][v] = low.setup_between_s(s, int(f["station_group"][s]), group)

    def _beside(self, p: int, mate: int) -> None:
        """Put a part behind those that are on its server."""
        mates = self.fields["part_mate"]
        while mates[mate] >= 0:
            mate = mates[mate]
        mates[mate] = p

    def _clock(self, timer: int, clock: Clock) -> None:
        f = self.fields
        f["worked_s"][timer] = clock.worked_s
        for name in ("since_s", "given_s", "remaining_s"):
            value = getattr(clock, name)
            f[name][timer] = math.nan if value is None else value

    def _clocks(self) -> None:
        servers, modes = int(self._first_server[-1]), len(self._modes)
        for m, mode in enumerate(self._modes):
            if mode.status == "running":
                self._clock(servers + m, mode.age)
            if mode.status == "repair" or mode.repair is not None:
                self._clock(servers + modes + m, mode.repair or Clock())
        for s, station in enumerate(self._stations):
            if station.wear is not None and station.wear.clock is not None:
                self._clock(int(self._first_timer[t.T_WEAR]) + s, station.wear.clock)
        for v, vehicle in enumerate(self._low.sites.vehicles):
            clock = vehicle.clock or Clock()
            if clock.since_s is None:
                clock = clock.model_copy(update={"since_s": self._state.time_s})
            self._clock(int(self._first_timer[t.T_VEHICLE]) + v, clock)
