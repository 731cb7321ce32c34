"""What can go wrong around orders and cancels: streams, schedules, rows, and the world outside; by number."""

import asyncio
import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import Cancelled, OrderStatus, Refused, Unknown
from chalicelib.domain.ports import Insert, Row, Update
from chalicelib.domain.strategies import Account
from chalicelib.handlers import is_ready, work_through
from chalicelib.usecases.alerts import AlertAnswer
from chalicelib.usecases.cancelling import process_cancel, request_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.sweep import Sweep
from tests.api.desk import ApiDesk
from tests.conftest import PREFIX
from tests.desk import Desk, cancel_alert, order_alert
from tests.exchanges.markets.terms import Terms
from tests.scripted_exchange import found, seen
from tests.trading.floor import MARKETS, ONE_OF_EACH, REST, Floor

LIMIT = order_alert(OrderType.LIMIT, price=Decimal(50_000))

at_each = pytest.mark.parametrize("terms", MARKETS, ids=str)


@pytest.mark.parametrize("terms", ONE_OF_EACH, ids=str)
async def test_a_record_that_is_delivered_twice_is_sent_once(floor: Floor, terms: Terms) -> None:
    """Scenario 35 (R3, R10). To two processes at the same moment."""
    await floor.trade_at(terms)
    answer = await floor.limit()

    await asyncio.gather(floor.hand_over(answer), floor.hand_over(answer, floor.another_process()))

    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is OrderStatus.OPEN
    assert [create["client_id"] for create in floor.creates(terms)] == [order.order_id]


def test_a_record_that_is_replayed_after_a_newer_state_changes_nothing(api: ApiDesk) -> None:
    """Scenario 36 (R30). READY, as the record says, was long ago: the row decides."""
    start(api)
    order_id = api.limit().order_id
    record = api.record(order_id)
    api.place(order_id)
    open_row = api.item("orders", {"order_id": order_id})
    replayed = api.functions.place_ready(record, None)
    after_replay = api.item("orders", {"order_id": order_id})
    api.cancel(order_id)
    cancelled_row = api.item("orders", {"order_id": order_id})

    replayed_again = api.functions.place_ready(record, None)

    assert replayed == replayed_again == {"batchItemFailures": []}
    assert after_replay == open_row
    assert (open_row["status"]["S"], cancelled_row["status"]["S"]) == ("OPEN", "CANCELLED")
    assert api.item("orders", {"order_id": order_id}) == cancelled_row


def test_a_record_of_a_request_that_was_taken_back_cancels_nothing(api: ApiDesk) -> None:
    """Scenario 36 (R20, R30). Its image still carries the flag; the row carries none."""
    start(api)
    order_id = api.open_order()
    api.account(options={"success_rate": 0})
    api.cancel(order_id)
    record = api.record(order_id, old={"status": {"S": "PENDING"}})
    api.delete(f"cancel-queue/{order_id}")
    api.account()

    answer = api.functions.fire_cancels(record, None)

    assert "cancel_requested_at" in record["Records"][0]["dynamodb"]["NewImage"]
    assert answer == {"batchItemFailures": []}
    assert api.order(order_id)["status"] == "OPEN"


async def test_of_a_batch_only_the_poison_is_reported_and_what_was_done_is_not_done_again(
    desk: Desk, dynamodb: Any
) -> None:
    """Scenario 37 (R28, R30). Once the cause is gone, the order is sent without its record."""
    await trading(desk, "m1")
    poisoned, good = [(await desk.alert(LIMIT, alert_id=name)).event.order_ids[0] for name in ("a-1", "a-2")]
    records = [record(dynamodb, poisoned, "11"), record(dynamodb, good, "12")]
    spoil(dynamodb, poisoned)
    first = await hand_over(desk, records)
    after_first = item(dynamodb, good)

    again = await hand_over(desk, records)

    assert first == again == {"batchItemFailures": [{"itemIdentifier": "11"}]}
    assert after_first["status"]["S"] == "OPEN"
    assert item(dynamodb, good) == after_first
    spoil(dynamodb, poisoned, "PENDING")
    desk.clock.turn(6)
    await reconcile(desk.services, desk.budget())
    assert (await desk.order(poisoned)).status is OrderStatus.OPEN


