"""Orders that called for a person, once the person has seen to them."""

import logging

from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.orders import Order
from chalicelib.usecases.recording import change_order, order_keys
from chalicelib.usecases.services import Services

logger = logging.getLogger(__name__)


async def end_attention(services: Services, order_id: str) -> None:
    """Take the call back; where its cause lasts, the next look at the order calls again. Raises NotFoundError."""
    order = await services.store.get(Order, order_id)
    if order is None:
        raise NotFoundError("order", order_id)
    correlate(order.event_id)
    now = services.clock.now()
    await change_order(services, order, lambda row: row.changed(now, attention=None) if row.attention else row)
    logger.info("attention ended by a person", extra={**order_keys(order), "attention": order.attention})
