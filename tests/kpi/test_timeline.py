"""Where the time of stations went, stretch by stretch."""

import numpy as np
import pytest

from twin import SimulationOptions, simulate, summarise
from twin.kpi.timeline import status_shares
from twin.line import example_line

HOUR_S = 3600.0


@pytest.mark.parametrize("name", ["two_station", "electronics"])
def test_shares_add_up_and_agree_with_the_key_figures(name: str) -> None:
    """In each stretch the statuses make up all of the time; together they are the whole run's."""
    line = example_line(name)
    log = simulate(line, SimulationOptions(horizon_s=8 * HOUR_S, seed=3))
    found = status_shares(log, line, np.linspace(0.0, 8 * HOUR_S, 33))
    assert found["share"].sizes == {"station": len(line.stations), "bin": 32, "status": 9}
    np.testing.assert_allclose(found["share"].sum("status"), 1.0, atol=1e-9)
    whole = summarise(log, line)
    np.testing.assert_allclose(
        found["share"].mean("bin").transpose(*whole["status_share"].dims),
        whole["status_share"].sel(status=found["status"]),
        atol=1e-9,
    )


def test_what_was_not_seen_is_not_told() -> None:
    """Stretches before and after the log have no shares; one that it begins in has its own."""
    line = example_line("two_station")
    log = simulate(line, SimulationOptions(horizon_s=HOUR_S, seed=1))
    found = status_shares(log, line, [-HOUR_S, -600.0, 600.0, HOUR_S, 2 * HOUR_S])
    told = found["share"].sum("status", skipna=False).sel(station="press").values
    np.testing.assert_allclose(told, [np.nan, 1.0, 1.0, np.nan], atol=1e-9)
    with pytest.raises(ValueError, match="rise"):
        status_shares(log, line, [0.0, 0.0])
