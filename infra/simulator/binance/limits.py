"""Binance's limits: request weight per IP, new orders per account (exchangeInfo.rateLimits, rest-api.md "LIMITS")."""

from infra.simulator.rate_limits import Bans, FixedWindow

_MINUTE, _TEN_SECONDS, _DAY = 60_000, 10_000, 86_400_000
STRIKES_TO_BAN = 20  # the documents only say "repeatedly"
BAN_MS = 120_000  # the shortest: "2 minutes to 3 days"


class BinanceLimits:
    """Numbers may be set by tests; spot's are those of 2026, USD-M's those of exchangeInfo."""

    def __init__(self) -> None:
        self.weight = {"binance-spot": FixedWindow(6000, _MINUTE), "binance-usdm": FixedWindow(2400, _MINUTE)}
        self.orders = {
            "binance-spot": {"10S": FixedWindow(50, _TEN_SECONDS), "1D": FixedWindow(160_000, _DAY)},
            "binance-usdm": {"10S": FixedWindow(300, _TEN_SECONDS), "1M": FixedWindow(1200, _MINUTE)},
        }
        self.bans = Bans()
