"""Make the environment of this checkout, or find that it is there already.

Usage: ``python3 tools/environment.py`` from anywhere; ``make`` calls it before each target. It
needs Python >= 3.11 and pip and nothing else: it makes ``.venv``, installs uv there from the locked
hashes, installs ``requirements.lock``, then this checkout in editable form. Where uv fails, pip
does the same work more slowly.
"""

from __future__ import annotations  # an older Python gets as far as the message it deserves

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".ready"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
INSTALL_TIMEOUT_S = 1800

# The compiled libraries, imported once: a missing system library is found here, with a remedy, and
# not in the middle of a demo. It also leaves their byte code cached.
IMPORT_CHECK = (
    "import altair, asyncua, fastapi, highspy, lightgbm, numba, pandas, pyarrow.parquet, "
    "pyomo.environ, rich, scipy.stats, simpy, typer, uvicorn, vl_convert, xarray"
)


class SetUpError(Exception):
    """The environment cannot be made; the message says what to do."""


def say(message: str) -> None:
    """Tell the person at the terminal what is going on."""
    print(f"environment: {message}", file=sys.stderr, flush=True)


def run(command: list[str], *, env: dict[str, str] | None = None) -> bool:
    """Run a command, its output shown as it comes; return whether it succeeded."""
    try:
        done = subprocess.run(command, env=env, cwd=ROOT, timeout=INSTALL_TIMEOUT_S, check=False)
    except FileNotFoundError:
        return False
    except subprocess.TimeoutExpired:
        say(f"gave up after {INSTALL_TIMEOUT_S} s: {' '.join(command)}")
        return False
    return done.returncode == 0


def answer(command: list[str]) -> str:
    """Return what a short command prints, or nothing if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_python() -> str:
    """Return an interpreter that is new enough: this one, or one on the path."""
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    for name in ("python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found and answer([found, "-c", "print('works')"]):
            return found
    version = ".".join(map(str, sys.version_info[:3]))
    raise SetUpError(
        f"Python {version} is too old; linetwin needs 3.11 or newer. "
        "Install one and run `make PYTHON=/path/to/python3.11 ...`."
    )


def wanted(python: str) -> str:
    """Return a digest of all that the environment is made from."""
    digest = hashlib.sha256(python.encode())
    for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_venv(python: str) -> None:
    """Make ``.venv``; keep one that works, replace one whose interpreter is gone or too old."""
    is_new_enough = f"import sys; print(sys.version_info >= {OLDEST_PYTHON})"
    keep = answer([str(PYTHON), "-c", is_new_enough]) == "True"
    if keep and answer([str(PYTHON), "-m", "pip", "--version"]):
        return
    if not run([python, "-m", "venv", *([] if keep else ["--clear"]), str(VENV)]):
        raise SetUpError(
            f"{python} cannot make a virtual environment in {VENV}. On Debian and Ubuntu install "
            "the package python3-venv; check that the disk has 2 GB free."
        )


def index_settings() -> dict[str, str]:
    """Return pip's own settings in the words uv reads, since uv does not read pip's."""
    env = dict(os.environ)
    index = env.get("PIP_INDEX_URL") or answer(
        [str(PYTHON), "-m", "pip", "config", "get", "global.index-url"]
    )
    if index and "UV_INDEX_URL" not in env:
        env.setdefault("UV_DEFAULT_INDEX", index)
    if env.get("PIP_NO_INDEX", "") not in {"", "0", "false"}:
        env.setdefault("UV_NO_INDEX", "1")
    if env.get("PIP_FIND_LINKS"):
        env.setdefault("UV_FIND_LINKS", env["PIP_FIND_LINKS"])
    if env.get("PIP_CERT"):
        env.setdefault("SSL_CERT_FILE", env["PIP_CERT"])
    return env


def locked_uv() -> str:
    """Return the lines of the lock that pin uv itself."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("uv=="))
    end = next(
        (i for i, line in enumerate(lines[start + 1 :], start + 1) if not line.startswith(" ")),
        len(lines),
    )
    return "\n".join(lines[start:end]) + "\n"


def install() -> None:
    """Install the lock with uv, or with pip where uv fails; then this checkout."""
    env = index_settings()
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = [str(PYTHON), "-m", "uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    locked = ["--require-hashes", "-r", str(LOCK)]
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "uv.txt"
        pinned.write_text(locked_uv(), encoding="utf-8")
        has_uv = run([*pip, "--require-hashes", "-r", str(pinned)])
    if not (has_uv and run([*uv, *locked], env=env)):
        say("uv could not install the packages; trying pip, which takes some minutes")
        if not run([*pip, *locked]):
            raise SetUpError(
                "neither uv nor pip could install requirements.lock. Check the network, or the "
                "package index and proxy that pip is configured with; an air-gapped site sets "
                "PIP_NO_INDEX=1 and PIP_FIND_LINKS=/path/to/wheels."
            )
    # The build backend is in the lock, so building needs no second, unpinned download.
    if not run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)]):
        raise SetUpError("this checkout cannot be installed; the message above says why")


def check_imports() -> None:
    """Import the compiled libraries once."""
    if not run([str(PYTHON), "-c", IMPORT_CHECK]):
        raise SetUpError(
            "an installed library cannot be loaded (its message is above). lightgbm needs the "
            "OpenMP run time: on Debian and Ubuntu the package libgomp1, on macOS `brew install "
            "libomp`."
        )


def main() -> int:
    """Make the environment; return the exit code."""
    started_s = time.monotonic()
    try:
        python = find_python()
        digest = wanted(python)
        if STAMP.exists() and STAMP.read_text(encoding="utf-8") == digest:
            STAMP.touch()
            return 0
        say(f"setting up {VENV} from requirements.lock")
        make_venv(python)
        STAMP.unlink(missing_ok=True)
        install()
        check_imports()
        STAMP.write_text(digest, encoding="utf-8")
    except SetUpError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run goes on from here")
        return 130
    say(f"ready after {time.monotonic() - started_s:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
