"""The mock's own: refusals by rate and seed, delays, faults, and one book for all its instances."""

import asyncio
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.orders import Order, TimeInForce
from chalicelib.domain.outcomes import (
    Absent,
    Cancelled,
    Gone,
    NotFound,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Refused,
)
from chalicelib.exchanges.mock import MockExchange, MockOptions
from tests.conftest import PREFIX
from tests.desk import START, TurnableClock
from tests.exchanges.conftest import MakeMock
from tests.exchanges.moves import limit, market, placed, send, shown
from tests.store import rows


class HeldClock:
    """Its sleeps last until it is let go: what never answers, never answers."""

    def __init__(self) -> None:
        self.sleeping = asyncio.Event()
        self.let_go = asyncio.Event()

    def now(self) -> datetime:
        return START

    async def sleep(self, seconds: float) -> None:
        self.sleeping.set()
        await self.let_go.wait()


async def unanswered(call: Any, clock: HeldClock) -> None:
    """The call is under way and gives no answer until its caller's patience ends."""
    task = asyncio.ensure_future(call)
    await asyncio.wait_for(clock.sleeping.wait(), 5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(task, 0.02)


async def test_a_rate_of_one_refuses_nothing(make_mock: MakeMock) -> None:
    """Tests and demonstrations can rely on it."""
    mock = make_mock(success_rate=1)
    orders = [limit() for _ in range(20)]

    assert all([isinstance(await send(mock, order), Placed) for order in orders])
    assert all([isinstance(await mock.cancel(order), Cancelled) for order in orders])


async def test_a_rate_of_zero_refuses_everything(make_mock: MakeMock) -> None:
    """An order is proven not placed; a cancel is refused and its order lives."""
    mock, order = make_mock(success_rate=0), limit()
    await placed(make_mock(), order)

    refused = [await send(mock, limit()), await mock.cancel(order)]

    assert [type(outcome) for outcome in refused] == [NotPlaced, Refused]
    assert (await shown(mock, order)).status is OrderStatus.OPEN
    assert len(await mock.open_orders()) == 1


async def test_a_refused_order_leaves_its_client_id_free(make_mock: MakeMock) -> None:
    """It was never on the book."""
    order = limit()
    await send(make_mock(success_rate=0), order)

    assert isinstance(await send(make_mock(), order), Placed)


async def test_a_seed_makes_the_same_decisions_on_every_run(make_mock: MakeMock) -> None:
    """Other seeds make other ones, and about as many calls succeed as the rate says."""

    async def run(account: str, seed: int) -> list[type[PlaceOutcome]]:
        mock = make_mock(account, success_rate=0.5, seed=seed)
        return [type(await send(mock, limit())) for _ in range(40)]

    first, again, other = await run("m1", 7), await run("m2", 7), await run("m3", 8)

    assert first == again != other
    assert 8 <= first.count(Placed) <= 32


async def test_instances_of_an_account_go_on_counting_where_the_others_stopped(make_mock: MakeMock) -> None:
    """The decisions are the account's, however many processes trade on it."""
    options = {"success_rate": 0.5, "seed": 7}
    alone = make_mock("alone", **options)
    pair = [make_mock("shared", **options), make_mock("shared", **options)]

    expected = [type(await send(alone, limit())) for _ in range(20)]
    seen = [type(await send(pair[turn % 2], limit())) for turn in range(20)]

    assert seen == expected


async def test_cancels_are_decided_by_the_seed_too(make_mock: MakeMock) -> None:
    """Every call that changes something counts."""

    async def run(account: str) -> list[type[object]]:
        mock, order = make_mock(account, success_rate=0.5, seed=3), limit()
        await placed(make_mock(account), order)
        return [type(await mock.cancel(order)) for _ in range(20)]

    first, again = await run("m1"), await run("m2")

    assert first == again
    assert Refused in first
    assert {Cancelled, Gone} <= set(first)


async def test_instances_share_a_book_by_account(make_mock: MakeMock) -> None:
    """Another process of the account sees the order, another account does not."""
    order = limit()
    await placed(make_mock("m1"), order)

    assert (await shown(make_mock("m1"), order)).status is OrderStatus.OPEN
    assert await make_mock("m2").find(order) == Absent()
    assert await make_mock("m2").open_orders() == []
    assert isinstance(await send(make_mock("m2"), order), Placed)


@pytest.mark.parametrize(
    ("options", "delays"),
    [
        ({"delay_ms": 50}, [0.05, 0.05]),
        ({"delay_ms": 50, "place_delay_ms": 700}, [0.7, 0.05]),
        ({"delay_ms": 50, "place_delay_ms": 0}, [0.0, 0.05]),
    ],
)
async def test_answers_take_their_time(
    make_mock: MakeMock, clock: TurnableClock, options: dict[str, float], delays: list[float]
) -> None:
    """Placing may be slower than cancelling; looking is quick."""
    mock, order = make_mock(**options), limit()

    await send(mock, order)
    await mock.cancel(order)
    await mock.find(order)
    await mock.open_orders()

    assert clock.slept == delays


async def test_an_order_is_on_the_book_before_its_answer(make_mock: MakeMock) -> None:
    """A caller that gives up early leaves an order behind, as out there."""
    clock, order = HeldClock(), limit()
    mock = make_mock(on=clock, place_delay_ms=60_000)

    await unanswered(send(mock, order), clock)

    assert (await shown(mock, order)).status is OrderStatus.OPEN


async def test_timeout_before_places_nothing_and_never_answers(make_mock: MakeMock) -> None:
    """The request was lost on its way."""
    clock, order = HeldClock(), limit()
    mock = make_mock(on=clock, fault="timeout_before")

    await unanswered(send(mock, order), clock)

    assert await mock.find(order) == Absent()


async def test_timeout_after_places_the_order_and_never_answers(make_mock: MakeMock) -> None:
    """The answer was lost on its way; a look-up is honest."""
    clock, order = HeldClock(), market()
    mock = make_mock(on=clock, fault="timeout_after")

    await unanswered(send(mock, order), clock)

    assert (await shown(mock, order)).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("fault", "status"), [("timeout_before", OrderStatus.OPEN), ("timeout_after", OrderStatus.CANCELLED)]
)
async def test_a_cancel_may_be_lost_before_or_after_it_took_effect(
    make_mock: MakeMock, fault: str, status: OrderStatus
) -> None:
    """To the caller it looks the same."""
    clock, order = HeldClock(), limit()
    await placed(make_mock(), order)
    mock = make_mock(on=clock, fault=fault)

    await unanswered(mock.cancel(order), clock)

    assert (await shown(mock, order)).status is status


