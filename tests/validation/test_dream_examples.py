"""Lines with results that another program's authors froze in their tests (DREAM, later ManPy).

There a machine that is down neither takes nor gives: ``while_down: closed``. Its ratios are of the
whole run. What is compared is equal, counts to the part and times to the last digit given.
"""

from typing import Any

import numpy as np
import pytest

from twin import EventLog, LineState, SimulationOptions, fold, simulate, summarise
from twin.events.beginning import empty_state
from twin.events.kinds import Kind
from twin.events.state import Clock, PartState
from twin.line import Line, line_from_document

DAY_MIN = 1440.0
ENGINES = ["auto", "reference"]
SOONER = ["auto", pytest.param("reference", marks=pytest.mark.proof)]
"""Both engines; the reference engine where there is time."""

Spec = dict[str, Any]


def step(stations: str | list[str], time_s: float | str, **more: object) -> Spec:
    """Return an operation."""
    names = [stations] if isinstance(stations, str) else stations
    return {"id": names[0], "stations": names, "processing_time_s": time_s, **more}


def arriving(between_s: float, product: str = "part", name: str = "source") -> Spec:
    """Return a source whose first part comes at once."""
    return {
        "id": name,
        "arrivals": "interarrival",
        "interarrival_s": between_s,
        "first_s": 0,
        "products": {product: 1},
    }


def failing(after_s: float, repair_s: float, **more: object) -> Spec:
    """Return what a machine with one failure mode has that neither takes nor gives while down."""
    mode = {
        "id": "failure",
        "clock": "calendar",
        "time_to_failure_s": after_s,
        "time_to_repair_s": repair_s,
        **more,
    }
    return {"while_down": "closed", "failures": [mode]}


def ran(
    document: Spec, engine: str, horizon_s: float = DAY_MIN, state: LineState | None = None
) -> tuple[EventLog, Line]:
    """Return the events of a run."""
    line = line_from_document({"id": "published", **document})
    options = SimulationOptions(horizon_s=horizon_s, engine=engine)
    return simulate(line, options, state=state), line


def left(log: EventLog) -> int:
    """Return how many parts left the line."""
    return int(np.sum(log.kind == Kind.PART_FINISHED))


def share(log: EventLog, line: Line, station: str, status: str) -> float:
    """Return the share of the run that a station spent so, %."""
    found = summarise(log, line)["status_share"].sel(station=station, status=status)
    return 100 * float(found)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_machines_and_a_repairman(engine: str) -> None:
    """732 parts; the first machine blocked 78.17 %, the repairman at work 26.73 % of a day."""
    document = {
        "sources": [arriving(0.5)],
        "crews": [{"id": "repairman"}],
        "stations": [
            {"id": "m1", **failing(60, 5, crew="repairman")},
            {"id": "m2", "input_buffer": "queue", **failing(40, 10, crew="repairman")},
        ],
        "buffers": [{"id": "queue", "capacity": 1}],
        "products": [{"id": "part", "routing": [step("m1", 0.25), step("m2", 1.5)]}],
    }
    log, line = ran(document, engine)
    assert left(log) == 732
    assert 78.17 < share(log, line, "m1", "blocked") < 78.18
    assert 26.73 < 100 * float(summarise(log, line)["worker_efficiency"][0]) < 27.74


@pytest.mark.parametrize("engine", ENGINES)
def test_assembly_line(engine: str) -> None:
    """Four parts into each frame, then a machine that fails: 664 frames."""
    document = {
        "sources": [arriving(0.5, "part", "parts"), arriving(2, "frame", "frames")],
        "stations": [{"id": "assembly"}, {"id": "machine", **failing(60, 5)}],
        "buffers": [{"id": "stock"}],
        "products": [
            {"id": "part", "routing": [], "stock": "stock"},
            {
                "id": "frame",
                "routing": [step("assembly", 2, components={"part": 4}), step("machine", 0.25)],
            },
        ],
    }
    log, line = ran(document, engine)
    assert left(log) == 664
    assert 92.36 < share(log, line, "assembly", "processing") < 93.37


@pytest.mark.parametrize("engine", ENGINES)
def test_single_machine(engine: str) -> None:
    """2,880 parts; at work half of the time."""
    document = {
        "sources": [arriving(0.5)],
        "stations": [{"id": "m"}],
        "products": [{"id": "part", "routing": [step("m", 0.25)]}],
    }
    log, line = ran(document, engine)
    assert left(log) == 2880
    assert 49.99 < share(log, line, "m", "processing") < 50.01


