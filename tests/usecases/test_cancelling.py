"""Cancelling: the request is durable, every placement has its way, and only proof ends it (R14-R20)."""

import asyncio
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import (
    Acknowledged,
    CancelAcknowledged,
    Cancelled,
    CancelOutcome,
    Gone,
    NotFound,
    OrderStatus,
    Refused,
    Throttled,
    Unknown,
)
from chalicelib.domain.ports import Delete, Update
from chalicelib.usecases.cancel_requests import delete_cancel, redrive, store_cancel
from chalicelib.usecases.cancelling import process_cancel, request_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.sweep import Sweep
from tests.desk import Desk, order_alert
from tests.meddling_store import ProcessDiedError
from tests.scripted_exchange import found, seen


async def open_order(desk: Desk) -> Order:
    order = await desk.limit_order()
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    order = await desk.order(order.order_id)
    assert order.status is OrderStatus.OPEN
    return order


async def unknown_order(scripted: Desk) -> Order:
    order = await scripted.limit_order()
    scripted.exchange.place_outcomes = [Unknown("timeout")]
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    order = await scripted.order(order.order_id)
    assert order.placement is Placement.UNKNOWN
    return order


def will_cancel(scripted: Desk, order: Order) -> None:
    ended = seen(order.request, OrderStatus.CANCELLED, scripted.clock.now())
    scripted.exchange.cancel_outcomes = [Cancelled(ended)]


async def test_flag_and_row_are_stored_in_one_transaction(desk: Desk) -> None:
    """R14."""
    order = await desk.limit_order()
    desk.store.commits.clear()

    await store_cancel(desk.services, order.order_id, "api")

    (changes,) = desk.store.commits
    assert len(changes) == 2
    assert (await desk.order(order.order_id)).cancel_requested_at == desk.clock.now()
    assert (await desk.request(order.order_id)).waiting_for_order


async def test_a_ready_order_is_cancelled_at_once_and_never_sent_afterwards(desk: Desk) -> None:
    """Invariant 5, R16: not even when the stream hands it over later."""
    order = await desk.limit_order()

    answer = await request_cancel(desk.services, order.order_id, "api", desk.budget())
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    order = await desk.order(order.order_id)

    assert answer == (False, order.order_id)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "never_sent")
    assert (await desk.request(order.order_id)).result == "never_sent"
    assert await desk.book.get("m1", order.order_id) is None


async def test_a_cancel_while_the_order_is_being_sent_waits_for_its_sender(scripted: Desk) -> None:
    """R16: before the deadline the sender is at work, and nothing is asked of the exchange."""
    order = await scripted.limit_order()
    answers = []

    async def ask_and_sweep() -> None:
        answers.append(await request_cancel(scripted.services, order.order_id, "api", scripted.budget()))
        await process_cancel(scripted.services, order.order_id, "sweep", scripted.budget())
        answers.append(await scripted.request(order.order_id))
        will_cancel(scripted, await scripted.order(order.order_id))

    scripted.exchange.in_place = ask_and_sweep
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())

    assert answers[0] == (False, order.order_id)
    assert (answers[1].status, answers[1].waiting_for_order, answers[1].retry_count) == (CancelStatus.PENDING, True, 0)
    assert (await scripted.order(order.order_id)).status is OrderStatus.CANCELLED
    assert len(scripted.exchange.cancelled) == 1


