"""Speed, one file per subject: each `bench_*.py` here has a function `cases()`.

`cases()` returns `Case` objects; `python -m tests.benchmarks [word ...]` runs those whose name has
one of the words in it, or all, and prints a table. A claim of speed anywhere names its case.
"""
