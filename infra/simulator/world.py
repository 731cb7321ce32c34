"""All that the simulator knows at one time, and what its parts share."""

import threading
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from infra.simulator.binance.limits import BinanceLimits
from infra.simulator.bybit.limits import BybitLimits
from infra.simulator.clock import Clock
from infra.simulator.engine import Engine
from infra.simulator.faults import Fault, Faults
from infra.simulator.instruments import MARKETS, START_BALANCES, TEST_KEY, TEST_SECRET
from infra.simulator.model import EXCHANGE_OF, Account, Balance, Book, Credential, Exchange, Venue
from infra.simulator.upbit.limits import UpbitLimits
from infra.simulator.wire import Reply, Request


@dataclass
class Delays:
    """Milliseconds that pass where the real exchange answers before it has acted."""

    bybit_create: int = 20
    bybit_cancel: int = 20
    bybit_history: int = 0
    upbit_cancel: int = 50


@dataclass(frozen=True)
class Route:
    """One operation of an exchange. `operation` is what faults are aimed at."""

    operation: str
    venue: Venue
    handler: Any = None
    signed: bool = True
    weight: int = 1
    weight_of_all: int = 0  # when no symbol is given, if that differs
    group: str = ""


@dataclass
class Call:
    """A request on its way through an exchange."""

    world: "World"
    request: Request
    route: Route
    key: str
    arrived_ms: int  # of the exchange's clock
    fault: Fault | None = None
    params: dict[str, Any] = field(default_factory=dict)
    credential: Credential | None = None
    remaining: int | None = None  # of the rate limit, where the answer tells it

    @property
    def now_ms(self) -> int:
        return self.world.engine.now_ms(self.exchange)

    @property
    def exchange(self) -> Exchange:
        return EXCHANGE_OF[self.route.venue]

    @property
    def engine_ms(self) -> int:
        """The exchange's time when the request reaches the matching engine."""
        delay = self.fault.delay_ms if self.fault and self.fault.kind == "engine_delay" else 0
        return max(self.now_ms, self.arrived_ms + delay)

    @property
    def account(self) -> Account:
        if self.credential is None:
            raise LookupError("this operation is not signed")
        return self.credential.account


class Front(Protocol):
    """One exchange as it looks from outside."""

    def route(self, request: Request) -> Route: ...

    def key_of(self, request: Request) -> str: ...

    def answer(self, call: Call) -> Reply: ...

    def failure(self, call: Call, variant: str) -> Reply: ...

    def rate_limited(self, call: Call, retry_after: int) -> Reply: ...

    def banned(self, call: Call, until_ms: int) -> Reply: ...


class World:
    """Everything behind one lock; nothing here knows of sockets."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.reset()

    def reset(self) -> None:
        self.clock.run()
        self.engine = Engine(self.clock, MARKETS)
        self.faults = Faults()
        self.delays = Delays()
        self.binance_limits, self.bybit_limits, self.upbit_limits = BinanceLimits(), BybitLimits(), UpbitLimits()
        self.limits_on: dict[Exchange, bool] = {"binance": True, "bybit": True, "upbit": True}
        self.latency_ms: dict[Exchange, int] = {}
        self.credentials: dict[tuple[Exchange, str], Credential] = {}
        self.journal: deque[dict[str, Any]] = deque(maxlen=20_000)
        self.upbit_duplicate_name = "duplicate_identifier"
        self.bybit_restarted_ms = 0
        self.countdowns: dict[tuple[str, str], object] = {}  # Binance's dead-man switches by account and symbol
        for exchange in START_BALANCES:
            self.add_credential(exchange, TEST_KEY, TEST_SECRET)

    def add_credential(
        self, exchange: Exchange, key: str, secret: str, balances: dict[str, dict[str, Decimal]] | None = None
    ) -> Credential:
        account = Account(exchange, key)
        for wallet, assets in (START_BALANCES[exchange] if balances is None else balances).items():
            account.wallets[wallet] = {asset: Balance(amount) for asset, amount in assets.items()}
        credential = Credential(key, secret, account)
        self.credentials[exchange, key] = credential
        return credential

    def book(self, venue: Venue, symbol: str) -> Book | None:
        return self.engine.books.get((venue, symbol))

    def books(self, venue: Venue) -> list[Book]:
        return [book for (of_venue, _), book in self.engine.books.items() if of_venue == venue]
