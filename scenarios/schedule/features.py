"""Which demands a problem makes, so that an engine can say whether it knows them all."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from scenarios.schedule.problem import SchedulingProblem


class Feature(StrEnum):
    """A demand beyond machines that do one thing at a time, and precedences."""

    ALTERNATIVES = "alternatives"
    RELEASES = "releases"
    DEADLINES = "deadlines"
    SETUPS = "setups"
    CLOSURES = "closures"
    OVERLAP = "overlap"
    SAME_ORDER = "same_order"
    FIXED = "fixed"
    RUNNING = "running"
    RESOURCES = "resources"
    SETUP_NEEDS = "setup_needs"
    TRANSPORT = "transport"
    MAX_WAIT = "max_wait"
    BLOCKING = "blocking"
    BATCHES = "batches"
    CAMPAIGNS = "campaigns"
    ENERGY = "energy"
    STABILITY = "stability"


def features(problem: SchedulingProblem) -> frozenset[Feature]:
    """Return every demand that the problem makes."""
    return frozenset([*_of_jobs(problem), *_of_machines(problem), *_of_plan(problem)])


def _of_jobs(problem: SchedulingProblem) -> Iterator[Feature]:
    for job in problem.jobs:
        if job.release_s > problem.start_s:
            yield Feature.RELEASES
        if job.deadline_s is not None:
            yield Feature.DEADLINES
        for operation in job.operations:
            if len(operation.modes) > 1:
                yield Feature.ALTERNATIVES
            if operation.overlap:
                yield Feature.OVERLAP
            if operation.fixed_start_s is not None:
                yield Feature.FIXED
            if operation.max_wait_s is not None:
                yield Feature.MAX_WAIT
            if any(mode.needs for mode in operation.modes):
                yield Feature.RESOURCES


def _of_machines(problem: SchedulingProblem) -> Iterator[Feature]:
    for machine in problem.machines:
        if any(any(times.values()) for times in machine.setup_s.values()):
            yield Feature.SETUPS
            if machine.setup_needs:
                yield Feature.SETUP_NEEDS
        for present, feature in (
            (machine.unavailable, Feature.CLOSURES),
            (machine.running, Feature.RUNNING),
            (machine.input_buffer is not None, Feature.BLOCKING),
            (machine.batch_size > 1, Feature.BATCHES),
            (machine.campaign_least > 1, Feature.CAMPAIGNS),
        ):
            if present:
                yield feature


def _of_plan(problem: SchedulingProblem) -> Iterator[Feature]:
    if problem.horizon_s is not None:
        yield Feature.DEADLINES
    if problem.same_order:
        yield Feature.SAME_ORDER
    if any(any(times.values()) for times in problem.transport_s.values()):
        yield Feature.TRANSPORT
    if problem.objective.energy:
        yield Feature.ENERGY
    if problem.objective.stability:
        yield Feature.STABILITY
    if problem.freeze_until_s is not None:
        yield Feature.FIXED
