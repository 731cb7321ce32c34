"""Lists, balances, rules and prices that cannot be read, at every market: never taken for less than they are."""

from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from chalicelib.domain.orders import Order
from chalicelib.domain.ports import OrderNotAcceptedError
from tests.exchanges.markets.cases import each, which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import BINANCE_FUTURES, REAL
from tests.exchanges.moves import Trader

PAGE = {"bybit": 50, "upbit": 100}
"""Orders in one."""


@each("operation", REAL, lambda terms: ["rules", "balance"])
async def test_an_exchange_that_cannot_be_asked_accepts_no_order_now(
    trader: Trader, floor: Floor, operation: str
) -> None:
    """Later it may: nothing is wrong with the order, and nothing was sent."""
    floor.control.fault("error", exchange=trader.terms.exchange, operation=operation, variant="maintenance", times=None)
    order = trader.limit(quantity=None, percent=Decimal(10))

    with pytest.raises(OrderNotAcceptedError) as caught:
        await trader.exchange.prepare(order)

    assert caught.value.passing
    assert floor.count("create") == 0


async def test_a_price_that_cannot_be_read_is_for_another_try(trader: Trader, floor: Floor) -> None:
    """Once the exchange answers again."""
    floor.fault("error", "price", variant="maintenance", times=None)

    with pytest.raises(OrderNotAcceptedError) as caught:
        await trader.exchange.last_price(trader.terms.symbol)

    floor.control.clear_faults()
    assert caught.value.passing
    assert await trader.exchange.last_price(trader.terms.symbol) == trader.terms.price


@pytest.mark.parametrize("kind", ["error", "garbage", "reset"])
async def test_a_list_of_open_orders_is_whole_or_none(trader: Trader, floor: Floor, order: Order, kind: str) -> None:
    """An incomplete one would make orphans of orders, and orders of orphans (R29)."""
    floor.fault(kind, "open", times=None)

    with pytest.raises((httpx.HTTPError, OrderNotAcceptedError, ValueError)):
        await trader.exchange.open_orders()


@which([BINANCE_FUTURES])
@pytest.mark.parametrize("book", ["open", "algo-open"])
async def test_a_list_without_one_of_its_books_is_none(trader: Trader, floor: Floor, order: Order, book: str) -> None:
    """Stops are in a book of their own."""
    floor.control.fault("error", exchange=trader.terms.name, operation=book, times=None)

    with pytest.raises(OrderNotAcceptedError):
        await trader.exchange.open_orders()


@which(terms for terms in REAL if terms.exchange in PAGE)
async def test_open_orders_are_all_of_them_however_many_pages(trader: Trader) -> None:
    """One more than fit on a page."""
    orders = [
        trader.limit(quantity=None, quote_amount=trader.at("0.001")) for _ in range(PAGE[trader.terms.exchange] + 1)
    ]
    for order in orders:
        outcome = await trader.send(order)
        assert isinstance(outcome, trader.terms.answer), outcome
        trader.clock.turn(0.2)

    found = await trader.exchange.open_orders()

    assert sorted(one.client_order_id for one in found) == sorted(order.client_order_id for order in orders)


async def test_a_strangers_order_under_the_same_account_is_another_one(trader: Trader, floor: Floor) -> None:
    """By hand, or by another program: it is listed, and is not ours (R13, R29)."""
    ours, strangers = trader.limit(), trader.limit(order_id="by-hand")
    row = replace(ours, request=await trader.exchange.prepare(ours))
    for order in (ours, strangers):
        await trader.placed(order)
    trader.clock.turn(1)

    listed = await trader.exchange.open_orders()

    assert sorted(row.is_same_as(one) for one in listed) == [False, True]
