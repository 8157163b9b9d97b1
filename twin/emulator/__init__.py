"""A plant to try the twin on: a line that runs in scaled real time behind an OPC UA server.

Its true parameters differ from the twin's file by a stated ``RealityGap``. A ``Rehearsal`` says
what its server offers and refuses. For loopback only.
"""

from twin.emulator.faults import fault_from_text, inject_fault
from twin.emulator.gap import RealityGap, StationGap
from twin.emulator.plant import Plant, PlantError
from twin.emulator.rehearsal import Rehearsal, rehearsal_of
from twin.emulator.run import run_plant
from twin.emulator.space import NAMESPACE_URI
from twin.emulator.tracker import PACKML_NUMBER

__all__ = [
    "NAMESPACE_URI",
    "PACKML_NUMBER",
    "Plant",
    "PlantError",
    "RealityGap",
    "Rehearsal",
    "StationGap",
    "fault_from_text",
    "inject_fault",
    "rehearsal_of",
    "run_plant",
]
