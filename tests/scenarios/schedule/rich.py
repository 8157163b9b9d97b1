"""Random problems over every kind of demand. Without deadlines and frozen starts rules meet all."""

import json
import random
from typing import Any

from hypothesis import strategies as st

from scenarios.schedule import SchedulingProblem

MACHINES = ("m0", "m1", "m2")
SKILLS = ("weld", "check")
KINDS = (
    "setups",
    "closures",
    "needs",
    "setup_needs",
    "transport",
    "no_wait",
    "buffers",
    "batches",
    "campaigns",
    "energy",
    "stability",
    "alternatives",
    "same_order",
)
HARD = (
    "deadlines",
    "fixed",
    "frozen",
    "horizon",
    "running",
    "all running",
    "overlap",
    "precedences",
)
"""Demands that may leave no schedule, or make a problem that is refused."""


@st.composite
def rich_problems(
    draw: st.DrawFn, jobs: int = 3, *, kinds: int = 4, among: tuple[str, ...] = KINDS
) -> SchedulingProblem:
    """Draw a problem with some of the demands: at most ``kinds`` beside the basic ones."""
    asked = set(draw(st.lists(st.sampled_from(among), max_size=kinds, unique=True)))
    machines = MACHINES[: draw(st.integers(2, 3))]
    document: dict[str, Any] = {
        "machines": [_machine(draw, name, asked) for name in machines],
        "jobs": [_job(draw, f"j{n}", machines, asked) for n in range(draw(st.integers(1, jobs)))],
        "resources": [
            {
                "id": "ann",
                "skills": SKILLS,
                "unavailable": [{"start_s": 12, "end_s": 15}] if "closures" in asked else [],
            },
            {"id": "bob", "skills": SKILLS[: draw(st.integers(0, 1))], "ready_s": 2},
        ],
        "objective": {
            draw(st.sampled_from(("makespan", "tardiness", "total_tardiness", "flow_time"))): 1.0
        },
    }
    if "same_order" in asked and "alternatives" not in asked:
        document["same_order"] = [machines]
    if "transport" in asked:
        document["transport_s"] = {
            a: {b: draw(st.integers(0, 4)) for b in machines if b != a} for a in machines
        }
    if "energy" in asked:
        document["prices"] = [
            {"start_s": 0, "end_s": 10, "per_kwh": draw(st.integers(0, 900))},
            {"start_s": 10, "end_s": 30, "per_kwh": draw(st.integers(0, 900))},
        ]
        document["objective"]["energy"] = 1.0
    if "stability" in asked:
        document["plan"] = [
            {
                "operation": f"{job['id']}/{operation['id']}",
                "machine": operation["modes"][0]["machine"],
                "start_s": draw(st.integers(0, 20)),
            }
            for job in document["jobs"]
            for operation in job["operations"]
        ]
        document["objective"] |= {"stability": 0.5, "machine_change_s": 7}
    return SchedulingProblem(**document)


def _machine(draw: st.DrawFn, name: str, asked: set[str]) -> dict[str, Any]:
    time_s = st.integers(0, 5)
    setups = "setups" in asked or "setup_needs" in asked
    return {
        "id": name,
        "ready_s": draw(st.integers(0, 3)),
        "unavailable": [{"start_s": 8, "end_s": 11}] if "closures" in asked else [],
        "setup_s": {"g": {"h": draw(time_s)}, "h": {"g": draw(time_s)}} if setups else {},
        "setup_group": draw(st.sampled_from((None, "g"))) if setups else None,
        # A setup that begins with the part, before a step that must not wait, leaves few ways out.
        "setup_waits": draw(st.booleans()) and "no_wait" not in asked,
        "setup_needs": ["weld"] if "setup_needs" in asked else [],
        "batch_size": draw(st.integers(1, 3)) if "batches" in asked else 1,
        # Jobs that go through in one piece come to a machine in an order that a campaign may break.
        "campaign_least": draw(st.integers(1, 2))
        if "campaigns" in asked and not asked & {"no_wait", "buffers"}
        else 1,
        "input_buffer": draw(st.sampled_from((None, 0, 1))) if "buffers" in asked else None,
    }


