"""What a person does through the page, and sees happen: alerts, cancels, retries, the switch, accounts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person
from tests.system.stack import Stack, order_ids, wait_for
from tests.system.test_stack import LIMIT, MARKET, cancel, row


def place(stack: Stack, strategy: str, **options: object) -> str:
    """A limit order of a strategy and a mock account of its own; its id."""
    (order_id,) = order_ids(stack.alert(**stack.trade_on(strategy, options), **LIMIT))
    return order_id


def let_cancel_fail(stack: Stack, order_id: str, account: str) -> None:
    """Cancel an order that its exchange, from now on, refuses to cancel until the request is FAILED."""
    stack.wait_order(order_id, "OPEN", 5)
    stack.set_options(account, success_rate=0, delay_ms=0)
    cancel(stack, order_id)
    wait_for(lambda: row(stack, order_id)["status"] == "FAILED", 8, "the cancel to be FAILED")


def state(person: Person) -> Locator:
    """The order's state on its own page."""
    return person.page.get_by_role("main").locator(".subtitle .status")


def steps(person: Person) -> Locator:
    """The steps of the order's timeline, each with its time and its cause."""
    return person.region("Timeline").get_by_role("listitem")


@pytest.fixture
def trading(stack: Stack) -> Iterator[None]:
    """The switch is on again afterwards, whatever happens."""
    yield
    stack.call("PUT", "/api/v1/controls", {"trading_enabled": True})


def test_a_test_alert_is_answered_with_the_order_that_it_made(operator: Person, stack: Stack) -> None:
    """On a mock account, by the token that the person enters."""
    stack.trade_on("tried", {})
    operator.open("strategies/tried")
    form = operator.region("Test alert")

    form.get_by_label("Quantity").fill("0.02")
    operator.send_test_alert("token-of-tried")
    expect(form.get_by_text("Accepted. Accounts: 1, successful: 1, failed: 0.")).to_be_visible()
    answer = operator.row("tried-1")
    expect(answer).to_contain_text("FILLED")
    answer.get_by_role("link").click()

    expect(state(operator)).to_contain_text("FILLED")
    expect(operator.region("Order")).to_contain_text("0.02 @ 60,000")


def test_a_test_alert_with_a_wrong_token_says_so_and_leaves_the_person_signed_in(
    operator: Person, stack: Stack
) -> None:
    """A 401 of the webhook is not one of the admin's."""
    stack.trade_on("mistyped", {})
    operator.expect_complaint("status of 401")
    operator.open("strategies/mistyped")

    operator.send_test_alert("token-of-another")

    expect(operator.page.get_by_text("This is not the strategy’s webhook token.")).to_be_visible()
    assert stack.call("GET", "/api/v1/orders?strategy_id=mistyped").json()["items"] == []


def test_a_test_alert_never_trades_on_what_is_no_mock_any_more(operator: Person, stack: Stack) -> None:
    """The page may be hours old: it looks again before it sends."""
    stack.trade_on("turned", {})
    operator.open("strategies/turned")
    operator.page.get_by_label("Webhook token").fill("token-of-turned")
    body = {"name": "turned", "symbols": ["BTC/USDT"], "accounts": [{"account_id": "demo-binance", "weight": "1"}]}
    assert stack.call("PUT", "/api/v1/strategies/turned", body).status_code == 200

    operator.press("Send test alert")

    expect(operator.page.get_by_text("Not mocks: demo-binance.")).to_be_visible()
    assert stack.call("GET", "/api/v1/orders?strategy_id=turned").json()["items"] == []


def test_an_order_turns_from_pending_to_open_before_the_persons_eyes(operator: Person, stack: Stack) -> None:
    """Without a reload of the page."""
    operator.page.evaluate("globalThis.loadedOnce = true")
    order_id = place(stack, "acknowledged", place_delay_ms=5000)

    operator.open(f"orders/{order_id}")
    expect(state(operator)).to_contain_text("PENDING")
    expect(operator.region("Order")).not_to_contain_text("Exchange order id")

    expect(state(operator)).to_have_text("OPEN")
    expect(operator.region("Order")).to_contain_text("Exchange order id")
    assert operator.page.evaluate("globalThis.loadedOnce") is True


