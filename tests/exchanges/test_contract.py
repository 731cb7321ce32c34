"""Contract of every Exchange: outcomes say what is on the book, and the book says what was asked (R2, R8, R13)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.domain.orders import Order, OrderType, TimeInForce
from chalicelib.domain.outcomes import (
    Absent,
    Cancelled,
    Duplicate,
    Gone,
    NotFound,
    NotPlaced,
    OrderStatus,
    Side,
)
from chalicelib.domain.ports import Exchange
from tests.desk import TurnableClock
from tests.exchanges.moves import WINDOW, known, limit, market, placed, send, shown, stop

RESTING = [limit(), stop(), stop(order_type=OrderType.STOP_LIMIT, price=Decimal(70_100))]
each_resting = pytest.mark.parametrize("order", RESTING, ids=lambda order: order.order_type)


@pytest.mark.parametrize("side", Side)
async def test_a_market_order_by_quantity_fills(exchange: Exchange, side: Side) -> None:
    """All of it, at some price, under our client id."""
    order = market(side=side)

    taken = await placed(exchange, order)

    assert (taken.status, taken.filled_quantity, taken.side) == (OrderStatus.FILLED, Decimal("0.1"), side)
    assert (taken.client_order_id, taken.symbol) == (order.client_order_id, order.symbol)
    assert taken.average_price == await exchange.last_price(order.symbol)


async def test_a_market_order_by_quote_amount_fills_for_about_that_amount(exchange: Exchange) -> None:
    """Never for more."""
    taken = await placed(exchange, market(quantity=None, quote_amount=Decimal(1000)))

    assert taken.status is OrderStatus.FILLED
    assert taken.average_price is not None
    assert Decimal(999) < taken.filled_quantity * taken.average_price <= Decimal(1000)


@each_resting
async def test_a_limit_or_stop_order_rests(exchange: Exchange, order: Order) -> None:
    """Open, unfilled, and shown among the open orders."""
    taken = await placed(exchange, order)

    assert (taken.status, taken.filled_quantity, taken.average_price) == (OrderStatus.OPEN, Decimal(0), None)
    assert list(await exchange.open_orders()) == [taken]


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
async def test_an_order_that_may_not_rest_expires(exchange: Exchange, time_in_force: TimeInForce) -> None:
    """Nothing to trade with at its price: its end is an answer, not a refusal."""
    taken = await placed(exchange, limit(time_in_force=time_in_force))

    assert (taken.status, taken.filled_quantity) == (OrderStatus.EXPIRED, Decimal(0))
    assert list(await exchange.open_orders()) == []


async def test_an_order_good_till_cancelled_rests(exchange: Exchange) -> None:
    """Said or not, it is the same."""
    assert (await placed(exchange, limit(time_in_force=TimeInForce.GTC))).status is OrderStatus.OPEN


@pytest.mark.parametrize("order", [market(), limit(), stop()], ids=lambda order: order.order_type)
async def test_what_is_on_the_book_is_the_order_that_was_sent(exchange: Exchange, order: Order) -> None:
    """R13: by its look-up the order can be told from a stranger's."""
    request = await exchange.prepare(order)

    taken = await placed(exchange, order)

    row = replace(order, request=request)
    assert row.is_same_as(taken)
    assert row.is_same_as(await shown(exchange, order))
    assert taken.updated_at is not None


@pytest.mark.parametrize("order", [market(), limit()], ids=lambda order: order.order_type)
async def test_a_second_request_under_a_client_id_is_a_duplicate(exchange: Exchange, order: Order) -> None:
    """Whether the first order still rests or not; the first one stands."""
    first = await placed(exchange, order)

    outcome = await send(exchange, replace(order, quantity=Decimal("0.2")))

    assert isinstance(outcome, Duplicate)
    assert await shown(exchange, order) == first


async def test_a_client_id_is_taken_for_ever(exchange: Exchange) -> None:
    """After the order's end, too: a late repeat must not place it anew."""
    order = limit()
    await placed(exchange, order)
    await exchange.cancel(order)

    assert isinstance(await send(exchange, order), Duplicate)
    assert list(await exchange.open_orders()) == []


