"""Experiments: common random numbers, the same numbers from any executor, states, cancelling."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from scenarios.whatif.comparison import Verdict, compare
from scenarios.whatif.experiment import Experiment, ExperimentCancelledError
from scenarios.whatif.running import run_experiment
from scenarios.whatif.scenario import Scenario, ScenarioError
from twin.engine.options import Fault, SimulationOptions
from twin.engine.simulate import simulate
from twin.errors import InvalidInputError, StateError
from twin.events.fold import fold
from twin.events.state import LineState
from twin.kpi.output_analysis import mean_interval
from twin.kpi.results import load_results, save_results
from twin.line import (
    Buffer,
    Constant,
    Exponential,
    Failure,
    Line,
    Lognormal,
    Operation,
    Product,
    Source,
    Station,
    serial_line,
)

OPTIONS = SimulationOptions(horizon_s=3600.0, seed=7)


@pytest.fixture(scope="module")
def line() -> Line:
    """Return three stations of which the middle one is slow, random and breaks down."""
    plain = serial_line(
        [Exponential(mean_s=8.0), Lognormal(mean_s=10.0, sd_s=4.0), Exponential(mean_s=8.0)],
        buffers=[2, 2],
    )
    jam = Failure(
        id="jam",
        time_to_failure_s=Exponential(mean_s=900.0),
        time_to_repair_s=Exponential(mean_s=60.0),
    )
    return plain.changed({"stations.s2.failures": [jam.model_dump(mode="json")]})


@pytest.fixture(scope="module")
def buffer_results(line: Line) -> xr.Dataset:
    """Return 12 replications of the base, of itself again, of more buffer and of a breakdown."""
    scenarios = (
        Scenario(name="same"),
        Scenario(name="buffer", changes={"buffers.b1.capacity": {"plus": 6}}),
        Scenario(name="down", faults=(Fault(station="s2", after_s=600.0, duration_s=1800.0),)),
    )
    return run_experiment(
        Experiment(line=line, scenarios=scenarios, options=OPTIONS, replications=12)
    )


def test_base_is_first_and_added(line: Line) -> None:
    """An experiment always begins with the untouched line, wherever base was written."""
    more = Scenario(name="more")
    assert Experiment(line=line, scenarios=(more,), options=OPTIONS).names == ("base", "more")
    given = (more, Scenario(name="base"))
    assert Experiment(line=line, scenarios=given, options=OPTIONS).names == ("base", "more")


def test_results_are_labelled(line: Line, buffer_results: xr.Dataset) -> None:
    """Every figure of ``summarise`` comes with scenario and replication in front."""
    assert list(buffer_results["scenario"].values) == ["base", "same", "buffer", "down"]
    assert buffer_results["finished"].dims == ("scenario", "replication")
    assert buffer_results["oee_index"].dims == ("scenario", "replication", "station")
    assert list(buffer_results["station"].values) == list(line.flow_order)
    assert buffer_results.attrs["line_hash"] == line.hash


def test_first_replication_is_what_the_engine_says(line: Line, buffer_results: xr.Dataset) -> None:
    """The experiment adds nothing of its own: replication 3 of base is the engine's run 3."""
    log = simulate(line, OPTIONS.model_copy(update={"replication": 3}))
    parts = log.names.elements.index("out")
    finished = float(np.sum((log.element == parts) & (log.kind == 11)))
    assert float(buffer_results["finished"].sel(scenario="base", replication=3)) == finished


def test_identical_scenario_differs_by_exactly_nothing(buffer_results: xr.Dataset) -> None:
    """A scenario without changes gives the base's numbers, bit for bit."""
    for name, variable in buffer_results.data_vars.items():
        base, same = variable.sel(scenario="base"), variable.sel(scenario="same")
        np.testing.assert_array_equal(base.values, same.values, err_msg=str(name))


