"""What a scenario costs, and what it takes in energy and carbon.

A cost model is data, so that the same runs can be priced again with another one: in baht, in euro,
with next year's tariff. Each run is priced by itself, so costs have intervals and verdicts as every
other figure has.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field, StringConstraints, ValidationError

from scenarios.whatif.differences import numbers_changed
from scenarios.whatif.experiment import Experiment
from scenarios.whatif.scenario import resolve
from twin.errors import Finding, InvalidInputError
from twin.line import Line
from twin.line.files import located
from twin.line.reading import read_yaml
from twin.line.spec import Id, Spec, worded

HOUR_S = 3600.0
Amount = Annotated[float, Field(ge=0)]
Power = dict[Id, Amount]
"""kW by status: processing, setup, blocked, starved, failed, off."""


class Investment(Spec):
    """What a change costs once, and for how long that is used."""

    path: str = Field(min_length=1)
    """Path of the change; ``*`` stands for any text, as in ``buffers.*.capacity``."""
    amount: Amount
    """Cost, in the model's currency."""
    per_unit: bool = False
    """Whether ``amount`` is for each one more, such as each place of a buffer."""
    use_h: float = Field(default=20_000.0, gt=0)
    """Hours of operation over which it is written off."""


class CostModel(Spec):
    """Prices. What is not given costs nothing."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    """ISO 4217 code, such as THB or EUR; all amounts are in it."""
    machine_hour: Amount = 0.0
    """Per hour that a server of a station is on, whatever it does."""
    machine_hour_by_station: dict[Id, Amount] = Field(default_factory=dict)
    """Stations with another rate."""
    operator_hour: Amount = 0.0
    """Per hour of one operator."""
    operators: dict[Id, Amount] = Field(default_factory=dict)
    """Operators at each server of a station, while it is on; shares are possible."""
    energy_kwh: Amount = 0.0
    """Price of a kWh."""
    power_kw: Power = Field(default_factory=dict)
    """Power of each server by status, kW; statuses left out take none."""
    power_kw_by_station: dict[Id, Power] = Field(default_factory=dict)
    """Stations with other power."""
    carbon_kg_per_kwh: Amount = 0.0
    """Carbon dioxide of a kWh, kg."""
    material: Amount = 0.0
    """Material of one part, good or scrapped."""
    material_by_product: dict[Id, Amount] = Field(default_factory=dict)
    """Products with other material."""
    holding_part_hour: Amount = 0.0
    """Per part in the line and hour."""
    lateness_order_hour: Amount = 0.0
    """Per hour that an order is late."""
    price: Amount = 0.0
    """What a good part brings; 0: no profit is worked out."""
    price_by_product: dict[Id, Amount] = Field(default_factory=dict)
    """Products with another price."""
    investments: tuple[Investment, ...] = ()
    """What changes cost; written off by the hour."""

    def __init__(self, **data: Any) -> None:
        """Read and check the model; keywords are the fields."""
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item, kind=CostModel) for item in error.errors()]
            raise InvalidInputError("the cost model", findings) from error


def load_costs(path: str | Path, line: Line | None = None) -> CostModel:
    """Read a cost model from a YAML file, or one that ships with the twin: ``thb``, ``eur``.

    Parameters
    ----------
    path : str or Path
        The file, or the name.
    line : Line, optional
        Line whose stations and products it must name.

    Raises
    ------
    InvalidInputError
        With all findings, each with its line in the file.
    """
    library = resources.files("scenarios.whatif.library")
    shipped = library.joinpath(f"costs_{path}.yaml")
    title = f"the cost model {path}"
    try:
        text = (
            shipped.read_text(encoding="utf-8")
            if shipped.is_file() and not Path(path).exists()
            else Path(path).read_text(encoding="utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        finding = Finding(
            "", f"cannot be read: {reason}", "a YAML file, thb or eur", file=str(path)
        )
        raise InvalidInputError(title, [finding]) from error
    document, rows, findings = read_yaml(text)
    model: CostModel | None = None
    if not findings and not isinstance(document, dict):
        findings = [Finding("", "no mapping of keys to values", "keys such as currency")]
    if not findings:
        try:
            model = CostModel(**document)
        except InvalidInputError as error:
            findings = list(error.findings)
    if model is not None and line is not None and not shipped.is_file():
        findings = unknown_names(model, line)
    if findings or model is None:
        raise InvalidInputError(title, [located(f, str(path), rows) for f in findings])
    return model


def unknown_names(model: CostModel, line: Line) -> list[Finding]:
    """Return a finding for each station or product of a model that a line does not have."""
    stations = [station.id for station in line.stations]
    products = [product.id for product in line.products]
    return [
        Finding(f"{field}.{name}", f"unknown {what} {name!r}", f"one of: {', '.join(known)}")
        for field, what, known in (
            ("machine_hour_by_station", "station", stations),
            ("operators", "station", stations),
            ("power_kw_by_station", "station", stations),
            ("material_by_product", "product", products),
            ("price_by_product", "product", products),
        )
        for name in getattr(model, field)
        if name not in known
    ]


def priced(results: xr.Dataset, model: CostModel) -> xr.Dataset:
    """Return results with costs, energy and carbon of every run beside the other figures.

    Parameters
    ----------
    results : xarray.Dataset
        From ``run_experiment``.
    model : CostModel
        Prices. Stations and products that a scenario does not have cost nothing there.

    Returns
    -------
    xarray.Dataset
        The same with ``cost`` by ``cost_kind`` (machines, operators, energy, material, holding,
        lateness, investment), ``cost_total``, ``cost_per_part`` (per good part; NaN without one),
        ``energy_kwh``, ``carbon_kg`` and, where there is a price, ``profit``; dims ``scenario`` and
        ``replication``. Energy that the line itself accounts for is taken as it is.
    """
    hours = results["observed_s"] / HOUR_S
    by_status_h = results["status_time_s"].fillna(0.0) / HOUR_S
    on_h = by_status_h.sum("status") - by_status_h.sel(status="off", drop=True)
    energy = results["energy_kwh"] if "energy_kwh" in results else _energy(by_status_h, model)
    made = results["finished_by_product"].fillna(0.0)
    per_part = _along(made, "product", model.material_by_product, model.material)
    good = results["finished"]
    average = ((made * per_part).sum("product") / good.where(good > 0)).fillna(model.material)
    kinds: dict[str, xr.DataArray] = {
        "machines": (
            on_h * _along(on_h, "station", model.machine_hour_by_station, model.machine_hour)
        ).sum("station"),
        "operators": (on_h * _along(on_h, "station", model.operators, 0.0)).sum("station")
        * model.operator_hour,
        "energy": energy * model.energy_kwh,
        "material": (made * per_part).sum("product") + results["scrapped"] * average,
        "holding": results["wip_mean"].fillna(0.0) * hours * model.holding_part_hour,
        "lateness": _lateness_h(results) * model.lateness_order_hour,
        "investment": _investment(results, model) * hours,
    }
    runs = ("scenario", "replication")
    table = np.stack([np.asarray(found.transpose(*runs)) for found in kinds.values()], axis=2)
    cost = xr.DataArray(
        table,
        dims=(*runs, "cost_kind"),
        coords={name: results[name] for name in runs} | {"cost_kind": np.array(list(kinds))},
    )
    total = cost.sum("cost_kind")
    added = {
        "cost": cost,
        "cost_total": total,
        "cost_per_part": total / good.where(good > 0),
    }
    if model.price or model.price_by_product:
        worth = _along(made, "product", model.price_by_product, model.price)
        added["profit"] = (made * worth).sum("product") - total
    money = {name: found.assign_attrs(unit=model.currency) for name, found in added.items()}
    return results.assign(
        {**money, "energy_kwh": energy, "carbon_kg": energy * model.carbon_kg_per_kwh}
    )


def _along(values: xr.DataArray, dim: str, given: dict[str, float], rest: float) -> xr.DataArray:
    """Return a number for each element, the one that is given for it or the rest's."""
    names = [str(name) for name in values[dim].values]
    return xr.DataArray([given.get(name, rest) for name in names], dims=dim)


