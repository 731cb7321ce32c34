"""Compares the exchanges' books with our tables and with what clients were told; every difference is a violation."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import utc_text
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.usecases.orphans import STRATEGY as ORPHANS

ORPHAN, DOUBLE, LOST_CANCEL, WRONG_STATE, LOG, ATTENTION, ANSWER = KINDS = (
    "orphan",
    "double",
    "lost cancel",
    "wrong state",
    "log",
    "attention",
    "answer",
)

BookOrder = Mapping[str, Any]
"""An order as the simulator's control API shows it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise; `subject` is the order, event or alert of which it speaks."""

    kind: str
    subject: str
    words: str


@dataclass(frozen=True, slots=True)
class Tables:
    """All rows at one time. Each order's tag is the alert_id of the alert that it came of."""

    orders: Mapping[str, Order]
    cancels: Mapping[str, CancelRequest]
    events: Sequence[EventLog]


@dataclass(slots=True)
class Told:
    """What clients were answered, and so may rely on."""

    events: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Event ids by alert_id: one alert is one event."""
    cancels: dict[str, int] = field(default_factory=dict)
    """Status code by order id, of cancels that were accepted: 200 is «cancelled», 202 «queued»."""
    targets: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By the alert_id of an accepted CANCEL: orders of its kind whose alert had been answered before it was sent."""
    unexpected: list[tuple[str, str]] = field(default_factory=list)
    """Subject and words of answers that nobody should ever get."""


def compare(tables: Tables, books: Sequence[BookOrder], told: Told, ids: Ids) -> list[Violation]:
    """Everything that differs now; the empty list once all is settled and nothing was lost."""
    return list(_Comparison(tables, books, told, ids).violations())


