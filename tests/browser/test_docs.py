"""The documentation of the HTTP API: everything in it, for everybody, from our own server only."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.person import DESK, PHONE, Person
from tests.system.stack import Stack

WORDS = "(all) => all.map((one) => [...one.children].map((part) => part.textContent).join(' '))"
METHODS = ("get", "post", "put", "delete")
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "at a desk, light": {"viewport": DESK, "color_scheme": "light"},
    "on a phone, dark": {"viewport": PHONE, "color_scheme": "dark"},
}


@pytest.fixture(params=LOOKS)
def reader(request: pytest.FixtureRequest, arrive: Callable[..., Person]) -> Person:
    """Somebody who has not signed in, and need not."""
    person = arrive(**LOOKS[request.param])
    person.page.goto(f"{person.base}/docs")
    expect(person.page.get_by_role("heading", level=2).first).to_be_visible()
    return person


def operations(stack: Stack) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Of the document: method, path and what it says."""
    for path, item in stack.client.get("/openapi.json").json()["paths"].items():
        yield from ((method.upper(), path, item[method]) for method in METHODS if method in item)


def test_every_operation_is_shown(reader: Person, stack: Stack) -> None:
    """In the list of contents too; and with all of them open there is nothing to scroll for sideways."""
    described = [f"{method} {path} {operation['summary']}" for method, path, operation in operations(stack)]
    assert len(described) > 20

    shown = reader.page.get_by_role("main").locator("section > details > summary").evaluate_all(WORDS)
    listed = reader.page.get_by_role("navigation", name="Contents").get_by_role("link")
    reader.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    assert sorted(shown) == sorted(text.replace("`", "") for text in described)
    expect(listed).to_have_count(len(described))
    assert reader.overhang() == 0


def test_an_operation_says_what_it_takes_and_what_it_answers(reader: Person) -> None:
    """The webhook's fields and each status; opened like this, nothing in the page keeps anybody out."""
    reader.page.get_by_role("navigation", name="Contents").get_by_role("link", name="/api/v1/webhook").click()
    webhook = reader.page.locator("details:target")
    expect(webhook.locator("> summary")).to_be_focused()

    expect(webhook).to_contain_text("Needs no admin token.")
    expect(webhook.get_by_text("order_type", exact=True).first).not_to_be_visible()
    webhook.get_by_text("WebhookBody").click()
    for field in ("strategy", "token", "order_type", "quote_amount"):
        expect(webhook.get_by_role("term").filter(has_text=field).first).to_be_visible()
    for status in ("200", "202", "401", "422"):
        expect(webhook.get_by_text(status, exact=True)).to_be_visible()
    assert reader.obstacles() == []


def test_the_description_that_cannot_be_had_is_missed(arrive: Callable[..., Person]) -> None:
    """The reader learns why there is nothing to read."""
    person = arrive()
    person.expect_complaint("status of 503")
    person.page.route("**/openapi.json", lambda route: route.fulfill(status=503))

    person.page.goto(f"{person.base}/docs")

    expect(person.page.get_by_role("status")).to_have_text("The description of the API could not be loaded: HTTP 503")
