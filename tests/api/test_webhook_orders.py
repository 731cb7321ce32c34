"""Alerts that are carried out: the answer, the rows, and every spelling that is understood."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.api.desk import ALERT, EVENT_FIELDS, RESULT_FIELDS, TOKEN, ApiDesk


def test_a_market_order_is_placed_before_the_answer(desk: ApiDesk) -> None:
    """200, and the answer says how each account's order stands."""
    answer = desk.alert()

    assert answer.status == 200
    assert set(answer.body) == EVENT_FIELDS
    assert set(answer.results[0]) == RESULT_FIELDS
    assert (answer.body["strategy_id"], answer.body["order_type"], answer.body["duplicate"]) == ("s1", "MARKET", False)
    assert (answer.body["total_accounts"], answer.body["successful_accounts"]) == (1, 1)
    assert answer.body["failed_accounts"] == 0
    expected = {"account_id": "m1", "exchange": "mock", "status": "FILLED", "placement": None}
    assert expected.items() <= answer.results[0].items()
    assert (answer.results[0]["filled_quantity"], answer.results[0]["error"]) == ("0.1", None)


@pytest.mark.parametrize(
    ("order_type", "fields"),
    [
        ("LIMIT", {"price": "50000"}),
        ("STOP_MARKET", {"stop_price": "70000"}),
        ("STOP_LIMIT", {"price": "70100", "stop_price": "70000"}),
    ],
)
def test_other_orders_are_taken_and_placed_after_the_answer(
    desk: ApiDesk, order_type: str, fields: dict[str, str]
) -> None:
    """202 with the order READY; the stream hands it over, and then it rests at the exchange."""
    answer = desk.alert(order_type=order_type, **fields)
    stored = desk.order(answer.order_id)
    handed_over = desk.place(answer.order_id)

    placed = desk.order(answer.order_id)
    assert answer.status == 202
    assert (answer.results[0]["status"], answer.results[0]["placement"]) == ("PENDING", "READY")
    assert (stored["placement"], stored["request"]) == ("READY", None)
    assert handed_over == {"batchItemFailures": []}
    assert (placed["status"], placed["placement"]) == ("OPEN", None)
    assert placed["exchange_order_id"]
    assert fields.items() <= placed.items()


def test_a_ready_order_that_is_handed_over_twice_is_sent_once(desk: ApiDesk) -> None:
    """R10: the stream delivers at least once."""
    order_id = desk.limit().order_id
    record = desk.record(order_id)

    desk.functions.place_ready(record, None)
    desk.functions.place_ready(record, None)

    assert len(desk.items("mock_exchange")) == 1
    assert [entry["placement"] for entry in desk.order(order_id)["history"]] == ["READY", "SENDING", None]


def test_every_account_gets_its_order_times_its_weight(api: ApiDesk) -> None:
    """Disabled accounts are left out and not counted."""
    for name in ("m1", "m2"):
        api.account(name)
    api.account("m3", enabled=False)
    shares = [{"account_id": "m1", "weight": "1"}, {"account_id": "m2", "weight": 2.5}, {"account_id": "m3"}]
    api.strategy(accounts=shares)

    answer = api.alert(quantity="0.2")

    assert answer.body["total_accounts"] == 2
    filled = {result["account_id"]: result["filled_quantity"] for result in answer.results}
    assert filled == {"m1": "0.2", "m2": "0.5"}


def test_one_account_s_refusal_leaves_the_others_alone(api: ApiDesk) -> None:
    """Invariant 8: the answer is 200, and the counts add up."""
    api.account("m1")
    api.account("m2", {"success_rate": 0})
    api.strategy("s1", "m1", "m2")

    answer = api.alert()

    assert answer.status == 200
    counts = [answer.body[name] for name in ("total_accounts", "successful_accounts", "failed_accounts")]
    assert counts == [2, 1, 1]
    refused = next(result for result in answer.results if result["account_id"] == "m2")
    assert refused["status"] == "REJECTED"
    assert refused["error"]


