"""Upbit's limits per second: exchange groups per account over all its keys, quotation groups per IP."""

from infra.simulator.rate_limits import Bans, RollingWindow

STRIKES_TO_BLOCK = 10  # the documents only say that it happens, and that the time grows
BLOCK_MS = 10_000

# Group: requests within so many milliseconds. `order` is 12/s since 2026-08-21.
GROUPS = {
    "order": (12, 1000),
    "order-test": (8, 1000),
    "order-cancel-all": (1, 2000),
    "default": (30, 1000),
    "market": (10, 1000),
    "ticker": (10, 1000),
    "orderbook": (10, 1000),
}
QUOTATION = ("market", "ticker", "orderbook")


class UpbitLimits:
    def __init__(self) -> None:
        self.groups = dict(GROUPS)
        self.windows = {name: RollingWindow(interval) for name, (_, interval) in GROUPS.items()}
        self.bans = Bans()
        self.blocks: dict[str, int] = {}
