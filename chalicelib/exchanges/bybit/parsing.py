"""Bybit's orders as we see them (bybit-exchange/docs 072c197, v5/order/open-order, v5/enum)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus, Side
from chalicelib.domain.symbols import unify


class Category(StrEnum):
    """Bybit's markets that we trade at; they share hosts, paths and names of symbols."""

    SPOT = "spot"
    LINEAR = "linear"


_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}

_STATUS: Mapping[str, OrderStatus] = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.OPEN,
    "Untriggered": OrderStatus.OPEN,
    "Triggered": OrderStatus.OPEN,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELLED,
    "Rejected": OrderStatus.REJECTED,
    "Deactivated": OrderStatus.CANCELLED,
}

_NO_REASON = ("", "UNKNOWN", "EC_NoError")
_LARGEST_EXPONENT = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def native_symbol(symbol: str) -> str:
    """`BTC/USDT` → `BTCUSDT`, at spot and linear alike."""
    return symbol.replace("/", "")


def is_of(row: Any, order: Order) -> bool:
    """Whether a row of a list is that order: by Bybit's id where we know it, else by the full client id."""
    if not isinstance(row, Mapping):
        return False
    if order.exchange_order_id:
        return row.get("orderId") == order.exchange_order_id
    return row.get("orderLinkId") == order.client_order_id


def read_order(row: Any, category: Category, order: Order | None = None) -> ExchangeOrder:
    """A row of the realtime or history list, `order` being ours behind it. Raises ValueError where it is none."""
    if not isinstance(row, Mapping) or not isinstance(row.get("orderId"), str) or not row["orderId"]:
        raise ValueError("no order: orderId is missing")
    side, native = _SIDES.get(str(row.get("side"))), row.get("symbol")
    if side is None or not isinstance(native, str) or not native:
        raise ValueError("no order: side or symbol is missing")
    filled = number(row.get("cumExecQty")) or Decimal(0)
    status = _status(row, filled)
    size, by_amount = number(row.get("qty")), _is_by_amount(row, category, side, order)
    return ExchangeOrder(
        exchange_order_id=row["orderId"],
        client_order_id=str(row.get("orderLinkId") or ""),
        symbol=_unified(native, order),
        side=side,
        status=status,
        quantity=None if by_amount else size,
        quote_amount=size if by_amount else None,
        filled_quantity=filled,
        average_price=_average(row, filled),
        updated_at=_moment(row.get("updatedTime")),
        conditional=row.get("orderStatus") == "Untriggered",
        reason=_reason(row) if status in (OrderStatus.CANCELLED, OrderStatus.REJECTED) else None,
    )


def number(value: Any) -> Decimal | None:
    """A decimal of the wire; None for null, "" and what is no number, or none that anything here can have."""
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        return None
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() and abs(parsed.adjusted()) <= _LARGEST_EXPONENT else None


def positive(value: Any) -> Decimal | None:
    """A bound or a price; 0 means that there is none."""
    parsed = number(value)
    return parsed if parsed is not None and parsed > 0 else None


def _status(row: Mapping[str, Any], filled: Decimal) -> OrderStatus:
    """By the table, but for fills: a spot market order that leaves a remainder of its value is filled (ccxt #18685),
    and what was filled in part was not rejected."""
    raw = str(row.get("orderStatus"))
    status = _STATUS.get(raw)
    if status is None:
        raise ValueError(f"unknown orderStatus {raw!r}"[:100])
    if raw == "PartiallyFilledCanceled" and row.get("orderType") == "Market" and filled > 0:
        return OrderStatus.FILLED
    return OrderStatus.CANCELLED if status is OrderStatus.REJECTED and filled > 0 else status


def _is_by_amount(row: Mapping[str, Any], category: Category, side: Side, order: Order | None) -> bool:
    """Whether `qty` is in the quote currency: as `marketUnit` says, or as we asked, or by Bybit's default."""
    if category is not Category.SPOT or row.get("orderType") != "Market":
        return False
    unit = row.get("marketUnit")
    if unit in ("baseCoin", "quoteCoin"):
        return bool(unit == "quoteCoin")
    if order is not None and order.request is not None:
        return order.request.quote_amount is not None
    return side is Side.BUY


def _unified(native: str, order: Order | None) -> str:
    """Names of contracts that we do not trade (`BTCUSDT-26DEC25`, `BTCPERP`) stay as they are."""
    if order is not None and native_symbol(order.symbol) == native:
        return order.symbol
    return (None if "-" in native else unify(native)) or native


def _average(row: Mapping[str, Any], filled: Decimal) -> Decimal | None:
    """`avgPrice` is "" or "0" where it is not known; then value by quantity is."""
    if filled <= 0:
        return None
    value = positive(row.get("cumExecValue"))
    return positive(row.get("avgPrice")) or (value / filled if value is not None else None)


def _reason(row: Mapping[str, Any]) -> str | None:
    words = (row.get("rejectReason"), row.get("cancelType"))
    return next((word[:100] for word in words if isinstance(word, str) and word not in _NO_REASON), None)


def _moment(value: Any) -> datetime | None:
    milliseconds = number(value)
    try:
        return _EPOCH + timedelta(milliseconds=int(milliseconds)) if milliseconds else None
    except OverflowError:
        return None
