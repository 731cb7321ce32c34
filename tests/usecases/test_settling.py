"""Settling where time alone proves nothing: used ids, short memories, attempts that turn up late (R12, R13)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.domain.orders import Order, OrderType, Placement, Venue
from chalicelib.domain.outcomes import CancelAcknowledged, Duplicate, NotPlaced, OrderStatus, Placed, Unknown
from chalicelib.usecases import catalog
from chalicelib.usecases.cancel_requests import delete_cancel, store_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.settling import settle_by_lookup
from tests.desk import Desk, order_alert
from tests.scripted_exchange import seen

UPBIT = Venue("upbit", "spot", False, "https://nowhere")
BYBIT = Venue("bybit", "spot", False, "https://nowhere")
USED = NotPlaced("under_min_total_bid", "too small", id_spent=True)


@pytest.fixture
def upbit(scripted: Desk) -> Desk:
    """Requests carry no time: they never expire."""
    scripted.exchange.venue = UPBIT
    return scripted


async def lost(desk: Desk, kind: OrderType = OrderType.LIMIT) -> Order:
    """An order whose answer was lost, and which nobody has seen."""
    desk.exchange.place_outcomes = [Unknown("timeout")]
    if kind is OrderType.MARKET:
        await desk.account("m1")
        await desk.strategy("s1", "m1")
        answer = await desk.alert(order_alert())
        return await desk.order(answer.event.order_ids[0])
    order = await desk.limit_order()
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    return await desk.order(order.order_id)


async def run_on(desk: Desk, seconds: float, order: Order) -> Order:
    """Reconcile every five seconds for that long."""
    for _ in range(int(seconds // 5)):
        desk.clock.turn(5)
        await reconcile(desk.services, desk.budget(4))
    return await desk.order(order.order_id)


async def test_an_order_that_is_still_wanted_is_sent_again_under_the_same_id(upbit: Desk) -> None:
    """R12: the id serves once, so that it cannot become two orders."""
    order = await lost(upbit)
    upbit.exchange.place_outcomes = []

    order = await run_on(upbit, 20, order)

    assert (order.status, order.attempt) == (OrderStatus.OPEN, 1)
    assert [request.client_order_id for request in upbit.exchange.placed] == [order.order_id] * 2
    assert upbit.exchange.used_up == []


async def test_an_id_that_is_taken_already_is_looked_up(upbit: Desk) -> None:
    """The first request had arrived."""
    order = await lost(upbit)

    async def show() -> None:
        upbit.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, upbit.clock.now())

    upbit.exchange.place_outcomes = [Duplicate("taken")]
    upbit.exchange.in_place = show

    order = await run_on(upbit, 20, order)

    assert (order.status, order.attempt) == (OrderStatus.OPEN, 1)


async def test_an_id_that_is_taken_by_nothing_leads_to_a_new_attempt(upbit: Desk) -> None:
    """A request that failed uses it up too: absence after that is proof."""
    order = await lost(upbit)
    upbit.exchange.place_outcomes = [Duplicate("taken")]
    await run_on(upbit, 15, order)
    upbit.exchange.place_outcomes = []

    order = await run_on(upbit, 20, order)

    assert (order.status, order.attempt) == (OrderStatus.OPEN, 2)
    assert order.absent_attempts == (1,)


@pytest.mark.parametrize("flagged", [True, False], ids=["to be cancelled", "market order"])
async def test_the_id_of_an_order_that_is_not_wanted_is_used_up(upbit: Desk, flagged: bool) -> None:
    """R12: with a request that is sure to be refused; then its absence is proof."""
    order = await lost(upbit, OrderType.LIMIT if flagged else OrderType.MARKET)
    if flagged:
        await store_cancel(upbit.services, order.order_id, "api")

    order = await run_on(upbit, 40, order)

    ends = {True: (OrderStatus.CANCELLED, "never_placed"), False: (OrderStatus.REJECTED, "NOT_PLACED")}
    assert (order.status, order.reason) == ends[flagged]
    assert upbit.exchange.used_up == [order.order_id]
    assert len(upbit.exchange.placed) == 1


async def test_an_order_is_not_sent_again_once_trading_is_switched_off(upbit: Desk) -> None:
    """R10, R24: a repeated request is a new order, too."""
    order = await lost(upbit)
    await catalog.set_switch(upbit.services, False)

    await run_on(upbit, 20, order)

    assert len(upbit.exchange.placed) == 1
    assert upbit.exchange.used_up == [order.order_id]


@pytest.mark.parametrize(
    "outcome",
    [
        Unknown("timeout"),
        NotPlaced("429", "later", retry=True, id_spent=True),
        NotPlaced("NO_CREDENTIALS", "there is no key, so nothing was sent"),
    ],
)
async def test_absence_proves_nothing_while_the_id_may_still_be_free(upbit: Desk, outcome: Unknown | NotPlaced) -> None:
    """However often it is seen."""
    order = await lost(upbit, OrderType.MARKET)
    upbit.exchange.use_up_outcomes = [outcome]

    order = await run_on(upbit, 300, order)

    assert (order.status, order.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    assert len(upbit.exchange.used_up) > 3


async def test_a_sender_that_was_overtaken_has_not_the_last_word(upbit: Desk) -> None:
    """R12: while it stood still, the same request was sent by somebody else, and that one may have arrived."""
    order = await upbit.limit_order()
    upbit.exchange.place_outcomes = [Unknown("timeout"), NotPlaced("NOT_CONNECTED", "nothing was sent", retry=True)]

    async def stand_still() -> None:
        upbit.exchange.in_place = None
        upbit.clock.turn(15)
        await reconcile(upbit.another_process(), upbit.budget(4))

    upbit.exchange.in_place = stand_still

    await place_ready(upbit.services, order.order_id, "stream", upbit.budget())

    order = await upbit.order(order.order_id)
    assert len(upbit.exchange.placed) == 2
    assert (order.placement, order.attempt) == (Placement.UNKNOWN, 1)


async def test_two_looks_at_the_same_moment_are_one_sighting_of_absence(scripted: Desk) -> None:
    """R12: one of the two stands still with its answer in hand, until after the other's was written."""
    order = await lost(scripted)
    scripted.clock.turn(25)
    exchange = scripted.exchange

    async def stand_still() -> None:
        exchange.in_find = None
        await settle_by_lookup(scripted.services, order, exchange, "other", scripted.budget())
        scripted.clock.turn(6)

    exchange.in_find = stand_still

    settled = await settle_by_lookup(scripted.services, order, exchange, "reconcile", scripted.budget())

    assert (settled.placement, settled.attempt) == (Placement.UNKNOWN, 1)
    assert len(settled.absent_seen) == 1


