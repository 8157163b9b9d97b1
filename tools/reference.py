"""Write the API reference as pages: ``make docs``."""

from __future__ import annotations

import pkgutil
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pdoc

PLAIN = ("twin.errors", "twin.units")
"""Modules that stand beside the packages and that people use by name."""


def main(target: str, *packages: str) -> None:
    """Write pages about the packages, and all packages in them, to the folder ``target``."""
    names = [found for package in packages for found in packages_in(package)]
    names += [name for name in PLAIN if name.partition(".")[0] in packages]
    for name in names:
        _load_all(name)
    pdoc.render.configure(docformat="numpy")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Found .* does not resolve")
        warnings.filterwarnings("ignore", message="Error parsing type annotation")  # shown as text
        pdoc.pdoc(*sorted(names), output_directory=Path(target))


def packages_in(name: str) -> list[str]:
    """Return the names of a package and of every package in it that says what is public."""
    module = import_module(name)
    below = pkgutil.walk_packages(module.__path__, f"{name}.")
    packages = [entry.name for entry in below if entry.ispkg]
    return [name, *(found for found in packages if hasattr(import_module(found), "__all__"))]


def _load_all(name: str) -> None:
    """Put the public names of a package into it: those it loads when asked would not be found."""
    module = import_module(name)
    for public in getattr(module, "__all__", ()):
        setattr(module, public, getattr(module, public))


if __name__ == "__main__":
    main(*sys.argv[1:])
