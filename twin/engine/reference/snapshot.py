"""Where everything is now, as a state document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.engine.reference.clock import Timer
from twin.engine.reference.modes import StationMode
from twin.engine.reference.people import crew_order
from twin.engine.reference.run import Part
from twin.engine.reference.vehicles import Vehicle
from twin.engine.reference.wear import StationWear
from twin.events.state import (
    PHASE_OF,
    Clock,
    CrewState,
    LineState,
    ModeState,
    Outage,
    PartState,
    StationState,
    StreamState,
    VehicleState,
    WearState,
)

if TYPE_CHECKING:
    from twin.engine.reference.engine import ReferenceEngine


def snapshot(engine: ReferenceEngine) -> LineState:
    """Return the state of a run between two moments."""
    run, options = engine.run, engine.options
    waiting = sorted(engine.workforce.waiting, key=crew_order)
    queue = [f"{mode.station.id}/{mode.spec.id}" for mode in waiting]
    return LineState(
        line_id=engine.line.id,
        time_s=engine.now_s,
        stream=StreamState(
            seed=options.seed, replication=options.replication, antithetic=options.antithetic
        ),
        parts=tuple(_part(engine, part) for part in run.parts.values()),
        stations={name: _station(engine, name) for name in sorted(engine.stations)},
        sources={name: source.state() for name, source in sorted(engine.sources.items())},
        orders={name: count.state() for name, count in sorted(run.orders.items())},
        finished=run.finished,
        scrapped=run.scrapped,
        turns=dict(sorted(run.turns.items())),
        queue=tuple(queue),
        crews={
            name: CrewState(on=pool.on, away=pool.told_away)
            for name, pool in engine.workforce.pools.items()
            if pool.calendar is not None or pool.told_away
        },
        vehicles={
            name: tuple(_vehicle(vehicle) for vehicle in pool.vehicles)
            for name, pool in engine.transport.pools.items()
        },
    )


def _vehicle(vehicle: Vehicle) -> VehicleState:
    return VehicleState(
        status=vehicle.status,
        place=vehicle.place,
        part=vehicle.part.id if vehicle.part else None,
        goal=vehicle.goal.id if vehicle.goal else None,
        clock=None if vehicle.status == "idle" else _clock(vehicle.timer),
    )


def _clock(timer: Timer) -> Clock:
    return Clock(
        worked_s=timer.worked_s,
        since_s=timer.since_s,
        given_s=timer.given_s,
        remaining_s=timer.remaining_s,
        rate=timer.rate,
    )


def _part(engine: ReferenceEngine, part: Part) -> PartState:
    clock = None
    if part.status in PHASE_OF and part.server is not None:
        clock = _clock(engine.stations[part.place].servers[part.server].timer)
    return PartState(
        id=part.id,
        product=part.way.spec.id,
        order=part.order,
        created_s=part.created_s,
        location=part.place,
        entered_s=part.entered_s,
        operation=part.step,
        server=part.server,
        status=part.status,
        visits=part.visits,
        reworks={str(step): count for step, count in sorted(part.reworks.items())},
        clock=clock,
        done_s=part.done_s if part.status == "done" else None,
        ready_s=part.ready_s,
        kitted=part.kitted,
        family=part.family,
        stage=part.stage if part.server is not None else 0,
        team=dict(sorted(part.team.items())),
        slowed=part.slowed,
        asked_s=part.asked_s,
    )


def _station(engine: ReferenceEngine, name: str) -> StationState:
    station = engine.stations[name]
    active = [
        Outage(since_s=outage.since_s, until_s=outage.until_s)
        for outage in engine.outages
        if outage.active and outage.station is station
    ]
    return StationState(
        on=station.on,
        setup_group=station.group,
        modes={mode.spec.id: _mode(mode) for mode in engine.modes[name]},
        outages=tuple(sorted(active, key=lambda outage: outage.since_s)),
        finished=station.finished,
        made=station.made,
        wear=None if station.wear is None else _wear(station.wear),
    )


def _wear(wear: StationWear) -> WearState:
    clock = None if wear.last else _clock(wear.timer)
    return WearState(level=wear.level, steps=wear.steps, lowered=wear.lowered, clock=clock)


def _mode(mode: StationMode) -> ModeState:
    ages = mode.status == "running" and mode.life_time is not None
    return ModeState(
        status=mode.status,
        count=mode.count,
        renewed=mode.renewed,
        age=_clock(mode.life) if ages else Clock(),
        failed_s=mode.failed_s,
        repair=_clock(mode.work) if mode.begun else None,
        team=dict(sorted(mode.team.items())) if mode.spec.skill is not None else {},
    )
