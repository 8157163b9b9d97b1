"""A first small task: brings in what the first real one would otherwise wait for."""

from __future__ import annotations

from typing import Any

from api.jobs.tasks.context import Context, LineCache

KERNEL_S = 15.0
"""Longest wait for the kernel, s. It loads in a second or two, on a busy machine in more; where it
must be compiled first, jobs begin on the reference engine."""


def warm(payload: dict[str, Any], _context: Context, lines: LineCache) -> dict[str, Any]:
    """Read the lines, simulate a minute of each and summarise it."""
    from scenarios.whatif import compare, run_experiment  # noqa: F401, PLC0415 - loads what they need
    from twin.engine import SimulationOptions, replicate  # noqa: PLC0415
    from twin.engine.runs import KERNEL  # noqa: PLC0415

    # The other engine's figures differ in their last digits; a job that is done again may not.
    KERNEL.wait(KERNEL_S)
    for item in payload["lines"]:
        line = lines.line(item["line"], item["line_hash"])
        replicate(line, SimulationOptions(horizon_s=60.0, seed=1), 1)
    return {}
