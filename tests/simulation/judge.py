"""Compares, when all is over, the exchanges' own books with our tables and with what people were told."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from chalicelib.domain.alerts import CancelAlert
from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import after, seconds_between, utc_text
from chalicelib.domain.errors import NotAuthenticatedError
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order, OrderRequest
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.policy import Policy
from chalicelib.domain.strategies import Strategy
from chalicelib.domain.verdicts import HALTED, NEVER_PLACED, NEVER_SENT, REQUESTED
from chalicelib.usecases.orphans import STRATEGY as ORPHANS
from chalicelib.usecases.recording import end_of
from infra.simulator.model import Order as BookOrder
from infra.simulator.model import State
from infra.simulator.world import World
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.outsiders import Traces
from tests.simulation.watch import Violation, Watch
from tests.simulation.workload import SentAlert, Told

AT_ONCE = 1.5
"""Seconds for which a create may be under way that nothing holds up."""

ORPHAN, DOUBLE, LOST_CANCEL, WRONG_END, LOG, PROMISE = (
    "orphan",
    "double",
    "lost cancel",
    "wrong state",
    "log",
    "promise",
)

_MILLISECONDS_ONLY = 0.002
"""Seconds: exchanges tell no more of a time."""


@dataclass(frozen=True, slots=True)
class OnBook:
    """What an exchange made of one create of ours; `order` is what counts: what a conditional one has triggered."""

    client_id: str
    attempt: int
    sent: BookOrder
    order: BookOrder

    @property
    def placed(self) -> bool:
        """Whether it ever was more than a refused request."""
        return self.order.state is not State.REJECTED

    def __str__(self) -> str:
        order, at = self.order, datetime.fromtimestamp(self.sent.created_ms / 1000, UTC)
        state = f"{order.state.value}, {order.filled} filled, since {utc_text(at)[11:23]}"
        return f"{order.market.venue} has {self.client_id} {state}"


@dataclass
class Judge:
    """Reads everything, changes nothing. `slow_engine`: an exchange was slower than R12 allows for."""

    database: MemoryDatabase
    worlds: Sequence[World]
    watch: Watch
    told: Told
    traces: Traces
    policy: Policy
    ids: Ids = field(default_factory=lambda: Ids("test-"))
    slow_engine: bool = False
    refusals: bool = True
    """Whether any exchange refused a cancel."""
    calm: bool = False
    """Whether every step takes no longer than it has to."""

    def verdict(self) -> list[Violation]:
        """Everything that is wrong now."""
        rows = {row.order_id: row for row in self.database.all(Order)}
        books = self._books()
        found = [*self.watch.violations]
        found += self._orders_on_books(rows, books)
        for row in rows.values():
            if row.order_id in self.traces.impostors:
                found += self._impostor(row)
            else:
                found += self._row(row, books.get(row.order_id, []))
        found += self._cancels(rows)
        found += self._alerts(rows)
        found += self._logs(rows)
        found += self._strangers()
        found += [Violation(PROMISE, "-", words) for words in self.told.unexpected]
        return found

    def counts(self) -> tuple[int, int]:
        """Orders and cancel requests."""
        return len(self.database.all(Order)), len(self.database.all(CancelRequest))

    def _books(self) -> Mapping[str, list["OnBook"]]:
        """What exchanges took under our ids, by order; a conditional order that triggered is its child."""
        found: dict[str, list[OnBook]] = defaultdict(list)
        for world in self.worlds:
            world.engine.run_due()
            for order in world.engine.orders:
                own = self.ids.own(order.intent.client_id)
                if own is not None:
                    child = order.child if order.state is State.TRIGGERED else None
                    if child is None or child.intent.client_id != order.intent.client_id:
                        found[own[0]].append(OnBook(order.intent.client_id, own[1], order, child or order))
        return found

    def _orders_on_books(
        self, rows: Mapping[str, Order], books: Mapping[str, Sequence["OnBook"]]
    ) -> Iterable[Violation]:
        for order_id, orders in books.items():
            if order_id in self.traces.impostors:
                continue
            row = rows.get(order_id)
            for known in orders:
                yield from self._one_on_book(order_id, row, known)
            placed = [known for known in orders if known.placed]
            if len(placed) > 1 and not self._excused_double(row, placed):
                yield Violation(DOUBLE, order_id, "; ".join(map(str, placed)))

    def _one_on_book(self, order_id: str, row: Order | None, known: OnBook) -> Iterable[Violation]:
        live = known.order.live
        if row is None:
            if live or order_id not in self.traces.lost_rows:
                yield Violation(ORPHAN, order_id, f"no row: {known}")
            return
        if live and (row.status is not OrderStatus.OPEN or known.attempt != row.attempt):
            yield Violation(ORPHAN, order_id, f"{_told(row)}: {known}")
        if live and row.cancel_requested:
            yield Violation(LOST_CANCEL, order_id, f"{_told(row)}: {known}")
        if row.strategy_id != ORPHANS:
            yield from self._sent_by_the_rules(row, known)

    def _sent_by_the_rules(self, row: Order, known: OnBook) -> Iterable[Violation]:
        """R1, R9: recorded before it was taken, exactly so, and not sent once its cancel was asked for."""
        order_id = row.order_id
        sending = self.watch.sendings.get((order_id, known.attempt))
        if sending is None or sending.request is None or sending.deadline is None:
            yield Violation("R1", order_id, f"sent without a record: {known}")
            return
        skew = self.worlds[0].engine.skew_ms.get(known.sent.market.exchange, 0)
        created = datetime.fromtimestamp((known.sent.created_ms - skew) / 1000, UTC)
        if seconds_between(sending.at, created) < -_MILLISECONDS_ONLY:
            yield Violation("R1", order_id, f"taken at {utc_text(created)}, recorded at {utc_text(sending.at)}")
        recorded, sent = _of_request(sending.request), _of_intent(known.sent, sending.request)
        if recorded != sent:
            yield Violation("R1", order_id, f"recorded {recorded}, the exchange was sent {sent}")
        if row.quantity is not None and sending.request.quantity not in (None, row.quantity):
            yield Violation("R1", order_id, f"asked for {row.quantity}, recorded {sending.request.quantity}")
        flagged = self.watch.flagged_at.get(order_id)
        if self.calm and flagged is not None and created > after(flagged, AT_ONCE):
            yield Violation("R9", order_id, f"sent at {utc_text(created)}, its cancel asked for at {utc_text(flagged)}")

    def _excused_double(self, row: Order | None, placed: Sequence[OnBook]) -> bool:
        """Where an exchange broke its own promise, the earlier attempt is ended, and a person is called (R13)."""
        if not self.slow_engine or row is None:
            return False
        return row.attention is not None and not any(
            known.order.live for known in placed if known.attempt != row.attempt
        )

    def _row(self, row: Order, on_books: Sequence[OnBook]) -> Iterable[Violation]:
        if row.status is OrderStatus.PENDING:
            yield Violation(WRONG_END, row.order_id, f"still {_told(row)}")
            return
        known = next((known for known in reversed(on_books) if known.attempt == row.attempt), None)
        if known is None:
            never = row.status in (OrderStatus.REJECTED, OrderStatus.CANCELLED) and not row.filled_quantity
            if not never or row.reason in (REQUESTED, "external"):
                yield Violation(WRONG_END, row.order_id, f"{_told(row)}: the exchange never had it")
        elif not _fits(row, known.order) and not self._is_other_word(row, known.order):
            yield Violation(WRONG_END, row.order_id, f"{_told(row)}: {known}")
        elif not _is_priced(row, known.order):
            yield Violation(WRONG_END, row.order_id, f"average price {row.average_price}: {known.order.average_price}")
        if row.reason == HALTED and not (self.told.halts or self.told.changed_accounts):
            yield Violation("R10", row.order_id, f"{_told(row)}: nobody halted anything")
        if row.reason == REQUESTED and row.strategy_id != ORPHANS and not self._is_asked_for(row):
            yield Violation(PROMISE, row.order_id, "cancelled on request, and nobody asked for it")
        if row.attention and not self._may_need_attention(row):
            yield Violation(WRONG_END, row.order_id, f"attention without need: {row.attention}")

    def _is_other_word(self, row: Order, order: BookOrder) -> bool:
        """R5: of what was concluded too early only OPEN and FILLED are overturned."""
        ended_twice = row.contradicted and row.filled_quantity == order.filled
        return self.slow_engine and ended_twice and row.terminal and order.state in (State.EXPIRED, State.CANCELED)

    def _is_asked_for(self, row: Order) -> bool:
        alerts = [sent.alert for sent in self.told.alerts if isinstance(sent.alert, CancelAlert)]
        by_alert = any(alert.tag in (None, row.tag) for alert in alerts)
        return row.cancel_requested and (by_alert or row.order_id in self.told.asked)

    def _impostor(self, row: Order) -> Iterable[Violation]:
        """R13: whatever stands under our id, and is not what we sent, is never taken for it."""
        if row.attention is None:
            yield Violation("R13", row.order_id, f"{_told(row)}: the exchange shows another order under its id")

    def _may_need_attention(self, row: Order) -> bool:
        return self.slow_engine or row.strategy_id == ORPHANS

    def _cancels(self, rows: Mapping[str, Order]) -> Iterable[Violation]:
        for row in rows.values():
            request = self.database.get(CancelRequest, (row.order_id,))
            if not row.cancel_requested or row.order_id in self.traces.impostors:
                continue
            done = request is not None and request.status is CancelStatus.SUCCESS and request.result == end_of(row)
            # One that has ended may be deleted too, and of one that was lost before that nobody knows any more.
            gone = request is None and row.order_id in self.watch.deleted | self.traces.lost_requests
            if not (row.terminal and (done or gone)):
                yield Violation(LOST_CANCEL, row.order_id, f"{_told(row)}, cancel {_asked(request)}")
            if request is not None and request.retry_count and not self.refusals:
                yield Violation("R17", row.order_id, f"{request.retry_count} retries counted, and nobody refused")
        kept = {cancel.order_id for cancel in self.told.cancels if cancel.deleted_at is None}
        deleted = {cancel.order_id for cancel in self.told.cancels} - kept
        for order_id in sorted(kept - self.traces.lost_rows - self.watch.deleted):
            kept_row = rows.get(order_id)
            if kept_row is None or not (kept_row.cancel_requested or kept_row.terminal):
                yield Violation(LOST_CANCEL, order_id, "accepted, and its flag is gone")
        yield from self._taken_back(deleted, rows)
        for words in self.told.broken_rules:
            yield Violation(*words)

    def _taken_back(self, deleted: Iterable[str], rows: Mapping[str, Order]) -> Iterable[Violation]:
        """R20: a request that was deleted is not carried out, unless somebody asked again."""
        for order_id in sorted(deleted):
            row = rows.get(order_id)
            if row is None or row.reason != REQUESTED:
                continue
            last = max(
                cancel.deleted_at for cancel in self.told.cancels if cancel.order_id == order_id and cancel.deleted_at
            )
            if self.watch.flagged_at[order_id] < last:
                yield Violation("R20", order_id, "cancelled although its request was deleted")

    def _alerts(self, rows: Mapping[str, Order]) -> Iterable[Violation]:
        events = {event.event_id: event for event in self.database.all(EventLog)}
        for sent in self.told.alerts:
            ids = {answer.event.event_id for answer in sent.answers}
            if len(ids) > 1:
                yield Violation(DOUBLE, sent.alert_id, f"one alert, {len(ids)} events")
            for event_id in sorted(ids):
                if event_id not in events:
                    yield Violation(LOG, sent.alert_id, f"event {event_id} was answered, and is not stored")
                    continue
                yield from self._as_meant(sent, events[event_id], rows)
                missing = [name for name in events[event_id].order_ids if name not in rows]
                for name in missing:
                    if name not in self.traces.lost_rows:
                        yield Violation(LOG, name, f"of event {event_id}, has no row")
            yield from self._refused(sent)
            if isinstance(sent.alert, CancelAlert) and sent.answers:
                yield from self._cancelled_targets(sent, rows)
        yield from self._halted(rows, events)

    def _as_meant(self, sent: SentAlert, event: EventLog, rows: Mapping[str, Order]) -> Iterable[Violation]:
        """Every account trades, by what the alert says; a CANCEL means no more than it names."""
        accounts = len(self.database.all(Strategy)[0].accounts)
        if not event.is_cancel and event.total_accounts != accounts and not self.told.changed_accounts:
            yield Violation(LOG, event.event_id, f"{event.total_accounts} of {accounts} accounts")
        for row in (rows[name] for name in event.order_ids if name in rows):
            if row.strategy_id == ORPHANS:
                continue  # its row was lost, and with it what it was meant to be
            if isinstance(sent.alert, CancelAlert):
                if sent.alert.tag not in (None, row.tag):
                    yield Violation("R22", row.order_id, f"cancelled by tag {sent.alert.tag!r}, it has {row.tag!r}")
            elif (sent.alert.quantity, sent.alert.price) != (row.quantity, row.price):
                yield Violation("R1", row.order_id, f"{sent.alert} became an order of {row.quantity} at {row.price}")

    def _refused(self, sent: SentAlert) -> Iterable[Violation]:
        """R21, R23: nobody is refused once he was accepted, nor on the word of a memory."""
        for began, at, refusal in sent.refusals:
            if sent.answered_at is not None and began > sent.answered_at:
                yield Violation("R21", sent.alert_id, f"accepted once, then {refusal.code}")
            off = any(
                halt.asked_at <= at and (halt.on_at is None or halt.on_at >= sent.first_at) for halt in self.told.halts
            )
            expected = refusal.code == "TRADING_DISABLED" or (refusal.code == "STRATEGY_DISABLED" and off)
            idle = refusal.code == "NO_ACCOUNTS" and self.told.changed_accounts  # out of trading for the change
            if isinstance(refusal, NotAuthenticatedError) or not ((off and expected) or idle):
                yield Violation("R23", sent.alert_id, f"refused with {refusal.code}")

    def _cancelled_targets(self, sent: SentAlert, rows: Mapping[str, Order]) -> Iterable[Violation]:
        """R22: what was live before the CANCEL came has been asked for."""
        assert isinstance(sent.alert, CancelAlert)
        for order_id in sent.live_before:
            row = rows.get(order_id)
            if row is None or order_id in self.traces.lost_rows or sent.alert.tag not in (None, row.tag):
                continue
            taken_back = order_id in self.watch.deleted
            if not row.terminal and not row.cancel_requested and not taken_back:
                yield Violation(LOST_CANCEL, order_id, f"{sent.alert.kind} was accepted: {_told(row)}")

    def _halted(self, rows: Mapping[str, Order], events: Mapping[str, EventLog]) -> Iterable[Violation]:
        """R10, R24: nothing new while the switch is off."""
        for halt in self.told.halts:
            if halt.off_at is None or halt.on_asked_at is None:
                continue
            for event_id, at in self.watch.stored_at.items():
                event = events.get(event_id)
                if event is not None and not event.is_cancel and halt.off_at < at < halt.on_asked_at:
                    yield Violation("R24", event_id, f"accepted at {utc_text(at)} although trading was off")
            begin = after(halt.off_at, AT_ONCE)
            for (order_id, _), sending in self.watch.sendings.items():
                if self.calm and begin < sending.at < halt.on_asked_at:
                    yield Violation("R10", order_id, f"sent at {utc_text(sending.at)} with trading off")
        for row in rows.values():
            off_at, sending = self.told.disabled_at.get(row.account_id), self.watch.sendings.get((row.order_id, 1))
            if self.calm and off_at and sending and sending.at > after(off_at, AT_ONCE):
                yield Violation("R10", row.order_id, f"sent although {row.account_id} was disabled")

    def _logs(self, rows: Mapping[str, Order]) -> Iterable[Violation]:
        for event in self.database.all(EventLog):
            orders = [rows[name] for name in event.order_ids if name in rows]
            if self.traces.lost_rows.intersection(event.order_ids):
                continue  # of lost rows no log can know
            told, true = _told_counts(event), _true_counts(event, orders)
            if told != true:
                yield Violation(LOG, event.event_id, f"{event.order_type} says {told}, its orders {true}")
            for order in orders:
                asked = order.terminal or order.cancel_requested or order.order_id in self.watch.deleted
                if event.is_cancel and not asked:
                    yield Violation(LOST_CANCEL, order.order_id, f"{event.order_type} was stored: {_told(order)}")

    def _strangers(self) -> Iterable[Violation]:
        for venue, client_id in self.traces.strangers:
            for order in self.worlds[0].engine.orders:
                if (order.market.venue, order.intent.client_id) == (venue, client_id) and order.state not in (
                    State.OPEN,
                    State.REJECTED,
                ):
                    yield Violation("R29", client_id, f"an order that is not ours is {order.state.value}")


def late_cancels(watch: Watch, database: MemoryDatabase, bound: float, now: datetime) -> Iterable[Violation]:
    """On a calm day no cancel waits for the next minute: its order ends soon after it was asked for and sent."""
    for row in database.all(Order):
        asked = watch.flagged_at.get(row.order_id)
        ended_otherwise = row.terminal and row.reason != REQUESTED
        if asked is None or not row.cancel_requested or ended_otherwise:
            continue
        begin = max(asked, watch.left_pending_at.get(row.order_id, asked))
        took = seconds_between(begin, watch.ended_at.get(row.order_id, now))
        if took > bound and row.placement is None:
            yield Violation("late", row.order_id, f"its cancel took {took:.1f} s on a calm day")


def _fits(row: Order, order: BookOrder) -> bool:
    """The same end, the same fills."""
    never = order.state is not State.REJECTED and row.reason in (NEVER_SENT, NEVER_PLACED)
    return row.filled_quantity == order.filled and not never and _means(row.status, order)


def _means(status: OrderStatus, order: BookOrder) -> bool:
    if status is OrderStatus.OPEN:
        return order.live
    if order.live:
        return False
    told_otherwise = order.market.exchange in ("upbit", "bybit")  # they know one word for it
    ends: Mapping[OrderStatus, bool] = {
        OrderStatus.FILLED: order.state is State.FILLED or (order.intent.kind == "market" and order.filled > 0),
        OrderStatus.CANCELLED: order.state is State.CANCELED
        or (told_otherwise and order.state in (State.EXPIRED, State.REJECTED)),
        OrderStatus.EXPIRED: order.state is State.EXPIRED,
        OrderStatus.REJECTED: order.state is State.REJECTED,
    }
    return ends[status]


def _is_priced(row: Order, order: BookOrder) -> bool:
    told, true = row.average_price, order.average_price
    return not order.filled or (told is not None and abs(told - true) <= order.market.tick)


Terms = tuple[object, ...]
"""Quantity, price, trigger, side and time in force."""


def _of_request(request: OrderRequest) -> Terms:
    force = request.time_in_force.value if request.time_in_force else None
    return request.quantity, request.price, request.stop_price, request.side.value.upper(), force


def _of_intent(order: BookOrder, request: OrderRequest) -> Terms:
    """As the exchange took it; of what the request leaves open, nothing is asked."""
    intent = order.intent
    quantity = intent.quantity if request.quantity is not None else None
    force = intent.time_in_force if request.time_in_force is not None else None
    return quantity, intent.price, intent.trigger.price if intent.trigger else None, intent.side, force


Counts = tuple[int, int, bool, tuple[tuple[str, str, Decimal], ...]]
"""Successful, failed, whether settled, and a line for each order."""


def _told_counts(event: EventLog) -> Counts:
    lines = tuple((line.order_id, line.status, line.filled_quantity) for line in event.results)
    return event.successful_accounts, event.failed_accounts, event.check_at is None and event.ttl is not None, lines


def _true_counts(event: EventLog, orders: Sequence[Order]) -> Counts:
    """R26, counted anew."""
    good = bad = 0
    for order in orders:
        if event.is_cancel:
            success = order.status is OrderStatus.CANCELLED
        else:
            cancelled_on_request = order.status is OrderStatus.CANCELLED and order.cancel_requested
            success = order.status is OrderStatus.OPEN or order.filled_quantity > 0 or cancelled_on_request
        if order.status is OrderStatus.PENDING or (event.is_cancel and order.status is OrderStatus.OPEN):
            continue
        good, bad = good + success, bad + (not success)
    lines = tuple((order.order_id, order.status.value, order.filled_quantity) for order in orders)
    return good, bad, all(order.terminal for order in orders), lines


def _told(row: Order) -> str:
    placement = f"/{row.placement}" if row.placement else ""
    words = [f"our row is {row.status}{placement}", f"attempt {row.attempt}", f"filled {row.filled_quantity:f}"]
    told = ((name, getattr(row, name)) for name in ("reason", "error", "attention"))
    words += [f"{name} {value!r}" for name, value in told if value]
    return ", ".join(words)


def _asked(request: CancelRequest | None) -> str:
    if request is None:
        return "is not in the queue"
    return f"is {request.status} ({request.result or request.last_error})"
