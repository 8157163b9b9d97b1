"""Text formats: what is read, how a format is told, and findings with their lines."""

from pathlib import Path

import pytest

from scenarios.schedule import ProblemError
from scenarios.schedule.formats import (
    detect_format,
    from_flexible_text,
    from_jobshop_text,
    from_setup_text,
    from_tardiness_text,
    read_problem,
)

SETUPS = """\
Problem Size: 2
Begin Problem Specification
Process Times:
5
7
Weights:
1
3
Duedates:
6
9
Setup Times:
-1 0 2
-1 1 4
0 1 1
1 0 8
End Problem Specification
"""


def test_weighted_tardiness_by_instance() -> None:
    """Durations, weights and due dates stand one behind the other, instance after instance."""
    text = "1 2\n3 4\n5 6\n10 20\n30 40\n50 60\n"
    problem = from_tardiness_text(text, "wt2", instance=2)
    assert problem.id == "wt2-2"
    found = [(j.operations[0].modes[0].duration_s, j.weight, j.due_date_s) for j in problem.jobs]
    assert found == [(10, 30, 50), (20, 40, 60)]
    with pytest.raises(ProblemError, match="no instance 3; expected one of 1 to 2"):
        from_tardiness_text(text, "wt2", instance=3)


def test_setups_by_predecessor() -> None:
    """Each job is a setup group of its own; from -1 is the setup of the first job."""
    problem = from_setup_text(SETUPS)
    machine = problem.machines[0]
    first = machine.setup_group
    assert first is not None
    assert machine.setup_s[first] == {"j0": 2, "j1": 4}
    assert machine.setup_s["j1"] == {"j0": 8}
    assert [job.weight for job in problem.jobs] == [1, 3]


def test_machines_may_count_from_one() -> None:
    """A text whose machines run from 1 to the last one is read as it is meant."""
    problem = from_jobshop_text("1 2\n1 3 2 4\n")
    assert [machine.id for machine in problem.machines] == ["m1", "m2"]


@pytest.mark.parametrize(
    "text",
    [
        "2 2 0 3 1 2 1 2 0 4\n",
        "Nb of jobs, Nb of machines\n 2 2\nTimes\n 3 2\n 2 4\nMachines\n 1 2\n 2 1\n",
        "\n+++\nby hand 2x2\n+++\n2 2  # jobs, machines\n\n0 3 1 2\n// the other\n1 2 0 4\n\n",
        "2,2\n0,3,1,2\n1,2,0,4\n",
        "2; 2\r\n0; 3; 1; 2\r\n1; 2; 0; 4\r\n+++++\noptimal: 7\n",
        "2\t2\t7\n3\t2\n2\t4\n0\t1\n1\t0\n",
        "processing times, by hand\n2 2\nprocessing times :\n3 2\n2 4\nmachine order :\n1 2\n2 1\n",
    ],
)
def test_a_job_shop_in_other_layouts(text: str) -> None:
    """On one line, as tables, with titles, remarks, blank lines, commas, semicolons and tabs."""
    found = [
        [(int(o.modes[0].machine[1:]), o.modes[0].duration_s) for o in job.operations]
        for job in from_jobshop_text(text).jobs
    ]
    first = 1 if "imes" in text else 0
    assert found == [[(first, 3), (first + 1, 2)], [(first + 1, 2), (first, 4)]]


MANY = """\
This file holds job shops.
 instance one
 +++++++++++++++
 By hand 1x2 (first)
 1 2
 0 3 1 4
 +++++++++++++++
 instance two
 +++++++++++++++
 By hand 2x1
 2 1
 0 5
 0 6
 +++++++++++++++
EOF
"""


def test_a_file_of_several_job_shops_names_them(tmp_path: Path) -> None:
    """Which one is meant is asked, and taken by name or number; findings keep their lines."""
    path = tmp_path / "jobshop1.txt"
    path.write_text(MANY)
    with pytest.raises(ProblemError, match="holds 2 problems; expected one of one, two"):
        read_problem(path)
    assert read_problem(path, instance="TWO") == read_problem(path, "jobshop", instance=2)
    assert [len(read_problem(path, instance=name).jobs) for name in ("one", "two")] == [1, 2]
    with pytest.raises(ProblemError, match="no instance three; expected one of one, two"):
        read_problem(path, instance="three")
    path.write_text(MANY.replace("0 6", "7 6"))
    with pytest.raises(ProblemError, match=":13: operation 0 of job 1 needs unknown machine 7"):
        read_problem(path, "jobshop", instance="two")


