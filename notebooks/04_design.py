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
# # Design a line
#
# How large should each buffer be, which station needs a second server, and what does money buy?
# The search uses common random numbers; what it finds is judged on fresh ones.

# %%
import altair as alt
import pandas as pd

from scenarios import (
    Experiment,
    Total,
    Variable,
    compare,
    optimise_design,
    run_experiment,
    sensitivities,
)
from scenarios.whatif.charts import (
    comparison_chart,
    comparison_table,
    pareto_chart,
    pareto_table,
    sample_table,
    samples_chart,
    screening_chart,
    titled,
    tornado_chart,
    tornado_table,
)
from scenarios.whatif.screening import screen
from twin import SimulationOptions, serial_line
from twin.line import Exponential

# Charts as pictures that are made here: nothing is loaded from elsewhere.
alt.renderers.enable("svg")

# %% [markdown]
# ## 1. Sixteen places for four buffers
#
# Five stations, one of them slower. Where do the places help most?

# %%
means_s = [1.0, 1.0, 1.25, 1.0, 1.0]
line = serial_line([Exponential(mean_s=time_s) for time_s in means_s], [4, 4, 4, 4])
options = SimulationOptions(horizon_s=2_200, warm_up_s=200, seed=5)
tornado_chart(tornado_table(sensitivities(line, options, replications=10)))

# %%
rooms = [Variable(path=f"buffers.b{n}.capacity", low=1, high=13, cost=1.0) for n in range(1, 5)]
found = optimise_design(line, rooms, options, constraints=[Total(exactly=16)], runs=800)
print(f"decided: {found.decided}, {found.designs} designs, {found.runs} runs")
pd.DataFrame({"start": found.start.values, "best": found.best.values})

# %% [markdown]
# The best design is a scenario like any other, so it is compared like any other.

# %%
experiment = Experiment(line=line, scenarios=(found.scenario,), options=options, replications=10)
results = run_experiment(experiment)
comparison_chart(comparison_table(compare(results)))

# %%
samples_chart(sample_table(results), titled("throughput_rate"))

# %% [markdown]
# ## 2. What money buys
#
# A place costs 1, a second server at the slow station 8. For each budget the best design is sought.

# %%
server = Variable(path="stations.s3.servers", low=1, high=2, cost=8.0)
wide = optimise_design(
    line, [*rooms, server], options, most_cost=30.0, front=4, runs=1_200, probability=0.9
)
pareto_chart(pareto_table(wide.front))

# %%
pd.DataFrame({"cost": one.cost, "parts/s": one.mean, **one.values} for one in wide.front)

# %% [markdown]
# ## 3. What would help next?
#
# The best design has sensitivities of its own.

# %%
after = sensitivities(wide.line, options, replications=10)
tornado_chart(tornado_table(after))

# %% [markdown]
# ## 4. What matters over wide ranges?
#
# Sensitivities are slopes: they hold near the line as it is. Morris' method walks through the whole
# range of each time and tells which matter at all; a long tick says that one works with others.
# Sobol's indices (`method="sobol"`) share out the variance, for many more runs.

# %%
times = {f"products.part.routing.op{n}.processing_time_s": (0.7, 1.3) for n in range(1, 6)}
screening_chart(screen(wide.line, options, times, samples=8, replications=2))
