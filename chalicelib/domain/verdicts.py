"""What an order becomes after an exchange spoke, or kept silent: pure decisions, no I/O (R5, R8, R9, R12, R13)."""

from datetime import datetime
from typing import Any

from chalicelib.domain.clock import after
from chalicelib.domain.orders import EVIDENCE_MOVES, Order, OrderType, Placement
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    Duplicate,
    ExchangeOrder,
    Found,
    Lookup,
    LookupFailed,
    NotPlaced,
    OrderStatus,
    Placed,
    PlaceOutcome,
    Unknown,
)
from chalicelib.domain.policy import (
    ENGINE_TIMEOUT,
    READ_LAG,
    READY_PATIENCE,
    SIGHTINGS_APART,
    WATCH_AFTER,
    Policy,
)

NEVER_SENT = "never_sent"
NEVER_PLACED = "never_placed"
NOT_PLACED = "NOT_PLACED"
HALTED = "HALTED"
EXPIRED_BEFORE_SEND = "EXPIRED_BEFORE_SEND"
REQUESTED = "requested"

UNSEEN = "the exchange does not show an order that it had taken; look at the account's history"
FORGOTTEN = "the exchange does not remember orders for so long; look at the account's history"
STUCK = "cannot be worked on: "
"""Calls for a person that end by themselves, once the exchange shows the order."""

_PAUSE = 2.0
"""Seconds until the next look at what should change by itself, or the next try of what was proven not placed."""


def after_place(order: Order, attempt: int, outcome: PlaceOutcome, now: datetime, by: str, policy: Policy) -> Order:
    """The row after the create of `attempt` was answered, or was not."""
    match outcome:
        case Placed(found):
            return adopt(order, found, now, by, policy)
        case _ if order.placement is not Placement.SENDING or order.attempt != attempt:
            return order  # somebody settled it meanwhile, and only a sighting outranks that
        case Acknowledged(exchange_order_id):
            return _moved(
                order,
                now,
                by,
                OrderStatus.PENDING,
                Placement.ACKED,
                exchange_order_id=exchange_order_id,
                seen_on_exchange=True,
                check_at=after(now, _PAUSE),
            )
        case NotPlaced(code, message, retry, retry_after):
            return _not_placed(
                order, now, by, policy, code=code, message=message, again=retry, pause=max(_PAUSE, retry_after)
            )
        case Duplicate(message) | Unknown(message):
            return _moved(
                order,
                now,
                by,
                OrderStatus.PENDING,
                Placement.UNKNOWN,
                error=message,
                check_at=_next_look(order, now),
            )


def after_lookup(
    order: Order, lookup: Lookup, now: datetime, by: str, policy: Policy, exchange_now: datetime | None = None
) -> Order:
    """The row after it was looked up by its full client id in every book.

    `exchange_now` is the exchange's own time, with which its deadline is compared; `now` where it is left out.
    """
    match lookup:
        case Found(found):
            return adopt(order, found, now, by, policy)
        case LookupFailed() if order.terminal:
            return order.changed(now, check_at=after(now, WATCH_AFTER[0])) if order.check_at else order
        case LookupFailed(message):
            look = _next_look(order, now, policy)
            if order.check_at is not None and now < order.check_at < look:
                look = order.check_at  # a failure must not push away the look that was to come
            return order.changed(now, error=message, checks=order.checks + 1, check_at=look)
        case Absent():
            return _absent(order, now, exchange_now or now, by, policy)


