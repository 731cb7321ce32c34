"""Bybit v5 as its API documents describe it: spot and linear contracts of a unified account."""