def test_common_random_numbers_narrow_the_difference(
    line: Line, buffer_results: xr.Dataset
) -> None:
    """A paired interval is narrower than one from independent runs."""
    base = buffer_results["finished"].sel(scenario="base").values
    more = buffer_results["finished"].sel(scenario="buffer").values
    paired = mean_interval(more - base).half_width
    apart = run_experiment(
        Experiment(
            line=line,
            options=OPTIONS.model_copy(update={"replication": 1000}),
            replications=12,
        )
    )
    independent = mean_interval(more - apart["finished"].sel(scenario="base").values).half_width
    assert paired < 0.7 * independent


def test_buffer_before_the_bottleneck_helps(buffer_results: xr.Dataset) -> None:
    """Six more places in front of the slow station are better, and said to be."""
    row = compare(buffer_results).of("buffer", "finished")
    assert row.verdict is Verdict.BETTER
    assert row.difference is not None
    assert row.difference.low > 0


def test_breakdown_hurts(buffer_results: xr.Dataset) -> None:
    """Half an hour without the bottleneck costs about half an hour of its work."""
    row = compare(buffer_results).of("down", "finished")
    assert row.verdict is Verdict.WORSE
    assert row.difference is not None
    share = row.difference.mean / row.mean.mean
    assert -1.4 < share < -0.6  # half of the run is lost: as much as what is left


def test_workers_give_the_same_bits(line: Line) -> None:
    """Two processes give what one gives, bit for bit, in the same order."""
    scenarios = (Scenario(name="buffer", changes={"buffers.b1.capacity": 5}),)
    options = OPTIONS.model_copy(update={"horizon_s": 600.0})
    experiment = Experiment(line=line, scenarios=scenarios, options=options, replications=3)
    alone = run_experiment(experiment, workers=1)
    told: list[tuple[int, int]] = []
    together = run_experiment(
        experiment, workers=2, progress=lambda done, total: told.append((done, total))
    )
    xr.testing.assert_identical(alone, together)
    assert told == sorted(told)
    assert told[-1] == (6, 6)


def test_cancel_takes_effect_before_the_next_run(line: Line) -> None:
    """Once told to stop, no further run is begun, and the error says how far it came."""
    done = 0

    def count(finished: int, total: int) -> None:
        nonlocal done
        assert total == 20
        done = finished

    with pytest.raises(ExperimentCancelledError) as caught:
        run_experiment(
            Experiment(line=line, options=OPTIONS, replications=20),
            progress=count,
            cancelled=lambda: done >= 2,
        )
    assert (caught.value.done, caught.value.total) == (2, 20)


def test_results_can_be_run_again(buffer_results: xr.Dataset) -> None:
    """The experiment inside the results gives the same numbers and the same id."""
    again = Experiment.from_results(buffer_results)
    assert again.id == buffer_results.attrs["experiment_id"]
    xr.testing.assert_identical(run_experiment(again), buffer_results)


def test_results_survive_a_file(tmp_path: Path, buffer_results: xr.Dataset) -> None:
    """What was saved is loaded again, bit for bit, and equal results are equal files."""
    first, second = tmp_path / "a.json.gz", tmp_path / "b.json.gz"
    save_results(buffer_results, first)
    save_results(buffer_results, second)
    xr.testing.assert_identical(load_results(first), buffer_results)
    assert first.read_bytes() == second.read_bytes()


def test_file_that_holds_no_results(tmp_path: Path) -> None:
    """Anything else is refused with its path."""
    file = tmp_path / "x.json.gz"
    file.write_text("nothing", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"x\.json\.gz"):
        load_results(file)
    with pytest.raises(InvalidInputError, match="no experiment"):
        Experiment.from_results(xr.Dataset())


