"""The kernel is plain Python as well: it runs uncompiled, and with each access checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def compare(mode: str, horizon_s: float, cache: Path, timeout_s: float) -> None:
    """Compare both engines in an interpreter with a mode of Numba's switched on."""
    environment = os.environ | {mode: "1", "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.parity.short", str(horizon_s)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_it_runs_without_the_compiler(tmp_path: Path) -> None:
    """With NUMBA_DISABLE_JIT the same rows come from plain Python."""
    compare("NUMBA_DISABLE_JIT", 300.0, tmp_path, 100.0)


@pytest.mark.proof
@pytest.mark.parametrize("mode", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_it_runs_at_length_without_the_compiler_and_with_every_access_checked(
    mode: str, tmp_path: Path
) -> None:
    """No access leaves its array, over hours of work on the example lines."""
    compare(mode, 4 * 3600.0, tmp_path, 1500.0)
