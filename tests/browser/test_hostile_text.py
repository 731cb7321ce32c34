"""What strangers wrote is shown as text: no element is made of it, nothing of it runs, nothing is fetched for it."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, Locator, Request, expect

from tests.browser.person import Person
from tests.system.stack import Stack, order_ids
from tests.system.test_stack import LIMIT, MARKET, cancel

HOSTILE = """'"><img src=x onerror=alert(1)><script>alert(2)</script>&lt;${alert(3)}"""
TAG = "<img src=x onerror=alert(1)>"
ORDER_REFUSED = "the mock refused the order (success_rate)"
CANCEL_REFUSED = "the mock refused the cancel (success_rate)"


@pytest.fixture
def target(operator: Person) -> Iterator[Person]:
    """Somebody signed in, at whom nothing of it may go off."""
    harm: list[str] = []

    def opened(dialog: Dialog) -> None:
        harm.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def sent(request: Request) -> None:
        if request.resource_type == "image" or request.url.rpartition("/")[2] == "x":
            harm.append(f"a request: {request.url}")

    operator.page.on("dialog", opened)
    operator.page.on("request", sent)
    yield operator
    operator.page.remove_listener("dialog", opened)
    operator.page.remove_listener("request", sent)
    assert harm == []


def expect_text(place: Locator, text: str = HOSTILE) -> None:
    """It stands there letter by letter, and nowhere on the page is an element of it."""
    expect(place).to_contain_text(text)
    expect(place.page.locator("img, body script, [onerror]")).to_have_count(0)


def test_the_name_of_a_strategy(target: Person, stack: Stack) -> None:
    """In the list, above its page and in its form."""
    stack.trade_on("named", {})
    settings = stack.call("GET", "/api/v1/strategies/named").json()
    assert stack.call("PUT", "/api/v1/strategies/named", {**settings, "name": HOSTILE}).status_code == 200

    target.go("Strategies")
    expect_text(target.row("named-1 × 1"))
    target.open("strategies/named")

    expect_text(target.page.locator(".subtitle"))
    expect(target.page.get_by_label("Name", exact=True)).to_have_value(HOSTILE)


def test_the_tag_of_an_alert(target: Person, stack: Stack) -> None:
    """On the page of its order; and typed into the form that writes alerts."""
    (order_id,) = order_ids(stack.alert(**stack.trade_on("tagged", {}), **LIMIT, tag=TAG))

    target.open(f"orders/{order_id}")
    expect_text(target.region("Order"), TAG)
    target.open("strategies/tagged")
    target.region("For TradingView").get_by_label("Tag").fill(TAG)

    expect(target.page.get_by_label("Alert message")).to_have_value(re.compile(re.escape(TAG)))
    expect_text(target.region("For TradingView"), "Tag")


def test_what_an_exchange_says_of_an_order(target: Person, stack: Stack) -> None:
    """On the order's page, in the log, and in the answer to a test alert; its id of the order too."""
    who = stack.trade_on("said-of", {"success_rate": 0}, {})
    refused, taken = order_ids(stack.alert(**who, **MARKET))
    target.hear_instead({ORDER_REFUSED: HOSTILE, f"mock-{taken}": HOSTILE})

    target.open(f"orders/{refused}")
    expect_text(target.region("Order"))
    expect_text(target.region("Timeline"))
    target.open(f"orders/{taken}")
    expect_text(target.region("Order"))
    target.open("log?strategy=said-of")
    expect_text(target.row(refused))
    target.open("strategies/said-of")
    target.send_test_alert(who["token"])

    expect_text(target.region("Test alert").get_by_role("row").filter(has_text="said-of-1"))
    expect(target.region("Test alert").locator("pre")).to_contain_text(TAG)


def test_what_an_exchange_says_of_a_cancel(target: Person, stack: Stack) -> None:
    """In the queue, on the order's page, and where the overview shows the oldest cancel."""
    (order_id,) = order_ids(stack.alert(**stack.trade_on("refused-so", {}), **LIMIT))
    stack.wait_order(order_id, "OPEN", 5)
    stack.set_options("refused-so-1", success_rate=0)
    cancel(stack, order_id)
    target.hear_instead({CANCEL_REFUSED: HOSTILE})

    target.open("queue")
    expect_text(target.row(order_id))
    target.open(f"orders/{order_id}")

    expect_text(target.region("Cancel request"))
    expect_text(target.region("Timeline"))


def test_what_somebody_put_into_an_address(target: Person) -> None:
    """A link that leads here may name anything."""
    target.expect_complaint("status of (404|422)")
    written = quote(HOSTILE, safe="")

    for view in (f"orders/{written}", f"strategies/{written}"):
        target.open(view)
        expect_text(target.page.get_by_role("heading", level=1))
    target.open(f"log?strategy={written}")
    expect_text(target.page.get_by_label("Strategy"))
    target.open(f"orders?symbol={written}")
    expect(target.page.get_by_label("Symbol")).to_have_value(HOSTILE)
    expect_text(target.page.get_by_role("main"), "No such order.")
    target.open(f"orders?status={written}")

    expect_text(target.page.get_by_role("main"), "This cannot be accepted.")
