"""Alerts that are turned down: the status, the error, and nothing stored."""

import json
from typing import Any

import pytest

from tests.api.desk import ALERT, TOKEN, ApiDesk

LIMIT = {"order_type": "LIMIT", "price": 50000}


def with_quantity(literal: str) -> bytes:
    """The usual alert with this JSON text for its quantity."""
    return json.dumps({**ALERT, "quantity": None}).replace("null", literal).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"buy BTC",
        b"{",
        b'{"strategy": "s1"',
        b"[]",
        b"[" + json.dumps(ALERT).encode() + b"]",
        b'"text"',
        b"17",
        b"null",
        b"NaN",
        b"\xff\xfe{}",
        b"[" * 10_000,
        json.dumps(ALERT).encode() + b"{}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_a_json_object_is_malformed(desk: ApiDesk, body: bytes) -> None:
    """400, whoever sent it."""
    before = desk.everything()

    answer = desk.webhook(body)

    assert (answer.status, answer.code) == (400, "MALFORMED")
    assert desk.everything() == before


def test_a_body_of_16_kb_is_the_largest_that_is_read(desk: ApiDesk) -> None:
    """413 for one byte more, and for a megabyte; before anybody looks at what it says."""
    body = json.dumps(ALERT)
    fits = body.replace("{", "{" + " " * (16_000 - len(body)), 1).encode()
    before = desk.everything()

    refused = [desk.webhook(fits + b" "), desk.webhook(b"x" * 1_000_000)]

    assert [(answer.status, answer.code) for answer in refused] == [(413, "BODY_TOO_LARGE")] * 2
    assert desk.everything() == before
    assert desk.webhook(fits).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "wrong"},
        {"token": TOKEN.upper()},
        {"token": ""},
        {"token": "토큰"},
        {"token": None},
        {"token": 17},
        {"strategy": "s2"},
        {"strategy": "S1"},
        {"strategy": "s1\n"},
        {"strategy": ""},
        {"strategy": None},
        {"strategy": ["s1"]},
        {"strategy": "s" * 65},
        {"strategy": "\ud800"},
    ],
    ids=str,
)
def test_a_wrong_strategy_and_a_wrong_token_are_401(desk: ApiDesk, fields: dict[str, Any]) -> None:
    """Whatever else is wrong with the alert."""
    before = desk.everything()

    answers = [desk.alert(**fields), desk.alert(**{**fields, "order_type": "NONSENSE", "quantity": -1})]

    assert [(answer.status, answer.code) for answer in answers] == [(401, "UNAUTHORIZED")] * 2
    assert desk.everything() == before


def test_a_wrong_strategy_and_a_wrong_token_look_alike(desk: ApiDesk) -> None:
    """Nobody learns from the answer which strategies there are."""
    wrong_token, wrong_strategy = desk.alert(token="wrong"), desk.alert(strategy="nobody")

    assert wrong_token.raw == wrong_strategy.raw
    assert wrong_token.status == wrong_strategy.status


@pytest.mark.parametrize(
    ("literal", "said"),
    [
        ("NaN", "finite"),
        ('"NaN"', "finite"),
        ('"nan"', "finite"),
        ('"sNaN"', "finite"),
        ("Infinity", "finite"),
        ('"-Infinity"', "finite"),
        ("1e400", "larger"),
        ('"1e400"', "larger"),
        ("1000000000000001", "larger"),
        ("1e-400", "decimal places"),
        ("0.0000000000000000001", "decimal places"),
        ("0", "greater than zero"),
        ("0.0", "greater than zero"),
        ("-0", "greater than zero"),
        ('"0"', "greater than zero"),
        ("-1", "greater than zero"),
        ('"-0.1"', "greater than zero"),
        ('""', "number"),
        ('"1,5"', "number"),
        ('"0x10"', "number"),
        ('"one"', "number"),
        ("true", "number"),
        ("[1]", "number"),
        ('{"value": 1}', "number"),
    ],
)
def test_an_amount_that_no_market_takes_is_422(desk: ApiDesk, literal: str, said: str) -> None:
    """Finite, above zero, and of a size that exists; bare or as text, in each field of money."""
    before = desk.everything()

    for field in ("quantity", "quote_amount", "price", "stop_price"):
        size = {} if field == "quote_amount" else {"quantity": "1"}
        alert = {**ALERT, "order_type": "STOP_LIMIT", "price": 1, "stop_price": 1, "quantity": None, **size, field: "@"}
        body = json.dumps({name: value for name, value in alert.items() if value is not None})
        answer = desk.webhook(body.replace('"@"', literal).encode())

        assert (answer.status, answer.code, answer.fields) == (422, "VALIDATION_ERROR", [field])
        assert said in answer.body["error"]["message"]
    assert desk.everything() == before


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": None},
        {"quote_amount": 100},
        {"percent": 5},
        {"quantity": None, "quote_amount": 100, "percent": 5},
        {"quantity": None, "percent": 100.1},
        {"order_type": "LIMIT"},
        {"order_type": "STOP_MARKET"},
        {"order_type": "STOP_LIMIT", "price": 1},
        {"order_type": "STOP_LIMIT", "stop_price": 1},
        {"stop_price": 1},
        {**LIMIT, "stop_price": 1},
        {"order_type": None},
        {"order_type": "OCO"},
        {"order_type": ""},
        {"order_type": 5},
        {"symbol": None},
        {"symbol": ""},
        {"symbol": 5},
        {"symbol": "X" * 65},
        {"side": None},
        {"side": "long"},
        {"time_in_force": "DAY"},
        {"post_only": "perhaps"},
        {"post_only": True},
        {**LIMIT, "post_only": True, "time_in_force": "IOC"},
        {"tag": "t" * 65},
        {"tag": ""},
        {"tag": "\ud800"},
        {"alert_id": "a" * 129},
        {"alert_id": ""},
        {"alert_id": 17},
        {"timestamp": "yesterday"},
        {"timestamp": True},
        {"timestamp": "9" * 30},
        {"order_type": "CANCEL"},
        {"order_type": "CANCEL", "order_id": "-1"},
    ],
    ids=str,
)
def test_a_field_or_a_combination_that_makes_no_order_is_422(desk: ApiDesk, fields: dict[str, Any]) -> None:
    """With a line for each field, and nothing stored."""
    before = desk.everything()

    answer = desk.alert(**fields)

    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert answer.body["error"]["details"]
    assert desk.everything() == before