class _Comparison:
    def __init__(self, tables: Tables, books: Sequence[BookOrder], told: Told, ids: Ids) -> None:
        self._orders, self._cancels, self._events = tables.orders, tables.cancels, tables.events
        self._told = told
        self._books: dict[str, list[tuple[int, BookOrder]]] = defaultdict(list)
        for book in follow_triggered(books):
            own = ids.own(book["client_id"])
            if own is not None:
                self._books[own[0]].append((own[1], book))

    def violations(self) -> Iterator[Violation]:
        for order_id, books in self._books.items():
            yield from self._on_books(order_id, books)
        for row in self._orders.values():
            yield from self._row(row)
            yield from self._flag(row)
        yield from self._one_order_for_each_account()
        yield from self._promised_cancels()
        yield from self._logs()
        yield from (Violation(ANSWER, *words) for words in self._told.unexpected)

    def _on_books(self, order_id: str, books: Sequence[tuple[int, BookOrder]]) -> Iterator[Violation]:
        row = self._orders.get(order_id)
        for attempt, book in books:
            if row is None:
                yield Violation(ORPHAN, order_id, f"no row: {shown(book)}")
            elif book["live"] and (row.status is not OrderStatus.OPEN or attempt != row.attempt):
                yield Violation(ORPHAN, order_id, f"{told_by(row)}: {shown(book)}")
            elif book["live"] and row.cancel_requested:
                yield Violation(LOST_CANCEL, order_id, f"its cancel was accepted, and it is live: {shown(book)}")
        taken = [book for _, book in books if book["state"] != "rejected"]
        if len(taken) > 1:
            yield Violation(DOUBLE, order_id, "; ".join(map(shown, taken)))

    def _row(self, row: Order) -> Iterator[Violation]:
        if row.attention is not None and row.strategy_id != ORPHANS:
            yield Violation(ATTENTION, row.order_id, f"{told_by(row)}: a person is called, and nothing is left to do")
        if row.status is OrderStatus.PENDING:
            yield Violation(WRONG_STATE, row.order_id, f"never settled: {told_by(row)}")
            return
        of_attempt = [book for attempt, book in self._books[row.order_id] if attempt == row.attempt]
        taken = [book for book in of_attempt if book["state"] != "rejected"]
        if not taken:
            if _needs_an_order(row):
                yield Violation(WRONG_STATE, row.order_id, f"{told_by(row)}: the exchange never had it")
        elif row.filled_quantity != Decimal(taken[-1]["filled"]) or not _fits(row.status, taken[-1]):
            yield Violation(WRONG_STATE, row.order_id, f"{told_by(row)}: {shown(taken[-1])}")

    def _flag(self, row: Order) -> Iterator[Violation]:
        request = self._cancels.get(row.order_id)
        if row.cancel_requested and (request is None or request.status is not CancelStatus.SUCCESS):
            yield Violation(LOST_CANCEL, row.order_id, f"{told_by(row)}, and its request {_asked(request)}")
        elif row.cancel_requested and not row.terminal:
            yield Violation(LOST_CANCEL, row.order_id, f"its request is SUCCESS, and {told_by(row)}")

    def _one_order_for_each_account(self) -> Iterator[Violation]:
        """Whatever was answered or not: however often an alert was sent, it is one order of each account."""
        found = Counter((row.tag, row.account_id) for row in self._orders.values() if row.tag is not None)
        for (tag, account_id), count in found.items():
            if count > 1:
                yield Violation(DOUBLE, str(tag), f"one alert, {count} orders of account {account_id}")
        for alert_id, events in self._told.events.items():
            if len(events) > 1:
                yield Violation(DOUBLE, alert_id, f"one alert, answered as events {', '.join(sorted(events))}")

    def _promised_cancels(self) -> Iterator[Violation]:
        for order_id, status in self._told.cancels.items():
            row = self._orders.get(order_id)
            if row is None:
                yield Violation(LOST_CANCEL, order_id, f"its cancel was answered {status}, and it has no row")
            elif status == 200 and row.status is not OrderStatus.CANCELLED:
                yield Violation(LOST_CANCEL, order_id, f"answered 200, cancelled: {told_by(row)}")
            elif not row.terminal and not row.cancel_requested:
                yield Violation(LOST_CANCEL, order_id, f"answered {status}, and its flag is gone: {told_by(row)}")
        for alert_id, targets in self._told.targets.items():
            for order_id in sorted(targets):
                row = self._orders.get(order_id)
                if row is None or not (row.terminal or row.cancel_requested):
                    now = "has no row" if row is None else told_by(row)
                    yield Violation(LOST_CANCEL, order_id, f"{alert_id} was accepted and did not ask for it: {now}")

    def _logs(self) -> Iterator[Violation]:
        stored = {event.event_id: event for event in self._events}
        for alert_id, events in self._told.events.items():
            for event_id in sorted(events - stored.keys()):
                yield Violation(LOG, alert_id, f"was answered with event {event_id}, which is not stored")
        for row in self._orders.values():
            event = stored.get(row.event_id)
            if row.strategy_id != ORPHANS and (event is None or row.order_id not in event.order_ids):
                yield Violation(LOG, row.order_id, f"is not in the log of its event {row.event_id}")
        for event in self._events:
            yield from self._log(event)

    def _log(self, event: EventLog) -> Iterator[Violation]:
        """R26, counted here anew."""
        missing = [order_id for order_id in event.order_ids if order_id not in self._orders]
        if missing:
            yield Violation(LOG, event.event_id, f"{event.order_type} names orders without rows: {missing}")
            return
        orders = [self._orders[order_id] for order_id in event.order_ids]
        right = sum(_succeeded(event, row) for row in orders)
        counts = (right, sum(row.terminal for row in orders if not _succeeded(event, row)))
        lines = {row.order_id: (row.status.value, row.filled_quantity) for row in orders}
        has = {line.order_id: (line.status, line.filled_quantity) for line in event.results}
        if (event.successful_accounts, event.failed_accounts) != counts or has != lines:
            said = f"{event.successful_accounts} successful, {event.failed_accounts} failed, {_lines(has)}"
            words = f"{counts[0]} and {counts[1]}, {_lines(lines)}"
            yield Violation(LOG, event.event_id, f"{event.order_type} says {said}; its orders say {words}")
        elif (event.check_at is None) != all(row.terminal for row in orders):
            state = "settled" if event.check_at is None else "unsettled"
            yield Violation(LOG, event.event_id, f"{event.order_type} is {state}, its orders: {_lines(lines)}")


