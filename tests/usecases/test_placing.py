"""Placing: the row before the request, one request, and nothing concluded without proof (R1, R2, R8-R13)."""

import asyncio
from decimal import Decimal

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    Duplicate,
    LookupFailed,
    NotPlaced,
    OrderStatus,
    Placed,
    Unknown,
)
from chalicelib.domain.policy import Policy
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.usecases import catalog
from chalicelib.usecases.cancel_requests import store_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from tests.desk import Desk, order_alert
from tests.meddling_store import ProcessDiedError
from tests.scripted_exchange import found, seen


async def market_order(desk: Desk) -> Order:
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    answer = await desk.alert(order_alert())
    return await desk.order(answer.event.order_ids[0])


async def test_a_market_order_stands_in_its_row_with_its_exact_request_before_it_is_sent(scripted: Desk) -> None:
    """R1: what the exchange gets is what the row says, and the row says it first."""
    rows: list[Order] = []

    async def look() -> None:
        rows.append(await scripted.order(scripted.exchange.placed[0].client_order_id))

    scripted.exchange.in_place = look

    await market_order(scripted)

    assert rows[0].placement is Placement.SENDING
    assert rows[0].request == scripted.exchange.placed[0]
    assert rows[0].deadline is not None


async def test_a_lost_answer_is_looked_up_and_the_order_adopted_without_a_second_request(scripted: Desk) -> None:
    """Scenario 1: the request arrived, its answer did not."""

    async def show() -> None:
        request = scripted.exchange.placed[0]
        scripted.exchange.lookups = [found(request, OrderStatus.FILLED, scripted.clock.now())]

    scripted.exchange.place_outcomes = [Unknown("timeout")]
    scripted.exchange.in_place = show

    order = await market_order(scripted)

    assert order.status is OrderStatus.FILLED
    assert len(scripted.exchange.placed) == 1


