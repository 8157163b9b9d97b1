"""What the kernel reads and writes: records of whole and real numbers in one piece of memory.

A *record* is a kind of thing with the same fields for each: stations, servers, parts. The fields of
one thing lie side by side, so that what is used together is loaded together. ``M`` is the memory
as whole numbers, ``X`` the same memory as reals; a field is always the one or always the other.
``get(M, PART_STEP, p)`` is the place of part p in its routing, ``real(M, X, PART_DONE_S, p)`` the
moment at which it was done. A field's number tells its record and its column; where a record begins
stands at the front of M. ``memory`` has the accesses, ``layout`` lays the fields out.

A new field: one line here, beside its siblings, and its first values where ``lower`` (never changes
during a run) or ``template`` (does) have those of its siblings, under the same name in small
letters. Nothing else knows of it. A field named ``FIRST_...`` is followed by one more value: the
things that belong to station s are ``FIRST_MODE`` of s up to ``FIRST_MODE`` of s + 1.

Numbers in place of names: stations by ``Line.flow_order``, everything else by id. An *entrance* is
a buffer, or buffers + station for a station that parts enter straight. A *place* of a pass is a
station from the last one upstream, then a source.
"""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from twin.engine.reference.clock import Due
from twin.events.kinds import Kind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WAITING, SETUP, PROCESSING, DONE, LOADING, UNLOADING = range(6)
"""Condition of a part."""
FRESH, LOADED, WORKED = 0, 1, 2
"""What is over of a visit: nothing, loading, processing."""
TO_SET_UP, TO_LOAD, TO_PROCESS, TO_UNLOAD = range(4)
"""Phases of a visit."""
RUNNING, QUEUED, REPAIRING, AWAITED = 0, 1, 2, 3
"""Condition of a mode; awaited: maintenance that is due while work goes on."""
STOPS, SCRAPS, RESTARTS, SLOWS, IS_MAINTAINED = range(5)
"""What a mode does to its station; the last: it is maintenance."""
OPERATING, BY_CALENDAR, CYCLES = 0, 1, 2
"""Clock of a mode."""
UNLIMITED, INTERARRIVAL, ORDERS = 0, 1, 2
"""How parts come to a source."""
(FIFO, SPT, EDD, PRIORITY, PLAN, LIFO, LONGEST_WAITING, OLDEST, LPT, OPERATION_DUE_DATE,
 EARLIEST_RELEASE, SLACK, CRITICAL_RATIO, ATC, MOST_WORK, LEAST_WORK, MOST_OPERATIONS,
 LEAST_OPERATIONS, LEAST_SETUP) = range(19)  # fmt: skip
"""Dispatch rules."""
PREFERENCE, SHORTEST_QUEUE, ROUND_ROBIN, PROBABILITY = range(4)
"""How an operation's stations are chosen among."""
BY_PRODUCT, BY_GROUP, BY_FAMILY, BY_NOTHING = range(4)
"""What parts of a batch have in common."""
IS_IDLE, FETCHES, PICKS, CARRIES, DROPS, RETURNS = range(6)
"""What a vehicle does."""
VEHICLE_STATES = 6
GOOD, BACK, LOST = range(3)
"""What becomes of a part: on to its next operation, back to one, or scrapped."""
LEAVES, OPEN = -2, -1
"""Where a step leads, where that is not one entrance."""
NO_LIMIT = 1 << 60
"""Capacity of a buffer without one."""
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
LOADING_STARTED = int(Kind.LOADING_STARTED)
LOADING_ENDED = int(Kind.LOADING_ENDED)
UNLOADING_STARTED = int(Kind.UNLOADING_STARTED)
UNLOADING_ENDED = int(Kind.UNLOADING_ENDED)
WORK_ABORTED = int(Kind.WORK_ABORTED)
MAINTENANCE_DUE = int(Kind.MAINTENANCE_DUE)
MAINTENANCE_READY = int(Kind.MAINTENANCE_READY)
MAINTENANCE_STARTED = int(Kind.MAINTENANCE_STARTED)
MAINTENANCE_ENDED = int(Kind.MAINTENANCE_ENDED)
WORK_PAUSED = int(Kind.WORK_PAUSED)
WORK_RESUMED = int(Kind.WORK_RESUMED)
CREW_TAKEN = int(Kind.CREW_TAKEN)
CREW_RELEASED = int(Kind.CREW_RELEASED)
CREW_CAME = int(Kind.CREW_CAME)
CREW_LEFT = int(Kind.CREW_LEFT)
REPAIR_PAUSED = int(Kind.REPAIR_PAUSED)
SHIFT_ENDED = int(Kind.SHIFT_ENDED)
WEAR_RISEN = int(Kind.WEAR_RISEN)
WEAR_LOWERED = int(Kind.WEAR_LOWERED)
VEHICLE_ASKED = int(Kind.VEHICLE_ASKED)
VEHICLE_SENT = int(Kind.VEHICLE_SENT)
PICKUP_STARTED = int(Kind.PICKUP_STARTED)
PART_LOADED = int(Kind.PART_LOADED)
DROP_STARTED = int(Kind.DROP_STARTED)
VEHICLE_FREE = int(Kind.VEHICLE_FREE)
WAIT_EXCEEDED = int(Kind.WAIT_EXCEEDED)
PART_MADE = int(Kind.PART_MADE)
PART_REPLACED = int(Kind.PART_REPLACED)
PART_CONSUMED = int(Kind.PART_CONSUMED)
SERVER_CLEARED = int(Kind.SERVER_CLEARED)
RELEASE_NOTED = int(Kind.ORDER_RELEASED)

