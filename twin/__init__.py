"""What the line is, was and does.

The names below are the public ones; each is loaded when it is first used, so that importing the
package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.engine.options import DispatchPlan, Fault, SimulationOptions
    from twin.engine.precision import replicate_until
    from twin.engine.simulate import replicate, simulate
    from twin.errors import TwinError
    from twin.events.fold import fold
    from twin.events.log import EventLog
    from twin.events.state import LineState
    from twin.history.journal import SqliteStore
    from twin.kpi.measures import summarise
    from twin.kpi.results import load_results, save_results
    from twin.line.files import example_line, load_line, save_line
    from twin.line.line import Line, serial_line
    from twin.sync.mirror import Mirror
    from twin.sync.opcua import OpcUaConnector

_HOME = {
    "DispatchPlan": "twin.engine.options",
    "EventLog": "twin.events.log",
    "Fault": "twin.engine.options",
    "Line": "twin.line.line",
    "LineState": "twin.events.state",
    "Mirror": "twin.sync.mirror",
    "OpcUaConnector": "twin.sync.opcua",
    "SimulationOptions": "twin.engine.options",
    "SqliteStore": "twin.history.journal",
    "TwinError": "twin.errors",
    "example_line": "twin.line.files",
    "fold": "twin.events.fold",
    "load_line": "twin.line.files",
    "load_results": "twin.kpi.results",
    "replicate": "twin.engine.simulate",
    "replicate_until": "twin.engine.precision",
    "save_line": "twin.line.files",
    "save_results": "twin.kpi.results",
    "serial_line": "twin.line.line",
    "simulate": "twin.engine.simulate",
    "summarise": "twin.kpi.measures",
}

__all__ = [
    "DispatchPlan",
    "EventLog",
    "Fault",
    "Line",
    "LineState",
    "Mirror",
    "OpcUaConnector",
    "SimulationOptions",
    "SqliteStore",
    "TwinError",
    "example_line",
    "fold",
    "load_line",
    "load_results",
    "replicate",
    "replicate_until",
    "save_line",
    "save_results",
    "serial_line",
    "simulate",
    "summarise",
]
assert sorted(_HOME) == __all__


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'twin' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
