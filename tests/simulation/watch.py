"""Looks at every transaction as it is committed: what must hold in each state of the tables, not only in the last."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import seconds_between, utc_text
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order, OrderRequest, OrderType, Placement
from chalicelib.domain.policy import SIGHTINGS_APART, Policy
from chalicelib.domain.verdicts import EXPIRED_BEFORE_SEND
from infra.simulator.wire import Request
from tests.simulation.chronicle import Chronicle
from tests.simulation.desk import ID_PREFIX
from tests.simulation.direct import Passage
from tests.simulation.memory_database import Committed, MemoryDatabase
from tests.simulation.scheduler import SimulatedLoop

_MILLISECONDS_ONLY = 0.002
_POLICY = Policy()
CLOCKS_APART = 1.1
"""Seconds by which the clocks of two processes may differ, and a bit."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken; `rule` is what it belongs to."""

    rule: str
    order_id: str
    words: str


@dataclass(frozen=True, slots=True)
class Sending:
    """An attempt as it was recorded before it was sent."""

    at: datetime
    deadline: datetime | None
    request: OrderRequest | None


class Watch:
    """`sendings`: each attempt's record, by order and attempt."""

    def __init__(self, loop: SimulatedLoop, database: MemoryDatabase, chronicle: Chronicle) -> None:
        self.violations: list[Violation] = []
        self.sendings: dict[tuple[str, int], Sending] = {}
        self.stored_at: dict[str, datetime] = {}
        """When events were committed."""
        self.ended_at: dict[str, datetime] = {}
        """When orders were written as ended, for the last time."""
        self.flagged_at: dict[str, datetime] = {}
        self.left_pending_at: dict[str, datetime] = {}
        self.may_contradict = False
        """Whether an exchange may show what was concluded to be otherwise."""
        self.lost_requests: set[str] = set()
        self.deleted: set[str] = set()
        """Orders whose cancel requests were deleted, of the ones that had ended, too."""
        self.send_patience = math.inf
        """Seconds for which a send that began in time may go on."""
        self._ids = Ids(ID_PREFIX)
        self._loop = loop
        self._database = database
        self._chronicle = chronicle
        database.on_commit = self._look

    def look_at_create(self, passage: Passage) -> None:
        """R2: signed with a time and a window that end by the deadline that was recorded."""
        names = ("newClientOrderId", "clientAlgoId", "orderLinkId")
        client_id = next((str(passage.call.params[name]) for name in names if name in passage.call.params), None)
        own = self._ids.own(client_id) if client_id else None
        sending = self.sendings.get(own) if own else None
        if own is None or sending is None or sending.deadline is None:
            return
        latest = _window_ends(passage.signed)
        in_time = latest is not None and latest <= sending.deadline.timestamp() + _MILLISECONDS_ONLY
        self._demand(in_time, "R2", own[0], f"signed to be good until {latest}, its deadline is {sending.deadline}")

    def _look(self, committed: Sequence[Committed]) -> None:
        for old, new in committed:
            if self._chronicle.told:
                self._tell(old, new)
            if isinstance(old, CancelRequest) and new is None:
                self.deleted.add(old.order_id)
            if isinstance(new, Order):
                self._look_at_order(old, new)
            elif isinstance(new, CancelRequest):
                self._look_at_request(old, new)
            elif isinstance(new, EventLog) and old is None:
                self.stored_at[new.event_id] = self._loop.now()
        touched = {row.order_id for pair in committed for row in pair if isinstance(row, Order | CancelRequest)}
        for order_id in sorted(touched):
            self._look_at_pair(order_id)

    def _look_at_order(self, old: Order | None, new: Order) -> None:
        now = self._loop.now()
        self._demand(
            (new.ttl is not None) == new.terminal, "R7", new.order_id, f"ttl {new.ttl} on a {new.status} order"
        )
        if old is not None and len(new.absent_attempts) > len(old.absent_attempts):
            self._look_at_absence(old, now)
        if new.reason == EXPIRED_BEFORE_SEND and new.send_by is not None and not (old and old.terminal):
            early = seconds_between(now, new.send_by)
            self._demand(early < CLOCKS_APART, "R10", new.order_id, f"given up {early:.0f} s before its send_by")
        if old is not None:
            grown = new.version == old.version + 1
            self._demand(grown, "R3", new.order_id, f"from version {old.version} to {new.version}")
            kept = old.request is None or old.request == new.request or old.attempt != new.attempt
            self._demand(kept, "R1", new.order_id, "its request changed after it was recorded")
            venues = old.venue == new.venue
            self._demand(venues, "R1", new.order_id, f"it moved from {old.venue} to {new.venue}")
            shrunk = new.filled_quantity < old.filled_quantity
            self._demand(not shrunk, "R5", new.order_id, f"filled {old.filled_quantity}, then {new.filled_quantity}")
            missed = old.placement is Placement.ACKED is new.placement and new.checks > old.checks and not new.error
            self._demand(not missed or new.attention is not None, "R12", new.order_id, "taken, not shown: no attention")
            if old.terminal and new.status is not old.status:
                self._chronicle.occurred("final_state_contradicted")
                self._demand(self.may_contradict, "R5", new.order_id, f"first {_state(old)}, then {_state(new)}")
            if old.placement is not None and new.placement is None:
                self.left_pending_at[new.order_id] = now
        if new.cancel_requested and (old is None or not old.cancel_requested):
            self.flagged_at[new.order_id] = now
        if new.terminal and (old is None or not old.terminal):
            self.ended_at[new.order_id] = now
        starts = new.placement is Placement.SENDING and (old is None or old.placement is Placement.READY)
        sent_again = new.order_type is OrderType.MARKET and new.attempt > 1
        self._demand(not sent_again, "R9", new.order_id, "a market order is sent again")
        self._demand(new.attempt <= _POLICY.exchange_max_retries + 1, "R9", new.order_id, f"attempt {new.attempt}")
        if starts:
            self._demand(not new.cancel_requested, "R9", new.order_id, "sent although its cancel was asked for")
            early = seconds_between(now, old.not_before) if old is not None and old.not_before else 0.0
            self._demand(early < CLOCKS_APART, "R9", new.order_id, f"sent {early:.1f} s before it may be")
            in_time = new.send_by is None or seconds_between(new.send_by, now) < self.send_patience
            self._demand(in_time, "R10", new.order_id, f"sent after {utc_text(new.send_by or now)}")
            key = new.order_id, new.attempt
            self._demand(key not in self.sendings, "R9", new.order_id, f"attempt {new.attempt} is sent twice")
            self.sendings[key] = Sending(now, new.deadline, new.request)
        self._note_move(old, new)

    def _look_at_absence(self, old: Order, now: datetime) -> None:
        """R12: two sightings of this attempt, apart, and none of an order that was seen."""
        order_id, first = old.order_id, old.absent_seen[0] if old.absent_seen else None
        sent = self.sendings.get((order_id, old.attempt))
        since = max((at for at in (sent and sent.at, old.id_used_up_at) if at is not None), default=None)
        of_this = first is not None and since is not None and seconds_between(first, since) < CLOCKS_APART
        self._demand(of_this, "R12", order_id, f"absence first seen {first}, in question since {since}")
        apart = first is not None and seconds_between(first, now) > SIGHTINGS_APART - CLOCKS_APART
        self._demand(apart, "R12", order_id, "absence believed at one sighting")
        self._demand(not old.seen_on_exchange, "R12", order_id, "absent, though it was seen")
        ended = old.facts.requests_expire or old.id_used_up_at is not None
        self._demand(ended, "R12", order_id, "absent, and its client id was not used up")

    def _look_at_request(self, old: CancelRequest | None, new: CancelRequest) -> None:
        ended = new.status is CancelStatus.SUCCESS
        self._demand((new.ttl is not None) == ended, "R7", new.order_id, f"ttl {new.ttl} on a {new.status} request")
        both = old is not None and old.status is new.status is CancelStatus.PROCESSING
        if old is not None and both and new.updated_at != old.updated_at:
            left = seconds_between(self._loop.now(), old.next_retry_at)
            self._demand(left < CLOCKS_APART, "R15", new.order_id, f"claimed {left:.1f} s before its lease ended")
            self._chronicle.occurred("lease_taken_over")
        self._look_at_numbers(old, new)
        if new.status is CancelStatus.FAILED:
            self._chronicle.occurred("cancel_failed")

    def _look_at_numbers(self, old: CancelRequest | None, new: CancelRequest) -> None:
        """R15, R17: how long a lease and a pause are, and what is counted."""
        failed, all_used = new.status is CancelStatus.FAILED, new.retry_count >= _POLICY.max_cancel_retries
        known = failed is all_used or new.status in (CancelStatus.SUCCESS, CancelStatus.PROCESSING)
        self._demand(known, "R17", new.order_id, f"{new.status} after {new.retry_count} refusals")
        if old is None:
            return
        pause = seconds_between(new.updated_at, new.next_retry_at)
        if new.retry_count > old.retry_count and new.status is CancelStatus.PENDING:
            self._demand(pause > 2.0**new.retry_count - 0.1, "R17", new.order_id, f"refused, again in {pause:.1f} s")
        if new.status is CancelStatus.PROCESSING:
            self._demand(pause > _POLICY.exchange_timeout + 10, "R15", new.order_id, f"a lease of {pause:.0f} s")

    def _look_at_pair(self, order_id: str) -> None:
        """R6, R14: after each transaction an order and its request tell the same story."""
        order = self._database.get(Order, (order_id,))
        request = self._database.get(CancelRequest, (order_id,))
        if order is None:
            return
        if order.terminal and order.cancel_requested and request is not None:
            told = request.status is CancelStatus.SUCCESS
            self._demand(told, "R6", order_id, f"the order is {order.status}, its request {request.status}")
        if order.cancel_requested and not order.terminal and order_id not in self.lost_requests:
            self._demand(request is not None, "R14", order_id, "it is flagged, and its request is not there")
        if request is not None and request.live and not order.terminal:
            self._demand(order.cancel_requested, "R14", order_id, "its request is queued without a flag")

    def _note_move(self, old: Order | None, new: Order) -> None:
        """Situations that only the rows show."""
        if old is None:
            return
        if old.placement is Placement.UNKNOWN and new.status.value == "OPEN":
            self._chronicle.occurred("unknown_order_adopted")
        if new.absent_attempts != old.absent_attempts and len(new.absent_attempts) > len(old.absent_attempts):
            self._chronicle.occurred("absence_concluded")
        if new.id_used_up_at and not old.id_used_up_at:
            self._chronicle.occurred("client_id_used_up")
        if new.attempt > old.attempt:
            self._chronicle.occurred("sent_again_as_new_attempt")
        if old.terminal and new.terminal and new.filled_quantity > old.filled_quantity:
            self._chronicle.occurred("late_fill_on_ended_order")
        if new.attention and not old.attention:
            self._chronicle.occurred("attention_raised")

    def _tell(self, old: object, new: object) -> None:
        row = new or old
        if isinstance(row, Order):
            self._chronicle.tell(f"✎ {row.order_id} {_state(old)} ⇒ {_state(new)}")
        elif isinstance(row, CancelRequest):
            self._chronicle.tell(f"✎ cancel of {row.order_id} {_queue_state(old)} ⇒ {_queue_state(new)}")
        elif isinstance(row, EventLog):
            self._chronicle.tell(
                f"✎ event {row.event_id} {row.order_type}: {row.successful_accounts} ok, {row.failed_accounts} failed"
            )

    def _demand(self, holds: bool, rule: str, order_id: str, words: str) -> None:
        if not holds:
            self.violations.append(Violation(rule, order_id, words))
            self._chronicle.tell(f"✘ {rule} {order_id}: {words}")


