"""The steps of an order's life as the page draws them, from rows of every kind of life."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.person import Person
from tests.system.stack import Stack

Steps = Callable[..., list[dict[str, Any]]]
EVENT = "01KAJ4TEQN5JGKY5MQVVRFDQ6N"


def at(milliseconds: float) -> str:
    """So long after the order was stored."""
    return f"2026-11-21T03:20:{15 + milliseconds // 1000:02.0f}.{milliseconds % 1000 * 1000:06.0f}Z"


def entry(milliseconds: float, state: str, by: str = "stream", filled: str | None = None) -> dict[str, Any]:
    """`PENDING/SENDING`, `OPEN`."""
    status, _, placement = state.partition("/")
    return {
        "at": at(milliseconds),
        "status": status,
        "placement": placement or None,
        "by": by,
        "note": None,
        "filled": filled,
    }


def order(*history: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An order with that history after it was stored READY."""
    entries = [entry(0, "PENDING/READY", "alert"), *history]
    return {
        "event_id": EVENT,
        "created_at": at(0),
        "updated_at": entries[-1]["at"],
        "status": entries[-1]["status"],
        "reason": None,
        "error": None,
        "cancel_requested_at": None,
        "cancel_sent_at": None,
        "history": entries,
        **fields,
    }


def request(status: str, **fields: Any) -> dict[str, Any]:
    """The order's row in the queue."""
    plain = {"status": status, "retry_count": 0, "requested_by": "api", "last_error": None, "result": None}
    return {**plain, "updated_at": at(900), **fields}


SENT = entry(10, "PENDING/SENDING")
OPEN = entry(60, "OPEN")


@pytest.fixture(scope="module")
def steps(browser: Browser, stack: Stack) -> Iterator[Steps]:
    """What the page makes of an order and its cancel request."""
    person = Person(browser, f"http://127.0.0.1:{stack.port}")
    person.open()
    name = person.page.evaluate("new URL('timeline.js', document.querySelector('script[src]').src).href")
    code = "async ([name, order, cancel]) => (await import(name)).stepsOf(order, cancel)"
    yield lambda order, cancel=None: person.page.evaluate(code, [name, order, cancel])
    person.close()


