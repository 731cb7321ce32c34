"""Cancel requests as rows: stored with the order's flag, redriven, taken back, restored (R14, R20)."""

import logging
from dataclasses import dataclass, replace

from chalicelib.domain.cancels import CancelRequest, CancelStatus, cancel_request_for
from chalicelib.domain.clock import after
from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import ConflictError, DatabaseUnavailableError, NotFoundError, StaleRowError
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Change, Check, Delete, Insert, Update
from chalicelib.usecases.recording import order_keys
from chalicelib.usecases.services import Services

logger = logging.getLogger(__name__)

_CONFLICTS = 20
_FLAG_LOOK = 30.0


@dataclass(frozen=True, slots=True)
class StoredCancel:
    """A cancel request that is durable now, and its order as it was in that same transaction."""

    order: Order
    request: CancelRequest


async def store_cancel(services: Services, order_id: str, by: str) -> StoredCancel:
    """Flag the order and queue the request in one transaction (R14), or redrive a FAILED one.

    Raises NotFoundError, or ConflictError `ORDER_NOT_CANCELLABLE` or `ALREADY_QUEUED`.
    """
    for _ in range(_CONFLICTS):
        order = await services.store.get(Order, order_id)
        if order is None:
            raise NotFoundError("order", order_id)
        correlate(order.event_id)
        request = await services.store.get(CancelRequest, order_id)
        if order.terminal:
            raise not_cancellable(order)
        if request is not None and order.cancel_requested and request.live:
            raise ConflictError(
                "ALREADY_QUEUED",
                f"a cancel request {request.cancel_id} is queued already, as {request.status}",
                [{"cancel_queue_id": request.cancel_id, "status": request.status.value}],
            )
        stored, changes = _requested(services, order, request, by)
        try:
            await services.store.commit(*changes)
        except StaleRowError:
            continue
        logger.info("cancel requested", extra={**order_keys(order), "by": by, "order_status": order.status.value})
        return stored
    raise DatabaseUnavailableError(f"order {order_id} changes faster than its cancel can be stored")


async def redrive(services: Services, cancel_id: str) -> CancelRequest:
    """Put a FAILED request back to the queue with all its retries. Raises NotFoundError, ConflictError."""
    request = await _existing(services, cancel_id)
    if request.status is not CancelStatus.FAILED:
        raise ConflictError("NOT_FAILED", f"only a FAILED request can be retried; this one is {request.status}")
    order = await services.store.get(Order, cancel_id)
    correlate(order.event_id if order else None)
    pending = order is not None and order.status is OrderStatus.PENDING
    redriven = request.redriven(services.clock.now(), order_pending=pending)
    await _commit_or_conflict(services, Update(request, redriven))
    await services.waker.wake([cancel_id])
    return redriven


async def delete_cancel(services: Services, cancel_id: str) -> None:
    """Take a request back: row and flag go in one transaction (R20). Raises NotFoundError, ConflictError."""
    request = await _existing(services, cancel_id)
    if request.status is CancelStatus.PROCESSING:
        raise ConflictError("CANCEL_IN_PROGRESS", "the cancel is being sent right now; try again in a moment")
    order = await services.store.get(Order, cancel_id)
    correlate(order.event_id if order else None)
    changes: list[Change] = [Delete(request)]
    if order is not None and not order.terminal:
        changes.append(Update(order, order.changed(services.clock.now(), cancel_requested_at=None)))
    await _commit_or_conflict(services, *changes)
    logger.info("cancel request deleted", extra={"order_id": cancel_id, "account_id": request.account_id})


async def drop_unflagged(services: Services, request: CancelRequest) -> None:
    """A row whose order carries no flag: the flag is authoritative, nobody wants this cancel any more (R14)."""
    try:
        await services.store.commit(Delete(request))
        logger.error("a cancel request without its flag is dropped", extra={"order_id": request.cancel_id})
    except StaleRowError:
        logger.debug("the request changed meanwhile", extra={"order_id": request.cancel_id})


async def restore_request(services: Services, order: Order, by: str) -> None:
    """A flag without a row: the flag is authoritative, so the row is made again (R14)."""
    request = cancel_request_for(order, services.clock.now(), by, 0.0)
    try:
        await services.store.commit(Check(order), Insert(request))
        logger.error("a cancel request was missing and is queued again", extra=order_keys(order))
    except StaleRowError:
        pass  # somebody else restored it


def _requested(
    services: Services, order: Order, request: CancelRequest | None, by: str
) -> tuple[StoredCancel, list[Change]]:
    now = services.clock.now()
    look = after(now, _FLAG_LOOK)
    flagged = order.changed(
        now, cancel_requested_at=now, check_at=min(order.check_at, look) if order.check_at else look
    )
    if request is None:
        new = cancel_request_for(order, now, by, services.policy.lease)
        return StoredCancel(flagged, new), [Update(order, flagged), Insert(new)]
    if request.live:  # a row that its flag has left: it starts anew
        new = replace(cancel_request_for(order, now, by, services.policy.lease), version=request.version + 1)
    else:
        new = request.redriven(now, order_pending=order.status is OrderStatus.PENDING)
    return StoredCancel(flagged, new), [Update(order, flagged), Update(request, new)]


async def _existing(services: Services, cancel_id: str) -> CancelRequest:
    request = await services.store.get(CancelRequest, cancel_id)
    if request is None:
        raise NotFoundError("cancel request", cancel_id)
    return request


async def _commit_or_conflict(services: Services, *changes: Change) -> None:
    try:
        await services.store.commit(*changes)
    except StaleRowError:
        raise ConflictError("CHANGED", "the request changed at this very moment; look again") from None


def not_cancellable(order: Order) -> ConflictError:
    message = f"the order cannot be cancelled any more: it is {order.status}"
    return ConflictError("ORDER_NOT_CANCELLABLE", message, [{"order_id": order.order_id, "status": order.status.value}])
