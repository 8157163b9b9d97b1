"""The engine that a person reads first: SimPy processes under the two-phase rule."""

from twin.engine.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
