"""Data sets on disk: Parquet tables beside a manifest that says where they came from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from twin.errors import Finding, InvalidInputError

MANIFEST = "manifest.json"
TABLES = {"samples": "sample", "moments": "moment", "runs": "run"}
"""File name of each table, and the dimension whose rows stand in it."""
MATRICES = {"features": "feature", "line_features": "line_feature", "future_finished": "horizon"}
"""Variables with a column per entry of a second dimension."""


def checksum(dataset: xr.Dataset) -> str:
    """Return the SHA-256 of a data set's numbers, names and texts, hexadecimal.

    It does not depend on how files are written: the same seed and versions give the same checksum.
    """
    digest = hashlib.sha256()
    for name in sorted(str(name) for name in dataset.variables):
        variable = dataset[name]
        values = np.ascontiguousarray(variable.values)
        kind = "text" if values.dtype.kind in "UO" else values.dtype.str
        digest.update(json.dumps([name, list(variable.dims), values.shape, kind]).encode())
        if kind == "text":
            digest.update(json.dumps(values.ravel().tolist()).encode())
        else:
            digest.update(values.tobytes())
    return digest.hexdigest()


def write_dataset(dataset: xr.Dataset, folder: str | Path) -> Path:
    """Write a data set as ``samples``, ``moments`` and ``runs`` tables with a manifest.

    Parameters
    ----------
    dataset : xarray.Dataset
        From ``generate_dataset``.
    folder : str or Path
        Folder to write to; made when it is not there.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    InvalidInputError
        If the weights do not average 1 within three standard errors: such a set would teach a wrong
        frequency of failures. Also if the folder cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415 - only files need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    if not dataset.attrs.get("weights_agree", 0):
        mean, error = dataset.attrs.get("mean_weight"), dataset.attrs.get("mean_weight_error")
        message = f"the mean weight is {mean} with a standard error of {error}, which is not 1"
        finding = Finding("weight", message, remedy="draw more runs or a larger own_share")
        raise InvalidInputError("the data set", [finding])
    target = Path(folder)
    manifest = {
        "checksum": checksum(dataset),
        "attrs": dict(dataset.attrs),
        "sizes": {str(name): int(size) for name, size in dataset.sizes.items()},
        "columns": {name: dataset[dim].values.tolist() for name, dim in MATRICES.items()},
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file, dim in TABLES.items():
            columns = {str(k): v for k, v in _columns(dataset, dim).items()}
            pq.write_table(pa.table(columns), target / f"{file}.parquet", compression="zstd")
        text = json.dumps(manifest, indent=1, sort_keys=True)
        (target / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        finding = Finding("", f"cannot be written: {error.strerror or error}", file=str(target))
        raise InvalidInputError(f"the data set {target}", [finding]) from error
    return target / MANIFEST


def read_dataset(folder: str | Path) -> xr.Dataset:
    """Read a data set that ``write_dataset`` wrote, and check that it is still the same.

    Raises
    ------
    InvalidInputError
        If files are missing, are no data set, or do not match the manifest's checksum.
    """
    import pyarrow as pa  # noqa: PLC0415 - only files need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    source = Path(folder)
    try:
        manifest = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        tables = {dim: pq.read_table(source / f"{file}.parquet") for file, dim in TABLES.items()}
        dataset = _dataset(manifest, tables)
        expected = manifest["checksum"]
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        finding = Finding("", f"no data set: {error}", "a folder written by write_dataset")
        raise InvalidInputError(f"the data set {source}", [finding]) from error
    found = checksum(dataset)
    if found != expected:
        message = f"its content has the checksum {found[:12]}, the manifest says {expected[:12]}"
        finding = Finding(MANIFEST, message, remedy="restore the files, or generate it again")
        raise InvalidInputError(f"the data set {source}", [finding])
    return dataset


def _columns(dataset: xr.Dataset, dim: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, variable in dataset.variables.items():
        if dim not in variable.dims:
            continue
        if str(name) in MATRICES:
            for k in range(variable.shape[1]):
                columns[f"{name}.{k}"] = np.ascontiguousarray(variable.values[:, k])
        else:
            values = variable.values
            columns[str(name)] = values.tolist() if values.dtype.kind in "UO" else values
    return columns


def _dataset(manifest: dict[str, Any], tables: dict[str, Any]) -> xr.Dataset:
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for dim, table in tables.items():
        names = [name for name in table.column_names if "." not in name]
        for name in names:
            column = table.column(name).to_pylist() if _is_text(table, name) else None
            values = (
                np.array(column, dtype=np.str_)
                if column is not None
                else table.column(name).to_numpy()
            )
            prefixed = name.startswith(f"{dim}_") and dim in ("sample", "moment")
            home = coords if prefixed and name != "moment_weight" else variables
            home[name] = (dim, values)
    for name, inner in MATRICES.items():
        dim = "sample" if name == "features" else "moment"
        count = len(manifest["columns"][name])
        parts = [tables[dim].column(f"{name}.{k}").to_numpy() for k in range(count)]
        variables[name] = ((dim, inner), np.stack(parts, axis=-1))
        labels = manifest["columns"][name]
        coords[inner] = np.array(labels) if inner == "horizon" else labels
    dataset = xr.Dataset(variables, coords=coords, attrs=manifest["attrs"])
    dataset["time_to_failure_s"].attrs["unit"] = "s"
    dataset["horizon"].attrs["unit"] = "s"
    return dataset


def _is_text(table: Any, name: str) -> bool:
    return str(table.schema.field(name).type) in ("string", "large_string")
