"""Strategies over HTTP: created and replaced by PUT, the token shown once, gone only without live orders."""

import hashlib
from typing import Any

import pytest

from tests.api.desk import TOKEN, ApiDesk

SHOWN = {
    "strategy_id",
    "name",
    "enabled",
    "symbols",
    "accounts",
    "limits",
    "halted",
    "version",
    "created_at",
    "updated_at",
}
BODY: dict[str, Any] = {"name": "mine", "symbols": ["BTC/USDT"], "accounts": [{"account_id": "m1"}]}


@pytest.fixture
def ready(api: ApiDesk) -> ApiDesk:
    """An account for strategies to use."""
    api.account()
    return api


def test_a_strategy_is_created_and_then_replaced(ready: ApiDesk) -> None:
    """201, then 200; what the second PUT leaves out has its default again."""
    limited = {**BODY, "enabled": False, "limits": {"max_order_notional": "100.5"}}

    created = ready.put("strategies/s1", limited)
    replaced = ready.put("strategies/s1", {**BODY, "name": "yours"})

    assert (created.status, replaced.status) == (201, 200)
    assert set(created.body) == SHOWN | {"token"}
    assert (created.body["enabled"], created.body["limits"]) == (False, {"max_order_notional": "100.5"})
    assert replaced.body["name"] == "yours"
    assert (replaced.body["enabled"], replaced.body["limits"]) == (True, {"max_order_notional": None})
    assert replaced.body["version"] > created.body["version"]
    assert replaced.body["created_at"] == created.body["created_at"]


def test_a_made_token_is_shown_once(ready: ApiDesk) -> None:
    """On creation, and never again; it opens the webhook."""
    token = ready.put("strategies/s1", BODY).body["token"]

    replaced = ready.put("strategies/s1", BODY)
    read = ready.get("strategies/s1")
    listed = ready.get("strategies")

    assert len(token) >= 24
    assert set(replaced.body) == set(read.body) == set(listed.body["items"][0]) == SHOWN
    assert all(token.encode() not in answer.raw for answer in (replaced, read, listed))
    assert ready.alert(token=token).status == 200


def test_made_tokens_differ(ready: ApiDesk) -> None:
    """Nobody guesses one from another."""
    tokens = {ready.put(f"strategies/s{number}", BODY).body["token"] for number in range(5)}

    assert len(tokens) == 5


def test_a_given_token_replaces_the_present_one(ready: ApiDesk) -> None:
    """At once, in a warm process as well: the old token opens nothing any more."""
    ready.strategy()
    ready.alert(alert_id="1")

    changed = ready.strategy(token="another-token")

    assert (changed.status, changed.body["token"]) == (200, "another-token")
    assert ready.alert(token=TOKEN, alert_id="2").status == 401
    assert ready.alert(token="another-token", alert_id="3").status == 200


def test_only_the_hash_of_a_token_is_stored(ready: ApiDesk) -> None:
    """SHA-256; no table holds the token itself, after alerts have used it neither."""
    ready.strategy()
    ready.alert()

    tables = ready.everything()

    assert tables["strategies"][0]["token_hash"] == {"S": hashlib.sha256(TOKEN.encode()).hexdigest()}
    assert TOKEN not in str(tables)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 129}, "name"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"symbols": []}, "symbols"),
        ({"symbols": "BTC/USDT"}, "symbols"),
        ({"symbols": ["BTCUSDT"]}, "symbols.0"),
        ({"symbols": ["BTC/USDT", "eth/usdt"]}, "symbols.1"),
        ({"accounts": None}, "accounts"),
        ({"accounts": ["m1"]}, "accounts.0"),
        ({"accounts": [{"account_id": "m.1"}]}, "accounts.0.account_id"),
        ({"accounts": [{"weight": 1}]}, "accounts.0.account_id"),
        ({"accounts": [{"account_id": "m1", "weight": 0}]}, "accounts.0.weight"),
        ({"accounts": [{"account_id": "m1", "weight": "-1"}]}, "accounts.0.weight"),
        ({"accounts": [{"account_id": "m1", "weight": "heavy"}]}, "accounts.0.weight"),
        ({"accounts": [{"account_id": "m1", "share": 1}]}, "accounts.0.share"),
        ({"accounts": [{"account_id": "m1"}, {"account_id": "m1", "weight": 2}]}, ""),
        ({"accounts": [{"account_id": f"m{number}"} for number in range(91)]}, "accounts"),
        ({"accounts": [{"account_id": "m1"}, {"account_id": "nobody"}]}, "accounts"),
        ({"limits": {"max_order_notional": 0}}, "limits.max_order_notional"),
        ({"limits": {"max_orders": 5}}, "limits.max_orders"),
        ({"token": "short"}, "token"),
        ({"token": 12345678}, "token"),
        ({"strategy_id": "s2"}, "strategy_id"),
    ],
    ids=str,
)
def test_a_strategy_that_cannot_be_is_422(ready: ApiDesk, fields: dict[str, Any], field: str) -> None:
    """The field is named, and nothing is stored."""
    answer = ready.put("strategies/s1", {**BODY, **fields})

    assert (answer.status, answer.code, answer.fields) == (422, "VALIDATION_ERROR", [field])
    assert ready.items("strategies") == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null"])
