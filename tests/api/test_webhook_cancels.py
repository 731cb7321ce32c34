"""CANCEL and CANCEL_ALL alerts: which orders they meet, and what is answered."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib import runtime
from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Update
from tests.api.desk import ApiDesk


@pytest.fixture
def book(api: ApiDesk) -> tuple[ApiDesk, dict[str, str]]:
    """Open orders by name: two of BTC, one of them tagged, one of ETH, and one of another strategy."""
    api.account()
    api.strategy()
    api.strategy("s2")
    orders = {
        "btc": api.open_order(alert_id="1"),
        "tagged": api.open_order(alert_id="2", tag="entry"),
        "eth": api.open_order(alert_id="3", symbol="ETHUSDT"),
        "foreign": api.open_order(alert_id="4", strategy="s2", tag="entry"),
    }
    return api, orders


def cancel(desk: ApiDesk, kind: str, **fields: Any) -> Any:
    return desk.alert(**{"order_type": kind, "symbol": None, "side": None, "quantity": None, **fields})


@pytest.mark.parametrize(
    ("kind", "fields", "met"),
    [
        ("CANCEL_ALL", {}, ["btc", "tagged", "eth"]),
        ("cancel_all", {"symbol": "ETHUSDT"}, ["eth"]),
        ("CANCEL_ALL", {"symbol": "BINANCE:BTCUSDT"}, ["btc", "tagged"]),
        ("CANCEL", {"tag": "entry"}, ["tagged"]),
        ("CANCEL", {"tag": "entry", "symbol": "ETHUSDT"}, []),
        ("CANCEL", {"tag": "nothing has it"}, []),
        ("CANCEL", {"order_id": "nothing-has-it"}, []),
    ],
    ids=str,
)
def test_a_cancel_meets_the_live_orders_that_match(
    book: tuple[ApiDesk, dict[str, str]], kind: str, fields: dict[str, str], met: list[str]
) -> None:
    """200 with each one's state; the others stay open, those of another strategy too."""
    desk, orders = book

    answer = cancel(desk, kind, **fields)

    assert answer.status == 200
    assert answer.body["order_type"] == kind.upper()
    assert {result["order_id"] for result in answer.results} == {orders[name] for name in met}
    counts = [answer.body[name] for name in ("total_accounts", "successful_accounts", "failed_accounts")]
    assert counts == [len(met), len(met), 0]
    states = {name: desk.order(order_id)["status"] for name, order_id in orders.items()}
    assert states == {name: "CANCELLED" if name in met else "OPEN" for name in orders}


@pytest.mark.parametrize(("name", "met"), [("btc", 1), ("foreign", 0)])
def test_a_cancel_by_order_id_meets_that_order_if_it_is_the_strategy_s(
    book: tuple[ApiDesk, dict[str, str]], name: str, met: int
) -> None:
    """An order of another strategy matches nothing, as if it were not there."""
    desk, orders = book

    answer = cancel(desk, "CANCEL", order_id=orders[name])

    assert (answer.status, answer.body["total_accounts"]) == (200, met)
    assert desk.order(orders["foreign"])["status"] == "OPEN"


def test_a_cancel_that_meets_nothing_is_200_and_an_event(desk: ApiDesk) -> None:
    """Zero accounts: there was nothing to do, and that is written down."""
    answer = cancel(desk, "CANCEL_ALL")

    assert (answer.status, answer.body["total_accounts"], answer.results) == (200, 0, [])
    log = desk.get(f"strategy-order-logs/s1/{answer.body['event_id']}").body
    assert (log["order_type"], log["target_order_ids"], log["settled"]) == ("CANCEL_ALL", [], True)


def test_an_order_that_was_not_sent_yet_is_never_sent(desk: ApiDesk) -> None:
    """Invariant 5: READY when its cancel comes, CANCELLED when the stream hands it over."""
    order_id = desk.limit().order_id

    answer = cancel(desk, "CANCEL_ALL")
    desk.place(order_id)

    order = desk.order(order_id)
    assert answer.body["successful_accounts"] == 1
    assert (order["status"], order["reason"]) == ("CANCELLED", "never_sent")
    assert desk.items("mock_exchange") == []