def test_all_scenarios_are_checked_before_the_first_run(line: Line) -> None:
    """Findings of every scenario come together, and nothing was run."""
    scenarios = (
        Scenario(name="a", changes={"buffers.nowhere.capacity": 1}),
        Scenario(name="b", faults=(Fault(station="nobody", duration_s=1.0),)),
        Scenario(name="c", extends="z"),
    )
    runs: list[int] = []
    with pytest.raises(ScenarioError) as caught:
        run_experiment(
            Experiment(line=line, scenarios=scenarios[:2], options=OPTIONS),
            progress=lambda done, _: runs.append(done),
        )
    assert len(caught.value.findings) == 2
    with pytest.raises(ScenarioError, match="unknown scenario 'z'"):
        run_experiment(Experiment(line=line, scenarios=scenarios, options=OPTIONS))
    assert runs == []


def test_wrong_experiment_is_told_in_findings(line: Line) -> None:
    """Zero replications are a finding, not a traceback of a library."""
    with pytest.raises(ScenarioError, match="replications"):
        Experiment(line=line, options=OPTIONS, replications=0)


def test_experiment_survives_json(line: Line) -> None:
    """An experiment written as JSON and read again is the same question."""
    scenarios = (Scenario(name="buffer", changes={"buffers.b1.capacity": 5}),)
    experiment = Experiment(line=line, scenarios=scenarios, options=OPTIONS, replications=3)
    assert Experiment(**json.loads(experiment.model_dump_json())).id == experiment.id


def test_scenarios_with_other_stations_stand_side_by_side(line: Line) -> None:
    """Elements that a scenario lacks are NaN there; the others keep their numbers."""
    twice = {
        "stations.s2b": {"input_buffer": "b1"},
        "products.part.routing.op2.stations": ["s2", "s2b"],
    }
    results = run_experiment(
        Experiment(
            line=line,
            scenarios=(Scenario(name="twice", changes=twice),),
            options=OPTIONS,
            replications=3,
        )
    )
    added = results["processed"].sel(station="s2b")
    assert np.isnan(added.sel(scenario="base")).all()
    assert (added.sel(scenario="twice") > 0).all()
    assert compare(results).of("twice", "finished").verdict is Verdict.BETTER


@pytest.fixture(scope="module")
def state(line: Line) -> LineState:
    """Return the line after an hour's work."""
    return fold(simulate(line, OPTIONS), line)


def test_experiment_goes_on_from_a_state(line: Line, state: LineState) -> None:
    """Runs that begin at a state begin with its parts, and their clock goes on."""
    scenarios = (Scenario(name="down", faults=(Fault(station="s2", duration_s=1200.0),)),)
    results = run_experiment(
        Experiment(line=line, scenarios=scenarios, options=OPTIONS, replications=8, state=state)
    )
    assert compare(results).of("down", "finished").verdict is Verdict.WORSE
    again = Experiment.from_results(results)
    assert again.state == state


def test_open_future_differs_between_replications(line: Line, state: LineState) -> None:
    """A state from a simulated run does not bind the replications to that run's future."""
    options = OPTIONS.model_copy(update={"horizon_s": 1800.0})
    results = run_experiment(Experiment(line=line, options=options, replications=4, state=state))
    finished = results["finished"].sel(scenario="base").values
    assert len(set(finished.tolist())) > 1


def test_buffer_below_its_content_keeps_it(line: Line) -> None:
    """A buffer made smaller than what lies in it holds it all, and fills up no more."""
    wide = line.changed({"buffers.b1.capacity": 50})
    full = fold(simulate(wide, OPTIONS), wide)
    inside = sum(part.location == "b1" for part in full.parts)
    assert inside > 3
    results = run_experiment(
        Experiment(
            line=wide,
            scenarios=(Scenario(name="small", changes={"buffers.b1.capacity": 3}),),
            options=OPTIONS,
            replications=2,
            state=full,
        )
    )
    content = results["content_mean"].sel(buffer="b1", scenario="small").values
    assert (content < inside).all()
    assert np.isfinite(content).all()


