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
# # What if?
#
# A planner's question is seldom "how does the line run", but "what would change, how sure is that,
# and is it worth the money". Scenarios are data, runs share their luck, and each answer has an
# interval and a verdict.

# %%
import altair as alt
import pandas as pd

from scenarios import (
    Experiment,
    Fault,
    Scenario,
    compare,
    run_experiment,
    select_best,
    sensitivities,
)
from scenarios.whatif.charts import (
    comparison_chart,
    comparison_table,
    sample_table,
    samples_chart,
    tornado_chart,
    tornado_table,
)
from scenarios.whatif.costs import load_costs, priced
from twin import SimulationOptions, example_line

# Charts as pictures that are made here: nothing is loaded from elsewhere.
alt.renderers.enable("svg")

# %% [markdown]
# ## 1. Scenarios
#
# A press and a lathe with a chute between them. A larger chute, a faster lathe, and a bad hour.

# %%
line = example_line("two_station")
scenarios = (
    Scenario(name="longer_chute", changes={"buffers.chute.capacity": {"plus": 4}}),
    Scenario(
        name="faster_lathe",
        changes={"products.bushing.routing.turn.processing_time_s": {"times": 0.9}},
    ),
    Scenario(name="bad_hour", faults=(Fault(station="lathe", kind="breakdown", duration_s=3600),)),
)
pd.DataFrame(
    {"scenario": scenario.name, "path": one.path, "before": one.before, "after": one.after}
    for scenario in scenarios
    for one in scenario.difference(line)
)

# %% [markdown]
# ## 2. An experiment
#
# Run k of every scenario meets the same random numbers, so that differences are fair.

# %%
options = SimulationOptions(horizon_s=2 * 3600, seed=7)
experiment = Experiment(line=line, scenarios=scenarios, options=options, replications=8)
results = run_experiment(experiment)
comparison = compare(results)
comparison_chart(comparison_table(comparison))

# %% [markdown]
# One dot is one run; lines join the runs that met the same random numbers, bars are the means.

# %%
samples_chart(sample_table(results, "finished"), "parts in two hours")

# %% [markdown]
# ## 3. What it costs
#
# Prices are data too. The same runs, priced in baht:

# %%
money = priced(results, load_costs("thb"))
comparison_of_cost = compare(money)
row = comparison_of_cost.of("faster_lathe", "cost_per_part")
print(f"{row.difference.mean:+.2f} THB per part, {row.difference.low:+.2f} to "
      f"{row.difference.high:+.2f}: {row.verdict}")  # fmt: skip
samples_chart(sample_table(money, "cost_per_part"), "THB per part")

# %% [markdown]
# ## 4. What is worth changing?
#
# A little of each thing - one percent of a time, one place, one server - and what it does to the
# throughput, then to the cost of a part: a second server makes more parts, and dearer ones. Grey
# bars may be nothing: their intervals hold zero.

# %%
found = sensitivities(line, options, replications=8, costs=load_costs("thb"))
tornado_chart(tornado_table(found))

# %%
tornado_chart(
    tornado_table(found, "cost_per_part"), "change of the cost per part, share of its mean"
)

# %% [markdown]
# ## 5. The best of several, with a stated probability
#
# Runs go where they decide: a scenario that is clearly behind is given up early.

# %%
best = select_best(experiment, "throughput_rate", delta=3 / 3600, first=8, most=60)
print(f"{best.best}; decided: {best.decided}")
pd.DataFrame({"parts/h": pd.Series(best.means) * 3600, "runs": pd.Series(best.replications)})
