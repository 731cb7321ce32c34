"""What somebody who watches sees at a glance: the switch, the queue, what calls for a person, the newest orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.figures import Bin, Latency, bin_alerts, count_states, latency, reach
from chalicelib.domain.orders import Order
from chalicelib.usecases.catalog import current_switch
from chalicelib.usecases.metering import COUNTED_UP_TO
from chalicelib.usecases.services import Services
from chalicelib.usecases.together import all_together, together

ORDERS_SEEN = 100
ATTENTION_SEEN = 20
DAYS_SEEN = 7

COUNTED = (CancelStatus.PENDING, CancelStatus.PROCESSING, CancelStatus.FAILED)
_QUEUED = (CancelStatus.PENDING, CancelStatus.PROCESSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One moment; counts go no further than COUNTED_UP_TO."""

    at: datetime
    trading_enabled: bool
    cancels: Mapping[CancelStatus, int]
    oldest_cancel: CancelRequest | None
    attention: int
    attention_orders: Sequence[Order]
    orders: Mapping[str, int]
    orders_seen: int
    alerts: Sequence[Bin]
    alerts_since: datetime
    latency: Latency


async def take_overview(services: Services) -> Overview:
    """Bounded, whatever the tables hold: counts by index, and the newest orders of a few days."""
    store = services.store
    (counts, oldest), (attention, calling), (switch, orders) = await together(
        together(
            all_together(store.count_cancels(status, COUNTED_UP_TO) for status in COUNTED),
            all_together(store.oldest_request(status) for status in _QUEUED),
        ),
        together(store.count_attention(COUNTED_UP_TO), store.attention_orders(ATTENTION_SEEN)),
        together(current_switch(services), store.newest_orders(DAYS_SEEN, ORDERS_SEEN)),
    )
    now = services.clock.now()
    since = reach(orders, now, more=len(orders) == ORDERS_SEEN)
    return Overview(
        at=now,
        trading_enabled=switch.trading_enabled,
        cancels=dict(zip(COUNTED, counts, strict=True)),
        oldest_cancel=min((row for row in oldest if row is not None), key=lambda row: row.created_at, default=None),
        attention=attention,
        attention_orders=calling,
        orders=count_states(orders),
        orders_seen=len(orders),
        alerts=bin_alerts(orders, since, now),
        alerts_since=since,
        latency=latency(orders),
    )
