"""A process that is stopped at the worst moments: nothing stale is taken, nothing is placed twice (R2, R9, R12)."""

import asyncio

import pytest

from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Change, Insert, Update
from chalicelib.exchanges.dialect import Call, Purpose
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, BYBIT_FUTURES, BYBIT_SPOT, Terms
from tests.trading.floor import MARKETS, UPBIT, WITH_CLOCK, Floor
from tests.trading.wire import Wire

A_MINUTE = 60.0

LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET
END = {LIMIT: OrderStatus.OPEN, MARKET: OrderStatus.FILLED}

each_kind = pytest.mark.parametrize("kind", END)


@pytest.mark.parametrize(("kind", "terms"), [*((MARKET, terms) for terms in MARKETS), (LIMIT, UPBIT)], ids=str)
async def test_a_sender_that_wakes_late_refuses_itself(floor: Floor, kind: OrderType, terms: Terms) -> None:
    """Frozen between the row and the request: past its deadline it signs nothing, at Upbit as anywhere."""
    await floor.trade_at(terms)
    freeze_before_sending(floor, A_MINUTE)

    answer, _ = await floor.send(kind)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert floor.creates(terms) == []
    log = await floor.event(answer)
    assert (log.successful_accounts, log.failed_accounts) == (0, 1)


@pytest.mark.parametrize("terms", [BINANCE_SPOT, UPBIT], ids=str)
async def test_an_order_that_is_still_wanted_then_gets_a_new_attempt(floor: Floor, terms: Terms) -> None:
    """Frozen for less than MAX_SEND_DELAY: nothing went out under the first id, and one order does under the second."""
    await floor.trade_at(terms)
    freeze_before_sending(floor, A_MINUTE / 2)

    answer, _ = await floor.send(LIMIT)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.OPEN, 2)
    assert floor.ids_on_book(terms) == [f"{order.order_id}-2"]
    assert len(floor.creates(terms)) == 1


@pytest.mark.parametrize("terms", WITH_CLOCK, ids=str)
async def test_an_exchange_with_a_clock_refuses_what_was_signed_a_minute_ago(
    floor: Floor, wire: Wire, terms: Terms
) -> None:
    """Frozen between signing and sending: the time stamp is the one of the signature, and too old."""
    await floor.trade_at(terms)
    freeze_once_signed(floor, wire)

    answer, _ = await floor.send(MARKET)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert [create["client_id"] for create in floor.creates(terms)] == [order.order_id]
    assert floor.on_book(terms) == []


@each_kind
async def test_upbit_takes_what_was_signed_a_minute_ago_and_it_is_known(
    floor: Floor, wire: Wire, kind: OrderType
) -> None:
    """Its requests carry no time. The order that it then has is adopted, and was sent once."""
    await floor.trade_at(UPBIT)
    freeze_once_signed(floor, wire)

    answer, _ = await floor.send(kind)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (END[kind], 1)
    assert floor.ids_on_book(UPBIT) == [order.order_id]
    assert len(floor.creates(UPBIT)) == 1


@pytest.mark.parametrize(
    ("kind", "terms"),
    [*((MARKET, terms) for terms in MARKETS), *((LIMIT, terms) for terms in (BINANCE_SPOT, BYBIT_FUTURES, UPBIT))],
    ids=str,
)
async def test_what_another_process_settled_meanwhile_stands_when_the_sender_wakes(
    floor: Floor, wire: Wire, kind: OrderType, terms: Terms
) -> None:
    """Its signed request goes out after all, and places nothing: it is stale, or at Upbit its identifier is used."""
    await floor.trade_at(terms)
    hold = wire.hold_next_create()
    sending = asyncio.create_task(floor.send(kind))
    await hold.reached.wait()
    (order_id,) = [row.order_id for row in stored_orders(floor)]

    floor.clock.turn(10.0)
    (settled,) = await floor.settle(order_id, services=floor.another_process())
    hold.released.set()
    await sending

    (order,) = await floor.settle(order_id)
    assert order.status is settled.status is (OrderStatus.OPEN if kind is LIMIT else OrderStatus.REJECTED)
    assert order.attention is None
    placed = [order.client_order_id] if kind is LIMIT else []
    assert floor.ids_on_book(terms) == placed
    assert len(floor.creates(terms)) == (1 if kind is MARKET and terms.requests_expire else 2)


@pytest.mark.parametrize(
    ("kind", "terms"),
    [(LIMIT, BINANCE_FUTURES), (LIMIT, BYBIT_SPOT), (MARKET, UPBIT)],
    ids=str,
)
async def test_a_request_that_arrives_a_minute_later_places_nothing(
    floor: Floor, wire: Wire, kind: OrderType, terms: Terms
) -> None:
    """The network held it. By then its absence is proven: by the clock, or at Upbit by the use of its identifier."""
    await floor.trade_at(terms)
    floor.control.fault("late", exchange=terms.name, operation="create", delay_ms=int(A_MINUTE * 1000))
    wire.expect_no_answer()

    answer, _ = await floor.send(kind)
    (settled,) = await floor.settle(*answer.event.order_ids)
    before = floor.ids_on_book(terms)
    floor.clock.turn(A_MINUTE)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is settled.status is (OrderStatus.OPEN if kind is LIMIT else OrderStatus.REJECTED)
    assert floor.ids_on_book(terms) == before == ([order.client_order_id] if kind is LIMIT else [])


@pytest.mark.parametrize("terms", [BYBIT_SPOT, UPBIT], ids=str)
async def test_a_request_that_arrives_within_its_window_is_adopted(floor: Floor, wire: Wire, terms: Terms) -> None:
    """Late by three seconds: not found at first, which proves nothing; then there it is, once."""
    await floor.trade_at(terms)
    floor.control.fault("late", exchange=terms.name, operation="create", delay_ms=3000)
    wire.expect_no_answer()

    answer, (unknown,) = await floor.send(MARKET)

    assert (unknown.status, unknown.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.FILLED, 1)
    assert floor.ids_on_book(terms) == [order.order_id]
    assert len(floor.creates(terms)) == 1


def freeze_before_sending(floor: Floor, seconds: float) -> None:
    """The process stops while it writes SENDING: everything is prepared, nothing is signed."""

    async def before_commit(changes: tuple[Change, ...]) -> None:
        rows = [change.new if isinstance(change, Update) else getattr(change, "row", None) for change in changes]
        if any(isinstance(row, Order) and row.placement is Placement.SENDING for row in rows):
            floor.store.before_commit = None
            floor.clock.turn(seconds)

    floor.store.before_commit = before_commit


def freeze_once_signed(floor: Floor, wire: Wire) -> None:
    """The process stops for a minute with a signed create in its hands."""

    def on_signed(call: Call) -> None:
        if call.purpose is Purpose.CREATE:
            wire.on_signed = None
            floor.clock.turn(A_MINUTE)

    wire.on_signed = on_signed


def stored_orders(floor: Floor) -> list[Order]:
    """The rows that are stored so far."""
    stored = [change.row for changes in floor.store.commits for change in changes if isinstance(change, Insert)]
    return [row for row in stored if isinstance(row, Order)]
