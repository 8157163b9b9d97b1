"""Sensitivities and designs on the command line: answers and files."""

import json
from pathlib import Path

import pytest

from api.cli import run
from api.commands.console import ExitCode
from twin.line import Exponential, load_line, save_line, serial_line

SHORT = ("--horizon", "10min", "--warm-up", "1min")


@pytest.fixture
def line(tmp_path: Path) -> str:
    """Return a file of a line with three stations."""
    path = tmp_path / "line.yaml"
    save_line(serial_line([Exponential(mean_s=1.0)] * 3, [1, 1], "three"), path)
    return str(path)


def test_sensitivity_tells_gains_and_draws_them(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind asked for has its gain with an interval; the chart is a picture."""
    chart = tmp_path / "tornado.svg"
    asked = ["sensitivity", line, *SHORT, "-n", "5", "--kind", "place", "--kind", "processing time"]
    assert run([*asked, "--json", "--chart", str(chart)]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    gains = told["figures"]["throughput_rate"]["gains"]
    assert {one["element"] for one in gains} == {"s1", "s2", "s3", "b1", "b2"}
    assert all(one["low"] <= one["gain"] <= one["high"] for one in gains)
    assert chart.read_text(encoding="utf-8").startswith("<svg")


def test_optimise_shares_out_places_and_writes_the_line(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best line is written and holds exactly the places that were given."""
    best = tmp_path / "best.yaml"
    asked = ["optimise", line, "--places", "6", *SHORT, "--runs", "300", "--seconds", "300"]
    assert run([*asked, "--json", "--save", str(best)]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert sum(told["best"]["values"].values()) == 6
    assert sum(buffer.capacity or 0 for buffer in load_line(best).buffers) == 6
    assert told["runs"] <= 600
