"""What the line does: the same sample path from every engine."""

from twin.engine.options import DispatchPlan, Fault, SimulationOptions
from twin.engine.precision import replicate_until
from twin.engine.simulate import replicate, simulate

__all__ = ["DispatchPlan", "Fault", "SimulationOptions", "replicate", "replicate_until", "simulate"]
