"""How an order meets the market: what trades at once, what rests, what ends with a reason."""

from decimal import Decimal
from typing import TYPE_CHECKING

from infra.simulator import ledger
from infra.simulator.model import ZERO, Fill, Order, Reason, State, floored

if TYPE_CHECKING:
    from infra.simulator.engine import Engine


def match(engine: "Engine", order: Order) -> None:
    """The one moment in which an order takes; what is left then rests or ends."""
    intent, book, now = order.intent, engine.book(order.market), engine.now_ms(order.market.exchange)
    crosses = engine.would_take(order.market, intent)
    if intent.post_only and crosses:
        finish(order, State.CANCELED, Reason.POST_ONLY, now)
        return
    wanted = _wanted(order, book.price)
    takable = wanted if book.liquidity is None else min(wanted, book.liquidity)
    takable = takable if crosses else ZERO
    if intent.time_in_force == "FOK" and takable < wanted:
        finish(order, State.EXPIRED, Reason.FOK, now)
        return
    if takable > ZERO:
        trade(engine, order, takable, book.price, maker=False)
    _conclude(order, takable < wanted, now)


def _wanted(order: Order, price: Decimal) -> Decimal:
    intent, market = order.intent, order.market
    if intent.quote_quantity is not None:
        wanted = floored((intent.quote_quantity - order.filled_quote) / price, market.step)
    else:
        wanted = order.remaining
    if intent.reduce_only:
        wanted = min(wanted, ledger.closable(order))
    if not market.derivative and intent.side == "BUY" and intent.kind == "MARKET":
        wanted = min(wanted, _affordable(order, price))
    return wanted


def _affordable(order: Order, price: Decimal) -> Decimal:
    money = order.held + ledger.balance_of(order, order.market.quote).free
    rate = 1 + order.market.taker_fee if order.market.fee_in_quote else Decimal(1)
    return floored(money / (price * rate), order.market.step)


def _conclude(order: Order, unfilled: bool, now: int) -> None:
    intent = order.intent
    if unfilled and intent.kind == "MARKET":
        finish(order, State.EXPIRED, Reason.LIQUIDITY, now)
    elif unfilled and intent.time_in_force == "IOC":
        finish(order, State.EXPIRED, Reason.IOC, now)
    elif unfilled:
        if not order.market.derivative:
            ledger.release(order, ledger.needed(order, intent.price or ZERO))
    elif intent.quantity is not None and order.filled < intent.quantity:
        finish(order, State.EXPIRED, Reason.REDUCE_ONLY if intent.reduce_only else Reason.FUNDS, now)
    else:
        finish(order, State.FILLED, Reason.NONE, now)


def trade(engine: "Engine", order: Order, quantity: Decimal, price: Decimal, *, maker: bool) -> None:
    """One fill, with its fee and what it moves."""
    market, book = order.market, engine.book(order.market)
    if order.intent.reduce_only:
        quantity = min(quantity, ledger.closable(order))
    if quantity <= ZERO:
        return
    if book.liquidity is not None:
        book.liquidity -= min(quantity, book.liquidity)
    rate, realized = market.maker_fee if maker else market.taker_fee, ZERO
    if market.derivative:
        fee, realized = ledger.settle_derivative(order, quantity, price, rate)
        fee_asset = market.quote
    else:
        fee, fee_asset = ledger.settle_spot(order, quantity, price, rate)
    now = engine.now_ms(market.exchange)
    number, identity = engine.next_fill_id(), engine.new_uuid()
    ledger.recorded(order, Fill(number, identity, price, quantity, fee, fee_asset, maker, now, realized))
    if maker and not market.derivative:
        ledger.release(order, ledger.needed(order, order.intent.price or price))


def finish(order: Order, state: State, reason: Reason, now_ms: int) -> None:
    """End an order and give back what it held."""
    order.leave(state, reason, now_ms)
    ledger.release(order)