def test_an_order_is_cancelled_while_it_is_pending_and_its_timeline_tells_the_story(
    operator: Person, stack: Stack
) -> None:
    """The hard case: the dialog says what will happen, the queue's row is followed to its end."""
    order_id = place(stack, "hasty", place_delay_ms=7000)
    wait_for(lambda: stack.order(order_id)["placement"] == "SENDING", 5, "the order to be sent")
    operator.open(f"orders/{order_id}")

    operator.press("Cancel order")
    dialog = operator.page.get_by_role("dialog", name="Cancel this order?")
    expect(dialog).to_contain_text("BUY 0.1 BTC/USDT, account hasty-1, mock: the exchange has not acknowledged it yet.")
    expect(dialog).to_contain_text("The cancel is queued and sent the moment it does")
    operator.confirm("Cancel order")
    expect(operator.page.get_by_text("The cancel is queued.")).to_be_visible()
    expect(operator.page.get_by_role("button", name="Cancel order")).to_have_count(0)

    operator.go("Cancel queue")
    expect(operator.row(order_id)).to_contain_text("when the order is acknowledged")
    expect(operator.row(order_id)).to_contain_text("PENDING")
    expect(operator.row(order_id)).to_contain_text("SUCCESS", timeout=20_000)
    expect(operator.row(order_id)).to_contain_text("cancelled")

    operator.row(order_id).get_by_role("link", name=order_id).click()
    expect(state(operator)).to_have_text("CANCELLED")
    expect(steps(operator).locator(".what")).to_have_text(
        ["Alert accepted", "Stored", "Sent", "Cancel asked for", "Acknowledged", "Cancel sent", "Cancelled"]
    )
    expect(steps(operator).filter(has_text="Cancel asked for")).to_contain_text("by a person, through the API")
    expect(steps(operator).filter(has_text="Stored")).to_contain_text("by the alert")
    expect(steps(operator).filter(has_text="Cancel sent")).to_contain_text(re.compile(r"\+[\d.]+ m?s"))
    for caused in ("Sent", "Acknowledged", "Cancelled"):
        expect(steps(operator).filter(has=operator.page.get_by_text(caused, exact=True))).to_contain_text(
            re.compile(r"\+[\d.]+ m?s\s*by the (stream|sweep|alert)")
        )
    assert stack.order(order_id)["status"] == "CANCELLED"


def test_leaving_the_dialog_leaves_the_order_alone(operator: Person, stack: Stack) -> None:
    """Nothing is asked of the server before the person has confirmed."""
    order_id = place(stack, "spared")
    stack.wait_order(order_id, "OPEN", 5)
    operator.open(f"orders/{order_id}")

    operator.press("Cancel order")
    expect(operator.page.get_by_role("dialog")).to_contain_text("the cancel is sent to mock now")
    operator.confirm("Leave it")

    assert stack.order(order_id)["cancel_requested_at"] is None


def test_a_refused_cancel_counts_down_fails_and_succeeds_when_it_is_retried(operator: Person, stack: Stack) -> None:
    """The row says which attempt it is at and why the last one failed; the retry's dialog names the order."""
    order_id = place(stack, "refused")
    stack.wait_order(order_id, "OPEN", 5)
    stack.set_options("refused-1", success_rate=0, delay_ms=0)
    operator.open(f"orders/{order_id}")
    operator.press("Cancel order")
    operator.confirm("Cancel order")
    request = operator.region("Cancel request")
    expect(request).to_contain_text(re.compile("2 of 2.*retry in [12] s"))
    operator.go("Cancel queue")
    line = operator.row(order_id)

    expect(line).to_contain_text("FAILED")
    expect(line).to_contain_text("2 of 2")
    expect(line).to_contain_text("by hand; reconcile tries too")
    expect(line).to_contain_text("the mock refused the cancel")
    stack.set_options("refused-1", success_rate=1, delay_ms=0)
    operator.press(f"Retry {order_id}", line)
    expect(operator.page.get_by_role("dialog")).to_contain_text(
        f"The cancel of order {order_id} (BTC/USDT, account refused-1, mock) is queued again, due at once, with all "
        "its 2 attempts."
    )
    operator.confirm("Retry")

    expect(operator.page.get_by_text(f"The cancel of {order_id} is queued again.")).to_be_visible()
    expect(line).to_contain_text("SUCCESS")
    expect(line.get_by_role("button", name="Retry")).to_have_count(0)
    assert stack.order(order_id)["status"] == "CANCELLED"


def test_a_failed_cancel_is_seen_at_once_and_can_be_given_up(operator: Person, stack: Stack) -> None:
    """The overview leads to it; deleting it says that the order stays live, and it does."""
    order_id = place(stack, "given-up")
    let_cancel_fail(stack, order_id, "given-up-1")

    expect(operator.page.get_by_text(re.compile(r"^Failed cancels: \d+$"))).to_be_visible()
    operator.region("Cancels").get_by_role("link", name="FAILED").click()
    line = operator.row(order_id)
    operator.press(f"Delete {order_id}", line)
    expect(operator.page.get_by_role("dialog")).to_contain_text(
        f"Order {order_id} (BTC/USDT, account given-up-1, mock) is NOT cancelled any more: if it is live, it stays "
        "live on the exchange."
    )
    operator.confirm("Delete request")

    expect(line).to_have_count(0)
    expect(operator.page.get_by_text(f"The cancel request of {order_id} is deleted.")).to_be_visible()
    assert cancel_of(stack, order_id) == 404
    assert stack.order(order_id)["status"] == "OPEN"


