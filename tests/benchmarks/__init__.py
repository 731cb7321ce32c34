"""Benchmarks: figures and ratios from one run, never part of the tests."""
