"""The sweep: drains what is due, stays while anything is live, costs nothing when nothing is (R27, R28)."""

from decimal import Decimal

import pytest

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import Acknowledged, Cancelled, OrderStatus, Refused, Unknown
from chalicelib.domain.strategies import Heartbeat
from chalicelib.usecases.cancelling import request_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.sweep import Sweep
from tests.desk import Desk
from tests.scripted_exchange import seen


async def refused_cancel(scripted: Desk) -> str:
    order = await scripted.limit_order()
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    scripted.exchange.cancel_outcomes = [Refused("no")]
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    return order.order_id


async def test_with_nothing_live_it_returns_at_once(desk: Desk) -> None:
    """An idle system costs nothing."""
    iterations = await Sweep(desk.services, desk.budget(60)).run()

    assert iterations == 0
    assert desk.clock.slept == []
    assert await desk.store.get(Heartbeat, "sweep") is None


async def test_it_stays_for_a_request_that_is_not_due_yet_and_serves_it_when_it_is(scripted: Desk) -> None:
    """A 2 s backoff is 2 s although the schedule's finest step is a minute."""
    order_id = await refused_cancel(scripted)
    order = await scripted.order(order_id)
    scripted.exchange.cancel_outcomes = [Cancelled(seen(order.request, OrderStatus.CANCELLED, scripted.clock.now()))]

    await Sweep(scripted.services, scripted.budget(60)).run()

    assert (await scripted.request(order_id)).status is CancelStatus.SUCCESS
    assert (await scripted.order(order_id)).status is OrderStatus.CANCELLED


async def test_it_ends_with_its_time_and_leaves_the_rest_to_the_next(scripted: Desk) -> None:
    """R28."""
    order_id = await refused_cancel(scripted)
    before = scripted.clock.now()

    await Sweep(scripted.services, scripted.budget(1.5)).run()

    assert (scripted.clock.now() - before).total_seconds() <= 1.6
    assert (await scripted.request(order_id)).status is CancelStatus.PENDING


async def test_a_request_named_by_the_wake_up_is_served_although_the_index_does_not_show_it(scripted: Desk) -> None:
    """R27, R30: an index may lag behind the call."""
    order_id = await refused_cancel(scripted)
    scripted.store.due_cancels = nothing
    scripted.store.next_cancel_at = none

    await Sweep(scripted.services, scripted.budget(60), [order_id]).run()

    assert (await scripted.request(order_id)).retry_count == 5


async def test_its_heartbeat_says_that_it_is_awake_and_is_taken_back_when_it_goes(scripted: Desk) -> None:
    """R27: nobody wakes a sweep that is awake; nobody waits for one that is gone."""
    await refused_cancel(scripted)
    beats: list[float] = []

    async def note() -> None:
        row = await scripted.store.get(Heartbeat, "sweep")
        beats.append((row.awake_until - scripted.clock.now()).total_seconds())

    scripted.exchange.in_cancel = note

    await Sweep(scripted.services, scripted.budget(60)).run()
    row = await scripted.store.get(Heartbeat, "sweep")

    assert beats
    assert min(beats) > 0
    assert row.awake_until <= scripted.clock.now()


async def test_a_request_that_raises_is_no_obstacle_to_its_neighbours(desk: Desk) -> None:
    """Each on its own."""
    bad, good = await desk.limit_order("m1"), await desk.limit_order("m2", quantity=Decimal(2))
    for order in (bad, good):
        await place_ready(desk.services, order.order_id, "stream", desk.budget())
        await desk.account(order.account_id, success_rate=0)
        await request_cancel(desk.services, order.order_id, "api", desk.budget())
        await desk.account(order.account_id)
    find = desk.book.get

    async def breaks(account_id: str, client_order_id: str) -> object:
        if account_id == "m1":
            raise RuntimeError("poison")
        return await find(account_id, client_order_id)

    desk.book.get = breaks  # type: ignore[method-assign,assignment]
    desk.clock.turn(2)

    await Sweep(desk.services, desk.budget(20)).run()

    assert (await desk.order(good.order_id)).status is OrderStatus.CANCELLED
    assert (await desk.order(bad.order_id)).status is OrderStatus.OPEN


async def test_its_log_counts_what_it_did(scripted: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """One line when an iteration starts, one when it ends."""
    order_id = await refused_cancel(scripted)
    order = await scripted.order(order_id)
    scripted.exchange.cancel_outcomes = [Cancelled(seen(order.request, OrderStatus.CANCELLED, scripted.clock.now()))]
    scripted.clock.turn(2)

    with caplog.at_level("INFO", logger="chalicelib.usecases.sweep"):
        await Sweep(scripted.services, scripted.budget(60)).run()

    assert "[Iteration 1] Processing 1 cancel requests" in caplog.messages
    assert "[Iteration 1] ✅ 1 succeeded, 🔄 0 will retry, ❌ 0 failed" in caplog.messages


async def nothing(*_: object) -> list[str]:
    return []


async def none(*_: object) -> None:
    return None


async def lost_order(scripted: Desk) -> Order:
    order = await scripted.limit_order()
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    return await scripted.order(order.order_id)


async def test_who_leaves_an_order_unknown_wakes_it(scripted: Desk) -> None:
    """R27: it is looked up again in seconds, not with the next minute."""
    order = await lost_order(scripted)

    assert scripted.waker.calls == [[order.order_id]]


async def test_an_order_that_waits_to_be_seen_keeps_it_awake_and_is_settled(scripted: Desk) -> None:
    """Without a cancel request, and within one run."""
    order = await lost_order(scripted)
    scripted.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, scripted.clock.now())

    await Sweep(scripted.services, scripted.budget(60)).run()

    assert (await scripted.order(order.order_id)).status is OrderStatus.OPEN


async def test_an_order_named_by_the_wake_up_is_settled_although_the_index_does_not_show_it(scripted: Desk) -> None:
    """R30: an index may lag behind the call."""
    order = await lost_order(scripted)
    scripted.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, scripted.clock.now())
    scripted.store.due_orders = nothing

    await Sweep(scripted.services, scripted.budget(60), [order.order_id]).run()

    assert (await scripted.order(order.order_id)).status is OrderStatus.OPEN


async def test_orders_that_rest_do_not_keep_it_awake(desk: Desk) -> None:
    """They are synced by reconcile; an idle system costs nothing."""
    order = await desk.limit_order()
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    desk.clock.slept.clear()

    await Sweep(desk.services, desk.budget(60)).run()

    assert desk.clock.slept == []


async def test_an_order_that_cannot_be_decided_lets_it_go_to_sleep(scripted: Desk) -> None:
    """R12: it goes on being looked at, at a slow pace, for a person has to decide."""
    order = await scripted.limit_order()
    scripted.exchange.place_outcomes = [Acknowledged("x-1")]
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())

    for _ in range(8):
        await Sweep(scripted.services, scripted.budget(60)).run()
        scripted.clock.turn(60)
    before = len(scripted.exchange.looked_up)
    scripted.clock.turn(300)
    await Sweep(scripted.services, scripted.budget(60)).run()

    assert (await scripted.order(order.order_id)).attention is not None
    assert len(scripted.exchange.looked_up) - before <= 2
