"""Upbit's orders as we see them (docs.upbit.com, order query; states in the reference of `GET /v1/order`)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus, Side
from chalicelib.domain.symbols import unify

_KOREA = timezone(timedelta(hours=9))
_SIDES = {"bid": Side.BUY, "ask": Side.SELL}


def native_symbol(symbol: str) -> str:
    """`BTC/KRW` → `KRW-BTC`."""
    base, _, quote = symbol.partition("/")
    return f"{quote}-{base}"


def read_order(body: Any, symbol: str | None = None, client_order_id: str | None = None) -> ExchangeOrder:
    """An order of any endpoint. Raises ValueError where it is none.

    `updated_at` stays None: Upbit tells when an order was made, not when it changed.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("uuid"), str) or not body["uuid"]:
        raise ValueError("no order: uuid is missing")
    side = _SIDES.get(str(body.get("side")))
    market = str(body.get("market") or "")
    unified = symbol if symbol is not None and native_symbol(symbol) == market else unify(market)
    if side is None or unified is None:
        raise ValueError("no order: side or market is missing")
    filled = number(body.get("executed_volume")) or Decimal(0)
    by_amount = body.get("ord_type") == "price" or (body.get("ord_type") == "best" and side is Side.BUY)
    return ExchangeOrder(
        exchange_order_id=body["uuid"],
        client_order_id=str(body.get("identifier") or client_order_id or ""),
        symbol=unified,
        side=side,
        status=_status(str(body.get("state")), by_amount, filled),
        quantity=None if by_amount else number(body.get("volume")),
        quote_amount=number(body.get("price")) if by_amount else None,
        filled_quantity=filled,
        average_price=_average(body.get("trades")),
        reason="self-match prevention" if (number(body.get("prevented_volume")) or 0) > 0 else None,
    )


def number(value: Any) -> Decimal | None:
    """A decimal of the wire; None for null, "" and what is no number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


def read_time(value: Any) -> datetime:
    """`2027-02-25T13:53:36+09:00`, of Korea where it does not say. Raises ValueError where it is no time."""
    at = datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=_KOREA)).astimezone(UTC)


def _status(state: str, by_amount: bool, filled: Decimal) -> OrderStatus:
    """A market buy ends in `cancel` when a remainder is refunded, in `done` when it comes out even."""
    if state in ("wait", "watch"):
        return OrderStatus.OPEN
    if state == "done" or (state == "cancel" and by_amount and filled > 0):
        return OrderStatus.FILLED
    if state == "cancel":
        return OrderStatus.CANCELLED
    raise ValueError(f"unknown state {state!r}")


def _average(trades: Any) -> Decimal | None:
    """Σ funds / Σ volume."""
    if not isinstance(trades, list):
        return None
    rows = [(number(t.get("funds")), number(t.get("volume"))) for t in trades if isinstance(t, Mapping)]
    volume = sum((v for _, v in rows if v is not None), Decimal(0))
    funds = sum((f for f, _ in rows if f is not None), Decimal(0))
    return funds / volume if volume > 0 else None