async def test_the_order_says_when_the_cancel_was_sent_that_ended_it(scripted: Desk) -> None:
    """Not when it was asked for, nor when a refused one was sent: the exchange took its time with both."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Refused("busy")]

    async def take_time() -> None:
        scripted.clock.turn(0.25)

    scripted.exchange.in_cancel = take_time
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    refused = await scripted.order(order.order_id)
    scripted.clock.turn(3)
    will_cancel(scripted, order)
    sent_at = scripted.clock.now()
    await process_cancel(scripted.services, order.order_id, "sweep", scripted.budget())
    ended = await scripted.order(order.order_id)

    assert (refused.status, refused.cancel_sent_at) == (OrderStatus.OPEN, None)
    assert (ended.status, ended.cancel_sent_at) == (OrderStatus.CANCELLED, sent_at)
    assert (ended.history[-1].at - sent_at).total_seconds() == 0.25


async def test_an_order_that_was_never_sent_has_no_cancel_that_was(desk: Desk) -> None:
    """Nothing was asked of the exchange."""
    order = await desk.limit_order()

    await request_cancel(desk.services, order.order_id, "api", desk.budget())

    assert (await desk.order(order.order_id)).cancel_sent_at is None


async def test_an_unknown_order_that_is_found_is_adopted_and_cancelled(scripted: Desk) -> None:
    """R16."""
    order = await unknown_order(scripted)
    scripted.exchange.lookups = [found(order.request, OrderStatus.OPEN, scripted.clock.now())]
    will_cancel(scripted, order)

    answer = await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    order = await scripted.order(order.order_id)

    assert answer == (False, order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert scripted.exchange.cancelled == [f"x-{order.order_id}"]
    assert (await scripted.request(order.order_id)).status is CancelStatus.SUCCESS


async def test_an_unknown_order_that_is_proven_absent_ends_never_placed_and_is_not_sent_again(scripted: Desk) -> None:
    """R9, R12, R19: the request ends in the same transaction as the order (R6)."""
    order = await unknown_order(scripted)
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())

    for _ in range(6):
        scripted.clock.turn(10)
        await Sweep(scripted.services, scripted.budget(8)).run()
    order = await scripted.order(order.order_id)

    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "never_placed")
    assert len(order.absent_seen) == 2
    assert len(scripted.exchange.placed) == 1
    assert (await scripted.request(order.order_id)).result == "never_placed"
    ending = [changes for changes in scripted.store.commits if _ends(changes)]
    assert {len(changes) for changes in ending} == {2}


async def test_an_acknowledged_order_is_cancelled_by_its_exchange_id(scripted: Desk) -> None:
    """R16: ACKED needs no sighting before the cancel."""
    order = await scripted.limit_order()
    scripted.exchange.place_outcomes = [Acknowledged("x-99")]
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    order = await scripted.order(order.order_id)
    will_cancel(scripted, order)

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())

    assert scripted.exchange.cancelled == ["x-99"]
    assert (await scripted.order(order.order_id)).status is OrderStatus.CANCELLED


async def test_an_open_order_is_cancelled_at_once(desk: Desk) -> None:
    """200: proven by the terminal state that the exchange showed."""
    order = await open_order(desk)

    proven, _ = await request_cancel(desk.services, order.order_id, "api", desk.budget())

    assert proven
    assert (await desk.order(order.order_id)).reason == "requested"
    assert (await desk.request(order.order_id)).result == "cancelled"
    assert await desk.book.open_orders("m1") == []


async def test_an_order_that_proves_to_be_filled_is_told_as_filled(scripted: Desk) -> None:
    """Scenario 26: 409 names the final state; the request ends with it."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Gone("filled already")]
    filled = found(order.request, OrderStatus.FILLED, scripted.clock.now(), filled_quantity=order.quantity)
    scripted.exchange.lookups = [filled]

    with pytest.raises(ConflictError, match="FILLED") as refusal:
        await request_cancel(scripted.services, order.order_id, "api", scripted.budget())

    assert refusal.value.code == "ORDER_NOT_CANCELLABLE"
    assert (await scripted.order(order.order_id)).status is OrderStatus.FILLED
    assert (await scripted.request(order.order_id)).result == "filled"


@pytest.mark.parametrize(
    "outcome", [Throttled("429"), Unknown("timeout"), NotFound("-2011"), CancelAcknowledged(), Gone("gone")]
)
async def test_what_is_no_refusal_uses_up_no_retry_and_proves_nothing(scripted: Desk, outcome: CancelOutcome) -> None:
    """R17, R19: however often it comes, the order stays OPEN and the request live."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [outcome]
    scripted.exchange.lookups = [found(order.request, OrderStatus.OPEN, scripted.clock.now())]

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    for _ in range(12):
        scripted.clock.turn(31)
        await Sweep(scripted.services, scripted.budget(5)).run()
    request = await scripted.request(order.order_id)

    assert len(scripted.exchange.cancelled) > 10
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    assert request.last_error is not None
    assert (await scripted.order(order.order_id)).status is OrderStatus.OPEN


async def test_throttled_comes_back_no_earlier_than_it_was_told(scripted: Desk) -> None:
    """Scenario 15: Retry-After."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Throttled("banned", retry_after=120)]

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    request = await scripted.request(order.order_id)

    assert (request.next_retry_at - scripted.clock.now()).total_seconds() == 120


async def test_refusals_are_retried_after_2_4_8_and_16_seconds_and_then_fail(scripted: Desk) -> None:
    """R17: at 0, 2, 6, 14 and 30 s, each on its second; retry_count 5 and FAILED after the last."""
    order = await open_order(scripted)
    started = scripted.clock.now()
    attempts: list[float] = []

    async def note() -> None:
        attempts.append((scripted.clock.now() - started).total_seconds())

    scripted.exchange.in_cancel = note
    scripted.exchange.cancel_outcomes = [Refused("not now")]

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    while (request := await scripted.request(order.order_id)).live:
        scripted.clock.turn((request.next_retry_at - scripted.clock.now()).total_seconds())
        await process_cancel(scripted.services, order.order_id, "sweep", scripted.budget())

    assert attempts == [0, 2, 6, 14, 30]
    assert (request.status, request.retry_count, request.ttl) == (CancelStatus.FAILED, 5, None)


