"""Random times, and what happens at a station: failures, maintenance, people, shifts."""

from __future__ import annotations

from typing import Any, Literal

from hypothesis import strategies as st

from twin.line import (
    AnyDistribution,
    Beta,
    Calendar,
    Constant,
    Crew,
    Discrete,
    Empirical,
    Erlang,
    Exponential,
    Failure,
    Gamma,
    Lognormal,
    Maintenance,
    Need,
    Normal,
    Period,
    Phase,
    Shift,
    Triangular,
    Uniform,
    Wear,
    WearLevel,
    Weibull,
)
from twin.line.calendars import DAYS
from twin.line.products import NOTHING
from twin.line.reliability import Clock as ModeClock
from twin.line.reliability import Effect
from twin.line.workforce import PHASES

Grain = Literal["integer", "tenth", "continuous"]
GRAINS: tuple[Grain, ...] = ("integer", "tenth", "continuous")


def number(draw: st.DrawFn, grain: Grain, low: int, high: int) -> float:
    """Return a number of a grain between two whole ones."""
    if grain == "integer":
        return float(draw(st.integers(low, high)))
    if grain == "tenth":
        return draw(st.integers(10 * low, 10 * high)) / 10
    return draw(st.floats(low, high, allow_subnormal=False))


@st.composite
def times(
    draw: st.DrawFn, grain: Grain, low: int = 1, high: int = 12, *, zero: bool = False
) -> AnyDistribution:
    """Return distributions of times between ``low`` and about ``high`` s, or sometimes zero."""
    if zero and draw(st.integers(0, 9)) == 0:
        return Constant(value_s=0.0)
    a, b, c = sorted(number(draw, grain, low, high) for _ in range(3))
    kinds = ["constant", "discrete"]
    if grain == "continuous":
        kinds += [
            "exponential",
            "uniform",
            "triangular",
            "normal",
            "lognormal",
            "weibull",
            "gamma",
            "erlang",
            "beta",
            "sample",
        ]
    made: dict[str, AnyDistribution] = {
        "constant": Constant(value_s=b),
        "discrete": Discrete(values_s=(a, b, c), weights=(1, 2, 1)),
        "exponential": Exponential(mean_s=b),
        "uniform": Uniform(low_s=a, high_s=c),
        "triangular": Triangular(low_s=a, mode_s=b, high_s=c),
        "normal": Normal(mean_s=b, sd_s=b / 3),
        "lognormal": Lognormal(mean_s=b, sd_s=b / 2),
        "weibull": Weibull(scale_s=b, shape=2.0),
        "gamma": Gamma(scale_s=b / 3, shape=3.0),
        "erlang": Erlang(mean_s=b, stages=2),
        "beta": Beta(low_s=a, high_s=c, alpha=2.0, beta=3.0),
        "sample": Empirical(sample_s=(a, b, c), interpolate=draw(st.booleans())),
    }
    return made[draw(st.sampled_from(kinds))]


def failures_of(draw: st.DrawFn, grain: Grain, has: dict[str, list[str]]) -> tuple[Failure, ...]:
    """Return up to two ways in which a station fails."""
    found = []
    clocks: list[ModeClock] = ["operating", "operating", "calendar"]
    effects: list[Effect] = ["stop", "stop", "stop"]
    clocks.append("cycles")
    effects += ["scrap", "restart", "slow"]
    for k in range(draw(st.integers(0, 2))):
        clock = draw(st.sampled_from(clocks))
        cycles = clock == "cycles"
        effect = draw(st.sampled_from(effects))
        found.append(
            Failure(
                id=f"m{k}",
                clock=clock,
                time_to_failure_s=None if cycles else draw(times(grain, 4, 60)),
                cycles_to_failure=draw(times("integer", 1, 9)) if cycles else None,
                time_to_repair_s=draw(times(grain, 1, 20, zero=True)),
                effect=effect,
                slow_factor=2.0 if effect == "slow" else 1.0,
                **_repairers(draw, has),
            )
        )
    return tuple(found)


def _repairers(draw: st.DrawFn, has: dict[str, list[str]]) -> dict[str, Any]:
    """Return who sees to a failure: nobody, some crew, or whoever has the skill of a crew."""
    name = draw(st.sampled_from([None, *has["crews"]]))
    by_skill = name is not None and draw(st.integers(0, 3)) == 0
    return {"skill": "mend"} if by_skill else {"crew": name}


