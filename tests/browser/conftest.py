"""The running stack with the page that people see, and a browser to look at it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.person import Person
from tests.system.stack import ADMIN, Stack


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests here; each of its persons has storage of their own."""
    if chromium.find() is None:
        pytest.skip(chromium.MISSING)
    with chromium.launched() as one:
        yield one


@pytest.fixture(scope="package")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack as `infra/run` starts it, with its simulator of the exchanges."""
    running = Stack(tmp_path_factory.mktemp("stack") / "log").start()
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


@pytest.fixture
def operator(arrive: Callable[..., Person]) -> Person:
    """Somebody at a desk who has signed in."""
    person = arrive()
    person.sign_in(ADMIN)
    return person