def adopt(order: Order, found: ExchangeOrder, now: datetime, by: str, policy: Policy) -> Order:
    """The row after the exchange's own word; `order` itself where that says nothing new (R5, R13)."""
    if not order.is_same_as(found):
        return order.changed(
            now,
            attention=f"the exchange shows another order under our client id {found.client_order_id}",
            check_at=after(now, policy.reconcile_interval),
        )
    if _is_older(order, found):
        return _looked(order, now, policy)
    status = found.status
    if order.status is OrderStatus.OPEN and status is OrderStatus.REJECTED:
        status = OrderStatus.CANCELLED
    if status not in EVIDENCE_MOVES[order.status]:
        status = order.status  # another word for an end that is known; its fills and id still count
    evidence: dict[str, Any] = {
        "exchange_order_id": found.exchange_order_id,
        "filled_quantity": max(order.filled_quantity, found.filled_quantity),
        "average_price": found.average_price if found.average_price is not None else order.average_price,
        "exchange_updated_at": found.updated_at or order.exchange_updated_at,
        "seen_on_exchange": True,
        "attention": _lasting(order.attention),
    }
    if all(getattr(order, name) == value for name, value in evidence.items()) and status is order.status:
        return _looked(order, now, policy)
    others = tuple(attempt for attempt in order.absent_attempts if attempt != order.attempt)
    changes = {**evidence, "absent_seen": (), "absent_attempts": others}
    if not status.terminal:
        changes["checks"] = 0
    if status is OrderStatus.PENDING:
        return order.changed(now, **changes, check_at=after(now, _PAUSE))
    changes |= _words(order, status, found)
    if not status.terminal:
        changes["check_at"] = after(now, _sync_pause(order, policy))
    elif order.terminal:  # one more look: whoever overturns a final state may die before its logs follow
        changes |= {"check_at": after(now, WATCH_AFTER[0]), "checks": len(WATCH_AFTER)}
    elif evidence["filled_quantity"] and evidence["average_price"] is None:  # what it cost is still to be read
        changes |= {"check_at": after(now, WATCH_AFTER[0]), "checks": 1}
    return order.moved(now, by, status, evidence=True, **changes)


def stuck(order: Order, now: datetime, why: str, pause: float) -> Order:
    """Nothing can be done with the row now: it is looked at again later, and stands in nobody's way."""
    attention = order.attention if order.terminal else _lasting(order.attention) or f"{STUCK}{why}"
    return order.changed(now, check_at=after(now, pause), attention=attention) if order.check_at else order


def _lasting(attention: str | None) -> str | None:
    """What is left of a call for a person once the row moves on."""
    passing = attention in (UNSEEN, FORGOTTEN) or (attention or "").startswith(STUCK)
    return None if passing else attention


def _moved(
    order: Order, now: datetime, by: str, status: OrderStatus, placement: Placement | None = None, **changes: Any
) -> Order:
    return order.moved(now, by, status, placement, attention=_lasting(order.attention), **changes)


def never_sent(order: Order, now: datetime, by: str) -> Order:
    """A READY order whose cancel was asked for: it is never sent (invariant 5)."""
    return _moved(order, now, by, OrderStatus.CANCELLED, reason=NEVER_SENT if order.attempt == 1 else NEVER_PLACED)


def halted(order: Order, now: datetime, by: str, why: str) -> Order:
    """A READY order that the switch, its strategy or its account no longer allows (R10)."""
    return _moved(order, now, by, OrderStatus.CANCELLED, reason=HALTED, error=why)


def expired_before_send(order: Order, now: datetime, by: str) -> Order:
    """A READY order that nobody sent in time (R10)."""
    why = "the order could not be sent within MAX_SEND_DELAY"
    reason = EXPIRED_BEFORE_SEND if order.attempt == 1 else NOT_PLACED
    return _moved(order, now, by, OrderStatus.REJECTED, reason=reason, error=why)


def postponed(order: Order, now: datetime, why: str) -> Order:
    """A READY order that cannot be prepared now, though nothing is wrong with it; `send_by` ends that (R10)."""
    return order.changed(
        now, not_before=after(now, _PAUSE), check_at=after(now, READY_PATIENCE), error=why, checks=order.checks + 1
    )


def refused_locally(order: Order, now: datetime, by: str, code: str, why: str) -> Order:
    """An order that cannot be sent as it stands; nothing left this process."""
    return _moved(order, now, by, OrderStatus.REJECTED, reason=code, error=why)


