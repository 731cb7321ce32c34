"""What the operators are told: urgent figures before the write that they are about, the others once it is written."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.errors import DatabaseUnavailableError
from chalicelib.domain.metrics import Metric
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import NotPlaced, OrderStatus, Refused, Throttled
from chalicelib.domain.ports import Insert, OrderNotAcceptedError
from chalicelib.usecases.cancel_requests import store_cancel
from chalicelib.usecases.cancelling import process_cancel, request_cancel
from chalicelib.usecases.orphans import hunt_orphans
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from tests.desk import Desk, order_alert
from tests.meddling_store import ProcessDiedError
from tests.meters import MemoryMeter
from tests.scripted_exchange import seen
from tests.store import rows
from tests.usecases.test_cancelling import open_order, unknown_order, will_cancel
from tests.usecases.test_orphans import hunt, live
from tests.usecases.test_settling import run_on, second_attempt

LEVELS = (Metric.QUEUED_CANCELS, Metric.OLDEST_QUEUED_CANCEL, Metric.FAILED_CANCELS, Metric.ATTENTION_ORDERS)


@pytest.fixture
def meter() -> MemoryMeter:
    return MemoryMeter()


@pytest.fixture
def desk(scripted: Desk, meter: MemoryMeter) -> Desk:
    """Trades by script, and is measured."""
    scripted.services = replace(scripted.services, meter=meter)
    return scripted


def dies_at(desk: Desk, wanted: Any) -> None:
    """The process is killed instead of writing what `wanted` picks."""

    async def die(changes: tuple[Any, ...]) -> None:
        if any(wanted(getattr(change, "new", getattr(change, "row", None))) for change in changes):
            raise ProcessDiedError

    desk.store.before_commit = die


async def levels(desk: Desk, meter: MemoryMeter) -> list[float]:
    """As the next run of reconcile tells them."""
    meter.readings.clear()
    await reconcile(desk.services, desk.budget(50))
    return [value for metric in LEVELS for value in meter.urgent(metric)]


async def test_every_change_of_an_orders_status_is_counted_once(desk: Desk, meter: MemoryMeter) -> None:
    """PENDING is where it starts, and no news."""
    order = await open_order(desk)
    will_cancel(desk, order)

    await request_cancel(desk.services, order.order_id, "api", desk.budget())
    await reconcile(desk.services, desk.budget())

    counted = [(r.value, r.dimensions) for r in meter.readings if r.metric is Metric.ORDERS]
    assert counted == [(1, {"status": "OPEN"}), (1, {"status": "CANCELLED"})]


async def test_orders_that_cannot_be_sent_at_all_are_counted_as_rejected(desk: Desk, meter: MemoryMeter) -> None:
    """They are stored so in the first place."""
    for name in ("m1", "m2"):
        await desk.account(name)
    await desk.strategy("s1", "m1", "m2")
    desk.exchange.unprepared = OrderNotAcceptedError("BELOW_MINIMUM", "too small")

    await desk.alert(order_alert())

    assert meter.values(Metric.ORDERS, status="REJECTED") == [2]


async def test_an_order_is_timed_from_the_alert_to_its_first_create(desk: Desk, meter: MemoryMeter) -> None:
    """Not again when it is sent once more."""
    order = await desk.limit_order()
    desk.clock.turn(1.25)
    desk.exchange.place_outcomes = [NotPlaced("busy", "later", retry=True), NotPlaced("no", "no")]

    await place_ready(desk.services, order.order_id, "stream", desk.budget())

    assert len(desk.exchange.placed) == 2
    assert meter.values(Metric.ALERT_TO_EXCHANGE) == [1250.0]


async def test_a_second_attempt_is_not_timed(desk: Desk, meter: MemoryMeter) -> None:
    """It says how long absence took to be proven, not how quick we are."""
    await second_attempt(desk)

    assert len(meter.values(Metric.ALERT_TO_EXCHANGE)) == 1


async def test_a_cancel_is_timed_from_the_request_to_its_proof(desk: Desk, meter: MemoryMeter) -> None:
    """Whoever writes the order's end closes the request."""
    order = await open_order(desk)
    will_cancel(desk, order)

    async def takes_a_while() -> None:
        desk.clock.turn(0.75)

    desk.exchange.in_cancel = takes_a_while
    await request_cancel(desk.services, order.order_id, "api", desk.budget())

    assert meter.values(Metric.CANCEL_LATENCY) == [750.0]


async def test_a_cancel_whose_order_had_ended_already_is_timed_too(desk: Desk, meter: MemoryMeter) -> None:
    """The request was closed by itself, after a crash between."""
    order = await open_order(desk)
    await store_cancel(desk.services, order.order_id, "api")
    row = await desk.order(order.order_id)
    ended = rows.order(OrderStatus.CANCELLED, cancel_requested_at=row.cancel_requested_at)
    waiting = rows.cancel_request(cancel_id=ended.order_id, next_retry_at=desk.clock.now())
    await desk.store.commit(Insert(ended), Insert(waiting))
    desk.clock.turn(2)

    await process_cancel(desk.services, ended.order_id, "sweep", desk.budget())

    assert meter.values(Metric.CANCEL_LATENCY) == [2000.0]


