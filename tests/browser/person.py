"""A person at the page, with a browser of their own."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}

# Everything up to WCAG 2.2 AA, and what else is known to make pages easier to use.
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
_FIND = "(rules) => axe.run(rules).then((results) => results.violations)"  # what passed is ten times as much
_SPILLED = """() => [...document.querySelectorAll("section, td, td > div")]
    .filter((box) => getComputedStyle(box).display !== "inline" && box.scrollWidth > box.clientWidth)
    .map((box) => box.innerText)"""
_SERIOUS = ("serious", "critical")


class Person:
    """Opens the page at `base` (`http://host:port`, with a stage's prefix if there is one).

    What the browser complains of, and every request that leaves for another host, is in `complaints`: whoever makes
    the page meet an error says so before with `expect_complaint`.
    """

    def __init__(self, browser: Browser, base: str, **options: Any) -> None:
        given = {"viewport": DESK, "locale": "en-GB", "color_scheme": "light", "reduced_motion": "reduce", **options}
        self.base = base
        self.complaints: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self.context = browser.new_context(**given)
        self.context.set_default_timeout(10_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self._complain(f"uncaught {error}"))
        self.page.on("request", lambda request: self._left(request.url))

    def open(self, view: str = "") -> None:
        """Load the page, at a view's address: `queue`, `orders/ID`."""
        self.page.goto(f"{self.base}/app#/{view}")

    def sign_in(self, token: str, view: str = "") -> None:
        """Open the page and sign in, as far as the view's headline."""
        self.open(view)
        field = self.page.locator("#admin-token")  # in whatever language
        field.fill(token)
        field.press("Enter")
        self.page.locator("#heading").wait_for()

    def leave(self) -> None:
        """Leave the page in the same tab, still signed in; what was altered, expected and complained of is over."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.goto("about:blank")
        self._expected.clear()
        self.complaints.clear()

    def go(self, view: str) -> None:
        """To a view by its name in the navigation."""
        self.page.get_by_role("navigation", name="Views").get_by_role("link", name=view, exact=True).click()
        self.page.get_by_role("heading", name=view, exact=True, level=1).wait_for()

    def press(self, button: str, within: Locator | None = None) -> None:
        """Press the button of exactly that name."""
        (within or self.page).get_by_role("button", name=button, exact=True).click()

    def confirm(self, action: str) -> None:
        """Press the button of the open dialog that does it, and wait until the dialog is gone."""
        dialog = self.page.get_by_role("dialog")
        self.press(action, dialog)
        dialog.wait_for(state="hidden")

    def send_test_alert(self, token: str) -> None:
        """On a strategy's page, with its webhook token and what else the form says already."""
        self.page.get_by_label("Webhook token", exact=True).fill(token)
        self.press("Send test alert")

    def row(self, text: str) -> Locator:
        """The row of a table in which it stands."""
        return self.page.get_by_role("row").filter(has_text=text)

    def region(self, name: str) -> Locator:
        """A section by its headline."""
        return self.page.get_by_role("region", name=name)

    def hear_instead(self, words: Mapping[str, str]) -> None:
        """From now on the API's answers have these words' values in their place."""

        def replace(route: Route) -> None:
            answer = route.fetch()
            text = answer.text()
            for said, heard in words.items():
                text = text.replace(said, json.dumps(heard)[1:-1])
            route.fulfill(response=answer, body=text)

        self.page.route("**/api/v1/**", replace)

    def obstacles(self) -> list[str]:
        """What keeps somebody from using what is shown now, as axe-core sees it: serious and critical findings."""
        self.page.evaluate(Axe().axe_script)
        found: Sequence[dict[str, Any]] = self.page.evaluate(_FIND, _RULES)
        return [
            f"{finding['id']}: {finding['help']}: {node['html'][:200]}"
            for finding in found
            if finding["impact"] in _SERIOUS
            for node in finding["nodes"]
        ]

    def overhang(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width

    def spilled(self) -> list[str]:
        """The sections and cells that are too narrow for what stands in them, which then lies over their neighbours."""
        found: list[str] = self.page.evaluate(_SPILLED)
        return found

    def expect_complaint(self, pattern: str) -> None:
        """The browser may complain of this from now on, any number of times."""
        self._expected.append(re.compile(pattern))

    def close(self) -> None:
        """Close the browser; what it had stored is gone."""
        self.context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complain(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _left(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self._complain(f"a request to {url}")

    def _complain(self, complaint: str) -> None:
        if not any(pattern.search(complaint) for pattern in self._expected):
            self.complaints.append(complaint)
