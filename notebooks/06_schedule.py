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
# # Scheduling
#
# A problem, a plan with a proven bound, why an order is late, another plan after a breakdown, and a
# constraint of one's own. Everything comes from the public names of `scenarios`.

# %%
import altair as alt
import pandas as pd
from pyomo.environ import ConcreteModel, Constraint

from scenarios import SchedulingProblem, solve
from scenarios.schedule import (
    Limits,
    Schedule,
    dispatch,
    explain,
    from_jobshop_text,
    replan,
    violations,
)
from scenarios.schedule.charts import gantt_chart
from scenarios.schedule.timing import Network

# Charts as pictures that are made here: nothing is loaded from elsewhere.
alt.renderers.enable("svg")


def bars(schedule: Schedule) -> pd.DataFrame:
    """Return what the Gantt chart draws."""
    return pd.DataFrame(
        {
            "order": placed.job,
            "operation": placed.operation,
            "station": placed.machine,
            "start": placed.start_s,
            "end": placed.end_s,
        }
        for placed in schedule.placements
    )


# %% [markdown]
# ## 1. A shop with six jobs and six machines
#
# A classic of 1963, in its usual text: per job pairs of machine and duration. A dispatch rule
# answers at once, and loses time.

# %%
text = """6 6
2 1 0 3 1 6 3 7 5 3 4 6
1 8 2 5 4 10 5 10 0 10 3 4
2 5 3 4 5 8 0 9 1 1 4 7
1 5 0 5 2 5 3 3 4 8 5 9
2 9 1 3 4 5 5 4 0 3 3 1
1 3 3 3 5 9 0 10 4 4 2 1
"""
problem = from_jobshop_text(text, "six by six")
ruled = dispatch(Network.of(problem), "spt")
print(f"shortest work first: {ruled.makespan_s:g} s")
machines = [machine.id for machine in problem.machines]
gantt_chart(bars(ruled), stations=machines)

# %% [markdown]
# `solve` runs a compiled search beside a solver. The result has the schedule, a bound below which
# no schedule can be, and where both come from. 55 is the best there is; it is proven where the two
# meet within the budget.

# %%
result = solve(problem, Limits(seconds=10, seed=1))
assert result.schedule is not None
assert not violations(problem, result.schedule)
print(f"{result.status}: {result.objective:g} s by {result.engine}")
print(f"bound {result.bound:g} s by {result.bound_source}")
gantt_chart(bars(result.schedule), stations=machines)

# %% [markdown]
# How the search came there:

# %%
steps = pd.DataFrame([step.model_dump() for step in result.trajectory]).dropna()
lines = steps.melt(["seconds", "source"], ["objective", "bound"], "what", "value")
alt.Chart(lines, width=560, height=200).mark_line(interpolate="step-after", point=True).encode(
    x=alt.X("seconds", title="time since the start, s"),
    y=alt.Y("value", title="makespan, s", scale=alt.Scale(zero=False)),
    color=alt.Color("what", title=None),
    tooltip=["seconds", "value", "source"],
)

# %% [markdown]
# ## 2. Due dates
#
# The same work with a date for each job, and lateness that costs by weight.

# %%
document = problem.model_dump() | {"objective": "total_weighted_tardiness"}
for job, due_s, weight in zip(
    document["jobs"], (33, 52, 42, 45, 38, 40), (4, 2, 2, 2, 2, 1), strict=True
):
    job |= {"due_date_s": float(due_s), "weight": float(weight)}
dated = SchedulingProblem(**document)
plan = solve(dated, Limits(seconds=3, seed=1)).schedule
assert plan is not None
late = pd.DataFrame([job.model_dump() for job in plan.jobs])
alt.Chart(late, width=360).mark_bar().encode(
    x=alt.X("tardiness_s", title="late by, s"), y=alt.Y("job", title=None)
)

# %% [markdown]
# Why is the worst one late? `relaxations` tells, beside, what would make it on time.

# %%
worst = str(late.sort_values("tardiness_s")["job"].iloc[-1])
print(explain(dated, plan, worst).text)

# %% [markdown]
# ## 3. A machine breaks down
#
# A proposal begins with the running plan pushed to the right, which is there at once, and improves
# it. Stability is a cost for each second by which an operation moves.

# %%
broken = dated.model_dump()
broken["machines"][2]["unavailable"] = ({"start_s": 6.0, "end_s": 18.0},)
proposal = replan(SchedulingProblem(**broken), plan, Limits(seconds=3, seed=1), stability=0.01)
print(f"first plan after {1000 * proposal.shifted_after_s:.0f} ms")
print(f"pushed: {proposal.shifted.objective:g}, proposed: {proposal.schedule.objective:g}")
print(f"{len(proposal.difference.moves)} operations move, later: {proposal.difference.later}")
gantt_chart(bars(proposal.schedule), stations=machines)

# %% [markdown]
# ## 4. A constraint of one's own
#
# Anything linear on the Pyomo model, here: the last job ends after the first.

# %%
small = from_jobshop_text("3 2\n0 3 1 2\n1 2 0 4\n0 2 1 3\n", "small")
first, last = small.jobs[0], small.jobs[-1]


def in_turn(model: ConcreteModel) -> None:
    """Have the last job end after the first."""
    ends = [f"{job.id}/{job.operations[-1].id}" for job in (first, last)]
    model.in_turn = Constraint(expr=model.end[ends[0]] <= model.end[ends[1]])


turned = solve(small, Limits(seconds=5), extra=in_turn)
print(f"{turned.status}: {turned.objective:g} s")
