"""``twin simulate``: replications of a line, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.about import Json
from api.commands.console import (
    check_file,
    duration_option,
    emit_json,
    emit_table,
    plus_minus,
    progress,
    writing,
)

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from twin.engine import SimulationOptions

Line = Annotated[str, typer.Argument(help="A line file, or the name of an example line.")]
Horizon = Annotated[float, duration_option("--horizon", "Length of a run, e.g. 8h.", "8h")]
WarmUp = Annotated[
    float,
    duration_option("--warm-up", "Beginning of the horizon that is not counted.", "0"),
]
Replications = Annotated[
    int, typer.Option("--replications", "-n", min=1, max=1_000_000, help="Independent runs.")
]
Seed = Annotated[int, typer.Option("--seed", help="Same seed, same numbers.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="Processes at work.")]

HOUR_S = 3600.0
MEASURES: dict[str, tuple[str, float]] = {
    "finished": ("parts finished", 1.0),
    "scrapped": ("parts scrapped", 1.0),
    "wip_mean": ("parts in the line, mean", 1.0),
    "flow_time_mean_s": ("flow time, mean, min", 1 / 60),
    "flow_time_p90_s": ("flow time, 90 %, min", 1 / 60),
}
ENERGY: dict[str, tuple[str, float]] = {
    "energy_total_kwh": ("energy, kWh", 1.0),
    "energy_per_part_kwh": ("energy per part, Wh", 1000.0),
    "energy_cost": ("cost of energy", 1.0),
    "carbon_kg": ("carbon, kg", 1.0),
}
SHARES = ("processing", "setup", "blocked", "starved", "failed", "off")
"""Statuses that are always shown; of the others those that a station was in."""


def simulate(  # noqa: PLR0913, PLR0917 - the options of a command
    line: Line,
    horizon: Horizon = 8 * HOUR_S,
    warm_up: WarmUp = 0.0,
    replications: Replications = 20,
    seed: Seed = 0,
    workers: Workers = 1,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write all results to this NetCDF file.")
    ] = None,
    json: Json = False,
) -> None:
    """Simulate a line N times and give throughput and station measures with 95 % intervals."""
    from twin.engine import SimulationOptions, replicate  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    check_file(save)
    model = load_line(line)
    options = SimulationOptions(horizon_s=horizon, warm_up_s=warm_up, seed=seed)
    with progress(f"simulating {model.id}", quiet=json) as step:
        results = replicate(model, options, replications, workers=workers, progress=step)
    document = _document(model.id, model.hash, results, options)
    if json:
        emit_json(document)
    else:
        names = {one.id: labelled(one.id, one.name) for one in model.stations}
        _show(document, names, {one.id: labelled(one.id, one.name) for one in model.crews})
    if save is not None:  # after the answer, which a full disk must not take with it
        with writing(save):
            results.to_netcdf(save)


def _document(
    line_id: str, line_hash: str, results: xr.Dataset, options: SimulationOptions
) -> dict[str, Any]:
    from twin.kpi.output_analysis import mean_interval  # noqa: PLC0415

    def told(values: NDArray[np.float64], scale: float = 1.0) -> dict[str, float | int]:
        found = mean_interval(values * scale)
        return {"mean": found.mean, "half_width": found.half_width, "n": found.n}

    stations = [str(name) for name in results["station"].values]
    # A price that the line does not state is no number in any run.
    energy = [name for name in ENERGY if name in results and results[name].notnull().any()]
    orders = [str(name) for name in results["order"].values] if "order" in results.coords else []
    return {
        "line": line_id,
        "model_hash": line_hash,
        "simulated": True,
        "confidence_level": 0.95,
        "replications": int(results.sizes["replication"]),
        "seed": options.seed,
        "horizon_s": options.horizon_s,
        "warm_up_s": options.warm_up_s,
        "throughput_per_s": told(results["throughput_rate"].values),
        "throughput_per_h": told(results["throughput_rate"].values, 3600.0),
        **{name: told(results[name].values) for name in MEASURES},
        "energy": {name: told(results[name].values) for name in energy},
        "orders": {"number": len(orders)}
        | (
            {
                "on_time": told((results["order_on_time"] == 1).sum("order").values),
                "late": told((results["order_on_time"] == 0).sum("order").values),
            }
            if orders
            else {}
        ),
        "stations": {
            name: {
                key: told(results[key].sel(station=name).values)
                for key in ("availability", "effectiveness", "quality_ratio", "oee_index")
            }
            | {
                f"{status}_share": told(
                    results["status_share"].sel(station=name, status=status).values
                )
                for status in results["status"].values.tolist()
            }
            for name in stations
        },
        "crews": {
            name: {"worker_efficiency": told(results["worker_efficiency"].sel(crew=name).values)}
            for name in (results["crew"].values.tolist() if "crew" in results.coords else ())
        },
    }


def labelled(ident: str, name: str) -> str:
    """Return an id, and behind it the name where that says more."""
    plain = name.casefold().replace(" ", "").replace("_", "")
    return ident if plain in {"", ident.casefold().replace("_", "")} else f"{ident} {name}"


def _show(document: dict[str, Any], names: dict[str, str], crews: dict[str, str]) -> None:
    rate = document["throughput_per_h"]
    rows = [("throughput, parts/h", plus_minus(rate["mean"], rate["half_width"]))]
    for key, (label, scale) in MEASURES.items():
        found = document[key]
        rows.append((label, plus_minus(found["mean"] * scale, found["half_width"] * scale)))
    many = document["orders"]["number"]
    for key in ("on_time", "late") if many else ():
        found = document["orders"][key]
        label = f"orders {key.replace('_', ' ')}, of {many}"
        rows.append((label, plus_minus(found["mean"], found["half_width"])))
    for key, found in document["energy"].items():
        label, scale = ENERGY[key]
        rows.append((label, plus_minus(found["mean"] * scale, found["half_width"] * scale)))
    for name, crew in document["crews"].items():
        found = crew["worker_efficiency"]
        label = f"worker efficiency of {crews[name]}, %"
        rows.append((label, plus_minus(100 * found["mean"], 100 * found["half_width"])))
    title = (
        f"{document['line']}: {document['replications']} simulated runs of "
        f"{document['horizon_s'] / 3600:g} h, 95 % intervals"
    )
    emit_table(title, ("measure", "mean"), rows)
    met = {
        key for one in document["stations"].values() for key, of in one.items() if of["mean"] > 0
    }
    others = ("handling", "no_operator", "maintenance")
    shares = (*SHARES, *(status for status in others if f"{status}_share" in met))
    emit_table(
        "Stations: share of the time in %, OEE index",
        ("station", "busy", *(status.replace("_", " ") for status in shares[1:]), "OEE"),
        [
            (
                names[name],
                *(f"{100 * found[f'{status}_share']['mean']:.1f}" for status in shares),
                plus_minus(found["oee_index"]["mean"], found["oee_index"]["half_width"], 3),
            )
            for name, found in document["stations"].items()
        ],
    )
