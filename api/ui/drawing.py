"""The script that draws charts: made once from an installed package, kept, and served by us."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

EXPORTS = "window.vega = vega; window.vegaLite = vegaLite; window.vegaEmbed = vegaEmbed;"
"""What the script hands to the page."""
MAKE = (
    "import sys, vl_convert; "
    "sys.stdout.buffer.write(vl_convert.javascript_bundle(sys.argv[1]).encode())"
)
TIMEOUT_S = 120.0
"""Longest wait for the script, s; it takes three seconds of work."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Script:
    """The script as it is sent."""

    plain: bytes
    """As it is."""
    packed: bytes
    """Compressed with gzip."""
    etag: str
    """Mark of its content, in quotes."""


@lru_cache(maxsize=1)
def script() -> Script:
    """Return the script; the first call on a machine makes it, which takes seconds.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    path = user_cache_path("linetwin") / f"vega-{version('vl-convert-python')}.js"
    plain = _kept(path) or _made(path)
    etag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
    return Script(plain, gzip.compress(plain, 6, mtime=0), etag)


def _kept(path: Path) -> bytes | None:
    """Return the script that was kept, if it is whole: it ends with what it hands to the page."""
    try:
        plain = path.read_bytes()
    except OSError:
        return None
    return plain if b"window.vegaEmbed=" in plain[-300:] else None


def _made(path: Path) -> bytes:
    # In a process of its own: the work lets no other thread of a process run, for seconds.
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", MAKE, EXPORTS], capture_output=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise OSError(f"the drawing script cannot be made: {done.stderr.decode()[-500:]}")
    _keep(path, done.stdout)
    return done.stdout


def _keep(path: Path, plain: bytes) -> None:
    """Keep the script for the next start; where that cannot be done it is made anew."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(plain)
        new.replace(path)
    except OSError as error:
        _log.info("the drawing script is not kept: %s", error)
        with contextlib.suppress(OSError):
            new.unlink()
