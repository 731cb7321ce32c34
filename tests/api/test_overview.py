"""GET /api/v1/overview: what somebody who watches sees at a glance."""

from dataclasses import replace

import pytest

from chalicelib import runtime
from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.clock import after, utc_text
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Insert, Update
from tests.api.desk import ApiDesk
from tests.store import rows

FIELDS = {
    "at",
    "environment",
    "version",
    "trading_enabled",
    "cancels",
    "counted_up_to",
    "oldest_cancel",
    "attention",
    "attention_orders",
    "orders",
    "orders_seen",
    "alerts",
    "alerts_since",
    "latency_ms",
}


def test_an_empty_deployment_has_nothing_to_show(api: ApiDesk) -> None:
    """Every field is there nevertheless."""
    answer = api.get("overview")

    assert answer.status == 200
    assert set(answer.body) == FIELDS
    assert answer.body["cancels"] == {"PENDING": 0, "PROCESSING": 0, "FAILED": 0}
    assert (answer.body["counted_up_to"], answer.body["oldest_cancel"], answer.body["attention"]) == (1000, None, 0)
    assert answer.body["attention_orders"] == []
    assert (answer.body["orders_seen"], set(answer.body["orders"].values())) == (0, {0})
    assert {piece["events"] for piece in answer.body["alerts"]} == {0}
    assert answer.body["latency_ms"] == {"count": 0, "median": None, "p95": None}


def test_it_says_where_it_comes_from(api: ApiDesk) -> None:
    """The same as the root."""
    root = api.call("GET", "/").body

    shown = api.get("overview").body

    assert (shown["environment"], shown["version"]) == (root["environment"], root["version"])


@pytest.mark.parametrize("enabled", [True, False])
def test_the_switch_is_shown_as_it_is(api: ApiDesk, enabled: bool) -> None:
    """At once."""
    api.put("controls", {"trading_enabled": enabled})

    assert api.get("overview").body["trading_enabled"] is enabled


def test_orders_and_alerts_are_counted(api: ApiDesk) -> None:
    """Two accounts, two alerts: one filled, one not sent yet."""
    api.account("m1")
    api.account("m2")
    api.strategy("s1", "m1", "m2")
    api.alert()
    api.limit()

    shown = api.get("overview").body

    assert (shown["orders"]["FILLED"], shown["orders"]["PENDING"], shown["orders_seen"]) == (2, 2, 4)
    assert sum(piece["events"] for piece in shown["alerts"]) == 2
    assert sum(piece["orders"] for piece in shown["alerts"]) == 4
    assert shown["alerts_since"] < shown["at"]
    assert shown["latency_ms"]["count"] == 2
    assert 0 <= shown["latency_ms"]["median"] <= shown["latency_ms"]["p95"]


def test_more_orders_than_are_looked_at_tell_how_far_back_they_reach(api: ApiDesk) -> None:
    """A hundred of 101: the oldest is not among them."""
    made = [rows.order(created_at=rows.at(0), event_id=f"event-{number}") for number in range(101)]
    _put_today(api, made)

    shown = api.get("overview").body

    assert shown["orders_seen"] == 100
    assert sum(piece["orders"] for piece in shown["alerts"]) == 100
    assert shown["alerts"][0]["from"] <= shown["alerts_since"]


def test_the_oldest_queued_cancel_is_named_with_its_age(desk: ApiDesk) -> None:
    """Whether it waits or is being worked on; one that FAILED is counted, and is not queued."""
    order_id = desk.limit().order_id
    order = desk.row(Order, order_id)
    now = order.created_at
    waiting = rows.cancel_request(
        cancel_id=order_id, created_at=now, next_retry_at=now, waiting_for_order=True, last_error="not acknowledged"
    )
    failed = rows.cancel_request(CancelStatus.FAILED, created_at=rows.at(-9000))
    held = rows.cancel_request(CancelStatus.PROCESSING, created_at=after(now, 1))
    desk.commit(Insert(waiting), Insert(failed), Insert(held), Update(order, order.changed(now, attention="look")))

    shown = desk.get("overview").body

    assert shown["cancels"] == {"PENDING": 1, "PROCESSING": 1, "FAILED": 1}
    assert shown["attention"] == 1
    assert shown["attention_orders"] == [
        {
            "order_id": order_id,
            "strategy_id": "s1",
            "account_id": "m1",
            "exchange": "mock",
            "symbol": "BTC/USDT",
            "status": "PENDING",
            "attention": "look",
            "created_at": utc_text(now),
        }
    ]
    age = shown["oldest_cancel"].pop("age_seconds")
    assert 0 <= age < 60
    assert shown["oldest_cancel"] == {
        "cancel_id": order_id,
        "order_id": order_id,
        "account_id": "m1",
        "status": "PENDING",
        "created_at": utc_text(now),
        "waiting_for_order": True,
        "last_error": "not acknowledged",
    }


def _put_today(api: ApiDesk, orders: list[Order]) -> None:
    """A second apart, up to now."""
    now = runtime.services().clock.now()
    for number, order in enumerate(orders):
        api.commit(Insert(replace(order, created_at=after(now, -number))))


def test_a_request_that_cannot_be_read_does_not_hide_the_oldest_one_that_can(api: ApiDesk) -> None:
    """Newer code may have written it."""
    unreadable, readable = (rows.cancel_request(created_at=rows.at(age)) for age in (-20, -10))
    api.commit(Insert(unreadable), Insert(readable))
    api.make_unreadable("cancel_queue", {"cancel_id": unreadable.cancel_id})

    shown = api.get("overview")

    assert shown.status == 200
    assert shown.body["oldest_cancel"]["cancel_id"] == readable.cancel_id
    assert shown.body["cancels"]["PENDING"] == 2
