"""Rows and answers for the domain's tests: a plain one unless told otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.orders import Order, OrderRequest, OrderType, Placement
from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus, Side
from chalicelib.domain.policy import Policy

NOW = datetime(2026, 11, 21, 3, 20, 15, 123456, tzinfo=UTC)
DEADLINE = NOW + timedelta(seconds=10)
ORDER_ID = "test-01JD6Z4N3Q8V5W2X7Y9ABCDEFG"
POLICY = Policy()
PENDING_PLACES = tuple(Placement)
ENDS = (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)

State = tuple[OrderStatus, Placement | None]

STATES: tuple[State, ...] = (
    *((OrderStatus.PENDING, place) for place in Placement),
    *((status, None) for status in OrderStatus if status is not OrderStatus.PENDING),
)
"""Every state that an order can be in."""


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def request(order_type: OrderType = OrderType.LIMIT, **changes: Any) -> OrderRequest:
    """The exact request: buy 1 BTC at 50,000."""
    plain = OrderRequest(
        client_order_id=ORDER_ID,
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=order_type,
        quantity=Decimal(1),
        quote_amount=None,
        price=Decimal(50_000),
        stop_price=None,
        time_in_force=None,
        post_only=False,
        reduce_only=False,
    )
    return replace(plain, **changes)


def order(status: OrderStatus = OrderStatus.PENDING, placement: Placement | None = None, **changes: Any) -> Order:
    """A LIMIT order in that state; SENDING where a PENDING one is not told its placement."""
    if status is OrderStatus.PENDING and placement is None:
        placement = Placement.SENDING
    ready = placement is Placement.READY
    seen = placement is Placement.ACKED or status in (OrderStatus.OPEN, OrderStatus.FILLED)
    values: dict[str, Any] = {
        "order_id": ORDER_ID,
        "strategy_id": "s1",
        "event_id": "01JD6Z4N3Q8V5W2X7Y9ABCDEFG",
        "account_id": "m1",
        "exchange": "binance",
        "market": "spot",
        "testnet": False,
        "host": "",
        "symbol": "BTC/USDT",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal(1),
        "price": Decimal(50_000),
        "status": status,
        "placement": placement,
        "request": None if ready else request(),
        "deadline": None if ready else DEADLINE,
        "send_by": at(60),
        "check_at": None if status.terminal else DEADLINE,
        "seen_on_exchange": seen,
        "exchange_order_id": "x-1" if seen else None,
        "created_at": NOW,
        "updated_at": NOW,
        "ttl": 1 if status.terminal else None,
    }
    return Order(**{**values, **changes})


def shown(status: OrderStatus = OrderStatus.OPEN, **changes: Any) -> ExchangeOrder:
    """That order as the exchange shows it a second later."""
    plain = ExchangeOrder(
        exchange_order_id="x-1",
        client_order_id=ORDER_ID,
        symbol="BTC/USDT",
        side=Side.BUY,
        status=status,
        quantity=Decimal(1),
        filled_quantity=Decimal(1) if status is OrderStatus.FILLED else Decimal(0),
        updated_at=at(1),
    )
    return replace(plain, **changes)


def cancel_request(status: CancelStatus = CancelStatus.PENDING, **changes: Any) -> CancelRequest:
    """A cancel request that is due now."""
    values: dict[str, Any] = {
        "cancel_id": ORDER_ID,
        "strategy_id": "s1",
        "account_id": "m1",
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "status": status,
        "waiting_for_order": False,
        "next_retry_at": NOW,
        "requested_by": "api",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return CancelRequest(**{**values, **changes})


def state(row: Order) -> State:
    """Status and placement."""
    return row.status, row.placement
