"""What if: scenarios, experiments on common random numbers, and comparisons to act on."""

from scenarios.whatif.adaptation import adapt_state
from scenarios.whatif.comparison import Comparison, Kpi, Row, Verdict, compare
from scenarios.whatif.design import Total, Variable
from scenarios.whatif.differences import Difference
from scenarios.whatif.experiment import Experiment, ExperimentCancelledError
from scenarios.whatif.files import load_scenarios, save_scenarios, scenarios_from_text
from scenarios.whatif.optimising import Optimised, optimise_design
from scenarios.whatif.replaying import Replay, replay_experiment
from scenarios.whatif.running import Interim, run_experiment, stream_experiment
from scenarios.whatif.scenario import BASE, Scenario, ScenarioError, resolve
from scenarios.whatif.selection import Selection, select_best
from scenarios.whatif.sensitivity import sensitivities
from scenarios.whatif.until import Until
from twin.kpi.results import load_results, save_results

__all__ = [
    "BASE",
    "Comparison",
    "Difference",
    "Experiment",
    "ExperimentCancelledError",
    "Interim",
    "Kpi",
    "Optimised",
    "Replay",
    "Row",
    "Scenario",
    "ScenarioError",
    "Selection",
    "Total",
    "Until",
    "Variable",
    "Verdict",
    "adapt_state",
    "compare",
    "load_results",
    "load_scenarios",
    "optimise_design",
    "replay_experiment",
    "resolve",
    "run_experiment",
    "save_results",
    "save_scenarios",
    "scenarios_from_text",
    "select_best",
    "sensitivities",
    "stream_experiment",
]
