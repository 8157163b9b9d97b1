"""Worker processes end with whoever started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever began this may ignore it
from twin.engine.processes import WorkerPool
with WorkerPool(2) as pool:
    found = {pool.submit(os.getpid).result()}
    slow = [pool.submit(time.sleep, 0.2) for _ in range(2)]
    found |= {pool.submit(os.getpid).result() for _ in range(2)}
    slow = [pool.submit(time.sleep, 3) for _ in range(2)]
    print(*sorted(found), flush=True)
    for call in slow:
        call.result()
    time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(number: signal.Signals) -> None:
    """Killed without a word, or by Ctrl-C to the whole group, no worker stays or complains."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        workers = [int(pid) for pid in process.stdout.readline().split()]
        assert workers
        if number is signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, number)
        # Its end is the end of every process that holds the pipe.
        _, told = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode != 0
    assert told.count("Traceback") == (number is signal.SIGINT), told  # the program's own, no more
    until_s = time.monotonic() + 5.0
    while any(_runs(pid) for pid in workers):
        assert time.monotonic() < until_s
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        state = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