@pytest.mark.parametrize("outcome", [Unknown("timeout"), Duplicate("taken")])
async def test_an_order_that_is_not_seen_at_once_stays_unknown(scripted: Desk, outcome: Unknown | Duplicate) -> None:
    """R12: absence right after the request proves nothing."""
    scripted.exchange.place_outcomes = [outcome]

    order = await market_order(scripted)

    assert (order.status, order.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    assert order.check_at is not None


async def test_an_acknowledged_order_waits_to_be_seen_and_its_absence_is_never_concluded(scripted: Desk) -> None:
    """R8: an acknowledgement is not an end, and whoever was acknowledged is never called absent."""
    scripted.exchange.place_outcomes = [Acknowledged("x-1")]
    order = await market_order(scripted)
    acked = order

    for _ in range(10):
        scripted.clock.turn(30)
        await reconcile(scripted.services, scripted.budget(60))
    order = await scripted.order(order.order_id)

    assert (acked.placement, acked.exchange_order_id) == (Placement.ACKED, "x-1")
    assert (order.status, order.placement) == (OrderStatus.PENDING, Placement.ACKED)
    assert order.attention is not None


async def test_a_market_order_is_given_up_only_after_two_sightings_of_absence_past_its_deadline(
    scripted: Desk,
) -> None:
    """R9, R12: deadline, engine timeout and read lag have passed, and both sightings are stored."""
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    order = await market_order(scripted)
    assert order.deadline is not None

    while not (order := await scripted.order(order.order_id)).terminal:
        before = order
        scripted.clock.turn(1)
        await reconcile(scripted.services, scripted.budget(1))

    first, second = order.absent_seen
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert (first - before.deadline).total_seconds() >= 12
    assert (second - first).total_seconds() >= 5
    assert len(scripted.exchange.placed) == 1


async def test_a_failed_look_up_is_not_a_sighting(scripted: Desk) -> None:
    """R12: a query that broke says nothing about the order."""
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    scripted.exchange.lookups = [LookupFailed("reset")]
    order = await market_order(scripted)

    for _ in range(20):
        scripted.clock.turn(30)
        await reconcile(scripted.services, scripted.budget(60))
    order = await scripted.order(order.order_id)

    assert (order.placement, order.absent_seen) == (Placement.UNKNOWN, ())


async def test_an_order_concluded_absent_is_looked_up_again_and_adopted_if_it_turns_up(scripted: Desk) -> None:
    """R5, R12: what the exchange says outranks what we concluded."""
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    order = await market_order(scripted)
    scripted.clock.turn(23)
    await reconcile(scripted.services, scripted.budget(60))
    concluded = await scripted.order(order.order_id)
    scripted.exchange.lookups = [found(order.request, OrderStatus.FILLED, scripted.clock.now())]

    scripted.clock.turn(61)
    await reconcile(scripted.services, scripted.budget(60))
    order = await scripted.order(order.order_id)

    assert (concluded.status, concluded.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert order.status is OrderStatus.FILLED


async def test_the_watch_over_an_absent_order_ends_after_three_looks(scripted: Desk) -> None:
    """R12: after 1, 10 and 60 minutes; then the row leaves the work index."""
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    order = await market_order(scripted)
    scripted.clock.turn(23)
    await reconcile(scripted.services, scripted.budget(60))
    scripted.exchange.looked_up.clear()

    for _ in range(75):
        scripted.clock.turn(60)
        await reconcile(scripted.services, scripted.budget(55))
    order = await scripted.order(order.order_id)

    assert len(scripted.exchange.looked_up) == 3
    assert (order.status, order.check_at) == (OrderStatus.REJECTED, None)


async def test_a_limit_order_proven_absent_is_sent_again_as_a_new_attempt(scripted: Desk) -> None:
    """R9: under its own client id, recorded first."""
    scripted.exchange.place_outcomes = [Unknown("timeout"), Unknown("timeout")]
    order = await scripted.limit_order()
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    scripted.exchange.place_outcomes = []

    for _ in range(10):
        scripted.clock.turn(5)
        await reconcile(scripted.services, scripted.budget(60))
    order = await scripted.order(order.order_id)

    assert [request.client_order_id for request in scripted.exchange.placed] == [
        order.order_id,
        f"{order.order_id}-2",
    ]
    assert (order.status, order.attempt) == (OrderStatus.OPEN, 2)


async def test_a_request_that_was_turned_away_is_sent_again_under_the_same_id(scripted: Desk) -> None:
    """R9: a retryable NotPlaced verdict, the same attempt, the same deadline."""
    scripted.exchange.place_outcomes = [
        NotPlaced("429", "slow down", retry=True),
        NotPlaced("429", "again", retry=True),
    ]

    async def open_up() -> None:
        if len(scripted.exchange.placed) == 2:
            scripted.exchange.place_outcomes = []

    scripted.exchange.in_place = open_up

    order = await market_order(scripted)

    assert order.status is OrderStatus.OPEN
    assert {request.client_order_id for request in scripted.exchange.placed} == {order.order_id}


async def test_a_cancel_that_comes_between_two_tries_stops_the_second(scripted: Desk) -> None:
    """R9: the row is read again before the same attempt is repeated; with a flag it ends never placed."""

    async def ask() -> None:
        await store_cancel(scripted.services, scripted.exchange.placed[0].client_order_id, "api")

    scripted.exchange.place_outcomes = [NotPlaced("429", "slow down", retry=True)]
    scripted.exchange.in_place = ask

    order = await market_order(scripted)

    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "never_placed")
    assert len(scripted.exchange.placed) == 1
    assert (await scripted.request(order.order_id)).status is CancelStatus.SUCCESS


async def test_a_refused_order_ends_rejected_with_the_exchanges_reason(scripted: Desk) -> None:
    """Scenario 19: insufficient balance."""
    scripted.exchange.place_outcomes = [NotPlaced("-2010", "Account has insufficient balance")]

    order = await market_order(scripted)

    assert (order.status, order.reason) == (OrderStatus.REJECTED, "-2010")
    assert order.error == "Account has insufficient balance"
    assert order.ttl is not None


async def test_a_sender_that_was_frozen_past_the_deadline_refuses_itself(scripted: Desk) -> None:
    """R2: a stale create never leaves."""

    await scripted.account("m1")
    await scripted.strategy("s1", "m1")
    original = scripted.exchange.now
    calls = 0

    async def now_after_the_thaw() -> object:
        nonlocal calls
        calls += 1
        if calls > 1:  # the first call sets the deadline, the second is the sender's
            scripted.clock.turn(60)
        return await original()

    scripted.exchange.now = now_after_the_thaw  # type: ignore[assignment,method-assign]

    answer = await scripted.alert(order_alert())
    order = await scripted.order(answer.event.order_ids[0])

    assert scripted.exchange.placed == []
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")


async def test_two_processes_that_are_handed_the_same_ready_order_send_it_once(scripted: Desk) -> None:
    """Scenario 35: SENDING is entered by compare-and-set."""
    order = await scripted.limit_order()
    other = scripted.another_process()

    await asyncio.gather(
        place_ready(scripted.services, order.order_id, "stream", scripted.budget()),
        place_ready(other, order.order_id, "reconcile", scripted.budget()),
    )

    assert len(scripted.exchange.placed) == 1


async def test_a_ready_order_that_nobody_sent_in_time_expires(desk: Desk) -> None:
    """R10: MAX_SEND_DELAY."""
    order = await desk.limit_order()

    desk.clock.turn(61)
    await reconcile(desk.services, desk.budget())
    order = await desk.order(order.order_id)

    assert (order.status, order.reason) == (OrderStatus.REJECTED, "EXPIRED_BEFORE_SEND")
    assert await desk.book.get("m1", order.order_id) is None


async def test_reconcile_sends_a_ready_order_that_the_stream_did_not_hand_over(desk: Desk) -> None:
    """R10, R30: after five seconds, by the same compare-and-set."""
    order = await desk.limit_order()

    await reconcile(desk.services, desk.budget(1))
    too_early = await desk.order(order.order_id)
    desk.clock.turn(5)
    await reconcile(desk.services, desk.budget())
    order = await desk.order(order.order_id)

    assert too_early.placement is Placement.READY
    assert order.status is OrderStatus.OPEN


async def test_a_ready_order_is_not_sent_once_trading_is_switched_off(desk: Desk) -> None:
    """R10, R24: it ends CANCELLED, HALTED."""
    order = await desk.limit_order()
    await catalog.set_switch(desk.services, False)

    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    order = await desk.order(order.order_id)

    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "HALTED")
    assert await desk.book.get("m1", order.order_id) is None


