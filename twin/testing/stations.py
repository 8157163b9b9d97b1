"""The laws that a kind of station of your own must keep, as a test class to inherit from.

    class TestOven(StationTests):
        spec = Oven(id="oven", warm_up_s=600)

pytest then runs the station in a small line: something before it, a buffer, something behind it,
failures and shifts that stop it in the middle of its work.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from twin.engine.options import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.events.fold import fold
from twin.events.kinds import Kind
from twin.events.log import EventLog
from twin.kpi.measures import summarise
from twin.line import Buffer, Exponential, Failure, Line, Operation, Product, Source, Station
from twin.line.files import line_from_document
from twin.testing.laws import first_difference, same_events

SEEDS = (0, 1, 2)
HORIZON_S = 2_000.0
CUTS_S = (1.0, 333.3, 1_000.0, 1_777.7)


class StationTests:
    """Laws of a kind of station; a subclass says which, and may say in which line."""

    spec: ClassVar[Station]
    """The station."""

    def line(self) -> Line:
        """Return the line in which it is tried; a subclass may have one of its own."""
        failing = Failure(
            id="law",
            time_to_failure_s=Exponential(mean_s=100.0),
            time_to_repair_s=Exponential(mean_s=20.0),
        )
        given = self.spec
        failures = (*given.failures, failing)
        station = given.model_copy(update={"input_buffer": "before", "failures": failures})
        names = ("feeder", given.id, "behind")
        return Line(
            id="trial",
            sources=(Source(id="in"),),
            stations=(Station(id="feeder"), station, Station(id="behind", input_buffer="after")),
            buffers=(Buffer(id="before", capacity=20), Buffer(id="after", capacity=1)),
            products=(
                Product(
                    id="part",
                    routing=tuple(
                        Operation(
                            id=name, stations=(name,), processing_time_s=Exponential(mean_s=9.0)
                        )
                        for name in names
                    ),
                ),
            ),
        )

    def run(self, seed: int, horizon_s: float = HORIZON_S) -> ReferenceEngine:
        """Return a run that has come to its end."""
        engine = ReferenceEngine(self.line(), SimulationOptions(horizon_s=horizon_s, seed=seed))
        engine.advance(engine.end_s)
        return engine

    def log(self, seed: int) -> EventLog:
        """Return the events of a run."""
        return self.run(seed).log()

    def test_the_station_does_something(self) -> None:
        """Parts come out at the end of the line."""
        assert any(np.any(self.log(seed).kind == Kind.PART_FINISHED) for seed in SEEDS)

    def test_parts_are_conserved(self) -> None:
        """What comes in goes out or is inside; times in status add up."""
        for seed in SEEDS:
            log = self.log(seed)
            came, made, fine, bad, replaced, consumed = (
                int(np.sum(log.kind == kind))
                for kind in (
                    *(Kind.PART_CREATED, Kind.PART_MADE, Kind.PART_FINISHED, Kind.PART_SCRAPPED),
                    *(Kind.PART_REPLACED, Kind.PART_CONSUMED),
                )
            )
            inside = len(fold(log, self.line()).parts)
            assert came + made == fine + bad + replaced + consumed + inside
            found = summarise(log, self.line())
            servers = np.array([self.line().station(n).servers for n in self.line().flow_order])
            spent = found.status_time_s.sum("status").to_numpy()
            np.testing.assert_allclose(spent, servers * float(found.observed_s), rtol=1e-9)

    def test_the_same_seed_gives_the_same_run(self) -> None:
        """Nothing but the seed decides: no clock, no state kept between runs."""
        for seed in SEEDS:
            assert same_events(self.log(seed), self.log(seed))

    def test_folding_the_log_gives_the_state(self) -> None:
        """What the station does is told by its events alone."""
        for seed in SEEDS:
            engine = self.run(seed)
            assert fold(engine.log(), self.line()) == engine.state()

    def test_a_run_can_be_cut_and_continued(self) -> None:
        """The behaviour keeps nothing that the state does not say."""
        for seed in SEEDS:
            log = self.log(seed)
            for cut_s in CUTS_S:
                state = self.run(seed, cut_s).state()
                rest = SimulationOptions(horizon_s=HORIZON_S - cut_s, seed=seed)
                engine = ReferenceEngine(self.line(), rest, state)
                engine.advance(HORIZON_S)
                done = len(log.until(cut_s))
                after = engine.log()
                assert same_events(log, after, done), first_difference(log, after, done)

    def test_the_line_can_be_written_and_read(self) -> None:
        """A document of the line gives the same line back, the station's own keys included."""
        line = self.line()
        again = line_from_document(line.model_dump(mode="json"))
        assert again.station(self.spec.id) == line.station(self.spec.id)
        assert again.hash == line.hash
