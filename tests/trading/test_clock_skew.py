"""Exchanges whose clocks differ from ours: the offset is learned, and learned again once it is refused (R2, R9)."""

import pytest

from chalicelib.domain.clock import after, seconds_between
from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import OrderStatus
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, BYBIT_FUTURES, BYBIT_SPOT, Terms
from tests.trading.floor import MARKETS, UPBIT, Floor

LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET

either_way = pytest.mark.parametrize("skew", [10, -10])


@either_way
async def test_orders_go_through_at_exchanges_whose_clocks_differ(floor: Floor, skew: int) -> None:
    """By ten seconds, on all five markets: each is sent once, placed, and cancelled."""
    await floor.trade_at(*MARKETS)
    for exchange in {terms.exchange for terms in MARKETS}:
        floor.control.set_clock_skew(exchange, skew * 1000)

    answer, _ = await floor.send(LIMIT)

    rows = await floor.settle(*answer.event.order_ids)
    assert [row.status for row in rows] == [OrderStatus.OPEN] * 5
    assert [len(floor.creates(terms)) for terms in MARKETS] == [1] * 5
    for row in rows:
        await floor.cancel(row.order_id)
    ended = await floor.settle(*answer.event.order_ids)
    assert {row.status for row in ended} == {OrderStatus.CANCELLED}
    assert floor.control.orders(live=True) == []


async def test_the_deadline_is_in_the_exchanges_time(floor: Floor) -> None:
    """Absence is proven by the clock that decides whether the request is still good (R12)."""
    terms, skew = BINANCE_SPOT, -10
    floor.control.set_clock_skew(terms.exchange, skew * 1000)
    await floor.trade_at(terms)
    floor.control.fault("close", exchange=terms.name, operation="create")
    exchange_time_at_start = after(floor.clock.now(), skew)

    answer, (unknown,) = await floor.send(MARKET)

    assert unknown.deadline is not None
    assert seconds_between(exchange_time_at_start, unknown.deadline) == pytest.approx(10.0, abs=0.5)
    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert seconds_between(unknown.deadline, after(floor.clock.now(), skew)) >= 12.0


@pytest.mark.parametrize(
    ("terms", "skew"),
    [(BINANCE_SPOT, 6), (BINANCE_FUTURES, -6), (BYBIT_SPOT, -6), (BYBIT_FUTURES, 6)],
    ids=str,
)
async def test_a_skew_that_appears_later_is_corrected_within_the_same_attempt(
    floor: Floor, terms: Terms, skew: int
) -> None:
    """Refused, so not placed; sent again with a fresh stamp, under the same id and deadline."""
    await warmed_up(floor, terms)
    floor.control.set_clock_skew(terms.exchange, skew * 1000)

    answer, _ = await floor.send(MARKET)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.FILLED, 1)
    assert [create["client_id"] for create in floor.creates(terms)[1:]] == [order.order_id] * 2
    assert floor.ids_on_book(terms)[1:] == [order.order_id]


@pytest.mark.parametrize("terms", [BINANCE_FUTURES, BYBIT_SPOT], ids=str)
async def test_a_skew_beyond_the_deadline_takes_a_new_attempt(floor: Floor, terms: Terms) -> None:
    """By the exchange's true time the deadline may be over: an order that can wait is sent under a new one."""
    await warmed_up(floor, terms)
    floor.control.set_clock_skew(terms.exchange, 10_000)

    answer, _ = await floor.send(LIMIT)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.OPEN, 2)
    assert floor.ids_on_book(terms)[1:] == [order.client_order_id]


@pytest.mark.parametrize(
    ("terms", "skew"),
    [(BINANCE_SPOT, -10), (BINANCE_FUTURES, 10), (BYBIT_SPOT, 10), (BYBIT_FUTURES, -10)],
    ids=str,
)
async def test_a_cancel_and_its_read_back_survive_a_skew_that_appears_later(
    floor: Floor, terms: Terms, skew: int
) -> None:
    """A refused time stamp never counts as a refused cancel (R17)."""
    await floor.trade_at(terms)
    answer, _ = await floor.send(LIMIT)
    (open_order,) = await floor.settle(*answer.event.order_ids)
    floor.control.set_clock_skew(terms.exchange, skew * 1000)

    await floor.cancel(open_order.order_id)

    (order,) = await floor.settle(open_order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert (await floor.request(order.order_id)).retry_count == 0
    assert floor.on_book(terms, live=True) == []


async def test_upbit_does_not_mind(floor: Floor) -> None:
    """It checks no time, and is not asked for any."""
    await warmed_up(floor, UPBIT)
    floor.control.set_clock_skew("upbit", 10_000)

    answer, _ = await floor.send(MARKET)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.FILLED, 1)
    assert len(floor.creates(UPBIT)) == 2


async def warmed_up(floor: Floor, terms: Terms) -> None:
    """The process has traded here, and believes that it knows the exchange's time."""
    await floor.trade_at(terms)
    answer, _ = await floor.send(MARKET)
    await floor.settle(*answer.event.order_ids)
