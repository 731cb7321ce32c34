"""From a request to what is put on the wire: routing, faults, latency, and the journal of what came in."""

import asyncio
import re
from dataclasses import dataclass
from typing import Literal

from infra.simulator.faults import Fault
from infra.simulator.fronts import front_of
from infra.simulator.model import EXCHANGE_OF
from infra.simulator.wire import Reply, Request, html_reply, json_reply
from infra.simulator.world import Call, Front, World

Mode = Literal["send", "hold", "reset", "close", "truncate", "drip"]

_GARBAGE = Reply(200, b"<html><body>You have reached a proxy.</body></html>", {}, "text/html")
_CLIENT_ID = re.compile(
    r"(?:newClientOrderId|origClientOrderId|clientAlgoId|orderLinkId|identifier)[\"\s]*[=:][\"\s]*([^&\",}]+)"
)
_SILENT: dict[str, Mode] = {"timeout": "hold", "late": "hold", "reset": "reset", "close": "close"}


@dataclass
class Delivery:
    """An answer, and what becomes of it on its way."""

    reply: Reply
    mode: Mode = "send"
    duration_ms: int = 0


async def handle(world: World, request: Request) -> Delivery:
    """Everything but the control API."""
    front = front_of(request.path)
    if front is None:
        return Delivery(html_reply(404, "404 Not Found"))
    with world.lock:
        world.engine.run_due()
        call = _call(world, front, request)
    latency = world.latency_ms.get(call.exchange, 0)
    await _pause(latency / 2)
    delivery = await _treat(front, call)
    _journal(call, delivery)
    await _pause(latency / 2)
    return delivery


def _call(world: World, front: Front, request: Request) -> Call:
    route, key = front.route(request), front.key_of(request)
    now = world.clock.now_ms()
    fault = world.faults.take(route.venue, route.operation, key, now)
    return Call(world, request, route, key, world.engine.now_ms(EXCHANGE_OF[route.venue]), fault)


async def _treat(front: Front, call: Call) -> Delivery:
    fault = call.fault
    if fault is None:
        return Delivery(_act(front, call))
    if fault.kind in ("slow", "engine_delay") and not fault.taken and not call.world.clock.held:
        await _pause(fault.delay_ms)
    if fault.kind == "slow":
        reply = _act(front, call)
        await _pause(fault.delay_ms if fault.taken or call.world.clock.held else 0)
        return Delivery(reply)
    if fault.kind in _SILENT:
        return Delivery(_before_silence(front, call, fault), _SILENT[fault.kind])
    return _answered(front, call, fault)


def _before_silence(front: Front, call: Call, fault: Fault) -> Reply:
    if fault.kind == "late":
        with call.world.lock:
            call.world.engine.later(fault.delay_ms, lambda: _arrive(front, call, fault))
    elif fault.taken:
        return _act(front, call)
    return Reply(0, b"")


def _arrive(front: Front, call: Call, fault: Fault) -> None:
    """Nobody waits for the answer. With `taken`, the gateway had checked the request when it was sent."""
    if not fault.taken:
        call.arrived_ms = call.now_ms
    front.answer(call)


def _answered(front: Front, call: Call, fault: Fault) -> Delivery:
    if fault.kind in ("truncated", "drip"):
        mode: Mode = "truncate" if fault.kind == "truncated" else "drip"
        return Delivery(_act(front, call), mode, fault.delay_ms)
    if fault.kind in ("engine_delay", "invisible", "reject"):
        return Delivery(_act(front, call))
    if fault.taken:
        _act(front, call)
    with call.world.lock:
        return Delivery(_instead(front, call, fault))


def _instead(front: Front, call: Call, fault: Fault) -> Reply:
    if fault.kind == "rate_limit":
        return front.rate_limited(call, fault.retry_after)
    if fault.kind == "ban":
        return front.banned(call, fault.until_ms or 0)
    if fault.kind == "maintenance":
        return front.failure(call, "maintenance")
    if fault.kind == "garbage":
        return _GARBAGE if fault.body is None else _verbatim(fault, 200)
    return front.failure(call, fault.variant) if fault.status is None else _verbatim(fault, fault.status)


def _verbatim(fault: Fault, status: int) -> Reply:
    if isinstance(fault.body, str | None):
        body = (fault.body or "").encode()
        return Reply(fault.status or status, body, dict(fault.headers), "text/html")
    return json_reply(fault.status or status, fault.body, fault.headers)


def _act(front: Front, call: Call) -> Reply:
    with call.world.lock:
        call.world.engine.run_due()
        return front.answer(call)


def _journal(call: Call, delivery: Delivery) -> None:
    """No query, no body: they carry signatures."""
    row = {
        "venue": call.route.venue,
        "operation": call.route.operation,
        "method": call.request.method,
        "path": call.request.path,
        "key": call.key,
        "client_id": _client_id(call.request),
        "at_ms": call.arrived_ms,
        "status": delivery.reply.status if delivery.mode == "send" else None,
        "fault": call.fault.kind if call.fault else None,
    }
    with call.world.lock:
        call.world.journal.append(row)


def _client_id(request: Request) -> str | None:
    """Whether the exchange came to read it or not."""
    found = _CLIENT_ID.search(f"{request.query}&{request.body.decode('latin-1')}")
    return found.group(1) if found else None


async def _pause(ms: float) -> None:
    if ms > 0:
        await asyncio.sleep(ms / 1000)