@pytest.mark.parametrize("what", ["switch", "strategy"])
def test_cancels_go_on_when_no_orders_are_taken(desk: ApiDesk, what: str) -> None:
    """The switch and a disabled strategy stop new orders only."""
    order_id = desk.open_order()
    if what == "switch":
        desk.put("controls", {"trading_enabled": False})
    else:
        desk.strategy(enabled=False)

    answer = cancel(desk, "CANCEL_ALL")

    assert (answer.status, answer.body["successful_accounts"]) == (200, 1)
    assert desk.order(order_id)["status"] == "CANCELLED"


def test_a_refused_cancel_is_2xx_and_queued(desk: ApiDesk) -> None:
    """The request is durable: the answer shows the order as it is, the queue goes on."""
    order_id = desk.open_order()
    desk.account(options={"success_rate": 0})

    answer = cancel(desk, "CANCEL_ALL")

    assert answer.status == 200
    assert [answer.body[name] for name in ("total_accounts", "successful_accounts", "failed_accounts")] == [1, 0, 0]
    row = desk.get(f"cancel-queue/{order_id}").body
    assert (row["status"], row["retry_count"]) == ("PENDING", 1)
    assert row["requested_by"].endswith(answer.body["event_id"])


def test_an_order_older_than_the_recent_events_is_met_by_its_index(desk: ApiDesk) -> None:
    """R22: the log rows of ten minutes are only the second way to find it."""
    order_id = desk.open_order()
    for item in desk.items("strategy_order_logs"):
        key = {name: item[name] for name in ("strategy_id", "event_id")}
        desk.dynamodb.delete_item(TableName="trading-bot-test-strategy_order_logs", Key=key)

    answer = cancel(desk, "CANCEL_ALL")

    assert [result["order_id"] for result in answer.results] == [order_id]


def test_the_log_row_of_a_cancel_names_its_targets(book: tuple[ApiDesk, dict[str, str]]) -> None:
    """R22: so that a duplicate, and reconcile, can resume them."""
    desk, orders = book

    event_id = cancel(desk, "CANCEL", tag="entry").body["event_id"]

    log = desk.get(f"strategy-order-logs/s1/{event_id}").body
    assert log["target_order_ids"] == [orders["tagged"]]
    assert log["execution_results"][0]["status"] == "CANCELLED"


def test_a_cancelled_order_s_own_event_counts_it_too(desk: ApiDesk) -> None:
    """R26: the log row of the alert that placed it is recounted: cancelled on request is a success."""
    placed = desk.limit()
    desk.place(placed.order_id)

    cancel(desk, "CANCEL_ALL")

    log = desk.get(f"strategy-order-logs/s1/{placed.body['event_id']}").body
    assert (log["successful_accounts"], log["failed_accounts"], log["settled"]) == (1, 0, True)
    assert log["execution_results"][0]["status"] == "CANCELLED"


def test_the_schedules_finish_what_nobody_else_did(desk: ApiDesk) -> None:
    """R30: an order that the stream lost is placed by reconcile, and its refused cancel ended by the sweep."""
    order_id = desk.limit().order_id
    change_row(desk, Order, order_id, check_at=runtime.services().clock.now())
    desk.functions.reconcile(scheduled("reconcile"), None)
    placed = desk.order(order_id)["status"]
    desk.account(options={"success_rate": 0})
    queued = desk.cancel(order_id)
    desk.account()
    change_row(desk, CancelRequest, order_id, next_retry_at=runtime.services().clock.now())

    swept = desk.functions.sweep(scheduled("sweep"), None)

    assert (placed, queued.status) == ("OPEN", 202)
    assert swept == {"iterations": 1}
    assert desk.order(order_id)["status"] == "CANCELLED"
    assert desk.get(f"cancel-queue/{order_id}").body["status"] == "SUCCESS"


def test_the_schedules_return_at_once_when_nothing_is_live(desk: ApiDesk) -> None:
    """An idle system costs nothing."""
    swept = desk.functions.sweep(scheduled("sweep"), None)
    reconciled = desk.functions.reconcile(scheduled("reconcile"), None)

    assert (swept, reconciled) == ({"iterations": 0}, {"orders": 0})


def change_row(desk: ApiDesk, kind: Any, key: str, **changes: Any) -> None:
    """Write a row with those fields, as if time had passed."""
    row = desk.row(kind, key)
    desk.commit(Update(row, replace(row, version=row.version + 1, **changes)))


def scheduled(name: str) -> dict[str, Any]:
    """What EventBridge sends for a rate rule."""
    return {
        "version": "0",
        "id": name,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-21T03:20:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }
