"""Selection of the best: the promise it makes, what it costs, and what it refuses."""

from collections.abc import Sequence

import numpy as np
import pytest

from scenarios.whatif import Experiment, Scenario
from scenarios.whatif.selection import Draw, Floats, pick_best, select_best
from twin.engine.options import SimulationOptions
from twin.errors import InvalidInputError, UnknownNameError
from twin.line import Exponential, serial_line

LEAST_FAVOURABLE = (0.0, 0.0, 0.0, 0.0, 0.5)
"""Means of which the best leads by exactly delta, where the procedure is most often wrong."""


def normals(means: Sequence[float], seed: int, common: float) -> Draw:
    """Return normal observations of spread 1 with correlation ``common`` within a replication."""

    def draw(which: Sequence[int], first: int, count: int) -> Floats:
        rows = []
        for k in range(first, first + count):
            shocks = np.random.default_rng((seed, k)).standard_normal(len(means) + 1)
            rows.append(np.sqrt(common) * shocks[-1] + np.sqrt(1 - common) * shocks[:-1])
        found: Floats = (np.array(rows).T + np.array(means)[:, None])[list(which)]
        return found

    return draw


def share_right(common: float, repetitions: int) -> float:
    """Return how often the best of the least favourable means is named."""
    best = len(LEAST_FAVOURABLE) - 1
    right = [
        pick_best(normals(LEAST_FAVOURABLE, seed, common), best + 1, 0.5, 0.9, first=10).best
        == best
        for seed in range(repetitions)
    ]
    return float(np.mean(right))


@pytest.mark.parametrize("common", [0.0, 0.8])
def test_best_is_named_as_often_as_promised(common: float) -> None:
    """In the least favourable case the best is named at least as often as stated (3 sigma)."""
    assert share_right(common, 100) >= 0.9 - 3 * np.sqrt(0.9 * 0.1 / 100)


@pytest.mark.proof
@pytest.mark.parametrize("common", [0.0, 0.5, 0.9])
def test_promise_holds_over_a_thousand_repetitions(common: float) -> None:
    """The share of right answers is not below the promise by more than chance allows."""
    assert share_right(common, 1000) >= 0.9 - 1.65 * np.sqrt(0.9 * 0.1 / 1000)


def test_common_random_numbers_save_replications() -> None:
    """Alternatives that share their luck are told apart with fewer runs."""
    spent = [
        sum(
            sum(pick_best(normals(LEAST_FAVOURABLE, seed, common), 5, 0.5, first=10).replications)
            for seed in range(10)
        )
        for common in (0.0, 0.9)
    ]
    assert spent[1] < spent[0] / 2


def test_clear_losers_are_given_up_at_the_first_look() -> None:
    """What is far behind is not run again."""
    found = pick_best(normals((9.0, 0.0, 8.9), 1, 0.0), 3, 0.2, first=10)
    assert found.replications[1] == 10
    assert found.replications[0] > 10


def test_equal_alternatives_come_to_an_end() -> None:
    """Where nothing differs, one is named after the replications that delta takes."""
    found = pick_best(normals((1.0, 1.0), 3, 0.0), 2, 0.5)
    assert len(found.survivors) == 1


def test_too_few_replications_are_told() -> None:
    """With too few runs the answer says so and names those that may be best."""
    found = pick_best(normals((0.0, 0.01), 5, 0.0), 2, 0.01, most=40)
    assert found.survivors == (0, 1)


def experiment() -> Experiment:
    """Return two stations with three sizes of the buffer between them."""
    return Experiment(
        line=serial_line([Exponential(mean_s=1.0), Exponential(mean_s=1.0)], [1]),
        scenarios=tuple(
            Scenario(name=f"room{n}", changes={"buffers.b1.capacity": n}) for n in (2, 6)
        ),
        options=SimulationOptions(horizon_s=400.0, warm_up_s=50.0, seed=2),
    )


def test_scenarios_of_an_experiment_are_selected_from() -> None:
    """The largest buffer between equal stations brings most; threads change nothing."""
    alone = select_best(experiment(), delta=0.02, first=8)
    assert alone.best == "room6"
    assert alone.decided
    assert alone == select_best(experiment(), delta=0.02, first=8, workers=2)


def test_less_may_be_better() -> None:
    """Of parts in the line, fewer are better: the smallest buffer is named."""
    assert select_best(experiment(), "wip_mean", 0.3, first=8).best == "base"


def test_wrong_questions_are_refused() -> None:
    """A figure without direction and a delta of zero are told in words."""
    with pytest.raises(UnknownNameError, match="good direction"):
        select_best(experiment(), "colour", 1.0)
    with pytest.raises(InvalidInputError, match="delta must be above zero"):
        select_best(experiment())