async def test_another_attempt_of_an_order_is_another_order(exchange: Exchange) -> None:
    """R9: it has a client id of its own."""
    order = limit()
    first = await placed(exchange, order)

    second = await placed(exchange, replace(order, attempt=2))

    assert {one.client_order_id for one in (first, second)} == {order.order_id, f"{order.order_id}-2"}
    assert len(await exchange.open_orders()) == 2


@pytest.mark.parametrize(("late", "is_taken"), [(0.0, True), (4.9, True), (5.1, False), (3600.0, False)])
async def test_a_request_that_arrives_after_its_window_places_nothing(
    exchange: Exchange, clock: TurnableClock, late: float, is_taken: bool
) -> None:
    """R2: who was frozen and woke late is refused."""
    order = limit()
    request, signed_at = await exchange.prepare(order), await exchange.now()
    clock.turn(late)

    outcome = await exchange.place(request, signed_at, WINDOW)

    assert isinstance(outcome, NotPlaced) != is_taken
    assert (await exchange.find(order) == Absent()) != is_taken


async def test_an_order_is_found_by_its_client_id(exchange: Exchange) -> None:
    """R12: all that is known of an order whose answer was lost."""
    order = limit()
    taken = await placed(exchange, order)

    assert order.exchange_order_id is None
    assert await shown(exchange, order) == taken


async def test_an_order_is_found_by_its_exchange_id(exchange: Exchange) -> None:
    """The id decides, whatever attempt the row is at by now."""
    order = limit()
    taken = await placed(exchange, order)

    assert await shown(exchange, replace(known(order, taken), attempt=2)) == taken


async def test_an_order_that_was_never_sent_is_absent(exchange: Exchange) -> None:
    """So is an attempt that was not made."""
    order = limit()
    await placed(exchange, order)

    assert await exchange.find(limit()) == Absent()
    assert await exchange.find(replace(order, attempt=2)) == Absent()


@each_resting
@pytest.mark.parametrize("by_id", [True, False], ids=["by exchange id", "by client id"])
async def test_a_cancel_ends_an_open_order(exchange: Exchange, order: Order, by_id: bool) -> None:
    """With the exchange's own word for it, which a look-up repeats (R19)."""
    taken = await placed(exchange, order)

    outcome = await exchange.cancel(known(order, taken) if by_id else order)

    assert isinstance(outcome, Cancelled)
    assert (outcome.order.status, outcome.order.filled_quantity) == (OrderStatus.CANCELLED, Decimal(0))
    assert await shown(exchange, order) == outcome.order
    assert list(await exchange.open_orders()) == []


async def test_a_cancel_of_a_filled_order_changes_nothing(exchange: Exchange) -> None:
    """It is gone, and its fill stands."""
    order = market()
    taken = await placed(exchange, order)

    outcome = await exchange.cancel(order)

    assert isinstance(outcome, Gone)
    assert await shown(exchange, order) == taken


async def test_a_second_cancel_finds_the_order_gone(exchange: Exchange) -> None:
    """Cancelling twice harms nobody."""
    order = limit()
    await placed(exchange, order)
    await exchange.cancel(order)

    assert isinstance(await exchange.cancel(order), Gone)
    assert (await shown(exchange, order)).status is OrderStatus.CANCELLED


async def test_a_cancel_of_an_order_that_is_not_there_finds_nothing(exchange: Exchange) -> None:
    """Which proves nothing: it may still be on its way (R19)."""
    order = limit()

    assert isinstance(await exchange.cancel(order), NotFound)

    assert (await placed(exchange, order)).status is OrderStatus.OPEN


async def test_open_orders_are_those_that_rest(exchange: Exchange) -> None:
    """Not what filled, expired or was cancelled."""
    orders = [limit(), stop(), limit(side=Side.SELL, price=Decimal(90_000)), limit()]
    resting = [await placed(exchange, order) for order in orders]
    await placed(exchange, market())
    await placed(exchange, limit(time_in_force=TimeInForce.IOC))

    await exchange.cancel(orders[3])

    found = await exchange.open_orders()
    assert sorted(found, key=lambda one: one.client_order_id) == resting[:3]


async def test_the_exchange_has_a_time(exchange: Exchange, clock: TurnableClock) -> None:
    """Aware, and it goes on."""
    before = await exchange.now()
    clock.turn(1.5)

    assert (await exchange.now() - before).total_seconds() == pytest.approx(1.5)
