"""Settles an order by asking the exchange for it (R5, R12)."""

from chalicelib.domain import verdicts
from chalicelib.domain.clock import Budget
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.ports import Exchange
from chalicelib.usecases.calls import look_up
from chalicelib.usecases.recording import change_order
from chalicelib.usecases.services import Services


async def settle_by_lookup(services: Services, order: Order, session: Exchange, by: str, budget: Budget) -> Order:
    """Look the order up and write down what that proves. A SENDING order before its deadline is its sender's.

    The look-up speaks of one attempt: a row that has moved on to another by then is left as it is.
    """
    exchange_now = await session.now()
    if order.placement is Placement.SENDING and not order.past_deadline(exchange_now):
        return order
    lookup = await look_up(session, order, budget)

    def decide(row: Order) -> Order:
        if row.attempt != order.attempt or row.placement is Placement.READY:
            return row
        return verdicts.after_lookup(row, lookup, services.clock.now(), by, services.policy, exchange_now)

    return await change_order(services, order, decide)
