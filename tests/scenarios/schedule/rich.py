"""Random problems over every kind of demand. Without deadlines and frozen starts rules meet all."""

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