# Kinds of timers, by which FIRST_TIMER is ordered.
(T_FINISH, T_LIFE, T_REPAIR, T_SHIFT, T_OUT_START, T_OUT_END, T_SLOW_START, T_SLOW_END, T_RELEASE,
 T_ARRIVAL, T_CREW, T_AWAY_START, T_AWAY_END, T_SHORT_START, T_SHORT_END, T_OVERDUE,
 T_LOOK, T_WEAR, T_VEHICLE) = range(19)  # fmt: skip

# Single numbers, at the front of the memory: reals first.
NOW, WIP_SINCE, WIP_AREA, OBSERVE, FLOW_TOTAL = range(5)
# Counts that change.
(N_PARTS, N_FREE, N_FINISHED, N_SCRAPPED, N_LOGGED, N_MOVES, N_ROUNDS, N_WAKES, N_FAILS, N_CREATED,
 N_FLOWS, N_IN_LINE, N_SLOWED, N_STATUS, N_STARTED, N_LOST, N_STALE, N_DUE,
 N_FIRED, N_ASKING, PEOPLE_NEWS, N_OVERDUE) = range(5, 27)  # fmt: skip
# Sizes and settings that do not.
(REPLICATION, ANTITHETIC, STEP_ROWS, GROUPS, STATIONS, SERVERS, BUFFERS, MODES, CREWS, SOURCES,
 ORDER_COUNT, OUTAGES, SLOWDOWNS, GIVEN_STATIONS, WAITING_MODES, ROOM_PARTS, ROOM_LOG, LOOK_WORDS,
 LEAF, SLOTS, MANNED, ABSENCES, SHORTAGES) = range(27, 50)  # fmt: skip
CONTENDED = 50  # whether some entrance has more than one sender
FULL_SETTLE = 51  # visit everything in each pass; the same result, for comparison
STEERED = 52  # whether a plan, a turn or a draw names the one station that a part may go to
FIRST_SOURCE = 53  # place of the first source in a pass
PRODUCTS = 54
LOOPS = 55
LIMITED = 56  # whether some parts may wait only so long
FOLLOWED = 57  # whether moves of parts are to be followed: for cards or for longest waits
LOOKS = 58  # whether some buffer takes time, or parts wait there for a batch only so long
BATCHES = 59  # whether some station works in batches
ASIDE = 60  # whether parts have the fields that only some lines need
GROUPED = 61  # whether parts go together, wait for components or become others somewhere
POOLS = 62  # of vehicles
SITES = 63  # where vehicles may be; see carriers
MOVES = 64  # what vehicles carry: from which sites, to which
N_READY = 65  # vehicles that have loaded or unloaded in this round
SUPPOSED = 66  # whether it is asked what would be if vehicles were idle
N_QUEUED = 67  # modes that wait for people
CALLERS = 68  # senders whose parts vehicles may fetch
BEGINS = 69
"""From here on: where each record begins."""


class Record:
    """Things with the same fields; ``room``: as many as have their place in a common layout."""

    def __init__(self, room: int = 0) -> None:
        self.number = len(RECORDS)
        self.width = 0
        self.room = room
        RECORDS.append(self)

    def field(self) -> int:
        """Return the number of a further field."""
        self.width += 1
        return (self.number << COLUMN_BITS) + self.width - 1


