"""The exchange's open orders against our rows, both ways (R13, R29)."""

import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus, cancel_request_for
from chalicelib.domain.orders import Order, OrderRequest, OrderType
from chalicelib.domain.outcomes import CancelAcknowledged, Cancelled, ExchangeOrder, OrderStatus, Side, Unknown
from chalicelib.domain.ports import Insert
from chalicelib.usecases.cancelling import request_cancel
from chalicelib.usecases.orphans import hunt_orphans
from chalicelib.usecases.placing import place_ready
from tests.desk import Desk
from tests.scripted_exchange import found, seen
from tests.store import rows as stored_rows


@pytest.fixture
async def desk(scripted: Desk) -> Desk:
    """One account with one strategy."""
    await scripted.account("m1")
    await scripted.strategy("s1", "m1")
    return scripted


def live(desk: Desk, client_order_id: str, request: OrderRequest | None = None, **changes: object) -> ExchangeOrder:
    """An order on the exchange's book; a cancel ends it."""
    request = request or OrderRequest(
        client_order_id=client_order_id,
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.01"),
        quote_amount=None,
        price=Decimal(50_000),
        stop_price=None,
        time_in_force=None,
        post_only=False,
        reduce_only=False,
    )
    order = seen(request, OrderStatus.OPEN, desk.clock.now(), **changes)
    desk.exchange.shown[client_order_id] = order

    async def end() -> None:
        desk.exchange.shown[client_order_id] = replace(order, status=OrderStatus.CANCELLED)

    desk.exchange.in_cancel = end
    desk.exchange.cancel_outcomes = [CancelAcknowledged()]
    return order


async def hunt(desk: Desk) -> None:
    """The next one that is due."""
    desk.clock.turn(desk.services.policy.reconcile_interval)
    await hunt_orphans(desk.services, desk.budget(20))


async def open_order(desk: Desk) -> Order:
    order = await desk.limit_order()
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    return await desk.order(order.order_id)


async def test_an_order_of_ours_without_a_row_gets_one_and_is_cancelled(desk: Desk) -> None:
    """With alarm; the row and its queue row stand before the cancel goes out."""
    (order_id,) = desk.services.ids.order_ids(desk.clock.now(), 1)
    orphan = live(desk, order_id, filled_quantity=Decimal("0.004"))
    rows: list[tuple[Order, CancelRequest]] = []
    end = desk.exchange.in_cancel
    assert end is not None

    async def look() -> None:
        rows.append((await desk.order(order_id), await desk.request(order_id)))
        await end()

    desk.exchange.in_cancel = look
    await hunt(desk)
    order, request = await desk.order(order_id), await desk.request(order_id)

    assert [(row.status, queued.status) for row, queued in rows] == [(OrderStatus.OPEN, CancelStatus.PROCESSING)]
    assert desk.exchange.cancelled == [orphan.exchange_order_id]
    assert (order.status, order.filled_quantity, order.strategy_id) == (
        OrderStatus.CANCELLED,
        Decimal("0.004"),
        "orphans",
    )
    assert order.attention is not None
    assert "orphan" in order.attention
    assert request.status is CancelStatus.SUCCESS


async def test_an_orphan_whose_queue_row_outlived_its_own_is_cancelled_too(desk: Desk) -> None:
    """The two tables were restored from backups of different ages."""
    (order_id,) = desk.services.ids.order_ids(desk.clock.now(), 1)
    orphan = live(desk, order_id)
    left = cancel_request_for(replace(stored_rows.order(), order_id=order_id), desk.clock.now(), "api", 0.0)
    await desk.store.commit(Insert(left))

    await hunt(desk)

    assert desk.exchange.cancelled == [orphan.exchange_order_id]
    assert (await desk.order(order_id)).status is OrderStatus.CANCELLED


async def test_an_order_that_was_just_made_is_left_alone(desk: Desk) -> None:
    """R29: for a minute."""
    desk.clock.turn(1000)
    (order_id,) = desk.services.ids.order_ids(desk.clock.now(), 1)
    live(desk, order_id)
    desk.clock.turn(59)

    await hunt_orphans(desk.services, desk.budget(20))

    assert desk.exchange.cancelled == []
    assert await desk.store.get(Order, order_id) is None