def test_an_accepted_alert_is_2xx_even_if_every_account_fails(api: ApiDesk) -> None:
    """TradingView resends on 5xx."""
    api.account("m1", {"success_rate": 0})
    api.strategy()

    answer = api.alert()

    assert answer.status == 200
    assert (answer.body["successful_accounts"], answer.body["failed_accounts"]) == (0, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"order_type": "market"},
        {"side": "BUY"},
        {"symbol": "BTC/USDT"},
        {"symbol": "BINANCE:BTCUSDT"},
        {"symbol": "BTCUSDT.P"},
        {"quantity": 0.1},
        {"quantity": 1},
        {"quantity": " 0.1 "},
        {"quantity": "1e-3"},
        {"quantity": None, "quote_amount": 100},
        {"quantity": None, "percent": "5"},
        {"price": 61000},
        {"tag": "t" * 64},
        {"alert_id": "a" * 128},
        {"comment": "a field that we do not know", "interval": 15},
    ],
    ids=str,
)
def test_an_alert_is_understood(desk: ApiDesk, fields: dict[str, Any]) -> None:
    """Any case, numbers or numeric text, every spelling of the symbol; unknown fields do not matter."""
    answer = desk.alert(**fields)

    assert answer.status == 200
    assert answer.results[0]["status"] == "FILLED"
    assert desk.order(answer.order_id)["symbol"] == "BTC/USDT"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/plain", ""])
def test_the_content_type_does_not_matter(desk: ApiDesk, content_type: str) -> None:
    """TradingView sends JSON as text/plain when the message is not valid JSON to it."""
    answer = desk.webhook(json.dumps(ALERT).encode(), content_type)

    assert answer.status == 200


@pytest.mark.parametrize(
    "body",
    [
        quote_plus(json.dumps(ALERT)) + "=",
        json.dumps(ALERT) + "=",
        f"\ufeff{json.dumps(ALERT)}",
        f"\r\n {json.dumps(ALERT, indent=2)}\n",
    ],
    ids=["form-encoded", "trailing =", "byte order mark", "white space"],
)
def test_json_is_found_in_its_usual_wrappings(desk: ApiDesk, body: str) -> None:
    """Some senders deliver it form-encoded, as the name of a field without a value."""
    answer = desk.webhook(body.encode(), "application/x-www-form-urlencoded")

    assert answer.status == 200


def test_numbers_keep_every_digit(desk: ApiDesk) -> None:
    """No float comes between the alert and the exchange."""
    raw = json.dumps({**ALERT, "quantity": None}).replace("null", "0.12345678")

    answer = desk.webhook(raw.encode())

    assert answer.results[0]["filled_quantity"] == "0.12345678"
    assert desk.order(answer.order_id)["quantity"] == "0.12345678"


@pytest.mark.parametrize("seconds", [0, -50, 3600], ids=["now", "a little old", "ahead"])
@pytest.mark.parametrize("form", ["iso", "iso without zone", "seconds", "milliseconds", "text of milliseconds"])
def test_a_fresh_timestamp_is_taken_in_any_form(desk: ApiDesk, form: str, seconds: int) -> None:
    """TradingView's {{timenow}}, or what a script makes of `timenow`."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    forms: dict[str, Any] = {
        "iso": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "iso without zone": moment.strftime("%Y-%m-%dT%H:%M:%S"),
        "seconds": int(moment.timestamp()),
        "milliseconds": int(moment.timestamp() * 1000),
        "text of milliseconds": str(int(moment.timestamp() * 1000)),
    }

    assert desk.alert(timestamp=forms[form]).status == 200


def test_the_order_s_row_says_everything_about_it(desk: ApiDesk) -> None:
    """What was asked for, what was sent, and how it went."""
    answer = desk.limit(tag="t1", time_in_force="GTC", post_only=True, side="sell")
    desk.place(answer.order_id)

    order = desk.order(answer.order_id)

    asked = {"side": "SELL", "order_type": "LIMIT", "quantity": "0.1", "price": "50000", "tag": "t1", "post_only": True}
    assert asked.items() <= order.items()
    assert order["client_order_id"] == answer.order_id
    assert order["request"]["client_order_id"] == answer.order_id
    assert order["history"][0] | {"at": None} == {
        "at": None,
        "status": "PENDING",
        "placement": "READY",
        "by": "alert",
        "note": None,
        "filled": None,
    }


def test_the_token_of_one_strategy_is_not_good_for_another(desk: ApiDesk) -> None:
    """Each strategy has its own."""
    desk.strategy("s2", token="another-token")

    mixed = desk.alert(strategy="s2", token=TOKEN)
    right = desk.alert(strategy="s2", token="another-token")

    assert (mixed.status, right.status) == (401, 200)
