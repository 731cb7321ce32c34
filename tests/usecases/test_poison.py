"""Rows that always raise: set aside, in nobody's way, and settled once the cause is gone (R30)."""

from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import Cancelled, OrderStatus, Unknown
from chalicelib.usecases.cancel_requests import store_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.sweep import Sweep
from tests.desk import Desk
from tests.scripted_exchange import seen


@pytest.fixture
async def two(scripted: Desk) -> tuple[Order, Order]:
    """Two orders whose answers were lost, on accounts m1 and m2; the exchange shows both."""
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    orders = []
    for account, quantity in (("m1", Decimal(1)), ("m2", Decimal(2))):
        order = await scripted.limit_order(account, quantity=quantity)
        await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
        orders.append(await scripted.order(order.order_id))
    for order in orders:
        scripted.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, scripted.clock.now())
    scripted.clock.turn(20)
    return orders[0], orders[1]


@pytest.fixture
def planted(scripted: Desk, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Whatever is done with an order of m1 raises; `undo` takes the cause away."""
    session = scripted.exchange.session

    async def broken(account: Any, *rest: Any) -> Any:
        if account.account_id == "m1":
            raise RuntimeError("planted")
        return await session(account, *rest)

    monkeypatch.setattr(scripted.exchange, "session", broken)
    return monkeypatch


@pytest.fixture(params=[ValueError("'HALF_OPEN' is not a valid OrderStatus"), InvalidOperation("abc")], ids=repr)
def unreadable(
    scripted: Desk, two: tuple[Order, Order], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> pytest.MonkeyPatch:
    """The first row holds a state that this code does not know, as newer code may have written it, or no number."""
    get, get_all = scripted.store.get, scripted.store.get_all

    async def get_known(kind: Any, *key: str) -> Any:
        if key[0] == two[0].order_id and kind is Order:
            raise request.param
        return await get(kind, *key)

    async def get_all_known(kind: Any, keys: Any) -> Any:
        if two[0].order_id in keys and kind is Order:
            raise request.param
        return await get_all(kind, keys)

    monkeypatch.setattr(scripted.store, "get", get_known)
    monkeypatch.setattr(scripted.store, "get_all", get_all_known)
    return monkeypatch


async def test_an_order_whose_settling_raises_calls_for_a_person_and_hides_no_other(
    scripted: Desk, two: tuple[Order, Order], planted: pytest.MonkeyPatch
) -> None:
    """It is looked at again after a minute; its neighbour is settled now."""
    await reconcile(scripted.services, scripted.budget(4))
    bad, good = [await scripted.order(order.order_id) for order in two]

    assert good.status is OrderStatus.OPEN
    assert (bad.status, bad.attention) == (OrderStatus.PENDING, "cannot be worked on: RuntimeError: planted")
    assert bad.check_at is not None
    assert (bad.check_at - scripted.clock.now()).total_seconds() == 60


async def test_it_is_settled_once_the_cause_is_gone_and_calls_for_nobody_any_more(
    scripted: Desk, two: tuple[Order, Order], planted: pytest.MonkeyPatch
) -> None:
    """Nothing was lost by setting it aside."""
    await reconcile(scripted.services, scripted.budget(4))
    planted.undo()
    scripted.clock.turn(60)

    await reconcile(scripted.services, scripted.budget(4))
    bad = await scripted.order(two[0].order_id)

    assert (bad.status, bad.attention) == (OrderStatus.OPEN, None)


async def test_a_row_that_cannot_be_read_hides_no_other(
    scripted: Desk, two: tuple[Order, Order], unreadable: pytest.MonkeyPatch
) -> None:
    """It is left as it is, for code that can read it (scenario 48)."""
    await reconcile(scripted.services, scripted.budget(4))
    neighbour = await scripted.order(two[1].order_id)
    unreadable.undo()
    scripted.clock.turn(60)
    await reconcile(scripted.services, scripted.budget(4))

    assert neighbour.status is OrderStatus.OPEN
    assert (await scripted.order(two[0].order_id)).status is OrderStatus.OPEN


async def test_nor_does_it_in_the_sweep(
    scripted: Desk, two: tuple[Order, Order], unreadable: pytest.MonkeyPatch
) -> None:
    """Its cancel request waits; the other one's ends."""
    ended = seen(two[1].request, OrderStatus.CANCELLED, scripted.clock.now())
    scripted.exchange.cancel_outcomes = [Cancelled(ended)]
    await store_cancel(scripted.services, two[1].order_id, "api")
    scripted.clock.turn(2)

    await Sweep(scripted.services, scripted.budget(10)).run()

    assert (await scripted.order(two[1].order_id)).status is OrderStatus.CANCELLED


async def test_rows_that_cannot_be_read_hide_none_behind_them(
    scripted: Desk, two: tuple[Order, Order], unreadable: pytest.MonkeyPatch
) -> None:
    """They stay due, at the head of the index, and fill a whole batch of reconcile's."""
    unreadable.setattr("chalicelib.usecases.reconcile.BATCH", 1)
    unreadable.setattr("chalicelib.usecases.reconcile.hunt_orphans", _no_hunt)

    await reconcile(scripted.services, scripted.budget(4))

    assert (await scripted.order(two[1].order_id)).status is OrderStatus.OPEN


async def test_a_request_that_cannot_be_read_hinders_no_other_that_a_wake_up_names(
    scripted: Desk, two: tuple[Order, Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep that was woken for both carries the other one out."""
    scripted.exchange.cancel_outcomes = [Cancelled(seen(two[1].request, OrderStatus.CANCELLED, scripted.clock.now()))]
    for order in two:
        await store_cancel(scripted.services, order.order_id, "api")
    scripted.clock.turn(2)
    get = scripted.store.get

    async def get_known(kind: Any, *key: str) -> Any:
        if kind is CancelRequest and key[0] == two[0].order_id:
            raise ValueError("'HALF_DONE' is not a valid CancelStatus")
        return await get(kind, *key)

    monkeypatch.setattr(scripted.store, "get", get_known)

    await Sweep(scripted.services, scripted.budget(10), [order.order_id for order in two]).run()

    assert (await scripted.order(two[1].order_id)).status is OrderStatus.CANCELLED


async def _no_hunt(*_: Any) -> None:
    """The hunt for orphans would find the order too."""
