"""The few moves that tests of exchanges make again and again."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import ExchangeOrder, Found, Placed, PlaceOutcome
from chalicelib.domain.ports import Exchange
from tests.store import rows

WINDOW = 5.0


def market(**changes: Any) -> Order:
    """Buy 0.1 BTC at what it costs."""
    return rows.order(**{"order_type": OrderType.MARKET, "quantity": Decimal("0.1"), "price": None, **changes})


def limit(**changes: Any) -> Order:
    """Buy 0.1 BTC at 50,000."""
    return rows.order(**{"quantity": Decimal("0.1"), **changes})


def stop(**changes: Any) -> Order:
    """Buy 0.1 BTC once it costs 70,000."""
    return market(**{"order_type": OrderType.STOP_MARKET, "stop_price": Decimal(70_000), **changes})


async def send(exchange: Exchange, order: Order) -> PlaceOutcome:
    """Prepared, and placed now."""
    request = await exchange.prepare(order)
    return await exchange.place(request, await exchange.now(), WINDOW)


async def placed(exchange: Exchange, order: Order) -> ExchangeOrder:
    """The order as the exchange showed it when it took it."""
    outcome = await send(exchange, order)
    assert isinstance(outcome, Placed), outcome
    return outcome.order


async def shown(exchange: Exchange, order: Order) -> ExchangeOrder:
    """The order as a look-up shows it."""
    lookup = await exchange.find(order)
    assert isinstance(lookup, Found), lookup
    return lookup.order


def known(order: Order, found: ExchangeOrder) -> Order:
    """Our row once the exchange's id is in it."""
    return replace(order, exchange_order_id=found.exchange_order_id)