def vector(room: int = 0) -> int:
    """Return the number of a field that stands alone."""
    return Record(room).field()


COLUMN_BITS = 6
ANY_ROOM = -1
"""Room of the record that stands last in the common layout and may have as many as it needs."""
RECORDS: list[Record] = []
"""All records, by number."""
_BEFORE = len(globals())

_station = Record(62)
STATION_ON = _station.field()
STATION_STOPS = _station.field()  # failures, outages and maintenance in force
STATION_AWAITS = _station.field()  # maintenance that is due and waits for work to end
STATION_MAINTAINED = _station.field()  # maintenance in force
STATION_SLOWS = _station.field()  # failures in force that slow it; one more where it wears
STATION_FREE = _station.field()  # servers
DONE_COUNT = _station.field()
FIRST_SERVER = _station.field()
STATION_INPUT = _station.field()  # buffer it takes from, or -1
STATUS_SINCE_S = _station.field()
BUSY = _station.field()  # parts in processing
CHANGING = _station.field()  # parts in setup
HANDLING = _station.field()  # parts that are loaded or unloaded
STATION_WORKING = _station.field()  # servers that process and do not stand still
STATION_WEARS = _station.field()
FIRST_MODE = _station.field()
STATION_MORE = _station.field()  # whether there is more to it than setups and failures that stop
STATION_SETUP = _station.field()  # row of setup_s, or -1
STATION_GROUP = _station.field()  # setup group in place, or -1
STATION_WORK = _station.field()  # key of its processing times
STATION_QUALITY = _station.field()  # key of its scrap and rework
STATION_LOAD = _station.field()  # key of its loading times
STATION_UNLOAD = _station.field()  # key of its unloading times
STATION_ELEMENT = _station.field()
STATION_RULE = _station.field()  # the first of its rules
FIRST_RULE = _station.field()
STATION_PICKY = _station.field()  # whether it may not take each part that waits for it
STATION_TAKES_ANY = _station.field()  # whether the first part in its buffer is always the one
STATION_FINISHED = _station.field()
PROCESSED = _station.field()
PLANNED_S = _station.field()
BAD = _station.field()
STATION_FINISH = _station.field()  # 1: finishes parts after the shift
STATION_CLOSES = _station.field()  # 1: nothing comes or goes while it is down
FIRST_SWITCH = _station.field()
STATION_SWITCH = _station.field()  # switches done
PROCESSING_S = _station.field()  # server-seconds in each status
SETUP_STATUS_S = _station.field()
BLOCKED_S = _station.field()
STARVED_S = _station.field()
FAILED_S = _station.field()
OFF_S = _station.field()
HANDLING_S = _station.field()
MAINTENANCE_S = _station.field()
NO_OPERATOR_S = _station.field()
STATION_MANNED = _station.field()  # whether some work needs people
STATION_ATTENDED = _station.field()  # whether a part that waits to be worked on waits for people
STATION_CLAIM = _station.field()
AHEAD_FROM = _station.field()  # the first part of those whose numbers are drawn ahead; see ahead
AHEAD_TO = _station.field()  # and the first after them
AHEAD_KIND = _station.field()  # the visit that they are drawn for, and their form
STATION_COMING = _station.field()  # servers kept for parts on vehicles; they do not count as free
VEHICLE_WAIT_S = _station.field()  # part-seconds that only a vehicle was missing
STATION_SEVERAL = _station.field()  # whether a server may hold several parts

_group = Record(62)  # of a station, in lines where parts come together
BATCH_MIN = _group.field()  # 0: no batches
BATCH_MAX = _group.field()
BATCH_WAIT_S = _group.field()  # infinite: without an end
BATCH_ALIKE = _group.field()
BATCH_PLAIN = _group.field()  # whether the first parts in its buffer are always the ones
STATION_SLOT = _group.field()  # of the numbers of parts made there of others, or -1
STATION_MADE = _group.field()
LACKING_COUNT = _group.field()  # servers whose part waits for components

