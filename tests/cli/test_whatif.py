"""What-if on the command line: kept, replayed, compared again, from workbooks and by events."""

import json
from pathlib import Path

import pytest

from api.cli import run
from api.commands.console import ExitCode

QUESTION = (
    "whatif", "two_station", "--change", "buffers.chute.capacity=9", "--horizon", "1h", "-n", "4",
)  # fmt: skip


def test_an_experiment_is_kept_replayed_and_compared_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--store` keeps it by its id, `--replay` gives the same bits, `compare` prices it."""
    store = str(tmp_path / "experiments")
    assert run([*QUESTION, "--store", store, "--json"]) == ExitCode.OK
    first = json.loads(capsys.readouterr().out)
    (kept,) = Path(store).iterdir()
    assert first["experiment_id"].startswith(kept.stem)
    assert run(["whatif", "--replay", kept.stem[:8], "--store", store]) == ExitCode.OK
    assert "the same bits" in capsys.readouterr().out
    table = tmp_path / "table.csv"
    command = ["compare", str(kept), "--costs", "thb", "--relevance", "0.05", "--save", str(table)]
    assert run([*command, "--json"]) == ExitCode.OK
    again = json.loads(capsys.readouterr().out)
    assert {row["unit"] for row in again["rows"] if row["kpi"] == "cost_total"} == {"THB"}
    assert len(table.read_text(encoding="utf-8").splitlines()) == 9
    assert run(["whatif", "--replay", "abcdef123", "--store", store]) == ExitCode.USAGE


def test_a_workbook_goes_from_template_to_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The template of scenarios is read back, and the line's workbook becomes a line file."""
    questions, book = tmp_path / "scenarios.yaml", tmp_path / "scenarios.xlsx"
    questions.write_text(
        "scenarios:\n  room:\n    changes: {buffers.chute.capacity: {plus: 5}}\n", encoding="utf-8"
    )
    made = ["whatif", "template", "two_station", str(questions), "--out", str(book)]
    assert run(made) == ExitCode.OK
    capsys.readouterr()
    asked = ["whatif", "two_station", str(book), "--horizon", "1h", "-n", "3", "--json"]
    assert run(asked) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["scenarios"] == ["base", "room"]
    sheet, line = tmp_path / "line.xlsx", tmp_path / "line.yaml"
    assert run(["line", "template", "--out", str(sheet)]) == ExitCode.OK
    assert run(["line", "import", str(sheet), "--out", str(line)]) == ExitCode.OK
    assert run(["lines", str(line)]) == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("whatif",), "no line"),
        (("whatif", "two_station", "--event", "flood"), "flood"),
        (("whatif", "two_station", "--event", "demand:much"), "field=value"),
        ((*QUESTION, "--executor", "abacus"), "unknown executor"),
        ((*QUESTION, "--relevance", "nonsense=1"), "--relevance"),
        ((*QUESTION, "--precision", "7"), "share such as 0.01"),
        (("compare", "nowhere.zarr"), "no results"),
    ],
)
def test_what_cannot_be_used_is_told(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake has a message and exit code 2, and no traceback."""
    assert run(list(arguments)) == ExitCode.USAGE
    assert told in " ".join(capsys.readouterr().err.split())
