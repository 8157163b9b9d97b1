"""The command line: answers, exit codes and messages, without a plant."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api.cli import run
from api.commands import problem as problem_commands
from api.commands.console import ExitCode, stopping
from scenarios.schedule import Violation, ViolationKind
from twin.line import example_line, save_line

LINE = """
id: tiny
sources: [{id: in}]
stations: [{id: press}]
products:
  - id: part
    routing: [{id: form, stations: [press], processing_time_s: 10}]
"""


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command in this process; return exit code, stdout and stderr."""
    code = run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_help_lists_the_commands() -> None:
    """`twin --help` lists every command; that it is quick follows from what it leaves alone."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    for name in (
        *("demo", "serve", "plant", "simulate", "whatif", "schedule"),
        *("generate", "train", "lines", "schema", "version"),
    ):
        assert f" {name} " in done.stdout


def test_help_loads_nothing_heavy() -> None:
    """Importing the command line leaves the big libraries alone."""
    heavy = ["numpy", "pandas", "xarray", "pyomo", "asyncua", "fastapi", "altair", "pydantic"]
    code = f"import sys, api.cli; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"


def test_simulate_gives_mean_and_half_width(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints throughput with its 95 % interval, and the same seed the same numbers."""
    arguments = ("simulate", "two_station", "--horizon", "1h", "-n", "4", "--json")
    code, out, err = answer(capsys, *arguments)
    assert (code, err) == (ExitCode.OK, "")
    found = json.loads(out)
    rate = found["throughput_per_h"]
    assert rate["n"] == 4
    assert rate["half_width"] > 0
    assert found["throughput_per_s"]["mean"] * 3600 == pytest.approx(rate["mean"])
    assert found["simulated"] is True
    assert answer(capsys, *arguments)[1] == out


