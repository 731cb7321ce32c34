"""What a hostile reading found: rows that come again, runs that come too late, answers that are lost."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.errors import ConflictError, DatabaseUnavailableError, ForbiddenError, NotAuthenticatedError
from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import OrderStatus, Unknown
from chalicelib.domain.ports import Insert
from chalicelib.domain.strategies import Strategy
from chalicelib.usecases import catalog
from chalicelib.usecases.cancel_requests import delete_cancel, restore_request, store_cancel
from chalicelib.usecases.cancelling import request_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from tests.desk import Desk, cancel_alert, order_alert
from tests.meddling_store import MeddlingStore
from tests.scripted_exchange import found

LIMIT = order_alert(OrderType.LIMIT, price=Decimal(50000))


async def test_a_strategy_that_is_made_again_knows_nothing_of_the_old_token(desk: Desk) -> None:
    """R23: a warm process remembers the row before it, which had another version."""
    await desk.account("m1")
    await desk.strategy("s1", "m1", token="old-token")
    await desk.alert(order_alert(), token="old-token")
    other = Desk()
    await catalog.delete_strategy(other.services, "s1")
    other.clock.turn(1)
    await other.strategy("s1", "m1", token="new-token")

    with pytest.raises(NotAuthenticatedError):
        await desk.alert(order_alert(quantity=Decimal(2)), token="old-token")


async def test_a_strategy_that_is_made_again_while_trading_is_off_does_not_trade(desk: Desk) -> None:
    """R24."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    await desk.alert(order_alert())
    other = Desk()
    await catalog.delete_strategy(other.services, "s1")
    await catalog.set_switch(other.services, False)
    other.clock.turn(1)
    await other.strategy("s1", "m1")

    with pytest.raises(ForbiddenError):
        await desk.alert(order_alert(quantity=Decimal(2)))


