"""All figures of an experiment in one table: scenario by replication by figure.

A figure of one element is a column of its own, such as ``oee_index/filler``, so that results of any
line are a plain array of numbers, in memory and on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.kpi.counters import Coordinates, Values

Floats = NDArray[np.float64]
Variables = tuple[tuple[str, tuple[str, ...]], ...]
Labels = tuple[tuple[str, tuple[str, ...]], ...]

LARGEST_TABLE = 2**30
"""A table of more bytes is refused."""


@dataclass(frozen=True)
class Columns:
    """The figures in a row of the table, and the elements that they are about."""

    variables: Variables
    """Name and dimensions of each figure."""
    labels: Labels
    """Dimension and the names along it."""

    @classmethod
    def of(cls, values: Values, coordinates: Coordinates) -> Columns:
        """Return the columns that one run fills."""
        return cls(
            tuple((name, dims) for name, (dims, _) in values.items()),
            tuple((dim, tuple(map(str, names))) for dim, names in coordinates.items()),
        )

    @classmethod
    def union(cls, found: Sequence[Columns]) -> Columns:
        """Return columns that hold those of every scenario; elements in the order of appearance."""
        variables: dict[str, tuple[str, ...]] = {}
        labels: dict[str, dict[str, None]] = {}
        for columns in found:
            variables |= {name: dims for name, dims in columns.variables if name not in variables}
            for dim, names in columns.labels:
                labels.setdefault(dim, {}).update(dict.fromkeys(names))
        return cls(tuple(variables.items()), tuple((dim, tuple(n)) for dim, n in labels.items()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of each column: the figure, and the elements after a slash each."""
        along = dict(self.labels)
        return tuple(
            "/".join((name, *where))
            for name, dims in self.variables
            for where in product(*(along[dim] for dim in dims))
        )

    def places(self, within: Columns) -> NDArray[np.intp]:
        """Return where these columns stand among those of ``within``."""
        position = {name: place for place, name in enumerate(within.names)}
        return np.array([position[name] for name in self.names], dtype=np.intp)

    def dataset(self, table: Floats, scenarios: Sequence[str], first: int) -> xr.Dataset:
        """Return a table as a dataset with dims ``scenario`` and ``replication`` in front."""
        along, variables, at = dict(self.labels), {}, 0
        for name, dims in self.variables:
            shape = tuple(len(along[dim]) for dim in dims)
            width = int(np.prod(shape, dtype=np.int64))
            values = table[:, :, at : at + width].reshape(*table.shape[:2], *shape)
            variables[name] = (("scenario", "replication", *dims), values)
            at += width
        coordinates = {dim: np.array(names, dtype=np.str_) for dim, names in self.labels}
        return xr.Dataset(
            variables,
            coords={
                "scenario": np.array(scenarios, dtype=np.str_),
                "replication": first + np.arange(table.shape[1]),
                **coordinates,
            },
        )

    def document(self) -> dict[str, Any]:
        """Return the columns as plain data."""
        return {
            "variables": [[name, list(dims)] for name, dims in self.variables],
            "labels": [[dim, list(names)] for dim, names in self.labels],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Columns:
        """Return columns from plain data."""
        return cls(
            tuple((name, tuple(dims)) for name, dims in document["variables"]),
            tuple((dim, tuple(names)) for dim, names in document["labels"]),
        )


def row_of(values: Values) -> Floats:
    """Return the figures of one run as a row, in the order of its columns."""
    return np.concatenate([np.ravel(found) for _, found in values.values()]).astype(np.float64)
