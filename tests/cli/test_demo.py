"""The demo as a user runs it: it starts, answers, ends cleanly and says when a port is taken."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from api.commands.console import ExitCode
from api.demo.plant import PlantProcess
from twin.line import example_line, save_line

STARTED_S = 60.0


def children(parent: int) -> set[int]:
    """Return the processes that a process started, and those that these started."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found = {parent}
    while more := {pid for pid, above in parents.items() if above in found} - found:
        found |= more
    return found - {parent}


def gone(pid: int) -> bool:
    """Say whether a process is there no more."""
    try:
        state = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def wait_for(what: str, seen: object, within_s: float) -> None:
    """Wait until a callable gives true."""
    assert callable(seen)
    until_s = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < until_s, f"waited in vain for {what}"
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for orphans in /proc")
def test_demo_starts_answers_and_ends_without_orphans(tmp_path: Path, unused_tcp_port: int) -> None:
    """Ctrl-C ends plant, service and workers; nothing stays behind, neither process nor folder."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "api.cli", "demo", "--line", "two_station"),
            *("--port", str(unused_tcp_port), "--json"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            text += line
        told = json.loads(text)
        connection = HTTPConnection("127.0.0.1", unused_tcp_port, timeout=10)
        connection.request("GET", "/v1/lines", headers={"Authorization": f"Bearer {told['key']}"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert [line["id"] for line in answer["items"]] == ["two_station"]
        below = children(process.pid)
        assert below
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert process.returncode == ExitCode.OK
        assert "Traceback" not in process.stderr.read()
        wait_for("all processes to be gone", lambda: all(gone(pid) for pid in below), 10)
        assert not list(tmp_path.glob("linetwin-demo-*"))
    finally:
        process.kill()
        process.communicate()


def test_demo_says_when_the_port_is_taken() -> None:
    """A port in use: one clear message, code 3, and no plant is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", "demo", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == ExitCode.UNREACHABLE
    assert str(port) in done.stderr
    assert "another port" in done.stderr
    assert "Traceback" not in done.stderr


def test_plant_process_keeps_its_port_and_its_clock(tmp_path: Path) -> None:
    """A plant that was killed comes back at the same endpoint, later on the same day."""
    path = tmp_path / "line.yaml"
    line = example_line("two_station")
    save_line(line, path)
    plant = PlantProcess(path, speed=10.0, clock=line.start_utc)
    try:
        first = plant.start()
        before = plant.clock
        plant.kill()
        assert not plant.running
        assert plant.start() == first
        assert plant.clock > before
    finally:
        plant.stop()
    assert not plant.running


def test_plant_process_tells_why_it_did_not_open(tmp_path: Path) -> None:
    """A line that cannot be used: the plant's own words come back."""
    path = tmp_path / "line.yaml"
    path.write_text("id: nothing\n")
    plant = PlantProcess(path, speed=1.0)
    with pytest.raises(ConnectionError, match="stations"):
        plant.start()
    plant.stop()
