"""Orders and requests for the tests of the dialects."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chalicelib.domain.orders import Order, OrderRequest, OrderType
from chalicelib.domain.outcomes import CancelOutcome, Side
from chalicelib.exchanges.dialect import Answer, Call, Dialect

AT = datetime(2026, 11, 21, 3, 20, 15, tzinfo=UTC)
CLIENT_ID = "c-01HF3ZJ6Q7R8S9T0V1W2X3Y4Z5"


def an_order(**fields: Any) -> Order:
    """A limit buy of 0.01 BTC, unless told otherwise; its client id is the golden one."""
    plain = Order(
        order_id=CLIENT_ID,
        strategy_id="s1",
        event_id="e1",
        account_id="a1",
        exchange="any",
        market="spot",
        testnet=False,
        host="https://nowhere",
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.01"),
        price=Decimal(50000),
        created_at=AT,
        updated_at=AT,
    )
    return replace(plain, **fields)


def a_request(**fields: Any) -> OrderRequest:
    """The exact request of such an order."""
    plain = OrderRequest(
        client_order_id=CLIENT_ID,
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.01"),
        quote_amount=None,
        price=Decimal(50000),
        stop_price=None,
        time_in_force=None,
        post_only=False,
        reduce_only=False,
    )
    return replace(plain, **fields)


def cancel_read(dialect: Dialect, answer: Answer, order: Order) -> CancelOutcome | Call:
    """What the dialect makes of an answer to its own cancel."""
    return dialect.read_cancel(answer, order, dialect.cancel(order))
