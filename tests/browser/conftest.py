"""The running stack with the page that people see, and a browser to look at it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium
from tests.browser.person import Person
from tests.system.stack import ADMIN, Stack

expect.set_options(timeout=10_000)  # a page that reads every 2 s, on a machine that has other things to do


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests here; each of its persons has storage of their own."""
    if chromium.find() is None:
        pytest.skip(chromium.MISSING)
    with chromium.launched() as one:
        yield one


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack as `infra/run` starts it, but that it gives a refused cancel up after 2 s instead of 30. Its schedules
    fire every minute, so nothing below waits for them."""
    log = tmp_path_factory.mktemp("stack") / "log"
    running = Stack(log, environment={"MAX_CANCEL_RETRIES": "2"}, schedule_seconds=60).start()
    yield running
    running.stop()


@pytest.fixture
def arrive(browser: Browser, stack: Stack) -> Iterator[Callable[..., Person]]:
    """Have somebody come with a browser of their own, who has no reason to complain until the test ends."""
    there: list[Person] = []

    def come(base: str = f"http://127.0.0.1:{stack.port}", **options: object) -> Person:
        there.append(Person(browser, base, **options))
        return there[-1]

    yield come
    for person in there:
        person.close()
    assert [complaint for person in there for complaint in person.complaints] == []


@pytest.fixture(scope="package")
def seat(browser: Browser, stack: Stack) -> Iterator[Person]:
    """A desk at which somebody has signed in, for signing in takes longer than most of what they do then."""
    person = Person(browser, f"http://127.0.0.1:{stack.port}")
    person.sign_in(ADMIN)
    person.leave()
    yield person
    person.close()


@pytest.fixture
def operator(seat: Person) -> Iterator[Person]:
    """Somebody at a desk who has signed in, and has just loaded the page."""
    seat.open()
    seat.page.locator("#heading").wait_for()
    yield seat
    complaints = list(seat.complaints)
    seat.leave()
    assert complaints == []