_server = Record(96)
SERVER_PART = _server.field()
SERVER_STATION = _server.field()
SERVER_TOLD = _server.field()
SERVER_CHOICE = _server.field()  # row of choices of the part in processing
DONE_LIST = _server.field()  # servers of a station, by first_server, oldest first
WAKES = _server.field()  # servers that look next
SERVER_PEOPLE = _server.field()  # how many are at work on it
SERVER_ASKS = _server.field()  # whether it may ask for people
ASKING = _server.field()  # servers that may
SERVER_TEAM = vector(512)  # [server, crew]
LACKING = _server.field()  # servers whose part waits, by first_server, who came first first
SETUP_TOTAL_S = _server.field()  # total of a setup that is on at the beginning

_timer = Record(192)
TOTAL_S = _timer.field()
WORKED_S = _timer.field()
SINCE_S = _timer.field()  # NaN: it stands still
GIVEN_S = _timer.field()  # age given which the rest was drawn; NaN: age 0
REMAINING_S = _timer.field()  # time stated to be left at that age; NaN: drawn
TIMER_KIND = _timer.field()
TIMER_OWNER = _timer.field()
TIMER_RANK = _timer.field()
DUE = _timer.field()  # timers due at this moment, in order

NODE_S = vector(256)  # of the tree over the timers; see timers
FIRST_TIMER = vector(24)  # by kind of timer; one more

_part = Record(ANY_ROOM)
PART_ID = _part.field()
PART_PRODUCT = _part.field()
PART_STEP = _part.field()  # place in the routing
PART_ROW = _part.field()  # its step: of the product's first one plus the place
PART_ORDER = _part.field()
PART_STATUS = _part.field()
PART_VISITS = _part.field()
PART_DONE_S = _part.field()
PART_ENTERED_S = _part.field()
PART_NEXT = _part.field()
PART_BEFORE = _part.field()
PART_AT = _part.field()  # entrance; -1 - source for parts at a source
PART_SERVER = _part.field()
PART_MOVE = _part.field()
PART_CREATED_S = _part.field()
PART_ASKED_S = _part.field()  # since when it waits for people in the middle of a visit, or NaN
PART_STAGE = _part.field()
PART_SLOWED = _part.field()  # factor of failures on the processing under way
_aside = Record()  # of a part, in lines that need it
PART_READY_S = _aside.field()  # end of its last operation where waits are limited, or NaN
PART_KITTED = _aside.field()  # whether its components are there
PART_FAMILY = _aside.field()  # number of what it was made of, or -1
WATCHED = _aside.field()  # whether it waits where that is limited
WATCH_BEFORE = _aside.field()
WATCH_NEXT = _aside.field()
LATE_NEXT = _aside.field()  # of those that leave a buffer because they waited too long
OVERDUE = _aside.field()  # parts that have waited too long in this round
PART_CALLED = _aside.field()  # whether a vehicle was sent for it, or has it on board
PART_MATE = _aside.field()  # the next one on the same server, or -1
PART_FATE = _aside.field()  # what became of it when its operation ended
_ranked = Record()  # parts that wait for a station that works in batches, by its rule
RANKED = _ranked.field()
RANKED_ROW = _ranked.field()  # row of choices
RANKED_PLACE = _ranked.field()  # place in the buffer
RANKED_KEY = _ranked.field()
RANKED_SEEN = _ranked.field()  # whether it belongs to a group that cannot go
PART_REWORKS = vector()  # [part, slot]

_buffer = Record(64)
BUFFER_HEAD = _buffer.field()
BUFFER_TAIL = _buffer.field()
BUFFER_LENGTH = _buffer.field()
CAPACITY = _buffer.field()
CONTENT_SINCE_S = _buffer.field()
CONTENT_AREA = _buffer.field()
FIRST_TAKER = _buffer.field()
TRANSIT_S = _buffer.field()
BUFFER_SORTED = _buffer.field()  # whether its parts stand in the order in which they came
LATE_HEAD = _buffer.field()  # parts that waited too long, or -1
LATE_TAIL = _buffer.field()
FIRST_WAIT = _buffer.field()
WAIT_S = vector()  # how long parts wait in a buffer for a batch at most, shortest first
BUFFER_ELEMENT = _buffer.field()
BUFFER_COMING = _buffer.field()  # places kept for parts on vehicles; the capacity is less by them
TAKER = vector(96)  # stations that take from a buffer

_entrance = Record(128)
FEEDERS = _entrance.field()  # how many send there
FIRST_SENDER = _entrance.field()
SENDER = vector(192)  # places of those who may send to an entrance

