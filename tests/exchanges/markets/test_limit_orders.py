"""LIMIT orders at every real market, to their ends: resting, filled in parts, cancelled, at once or not at all."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.domain.orders import Order, TimeInForce
from chalicelib.domain.outcomes import Absent, NotPlaced, OrderStatus, Side
from chalicelib.exchanges.rounding import round_down
from tests.exchanges.markets.cases import each
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import REAL
from tests.exchanges.moves import Trader, known

each_side = pytest.mark.parametrize("side", Side)


def resting(trader: Trader, side: Side, **changes: object) -> Order:
    """Away from the market by a tenth."""
    return trader.limit(**{"side": side, "price": trader.at("0.9" if side is Side.BUY else "1.1"), **changes})


def crossing(trader: Trader, side: Side, **changes: object) -> Order:
    """Ready to pay a tenth more, or get a tenth less, than the market asks for."""
    return resting(trader, side, price=trader.at("1.1" if side is Side.BUY else "0.9"), **changes)


@each_side
async def test_an_order_rests_and_is_filled_in_parts(trader: Trader, floor: Floor, side: Side) -> None:
    """Open with what it has, then filled; its price is its own."""
    order = resting(trader, side)

    rested = await trader.placed(order)
    floor.fill(order, "0.04")
    in_part = await trader.shown(order)
    floor.fill(order)
    whole = await trader.shown(order)

    assert [one.status for one in (rested, in_part, whole)] == [OrderStatus.OPEN, OrderStatus.OPEN, OrderStatus.FILLED]
    assert [one.filled_quantity for one in (rested, in_part, whole)] == [0, Decimal("0.04"), Decimal("0.1")]
    assert [one.average_price for one in (rested, in_part, whole)] == [None, order.price, order.price]


@each_side
async def test_the_market_may_come_to_the_order(trader: Trader, floor: Floor, side: Side) -> None:
    """It fills at its own price."""
    order = resting(trader, side)
    await trader.placed(order)

    floor.move_price("0.85" if side is Side.BUY else "1.15")

    taken = await trader.shown(order)
    assert (taken.status, taken.average_price) == (OrderStatus.FILLED, order.price)


@each_side
async def test_an_order_that_crosses_fills_at_once_at_the_better_price(trader: Trader, side: Side) -> None:
    """What the market asks for, not what the order would have paid."""
    taken = await trader.placed(crossing(trader, side))

    assert (taken.status, taken.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    assert taken.average_price == trader.terms.price


@each_side
async def test_what_crosses_in_part_rests_with_the_remainder(trader: Trader, floor: Floor, side: Side) -> None:
    """Open, and it is not said to be filled."""
    floor.offer("0.04")

    taken = await trader.placed(crossing(trader, side))

    assert (taken.status, taken.filled_quantity) == (OrderStatus.OPEN, Decimal("0.04"))


@pytest.mark.parametrize("by_id", [True, False], ids=["by exchange id", "by client id"])
async def test_a_cancel_keeps_what_was_filled(trader: Trader, floor: Floor, by_id: bool) -> None:
    """Cancelled is the rest."""
    order = resting(trader, Side.BUY)
    rested = await trader.placed(order)
    floor.fill(order, "0.04")

    ended = await trader.cancelled(known(order, rested) if by_id else order)

    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.04"))
    assert ended.average_price == order.price
    assert not floor.row(order)["live"]


async def test_an_ioc_order_ends_with_what_it_got(trader: Trader, floor: Floor) -> None:
    """Its remainder does not rest."""
    floor.offer("0.04")

    taken = await trader.placed(crossing(trader, Side.BUY, time_in_force=TimeInForce.IOC))

    assert (taken.status, taken.filled_quantity) == (trader.terms.unfilled, Decimal("0.04"))


async def test_a_fok_order_takes_all_or_nothing(trader: Trader, floor: Floor) -> None:
    """Two fifths of it are nothing."""
    floor.offer("0.14")
    whole, short = (crossing(trader, Side.BUY, time_in_force=TimeInForce.FOK) for _ in range(2))

    filled = await trader.placed(whole)
    outcome = await trader.send(short)

    trader.clock.turn(1)
    assert (filled.status, filled.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    if trader.terms.unfilled_fok is None:
        assert isinstance(outcome, NotPlaced)
        assert await trader.exchange.find(short) == Absent()
    else:
        ended = await trader.shown(short)
        assert (ended.status, ended.filled_quantity) == (trader.terms.unfilled_fok, 0)


@each_side
async def test_a_post_only_order_rests(trader: Trader, floor: Floor, side: Side) -> None:
    """Until the market comes to it."""
    order = resting(trader, side, post_only=True)

    rested = await trader.placed(order)
    floor.fill(order)

    assert rested.status is OrderStatus.OPEN
    assert (await trader.shown(order)).status is OrderStatus.FILLED


@each_side
async def test_a_post_only_order_that_would_trade_at_once_trades_nothing(
    trader: Trader, floor: Floor, side: Side
) -> None:
    """Refused, or taken and ended at once by the exchange."""
    order = crossing(trader, side, post_only=True)

    outcome = await trader.send(order)

    assert isinstance(outcome, trader.terms.taking_post_only)
    if isinstance(outcome, NotPlaced):
        assert not outcome.retry
        assert floor.orders() == []
    else:
        ended = await trader.shown(order)
        assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, 0)


@each_side
async def test_an_amount_is_turned_into_a_quantity_at_the_orders_price(
    trader: Trader, floor: Floor, side: Side
) -> None:
    """At every market: it costs no more than was asked for."""
    order = resting(trader, side, quantity=None, quote_amount=trader.at("0.05"))

    await trader.placed(order)

    assert order.price is not None
    sent = Decimal(floor.row(order)["quantity"])
    assert sent == round_down(trader.at("0.05") / order.price, trader.terms.quantity_step)


@each("side", REAL, lambda terms: [Side.BUY, *([Side.SELL] if terms.market == "spot" else [])])
async def test_a_percentage_of_what_is_free_is_taken(trader: Trader, floor: Floor, side: Side) -> None:
    """Of the money, or of the margin, at the order's price; of the coin."""
    free = await trader.exchange.free_balance(trader.terms.quote if side is Side.BUY else trader.terms.base)
    order = resting(trader, side, quantity=None, percent=Decimal(10))

    await trader.placed(order)

    assert order.price is not None
    wanted = free / 10 / (order.price if side is Side.BUY else 1)
    assert Decimal(floor.row(order)["quantity"]) == round_down(wanted, trader.terms.quantity_step)


