"""Reduce-only orders at the futures markets: they close what is there, and never open anything."""

from decimal import Decimal

import pytest

from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import NotPlaced, OrderStatus, Side
from chalicelib.domain.ports import OrderNotAcceptedError
from tests.exchanges.markets.cases import each, which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import FUTURES, SPOT
from tests.exchanges.moves import Trader


@which(FUTURES)
@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.LIMIT])
async def test_without_a_position_it_is_refused(trader: Trader, floor: Floor, order_type: OrderType) -> None:
    """There is nothing to reduce, and nothing to try again."""
    outcome = await trader.send(trader.order(order_type, side=Side.SELL, reduce_only=True))

    assert isinstance(outcome, NotPlaced)
    assert not outcome.retry
    assert floor.orders() == []


@which(FUTURES)
@pytest.mark.parametrize("side", Side)
async def test_it_does_not_add_to_a_position(trader: Trader, floor: Floor, side: Side) -> None:
    """On the position's own side there is nothing to reduce."""
    await trader.placed(trader.market(side))
    held = floor.position()

    outcome = await trader.send(trader.market(side, reduce_only=True))

    assert isinstance(outcome, NotPlaced)
    assert floor.position() == held


@which(FUTURES)
@pytest.mark.parametrize("side", Side)
async def test_it_closes_a_position(trader: Trader, floor: Floor, side: Side) -> None:
    """Long or short, by a market order."""
    await trader.placed(trader.market(side))

    closed = await trader.placed(trader.market(Side.SELL if side is Side.BUY else Side.BUY, reduce_only=True))

    assert (closed.status, closed.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    assert floor.position() == 0


@which(FUTURES)
async def test_it_never_turns_a_position_around(trader: Trader, floor: Floor) -> None:
    """What is more than the position is not traded, whatever the exchange calls that."""
    await trader.placed(trader.market())

    ended = await trader.placed(trader.market(Side.SELL, quantity=Decimal("0.3"), reduce_only=True))

    assert ended.status.terminal
    assert ended.filled_quantity == Decimal("0.1")
    assert floor.position() == 0


@which(FUTURES)
async def test_it_rests_and_fills(trader: Trader, floor: Floor) -> None:
    """As any limit order does: to take a profit."""
    await trader.placed(trader.market())
    order = trader.limit(side=Side.SELL, price=trader.at("1.1"), reduce_only=True)

    rested = await trader.placed(order)
    floor.fill(order)

    assert rested.status is OrderStatus.OPEN
    assert (await trader.shown(order)).status is OrderStatus.FILLED
    assert floor.position() == 0


@which(FUTURES)
@pytest.mark.parametrize("order_type", [OrderType.STOP_MARKET, OrderType.STOP_LIMIT])
async def test_a_stop_loss_closes_a_position(trader: Trader, floor: Floor, order_type: OrderType) -> None:
    """It waits, and sells when the price has fallen."""
    await trader.placed(trader.market())
    order = trader.order(order_type, side=Side.SELL, reduce_only=True)

    waiting = await trader.placed(order)
    floor.move_price("0.75")

    assert waiting.status is OrderStatus.OPEN
    assert (await trader.shown(order)).status is OrderStatus.FILLED
    assert floor.position() == 0


@which(FUTURES)
async def test_it_may_be_worth_less_than_the_minimum(trader: Trader, floor: Floor) -> None:
    """Where the price has fallen so far, a position must still be closed."""
    least = trader.terms.quantity_step
    assert trader.terms.min_notional is not None
    await trader.placed(trader.market())
    ratio = trader.terms.min_notional / trader.terms.price / least
    floor.move_price(str(min(Decimal(1), ratio) * Decimal("0.9")))

    closed = await trader.placed(trader.market(Side.SELL, quantity=least, reduce_only=True))

    assert closed.status is OrderStatus.FILLED
    assert floor.position() == Decimal("0.1") - least


@each("order_type", SPOT, lambda terms: sorted(terms.order_types))
async def test_spot_has_no_such_order(trader: Trader, floor: Floor, order_type: OrderType) -> None:
    """It says so, and what to do instead, before anything is sent."""
    with pytest.raises(OrderNotAcceptedError, match="leave it out") as caught:
        await trader.exchange.prepare(trader.order(order_type, side=Side.SELL, reduce_only=True))

    assert caught.value.code == "NOT_OFFERED"
    assert floor.count("create") == 0