def proof_from(order: Order) -> datetime | None:
    """From when on absence can be proof: no request of this attempt can still be executed (R12). None: never yet."""
    if not order.facts.requests_expire:
        return after(order.id_used_up_at, READ_LAG) if order.id_used_up_at else None
    return after(order.deadline, ENGINE_TIMEOUT + READ_LAG) if order.deadline else None


def may_still_act(order: Order, exchange_now: datetime) -> bool:
    """Whether a request that is not to be seen could turn up at any time, unless its client id is used up (R12)."""
    sent = order.placement in (Placement.SENDING, Placement.UNKNOWN) and not order.seen_on_exchange
    ends_by_id = not order.facts.requests_expire and order.id_used_up_at is None
    return sent and ends_by_id and order.past_deadline(exchange_now)


def doubted(order: Order, attempt: int, now: datetime, by: str) -> Order:
    """The request is about to be sent once more: from here on its first sender's word is not the last (R1, R12)."""
    if order.placement is not Placement.SENDING or order.attempt != attempt:
        return order
    return _moved(order, now, by, OrderStatus.PENDING, Placement.UNKNOWN, check_at=_next_look(order, now))


def id_used_up(order: Order, now: datetime) -> Order:
    """The exchange has taken the client id for good: what is absent from now on stays so."""
    return order.changed(now, id_used_up_at=now, absent_seen=(), check_at=after(now, READ_LAG))


def earlier_attempt_found(order: Order, attempt: int, found: ExchangeOrder, now: datetime) -> Order:
    """An attempt that was concluded absent turns up (R13): it is watched until it has ended, for a person to see."""
    amount = f"{found.filled_quantity:f} filled"
    attention = f"attempt {attempt}, thought never placed, is {found.status} on the exchange, {amount}"
    if not found.status.terminal:
        return order.changed(now, attention=attention, check_at=after(now, _PAUSE))
    left = tuple(known for known in order.absent_attempts if known != attempt)
    return order.changed(now, attention=attention, absent_attempts=left)


def _absent(order: Order, now: datetime, exchange_now: datetime, by: str, policy: Policy) -> Order:
    if order.terminal:
        return _watched_on(order, now)
    undecidable = _why_undecidable(order, exchange_now)
    if undecidable is not None:
        look = after(now, min(_PAUSE * 2 ** min(order.checks, 10), policy.reconcile_interval))
        attention = _lasting(order.attention) or undecidable  # what passes by itself hides nothing that does not
        return order.changed(now, attention=attention, checks=order.checks + 1, check_at=look)
    provable_from = proof_from(order)
    if provable_from is None or exchange_now < provable_from:
        return order.changed(now, checks=order.checks + 1, check_at=_next_look(order, now))
    first = order.absent_seen[0] if order.absent_seen else None
    if first is None or now < after(first, SIGHTINGS_APART):
        seen = order.absent_seen or (now,)
        return order.changed(now, absent_seen=seen, check_at=after(seen[0], SIGHTINGS_APART))
    why = "the exchange never took the order"
    again = order.order_type is not OrderType.MARKET
    seen = (first, now)
    return _not_placed(order, now, by, policy, code=NOT_PLACED, message=why, again=again, absent_seen=seen)


def _why_undecidable(order: Order, exchange_now: datetime) -> str | None:
    """Why absence can never be proof for this order."""
    if order.seen_on_exchange:
        return UNSEEN
    forgets_after = order.facts.forgets_after
    if forgets_after is not None and order.deadline and exchange_now > after(order.deadline, forgets_after):
        return FORGOTTEN
    return None


