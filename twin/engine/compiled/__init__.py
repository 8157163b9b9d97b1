"""The engine that a planner never waits for: the same sample path from flat tables."""

from twin.engine.compiled.engine import CompiledEngine

__all__ = ["CompiledEngine"]