async def test_the_writer_of_the_verdict_sees_the_flag_and_cancels_in_the_same_task(desk: Desk) -> None:
    """R11: the cancel came while the create was under way; no stream and no sweep is needed."""
    order = await desk.limit_order()
    placed = desk.book.add

    async def cancel_meanwhile(account_id: str, shown: object) -> bool:
        await store_cancel(desk.services, order.order_id, "api")
        return await placed(account_id, shown)  # type: ignore[arg-type]

    desk.book.add = cancel_meanwhile  # type: ignore[method-assign]

    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    order = await desk.order(order.order_id)

    assert order.status is OrderStatus.CANCELLED
    assert (await desk.request(order.order_id)).status is CancelStatus.SUCCESS
    assert await desk.book.open_orders("m1") == []


async def test_a_process_that_dies_before_the_verdict_is_written_leaves_an_order_that_is_adopted(desk: Desk) -> None:
    """Scenario 4: the book has it, the row says SENDING; reconcile brings them together."""
    order = await desk.limit_order()

    async def die(changes: tuple[object, ...]) -> None:
        new = getattr(changes[0], "new", None)
        if isinstance(new, Order) and new.status is OrderStatus.OPEN:
            raise ProcessDiedError

    desk.store.before_commit = die
    with pytest.raises(ProcessDiedError):
        await place_ready(desk.services, order.order_id, "stream", desk.budget())
    desk.store.before_commit = None
    left_behind = await desk.order(order.order_id)

    desk.clock.turn(11)
    await reconcile(desk.another_process(), desk.budget())
    order = await desk.order(order.order_id)

    assert left_behind.placement is Placement.SENDING
    assert order.status is OrderStatus.OPEN
    assert order.exchange_order_id == f"mock-{order.order_id}"


