"""Between the page and its server: gone and back, behind a stage's prefix, read again only while somebody looks."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Response, expect

from tests.browser.front_door import FrontDoor
from tests.browser.person import Person
from tests.system.stack import ADMIN, Stack, order_ids
from tests.system.test_stack import LIMIT, MARKET

OVERVIEW = "**/api/v1/overview"
REFRESH = 2_000
"""Milliseconds between two looks at the server."""


@pytest.fixture(scope="module")
def door(stack: Stack) -> Iterator[FrontDoor]:
    """A way to the stack that can be shut; it is there for longer than any visitor."""
    one = FrontDoor(stack.port).open()
    yield one
    one.close()


@pytest.fixture(scope="module")
def staged(stack: Stack) -> Iterator[FrontDoor]:
    """The stack as it is reached behind API Gateway: everything under the name of the stage, nothing elsewhere."""
    one = FrontDoor(stack.port, "/api").open()
    yield one
    one.close()


def test_a_server_that_is_gone_and_back_is_told_of(
    arrive: Callable[..., Person], stack: Stack, door: FrontDoor
) -> None:
    """Since when, within a few seconds; what is shown stays, and is fresh again without anybody's doing."""
    who = stack.trade_on("away", {})
    (before,) = order_ids(stack.alert(**who, **LIMIT, tag="before"))
    person = arrive(door.base)
    person.expect_complaint("net::ERR_")
    person.sign_in(ADMIN, "orders?strategy=away")
    expect(person.row(before)).to_be_visible()

    door.close()
    banner = person.page.get_by_role("alert").filter(has_text="The server cannot be reached")
    expect(banner).to_contain_text(re.compile(r"since \d\d:\d\d:\d\d\. What is shown is from before\."))
    expect(banner).to_contain_text(re.compile(r"[1-9] s$"))
    expect(person.row(before)).to_be_visible()
    (meanwhile,) = order_ids(stack.alert(**who, **LIMIT, tag="meanwhile"))
    door.open()

    expect(banner).to_have_count(0)
    expect(person.page.get_by_text("The server can be reached again.")).to_be_visible()
    expect(person.row(meanwhile)).to_be_visible()


def test_a_server_that_answers_with_errors_is_told_of(operator: Person) -> None:
    """With what it said, where that is nothing of ours."""
    operator.expect_complaint("status of 504")
    operator.page.route(
        OVERVIEW, lambda route: route.fulfill(status=504, json={"message": "Endpoint request timed out"})
    )

    banner = operator.page.get_by_role("alert").filter(has_text="The server answers with errors since")
    expect(banner).to_contain_text("The server took too long. (HTTP_504: Endpoint request timed out)")
    expect(operator.region("Trading")).to_be_visible()
    operator.page.unroute_all(behavior="wait")

    expect(banner).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, '{"message":"Forbidden"}', "The server lets nobody in from your address."),
        (429, '{"message":"Too Many Requests"}', "Too many requests at once."),
        (404, '{"message":"Not Found"}', "HTTP_404: Not Found"),
        (200, "<html>Please sign in to the network</html>", "HTTP_200"),
    ],
    ids=["a firewall", "a limit", "no such route", "a page of somebody else's"],
)
def test_what_answers_in_the_servers_place_is_told_of_and_asked_again(
    operator: Person, status: int, body: str, said: str
) -> None:
    """None of it is our server's own word, and none of it may end the refreshing in silence."""
    operator.expect_complaint(f"status of {status}")
    operator.page.route(OVERVIEW, lambda route: route.fulfill(status=status, body=body))

    banner = operator.page.get_by_role("alert").filter(has_text="The server answers with errors since")
    expect(banner).to_contain_text(said)
    operator.page.unroute_all(behavior="wait")

    expect(banner).to_have_count(0)


def test_rows_of_another_filter_are_never_shown(operator: Person, stack: Stack) -> None:
    """Not while the answer is on its way, nor where the server refuses the question."""
    (order_id,) = order_ids(stack.alert(**stack.trade_on("sifted", {}), **LIMIT))
    operator.expect_complaint("status of 422")
    operator.open("orders?strategy=sifted")
    expect(operator.row(order_id)).to_be_visible()
    operator.page.route("**/api/v1/orders?*status=REJECTED*", lambda route: None)

    operator.page.get_by_label("Status").select_option("REJECTED")
    expect(operator.page.get_by_text("Loading…")).to_be_visible()
    expect(operator.row(order_id)).to_have_count(0)
    operator.open("orders?strategy=sifted&cursor=nonsense")

    expect(operator.page.get_by_role("alert").filter(has_text="This cannot be accepted.")).to_be_visible()
    expect(operator.row(order_id)).to_have_count(0)


