"""An experiment on disk: a Zarr v3 group that is filled block by block and can be gone on with.

``values`` has the dimensions scenario, replication and kpi; a chunk holds one block of replications
of one scenario, so a block is one file and no two writers touch the same one. ``done`` tells which
blocks are there; it is written after the block. Names stand in the group's attributes as JSON: text
has no settled type in Zarr v3 yet, and objects would not be read elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.errors import Finding, InvalidInputError
from twin.kpi.table import Columns, Floats

if TYPE_CHECKING:
    import zarr

FORMAT = 1


class ResultStore:
    """Results of one experiment in a folder; made by ``create`` or ``open``."""

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self._group = group
        self.attributes: dict[str, Any] = dict(group.attrs)
        self.columns = Columns.from_document(self.attributes["columns"])
        self.block = int(self.attributes["block"])
        """Replications in a block."""
        self._values: Any = group["values"]
        self._done: Any = group["done"]

    @classmethod
    def create(
        cls, path: Path, columns: Columns, shape: tuple[int, int], block: int, about: dict[str, Any]
    ) -> ResultStore:
        """Make an empty store of ``shape`` scenarios by replications."""
        import zarr  # noqa: PLC0415 - heavy

        _refuse_other_folder(path)
        group = zarr.open_group(path, mode="w", zarr_format=3)
        scenarios, replications = shape
        width = len(columns.names)
        group.create_array(
            "values",
            shape=(scenarios, replications, width),
            chunks=(1, block, width),
            dtype="float64",
            fill_value=float("nan"),
            dimension_names=("scenario", "replication", "kpi"),
        )
        blocks = -(-replications // block)
        group.create_array(
            "done",
            shape=(scenarios, blocks),
            chunks=(1, 1),
            dtype="uint8",
            fill_value=0,
            dimension_names=("scenario", "block"),
        )
        told: dict[str, Any] = {"format": FORMAT, "block": block, "kpi": list(columns.names)}
        group.attrs.update(told | {"columns": columns.document()} | about)
        return cls(path, group)

    @classmethod
    def open(cls, path: Path, mode: Literal["r", "r+"] = "r+") -> ResultStore:
        """Open a store.

        Raises
        ------
        InvalidInputError
            If there is none, or it is damaged.
        """
        import zarr  # noqa: PLC0415 - heavy

        try:
            group = zarr.open_group(path, mode=mode, zarr_format=3)
            format_ = group.attrs.get("format")
            if format_ == FORMAT:
                return cls(path, group)
            reason = f"format {format_!r} instead of {FORMAT}"
        except (OSError, KeyError, TypeError, ValueError) as error:
            reason = str(error)
        finding = Finding("", f"no results: {reason}", "a folder that an experiment wrote")
        raise InvalidInputError(f"the store {path}", [finding])

    @staticmethod
    def half_made(path: Path) -> bool:
        """Tell whether somebody was stopped while making a store there, before any result."""
        told = json.loads((path / "zarr.json").read_text(encoding="utf-8")).get("attributes", {})
        others = {"zarr.json", "values", "done"}
        return not told and all(entry.name in others for entry in path.iterdir())

    def write(self, scenario: int, block: int, rows: Floats) -> None:
        """Keep a whole block of a scenario."""
        first = block * self.block
        self._values[scenario, first : first + len(rows), :] = rows
        self._done[scenario, block] = 1

    def done(self) -> NDArray[np.bool_]:
        """Return which blocks are there, shape (scenarios, blocks)."""
        return np.asarray(self._done[:]).astype(bool)

    def read(self, scenario: int, block: int) -> Floats:
        """Return a block that is there."""
        first = block * self.block
        return np.asarray(self._values[scenario, first : first + self.block, :], dtype=np.float64)

    def end(self, replications: int) -> None:
        """Note that the experiment is complete with so many replications of each scenario."""
        self._group.attrs.update({"complete": replications})
        self.attributes = dict(self._group.attrs)

    def dataset(self, kpis: tuple[str, ...] = ()) -> xr.Dataset:
        """Return what is there: the replications that every scenario has, one after the other.

        Parameters
        ----------
        kpis : tuple of str
            Figures wanted; empty: all of them. The rest is not kept in memory.
        """
        told = self.attributes
        count = told.get("complete")
        if count is None:
            whole: NDArray[np.bool_] = np.all(self.done(), axis=0)
            blocks = int(np.argmin(whole)) if not whole.all() else len(whole)
            count = min(blocks * self.block, self._values.shape[1])
        columns, places = self._chosen(kpis)
        table = np.empty((self._values.shape[0], count, len(places)))
        for scenario in range(table.shape[0]):
            for first in range(0, count, self.block):
                rows = self._values[scenario, first : min(first + self.block, count), :]
                table[scenario, first : first + len(rows)] = np.asarray(rows)[:, places]
        about = {name: value for name, value in told.items() if name in ATTRIBUTES}
        experiment = told.get("experiment")
        first = told.get("first_replication", 0)
        if experiment is not None:
            experiment = experiment | {"replications": count}
            about |= {
                "experiment": json.dumps(experiment, sort_keys=True),
                "experiment_id": document_id(experiment),
            }
            first = experiment["options"]["replication"]
        results = columns.dataset(table, told["scenarios"], first)
        if told.get("single"):
            results = results.squeeze("scenario", drop=True)
        results.attrs = about
        return results

    def _chosen(self, kpis: tuple[str, ...]) -> tuple[Columns, NDArray[np.intp]]:
        if not kpis:
            return self.columns, np.arange(len(self.columns.names))
        known = [name for name, _ in self.columns.variables]
        findings = [
            Finding("kpis", f"unknown figure {name!r}", f"one of: {', '.join(known)}")
            for name in kpis
            if name not in known
        ]
        if findings:
            raise InvalidInputError(f"the figures wanted of {self.path}", findings)
        kept = tuple((name, dims) for name, dims in self.columns.variables if name in kpis)
        dims = {dim for _, along in kept for dim in along}
        labels = tuple(pair for pair in self.columns.labels if pair[0] in dims)
        columns = Columns(kept, labels)
        return columns, columns.places(self.columns)


ATTRIBUTES = ("format", "experiment_id", "line_id", "line_hash", "seed", "engine", "versions")
"""What results say about where they come from, beside the experiment itself."""


def document_id(document: dict[str, Any]) -> str:
    """Return the SHA-256 of plain data, hexadecimal; the order of keys has no part in it."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_other_folder(path: Path) -> None:
    """Refuse to write over what is no store of ours."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        ours = path.is_dir() and (path / "zarr.json").is_file() and ResultStore.half_made(path)
        if not ours:
            message = "holds something else"
            finding = Finding("", message, "an empty or new folder", "choose another place")
            raise InvalidInputError(f"the store {path}", [finding])