def test_a_body_that_is_not_an_object_is_400(ready: ApiDesk, body: bytes) -> None:
    """As everywhere."""
    answer = ready.put("strategies/s1", body)

    assert (answer.status, answer.code) == (400, "MALFORMED")


def test_what_a_get_shows_can_be_put_back(ready: ApiDesk) -> None:
    """Read, change one field, write: read-only fields are ignored."""
    ready.strategy(limits={"max_order_notional": "10000"})
    shown = ready.get("strategies/s1").body

    answer = ready.put("strategies/s1", {**shown, "name": "changed", "halted": True})

    kept = {name: value for name, value in answer.body.items() if name not in ("name", "version", "updated_at")}
    assert answer.status == 200
    assert answer.body["name"] == "changed"
    assert kept == {name: value for name, value in shown.items() if name in kept}


def test_a_strategy_of_ninety_accounts_trades_on_all_of_them(api: ApiDesk) -> None:
    """The largest that is accepted still fits into one transaction."""
    names = [f"m{number}" for number in range(90)]
    for name in names:
        api.account(name)
    api.strategy("s1", *names)

    answer = api.alert()

    assert (answer.status, answer.body["total_accounts"], answer.body["successful_accounts"]) == (200, 90, 90)
    assert [result["account_id"] for result in answer.results] == names


def test_strategies_are_listed_by_id(ready: ApiDesk) -> None:
    """All of them; there are few."""
    for name in ("s2", "s1", "s3"):
        ready.strategy(name)

    answer = ready.get("strategies")

    assert set(answer.body) == {"items"}
    assert [item["strategy_id"] for item in answer.body["items"]] == ["s1", "s2", "s3"]


def test_a_strategy_is_deleted(ready: ApiDesk) -> None:
    """204, then it is not there, and its token opens nothing; a second time 404."""
    ready.strategy()
    ready.alert(alert_id="1")

    deleted = ready.delete("strategies/s1")

    assert (deleted.status, deleted.raw) == (204, b"")
    assert ready.get("strategies/s1").status == 404
    assert ready.delete("strategies/s1").status == 404
    assert ready.alert(alert_id="2").status == 401


def test_a_strategy_with_live_orders_is_not_deleted(ready: ApiDesk) -> None:
    """409 that names them; once they have ended it goes."""
    ready.strategy()
    order_id = ready.open_order()

    refused = ready.delete("strategies/s1")
    ready.cancel(order_id)
    deleted = ready.delete("strategies/s1")

    assert (refused.status, refused.code) == (409, "STRATEGY_HAS_LIVE_ORDERS")
    assert refused.body["error"]["details"] == [{"order_id": order_id}]
    assert deleted.status == 204


def test_a_change_is_in_force_with_the_next_alert(ready: ApiDesk) -> None:
    """A warm process remembers strategies, and is told by the row's version that they have changed (R23)."""
    ready.strategy()
    ready.alert(alert_id="1")
    ready.account("m2")
    ready.put("strategies/s1", {**BODY, "accounts": [{"account_id": "m2", "weight": "3"}]})

    answer = ready.alert(alert_id="2")

    (result,) = answer.results
    assert (result["account_id"], result["filled_quantity"]) == ("m2", "0.3")
