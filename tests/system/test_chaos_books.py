"""The comparison of books and tables: a faithful world passes, and each kind of violation is caught."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.events import EventLog, new_event
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order, Placement, Transition
from chalicelib.domain.outcomes import OrderStatus
from tests.domain.rows import NOW, ORDER_ID, at, cancel_request, order
from tests.system.chaos_books import (
    ANSWER,
    ATTENTION,
    DOUBLE,
    KINDS,
    LOG,
    LOST_CANCEL,
    ORPHAN,
    WRONG_STATE,
    BookOrder,
    Tables,
    Told,
    Violation,
    compare,
    explain,
    of_kind,
)

IDS = Ids("test-")
ALERT, EVENT = "alert-1", "01JD6Z4N3Q8V5W2X7Y9ABCDEFG"
OTHER_ID = "test-01JD6Z4N3Q8V5W2X7Y9ABCDEFH"


def book(state: str = "open", **changes: Any) -> BookOrder:
    """The order as the simulator shows it."""
    plain = {
        "venue": "binance-spot",
        "id": 1,
        "child_id": None,
        "client_id": ORDER_ID,
        "kind": "LIMIT",
        "state": state,
        "live": state == "open",
        "reason": "",
        "filled": "1" if state == "filled" else "0",
    }
    return {**plain, **changes}


def row(status: OrderStatus = OrderStatus.OPEN, placement: Placement | None = None, **changes: Any) -> Order:
    """Our row of it."""
    filled = Decimal(1) if status is OrderStatus.FILLED else Decimal(0)
    return order(status, placement, **{"tag": ALERT, "event_id": EVENT, "filled_quantity": filled, **changes})


def cancelled(**changes: Any) -> Order:
    """Our row of one that was cancelled on request."""
    return row(OrderStatus.CANCELLED, **{"cancel_requested_at": NOW, "reason": "requested", **changes})


def done() -> CancelRequest:
    """Its cancel request."""
    return cancel_request(CancelStatus.SUCCESS, result="cancelled")


@dataclass
class Scene:
    """One alert's order, faithfully recorded unless a test changes something."""

    orders: list[Order] = field(default_factory=lambda: [row()])
    books: list[BookOrder] = field(default_factory=lambda: [book()])
    cancels: list[CancelRequest] = field(default_factory=list)
    events: list[EventLog] | None = None
    told: Told = field(default_factory=Told)

    def violations(self) -> list[Violation]:
        """What the comparison finds."""
        return compare(self.tables(), self.books, self.told, IDS)

    def tables(self) -> Tables:
        events = [log(*self.orders)] if self.events is None else self.events
        return Tables({o.order_id: o for o in self.orders}, {c.cancel_id: c for c in self.cancels}, events)


def log(*orders: Order, kind: str = "LIMIT") -> EventLog:
    """A log row that adds up."""
    event = new_event("s1", EVENT, kind, "BTC/USDT", [order.order_id for order in orders], NOW)
    return event.with_orders(orders, NOW, 30)


def changed(event: EventLog, **changes: Any) -> EventLog:
    return replace(event, **changes)


FAITHFUL: dict[str, Callable[[], Scene]] = {
    "open": Scene,
    "filled": lambda: Scene([row(OrderStatus.FILLED)], [book("filled")]),
    "filled, with a remainder of its amount given back": lambda: Scene(
        [row(OrderStatus.FILLED)], [book("canceled", kind="MARKET", filled="1")]
    ),
    "cancelled on request": lambda: Scene([cancelled()], [book("canceled")], [done()]),
    "cancelled before it was sent": lambda: Scene([cancelled(reason="never_sent")], [], [done()]),
    "rejected, never placed": lambda: Scene([row(OrderStatus.REJECTED, reason="NOT_PLACED")], []),
    "rejected by the exchange after it took it": lambda: Scene([row(OrderStatus.REJECTED)], [book("rejected")]),
    "sent again after the exchange rejected it": lambda: Scene(
        [row(attempt=2)], [book("rejected"), book(client_id=f"{ORDER_ID}-2", id=2)]
    ),
    "a conditional order that was triggered and filled": lambda: Scene(
        [row(OrderStatus.FILLED)],
        [book("triggered", child_id=2), book("filled", id=2, client_id="autoalgo-1")],
    ),
    "an order that is not ours": lambda: Scene(books=[book(), book(client_id="a-stranger")]),
    "promises kept": lambda: Scene(
        [cancelled()],
        [book("canceled")],
        [done()],
        told=Told({ALERT: {EVENT}}, {ORDER_ID: 200}, {"alert-2": {ORDER_ID}}),
    ),
    "the log row of a cancel": lambda: Scene(
        [cancelled()], [book("canceled")], [done()], [log(cancelled()), changed(log(cancelled()), order_type="CANCEL")]
    ),
}


