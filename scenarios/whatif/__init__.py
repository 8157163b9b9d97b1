"""What if: scenarios, experiments on common random numbers, and comparisons to act on."""

from scenarios.whatif.adaptation import adapt_state
from scenarios.whatif.comparison import Comparison, Kpi, Row, Verdict, compare
from scenarios.whatif.differences import Difference
from scenarios.whatif.experiment import Experiment, ExperimentCancelledError, run_experiment
from scenarios.whatif.files import load_scenarios, save_scenarios, scenarios_from_text
from scenarios.whatif.results import load_results, save_results
from scenarios.whatif.scenario import BASE, Scenario, ScenarioError, resolve

__all__ = [
    "BASE",
    "Comparison",
    "Difference",
    "Experiment",
    "ExperimentCancelledError",
    "Kpi",
    "Row",
    "Scenario",
    "ScenarioError",
    "Verdict",
    "adapt_state",
    "compare",
    "load_results",
    "load_scenarios",
    "resolve",
    "run_experiment",
    "save_results",
    "save_scenarios",
    "scenarios_from_text",
]
