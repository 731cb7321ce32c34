"""Handing an accepted order to the engine, with what a fault on command does to it."""

from infra.simulator.model import Intent, Market, Order
from infra.simulator.world import Call


def place(call: Call, market: Market, intent: Intent, delay_ms: int = 0) -> Order:
    """Raises RefusedError. Faults `invisible` and `reject` take effect here."""
    fault = call.fault
    scripted = fault.reason or "EC_Others" if fault and fault.kind == "reject" else None
    order = call.world.engine.submit(call.account, market, intent, delay_ms, scripted)
    if fault and fault.kind == "invisible":
        order.readable_at = call.world.clock.now_ms() + fault.delay_ms
        order.cancelable_at = order.readable_at if fault.cancels else 0
    return order
