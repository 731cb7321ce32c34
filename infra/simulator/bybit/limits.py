"""Bybit's limits: per account, endpoint and second, rolling; and 600 requests in 5 s per IP (rate-limit.mdx)."""

from infra.simulator.model import Venue
from infra.simulator.rate_limits import Bans, RollingWindow

BAN_MS = 600_000  # "access too frequent": stop for ten minutes
PER_SECOND: dict[tuple[str, Venue], int] = {
    ("trade", "bybit-linear"): 10,
    ("trade", "bybit-spot"): 20,
    ("read", "bybit-linear"): 50,
    ("read", "bybit-spot"): 50,
}


class BybitLimits:
    def __init__(self) -> None:
        self.endpoint = RollingWindow(1000)
        self.per_second = dict(PER_SECOND)
        self.ip = RollingWindow(5000)
        self.per_ip = 600
        self.bans = Bans()
