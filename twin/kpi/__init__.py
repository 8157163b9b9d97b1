"""How well the line does: key figures of a log, and what a sample of them says."""

from twin.kpi.measures import summarise
from twin.kpi.output_analysis import (
    Interval,
    mean_interval,
    proportion_interval,
    throughput_series,
)

__all__ = ["Interval", "mean_interval", "proportion_interval", "summarise", "throughput_series"]
