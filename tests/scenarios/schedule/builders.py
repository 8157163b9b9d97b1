"""Problems and schedules that the tests of scheduling share."""

from itertools import permutations, product
from typing import Any

from hypothesis import strategies as st

from scenarios.schedule import Placement, Schedule, SchedulingProblem
from scenarios.schedule.timing import Network, timed

FT06 = """\
6 6
2 1 0 3 1 6 3 7 5 3 4 6
1 8 2 5 4 10 5 10 0 10 3 4
2 5 3 4 5 8 0 9 1 1 4 7
1 5 0 5 2 5 3 3 4 8 5 9
2 9 1 3 4 5 5 4 0 3 3 1
1 3 3 3 5 9 0 10 4 4 2 1
"""
"""Fisher and Thompson's 6 by 6 job shop; the shortest makespan is 55."""


def job(
    name: str, steps: list[tuple[str, float]], extra: dict[str, Any] | None = None, **fields: object
) -> dict[str, Any]:
    """Return a job as a document: machines and durations in order, the same extras on each step."""
    operations = [
        {"id": f"o{i}", "modes": [{"machine": m, "duration_s": d}], **(extra or {})}
        for i, (m, d) in enumerate(steps)
    ]
    return {"id": name, "operations": operations, **fields}


def shop(jobs: list[dict[str, Any]], machines: list[Any], **fields: object) -> SchedulingProblem:
    """Return a problem; a machine may be given by its name alone."""
    found = [{"id": m} if isinstance(m, str) else m for m in machines]
    return SchedulingProblem(**{"machines": found, "jobs": jobs, "objective": "makespan", **fields})


def rich_problem(**fields: object) -> SchedulingProblem:
    """Return a small problem with nearly every kind of demand, for which rules find a schedule."""
    streaming = {
        "id": "C",
        "release_s": 5,
        "due_date_s": 60,
        "weight": 2,
        "operations": [
            {
                "id": "o0",
                "modes": [{"machine": "cut", "duration_s": 12, "first_part_s": 3}],
                "setup_group": "g2",
                "splittable": True,
            },
            {
                "id": "o1",
                "overlap": True,
                "modes": [{"machine": "paint", "duration_s": 8, "last_part_s": 2}],
            },
        ],
    }
    either = {
        "id": "D",
        "deadline_s": 200,
        "operations": [
            {
                "id": "o0",
                "modes": [
                    {"machine": "cut", "duration_s": 4},
                    {"machine": "pack", "duration_s": 6},
                ],
                "setup_group": "g1",
            },
            {"id": "o1", "modes": [{"machine": "paint", "duration_s": 5}]},
        ],
    }
    document: dict[str, Any] = {
        "id": "rich",
        "machines": [
            {
                "id": "cut",
                "setup_s": {"g1": {"g2": 6}, "g2": {"g1": 3}},
                "setup_group": "g1",
                "unavailable": [{"start_s": 20, "end_s": 26}],
            },
            {"id": "paint", "ready_s": 4, "unavailable": [{"start_s": 15, "end_s": 18}]},
            {"id": "pack", "running": ["A/o1"]},
        ],
        "jobs": [
            job("A", [("cut", 7), ("pack", 4)], {"setup_group": "g1"}, due_date_s=12),
            job("B", [("paint", 6), ("cut", 5)], {"setup_group": "g2"}, due_date_s=15, weight=3),
            streaming,
            either,
        ],
        "objective": {"makespan": 1, "tardiness": 2},
    }
    document.update(fields)
    return SchedulingProblem(**document)


def moved(schedule: Schedule, problem: SchedulingProblem, key: str, **changes: object) -> Schedule:
    """Return the schedule with one placement changed and the outcome worked out again."""
    placements = [
        placed.model_copy(update=changes) if placed.key == key else placed
        for placed in schedule.placements
    ]
    return Schedule.of(problem, placements)


def placed(schedule: Schedule, key: str) -> Placement:
    """Return the placement of one operation."""
    return next(p for p in schedule.placements if p.key == key)


def brute_force(problem: SchedulingProblem) -> float:
    """Return the best objective over every choice of machines and every sequence on each.

    Objectives do not fall when something is done later, so the earliest schedule of some sequence
    is best.
    """
    network, best = Network.of(problem), float("inf")
    for combination in product(*(step.choices for step in network.steps)):
        choices = dict(enumerate(combination))
        here: list[list[int]] = [[] for _ in network.machines]
        for step, choice in choices.items():
            here[choice.machine].append(step)
        for sequences in product(*(permutations(steps) for steps in here)):
            schedule = timed(network, sequences, choices)
            if schedule is not None and allowed(network, sequences):
                best = min(best, schedule.objective)
    return best


