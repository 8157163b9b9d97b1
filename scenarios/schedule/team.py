"""Which engines run side by side on a problem."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from scenarios.schedule.neighbours import roam
from scenarios.schedule.partner import MODULES, Name, Partner
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.race import Improve
from scenarios.schedule.results import Limits
from scenarios.schedule.timing import Network

_SMALL_PAIRS = 150
"""Pairs of operations up to which HiGHS stays in this process: starting another takes longer."""
_LOOK_S = 0.05
"""How often one that waits looks whether the request is over, s."""
_WORTH_S = 1.5
"""Budget from which another process is worth its start, s."""
_NO_CPSAT = "CP-SAT is not installed; pip install 'linetwin[cpsat]'"
_CPSAT_THREADS = 8
"""Threads of CP-SAT: with fewer it has no neighbourhood search, even where cores are few."""
_POLITE = 19
"""How far a solver steps back behind a search: it has eight threads, the search has one."""
_PROOF_SHARE, _PROOF_S = 0.25, 2.0
"""Share of the budget, and least time, s, that a solver has a core of its own for proving what is
small; then another search takes it where searches are far ahead."""
_APART = 1_000_003
"""Difference of the seeds of two searches."""
SOURCES: dict[str, str] = {"highs": "Pyomo and HiGHS", "cpsat": "CP-SAT"}
"""What the solvers are called in results."""


@dataclass(frozen=True, slots=True)
class Member:
    """One engine of a team."""

    source: str
    """What it is called in results."""
    improve: Improve
    seed: int
    workers: int = 1


def team(
    network: Network, limits: Limits, extra: Callable[[Any], None] | None
) -> tuple[list[Member], list[str]]:
    """Return the engines for a problem, and what there is to say about the choice.

    Parameters
    ----------
    network : Network
        The problem.
    limits : Limits
        Engine and cores wanted.
    extra : callable, optional
        A user's own constraints, which only HiGHS in this process knows.
    """
    if extra is not None:
        return [Member(SOURCES["highs"], _highs_here, limits.seed)], []
    if limits.iterations is not None or limits.engine == "search":
        reasons = _declined(network)
        if reasons:
            return [], [f"the search does not know {', '.join(reasons)}"]
        return _searches(limits, 1 if limits.iterations is not None else limits.workers), []
    if limits.engine == "highs":
        return [_solver("highs", network, limits)], []
    if limits.engine == "cpsat":
        return ([], [_NO_CPSAT]) if not _has_cpsat() else ([_solver("cpsat", network, limits)], [])
    return _side_by_side(network, limits), []


def substitutes(network: Network, limits: Limits) -> list[Member]:
    """Return who else may find a schedule where the team has none and has come to its end.

    HiGHS cannot say all demands in rows: what it finds for a small problem may not be one.
    """
    if limits.engine != "auto" or limits.iterations is not None:
        return []
    return [_solver("cpsat", network, limits)] if _is_small(network) and _has_cpsat() else []


def _side_by_side(network: Network, limits: Limits) -> list[Member]:
    """Return the search on all cores but one, and a solver on that one, later a search too."""
    declined = bool(_declined(network))
    members = [Member("neighbour search", roam, limits.seed)]
    if not declined:
        members = _searches(limits, max(1, limits.workers - 1))
        if limits.workers == 1:
            return members
    proof_s, later_s = max(_PROOF_S, _PROOF_SHARE * limits.seconds), 0.0
    if _is_small(network):
        members.append(_solver("highs", network, limits))
        later_s = proof_s
    elif limits.seconds >= _WORTH_S:
        name: Name = "cpsat" if _has_cpsat() else "highs"
        members.append(_solver(name, network, limits, polite=0 if declined else _POLITE))
        later_s = proof_s
    if not declined and _is_shop(network):
        seed = limits.seed + _APART * len(members)
        members.append(Member("search", partial(_search_later, later_s), seed))
    return members


def _searches(limits: Limits, count: int) -> list[Member]:
    return [Member("search", _search, limits.seed + k * _APART) for k in range(count)]


def _solver(name: Name, network: Network, limits: Limits, polite: int = 0) -> Member:
    here = name == "highs" and _is_small(network)
    improve = _highs_here if here else partial(_apart, name, polite)
    threads = _CPSAT_THREADS if name == "cpsat" else 1
    return Member(SOURCES[name], improve, limits.seed, threads)


def _apart(name: Name, polite: int, request: Request) -> Outcome:
    return Partner(name, request, polite).run()


def _is_small(network: Network) -> bool:
    crowds = [0] * len(network.machines)
    for step in network.steps:
        for choice in step.choices:
            crowds[choice.machine] += 1
    return sum(count * (count - 1) // 2 for count in crowds) <= _SMALL_PAIRS


def _has_cpsat() -> bool:
    package = MODULES["cpsat"].rpartition(".")[0]
    return find_spec("ortools") is not None and find_spec(package) is not None


def _declined(network: Network) -> tuple[str, ...]:
    from scenarios.schedule.search.supports import declined  # noqa: PLC0415 - beside its kernels

    return declined(network.problem)


def _is_shop(network: Network) -> bool:
    from scenarios.schedule.search.supports import kind_of  # noqa: PLC0415 - beside its kernels

    return kind_of(network) in {"job shop", "flexible job shop"}


# Engines are loaded when they are needed: the compiler, Pyomo and HiGHS take their time.


def _search(request: Request) -> Outcome:
    from scenarios.schedule.search.engine import improve  # noqa: PLC0415

    return improve(request)


def _search_later(after_s: float, request: Request) -> Outcome:
    begins = time.monotonic() + after_s
    while time.monotonic() < begins:
        if request.over():
            return Outcome(None)
        time.sleep(_LOOK_S)
    return _search(request)


def _highs_here(request: Request) -> Outcome:
    from scenarios.schedule.mip.engine import improve  # noqa: PLC0415

    return improve(request)
