"""What the kernel reads and writes: one array of whole numbers, one of real numbers.

``M`` holds whole numbers, ``X`` times and other reals. Every table and every piece of a replication
is a *field*: a stretch of M or X. ``M[FIELD]`` is where the field begins, so ``M[M[PART_STEP] + p]``
is the step of part p and ``X[X_FIELD ...]`` reads ``X[M[PART_DONE_S] + p]``. Two flat arrays keep the
kernel's functions cheap to call and quick to compile, and make a replication a copy of two arrays.

Numbers in place of names: stations by ``Line.flow_order``, everything else by id. An *entrance* is a
buffer, or buffers + station for a station that parts enter straight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WAITING, SETUP, PROCESSING, DONE = 0, 1, 2, 3
"""Condition of a part."""
RUNNING, QUEUED, REPAIRING = 0, 1, 2
"""Condition of a failure mode."""
UNLIMITED, INTERARRIVAL, ORDERS = 0, 1, 2
"""How parts come to a source."""
FIFO, SPT, EDD, PRIORITY, PLAN = 0, 1, 2, 3, 4
"""Dispatch rules."""
OK, PARTS_FULL, ENDLESS = 0, 1, 2
"""What the kernel says when it stops."""
MAX_ROUNDS = 100_000
"""Rounds at one moment after which zero-time work is taken for endless."""

# Kinds of timers, by which FIRST_TIMER is ordered.
(T_FINISH, T_LIFE, T_REPAIR, T_SHIFT, T_OUT_START, T_OUT_END, T_SLOW_START, T_SLOW_END, T_RELEASE,
 T_ARRIVAL) = range(10)  # fmt: skip

# Single real numbers, at the front of X.
NOW, WIP_SINCE, WIP_AREA, OBSERVE, END = 0, 1, 2, 3, 4
MOMENTS = 5

# Single whole numbers, at the front of M: counts that change, then sizes that do not.
N_HEAP = 0
N_PARTS = 1
N_FREE = 2
N_FINISHED = 3
N_SCRAPPED = 4
N_LOGGED = 5
N_MOVES = 6
N_ROUNDS = 7
N_WAKES = 8
N_FAILS = 9
N_CREATED = 10
N_FLOWS = 11
N_IN_LINE = 12
N_SLOWED = 13
N_STATUS = 14
N_STARTED = 15
N_LOST = 16
REPLICATION = 17
ANTITHETIC = 18
LONGEST = 19
GROUPS = 20
STATIONS = 21
SERVERS = 22
BUFFERS = 23
MODES = 24
CREWS = 25
SOURCES = 26
ORDER_COUNT = 27
OUTAGES = 28
SLOWDOWNS = 29
GIVEN_STATIONS = 30
WAITING_MODES = 31
ROOM_PARTS = 32
ROOM_FLOWS = 33
ROOM_LOG = 34
SINGLES = 35

# Fields: where M says that they begin.
FIRST_SERVER = 35  # station -> first of its servers; one more at the end
SERVER_STATION = 36
STATION_INPUT = 37  # buffer it takes from, or -1
STATION_RULE = 38
STATION_FINISH = 39  # 1: finishes parts after the shift
STATION_ELEMENT = 40
STATION_QUALITY = 41
STATION_WORK = 42
STATION_SETUP = 43  # row of setup_s, or -1
SETUP_S = 44  # [setup, from group, to group]
CAPACITY = 45
BUFFER_ELEMENT = 46
FEEDERS = 47  # by entrance
FIRST_STEP = 48  # product -> first of its steps; one more
PRODUCT_GROUP = 49
PRODUCT_SINK = 50
STEP_SCRAP = 51
STEP_REWORK = 52
STEP_BACK = 53  # place in the routing that rework goes to, or -1
STEP_LIMIT = 54
STEP_CHOICE = 55  # [step, station] -> row of choices, or -1
CHOICE_TIMES = 56
CHOICE_MEAN_S = 57
FIRST_EXIT = 58  # step -> first of its exits; one more
EXITS = 59  # entrances
FIRST_MODE = 60  # station -> first of its modes; one more
MODE_STATION = 61
MODE_CALENDAR = 62
MODE_CREW = 63
MODE_LIFE = 64
MODE_REPAIR = 65
MODE_LIFE_KEY = 66
MODE_REPAIR_KEY = 67
FIRST_SWITCH = 68  # station -> first of its switches; one more
SWITCH_S = 69
SWITCH_ON = 70  # whether working time begins there
SOURCE_KIND = 71
SOURCE_ELEMENT = 72
SOURCE_TIMES = 73
SOURCE_ARRIVAL_KEY = 74
SOURCE_PRODUCT_KEY = 75
FIRST_SHARE = 76  # source -> first of its shares; one more
SHARE = 77
SHARE_PRODUCT = 78
ORDER_PRODUCT = 79
ORDER_QUANTITY = 80
ORDER_RELEASE_S = 81
ORDER_DUE_S = 82
ORDER_PRIORITY = 83
ORDER_URGENCY = 84
ORDER_PLACE = 85  # [station, order]
ORDER_STATION = 86  # [order, place in routing]: station given, or -1; empty without
OUTAGE_STATION = 87
OUTAGE_SINCE_S = 88
OUTAGE_UNTIL_S = 89
SLOW_STATION = 90
SLOW_SINCE_S = 91
SLOW_UNTIL_S = 92
SLOW_FACTOR = 93
CODE = 94
FIRST_PARAMETER = 95  # distribution -> first of its parameters; one more
PARAMETERS = 96
TIMER_RANK = 97
TIMER_OWNER = 98
TIMER_KIND = 99
FIRST_TIMER = 100  # kind of timer -> first of its timers; one more
DUE_S = 101
TOTAL_S = 102
WORKED_S = 103
SINCE_S = 104  # NaN: it stands still
PLACE = 105  # in the heap, or -1
HEAP = 106
DUE = 107
STATION_ON = 108
STATION_STOPS = 109
STATION_GROUP = 110
STATION_FREE = 111
STATION_WORKING = 112
STATION_FINISHED = 113
STATION_SWITCH = 114
DONE_COUNT = 115
DONE_LIST = 116  # servers, by first_server
SERVER_PART = 117
SERVER_TOLD = 118
WAKES = 119
BUFFER_HEAD = 120
BUFFER_TAIL = 121
BUFFER_LENGTH = 122
MODE_STATUS = 123
MODE_COUNT = 124
MODE_FAILED_S = 125
MODE_NEXT = 126
CREW_FREE = 127
CREW_HEAD = 128
CREW_TAIL = 129
FAILS = 130
SOURCE_CREATED = 131
SOURCE_SINCE_S = 132
SOURCE_HEAD = 133
SOURCE_TAIL = 134
HEAD_KNOWN = 135
HEAD_PRODUCT = 136
HEAD_ORDER = 137
ORDER_RELEASED = 138
ORDER_CREATED = 139
ORDER_FINISHED = 140
ORDER_SCRAPPED = 141
ORDER_LAST_S = 142
OUTAGE_ACTIVE = 143
SLOW_ORDER = 144  # slowdowns in force, oldest first
PART_ID = 145
PART_PRODUCT = 146
PART_ORDER = 147
PART_CREATED_S = 148
PART_ENTERED_S = 149
PART_AT = 150  # entrance; -1 - source for parts at a source
PART_STEP = 151
PART_STATUS = 152
PART_VISITS = 153
PART_SERVER = 154
PART_DONE_S = 155
PART_NEXT = 156
PART_BEFORE = 157
PART_MOVE = 158
PART_REWORKS = 159  # [part, place in routing]
BUSY = 160  # parts in processing, by station
CHANGING = 161  # parts in setup, by station
STATUS_SINCE_S = 162
STATUS_S = 163  # [station, status]
PROCESSED = 164
BAD = 165
PLANNED_S = 166
CONTENT_SINCE_S = 167
CONTENT_AREA = 168
PRODUCT_FINISHED = 169
FLOW_S = 170  # of each part finished
GIVEN_S = 171  # age given which the rest was drawn, by timer; NaN: age 0
REMAINING_S = 172  # time stated to be left at that age; NaN: drawn
SOURCE_DRAWN_S = 173
LOG_NUMBERS = 174  # [row, 4]: kind, element, part, detail
LOG_TIMES = 175  # [row, 2]: time, value
SETUP_TOTAL_S = 176  # by server: total of a setup that is on
STATE_QUEUE = 177  # modes waiting for a crew at the beginning
OUTAGE_LENGTH_S = 178
HEADER = 179

FIELD = {
    name.lower(): value
    for name, value in dict(globals()).items()
    if isinstance(value, int)
    and SINGLES <= value < HEADER
    and name.isupper()
    and name not in ("SINGLES", "HEADER", "MAX_ROUNDS")
}
"""Place in M at which each field's beginning is kept, by name."""
