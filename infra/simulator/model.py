"""What an exchange keeps, apart from any wire format: markets, accounts, orders, fills and positions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

Exchange = Literal["binance", "bybit", "upbit"]
Venue = Literal["binance-spot", "binance-usdm", "bybit-spot", "bybit-linear", "upbit"]
Side = Literal["BUY", "SELL"]
Kind = Literal["LIMIT", "MARKET"]
TimeInForce = Literal["GTC", "IOC", "FOK"]
PositionSide = Literal["BOTH", "LONG", "SHORT"]

ZERO = Decimal(0)

EXCHANGE_OF: dict[Venue, Exchange] = {
    "binance-spot": "binance",
    "binance-usdm": "binance",
    "bybit-spot": "bybit",
    "bybit-linear": "bybit",
    "upbit": "upbit",
}
WALLET_OF: dict[Venue, str] = {
    "binance-spot": "spot",
    "binance-usdm": "futures",
    "bybit-spot": "unified",
    "bybit-linear": "unified",
    "upbit": "spot",
}


class State(StrEnum):
    ACCEPTED = "accepted"  # acknowledged, not yet in the matching engine
    WAITING = "waiting"  # conditional, not triggered
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    TRIGGERED = "triggered"  # of a separate conditional book: `child` is the order


LIVE = frozenset({State.ACCEPTED, State.WAITING, State.OPEN})


class Reason(StrEnum):
    NONE = ""
    BY_USER = "by_user"
    BY_EXCHANGE = "by_exchange"
    FUNDS = "insufficient_funds"
    LIQUIDITY = "insufficient_liquidity"
    IOC = "ioc_remainder"
    FOK = "fok_unfilled"
    POST_ONLY = "post_only_would_take"
    REDUCE_ONLY = "reduce_only"
    SCRIPTED = "scripted"


class RefusedError(Exception):
    """The engine takes no such order."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Market:
    """A market and its rules; `symbol` is spelled as its exchange does."""

    venue: Venue
    symbol: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    start_price: Decimal
    taker_fee: Decimal = Decimal("0.001")
    maker_fee: Decimal = Decimal("0.001")
    derivative: bool = False
    fee_in_quote: bool = False
    """Spot fees are taken from what is received unless this is set."""

    @property
    def exchange(self) -> Exchange:
        return EXCHANGE_OF[self.venue]


@dataclass
class Book:
    """The market's other side: everything trades at `price`, up to `liquidity` of the base (None: no end)."""

    market: Market
    price: Decimal
    liquidity: Decimal | None = None
    status: Literal["trading", "halted", "cancel_only"] = "trading"


@dataclass
class Balance:
    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass
class Position:
    amount: Decimal = ZERO  # negative: short
    entry_price: Decimal = ZERO
    updated_ms: int = 0


@dataclass
class Account:
    """One customer; more than one API key may lead to it."""

    exchange: Exchange
    name: str
    wallets: dict[str, dict[str, Balance]] = field(default_factory=dict)
    positions: dict[tuple[Venue, str, PositionSide], Position] = field(default_factory=dict)
    hedge_mode: bool = False
    leverage: int = 20
    spent_client_ids: set[tuple[str, str]] = field(default_factory=set)
    """(scope, client id) that can never be used again, where the exchange has that rule."""
    nonces: set[str] = field(default_factory=set)
    orders: list["Order"] = field(default_factory=list)
    live: dict[tuple[Venue, int], "Order"] = field(default_factory=dict)
    index: dict[tuple[Venue, str, str], list["Order"]] = field(default_factory=dict)
    """Orders by (venue, "id" or "uuid" or "client", value), oldest first."""
    trades: list[tuple["Order", "Fill"]] = field(default_factory=list)
    ended: dict[Venue, int] = field(default_factory=dict)
    """How many orders have ended."""

    def balance(self, wallet: str, asset: str) -> Balance:
        return self.wallets.setdefault(wallet, {}).setdefault(asset, Balance())


@dataclass
class Credential:
    key: str
    secret: str
    account: Account
    denial: str | None = None  # why the exchange refuses this key, in the exchange's own word


@dataclass(frozen=True)
class Trigger:
    price: Decimal
    rising: bool

    def met_at(self, price: Decimal) -> bool:
        return price >= self.price if self.rising else price <= self.price


@dataclass(frozen=True)
class Intent:
    """What a customer asks for. `wire` keeps what the exchange only echoes."""

    side: Side
    kind: Kind
    client_id: str
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = "GTC"
    post_only: bool = False
    trigger: Trigger | None = None
    reduce_only: bool = False
    position_side: PositionSide = "BOTH"
    holds_funds: bool = True
    separate_book: bool = False
    wire: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Fill:
    id: int
    uuid: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time_ms: int
    realized: Decimal = ZERO


@dataclass
class Order:
    id: int
    uuid: str
    account: Account
    market: Market
    intent: Intent
    created_ms: int
    updated_ms: int
    state: State = State.ACCEPTED
    reason: Reason = Reason.NONE
    note: str = ""  # the exchange's own word for a scripted end
    filled: Decimal = ZERO
    filled_quote: Decimal = ZERO
    held: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    working_ms: int = 0
    triggered_ms: int = 0
    ended_number: int = 0
    """The how manieth of its account and venue to end."""
    readable_at: int = 0
    """Reads do not see it before this time of the simulator's clock."""
    cancelable_at: int = 0
    child: "Order | None" = None
    scripted_end: str | None = None

    @property
    def live(self) -> bool:
        return self.state in LIVE

    def file(self) -> None:
        """Enter it into its account's books."""
        self.account.orders.append(self)
        self.account.live[self.market.venue, self.id] = self
        for name, value in (("id", str(self.id)), ("uuid", self.uuid), ("client", self.intent.client_id)):
            self.account.index.setdefault((self.market.venue, name, value), []).append(self)

    def leave(self, state: State, reason: Reason, now_ms: int) -> None:
        """It is live no more."""
        venue = self.market.venue
        self.state, self.reason, self.updated_ms = state, reason, now_ms
        self.account.live.pop((venue, self.id), None)
        self.ended_number = self.account.ended[venue] = self.account.ended.get(venue, 0) + 1

    @property
    def remaining(self) -> Decimal:
        return max(ZERO, (self.intent.quantity or self.filled) - self.filled)

    @property
    def average_price(self) -> Decimal:
        return self.filled_quote / self.filled if self.filled else ZERO

    @property
    def fees(self) -> dict[str, Decimal]:
        totals: dict[str, Decimal] = {}
        for fill in self.fills:
            totals[fill.fee_asset] = totals.get(fill.fee_asset, ZERO) + fill.fee
        return totals


def floored(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of the step that is not above the value."""
    return (value // step) * step


def text(value: Decimal) -> str:
    """Without exponent and trailing zeros."""
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def fixed(value: Decimal, places: int = 8) -> str:
    return format(value, f".{places}f")