async def test_poison_is_no_trouble_to_the_other_orders_of_its_alert(desk: Desk, dynamodb: Any) -> None:
    """Scenario 37 (invariant 8). The other one's record succeeds, and nobody is called for it."""
    await trading(desk, "m1", "m2")
    poisoned, good = (await desk.alert(LIMIT)).event.order_ids
    records = [record(dynamodb, poisoned, "11"), record(dynamodb, good, "12")]
    spoil(dynamodb, poisoned)

    answer = await hand_over(desk, records)
    desk.clock.turn(301)
    await reconcile(desk.services, desk.budget(4))

    order = await desk.order(good)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "11"}]}
    assert (order.status, order.attention) == (OrderStatus.OPEN, None)


async def test_a_record_that_cannot_be_read_blocks_no_other(desk: Desk, dynamodb: Any) -> None:
    """Scenario 37. It is reported by its number, to be split off and given up."""
    await trading(desk, "m1")
    (order_id,) = (await desk.alert(LIMIT)).event.order_ids
    good = record(dynamodb, order_id, "12")
    broken = {"dynamodb": {"SequenceNumber": "11", "NewImage": good["dynamodb"]["NewImage"]}}

    answer = await hand_over(desk, [broken, good])

    assert answer == {"batchItemFailures": [{"itemIdentifier": "11"}]}
    assert (await desk.order(order_id)).status is OrderStatus.OPEN


async def test_records_that_are_lost_are_made_up_for_by_the_schedules(floor: Floor) -> None:
    """Scenario 38 (R30). On every market an order is sent, and its cancel carried out, without a single record."""
    await floor.trade_at(*MARKETS)
    answer = await floor.limit()
    floor.clock.turn(6)
    await reconcile(floor.services, floor.budget(55))
    sent = await floor.settle(*answer.event.order_ids)

    await floor.alert(cancel_alert())

    rows = await floor.settle(*answer.event.order_ids, services=floor.another_process())
    assert [row.status for row in sent] == [OrderStatus.OPEN] * len(MARKETS)
    assert [row.status for row in rows] == [OrderStatus.CANCELLED] * len(MARKETS)
    assert floor.control.orders(live=True) == []


async def test_two_sweeps_at_once_ask_for_each_cancel_once(scripted: Desk) -> None:
    """Scenarios 39 and 49 (R15). A schedule and a wake-up call, or an asynchronous call that came twice."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Refused("not now")]
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    scripted.exchange.cancel_outcomes = [Cancelled(seen(order.request, OrderStatus.CANCELLED, scripted.clock.now()))]
    scripted.exchange.cancelled.clear()
    scripted.clock.turn(2)

    await asyncio.gather(
        *(
            Sweep(process, scripted.budget(20), [order.order_id]).run()
            for process in (scripted.services, scripted.another_process())
        )
    )

    assert len(scripted.exchange.cancelled) == 1
    assert (await scripted.request(order.order_id)).status is CancelStatus.SUCCESS
    assert len(scripted.exchange.placed) == 1


async def test_a_row_that_the_index_does_not_show_yet_is_found_in_the_next_round(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 41 (R30). Nothing is concluded from its not being listed."""
    await trading(desk, "m1")
    (order_id,) = (await desk.alert(LIMIT)).event.order_ids
    desk.clock.turn(6)
    with monkeypatch.context() as lag:
        lag.setattr(desk.store, "due_orders", listing(), raising=False)
        await reconcile(desk.services, desk.budget(1))
    unseen = await desk.order(order_id)

    await reconcile(desk.services, desk.budget())

    assert unseen.placement is Placement.READY
    assert (await desk.order(order_id)).status is OrderStatus.OPEN


