"""The global switch: off means no new orders, at once and everywhere; cancels go on (R24)."""

from typing import Any

import pytest

from chalicelib import runtime
from tests.api.desk import ApiDesk


def switch(desk: ApiDesk, on: bool) -> Any:
    return desk.put("controls", {"trading_enabled": on})


def test_trading_is_enabled_until_somebody_switches_it_off(api: ApiDesk) -> None:
    """A fresh deployment trades, on the mock."""
    assert api.get("controls").body["trading_enabled"] is True


@pytest.mark.parametrize("on", [True, False])
def test_the_switch_answers_what_it_was_set_to(api: ApiDesk, on: bool) -> None:
    """And keeps it."""
    put = switch(api, on)
    got = api.get("controls")

    assert (put.status, got.status) == (200, 200)
    assert put.body["trading_enabled"] is got.body["trading_enabled"] is on


@pytest.mark.parametrize("warm", [True, False])
def test_switched_off_no_alert_places_an_order(desk: ApiDesk, warm: bool) -> None:
    """403 TRADING_DISABLED with the next alert, whatever a warm process remembers; nothing is stored."""
    desk.alert(alert_id="1")
    switch(desk, False)
    if not warm:
        runtime.services().cache.clear()
    before = desk.everything()

    answers = [desk.alert(alert_id="2"), desk.limit(alert_id="3"), desk.alert(alert_id="4", quantity=-1)]

    assert [(answer.status, answer.code) for answer in answers] == [(403, "TRADING_DISABLED")] * 3
    assert desk.everything() == before


@pytest.mark.parametrize("warm", [True, False])
def test_switched_on_again_alerts_place_orders(desk: ApiDesk, warm: bool) -> None:
    """A warm process that remembers the refusal asks again (R23)."""
    switch(desk, False)
    desk.alert(alert_id="1")
    switch(desk, True)
    if not warm:
        runtime.services().cache.clear()

    assert desk.alert(alert_id="1").status == 200


def test_an_order_that_was_not_sent_yet_is_halted(desk: ApiDesk) -> None:
    """R10: READY orders are not sent any more, they end as CANCELLED, HALTED."""
    order_id = desk.limit().order_id
    switch(desk, False)

    desk.place(order_id)

    order = desk.order(order_id)
    assert (order["status"], order["reason"]) == ("CANCELLED", "HALTED")
    assert desk.items("mock_exchange") == []


def test_an_open_order_can_be_cancelled_while_trading_is_off(desk: ApiDesk) -> None:
    """The switch stops new orders only."""
    order_id = desk.open_order()
    switch(desk, False)

    assert desk.cancel(order_id).status == 200


def test_a_strategy_made_while_trading_is_off_is_halted_too(desk: ApiDesk) -> None:
    """R24: the switch stands in every strategy's row."""
    switch(desk, False)
    desk.strategy("s2")

    assert desk.get("strategies/s2").body["halted"] is True
    assert (desk.alert(strategy="s2").status, desk.alert(strategy="s2").code) == (403, "TRADING_DISABLED")


def test_the_switch_stands_in_every_strategy_when_it_answers(desk: ApiDesk) -> None:
    """R24: each version is raised, so that no alert under way slips through; back on, all are free."""
    desk.strategy("s2", enabled=False)
    before = {item["strategy_id"]: item["version"] for item in desk.get("strategies").body["items"]}

    switch(desk, False)
    off = desk.get("strategies").body["items"]
    switch(desk, True)
    on = desk.get("strategies").body["items"]

    assert [item["halted"] for item in off] == [True, True]
    assert all(item["version"] > before[item["strategy_id"]] for item in off)
    assert [(item["halted"], item["enabled"]) for item in on] == [(False, True), (False, False)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trading_enabled": None},
        {"trading_enabled": "false"},
        {"trading_enabled": 0},
        {"trading_enabled": False, "until": "tomorrow"},
        {"enabled": False},
    ],
    ids=str,
)
def test_a_switch_that_says_neither_on_nor_off_is_422(api: ApiDesk, body: dict[str, Any]) -> None:
    """A switch is no place for guesses."""
    answer = api.put("controls", body)

    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert api.get("controls").body["trading_enabled"] is True


@pytest.mark.parametrize("body", [b"", b"false", b"[]"])
def test_a_body_that_is_not_an_object_is_400(api: ApiDesk, body: bytes) -> None:
    """As everywhere."""
    answer = api.put("controls", body)

    assert (answer.status, answer.code) == (400, "MALFORMED")
