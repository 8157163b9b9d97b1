"""A design: what may be chosen in a line, what that costs, and which choices are allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import Field, JsonValue, ValidationError

from scenarios.whatif.scenario import Scenario
from twin.errors import Finding, InvalidInputError, TwinError
from twin.line import Line
from twin.line.spec import Spec, worded

Design = tuple[int, ...]
"""A value of each variable, in their order; of choices by name, the place in the list."""


class _Checked(Spec):
    """A spec that tells what is wrong with it as other input does."""

    def __init__(self, **data: Any) -> None:
        """Read and check; keywords are the fields."""
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item) for item in error.errors()]
            raise InvalidInputError(f"the {type(self).__name__.lower()}", findings) from error


class Variable(_Checked):
    """Something that may be chosen: a whole number, or one of some named values.

    Examples
    --------
    >>> room = Variable(path="buffers.b1.capacity", low=1, high=20, cost=300.0)
    >>> cards = Variable(path="loops.all.cards", low=5, high=60)
    >>> shifts = Variable(
    ...     path="calendars.day.shifts",
    ...     choices={"one": [{"start": "06:00", "end": "14:00"}]},
    ...     costs={"one": 0.0},
    ... )
    """

    path: str = Field(min_length=1)
    """Path of the value in the line, such as ``stations.filler.servers``. A buffer's capacity may
    be 0: then the buffer goes, and its stations take parts straight from the one before."""
    low: int = Field(default=1, ge=0)
    """Smallest value."""
    high: int = Field(default=1, ge=0, le=1_000_000)
    """Largest value."""
    cost: Annotated[float, Field(ge=0)] = 0.0
    """Cost of each one, from zero on."""
    choices: dict[str, JsonValue] = Field(default_factory=dict)
    """In place of numbers: values by name, such as shift patterns."""
    costs: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Cost of each choice; what is left out costs nothing."""

    @property
    def span(self) -> tuple[int, int]:
        """Smallest and largest number that stands for a value."""
        return (0, len(self.choices) - 1) if self.choices else (self.low, self.high)

    def cost_of(self, value: int) -> float:
        """Return what a value costs."""
        if self.choices:
            return self.costs.get(list(self.choices)[value], 0.0)
        return self.cost * value

    def shown(self, value: int) -> int | str:
        """Return a value as people know it."""
        return list(self.choices)[value] if self.choices else value


class Total(_Checked):
    """A limit on the sum of some variables, such as the places of all buffers."""

    paths: tuple[str, ...] = ("buffers.*.capacity",)
    """Paths of the variables; ``*`` stands for any text."""
    exactly: int | None = Field(default=None, ge=0)
    """What the sum must be."""
    at_most: int | None = Field(default=None, ge=0)
    """What the sum must not exceed."""

    def allows(self, amount: int) -> bool:
        """Tell whether a sum is allowed."""
        if self.exactly is not None and amount != self.exactly:
            return False
        return self.at_most is None or amount <= self.at_most

    def covers(self, path: str) -> bool:
        """Tell whether a variable counts."""
        return any(fnmatchcase(path, pattern) for pattern in self.paths)