@pytest.mark.parametrize("engine", ENGINES)
def test_the_second_machine_only_when_the_first_cannot(engine: str) -> None:
    """2,880 parts: 2,660 by the preferred machine, 220 by the other while that is down."""
    document = {
        "sources": [arriving(0.5)],
        "stations": [{"id": "m1", **failing(60, 5)}, {"id": "m2"}],
        "products": [{"id": "part", "routing": [step(["m1", "m2"], 0.25)]}],
    }
    log, line = ran(document, engine)
    assert left(log) == 2880
    assert summarise(log, line)["processed"].values.tolist() == [2660, 220]
    assert 46.18 < share(log, line, "m1", "processing") < 46.19
    assert 3.81 < share(log, line, "m2", "processing") < 3.82


@pytest.mark.parametrize("engine", SOONER)
def test_batches_are_decomposed(engine: str) -> None:
    """Batches become four sub-batches each: 2,302 leave."""
    document = {
        "sources": [arriving(0.5, "batch")],
        "stations": [{"id": "split", "input_buffer": "queue"}, {"id": "m"}],
        "buffers": [{"id": "queue", "capacity": 100_000}],
        "products": [
            {"id": "batch", "routing": [step("split", 1, makes={"sub": 4})]},
            {"id": "sub", "routing": [step("m", 0.5)]},
        ],
    }
    log, line = ran(document, engine)
    assert left(log) == 2302
    assert 79.96 < share(log, line, "m", "processing") < 79.97
    assert share(log, line, "m", "blocked") == 0.0
    assert 20.03 < share(log, line, "m", "starved") < 20.04


@pytest.mark.parametrize(
    ("second_s", "batches", "waiting"),
    [
        (1, 359, ((0.104, 0.105), (0.104, 0.105), (75.06, 75.07))),
        (4, 89, ((0.069, 0.07), (0.104, 0.105), (93.81, 93.82))),
    ],
)
@pytest.mark.parametrize("engine", SOONER)
def test_batches_are_split_and_put_together_again(
    engine: str, second_s: float, batches: int, waiting: tuple[tuple[float, float], ...]
) -> None:
    """Four sub-batches of a batch, two machines, one whole again, a third machine."""
    document = {
        "sources": [arriving(1.5, "batch")],
        "stations": [
            {"id": "split", "input_buffer": "queue"},
            {"id": "m1"},
            {"id": "m2", "input_buffer": "between"},
            {"id": "join", "input_buffer": "worked", "batch": BY_FOURS},
            {"id": "m3"},
        ],
        "buffers": [
            {"id": "queue"},
            {"id": "between", "capacity": 2},
            {"id": "worked", "capacity": 4},
        ],
        "products": [
            {"id": "batch", "routing": [step("split", 1, makes={"sub": 4})]},
            {
                "id": "sub",
                "routing": [
                    step("m1", 0.5),
                    step("m2", second_s),
                    step("join", 0, makes={"whole": 1}),
                ],
            },
            {"id": "whole", "routing": [step("m3", 1)]},
        ],
    }
    log, line = ran(document, engine)
    assert left(log) == batches
    for name, (low, high) in zip(("m1", "m2", "m3"), waiting, strict=True):
        assert low < share(log, line, name, "starved") < high


BY_FOURS = {"min": 4, "max": 4, "alike": "family"}


ROUTES = {
    "j1": (("m1", 1), ("m3", 3), ("m2", 2)),
    "j2": (("m1", 2), ("m2", 4), ("m3", 6)),
    "j3": (("m1", 10), ("m3", 3)),
}
DUE = {"j1": 100, "j2": 90, "j3": 110}
URGENT = {"j1": 1, "j2": 1, "j3": 2}
"""There 0 goes before 1; here the higher goes first."""