async def test_a_failed_request_is_redriven_with_all_its_retries(scripted: Desk) -> None:
    """By retry, and by asking for the cancel again."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Refused("no")]
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    await Sweep(scripted.services, scripted.budget(60)).run()

    await redrive(scripted.services, order.order_id)
    by_hand = await scripted.request(order.order_id)
    await Sweep(scripted.services, scripted.budget(60)).run()
    failed_again = await scripted.request(order.order_id)
    will_cancel(scripted, order)
    asked_again = await request_cancel(scripted.services, order.order_id, "api", scripted.budget())

    assert (by_hand.status, by_hand.retry_count) == (CancelStatus.PENDING, 0)
    assert failed_again.status is CancelStatus.FAILED
    assert asked_again == (False, order.order_id)
    assert (await scripted.request(order.order_id)).status is CancelStatus.SUCCESS


async def test_reconcile_goes_on_trying_a_failed_cancel_at_a_slow_pace(scripted: Desk) -> None:
    """Invariant 4: it stays FAILED, for people to see, until the exchange says that the order is gone."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Refused("no")]
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    await Sweep(scripted.services, scripted.budget(60)).run()
    scripted.exchange.cancelled.clear()
    scripted.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, scripted.clock.now())

    for _ in range(11):
        scripted.clock.turn(60)
        await reconcile(scripted.services, scripted.budget(4))
    refused = await scripted.request(order.order_id)
    tries = len(scripted.exchange.cancelled)
    ended = seen(order.request, OrderStatus.CANCELLED, scripted.clock.now())
    scripted.exchange.cancel_outcomes = [Cancelled(ended)]
    scripted.clock.turn(300)
    await reconcile(scripted.services, scripted.budget(4))
    request = await scripted.request(order.order_id)

    assert (refused.status, refused.retry_count) == (CancelStatus.FAILED, 5)
    assert 2 <= tries <= 4
    assert (request.status, request.result) == (CancelStatus.SUCCESS, "cancelled")
    assert (await scripted.order(order.order_id)).status is OrderStatus.CANCELLED


async def test_two_processes_on_one_request_ask_the_exchange_once(scripted: Desk) -> None:
    """R15: one claim wins, the other is not a failure."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Refused("no")]
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    scripted.clock.turn(2)
    scripted.exchange.cancelled.clear()
    other = scripted.another_process()

    await asyncio.gather(
        process_cancel(scripted.services, order.order_id, "sweep", scripted.budget()),
        process_cancel(other, order.order_id, "sweep", scripted.budget()),
    )

    assert len(scripted.exchange.cancelled) == 1
    assert (await scripted.request(order.order_id)).retry_count == 2


async def test_a_holder_that_dies_is_followed_by_another_when_its_lease_ends(scripted: Desk) -> None:
    """Scenario 40: not before, and the request is not lost."""
    order = await open_order(scripted)

    async def die() -> None:
        raise ProcessDiedError

    scripted.exchange.in_cancel = die
    with pytest.raises(ProcessDiedError):
        await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    scripted.exchange.in_cancel = None
    will_cancel(scripted, order)
    held = await scripted.request(order.order_id)

    too_early = await process_cancel(scripted.services, order.order_id, "sweep", scripted.budget())
    scripted.clock.turn(scripted.services.policy.lease + 1)
    await process_cancel(scripted.services, order.order_id, "sweep", scripted.budget())

    assert held.status is CancelStatus.PROCESSING
    assert too_early is None
    assert (await scripted.order(order.order_id)).status is OrderStatus.CANCELLED


async def test_a_holder_that_wakes_after_its_lease_cannot_write(scripted: Desk) -> None:
    """Scenario 40: the late one's release meets a newer version and is dropped."""
    order = await open_order(scripted)

    async def overtaken() -> None:
        scripted.exchange.in_cancel = None
        scripted.clock.turn(scripted.services.policy.lease + 1)
        await process_cancel(scripted.another_process(), order.order_id, "sweep", scripted.budget())

    scripted.exchange.cancel_outcomes = [Refused("no")]
    scripted.exchange.in_cancel = overtaken

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())

    assert (await scripted.request(order.order_id)).retry_count == 1


async def test_an_order_that_opens_between_claim_and_release_is_cancelled_in_the_same_task(scripted: Desk) -> None:
    """R18: nobody else may know by then, for the stream's record was refused by our claim."""
    order = await unknown_order(scripted)
    await store_cancel(scripted.services, order.order_id, "api")
    will_cancel(scripted, order)

    async def opens(changes: tuple[Any, ...]) -> None:
        new = getattr(changes[0], "new", None)
        if isinstance(new, CancelRequest) and new.waiting_for_order and new.status is CancelStatus.PENDING:
            scripted.store.before_commit = None
            row = await scripted.order(order.order_id)
            opened = row.moved(scripted.clock.now(), "test", OrderStatus.OPEN, exchange_order_id="x-1")
            await scripted.store.commit(Update(row, opened))

    scripted.store.before_commit = opens

    await process_cancel(scripted.services, order.order_id, "stream", scripted.budget())

    assert (await scripted.order(order.order_id)).status is OrderStatus.CANCELLED
    assert (await scripted.request(order.order_id)).status is CancelStatus.SUCCESS


