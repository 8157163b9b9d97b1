"""Problems: everything wrong is said at once, everything right survives a file."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given

from scenarios.schedule import (
    ProblemError,
    Schedule,
    SchedulingProblem,
    dispatch,
    from_flexible_text,
    from_jobshop_text,
)
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import FT06, job, rich_problem, shop, small_problems
from twin.errors import InvalidInputError


def test_all_findings_at_once() -> None:
    """Unreadable numbers do not hide what is wrong between readable parts."""
    document = {
        "id": "broken",
        "machines": [
            {"id": "m"},
            {"id": "closed", "unavailable": [{"start_s": 0, "end_s": 100}]},
            {"id": "odd", "ready_s": math.nan},
        ],
        "horizon_s": 100,
        "jobs": [
            {"id": "none", "operations": [{"id": "o", "modes": []}]},
            job("lost", [("nowhere", 3)]),
            job("minus", [("m", -4)]),
            job("nan", [("m", math.nan)]),
            job("shut", [("closed", 5)]),
            {
                "id": "ring",
                "operations": [
                    {"id": "a", "modes": [{"machine": "m", "duration_s": 1}], "after": ["b"]},
                    {"id": "b", "modes": [{"machine": "m", "duration_s": 1}], "after": ["a"]},
                ],
            },
            job("past", [("m", 1)], release_s=5, deadline_s=4),
        ],
    }
    with pytest.raises(ProblemError) as caught:
        SchedulingProblem(**document)
    text = str(caught.value)
    for expected in (
        "machines.odd.ready_s",
        "jobs.none.operations.o.modes: no machine can do it",
        "unknown machine 'nowhere'",
        "jobs.minus.operations.o0.modes.0.duration_s",
        "jobs.nan.operations.o0.modes.0.duration_s",
        "leaves 0 s of working time",
        "operations wait for each other: ring/",
        "jobs.past.deadline_s",
    ):
        assert expected in text
    assert len(caught.value.findings) == 8


def test_one_error_hides_no_other() -> None:
    """A job with a negative duration still tells of its unknown machine; both cycles are named."""

    def job(name: str, machine: str, duration_s: float, after: str) -> dict[str, object]:
        modes = [{"machine": machine, "duration_s": duration_s}]
        return {"id": name, "operations": [{"id": "x", "modes": modes, "after": [after]}]}

    jobs = [job("a", "n", -1.0, "b/x"), job("b", "m", 1, "a/x")]
    jobs += [job("c", "m", 1, "d/x"), job("d", "m", 1, "c/x")]
    with pytest.raises(ProblemError) as caught:
        SchedulingProblem(machines=[{"id": "m"}], jobs=jobs)
    told = "\n".join(str(finding) for finding in caught.value.findings)
    for expected in ("is -1", "unknown machine 'n'", "b/x -> a/x -> b/x", "d/x -> c/x -> d/x"):
        assert expected in told


def test_cycle_between_jobs_is_named() -> None:
    """A circle through two jobs is shown as a way that ends where it began."""
    jobs = [
        {
            "id": a,
            "operations": [{"id": "o", "modes": [{"machine": "m", "duration_s": 1}], "after": [b]}],
        }
        for a, b in (("A", "B/o"), ("B", "A/o"))
    ]
    with pytest.raises(ProblemError, match=r"A/o -> B/o -> A/o|B/o -> A/o -> B/o"):
        shop(jobs, ["m"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"same_order": [["m", "x"]]}, "unknown machine 'x'"),
        ({"same_order": [["m"], ["m"]]}, "is named 2 times"),
        ({"horizon_s": -1}, "is not after start_s"),
        ({"objective": "beauty"}, "total_weighted_tardiness"),
        ({"objective": {"makespan": 0}}, "above zero"),
        ({"machines": [{"id": "m"}, {"id": "m"}]}, "used 2 times"),
        ({"machines": [{"id": "m", "running": ["A/o7"]}]}, "unknown operation 'A/o7'"),
        ({"machines": []}, "machines"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"start_s": 1e300}, "check the unit"),
        ({"jobs": [job("A", [("m", 1e308)]), job("B", [("m", 1e308)])]}, "jobs: comes to inf s"),
        ({"machines": [{"id": "m", "ready_s": 1e13}]}, r"machines\.m\.ready_s: comes to 1e\+13"),
    ],
)
def test_bad_input(fields: dict[str, object], expected: str) -> None:
    """Each kind of mistake has its own words."""
    with pytest.raises(ProblemError, match=expected):
        shop([job("A", [("m", 3)])], ["m"]) and SchedulingProblem(
            **{"machines": [{"id": "m"}], "jobs": [job("A", [("m", 3)])], **fields}
        )


@given(small_problems())
def test_json_round_trip(problem: SchedulingProblem) -> None:
    """A problem and its schedule come back from JSON as they were."""
    assert SchedulingProblem.from_json(problem.to_json()) == problem
    schedule = dispatch(Network.of(problem), "spt")
    assert Schedule.from_json(schedule.to_json()) == schedule


def test_files(tmp_path: Path) -> None:
    """A problem is read from a file; what cannot be read is said."""
    path = tmp_path / "problem.json"
    path.write_text(rich_problem().to_json(), encoding="utf-8")
    assert SchedulingProblem.from_json(path) == rich_problem()
    with pytest.raises(ProblemError, match=r"gone\.json"):
        SchedulingProblem.from_json(tmp_path / "gone.json")


@pytest.mark.parametrize("text", ["{", "[]", "3", "[" * 100_000])
def test_text_that_is_no_problem(text: str) -> None:
    """Broken JSON is a finding, not a traceback."""
    with pytest.raises(ProblemError):
        SchedulingProblem.from_json(text)


def test_schedule_that_is_none() -> None:
    """A document without placements names what is missing."""
    with pytest.raises(InvalidInputError, match="placements"):
        Schedule.from_json(json.dumps({"problem": "p"}))


def test_jobshop_text() -> None:
    """The classic format is read in order of work."""
    problem = from_jobshop_text(FT06, "ft06")
    assert (len(problem.jobs), len(problem.machines)) == (6, 6)
    mode = problem.jobs[0].operations[1].modes[0]
    assert (mode.machine, mode.duration_s) == ("m0", 3)


def test_flexible_text() -> None:
    """Eligible machines become modes."""
    problem = from_flexible_text("1 3\n2 1 0 4 2 1 5 2 6\n")
    modes = problem.jobs[0].operations[1].modes
    assert [(mode.machine, mode.duration_s) for mode in modes] == [("m1", 5), ("m2", 6)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("2 2\n0 1 1 2\n", "2 jobs are promised, 1 lines follow"),
        ("1 2\n0 1 1\n", "line.*2: 3 numbers|:2: 3 numbers"),
        ("1 2\n0 x 1 2\n", ":2: 'x' is no number"),
        ("1 1\n5 3\n", ":2: operation 0 of job 0 needs unknown machine 5; expected one of 0 to 0"),
        ("1 1\n0 -3\n", ":2: operation 0 of job 0 takes -3 s; expected a finite duration"),
        ("1 1\n0 nan\n", ":2: operation 0 of job 0 takes nan s"),
    ],
)
def test_broken_jobshop_text(text: str, expected: str) -> None:
    """Broken texts are refused with the line and the reason."""
    with pytest.raises(ProblemError, match=expected):
        from_jobshop_text(text, "text")


@pytest.mark.parametrize("line", ["2 1 0 4", "1 2 0 4", "1 1 0 4 9"])
def test_broken_flexible_text(line: str) -> None:
    """Counts that do not fit their line are refused."""
    with pytest.raises(ProblemError, match="do not add up"):
        from_flexible_text(f"1 1\n{line}\n")
