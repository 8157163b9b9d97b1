"""Lives of failure modes, and where each station stands when a log begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.engine.jit import compiled
from twin.engine.model import Draw
from twin.engine.nodes import parameters_of
from twin.engine.streams import Purpose, normal_quantile, stream_key, uniform
from twin.events.log import Stream
from twin.events.state import LineState, ModeState
from twin.line import Failure, Station
from twin.line.reliability import Clock

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def lives_of(station: Station, mode: Failure, stream: Stream) -> Draw:
    """Return the lives of a failure mode, s on its clock, as the engine draws them."""
    code, numbers = parameters_of(mode.life)
    key = stream_key(stream.seed, f"{station.id}/{mode.id}", Purpose.FAILURE)
    return Draw(code, numbers, key, stream.replication, stream.antithetic)


def severity_of(wear: Floats | float, onset: float) -> Floats:
    """Return how strongly signals tell of a wear, 0 to 1.

    Parameters
    ----------
    wear : float or array
        Age over life, 0 to 1.
    onset : float
        Wear below which nothing is seen, at least 0 and below 1.
    """
    return np.square(np.clip((np.asarray(wear) - onset) / (1.0 - onset), 0.0, 1.0))


def noise(key: np.uint64, replication: int, ticks: Whole) -> Floats:
    """Return standard normal numbers of a stream, by their indexes."""
    values = np.empty(len(ticks))
    _fill(key, replication, ticks, values)
    return values


def warm_up() -> None:
    """Compile what makes the noise, so that a plant's first values do not wait for it."""
    noise(np.uint64(0), 0, ticks_of(np.zeros(1)))


@compiled
def _fill(key: np.uint64, replication: int, ticks: Whole, values: Floats) -> None:
    for i in range(len(ticks)):
        values[i] = normal_quantile(uniform(key, replication, ticks[i], 0))


def ticks_of(times_s: Floats) -> Whole:
    """Return the number in the noise stream of each moment: milliseconds, from 2^40 on."""
    return np.rint(times_s * 1000.0).astype(np.int64) + 2**40


def noise_key(stream: Stream, station: str, signal: str) -> np.uint64:
    """Return the key of the noise of one sensor."""
    return stream_key(stream.seed, f"{station}/{signal}", Purpose.SIGNAL)


@dataclass(frozen=True, slots=True)
class ModeStart:
    """One failure mode where a log begins."""

    lives: Draw
    clock: Clock
    up: bool
    number: int
    """Which of its lives it is in; while it is failed, which comes next."""
    age_s: float
    life_s: float


def _mode(station: Station, mode: Failure, stream: Stream, initial: LineState) -> ModeStart:
    lives = lives_of(station, mode, stream)
    found = initial.stations.get(station.id)
    state = (found.modes.get(mode.id) if found else None) or ModeState()
    if state.status != "running":
        return ModeStart(lives, mode.clock, up=False, number=state.count, age_s=0.0, life_s=0.0)
    age_s = state.age.elapsed_s(initial.time_s)
    came = initial.stream
    mine = came and stream == Stream(came.seed, came.replication, came.antithetic)
    given_s = state.age.given_s if mine else age_s
    if state.age.remaining_s is not None:
        life_s = (age_s if given_s is None else given_s) + state.age.remaining_s
    elif given_s is None:
        life_s = lives(state.count)
    else:
        life_s = given_s + lives.left(given_s, state.count)
    return ModeStart(lives, mode.clock, True, state.count, age_s, life_s)


def modes_at_start(station: Station, stream: Stream, initial: LineState) -> tuple[ModeStart, ...]:
    """Return the modes of a station in the order of their numbers in a log."""
    ordered = sorted(station.failures, key=lambda mode: mode.id)
    return tuple(_mode(station, mode, stream, initial) for mode in ordered)


@dataclass(frozen=True, slots=True)
class Counts:
    """Parts in a station by what is done to them, and what stops it."""

    inside: int = 0
    setup: int = 0
    processing: int = 0
    down: int = 0
    off: int = 0


def counts_at_start(station: Station, initial: LineState) -> Counts:
    """Return what a station holds where a log begins."""
    here = [part for part in initial.parts if part.location == station.id]
    state = initial.stations.get(station.id)
    down = 0
    if state is not None:
        stops = {mode.id for mode in station.failures if mode.stops}
        failed = [k for k, mode in state.modes.items() if k in stops and mode.status != "running"]
        down = len(failed) + len(state.outages)
    return Counts(
        inside=len(here),
        setup=sum(part.status == "setup" for part in here),
        processing=sum(part.status == "processing" for part in here),
        down=down,
        off=int(state is not None and not state.on),
    )
