"""The plant as a program of its own: it says where it is and stops when it is asked to."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator.small import small_line

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from twin.emulator import RealityGap, fault_from_text, run_plant
from twin.line import load_line

run_plant(
    load_line(sys.argv[1]),
    port=int(sys.argv[2]),
    speed=20.0,
    faults=[fault_from_text("saw:1s:5s")],
    opened=lambda plant: print(plant.endpoint, flush=True),
)
print("closed", flush=True)
"""


def started(folder: Path, port: int) -> subprocess.Popen[str]:
    """Start a plant as a program."""
    file = folder / "line.yaml"
    file.write_text(small_line().model_dump_json(), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(file), str(port)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str], timeout_s: float = 60.0) -> str:
    """Return the first line a program prints, waiting no longer than ``timeout_s``."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(timeout_s), "the plant did not open in time"
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_plant_stops_cleanly_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and a request to terminate both end it without an error and without a traceback."""
    with started(tmp_path, 0) as process:
        try:
            assert first_line(process).startswith("opc.tcp://127.0.0.1:")
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert out.strip() == "closed"
    assert err == ""
