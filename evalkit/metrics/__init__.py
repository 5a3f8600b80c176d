"""Metrics: arrays in, one value a unit out."""
