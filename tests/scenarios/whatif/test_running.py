"""Experiments anywhere: the same bits, kept blocks, going on after a kill, early results."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scenarios.whatif import (
    Experiment,
    ExperimentCancelledError,
    Scenario,
    Until,
    replay_experiment,
    run_experiment,
    stream_experiment,
)
from scenarios.whatif.cluster import PATIENCE
from scenarios.whatif.executors import Task, open_executor
from scenarios.whatif.experiment import plan
from scenarios.whatif.running import run_block
from twin.engine.options import SimulationOptions
from twin.engine.simulate import replicate
from twin.errors import InvalidInputError, UnknownNameError
from twin.kpi.results import load_results, save_results
from twin.line import Exponential, serial_line

LINE = serial_line([Exponential(mean_s=8.0), Exponential(mean_s=9.0)], [2])
MORE = Scenario(name="more", changes={"buffers.b1.capacity": {"plus": 4}})
DOWN = Scenario(
    name="down", events=({"kind": "breakdown", "station": "s1", "duration_s": "10 min"},)
)


def experiment(
    replications: int = 12, horizon_s: float = 1800.0, engine: str = "compiled"
) -> Experiment:
    """Return two stations with a larger buffer and with a breakdown."""
    return Experiment(
        line=LINE,
        scenarios=(MORE, DOWN),
        options=SimulationOptions(horizon_s=horizon_s, seed=5, engine=engine),
        replications=replications,
    )


@pytest.fixture(scope="module")
def alone() -> xr.Dataset:
    """Return the results of one run after the other."""
    return run_experiment(experiment(), executor="serial")


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_executors_give_the_same_bits(executor: str, alone: xr.Dataset) -> None:
    """Threads and spawned processes give what a single thread gives."""
    xr.testing.assert_identical(run_experiment(experiment(), 2, executor=executor), alone)


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_a_cluster_gives_the_same_bits_also_when_a_worker_dies(alone: xr.Dataset) -> None:
    """Dask gives what a single thread gives; what a killed worker had in hand is done again."""
    import dask  # noqa: PLC0415 - heavy
    from distributed import Client, LocalCluster  # noqa: PLC0415 - heavy

    with (
        dask.config.set({PATIENCE: "300 s"}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        address = cluster.scheduler_address
        xr.testing.assert_identical(run_experiment(experiment(), executor=address), alone)
        long = experiment(200, 4 * 3600.0)
        begun = stream_experiment(long, executor=address)
        next(begun)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
        *_, last = begun
        xr.testing.assert_identical(last.results, run_experiment(long, executor="serial"))


def test_a_process_that_dies_costs_only_time() -> None:
    """Work in hand of a killed process is done again, and comes out the same."""
    tasks = [Task(0, k) for k in range(6)]
    with open_executor("processes", die_once, [0], 2) as executor:
        found = [result for _, result in executor.run(tasks)]
    assert found == [0, 1, 2, 3, 4, 5]


def die_once(_piece: int, task: Task, _stop: object) -> int:
    """Kill this process at the fourth task, unless it was killed there before."""
    mark = Path(os.environ["LINETWIN_TEST_MARK"])
    if task.replication == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task.replication


@pytest.fixture(autouse=True)
def _mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINETWIN_TEST_MARK", str(tmp_path / "mark"))


def test_a_stopped_experiment_goes_on_where_it_was(tmp_path: Path) -> None:
    """Cancelled in the middle, it keeps its finished blocks and only does the rest."""
    asked = experiment(600)
    place = tmp_path / "kept.zarr"
    for limit in (700, 900, 1100):  # blocks are as large as the machine is quick
        calls = itertools.count()
        with pytest.raises(ExperimentCancelledError) as stopped:
            run_experiment(asked, store=place, cancelled=lambda n=calls, most=limit: next(n) > most)
        assert 0 < stopped.value.done < stopped.value.total
        part = load_results(place)
        if part.sizes["replication"]:
            break
    assert 0 < part.sizes["replication"] < 600
    told: list[int] = []
    whole = run_experiment(asked, store=place, progress=lambda done, _total: told.append(done))
    assert told[0] > 2 * len(asked.names)
    xr.testing.assert_identical(whole, run_experiment(asked))
    xr.testing.assert_identical(whole, load_results(place))
    xr.testing.assert_identical(run_experiment(asked, store=place), whole)


@pytest.mark.proof
def test_a_killed_experiment_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Killed without a word, again and again, it ends with the bits of an undisturbed run."""
    place = tmp_path / "killed.zarr"
    program = (
        "import sys; sys.path.insert(0, sys.argv[2]); import test_running as t; "
        "from scenarios.whatif import run_experiment; "
        "run_experiment(t.experiment(3000, 7200.0), workers=2, store=sys.argv[1])"
    )
    for patience_s in (4.0, 5.0, 6.0):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(place), str(Path(__file__).parent)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        time.sleep(patience_s)
        child.kill()
        child.wait(30)
    asked = experiment(3000, 7200.0)
    xr.testing.assert_identical(run_experiment(asked, store=place), run_experiment(asked))