LIVES = {
    "not sent yet": (order(), None, "alert stored"),
    "sent": (order(SENT), None, "alert stored sent"),
    "without an answer": (order(SENT, entry(30, "PENDING/UNKNOWN")), None, "alert stored sent unanswered"),
    "taken, and on the book later": (
        order(SENT, entry(40, "PENDING/ACKED"), OPEN),
        None,
        "alert stored sent acknowledged open",
    ),
    "sent again": (
        order(SENT, entry(30, "PENDING/READY", "reconcile"), entry(40, "PENDING/SENDING"), OPEN),
        None,
        "alert stored sent again sent acknowledged",
    ),
    "filled at once": (
        order(SENT, entry(60, "FILLED", filled="1")),
        None,
        "alert stored sent acknowledged filled",
    ),
    "filled in parts": (
        order(SENT, OPEN, entry(70, "OPEN", filled="0.3"), entry(80, "OPEN", filled="0.6"), entry(90, "FILLED")),
        None,
        "alert stored sent acknowledged partlyFilled partlyFilled filled",
    ),
    "first seen half filled": (
        order(SENT, entry(60, "OPEN", filled="0.5")),
        None,
        "alert stored sent acknowledged partlyFilled",
    ),
    "half filled, then expired, in one look": (
        order(SENT, entry(60, "EXPIRED", filled="0.5")),
        None,
        "alert stored sent acknowledged partlyFilled expired",
    ),
    "rejected": (order(SENT, entry(60, "REJECTED")), None, "alert stored sent rejected"),
    "alive after its end": (
        order(SENT, OPEN, entry(70, "CANCELLED"), entry(90, "OPEN", "reconcile")),
        None,
        "alert stored sent acknowledged cancelled alive",
    ),
    "cancelled": (
        order(SENT, OPEN, entry(200, "CANCELLED"), cancel_requested_at=at(100), cancel_sent_at=at(110)),
        request("SUCCESS", result="cancelled"),
        "alert stored sent acknowledged cancelAsked cancelSent cancelled",
    ),
    "cancelled before it was acknowledged": (
        order(SENT, OPEN, entry(200, "CANCELLED"), cancel_requested_at=at(20), cancel_sent_at=at(70)),
        request("SUCCESS", result="cancelled"),
        "alert stored sent cancelAsked acknowledged cancelSent cancelled",
    ),
    "cancelled, and whoever sent it died": (
        order(SENT, OPEN, entry(200, "CANCELLED"), cancel_requested_at=at(100)),
        request("SUCCESS", result="cancelled"),
        "alert stored sent acknowledged cancelAsked cancelSent cancelled",
    ),
    "filled before its cancel could be sent": (
        order(SENT, OPEN, entry(200, "FILLED", filled="1"), cancel_requested_at=at(100)),
        request("SUCCESS", result="filled"),
        "alert stored sent acknowledged cancelAsked filled",
    ),
    "filled under its cancel": (
        order(SENT, OPEN, entry(200, "FILLED", filled="1"), cancel_requested_at=at(100), cancel_sent_at=at(110)),
        request("SUCCESS", result="filled"),
        "alert stored sent acknowledged cancelAsked cancelSent filled",
    ),
    "cancelled before it was sent": (
        order(entry(100, "CANCELLED", "api"), cancel_requested_at=at(100), reason="never_sent"),
        request("SUCCESS", result="never_sent"),
        "alert stored cancelAsked cancelled",
    ),
    "a cancel that waits": (
        order(SENT, cancel_requested_at=at(100)),
        request("PENDING", waiting_for_order=True),
        "alert stored sent cancelAsked cancelWaits",
    ),
    "a cancel under way": (
        order(SENT, OPEN, cancel_requested_at=at(100)),
        request("PROCESSING"),
        "alert stored sent acknowledged cancelAsked cancelSent",
    ),
    "a cancel whose order is looked up first": (
        order(SENT, entry(30, "PENDING/UNKNOWN"), cancel_requested_at=at(100)),
        request("PROCESSING"),
        "alert stored sent unanswered cancelAsked cancelWaits",
    ),
    "a cancel that was refused": (
        order(SENT, OPEN, cancel_requested_at=at(100)),
        request("PENDING", retry_count=2),
        "alert stored sent acknowledged cancelAsked cancelSent cancelRefused",
    ),
    "a cancel that FAILED": (
        order(SENT, OPEN, cancel_requested_at=at(100)),
        request("FAILED", retry_count=5),
        "alert stored sent acknowledged cancelAsked cancelSent cancelFailed",
    ),
    "a cancel whose request was deleted": (
        order(SENT, OPEN, cancel_requested_at=at(100)),
        None,
        "alert stored sent acknowledged cancelAsked",
    ),
    "an adopted orphan": (
        order(event_id="orphan-1", history=[entry(0, "OPEN", "reconcile")], status="OPEN"),
        None,
        "stored acknowledged",
    ),
}


@pytest.mark.parametrize(("row", "cancel", "kinds"), LIVES.values(), ids=LIVES)
def test_every_kind_of_life_has_its_steps_in_their_order(
    steps: Steps, row: dict[str, Any], cancel: dict[str, Any] | None, kinds: str
) -> None:
    """Distances add up, and a step whose time the rows do not tell has none."""
    drawn = steps(row, cancel)

    assert " ".join(step["kind"] for step in drawn) == kinds
    timed = [step for step in drawn if step["time"] is not None]
    assert [step["time"] for step in timed] == sorted(step["time"] for step in timed)
    assert timed[-1]["sinceAlert"] == pytest.approx(sum(step["sincePrevious"] for step in timed[1:]))
    assert all(step["sincePrevious"] is None for step in drawn if step["time"] is None)


def test_a_step_says_who_caused_it_and_after_how_long(steps: Steps) -> None:
    """To the microsecond that is stored, and each fill with its amount."""
    row = order(SENT, entry(60.25, "OPEN", "stream"), entry(300, "OPEN", "reconcile", filled="0.3"))

    drawn = {step["kind"]: step for step in steps(row)}

    assert drawn["acknowledged"]["by"] == "stream"
    assert drawn["acknowledged"]["sincePrevious"] == pytest.approx(50.25, abs=0.001)
    assert (drawn["partlyFilled"]["by"], drawn["partlyFilled"]["amount"]) == ("reconcile", "0.3")


def test_a_cancel_was_sent_by_whoever_saw_the_end_of_it(steps: Steps) -> None:
    """The row says when; its history who."""
    cancelled = entry(200, "CANCELLED", "sweep")
    row = order(SENT, OPEN, cancelled, cancel_requested_at=at(100), cancel_sent_at=at(110))

    drawn = {step["kind"]: step for step in steps(row, request("SUCCESS", result="cancelled"))}

    assert (drawn["cancelAsked"]["by"], drawn["cancelSent"]["by"]) == ("api", "sweep")
