"""What decides about proof, venue by venue: how long a request may act, and how long an order is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """Of one market of one exchange."""

    requests_expire: bool = True
    """A signed request carries its time, and is refused after its window. Where it does not, only the use of its
    client id, which serves once, ends what it can do (R12)."""
    forgets_after: float | None = None
    """Seconds for which an order that ended without a fill is found; None: longer than anybody looks."""


_DAY = 86400.0

_FACTS: Mapping[tuple[str, str], VenueFacts] = {
    ("binance", "futures"): VenueFacts(forgets_after=3 * _DAY),
    ("bybit", "spot"): VenueFacts(forgets_after=_DAY),
    ("bybit", "futures"): VenueFacts(forgets_after=_DAY),
    ("upbit", "spot"): VenueFacts(requests_expire=False),
}
"""binance: connector docs of query order; bybit: v5/order/order-list, closed without fills; upbit: authentication,
a token has a nonce and no time."""


def facts_of(exchange: str, market: str) -> VenueFacts:
    """The usual ones where nothing is known."""
    return _FACTS.get((exchange, market), VenueFacts())
