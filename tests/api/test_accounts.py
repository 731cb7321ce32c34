"""Accounts over HTTP: credentials go in and never come back; live orders hold an account where it is (R25)."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import runtime
from tests.api.desk import ApiDesk
from tests.conftest import PREFIX

CREDENTIALS = {"api_key": "the-api-key-itself", "api_secret": "the-api-secret-itself"}
REAL: dict[str, Any] = {"exchange": "binance", "credentials": CREDENTIALS}
SHOWN = {
    "account_id",
    "exchange",
    "market",
    "testnet",
    "enabled",
    "options",
    "has_credentials",
    "version",
    "created_at",
    "updated_at",
}


def kept(secrets: Any, account: str = "a1") -> Any:
    return json.loads(secrets.get_secret_value(SecretId=f"{PREFIX}/accounts/{account}")["SecretString"])


def test_an_account_is_created_and_then_replaced(api: ApiDesk) -> None:
    """201, then 200; what the second PUT leaves out has its default again."""
    created = api.put("accounts/a1", {"exchange": "Bybit", "market": "futures", "testnet": True, "enabled": False})
    replaced = api.put("accounts/a1", {"exchange": "bybit"})

    assert (created.status, replaced.status) == (201, 200)
    assert set(created.body) == set(replaced.body) == SHOWN
    first = {"account_id": "a1", "exchange": "bybit", "market": "futures", "testnet": True, "enabled": False}
    assert (first | {"has_credentials": False}).items() <= created.body.items()
    assert {"market": "spot", "testnet": False, "enabled": True}.items() <= replaced.body.items()
    assert replaced.body["version"] > created.body["version"]


def test_credentials_are_kept_in_the_secret_store_and_nowhere_else(api: ApiDesk, secrets: Any) -> None:
    """Write-only: no answer shows them, and no table holds them."""
    answers = [api.put("accounts/a1", REAL), api.get("accounts/a1"), api.get("accounts")]

    assert kept(secrets) == CREDENTIALS
    assert all(answer.body.get("has_credentials", True) for answer in answers)
    shown = b"".join(answer.raw for answer in answers).decode() + str(api.everything())
    assert not any(value in shown for value in CREDENTIALS.values())


def test_credentials_that_are_left_out_stay_and_new_ones_replace_them(api: ApiDesk, secrets: Any) -> None:
    """Nobody has to type a key again to disable an account."""
    api.put("accounts/a1", REAL)

    without = api.put("accounts/a1", {"exchange": "binance", "enabled": False})
    unchanged = kept(secrets)
    api.put("accounts/a1", {**REAL, "credentials": {"api_key": "another", "api_secret": "pair"}})

    assert without.body["has_credentials"] is True
    assert unchanged == CREDENTIALS
    assert kept(secrets) == {"api_key": "another", "api_secret": "pair"}


def test_the_secret_goes_with_its_account(api: ApiDesk, secrets: Any) -> None:
    """A deleted account leaves no key behind."""
    api.put("accounts/a1", REAL)

    deleted = api.delete("accounts/a1")

    assert (deleted.status, deleted.raw) == (204, b"")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        kept(secrets)


@pytest.mark.parametrize(
    "credentials",
    [
        "the-api-secret-itself",
        ["the-api-secret-itself"],
        {},
        {"api_key": "the-api-key-itself"},
        {"api_secret": "the-api-secret-itself"},
        {**CREDENTIALS, "passphrase": "the-passphrase-itself"},
        {"api_key": "", "api_secret": "the-api-secret-itself"},
        {"api_key": "the-api-key-itself", "api_secret": "the-api-secret-itself" * 300},
        {"api_key": 17, "api_secret": ["the-api-secret-itself"]},
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_refusal_of_credentials_does_not_repeat_them(api: ApiDesk, credentials: Any) -> None:
    """422 that names the field."""
    answer = api.put("accounts/a1", {"exchange": "binance", "credentials": credentials})

    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert all(field.startswith("credentials") for field in answer.fields)
    assert b"-itself" not in answer.raw
    assert api.items("accounts") == []


def test_a_secret_store_out_of_reach_is_503_and_tells_nothing(api: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored; the caller may try again."""

    class Broken:
        exceptions = type("exceptions", (), {"ResourceNotFoundException": KeyError})

        def put_secret_value(self, **secret: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": str(secret)}}, "PutSecretValue")

    monkeypatch.setattr(runtime.services().secrets, "_client", Broken())

    answer = api.put("accounts/a1", REAL)

    assert (answer.status, answer.code) == (503, "SECRETS_UNAVAILABLE")
    assert b"-itself" not in answer.raw
    assert api.items("accounts") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "exchange"),
        ({"exchange": "kraken"}, "exchange"),
        ({"exchange": None}, "exchange"),
        ({"exchange": "binance", "market": "margin"}, "market"),
        ({"exchange": "upbit", "market": "futures"}, ""),
        ({"exchange": "upbit", "testnet": True}, ""),
        ({"exchange": "binance", "testnet": "perhaps"}, "testnet"),
        ({"exchange": "binance", "options": []}, "options"),
        ({"exchange": "mock", "options": {"success_rate": 1.01}}, "success_rate"),
        ({"exchange": "mock", "options": {"success_rate": -0.1}}, "success_rate"),
        ({"exchange": "mock", "options": {"delay_ms": -1}}, "delay_ms"),
        ({"exchange": "mock", "options": {"place_delay_ms": 120_001}}, "place_delay_ms"),
        ({"exchange": "mock", "options": {"seed": 1.5}}, "seed"),
        ({"exchange": "mock", "options": {"fault": "earthquake"}}, "fault"),
        ({"exchange": "mock", "options": {"latency": 5}}, "latency"),
        ({"exchange": "mock", "account_id": "a2"}, "account_id"),
    ],
    ids=str,
)
def test_an_account_that_cannot_be_is_422(api: ApiDesk, body: dict[str, Any], field: str) -> None:
    """The field is named, and nothing is stored."""
    answer = api.put("accounts/a1", body)

    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert [name.rpartition(".")[2] for name in answer.fields] == [field]
    assert api.items("accounts") == []


