"""Kinds of station and rules that a stranger brings, without touching the core."""

import importlib.metadata
import logging
from collections.abc import Generator, Mapping
from typing import Any, Literal

import pytest
from pydantic import Field

from tests.engine.test_semantics import cell, product, told
from twin import SimulationOptions, simulate
from twin.engine.compiled.engine import unsupported
from twin.engine.dispatch import Candidate, Target
from twin.engine.reference.servers import Server
from twin.errors import LineError, NotSupportedError, PluginError, SimulationError
from twin.events import Kind
from twin.line import Line, Station
from twin.plugins import GROUP, PLUGINS, STATIONS, behaviour, dispatch_rule, routing_rule
from twin.testing import StationTests


class Oven(Station):
    """A station that begins on whole minutes only, and takes longer for hot parts."""

    kind: Literal["oven"] = "oven"
    minute_s: float = Field(default=60.0, gt=0)
    """Length of its minute, s."""

    def processing_s(self, drawn_s: float, attributes: Mapping[str, float]) -> float:
        """Hotter parts take longer."""
        return drawn_s * attributes.get("temperature_c", 100.0) / 100.0


@behaviour(Oven)
def bake(server: Server) -> Generator[Any, Any, None]:
    """Wait for the next whole minute before each part."""
    spec = server.station.spec
    assert isinstance(spec, Oven)
    while True:
        part = yield from server.take()
        while part.status == "waiting" and server.station.run.clock.now % spec.minute_s:
            minutes = server.station.run.clock.now // spec.minute_s
            yield server.wait_until((minutes + 1) * spec.minute_s)
        yield from server.work(part)
        yield from server.release(part)


@dispatch_rule("hottest_first")
def hottest_first(part: Candidate, now_s: float) -> float:
    """Let the hottest part go first."""
    del now_s
    return -part.attributes["temperature_c"]


@routing_rule("fewest_per_server")
def fewest_per_server(target: Target, now_s: float) -> float:
    """Prefer the station with the fewest parts for each of its servers."""
    del now_s
    return target.parts / target.servers


class TestOven(StationTests):
    """The oven keeps the laws."""

    spec = Oven(id="oven", minute_s=30.0)


class TestPlainStation(StationTests):
    """So does the station that everybody has."""

    spec = Station(id="plain", servers=2)


def bakery(**more: Any) -> Line:
    """Return a line with an oven."""
    return cell(
        stations=[{"id": "a", "kind": "oven", "input_buffer": "mid", **more}],
        products=[
            {**product("hot", ("a", 10)), "attributes": {"temperature_c": 200}},
            {**product("cold", ("a", 10)), "attributes": {"temperature_c": 50}},
        ],
        sources=[{"id": "in", "products": {"cold": 1, "hot": 1}}],
    )


def test_behaviour_decides_when_work_begins_and_the_kind_how_long_it_takes() -> None:
    """Work begins on whole minutes and lasts 20 s for hot and 5 s for cold parts."""
    frame = simulate(bakery(), SimulationOptions(horizon_s=600.0)).frame()
    rows = frame[frame["kind"] == "processing_started"]
    assert set(rows["time_s"] % 60) == {0.0}
    assert set(rows["value"]) == {20.0, 5.0}


def test_dispatch_rule_of_ones_own_sees_attributes() -> None:
    """One is in work, a cold and a hot one wait: the hot one goes first."""
    orders = [
        {"id": f"o{k}", "product": name, "quantity": 1}
        for k, name in enumerate(["cold", "cold", "hot"])
    ]
    line = bakery(kind="station", dispatch_rule="hottest_first").changed(
        {"sources.in": {"id": "in", "arrivals": "orders"}, "orders": orders}
    )
    log = simulate(line, SimulationOptions(horizon_s=600.0))
    assert [part for _, _, part in told(log, Kind.PROCESSING_STARTED)] == [0, 2, 1]


def test_routing_rule_of_ones_own_chooses_the_station() -> None:
    """Three servers take three times as many as one."""
    step = {
        "id": "work",
        "stations": ["one", "three"],
        "choice": "fewest_per_server",
        "processing_time_s": 100,
    }
    line = cell(
        sources=[{"id": "in", "arrivals": "interarrival", "interarrival_s": 1}],
        stations=[{"id": "one", "input_buffer": "q1"},
                  {"id": "three", "servers": 3, "input_buffer": "q3"}],
        buffers=[{"id": "q1"}, {"id": "q3"}],
        products=[{"id": "p", "routing": [step]}],
    )  # fmt: skip
    entered = told(simulate(line, SimulationOptions(horizon_s=41.0)), Kind.BUFFER_ENTERED)
    frame = simulate(line, SimulationOptions(horizon_s=41.0)).frame()
    names = frame[frame["kind"] == "buffer_entered"]["element"].tolist()
    assert len(entered) == 40
    assert names.count("q3") == 30


def test_compiled_engine_declines_a_kind_by_name(caplog: pytest.LogCaptureFixture) -> None:
    """``auto`` then runs the reference engine and says why, once."""
    line = bakery(id="a")
    assert unsupported(line) == ["kind 'oven' of station 'a'"]
    with pytest.raises(NotSupportedError, match="kind 'oven'"):
        simulate(line, SimulationOptions(horizon_s=1.0, engine="compiled"))
    with caplog.at_level(logging.WARNING, logger="twin"):
        for _ in range(2):
            simulate(bakery(minute_s=7), SimulationOptions(horizon_s=1.0))
    assert len(caplog.records) <= 1


def test_unknown_kind_names_those_there_are() -> None:
    """A kind that nobody brought is told with those that are known."""
    with pytest.raises(
        LineError, match=r"stations\.a.*unknown kind 'kiln'; known: station, .*oven"
    ):
        cell(stations=[{"id": "a", "kind": "kiln"}], products=[product("p", ("a", 1))])


def test_unknown_key_of_a_kind_is_told() -> None:
    """The kind's own keys are checked like all others."""
    with pytest.raises(LineError, match=r"minute_s"):
        bakery(minute_s=-1)


def test_time_that_is_none_is_refused_with_its_kind() -> None:
    """A kind that gives a negative time is named."""

    class Backwards(Station):
        kind: Literal["backwards"] = "backwards"

        def processing_s(self, drawn_s: float, attributes: Mapping[str, float]) -> float:
            del attributes
            return -drawn_s

    STATIONS.add("backwards", Backwards)
    line = cell(stations=[{"id": "a", "kind": "backwards"}], products=[product("p", ("a", 1))],
                buffers=[])  # fmt: skip
    with pytest.raises(SimulationError, match=r"station 'a' of kind 'backwards'.*processing_s"):
        simulate(line, SimulationOptions(horizon_s=9.0))


def test_name_that_is_taken_is_refused() -> None:
    """Two plug-ins cannot bring one name."""
    with pytest.raises(PluginError, match="'hottest_first'"):

        @dispatch_rule("hottest_first")
        def other(part: Candidate, now_s: float) -> float:
            del part, now_s
            return 0.0


def test_plug_in_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point is named, with what went wrong."""
    point = importlib.metadata.EntryPoint("broken", "no_such_module_here", GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    monkeypatch.setattr(PLUGINS, "_loaded", False)
    with pytest.raises(PluginError, match=r"'broken' \(no_such_module_here\)"):
        PLUGINS.load()
