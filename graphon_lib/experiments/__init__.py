"""Experiments: data, trials, sweeps and stored results."""
