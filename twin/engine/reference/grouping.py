"""Parts that go together, and parts that become others."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from twin.engine.reference.run import Part
from twin.events.beginning import PARTS_PER_SLOT
from twin.events.kinds import Kind
from twin.line import Batch

if TYPE_CHECKING:
    from twin.engine.reference.places import BufferPlace, StationPlace


def batch_of(ranked: list[Part], batch: Batch, buffer: BufferPlace, goal: str) -> list[Part]:
    """Return the parts, in the order of a dispatch rule, that go to a station together now."""
    run = buffer.run
    alike: dict[Hashable, list[Part]] = {}
    for part in ranked:
        alike.setdefault(_likeness(part, batch.alike), []).append(part)
    for found in alike.values():
        chosen = found[: batch.max]
        enough = len(chosen) >= batch.min
        if not enough and batch.wait_s is not None:
            first_s = min(buffer.ready_s(part) for part in found)
            enough = run.clock.now >= first_s + batch.wait_s
        if enough and run.cards.admit_all(chosen, buffer.id, goal):
            return chosen
    return []


def _likeness(part: Part, alike: str) -> Hashable:
    """Return what parts of one batch have in common."""
    if alike == "any":
        return None
    if alike == "group":
        return part.way.spec.group
    if alike == "family":
        return (part.way.spec.id, part.step, part.family)
    return (part.way.spec.id, part.step)


def replace(station: StationPlace, inside: list[Part], first: Part, parts: list[Part]) -> None:
    """Let parts that are done become others; ``inside`` are all parts on their server.

    The new ones are as old as the oldest of them, and of their order if they have one in common.
    """
    run, number_of_server = station.run, first.server
    orders = {part.order for part in parts}
    order = orders.pop() if len(orders) == 1 else None
    step = parts[0].way.steps[parts[0].step - 1]
    for part in parts:
        run.note(Kind.PART_REPLACED, station.number, part.id, part.step - 1)
        inside.remove(part)
        if order is None:
            run.take_out(part, good=True)
        else:
            run.forget(part)
    made = [name for name, count in step.makes for _ in range(count)]
    for name in made:
        number = station.slot * PARTS_PER_SLOT + station.made
        station.made += 1
        new = Part(
            number, run.ways[name], order, min(part.created_s for part in parts), station.id,
            run.clock.now, status="done", server=number_of_server, done_s=run.clock.now,
            family=first.id,
        )  # fmt: skip
        run.put_in(new)
        inside.append(new)
        code = -1.0 if order is None else float(run.order_numbers[order])
        run.note(Kind.PART_MADE, station.number, number, new.way.index, code)
        run.ready(new)
    if order is not None:
        run.orders[order].extra += len(made) - len(parts)
