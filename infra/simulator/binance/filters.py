"""Binance's filters: filters.md for spot, the -4xxx codes of the error page for USD-M."""

from decimal import Decimal

from infra.simulator.binance.errors import BinanceError, filter_failure
from infra.simulator.model import ZERO, Book, Intent, Market, text
from infra.simulator.queries import live_of
from infra.simulator.world import Call

MAX_PRICE = Decimal(1_000_000)
MAX_NUM_ORDERS, MAX_NUM_ALGO_ORDERS = 200, 5
MARKET_MAX = Decimal(100)
PERCENT_UP, PERCENT_DOWN = Decimal(5), Decimal("0.2")
MAX_NOTIONAL = Decimal(9_000_000)
USDM_PERCENT_UP, USDM_PERCENT_DOWN = Decimal("1.15"), Decimal("0.85")
USDM_MARKET_MAX = Decimal(120)
_PLACES = 8


def check_spot(call: Call, book: Book, intent: Intent) -> None:
    for name, value in (
        ("quantity", intent.quantity),
        ("price", intent.price),
        ("quoteOrderQty", intent.quote_quantity),
    ):
        if value is not None and value != value.quantize(Decimal(1).scaleb(-_PLACES)):
            raise BinanceError(-1111, f"Parameter '{name}' has too much precision.")
    market, trigger = book.market, intent.trigger.price if intent.trigger else None
    for price in (intent.price, trigger):
        if price is not None and not (market.tick <= price <= MAX_PRICE and price % market.tick == ZERO):
            raise filter_failure("PRICE_FILTER")
    if intent.price is not None and not book.price * PERCENT_DOWN <= intent.price <= book.price * PERCENT_UP:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")
    _check_spot_size(book, intent)
    _check_counts(call, market, intent)


def _check_spot_size(book: Book, intent: Intent) -> None:
    market, quantity = book.market, intent.quantity
    if quantity is not None:
        if not (market.min_quantity <= quantity <= market.max_quantity and quantity % market.step == ZERO):
            raise filter_failure("LOT_SIZE")
        if intent.kind == "MARKET" and quantity > MARKET_MAX:
            raise filter_failure("MARKET_LOT_SIZE")
    trigger = intent.trigger.price if intent.trigger else None
    price = intent.price or trigger or book.price
    notional = intent.quote_quantity if quantity is None else quantity * price
    if notional is not None and not market.min_notional <= notional <= MAX_NOTIONAL:
        raise filter_failure("NOTIONAL")


def _check_counts(call: Call, market: Market, intent: Intent) -> None:
    live = live_of(call.world, call.account, market.venue, market.symbol)
    if len(live) >= MAX_NUM_ORDERS:
        raise filter_failure("MAX_NUM_ORDERS")
    if intent.trigger and sum(1 for order in live if order.intent.trigger) >= MAX_NUM_ALGO_ORDERS:
        raise filter_failure("MAX_NUM_ALGO_ORDERS")


def check_usdm(book: Book, intent: Intent) -> None:
    market, quantity = book.market, intent.quantity or ZERO
    for value, step in ((quantity, market.step), (intent.price or ZERO, market.tick)):
        if value.normalize().as_tuple().exponent < step.normalize().as_tuple().exponent:  # type: ignore[operator]
            raise BinanceError(-1111, "Precision is over the maximum defined for this asset.")
    _check_usdm_price(book, intent)
    _check_usdm_quantity(market, intent, quantity)
    trigger = intent.trigger.price if intent.trigger else None
    notional = quantity * (intent.price or trigger or book.price)
    if notional < market.min_notional and not intent.reduce_only and not intent.wire.get("closePosition"):
        least = text(market.min_notional)
        raise BinanceError(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")


def _check_usdm_price(book: Book, intent: Intent) -> None:
    tick = book.market.tick
    for price in (intent.price, intent.trigger.price if intent.trigger else None):
        if price is not None and price % tick != ZERO:
            raise BinanceError(-4014, "Price not increased by tick size.")
    if intent.price is None or intent.trigger is not None:
        return
    if intent.side == "BUY" and intent.price > book.price * USDM_PERCENT_UP:
        highest = text(book.price * USDM_PERCENT_UP)
        raise BinanceError(-4016, f"Limit price can't be higher than {highest}.")
    if intent.side == "SELL" and intent.price < book.price * USDM_PERCENT_DOWN:
        lowest = text(book.price * USDM_PERCENT_DOWN)
        raise BinanceError(-4024, f"Limit price can't be lower than {lowest}.")


def _check_usdm_quantity(market: Market, intent: Intent, quantity: Decimal) -> None:
    if intent.wire.get("closePosition"):
        return
    if quantity < market.min_quantity:
        raise BinanceError(-4004, "Quantity less than min quantity.")
    if quantity > (USDM_MARKET_MAX if intent.kind == "MARKET" else market.max_quantity):
        raise BinanceError(-4005, "Quantity greater than max quantity.")
    if quantity % market.step != ZERO:
        raise BinanceError(-4023, "Qty not increased by step size.")
