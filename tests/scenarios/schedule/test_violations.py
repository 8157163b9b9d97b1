"""The checker accepts what is right and names what is not, by how much."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given

from scenarios.schedule import (
    Placement,
    Schedule,
    SchedulingProblem,
    Violation,
    ViolationKind,
    dispatch,
    violations,
)
from scenarios.schedule.dispatching import RULES
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import job, moved, placed, rich_problem, shop, small_problems

Kind = ViolationKind


def good(problem: SchedulingProblem) -> Schedule:
    """Return a feasible schedule."""
    schedule = dispatch(Network.of(problem), "edd")
    assert violations(problem, schedule) == []
    return schedule


def kinds(found: list[Violation]) -> set[ViolationKind]:
    """Return the kinds that were found."""
    return {violation.kind for violation in found}


@given(small_problems())
def test_every_rule_makes_a_schedule_that_is_accepted(problem: SchedulingProblem) -> None:
    """Dispatching meets every demand of problems without hard dates, in both styles."""
    network = Network.of(problem)
    for rule in RULES:
        assert violations(problem, dispatch(network, rule, "non_delay")) == []
        assert violations(problem, dispatch(network, rule, "active")) == []


def test_missing_operation() -> None:
    """An operation that is left out is named."""
    problem = rich_problem()
    rest = [p for p in good(problem).placements if p.key != "B/o1"]
    found = violations(problem, Schedule.of(problem, rest))
    assert [(v.kind, v.where) for v in found] == [(Kind.MISSING, "B/o1")]


def test_duplicated_and_unknown_operation() -> None:
    """An operation that comes twice, and one that nobody asked for, are named."""
    problem = rich_problem()
    schedule = good(problem)
    twice = placed(schedule, "A/o0")
    stranger = twice.model_copy(update={"operation": "o9"})
    found = violations(problem, Schedule.of(problem, [*schedule.placements, twice, stranger]))
    assert {(v.kind, v.where) for v in found} == {
        (Kind.DUPLICATED, "A/o0"),
        (Kind.UNKNOWN, "A/o9"),
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_time_that_is_no_number(value: float) -> None:
    """NaN and infinite times are found, not compared."""
    problem = rich_problem()
    found = violations(problem, moved(good(problem), problem, "D/o1", end_s=value))
    assert Kind.NOT_FINITE in kinds(found)


def test_machine_that_cannot_do_it() -> None:
    """A machine that is not among the modes is refused."""
    problem = rich_problem()
    found = violations(problem, moved(good(problem), problem, "A/o0", machine="paint"))
    assert (Kind.ELIGIBILITY, "A/o0") in {(v.kind, v.where) for v in found}


def two_steps(**fields: object) -> SchedulingProblem:
    """Return two jobs of two steps; each test changes what it is about."""
    return shop([job("A", [("m", 10), ("n", 5)]), job("B", [("m", 4)])], ["m", "n"], **fields)


def shifted(problem: SchedulingProblem, key: str, by_s: float) -> list[Violation]:
    """Return what is found after an operation was moved in time."""
    schedule = good(problem)
    at = placed(schedule, key)
    times = {"start_s": at.start_s + by_s, "end_s": at.end_s + by_s}
    return violations(problem, moved(schedule, problem, key, **times))


def test_precedence_with_amount() -> None:
    """A step that starts three seconds before its predecessor ends is told so."""
    found = shifted(two_steps(), "A/o1", -3)
    assert [(v.kind, v.where) for v in found] == [(Kind.PRECEDENCE, "A/o1")]
    assert found[0].amount_s == pytest.approx(3)
    assert found[0].others == ("A/o0",)


def test_two_on_one_machine_with_amount() -> None:
    """Two operations on one machine at one time are told by how much they overlap."""
    found = shifted(two_steps(), "B/o0", -4)
    assert [(v.kind, v.where, v.amount_s, v.others) for v in found] == [
        (Kind.MACHINE, "B/o0", 4, ("A/o0",))
    ]


def test_work_cut_short_and_drawn_out() -> None:
    """An operation that is shorter or longer than its duration is refused."""
    problem = two_steps()
    for end_s in (9.0, 10.0 + 2.0):
        found = violations(problem, moved(good(problem), problem, "A/o0", end_s=end_s))
        assert Kind.DURATION in kinds(found)


def test_setup_too_short() -> None:
    """The setup between neighbours is demanded, with what is missing."""
    machine = {"id": "m", "setup_s": {"a": {"b": 6}, "b": {"a": 6}}}
    jobs = [
        job("A", [("m", 10)], {"setup_group": "a"}),
        job("B", [("m", 4)], {"setup_group": "b"}),
    ]
    found = shifted(shop(jobs, [machine]), "B/o0", -2)
    assert [(v.kind, v.where, v.amount_s) for v in found] == [(Kind.SETUP, "B/o0", 2)]


def test_setup_that_waits_for_the_part() -> None:
    """A setup that may not be made ahead counts from the arrival of the part."""
    machine = {"id": "n", "setup_s": {"a": {"b": 6}}, "setup_group": "a", "setup_waits": True}
    problem = shop([job("A", [("m", 10), ("n", 5)], {"setup_group": "b"})], ["m", machine])
    assert placed(good(problem), "A/o1").start_s == 16
    found = shifted(problem, "A/o1", -1)
    assert [(v.kind, v.amount_s) for v in found] == [(Kind.SETUP, 1)]


def test_release_and_ready_time() -> None:
    """Nothing starts before its release, nor before its machine is ready."""
    problem = shop(
        [job("A", [("m", 1)], release_s=5), job("B", [("n", 1)])], ["m", {"id": "n", "ready_s": 3}]
    )
    assert kinds(shifted(problem, "A/o0", -1)) == {Kind.RELEASE}
    assert kinds(shifted(problem, "B/o0", -1)) == {Kind.MACHINE}


def test_deadline_and_horizon() -> None:
    """A missed deadline and a missed horizon are violations; a missed due date is not."""
    late = job("A", [("m", 10), ("n", 5)], due_date_s=1, deadline_s=15)
    problem = shop([late], ["m", "n"], horizon_s=16)
    assert good(problem).jobs[0].tardiness_s == 14
    found = shifted(problem, "A/o1", 2)
    assert sorted(v.amount_s for v in found) == [1, 2]
    assert kinds(found) == {Kind.DEADLINE}


def test_calendar_of_work_that_may_not_pause() -> None:
    """Work that cannot be split is refused inside a closure."""
    machine = {"id": "m", "unavailable": [{"start_s": 4, "end_s": 6}]}
    problem = shop([job("A", [("m", 5)])], [machine])
    assert placed(good(problem), "A/o0").start_s == 6
    found = shifted(problem, "A/o0", -3)
    assert [(v.kind, v.amount_s) for v in found] == [(Kind.CALENDAR, 2)]


def test_calendar_of_work_that_pauses() -> None:
    """Work that pauses is longer by the closure; without that time some of it is missing."""
    machine = {"id": "m", "unavailable": [{"start_s": 4, "end_s": 6}]}
    problem = shop([job("A", [("m", 5)], {"splittable": True})], [machine])
    schedule = good(problem)
    assert placed(schedule, "A/o0").end_s == 7
    found = violations(problem, moved(schedule, problem, "A/o0", end_s=6.5))
    assert [(v.kind, v.amount_s) for v in found] == [(Kind.DURATION, 0.5)]


def test_start_inside_a_closure() -> None:
    """Work that may pause must still begin while the machine is open."""
    machine = {"id": "m", "unavailable": [{"start_s": 0, "end_s": 6}]}
    problem = shop([job("A", [("m", 5)], {"splittable": True})], [machine])
    found = violations(problem, moved(good(problem), problem, "A/o0", start_s=2.0))
    assert Kind.CALENDAR in kinds(found)


def test_frozen_start_and_running_operation() -> None:
    """A frozen start must be kept, and what is under way comes first."""
    frozen = shop([job("A", [("m", 2)], {"fixed_start_s": 7})], ["m"])
    assert [(v.kind, v.amount_s) for v in shifted(frozen, "A/o0", 1)] == [(Kind.FROZEN, 1)]
    jobs = [job("A", [("m", 2)]), job("B", [("m", 3)])]
    problem = shop(jobs, [{"id": "m", "running": ["B/o0"]}])
    schedule = good(problem)
    assert placed(schedule, "B/o0").start_s == 0
    swapped = moved(schedule, problem, "A/o0", start_s=0.0, end_s=2.0)
    swapped = moved(swapped, problem, "B/o0", start_s=2.0, end_s=5.0)
    assert Kind.FROZEN in kinds(violations(problem, swapped))


def streaming() -> SchedulingProblem:
    """Return a lot of ten parts that streams from a machine of 2 s per part to one of 1 s."""
    first = {"machine": "m", "duration_s": 20, "first_part_s": 2, "last_part_s": 2}
    second = {"machine": "n", "duration_s": 10, "first_part_s": 1, "last_part_s": 1}
    operations = [
        {"id": "o0", "modes": [first], "splittable": True},
        {"id": "o1", "modes": [second], "overlap": True},
    ]
    return shop([{"id": "A", "operations": operations}], ["m", "n"])


def test_streaming_lot() -> None:
    """A faster successor starts with the first part and ends one part after its predecessor."""
    problem = streaming()
    second = placed(good(problem), "A/o1")
    assert (second.start_s, second.end_s) == (2, 21)


@pytest.mark.parametrize(("changes", "amount_s"), [({"start_s": 1.5}, 0.5), ({"end_s": 20.2}, 0.8)])
def test_overlap_of_lots(changes: dict[str, float], amount_s: float) -> None:
    """A streaming step may neither start before the first part nor end before the last."""
    problem = streaming()
    found = violations(problem, moved(good(problem), problem, "A/o1", **changes))
    assert [(v.kind, v.where) for v in found] == [(Kind.OVERLAP, "A/o1")]
    assert found[0].amount_s == pytest.approx(amount_s)


def test_overtaking() -> None:
    """Jobs that change order between machines of a group are found."""
    jobs = [job("A", [("m", 2), ("n", 2)]), job("B", [("m", 2), ("n", 2)])]
    problem = shop(jobs, ["m", "n"], same_order=[["m", "n"]])
    schedule = good(problem)
    first = moved(schedule, problem, "A/o1", start_s=6.0, end_s=8.0)
    found = violations(problem, first)
    assert [(v.kind, v.where) for v in found] == [(Kind.SAME_ORDER, "B")]


@pytest.mark.parametrize(
    "forge",
    [
        lambda s: s.model_copy(update={"objective": s.objective - 1}),
        lambda s: s.model_copy(
            update={"jobs": (s.jobs[0].model_copy(update={"completion_s": 1.0}), *s.jobs[1:])}
        ),
    ],
)
def test_stated_outcome_must_be_true(forge: Callable[[Schedule], Schedule]) -> None:
    """An objective or a completion that the times do not bear out is a violation."""
    problem = rich_problem()
    assert kinds(violations(problem, forge(good(problem)))) == {Kind.OUTCOME}


def test_a_setup_whose_people_are_busy_is_told_at_its_operation() -> None:
    """The place is an operation also where it is the setup before it that nobody can do."""
    fitted = {"id": "m", "setup_group": "g", "setup_s": {"g": {"h": 5}}, "setup_needs": ["fit"]}
    late, first = job("A", [("m", 9)], {"setup_group": "h"}), job("B", [("n", 4)])
    first["operations"][0]["modes"][0]["needs"] = ["fit"]
    problem = shop([late, first], [fitted, "n"], resources=[{"id": "bob", "skills": ["fit"]}])
    whole = [
        Placement(job="B", operation="o0", machine="n", start_s=0, end_s=4, resources=("bob",)),
        Placement(
            job="A",
            operation="o0",
            machine="m",
            start_s=9,
            end_s=18,
            setup_start_s=4,
            setup_resources=("bob",),
        ),
    ]
    schedule = Schedule.of(problem, whole)
    assert violations(problem, schedule) == []
    (found,) = violations(problem, moved(schedule, problem, "A/o0", setup_start_s=1))
    assert (found.kind, found.where, found.amount_s) == (Kind.RESOURCE, "A/o0", 3)
    assert "bob is busy with B/o0 when the setup for A/o0 starts" in found.message


@pytest.mark.parametrize(
    ("machine", "starts_s", "kind", "where"),
    [
        ({"batch_size": 2}, (0, 0, 0), Kind.BATCH, "m"),
        ({"campaign_least": 2}, (0, 4, 8), Kind.CAMPAIGN, "B/o0"),
    ],
)
def test_what_is_counted_states_no_time(
    machine: dict[str, int], starts_s: tuple[float, ...], kind: ViolationKind, where: str
) -> None:
    """Operations too many in a batch, or too few in a campaign, are no seconds."""
    groups = {"A": "g", "B": "g" if kind is Kind.BATCH else "h", "C": "g"}
    jobs = [job(name, [("m", 4)], {"setup_group": group}) for name, group in groups.items()]
    problem = shop(jobs, [{"id": "m", **machine}])
    bars = [
        Placement(job=name, operation="o0", machine="m", start_s=start_s, end_s=start_s + 4)
        for name, start_s in zip(groups, starts_s, strict=True)
    ]
    (found,) = violations(problem, Schedule.of(problem, bars))
    assert (found.kind, found.where) == (kind, where)
    assert math.isnan(found.amount_s)