def test_the_mock_s_options_come_back_as_given(api: ApiDesk) -> None:
    """Those that were left out have the mock's defaults, which are not written down."""
    options = {"success_rate": 0.5, "delay_ms": 0, "place_delay_ms": 100, "seed": 7, "fault": "timeout_after"}

    api.put("accounts/a1", {"exchange": "mock", "options": options})
    api.put("accounts/a2", {"exchange": "mock"})

    assert api.get("accounts/a1").body["options"] == options
    assert api.get("accounts/a2").body["options"] == {}


def test_options_apply_from_the_next_call_on(desk: ApiDesk) -> None:
    """In a warm process as well."""
    before = desk.alert(alert_id="1").results[0]["status"]
    desk.account(options={"success_rate": 0})

    after = desk.alert(alert_id="2").results[0]["status"]

    assert (before, after) == ("FILLED", "REJECTED")


def test_accounts_are_listed_by_id(api: ApiDesk) -> None:
    """All of them; there are few."""
    for name in ("a2", "a1", "a3"):
        api.account(name)

    answer = api.get("accounts")

    assert set(answer.body) == {"items"}
    assert [item["account_id"] for item in answer.body["items"]] == ["a1", "a2", "a3"]


def test_a_deleted_account_is_left_out_by_its_strategies(desk: ApiDesk) -> None:
    """204, then 404; alerts go to the others."""
    desk.account("m2")
    desk.strategy("s1", "m1", "m2")
    desk.alert(alert_id="1")

    deleted = desk.delete("accounts/m2")

    assert deleted.status == 204
    assert (desk.get("accounts/m2").status, desk.delete("accounts/m2").status) == (404, 404)
    assert [result["account_id"] for result in desk.alert(alert_id="2").results] == ["m1"]


@pytest.mark.parametrize("change", [{"exchange": "binance"}, {"market": "futures"}, {"testnet": True}, None], ids=str)
@pytest.mark.parametrize("still_used", [True, False], ids=["in a strategy", "in none any more"])
def test_an_account_with_live_orders_stays_where_it_is(
    desk: ApiDesk, change: dict[str, Any] | None, still_used: bool
) -> None:
    """R25: 409 that names them, whether a strategy still uses the account or not; other changes are free."""
    order_id = desk.open_order()
    desk.account("m2")
    if not still_used:
        desk.strategy("s1", "m2")
    before = desk.get("accounts/m1").body

    refused = desk.delete("accounts/m1") if change is None else desk.put("accounts/m1", {"exchange": "mock", **change})
    after = desk.get("accounts/m1").body
    disabled = desk.account(enabled=False)

    assert (refused.status, refused.code) == (409, "ACCOUNT_HAS_LIVE_ORDERS")
    assert refused.body["error"]["details"] == [{"order_id": order_id}]
    assert after == before
    assert disabled.status == 200


def test_an_account_whose_orders_have_ended_may_change(desk: ApiDesk) -> None:
    """R25: live orders only."""
    desk.cancel(desk.open_order())

    moved = desk.put("accounts/m1", {"exchange": "mock", "market": "futures"})
    deleted = desk.delete("accounts/m1")

    assert (moved.status, moved.body["market"], deleted.status) == (200, "futures", 204)


def test_a_change_of_an_account_raises_the_version_of_its_strategies(desk: ApiDesk) -> None:
    """R25: an alert that goes by the old account is told by the strategy's version."""
    desk.account("m2")
    desk.strategy("s2", "m2")
    before = {item["strategy_id"]: item["version"] for item in desk.get("strategies").body["items"]}

    desk.account("m1", enabled=False)

    after = {item["strategy_id"]: item["version"] for item in desk.get("strategies").body["items"]}
    assert after == {"s1": before["s1"] + 1, "s2": before["s2"]}
