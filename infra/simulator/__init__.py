"""A simulator of Binance, Bybit and Upbit over HTTP on loopback, for tests and for the local system."""

from infra.simulator.running import Simulator, serve

__all__ = ["Simulator", "serve"]