def test_removed_station_sends_its_part_to_another(line: Line) -> None:
    """A part at a station that is gone waits for another station of its operation."""
    twice = line.changed(
        {
            "stations.s2b": {"input_buffer": "b1"},
            "products.part.routing.op2.stations": ["s2", "s2b"],
        }
    )
    before = fold(simulate(twice, OPTIONS), twice)
    assert any(part.location == "s2b" for part in before.parts)
    gone = Scenario(
        name="gone",
        changes={
            "products.part.routing.op2.stations": ["s2"],
            "stations.s2b": {"remove": True},
        },
    )
    results = run_experiment(
        Experiment(line=twice, scenarios=(gone,), options=OPTIONS, replications=2, state=before)
    )
    assert (results["finished"].sel(scenario="gone") > 100).all()


def test_state_that_cannot_fit_is_refused_with_findings(line: Line, state: LineState) -> None:
    """A product that is gone while its parts are in the line has no place, and this is said."""
    other = Product(
        id="other",
        routing=(Operation(id="op", stations=("s1",), processing_time_s=Constant(value_s=1.0)),),
    )
    routing = other.model_dump(mode="json")["routing"]
    changes = {
        "products": [
            {"id": "other", "routing": [*routing, {**routing[0], "id": "b", "stations": ["s2"]},
                                        {**routing[0], "id": "c", "stations": ["s3"]}]}
        ]
    }  # fmt: skip
    experiment = Experiment(
        line=line,
        scenarios=(Scenario(name="other", changes=changes),),
        options=OPTIONS,
        state=state,
    )
    with pytest.raises(StateError, match=r"products\.part"):
        run_experiment(experiment)


def order_line(quantity: int = 400) -> Line:
    """Return one press that makes orders."""
    return Line(
        id="orders",
        sources=(Source(id="door", arrivals="orders"),),
        stations=(Station(id="press", input_buffer="queue"),),
        buffers=(Buffer(id="queue", capacity=4),),
        products=(
            Product(
                id="cup",
                routing=(
                    Operation(
                        id="press",
                        stations=("press",),
                        processing_time_s=Exponential(mean_s=9.0),
                    ),
                ),
            ),
        ),
    ).changed(
        {
            "orders.o1": {"product": "cup", "quantity": quantity, "due_date_s": "2h"},
        }
    )


def test_rush_order_is_promised_from_a_state() -> None:
    """A rush order that is added while another one runs is finished, and its tardiness judged."""
    line = order_line()
    state = fold(simulate(line, OPTIONS.model_copy(update={"horizon_s": 1800.0})), line)
    rush = Scenario(
        name="rush",
        changes={
            "orders.rush": {"product": "cup", "quantity": 20, "due_date_s": "3h", "priority": 9}
        },
    )
    options = OPTIONS.model_copy(update={"horizon_s": 7200.0})
    results = run_experiment(
        Experiment(line=line, scenarios=(rush,), options=options, replications=4, state=state)
    )
    done = results["order_completion_s"].sel(scenario="rush", order="rush").values
    assert (done > state.time_s).all()
    assert math.isnan(float(results["order_completion_s"].sel(scenario="base", order="rush")[0]))


def test_order_below_what_was_begun_is_refused() -> None:
    """An order cannot shrink below the parts that were begun."""
    line = order_line()
    state = fold(simulate(line, OPTIONS.model_copy(update={"horizon_s": 1800.0})), line)
    less = Scenario(name="less", changes={"orders.o1.quantity": 5})
    with pytest.raises(StateError, match="begun"):
        run_experiment(Experiment(line=line, scenarios=(less,), options=OPTIONS, state=state))


def test_a_fault_after_the_end_is_told() -> None:
    """A fault that the runs would never see is refused, not compared as no difference."""
    line = serial_line([Constant(value_s=10.0), Constant(value_s=12.0)], buffers=[3])
    late = Scenario(name="late", faults=(Fault(station="s2", after_s=3600.0, duration_s=60.0),))
    experiment = Experiment(
        line=line, scenarios=(late,), options=SimulationOptions(horizon_s=3600.0), replications=2
    )
    with pytest.raises(ScenarioError, match=r"scenarios\.late\.faults\.0\.after_s: .* so never"):
        run_experiment(experiment)
