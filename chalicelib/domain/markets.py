"""What a market takes: steps, tick, minima."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What a market takes; None where it sets no bound. Steps and tick are increments, not digits."""

    symbol: str
    tick_size: Decimal | None = None
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None
    max_quantity: Decimal | None = None
    market_quantity_step: Decimal | None = None
    """For market orders, where it differs from `quantity_step`."""
    market_min_quantity: Decimal | None = None
    market_max_quantity: Decimal | None = None
    quote_step: Decimal | None = None
    """Increment of a quote amount."""
    min_notional: Decimal | None = None
    min_notional_applies_to_market: bool = True
    max_notional: Decimal | None = None
    buy_fee: Decimal | None = None
    """Share that the exchange reserves on top of what a buy costs; None where it takes its fee from what is bought."""
    trading: bool = True


@dataclass(frozen=True, slots=True)
class KnownRules:
    """Rules with the time at which they were read from the exchange."""

    rules: MarketRules
    fetched_at: datetime
