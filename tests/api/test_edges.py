"""Edges of the contract that once broke: cursors, odd numbers, accounts that change while orders live."""

import base64
import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest

from chalicelib.domain.alerts import Sender
from chalicelib.domain.clock import Budget
from chalicelib.domain.orders import OrderType
from chalicelib.usecases import catalog
from chalicelib.usecases.alerts import execute_alert
from tests.api.desk import TOKEN, ApiDesk
from tests.desk import order_alert


def test_every_page_of_the_log_follows_its_cursor(desk: ApiDesk) -> None:
    """Each event once, newest first."""
    for number in range(5):
        desk.alert(alert_id=str(number))
    seen: list[str] = []
    path = "strategy-order-logs?strategy_id=s1&limit=2"

    cursor = ""
    while cursor is not None:
        page = desk.get(f"{path}&cursor={cursor}" if cursor else path).body
        seen += [item["event_id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("key", [{"a": 1, "b": 2, "c": 3}, ["today", "\ud800", "x"], "abc", 7, None])
def test_a_cursor_that_no_list_gave_out_is_refused(desk: ApiDesk, key: Any) -> None:
    """422, whatever JSON is in it."""
    if isinstance(key, list):
        key = [datetime.now(UTC).strftime("%Y-%m-%d"), *key[1:]]
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")

    assert desk.get(f"cancel-queue?cursor={cursor}").status == 422


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e5000"])
def test_options_are_finite(desk: ApiDesk, number: str) -> None:
    """What JSON cannot say is not stored."""
    body = f'{{"exchange":"binance","options":{{"x":{number}}}}}'

    assert desk.put("accounts/a1", body.encode()).status == 422


@pytest.mark.parametrize("number", ["1e" + "9" * 30, '"1_0"', '"\uff11"'])
def test_an_amount_that_is_no_plain_number_is_refused_with_its_field(desk: ApiDesk, number: str) -> None:
    """An exponent beyond all reason, and spellings that only Python knows."""
    order = '"order_type":"MARKET","side":"buy","symbol":"BTCUSDT"'
    body = f'{{"strategy":"s1","token":"{TOKEN}",{order},"quantity":{number}}}'

    answer = desk.webhook(body.encode())

    assert answer.status == 422
    assert answer.body["error"]["details"][0]["field"] == "quantity"


def test_a_size_beyond_any_market_ends_the_order_not_the_call(desk: ApiDesk) -> None:
    """A weight multiplies what was within bounds: MARKET at once, LIMIT when it is sent."""
    desk.strategy(accounts=[{"account_id": "m1", "weight": "1000000000000000"}])

    market = desk.alert(quantity="1000000000000000")
    limit = desk.limit(quantity="1000000000000000")
    failures = desk.place(limit.order_id)

    assert market.body["execution_results"][0]["status"] == "REJECTED"
    assert failures == {"batchItemFailures": []}
    assert desk.order(limit.order_id)["reason"] == "ABOVE_MAXIMUM"


def test_a_refused_change_of_an_account_leaves_its_credentials_alone(desk: ApiDesk) -> None:
    """R25: the live orders need the old ones."""
    options = {"success_rate": 1, "delay_ms": 0}
    old = {"exchange": "mock", "options": options, "credentials": {"api_key": "old", "api_secret": "old"}}
    desk.put("accounts/m1", old)
    desk.open_order()

    refused = desk.put("accounts/m1", {"exchange": "bybit", "credentials": {"api_key": "new", "api_secret": "new"}})

    secrets = boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"])
    kept = json.loads(secrets.get_secret_value(SecretId="trading-bot-test/accounts/m1")["SecretString"])
    assert refused.status == 409
    assert kept["api_key"] == "old"
    assert desk.get("accounts/m1").body["enabled"] is True


def test_an_order_that_comes_while_its_account_is_deleted_is_refused_or_stops_the_deletion(
    desk: ApiDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R25: never a live order without its account."""
    check = catalog._check_no_live_orders
    placed: list[int] = []

    async def check_then_alert(services: Any, account_id: str) -> None:
        await check(services, account_id)
        if not placed:
            placed.append(1)
            who = Sender("s1", TOKEN, None, "h1")
            alert = order_alert(OrderType.LIMIT, price=Decimal(5))
            await execute_alert(services, who, alert, Budget(services.clock, 10))

    monkeypatch.setattr(catalog, "_check_no_live_orders", check_then_alert)

    deleted = desk.delete("accounts/m1")

    assert deleted.status == 409
    assert desk.get("accounts/m1").body["enabled"] is True


def test_cancel_all_reaches_a_symbol_that_the_strategy_trades_no_more(desk: ApiDesk) -> None:
    """Its orders may still live."""
    order_id = desk.open_order(symbol="ETHUSDT")
    desk.strategy(symbols=["BTC/USDT"])

    answer = desk.alert(order_type="CANCEL_ALL", symbol="ETHUSDT", quantity=None)

    assert answer.status == 200
    assert desk.order(order_id)["status"] == "CANCELLED"