async def test_each_refusal_that_is_tried_again_is_a_retry_and_the_last_one_a_failure(
    desk: Desk, meter: MemoryMeter
) -> None:
    """R17."""
    order = await open_order(desk)
    desk.exchange.cancel_outcomes = [Refused("no")]
    await request_cancel(desk.services, order.order_id, "api", desk.budget())
    for _ in range(desk.services.policy.max_cancel_retries - 1):
        desk.clock.turn(60)
        await process_cancel(desk.services, order.order_id, "sweep", desk.budget())

    assert (await desk.request(order.order_id)).status is CancelStatus.FAILED
    assert meter.values(Metric.CANCEL_RETRIES) == [1.0] * 4
    assert meter.urgent(Metric.CANCELS_FAILED) == [1.0]


async def test_waiting_is_no_retry(desk: Desk, meter: MemoryMeter) -> None:
    """Nobody refused anything."""
    order = await open_order(desk)
    desk.exchange.cancel_outcomes = [Throttled("slow down", 1.0)]

    await request_cancel(desk.services, order.order_id, "api", desk.budget())

    assert meter.values(Metric.CANCEL_RETRIES) == []


async def test_a_failure_is_told_before_it_is_written(desk: Desk, meter: MemoryMeter) -> None:
    """A crash between makes it told twice, never not at all."""
    order = await open_order(desk)
    desk.services = replace(desk.services, policy=replace(desk.services.policy, max_cancel_retries=1))
    desk.exchange.cancel_outcomes = [Refused("no")]
    await store_cancel(desk.services, order.order_id, "api")
    desk.clock.turn(60)
    dies_at(desk, lambda row: isinstance(row, CancelRequest) and row.status is CancelStatus.FAILED)

    with pytest.raises(ProcessDiedError):
        await process_cancel(desk.services, order.order_id, "sweep", desk.budget())

    assert (await desk.request(order.order_id)).status is CancelStatus.PROCESSING
    assert meter.urgent(Metric.CANCELS_FAILED) == [1.0]


@pytest.fixture
async def traded(desk: Desk) -> Desk:
    """One account with one strategy."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    return desk


async def test_an_orphan_is_told_before_its_row_is_written(traded: Desk, meter: MemoryMeter) -> None:
    """R29: live on the exchange, of our making, without a row."""
    (order_id,) = traded.services.ids.order_ids(traded.clock.now(), 1)
    live(traded, order_id)
    dies_at(traded, lambda row: isinstance(row, Order))

    await hunt(traded)
    first, row = meter.urgent(Metric.ORPHANS_FOUND), await traded.store.get(Order, order_id)
    traded.store.before_commit = None
    await hunt(traded)

    assert (first, row) == ([1.0], None)
    assert meter.urgent(Metric.ORPHANS_FOUND) == [1.0, 1.0]
    assert meter.values(Metric.ORDERS, status="OPEN") == [1]
    assert (await traded.order(order_id)).status is OrderStatus.CANCELLED


async def test_an_order_that_had_ended_here_and_lives_is_told_before_that_is_written(
    traded: Desk, meter: MemoryMeter
) -> None:
    """R5: whoever sees it."""
    order = await open_order(traded)
    traded.exchange.shown[order.order_id] = seen(order.request, OrderStatus.CANCELLED, traded.clock.now())
    await hunt(traded)
    traded.clock.turn(100)
    traded.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, traded.clock.now())
    written: list[OrderStatus] = []

    async def watch(changes: tuple[Any, ...]) -> None:
        written.extend(row.status for change in changes if isinstance(row := getattr(change, "new", None), Order))

    traded.store.before_commit = watch
    told_at: list[int] = []
    meter.on_emit = lambda reading: told_at.append(len(written))

    await hunt(traded)

    assert meter.urgent(Metric.ORPHANS_FOUND) == [1.0]
    assert written[told_at[0] :] == [OrderStatus.OPEN]


async def test_an_earlier_attempt_that_lives_is_told_before_it_is_cancelled(desk: Desk, meter: MemoryMeter) -> None:
    """R13."""
    order = await second_attempt(desk)
    assert order.request is not None
    ghost = live(desk, order.order_id, replace(order.request, client_order_id=order.order_id))
    cancelled_before: list[list[str]] = []
    meter.on_emit = lambda r: (
        cancelled_before.append(list(desk.exchange.cancelled)) if r.metric is Metric.ORPHANS_FOUND else None
    )

    await run_on(desk, 70, order)

    assert cancelled_before == [[]]
    assert desk.exchange.cancelled == [ghost.exchange_order_id]


async def test_the_levels_of_an_idle_system_are_zero(desk: Desk, meter: MemoryMeter) -> None:
    """They are told all the same: no news is no good news."""
    assert await levels(desk, meter) == [0, 0, 0, 0]


async def test_the_levels_say_what_is_queued_how_long_what_failed_and_what_needs_a_person(
    desk: Desk, meter: MemoryMeter
) -> None:
    """For as long as it is so."""
    later = desk.clock.now() + timedelta(days=1)
    waits = rows.cancel_request(created_at=rows.at(-30), next_retry_at=later)
    held = rows.cancel_request(CancelStatus.PROCESSING, created_at=rows.at(-90), next_retry_at=later)
    failed = [rows.cancel_request(CancelStatus.FAILED) for _ in range(3)]
    calling = [rows.order(OrderStatus.CANCELLED, attention="look") for _ in range(4)]
    await desk.store.commit(*(Insert(row) for row in (waits, held, *failed, *calling)))

    first, second = await levels(desk, meter), await levels(desk, meter)

    assert first == [2, 90, 3, 4]
    assert second == first


async def test_a_level_that_cannot_be_read_is_left_out_and_stops_nothing(
    desk: Desk, meter: MemoryMeter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Reconcile goes on, and the other levels are told."""
    order = await unknown_order(desk)
    desk.exchange.shown[order.order_id] = seen(order.request, OrderStatus.OPEN, desk.clock.now())
    desk.clock.turn(30)

    async def fails(*_: object) -> int:
        raise DatabaseUnavailableError("gone")

    monkeypatch.setattr(desk.store, "count_attention", fails, raising=False)

    with caplog.at_level(logging.ERROR):
        told = await levels(desk, meter)

    assert len(told) == 3
    assert [vars(r)["metric"] for r in caplog.records if hasattr(r, "metric")] == ["AttentionOrders"]
    assert (await desk.order(order.order_id)).status is OrderStatus.OPEN


