"""How often the band of throughput holds the truth, on runs that nothing was learned from."""

import numpy as np
import pytest

from api.demo.site import TRAINING_RUNS, WINDOW_S
from api.settings import Settings
from scenarios.forecast import Forecaster
from scenarios.synthetic import generate_dataset
from scenarios.synthetic.sampling import Sampling
from twin.emulator.gap import RealityGap
from twin.line import example_line

RUN_S = 14_400.0
SITE = Settings.load(environment={})


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("window_s", "runs"),
    [(WINDOW_S, TRAINING_RUNS), (SITE.forecast_window_s, SITE.training_runs)],
    ids=["demo", "site"],
)
@pytest.mark.parametrize("gap", [None, RealityGap()], ids=["the twin", "a plant that differs"])
def test_a_band_of_eighty_percent_holds_little_more(
    window_s: float, runs: int, gap: RealityGap | None
) -> None:
    """So few runs held back that the band has to hold the worst of them would hold everything."""
    line = example_line("bottling")
    step_s = window_s / 30
    learned = generate_dataset(line, window_s, 3600.0, step_s, run_s=RUN_S, runs=runs, seed=1)
    forecaster = Forecaster().fit(learned)
    assert forecaster.options.coverage == pytest.approx(0.8)
    truth = generate_dataset(
        gap.apply(line) if gap else line,
        window_s,
        3600.0,
        step_s,
        run_s=RUN_S,
        runs=24,
        seed=2,
        sampling=Sampling(own_share=1.0),
    )
    inside = []
    for column, horizon_s in enumerate(forecaster.facts["horizons_s"]):
        finished = truth["future_finished"].values[:, column]
        known = np.isfinite(finished)
        band = forecaster.quantiles(truth["line_features"].values[known], horizon_s)
        inside.append((band[:, 0] <= finished[known]) & (finished[known] <= band[:, -1]))
    assert 0.76 <= np.concatenate(inside).mean() <= 0.92