async def test_unknown_order_finds_nothing_to_cancel_though_the_order_rests(make_mock: MakeMock) -> None:
    """R19: that answer is not proof; orders are placed as usual meanwhile."""
    mock, order = make_mock(fault="unknown_order"), limit()
    await placed(mock, order)

    outcome = await mock.cancel(order)

    assert isinstance(outcome, NotFound)
    assert (await shown(mock, order)).status is OrderStatus.OPEN


async def test_of_concurrent_requests_under_a_client_id_one_is_placed(make_mock: MakeMock) -> None:
    """The book decides, not the instance."""
    order = limit()

    outcomes = await asyncio.gather(*(send(make_mock(), order) for _ in range(8)))

    assert sum(isinstance(outcome, Placed) for outcome in outcomes) == 1


async def test_of_concurrent_cancels_one_ends_the_order(make_mock: MakeMock) -> None:
    """The others find it gone."""
    order = limit()
    await placed(make_mock(), order)

    outcomes = await asyncio.gather(*(make_mock().cancel(order) for _ in range(8)))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Cancelled", *["Gone"] * 7]


@pytest.mark.parametrize(
    ("order", "has_ttl"), [(limit(), False), (market(), True), (limit(time_in_force=TimeInForce.IOC), True)]
)
async def test_only_an_order_that_ended_is_ever_deleted(
    make_mock: MakeMock, dynamodb: Any, order: Order, has_ttl: bool
) -> None:
    """What rests, rests for as long as it is not cancelled."""
    await placed(make_mock(), order)

    item = dynamodb.get_item(
        TableName=f"{PREFIX}-mock_exchange",
        Key={"account_id": {"S": "m1"}, "client_order_id": {"S": order.client_order_id}},
    )["Item"]
    assert ("ttl" in item) == has_ttl


async def test_amounts_are_exact(make_mock: MakeMock) -> None:
    """Through the table and back."""
    order = limit(quantity=Decimal("123456789.12345678"), price=Decimal("0.00000001"))

    taken = await placed(make_mock(), order)

    assert taken.quantity == (await shown(make_mock(), order)).quantity == order.quantity


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, MockOptions()),
        ({"success_rate": None, "seed": None}, MockOptions()),
        ({"success_rate": 0, "seed": 0}, replace(MockOptions(), success_rate=0, seed=0)),
        ({"leverage": 5, "fault": "timeout_after"}, replace(MockOptions(), fault="timeout_after")),
    ],
)
def test_options_of_other_exchanges_are_none_of_the_mocks_business(
    options: dict[str, Any], expected: MockOptions
) -> None:
    """What is not given, or None, is as it is by default; a zero is a value."""
    assert MockOptions.of(options) == expected


async def test_the_mock_keeps_the_default_rate_and_delay(clock: TurnableClock, book: Any) -> None:
    """95 in 100 succeed, after 50 ms."""
    mock = MockExchange(rows.account(), book, clock)

    await send(mock, limit())

    assert MockOptions().success_rate == 0.95
    assert clock.slept == [0.05]