def test_an_action_without_an_answer_says_that_it_may_have_been_done(operator: Person, stack: Stack) -> None:
    """Nobody is told that it failed, nor that it worked; the dialog stays."""
    stack.set_options("unsure-1", success_rate=1)
    operator.expect_complaint("net::ERR_")
    operator.go("Accounts")
    operator.page.route("**/api/v1/accounts/unsure-1", lambda route: route.abort("connectionreset"))

    operator.press("Delete unsure-1")
    dialog = operator.page.get_by_role("dialog")
    operator.press("Delete account", dialog)

    expect(dialog.get_by_role("alert")).to_contain_text(
        "No answer came: it may have been done or not. Look before you do it again."
    )


def test_everything_works_behind_the_prefix_of_a_stage(
    arrive: Callable[..., Person], stack: Stack, staged: FrontDoor
) -> None:
    """Views, an order's page, a test alert; nothing is asked for outside of the prefix."""
    who = stack.trade_on("staged", {})
    (order_id,) = order_ids(stack.alert(**who, **LIMIT))
    person = arrive(staged.base)
    person.sign_in(ADMIN)
    for view in ("Cancel queue", "Orders", "Accounts", "Log", "Strategies"):
        person.go(view)

    person.open(f"orders/{order_id}")
    expect(person.region("Order")).to_contain_text("staged-1")
    person.open("strategies/staged")
    address = person.page.get_by_label("Webhook URL").input_value()
    person.send_test_alert(who["token"])
    expect(person.page.get_by_text("Accepted. Accounts: 1, successful: 1, failed: 0.")).to_be_visible()

    assert address == f"{staged.base}/api/v1/webhook"
    assert httpx.post(address, json={**who, **MARKET}).status_code == 200


def test_the_documentation_works_behind_the_prefix_of_a_stage(arrive: Callable[..., Person], staged: FrontDoor) -> None:
    """And leads to the page."""
    person = arrive(staged.base)

    person.page.goto(f"{staged.base}/docs")
    expect(person.page.get_by_role("heading", name="trading-bot", level=1)).to_contain_text("the HTTP API")
    expect(person.page.get_by_role("heading", level=2).first).to_be_visible()
    person.page.get_by_role("link", name="The page").click()

    expect(person.page.get_by_label("Admin token")).to_be_visible()


def test_an_address_with_a_slash_at_its_end_leads_to_the_page(arrive: Callable[..., Person], staged: FrontDoor) -> None:
    """Which names its files relative to its own address."""
    person = arrive(staged.base)

    person.page.goto(f"{staged.base}/app/")

    expect(person.page.get_by_label("Admin token")).to_be_visible()
    assert person.page.url == f"{staged.base}/app"


def test_the_server_is_asked_every_two_seconds_while_the_page_is_visible_and_not_while_it_is_hidden(
    arrive: Callable[..., Person],
) -> None:
    """The page's time is moved by hand: nothing here depends on how fast this machine is."""
    person = arrive()
    clock = person.page.clock
    clock.install()
    asked: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url))
    person.sign_in(ADMIN)
    clock.pause_at(person.page.evaluate("Date.now()") / 1000 + 1)

    hide(person, hidden=True)
    asked.clear()
    clock.run_for(60_000)
    assert asked == []

    with person.page.expect_response(OVERVIEW) as looked:
        hide(person, hidden=False)
    for _ in range(3):
        expect_shown(person, looked.value)
        asked.clear()
        clock.run_for(REFRESH - 50)
        assert asked == []
        with person.page.expect_response(OVERVIEW) as looked:
            clock.run_for(50)


def hide(person: Person, *, hidden: bool) -> None:
    """As if the tab went into the background, or came back."""
    person.page.evaluate(
        """(hidden) => {
            const state = hidden ? 'hidden' : 'visible';
            Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
            Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def expect_shown(person: Person, overview: Response) -> None:
    """The page has worked the answer in: it says as of when it shows things."""
    expect(person.page.locator(f"time[datetime='{overview.json()['at']}']")).to_be_visible()