async def test_an_order_that_is_not_ours_is_never_adopted(scripted: Desk) -> None:
    """R13: under our client id, but of another size: attention and no change of state."""
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    order = await market_order(scripted)
    scripted.exchange.lookups = [found(order.request, OrderStatus.FILLED, scripted.clock.now(), quantity=Decimal(7))]

    scripted.clock.turn(30)
    await reconcile(scripted.services, scripted.budget(1))
    order = await scripted.order(order.order_id)

    assert (order.status, order.exchange_order_id) == (OrderStatus.PENDING, None)
    assert order.attention is not None


async def test_one_failing_account_of_three_touches_no_other(desk: Desk) -> None:
    """Invariant 8: two are filled, one is rejected, and the counts add up."""
    await desk.account("m1")
    await desk.account("m2", success_rate=0)
    await desk.account("m3")
    await desk.strategy("s1", "m1", "m2", "m3")

    answer = await desk.alert(order_alert())
    event = await desk.event(answer)

    assert [result.status for result in answer.event.results] == ["FILLED", "REJECTED", "FILLED"]
    assert (event.total_accounts, event.successful_accounts, event.failed_accounts) == (3, 2, 1)
    assert event.ttl is not None


async def test_an_exchange_that_never_answers_holds_up_nobody_else(tables: str) -> None:
    """Invariant 8, R28: its market order is given up in a part of the caller's time, the others are sent."""
    desk = Desk(Policy(market_order_timeout=3.0), scripted=True)
    for name in ("m1", "m2"):
        await desk.account(name)
    await desk.strategy("s1", "m1", "m2")

    async def hang(order: Order) -> None:
        if order.account_id == "m1":
            await asyncio.Event().wait()

    desk.exchange.in_prepare = hang

    answer = await desk.alert(order_alert())

    orders = {row.account_id: row for row in [await desk.order(name) for name in answer.event.order_ids]}
    assert (orders["m1"].status, orders["m1"].reason) == (OrderStatus.REJECTED, "EXCHANGE_UNAVAILABLE")
    assert orders["m2"].status is OrderStatus.OPEN


async def test_an_open_order_is_synced_with_what_happened_elsewhere(scripted: Desk) -> None:
    """Scenario 46: cancelled by hand in the exchange's app; its fill is kept."""
    order = await scripted.limit_order()
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    order = await scripted.order(order.order_id)
    scripted.exchange.lookups = [
        found(order.request, OrderStatus.CANCELLED, scripted.clock.now(), filled_quantity=Decimal("0.04"))
    ]

    scripted.clock.turn(301)
    await reconcile(scripted.services, scripted.budget())
    order = await scripted.order(order.order_id)

    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "external")
    assert order.filled_quantity == Decimal("0.04")


async def test_absent_now_means_nothing_for_an_open_order(scripted: Desk) -> None:
    """Rule 8 of the trade: an order that was seen is never concluded absent."""
    order = await scripted.limit_order()
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    scripted.exchange.lookups = [Absent()]

    for _ in range(5):
        scripted.clock.turn(301)
        await reconcile(scripted.services, scripted.budget())
    order = await scripted.order(order.order_id)

    assert order.status is OrderStatus.OPEN
    assert order.attention is not None


