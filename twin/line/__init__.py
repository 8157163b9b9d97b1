"""What the line is: stations, buffers, products, failures, calendars and orders, as data."""

from twin.line.calendars import Calendar, Period, Shift
from twin.line.control import CardLoop
from twin.line.distributions import (
    AnyDistribution,
    Beta,
    Constant,
    Discrete,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Normal,
    Triangular,
    Uniform,
    Weibull,
    scaled,
)
from twin.line.energy import Energy, Power
from twin.line.files import (
    example_line,
    example_names,
    line_from_document,
    line_from_text,
    line_schema,
    load_line,
    save_line,
)
from twin.line.line import Line, serial_line
from twin.line.orders import JobOrder
from twin.line.products import Operation, Product, Rework
from twin.line.reliability import Failure, Maintenance, Mode
from twin.line.stations import Batch, Buffer, Setup, Signal, Sink, Source, Station
from twin.line.vehicles import Move, Vehicles
from twin.line.wear import Wear, WearLevel
from twin.line.workforce import Crew, Need, Phase

__all__ = [
    "AnyDistribution",
    "Batch",
    "Beta",
    "Buffer",
    "Calendar",
    "CardLoop",
    "Constant",
    "Crew",
    "Discrete",
    "Distribution",
    "Empirical",
    "Energy",
    "Erlang",
    "Exponential",
    "Failure",
    "Gamma",
    "JobOrder",
    "Line",
    "Lognormal",
    "Maintenance",
    "Mode",
    "Move",
    "Need",
    "Normal",
    "Operation",
    "Period",
    "Phase",
    "Power",
    "Product",
    "Rework",
    "Setup",
    "Shift",
    "Signal",
    "Sink",
    "Source",
    "Station",
    "Triangular",
    "Uniform",
    "Vehicles",
    "Wear",
    "WearLevel",
    "Weibull",
    "example_line",
    "example_names",
    "line_from_document",
    "line_from_text",
    "line_schema",
    "load_line",
    "save_line",
    "scaled",
    "serial_line",
]
