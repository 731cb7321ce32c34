"""The cancel of one order over HTTP, and the life of its request: look, redrive, take back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import runtime
from chalicelib.domain.cancels import CancelStatus, cancel_request_for
from chalicelib.domain.orders import Order, Placement
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Insert, Update
from tests.api.desk import ApiDesk

FIELDS = {
    "cancel_id",
    "order_id",
    "strategy_id",
    "account_id",
    "exchange",
    "symbol",
    "status",
    "waiting_for_order",
    "retry_count",
    "max_retries",
    "next_retry_at",
    "last_error",
    "result",
    "requested_by",
    "completed_at",
    "created_at",
    "updated_at",
    "version",
}


async def at_once(_seconds: float) -> None:
    """The read-backs of an order that is still open would take three seconds."""


def queued(order_id: str) -> dict[str, Any]:
    return {
        "message": "Cancel request added to queue",
        "order_id": order_id,
        "status": "queued",
        "cancel_queue_id": order_id,
        "immediate": False,
    }


def sending(desk: ApiDesk) -> str:
    """An order whose sender is still at work."""
    row: Order = desk.row(Order, desk.limit().order_id)
    now = runtime.services().clock.now()
    deadline = now + timedelta(seconds=60)
    desk.commit(
        Update(
            row, row.moved(now, "test", OrderStatus.PENDING, Placement.SENDING, deadline=deadline, check_at=deadline)
        )
    )
    return row.order_id


def with_request(desk: ApiDesk, status: CancelStatus, **changes: Any) -> str:
    """An open order whose cancel request stands as given."""
    row: Order = desk.row(Order, desk.open_order())
    now = runtime.services().clock.now()
    request = cancel_request_for(row, now, "api", 60)
    wanted = replace(request, status=status, **changes)
    desk.commit(Update(row, row.changed(now, cancel_requested_at=now)), Insert(wanted))
    return row.order_id


def test_an_open_order_is_cancelled_in_the_call(desk: ApiDesk) -> None:
    """200 when the exchange shows it cancelled."""
    order_id = desk.open_order()

    answer = desk.cancel(order_id)

    assert answer.status == 200
    assert answer.body == {
        "message": "Order cancelled immediately",
        "order_id": order_id,
        "status": "cancelled",
        "cancel_queue_id": None,
        "immediate": True,
    }
    assert desk.order(order_id)["status"] == "CANCELLED"
    row = desk.get(f"cancel-queue/{order_id}").body
    assert (row["status"], row["result"]) == ("SUCCESS", "cancelled")


def test_the_cancel_of_a_ready_order_is_202_and_done(desk: ApiDesk) -> None:
    """PENDING orders are queued; what can be done at once is done in the same call."""
    order_id = desk.limit().order_id

    answer = desk.cancel(order_id)

    assert (answer.status, answer.body) == (202, queued(order_id))
    assert (desk.order(order_id)["status"], desk.order(order_id)["reason"]) == ("CANCELLED", "never_sent")
    assert desk.get(f"cancel-queue/{order_id}").body["result"] == "never_sent"


def test_the_cancel_of_an_order_that_is_being_sent_waits_for_it(desk: ApiDesk) -> None:
    """The hard case: neither refused nor lost."""
    order_id = sending(desk)

    answer = desk.cancel(order_id)

    assert (answer.status, answer.body) == (202, queued(order_id))
    row = desk.get(f"cancel-queue/{order_id}").body
    assert (row["status"], row["waiting_for_order"], row["retry_count"]) == ("PENDING", True, 0)
    assert desk.order(order_id)["cancel_requested_at"] is not None


@pytest.mark.parametrize(
    ("options", "retries"),
    [({"success_rate": 0}, 1), ({"fault": "unknown_order"}, 0)],
    ids=["refused", "not found"],
)
def test_a_cancel_that_is_not_proven_goes_back_to_the_queue(
    desk: ApiDesk, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], retries: int
) -> None:
    """202; only a refusal uses up a retry, and an order that is not found is not gone (R17, R19)."""
    order_id = desk.open_order()
    desk.account(options=options)
    monkeypatch.setattr(runtime.services().clock, "sleep", at_once)

    answer = desk.cancel(order_id)

    assert (answer.status, answer.body) == (202, queued(order_id))
    row = desk.get(f"cancel-queue/{order_id}").body
    assert (row["status"], row["waiting_for_order"], row["retry_count"]) == ("PENDING", False, retries)
    assert row["last_error"]
    assert desk.order(order_id)["status"] == "OPEN"


def test_an_open_order_that_proves_to_be_filled_is_409(desk: ApiDesk) -> None:
    """The final status is named, and written down."""
    order_id = desk.open_order()
    desk.fill_at_exchange("m1", order_id)

    answer = desk.cancel(order_id)

    assert (answer.status, answer.code) == (409, "ORDER_NOT_CANCELLABLE")
    assert answer.body["error"]["details"] == [{"order_id": order_id, "status": "FILLED"}]
    order = desk.order(order_id)
    assert (order["status"], order["filled_quantity"]) == ("FILLED", "0.1")
    assert desk.get(f"cancel-queue/{order_id}").body["result"] == "filled"


def filled(desk: ApiDesk) -> str:
    return desk.alert().order_id


def cancelled(desk: ApiDesk) -> str:
    order_id = desk.open_order()
    desk.cancel(order_id)
    return order_id


def expired(desk: ApiDesk) -> str:
    return desk.open_order(time_in_force="IOC")


def rejected(desk: ApiDesk) -> str:
    desk.account(options={"success_rate": 0})
    return desk.alert().order_id


@pytest.mark.parametrize("ended", [filled, cancelled, expired, rejected], ids=lambda make: make.__name__)
def test_an_order_that_has_ended_is_409(desk: ApiDesk, ended: Callable[[ApiDesk], str]) -> None:
    """ORDER_NOT_CANCELLABLE names the final status, and nothing is queued."""
    order_id = ended(desk)
    before = desk.everything()

    answer = desk.cancel(order_id)

    assert (answer.status, answer.code) == (409, "ORDER_NOT_CANCELLABLE")
    status = ended.__name__.upper()
    assert answer.body["error"]["details"] == [{"order_id": order_id, "status": status}]
    assert status in answer.body["error"]["message"]
    assert desk.everything() == before


def test_a_second_cancel_is_409_and_names_the_first_one_s_row(desk: ApiDesk) -> None:
    """ALREADY_QUEUED: the first request is on its way."""
    order_id = sending(desk)
    desk.cancel(order_id)

    answer = desk.cancel(order_id)

    assert (answer.status, answer.code) == (409, "ALREADY_QUEUED")
    assert answer.body["error"]["details"][0]["cancel_queue_id"] == order_id


def test_the_cancel_of_an_order_that_is_not_there_is_404(desk: ApiDesk) -> None:
    """Nothing is queued for it."""
    answer = desk.cancel("nobody-knows-it")

    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert desk.items("cancel_queue") == []


@pytest.mark.parametrize("way", ["cancel again", "retry"])
def test_a_failed_request_is_redriven(desk: ApiDesk, way: str) -> None:
    """202, by either route, with all its retries."""
    order_id = with_request(desk, CancelStatus.FAILED, retry_count=5, last_error="no")

    answer = desk.cancel(order_id) if way == "cancel again" else desk.post(f"cancel-queue/{order_id}/retry")

    row = desk.get(f"cancel-queue/{order_id}").body
    assert answer.status == 202
    if way == "cancel again":
        assert answer.body == queued(order_id)
    else:
        assert (answer.body["cancel_id"], answer.body["status"]) == (order_id, "PENDING")
        assert (row["status"], row["retry_count"]) == ("PENDING", 0)


@pytest.mark.parametrize("status", [CancelStatus.PENDING, CancelStatus.PROCESSING])
def test_only_a_failed_request_can_be_retried(desk: ApiDesk, status: CancelStatus) -> None:
    """409: one that is live is retried anyway."""
    order_id = with_request(desk, status)

    answer = desk.post(f"cancel-queue/{order_id}/retry")

    assert (answer.status, answer.code) == (409, "NOT_FAILED")


def test_a_request_shows_everything_about_it(desk: ApiDesk) -> None:
    """Times in ISO-8601 UTC, words in plain English."""
    order_id = with_request(desk, CancelStatus.PENDING)

    answer = desk.get(f"cancel-queue/{order_id}")

    assert answer.status == 200
    assert set(answer.body) == FIELDS
    expected = {"cancel_id": order_id, "order_id": order_id, "strategy_id": "s1", "account_id": "m1", "max_retries": 5}
    assert expected.items() <= answer.body.items()
    assert answer.body["next_retry_at"].endswith("Z")


@pytest.mark.parametrize("status", [CancelStatus.PENDING, CancelStatus.FAILED])
def test_a_request_can_be_taken_back(desk: ApiDesk, status: CancelStatus) -> None:
    """R20: 204; row and flag go together, and the order can be cancelled anew."""
    order_id = with_request(desk, status)

    answer = desk.delete(f"cancel-queue/{order_id}")

    assert (answer.status, answer.raw) == (204, b"")
    assert desk.get(f"cancel-queue/{order_id}").status == 404
    assert desk.order(order_id)["cancel_requested_at"] is None
    assert desk.cancel(order_id).status == 200


def test_a_request_that_is_being_worked_on_cannot_be_taken_back(desk: ApiDesk) -> None:
    """409: the exchange may have been asked already."""
    order_id = with_request(desk, CancelStatus.PROCESSING)

    answer = desk.delete(f"cancel-queue/{order_id}")

    assert (answer.status, answer.code) == (409, "CANCEL_IN_PROGRESS")
    assert desk.order(order_id)["cancel_requested_at"] is not None


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_a_request_that_is_not_there_is_404(desk: ApiDesk, method: str) -> None:
    """For taking back and for redriving."""
    path = "cancel-queue/c1/retry" if method == "POST" else "cancel-queue/c1"

    answer = desk.call(method, f"/api/v1/{path}")

    assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_the_stream_fires_a_queued_cancel_once_the_order_is_open(desk: ApiDesk) -> None:
    """The promise: it fires the moment the order turns OPEN."""
    order_id = with_request(desk, CancelStatus.PENDING, waiting_for_order=True)
    record = desk.record(order_id, {"status": {"S": "PENDING"}})

    answer = desk.functions.fire_cancels(record, None)

    assert answer == {"batchItemFailures": []}
    assert desk.order(order_id)["status"] == "CANCELLED"
    assert desk.get(f"cancel-queue/{order_id}").body["status"] == "SUCCESS"


def test_a_wake_up_call_names_requests_that_no_index_shows_yet(desk: ApiDesk) -> None:
    """R27: the payload is a hint, and the row decides."""
    order_id = with_request(desk, CancelStatus.PENDING, next_retry_at=runtime.services().clock.now())
    event = {"version": "0", "id": "wake-up", "detail-type": "Wake-up call", "source": "trading-bot", "account": ""}
    rest = {"time": "2026-11-21T03:20:00Z", "region": "", "resources": [], "detail": {"cancel_ids": [order_id, 5]}}

    desk.functions.sweep({**event, **rest}, None)

    assert desk.order(order_id)["status"] == "CANCELLED"
