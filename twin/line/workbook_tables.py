"""The sheets of a line's workbook: what stands in them, and what may be chosen."""

from __future__ import annotations

from twin.line.sheets import Column, Table

TIME_KINDS = ("constant", "exponential", "lognormal", "normal", "uniform")
ARRIVALS = ("unlimited", "interarrival", "orders")
ENDS = ("stop", "finish")
RULES = ("fifo", "spt", "edd", "priority", "plan")

_ID = "Short name, such as filler; of other letters than a to z an id is made"
_NAME = "Name for people, in any script"
_TIME = "seconds, or text such as 12 s, 1.5 min; a column called time_min counts minutes"
LINE = Table(
    "line",
    "What the line is called, and where its clock stands.",
    (
        Column(
            "key", "id, name, description, time_zone, start, price_per_kwh or carbon_kg_per_kwh"
        ),
        Column("value", "e.g. bottling; Asia/Bangkok; 2026-01-05 06:00"),
    ),
)
STATIONS = Table(
    "stations",
    "One row per place of work.",
    (
        Column("id", _ID),
        Column("name", _NAME),
        Column("servers", "Parts that can be worked on at one time; empty: 1"),
        Column("input_buffer", "Buffer from which it takes parts; empty: straight from before"),
        Column("dispatch_rule", "Which waiting part goes first; empty: fifo", RULES),
        Column("mtbf_s", f"Mean working time between failures: {_TIME}; empty: never fails"),
        Column("mttr_s", f"Mean time to repair: {_TIME}"),
        Column("crew", "Who repairs, see the sheet crews; empty: repair starts at once"),
        Column("calendar", "When it is on, see the sheet shifts; empty: always"),
        Column("at_shift_end", "Whether work pauses or is finished first; empty: stop", ENDS),
        Column(
            "operators",
            "Who must be there while it processes: crews, with how many, such as packers 2",
        ),
        Column("batch", "Parts worked on together at most, such as 40; empty: one by one"),
        Column("batch_least", "Parts that such a batch waits for; empty: 1"),
        Column("batch_wait_s", f"Longest wait for them: {_TIME}; empty: without end"),
        Column("power_kw", "Electric power while it processes, kW; empty: not counted"),
        Column("idle_kw", "Electric power while it waits, kW"),
    ),
)
BUFFERS = Table(
    "buffers",
    "One row per place where parts wait.",
    (
        Column("id", _ID),
        Column("name", _NAME),
        Column("capacity", "Places; empty: no limit"),
        Column("transit_time_s", f"Of a conveyor, from its entrance to its end: {_TIME}"),
    ),
)
PRODUCTS = Table(
    "products",
    "One row per operation, in order. Leave product empty to go on with the one above.",
    (
        Column("product", _ID, goes_on=True),
        Column("name", _NAME, goes_on=True),
        Column("operation", "Short name of the step, such as fill"),
        Column("stations", "Stations that can do it, separated by commas, the preferred one first"),
        Column("time_s", f"Mean time per part, or for a whole batch: {_TIME}"),
        Column("kind", "How the time scatters; empty: constant", TIME_KINDS),
        Column("spread_s", "Standard deviation (lognormal, normal) or half of the width (uniform)"),
        Column("scrap", "Share of the parts that are scrapped here, such as 0.01"),
        Column("rework", "Share of the parts that go back, three times at most, such as 0.02"),
        Column("rework_to", "Operation to which they go back; empty: this one once more"),
        Column("family", "Products without setups between them; empty: its own", goes_on=True),
    ),
)
SOURCES = Table(
    "sources",
    "Where parts come from. Empty: by the orders, or without limit where there are none.",
    (
        Column("id", _ID),
        Column("arrivals", "How parts come", ARRIVALS),
        Column("interarrival_s", f"Mean time between arrivals: {_TIME}; only with interarrival"),
        Column("products", "What comes, separated by commas; empty: the only product"),
    ),
)
ORDERS = Table(
    "orders",
    "One row per job order.",
    (
        Column("id", _ID),
        Column("product", "What is made"),
        Column("quantity", "Parts"),
        Column("release", "From when on: a moment such as 2026-01-05 08:00, or 2 h after start"),
        Column(
            "due",
            "By when: a moment, the end of a day, or a time after the start; empty: none",
        ),
        Column("priority", "Weight; a higher one is more urgent; empty: 1"),
    ),
)
SHIFTS = Table(
    "shifts",
    "One row per shift of a calendar. Leave calendar empty to go on with the one above, start and "
    "end too for another break of the shift above.",
    (
        Column("calendar", _ID, goes_on=True),
        Column("days", "mon, tue, ... separated by commas; empty: mon to fri"),
        Column("start", "Clock time such as 06:00"),
        Column("end", "Clock time such as 14:00"),
        Column("break_start", "Clock time; empty: no break"),
        Column("break_end", "Clock time"),
        Column("name", _NAME, goes_on=True),
    ),
)
CREWS = Table(
    "crews",
    "Who works and repairs. A crew that is named at a station and not here has one person.",
    (
        Column("id", _ID),
        Column("size", "How many people there are"),
        Column("calendar", "When they are there, see the sheet shifts; empty: always"),
        Column("name", _NAME),
    ),
)
SETUPS = Table(
    "setups",
    "Time to change a station over from one family of products to another. What is not here takes "
    "no time.",
    (
        Column("station", "One or more, separated by commas; empty: as above", goes_on=True),
        Column("from", "Family, or a product that has none; empty or *: any other"),
        Column("to", "The same; the row that names more counts"),
        Column("time_s", f"Time: {_TIME}"),
    ),
)
HOLIDAYS = Table(
    "holidays",
    "Days on which no shift begins.",
    (
        Column("date", "A day such as 2026-04-13"),
        Column("calendar", "One or more, see the sheet shifts; empty: all"),
        Column("name", "What for, for people"),
    ),
)
TABLES = (
    LINE, STATIONS, BUFFERS, PRODUCTS, SETUPS, SOURCES, ORDERS, SHIFTS, HOLIDAYS, CREWS,
)  # fmt: skip
