"""Orders that called for a person, once he has seen to them."""

from dataclasses import replace

import pytest

from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Update
from chalicelib.usecases.attention import end_attention
from tests.desk import Desk
from tests.meddling_store import MeddlingStore


async def calling(desk: Desk, why: str) -> Order:
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    order = await desk.limit_order()
    return await calls(desk, order, why)


async def calls(desk: Desk, order: Order, why: str) -> Order:
    row = order.changed(desk.clock.now(), attention=why)
    await desk.services.store.commit(Update(order, row))
    return row


async def test_the_call_ends_and_nothing_else_changes(desk: Desk) -> None:
    order = await calling(desk, "look")

    await end_attention(desk.services, order.order_id)

    seen_to = await desk.order(order.order_id)
    assert seen_to.attention is None
    assert (seen_to.status, seen_to.placement, seen_to.history) == (order.status, order.placement, order.history)


async def test_where_nothing_calls_nothing_is_written(desk: Desk) -> None:
    order = await calling(desk, "look")
    await end_attention(desk.services, order.order_id)
    before = await desk.order(order.order_id)

    await end_attention(desk.services, order.order_id)

    assert (await desk.order(order.order_id)).version == before.version


async def test_a_call_that_nobody_has_seen_is_not_ended_with_the_one_before_it(desk: Desk) -> None:
    order = await calling(desk, "first")
    meddling = MeddlingStore(desk.services.store)

    async def calls_for_something_else(_: object) -> None:
        meddling.before_commit = None
        await calls(desk, order, "second")

    meddling.before_commit = calls_for_something_else
    with pytest.raises(ConflictError):
        await end_attention(replace(desk.services, store=meddling), order.order_id)

    assert (await desk.order(order.order_id)).attention == "second"


async def test_an_order_that_nobody_knows_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await end_attention(desk.services, "unknown")
