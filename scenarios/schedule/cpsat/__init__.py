"""CP-SAT on the same problem, in a process of its own: it cannot be loaded beside HiGHS."""
