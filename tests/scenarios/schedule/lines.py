"""Random lines without chance: what plans made from them must be able to keep."""

from __future__ import annotations

import random

from twin.line import (
    Buffer,
    Calendar,
    Constant,
    JobOrder,
    Line,
    Operation,
    Product,
    Setup,
    Shift,
    Source,
    Station,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHIFTS = Calendar(
    id="shifts",
    shifts=(
        Shift(start="06:00", end="06:20", days=DAYS),
        Shift(start="06:35", end="23:00", days=DAYS),
    ),
)
_LATER = Calendar(id="later", shifts=(Shift(start="06:10", end="22:00", days=DAYS),))


def random_line(number: int, *, flow: bool = False) -> Line:
    """Return a line with releases, calendars, setups, small buffers and several machines.

    Parameters
    ----------
    number : int
        Which one.
    flow : bool
        Whether all orders go through all stations, one machine each, in one direction.
    """
    draw = random.Random(number)
    count = draw.randint(2, 5)
    stations, buffers = [], []
    for k in range(count):
        several: dict[str, object] = draw.choice(({}, {}, {"servers": draw.choice((2, 3))}))
        setup: dict[str, object] = {
            "setup": Setup(matrix_s={"a": {"b": 90.0}, "b": {"a": 45.0}}, initial_group="a")
        }
        kinds = [{}, setup, {} if flow else several]
        open_: dict[str, object] = {"calendar": draw.choice((None, None, "shifts", "later"))}
        open_["at_shift_end"] = draw.choice(("stop", "finish"))
        place = f"b{k}" if k == 0 or draw.random() < 0.85 or not flow else None
        stations.append(Station(id=f"s{k}", input_buffer=place, **open_, **draw.choice(kinds)))
        room = draw.choice((None, 1, 3, 8, 20))
        buffers.append(
            Buffer(id=f"b{k}", capacity=room, transit_time_s=draw.choice((0.0, 0.0, 12.0)))
        )
    return Line(
        id="drawn",
        start="2026-01-05T06:00:00",
        sources=(Source(id="in", arrivals="orders"),),
        stations=tuple(stations),
        buffers=tuple(b for b in buffers if any(s.input_buffer == b.id for s in stations)),
        products=tuple(_product(draw, name, count, flow=flow) for name in "ab"),
        calendars=(_SHIFTS, _LATER),
        orders=tuple(_order(draw, j) for j in range(draw.randint(2, 4))),
    )


def _product(draw: random.Random, name: str, count: int, *, flow: bool) -> Product:
    steps = list(range(count))
    if name == "b" and not flow and draw.random() < 0.6:
        steps = sorted({0, *draw.sample(steps, count - 1)})
    routing = tuple(
        Operation(
            id=f"o{k}",
            stations=(f"s{k}", "s0") if not flow and k > 1 and draw.random() < 0.1 else (f"s{k}",),
            processing_time_s=Constant(value_s=float(draw.randint(2, 25))),
        )
        for k in steps
    )
    return Product(id=name, routing=routing)


def _order(draw: random.Random, number: int) -> JobOrder:
    release_s = draw.choice((0.0, 0.0, 300.0, 1500.0))
    return JobOrder(
        id=f"O{number}",
        product=draw.choice("ab"),
        quantity=draw.randint(5, 40),
        release_s=release_s,
        due_date_s=release_s + draw.uniform(300.0, 3000.0),
    )
