# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first line
#
# From a description to a decision in five steps: describe a line, simulate it, look at its events
# and figures, ask what would change, and plan its orders. Everything comes from the public names
# of `twin` and `scenarios`.

# %%
import altair as alt
import pandas as pd

from scenarios import (
    Experiment,
    Scenario,
    SchedulingProblem,
    compare,
    replay,
    run_experiment,
    solve,
)
from scenarios.schedule import Limits, on_time, violations
from scenarios.schedule.charts import gantt_chart, on_time_chart
from scenarios.whatif.charts import (
    comparison_chart,
    comparison_table,
    sample_table,
    samples_chart,
    titled,
)
from twin import SimulationOptions, example_line, fold, replicate, serial_line, simulate, summarise
from twin.kpi.charts import status_chart, throughput_chart
from twin.kpi.output_analysis import mean_interval
from twin.line import Exponential

# Charts as pictures that are made here: nothing is loaded from elsewhere.
alt.renderers.enable("svg")

# %% [markdown]
# ## 1. The smallest line
#
# Three stations with exponential times and one place between neighbours. Its throughput is known
# exactly, 0.6705 parts per second, so it is a fair test.

# %%
small = serial_line([Exponential(mean_s=1.0)] * 3, buffers=[1, 1])
runs = replicate(small, SimulationOptions(horizon_s=2_200, warm_up_s=200, seed=1), replications=5)
found = mean_interval(runs.throughput_rate.values)
print(f"{found.mean:.4f} ± {found.half_width:.4f} parts/s, exact 0.6705")

# %% [markdown]
# ## 2. A bottling line
#
# Eight stations, three products, shifts, change-overs, breakdowns and ten orders. It ships as a
# file; your own line is a file like it.

# %%
line = example_line("bottling")
pd.DataFrame(
    {
        "station": [line.station(name).name for name in line.flow_order],
        "before it": [line.station(name).input_buffer or "" for name in line.flow_order],
        "ways to fail": [len(line.station(name).failures) for name in line.flow_order],
    }
)

# %%
log = simulate(line, SimulationOptions(horizon_s=4 * 3600, seed=3))
log.frame().head()

# %% [markdown]
# The log is all there is: key figures, state and charts follow from it, and a log of the real line
# looks the same.

# %%
summary = summarise(log, line)
state = fold(log, line)
print(f"{float(summary.throughput_rate) * 3600:.0f} trays per hour, {len(state.parts)} in the line")
throughput_chart(log, line, bin_s=600)

# %%
status_chart(summary, line.flow_order)

# %% [markdown]
# ## 3. What if?
#
# A scenario is a set of changes by path, and faults. All scenarios meet the same luck, so that
# their differences are fair. The runs begin where the four hours above ended.

# %%
experiment = Experiment(
    line=line,
    scenarios=(
        Scenario(
            name="filler_down",
            description="The filler stands still for half an hour, an hour from now",
            faults=({"station": "filler", "after_s": "1h", "duration_s": "30 min"},),
        ),
        Scenario(
            name="faster_filler",
            description="The filler takes a tenth less time",
            changes={"products.*.routing.fill.processing_time_s": {"times": 0.9}},
        ),
    ),
    options=SimulationOptions(horizon_s=3 * 3600, seed=1),
    replications=6,
    state=state,
)
results = run_experiment(experiment)
comparison = compare(results)
frame = comparison.frame()
frame[(frame.kpi == "throughput_rate") & (frame.scenario != "base")].round(4)

# %%
comparison_chart(comparison_table(comparison))

# %% [markdown]
# One dot is one run; lines join the runs that met the same luck, bars are the means.

# %%
samples_chart(sample_table(results), titled("throughput_rate"))

# %% [markdown]
# ## 4. When is which order done?
#
# Orders and state become a scheduling problem; the answer is checked by rules of its own and then
# replayed in the twin, with breakdowns and spread, which gives each order its chance of being on
# time.

# %%
orders = [line.order(name) for name in ("PO-1003", "PO-1004", "PO-1005")]
problem = SchedulingProblem.from_line(line, orders, state)
answer = solve(problem, Limits(seconds=3))
schedule = answer.schedule
print(f"{answer.status}, objective {answer.objective:.0f}, bound {answer.bound:.0f}")
print(f"violations: {len(violations(problem, schedule))}")

# %%
start = pd.Timestamp(line.start_utc).tz_convert(line.time_zone).tz_localize(None)
bars = pd.DataFrame(
    {
        "order": [item.job for item in schedule.placements],
        "operation": [item.operation for item in schedule.placements],
        "station": [item.machine for item in schedule.placements],
        "start": [start + pd.Timedelta(seconds=item.start_s) for item in schedule.placements],
        "end": [start + pd.Timedelta(seconds=item.end_s) for item in schedule.placements],
    }
)
gantt_chart(bars, stations=line.flow_order)

# %%
played = replay(
    line, schedule, SimulationOptions(horizon_s=8 * 3600, seed=1), replications=20, state=state
)
outlook = [item for item in on_time(played, schedule) if item.on_time is not None]
on_time_chart(
    pd.DataFrame(
        {
            "order": [item.order for item in outlook],
            "probability": [item.on_time.mean for item in outlook],
            "low": [item.on_time.low for item in outlook],
            "high": [item.on_time.high for item in outlook],
        }
    )
)

# %% [markdown]
# Twenty replays leave wide intervals, and the chart shows it. `twin demo` does all of this on a
# running plant; `twin --help` lists what else there is.
