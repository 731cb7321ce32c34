"""Sizes an order and fits it to its market: down, never up, for nobody may spend more than was asked for."""

from collections.abc import Awaitable, Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from chalicelib.domain.amounts import divided, plain, times, to_multiple
from chalicelib.domain.markets import MarketRules
from chalicelib.domain.orders import Order, OrderRequest, OrderType
from chalicelib.domain.outcomes import Side
from chalicelib.domain.ports import OrderNotAcceptedError

FreeBalance = Callable[[str], Awaitable[Decimal]]


async def fit_order(
    order: Order, rules: MarketRules, *, takes_quote_amount: bool, free_balance: FreeBalance
) -> OrderRequest:
    """The exact request. Raises OrderNotAcceptedError, with the bound in the message, where it cannot be placed."""
    if not rules.trading:
        raise OrderNotAcceptedError("MARKET_CLOSED", f"{order.symbol} does not trade at {order.exchange} now")
    quantity, quote_amount = await _size(order, rules, free_balance)
    price, stop_price = _rounded_price(order, order.price, rules), _rounded_price(order, order.stop_price, rules)
    if quote_amount is not None and not takes_quote_amount:
        quantity, quote_amount = _by_price(order, quote_amount, price or stop_price), None
    request = OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=_tidy(round_down(quantity, _quantity_step(order, rules))),
        quote_amount=_tidy(round_down(quote_amount, rules.quote_step)),
        price=price,
        stop_price=stop_price,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
    )
    _check_bounds(request, rules)
    return request


def _tidy(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else plain(amount)


def round_down(amount: Decimal | None, step: Decimal | None) -> Decimal | None:
    """The largest multiple of `step` that is not above `amount`."""
    return _to_step(amount, step, ROUND_DOWN)


async def _size(order: Order, rules: MarketRules, free_balance: FreeBalance) -> tuple[Decimal | None, Decimal | None]:
    """Quantity or quote amount; a percentage is of what is free: of the quote to buy, of the base to sell."""
    if order.percent is None:
        return order.quantity, order.quote_amount
    base, _, quote = order.symbol.partition("/")
    share = divided(order.percent, Decimal(100))
    if order.side is Side.SELL:
        return times(await free_balance(base), share), None
    free = await free_balance(quote)
    spendable = divided(free, 1 + rules.buy_fee) if rules.buy_fee else free
    return None, min(times(free, share), spendable)


def _by_price(order: Order, quote_amount: Decimal, price: Decimal | None) -> Decimal:
    if price is None:
        raise OrderNotAcceptedError(
            "QUOTE_AMOUNT_NOT_OFFERED",
            f"{order.exchange} {order.market} does not size such an order by quote amount or percentage of it: "
            "use quantity, or a LIMIT order",
        )
    return divided(quote_amount, price)


def _rounded_price(order: Order, price: Decimal | None, rules: MarketRules) -> Decimal | None:
    """To the tick, to the side on which the user pays no more and gets no less than was asked for."""
    return _to_step(price, rules.tick_size, ROUND_FLOOR if order.side is Side.BUY else ROUND_CEILING)


def _to_step(amount: Decimal | None, step: Decimal | None, rounding: str) -> Decimal | None:
    if amount is None or not step:
        return amount
    return to_multiple(amount, step, rounding)


def _quantity_step(order: Order, rules: MarketRules) -> Decimal | None:
    market = rules.market_quantity_step if order.order_type is OrderType.MARKET else None
    return market or rules.quantity_step


def _check_bounds(request: OrderRequest, rules: MarketRules) -> None:
    market = request.order_type in (OrderType.MARKET, OrderType.STOP_MARKET)
    least = (rules.market_min_quantity if market else None) or rules.min_quantity
    most = (rules.market_max_quantity if market else None) or rules.max_quantity
    price = request.price or request.stop_price
    notional = request.quote_amount
    if notional is None and request.quantity is not None and price is not None:
        notional = times(request.quantity, price)
    _check("quantity", request.quantity, least, most)
    counts = not request.reduce_only and (rules.min_notional_applies_to_market or not market)
    _check("value", notional, rules.min_notional if counts else None, rules.max_notional)
    if request.price is not None and request.price <= 0:
        raise OrderNotAcceptedError("BELOW_MINIMUM", f"the price is below the market's tick {rules.tick_size:f}")


def _check(what: str, amount: Decimal | None, least: Decimal | None, most: Decimal | None) -> None:
    if amount is None:
        return
    if amount <= 0 or (least is not None and amount < least):
        bound = f"the market's minimum is {least:f}" if least else "nothing is left after rounding to its step"
        raise OrderNotAcceptedError("BELOW_MINIMUM", f"the order's {what} {amount:f} is too small: {bound}")
    if most is not None and amount > most:
        raise OrderNotAcceptedError("ABOVE_MAXIMUM", f"the order's {what} {amount:f} is above the maximum {most:f}")
