"""A breakdown in a shop with a thousand operations left: the first valid plan, and a good one.

`report` gives, in processor seconds of one core: the time to the pushed plan, and how far the plan
is above the one after `LINETWIN_REPLAN_S` (default 20) after less time. Random shops.
"""

from __future__ import annotations

import math
import os
import random
import time
from typing import Any

from scenarios.schedule import Limits, Schedule, SchedulingProblem, right_shift, solve, violations
from scenarios.schedule.protocol import Request
from scenarios.schedule.replan import replanning
from scenarios.schedule.search.engine import improve, warm_up
from scenarios.schedule.timing import Network
from tests.benchmarks.case import Case

JOBS, MACHINES = 60, 20
GONE = 0.08
"""Share of the plan that is done when the machine breaks down."""
REPAIR_S = 400.0
MARKS_S = (0.2, 1.0, 2.0, 5.0)
SEEDS = (1, 2)


def shop(seed: int) -> SchedulingProblem:
    """Return a random job shop."""
    draw = random.Random(seed)
    jobs = [
        {
            "id": f"j{j}",
            "operations": [
                {"id": f"o{k}", "modes": [{"machine": f"m{m}", "duration_s": draw.randint(1, 99)}]}
                for k, m in enumerate(draw.sample(range(MACHINES), MACHINES))
            ],
        }
        for j in range(JOBS)
    ]
    machines = [{"id": f"m{m}"} for m in range(MACHINES)]
    return SchedulingProblem(objective="makespan", machines=machines, jobs=jobs)


def broken(problem: SchedulingProblem, plan: Schedule) -> SchedulingProblem:
    """Return what is left when one machine breaks down: done, under way, in repair."""
    now_s = round(GONE * plan.makespan_s)
    placed = {item.key: item for item in plan.placements}
    jobs: list[dict[str, Any]] = []
    running: dict[str, str] = {}
    for job in problem.jobs:
        left = []
        for operation in job.operations:
            there = placed[f"{job.id}/{operation.id}"]
            if there.end_s > now_s:
                left_s = there.end_s - max(there.start_s, now_s)
                modes = [{"machine": there.machine, "duration_s": left_s}]
                left.append({"id": operation.id, "modes": modes})
                if there.start_s < now_s:
                    running[there.machine] = there.key
        if left:
            jobs.append({"id": job.id, "operations": left, "release_s": now_s})
    machines = [
        {
            "id": machine.id,
            "ready_s": now_s + (REPAIR_S if at == 0 else 0.0),
            "running": (running[machine.id],) if machine.id in running else (),
        }
        for at, machine in enumerate(problem.machines)
    ]
    return SchedulingProblem(objective="makespan", start_s=now_s, machines=machines, jobs=jobs)


def disturbed(seed: int) -> tuple[SchedulingProblem, Schedule]:
    """Return what is left after a breakdown, and the plan that was running."""
    problem = shop(seed)
    plan = solve(problem, Limits(seconds=1.0, engine="dispatch", seed=seed)).schedule
    assert plan is not None
    return broken(problem, plan), plan


def cases() -> list[Case]:
    """Return the time to the first valid plan."""
    problem, plan = disturbed(SEEDS[0])
    assert not violations(problem, right_shift(problem, plan))

    def run() -> float:
        return float(len(right_shift(problem, plan).placements))

    return [Case("first plan after a breakdown", run, "operations")]


def report() -> dict[str, Any]:
    """Return how soon the plan after a breakdown is as good as after a long time."""
    last_s = float(os.environ.get("LINETWIN_REPLAN_S", "20"))
    return {f"seed {seed}": _measured(seed, last_s) for seed in SEEDS}


def _measured(seed: int, last_s: float) -> dict[str, Any]:
    problem, plan = disturbed(seed)
    began_s = time.process_time()
    pushed = right_shift(problem, plan)
    first_s = time.process_time() - began_s
    asked = replanning(problem, pushed, 0.0, 0.0)
    start = Schedule.of(asked, pushed.placements)
    warm_up(asked)
    began_s = time.process_time()
    found = [(0.0, start.objective)]
    improve(
        Request(
            network=Network.of(asked),
            start=start,
            until=math.inf,
            seed=seed,
            on_schedule=lambda one: found.append((time.process_time() - began_s, one.objective)),
            cancelled=lambda: time.process_time() - began_s >= last_s,
        )
    )
    best = found[-1][1]
    return {
        "operations": len(start.placements),
        "first_plan_ms": round(1000 * first_s, 1),
        "above_the_last_percent": {
            f"{mark_s:g} s": round(100 * (min(v for t, v in found if t <= mark_s) / best - 1), 2)
            for mark_s in MARKS_S
        },
        "pushed_plan_percent": round(100 * (start.objective / best - 1), 2),
        "seconds": last_s,
    }
