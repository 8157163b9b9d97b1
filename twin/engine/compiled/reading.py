"""From the kernel's memory back to words: the state document and the key figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twin.engine.compiled import tables as t
from twin.engine.compiled.flows import BINS, EXACT, flow_quantile
from twin.engine.compiled.layout import Memory
from twin.engine.compiled.lower import Lowering
from twin.engine.compiled.transport import vehicle_counts, vehicle_states
from twin.engine.compiled.wearing import has_wear
from twin.events.state import (
    PHASE_OF,
    Clock,
    CrewState,
    LineState,
    ModeState,
    ModeStatus,
    OrderState,
    Outage,
    PartState,
    PartStatus,
    SourceState,
    StationState,
    StreamState,
    WearState,
)
from twin.kpi.counters import Coordinates, Counters, Values, figures_of
from twin.kpi.people import crew_figures
from twin.kpi.vehicles import vehicle_figures
from twin.kpi.wear import highest_level, wear_figures

PART_STATUS: tuple[PartStatus, ...] = (
    "waiting",
    "setup",
    "processing",
    "done",
    "loading",
    "unloading",
)
STATUS_S = (
    t.PROCESSING_S,
    t.SETUP_STATUS_S,
    t.BLOCKED_S,
    t.STARVED_S,
    t.FAILED_S,
    t.OFF_S,
    t.HANDLING_S,
    t.MAINTENANCE_S,
    t.NO_OPERATOR_S,
)
MODE_STATUS: tuple[ModeStatus, ...] = ("running", "waiting", "repair", "due")


def _clock(f: Memory, timer: int, rate: float = 1.0) -> Clock:
    """Return a timer as a clock of the state document."""
    return Clock(
        worked_s=f.r(t.WORKED_S, timer),
        since_s=f.known(t.SINCE_S, timer),
        given_s=f.known(t.GIVEN_S, timer),
        remaining_s=f.known(t.REMAINING_S, timer),
        rate=rate,
    )


def kernel_state(low: Lowering, f: Memory, replication: int) -> LineState:
    """Return the state of a replication between two moments."""
    live = [p for p in range(int(f.m[t.N_PARTS])) if f.n(t.PART_ID, p) >= 0]
    live.sort(key=lambda p: f.n(t.PART_MOVE, p))
    queue = [
        f"{low.stations[low.modes[mode][0]].id}/{low.modes[mode][1].id}"
        for crew in range(len(low.crews) + 1)
        for mode in _queued(f, crew)
    ]
    options = low.options
    return LineState(
        line_id=low.line.id,
        time_s=float(f.x[t.NOW]),
        stream=StreamState(
            seed=options.seed, replication=replication, antithetic=options.antithetic
        ),
        parts=tuple(_part(low, f, p) for p in live),
        stations={name: _station(low, f, low.station[name]) for name in sorted(low.station)},
        sources={
            source.id: SourceState(
                created=f.n(t.SOURCE_CREATED, i),
                since_s=f.r(t.SOURCE_SINCE_S, i),
                drawn_s=f.known(t.SOURCE_DRAWN_S, i),
            )
            for i, source in enumerate(low.sources)
        },
        orders={
            order.id: OrderState(
                released=bool(f.n(t.ORDER_RELEASED, i)),
                created=f.n(t.ORDER_CREATED, i),
                finished=f.n(t.ORDER_FINISHED, i),
                scrapped=f.n(t.ORDER_SCRAPPED, i),
                extra=f.n(t.ORDER_EXTRA, i),
            )
            for i, order in enumerate(low.orders)
        },
        finished=int(f.m[t.N_FINISHED]),
        scrapped=int(f.m[t.N_SCRAPPED]),
        turns=_turns(low, f),
        queue=tuple(queue),
        crews={
            crew.id: CrewState(on=bool(f.n(t.CREW_ON, i)), away=away)
            for i, crew in enumerate(low.crews)
            if (away := _told_away(low, f, i)) or crew.calendar is not None
        },
        vehicles=vehicle_states(low, f),
    )


def _told_away(low: Lowering, f: Memory, crew: int) -> int:
    """Return how many people of a crew are away as was told, not those who are supposed to be."""
    return low.crews[crew].size - f.n(t.CREW_SIZE, crew)


def _turns(low: Lowering, f: Memory) -> dict[str, int]:
    """Return the parts that went to each operation whose stations take turns."""
    turns = dict(low.state.turns)
    for i, product in enumerate(low.products):
        for place, step in enumerate(product.routing):
            count = f.n(t.STEP_TURN, f.n(t.FIRST_STEP, i) + place)
            if count:
                turns[f"{product.id}/{step.id}"] = count
    return dict(sorted(turns.items()))


def _queued(f: Memory, crew: int) -> list[int]:
    found, mode = [], f.n(t.CREW_HEAD, crew)
    while mode >= 0:
        found.append(mode)
        mode = f.n(t.MODE_NEXT, mode)
    return found


def _team(low: Lowering, f: Memory, field: int, place: int) -> dict[str, int]:
    """Return the people at work on a server or a mode, by crew."""
    found = {crew.id: f.n(field, place * len(low.crews) + i) for i, crew in enumerate(low.crews)}
    return {name: count for name, count in found.items() if count}


def _part(low: Lowering, f: Memory, p: int) -> PartState:
    at, status = f.n(t.PART_AT, p), PART_STATUS[f.n(t.PART_STATUS, p)]
    order, server = f.n(t.PART_ORDER, p), f.n(t.PART_SERVER, p)
    buffers = len(low.buffers)
    clock, v = None, 0
    if at < 0:
        location = low.outside[-1 - at]
    elif at < buffers:
        location = low.buffers[at].id
    else:
        location = low.stations[at - buffers].id
        v = f.n(t.FIRST_SERVER, at - buffers) + server
        if status in PHASE_OF:
            clock = _clock(f, v)
    first = p * len(low.slots)
    sent = [(place, f.n(t.PART_REWORKS, first + i)) for i, place in enumerate(low.slots)]
    return PartState(
        id=f.n(t.PART_ID, p),
        product=low.products[f.n(t.PART_PRODUCT, p)].id,
        order=low.orders[order].id if order >= 0 else None,
        created_s=f.r(t.PART_CREATED_S, p),
        location=location,
        entered_s=f.r(t.PART_ENTERED_S, p),
        operation=f.n(t.PART_STEP, p),
        server=server if server >= 0 else None,
        status=status,
        visits=f.n(t.PART_VISITS, p),
        reworks={str(place): count for place, count in sent if count},
        clock=clock,
        done_s=f.r(t.PART_DONE_S, p) if status == "done" else None,
        stage=f.n(t.PART_STAGE, p) if server >= 0 else 0,
        slowed=f.r(t.PART_SLOWED, p),
        asked_s=f.known(t.PART_ASKED_S, p),
        **(_aside(f, p) if low.aside else {}),
        # The first of a batch stands for all.
        team=_team(low, f, t.SERVER_TEAM, v) if f.n(t.SERVER_PART, v) == p else {},
    )


def _aside(f: Memory, p: int) -> dict[str, Any]:
    """Return what only some lines need to know of a part."""
    family = f.n(t.PART_FAMILY, p)
    return {
        "ready_s": f.known(t.PART_READY_S, p),
        "kitted": bool(f.n(t.PART_KITTED, p)),
        "family": family if family >= 0 else None,
    }


def _station(low: Lowering, f: Memory, s: int) -> StationState:
    group = f.n(t.STATION_GROUP, s)
    lives, repairs = f.n(t.FIRST_TIMER, t.T_LIFE), f.n(t.FIRST_TIMER, t.T_REPAIR)
    modes = {}
    for m in range(f.n(t.FIRST_MODE, s), f.n(t.FIRST_MODE, s + 1)):
        status = MODE_STATUS[f.n(t.MODE_STATUS, m)]
        modes[low.modes[m][1].id] = ModeState(
            status=status,
            count=f.n(t.MODE_COUNT, m),
            renewed=f.n(t.MODE_RENEWED, m),
            age=_clock(f, lives + m, f.r(t.MODE_RATE, m))
            if status == "running" and f.n(t.MODE_LIFE, m) >= 0
            else Clock(),
            failed_s=f.known(t.MODE_FAILED_S, m),
            repair=_clock(f, repairs + m) if f.n(t.MODE_BEGUN, m) else None,
            team=_team(low, f, t.MODE_TEAM, m) if f.n(t.MODE_SKILL, m) else {},
        )
    active = [
        Outage(since_s=since_s, until_s=None if math.isinf(until_s) else until_s)
        for k, (at, since_s, until_s, _) in enumerate(low.outages)
        if at == s and f.n(t.OUTAGE_ACTIVE, k)
    ]
    return StationState(
        on=bool(f.n(t.STATION_ON, s)),
        setup_group=list(low.groups)[group] if group >= 0 else None,
        modes=modes,
        outages=tuple(sorted(active, key=lambda outage: outage.since_s)),
        finished=f.n(t.STATION_FINISHED, s),
        made=f.n(t.STATION_MADE, s),
        wear=_wear(f, s) if f.n(t.STATION_WEARS, s) else None,
    )


def _wear(f: Memory, s: int) -> WearState:
    level = f.n(t.WEAR_LEVEL, s)
    last = f.n(t.LEVEL_AFTER, f.n(t.FIRST_LEVEL, s) + level) < 0
    return WearState(
        level=level,
        steps=f.n(t.WEAR_STEPS, s),
        lowered=f.n(t.WEAR_MENDED, s),
        clock=None if last else _clock(f, f.n(t.FIRST_TIMER, t.T_WEAR) + s),
    )


def kernel_figures(low: Lowering, f: Memory) -> tuple[Values, Coordinates]:
    """Return the key figures of a replication from the kernel's own counters."""
    stations, orders, finished = len(low.stations), len(low.orders), int(f.m[t.N_FLOWS])
    good = f.ints(t.ORDER_FINISHED, orders).astype(float)
    flows, bins = f.floats(t.FLOW_S, EXACT), f.ints(t.FLOW_BINS, BINS)
    counters = Counters(
        from_s=float(f.x[t.OBSERVE]),
        until_s=float(f.x[t.NOW]),
        created=int(f.m[t.N_CREATED]),
        finished=finished,
        flow_total_s=float(f.x[t.FLOW_TOTAL]),
        flow_p90_s=flow_quantile(finished, flows, bins, 0.9),
        scrapped=int(f.m[t.N_LOST]),
        wip_area=float(f.x[t.WIP_AREA]),
        status_s=np.stack([f.floats(status, stations) for status in STATUS_S], axis=1),
        processed=f.ints(t.PROCESSED, stations).astype(float),
        bad=f.ints(t.BAD, stations).astype(float),
        planned_s=f.floats(t.PLANNED_S, stations).copy(),
        content_area=f.floats(t.CONTENT_AREA, len(low.buffers)).copy(),
        product_finished=f.ints(t.PRODUCT_FINISHED, len(low.products)).astype(float),
        order_good=good,
        order_gone=good + (f.ints(t.ORDER_SCRAPPED, orders) - f.ints(t.ORDER_EXTRA, orders)),
        order_last_s=f.floats(t.ORDER_LAST_S, orders).copy(),
    )
    values, coordinates = figures_of(counters, low.naming)
    if has_wear(low.line):
        wear_figures(values, coordinates, _level_times_s(low, f))
    if low.crews:
        crew_figures(values, coordinates, low.names, *_crew_times_s(low, f))
    if low.line.vehicles:
        vehicle_figures(values, coordinates, low.line, *vehicle_counts(low, f))
    return values, coordinates