async def test_a_row_that_the_index_goes_on_showing_is_left_as_it_is(
    scripted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 41 (R30). It has ended since; the row, read consistently, says so."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Cancelled(seen(order.request, OrderStatus.CANCELLED, scripted.clock.now()))]
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    ended, asked = await scripted.order(order.order_id), len(scripted.exchange.cancelled)
    looked_up = len(scripted.exchange.looked_up)
    for index in ("due_orders", "due_cancels"):
        monkeypatch.setattr(scripted.store, index, listing(order.order_id), raising=False)

    await reconcile(scripted.services, scripted.budget(4))
    await Sweep(scripted.services, scripted.budget(4)).run()

    assert await scripted.order(order.order_id) == ended
    assert (len(scripted.exchange.cancelled), len(scripted.exchange.looked_up)) == (asked, looked_up)


async def test_no_row_that_lives_is_ever_written_with_a_ttl(scripted: Desk) -> None:
    """Scenario 42 (R7). Through refusals, FAILED, an end, a life after it and another end."""
    order = await open_order(scripted)
    scripted.exchange.cancel_outcomes = [Refused("no")]
    await request_cancel(scripted.services, order.order_id, "api", scripted.budget())
    await Sweep(scripted.services, scripted.budget(60)).run()
    await end_elsewhere(scripted, order, OrderStatus.CANCELLED)
    await end_elsewhere(scripted, order, OrderStatus.OPEN)
    scripted.exchange.cancel_outcomes = [Cancelled(seen(order.request, OrderStatus.CANCELLED, scripted.clock.now()))]
    await Sweep(scripted.services, scripted.budget(60)).run()

    written = [row for changes in scripted.store.commits for change in changes for row in rows_of(change)]
    kinds = {type(row) for row in written if mortal(row) is not None}
    assert kinds == {Order, CancelRequest, EventLog}
    for row in written:
        if (ended := mortal(row)) is not None:
            assert (row.ttl is not None) == ended, row
    states = [row.status for row in written if isinstance(row, Order)]
    assert states.count(OrderStatus.CANCELLED) >= 2


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.CANCELLED])
async def test_a_fill_that_turns_up_after_the_end_is_accepted(scripted: Desk, status: OrderStatus) -> None:
    """Scenario 43 (R5). Concluded never placed, its cancel a success; then the exchange shows what it traded."""
    order = await never_placed(scripted)

    await fill_late(scripted, order, status)

    order, request = await scripted.order(order.order_id), await scripted.request(order.order_id)
    assert (order.status, order.filled_quantity) == (status, Decimal("0.04"))
    assert (request.status, request.result) == (CancelStatus.SUCCESS, status.value.lower())
    event = await scripted.store.get(EventLog, order.strategy_id, order.event_id)
    assert [result.filled_quantity for result in event.results] == [Decimal("0.04")]


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.CANCELLED])
async def test_a_fill_that_turns_up_after_the_end_raises_an_alarm(
    scripted: Desk, log: pytest.LogCaptureFixture, status: OrderStatus
) -> None:
    """Scenario 43 (R5). A position exists that nobody counted with."""
    order = await never_placed(scripted)
    log.clear()

    await fill_late(scripted, order, status)

    alarms = [line for line in log.records if line.levelno >= logging.ERROR]
    assert [vars(line)["order_id"] for line in alarms] == [order.order_id]


async def test_an_answer_that_was_overtaken_by_a_newer_one_changes_nothing(scripted: Desk) -> None:
    """Scenario 44 (R5). Two processes ask; the one that was answered first writes last."""
    order = await open_order(scripted)
    at = scripted.clock.now()
    older = found(order.request, OrderStatus.OPEN, at, filled_quantity=Decimal("0.02"), average_price=Decimal(1))
    scripted.clock.turn(301)
    newer = found(order.request, OrderStatus.FILLED, scripted.clock.now(), filled_quantity=Decimal("0.1"))

    async def be_overtaken() -> None:
        scripted.exchange.in_find = None
        scripted.exchange.lookups = [newer]
        await reconcile(scripted.another_process(), scripted.budget(4))
        scripted.exchange.lookups = [older]

    scripted.exchange.in_find = be_overtaken

    await reconcile(scripted.services, scripted.budget(4))

    order = await scripted.order(order.order_id)
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, Decimal("0.1"))
    assert [entry.status for entry in order.history].count("FILLED") == 1


@at_each
async def test_an_order_that_was_cancelled_by_hand_is_cancelled_here(floor: Floor, terms: Terms) -> None:
    """Scenario 46 (R5). Its reason says that it was not us."""
    await floor.trade_at(terms)
    answer, _ = await floor.send(OrderType.LIMIT)
    (order,) = await floor.settle(*answer.event.order_ids)
    floor.control.fill(order.order_id, "0.04")
    floor.control.end_order(order.order_id, "canceled")

    await run_schedules_for(floor, 310)

    order = await floor.only(answer)
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.04"))
    assert order.reason not in (None, "requested", "never_sent", "never_placed")
    assert (await floor.event(answer)).results[0].status == "CANCELLED"


@at_each
async def test_an_order_that_somebody_placed_by_hand_is_not_touched(
    floor: Floor, log: pytest.LogCaptureFixture, terms: Terms
) -> None:
    """Scenario 46 (R29). Not by the hunt, and not by CANCEL_ALL; it is reported."""
    await floor.trade_at(terms)
    answer, _ = await floor.send(OrderType.LIMIT)
    (ours,) = await floor.settle(*answer.event.order_ids)
    account = await floor.store.get(Account, terms.name)
    session = await floor.another_process().exchanges.session(account, ours.venue)
    row = replace(ours, order_id="by-hand", price=REST)
    await session.place(await session.prepare(row), await session.now(), 5.0)
    floor.clock.turn(1)

    await run_schedules_for(floor, 310)
    await floor.alert(cancel_alert())
    await floor.settle(ours.order_id)

    assert floor.ids_on_book(terms, live=True) == ["by-hand"]
    assert {vars(line)["orders"] for line in log.records if "not ours" in line.message} == {1}


