"""Hypothesis: no time limit on one example, for a busy machine is no defect; nothing written beside the tests."""

from hypothesis import settings

settings.register_profile("trading", deadline=None, database=None)
settings.load_profile("trading")
