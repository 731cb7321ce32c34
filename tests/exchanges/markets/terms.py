"""What each implementation of the Exchange port offers, and how it ends what it takes: tests ask here, not by name."""

from dataclasses import dataclass
from decimal import Decimal

from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import (
    Acknowledged,
    CancelAcknowledged,
    Cancelled,
    CancelOutcome,
    Gone,
    NotFound,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Side,
)

EVERY_TYPE = frozenset(OrderType)
NO_STOPS = frozenset({OrderType.MARKET, OrderType.LIMIT})
BOTH_SIDES = frozenset(Side)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Of one market. The prices of orders follow from `price`, so that the same order means the same everywhere."""

    name: str
    """Of the simulator's venue, where there is one."""
    exchange: str
    market: str = "spot"
    symbol: str = "BTC/USDT"
    native: str = "BTCUSDT"
    price: Decimal = Decimal(60_000)
    """What a market order trades at."""
    quantity_step: Decimal = Decimal("0.00000001")
    tick: Decimal | None = None
    min_notional: Decimal | None = None

    order_types: frozenset[OrderType] = EVERY_TYPE
    sides_by_quantity: frozenset[Side] = BOTH_SIDES
    """Of market orders."""
    sides_by_amount: frozenset[Side] = BOTH_SIDES
    """Of market orders."""
    sides_by_percent: frozenset[Side] = BOTH_SIDES
    """Of market orders."""
    post_only: bool = True
    reduce_only: bool = False

    answer: type[PlaceOutcome] = Placed
    """To a create that was taken."""
    answer_shows_the_end: bool = True
    """Whether that answer shows what became of an order that does not rest."""
    unfilled: OrderStatus = OrderStatus.EXPIRED
    """How an IOC order ends that meets nobody."""
    unfilled_fok: OrderStatus | None = OrderStatus.EXPIRED
    """None: it is refused outright."""
    taking_post_only: type[PlaceOutcome] = NotPlaced
    """The answer to a post-only order that would trade at once; one that is taken ends CANCELLED."""
    cancel: type[CancelOutcome] = Cancelled
    """The answer to a cancel that was taken."""
    cancel_of_stop: type[CancelOutcome] = Cancelled
    cancel_of_ended: type[CancelOutcome] = NotFound
    """The answer to the cancel of an order that ended before."""
    ids_serve_once: bool = True
    """Otherwise a client id is free again once its order has ended."""
    requests_expire: bool = True
    keys_end: bool = False
    """Whether a key ends by itself, a year after it was made."""
    tells_updates: bool = True
    """Whether an order says when it changed."""

    @property
    def base(self) -> str:
        """What is traded."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """What it is paid with."""
        return self.symbol.partition("/")[2]

    def __str__(self) -> str:
        return self.name


MOCK = Terms(name="mock", exchange="mock", cancel_of_ended=Gone)

BINANCE_SPOT = Terms(
    name="binance-spot",
    exchange="binance",
    quantity_step=Decimal("0.00001"),
    tick=Decimal("0.01"),
    min_notional=Decimal(5),
    ids_serve_once=False,
)

BINANCE_FUTURES = Terms(
    name="binance-usdm",
    exchange="binance",
    market="futures",
    quantity_step=Decimal("0.001"),
    tick=Decimal("0.1"),
    min_notional=Decimal(100),
    sides_by_amount=frozenset(),
    sides_by_percent=frozenset(),
    reduce_only=True,
    unfilled_fok=None,
    cancel_of_stop=CancelAcknowledged,
    ids_serve_once=False,
)

BYBIT_SPOT = Terms(
    name="bybit-spot",
    exchange="bybit",
    quantity_step=Decimal("0.000001"),
    tick=Decimal("0.01"),
    min_notional=Decimal(5),
    answer=Acknowledged,
    answer_shows_the_end=False,
    unfilled=OrderStatus.CANCELLED,
    unfilled_fok=OrderStatus.CANCELLED,
    taking_post_only=Acknowledged,
    cancel=CancelAcknowledged,
    cancel_of_stop=CancelAcknowledged,
    cancel_of_ended=Gone,
)

BYBIT_FUTURES = Terms(
    name="bybit-linear",
    exchange="bybit",
    market="futures",
    quantity_step=Decimal("0.001"),
    tick=Decimal("0.1"),
    min_notional=Decimal(5),
    sides_by_amount=frozenset(),
    sides_by_percent=frozenset(),
    reduce_only=True,
    answer=Acknowledged,
    answer_shows_the_end=False,
    unfilled=OrderStatus.CANCELLED,
    unfilled_fok=OrderStatus.CANCELLED,
    taking_post_only=Acknowledged,
    cancel=CancelAcknowledged,
    cancel_of_stop=CancelAcknowledged,
)

UPBIT = Terms(
    name="upbit",
    exchange="upbit",
    symbol="BTC/KRW",
    native="KRW-BTC",
    price=Decimal(84_000_000),
    tick=Decimal(1000),
    min_notional=Decimal(5000),
    order_types=NO_STOPS,
    sides_by_quantity=frozenset({Side.SELL}),
    sides_by_amount=frozenset({Side.BUY}),
    answer_shows_the_end=False,
    unfilled=OrderStatus.CANCELLED,
    unfilled_fok=OrderStatus.CANCELLED,
    taking_post_only=Placed,
    cancel=CancelAcknowledged,
    requests_expire=False,
    keys_end=True,
    tells_updates=False,
)

REAL = (BINANCE_SPOT, BINANCE_FUTURES, BYBIT_SPOT, BYBIT_FUTURES, UPBIT)
ALL = (MOCK, *REAL)
SPOT = tuple(terms for terms in REAL if terms.market == "spot")
FUTURES = tuple(terms for terms in REAL if terms.market == "futures")
BYBIT = (BYBIT_SPOT, BYBIT_FUTURES)
WITH_STOPS = tuple(terms for terms in REAL if OrderType.STOP_MARKET in terms.order_types)
WITH_CLOCK = tuple(terms for terms in REAL if terms.requests_expire)
