"""Lines that number no part: what moved follows from counters and states, and is said to."""

from collections import Counter

import pytest

from tests.sync.plants import moments_of, rows_of
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.events import Folder, LineState
from twin.events.fold import empty_state
from twin.line import Constant, Line, serial_line
from twin.sync.counters import Counters
from twin.sync.infer import Inference
from twin.sync.mapfile import default_mapping
from twin.sync.mapping import Mapping
from twin.sync.translate import Translator

HIDDEN = ("part", "parts", "product", "order", "operation", "last_part", "waiting")


def counting(line: Line) -> Mapping:
    """Return the mapping of a plant that gives states, counters and levels, and no part."""
    mapping = default_mapping(line, "opc.tcp://127.0.0.1:4840/")
    nodes = tuple(spec for spec in mapping.nodes if spec.property.rpartition(".")[2] not in HIDDEN)
    return mapping.model_copy(update={"nodes": nodes})


def places(state: LineState) -> Counter[str]:
    """Return how many parts are in each place but the source."""
    return Counter(part.location for part in state.parts if part.location != "source")


@pytest.mark.parametrize("buffers", [[2, 2], [0, 3], [0, 0]])
def test_levels_and_counts_are_the_plants(buffers: list[int]) -> None:
    """Over an hour every place holds as many parts as in truth, and every step is inferred."""
    times = [Constant(value_s=value) for value in (11.0, 13.0, 12.0)]
    line = serial_line(times, buffers=buffers)
    log = simulate(line, SimulationOptions(horizon_s=3600, seed=4))
    translator = Translator(line, counting(line))
    moments = moments_of(line, log)
    time_s, values = next(moments)
    translator.take((value, time_s) for value in values if not _hidden(value.property))
    folder = Folder(line, translator.begin(time_s))
    truth, rows = Folder(line, empty_state(line)), rows_of(log)
    done = checked = 0
    written = []
    for time_s, values in moments:
        seen = [value for value in values if not _hidden(value.property)]
        if seen:
            found = translator.moment(time_s, seen)
            folder.apply_all(found)
            written += found
        while done < len(rows) and rows[done].time_s <= time_s:
            truth.apply(rows[done])
            done += 1
        assert places(folder.state(time_s)) == places(truth.state(time_s)), f"at {time_s} s"
        checked += 1
    assert checked > 200
    assert folder.state(time_s).finished == truth.state(time_s).finished > 200
    assert translator.tally.inferred > 1000
    assert {row.quality for row in written if row.part >= 0} == {1}


def _hidden(prop: str) -> bool:
    return prop.rpartition(".")[2] in HIDDEN


def test_plants_that_number_parts_need_no_inference() -> None:
    """Where stations give part numbers, or do not count, nothing is inferred."""
    line = serial_line([Constant(value_s=1.0)])
    full = default_mapping(line, "opc.tcp://127.0.0.1:4840/")
    assert Inference.needed(line, full) is None
    bare = counting(line)
    uncounted = tuple(spec for spec in bare.nodes if spec.property != "processed")
    assert Inference.needed(line, bare.model_copy(update={"nodes": uncounted})) is None
    assert Inference.needed(line, bare) is not None


@pytest.mark.parametrize(
    ("shown", "counted", "wraps", "resets"),
    [
        ([65_530, 65_535, 3], 65_539, 1, 0),  # 16 bits: exact
        ([250, 255, 0, 9], 265, 1, 0),
        ([2**32 - 1, 1], 2**32 + 1, 1, 0),
        ([1000, 2], 1002, 0, 1),  # set back by hand: at least what it shows since
        ([1000, 998, 999], 1001, 0, 1),  # corrected by hand: nothing was made by it
        ([5, 5, 7], 7, 0, 0),
    ],
)
def test_counters_rise_without_end(shown: list[int], counted: int, wraps: int, resets: int) -> None:
    """Wraps are exact, resets and corrections are counted as doubtful."""
    counters = Counters()
    for count in shown:
        risen = counters.risen(("press", "processed"), count)
    assert (risen, counters.wraps, counters.resets) == (counted, wraps, resets)