async def test_the_first_claim_after_the_order_left_pending_ends_the_waiting(scripted: Desk) -> None:
    """R15: from then on only its time makes it due, or a refused cancel would be asked for without pause."""
    order = await scripted.limit_order()
    scripted.exchange.cancel_outcomes = [Refused("no")]

    async def ask() -> None:
        await store_cancel(scripted.services, order.order_id, "api")

    scripted.exchange.in_place = ask
    await place_ready(scripted.services, order.order_id, "stream", scripted.budget())
    request = await scripted.request(order.order_id)
    again = await process_cancel(scripted.services, order.order_id, "stream", scripted.budget())

    assert (request.waiting_for_order, request.retry_count) == (False, 1)
    assert again is None
    assert len(scripted.exchange.cancelled) == 1


async def test_a_deleted_request_takes_its_flag_with_it(scripted: Desk) -> None:
    """R20: one transaction; the order lives on and may be cancelled anew."""
    order = await unknown_order(scripted)
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    scripted.store.commits.clear()

    await delete_cancel(scripted.services, order.order_id)

    (changes,) = scripted.store.commits
    assert {type(change) for change in changes} == {Delete, Update}
    assert (await scripted.order(order.order_id)).cancel_requested_at is None
    assert await scripted.store.get(CancelRequest, order.order_id) is None
    await store_cancel(scripted.services, order.order_id, "api")


async def test_a_request_that_is_being_processed_cannot_be_deleted(scripted: Desk) -> None:
    """409."""
    order = await open_order(scripted)
    codes = []

    async def delete() -> None:
        with pytest.raises(ConflictError) as refusal:
            await delete_cancel(scripted.services, order.order_id)
        codes.append(refusal.value.code)

    scripted.exchange.in_cancel = delete
    will_cancel(scripted, order)

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())

    assert codes == ["CANCEL_IN_PROGRESS"]


async def test_a_flag_without_a_row_gets_its_row_again(desk: Desk) -> None:
    """R14: the flag is authoritative; somebody removed the row by hand."""
    order = await open_order(desk)
    stored = await store_cancel(desk.services, order.order_id, "api")
    await desk.store.commit(Delete(stored.request))

    desk.clock.turn(31)
    await reconcile(desk.services, desk.budget(60))

    assert (await desk.order(order.order_id)).status is OrderStatus.CANCELLED
    assert (await desk.request(order.order_id)).status is CancelStatus.SUCCESS


@pytest.mark.parametrize("kind", ["unknown", "filled", "queued"])
async def test_what_cannot_be_cancelled_is_refused_with_its_own_code(scripted: Desk, kind: str) -> None:
    """404, and 409 with the state or the row's name."""
    expected = {"unknown": "NOT_FOUND", "filled": "ORDER_NOT_CANCELLABLE", "queued": "ALREADY_QUEUED"}[kind]
    order_id = "test-nobody"
    if kind == "filled":
        desk = Desk()
        await desk.account("m2")
        await desk.strategy("s2", "m2")
        answer = await desk.alert(order_alert(OrderType.MARKET), strategy="s2")
        order_id = answer.event.order_ids[0]
    if kind == "queued":
        order_id = (await unknown_order(scripted)).order_id
        await store_cancel(scripted.services, order_id, "api")

    with pytest.raises((NotFoundError, ConflictError)) as refusal:
        await store_cancel(scripted.services, order_id, "api")

    assert refusal.value.code == expected


async def test_evidence_that_an_order_lives_brings_its_request_back(scripted: Desk) -> None:
    """R5: concluded never placed, seen alive a minute later: cancelled for real."""
    order = await unknown_order(scripted)
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    for _ in range(6):
        scripted.clock.turn(10)
        await Sweep(scripted.services, scripted.budget(8)).run()
    concluded = await scripted.order(order.order_id)
    scripted.exchange.lookups = [found(order.request, OrderStatus.OPEN, scripted.clock.now())]
    will_cancel(scripted, order)

    scripted.clock.turn(61)
    await reconcile(scripted.services, scripted.budget(60))
    order = await scripted.order(order.order_id)

    assert concluded.reason == "never_placed"
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "requested")
    assert len(scripted.exchange.cancelled) == 1


def _ends(changes: tuple[Any, ...]) -> bool:
    new = getattr(changes[0], "new", None)
    return isinstance(new, Order) and new.status is OrderStatus.CANCELLED