def maintenance_of(
    draw: st.DrawFn, grain: Grain, failures: tuple[Failure, ...], has: dict[str, list[str]]
) -> tuple[Maintenance, ...]:
    """Return what is planned at a station, now and then."""
    if draw(st.integers(0, 2)) > 0:
        return ()
    kind = draw(st.sampled_from(["every", "used", "cycles", *has["calendars"]]))
    clocks: dict[str, ModeClock] = {"used": "operating", "cycles": "cycles"}
    clock = clocks.get(kind, "calendar")
    return (
        Maintenance(
            id="care",
            every_s=draw(times(grain, 15, 90)) if kind in ("every", "used") else None,
            clock=clock,
            every_cycles=draw(st.integers(1, 9)) if kind == "cycles" else None,
            calendar=kind if kind in has["calendars"] else None,
            duration_s=draw(times(grain, 1, 15, zero=True)),
            interrupts=draw(st.booleans()),
            renews=tuple(mode.id for mode in failures[: draw(st.integers(0, 2))]),
            **_repairers(draw, has),
        ),
    )


def wear_of(
    draw: st.DrawFn,
    grain: Grain,
    failures: tuple[Failure, ...],
    maintenance: tuple[Maintenance, ...],
) -> tuple[Wear | None, tuple[Maintenance, ...]]:
    """Return wear of one or two levels now and then, and maintenance that may wait for it."""
    if draw(st.integers(0, 2)) > 0:
        return None, maintenance
    clocks: list[ModeClock] = ["operating", "calendar", "cycles"]
    clock = draw(st.sampled_from(clocks))
    levels = tuple(
        WearLevel(
            after_s=draw(times(grain, 4, 60)) if clock != "cycles" else None,
            after_cycles=draw(times("integer", 1, 9)) if clock == "cycles" else None,
            failure_factor=draw(st.sampled_from([1.0, 2.0, 3.0])),
            scrap_probability=draw(st.sampled_from([0.0, 0.1, 0.3])),
            time_factor=draw(st.sampled_from([1.0, 1.0, 1.5])),
        )
        for _ in range(draw(st.integers(1, 2)))
    )
    modes = [*(mode.id for mode in failures), *(mode.id for mode in maintenance)]
    mends = {name: draw(st.integers(1, 2)) for name in modes if draw(st.booleans())}
    waits, named = draw(st.booleans()), draw(st.booleans())
    if maintenance and waits:
        care = maintenance[0].model_dump() | {"every_s": None, "every_cycles": None}
        care |= {"clock": "calendar", "calendar": None, "at_level": len(levels)}
        maintenance = (Maintenance.model_validate(care),)
        mends[maintenance[0].id] = draw(st.integers(1, 2))
    ages = (failures[0].id,) if failures and named else ()
    return Wear(clock=clock, levels=levels, ages=ages, lowered_by=mends), maintenance


def needs_of(draw: st.DrawFn, has: dict[str, list[str]]) -> tuple[Need, ...]:
    """Return who must be there for work, now and then; no more than there may be."""
    crews = has["crews"]
    if not crews or draw(st.integers(0, 2)) > 0:
        return ()
    phases: list[Phase] = draw(
        st.lists(st.sampled_from(PHASES), min_size=1, max_size=4, unique=True)
    )
    if draw(st.booleans()):
        return (Need(during=tuple(phases), skill="mend"),)
    return (Need(during=tuple(phases), crew=draw(st.sampled_from(crews))),)


def calendar_of(draw: st.DrawFn) -> Calendar:
    """Return shifts whose switches fall into the first minutes after six o'clock."""
    shifts = []
    for _ in range(draw(st.integers(1, 2))):
        begin = draw(st.integers(0, 4))
        end = draw(st.integers(begin + 1, 6))
        pause = Period(start=f"06:{begin:02d}", end=f"06:{begin + 1:02d}")
        breaks = (pause,) if end > begin + 1 and draw(st.booleans()) else ()
        shifts.append(Shift(days=DAYS, start=f"06:{begin:02d}", end=f"06:{end:02d}", breaks=breaks))
    return Calendar(id="hours", shifts=tuple(shifts))


def crew_of(draw: st.DrawFn, name: str, has: dict[str, list[str]]) -> Crew:
    """Return a pool of people, who may come and go."""
    return Crew(
        id=name,
        size=draw(st.integers(1, 2)),
        skills=("mend", "watch")[: draw(st.integers(1, 2))],
        calendar=draw(st.sampled_from([None, *has["calendars"]])),
        at_shift_end=draw(st.sampled_from(["finish", "stop"])),
    )


def handling_of(draw: st.DrawFn, grain: Grain) -> AnyDistribution:
    """Return the time to put a part in or to take it out; often none."""
    some = draw(st.integers(0, 3)) == 0
    return draw(times(grain, 1, 4)) if some else NOTHING
