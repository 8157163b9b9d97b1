"""Which engine answers while the kernel is not there yet."""

import time

import pytest

from twin.engine import runs
from twin.engine.options import SimulationOptions
from twin.engine.runs import Kernel, choose_engine
from twin.line import example_line

COMPILES_S = 5.0


class SlowKernel(Kernel):
    """The kernel of a machine that has to compile it first."""

    def _load(self) -> None:
        time.sleep(COMPILES_S)
        super()._load()


@pytest.fixture(autouse=True)
def slow_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without a kernel."""
    monkeypatch.setattr(runs, "KERNEL", SlowKernel())
    monkeypatch.setattr(runs, "PATIENCE_S", 0.01)


@pytest.mark.parametrize(("count", "engine"), [(1, "reference"), (20_000, "compiled")])
def test_few_runs_do_not_wait_for_the_compilation_and_many_do(count: int, engine: str) -> None:
    """A question of a second is answered at once; one of an hour waits for what is quicker."""
    piece = (example_line("bottling"), SimulationOptions(horizon_s=600.0), None)
    assert choose_engine([piece], runs=count) == engine


def test_a_kernel_that_comes_meanwhile_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody tries the reference engine longer than it takes the kernel to come."""
    monkeypatch.setattr(runs, "TASTE_S", 60.0)
    piece = (example_line("bottling"), SimulationOptions(horizon_s=365 * 86400.0), None)
    assert choose_engine([piece]) == "compiled"
