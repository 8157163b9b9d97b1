"""Compiled functions on disk: where nobody can write, and after an upgrade."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

INSTALLED = """
from twin.engine.jit import compiled


@compiled
def doubled(x):
    return 2.0 * x


print(doubled(21.0), sum(doubled.stats.cache_hits.values()))
"""
NEW = INSTALLED.replace("doubled", "tripled").replace("2.0", "3.0")
SEALED = """
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
if touch "$1/probe" 2>/dev/null; then exit 77; fi
export HOME="$1/nobody" PYTHONDONTWRITEBYTECODE=1
cd "$1"
exec "$2" -c "import installed, new"
"""
NOT_HERE = 77
CALLED = """
from twin.engine.jit import inner


@inner
def rate(x):
    return 2.0 * x
"""
CALLER = """
from twin.engine.jit import compiled
from called import rate


@compiled
def price(x):
    return rate(x) + 1.0


print(price(21.0), sum(price.stats.cache_hits.values()))
"""
ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs namespaces of Linux")
@pytest.mark.timeout(300)
def test_compiled_functions_run_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was compiled at installation is read; what was not is compiled, and kept nowhere."""
    (tmp_path / "installed.py").write_text(INSTALLED)
    (tmp_path / "new.py").write_text(NEW)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    first = [sys.executable, "-c", "import installed"]
    subprocess.run(first, check=True, timeout=200, capture_output=True, cwd=tmp_path)
    kept = sorted((tmp_path / "__pycache__").iterdir())
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", SEALED, "sh", str(tmp_path)]
    done = subprocess.run(
        [*command, sys.executable], capture_output=True, text=True, timeout=200, check=False
    )
    if done.returncode == NOT_HERE or re.search("unshare:|mount:", done.stderr):
        pytest.skip(f"no read-only folder can be made here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["42.0", "1", "63.0", "0"]
    assert sorted((tmp_path / "__pycache__").iterdir()) == kept


@pytest.mark.timeout(300)
def test_a_change_in_what_is_called_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade nothing runs that was compiled from other sources, in whichever file."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "caller.py").write_text(CALLER)

    def said() -> list[str]:
        command = [sys.executable, "-c", "import caller"]
        done = subprocess.run(
            command, check=True, timeout=100, capture_output=True, text=True, cwd=tmp_path
        )
        return done.stdout.split()

    (tmp_path / "called.py").write_text(CALLED)
    assert [said(), said()] == [["43.0", "0"], ["43.0", "1"]]
    (tmp_path / "called.py").write_text(CALLED.replace("2.0", "3.0"))
    assert said() == ["64.0", "0"]