def _crew_times_s(low: Lowering, f: Memory) -> tuple[t.Floats, t.Floats]:
    """Return people-seconds of each crew at work, and there."""
    count = len(low.crews)
    rest_s = np.maximum(0.0, float(f.x[t.NOW]) - f.floats(t.CREW_SINCE_S, count))
    busy, on = f.ints(t.CREW_BUSY, count), f.ints(t.CREW_ON, count)
    there = np.maximum(busy, on * f.ints(t.CREW_SIZE, count))
    work_s = f.floats(t.CREW_WORK_S, count) + busy * rest_s
    return work_s, f.floats(t.CREW_THERE_S, count) + there * rest_s


def _level_times_s(low: Lowering, f: Memory) -> t.Floats:
    """Return the time of each station at each level of wear, s."""
    spent = np.zeros((len(low.stations), highest_level(low.line) + 1))
    for s in range(len(low.stations)):
        first, last = f.n(t.FIRST_LEVEL, s), f.n(t.FIRST_LEVEL, s + 1)
        if last > first:
            spent[s, : last - first] = f.floats(t.LEVEL_S, last)[first:]
            spent[s, f.n(t.WEAR_LEVEL, s)] += max(0.0, float(f.x[t.NOW]) - f.r(t.WEAR_SINCE_S, s))
    return spent
