"""What the kernel reads and writes: one array of whole numbers, one of real numbers.

``M`` holds whole numbers, ``X`` times and other reals. Every table and every piece of a run is a
*field*: a stretch of M or X. ``M[FIELD]`` is where the field begins, for both arrays: part p is
at step ``M[M[PART_STEP] + p]`` and was done at ``X[M[PART_DONE_S] + p]``. Two flat arrays keep the
kernel's functions cheap to call and quick to compile, and make a replication a copy of two arrays.
``memory`` has the accesses.

Numbers in place of names: stations by ``Line.flow_order``, everything else by id. An *entrance* is
a buffer, or buffers + station for a station that parts enter straight.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.engine.reference.clock import Due
from twin.events.kinds import Kind

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

LOOK_BITS = 62
"""Places of a pass in one word."""
NAN = math.nan
RANK_SHIFT, SUB_SHIFT = 42, 21
"""Bits below the kind, and below the second rank, in a timer's rank."""
SHIFT_START_DUE, SHIFT_END_DUE = int(Due.SHIFT_START), int(Due.SHIFT_END)

# Kinds of rows in the log.
PART_CREATED = int(Kind.PART_CREATED)
BUFFER_ENTERED = int(Kind.BUFFER_ENTERED)
STATION_ENTERED = int(Kind.STATION_ENTERED)
SETUP_STARTED = int(Kind.SETUP_STARTED)
SETUP_ENDED = int(Kind.SETUP_ENDED)
PROCESSING_STARTED = int(Kind.PROCESSING_STARTED)
PROCESSING_ENDED = int(Kind.PROCESSING_ENDED)
REWORK_SENT = int(Kind.REWORK_SENT)
PART_SCRAPPED = int(Kind.PART_SCRAPPED)
PART_FINISHED = int(Kind.PART_FINISHED)
FAILED = int(Kind.FAILED)
REPAIR_STARTED = int(Kind.REPAIR_STARTED)
REPAIRED = int(Kind.REPAIRED)
SHIFT_STARTED = int(Kind.SHIFT_STARTED)
SHIFT_ENDED = int(Kind.SHIFT_ENDED)
RELEASE_NOTED = int(Kind.ORDER_RELEASED)

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
LOOK_WORDS = 35
CONTENDED = 36  # whether some entrance has more than one sender
FULL_SETTLE = 37  # visit everything in each pass; the same result, for comparison
SINGLES = 38