def allowed(network: Network, sequences: tuple[tuple[int, ...], ...]) -> bool:
    """Say whether what is under way comes first, and jobs pass each group in one order."""
    for machine, sequence in zip(network.machines, sequences, strict=True):
        if [network.steps[i].key for i in sequence[: len(machine.running)]] != [*machine.running]:
            return False
    for group in set(network.group_of.values()):
        machines = [m for m, g in network.group_of.items() if g == group]
        orders = [[network.steps[i].job for i in sequences[m]] for m in machines]
        for left, right in product(orders, orders):
            common = [j for j in left if j in right]
            if common != [j for j in right if j in left]:
                return False
    return True


@st.composite
def small_problems(draw: st.DrawFn) -> SchedulingProblem:
    """Draw a problem that is small enough to be solved by trying everything."""
    machines = ["m0", "m1", "m2"][: draw(st.integers(1, 3))]
    duration = st.integers(0, 9)
    setups = draw(st.booleans())
    closed = draw(st.booleans())
    serial = draw(st.booleans()) and len(machines) > 1
    jobs = []
    for number in range(draw(st.integers(1, 3))):
        route = machines if serial else draw(st.permutations(machines))
        overlap = draw(st.booleans())
        operations = []
        for step, machine in enumerate(route):
            names = {machine, draw(st.sampled_from(machines))} if not serial else {machine}
            modes = []
            for name in sorted(names):
                length = draw(duration)
                part = draw(st.integers(0, 4))
                modes.append(
                    {
                        "machine": name,
                        "duration_s": length,
                        "first_part_s": part if overlap else None,
                        "last_part_s": part if overlap else None,
                    }
                )
            operations.append(
                {
                    "id": f"o{step}",
                    "modes": modes,
                    "overlap": overlap and step > 0,
                    "splittable": draw(st.booleans()),
                    "setup_group": draw(st.sampled_from(["", "g", "h"])) if setups else "",
                }
            )
        jobs.append(
            {
                "id": f"j{number}",
                "operations": operations,
                "release_s": draw(st.integers(0, 5)),
                "due_date_s": draw(st.one_of(st.none(), st.integers(6, 20))),
                "weight": draw(st.integers(0, 3)),
            }
        )
    matrix = {"g": {"h": draw(duration)}, "h": {"g": draw(duration)}} if setups else {}
    found: list[dict[str, Any]] = [
        {
            "id": name,
            "setup_s": matrix,
            "setup_group": draw(st.sampled_from([None, "g"])) if setups else None,
            "setup_waits": draw(st.booleans()),
            "ready_s": draw(st.integers(0, 4)),
            "unavailable": [{"start_s": 8, "end_s": 11}, {"start_s": 20, "end_s": 22}]
            if closed
            else [],
        }
        for name in machines
    ]
    return SchedulingProblem(
        machines=found,
        jobs=jobs,
        same_order=[machines] if serial else [],
        objective=draw(st.sampled_from(["makespan", "total_weighted_tardiness"])),
    )


def factory_problem(**fields: object) -> SchedulingProblem:
    """Return a small problem with the demands of a factory: people, ways, waits, prices, a plan."""
    weld = {"modes": [{"machine": "weld", "duration_s": 6, "needs": ["welder"], "power_kw": 30}]}
    either = {
        "modes": [
            {"machine": "weld", "duration_s": 4, "needs": ["welder"]},
            {"machine": "oven", "duration_s": 5, "needs": ["bob"]},
        ]
    }
    bake = {"modes": [{"machine": "oven", "duration_s": 8}], "max_wait_s": 2}
    pack = {"modes": [{"machine": "pack", "duration_s": 3, "needs": ["welder"]}]}
    document: dict[str, Any] = {
        "id": "factory",
        "machines": [
            {"id": "weld"},
            {"id": "oven", "batch_size": 2, "campaign_least": 2},
            {"id": "pack", "input_buffer": 0},
        ],
        "resources": [
            {"id": "ann", "skills": ["welder"]},
            {"id": "bob", "skills": ["welder"], "unavailable": [{"start_s": 3, "end_s": 9}]},
        ],
        "transport_s": {"weld": {"oven": 2, "pack": 1}, "oven": {"pack": 3}},
        "prices": [{"start_s": 4, "end_s": 12, "per_kwh": 60}],
        "jobs": [
            {
                "id": name,
                "due_date_s": 20,
                "operations": [
                    {"id": "o0", **first},
                    {"id": "o1", "setup_group": group, **bake},
                    {"id": "o2", **pack},
                ],
            }
            for name, first, group in (("A", weld, "hot"), ("B", either, "hot"))
        ],
        "plan": [
            {"operation": "A/o0", "machine": "weld", "start_s": 1},
            {"operation": "B/o0", "machine": "oven", "start_s": 2},
        ],
        "objective": {
            "makespan": 1,
            "flow_time": 1,
            "energy": 1,
            "stability": 0.5,
            "machine_change_s": 7,
        },
    }
    document.update(fields)
    return SchedulingProblem(**document)