def test_every_bad_field_is_named_at_once(desk: ApiDesk) -> None:
    """Whoever writes the alert need not try again and again."""
    answer = desk.alert(side="long", quantity=-1, tag="t" * 65)

    assert sorted(answer.fields) == ["quantity", "side", "tag"]


@pytest.mark.parametrize("symbol", ["SOL/USDT", "SOLUSDT", "BTCUSD", "nonsense"])
def test_a_symbol_that_the_strategy_does_not_trade_is_422(desk: ApiDesk, symbol: str) -> None:
    """The answer names those that it does."""
    before = desk.everything()

    answer = desk.alert(symbol=symbol)

    assert (answer.status, answer.code) == (422, "SYMBOL_NOT_ALLOWED")
    assert "BTC/USDT" in answer.body["error"]["message"]
    assert desk.everything() == before


@pytest.mark.parametrize("timestamp", ["2020-01-01T00:00:00Z", "2020-01-01", 1577836800, 1577836800000, "1577836800"])
@pytest.mark.parametrize("order_type", ["MARKET", "CANCEL_ALL"])
def test_a_stale_alert_is_422(desk: ApiDesk, order_type: str, timestamp: Any) -> None:
    """MAX_ALERT_AGE: a signal of yesterday is not traded today."""
    before = desk.everything()

    answer = desk.alert(order_type=order_type, timestamp=timestamp)

    assert (answer.status, answer.code, answer.fields) == (422, "STALE_ALERT", ["timestamp"])
    assert desk.everything() == before


def test_a_strategy_without_enabled_accounts_takes_no_orders(desk: ApiDesk) -> None:
    """422 NO_ACCOUNTS, not an event with nothing in it."""
    desk.account(enabled=False)
    before = desk.everything()

    answer = desk.alert()

    assert (answer.status, answer.code) == (422, "NO_ACCOUNTS")
    assert desk.everything() == before


def test_an_order_above_the_strategy_s_limit_is_422(desk: ApiDesk) -> None:
    """By notional, on any of the accounts."""
    desk.strategy(limits={"max_order_notional": "5000"})
    before = desk.everything()

    refused = desk.limit(quantity="0.2")

    assert (refused.status, refused.code) == (422, "MAX_ORDER_NOTIONAL")
    assert desk.everything() == before
    assert desk.limit(quantity="0.1").status == 202


def test_a_disabled_strategy_is_403_before_its_fields_are_judged(desk: ApiDesk) -> None:
    """The order of the checks: authentication, duplicate, switch and strategy, then fields."""
    desk.strategy(enabled=False)
    before = desk.everything()

    answers = [desk.alert(), desk.alert(quantity=-1)]

    assert [(answer.status, answer.code) for answer in answers] == [(403, "STRATEGY_DISABLED")] * 2
    assert desk.everything() == before


def test_a_refused_alert_may_come_again_once_it_is_acceptable(desk: ApiDesk) -> None:
    """Nothing was stored, so the resend is no duplicate."""
    desk.strategy(enabled=False)
    desk.alert(alert_id="a1")
    desk.strategy(enabled=True)

    again = desk.alert(alert_id="a1")

    assert (again.status, again.body["duplicate"]) == (200, False)
