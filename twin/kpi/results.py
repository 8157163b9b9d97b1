"""Results on disk, with what it takes to run them again, and as tables for other programs.

=============== =========================================== ==========
suffix          what it is                                  read back
=============== =========================================== ==========
``.zarr``       folder that an experiment can go on with    bit for bit
``.nc``         NetCDF 3, which every tool reads            bit for bit
``.json.gz``    one text file                               bit for bit
``.parquet``    a row per run, a column per figure          bit for bit
``.csv``        the same as text                            no
``.xlsx``       the same for a spreadsheet                  no
=============== =========================================== ==========
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from twin.errors import Finding, InvalidInputError
from twin.kpi.store import FORMAT, ResultStore
from twin.kpi.table import Columns

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 500_000_000
"""A file that unpacks to more is refused."""
SHEET_ROWS, SHEET_COLUMNS = 1_048_576, 16_384
"""Most that a sheet of Excel holds."""
ABOUT = "about"
"""Attribute of a NetCDF file that holds all of ours as JSON: it knows no numbers above 32 bits."""


def save_results(results: xr.Dataset, path: str | Path) -> None:
    """Write results; the suffix says how.

    Parameters
    ----------
    results : xarray.Dataset
        From ``run_experiment`` or ``replicate``.
    path : str or Path
        ``.zarr``, ``.nc``, ``.json.gz``, ``.parquet``, ``.csv`` or ``.xlsx``. All but the last two
        can be read back to the same bits by ``load_results``.

    Raises
    ------
    InvalidInputError
        If the suffix is another one, or the results are too many for the format.
    """
    found = Path(path)
    for suffix, (write, _) in _FORMATS.items():
        if found.name.endswith(suffix):
            write(results, found)
            return
    message = f"unknown suffix of {found.name!r}"
    finding = Finding("", message, f"one of: {', '.join(_FORMATS)}")
    raise InvalidInputError("the file for the results", [finding])


def load_results(path: str | Path, kpis: tuple[str, ...] = ()) -> xr.Dataset:
    """Read results that ``save_results`` or an experiment wrote.

    Parameters
    ----------
    path : str or Path
        File, or folder of an experiment that may still be under way.
    kpis : tuple of str
        Figures wanted; empty: all. From a folder, the others never come into memory.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or holds no results.
    """
    found = Path(path)
    read = next((r for end, (_, r) in _FORMATS.items() if found.name.endswith(end)), None)
    if found.is_dir() or (read is None and not found.exists()):
        return ResultStore.open(found, mode="r").dataset(tuple(kpis))
    if read is None:
        known = ", ".join(suffix for suffix, (_, r) in _FORMATS.items() if r is not None)
        finding = Finding("", "is written for other programs", f"a folder, or one of: {known}")
        raise InvalidInputError(f"the file {path}", [finding])
    try:
        results = read(found)
        return results[list(kpis)] if kpis else results
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        finding = Finding("", f"no results: {error}", "a file written by save_results")
        raise InvalidInputError(f"the file {path}", [finding]) from error


def results_table(results: xr.Dataset) -> pd.DataFrame:
    """Return results as a table: a row per run, a column per figure, e.g. ``oee_index/filler``."""
    import pandas as pd  # noqa: PLC0415 - heavy

    whole, columns, table = _table(results)
    frame = pd.DataFrame(table.reshape(-1, table.shape[2]), columns=list(columns.names))
    names, numbers = whole["scenario"].values, whole["replication"].values
    frame.insert(0, "replication", np.tile(numbers, len(names)))
    if "scenario" in results.dims:
        frame.insert(0, "scenario", np.repeat(names.astype(str), len(numbers)))
    return frame


def _table(results: xr.Dataset) -> tuple[xr.Dataset, Columns, np.ndarray[Any, Any]]:
    """Return results by scenario, the columns of their table, and the table."""
    whole = results if "scenario" in results.dims else results.expand_dims(scenario=["base"])
    runs = ("scenario", "replication")
    inner = {
        str(name): tuple(str(dim) for dim in found.dims if dim not in runs)
        for name, found in whole.data_vars.items()
    }
    dims = dict.fromkeys(dim for along in inner.values() for dim in along)
    columns = Columns(
        tuple(inner.items()),
        tuple((dim, tuple(str(name) for name in whole[dim].values)) for dim in dims),
    )
    size = (whole.sizes["scenario"], whole.sizes["replication"], -1)
    pieces = [
        np.asarray(whole[name].transpose(*runs, *along), dtype=np.float64).reshape(size)
        for name, along in inner.items()
    ]
    return whole, columns, np.concatenate(pieces, axis=2)


def _write_store(results: xr.Dataset, path: Path) -> None:
    whole, columns, table = _table(results)
    block = max(1, min(250, table.shape[1]))
    about = dict(results.attrs) | {
        "scenarios": [str(name) for name in whole["scenario"].values],
        "first_replication": int(whole["replication"].values[0]),
        "single": "scenario" not in results.dims,
    }
    if "experiment" in about:
        about["experiment"] = json.loads(about["experiment"])
    store = ResultStore.create(path, columns, table.shape[:2], block, about)
    for scenario in range(len(table)):
        for number in range(-(-table.shape[1] // block)):
            store.write(scenario, number, table[scenario, number * block : (number + 1) * block])
    store.end(table.shape[1])


def _write_netcdf(results: xr.Dataset, path: Path) -> None:
    # The format takes a dimension without length for one that grows: such figures are only named.
    none = [str(dim) for dim, size in results.sizes.items() if size == 0]
    empty = {str(k): [str(d) for d in v.dims] for k, v in results.items() if v.size == 0}
    about = {"attrs": dict(results.attrs), "none": none, "empty": empty}
    filled = results.drop_dims(none).drop_attrs()
    filled.assign_attrs({ABOUT: json.dumps(about)}).to_netcdf(path, engine="scipy")


def _read_netcdf(path: Path) -> xr.Dataset:
    # From memory: a file that is mapped stays open as long as any of its arrays.
    with xr.open_dataset(io.BytesIO(path.read_bytes()), engine="scipy") as file:
        found = file.load()
    # The format has neither text of any length nor whole numbers of 64 bits.
    kinds = {"O": np.str_, "S": np.str_, "U": np.str_, "i": np.int64}
    for name in [str(name) for name in found.coords]:
        wanted = kinds.get(found[name].dtype.kind)
        found[name] = found[name].astype(wanted) if wanted else found[name]
    for variable in found.variables.values():
        variable.encoding = {}
    about = json.loads(found.attrs[ABOUT])
    found = found.assign_coords({dim: np.array([], dtype=np.str_) for dim in about["none"]})
    for name, dims in about["empty"].items():
        found[name] = (dims, np.empty([found.sizes[dim] for dim in dims]))
    found.attrs = about["attrs"]
    return found


def _write_parquet(results: xr.Dataset, path: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    _, columns, _ = _table(results)
    table = pa.Table.from_pandas(results_table(results), preserve_index=False)
    about = {"attrs": dict(results.attrs), "columns": columns.document()}
    pq.write_table(table.replace_schema_metadata({"linetwin": json.dumps(about)}), path)


def _read_parquet(path: Path) -> xr.Dataset:
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and extra

    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"linetwin"])
    columns = Columns.from_document(about["columns"])
    frame = table.to_pandas()
    single = "scenario" not in frame
    names = ["base"] if single else list(dict.fromkeys(frame["scenario"]))
    values = frame[list(columns.names)].to_numpy(dtype=np.float64)
    numbers = frame["replication"].to_numpy()
    size = (len(names), len(frame) // len(names), len(columns.names))
    found = columns.dataset(values.reshape(size), names, int(numbers[0]))
    found = found.squeeze("scenario", drop=True) if single else found
    found.attrs = about["attrs"]
    return found


def _write_csv(results: xr.Dataset, path: Path) -> None:
    results_table(results).to_csv(path, index=False)


def _write_excel(results: xr.Dataset, path: Path) -> None:
    from openpyxl import Workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    frame = results_table(results)
    if len(frame) >= SHEET_ROWS or len(frame.columns) > SHEET_COLUMNS:
        message = f"{len(frame)} runs of {len(frame.columns)} figures are too many for a sheet"
        finding = Finding("", message, remedy="write .parquet or .csv, or fewer figures")
        raise InvalidInputError(f"the file {path}", [finding])
    book = Workbook(write_only=True)
    sheet = book.create_sheet("figures")
    sheet.freeze_panes = "C2"
    sheet.append(list(frame.columns))
    for row in frame.itertuples(index=False):
        sheet.append([None if isinstance(v, float) and not math.isfinite(v) else v for v in row])
    about = book.create_sheet("about")
    for name, value in results.attrs.items():
        about.append([name, str(value)[:32_000]])  # a cell holds 32,767 letters
    book.save(path)


def _write_json(results: xr.Dataset, path: Path) -> None:
    document = {
        "format": FORMAT,
        "attrs": dict(results.attrs),
        "coords": {str(k): _written(v) for k, v in results.coords.items()},
        "data_vars": {str(k): _written(v) for k, v in results.data_vars.items()},
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    # No time of writing inside: equal results give equal files.
    path.write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))


def _read_json(path: Path) -> xr.Dataset:
    document = _unpacked(path)
    return xr.Dataset(
        data_vars={name: _read(value) for name, value in document["data_vars"].items()},
        coords={name: _read(value) for name, value in document["coords"].items()},
        attrs=document["attrs"],
    )


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


_FORMATS: dict[
    str, tuple[Callable[[xr.Dataset, Path], None], Callable[[Path], xr.Dataset] | None]
] = {
    ".zarr": (_write_store, None),
    ".nc": (_write_netcdf, _read_netcdf),
    ".json.gz": (_write_json, _read_json),
    ".parquet": (_write_parquet, _read_parquet),
    ".csv": (_write_csv, None),
    ".xlsx": (_write_excel, None),
}
"""How each suffix is written and read; a folder is read by ``ResultStore``."""
