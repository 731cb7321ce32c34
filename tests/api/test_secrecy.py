"""Tokens and credentials appear in no log, no answer and no table (invariant 10)."""

import io
import json

import pytest

from chalicelib import runtime
from tests.api.desk import ALERT, ApiDesk
from tests.conftest import ADMIN_TOKEN

SECRETS = {
    "token": "hidden-webhook-token",
    "wrong token": "hidden-wrong-token",
    "new token": "hidden-new-token",
    "key": "hidden-api-key",
    "secret": "hidden-api-secret",
    "admin": ADMIN_TOKEN,
}
MARKS = ("hidden-", ADMIN_TOKEN)


def leaks(text: str) -> list[str]:
    """Lines in which one of the secrets stands."""
    return [line for line in text.splitlines() if any(mark in line for mark in MARKS)]


def set_up(api: ApiDesk) -> None:
    credentials = {"api_key": SECRETS["key"], "api_secret": SECRETS["secret"]}
    api.account("m1", credentials=credentials)
    api.account("m1")
    api.strategy(token=SECRETS["token"])


def test_a_day_of_trading_logs_no_secret(api: ApiDesk, logged: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    """Accounts, strategies, orders, cancels and deletions, at DEBUG, on standard error too."""
    set_up(api)
    api.alert(token=SECRETS["token"])
    api.alert(token=SECRETS["token"])
    order_id = api.open_order(token=SECRETS["token"])
    api.account(options={"success_rate": 0})
    api.cancel(order_id)
    api.account()
    api.alert(token=SECRETS["token"], order_type="CANCEL_ALL", quantity=None)
    api.strategy(token=SECRETS["new token"])
    api.delete("strategies/s1")
    api.delete("accounts/m1")

    printed = capfd.readouterr()
    lines = logged.getvalue()
    assert len(lines.splitlines()) > 10
    assert leaks(lines + printed.out + printed.err) == []


def test_no_failure_repeats_a_secret(
    api: ApiDesk, logged: io.StringIO, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals, broken bodies and errors that nobody expected: neither the answer nor the log says more."""
    set_up(api)
    alert = {**ALERT, "token": SECRETS["token"]}
    credentials = {"api_key": SECRETS["key"], "api_secret": SECRETS["secret"], "passphrase": SECRETS["secret"]}
    answers = [
        api.alert(token=SECRETS["wrong token"]),
        api.alert(token=SECRETS["token"], quantity=-1),
        api.webhook(json.dumps(alert).encode()[:-1]),
        api.webhook(json.dumps(alert).encode() + b"x" * 16_000),
        api.webhook(json.dumps([alert]).encode()),
        api.put("accounts/m1", {"exchange": "mock", "credentials": credentials}),
        api.put("accounts/m1", json.dumps({"credentials": credentials}).encode()[:-1]),
        api.put("strategies/s1", {"token": SECRETS["new token"]}),
        api.call("GET", "/api/v1/controls", headers={"Authorization": f"Basic {SECRETS['wrong token']}"}),
    ]

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(runtime.services().store, "commit", broken)
    answers += [
        api.alert(token=SECRETS["token"]),
        api.account("m2", credentials={"api_key": SECRETS["key"], "api_secret": SECRETS["secret"]}),
        api.strategy("s2", token=SECRETS["new token"]),
    ]

    assert {answer.status for answer in answers} == {400, 401, 413, 422, 500}
    printed = capfd.readouterr()
    shown = "\n".join(str(answer.body) for answer in answers)
    assert leaks(shown + logged.getvalue() + printed.out + printed.err) == []
    assert "nobody expected this" in logged.getvalue()


def test_no_table_holds_a_secret(api: ApiDesk) -> None:
    """After all of it was used."""
    set_up(api)
    api.alert(token=SECRETS["token"])
    api.open_order(token=SECRETS["token"])
    api.alert(token=SECRETS["wrong token"])

    tables = api.everything()

    assert tables["orders"]
    assert tables["alerts"]
    assert leaks(str(tables)) == []


def test_an_order_can_be_followed_through_the_log_by_its_ids(api: ApiDesk, logged: io.StringIO) -> None:
    """One fact a line, as JSON, with the event's, the order's and the account's id."""
    set_up(api)

    order_id = api.open_order(token=SECRETS["token"])

    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    mine = [line for line in lines if line.get("order_id") == order_id]
    assert [line["message"] for line in mine if line["message"].startswith("order ")] == ["order SENDING", "order OPEN"]
    assert all({"level", "timestamp", "event_id", "account_id"} <= set(line) for line in mine)