def test_another_experiment_is_not_written_over(tmp_path: Path) -> None:
    """A folder of another experiment, or of something else, is refused and left alone."""
    place = tmp_path / "kept.zarr"
    run_experiment(experiment(3), store=place)
    with pytest.raises(InvalidInputError, match="holds experiment"):
        run_experiment(experiment(4), store=place)
    other = tmp_path / "photos"
    other.mkdir()
    (other / "one.jpg").write_bytes(b"1")
    with pytest.raises(InvalidInputError, match="something else"):
        run_experiment(experiment(3), store=other)
    assert (other / "one.jpg").exists()


def test_results_say_something_early_and_end_complete(alone: xr.Dataset) -> None:
    """The first interim results have two runs of each scenario; the last ones are all."""
    found = list(stream_experiment(experiment()))
    assert found[0].results.sizes["replication"] == 2
    first = alone["throughput_rate"].isel(replication=slice(0, 2))
    np.testing.assert_array_equal(found[0].results["throughput_rate"], first)
    assert [one.complete for one in found][-1]
    assert found[-1].left_s == 0
    xr.testing.assert_identical(found[-1].results, alone)


def test_until_stops_when_enough_is_known() -> None:
    """Runs end when throughput is known well enough; the results are those of a fixed number."""
    asked = experiment(100_000)
    found = run_experiment(asked, until=Until(relative_half_width=0.05))
    count = found.sizes["replication"]
    assert 10 <= count < 100_000
    fixed = asked.model_copy(update={"replications": count})
    assert found.attrs["experiment_id"] == fixed.id
    xr.testing.assert_identical(found, run_experiment(fixed))
    quick = run_experiment(experiment(200_000, 600.0), until=Until(seconds=0.2))
    assert quick.sizes["replication"] < 200_000
    with pytest.raises(UnknownNameError, match="nonsense"):
        run_experiment(asked, until=Until(kpi="nonsense", decided=True))


