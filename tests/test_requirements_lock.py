"""The one lock file agrees with pyproject.toml and names no host."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINNED = {
    canonicalize_name(name): Version(version)
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", LOCK, flags=re.MULTILINE)
}


def declared() -> list[Requirement]:
    """Return every requirement of the core, the extras, the dev group and the build."""
    project = PROJECT["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        PROJECT["dependency-groups"]["dev"],
        PROJECT["build-system"]["requires"],
    ]
    found = [Requirement(text) for group in groups for text in group]
    return [requirement for requirement in found if requirement.name != project["name"]]


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_each_declared_requirement_is_locked(requirement: Requirement) -> None:
    """What pyproject.toml asks for is in the lock, in a version that satisfies it."""
    version = PINNED.get(canonicalize_name(requirement.name))
    assert version is not None, f"{requirement} is not in requirements.lock; run `make lock`"
    assert requirement.specifier.contains(version), (
        f"the lock has {requirement.name} {version}, pyproject.toml asks for "
        f"{requirement.specifier}; run `make lock`"
    )


def test_each_locked_package_has_hashes() -> None:
    """No package can be swapped for another file of the same version."""
    blocks = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    bare = [block.split()[0] for block in blocks if "--hash=sha256:" not in block]
    assert len(blocks) == len(PINNED) >= 1
    assert not bare, f"locked without a hash: {bare}"


def test_lock_names_no_address() -> None:
    """The lock holds names, versions and hashes; where they come from is each site's own matter."""
    lines = [line for line in LOCK.splitlines() if "//" in line or line.startswith(("#", "-"))]
    assert not lines, f"requirements.lock holds addresses, options or comments: {lines[:3]}"
