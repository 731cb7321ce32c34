"""STOP_MARKET and STOP_LIMIT orders where they are offered: waiting, triggered, filled, and cancelled after that."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import (
    CancelAcknowledged,
    Cancelled,
    ExchangeOrder,
    Gone,
    NotFound,
    NotPlaced,
    OrderStatus,
    Side,
    Unknown,
)
from chalicelib.domain.ports import OrderNotAcceptedError
from tests.exchanges.markets.cases import which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import BYBIT_FUTURES, BYBIT_SPOT, WITH_STOPS
from tests.exchanges.moves import Trader, known

STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)

with_stops = which(WITH_STOPS)
each_stop = pytest.mark.parametrize("order_type", STOPS)
each_side = pytest.mark.parametrize("side", Side)
by_either_id = pytest.mark.parametrize("by_id", [True, False], ids=["by exchange id", "by client id"])


def ratios(side: Side, *ratios: str) -> Iterable[str]:
    """As they are for a purchase; mirrored at 1 for a sale."""
    return (str(2 - Decimal(ratio)) if side is Side.SELL else ratio for ratio in ratios)


def left_behind(trader: Trader, side: Side) -> Order:
    """A stop limit whose price the market has passed when it triggers: it rests then."""
    trigger, price = ratios(side, "1.25", "1.2")
    return trader.stop_limit(side=side, stop_price=trader.at(trigger), price=trader.at(price))


async def triggered(trader: Trader, floor: Floor, side: Side = Side.BUY) -> Order:
    """Such an order, resting after its trigger; the row keeps the id that was told when it was placed."""
    order = left_behind(trader, side)
    taken = await trader.placed(order)
    floor.move_price(*ratios(side, "1.25"))
    return known(order, taken)


@with_stops
@each_stop
@each_side
async def test_a_stop_waits_for_its_price(trader: Trader, floor: Floor, order_type: OrderType, side: Side) -> None:
    """A move that does not reach it changes nothing, nor one to the other side."""
    order = trader.order(order_type, side=side)
    taken = await trader.placed(order)

    seen = []
    for ratio in ratios(side, "1.24", "0.9"):
        floor.move_price(ratio)
        seen.append(await trader.shown(order))

    assert taken.status is OrderStatus.OPEN
    assert seen == [taken, taken]


@with_stops
@each_stop
@each_side
async def test_a_stop_is_filled_when_its_price_comes(
    trader: Trader, floor: Floor, order_type: OrderType, side: Side
) -> None:
    """Found under its own ids, with what was traded and at what price."""
    order = trader.order(order_type, side=side)
    taken = await trader.placed(order)

    (ratio,) = ratios(side, "1.25")
    floor.move_price(ratio)

    by_client_id, by_exchange_id = await trader.shown(order), await trader.shown(known(order, taken))
    assert (by_client_id.status, by_client_id.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    assert by_client_id.average_price == trader.at(ratio)
    assert by_exchange_id == by_client_id
    assert list(await trader.exchange.open_orders()) == []


@with_stops
@each_stop
@each_side
async def test_a_triggered_stop_is_still_the_order_that_was_sent(
    trader: Trader, floor: Floor, order_type: OrderType, side: Side
) -> None:
    """R13: whatever the exchange made of it."""
    order = trader.order(order_type, side=side)
    row = replace(order, request=await trader.exchange.prepare(order))
    await trader.placed(order)

    floor.move_price(*ratios(side, "1.25"))

    assert row.is_same_as(await trader.shown(order))


@with_stops
@each_side
async def test_a_stop_limit_may_rest_after_its_trigger_and_fill_in_parts(
    trader: Trader, floor: Floor, side: Side
) -> None:
    """Open all along, until all of it is filled at its own price."""
    order = await triggered(trader, floor, side)

    rested = await trader.shown(order)
    floor.fill(order, "0.04")
    in_part = await trader.shown(order)
    floor.fill(order)
    whole = await trader.shown(order)

    assert [one.status for one in (rested, in_part, whole)] == [OrderStatus.OPEN, OrderStatus.OPEN, OrderStatus.FILLED]
    assert [one.filled_quantity for one in (rested, in_part, whole)] == [0, Decimal("0.04"), Decimal("0.1")]
    assert whole.average_price == order.price


@with_stops
@each_side
@by_either_id
async def test_a_stop_is_cancelled_after_its_trigger(trader: Trader, floor: Floor, side: Side, by_id: bool) -> None:
    """By a row that knows nothing of the trigger."""
    order = await triggered(trader, floor, side)
    row = order if by_id else replace(order, exchange_order_id=None)

    ended = await settled(trader, row)

    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, 0)
    assert not any(one["live"] for one in floor.orders())


@with_stops
@by_either_id
async def test_a_stop_is_cancelled_after_its_trigger_and_a_part(trader: Trader, floor: Floor, by_id: bool) -> None:
    """Its fill stays."""
    order = await triggered(trader, floor)
    floor.fill(order, "0.04")
    row = order if by_id else replace(order, exchange_order_id=None)

    ended = await settled(trader, row)

    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.04"))
    assert not any(one["live"] for one in floor.orders())


async def settled(trader: Trader, row: Order) -> ExchangeOrder:
    """As a cancel is worked off: asked for, read back with what is known then, asked for again while it lives."""
    for _ in range(2):
        outcome = await trader.cancel(row)
        assert isinstance(outcome, Cancelled | CancelAcknowledged | Gone | NotFound), outcome
        found = await trader.shown(row)
        if found.status.terminal:
            return found
        row = replace(known(row, found), filled_quantity=found.filled_quantity)
    raise AssertionError(f"it lives on: {found}")


@with_stops
@each_stop
async def test_a_cancel_that_comes_after_the_fill_changes_nothing(
    trader: Trader, floor: Floor, order_type: OrderType
) -> None:
    """Gone, or not to be found: the fill stands, and is read back."""
    order = trader.order(order_type)
    await trader.placed(order)
    floor.move_price("1.25")
    filled = await trader.shown(order)

    outcome = await trader.cancel(order)

    assert isinstance(outcome, Gone | NotFound)
    assert await trader.shown(order) == filled


@with_stops
@each_stop
@by_either_id
async def test_a_cancelled_stop_is_not_triggered(
    trader: Trader, floor: Floor, order_type: OrderType, by_id: bool
) -> None:
    """Its end is an end."""
    order = trader.order(order_type)
    taken = await trader.placed(order)
    await trader.cancel(known(order, taken) if by_id else order)

    floor.move_price("1.5")

    ended = await trader.shown(order)
    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, 0)


def beyond(trader: Trader, order_type: OrderType, side: Side) -> Order:
    """A stop whose price the market has passed already."""
    trigger, price = ratios(side, "0.9", "0.95")
    changes = {"price": trader.at(price)} if order_type is OrderType.STOP_LIMIT else {}
    return trader.order(order_type, side=side, stop_price=trader.at(trigger), **changes)


@which(terms for terms in WITH_STOPS if terms is not BYBIT_SPOT)
@each_stop
@each_side
async def test_a_stop_beyond_its_price_is_not_placed(
    trader: Trader, floor: Floor, order_type: OrderType, side: Side
) -> None:
    """It would be triggered at once. What Bybit's contracts answer is in no table of what it proves."""
    outcome = await trader.send(beyond(trader, order_type, side))

    if trader.terms is BYBIT_FUTURES:
        assert isinstance(outcome, Unknown)
    else:
        assert isinstance(outcome, NotPlaced)
        assert not outcome.retry
    assert floor.orders() == []