async def test_a_ready_order_does_not_outlive_its_time_however_long_a_ban_lasts(scripted: Desk) -> None:
    """R10: it is looked at when its time has come, not when the ban is over."""
    order = await scripted.limit_order()
    scripted.exchange.place_outcomes = [NotPlaced("429", "banned", retry=True, retry_after=3600.0)]
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())

    order = await run_on(scripted, 65, order)

    assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")


async def test_a_request_that_was_deleted_with_its_end_comes_back_with_its_order(scripted: Desk) -> None:
    """R5, R14: the order lives after all, its flag stands, and somebody has to cancel it."""
    order = await lost(scripted)
    await store_cancel(scripted.services, order.order_id, "api")
    order = await run_on(scripted, 60, order)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "never_placed")
    await delete_cancel(scripted.services, order.order_id)
    scripted.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, scripted.clock.now())
    scripted.exchange.cancel_outcomes = [Unknown("timeout")]

    order = await run_on(scripted, 65, order)

    assert order.status is OrderStatus.OPEN
    assert (await scripted.request(order.order_id)).live


async def test_an_order_that_turns_up_when_its_id_is_used_up_is_adopted(upbit: Desk) -> None:
    """The very reason to look once more."""
    order = await lost(upbit, OrderType.MARKET)
    upbit.exchange.use_up_outcomes = [Duplicate("taken")]
    await run_on(upbit, 15, order)
    upbit.exchange.shown[order.order_id] = seen(
        order.request, OrderStatus.FILLED, upbit.clock.now(), filled_quantity=Decimal("0.01"), average_price=Decimal(1)
    )

    order = await run_on(upbit, 10, order)

    assert (order.status, order.reason) == (OrderStatus.FILLED, None)