def _energy(by_status_h: xr.DataArray, model: CostModel) -> xr.DataArray:
    statuses = [str(name) for name in by_status_h["status"].values]
    power = [
        [model.power_kw_by_station.get(str(name), model.power_kw).get(s, 0.0) for s in statuses]
        for name in by_status_h["station"].values
    ]
    drawn = xr.DataArray(np.array(power), dims=("station", "status"))
    return (by_status_h * drawn).sum(("station", "status"))


def _lateness_h(results: xr.Dataset) -> xr.DataArray:
    if results.sizes.get("order", 0) == 0:
        return xr.zeros_like(results["observed_s"])
    return results["order_tardiness_s"].fillna(0.0).sum("order") / HOUR_S


def _investment(results: xr.Dataset, model: CostModel) -> xr.DataArray:
    """Return what the changes of each scenario cost per hour."""
    names = [str(name) for name in results["scenario"].values]
    rates = dict.fromkeys(names, 0.0)
    if model.investments:
        experiment = Experiment.from_results(results)
        for scenario in resolve(experiment.scenarios):
            changed = numbers_changed(experiment.line, scenario.apply(experiment.line))
            rates[scenario.name] = sum(
                _rate(investment, *numbers)
                for investment in model.investments
                for path, numbers in changed.items()
                if fnmatchcase(path, investment.path)
            )
    return xr.DataArray([rates[name] for name in names], dims="scenario")


def _rate(investment: Investment, before: float | None, after: float | None) -> float:
    more = 1.0
    if investment.per_unit:
        more = max((after or 0.0) - (before or 0.0), 0.0)  # what is taken away earns nothing back
    return investment.amount * more / investment.use_h