@pytest.mark.parametrize("late", [True, False])
async def test_a_switch_that_is_turned_late_does_not_undo_what_was_decided_since(desk: Desk, late: bool) -> None:
    """R24: whoever was held up between its look and its write is told, and the newer word stands everywhere."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    await catalog.set_switch(desk.services, not late)
    meddling = MeddlingStore(desk.services.store)

    async def turned_by_another(_: object) -> None:
        meddling.before_commit = None
        await catalog.set_switch(desk.services, late)
        await catalog.set_switch(desk.services, not late)

    meddling.before_commit = turned_by_another
    with pytest.raises(ConflictError) as conflict:
        await catalog.set_switch(replace(desk.services, store=meddling), late)

    strategy = await desk.services.store.get(Strategy, "s1")
    assert conflict.value.code == "CHANGED"
    assert (await catalog.current_switch(desk.services)).trading_enabled is not late
    assert strategy is not None
    assert strategy.halted is late


async def test_switching_off_is_not_refused_for_an_on_that_changed_nothing(desk: Desk) -> None:
    """It stops orders: nobody who turns the switch to what it is may stand in its way."""
    await catalog.set_switch(desk.services, True)
    meddling = MeddlingStore(desk.services.store)

    async def turned_by_another(_: object) -> None:
        meddling.before_commit = None
        await catalog.set_switch(desk.services, True)

    meddling.before_commit = turned_by_another

    assert not (await catalog.set_switch(replace(desk.services, store=meddling), False)).trading_enabled


async def test_two_who_turn_the_switch_the_same_way_are_both_answered(desk: Desk) -> None:
    meddling = MeddlingStore(desk.services.store)

    async def turned_by_another(_: object) -> None:
        meddling.before_commit = None
        await catalog.set_switch(desk.services, False)

    await catalog.set_switch(desk.services, True)
    meddling.before_commit = turned_by_another

    assert not (await catalog.set_switch(replace(desk.services, store=meddling), False)).trading_enabled


async def test_an_account_that_is_made_again_trades_again_in_every_process(desk: Desk) -> None:
    """R25: its creation is a change too."""
    for name in ("m1", "m2"):
        await desk.account(name)
    await desk.strategy("s1", "m1", "m2")
    other = Desk()
    await catalog.delete_account(other.services, "m2")
    without = await desk.alert(order_alert())
    await other.account("m2")

    again = await desk.alert(order_alert(quantity=Decimal(2)))

    assert (without.event.total_accounts, again.event.total_accounts) == (1, 2)


async def test_a_run_that_starts_just_too_early_waits_for_a_ready_order(desk: Desk) -> None:
    """R10, R30: the run after it, a minute later, would come after send_by."""
    order = await desk.limit_order()
    desk.clock.turn(3)

    await reconcile(desk.services, desk.budget(50))

    assert (await desk.order(order.order_id)).status is OrderStatus.OPEN


async def test_orders_whose_account_is_gone_do_not_stand_in_the_way(scripted: Desk) -> None:
    """Invariant 8: a watched row without an account leaves the work index."""
    await scripted.account("m1")
    await scripted.strategy("s1", "m1")
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    answer = await scripted.alert(order_alert())
    scripted.clock.turn(23)
    await reconcile(scripted.services, scripted.budget(60))
    await catalog.delete_account(scripted.services, "m1")

    scripted.clock.turn(61)
    await reconcile(scripted.services, scripted.budget(60))

    assert (await scripted.order(answer.event.order_ids[0])).check_at is None


async def test_a_cancel_whose_answer_is_lost_is_proven_by_reading_it_back(desk: Desk) -> None:
    """R16: time for that is kept back from the cancel."""
    order = await desk.limit_order()
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    await desk.account("m1", fault="timeout_after")

    proven, _ = await request_cancel(desk.services, order.order_id, "api", desk.budget(10_000))

    assert proven
    assert (await desk.order(order.order_id)).status is OrderStatus.CANCELLED


async def test_a_request_that_was_taken_back_is_not_restored_by_who_saw_its_flag(scripted: Desk) -> None:
    """R14, R20: the flag decides, as it is when the row is made."""
    order = await scripted.limit_order()
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    stored = await store_cancel(scripted.services, order.order_id, "api")
    await delete_cancel(scripted.services, order.order_id)

    await restore_request(scripted.services, stored.order, "reconcile")

    assert await scripted.store.get(CancelRequest, order.order_id) is None


async def test_an_accepted_cancel_all_is_answered_although_a_request_could_not_be_stored(desk: Desk) -> None:
    """Section 7: 2xx once it is accepted; reconcile asks for the rest."""
    for name in ("m1", "m2", "m3"):
        await desk.account(name)
    await desk.strategy("s1", "m1", "m2", "m3")
    placed = await desk.alert(LIMIT)
    broken = placed.event.order_ids[1]

    async def fail(changes: tuple[Any, ...]) -> None:
        if any(isinstance(c, Insert) and getattr(c.row, "cancel_id", None) == broken for c in changes):
            raise DatabaseUnavailableError("down")

    desk.store.before_commit = fail
    answer = await desk.alert(cancel_alert())
    desk.store.before_commit = None
    desk.clock.turn(16)
    await reconcile(desk.services, desk.budget(60))

    assert answer.event.total_accounts == 3
    rows = [await desk.order(order_id) for order_id in placed.event.order_ids]
    assert [row.status for row in rows] == [OrderStatus.CANCELLED] * 3


async def test_a_failed_look_up_does_not_push_away_the_look_that_was_to_come(scripted: Desk) -> None:
    """Reconcile could prove by one read what a lost answer hides."""
    order = await scripted.limit_order()
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    order = await scripted.order(order.order_id)
    scripted.exchange.cancel_outcomes = [Unknown("lost")]
    scripted.exchange.lookups = [found(order.request, OrderStatus.OPEN, scripted.clock.now())]

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    first = (await scripted.order(order.order_id)).check_at

    assert first is not None
    assert order.check_at is not None
    assert first <= order.check_at
