"""An alert as it was understood, and the orders that it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from chalicelib.domain.amounts import times
from chalicelib.domain.clock import seconds_between
from chalicelib.domain.errors import ForbiddenError, InvalidError
from chalicelib.domain.orders import OrderType, TimeInForce
from chalicelib.domain.outcomes import Side
from chalicelib.domain.strategies import AccountShare, Strategy
from chalicelib.domain.symbols import unify

CANCEL = "CANCEL"
CANCEL_ALL = "CANCEL_ALL"


@dataclass(frozen=True, slots=True)
class Sender:
    """What identifies an alert before anything else of it is looked at."""

    strategy_id: str
    token: str = field(repr=False)
    alert_id: str | None
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAlert:
    """Cancel what matches: one order, the orders of a tag, or all of the strategy's."""

    kind: str
    symbol: str | None
    order_id: str | None
    tag: str | None
    timestamp: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAlert:
    """Place one order on every account; exactly one of quantity, quote_amount and percent is set."""

    order_type: OrderType
    symbol: str
    side: Side
    quantity: Decimal | None
    quote_amount: Decimal | None
    percent: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce | None
    post_only: bool
    reduce_only: bool
    tag: str | None
    timestamp: datetime | None

    def notional(self, weight: Decimal) -> Decimal | None:
        """What one account's order is worth in the quote currency, where the alert itself says it."""
        if self.quote_amount is not None:
            return times(self.quote_amount, weight)
        price = self.price or self.stop_price
        return times(times(self.quantity, weight), price) if self.quantity is not None and price is not None else None


Alert = OrderAlert | CancelAlert


def check_age(alert: Alert, now: datetime, max_age: float) -> None:
    """Raise InvalidError `STALE_ALERT` for an alert older than `max_age` seconds (0: any age will do)."""
    if alert.timestamp is None or max_age <= 0:
        return
    age = seconds_between(alert.timestamp, now)
    if age > max_age:
        message = f"the alert is {age:.0f} s old; MAX_ALERT_AGE allows {max_age:.0f} s"
        raise InvalidError(message, [{"field": "timestamp", "message": message}], code="STALE_ALERT")


def check_allowed(strategy: Strategy) -> None:
    """Raise ForbiddenError where the strategy takes no new orders now."""
    if strategy.halted:
        raise ForbiddenError("TRADING_DISABLED", "trading is switched off; PUT /api/v1/controls switches it on")
    if not strategy.enabled:
        raise ForbiddenError("STRATEGY_DISABLED", f"strategy {strategy.strategy_id!r} is disabled")


def check_limits(alert: OrderAlert, shares: Iterable[AccountShare], limit: Decimal | None) -> None:
    """Raise InvalidError where a weight makes the alert too large for the strategy's limit, or for a balance."""
    for share in shares:
        notional = alert.notional(share.weight)
        if limit is not None and notional is not None and notional > limit:
            message = f"{notional} on account {share.account_id!r} exceeds the strategy's max_order_notional {limit}"
            raise InvalidError(message, [{"field": "quantity", "message": message}], code="MAX_ORDER_NOTIONAL")
        if alert.percent is not None and times(alert.percent, share.weight) > 100:
            message = f"percent times the weight of account {share.account_id!r} is over 100"
            raise InvalidError(message, [{"field": "percent", "message": message}])


def known_symbol(text: str, strategy: Strategy) -> str:
    """The unified symbol. Raises InvalidError where the text names none."""
    symbol = unify(text, strategy.symbols)
    if symbol is None:
        message = f"{text!r} is not a symbol that is understood here"
        raise InvalidError(message, [{"field": "symbol", "message": message}])
    return symbol


def allowed_symbol(text: str, strategy: Strategy) -> str:
    """The unified symbol. Raises InvalidError where the strategy does not trade it."""
    symbol = unify(text, strategy.symbols)
    if symbol is None or symbol not in strategy.symbols:
        message = f"{text!r} is not one of this strategy's symbols: {', '.join(strategy.symbols)}"
        raise InvalidError(message, [{"field": "symbol", "message": message}], code="SYMBOL_NOT_ALLOWED")
    return symbol