def test_an_experiment_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much there may be is told, before hours of work."""
    monkeypatch.setattr("scenarios.whatif.running.LARGEST_TABLE", 10_000)
    with pytest.raises(InvalidInputError, match="GiB of figures"):
        run_experiment(experiment(1_000, 10.0))


def test_cancelling_processes_takes_effect_at_once() -> None:
    """Runs of the slow engine that would take minutes are ended soon."""
    asked = experiment(4, 3600.0 * 24 * 60, engine="reference")
    began_s, stop = time.monotonic(), itertools.count()
    with pytest.raises(ExperimentCancelledError):
        run_experiment(
            asked, 2, executor="processes", cancelled=lambda: next(stop) > 20
        )  # asked every tenth of a second
    assert time.monotonic() - began_s < 20.0  # two are promised; starting processes counts too


@pytest.mark.parametrize("suffix", [".zarr", ".nc", ".json.gz", ".parquet"])
def test_results_come_back_bit_for_bit(suffix: str, tmp_path: Path, alone: xr.Dataset) -> None:
    """What was written can be read, attributes and labels included."""
    place = tmp_path / f"results{suffix}"
    save_results(alone, place)
    xr.testing.assert_identical(load_results(place), alone)
    single = alone.isel(scenario=0, drop=True)
    other = tmp_path / f"single{suffix}"
    save_results(single, other)
    xr.testing.assert_identical(load_results(other), single)


def test_tables_have_a_row_per_run(tmp_path: Path, alone: xr.Dataset) -> None:
    """CSV and Excel hold every figure by scenario and replication."""
    for suffix, read in ((".csv", pd.read_csv), (".xlsx", pd.read_excel)):
        place = tmp_path / f"results{suffix}"
        save_results(alone, place)
        frame = read(place)
        assert len(frame) == 36
        mean = frame[frame["scenario"] == "more"]["throughput_rate"].mean()
        expected = float(alone["throughput_rate"].sel(scenario="more").mean())
        assert mean == pytest.approx(expected, rel=1e-12)
        assert "oee_index/s1" in frame
    with pytest.raises(InvalidInputError, match="other programs"):
        load_results(tmp_path / "results.csv")
    with pytest.raises(InvalidInputError, match="unknown suffix"):
        save_results(alone, tmp_path / "results.doc")


def test_some_figures_are_read_alone(tmp_path: Path) -> None:
    """A folder gives single figures without the others."""
    place = tmp_path / "kept.zarr"
    whole = run_experiment(experiment(3), store=place)
    found = load_results(place, ("throughput_rate", "oee_index"))
    xr.testing.assert_identical(found["oee_index"], whole["oee_index"])
    assert set(found.data_vars) == {"throughput_rate", "oee_index"}
    with pytest.raises(InvalidInputError, match="unknown figure"):
        load_results(place, ("nonsense",))


def test_a_replay_gives_the_same_bits(tmp_path: Path, alone: xr.Dataset) -> None:
    """Results on disk hold all it takes to run them again, and a change in them is noticed."""
    place = tmp_path / "results.nc"
    save_results(alone, place)
    found = replay_experiment(load_results(place), workers=2)
    assert found.same
    assert found.versions == ()
    changed = alone.copy(deep=True)
    changed["finished"][0, 0] += 1
    assert replay_experiment(changed).different == ("finished",)


def test_plain_lines_run_by_sums_and_maxima() -> None:
    """Where every scenario is plain all of them are worked out so, and again so from results."""
    plain = experiment(engine="auto").model_copy(
        update={"scenarios": (Scenario(name="base"), MORE)}
    )
    found = run_experiment(plain)
    assert found.attrs["engine"] == "max-plus"
    alone = replicate(LINE, plain.options, plain.replications)
    for name in ("throughput_rate", "status_time_s", "flow_time_p90_s"):
        assert found[name].sel(scenario="base").values.tobytes() == alone[name].values.tobytes()
    assert replay_experiment(found, workers=2).same
    mixed = run_experiment(experiment(engine="auto"))
    assert mixed.attrs["engine"] == "compiled"
    np.testing.assert_allclose(
        mixed["throughput_rate"].sel(scenario=["base", "more"]), found["throughput_rate"], rtol=1e-9
    )


def test_cancelling_threads_takes_effect_soon() -> None:
    """Thousands of runs in threads end soon after being told to."""
    began_s: list[float] = []

    def told() -> bool:
        began_s.append(time.monotonic())
        return len(began_s) > 3

    with pytest.raises(ExperimentCancelledError):
        run_experiment(experiment(20_000, 8 * 3600.0), 2, executor="threads", cancelled=told)
    assert time.monotonic() - began_s[3] < 10.0  # two are promised; others may be at work


def test_blocks_are_broken_off_between_runs() -> None:
    """A worker that is told to stop ends after the run in hand."""
    block = run_block(plan(experiment())[0], Task(0, 0, 5), lambda: True)
    assert len(block.rows) == 1
