"""`python -m tests.browser.screenshots`: a stack with something to see on it, and pictures of its page."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Page, expect

from tests.browser import chromium
from tests.browser.desk import ENVIRONMENT, Desk, token_of
from tests.browser.person import DESK, Person
from tests.system.stack import ADMIN, ROOT, Stack

FOLDER = ROOT / ".screenshots"
README_FOLDER = ROOT / ".github" / "pictures"
README_PICTURES = ("order-light-desk", "queue-dark-phone")
README_HEIGHT = 1020

PHONE = {"width": 390, "height": 844}
SIZES = {"desk": DESK, "phone": PHONE}
COLOURS = ("light", "dark")


@dataclass(frozen=True)
class View:
    """One picture: the address, what is on it once it is complete, and what is done there before it is taken."""

    name: str
    address: str
    shows: str = "main table tbody tr"
    prepare: Callable[[Person], None] | None = None
    whole: bool = True  # with what stands below the window


def _test_connection(person: Person) -> None:
    person.page.get_by_role("button", name="Test connection upbit-main").click()
    expect(person.page.locator("td .good-text")).to_be_visible()


def _send_test_alert(person: Person) -> None:
    person.send_test_alert(token_of("paper"))
    expect(person.region("Test alert").get_by_role("row")).to_have_count(3)


def _ask_to_delete(person: Person) -> None:
    person.row("FAILED").first.get_by_role("button", name="Delete").click()
    expect(person.page.get_by_role("dialog")).to_be_visible()


_QUIET = (
    View("strategies", "strategies"),
    View("strategy", "strategies/paper", "#test-title", _send_test_alert),
    View("strategy-new", "strategies?new=1", ".shares li"),
    View("accounts", "accounts", prepare=_test_connection),
    View("account", "accounts?edit=upbit-main", "fieldset"),
    View("account-new", "accounts?new=1", "fieldset"),
    View("log", "log?strategy=trend"),
)


def _busy(early: str, lost: str) -> tuple[View, ...]:
    """What changes by itself while one looks: the most fleeting first."""
    return (
        View("queue", "queue"),
        View("overview", "overview", ".attention li"),
        View("dialog", "queue", prepare=_ask_to_delete, whole=False),
        View("orders", "orders"),
        View("order", f"orders/{early}", ".timeline li"),
        View("order-attention", f"orders/{lost}", ".attention"),
    )


class Camera:
    """Takes pictures of what several people see, each with a screen and colours of their own.

    All of them, or those that are `wanted`, cut to fit into a README.
    """

    def __init__(self, browser: Browser, base: str, folder: Path, wanted: Collection[str] = ()) -> None:
        self._folder = folder
        self._wanted = wanted
        self._people = {
            f"{colour}-{size}": Person(
                browser, base, viewport=viewport, color_scheme=colour, timezone_id="UTC", has_touch=size == "phone"
            )
            for colour in COLOURS
            for size, viewport in SIZES.items()
        }

    def sign_in(self) -> None:
        """With a picture of how that looks."""
        for person in self._people.values():
            person.open()
            person.page.locator("#admin-token").wait_for()
        for name, person in self._people_for("sign-in"):
            self._take(person, name)
        for person in self._people.values():
            person.sign_in(ADMIN)

    def take(self, views: tuple[View, ...], suffix: str = "") -> None:
        """Each view by everybody, one view after the other: what is on it changes."""
        for view in views:
            for name, person in self._people_for(f"{view.name}{suffix}"):
                self._visit(person, view)
                self._take(person, name, whole=view.whole)

    def take_docs(self) -> None:
        """The description of the API."""
        for name, person in self._people_for("docs"):
            person.page.goto(f"{person.base}/docs")
            person.page.locator("#contents a").first.wait_for()
            self._take(person, name, whole=False)

    def read_korean(self) -> None:
        """Everybody chooses it from the page."""
        for person in self._people.values():
            person.page.get_by_label("Language").select_option("ko")

    def close(self) -> list[str]:
        """What the browsers complained of."""
        for person in self._people.values():
            person.close()
        return [complaint for person in self._people.values() for complaint in person.complaints]

    def _people_for(self, picture: str) -> Iterator[tuple[str, Person]]:
        """Who is to see it, each with the name of what comes out."""
        for variant, person in self._people.items():
            name = f"{picture}-{variant}"
            if not self._wanted or name in self._wanted:
                yield name, person

    def _visit(self, person: Person, view: View) -> None:
        before = person.page.locator("#heading").element_handle()
        person.open(view.address)
        before.wait_for_element_state("hidden")  # what is waited for now is not the last view's
        person.page.locator(view.shows).first.wait_for()
        person.page.locator("#heading").blur()  # whoever comes by mouse is not shown where the focus is
        if view.prepare:
            view.prepare(person)

    def _take(self, person: Person, name: str, *, whole: bool = True) -> None:
        path = self._folder / f"{name}.png"
        cut = _top(person.page) if self._wanted else None
        person.page.screenshot(path=path, full_page=whole, animations="disabled", clip=cut)
        sys.stdout.write(f"{path}\n")


def _top(page: Page) -> FloatRect:
    """As much of it as fits into a README."""
    width, height = page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
    return {"x": 0, "y": 0, "width": width, "height": min(height, README_HEIGHT)}


def main() -> int:
    """1 where a browser complained of something while the pictures were taken."""
    parser = argparse.ArgumentParser("infra/screenshots", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where they go: .screenshots")
    parser.add_argument("--readme", action="store_true", help=f"only those of the README, into {README_FOLDER.name}")
    options = parser.parse_args()
    folder, wanted = (README_FOLDER, README_PICTURES) if options.readme else (options.folder, ())
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as log, chromium.launched(scrollbars=False) as browser:
        stack = Stack(Path(log) / "log", environment=ENVIRONMENT).start()
        try:
            camera = Camera(browser, f"http://127.0.0.1:{stack.port}", folder, wanted)
            complaints = _take_all(Desk(stack), camera)
        finally:
            stack.stop()
    sys.stdout.writelines(f"{complaint}\n" for complaint in complaints)
    return 1 if complaints else 0


def _take_all(desk: Desk, camera: Camera) -> list[str]:
    early = desk.cancel_while_pending()
    desk.trade()
    failing = desk.refuse_cancels()
    lost = desk.lose()
    camera.take_docs()
    camera.sign_in()
    camera.take(_QUIET)
    refused = desk.refuse_last()
    desk.wait_failed(failing)
    desk.wait_refused(refused, times=3)
    desk.hold_up()
    camera.take(_busy(early, lost))
    camera.read_korean()
    camera.take(_busy(early, lost)[:2], "-korean")
    return camera.close()


if __name__ == "__main__":
    raise SystemExit(main())