async def test_an_order_that_the_exchange_ended_for_its_own_reason_says_so(scripted: Desk) -> None:
    """Scenario 47 (R5). Self-trade prevention, a liquidation: nobody here cancelled it."""
    order = await open_order(scripted)

    await end_elsewhere(scripted, order, OrderStatus.CANCELLED, reason="CancelBySmp")

    order = await scripted.order(order.order_id)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "CancelBySmp")
    assert scripted.exchange.cancelled == []


async def test_a_row_in_a_state_of_newer_code_is_left_alone_with_alarm(
    desk: Desk, dynamodb: Any, log: pytest.LogCaptureFixture
) -> None:
    """Scenario 48 (R30). By stream, sweep and reconcile; its neighbour is sent, and so is it after a rollback."""
    await trading(desk, "m1", "m2")
    newer, known = (await desk.alert(LIMIT)).event.order_ids
    hint = record(dynamodb, newer, "11")
    spoil(dynamodb, newer)
    before = item(dynamodb, newer)
    desk.clock.turn(6)

    await hand_over(desk, [hint])
    await Sweep(desk.services, desk.budget(10), [newer]).run()
    await reconcile(desk.services, desk.budget(10))

    assert item(dynamodb, newer) == before
    assert [line for line in log.records if line.levelno >= logging.ERROR and newer in str(vars(line))]
    assert (await desk.order(known)).status is OrderStatus.OPEN
    assert await desk.book.get("m1", newer) is None


async def test_a_row_in_a_state_of_newer_code_keeps_no_other_from_being_cancelled(desk: Desk, dynamodb: Any) -> None:
    """Scenario 48 (invariant 8, R22). CANCEL_ALL ends what it can read."""
    await trading(desk, "m1")
    newer, known = [(await desk.alert(LIMIT, alert_id=name)).event.order_ids[0] for name in ("a-1", "a-2")]
    spoil(dynamodb, newer)

    await desk.alert(cancel_alert())

    assert (await desk.order(known)).status is OrderStatus.CANCELLED


async def test_a_caller_that_gave_up_and_asks_again_hears_of_the_first_event(scripted: Desk) -> None:
    """Scenario 49 (R21). The first call is still at work; the second one sees how far it has got."""
    await trading(scripted, "m1")
    answers: list[AlertAnswer] = []

    async def ask_again() -> None:
        scripted.exchange.in_place = None
        answers.append(await scripted.alert(order_alert()))

    scripted.exchange.in_place = ask_again

    first = await scripted.alert(order_alert())

    (again,) = answers
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.event.event_id == first.event.event_id
    assert [(result.status, result.placement) for result in again.event.results] == [("PENDING", "SENDING")]
    assert len(scripted.exchange.placed) == 1


@pytest.mark.parametrize("seconds", [0.5, 2.0, 2.4])
async def test_a_send_without_the_time_for_its_look_up_is_left_to_the_next_run(scripted: Desk, seconds: float) -> None:
    """Scenario 50 (R28). The order stays READY, and is sent when there is time."""
    order = await scripted.limit_order()

    await place_ready(scripted.services, order.order_id, "stream", scripted.budget(seconds))

    left = await scripted.order(order.order_id)
    assert left.placement is Placement.READY
    assert scripted.exchange.placed == []
    scripted.clock.turn(6)
    await reconcile(scripted.services, scripted.budget())
    assert (await scripted.order(order.order_id)).status is OrderStatus.OPEN


async def test_a_cancel_without_the_time_to_be_read_back_is_left_to_the_next_run(scripted: Desk) -> None:
    """Scenario 50 (R28). Nothing is sent, and no retry is used up."""
    order = await open_order(scripted)
    ended = seen(order.request, OrderStatus.CANCELLED, scripted.clock.now())
    scripted.exchange.cancel_outcomes = [Cancelled(ended)]
    scripted.exchange.lookups = [found(order.request, OrderStatus.OPEN, scripted.clock.now())]

    await request_cancel(scripted.services, order.order_id, "api", scripted.budget(2.0))

    request = await scripted.request(order.order_id)
    assert scripted.exchange.cancelled == []
    assert (request.status, request.retry_count) == (CancelStatus.PENDING, 0)
    scripted.clock.turn(3)
    await process_cancel(scripted.services, order.order_id, "sweep", scripted.budget())
    assert (await scripted.request(order.order_id)).status is CancelStatus.SUCCESS


