"""What can go wrong while an order is cancelled, by the scenarios' numbers."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.errors import ConflictError, ForbiddenError
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Change, Update
from chalicelib.exchanges.dialect import Call, Purpose
from chalicelib.usecases import catalog
from chalicelib.usecases.cancel_requests import store_cancel
from chalicelib.usecases.cancelling import process_cancel
from chalicelib.usecases.placing import place_ready
from infra.simulator.instruments import TEST_KEY
from tests.desk import Desk, cancel_alert, order_alert
from tests.exchanges.markets.floor import Floor as MarketFloor
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, BYBIT_FUTURES, BYBIT_SPOT, Terms
from tests.trading.floor import MARKETS, ONE_OF_EACH, Floor
from tests.trading.wire import Wire

LIMIT = order_alert(OrderType.LIMIT, price=Decimal(50_000))

at_each = pytest.mark.parametrize("terms", MARKETS, ids=str)
at_each_exchange = pytest.mark.parametrize("terms", ONE_OF_EACH, ids=str)


@at_each
async def test_a_cancel_between_the_answer_and_its_write_is_seen_by_the_writer(floor: Floor, terms: Terms) -> None:
    """Scenario 24 (R3, R11). The writer meets a newer version, reads the flag with it, and cancels in the same task."""
    await floor.trade_at(terms)
    answer = await floor.limit()
    (order_id,) = answer.event.order_ids

    async def ask(changes: tuple[Change, ...]) -> None:
        if any(isinstance(c, Update) and getattr(c.old, "placement", None) is Placement.SENDING for c in changes):
            floor.store.before_commit = None
            await store_cancel(floor.another_process(), order_id, "api")

    floor.store.before_commit = ask

    (order,) = await floor.hand_over(answer)

    assert order.status is OrderStatus.CANCELLED
    assert (await floor.request(order_id)).status is CancelStatus.SUCCESS
    assert floor.on_book(terms, live=True) == []
    assert len(floor.creates(terms)) == 1


@at_each
async def test_an_order_that_is_not_visible_yet_is_cancelled_once_it_is(floor: Floor, terms: Terms) -> None:
    """Scenario 25 (R17, R19). Until then the exchange knows of no such order, which ends and counts nothing."""
    await floor.trade_at(terms)
    floor.control.fault("invisible", exchange=terms.name, operation="create", delay_ms=20_000)
    answer = await floor.limit()
    (order,) = await floor.hand_over(answer)

    proven = await floor.cancel(order.order_id)

    waiting, request = await floor.only(answer), await floor.request(order.order_id)
    assert not proven
    assert not waiting.terminal
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    (order,) = await floor.settle(order.order_id)
    assert (order.status, order.attention) == (OrderStatus.CANCELLED, None)
    assert (await floor.request(order.order_id)).status is CancelStatus.SUCCESS
    assert floor.on_book(terms, live=True) == []


@at_each
async def test_a_cancel_of_what_has_just_filled_says_that_it_is_filled(floor: Floor, terms: Terms) -> None:
    """Scenario 26 (R19). Whatever the exchange calls that, the order is looked up."""
    order = await open_order(floor, terms)
    MarketFloor(floor.control, terms).fill(order)

    with pytest.raises(ConflictError, match="FILLED") as refusal:
        await floor.cancel(order.order_id)

    order, request = await floor.order(order.order_id), await floor.request(order.order_id)
    assert refusal.value.code == "ORDER_NOT_CANCELLABLE"
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    assert (request.status, request.result) == (CancelStatus.SUCCESS, "filled")


@at_each
@pytest.mark.parametrize("quantity", ["0.04", None], ids=["part", "whole"])
async def test_a_fill_while_the_cancel_is_under_way_is_kept(
    floor: Floor, wire: Wire, terms: Terms, quantity: str | None
) -> None:
    """Scenario 27 (R5). The end and the fills are the exchange's."""
    order = await open_order(floor, terms)
    on_next_cancel(wire, lambda: MarketFloor(floor.control, terms).fill(order, quantity))

    if quantity is None:
        with pytest.raises(ConflictError, match="FILLED"):
            await floor.cancel(order.order_id)
    else:
        await floor.cancel(order.order_id)

    (order,) = await floor.settle(order.order_id)
    ends = {"0.04": (OrderStatus.CANCELLED, Decimal("0.04")), None: (OrderStatus.FILLED, Decimal("0.1"))}
    assert (order.status, order.filled_quantity) == ends[quantity]
    event = await floor.store.get(EventLog, order.strategy_id, order.event_id)
    assert [result.filled_quantity for result in event.results] == [order.filled_quantity]
    assert (event.successful_accounts, event.failed_accounts) == (1, 0)


