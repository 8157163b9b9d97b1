"""Which part goes first, and which station it goes to."""

from typing import Any

import pytest

from tests.engine.test_semantics import cell, product, told
from twin import SimulationOptions, fold, simulate
from twin.engine.dispatch import RULES
from twin.errors import LineError
from twin.events import EventLog, Kind
from twin.line import Line
from twin.line.rules import DISPATCH_RULES

# Name, time here and afterwards, release, due date, priority.
JOBS = {
    "long": ((20, 1), 1, 60, 1),
    "short": ((5, 4), 2, 90, 2),
    "heavy": ((9, 40), 3, 70, 3),
}
FIRST = {
    "fifo": "long",
    "lifo": "heavy",
    "longest_waiting": "long",
    "oldest": "long",
    "spt": "short",
    "lpt": "long",
    "edd": "long",
    # 1 + 59 * 20/21, 2 + 88 * 5/9, 3 + 67 * 9/49: about 57.2, 50.9, 15.3.
    "operation_due_date": "heavy",
    "earliest_release": "long",
    # At 10: 60 - 10 - 21, 90 - 10 - 9, 70 - 10 - 49.
    "slack": "heavy",
    "critical_ratio": "heavy",
    # 1/20, 2/5 and 3/9 by weight and time; only the last is close to being late.
    "atc": "heavy",
    "most_work": "heavy",
    "least_work": "short",
    "least_setup": "short",
    "priority": "heavy",
    "plan": "short",
}


def shop(rule: Any) -> Line:
    """Return a station that is busy until 10 while three parts come to wait for it."""
    orders = [{"id": "o0", "product": "start", "quantity": 1, "priority": 9}]
    for k, (name, (_, release_s, due_s, priority)) in enumerate(JOBS.items()):
        orders.append(
            {
                "id": f"o{k + 1}",
                "product": name,
                "quantity": 1,
                "release_s": release_s,
                "due_date_s": due_s,
                "priority": priority,
            }
        )
    setup = {"initial_group": "start", "matrix_s": {"start": {"long": 3, "heavy": 2}}}
    return cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[
            {"id": "a", "input_buffer": "q", "dispatch_rule": rule, "setup": setup},
            {"id": "z", "servers": 9},
        ],
        buffers=[{"id": "q", "capacity": 9}],
        products=[
            product("start", ("a", 10)),
            *(product(name, ("a", a), ("z", z)) for name, ((a, z), *_) in JOBS.items()),
        ],
        orders=orders,
    )


def order_of_work(log: EventLog, element: str = "a") -> list[str]:
    """Return the products that were processed at a station, one after the other."""
    frame = log.frame()
    rows = frame[frame["kind"] == "part_created"]
    made = dict(zip(rows["part"], rows["detail"], strict=True))
    parts = [part for _, _, part in told(log, Kind.PROCESSING_STARTED, element=element)]
    return [log.names.products[int(made[part])] for part in parts]


def run(line: Line, horizon_s: float = 100.0, **options: Any) -> EventLog:
    """Return the events of a run on the engine that serves the line."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, **options))


@pytest.mark.parametrize("rule", FIRST)
def test_rule_says_which_of_three_goes_first(rule: str) -> None:
    """Three parts wait when the station becomes free; the rule says which it takes."""
    plan = {"sequence": {"a": ["o2"]}} if rule == "plan" else None
    assert order_of_work(run(shop(rule), plan=plan))[1] == FIRST[rule]


def test_list_of_rules_decides_equals_by_the_next() -> None:
    """All have as many operations left, so the second rule decides."""
    assert order_of_work(run(shop(["most_operations", "spt"])))[1] == "short"
    assert order_of_work(run(shop(["least_operations", "lpt"])))[1] == "long"


def test_file_and_engine_know_the_same_rules() -> None:
    """Each name that a file may use is a rule, and the other way round."""
    assert set(DISPATCH_RULES) == set(RULES)


def parallel(choice: str, **more: Any) -> Line:
    """Return parts that come every 2 s to a slow and a quick station with queues of their own."""
    step = {
        "id": "work",
        "stations": ["slow", "quick"],
        "choice": choice,
        "processing_time_s": 1,
        "processing_time_by_station_s": {"slow": 50},
        **more,
    }
    return cell(
        sources=[{"id": "in", "arrivals": "interarrival", "interarrival_s": 2}],
        stations=[{"id": "slow", "input_buffer": "q1"}, {"id": "quick", "input_buffer": "q2"}],
        buffers=[{"id": "q1"}, {"id": "q2"}],
        products=[{"id": "p", "routing": [step]}],
    )


def went(log: EventLog) -> list[str]:
    """Return the buffers that parts entered, one after the other."""
    frame = log.frame()
    return [str(name) for name in frame[frame["kind"] == "buffer_entered"]["element"]]


def test_preference_takes_the_first_with_room() -> None:
    """A queue without limit always has room, so all go to the first."""
    assert set(went(run(parallel("preference")))) == {"q1"}


def test_shortest_queue_counts_who_is_served_too() -> None:
    """The first goes by preference; then the slow station is never the emptier one until it is."""
    assert went(run(parallel("shortest_queue"), 20.0)) == ["q1"] + ["q2"] * 8


def test_round_robin_takes_turns() -> None:
    """Each queue has every second part, however long it is."""
    assert went(run(parallel("round_robin"), 20.0)) == ["q1", "q2"] * 4 + ["q1"]


def test_round_robin_goes_on_from_a_state() -> None:
    """Whose turn it is belongs to the state, of the engine and of the log alike."""
    line = parallel("round_robin")
    log = run(line, 7.0)
    state = fold(log, line)
    assert state.turns == {"p/work": 3}
    after = simulate(line, SimulationOptions(horizon_s=13.0, engine="reference"), state)
    assert went(after)[0] == "q2"


def test_probability_draws_by_weight_and_keeps_its_draws() -> None:
    """Weights decide how many go where; which part goes where does not change with other things."""
    line = parallel("probability", weights={"slow": 1, "quick": 3})
    found = went(run(line, 4000.0, seed=5))
    assert 0.70 < found.count("q2") / len(found) < 0.80
    slower = line.changed({"products.p.routing.work.processing_time_s": 1.5})
    assert went(run(slower, 4000.0, seed=5)) == found


@pytest.mark.parametrize(
    ("more", "told_"),
    [
        ({"choice": "probability"}, "weights"),
        ({"choice": "round_robin", "weights": {"slow": 1}}, "weights go with choice"),
        ({"choice": "probability", "weights": {"slow": 1}}, r"weights\.quick"),
        ({"choice": "probability", "weights": {"slow": 0, "quick": 0}}, "all zero"),
        ({"choice": "by_mood"}, "shortest_queue"),
    ],
)
def test_choice_that_makes_no_sense_is_refused(more: dict[str, Any], told_: str) -> None:
    """What is missing or too much is told with its path."""
    with pytest.raises(LineError, match=told_):
        parallel(more.pop("choice"), **more)


def test_choice_without_entrances_of_their_own_is_refused() -> None:
    """Stations that share a buffer leave nothing to choose."""
    line = parallel("preference")
    stations = [station.model_copy(update={"input_buffer": "q1"}) for station in line.stations]
    changes = {"stations": stations, "products.p.routing.work.choice": "shortest_queue"}
    with pytest.raises(LineError, match=r"2 stations take from 'q1'"):
        line.changed(changes)