def _job(draw: st.DrawFn, name: str, machines: tuple[str, ...], asked: set[str]) -> dict[str, Any]:
    operations = []
    for number, machine in enumerate(draw(st.permutations(machines))):
        here = {machine}
        if "alternatives" in asked:
            here.add(draw(st.sampled_from(machines)))
        tied = "no_wait" in asked and number > 0
        operations.append(
            {
                "id": f"o{number}",
                "setup_group": draw(st.sampled_from(("", "g", "h"))),
                "splittable": draw(st.booleans()),
                "max_wait_s": draw(st.sampled_from((None, 0, 3))) if tied else None,
                "modes": [
                    {
                        "machine": m,
                        "duration_s": draw(st.integers(0, 7)),
                        "needs": draw(st.sampled_from(([], ["weld"], ["check"])))
                        if "needs" in asked
                        else [],
                        "power_kw": draw(st.integers(0, 9)),
                    }
                    for m in sorted(here)
                ],
            }
        )
    return {
        "id": name,
        "operations": operations,
        "release_s": draw(st.integers(0, 5)),
        "due_date_s": draw(st.one_of(st.none(), st.integers(6, 20))),
        "weight": draw(st.integers(0, 3)),
    }


@st.composite
def hard_documents(draw: st.DrawFn, jobs: int = 4) -> dict[str, Any]:
    """Draw a document with any demands together: a problem, or something that is refused."""
    problem = draw(rich_problems(jobs, kinds=len(KINDS)))
    document: dict[str, Any] = json.loads(problem.to_json())
    asked = draw(st.lists(st.sampled_from(HARD), max_size=4, unique=True))
    chance = draw(st.randoms(use_true_random=False))
    steps = [(job, item) for job in document["jobs"] for item in job["operations"]]
    for name in asked:
        _HARDER[name](chance, document, steps)
    return document


_Steps = list[tuple[dict[str, Any], dict[str, Any]]]


def _deadlines(chance: random.Random, document: dict[str, Any], _steps: _Steps) -> None:
    for job in document["jobs"]:
        if chance.random() < 0.6:
            job["deadline_s"] = chance.randint(5, 80)


def _fixed(chance: random.Random, _document: dict[str, Any], steps: _Steps) -> None:
    for _, item in steps:
        if chance.random() < 0.2:
            item["fixed_start_s"] = chance.randint(0, 40)


def _frozen(chance: random.Random, document: dict[str, Any], steps: _Steps) -> None:
    document["plan"] = [
        {
            "operation": f"{job['id']}/{item['id']}",
            "machine": chance.choice(item["modes"])["machine"],
            "start_s": chance.randint(0, 40),
        }
        for job, item in steps
        if chance.random() < 0.7
    ]
    document |= {"freeze_until_s": chance.randint(1, 15), "start_s": chance.randint(0, 6)}


def _horizon(chance: random.Random, document: dict[str, Any], _steps: _Steps) -> None:
    document["horizon_s"] = chance.randint(20, 120)


def _running(chance: random.Random, document: dict[str, Any], steps: _Steps) -> None:
    for machine in document["machines"]:
        first = [
            f"{job['id']}/{item['id']}"
            for job, item in steps
            if item is job["operations"][0]
            and [mode["machine"] for mode in item["modes"]] == [machine["id"]]
        ]
        machine["running"] = chance.sample(first, chance.randint(0, min(len(first), 3)))


def _all_running(_chance: random.Random, document: dict[str, Any], steps: _Steps) -> None:
    for machine in document["machines"]:
        machine["running"] = [
            f"{job['id']}/{item['id']}"
            for job, item in steps
            if [mode["machine"] for mode in item["modes"]] == [machine["id"]]
        ]


def _overlap(chance: random.Random, _document: dict[str, Any], steps: _Steps) -> None:
    for job, item in steps:
        item["overlap"] = item is not job["operations"][0] and chance.random() < 0.6
        for mode in item["modes"]:
            if chance.random() < 0.6:
                most = int(mode["duration_s"])
                mode |= {name: chance.randint(0, most) for name in ("first_part_s", "last_part_s")}


def _precedences(chance: random.Random, document: dict[str, Any], steps: _Steps) -> None:
    for _, item in steps:
        if chance.random() < 0.3:
            item["after"] = []
        elif chance.random() < 0.2:
            other, before = chance.choice(steps)
            item["after"] = [f"{other['id']}/{before['id']}"]


_HARDER = {
    "deadlines": _deadlines,
    "fixed": _fixed,
    "frozen": _frozen,
    "horizon": _horizon,
    "running": _running,
    "all running": _all_running,
    "overlap": _overlap,
    "precedences": _precedences,
}
