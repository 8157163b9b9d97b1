"""The engine that a planner never waits for: the same sample path from flat tables.

``lower`` and its neighbours (``routes``, ``demand``, ``upkeep``, ``wearing``, ``transport``,
``limits``, ``grouping``) turn a line into fields that no run changes, ``template`` the state into
fields that it does, ``layout`` lays both out in one piece of memory (``tables`` names the fields).
``begin`` draws what is pending and ``kernel`` runs; both only call Numba functions: ``timers``
(what is due), ``servers``, ``stations``, ``modes``, ``wear``, ``interruptions``, ``sources`` (what
happens at one's own), ``settle``, ``goals``, ``picking`` and ``asking`` (what is shared: parts,
people), ``vehicles``, ``calls`` and ``carriers`` (what they do, who is sent for which part, which
ways need one), ``batches``, ``kits`` and ``replacing`` (parts that go together, or into others),
``phases`` and ``people`` (who is needed, who is free), ``parts``, ``following`` and ``looks`` (who
moved, who looks next), ``log`` (what is counted).
The kernel is compiled in three forms: for any line, for those of a common layout without a log, and
for those without anything rare (``lean``).
``reading`` makes a state and key figures of the memory. Lines that are plain enough (``plainness``,
``plainlower``, ``plain``) need no events at all: ``maxplus``, ``stretches``, ``strands``,
``rides``, ``rows``.

A new primitive, once the reference engine has it:

1. Until the rest is there, ``unsupported`` in ``engine`` names it.
2. Fields: a line in ``tables`` beside their siblings (a record on the path of every operation has
   ``room`` there); values in ``lower`` or ``routes`` (fixed) or in ``template`` (changing, from
   the state); back to the state document in ``reading``.
3. Behaviour: each function here does what the method of the same name in ``twin.engine.reference``
   does, with the same grouping in every sum of times, and writes the same rows with ``note``.
   Something that takes time is a timer: a kind in ``tables``, its timers with their ranks in
   ``Lowering._timer_tables``, a branch in ``kernel._fire``, its beginning in ``begin``.
4. Who can act now that could not before? Mark it: ``look_at_station``, ``room_at``, ``part_at`` in
   ``looks``, ``tell`` for servers, ``ask`` for those who may need people. A pass visits only who is
   marked; the test that visits everyone instead (``FULL_SETTLE``) finds a mark that is missing. A
   shortcut taken at lowering (``step_target``, ``station_takes_any``, ``is_plain``) has to know of
   the primitive too.
5. ``account`` before anything changes a station's statuses. A number that says whether a line has
   the primitive, asked before anything else; its name in ``lean``, and who has not asks no more.
6. ``@inner`` for functions; ``@inlined`` for short ones on the path of every operation,
   ``@outlined`` for long ones of some lines, ``@aside`` for what seldom happens.
7. Random lines with it (``twin.testing.strategies``) and ``tests/parity``.

What has no reals never divides and what is whole stays whole: mind ``//`` of positive numbers only,
no ``int64`` with ``uint64``, no NumPy functions, no exceptions, nothing that makes an array.
"""

from twin.engine.compiled.engine import CompiledEngine

__all__ = ["CompiledEngine"]