async def test_stop_orders_rest_like_limit_orders(desk: Desk) -> None:
    """STOP_MARKET and STOP_LIMIT go the deferred way."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    stop = {"stop_price": Decimal(70000)}
    answers = [
        await desk.alert(order_alert(OrderType.STOP_MARKET, **stop)),
        await desk.alert(order_alert(OrderType.STOP_LIMIT, price=Decimal(70100), **stop)),
    ]

    for answer in answers:
        await place_ready(desk.services, answer.event.order_ids[0], "stream", desk.budget())
    rows = [await desk.order(answer.event.order_ids[0]) for answer in answers]

    assert [answer.deferred for answer in answers] == [True, True]
    assert [row.status for row in rows] == [OrderStatus.OPEN, OrderStatus.OPEN]


async def test_a_market_order_is_read_back_until_its_end_and_its_price_are_known(scripted: Desk) -> None:
    """R8: an answer that shows it open, or filled at no price, is not the end of a market order."""
    at = scripted.clock.now()
    fill = {"filled_quantity": Decimal("0.01")}

    async def show() -> None:
        request = scripted.exchange.placed[0]
        scripted.exchange.place_outcomes = [Placed(seen(request, OrderStatus.OPEN, at))]
        scripted.exchange.lookups = [
            found(request, OrderStatus.FILLED, at, **fill),
            found(request, OrderStatus.FILLED, at, **fill, average_price=Decimal(60_000)),
        ]

    scripted.exchange.in_place = show

    order = await market_order(scripted)

    assert (order.status, order.average_price) == (OrderStatus.FILLED, Decimal(60_000))
    assert (len(scripted.exchange.placed), len(scripted.exchange.looked_up)) == (1, 2)


async def test_a_market_order_that_is_long_in_ending_is_synced_soon(scripted: Desk) -> None:
    """It may not rest: its row does not wait for the interval of orders that do."""
    at = scripted.clock.now()

    async def show() -> None:
        scripted.exchange.lookups = [found(scripted.exchange.placed[0], OrderStatus.OPEN, at)]

    scripted.exchange.in_place = show
    order = await market_order(scripted)
    ended = found(order.request, OrderStatus.FILLED, at, filled_quantity=Decimal("0.01"), average_price=Decimal(1))

    scripted.exchange.lookups = [ended]
    scripted.clock.turn(2)
    await reconcile(scripted.services, scripted.budget(1))

    assert order.status is OrderStatus.OPEN
    assert (await scripted.order(order.order_id)).status is OrderStatus.FILLED


async def test_an_order_that_may_wait_is_tried_again_while_its_exchange_cannot_be_asked(scripted: Desk) -> None:
    """R10: nothing is wrong with it. Until its `send_by`."""
    order = await scripted.limit_order()
    scripted.exchange.unprepared = OrderNotAcceptedError("EXCHANGE_UNAVAILABLE", "HTTP 503", passing=True)
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    waiting = await scripted.order(order.order_id)
    scripted.exchange.unprepared = None

    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())

    assert (waiting.placement, waiting.error) == (Placement.READY, "HTTP 503")
    assert (await scripted.order(order.order_id)).status is OrderStatus.OPEN


async def test_an_order_whose_exchange_stays_away_expires_unsent(scripted: Desk) -> None:
    """R10: after MAX_SEND_DELAY it is not wanted any more."""
    order = await scripted.limit_order()
    scripted.exchange.unprepared = OrderNotAcceptedError("EXCHANGE_UNAVAILABLE", "HTTP 503", passing=True)

    for _ in range(14):
        scripted.clock.turn(5)
        await reconcile(scripted.services, scripted.budget(1))

    order = await scripted.order(order.order_id)
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "EXPIRED_BEFORE_SEND")
    assert scripted.exchange.placed == []


async def test_an_order_that_its_market_does_not_take_is_refused_at_once(scripted: Desk) -> None:
    """Waiting would not help it."""
    order = await scripted.limit_order()
    scripted.exchange.unprepared = OrderNotAcceptedError("BELOW_MINIMUM", "too small")

    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())

    order = await scripted.order(order.order_id)
    assert (order.status, order.reason, order.error) == (OrderStatus.REJECTED, "BELOW_MINIMUM", "too small")