def test_simulate_shows_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--json` people get figures with their intervals."""
    code, out, _ = answer(capsys, "simulate", "two_station", "--horizon", "30min", "-n", "3")
    assert code == ExitCode.OK
    assert "throughput, parts/h" in out
    assert "±" in out


def test_simulate_tells_of_people_energy_and_orders(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two packers who are one person: the shares add up, and energy is power times time."""
    path = tmp_path / "packing.yaml"
    path.write_text(
        """
id: packing
start: 2026-01-05T08:00:00
energy: {price_per_kwh: 4.2}
sources: [{id: left, products: {chili: 1}}, {id: right, products: {sauce: 1}}]
stations:
  - {id: fill_1, name: เครื่องเติม, power: {processing_kw: 3, idle_kw: 0.5}}
  - {id: fill_2, name: Fill 2, power: {processing_kw: 3, idle_kw: 0.5}}
  - {id: pack_1, input_buffer: a, needs: [{crew: packers}]}
  - {id: pack_2, input_buffer: b, needs: [{crew: packers}]}
buffers: [{id: a, capacity: 30}, {id: b, capacity: 30}]
crews: [{id: packers}]
products:
  - id: chili
    routing:
      - {id: fill, stations: [fill_1], processing_time_s: 12}
      - {id: pack, stations: [pack_1], processing_time_s: 9}
  - id: sauce
    routing:
      - {id: fill, stations: [fill_2], processing_time_s: 12}
      - {id: pack, stations: [pack_2], processing_time_s: 9}
""",
        encoding="utf-8",
    )
    arguments = ("simulate", str(path), "--horizon", "8h", "-n", "2")
    found = json.loads(answer(capsys, *arguments, "--json")[1])
    assert found["finished"]["mean"] == pytest.approx(8 * 3600 / 9, abs=3)
    for station in found["stations"].values():
        shares = [of["mean"] for key, of in station.items() if key.endswith("_share")]
        assert sum(shares) == pytest.approx(1)
    busy_h = sum(found["stations"][f"fill_{n}"]["processing_share"]["mean"] * 8 for n in (1, 2))
    energy_kwh = 3 * busy_h + 0.5 * (16 - busy_h)
    assert found["energy"]["energy_total_kwh"]["mean"] == pytest.approx(energy_kwh)
    assert found["energy"]["energy_cost"]["mean"] == pytest.approx(4.2 * energy_kwh)
    assert found["orders"] == {"number": 0}
    code, out, _ = answer(capsys, *arguments)
    assert code == ExitCode.OK
    assert "no operator" in out
    assert "fill_1 เครื่องเติม" in out
    assert "Fill 2" not in out
    assert "energy, kWh" in out


def test_simulate_counts_the_orders_that_are_late(capsys: pytest.CaptureFixture[str]) -> None:
    """Every order of a line is on time, late, or not yet decided."""
    arguments = ("simulate", "bottling", "--horizon", "24h", "-n", "3")
    orders = json.loads(answer(capsys, *arguments, "--json")[1])["orders"]
    assert orders["number"] == 10
    assert 0 < orders["on_time"]["mean"] <= 10
    assert orders["on_time"]["mean"] + orders["late"]["mean"] <= 10
    assert "orders on time, of 10" in answer(capsys, *arguments)[1]


def test_whatif_compares_with_the_base(capsys: pytest.CaptureFixture[str]) -> None:
    """A breakdown of half the time costs about half the throughput, and the verdict says so."""
    code, out, _ = answer(
        capsys,
        *("whatif", "two_station", "--fault", "press:30min", "--horizon", "1h", "-n", "5"),
        "--json",
    )
    assert code == ExitCode.OK
    rows = {(row["scenario"], row["kpi"]): row for row in json.loads(out)["rows"]}
    row = rows["change", "throughput_rate"]
    assert row["verdict"] == "worse"
    assert row["difference"]["mean"] < -0.3 * rows["base", "throughput_rate"]["mean"]["mean"]


def test_schedule_is_checked_and_dated(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A schedule of one order has no violations, a bound below it and every operation in it."""
    path = tmp_path / "tiny.yaml"
    path.write_text(LINE + "orders: [{id: A, product: part, quantity: 5, due_date_s: 1h}]\n")
    path.write_text(path.read_text().replace("{id: in}", "{id: in, arrivals: orders}"))
    code, out, _ = answer(capsys, "schedule", str(path), "--budget", "2s", "-n", "2", "--json")
    assert code == ExitCode.OK
    found = json.loads(out)
    assert found["violations"] == []
    assert found["bound"] <= found["objective"] + 1e-6
    assert [item["job"] for item in found["operations"]] == ["A"]
    assert found["orders"][0]["on_time_probability"]["mean"] == 1.0


def test_schedule_says_what_it_leaves_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A plan for a line with stations that wear names them, for people and in JSON."""
    path = tmp_path / "worn.yaml"
    line = example_line("grinding").changed({
        "sources.blanks.arrivals": "orders",
        "orders.a": {"product": "camshaft", "quantity": 1},
    })  # fmt: skip
    save_line(line, path)
    asked = ("schedule", str(path), "--engine", "dispatch", "-n", "0")
    (warning,) = json.loads(answer(capsys, *asked, "--json")[1])["warnings"]
    assert warning["kind"] == "wear"
    assert all(line.station(name).wear for name in warning["elements"])
    assert warning["text"] in answer(capsys, *asked)[1]


def test_schedule_tells_violations_to_people_and_programs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is broken is a sentence for people, what the API gives in JSON, and a failure."""
    broken = Violation(ViolationKind.MACHINE, "1/2", math.nan, "starts too early")
    monkeypatch.setattr("scenarios.schedule.violations", lambda *_: [broken])
    shop, line = tmp_path / "shop.txt", tmp_path / "tiny.yaml"
    shop.write_text("3 3\n1 5 2 9 0 8\n1 6 2 4 0 9\n0 2 1 5 2 9\n", encoding="utf-8")
    ordered = LINE.replace("{id: in}", "{id: in, arrivals: orders}")
    line.write_text(ordered + "orders: [{id: A, product: part, quantity: 5}]\n")
    for asked in ((str(shop),), (str(line), "-n", "0")):
        code, out, _ = answer(capsys, "schedule", *asked, "--engine", "dispatch", "--json")
        assert code == ExitCode.FAILED
        assert json.loads(out)["violations"] == [
            {
                "kind": "machine",
                "where": "1/2",
                "amount_s": None,
                "others": [],
                "text": "1/2: starts too early",
            }
        ]
        code, out, _ = answer(capsys, "schedule", *asked, "--engine", "dispatch")
        assert code == ExitCode.FAILED
        assert "  - 1/2: starts too early\n" in out


def test_ctrl_c_while_the_search_is_loaded_keeps_what_rules_find(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stops before the search has begun has a whole answer with a valid schedule."""

    def stopped(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr("api.commands.problem._load_search", stopped)
    path = tmp_path / "shop.txt"
    path.write_text("3 3\n1 5 2 9 0 8\n1 6 2 4 0 9\n0 2 1 5 2 9\n", encoding="utf-8")
    code, out, _ = answer(capsys, "schedule", str(path), "--json")
    told = json.loads(out)
    assert (code, told["violations"], len(told["operations"])) == (130, [], 9)
    assert told["bound"] <= told["objective"]


def test_ctrl_c_while_a_problem_is_read_keeps_what_rules_find(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stops before anything is known has a whole answer with a valid schedule all the same."""
    reads = problem_commands.read

    def stopped(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return reads(*arguments)

    monkeypatch.setattr("api.commands.schedule.read", stopped)
    path = tmp_path / "shop.txt"
    path.write_text("3 3\n1 5 2 9 0 8\n1 6 2 4 0 9\n0 2 1 5 2 9\n", encoding="utf-8")
    code, out, _ = answer(capsys, "schedule", str(path), "--json")
    told = json.loads(out)
    assert (code, told["status"], len(told["operations"])) == (130, "feasible", 9)


def test_problem_file_is_scheduled(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A classic job shop gives objective, bound, status, engine and every improvement in time."""
    path, out_path = tmp_path / "shop.txt", tmp_path / "schedule.json"
    path.write_text("2 2\n0 3 1 2\n1 2 0 4\n")
    code, out, _ = answer(
        capsys, "schedule", str(path), "--format", "jobshop", "--objective", "makespan",
        "--budget", "5", "--seed", "1", "--json", "--out", str(out_path),
    )  # fmt: skip
    assert code == ExitCode.OK
    found = json.loads(out)
    assert (found["status"], found["objective"], found["bound"]) == ("optimal", 7, 7)
    assert found["engine"]
    assert [step["objective"] for step in found["improvements"]][-1] == 7
    assert all(step["seconds"] >= 0 for step in found["improvements"])
    assert json.loads(out_path.read_text())["objective"] == 7


def test_a_schedule_goes_to_a_spreadsheet(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By the name of the file a schedule is written as CSV or Excel, a row per operation."""
    path = tmp_path / "shop.txt"
    path.write_text("2 2\n0 3 1 2\n1 2 0 4\n")
    for name, read in (("plan.csv", pd.read_csv), ("plan.xlsx", pd.read_excel)):
        out = tmp_path / name
        code, _, _ = answer(
            capsys, "schedule", str(path), "--engine", "dispatch", "--out", str(out)
        )
        assert code == ExitCode.OK
        table = read(out)
        assert list(table["start_s"]) == sorted(table["start_s"])
        assert set(table["machine"]) == {"m0", "m1"}
        assert len(table) == 4


def test_the_schema_of_a_problem_knows_objectives_by_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An editor completes a problem file, objectives by name or as weights."""
    code, out, _ = answer(capsys, "schema", "problem")
    assert code == ExitCode.OK
    assert "total_weighted_tardiness" in json.dumps(json.loads(out)["properties"]["objective"])


def test_problem_file_with_findings_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Bad input is code 2, with every finding and its line; an infeasible problem is code 1."""
    path = tmp_path / "shop.txt"
    path.write_text("1 2\n0 nan 5 3\n")
    code, out, err = answer(capsys, "schedule", str(path), "--format", "jobshop")
    assert (code, out) == (ExitCode.USAGE, "")
    assert ":2: operation 0 of job 0 takes nan s" in err
    assert ":2: operation 1 of job 0 needs unknown machine 5" in err
    code, out, err = answer(capsys, "schedule", str(path), "--format", "jobshop", "--json")
    assert code == ExitCode.USAGE
    assert [item["line"] for item in json.loads(out)["findings"]] == [2, 2]
    assert ":2: operation 1 of job 0 needs unknown machine 5" in err
    operations = [{"id": "o", "modes": [{"machine": "m", "duration_s": 9}]}]
    late = {"id": "A", "deadline_s": 5, "operations": operations}
    path.write_text(json.dumps({"machines": [{"id": "m"}], "jobs": [late]}))
    code, out, _ = answer(capsys, "schedule", str(path), "--budget", "3", "--json")
    assert code == ExitCode.FAILED
    assert json.loads(out)["status"] == "infeasible"
    code, out, _ = answer(capsys, "schedule", str(path), "--budget", "3")
    assert code == ExitCode.FAILED
    assert "no schedule after" in out
    assert "These cannot all hold: A is finished by its deadline at 5 s." in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("schedule", "nowhere.txt"), "nowhere.txt"),
        (("schedule", "two_station", "--out", "nowhere/x.json"), "no folder nowhere"),
        (("schedule", "two_station", "--engine", "magic"), "magic"),
        (("simulate", "no_such_line"), "no_such_line"),
    ],
)
def test_who_asked_for_json_hears_of_faults_in_json(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    """What cannot be used leaves a document on stdout, and words on stderr."""
    code, out, err = answer(capsys, *arguments, "--json")
    assert code == ExitCode.USAGE
    document = json.loads(out)
    assert document["status"] == "refused"
    assert told in out
    assert document["findings"]
    assert err


def test_lines_lists_the_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """The example lines are there with their sizes."""
    code, out, _ = answer(capsys, "lines", "--json")
    assert code == ExitCode.OK
    sizes = {line["id"]: line["stations"] for line in json.loads(out)}
    assert sizes["bottling"] == 8
    assert set(sizes) >= {"bottling", "electronics", "two_station"}


def test_schema_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The schema file is a JSON Schema of line files."""
    path = tmp_path / "line.schema.json"
    code, out, _ = answer(capsys, "schema", "--out", str(path))
    assert code == ExitCode.OK
    assert str(path) in out
    assert "stations" in json.loads(path.read_text())["properties"]


def test_version_names_the_product(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is one line, or JSON."""
    assert answer(capsys, "version")[1].startswith("linetwin ")
    assert set(json.loads(answer(capsys, "version", "--json")[1])) >= {"linetwin", "python"}


def test_broken_line_file_is_told_with_file_and_row(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every finding names file and row; the exit code says that the input is at fault."""
    path = tmp_path / "broken.yaml"
    path.write_text(LINE.replace("{id: press}", "{id: press, servers: 0}").replace("10}", "-1}"))
    code, out, err = answer(capsys, "simulate", str(path))
    assert (code, out) == (ExitCode.USAGE, "")
    assert f"{path}:4: stations.press.servers" in err
    assert f"{path}:7: products.part.routing.form.processing_time_s" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("simulate", "no_such_line"), "unknown example line 'no_such_line'"),
        (("simulate", "missing.yaml"), "cannot be read"),
        (("simulate", "two_station", "--horizon", "soon"), "no duration"),
        (("simulate", "two_station", "--horizon", "1h", "--warm-up", "2h"), "warm-up"),
        (("whatif", "two_station"), "nothing to compare"),
        (("whatif", "two_station", "--change", "nonsense"), "path=value"),
        (("whatif", "two_station", "--fault", "nowhere:5min"), "unknown station 'nowhere'"),
        (("whatif", "two_station", "--fault", "press:5min:9h"), "so never"),
        (("schedule", "bottling", "--order", "X"), "unknown order 'X'"),
        (("schedule", "two_station"), "two_station has no orders"),
        (("simulate", "two_station", "--save", "nowhere/x.nc"), "no folder nowhere"),
        (("whatif", "two_station", "--fault", "press:5min", "--save", "."), ". is a folder"),
        (("schedule", "bottling", "--out", "nowhere/x.json"), "no folder nowhere"),
        (("generate", "two_station", "--out", "{file}"), "is a file"),
        (("generate", "two_station", "--out", "{file}/deep"), "is a file"),
        (("train", "data", "--out", "{file}"), "is a file"),
        (("schema", "--out", "nowhere/x.json"), "no folder nowhere"),
        (("serve", "two_station", "two_station"), "two lines have the id 'two_station'"),
        (("serve", "two_station", "--plant", "x=opc.tcp://127.0.0.1:1"), "no line 'x' is served"),
        (
            ("serve", "two_station", "--plant", "opc.tcp://127.0.0.1:99999"),
            "no usable host and port",
        ),
        (("serve", "two_station", "--plant", "nowhere"), "a mapping file that is there"),
        (("serve", "two_station", "bottling", "--plant", "opc.tcp://a:1"), "of which line?"),
        (("serve", "two_station", "--data", "{file}"), "is a file"),
        (("train", "no_such_folder", "--out", "model"), "no_such_folder"),
        (("plant", "two_station", "--start", "yesterday"), "no moment"),
        (("plant", "two_station", "--fault", "press"), "no fault"),
        (("no-such-command",), "No such command"),
    ],
)
def test_bad_input_gets_a_message_and_code_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    unused_tcp_port: int,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    """What cannot be used is named, with code 2 and no traceback, before anything is simulated."""
    file = tmp_path / "taken"
    file.write_text("")
    given = [text.replace("{file}", str(file)) for text in arguments]
    if "serve" in arguments:
        given += ["--port", str(unused_tcp_port)]
        given += [] if "--data" in arguments else ["--data", str(tmp_path / "site")]
    code, _, err = answer(capsys, *given)
    assert code == ExitCode.USAGE
    assert told in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err


def test_plant_that_is_not_there_is_code_3(
    capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    """A fault for a plant that does not answer: a message and code 3."""
    code, _, err = answer(
        capsys, "plant", "--port", str(unused_tcp_port), "--inject", "filler:1min"
    )
    assert code == ExitCode.UNREACHABLE
    assert "no plant answers" in err


def test_plant_on_a_port_in_use_is_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    """A plant that finds its port taken says so, with code 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = answer(capsys, "plant", "two_station", "--port", str(port))
    assert code == ExitCode.UNREACHABLE
    assert f"port {port} on 127.0.0.1 is in use" in err


def test_service_that_cannot_start_says_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, unused_tcp_port: int
) -> None:
    """A database that cannot be used ends `serve` with its name and code 1, without a traceback."""
    (tmp_path / "site.sqlite").write_bytes(b"no database" * 1000)
    code, out, err = answer(
        capsys, "serve", "two_station", "--data", str(tmp_path), "--port", str(unused_tcp_port)
    )
    assert (code, out) == (ExitCode.FAILED, "")
    assert (
        err.strip() == f"the database sqlite:///{tmp_path / 'site.sqlite'}: file is not a database"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        ("schema", "--out"),
        ("schedule", "bottling", "--budget", "1s", "-n", "0", "--out"),
    ],
)
def test_full_disk_names_the_file_and_keeps_the_answer(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """What was found is told before it is written, so a full disk takes only the file."""
    code, out, err = answer(capsys, *arguments, "/dev/full")
    assert code == ExitCode.FAILED
    assert "/dev/full: No space left on device; free some space" in err
    assert out or arguments[0] == "schema"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_a_service_is_a_wish_and_stopping_a_check_is_not(number: signal.Signals) -> None:
    """Who runs until Ctrl-C ends well by it; a check that is broken off has not passed."""
    with stopping():
        signal.raise_signal(number)
    with pytest.raises(KeyboardInterrupt), stopping(wished=False):
        signal.raise_signal(number)


def test_unexpected_error_leaves_its_traceback_in_a_file(tmp_path: Path) -> None:
    """A mistake of ours shows one line; the traceback is in a file that the line names."""
    code = (
        "import sys, api.cli as c\n"
        "def boom() -> None: raise ZeroDivisionError('boom')\n"
        "c.app.command('boom')(boom)\n"
        "sys.argv = ['twin', 'boom']\n"
        "c.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == ExitCode.FAILED
    assert "Traceback" not in done.stderr
    (report,) = tmp_path.glob("linetwin-error-*.txt")
    assert str(report) in done.stderr
    assert "ZeroDivisionError: boom" in report.read_text()