_product = Record(24)
FIRST_STEP = _product.field()  # one step more than operations: the part leaves the line
PRODUCT_GROUP = _product.field()
PRODUCT_SINK = _product.field()
PRODUCT_SINK_SITE = _product.field()
PRODUCT_LIMITED = _product.field()  # whether its parts may wait only so long somewhere
PRODUCT_FINISHED = _product.field()

_step = Record(128)
FIRST_EXIT = _step.field()
FIRST_CHOICE = _step.field()
STEP_TARGET = _step.field()  # LEAVES; the only entrance, if nothing else decides; else OPEN
STEP_LUCK = _step.field()  # whether a number decides what becomes of a part
STEP_SCRAP = _step.field()
STEP_REWORK = _step.field()
STEP_BACK = _step.field()  # place in the routing that rework goes to, or -1
STEP_LIMIT = _step.field()
STEP_REST_S = _step.field()  # expected time of the operations after this one
STEP_SHARE = _step.field()  # share of the product's expected time that is done after it
STEP_LEFT = _step.field()  # operations left, this one included
STEP_SLOT = _step.field()  # where a part counts how often it was sent back from here, or -1
STEP_WATCH = _step.field()  # its list of those whose wait is limited, or -1
STEP_CHOICE = _step.field()  # how its stations are chosen among
STEP_TURN = _step.field()  # parts that went there so far, where stations take turns
STEP_ROUTE = _step.field()  # key of the number that draws a station
FIRST_COMPONENT = _step.field()
FIRST_MADE = _step.field()
EXITS = vector(160)  # entrances of a step

_choice = Record(160)  # of a step: a station that can do it
CHOICE_STATION = _choice.field()
CHOICE_TIMES = _choice.field()
CHOICE_MEAN_S = _choice.field()
CHOICE_SHARE = _choice.field()  # weights up to and with this station, where one is drawn
CHOICE_LOAD = _choice.field()  # loading times, or -1
CHOICE_UNLOAD = _choice.field()  # unloading times, or -1

_component = Record()  # of a step: parts that go into one part
COMPONENT_PRODUCT = _component.field()
COMPONENT_COUNT = _component.field()
COMPONENT_STOCK = _component.field()  # buffer in which they wait

_made = Record()  # of a step: parts that come in the place of what is done
MADE_PRODUCT = _made.field()
MADE_COUNT = _made.field()

_watch = Record()  # of a step with a longest wait: who waits for it
WATCH_HEAD = _watch.field()
WATCH_TAIL = _watch.field()
WATCH_LONGEST_S = _watch.field()
WATCH_BACK = _watch.field()  # place in the routing to which a part goes then, or -1: scrapped

_loop = Record()  # of cards
LOOP_FREE = _loop.field()  # below zero where a state holds too many parts
FIRST_LOOKER = _loop.field()
FIRST_RIVAL = _loop.field()
LOOKER = vector()  # places of those who may look again when a card is free
RIVAL = vector()  # places of those who may have waited behind a part that has no card now
FIRST_CARD = vector()  # [entrance, product]; one more
CARD = vector()  # loops of which a part holds a card there

_mode = Record(96)
MODE_STATION = _mode.field()
MODE_CLOCK = _mode.field()
MODE_AGES = _mode.field()  # whether it ages while the station processes
MODE_EFFECT = _mode.field()
MODE_SLOW = _mode.field()  # times this on processing times
MODE_INTERRUPTS = _mode.field()
MODE_BEGUN = _mode.field()  # whether the work on it was begun and interrupted
MODE_RENEWED = _mode.field()
FIRST_RENEWED = _mode.field()
FIRST_BEGINNING = _mode.field()
MODE_BEGINNING = _mode.field()  # beginnings of its calendar that are past
MODE_CREW = _mode.field()
MODE_LIFE = _mode.field()
MODE_REPAIR = _mode.field()
MODE_LIFE_KEY = _mode.field()
MODE_REPAIR_KEY = _mode.field()
MODE_STATUS = _mode.field()
MODE_COUNT = _mode.field()
MODE_FAILED_S = _mode.field()
MODE_NEXT = _mode.field()
MODE_RATE = _mode.field()  # how fast it ages
MODE_WORN = _mode.field()  # whether wear changes that
MODE_MENDS = _mode.field()  # levels of wear that its end takes off
MODE_AT_LEVEL = _mode.field()  # level of wear at which it is due, or 0
MODE_NEED = _mode.field()  # who sees to it, or -1: nobody has to
MODE_SKILL = _mode.field()  # whether they are chosen by skill
MODE_TEAM = vector(512)  # [mode, crew]
FAILS = _mode.field()  # modes that failed in this round
STATE_QUEUE = vector()  # modes waiting for a crew at the beginning
RENEWED = vector()  # modes that are as new after maintenance
BEGINNING_S = vector()  # moments at which maintenance by a calendar is due

