"""Each view, by everybody: at a desk and on a phone, light and dark, in English and Korean, with the keyboard alone."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.person import DESK, PHONE, Person
from tests.browser.test_acting import let_cancel_fail
from tests.system.stack import ADMIN, Stack, order_ids
from tests.system.test_stack import LIMIT, MARKET

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "at a desk, light": {"viewport": DESK, "color_scheme": "light"},
    "on a phone, dark, in Korean": {"viewport": PHONE, "color_scheme": "dark", "locale": "ko-KR"},
}
ENGLISH_SENTENCE = re.compile("[a-z]{2,} [a-z]{2,}")
ORDER_ID = re.compile("[0-9A-HJKMNP-TV-Z]{26}")
HANGUL = re.compile("[가-힣]")
# What the page says in its own words.
SPOKEN = "h1:not(:has(.brand)), h2, legend, th, label, button, dt, summary, nav a, .hint, .empty, .what, .by"
FIXED = ("English", "mock refused the cancel", "mock refused the order")
"""A language calls itself by its own name, and what an exchange says is passed on."""

TEXTS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode.data);
    return texts;
}"""


@pytest.fixture(scope="module")
def scene(stack: Stack) -> dict[str, str]:
    """Something to see on each view: its address, and what stands there once it is drawn."""
    who = stack.trade_on("scene", {}, {"success_rate": 0})
    stack.alert(**who, **MARKET, tag="a-tag-that-is-as-long-as-a-tag-may-be-".ljust(64, "x"))
    order_id, _ = order_ids(stack.alert(**who, **LIMIT))
    let_cancel_fail(stack, order_id, "scene-1")
    return {
        "": "95 %",
        "queue?status=FAILED": order_id,
        "orders?strategy=scene": order_id,
        f"orders/{order_id}": f"mock-{order_id}",
        "strategies": "scene-1 × 1, scene-2 × 1",
        "strategies/scene": "scene-2 (mock · spot)",
        "strategies?new=1": "scene-2 (mock · spot)",
        "accounts": "scene-2",
        "accounts?new=1": "futures",
        "accounts?edit=scene-2": "scene-2",
        "log?strategy=scene": order_id,
    }


@pytest.fixture(params=LOOKS)
def somebody(request: pytest.FixtureRequest, arrive: Callable[..., Person]) -> Person:
    """Who has not signed in yet."""
    return arrive(**LOOKS[request.param])


def visit(person: Person, scene: Mapping[str, str]) -> Iterator[str]:
    """Each view once it is drawn."""
    for view, there in scene.items():
        person.open(view)
        expect(person.page.get_by_role("main")).to_contain_text(there)
        yield view


def test_nothing_keeps_anybody_from_using_a_view(somebody: Person, scene: Mapping[str, str]) -> None:
    """No serious finding of axe-core, and nothing to scroll for sideways, the sign-in form included."""
    somebody.open()
    expect(somebody.page.locator("#admin-token")).to_be_focused()
    found = {"sign-in": hindrances(somebody)}
    somebody.sign_in(ADMIN)

    for view in visit(somebody, scene):
        found[view] = hindrances(somebody)

    assert {view: what for view, what in found.items() if what} == {}


def hindrances(person: Person) -> list[str]:
    return [*person.obstacles(), *([f"{person.overhang()} px too wide"] if person.overhang() else [])]


def test_english_fits_a_phone_too(arrive: Callable[..., Person], scene: Mapping[str, str]) -> None:
    """Its words are longer than the Korean ones."""
    person = arrive(viewport=PHONE)
    person.sign_in(ADMIN)

    widths = {view: person.overhang() for view in visit(person, scene)}

    assert widths == dict.fromkeys(scene, 0)


def test_a_dialog_keeps_nobody_out(somebody: Person, scene: Mapping[str, str]) -> None:
    """Neither the short one of the switch nor one that names an order."""
    somebody.sign_in(ADMIN)

    found = {}
    for view, button in (("", ".switch button"), ("queue?status=FAILED", "td.acts button.danger")):
        somebody.open(view)
        somebody.page.locator(button).first.click()
        dialog = somebody.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        beyond = dialog.evaluate("(box) => box.scrollWidth - box.clientWidth")
        found[view] = (somebody.obstacles(), beyond)
        somebody.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

    assert found == dict.fromkeys(found, ([], 0))


def test_an_order_that_calls_for_a_person_can_be_seen_to(operator: Person, scene: Mapping[str, str]) -> None:
    """Its cause is shown; the dialog says that the next look may call again."""
    address = next(view for view in scene if view.startswith("orders/"))

    def call(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "attention": "look at the account's history"})

    operator.page.route(f"**/api/v1/{address}", call)
    operator.open(address)

    expect(operator.region("This order calls for a person")).to_contain_text("look at the account's history")
    assert operator.obstacles() == []
    operator.press("Seen to")
    expect(operator.page.get_by_role("dialog")).to_contain_text("the next look at the order calls again")
    with operator.page.expect_request(f"**/api/v1/{address}/attention") as asked:
        operator.confirm("Seen to")

    assert asked.value.method == "DELETE"


