"""Writes decisions about orders down: conditional, repeated on conflict, never half (R3, R5, R6)."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from chalicelib.domain.cancels import CancelRequest, CancelStatus, cancel_request_for
from chalicelib.domain.clock import after
from chalicelib.domain.errors import DatabaseUnavailableError, StaleRowError
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Change, Insert, Row, Update
from chalicelib.usecases.metering import announce_move, tally_orders, tally_success
from chalicelib.usecases.services import Services, readable_orders

logger = logging.getLogger(__name__)

_CONFLICTS = 20
_CLOCKS_APART = 10.0


async def change_order(services: Services, order: Order, decide: Callable[[Order], Order]) -> Order:
    """Write what `decide` makes of the row, deciding again on the newest row whenever another writer won.

    `order` is what the caller last saw. With the order's end its cancel request ends, and with its return
    to life the request returns, in the same transaction. Returns the row as it is then.
    """
    current = order
    for _ in range(_CONFLICTS):
        new = decide(current)
        if new is current:
            return current
        following = await _request_follows(services, current, new)
        announce_move(services, current, new)
        try:
            await services.store.commit(Update(current, new), *following)
        except StaleRowError:
            current = await _reread(services, current)
            continue
        _tally_move(services, current, new, following)
        _log_move(current, new)
        return new
    raise DatabaseUnavailableError(f"order {order.order_id} changes faster than it can be written")


async def refresh_event(
    services: Services, strategy_id: str, event_id: str, known: tuple[EventLog, Sequence[Order]] | None = None
) -> EventLog | None:
    """Recompute a log row from its orders (R26). `known`: a log row, and its orders read after it.

    In one process there is one recount of a row at a time: who comes meanwhile has it done once more, for all.
    """
    running = services.recounts.get(event_id)
    if running is not None and not running.done():
        await asyncio.wait([running])
        later = services.recounts.get(event_id)
        if later is not None and later is not running:
            return await asyncio.shield(later)
    task = asyncio.ensure_future(_recount(services, strategy_id, event_id, known))
    services.recounts[event_id] = task
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])  # others may wait for it too, and no task outlives its caller (R28)
        raise
    finally:
        if services.recounts.get(event_id) is task:
            del services.recounts[event_id]


async def refresh_logs_of(services: Services, order: Order) -> None:
    """Every log row that lists the order: that of its event, and those of the CANCELs that asked for it."""
    since = after(order.created_at, -_CLOCKS_APART)
    for event in await services.store.recent_events(order.strategy_id, since):
        if order.order_id in event.order_ids:
            await refresh_event(services, event.strategy_id, event.event_id)


async def _recount(
    services: Services, strategy_id: str, event_id: str, known: tuple[EventLog, Sequence[Order]] | None
) -> EventLog | None:
    for _ in range(_CONFLICTS):
        event, orders = known or await _read_event(services, strategy_id, event_id)
        known = None
        if event is None:
            return None
        new = event.with_orders(orders, services.clock.now(), services.policy.reconcile_interval)
        if new.same_results(event) and event.check_at is None:
            return event
        try:
            await services.store.commit(Update(event, new))
            return new
        except StaleRowError:
            continue
    logger.error("log row not written", extra={"event_id": event_id, "strategy_id": strategy_id})
    return None


async def _read_event(services: Services, strategy_id: str, event_id: str) -> tuple[EventLog | None, list[Order]]:
    event = await services.store.get(EventLog, strategy_id, event_id)
    return event, (await readable_orders(services, event.order_ids) if event else [])


async def _request_follows(services: Services, current: Order, new: Order) -> list[Change]:
    """What has to happen to the cancel request together with this change of its order."""
    ends = new.terminal and not current.terminal
    revives = current.terminal and not new.terminal
    differs = current.terminal and new.terminal and end_of(new) != end_of(current)
    if not (new.cancel_requested and (ends or revives or differs)):
        return []
    request = await services.store.get(CancelRequest, new.order_id)
    now = services.clock.now()
    if request is None:  # one that had ended may have been deleted
        return [Insert(cancel_request_for(new, now, "revived", 0.0))] if revives else []
    if revives and request.status is CancelStatus.SUCCESS:
        return [Update(request, request.redriven(now, order_pending=False))]
    if differs and request.status is CancelStatus.SUCCESS:
        return [Update(request, request.corrected(now, end_of(new)))]
    if ends and request.status is not CancelStatus.SUCCESS:
        return [Update(request, request.succeeded(now, end_of(new)))]
    return []


def end_of(order: Order) -> str:
    """How an order ended, in a word: `cancelled`, `filled`, `never_sent`, …"""
    plain = order.status.value.lower()
    if order.status is OrderStatus.CANCELLED and order.reason and order.reason.startswith("never_"):
        return order.reason
    return plain


def _tally_move(services: Services, old: Order, new: Order, following: Sequence[Change]) -> None:
    if new.status is not old.status:
        tally_orders(services, [new])
    for change in following:
        if isinstance(change, Update) and isinstance(change.old, CancelRequest) and _succeeds(change.old, change.new):
            tally_success(services, new)


def _succeeds(old: CancelRequest, new: Row) -> bool:
    ended = isinstance(new, CancelRequest) and new.status is CancelStatus.SUCCESS
    return ended and old.status is not CancelStatus.SUCCESS


async def _reread(services: Services, order: Order) -> Order:
    row = await services.store.get(Order, order.order_id)
    if row is None:
        raise DatabaseUnavailableError(f"order {order.order_id} has vanished from the table")
    return row


def _log_move(old: Order, new: Order) -> None:
    if new.attention and new.attention != old.attention:
        logger.error("order needs attention", extra={**order_keys(new), "attention": new.attention})
    if (old.status, old.placement) == (new.status, new.placement):
        if old.terminal and new.filled_quantity > old.filled_quantity:
            logger.error("a fill came after the end", extra={**order_keys(new), "filled": str(new.filled_quantity)})
        logger.debug("order updated", extra=order_keys(new))
        return
    if old.terminal:
        logger.error("the exchange contradicts a final state", extra={**order_keys(new), "was": old.status.value})
    extra = {"reason": new.reason, "error": new.error} if new.reason or new.error else {}
    logger.info("order %s", (new.placement or new.status).value, extra={**order_keys(new), **extra})


def order_keys(order: Order) -> dict[str, str | None]:
    """The ids that every log line about an order carries."""
    return {
        "event_id": order.event_id,
        "order_id": order.order_id,
        "account_id": order.account_id,
        "exchange_order_id": order.exchange_order_id,
    }
