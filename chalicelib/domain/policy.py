"""The numbers by which orders and cancels live; what a deployment may set comes from its settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Seconds, unless the name says otherwise."""

    market_order_timeout: float = 10.0
    exchange_timeout: float = 30.0
    exchange_max_retries: int = 3
    max_cancel_retries: int = 5
    cancel_queue_interval: float = 10.0
    max_send_delay: float = 60.0
    reconcile_interval: float = 300.0
    alert_dedupe_seconds: float = 30.0
    max_alert_age: float = 60.0

    @property
    def lease(self) -> float:
        """A claim outlives the longest exchange work of its holder by more than 10 s (R15)."""
        return max(self.exchange_timeout, self.market_order_timeout) + 15.0

    @property
    def inline_work(self) -> float:
        """Exchange work that a caller waits for (R28)."""
        return self.market_order_timeout


RECV_WINDOW = 5.0
"""How long a signed request may be under way (R2)."""

MIN_WINDOW = 0.5
"""A send with less time than this before its deadline is not started."""

LOOKUP_RESERVE = 2.0
"""Left of a create's time for looking the order up and writing the verdict (R28)."""

ENGINE_TIMEOUT = 10.0
"""How long an exchange may still execute a request that it took before the deadline (R12)."""

READ_LAG = 2.0
"""How far an exchange's queries may lag behind its book (R12)."""

SIGHTINGS_APART = 5.0
"""Two sightings of absence closer than this count as one (R12)."""

READY_PATIENCE = 5.0
"""How long the stream has to hand over a READY order before reconcile does (R10)."""

WATCH_AFTER = (60.0, 600.0, 3600.0)
"""When an order that was concluded absent is looked up again (R12)."""

ALERT_ID_MEMORY = 7 * 86400.0
"""How long an alert_id is remembered (R21)."""

RECENT_EVENTS = 600.0
"""How far back a CANCEL_ALL reads log rows, to see orders that an index may not show yet (R22)."""