def test_the_language_follows_the_browser_and_leaves_no_english_behind(
    arrive: Callable[..., Person], stack: Stack, scene: Mapping[str, str]
) -> None:
    """Headlines, labels, buttons and explanations; what people named and what an exchange said stays as it is."""
    names = (*FIXED, *names_given(stack))
    person = arrive(locale="ko-KR")
    person.open()
    expect(person.page.get_by_label("관리자 토큰")).to_be_visible()
    left = {"sign-in": english(person, names)}
    person.sign_in(ADMIN)
    expect(person.page.locator("#heading")).to_have_text("개요")

    assert person.page.locator("html").get_attribute("lang") == "ko"
    for view in visit(person, scene):
        left[view] = english(person, names)

    assert {view: words for view, words in left.items() if words} == {}


def names_given(stack: Stack) -> list[str]:
    """What people called their strategies and accounts."""
    strategies, accounts = (stack.call("GET", f"/api/v1/{kind}").json()["items"] for kind in ("strategies", "accounts"))
    return [
        *(strategy[field] for strategy in strategies for field in ("strategy_id", "name")),
        *(account["account_id"] for account in accounts),
    ]


def english(person: Person, names: Sequence[str]) -> list[str]:
    """What is said in English only, but for these names."""
    sentences = [text for text in person.page.evaluate(TEXTS) if ENGLISH_SENTENCE.search(text)]
    spoken = person.page.locator(SPOKEN).all_text_contents()
    return [
        text
        for text in (*sentences, *spoken)
        if not HANGUL.search(text) and not ORDER_ID.search(text) and not any(name in text for name in names)
    ]


def test_the_language_and_the_colours_are_chosen_and_kept(arrive: Callable[..., Person]) -> None:
    """At once, and after a reload."""
    person = arrive(color_scheme="light")
    person.sign_in(ADMIN)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = person.page.evaluate(ground)

    person.page.get_by_label("Colours").select_option("Dark")
    person.page.get_by_label("Language").select_option("한국어")
    expect(person.page.get_by_role("heading", name="개요", level=1)).to_be_visible()
    assert person.page.evaluate(ground) != light
    person.page.reload()

    expect(person.page.get_by_role("heading", name="개요", level=1)).to_be_visible()
    expect(person.page.locator("html")).to_have_attribute("lang", "ko")
    assert person.page.evaluate(ground) != light


def test_the_keyboard_skips_to_the_content_and_reaches_the_switch(operator: Person) -> None:
    """Escape leaves its dialog, and the focus is back where it was."""
    keyboard = operator.page.keyboard
    switch = operator.page.get_by_role("button", name="Halt trading")
    expect(switch).to_be_visible()
    keyboard.press("Tab")
    expect(operator.page.get_by_role("link", name="Skip to content")).to_be_focused()
    keyboard.press("Enter")
    expect(operator.page.get_by_role("main")).to_be_focused()

    tab_to(operator, switch)
    keyboard.press("Enter")
    dialog = operator.page.get_by_role("dialog", name="Halt trading?")
    expect(dialog.get_by_role("button", name="Leave it")).to_be_focused()
    keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(switch).to_be_focused()


def test_the_keyboard_alone_opens_views_and_rows(operator: Person, scene: Mapping[str, str]) -> None:
    """The focus goes to the headline of the view that was entered, so that reading goes on from there."""
    keyboard = operator.page.keyboard
    operator.page.get_by_role("link", name="Cancel queue").focus()

    keyboard.press("Enter")
    expect(operator.page.get_by_role("heading", name="Cancel queue", level=1)).to_be_focused()
    operator.open("queue?status=FAILED")
    retry = operator.row(scene["queue?status=FAILED"]).get_by_role("button", name="Retry")
    tab_to(operator, retry)
    keyboard.press("Enter")
    expect(operator.page.get_by_role("dialog")).to_be_visible()
    keyboard.press("Escape")

    expect(retry).to_be_focused()


def tab_to(person: Person, place: Locator) -> None:
    """Press Tab until it has the focus."""
    expect(place).to_be_visible()
    for _ in range(100):
        if place.evaluate("(element) => element === document.activeElement"):
            return
        person.page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {place}")


def test_a_view_has_its_name_and_the_navigation_says_where_one_is(operator: Person) -> None:
    """For tabs, history and screen readers."""
    for view in ("Cancel queue", "Orders", "Strategies", "Accounts", "Log", "Overview"):
        operator.go(view)
        here = operator.page.get_by_role("navigation", name="Views").locator("[aria-current=page]")

        expect(here).to_have_text(view)
        expect(operator.page).to_have_title(f"{view} · trading-bot")