@pytest.mark.parametrize("name", FAITHFUL)
def test_a_faithful_world_has_no_violations(name: str) -> None:
    """Also where an exchange's words differ from ours."""
    assert FAITHFUL[name]().violations() == []


BROKEN: dict[str, tuple[str, Callable[[], Scene]]] = {
    "live without a row": (ORPHAN, lambda: Scene([], [book()], events=[])),
    "ended without a row": (ORPHAN, lambda: Scene([], [book("canceled")], events=[])),
    "live, the row cancelled": (ORPHAN, lambda: Scene([cancelled()], [book()], [done()])),
    "live, the row rejected": (ORPHAN, lambda: Scene([row(OrderStatus.REJECTED)])),
    "live, the row still pending": (ORPHAN, lambda: Scene([row(OrderStatus.PENDING, Placement.UNKNOWN)])),
    "live under an earlier attempt": (ORPHAN, lambda: Scene([row(attempt=2)])),
    "two live orders of one row": (DOUBLE, lambda: Scene(books=[book(), book(id=2)])),
    "a filled order and a live one of its second attempt": (
        DOUBLE,
        lambda: Scene([row(attempt=2)], [book("filled"), book(client_id=f"{ORDER_ID}-2", id=2)]),
    ),
    "two rows of one alert and account": (
        DOUBLE,
        lambda: Scene([row(), row(order_id=OTHER_ID)], [book(), book(client_id=OTHER_ID, id=2)]),
    ),
    "one alert answered as two events": (
        DOUBLE,
        lambda: Scene(
            events=[log(row()), changed(log(), event_id="another")], told=Told(events={ALERT: {EVENT, "another"}})
        ),
    ),
    "flagged, and live": (LOST_CANCEL, lambda: Scene([row(cancel_requested_at=NOW)], [book()], [done()])),
    "flagged, and nothing in the queue": (LOST_CANCEL, lambda: Scene([cancelled()], [book("canceled")])),
    "flagged, and its request failed": (
        LOST_CANCEL,
        lambda: Scene([cancelled()], [book("canceled")], [cancel_request(CancelStatus.FAILED)]),
    ),
    "its request never ended": (
        LOST_CANCEL,
        lambda: Scene([cancelled()], [book("canceled")], [cancel_request(CancelStatus.PENDING)]),
    ),
    "answered 202, and the flag is gone": (LOST_CANCEL, lambda: Scene(told=Told(cancels={ORDER_ID: 202}))),
    "answered 200, and not cancelled": (
        LOST_CANCEL,
        lambda: Scene([row(OrderStatus.FILLED)], [book("filled")], told=Told(cancels={ORDER_ID: 200})),
    ),
    "answered, and no row": (LOST_CANCEL, lambda: Scene([], [], events=[], told=Told(cancels={ORDER_ID: 202}))),
    "a CANCEL alert passed it over": (LOST_CANCEL, lambda: Scene(told=Told(targets={"alert-2": {ORDER_ID}}))),
    "pending for good": (WRONG_STATE, lambda: Scene([row(OrderStatus.PENDING, Placement.SENDING)], [])),
    "open, and filled on the exchange": (WRONG_STATE, lambda: Scene(books=[book("filled")])),
    "open, and the exchange never had it": (WRONG_STATE, lambda: Scene(books=[])),
    "filled, and the exchange never had it": (WRONG_STATE, lambda: Scene([row(OrderStatus.FILLED)], [])),
    "cancelled, and filled on the exchange": (
        WRONG_STATE,
        lambda: Scene([row(OrderStatus.CANCELLED, reason="external", filled_quantity=Decimal(1))], [book("filled")]),
    ),
    "rejected, and filled on the exchange": (
        WRONG_STATE,
        lambda: Scene([row(OrderStatus.REJECTED)], [book("filled")]),
    ),
    "filled in part, of which the row knows nothing": (
        WRONG_STATE,
        lambda: Scene([cancelled()], [book("canceled", filled="0.4")], [done()]),
    ),
    "never sent, and cancelled on the exchange with a fill": (
        WRONG_STATE,
        lambda: Scene([cancelled(reason="never_sent")], [book("canceled", filled="0.4")], [done()]),
    ),
    "answered, and not stored": (LOG, lambda: Scene(told=Told(events={ALERT: {"another"}}))),
    "in no log row": (LOG, lambda: Scene(events=[])),
    "missing from its log row": (LOG, lambda: Scene(events=[log()])),
    "a log row of orders without rows": (LOG, lambda: Scene([], [], events=[log(row())])),
    "counts that do not add up": (LOG, lambda: Scene(events=[changed(log(row()), successful_accounts=0)])),
    "results of another time": (
        LOG,
        lambda: Scene([row(OrderStatus.FILLED)], [book("filled")], events=[changed(log(row()), check_at=None)]),
    ),
    "never settled, though all has ended": (
        LOG,
        lambda: Scene([row(OrderStatus.FILLED)], [book("filled")], events=[unsettled(row(OrderStatus.FILLED))]),
    ),
    "settled, though an order is open": (LOG, lambda: Scene(events=[changed(log(row()), check_at=None)])),
    "a person is called in vain": (ATTENTION, lambda: Scene([row(attention="nobody knows")])),
    "an answer that nobody should get": (ANSWER, lambda: Scene(told=Told(unexpected=[(ALERT, "answered 500")]))),
}


