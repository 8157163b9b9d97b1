"""What the line could and should do.

Everything public is here and loads on first use, so that asking for one wing does not pay for the
others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenarios.forecast import Forecast, Forecaster, backtest, fault_risks, throughput_fan
    from scenarios.schedule import (
        Schedule,
        SchedulingProblem,
        replay,
        solve,
        violations,
    )
    from scenarios.synthetic import generate_dataset, read_dataset, write_dataset
    from scenarios.whatif import (
        Comparison,
        Experiment,
        Scenario,
        Total,
        Variable,
        compare,
        load_results,
        load_scenarios,
        optimise_design,
        run_experiment,
        save_results,
        save_scenarios,
        select_best,
        sensitivities,
    )
    from twin.engine.options import Fault

__all__ = [
    "Comparison",
    "Experiment",
    "Fault",
    "Forecast",
    "Forecaster",
    "Scenario",
    "Schedule",
    "SchedulingProblem",
    "Total",
    "Variable",
    "backtest",
    "compare",
    "fault_risks",
    "generate_dataset",
    "load_results",
    "load_scenarios",
    "optimise_design",
    "read_dataset",
    "replay",
    "run_experiment",
    "save_results",
    "save_scenarios",
    "select_best",
    "sensitivities",
    "solve",
    "throughput_fan",
    "violations",
    "write_dataset",
]

_HOMES = {
    "Comparison": "scenarios.whatif",
    "Experiment": "scenarios.whatif",
    "Fault": "twin.engine.options",
    "Forecast": "scenarios.forecast",
    "Forecaster": "scenarios.forecast",
    "Scenario": "scenarios.whatif",
    "Schedule": "scenarios.schedule",
    "SchedulingProblem": "scenarios.schedule",
    "Total": "scenarios.whatif",
    "Variable": "scenarios.whatif",
    "backtest": "scenarios.forecast",
    "compare": "scenarios.whatif",
    "fault_risks": "scenarios.forecast",
    "generate_dataset": "scenarios.synthetic",
    "load_results": "scenarios.whatif",
    "load_scenarios": "scenarios.whatif",
    "optimise_design": "scenarios.whatif",
    "read_dataset": "scenarios.synthetic",
    "replay": "scenarios.schedule",
    "run_experiment": "scenarios.whatif",
    "save_results": "scenarios.whatif",
    "save_scenarios": "scenarios.whatif",
    "select_best": "scenarios.whatif",
    "sensitivities": "scenarios.whatif",
    "solve": "scenarios.schedule",
    "throughput_fan": "scenarios.forecast",
    "violations": "scenarios.schedule",
    "write_dataset": "scenarios.synthetic",
}


def __getattr__(name: str) -> Any:
    """Return a public name, loading the wing it lives in."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
