"""Signing in, for the browser's session only."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.system.stack import ADMIN


def test_a_wrong_token_says_so_and_the_right_one_opens_the_overview(arrive: Callable[..., Person]) -> None:
    """The field keeps the focus, so that it can be typed again."""
    person = arrive()
    person.expect_complaint("status of 401")
    page = person.page
    person.open()

    field = page.get_by_label("Admin token")
    expect(field).to_be_focused()
    field.fill("not-the-admin-token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="This is not the admin token.")).to_be_visible()
    assert person.obstacles() == []
    field.fill(ADMIN)
    field.press("Enter")

    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def test_the_token_is_kept_for_the_session_and_goes_with_signing_out(arrive: Callable[..., Person]) -> None:
    """A reload keeps it, another tab has none, and no address, storage or cookie holds it afterwards."""
    person = arrive()
    page = person.page
    person.sign_in(ADMIN, "queue")

    page.reload()
    expect(page.get_by_role("heading", name="Cancel queue", level=1)).to_be_visible()
    other = person.context.new_page()
    other.goto(page.url)
    expect(other.get_by_label("Admin token")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_label("Admin token")).to_be_visible()
    assert ADMIN not in page.url
    assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])").count(ADMIN) == 0


def test_no_request_carries_the_token_in_its_address(arrive: Callable[..., Person]) -> None:
    """Addresses end up in logs."""
    person = arrive()
    seen: list[str] = []
    person.page.on("request", lambda request: seen.append(request.url))
    person.sign_in(ADMIN)

    with person.page.expect_response(re.compile(r"/api/v1/strategy-order-logs\?")):
        for view in ("Cancel queue", "Orders", "Strategies", "Accounts", "Log"):
            person.go(view)

    assert [url for url in seen if "/api/v1/" in url] != []
    assert [url for url in seen if ADMIN in url] == []