def test_deleting_an_ended_row_says_that_nothing_else_goes(operator: Person, stack: Stack) -> None:
    """The order is as it is."""
    order_id = place(stack, "tidied")
    stack.wait_order(order_id, "OPEN", 5)
    cancel(stack, order_id)
    operator.go("Cancel queue")

    operator.press(f"Delete {order_id}")
    expect(operator.page.get_by_role("dialog")).to_contain_text("only its row in the queue goes")
    operator.confirm("Delete request")

    expect(operator.row(order_id)).to_have_count(0)
    assert cancel_of(stack, order_id) == 404
    assert stack.order(order_id)["status"] == "CANCELLED"


@pytest.mark.usefixtures("trading")
def test_trading_is_halted_and_resumed_by_the_switch(operator: Person, stack: Stack) -> None:
    """The API refuses alerts in between, and takes them again."""
    who = stack.trade_on("switched", {})
    switch = operator.region("Trading")
    expect(switch).to_contain_text("Trading is on.")

    operator.press("Halt trading")
    expect(operator.page.get_by_role("dialog", name="Halt trading?")).to_contain_text("alerts are refused")
    operator.confirm("Halt trading")
    expect(switch).to_contain_text("Trading is halted.")
    refused = stack.alert(**who, **MARKET)

    operator.press("Resume trading")
    expect(operator.page.get_by_role("dialog", name="Resume trading?")).to_contain_text("places orders again")
    operator.confirm("Resume trading")
    expect(switch).to_contain_text("Trading is on.")
    taken = stack.alert(**who, **MARKET)

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "TRADING_DISABLED")
    assert (taken.status_code, taken.json()["successful_accounts"]) == (200, 1)


def test_an_account_is_created_tested_disabled_and_deleted(operator: Person, stack: Stack) -> None:
    """The mock's options arrive as they were entered; the test of the connection shows the balance."""
    operator.go("Accounts")
    operator.page.get_by_role("link", name="New account").click()
    operator.page.get_by_label("Account id").fill("made-here")
    operator.page.get_by_label("Success rate, 0 to 1").fill("0.5")
    operator.page.get_by_label("Delay of new orders, ms").fill("1500")
    operator.press("Create")

    expect(operator.page.get_by_text("made-here is created.")).to_be_visible()
    line = operator.row("made-here")
    expect(line).to_contain_text("mock · spot")
    made = stack.call("GET", "/api/v1/accounts/made-here").json()
    assert (made["options"], made["enabled"]) == ({"success_rate": 0.5, "place_delay_ms": 1500}, True)
    operator.press("Test connection made-here")
    expect(line).to_contain_text(re.compile(r"mock answers, in \d+ ms: .*100,000 USDT"))
    operator.press("Disable made-here")
    expect(line).to_contain_text("Disabled")
    assert stack.call("GET", "/api/v1/accounts/made-here").json()["enabled"] is False
    operator.press("Delete made-here")
    expect(operator.page.get_by_role("dialog")).to_contain_text("made-here and its stored credentials are deleted")
    operator.confirm("Delete account")

    expect(line).to_have_count(0)
    assert stack.call("GET", "/api/v1/accounts/made-here").status_code == 404


def test_credentials_go_to_the_server_and_never_come_back(operator: Person, stack: Stack) -> None:
    """Not into the form that changes the account, nor into any answer."""
    operator.open("accounts?new=1")
    operator.page.get_by_label("Account id").fill("keyed")
    operator.page.get_by_label("Exchange").select_option("bybit")
    operator.page.get_by_label("API key").fill("the-key")
    operator.page.get_by_label("API secret").fill("the-secret")
    operator.press("Create")
    expect(operator.row("keyed")).to_contain_text("stored")

    operator.page.get_by_role("link", name="keyed", exact=True).click()

    expect(operator.page.get_by_text("Some are stored; they are never shown.")).to_be_visible()
    expect(operator.page.get_by_label("API key")).to_have_value("")
    expect(operator.page.get_by_label("API secret")).to_have_value("")
    assert "the-secret" not in stack.call("GET", "/api/v1/accounts").text


def cancel_of(stack: Stack, order_id: str) -> int:
    """The status of the answer about its row in the queue."""
    return stack.call("GET", f"/api/v1/cancel-queue/{order_id}").status_code