@dataclass(frozen=True, slots=True)
class Space:
    """All designs of a line that are allowed."""

    line: Line
    variables: tuple[Variable, ...]
    totals: tuple[Total, ...]
    most_cost: float | None

    def cost(self, design: Design) -> float:
        """Return what a design costs."""
        pairs = zip(self.variables, design, strict=True)
        return sum(variable.cost_of(value) for variable, value in pairs)

    def excess(self, design: Design) -> float:
        """Return how far a design breaks totals and budget; 0: it is allowed."""
        far = 0.0
        for total in self.totals:
            pairs = zip(self.variables, design, strict=True)
            amount = sum(value for one, value in pairs if total.covers(one.path))
            if total.exactly is not None:
                far += abs(amount - total.exactly)
            if total.at_most is not None:
                far += max(0, amount - total.at_most)
        if self.most_cost is not None:
            over = self.cost(design) - self.most_cost
            far += max(0.0, over) if over > 1e-9 * max(1.0, self.most_cost) else 0.0
        return far

    def inside(self, design: Design) -> bool:
        """Tell whether every value lies within its span."""
        pairs = zip(self.variables, design, strict=True)
        return all(one.span[0] <= value <= one.span[1] for one, value in pairs)

    def allows(self, design: Design) -> bool:
        """Tell whether a design is allowed."""
        return self.inside(design) and self.excess(design) == 0.0

    def named(self, design: Design) -> dict[str, int | str]:
        """Return a design by path, as people know the values."""
        pairs = zip(self.variables, design, strict=True)
        return {variable.path: variable.shown(value) for variable, value in pairs}

    def changes(self, design: Design) -> dict[str, JsonValue]:
        """Return the changes that make a line of this design."""
        changes: dict[str, JsonValue] = {}
        for variable, value in zip(self.variables, design, strict=True):
            section, _, rest = variable.path.partition(".")
            if variable.choices:
                changes[variable.path] = variable.choices[str(variable.shown(value))]
            elif section == "buffers" and rest.endswith(".capacity") and value == 0:
                buffer = rest.removesuffix(".capacity")
                for station in self.line.stations:
                    if station.input_buffer == buffer:
                        changes[f"stations.{station.id}.input_buffer"] = None
                changes[f"buffers.{buffer}"] = {"remove": True}
            else:
                changes[variable.path] = value
        return changes

    def scenario(self, design: Design, name: str) -> Scenario:
        """Return a design as a scenario."""
        return Scenario(name=name, changes=self.changes(design))


def space(
    line: Line,
    variables: Sequence[Variable],
    constraints: Sequence[Total] = (),
    most_cost: float | None = None,
) -> Space:
    """Return the designs that are allowed.

    Raises
    ------
    InvalidInputError
        With everything that is wrong: paths that the line does not have, spans that are empty,
        limits that nothing meets.
    """
    found = Space(line, tuple(variables), tuple(constraints), most_cost)
    findings = [f for one in variables for f in _wrong(line, one)]
    paths = [one.path for one in variables]
    findings += [
        Finding(f"variables.{path}", f"is there {paths.count(path)} times", "once")
        for path in dict.fromkeys(paths)
        if paths.count(path) > 1
    ]
    if not variables:
        findings.append(Finding("variables", "nothing may be chosen", "at least one variable"))
    for number, total in enumerate(constraints):
        covered = [one for one in variables if total.covers(one.path)]
        at = f"constraints.{number}"
        if not covered or any(one.choices for one in covered):
            findings.append(Finding(f"{at}.paths", "must name variables that are numbers"))
            continue
        least, largest = (sum(one.span[side] for one in covered) for side in (0, 1))
        wanted = total.exactly if total.exactly is not None else total.at_most
        if wanted is None:
            findings.append(Finding(at, "limits nothing", "exactly or at_most"))
        elif wanted < least or (total.exactly is not None and wanted > largest):
            findings.append(Finding(at, f"{wanted} cannot be met", f"{least} to {largest}"))
    if most_cost is not None and not findings:
        cheapest = sum(min(map(v.cost_of, range(v.span[0], v.span[1] + 1))) if v.choices
                       else v.cost_of(v.low) for v in variables)  # fmt: skip
        if cheapest > most_cost:
            message = f"the cheapest design costs {cheapest:g}, the budget is {most_cost:g}"
            findings.append(Finding("most_cost", message, f"at least {cheapest:g}"))
    if findings:
        raise InvalidInputError("the design question", findings)
    return found


def _wrong(line: Line, variable: Variable) -> list[Finding]:
    at = f"variables.{variable.path}"
    low, high = variable.span
    if not variable.choices and low > high:
        return [Finding(at, f"low {low} is above high {high}", "low at most high")]
    if strange := set(variable.costs) - set(variable.choices):
        known = ", ".join(variable.choices) or "none"
        return [Finding(f"{at}.costs", f"no such choices: {sorted(strange)}", f"one of: {known}")]
    alone = Space(line, (variable,), (), None)
    try:
        for value in range(low, high + 1) if variable.choices else (low, high):
            alone.scenario((value,), "try").apply(line)
    except TwinError as error:
        told = getattr(error, "findings", [])
        if not told:
            return [Finding(at, str(error))]
        return [Finding(at, f.message, f.expected, f.remedy) for f in told]
    return []


@dataclass(frozen=True, slots=True)
class Tried:
    """A design that was simulated."""

    values: Mapping[str, int | str]
    """Value by path."""
    cost: float
    mean: float
    """Mean of the objective."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end."""
    replications: int

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)