_wear = Record()  # of a station
WEAR_CLOCK = _wear.field()
WEAR_KEY = _wear.field()
FIRST_LEVEL = _wear.field()
WEAR_LEVEL = _wear.field()
WEAR_STEPS = _wear.field()  # levels risen so far
WEAR_MENDED = _wear.field()  # times lowered
WEAR_SINCE_S = _wear.field()

_level = Record()  # of wear, from 0 on
LEVEL_AFTER = _level.field()  # use to the next level, or -1: it is the last
LEVEL_FAILURE = _level.field()  # failure modes age so many times as fast
LEVEL_SCRAP = _level.field()
LEVEL_TIME = _level.field()  # times this on processing times
LEVEL_S = _level.field()  # time spent at it

_crew = Record(16)
CREW_FREE = _crew.field()  # below zero while more are at work than are on
CREW_HEAD = _crew.field()  # modes that wait for it; behind all crews, those that wait for a skill
CREW_TAIL = _crew.field()
CREW_SIZE = _crew.field()
CREW_ON = _crew.field()
CREW_AWAY = _crew.field()  # who are supposed to be absent
CREW_STOPS = _crew.field()  # whether its people leave in the middle of work
FIRST_COMING = _crew.field()
CREW_COMING = _crew.field()  # comings and goings that are past
CREW_LEFT_OVER = _crew.field()  # while people are looked for: who is left
CREW_CHOSEN = _crew.field()  # and who is chosen
CREW_BUSY = _crew.field()  # who are at work
CREW_SINCE_S = _crew.field()
CREW_WORK_S = _crew.field()  # people-seconds at work
CREW_THERE_S = _crew.field()  # people-seconds there: by its shifts, or longer at work

_coming = Record()
COMING_S = _coming.field()
COMING_ON = _coming.field()  # whether the crew comes

_need = Record(96)  # of people: first for the phases of choices, then for modes
NEED_COUNT = _need.field()
FIRST_ABLE = _need.field()
ABLE = vector(192)  # crews that can do it, in the order in which they are asked
FIRST_NEED = vector(656)  # [choice, phase], one more

_pool = Record()  # of vehicles
POOL_ELEMENT = _pool.field()
POOL_IDLE = _pool.field()
POOL_LOAD = _pool.field()
POOL_UNLOAD = _pool.field()
POOL_LOAD_KEY = _pool.field()
POOL_UNLOAD_KEY = _pool.field()
POOL_HOME = _pool.field()
POOL_RETURNS = _pool.field()  # whether those drive home that nobody needs
POOL_TRIPS = _pool.field()
POOL_WIDTH = _pool.field()  # sites that its vehicles may come to
FIRST_TRAVEL = _pool.field()
FIRST_VEHICLE = _pool.field()
POOL_S = vector()  # [pool, what its vehicles do]
SITE_ROW = vector()  # [pool, site]: row and column of the site in its times
TRAVEL_S = vector()  # [pool, row, column]
SITE_ELEMENT = vector()
MOVE_POOL = vector()
MOVE_FROM = vector()  # [move, site]
MOVE_INTO = vector()  # [move, site]
CALLER = vector()  # those senders

_vehicle = Record()
VEHICLE_POOL = _vehicle.field()
VEHICLE_STATUS = _vehicle.field()
VEHICLE_PLACE = _vehicle.field()  # site; with a part on board, where it took that
VEHICLE_PART = _vehicle.field()
VEHICLE_GOAL = _vehicle.field()  # site
VEHICLE_SINCE_S = _vehicle.field()
READY = _vehicle.field()  # vehicles that have loaded or unloaded in this round

_switch = Record()
SWITCH_S = _switch.field()
SWITCH_ON = _switch.field()  # whether working time begins there

