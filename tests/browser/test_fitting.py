"""Nothing is wider than its place: the longest names, and the widest row of every list, at every width."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.person import DESK, PHONE, Person
from tests.system.stack import ADMIN, Stack, order_ids
from tests.system.test_stack import LIMIT, cancel

NAME = "n" * 62
"""A strategy's; its accounts have 64 letters without a gap, as many as there may be."""

LONG_AGO = (datetime.now(UTC) - timedelta(days=80)).isoformat()
WIDEST_NUMBER = "123456789.12345678"
WIDEST_ID = "ABCDEFG-01M7ZREFZJCX6FZNZYNJ4VVZ8P"
WIDEST_SYMBOL = "1000000MOG/USDT"
WIDEST: Mapping[str, Mapping[str, Any]] = {
    "orders": {
        "order_id": WIDEST_ID,
        "status": "PENDING",
        "placement": "SENDING",
        "symbol": WIDEST_SYMBOL,
        "side": "SELL",
        "order_type": "STOP_MARKET",
        "quantity": WIDEST_NUMBER,
        "price": WIDEST_NUMBER,
        "filled_quantity": WIDEST_NUMBER,
        "average_price": WIDEST_NUMBER,
        "cancel_requested_at": LONG_AGO,
        "created_at": LONG_AGO,
        "attention": "look at the account's history",
    },
    "cancel-queue": {
        "order_id": WIDEST_ID,
        "status": "FAILED",
        "symbol": WIDEST_SYMBOL,
        "retry_count": 10,
        "max_retries": 10,
        "created_at": LONG_AGO,
        "last_error": "n" * 500,
    },
    "strategies": {"name": "n" * 100, "symbols": [WIDEST_SYMBOL] * 30},
    "accounts": {"exchange": "binance", "market": "futures", "enabled": False},
    "strategy-order-logs": {
        "order_type": "STOP_MARKET",
        "symbol": WIDEST_SYMBOL,
        "created_at": LONG_AGO,
        "execution_results": [
            {
                "account_id": "n" * 64,
                "order_id": WIDEST_ID,
                "status": "PENDING",
                "placement": "SENDING",
                "error": "n" * 500,
            }
        ],
    },
    "overview": {
        "attention": 1001,
        "attention_orders": [
            {"order_id": WIDEST_ID, "account_id": "n" * 64, "symbol": WIDEST_SYMBOL, "attention": "n" * 500}
        ],
        "oldest_cancel": {
            "order_id": WIDEST_ID,
            "account_id": "n" * 64,
            "status": "PROCESSING",
            "waiting_for_order": True,
            "created_at": LONG_AGO,
            "last_error": "n" * 500,
        },
    },
}
"""What makes the rows of each answer, or the answer, as wide as they get, beside the names."""


def trade(stack: Stack, **alert: str) -> tuple[str, str]:
    """An order whose cancel was asked for, and one that was refused; the first one's id, and the webhook's token."""
    who = stack.trade_on(NAME, {}, {"success_rate": 0})
    first, _ = order_ids(stack.alert(**who, **LIMIT, **alert))
    cancel(stack, first)
    return first, who["token"]


def excess(person: Person) -> tuple[int, list[str]]:
    """What is shown now and does not fit: the page into its window, and anything into its place."""
    return person.overhang(), person.spilled()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["at a desk", "on a phone"])
def test_the_longest_names_fit_too(arrive: Callable[..., Person], stack: Stack, viewport: Any) -> None:
    """64 letters without a gap, as strategies and accounts may have them."""
    first, _ = trade(stack, tag="t" * 64, alert_id=f"{viewport['width']} wide")
    person = arrive(viewport=viewport)
    person.sign_in(ADMIN)
    views = ["", "queue", f"orders?strategy={NAME}", f"orders/{first}", "strategies", f"strategies/{NAME}", "accounts"]
    views += ["strategies?new=1", f"accounts?edit={NAME}-1", f"log?strategy={NAME}"]

    found = {}
    for view in views:
        person.open(view)
        expect(person.page.get_by_role("main")).to_contain_text(
            "Attempt" if view == "queue" else "nnn" if view else "95 %"
        )
        found[view] = excess(person)

    assert found == dict.fromkeys(views, (0, []))


@pytest.mark.parametrize("width", [360, 761, 1279, 1280, 1920])
def test_the_widest_row_fits(arrive: Callable[..., Person], stack: Stack, width: int) -> None:
    """In every list and on the overview, at the widths where the layout changes and at those that windows have."""
    _, token = trade(stack, alert_id=f"the widest at {width}")
    person = arrive(viewport={"width": width, "height": 800})
    person.sign_in(ADMIN)

    widened = set()

    def widen(route: Route) -> None:
        name = route.request.url.partition("?")[0].rpartition("/")[2]
        widened.add(name)
        answer = route.fetch()
        body = answer.json()
        if "items" in body:
            route.fulfill(response=answer, json={**body, "items": [{**item, **WIDEST[name]} for item in body["items"]]})
        else:
            route.fulfill(response=answer, json={**body, **WIDEST[name]})

    person.page.route(re.compile(rf"/api/v1/({'|'.join(WIDEST)})(\?|$)"), widen)

    found = {}
    for view in ("queue", f"orders?strategy={NAME}", "strategies", "accounts", f"log?strategy={NAME}"):
        person.open(view)
        expect(person.page.get_by_role("main").get_by_role("row").filter(has_text="nnn").first).to_be_visible()
        found[view] = excess(person)
    person.open()
    expect(person.region("Orders that call for a person: 1000+")).to_be_visible()
    found["overview"] = excess(person)
    person.open(f"strategies/{NAME}")
    person.send_test_alert(token)
    expect(person.region("Test alert").get_by_role("row").filter(has_text="nnn").first).to_be_visible()
    found["a test alert"] = excess(person)

    assert widened == {*WIDEST}
    assert found == dict.fromkeys(found, (0, []))
