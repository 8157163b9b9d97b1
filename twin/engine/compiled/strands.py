"""Components of plain lines: which strand makes its next part now, and what goes into a part.

Each stock is filled by one strand and emptied at one station, in the order in which parts come. So
a strand's next part can be followed all the way as soon as its components were: when they came is
known, and when there was room in their stock follows from parts before it. Strands that supply are
taken as far as they are needed, and to the end when nobody needs them any more.
"""

from __future__ import annotations

from twin.engine.compiled.rows import (
    ARRIVAL,
    ASSEMBLES,
    AT,
    BEGINS,
    BLOCK,
    CONTENT_AREA,
    DRAWN,
    ENDS,
    FIRST_KIT,
    INTS,
    IS_LAST,
    IS_OVER,
    KINDS,
    KIT_COUNT,
    KIT_INTS,
    KIT_STOCK,
    KIT_STRAND,
    LAST_KIT,
    PARTS,
    REALS,
    RING,
    SIZE,
    STOCKED,
    STRAND,
    STRAND_INTS,
    TAKEN,
    UNTIL,
    WHICH,
    WIP_AREA,
    draw_arrivals,
    draw_products,
    draw_works,
    observed,
    piece,
)
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import inlined, inner, outlined


@inlined
def upcoming(run: Ints, row: Ints, table: Floats, times: Floats, strand: int) -> int:
    """Return where the next part of a strand stands in its block, which is drawn if need be."""
    if run[strand + PARTS] == run[strand + DRAWN]:
        _draw_block(run, row, table, times, strand)
    return BLOCK - run[strand + DRAWN] + run[strand + PARTS]


@inner
def _draw_block(run: Ints, row: Ints, table: Floats, times: Floats, strand: int) -> None:
    """Draw all that is known of the next parts before they come."""
    k = run[strand + PARTS]
    if run[strand + KINDS] > 1:
        draw_products(run, table, strand, k)
    for i in range(run[strand + BEGINS], run[strand + ENDS]):
        draw_works(run, row, table, times, strand, i, k)
    if run[strand + ARRIVAL] >= 0:
        draw_arrivals(run, table, times, strand, k)
    run[strand + DRAWN] += BLOCK


@outlined
def supplier(run: Ints, row: Ints, table: Floats, times: Floats, strand: int) -> int:
    """Return the strand whose part has to come next so that one of this strand can be followed."""
    while run[strand + ASSEMBLES]:
        product = run[strand + WHICH + upcoming(run, row, table, times, strand)]
        of, lacking = piece(run, run[strand + ENDS], product), -1
        for kit in range(row[of + FIRST_KIT], row[of + LAST_KIT], KIT_INTS):
            other = STRAND + row[kit + KIT_STRAND] * STRAND_INTS
            there = row[row[kit + KIT_STOCK] * INTS + STOCKED]
            if there < row[kit + KIT_COUNT] and not run[other + IS_OVER]:
                lacking = other
        if lacking < 0:
            break
        strand = lacking
    return strand


@outlined
def kitted_s(
    run: Ints, row: Ints, state: Floats, ring: Floats, span: Floats, told: Floats, i: int,
    product: int, entered_s: float,
) -> float:  # fmt: skip
    """Let the components of a part go into it; return when they are all there, s."""
    of, kitted = piece(run, i, product), entered_s
    for kit in range(row[of + FIRST_KIT], row[of + LAST_KIT], KIT_INTS):
        at, count = row[kit + KIT_STOCK] * INTS, row[kit + KIT_COUNT]
        if row[at + STOCKED] < count:  # its strand is over, so they do not come before the end
            kitted = max(kitted, span[UNTIL])
            count = row[at + STOCKED]
        for j in range(count):
            kitted = max(kitted, ring[row[at + RING] + (row[at + TAKEN] + j) % row[at + SIZE]])
    for kit in range(row[of + FIRST_KIT], row[of + LAST_KIT], KIT_INTS):
        stock = row[kit + KIT_STOCK]
        for _ in range(min(row[kit + KIT_COUNT], row[stock * INTS + STOCKED])):
            _taken(row, state, ring, span, told, stock, kitted)
    return kitted


@inner
def _taken(
    row: Ints, state: Floats, ring: Floats, span: Floats, told: Floats, stock: int, now_s: float
) -> None:
    """Take the component out of a stock that came first."""
    at = stock * INTS
    place = row[at + RING] + row[at + TAKEN]
    spent_s = observed(ring[place], now_s, span)
    state[stock * REALS + CONTENT_AREA] += spent_s
    told[WIP_AREA] += spent_s
    ring[place] = now_s
    row[at + TAKEN] = (row[at + TAKEN] + 1) % row[at + SIZE]
    row[at + STOCKED] -= 1


@outlined
def put_in_stock(
    run: Ints, row: Ints, state: Floats, ring: Floats, span: Floats, told: Floats, strand: int,
    now_s: float,
) -> None:  # fmt: skip
    """Put the part at the end of a strand into its stock."""
    stock = run[strand + ENDS]
    at = stock * INTS
    ring[row[at + RING] + row[at + AT]] = now_s
    row[at + AT] = (row[at + AT] + 1) % row[at + SIZE]
    row[at + STOCKED] += 1
    if run[strand + IS_LAST]:
        _taken(row, state, ring, span, told, stock, span[UNTIL])


@outlined
def leave_in_stock(
    run: Ints, row: Ints, state: Floats, ring: Floats, span: Floats, told: Floats, strand: int
) -> None:
    """Let what is in a stock, and what comes, stay there until the end: nobody needs it."""
    stock = run[strand + ENDS]
    while row[stock * INTS + STOCKED] > 0:
        _taken(row, state, ring, span, told, stock, span[UNTIL])
    run[strand + IS_LAST] = 1