_source = Record(16)
SOURCE_KIND = _source.field()
SOURCE_ELEMENT = _source.field()
SOURCE_TIMES = _source.field()
SOURCE_ARRIVAL_KEY = _source.field()
SOURCE_FIRST_S = _source.field()  # moment of the first arrival; NaN: as drawn
SOURCE_PRODUCT_KEY = _source.field()
SOURCE_CREATED = _source.field()
SOURCE_SINCE_S = _source.field()
SOURCE_DRAWN_S = _source.field()
SOURCE_HEAD = _source.field()
SOURCE_TAIL = _source.field()
SOURCE_SHORT = _source.field()  # supposed shortages in force
HEAD_KNOWN = _source.field()
HEAD_PRODUCT = _source.field()
HEAD_ORDER = _source.field()
FIRST_SHARE = _source.field()

_share = Record()
SHARE = _share.field()
SHARE_PRODUCT = _share.field()

_order = Record()
ORDER_PRODUCT = _order.field()
ORDER_QUANTITY = _order.field()
ORDER_RELEASE_S = _order.field()
ORDER_DUE_S = _order.field()
ORDER_PRIORITY = _order.field()
ORDER_URGENCY = _order.field()
ORDER_RELEASED = _order.field()
ORDER_CREATED = _order.field()
ORDER_FINISHED = _order.field()
ORDER_SCRAPPED = _order.field()
ORDER_EXTRA = _order.field()  # parts that splitting added, less those that batches took
ORDER_LAST_S = _order.field()
ORDER_PLACE = vector()  # [station, order]
ORDER_STATION = vector()  # [order, place in routing]: station given, or -1; empty without

_outage = Record()
OUTAGE_STATION = _outage.field()
OUTAGE_SINCE_S = _outage.field()
OUTAGE_UNTIL_S = _outage.field()
OUTAGE_LENGTH_S = _outage.field()
OUTAGE_ACTIVE = _outage.field()

_slow = Record()
SLOW_STATION = _slow.field()
SLOW_SINCE_S = _slow.field()
SLOW_UNTIL_S = _slow.field()
SLOW_FACTOR = _slow.field()
SLOW_ORDER = _slow.field()  # slowdowns in force, oldest first

_absence = Record()
ABSENCE_CREW = _absence.field()
ABSENCE_PEOPLE = _absence.field()
ABSENCE_SINCE_S = _absence.field()
ABSENCE_UNTIL_S = _absence.field()

_shortage = Record()
SHORTAGE_SOURCE = _shortage.field()
SHORTAGE_SINCE_S = _shortage.field()
SHORTAGE_UNTIL_S = _shortage.field()

_distribution = Record(192)
CODE = _distribution.field()
FORM = _distribution.field()  # of the numbers drawn ahead for it; see ``streams.form_of``
FIRST_PARAMETER = _distribution.field()
PARAMETERS = vector()

AHEAD = vector(496)  # [station, place]: numbers of the next parts' work; see ahead
RULE = vector(96)  # dispatch rules of a station, by first_rule
SETUP_S = vector()  # [setup, from group, to group]
LOOK = vector(1)  # bits by place: who is visited in the next pass
LOOK_ANY = vector(1)  # bits by word of LOOK that has a bit
FLOW_S = vector()  # flow time of the first parts finished
FLOW_BINS = vector()  # parts finished by flow time, once they are many; see flows

_row = Record()  # of the log
LOG_KIND = _row.field()
LOG_ELEMENT = _row.field()
LOG_PART = _row.field()
LOG_DETAIL = _row.field()
LOG_TIME_S = _row.field()
LOG_VALUE = _row.field()

FIELD = {
    name.lower(): number
    for name, number in list(globals().items())[_BEFORE:]
    if isinstance(number, int) and name.isupper() and not name.startswith("_")
}
"""Number of each field, by name."""
WIDTH = tuple(record.width for record in RECORDS)
"""Columns of each record."""
HEADER = BEGINS + len(RECORDS)
"""Numbers at the front of the memory."""
_WITH_ROOM = sorted((x for x in RECORDS if x.room), key=lambda x: x.room == ANY_ROOM)
_SIZES = [record.room * record.width for record in _WITH_ROOM[:-1]]
COMMON = {
    record.number: place
    for record, place in zip(_WITH_ROOM, accumulate(_SIZES, initial=HEADER), strict=True)
}
"""Where records begin in the layout that lines of up to 62 places share, by their number."""
ROOM = tuple(record.room for record in RECORDS)
