"""What the functions beside the API do with their events: stream batches, schedules, wake-up calls.

Each imports its use case when it first runs: a cold API function must not pay for the sweep.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from chalicelib import runtime
from chalicelib.domain.clock import Budget
from chalicelib.domain.correlation import correlate

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 60.0
RECONCILE_SECONDS = 55.0

Record = Mapping[str, Any]


def fire_cancels(records: Sequence[Record], context: Any) -> dict[str, Any]:
    """Cancel requests of orders that have just left PENDING, or were acknowledged."""
    from chalicelib.usecases.cancelling import process_cancel

    runtime.begin(context)
    services = runtime.services()
    return _each(records, lets_cancel, context, lambda key, budget: process_cancel(services, key, "stream", budget))


def place_ready(records: Sequence[Record], context: Any) -> dict[str, Any]:
    """Orders that have just become READY."""
    from chalicelib.usecases.placing import place_ready as place

    runtime.begin(context)
    services = runtime.services()
    return _each(records, is_ready, context, lambda key, budget: place(services, key, "stream", budget))


def sweep(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Due cancel requests; woken, also those that the wake-up names."""
    from chalicelib.usecases.sweep import Sweep

    runtime.begin(context)
    services = runtime.sweep_services()
    named = [name for name in event.get("detail", {}).get("cancel_ids", []) if isinstance(name, str)]
    return {"iterations": runtime.run(_sweep(Sweep, services, context, named))}


def reconcile(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Everything that is still not settled."""
    from chalicelib.usecases.reconcile import reconcile as settle

    runtime.begin(context)
    services = runtime.services()
    return {"orders": runtime.run(settle(services, runtime.budget(context, RECONCILE_SECONDS)))}


def lets_cancel(record: Record) -> bool:
    """R14's flag is set and the order has left PENDING, or its exchange id is known (ACKED)."""
    old, new = _images(record)
    left_pending = _text(old, "status") == "PENDING" and _text(new, "status") != "PENDING"
    return "cancel_requested_at" in new and (left_pending or _text(new, "placement") == "ACKED")


def is_ready(record: Record) -> bool:
    """The order waits to be sent."""
    _, new = _images(record)
    return _text(new, "status") == "PENDING" and _text(new, "placement") == "READY"


async def _sweep(sweep_class: Any, services: Any, context: Any, named: Sequence[str]) -> int:
    iterations: int = await sweep_class(services, runtime.budget(context, SWEEP_SECONDS), named).run()
    return iterations


def _each(
    records: Sequence[Record],
    wanted: Callable[[Record], bool],
    context: Any,
    work: Callable[[str, Budget], Awaitable[object]],
) -> dict[str, Any]:
    longest = runtime.services().policy.inline_work
    return runtime.run(work_through(records, wanted, work, runtime.budget(context, longest)))


async def work_through(
    records: Sequence[Record],
    wanted: Callable[[Record], bool],
    work: Callable[[str, Budget], Awaitable[object]],
    budget: Budget,
) -> dict[str, Any]:
    """Work on every wanted record's order, once and concurrently; failures are reported per item (R28).

    The record is a hint: the order's row, read by the work itself, decides (R30).
    """
    by_order: dict[str, list[str]] = {}
    events: dict[str, str | None] = {}
    failed: list[str] = []
    for record in records:
        try:
            if wanted(record):
                key = record["dynamodb"]["Keys"]["order_id"]["S"]
                events[key] = _text(_images(record)[1], "event_id")
                by_order.setdefault(key, []).extend(_sequence_number(record))
        except (KeyError, TypeError, AttributeError):
            number = _sequence_number(record)
            name = record.get("eventID") if isinstance(record, Mapping) else None
            extra = {"stream_event_id": name, "sequence_numbers": number}
            logger.exception("a stream record cannot be read", extra=extra)
            failed += number

    async def work_on(key: str) -> object:
        correlate(events[key])
        return await work(key, budget)

    results = await asyncio.gather(*(work_on(key) for key in by_order), return_exceptions=True)
    for key, result in zip(by_order, results, strict=True):
        if isinstance(result, BaseException):
            extra = {"order_id": key, "sequence_numbers": by_order[key]}  # by which a dead letter names it
            logger.error("a stream record failed", extra={**extra, "event_id": events[key]}, exc_info=result)
            failed += by_order[key]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


def _sequence_number(record: Any) -> list[str]:
    """By which a record is reported as failed; empty where it has none."""
    change = record.get("dynamodb") if isinstance(record, Mapping) else None
    number = change.get("SequenceNumber") if isinstance(change, Mapping) else None
    return [number] if isinstance(number, str) else []


def _images(record: Record) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    change = record.get("dynamodb", {})
    return change.get("OldImage", {}), change.get("NewImage", {})


def _text(image: Mapping[str, Any], name: str) -> str | None:
    text = image.get(name, {}).get("S")
    return str(text) if text is not None else None
