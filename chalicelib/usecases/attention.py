"""Orders that called for a person, once the person has seen to them."""

import logging

from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.orders import Order
from chalicelib.usecases.recording import change_order, order_keys
from chalicelib.usecases.services import Services

logger = logging.getLogger(__name__)


async def end_attention(services: Services, order_id: str) -> None:
    """Take the call back; where its cause lasts, the next look at the order calls again.

    Raises NotFoundError, and ConflictError where the order calls for something else by now, which nobody has seen.
    """
    order = await services.store.get(Order, order_id)
    if order is None:
        raise NotFoundError("order", order_id)
    correlate(order.event_id)
    now = services.clock.now()
    if order.attention is None:
        return

    def decide(row: Order) -> Order:
        return row.changed(now, attention=None) if row.attention == order.attention else row

    if (await change_order(services, order, decide)).attention is not None:
        raise ConflictError("CHANGED", "the order calls for something else by now; look again")
    logger.info("attention ended by a person", extra={**order_keys(order), "attention": order.attention})