def _window_ends(request: Request) -> float | None:
    """Seconds since 1970, by the exchange's clock; None for a request that tells no time."""
    headers, fields = request.headers, parse_qs(request.query) | parse_qs(request.body.decode("latin-1"))
    time = headers.get("x-bapi-timestamp") or (fields.get("timestamp") or [None])[0]
    window = headers.get("x-bapi-recv-window") or (fields.get("recvWindow") or [None])[0]
    return (float(time) + float(window)) / 1000 if time and window else None


def _state(row: object) -> str:
    if not isinstance(row, Order):
        return "nothing"
    marks = [
        f"attempt {row.attempt}" if row.attempt > 1 else "",
        "cancel asked" if row.cancel_requested else "",
        f"filled {row.filled_quantity}" if row.filled_quantity else "",
        f"({row.reason})" if row.reason else "",
        f"! {row.attention}" if row.attention else "",
    ]
    words = " ".join(mark for mark in marks if mark)
    return f"{row.status}{'/' + row.placement if row.placement else ''} v{row.version % 1000} {words}".strip()


def _queue_state(row: object) -> str:
    if not isinstance(row, CancelRequest):
        return "nothing"
    waiting = " waiting" if row.waiting_for_order else ""
    return f"{row.status}{waiting} {row.retry_count} refused {row.last_error or ''} {row.result or ''}".strip()