@which([BYBIT_SPOT])
@each_stop
@each_side
async def test_a_stop_beyond_its_price_is_not_even_sent(
    trader: Trader, floor: Floor, order_type: OrderType, side: Side
) -> None:
    """Where the exchange would wait for the price to come back."""
    with pytest.raises(OrderNotAcceptedError, match="stop_price"):
        await trader.send(beyond(trader, order_type, side))

    assert floor.count("create") == 0


@with_stops
@each_side
async def test_a_stop_price_is_rounded_to_the_tick(trader: Trader, floor: Floor, side: Side) -> None:
    """To the side on which the user pays no more and gets no less."""
    assert trader.terms.tick is not None
    (ratio,) = ratios(side, "1.25")
    order = trader.stop(side=side, stop_price=trader.at(ratio) + trader.terms.tick / 2)

    await trader.placed(order)

    expected = trader.at(ratio) if side is Side.BUY else trader.at(ratio) + trader.terms.tick
    assert Decimal(floor.row(order)["trigger_price"]) == expected


@with_stops
@each_side
async def test_an_amount_is_turned_into_a_quantity_at_the_stop_price(trader: Trader, floor: Floor, side: Side) -> None:
    """A stop market order has no other price."""
    order = trader.stop(side=side, quantity=None, quote_amount=trader.at("0.125"))

    await trader.placed(order)

    assert order.stop_price is not None
    wanted = trader.at("0.125") / order.stop_price
    assert wanted - trader.terms.quantity_step < Decimal(floor.row(order)["quantity"]) <= wanted


@with_stops
async def test_a_triggered_stop_is_still_listed_while_it_rests(trader: Trader, floor: Floor) -> None:
    """Nothing that is live is missing from the list that orphans are hunted with (R29)."""
    await triggered(trader, floor)
    trader.clock.turn(1)

    (listed,) = await trader.exchange.open_orders()

    assert (listed.status, listed.quantity) == (OrderStatus.OPEN, Decimal("0.1"))
