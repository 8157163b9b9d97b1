"""Which versions decide a result."""

from __future__ import annotations

import platform
from importlib import metadata

DECIDING = ("linetwin", "numpy", "numba", "simpy")
"""Packages of which another version might change the last bits of a result."""


def versions() -> dict[str, str]:
    """Return the versions that decide a result."""
    found = {"python": platform.python_version()}
    for name in (*DECIDING, "xarray"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
