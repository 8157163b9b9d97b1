"""Data sets: repeatable, weighed, labelled, and the same again from disk."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from scenarios.synthetic.dataset import generate_dataset
from scenarios.synthetic.sampling import Sampling
from scenarios.synthetic.storage import MANIFEST, checksum, read_dataset, write_dataset
from scenarios.whatif.experiment import Experiment, ExperimentCancelledError
from scenarios.whatif.scenario import Scenario
from twin.engine.options import SimulationOptions
from twin.errors import InvalidInputError
from twin.line import Constant, Exponential, Failure, Line, Signal, Weibull, serial_line


@pytest.fixture(scope="module")
def line() -> Line:
    """Return two stations with a sensor each; the second seldom breaks."""
    jam = Failure(
        id="jam",
        time_to_failure_s=Exponential(mean_s=1800.0),
        time_to_repair_s=Constant(value_s=60.0),
    )
    bearing = Failure(
        id="bearing",
        time_to_failure_s=Weibull(scale_s=60_000.0, shape=2.0),
        time_to_repair_s=Constant(value_s=600.0),
    )
    vibration = Signal(idle=0.5, running=2.0, worn=6.0, noise_sd=0.1)
    plain = serial_line([Constant(value_s=20.0), Exponential(mean_s=18.0)], buffers=[4])
    return plain.changed(
        {
            "stations.s1.failures": [jam.model_dump(mode="json")],
            "stations.s2.failures": [bearing.model_dump(mode="json")],
            "stations.s1.signals": {"vibration": vibration.model_dump(mode="json")},
            "stations.s2.signals": {"vibration": vibration.model_dump(mode="json")},
        }
    )


def small(line: Line, seed: int = 0, **changes: object) -> xr.Dataset:
    """Return a data set that takes a moment."""
    settings: dict[str, object] = {"run_s": 5400.0, "runs": 8, "seed": seed} | changes
    return generate_dataset(line, 600.0, 1800.0, 30.0, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def dataset(line: Line) -> xr.Dataset:
    """Return one small data set."""
    return small(line)


def test_rare_failures_became_frequent(dataset: xr.Dataset) -> None:
    """The bearing, once in 17 hours, fails in the tilted runs, and their weight says how rare."""
    faults = dataset["fault"].values
    assert (faults == "bearing").sum() > 10
    tilted = dataset["run_law"].values == "s2"
    own = dataset["run_law"].values == "own"
    assert tilted.sum() + own.sum() == 8
    failed_s2 = np.unique(dataset["sample_run"].values[faults == "bearing"])
    assert dataset["run_weight"].values[failed_s2].max() < 0.3


def test_weights_average_one(dataset: xr.Dataset) -> None:
    """The mean weight is told with its error, and lies within three of it from 1."""
    attrs = dataset.attrs
    assert attrs["weights_agree"] == 1
    assert abs(attrs["mean_weight"] - 1) <= 3 * attrs["mean_weight_error"]
    assert 1 < attrs["effective_runs"] <= 8


def test_same_seed_same_checksum(line: Line, dataset: xr.Dataset) -> None:
    """Seed and versions decide every bit; another seed gives other data."""
    assert checksum(small(line)) == checksum(dataset)
    assert checksum(small(line, seed=1)) != checksum(dataset)


def test_workers_do_not_matter(line: Line) -> None:
    """Two processes make the same data set."""
    alone = small(line, runs=2, run_s=2700.0)
    assert checksum(small(line, runs=2, run_s=2700.0, workers=2)) == checksum(alone)


def test_disk_gives_back_the_same(tmp_path: Path, dataset: xr.Dataset) -> None:
    """What was written is read again with everything that it was told."""
    manifest = write_dataset(dataset, tmp_path / "set")
    told = json.loads(manifest.read_text(encoding="utf-8"))
    assert told["checksum"] == checksum(dataset)
    assert told["attrs"]["generation"] == 0
    xr.testing.assert_identical(read_dataset(tmp_path / "set"), dataset)


def test_changed_file_is_noticed(tmp_path: Path, line: Line, dataset: xr.Dataset) -> None:
    """A table that was exchanged does not match the manifest."""
    write_dataset(dataset, tmp_path / "a")
    other = small(line, seed=1)
    other.attrs["weights_agree"] = 1
    write_dataset(other, tmp_path / "b")
    (tmp_path / "a" / "samples.parquet").write_bytes(
        (tmp_path / "b" / "samples.parquet").read_bytes()
    )
    with pytest.raises(InvalidInputError, match=r"checksum|no data set"):
        read_dataset(tmp_path / "a")


def test_folder_that_is_no_data_set(tmp_path: Path) -> None:
    """Missing and broken files are told, with the folder."""
    with pytest.raises(InvalidInputError, match="write_dataset"):
        read_dataset(tmp_path)
    (tmp_path / MANIFEST).write_text("{}", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="no data set"):
        read_dataset(tmp_path)


def test_wrong_weights_are_not_released(tmp_path: Path, dataset: xr.Dataset) -> None:
    """A set whose weights do not average one is not written."""
    wrong = dataset.copy()
    wrong.attrs = dataset.attrs | {"weights_agree": 0, "mean_weight": 0.2}
    with pytest.raises(InvalidInputError, match="mean weight"):
        write_dataset(wrong, tmp_path / "set")


def test_null_twins_share_the_random_numbers(line: Line) -> None:
    """Each tilted run has a twin without the tilt, on the same replication, that weighs nothing."""
    found = small(line, sampling=Sampling(null_twins=True), runs=4)
    roles = found["run_role"].values
    twins = np.flatnonzero(roles == "null_twin")
    assert len(twins) == int((found["run_law"].values == "s2").sum()) > 0
    for number in twins.tolist():
        drawn = number - 1
        assert found["run_replication"].values[number] == found["run_replication"].values[drawn]
        assert found["run_weight"].values[number] == 0.0
        before = found["features"].values[found["sample_run"].values == number]
        tilted = found["features"].values[found["sample_run"].values == drawn]
        # Until wear shows, both see the same.
        np.testing.assert_array_equal(before[0, -7:], tilted[0, -7:])


def test_scenarios_of_an_experiment_are_regimes(line: Line) -> None:
    """Every scenario is run, and each run says which."""
    slow = Scenario(
        name="slow", changes={"products.part.routing.op2.processing_time_s": {"times": 1.3}}
    )
    experiment = Experiment(
        line=line,
        scenarios=(slow,),
        options=SimulationOptions(horizon_s=3600.0),
        replications=2,
    )
    found = generate_dataset(experiment, 600.0, 1800.0, 30.0)
    assert set(found["run_scenario"].values.tolist()) == {"base", "slow"}


def test_run_too_short_for_a_window_is_refused(line: Line) -> None:
    """The message says how long a run must be."""
    with pytest.raises(InvalidInputError, match="at least 2400 s"):
        small(line, run_s=2000.0)


def test_cancelled_generation_says_how_far_it_came(line: Line) -> None:
    """Nothing half made is returned."""
    with pytest.raises(ExperimentCancelledError, match="0 of 8"):
        small(line, cancelled=lambda: True)
