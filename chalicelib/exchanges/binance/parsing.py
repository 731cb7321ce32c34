"""Binance's orders and balances as we see them (binance-spot-api-docs enums.md; USD-M connector's models)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus, Side
from chalicelib.domain.symbols import unify

STATUSES: Mapping[str, OrderStatus] = {
    "NEW": OrderStatus.OPEN,
    "PENDING_NEW": OrderStatus.PENDING,
    "PARTIALLY_FILLED": OrderStatus.OPEN,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}

TRIGGERED = frozenset({"TRIGGERING", "TRIGGERED", "FINISHED"})
"""Algo states that say nothing of fills: the order that was triggered decides, and until it is known, it lives."""

ALGO_STATUSES: Mapping[str, OrderStatus] = {
    "NEW": OrderStatus.OPEN,
    **dict.fromkeys(TRIGGERED, OrderStatus.OPEN),
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 253_402_300_799_000
_DIGITS = 40


def native_symbol(symbol: str) -> str:
    """`BTC/USDT` → `BTCUSDT`."""
    return symbol.replace("/", "")


def read_order(body: Any, symbol: str | None = None) -> ExchangeOrder:
    """An order of the plain book. Raises ValueError where it is none.

    In the answer to a spot cancel `clientOrderId` is the cancel's own: the order's is `origClientOrderId`.
    """
    order_id, side, status = _essentials(body, "orderId", body_status(body, "status", STATUSES))
    filled = number(body.get("executedQty"))
    if filled is None or filled < 0:
        raise ValueError("no order: executedQty is missing")
    quote_amount = positive(body.get("origQuoteOrderQty"))
    return ExchangeOrder(
        exchange_order_id=order_id,
        client_order_id=str(body.get("origClientOrderId") or body.get("clientOrderId") or ""),
        symbol=_unified(body, symbol),
        side=side,
        status=status,
        quantity=None if quote_amount is not None else number(body.get("origQty")),
        quote_amount=quote_amount,
        filled_quantity=filled,
        average_price=_average(body, filled),
        updated_at=_moment(body.get("updateTime") or body.get("transactTime")),
        reason=_reason(body),
    )


def read_algo_order(body: Any, symbol: str | None = None) -> ExchangeOrder:
    """An order of the algo book. Raises ValueError where it is none.

    A triggered one has no time: the algo service's clock runs on when the order that it triggered is done, and
    that order's last update must not look older.
    """
    order_id, side, status = _essentials(body, "algoId", body_status(body, "algoStatus", ALGO_STATUSES))
    return ExchangeOrder(
        exchange_order_id=order_id,
        client_order_id=str(body.get("clientAlgoId") or ""),
        symbol=_unified(body, symbol),
        side=side,
        status=status,
        quantity=number(body.get("quantity")),
        conditional=True,
        updated_at=None if body["algoStatus"] in TRIGGERED else _moment(body.get("updateTime")),
    )


def triggered_order_id(body: Any) -> str | None:
    """The plain order that a triggered algo order became, where the answer tells."""
    state = body.get("algoStatus") if isinstance(body, Mapping) else None
    return id_of(body, "actualOrderId") if isinstance(state, str) and state in TRIGGERED else None


def id_of(body: Any, name: str) -> str | None:
    """An id as text; None where there is none."""
    value = body.get(name) if isinstance(body, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return text if text.isascii() and text.isdigit() and text.strip("0") else None


def body_status(body: Any, name: str, statuses: Mapping[str, OrderStatus]) -> OrderStatus | None:
    """The unified status of a body, None where it has none that we know."""
    word = body.get(name) if isinstance(body, Mapping) else None
    return statuses.get(word) if isinstance(word, str) else None


def read_free(rows: Any, asset: str, name: str) -> Decimal:
    """What is free of an asset: 0 where it is not listed. Raises ValueError where this is no list of balances."""
    if not isinstance(rows, list):
        raise ValueError("no balances")
    row = next((row for row in rows if isinstance(row, Mapping) and row.get("asset") == asset), None)
    free = Decimal(0) if row is None else number(row.get(name))
    if free is None:
        raise ValueError(f"no balance of {asset}")
    return free


def read_all_free(rows: Any, name: str) -> dict[str, Decimal]:
    """What is free of every asset that there is any of. Raises ValueError where this is no list of balances."""
    if not isinstance(rows, list):
        raise ValueError("no balances")
    assets = [str(row["asset"]) for row in rows if isinstance(row, Mapping) and "asset" in row]
    return {asset: free for asset in assets if (free := read_free(rows, asset, name))}


def number(value: Any) -> Decimal | None:
    """A decimal of the wire; None for null, "" and what is no number that a market could mean."""
    if value is None or isinstance(value, bool):
        return None
    try:
        parsed = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return parsed if parsed.is_finite() and (not parsed or abs(parsed.adjusted()) <= _DIGITS) else None


def positive(value: Any) -> Decimal | None:
    """A number above zero: Binance writes 0 where it means none."""
    parsed = number(value)
    return parsed if parsed is not None and parsed > 0 else None


def _essentials(body: Any, id_name: str, status: OrderStatus | None) -> tuple[str, Side, OrderStatus]:
    order_id = id_of(body, id_name)
    if order_id is None:
        raise ValueError(f"no order: {id_name} is missing")
    if body.get("side") not in ("BUY", "SELL") or status is None:
        raise ValueError("no order: side or status is missing")
    return order_id, Side(body["side"]), status


def _unified(body: Mapping[str, Any], symbol: str | None) -> str:
    """Our own name where the native one fits; a name that cannot be unified stays as it is: it is not ours."""
    native = body.get("symbol")
    if not isinstance(native, str) or not native:
        raise ValueError("no order: symbol is missing")
    return symbol if symbol is not None and native_symbol(symbol) == native else unify(native) or native


def _average(body: Mapping[str, Any], filled: Decimal) -> Decimal | None:
    """USD-M gives it, in answers to queries only; spot gives what was spent (negative, on old orders: unknown)."""
    spent = positive(body.get("cummulativeQuoteQty"))
    if filled > 0 and spent is not None:
        return spent / filled
    return positive(body.get("avgPrice"))


def _reason(body: Mapping[str, Any]) -> str | None:
    told = body.get("expiryReason")
    if isinstance(told, str) and told:
        return told
    return "self-trade prevention" if body.get("status") == "EXPIRED_IN_MATCH" else None


def _moment(milliseconds: Any) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or not 0 < milliseconds < _LATEST_MS:
        return None
    return _EPOCH + timedelta(milliseconds=milliseconds)