def start(api: ApiDesk) -> None:
    """Account m1 and strategy s1."""
    api.account()
    api.strategy()


async def trading(desk: Desk, *accounts: str) -> None:
    """One strategy over these accounts."""
    for account in accounts:
        await desk.account(account)
    await desk.strategy("s1", *accounts)


async def open_order(desk: Desk) -> Order:
    """One that rests."""
    order = await desk.limit_order()
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    order = await desk.order(order.order_id)
    assert order.status is OrderStatus.OPEN
    return order


async def lost_order(desk: Desk) -> Order:
    """One whose answer was lost."""
    order = await desk.limit_order()
    desk.exchange.place_outcomes = [Unknown("timeout")]
    await place_ready(desk.services, order.order_id, "stream", desk.budget())
    return await desk.order(order.order_id)


async def never_placed(desk: Desk) -> Order:
    """One whose absence is proven, and with it its cancel."""
    order = await lost_order(desk)
    await request_cancel(desk.services, order.order_id, "api", desk.budget())
    for _ in range(6):
        desk.clock.turn(10)
        await Sweep(desk.services, desk.budget(8)).run()
    order = await desk.order(order.order_id)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "never_placed")
    return order


async def fill_late(desk: Desk, order: Order, status: OrderStatus) -> None:
    """The exchange shows that it traded after all; a look of the watch over such rows comes by."""
    fill = {"filled_quantity": Decimal("0.04"), "average_price": Decimal(50_000)}
    desk.exchange.lookups = [found(order.request, status, desk.clock.now(), **fill)]
    desk.clock.turn(61)
    await reconcile(desk.services, desk.budget(60))


async def end_elsewhere(desk: Desk, order: Order, status: OrderStatus, **changes: Any) -> None:
    """The exchange shows the order so from now on, and the schedules come round to seeing it."""
    desk.clock.turn(310)
    shown = seen(order.request, status, desk.clock.now(), **changes)
    desk.exchange.shown[order.order_id] = shown
    await reconcile(desk.services, desk.budget(4))


async def run_schedules_for(floor: Floor, seconds: float) -> None:
    """Reconcile once a minute."""
    for _ in range(int(seconds // 60) + 1):
        floor.clock.turn(60)
        await reconcile(floor.services, floor.budget(4))


async def hand_over(desk: Desk, records: list[dict[str, Any]]) -> dict[str, Any]:
    """The batch, to the function that places what is READY."""
    return await work_through(
        records, is_ready, lambda key, budget: place_ready(desk.services, key, "stream", budget), desk.budget(10.0)
    )


def item(dynamodb: Any, order_id: str) -> dict[str, Any]:
    """An order's item as DynamoDB has it."""
    key = {"order_id": {"S": order_id}}
    return dict(dynamodb.get_item(TableName=f"{PREFIX}-orders", Key=key, ConsistentRead=True)["Item"])


def record(dynamodb: Any, order_id: str, number: str) -> dict[str, Any]:
    """A stream record of an order's insertion, with its row as it is now."""
    change = {"Keys": {"order_id": {"S": order_id}}, "SequenceNumber": number, "NewImage": item(dynamodb, order_id)}
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}


def spoil(dynamodb: Any, order_id: str, status: str = "HALF_OPEN") -> None:
    """Write a status that this code does not know, or a known one again."""
    dynamodb.update_item(
        TableName=f"{PREFIX}-orders",
        Key={"order_id": {"S": order_id}},
        UpdateExpression="SET #s = :status",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":status": {"S": status}},
    )


def listing(*ids: str) -> Any:
    """An index that shows exactly these, whatever it is asked."""

    async def listed(*_: object) -> list[str]:
        return list(ids)

    return listed


def rows_of(change: object) -> list[Any]:
    """The row that a change leaves behind."""
    if isinstance(change, Update):
        return [change.new]
    return [change.row] if isinstance(change, Insert) else []


def mortal(row: Row) -> bool | None:
    """Whether a row has ended; None for kinds that have no end, or one of their own."""
    if isinstance(row, Order):
        return row.terminal
    if isinstance(row, CancelRequest):
        return row.status is CancelStatus.SUCCESS
    return row.check_at is None if isinstance(row, EventLog) else None
