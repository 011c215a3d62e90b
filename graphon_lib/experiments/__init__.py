"""Experiments: data, trials, sweeps and stored results.

From the rooms before to the numbers of the book: each experiment prunes networks over a grid of
settings, measures them, and stores the result with all that is needed to compute it again.
"""