@at_each
@pytest.mark.parametrize("taken", [True, False], ids=["arrived", "never arrived"])
async def test_a_cancel_whose_answers_are_all_lost_is_proven_or_sent_again(
    floor: Floor, terms: Terms, taken: bool
) -> None:
    """Scenario 28 (R17, R19). It is idempotent; only the state that is read back ends it."""
    order = await open_order(floor, terms)
    floor.control.fault("close", exchange=terms.name, operation="cancel", taken=taken, times=None)

    await floor.cancel(order.order_id)

    if not taken:
        request = await floor.request(order.order_id)
        assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
        assert (await floor.order(order.order_id)).status is OrderStatus.OPEN
    floor.control.clear_faults()
    (order,) = await floor.settle(order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert floor.on_book(terms, live=True) == []


DENIED = {"binance": "expired", "bybit": "ip", "upbit": "no_authorization_ip"}


@at_each_exchange
async def test_a_cancel_that_the_key_may_not_ask_for_leaves_the_order_open(floor: Floor, terms: Terms) -> None:
    """Scenario 29 (R17, R19). It goes on being tried, and succeeds once the key is good again."""
    order = await open_order(floor, terms)
    floor.control.deny_key(terms.exchange, TEST_KEY, DENIED[terms.exchange])

    proven = await floor.cancel(order.order_id)
    for _ in range(3):
        floor.clock.turn(31)
        await process_cancel(floor.services, order.order_id, "sweep", floor.budget())

    denied, request = await floor.order(order.order_id), await floor.request(order.order_id)
    assert not proven
    assert denied.status is OrderStatus.OPEN
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    assert request.last_error
    floor.control.deny_key(terms.exchange, TEST_KEY, None)
    (order,) = await floor.settle(order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert floor.on_book(terms, live=True) == []


@at_each_exchange
async def test_a_key_that_stays_refused_raises_an_alarm_at_once(
    floor: Floor, log: pytest.LogCaptureFixture, terms: Terms
) -> None:
    """Scenario 29. A person has to mend it, and an open order waits for that."""
    order = await open_order(floor, terms)
    floor.control.deny_key(terms.exchange, TEST_KEY, DENIED[terms.exchange])
    log.clear()

    await floor.cancel(order.order_id)

    assert [line for line in log.records if line.levelno >= logging.ERROR]


@at_each
async def test_of_two_cancels_at_once_the_second_reads_what_the_first_did(floor: Floor, terms: Terms) -> None:
    """Scenario 30 (R15). One effect; both callers learn of it."""
    order = await open_order(floor, terms)

    first, second = await asyncio.gather(
        floor.cancel(order.order_id), floor.cancel(order.order_id), return_exceptions=True
    )

    outcomes = sorted([first, second], key=lambda outcome: isinstance(outcome, ConflictError))
    assert outcomes[0] is True
    assert isinstance(outcomes[1], ConflictError)
    assert outcomes[1].code in ("ALREADY_QUEUED", "ORDER_NOT_CANCELLABLE")
    (order,) = await floor.settle(order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert len(floor.control.requests(venue=terms.name, operation="cancel")) == 1


async def test_an_order_that_comes_after_the_snapshot_of_a_cancel_all_lives(desk: Desk) -> None:
    """Scenario 31 (R22). The one that is being sent at that moment ends; the later one was not meant."""
    await trading(desk)
    before = await desk.alert(LIMIT, alert_id="a-1")
    (early,) = before.event.order_ids
    late: list[str] = []

    async def come_meanwhile(changes: tuple[Change, ...]) -> None:
        if any(getattr(getattr(change, "row", None), "cancel_id", None) == early for change in changes):
            desk.store.before_commit = None
            after = await desk.alert(LIMIT, alert_id="a-2")
            late.extend(after.event.order_ids)
            await place_ready(desk.services, late[0], "stream", desk.budget())

    desk.store.before_commit = come_meanwhile

    await desk.alert(cancel_alert())
    await place_ready(desk.services, early, "stream", desk.budget())

    assert (await desk.order(early)).reason == "never_sent"
    assert (await desk.order(late[0])).status is OrderStatus.OPEN
    assert [shown.client_order_id for shown in await desk.book.open_orders("m1")] == late


async def test_a_cancel_all_that_overtakes_a_sender_stops_it(desk: Desk) -> None:
    """Scenario 31 (R3, R16). It flags the row first, so SENDING cannot be written any more."""
    await trading(desk)
    (order_id,) = (await desk.alert(LIMIT)).event.order_ids

    async def overtake(changes: tuple[Change, ...]) -> None:
        if to_sending(changes):
            desk.store.before_commit = None
            await desk.alert(cancel_alert())

    desk.store.before_commit = overtake

    await place_ready(desk.services, order_id, "stream", desk.budget())

    order = await desk.order(order_id)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "never_sent")
    assert await desk.book.get("m1", order_id) is None


async def test_a_market_order_is_not_stored_once_the_switch_has_answered(desk: Desk) -> None:
    """Scenario 31 (R24). The alert was judged before; its transaction checks the strategy, which is halted by now."""
    await trading(desk)

    async def switch_off(changes: tuple[Change, ...]) -> None:
        desk.store.before_commit = None
        await catalog.set_switch(desk.another_process(), False)

    desk.store.before_commit = switch_off

    with pytest.raises(ForbiddenError):
        await desk.alert(order_alert())

    assert (await desk.store.list_orders("s1", None, None, 10, None)).items == []


async def test_a_ready_order_is_not_sent_once_the_switch_has_answered(scripted: Desk) -> None:
    """Scenario 31 (R10, R24). Its sender had looked at the switch, and then took its time to prepare the order."""
    order = await scripted.limit_order()

    async def switch_off(_: Order) -> None:
        await catalog.set_switch(scripted.another_process(), False)

    scripted.exchange.in_prepare = switch_off

    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())

    order = await scripted.order(order.order_id)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "HALTED")
    assert scripted.exchange.placed == []


