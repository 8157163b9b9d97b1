"""A first small task: brings in what the first real one would otherwise wait for."""

from __future__ import annotations

from typing import Any

from api.jobs.tasks.context import Context, LineCache


def warm(payload: dict[str, Any], _context: Context, lines: LineCache) -> dict[str, Any]:
    """Read the lines, simulate a minute of each and summarise it."""
    from scenarios.whatif import compare, run_experiment  # noqa: F401, PLC0415 - loads what they need
    from twin.engine import SimulationOptions, replicate  # noqa: PLC0415

    for item in payload["lines"]:
        line = lines.line(item["line"], item["line_hash"])
        replicate(line, SimulationOptions(horizon_s=60.0, seed=1), 1)
    return {}
