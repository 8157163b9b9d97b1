"""How well the line does: key figures of a log, and what a sample of them says."""

from twin.kpi.bottleneck import bottlenecks
from twin.kpi.losses import Loss, loss_tree
from twin.kpi.measures import summarise
from twin.kpi.order_energy import order_energy
from twin.kpi.output_analysis import (
    Interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
    throughput_series,
)
from twin.kpi.steady_state import BatchMeans, WarmUp, batch_means_interval, warm_up_of

__all__ = [
    "BatchMeans",
    "Interval",
    "Loss",
    "WarmUp",
    "batch_means_interval",
    "bottlenecks",
    "loss_tree",
    "mean_interval",
    "order_energy",
    "proportion_interval",
    "quantile_interval",
    "summarise",
    "throughput_series",
    "warm_up_of",
]
