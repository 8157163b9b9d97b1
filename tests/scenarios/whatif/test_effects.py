"""What each supposition does to a line, in sign and size, where it can be worked out by hand.

One press takes exactly 10 s a part and needs its operator. Each supposition is written once and
comes in as YAML, in a workbook and as the page sends it.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from openpyxl import load_workbook

from scenarios.whatif import Experiment, Scenario, run_experiment
from scenarios.whatif.files import load_scenarios, scenarios_from_text
from scenarios.whatif.workbook import EVENT_FIELDS, write_template
from twin.engine.options import SimulationOptions
from twin.line import Line, line_from_document

HORIZON_S = 3600.0
PARTS = 359
"""Parts of a press in an hour, in the base: what ends exactly at the end does not count."""


def press(**source: Any) -> Line:
    """Return a press that takes 10 s a part, with one operator from a crew of one."""
    return line_from_document(
        {
            "id": "press",
            "start": "2026-01-05T06:00:00",
            "sources": [{"id": "steel", "products": {"plate": 1.0}, **source}],
            "crews": [{"id": "people", "size": 1}],
            "stations": [{"id": "press", "needs": [{"crew": "people"}]}],
            "products": [
                {
                    "id": name,
                    "routing": [{"id": "op", "stations": ["press"], "processing_time_s": 10}],
                }
                for name in ("plate", "rare")
            ],
            **(
                {
                    "orders": [
                        {"id": "first", "product": "plate", "quantity": 100, "due_date_s": 1000},
                        {"id": "second", "product": "plate", "quantity": 200, "due_date_s": 3000},
                    ]
                }
                if source.get("arrivals") == "orders"
                else {}
            ),
        }
    )


def read(way: str, line: Line, folder: Path, **event: Any) -> Scenario:
    """Return a scenario of one event, as it comes in one of three ways."""
    document = {"one": {"events": [event]}}
    if way == "yaml":
        return scenarios_from_text(yaml.safe_dump({"scenarios": document}), line)[0]
    if way == "page":
        return Scenario(**json.loads(json.dumps({"name": "one", **document["one"]})))
    book = folder / "one.xlsx"
    write_template(line, book)
    filled = load_workbook(book)
    names = [name for name, _ in EVENT_FIELDS]
    filled["events"].append(["one", event["kind"], *(event.get(name) for name in names)])
    filled.save(book)
    return load_scenarios(book, line)[0]


def made(line: Line, scenario: Scenario) -> tuple[float, float]:
    """Return the good parts of an hour without and with what is supposed."""
    options = SimulationOptions(horizon_s=HORIZON_S, seed=1)
    asked = Experiment(line=line, scenarios=(scenario,), options=options, replications=1)
    found = run_experiment(asked)["finished"].isel(replication=0)
    return float(found.sel(scenario="base")), float(found.sel(scenario="one"))


@pytest.mark.parametrize("way", ["yaml", "workbook", "page"])
@pytest.mark.parametrize(
    ("event", "lost"),
    [
        # Half an hour of 10 s each.
        ({"kind": "breakdown", "station": "press", "after_s": "10min", "duration_s": "30min"}, 180),
        # Half an hour at two thirds of the pace: 180 parts become 120.
        ({"kind": "slowdown", "station": "press", "duration_s": 1800, "factor": 1.5}, 60),
        # Who is away ends the part first; nobody else can.
        ({"kind": "operator_absent", "crew": "people", "after_s": 600, "duration_s": 600}, 60),
        # The press has what came before; then nothing comes for 20 minutes.
        ({"kind": "material_late", "source": "steel", "after_s": 0, "duration_s": "20min"}, 120),
    ],
)  # fmt: skip
def test_what_takes_time_costs_that_time(
    way: str, event: dict[str, Any], lost: int, tmp_path: Path
) -> None:
    """Parts that are missing are those of the time that is."""
    line = press()
    base, one = made(line, read(way, line, tmp_path, **event))
    assert base == PARTS
    assert base - one == pytest.approx(lost, abs=1)


@pytest.mark.parametrize("way", ["yaml", "workbook", "page"])
def test_a_drift_costs_what_its_steps_do(way: str, tmp_path: Path) -> None:
    """Cycles grow evenly to 1.5 within the hour: the mean pace is ln(1.5) / 0.5 of what it was."""
    line = press()
    event = {"kind": "drift", "station": "press", "duration_s": "1h", "factor": 1.5}
    _, one = made(line, read(way, line, tmp_path, **event))
    assert one == pytest.approx(360 * 0.8109, abs=4)


@pytest.mark.parametrize("way", ["yaml", "workbook", "page"])
def test_more_demand_is_more_parts_up_to_what_the_press_can(way: str, tmp_path: Path) -> None:
    """A part each 20 s is 180 an hour; 15 % more are 207, and three times as many are too many."""
    line = press(
        arrivals="interarrival",
        interarrival_s={"kind": "constant", "value_s": 20.0},
    )
    base, more = made(line, read(way, line, tmp_path, kind="demand", factor=1.15))
    _, most = made(line, read(way, line, tmp_path, kind="demand", factor=3.0))
    assert base == pytest.approx(180, abs=1)
    assert more == pytest.approx(207, abs=1)
    assert most == pytest.approx(PARTS, abs=2)


@pytest.mark.parametrize("way", ["yaml", "workbook", "page"])
def test_a_rush_order_goes_next_and_delays_what_follows(way: str, tmp_path: Path) -> None:
    """It comes in the first order, is made after that, and the second is later by its parts."""
    line = press(arrivals="orders", products={})
    event = {"kind": "rush_order", "product": "rare", "quantity": 40, "after_s": "10min",
             "due_in_s": "1h", "id": "now"}  # fmt: skip
    scenario = read(way, line, tmp_path, **event)
    options = SimulationOptions(horizon_s=HORIZON_S, seed=1)
    asked = Experiment(line=line, scenarios=(scenario,), options=options, replications=1)
    done = run_experiment(asked)["order_completion_s"].isel(replication=0)
    moments = {
        name: [float(done.sel(scenario=name, order=order)) for order in ("first", "second")]
        for name in ("base", "one")
    }
    assert moments == {"base": [1000.0, 3000.0], "one": [1000.0, 3400.0]}
    assert float(done.sel(scenario="one", order="now")) == 1400.0