async def test_absence_is_no_proof_beyond_the_exchanges_memory(scripted: Desk) -> None:
    """R12, scenario 51: for a person to decide; it goes on being looked at."""
    scripted.exchange.venue = BYBIT
    order = await lost(scripted)
    scripted.clock.turn(86_500)

    order = await run_on(scripted, 60, order)

    assert (order.status, order.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    assert order.attention is not None
    assert "remember" in order.attention
    assert order.check_at is not None


async def second_attempt(desk: Desk) -> Order:
    """An order whose first attempt was concluded absent, and whose second one rests."""
    order = await lost(desk)
    desk.clock.turn(12)
    await reconcile(desk.services, desk.budget(4))
    desk.exchange.place_outcomes = []
    order = await run_on(desk, 30, order)
    assert (order.status, order.attempt) == (OrderStatus.OPEN, 2)
    desk.exchange.shown[order.client_order_id] = seen(order.request, OrderStatus.OPEN, desk.clock.now())
    return order


async def test_an_earlier_attempt_that_turns_up_live_is_cancelled_with_alarm(scripted: Desk) -> None:
    """R13: the order that rests stays; the ghost goes."""
    order = await second_attempt(scripted)
    assert order.request is not None
    first = replace(order.request, client_order_id=order.order_id)
    ghost = seen(first, OrderStatus.OPEN, scripted.clock.now())
    scripted.exchange.shown[order.order_id] = ghost
    scripted.exchange.cancel_outcomes = [CancelAcknowledged()]

    async def cancel() -> None:
        scripted.exchange.shown[order.order_id] = replace(ghost, status=OrderStatus.CANCELLED)

    scripted.exchange.in_cancel = cancel

    order = await run_on(scripted, 70, order)

    assert scripted.exchange.cancelled == [ghost.exchange_order_id]
    assert (order.status, order.attempt, order.absent_attempts) == (OrderStatus.OPEN, 2, ())
    assert order.attention is not None
    assert "attempt 1" in order.attention


async def test_an_earlier_attempt_that_filled_is_shown_to_a_person(scripted: Desk) -> None:
    """Even when the order itself has ended: it stays watched for a while."""
    order = await second_attempt(scripted)
    assert order.request is not None
    first, now = replace(order.request, client_order_id=order.order_id), scripted.clock.now()
    scripted.exchange.shown[order.client_order_id] = seen(order.request, OrderStatus.EXPIRED, now)
    order = await run_on(scripted, 70, order)
    scripted.exchange.shown[order.order_id] = seen(first, OrderStatus.FILLED, now, filled_quantity=Decimal("0.01"))

    ended = await run_on(scripted, 70, order)

    assert order.status is OrderStatus.EXPIRED
    assert ended.status is OrderStatus.EXPIRED
    assert ended.attention is not None
    assert "0.01 filled" in ended.attention


async def test_an_order_placed_by_its_repetition_is_what_was_sent(upbit: Desk) -> None:
    """The exact request of the row, once more."""
    order = await lost(upbit)
    upbit.exchange.place_outcomes = [Placed(seen(order.request, OrderStatus.OPEN, upbit.clock.now()))]

    await run_on(upbit, 20, order)

    assert upbit.exchange.placed == [order.request] * 2