def unsettled(*orders: Order) -> EventLog:
    return changed(log(*orders), check_at=at(60))


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_and_named(name: str) -> None:
    """One case for each way in which a promise can be broken."""
    kind, scene = BROKEN[name]

    violations = scene().violations()

    assert kind in {violation.kind for violation in violations}, violations


def test_every_kind_of_violation_is_shown_to_be_caught() -> None:
    """A kind without a case above would be a check that never failed."""
    assert {kind for kind, _ in BROKEN.values()} == set(KINDS)


def test_violations_are_counted_by_kind_and_those_without_any_are_named_too() -> None:
    """So that a table of zeros says of what."""
    counts = of_kind([Violation(ORPHAN, "a", ""), Violation(ORPHAN, "b", ""), Violation(LOG, "c", "")])

    assert counts == {**dict.fromkeys(KINDS, 0), ORPHAN: 2, LOG: 1}


def test_a_violation_is_explained_with_the_rows_history_and_the_exchanges_view() -> None:
    """Enough to begin with, without running it again."""
    history = (Transition(NOW, "PENDING", "SENDING", "alert"), Transition(at(1), "CANCELLED", None, "sweep", "gone"))
    scene = Scene([cancelled(history=history)], [book(filled="0.2")], [done()])
    (orphan, *_) = scene.violations()

    words = explain(orphan, scene.tables(), scene.books)

    assert f"orphan: {ORDER_ID}" in words
    assert "PENDING/SENDING by alert" in words
    assert "CANCELLED by sweep: gone" in words
    assert "is SUCCESS (cancelled)" in words
    assert f"exchange: {ORDER_ID} at binance-spot is live, filled 0.2" in words


def test_an_order_that_the_exchange_never_had_is_explained_as_such() -> None:
    """Instead of silence."""
    scene = Scene(books=[])
    (wrong,) = scene.violations()

    assert "exchange: has no such order" in explain(wrong, scene.tables(), scene.books)
