"""Compiled local search: tabu search for shops, annealing for everything else.

:mod:`scenarios.schedule.search.engine` is its door. Numba is imported only behind it.
"""