async def test_the_levels_are_told_even_if_the_rest_of_the_run_fails(
    desk: Desk, meter: MemoryMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is when they are wanted most."""

    async def fails(*_: object) -> list[str]:
        raise DatabaseUnavailableError("gone")

    monkeypatch.setattr(desk.store, "due_orders", fails, raising=False)

    with pytest.raises(DatabaseUnavailableError):
        await levels(desk, meter)

    assert [meter.urgent(metric) for metric in LEVELS] == [[0]] * 4


async def test_the_key_that_ends_first_is_told_with_every_hunt_and_asked_for_every_six_hours(
    traded: Desk, meter: MemoryMeter
) -> None:
    """A level stays while it is wrong; the exchange need not be asked for that each time."""
    traded.exchange.key_end = traded.clock.now() + timedelta(days=200)

    await hunt(traded)
    await hunt(traded)
    asked_first = traded.exchange.keys_asked
    traded.clock.turn(6 * 3600)
    await hunt(traded)

    assert (asked_first, traded.exchange.keys_asked) == (1, 2)
    assert meter.urgent(Metric.UPBIT_KEY_DAYS_LEFT) == [200.0, 199.99, 199.74]


@pytest.mark.parametrize(("days", "warned"), [(31, []), (30, ["m1"]), (-1, ["m1"])])
async def test_a_key_that_ends_soon_is_warned_of_by_name(
    traded: Desk, meter: MemoryMeter, caplog: pytest.LogCaptureFixture, days: int, warned: list[str]
) -> None:
    """Thirty days are what a person may need."""
    pause = traded.services.policy.reconcile_interval
    traded.exchange.key_end = traded.clock.now() + timedelta(days=days, seconds=pause)

    await hunt(traded)

    assert meter.urgent(Metric.UPBIT_KEY_DAYS_LEFT) == [max(0.0, days)]
    named = [vars(r)["account_id"] for r in caplog.records if "key ends soon" in r.getMessage()]
    assert named == warned


async def test_keys_that_do_not_end_are_no_figure(traded: Desk, meter: MemoryMeter) -> None:
    """Binance's and the mock's."""
    await hunt(traded)

    assert meter.urgent(Metric.UPBIT_KEY_DAYS_LEFT) == []


async def test_a_key_whose_end_cannot_be_read_stops_no_hunt_and_is_asked_for_again(
    traded: Desk, meter: MemoryMeter
) -> None:
    """It is the least of the hunt's work."""
    (order_id,) = traded.services.ids.order_ids(traded.clock.now(), 1)
    live(traded, order_id)
    traded.exchange.key_end = ValueError("no list of keys")

    await hunt(traded)
    await hunt(traded)

    assert (await traded.order(order_id)).status is OrderStatus.CANCELLED
    assert traded.exchange.keys_asked == 2
    assert meter.urgent(Metric.UPBIT_KEY_DAYS_LEFT) == []


async def test_no_key_is_asked_for_when_the_time_is_over(traded: Desk) -> None:
    """R28."""
    traded.clock.turn(1000)
    budget = traded.budget(20)

    async def hangs() -> list[Any]:
        traded.clock.turn(19.5)
        return []

    traded.exchange.open_orders = hangs  # type: ignore[method-assign, assignment]

    await hunt_orphans(traded.services, budget)

    assert traded.exchange.keys_asked == 0
