"""Running an experiment again from its results, and telling whether the same bits come out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from scenarios.whatif.experiment import Experiment
from scenarios.whatif.running import run_experiment
from scenarios.whatif.versions import versions
from twin.errors import Finding, InvalidInputError, UnknownNameError

SHORTEST_ID = 6
"""Digits of an experiment's id that are enough to ask for it."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of running an experiment again."""

    experiment_id: str
    same: bool
    """Whether every figure of every run has the same bits."""
    different: tuple[str, ...]
    """Figures that have others."""
    versions: tuple[tuple[str, str, str], ...]
    """Package, version then, version now, where they differ."""
    results: xr.Dataset
    """The new results."""


def replay_experiment(
    results: xr.Dataset,
    workers: int = 1,
    executor: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Replay:
    """Run the experiment that results came from again, and compare bit by bit.

    Parameters
    ----------
    results : xarray.Dataset
        From ``run_experiment`` or ``load_results``; they hold line, scenarios, options, seed and
        state.
    workers, executor, progress
        As for ``run_experiment``; they have no part in the results.

    Raises
    ------
    InvalidInputError
        If the results do not say where they came from.
    """
    experiment = Experiment.from_results(results)
    given = results.attrs
    if experiment.id != given.get("experiment_id"):
        message = "the id does not belong to the experiment that the results name"
        finding = Finding("attrs.experiment_id", message, f"{experiment.id}")
        raise InvalidInputError("the results", [finding])
    # The engine that ran it then: figures of the other may differ in the last bits.
    again = run_experiment(experiment, workers, progress, executor=executor, engine=given["engine"])
    now, then = versions(), json.loads(given.get("versions", "{}"))
    different = tuple(
        str(name)
        for name in results.data_vars
        if name not in again or again[name].values.tobytes() != results[name].values.tobytes()
    )
    return Replay(
        experiment_id=experiment.id,
        same=not different,
        different=different,
        versions=tuple(
            (name, told, now.get(name, "not installed"))
            for name, told in then.items()
            if now.get(name) != told
        ),
        results=again.assign_attrs(given),
    )


def find_results(wanted: str, folder: Path) -> Path:
    """Return the results that a path or the beginning of an experiment's id names.

    Parameters
    ----------
    wanted : str
        A path, or at least six digits of an id.
    folder : Path
        Where experiments are kept, each in a folder that is called by its id.

    Raises
    ------
    UnknownNameError
        If there are none, or several.
    """
    if Path(wanted).exists():
        return Path(wanted)
    known = sorted(entry.name.removesuffix(".zarr") for entry in folder.glob("*.zarr"))
    found = [name for name in known if name.startswith(wanted)]
    if len(wanted) < SHORTEST_ID or len(found) != 1:
        raise UnknownNameError(f"experiment in {folder}", wanted, known)
    return folder / f"{found[0]}.zarr"
