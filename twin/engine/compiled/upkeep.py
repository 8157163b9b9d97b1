"""What takes stations out of work, and who is needed for what, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twin.engine.compiled import tables as t
from twin.engine.compiled.layout import floats, ints, offsets
from twin.engine.model import needs_by_phase
from twin.engine.streams import Purpose
from twin.line import Failure, Line, Maintenance, Mode, Need
from twin.line.workforce import PHASES, by_versatility

if TYPE_CHECKING:
    from twin.engine.compiled.lower import Lowering

CLOCKS = {"operating": t.OPERATING, "calendar": t.BY_CALENDAR, "cycles": t.CYCLES}
EFFECTS = {"stop": t.STOPS, "scrap": t.SCRAPS, "restart": t.RESTARTS, "slow": t.SLOWS}


def mode_tables(low: Lowering) -> dict[str, Any]:
    """Return the fields of failures and maintenance that no run changes."""
    modes = [mode for _, mode in low.modes]
    names = [f"{low.stations[s].id}/{mode.id}" for s, mode in low.modes]
    place = {(s, mode.id): m for m, (s, mode) in enumerate(low.modes)}
    # In the order of the modes, whatever the order in which maintenance names them.
    renewed = [
        sorted(place[s, name] for name in mode.renews) if isinstance(mode, Maintenance) else []
        for s, mode in low.modes
    ]
    beginnings = [_beginnings(low, mode) for mode in modes]
    return {
        "first_mode": offsets(len(spec.modes) for spec in low.stations),
        "mode_station": ints(s for s, _ in low.modes),
        "mode_clock": ints(CLOCKS[mode.clock] for mode in modes),
        "mode_effect": ints(
            EFFECTS[mode.effect] if isinstance(mode, Failure) else t.IS_MAINTAINED for mode in modes
        ),
        "mode_slow": floats(m.slow_factor if isinstance(m, Failure) else 1.0 for m in modes),
        "mode_interrupts": ints(isinstance(m, Maintenance) and m.interrupts for m in modes),
        "first_renewed": offsets(len(row) for row in renewed),
        "renewed": ints(m for row in renewed for m in row),
        "first_beginning": offsets(len(row) for row in beginnings),
        "beginning_s": floats(time_s for row in beginnings for time_s in row),
        "mode_life": ints(low.distribution(m.life) if m.life else -1 for m in modes),
        "mode_repair": ints(low.distribution(m.work_s) for m in modes),
        "mode_life_key": low.keys(names, Purpose.FAILURE),
        "mode_repair_key": low.keys(names, Purpose.REPAIR),
    }


def _beginnings(low: Lowering, mode: Mode) -> list[float]:
    """Return the moments at which maintenance by a calendar is due, s."""
    if not isinstance(mode, Maintenance) or mode.calendar is None:
        return []
    return [time_s for time_s, on in low.switches(mode.calendar) if on]


def people_tables(low: Lowering) -> dict[str, Any]:
    """Return the fields of crews, and of who is needed, that no run changes."""
    line = low.line
    crews = {crew.id: i for i, crew in enumerate(low.crews)}
    phases = [
        needs_by_phase(line.station(name), step)[phase]
        for product in low.products
        for step in product.routing
        for name in step.stations
        for phase in PHASES
    ]
    needs, seen_to = [need for row in phases for need in _in_order(row)], []
    for _, mode in low.modes:
        seen_to.append(len(needs) if mode.crew or mode.skill else -1)
        if mode.crew or mode.skill:
            needs.append(Need(crew=mode.crew, skill=mode.skill, count=mode.people))
    able = [[crews[name] for name in _able(line, need)] for need in needs]
    comings = [low.switches(crew.calendar) if crew.calendar else [] for crew in low.crews]
    return {
        "station_manned": ints(spec.id in line.manned for spec in low.stations),
        "station_attended": ints(spec.id in line.attended for spec in low.stations),
        "station_claim": floats(spec.claim for spec in low.stations),
        "first_need": offsets(len(row) for row in phases),
        "need_count": ints(need.count for need in needs),
        "first_able": offsets(len(row) for row in able),
        "able": ints(crew for row in able for crew in row),
        "mode_need": ints(seen_to),
        "mode_crew": ints(crews[mode.crew] if mode.crew else -1 for _, mode in low.modes),
        "mode_skill": ints(mode.skill is not None for _, mode in low.modes),
        "crew_stops": ints(crew.at_shift_end == "stop" for crew in low.crews),
        "first_coming": offsets(len(row) for row in comings),
        "coming_s": floats(time_s for row in comings for time_s, _ in row),
        "coming_on": ints(on for row in comings for _, on in row),
    }


def _in_order(needs: tuple[Need, ...]) -> list[Need]:
    """Return needs in the order in which they are met; see ``twin.line.workforce.chosen``."""
    return sorted(needs, key=lambda need: need.crew is None)


def _able(line: Line, need: Need) -> list[str]:
    """Return the crews that can do what is needed, in the order in which they are asked."""
    return [
        crew.id
        for crew in by_versatility(line)
        if (crew.id == need.crew if need.crew is not None else need.skill in crew.skills)
    ]