async def test_orders_that_are_not_of_our_pattern_are_reported_and_never_touched(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """By hand, of another stage, or of another program."""
    names = ["", "web_123", "prod-01JD6Z4N3Q8V5W2X7Y9ABCDEFG", "test-01JD6Z4N3Q8V5W2X7Y9ABCDEFG-x", "TEST-" + "0" * 26]
    desk.exchange.strangers = [replace(live(desk, "x"), client_order_id=name) for name in names]
    desk.exchange.shown.clear()

    with caplog.at_level(logging.INFO):
        await hunt(desk)

    assert desk.exchange.cancelled == []
    assert [record.orders for record in caplog.records if hasattr(record, "orders")] == [len(names)]


async def test_an_order_that_had_ended_here_lives_again_with_alarm(desk: Desk) -> None:
    """R5: what the exchange says outranks what we concluded. It was not asked to be cancelled, so it stays."""
    order = await open_order(desk)
    desk.exchange.shown[order.order_id] = seen(order.request, OrderStatus.CANCELLED, desk.clock.now())
    await hunt(desk)
    ended = await desk.order(order.order_id)
    desk.clock.turn(100)
    desk.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, desk.clock.now())

    await hunt(desk)
    revived = await desk.order(order.order_id)

    assert (ended.status, revived.status, revived.ttl) == (OrderStatus.CANCELLED, OrderStatus.OPEN, None)
    assert desk.exchange.cancelled == []


async def test_an_order_that_was_thought_cancelled_on_request_is_cancelled_again(desk: Desk) -> None:
    """Its row asked for that; the request returns to the queue and ends on proof."""
    order = await open_order(desk)
    gone = seen(order.request, OrderStatus.CANCELLED, desk.clock.now())
    desk.exchange.cancel_outcomes = [Cancelled(gone)]
    await request_cancel(desk.services, order.order_id, "api", desk.budget())
    desk.exchange.cancelled.clear()
    desk.clock.turn(1)
    ghost = live(desk, order.order_id, order.request)

    await hunt(desk)

    assert desk.exchange.cancelled == [ghost.exchange_order_id]
    assert (await desk.order(order.order_id)).status is OrderStatus.CANCELLED
    assert (await desk.request(order.order_id)).status is CancelStatus.SUCCESS


async def test_an_order_of_ours_that_the_list_does_not_show_is_asked_for_by_itself(desk: Desk) -> None:
    """R29: a list never proves absence. The look-up says what became of it."""
    order = await open_order(desk)
    desk.exchange.lookups = [found(order.request, OrderStatus.FILLED, desk.clock.now())]
    before = len(desk.exchange.looked_up)

    await hunt(desk)

    assert desk.exchange.looked_up[before:] == [order.order_id]
    assert (await desk.order(order.order_id)).status is OrderStatus.FILLED


async def test_an_order_that_neither_list_nor_look_up_shows_is_never_concluded(desk: Desk) -> None:
    """It had been seen: a person decides."""
    order = await open_order(desk)

    await hunt(desk)
    order = await desk.order(order.order_id)

    assert order.status is OrderStatus.OPEN
    assert order.attention is not None


async def test_another_attempt_that_is_live_is_cancelled(desk: Desk) -> None:
    """R13: one order has one attempt that counts."""
    order = await open_order(desk)
    ghost = live(desk, f"{order.order_id}-2")

    await hunt(desk)

    assert desk.exchange.cancelled == [ghost.exchange_order_id]
    assert (await desk.order(order.order_id)).attention is not None


async def test_an_unknown_order_that_the_list_shows_is_adopted(desk: Desk) -> None:
    """The hunt is a look-up like any other."""
    order = await desk.limit_order()
    desk.exchange.place_outcomes = [Unknown("timeout")]
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    live(desk, order.order_id, (await desk.order(order.order_id)).request)

    await hunt(desk)

    assert (await desk.order(order.order_id)).status is OrderStatus.OPEN


async def test_one_hunt_is_made_in_its_interval_whoever_comes(desk: Desk) -> None:
    """Two reconciles at once, two in a row."""
    (order_id,) = desk.services.ids.order_ids(desk.clock.now(), 1)
    await hunt(desk)
    live(desk, order_id)

    await hunt_orphans(desk.services, desk.budget(20))
    too_early = await desk.store.get(Order, order_id)
    await hunt(desk)

    assert too_early is None
    assert await desk.store.get(Order, order_id) is not None


async def test_one_accounts_failure_touches_no_other(desk: Desk) -> None:
    """Invariant 8."""
    await desk.account("m0")
    (order_id,) = desk.services.ids.order_ids(desk.clock.now(), 1)
    live(desk, order_id)
    calls: list[str] = []
    listed = desk.exchange.open_orders

    async def fail_first() -> list[ExchangeOrder]:
        calls.append("")
        if len(calls) == 1:
            raise ValueError("no list of orders")
        return list(await listed())

    desk.exchange.open_orders = fail_first  # type: ignore[method-assign]

    await hunt(desk)

    assert len(calls) == 2
    assert (await desk.order(order_id)).status is OrderStatus.CANCELLED
