"""Explorers: small models that a reader moves, alive in Jupyter and on the static page."""
