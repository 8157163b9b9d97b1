"""Run a plant until somebody stops it: what ``twin plant`` does."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from datetime import datetime

from twin.emulator.gap import RealityGap
from twin.emulator.plant import Plant
from twin.emulator.rehearsal import Rehearsal
from twin.engine.options import Fault
from twin.line import Line

ROWS_KEPT = 100_000
"""Events that a plant on its own keeps in memory."""


def run_plant(  # noqa: PLR0913 - all that a plant is, told by name in one place
    line: Line,
    *,
    port: int = 4840,
    speed: float = 1.0,
    start: datetime | None = None,
    seed: int = 1,
    faults: Sequence[Fault] = (),
    reality_gap: RealityGap | None = None,
    rehearsal: Rehearsal | None = None,
    opened: Callable[[Plant], None] | None = None,
) -> None:
    """Run a plant until it is interrupted (Ctrl-C, or a request to terminate).

    Parameters
    ----------
    line, port, speed, start, seed, faults, reality_gap, rehearsal
        As for ``Plant``; the port is 4840 unless told otherwise.
    opened : callable, optional
        Called once with the plant when it listens, for instance to print ``plant.endpoint`` or
        ``plant.reality_gap.report(line)``.

    Raises
    ------
    OptionsError
        If a value makes no sense.
    PlantError
        If the port cannot be used.
    SimulationError
        If the line cannot go on.
    """
    plant = Plant(
        line,
        speed=speed,
        start=start,
        seed=seed,
        port=port,
        reality_gap=reality_gap,
        faults=faults,
        rows_kept=ROWS_KEPT,
        rehearsal=rehearsal,
    )
    # Where the event loop cannot take signals itself, Ctrl-C comes as an exception.
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(plant, opened))


async def _run(plant: Plant, opened: Callable[[Plant], None] | None) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    with contextlib.suppress(NotImplementedError):
        for number in signals:
            loop.add_signal_handler(number, stop.set)
    try:
        async with plant:
            if opened is not None:
                opened(plant)
            running = asyncio.ensure_future(plant.wait())
            asked = asyncio.ensure_future(stop.wait())
            await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if running.done():
                running.result()
            else:
                running.cancel()
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)