def _not_placed(
    order: Order,
    now: datetime,
    by: str,
    policy: Policy,
    *,
    code: str,
    message: str,
    again: bool,
    pause: float = _PAUSE,
    absent_seen: tuple[datetime, ...] = (),
) -> Order:
    """Nothing of this attempt is on the exchange: cancelled, ready again, or rejected (R9).

    An absence is a conclusion, not the exchange's word: such a row stays watched for a while (R12).
    """
    absent: dict[str, Any] = {"absent_attempts": (*order.absent_attempts, order.attempt)} if absent_seen else {}
    if order.cancel_requested:
        return _moved(
            order, now, by, OrderStatus.CANCELLED, reason=NEVER_PLACED, error=message, absent_seen=absent_seen, **absent
        )
    if again and order.order_type is not OrderType.MARKET and _may_try_again(order, now, policy):
        return _moved(
            order,
            now,
            by,
            OrderStatus.PENDING,
            Placement.READY,
            note=message,
            attempt=order.attempt + 1,
            request=None,
            deadline=None,
            absent_seen=(),
            id_used_up_at=None,
            checks=0,
            **absent,
            not_before=after(now, pause),
            check_at=_no_later(after(now, max(READY_PATIENCE, pause)), order.send_by),
            error=message,
        )
    reason = NOT_PLACED if again else code
    return _moved(order, now, by, OrderStatus.REJECTED, reason=reason, error=message, absent_seen=absent_seen, **absent)


def _no_later(at: datetime, latest: datetime | None) -> datetime:
    return at if latest is None else min(at, latest)


def _may_try_again(order: Order, now: datetime, policy: Policy) -> bool:
    in_time = order.send_by is not None and now < order.send_by
    return in_time and order.attempt <= policy.exchange_max_retries


def _is_older(order: Order, found: ExchangeOrder) -> bool:
    """By the exchange's update time, then by fill; at the same time a terminal state outranks an open one."""
    if order.exchange_updated_at is None or found.updated_at is None:
        return order.terminal and not found.status.terminal and found.updated_at is None and order.seen_on_exchange
    if found.updated_at != order.exchange_updated_at:
        return found.updated_at < order.exchange_updated_at
    return found.filled_quantity < order.filled_quantity or (order.terminal and not found.status.terminal)


def _words(order: Order, status: OrderStatus, found: ExchangeOrder) -> dict[str, str | None]:
    """Reason and error that fit the state: what was wrong before is no longer."""
    if status is OrderStatus.CANCELLED:
        return {"reason": REQUESTED if order.cancel_requested else (found.reason or "external"), "error": None}
    if status in (OrderStatus.EXPIRED, OrderStatus.REJECTED):
        return {"reason": found.reason or status.value, "error": found.reason}
    return {"reason": None, "error": None}


def _looked(order: Order, now: datetime, policy: Policy) -> Order:
    """Nothing new: only the time of the next look changes, and only where one was due."""
    if order.terminal:
        return _watched_on(order, now)
    if order.check_at is not None and order.check_at > now:
        return order
    pause = _sync_pause(order, policy) if order.status is OrderStatus.OPEN else _PAUSE
    return order.changed(now, check_at=after(now, pause), checks=0)


def _sync_pause(order: Order, policy: Policy) -> float:
    """An OPEN order that may not rest is about to end; beside one, an earlier attempt is watched for (R12)."""
    if not order.may_rest:
        return _PAUSE
    return min(policy.reconcile_interval, WATCH_AFTER[0]) if order.absent_attempts else policy.reconcile_interval


def _watched_on(order: Order, now: datetime) -> Order:
    """A look that was due leads to the next one; an answer that came late, from before the row ended, to none."""
    if order.check_at is None or now < order.check_at:
        return order
    stage = order.checks
    following = after(now, WATCH_AFTER[stage]) if stage < len(WATCH_AFTER) else None
    return order.changed(now, check_at=following, checks=stage + 1)


def _next_look(order: Order, now: datetime, policy: Policy | None = None) -> datetime:
    """2 s growing to 30, but never past the first instant at which absence would be proof."""
    if order.status is OrderStatus.OPEN and policy is not None:
        return after(now, min(policy.reconcile_interval, 30.0))
    soon = after(now, min(_PAUSE * 2 ** min(order.checks, 5), 30.0))
    provable_from = proof_from(order)
    return provable_from if provable_from and now < provable_from < soon else soon
