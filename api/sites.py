"""Several sites on one machine: each has its own folder, port, keys and process tree."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_data_path
from pydantic import Field

from twin.errors import Finding, InvalidInputError, OptionsError
from twin.line.spec import Spec

NAME = re.compile(r"^[a-z][a-z0-9-]{0,31}$")
FIRST_PORT, FIRST_METRICS_PORT = 8100, 9100
MOST_SITES = 1000


class SiteFile(Spec):
    """What a site serves: ``site.yaml`` in its folder."""

    lines: tuple[str, ...] = Field(min_length=1)
    """Line files, seen from the site's folder, or names of example lines."""
    plants: tuple[str, ...] = ()
    """As ``twin serve --plant`` takes them; mapping files are seen from the site's folder."""


@dataclass(frozen=True, slots=True)
class SiteFolder:
    """One site on this machine."""

    folder: Path
    """Its folder."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def settings(self) -> Path:
        """Its settings file."""
        return self.folder / "settings.yaml"

    def serves(self) -> SiteFile:
        """Return what it serves, with paths that hold from anywhere.

        Raises
        ------
        InvalidInputError
            If its file cannot be used.
        """
        path = self.folder / "site.yaml"
        try:
            found = SiteFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, yaml.YAMLError) as error:
            finding = Finding("", str(error)[:300], "lines: [line.yaml]", file=str(path))
            raise InvalidInputError(f"the site {self.name!r}", [finding]) from error
        return SiteFile(
            lines=tuple(self._placed(item) for item in found.lines),
            plants=tuple(
                f"{line}{sign}{self._placed(where)}"
                for line, sign, where in (_parts(item) for item in found.plants)
            ),
        )

    def _placed(self, name: str) -> str:
        path = self.folder / name
        return str(path) if path.exists() else name

    def port(self, setting: str = "port") -> int | None:
        """Return a port that its settings name."""
        try:
            found: Any = yaml.safe_load(self.settings.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError):
            return None
        value = found.get(setting) if isinstance(found, dict) else None
        return value if isinstance(value, int) else None


def sites_folder(root: Path | None = None) -> Path:
    """Return the folder in which sites have theirs."""
    return (root or user_data_path("linetwin", False) / "sites").expanduser().absolute()


def list_sites(root: Path) -> list[SiteFolder]:
    """Return the sites below a folder, by name."""
    if not root.is_dir():
        return []
    found = [path for path in sorted(root.iterdir()) if (path / "site.yaml").is_file()]
    return [SiteFolder(path) for path in found[:MOST_SITES]]


def find_site(root: Path, name: str) -> SiteFolder:
    """Return a site by its name.

    Raises
    ------
    OptionsError
        If there is none.
    """
    for site in list_sites(root):
        if site.name == name:
            return site
    known = ", ".join(site.name for site in list_sites(root)) or "none yet: `twin site create`"
    raise OptionsError("the site", [Finding("name", f"there is no site {name!r}", known)])


def create_site(
    root: Path, name: str, lines: Sequence[str], plants: Sequence[str] = (), **settings: Any
) -> SiteFolder:
    """Make the folder of a new site, for nobody but its owner to read.

    Parameters
    ----------
    root : Path
        See ``sites_folder``.
    name : str
        Lower-case letters, digits and ``-``.
    lines : sequence of str
        Line files, which are copied, or names of example lines.
    plants : sequence of str
        As ``twin serve --plant`` takes them; mapping files are copied.
    **settings
        Of the service; ports are chosen where none is given.

    Raises
    ------
    OptionsError
        If the name cannot be used or is taken.
    """
    if not NAME.match(name):
        expected = "lower-case letters, digits and '-', a letter first, at most 32"
        raise OptionsError("the site", [Finding("name", f"{name!r} cannot be used", expected)])
    folder = root / name
    if folder.exists():
        raise OptionsError("the site", [Finding("name", f"{folder} is there already")])
    others = list_sites(root)
    found = {
        "data_folder": str(folder / "data"),
        "port": _free({site.port() for site in others}, FIRST_PORT),
        "metrics_port": _free({site.port("metrics_port") for site in others}, FIRST_METRICS_PORT),
        "page_access": "key",
        "log_format": "json",
        "log_level": "INFO",
    } | {key: value for key, value in settings.items() if value is not None}
    root.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    try:
        served = {
            "lines": [_copied(item, folder) for item in lines],
            "plants": [
                f"{line}{sign}{_copied(where, folder)}"
                for line, sign, where in (_parts(item) for item in plants)
            ],
        }
        _write(folder / "settings.yaml", found)
        _write(folder / "site.yaml", served)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return SiteFolder(folder)


def _parts(plant: str) -> tuple[str, str, str]:
    line, sign, where = plant.partition("=")
    return (line, sign, where) if sign and "/" not in line else ("", "", plant)


def _copied(name: str, folder: Path) -> str:
    path = Path(name)
    if not path.is_file():
        return name
    shutil.copyfile(path, folder / path.name)
    return path.name


def _free(taken: set[int | None], first: int) -> int:
    return next(port for port in range(first, first + 2 * MOST_SITES) if port not in taken)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
