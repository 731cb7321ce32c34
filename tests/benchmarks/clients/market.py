"""What is traded, and what a side must be able to do. Cheap to import: cold starts pay for it."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

SECRET = "benchmark-secret"
QUANTITY = "0.001"

_numbers = itertools.count(time.time_ns())


@dataclass(frozen=True)
class Market:
    """One market of one exchange."""

    name: str
    exchange: str
    symbol: str


MARKETS: Mapping[str, Market] = {
    "binance": Market("Binance spot", "binance", "BTC/USDT"),
    "bybit": Market("Bybit spot", "bybit", "BTC/USDT"),
    "upbit": Market("Upbit", "upbit", "BTC/KRW"),
}


class Client(Protocol):
    """Accounts at one market, each with connections of its own. An order that is not taken raises."""

    async def open(self, accounts: int) -> None:
        """Everything that comes before the first order."""

    async def warm_up(self, accounts: int) -> None:
        """An order of each account, which opens its connection again where that was closed."""

    def draft(self) -> Any:
        """The order that the next `place` is given; making it is not part of what is measured."""

    async def place(self, account: int, order: Any) -> None:
        """Sell at the market."""

    async def close(self) -> None: ...


def key_of(account: int) -> str:
    """The account's API key at every exchange."""
    return f"benchmark-{account}"


def new_client_id() -> str:
    """No order had it before, in any process."""
    return f"bench-{next(_numbers)}"