def test_taillards_collections_are_numbered(tmp_path: Path) -> None:
    """A file with several of his problems gives the one that is asked for."""
    one = "Nb of jobs, Nb of Machines, Time seed\n 2 1 77\nTimes\n {}\n 4\nMachines\n 1\n 1\n"
    path = tmp_path / "tai2_1.txt"
    path.write_text(one.format(3) + one.format(9))
    found = [read_problem(path, instance=n).jobs[0].operations[0].modes[0] for n in (1, 2)]
    assert [mode.duration_s for mode in found] == [3, 9]


@pytest.mark.parametrize("coding", ["utf-16", "utf-8-sig", "latin-1"])
def test_a_file_may_be_coded_in_other_ways(tmp_path: Path, coding: str) -> None:
    """Editors' marks, two bytes a letter and old accents in remarks do no harm."""
    path = tmp_path / "shop.txt"
    path.write_bytes("# caf\u00e9\n1 2\n0 3 1 4\n".encode(coding))
    assert len(read_problem(path).jobs) == 1


def test_words_and_decimal_commas_among_numbers_are_not_guessed() -> None:
    """What stands between the jobs, and a comma that may be a decimal sign, are told."""
    with pytest.raises(ProblemError, match=":3: 'then' is no number"):
        from_jobshop_text("2 1\n0 3\nthen\n0 4\n")
    with pytest.raises(ProblemError, match=":2: '3,5' is no number"):
        from_jobshop_text("1 2\n0 3,5 1 4,5\n")


def test_a_flexible_shop_with_the_mean_of_choices() -> None:
    """The third number of the first line says nothing, also where lines are broken at will."""
    text = "2 2{}\n1 1 0 4\n1 2 0 5 1 6\n"
    plain = from_flexible_text(text.format(""))
    assert from_flexible_text(text.format(" 1.5")) == plain
    assert from_flexible_text(text.format(" 2").replace("\n", " ")) == plain


def test_the_number_in_a_name_need_not_be_that_of_jobs() -> None:
    """A file of one instance is read whatever it is called."""
    assert len(from_tardiness_text("1 2\n3 4\n5 6\n", "run7").jobs) == 2


def test_all_findings_at_once_with_their_lines() -> None:
    """A NaN, a negative duration, an unknown machine and an empty choice are told together."""
    with pytest.raises(ProblemError) as caught:
        from_flexible_text("2 2\n2 1 0 nan 0\n2 1 7 3 2 0 -1 1 1\n", "shop.txt")
    found = [(finding.line, finding.message) for finding in caught.value.findings]
    assert found == [
        (2, "operation 0 of job 0 takes nan s"),
        (2, "no machine can do operation 1 of job 0"),
        (3, "operation 0 of job 1 needs unknown machine 7"),
        (3, "operation 1 of job 1 takes -1 s"),
    ]


def test_broken_setup_text_names_sections_and_lines() -> None:
    """A section that is too short and a setup between unknown jobs are refused."""
    with pytest.raises(ProblemError, match="the sections differ"):
        from_setup_text(SETUPS.replace("6\n9\n", "6\n"))
    with pytest.raises(ProblemError, match=r":16: found 1 5 8; expected from to time"):
        from_setup_text(SETUPS.replace("1 0 8", "1 5 8"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2\n0 3 1 4\n", "jobshop"),
        ("1 2\n2 1 0 4 2 1 5 0 6\n", "fjsp"),
        ("1 2 3 4\n5 6 7 8\n1 1 1 1\n", "tardiness"),
        (SETUPS, "setups"),
        ('{"jobs": []}', "json"),
        ("Two jobs, by hand\n2 1\n0 3 // first\n\n0 4\n", "jobshop"),
        ("2 2 0 3 1 2\n1 2 0 4\n", "jobshop"),
        ("1 2 1.5\n2\n1 0 4\n2 1 5 0 6\n", "fjsp"),
        ("id: line\n", None),
    ],
)
def test_format_is_told_by_the_content(text: str, expected: str | None) -> None:
    """Each format is recognised; a line file is none of them."""
    assert detect_format(text) == expected


def test_every_shared_instance_is_recognised(shared_benchmarks: Path) -> None:
    """All job shops and flexible job shops of the collection are told apart by their content."""
    for folder, expected in (("jobshop", "jobshop"), ("flexible", "fjsp")):
        for path in (shared_benchmarks / "scheduling" / folder).rglob("*.txt"):
            assert detect_format(path.read_text(encoding="utf-8")) == expected, path.name


def test_json_with_another_objective(tmp_path: Path) -> None:
    """A problem written as JSON is read again; what is to be small may be chosen anew."""
    problem = from_jobshop_text("2 2\n0 3 1 2\n1 2 0 4\n")
    path = tmp_path / "problem.json"
    path.write_text(problem.to_json(), encoding="utf-8")
    assert read_problem(path) == problem
    assert read_problem(path, objective="flow_time").objective.flow_time == 1
