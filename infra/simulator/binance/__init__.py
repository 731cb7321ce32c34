"""Binance as its API documents describe it: spot and USD-M futures."""
