"""Results on disk: one JSON file that holds numbers, names and what it takes to run it again."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scenarios.whatif.experiment import FORMAT
from twin.errors import Finding, InvalidInputError

MAX_BYTES = 500_000_000
"""A file that unpacks to more is refused."""


def save_results(results: xr.Dataset, path: str | Path) -> None:
    """Write results as gzipped JSON; ``load_results`` gives the same numbers back, bit for bit.

    Parameters
    ----------
    results : xarray.Dataset
        From ``run_experiment``.
    path : str or Path
        File to write, e.g. ``results.json.gz``.
    """
    document = {
        "format": FORMAT,
        "attrs": dict(results.attrs),
        "coords": {str(k): _written(v) for k, v in results.coords.items()},
        "data_vars": {str(k): _written(v) for k, v in results.data_vars.items()},
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    # No time of writing inside: equal results give equal files.
    Path(path).write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))


def load_results(path: str | Path) -> xr.Dataset:
    """Read results that ``save_results`` wrote.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or holds no results.
    """
    try:
        document = _unpacked(Path(path))
        return xr.Dataset(
            data_vars={name: _read(value) for name, value in document["data_vars"].items()},
            coords={name: _read(value) for name, value in document["coords"].items()},
            attrs=document["attrs"],
        )
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        finding = Finding("", f"no results: {error}", "a file written by save_results")
        raise InvalidInputError(f"the file {path}", [finding]) from error


def _unpacked(path: Path) -> dict[str, Any]:
    with gzip.open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    document: dict[str, Any] = json.loads(data)
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r} instead of {FORMAT}")
    return document


def _written(variable: xr.DataArray) -> dict[str, Any]:
    values = variable.values
    flat = values.ravel().tolist()
    if values.dtype.kind == "f":
        flat = [value if math.isfinite(value) else str(value) for value in flat]
    return {
        "dims": [str(dim) for dim in variable.dims],
        "shape": list(values.shape),
        "type": "str" if values.dtype.kind in "UO" else values.dtype.name,
        "attrs": dict(variable.attrs),
        "values": flat,
    }


def _read(value: dict[str, Any]) -> tuple[list[str], Any, dict[str, Any]]:
    if value["type"] == "str":
        array = np.array([str(item) for item in value["values"]], dtype=np.str_)
    else:
        kind = np.dtype(value["type"])
        if kind.kind not in "fiub":
            raise ValueError(f"unknown type {value['type']!r}")
        items = [float(item) if kind.kind == "f" else item for item in value["values"]]
        array = np.array(items, dtype=kind)
    return value["dims"], array.reshape(value["shape"]), value["attrs"]