@pytest.mark.parametrize("terms", [BINANCE_SPOT, BINANCE_FUTURES, BYBIT_SPOT, BYBIT_FUTURES], ids=str)
async def test_a_stop_that_triggers_while_it_is_cancelled_is_followed_and_cancelled(
    floor: Floor, wire: Wire, terms: Terms
) -> None:
    """Scenario 32 (R29). What it became is live in another book, under another id."""
    market = MarketFloor(floor.control, terms)
    await floor.trade_at(terms)
    stop = order_alert(OrderType.STOP_LIMIT, stop_price=Decimal(66_000), price=Decimal(63_000))
    answer = await floor.alert(stop)
    await floor.hand_over(answer)
    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is OrderStatus.OPEN
    on_next_cancel(wire, lambda: market.move_price("1.1"))

    await floor.cancel(order.order_id)

    (order,) = await floor.settle(order.order_id)
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, Decimal(0))
    assert floor.on_book(terms, live=True) == []


@at_each
async def test_a_cancel_waits_for_the_end_of_maintenance(floor: Floor, terms: Terms) -> None:
    """Scenario 34 (R17). It uses up no retry, however long that takes."""
    order = await open_order(floor, terms)
    maintenance = floor.control.fault("maintenance", exchange=terms.exchange)

    proven = await floor.cancel(order.order_id)
    for _ in range(4):
        floor.clock.turn(31)
        await process_cancel(floor.services, order.order_id, "sweep", floor.budget())

    request = await floor.request(order.order_id)
    assert not proven
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    assert (await floor.order(order.order_id)).status is OrderStatus.OPEN
    floor.control.clear_faults(maintenance)
    (order,) = await floor.settle(order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert floor.on_book(terms, live=True) == []


async def trading(desk: Desk) -> None:
    """One strategy on one mock account."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")


async def open_order(floor: Floor, terms: Terms) -> Order:
    """One that rests at this market."""
    await floor.trade_at(terms)
    answer, _ = await floor.send(OrderType.LIMIT)
    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is OrderStatus.OPEN
    floor.clock.turn(1)
    return order


def on_next_cancel(wire: Wire, act: Callable[[], None]) -> None:
    """What happens at the exchange while a signed cancel is on its way to it."""

    def on_signed(call: Call) -> None:
        if call.purpose is Purpose.CANCEL:
            wire.on_signed = None
            act()

    wire.on_signed = on_signed


def to_sending(changes: tuple[Change, ...]) -> bool:
    """Whether this is the write after which an order is sent."""
    return any(
        isinstance(change, Update) and getattr(change.new, "placement", None) is Placement.SENDING for change in changes
    )