def follow_triggered(books: Sequence[BookOrder]) -> list[BookOrder]:
    """A conditional order of a separate book that was triggered goes on as another one, under an id of the exchange's:
    here it is shown as the one that goes on, under the id that we gave it."""
    by_id = {(book["venue"], book["id"]): book for book in books}
    followed = [(book, by_id.get((book["venue"], book["child_id"]))) for book in books]
    return [book if child is None else {**child, "client_id": book["client_id"]} for book, child in followed]


def explain(violation: Violation, tables: Tables, books: Sequence[BookOrder]) -> str:
    """The violation, the history of the row of which it speaks, and how the exchange sees that order."""
    lines = [f"✘ {violation.kind}: {violation.subject}: {violation.words}"]
    rows = [row for row in tables.orders.values() if violation.subject in (row.order_id, row.event_id, row.tag)]
    for row in rows:
        lines.append(f"    row {row.order_id} of {row.account_id}, {row.order_type} {row.symbol}: {told_by(row)}")
        for entry in row.history:
            state = "/".join(filter(None, (entry.status, entry.placement)))
            lines.append(f"      {utc_text(entry.at)} {state} by {entry.by}{f': {entry.note}' if entry.note else ''}")
        request = tables.cancels.get(row.order_id)
        asked = f"at {utc_text(row.cancel_requested_at)}, {_asked(request)}" if row.cancel_requested_at else "never"
        lines.append(f"      cancel requested {asked}")
    names = {violation.subject, *(row.order_id for row in rows)}
    seen = [book for book in follow_triggered(books) if any(str(book["client_id"]).startswith(name) for name in names)]
    lines += [f"    exchange: {shown(book)}" for book in seen] or ["    exchange: has no such order"]
    return "\n".join(lines)


def shown(book: BookOrder) -> str:
    """An exchange's order in a line."""
    live = "live" if book["live"] else f"ended {book['state']}"
    reason = f" ({book['reason']})" if book["reason"] else ""
    return f"{book['client_id']} at {book['venue']} is {live}{reason}, filled {book['filled']}"


def told_by(row: Order) -> str:
    """What our row says, in a line."""
    placement = f"/{row.placement}" if row.placement else ""
    words = [f"our row is {row.status}{placement}", f"attempt {row.attempt}", f"filled {row.filled_quantity:f}"]
    notes = {"reason": row.reason, "error": row.error, "attention": row.attention}
    return ", ".join([*words, *(f"{name} {value!r}" for name, value in notes.items() if value)])


def _needs_an_order(row: Order) -> bool:
    """Whether the row says something that only an order on the exchange can have brought about."""
    if row.status is OrderStatus.CANCELLED:
        return row.filled_quantity > 0 or not (row.reason or "").startswith(("never_", "HALTED"))
    return row.status is not OrderStatus.REJECTED or row.filled_quantity > 0


def _fits(status: OrderStatus, book: BookOrder) -> bool:
    if status is OrderStatus.OPEN or book["live"]:
        return status is OrderStatus.OPEN and bool(book["live"])
    if status is OrderStatus.FILLED:
        # Bybit and Upbit end a market order with a remainder of its quote amount, and call that cancelled.
        return bool(book["state"] == "filled" or (book["kind"] == "MARKET" and Decimal(book["filled"]) > 0))
    if status is OrderStatus.REJECTED:
        return bool(book["state"] == "expired")
    return bool(book["state"] != "filled")


def _succeeded(event: EventLog, row: Order) -> bool:
    if event.is_cancel:
        return row.status is OrderStatus.CANCELLED
    traded = row.status in (OrderStatus.OPEN, OrderStatus.FILLED) or (row.terminal and row.filled_quantity > 0)
    return traded or (row.status is OrderStatus.CANCELLED and row.cancel_requested)


def _asked(request: CancelRequest | None) -> str:
    return "is not in the queue" if request is None else f"is {request.status} ({request.result or request.last_error})"


def _lines(results: Mapping[str, tuple[str, Decimal]]) -> str:
    return ", ".join(f"{order_id} {status} {filled:f}" for order_id, (status, filled) in results.items()) or "nothing"


def of_kind(violations: Iterable[Violation]) -> Mapping[str, int]:
    """How many there are of each kind, those with none included."""
    found = Counter(violation.kind for violation in violations)
    return {kind: found[kind] for kind in KINDS}
