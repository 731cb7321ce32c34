"""The same alert twice is one event (R21, R22)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import runtime
from chalicelib.domain.events import AlertKey
from chalicelib.domain.ports import Update
from tests.api.desk import ALERT, ApiDesk


def expire_keys(desk: ApiDesk) -> None:
    """As if the memory of every alert had run out."""
    past = runtime.services().clock.now() - timedelta(seconds=1)
    for item in desk.items("alerts"):
        key = desk.row(AlertKey, item["dedupe_key"]["S"])
        desk.commit(Update(key, replace(key, expires_at=past, version=key.version + 1)))


@pytest.mark.parametrize("alert_id", [None, "a1"])
def test_a_resent_alert_is_answered_with_the_first_one_s_event(desk: ApiDesk, alert_id: str | None) -> None:
    """TradingView resends what it does not hear an answer to: one order, two answers."""
    first = desk.alert(alert_id=alert_id)

    again = desk.alert(alert_id=alert_id)

    assert (again.status, again.body["duplicate"]) == (200, True)
    assert {**again.body, "duplicate": False} == first.body
    assert len(desk.items("orders")) == 1


def test_a_duplicate_shows_the_rows_as_they_are_now(desk: ApiDesk) -> None:
    """202 as the first one was, with what has become of it."""
    first = desk.limit()
    desk.place(first.order_id)

    again = desk.limit()

    assert (again.status, again.body["duplicate"]) == (202, True)
    assert again.body["event_id"] == first.body["event_id"]
    assert (first.results[0]["placement"], again.results[0]["status"]) == ("READY", "OPEN")
    assert again.body["successful_accounts"] == 1


def test_a_duplicate_in_another_process_is_one_too(desk: ApiDesk) -> None:
    """What a process remembers has no part in it."""
    first = desk.alert()
    runtime.services().cache.clear()

    again = desk.alert()

    assert again.body["event_id"] == first.body["event_id"]


def test_another_body_is_another_alert(desk: ApiDesk) -> None:
    """Without an alert_id the body's own hash tells alerts apart."""
    events = {desk.alert(quantity=quantity).body["event_id"] for quantity in ("0.1", "0.2", 0.1)}

    assert len(events) == 3


def test_one_body_for_two_strategies_is_two_alerts(desk: ApiDesk) -> None:
    """The key begins with the strategy."""
    desk.strategy("s2")

    answers = [desk.alert(strategy=name, alert_id="a1") for name in ("s1", "s2")]

    assert [answer.body["duplicate"] for answer in answers] == [False, False]


def test_an_alert_id_with_another_body_is_refused(desk: ApiDesk) -> None:
    """422 ALERT_ID_REUSED: answering with the first one's orders would hide that this one was not placed."""
    desk.alert(alert_id="a1", quantity="0.1")
    before = desk.everything()

    answer = desk.alert(alert_id="a1", quantity="0.2")

    assert (answer.status, answer.code, answer.fields) == (422, "ALERT_ID_REUSED", ["alert_id"])
    assert desk.everything() == before


def test_the_duplicate_comes_before_switch_and_strategy(desk: ApiDesk) -> None:
    """A resend is answered as a duplicate even where it would be refused by now."""
    first = desk.alert(alert_id="a1")
    desk.put("controls", {"trading_enabled": False})

    again = desk.alert(alert_id="a1")
    reused = desk.alert(alert_id="a1", quantity="0.3")
    other = desk.alert(alert_id="a2")

    assert (again.status, again.body["event_id"]) == (200, first.body["event_id"])
    assert (reused.status, reused.code) == (422, "ALERT_ID_REUSED")
    assert (other.status, other.code) == (403, "TRADING_DISABLED")


def test_authentication_comes_before_the_duplicate(desk: ApiDesk) -> None:
    """Who knows an alert_id but not the token learns nothing of the event."""
    desk.alert(alert_id="a1")

    answer = desk.alert(alert_id="a1", token="wrong")

    assert answer.status == 401


def test_an_alert_whose_memory_has_run_out_is_new(desk: ApiDesk) -> None:
    """R21: after ALERT_DEDUPE_SECONDS the next bar's alert may look the same, and is meant."""
    first = desk.alert()
    expire_keys(desk)

    second = desk.alert()

    assert second.body["duplicate"] is False
    assert second.body["event_id"] > first.body["event_id"]


@pytest.mark.parametrize(("alert_id", "seconds"), [(None, 30), ("a1", 7 * 86400)])
def test_the_memory_is_as_long_as_the_key_is_good_for(desk: ApiDesk, alert_id: str | None, seconds: int) -> None:
    """R21: thirty seconds for a body, seven days for an alert_id; TTL a day later, for expiry is by time."""
    desk.alert(alert_id=alert_id)

    (item,) = desk.items("alerts")
    key = desk.row(AlertKey, item["dedupe_key"]["S"])

    assert (key.expires_at - key.created_at).total_seconds() == seconds
    assert int(item["ttl"]["N"]) > key.expires_at.timestamp()


def test_cancel_all_is_no_duplicate_without_an_alert_id(desk: ApiDesk) -> None:
    """R22: asked twice within a minute is meant twice: the second one meets orders that came in between."""
    desk.open_order(alert_id="o1")
    first = desk.alert(order_type="CANCEL_ALL", quantity=None)
    desk.open_order(alert_id="o2")

    second = desk.alert(order_type="CANCEL_ALL", quantity=None)

    assert [answer.body["total_accounts"] for answer in (first, second)] == [1, 1]
    assert second.body["duplicate"] is False
    assert second.body["event_id"] != first.body["event_id"]


def test_cancel_all_with_an_alert_id_is_carried_out_once(desk: ApiDesk) -> None:
    """R22: a resend answers the first one's targets and leaves younger orders alone."""
    desk.open_order(alert_id="o1")
    first = desk.alert(order_type="CANCEL_ALL", alert_id="c1")
    young = desk.open_order(alert_id="o2")

    again = desk.alert(order_type="CANCEL_ALL", alert_id="c1")

    assert (again.status, again.body["duplicate"]) == (200, True)
    assert again.body["event_id"] == first.body["event_id"]
    assert desk.order(young)["status"] == "OPEN"


def test_two_texts_of_one_alert_share_its_alert_id_only_byte_by_byte(desk: ApiDesk) -> None:
    """The hash is of the bytes that came: what differs in them may differ in meaning."""
    alert = {**ALERT, "alert_id": "a1"}
    desk.webhook(json.dumps(alert).encode())

    spaced = desk.webhook(json.dumps(alert, indent=1).encode())

    assert (spaced.status, spaced.code) == (422, "ALERT_ID_REUSED")
