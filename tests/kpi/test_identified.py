"""What a real line tells about a part after it was first seen."""

from __future__ import annotations

from twin import summarise
from twin.events import EventLogBuilder, Kind
from twin.line import example_line


def test_what_is_told_later_about_a_part_counts() -> None:
    """A part that was taken for one order and turns out to be of another counts for the other."""
    line = example_line("bottling")
    builder = EventLogBuilder(line)
    names, index = builder.names, builder.index
    first, second = names.orders.index("PO-1001"), names.orders.index("PO-1002")
    water, tea = names.products.index("water_600"), names.products.index("tea_500")
    builder.add(10.0, Kind.PART_CREATED, index["glass_store"], 1, water, float(first))
    builder.add(20.0, Kind.PART_IDENTIFIED, part=1, detail=tea, value=float(second))
    builder.add(30.0, Kind.PART_FINISHED, index["warehouse"], 1)
    found = summarise(builder.log(60.0), line)
    assert float(found.order_finished.sel(order="PO-1002")) == 1
    assert float(found.order_finished.sel(order="PO-1001")) == 0
    assert float(found.finished_by_product.sel(product="tea_500")) == 1