@each_side
async def test_a_price_between_two_ticks_is_rounded_to_the_users_advantage(
    trader: Trader, floor: Floor, side: Side
) -> None:
    """He pays no more, and gets no less."""
    assert trader.terms.tick is not None
    price = trader.at("0.9" if side is Side.BUY else "1.1")
    order = resting(trader, side, price=price + trader.terms.tick / 2)

    await trader.placed(order)

    assert Decimal(floor.row(order)["price"]) == (price if side is Side.BUY else price + trader.terms.tick)


async def test_an_order_that_the_exchange_ends_itself_is_shown_so(trader: Trader, floor: Floor) -> None:
    """In maintenance, by its own rules: nobody here asked for it."""
    order = resting(trader, Side.BUY)
    await trader.placed(order)

    floor.control.end_order(order.client_order_id, "canceled")

    assert (await trader.shown(order)).status is OrderStatus.CANCELLED


async def test_another_attempt_is_told_from_the_first(trader: Trader, floor: Floor) -> None:
    """Each is found, filled and cancelled under its own id."""
    first = resting(trader, Side.BUY)
    second = replace(first, attempt=2)
    for order in (first, second):
        await trader.placed(order)
    floor.fill(first)

    ended = await trader.cancelled(second)

    assert ended.status is OrderStatus.CANCELLED
    assert (await trader.shown(first)).status is OrderStatus.FILLED
