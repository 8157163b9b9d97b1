"""How stations wear, as tables: what each level is like, and which one a state begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.engine.compiled.layout import floats, ints, offsets
from twin.engine.compiled.upkeep import CLOCKS
from twin.engine.streams import Purpose
from twin.events.state import StationState, WearState
from twin.line import Failure, Line, Maintenance, Mode, Operation, Station

if TYPE_CHECKING:
    from twin.engine.compiled.lower import Lowering


def has_wear(line: Line) -> bool:
    """Tell whether some station wears."""
    return any(station.wear is not None for station in line.stations)


def scraps_by_wear(line: Line, step: Operation | None) -> bool:
    """Tell whether some station of an operation scraps more when it is worn."""
    wears = [line.station(name).wear for name in step.stations] if step else []
    return any(level.scrap_probability > 0 for wear in wears if wear for level in wear.levels)


def wear_tables(low: Lowering) -> dict[str, Any]:
    """Return the fields of wear that no run changes."""
    wears = [spec.wear for spec in low.stations]
    levels = [
        (wear.at(number), wear.levels[number].after if number < len(wear.levels) else None)
        for wear in wears
        if wear is not None
        for number in range(len(wear.levels) + 1)
    ]
    modes = [(low.stations[s], mode) for s, mode in low.modes]
    return {
        "wear_clock": ints(CLOCKS[wear.clock] if wear else -1 for wear in wears),
        "wear_key": low.keys((spec.id for spec in low.stations), Purpose.WEAR),
        "first_level": offsets(len(wear.levels) + 1 if wear else 0 for wear in wears),
        "level_after": ints(low.distribution(after) if after else -1 for _, after in levels),
        "level_failure": floats(level.failure_factor for level, _ in levels),
        "level_scrap": floats(level.scrap_probability for level, _ in levels),
        "level_time": floats(level.time_factor for level, _ in levels),
        "mode_worn": ints(
            isinstance(mode, Failure)
            and spec.wear is not None
            and (not spec.wear.ages or mode.id in spec.wear.ages)
            for spec, mode in modes
        ),
        "mode_mends": ints(
            spec.wear.lowered_by.get(mode.id, 0) if spec.wear else 0 for spec, mode in modes
        ),
        "mode_at_level": ints(
            (mode.at_level or 0) if isinstance(mode, Maintenance) else 0 for _, mode in modes
        ),
    }


def wear_fields(low: Lowering, found: Sequence[StationState], since_s: float) -> dict[str, Any]:
    """Return the fields of wear that a run changes; ``since_s``: counted from that moment on."""
    wears = [state.wear or WearState() for state in found]
    rates = [_rate(low.stations[s], mode, wears[s].level) for s, mode in low.modes]
    levels = sum(len(spec.wear.levels) + 1 for spec in low.stations if spec.wear)
    return {
        "wear_level": ints(wear.level for wear in wears),
        "wear_steps": ints(wear.steps for wear in wears),
        "wear_mended": ints(wear.lowered for wear in wears),
        "wear_since_s": np.full(len(wears), since_s),
        "level_s": np.zeros(levels),
        "mode_rate": floats(rates),
    }


def _rate(spec: Station, mode: Mode, level: int) -> float:
    """Return how fast a mode ages at a level of wear."""
    failure = isinstance(mode, Failure)
    return spec.wear.failure_factor(level, mode.id, failure=failure) if spec.wear else 1.0
