"""The exact request of an order, within what its strategy allows."""

import asyncio
from decimal import Decimal

from chalicelib.domain.orders import Order, OrderRequest
from chalicelib.domain.ports import Exchange, OrderNotAcceptedError


async def prepare_request(
    session: Exchange, order: Order, max_notional: Decimal | None, seconds: float
) -> OrderRequest:
    """Sized and rounded by the venue. Raises OrderNotAcceptedError, also where it is larger than allowed, and where
    the venue does not answer in time."""
    try:
        async with asyncio.timeout(seconds):
            return await _within(session, order, max_notional)
    except TimeoutError:
        message = f"{order.exchange} did not answer within {seconds:.1f} s what sending needs"
        raise OrderNotAcceptedError("EXCHANGE_UNAVAILABLE", message, passing=True) from None


async def _within(session: Exchange, order: Order, max_notional: Decimal | None) -> OrderRequest:
    request = await session.prepare(order)
    if max_notional is None:
        return request
    notional = request.quote_amount
    if notional is None:
        price = request.price or request.stop_price or await session.last_price(request.symbol)
        notional = (request.quantity or Decimal(0)) * price
    if notional > max_notional:
        message = f"the order is worth {notional:f}, more than the strategy's max_order_notional {max_notional:f}"
        raise OrderNotAcceptedError("MAX_ORDER_NOTIONAL", message)
    return request
