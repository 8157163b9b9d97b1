"""The Pyomo model, family by family, against stored rows; starts that the solver accepts."""

from pathlib import Path

import pyomo.environ as pyo
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.schedule import SchedulingProblem, dispatch
from scenarios.schedule.mip.constraints import FAMILIES
from scenarios.schedule.mip.factory import FACTORY
from scenarios.schedule.mip.highs import missed
from scenarios.schedule.mip.objective import build
from scenarios.schedule.mip.variables import Formulation, declare, read, write
from scenarios.schedule.timing import Network, decisions, timed
from tests.scenarios.schedule.builders import factory_problem, rich_problem, small_problems
from tests.scenarios.schedule.rich import rich_problems

ROWS = Path(__file__).parent / "rows"


def rows_of(family: str) -> str:
    """Return the rows of one family, one a line, for a problem that has what it is about."""
    own = {other.__name__ for other in FACTORY}
    network = Network.of(factory_problem() if family in own else rich_problem())
    form = Formulation.of(network, dispatch(network, "edd").objective)
    model = pyo.ConcreteModel()
    declare(model, form)
    next(f for f in FAMILIES if f.__name__ == family)(model, form)
    rows = model.component_data_objects(pyo.Constraint, active=True)
    return "".join(f"{row.expr}\n" for row in rows)


@pytest.mark.parametrize("family", [family.__name__ for family in FAMILIES])
def test_rows_of_each_family(family: str) -> None:
    """A family alone makes exactly the rows that were stored and read by a person."""
    assert rows_of(family) == (ROWS / f"{family}.txt").read_text(encoding="utf-8")


def test_no_family_without_stored_rows() -> None:
    """Stored rows and families are the same set."""
    assert {path.stem for path in ROWS.glob("*.txt")} == {family.__name__ for family in FAMILIES}


@given(st.one_of(small_problems(), rich_problems()))
def test_every_schedule_is_a_start(problem: SchedulingProblem) -> None:
    """A schedule of the rules meets every row, with and without its own objective as a limit."""
    network = Network.of(problem)
    schedule = dispatch(network, "edd")
    for upper in (None, schedule.objective):
        form = Formulation.of(network, upper)
        model = build(form)
        write(model, form, schedule)
        assert missed(model, 1e-6) == []
        assert pyo.value(model.cost) <= schedule.objective + 1e-6
        for variable in model.component_data_objects(pyo.Var):
            if variable.value is not None:
                assert variable.lb is None or variable.value >= variable.lb - 1e-6
                assert variable.ub is None or variable.value <= variable.ub + 1e-6


@given(small_problems())
def test_what_was_written_is_read(problem: SchedulingProblem) -> None:
    """Sequences and choices come back from the variables; their earliest times are no worse."""
    network = Network.of(problem)
    schedule = dispatch(network, "spt")
    form = Formulation.of(network, schedule.objective)
    model = build(form)
    write(model, form, schedule)
    sequences, choices, _ = read(model, form)
    assert choices == decisions(network, schedule)[1]
    again = timed(network, sequences, choices)
    assert again is not None
    assert again.objective <= schedule.objective + 1e-9