# Fields: where M says that they begin.
FIRST_SERVER = 38  # station -> first of its servers; one more at the end
SERVER_STATION = 39
STATION_INPUT = 40  # buffer it takes from, or -1
STATION_RULE = 41
STATION_FINISH = 42  # 1: finishes parts after the shift
STATION_ELEMENT = 43
STATION_QUALITY = 44
STATION_WORK = 45
STATION_SETUP = 46  # row of setup_s, or -1
SETUP_S = 47  # [setup, from group, to group]
CAPACITY = 48
BUFFER_ELEMENT = 49
FEEDERS = 50  # by entrance
FIRST_STEP = 51  # product -> first of its steps; one more
PRODUCT_GROUP = 52
PRODUCT_SINK = 53
STEP_SCRAP = 54
STEP_REWORK = 55
STEP_BACK = 56  # place in the routing that rework goes to, or -1
STEP_LIMIT = 57
STEP_CHOICE = 58  # [step, station] -> row of choices, or -1
CHOICE_TIMES = 59
CHOICE_MEAN_S = 60
FIRST_EXIT = 61  # step -> first of its exits; one more
EXITS = 62  # entrances
FIRST_MODE = 63  # station -> first of its modes; one more
MODE_STATION = 64
MODE_CALENDAR = 65
MODE_CREW = 66
MODE_LIFE = 67
MODE_REPAIR = 68
MODE_LIFE_KEY = 69
MODE_REPAIR_KEY = 70
FIRST_SWITCH = 71  # station -> first of its switches; one more
SWITCH_S = 72
SWITCH_ON = 73  # whether working time begins there
SOURCE_KIND = 74
SOURCE_ELEMENT = 75
SOURCE_TIMES = 76
SOURCE_ARRIVAL_KEY = 77
SOURCE_PRODUCT_KEY = 78
FIRST_SHARE = 79  # source -> first of its shares; one more
SHARE = 80
SHARE_PRODUCT = 81
ORDER_PRODUCT = 82
ORDER_QUANTITY = 83
ORDER_RELEASE_S = 84
ORDER_DUE_S = 85
ORDER_PRIORITY = 86
ORDER_URGENCY = 87
ORDER_PLACE = 88  # [station, order]
ORDER_STATION = 89  # [order, place in routing]: station given, or -1; empty without
OUTAGE_STATION = 90
OUTAGE_SINCE_S = 91
OUTAGE_UNTIL_S = 92
SLOW_STATION = 93
SLOW_SINCE_S = 94
SLOW_UNTIL_S = 95
SLOW_FACTOR = 96
CODE = 97
FIRST_PARAMETER = 98  # distribution -> first of its parameters; one more
PARAMETERS = 99
TIMER_RANK = 100
TIMER_OWNER = 101
TIMER_KIND = 102
FIRST_TIMER = 103  # kind of timer -> first of its timers; one more
DUE_S = 104
TOTAL_S = 105
WORKED_S = 106
SINCE_S = 107  # NaN: it stands still
PLACE = 108  # in the heap, or -1
HEAP = 109
DUE = 110
STATION_ON = 111
STATION_STOPS = 112
STATION_GROUP = 113
STATION_FREE = 114
STATION_WORKING = 115
STATION_FINISHED = 116
STATION_SWITCH = 117
DONE_COUNT = 118
DONE_LIST = 119  # servers, by first_server
SERVER_PART = 120
SERVER_TOLD = 121
WAKES = 122
BUFFER_HEAD = 123
BUFFER_TAIL = 124
BUFFER_LENGTH = 125
MODE_STATUS = 126
MODE_COUNT = 127
MODE_FAILED_S = 128
MODE_NEXT = 129
CREW_FREE = 130
CREW_HEAD = 131
CREW_TAIL = 132
FAILS = 133
SOURCE_CREATED = 134
SOURCE_SINCE_S = 135
SOURCE_HEAD = 136
SOURCE_TAIL = 137
HEAD_KNOWN = 138
HEAD_PRODUCT = 139
HEAD_ORDER = 140
ORDER_RELEASED = 141
ORDER_CREATED = 142
ORDER_FINISHED = 143
ORDER_SCRAPPED = 144
ORDER_LAST_S = 145
OUTAGE_ACTIVE = 146
SLOW_ORDER = 147  # slowdowns in force, oldest first
PART_ID = 148
PART_PRODUCT = 149
PART_ORDER = 150
PART_CREATED_S = 151
PART_ENTERED_S = 152
PART_AT = 153  # entrance; -1 - source for parts at a source
PART_STEP = 154
PART_STATUS = 155
PART_VISITS = 156
PART_SERVER = 157
PART_DONE_S = 158
PART_NEXT = 159
PART_BEFORE = 160
PART_MOVE = 161
PART_REWORKS = 162  # [part, place in routing]
BUSY = 163  # parts in processing, by station
CHANGING = 164  # parts in setup, by station
STATUS_SINCE_S = 165
STATUS_S = 166  # [station, status]
PROCESSED = 167
BAD = 168
PLANNED_S = 169
CONTENT_SINCE_S = 170
CONTENT_AREA = 171
PRODUCT_FINISHED = 172
FLOW_S = 173  # of each part finished
GIVEN_S = 174  # age given which the rest was drawn, by timer; NaN: age 0
REMAINING_S = 175  # time stated to be left at that age; NaN: drawn
SOURCE_DRAWN_S = 176
LOG_NUMBERS = 177  # [row, 4]: kind, element, part, detail
LOG_TIMES = 178  # [row, 2]: time, value
SETUP_TOTAL_S = 179  # by server: total of a setup that is on
STATE_QUEUE = 180  # modes waiting for a crew at the beginning
OUTAGE_LENGTH_S = 181
LOOK = 182  # bits by place in a pass: stations from the last one upstream, then sources
SENDERS = 183  # [entrance, word]: bits of those who may send there
TAKERS = 184  # [buffer, word]: bits of those who take from it
HEADER = 185

_NAMES = list(globals())
FIELD = {name.lower(): globals()[name] for name in _NAMES[_NAMES.index("FIRST_SERVER") : -1]}
"""Place in M at which each field's beginning is kept, by name."""
