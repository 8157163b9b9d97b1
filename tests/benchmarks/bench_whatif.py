"""Speed of experiments: a planner's question, the cost of the layer, a cluster beside threads."""

from __future__ import annotations

import statistics
import time
from functools import cache
from typing import Any

from scenarios.whatif import Experiment, Scenario, run_experiment, stream_experiment
from scenarios.whatif.cluster import PATIENCE, QUIET
from tests.benchmarks.case import Case
from twin.engine.options import SimulationOptions
from twin.engine.runs import Runs
from twin.engine.simulate import simulate
from twin.events import LineState
from twin.events.fold import fold
from twin.line import example_line

SHIFT_S = 8 * 3600.0
SCENARIOS = 9
WORKERS = 2
TURNS = 3
"""Turns of each contender; the median counts."""
CLUSTER_TURNS = 2


@cache
def live() -> LineState:
    """Return the state of the bottling line four hours into a shift."""
    log = simulate(example_line("bottling"), SimulationOptions(horizon_s=SHIFT_S / 2, seed=3))
    return fold(log, example_line("bottling"))


def question(replications: int) -> Experiment:
    """Return ten scenarios of one shift of bottling from a live state, the base included."""
    return Experiment(
        line=example_line("bottling"),
        scenarios=tuple(
            Scenario(name=f"room{k}", changes={"buffers.filled.capacity": {"plus": 5 * k}})
            for k in range(1, SCENARIOS + 1)
        ),
        options=SimulationOptions(horizon_s=SHIFT_S, seed=1, engine="compiled"),
        replications=replications,
        state=live(),
    )


def cases() -> list[Case]:
    """Return what is timed."""
    return [
        Case("what-if, bottling, 10 scenarios x 1000 x 8 h, 2 threads", _whole, "runs", repeats=1),
        Case("what-if, bottling, until the first result", _first, "results", repeats=3),
    ]


def _whole() -> float:
    asked = question(1000)
    run_experiment(asked, workers=WORKERS)
    return float(asked.runs)


def _first() -> float:
    next(stream_experiment(question(1000), workers=WORKERS)).results.load()
    return 1.0


def report() -> dict[str, Any]:
    """Return ratios, taken turn by turn in one process, so that a busy machine slows both alike.

    The layer's cost is told in processor seconds, and so is what the planner's question takes on
    one core in all, which a busy machine lengthens least.
    """
    asked = question(100)
    bare, layer, threads, cluster = [], [], [], []
    run_experiment(question(2))
    for _ in range(TURNS):
        bare.append(_bare_s(asked))
        began_s = time.process_time()
        run_experiment(asked, executor="serial")
        layer.append(time.process_time() - began_s)
    long = question(600)  # a cluster's blocks are then of a second and more
    for _ in range(CLUSTER_TURNS):
        threads.append(_taken_s(long, "threads", WORKERS))
        cluster.append(_dask_s(long))
    return {
        "processor seconds of the whole question": statistics.median(layer) * 1000 / 100,
        "layer over bare engine": statistics.median(
            ours / theirs for ours, theirs in zip(layer, bare, strict=True)
        ),
        "dask over threads": statistics.median(
            ours / theirs for ours, theirs in zip(cluster, threads, strict=True)
        ),
    }


def _bare_s(asked: Experiment) -> float:
    """Return processor seconds of the same runs without any layer: the engine in a loop."""
    state = live().opened()
    began_s = time.process_time()
    for scenario in asked.scenarios:
        runs = Runs(scenario.apply(asked.line), asked.options, state)
        for replication in range(asked.replications):
            runs.figures(replication)
    return time.process_time() - began_s


def _taken_s(asked: Experiment, executor: str, workers: int) -> float:
    began_s = time.perf_counter()
    run_experiment(asked, workers, executor=executor)
    return time.perf_counter() - began_s


def _dask_s(asked: Experiment) -> float:
    """Return the time on a cluster that is there already, as a plant's would be."""
    import dask  # noqa: PLC0415 - heavy
    from distributed import LocalCluster  # noqa: PLC0415 - heavy

    with (
        dask.config.set(QUIET | {PATIENCE: "300 s"}),
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
        ) as cluster,
    ):
        run_experiment(question(2), executor=cluster.scheduler_address)  # its kernels are loaded
        return _taken_s(asked, cluster.scheduler_address, 1)