@pytest.mark.parametrize(
    ("rule", "began"),
    [
        ("edd", {"j1": (2, 3, 6, 8), "j2": (0, 2, 6, 12), "j3": (3, 13, 16)}),
        (
            ["priority", "edd"],
            {"j1": (12, 13, 16, 18), "j2": (10, 12, 16, 22), "j3": (0, 10, 13)},
        ),
        ("priority", {"j1": (10, 13, 17, 19), "j2": (11, 13, 17, 23), "j3": (0, 10, 13)}),
        ("most_work", {"j1": (12, 13, 16, 18), "j2": (10, 12, 16, 22), "j3": (0, 10, 13)}),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_job_shop_by_rules(
    engine: str, rule: str | list[str], began: dict[str, tuple[float, ...]]
) -> None:
    """Three jobs wait at the first machine; when each operation begins, and when each job is out.

    Most critical first is there by priority, then due date; RPC is the most work left.
    """
    names = ("m1", "m2", "m3")
    document = {
        "sources": [{"id": "jobs", "arrivals": "orders"}],
        "buffers": [{"id": f"q_{name}"} for name in names],
        "stations": [
            {
                "id": name,
                "input_buffer": f"q_{name}",
                "dispatch_rule": rule if name == "m1" else "fifo",
            }
            for name in names
        ],
        "products": [
            {"id": job, "routing": [step(name, time_s) for name, time_s in route]}
            for job, route in ROUTES.items()
        ],
        "orders": [
            {
                "id": job.upper(),
                "product": job,
                "quantity": 1,
                "due_date_s": DUE[job],
                "priority": URGENT[job],
            }
            for job in ROUTES
        ],
    }
    line = line_from_document({"id": "shop", **document})
    log = simulate(line, SimulationOptions(horizon_s=100, engine=engine), state=_waiting(line))
    found: dict[str, list[float]] = {job: [] for job in ROUTES}
    jobs = dict(enumerate(ROUTES))
    for kind, part, time_s in zip(log.kind, log.part, log.time_s, strict=True):
        if kind in (Kind.PROCESSING_STARTED, Kind.PART_FINISHED):
            found[jobs[int(part)]].append(float(time_s))
    assert {job: tuple(times) for job, times in found.items()} == began


def _waiting(line: Line) -> LineState:
    """Return the state in which all jobs wait at the first machine, in the order of their names."""
    empty = empty_state(line)
    parts = tuple(
        PartState(
            id=k, product=job, order=job.upper(), location="q_m1", created_s=0.0, entered_s=0.0
        )
        for k, job in enumerate(ROUTES)
    )
    orders = {
        name: order.model_copy(update={"released": True, "created": 1})
        for name, order in empty.orders.items()
    }
    sources = {
        name: source.model_copy(update={"created": len(parts)})
        for name, source in empty.sources.items()
    }
    return empty.model_copy(update={"parts": parts, "orders": orders, "sources": sources})


@pytest.mark.parametrize(
    ("policy", "shifts", "hours", "parts", "working"),
    [
        ("stop", [("00:00", "05:00"), ("10:00", "15:00")], 20, 3, 50.0),
        ("finish", [("00:00", "05:00"), ("10:00", "15:00")], 20, 4, 60.0),
        # Nothing begun in the last three hours: the shift ends so much earlier.
        ("finish", [("00:00", "02:00"), ("10:00", "12:00")], 20, 2, 30.0),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_machine_with_shifts(
    engine: str,
    policy: str,
    shifts: list[tuple[str, str]],
    hours: float,
    parts: int,
    working: float,
) -> None:
    """Five hours on, five off; three hours a part."""
    document = {
        "start": "2026-01-05T00:00:00",
        "sources": [{"id": "source"}],
        "stations": [{"id": "m", "calendar": "day", "at_shift_end": policy}],
        "calendars": [{"id": "day", "shifts": [{"start": a, "end": b} for a, b in shifts]}],
        "products": [{"id": "part", "routing": [step("m", "3h")]}],
    }
    log, line = ran(document, engine, hours * 3600.0)
    assert left(log) == parts
    assert share(log, line, "m", "processing") == pytest.approx(working)


@pytest.mark.parametrize(
    ("waits", "inside_left_s", "last_s"),
    [(1, None, 0.25), (2, None, 0.5), (1, 0.1, 0.35)],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_start_with_parts_in_the_line(
    engine: str, waits: int, inside_left_s: float | None, last_s: float
) -> None:
    """Parts wait in the queue; one may be in the machine with so much of its time left."""
    document = {
        "id": "wip",
        "sources": [{"id": "source", "arrivals": "orders"}],
        "buffers": [{"id": "queue"}],
        "stations": [{"id": "m", "input_buffer": "queue"}],
        "products": [{"id": "part", "routing": [step("m", 0.25)]}],
    }
    line = line_from_document(document)
    parts = [
        PartState(id=k, product="part", location="queue", created_s=0.0, entered_s=0.0)
        for k in range(waits)
    ]
    if inside_left_s is not None:
        parts.append(
            PartState(
                id=waits,
                product="part",
                location="m",
                server=0,
                status="processing",
                visits=1,
                created_s=0.0,
                entered_s=0.0,
                clock=Clock(since_s=0.0, remaining_s=inside_left_s),
            )
        )
    state = empty_state(line).model_copy(update={"parts": tuple(parts)})
    log = simulate(line, SimulationOptions(horizon_s=10, engine=engine), state=state)
    out = log.time_s[log.kind == Kind.PART_FINISHED]
    assert len(out) == len(parts)
    assert float(out[-1]) == pytest.approx(last_s)
    assert fold(log, line).parts == ()


@pytest.mark.parametrize("engine", ENGINES)
def test_line_that_never_starves(engine: str) -> None:
    """Nine parts in ten minutes; what is due at the very end is not counted there either."""
    document = {
        "sources": [{"id": "source"}],
        "stations": [{"id": "m"}],
        "products": [{"id": "part", "routing": [step("m", 1)]}],
    }
    log, line = ran(document, engine, 10.0)
    assert left(log) == 9
    assert share(log, line, "m", "processing") == 100.0
