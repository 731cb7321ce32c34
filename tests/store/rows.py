"""Rows for tests of the store and the exchanges: a plain one unless told otherwise, under an id of its own."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.events import AlertKey, EventLog
from chalicelib.domain.ids import first_event_id
from chalicelib.domain.orders import Order, OrderType, Placement
from chalicelib.domain.outcomes import OrderStatus, Side
from chalicelib.domain.ports import Row
from chalicelib.domain.strategies import Account, AccountShare, Ban, Heartbeat, Strategy, Switch, ban_name
from tests.desk import START

_numbers = itertools.count(1)


def at(seconds: float) -> datetime:
    """So many seconds after the tests' clock starts."""
    return START + timedelta(seconds=seconds)


def new_id(kind: str) -> str:
    """An id that no other row has."""
    return f"{kind}-{next(_numbers):06}"


def order(status: OrderStatus = OrderStatus.PENDING, **changes: Any) -> Order:
    """Buy 1 BTC at 50,000, ready to be sent and due at once unless its status says otherwise."""
    values: dict[str, Any] = {
        "order_id": new_id("order"),
        "strategy_id": "s1",
        "event_id": "event-1",
        "account_id": "m1",
        "exchange": "mock",
        "market": "spot",
        "testnet": False,
        "host": "",
        "symbol": "BTC/USDT",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": Decimal(1),
        "price": Decimal(50_000),
        "status": status,
        "placement": Placement.READY if status is OrderStatus.PENDING else None,
        "check_at": None if status.terminal else at(0),
        "created_at": at(0),
        "updated_at": at(0),
        "ttl": 1 if status.terminal else None,
    }
    return Order(**{**values, **changes})


def cancel_request(status: CancelStatus = CancelStatus.PENDING, **changes: Any) -> CancelRequest:
    """A cancel request that is due at once."""
    values: dict[str, Any] = {
        "cancel_id": new_id("order"),
        "strategy_id": "s1",
        "account_id": "m1",
        "exchange": "mock",
        "symbol": "BTC/USDT",
        "status": status,
        "waiting_for_order": False,
        "next_retry_at": at(0),
        "requested_by": "api",
        "created_at": at(0),
        "updated_at": at(0),
        "ttl": 1 if status is CancelStatus.SUCCESS else None,
    }
    return CancelRequest(**{**values, **changes})


def event(created: float = 0, **changes: Any) -> EventLog:
    """A log row of one order that is not settled, due at once; created so many seconds after the start."""
    values: dict[str, Any] = {
        "strategy_id": "s1",
        "event_id": f"{first_event_id(at(created))[:16]}{next(_numbers):010}",
        "order_type": "LIMIT",
        "symbol": "BTC/USDT",
        "order_ids": ("order-1",),
        "results": (),
        "successful_accounts": 0,
        "failed_accounts": 0,
        "created_at": at(created),
        "updated_at": at(created),
        "check_at": at(0),
    }
    return EventLog(**{**values, **changes})


def alert_key(**changes: Any) -> AlertKey:
    """An accepted alert that counts for half a minute."""
    values: dict[str, Any] = {
        "dedupe_key": new_id("alert"),
        "strategy_id": "s1",
        "event_id": "event-1",
        "body_hash": "00",
        "expires_at": at(30),
        "created_at": at(0),
    }
    return AlertKey(**{**values, **changes})


def strategy(**changes: Any) -> Strategy:
    """A strategy over one account."""
    values: dict[str, Any] = {
        "strategy_id": new_id("strategy"),
        "name": "Trend",
        "enabled": True,
        "symbols": ("BTC/USDT",),
        "accounts": (AccountShare("m1", Decimal("0.5")),),
        "max_order_notional": None,
        "token_hash": "00",
        "halted": False,
        "created_at": at(0),
        "updated_at": at(0),
    }
    return Strategy(**{**values, **changes})


def account(**changes: Any) -> Account:
    """An account at the mock exchange."""
    values: dict[str, Any] = {
        "account_id": new_id("account"),
        "exchange": "mock",
        "market": "spot",
        "testnet": False,
        "enabled": True,
        "created_at": at(0),
        "updated_at": at(0),
    }
    return Account(**{**values, **changes})


def switch(**changes: Any) -> Switch:
    """The global switch, on."""
    return Switch(**{"updated_at": at(0), **changes})


def heartbeat(**changes: Any) -> Heartbeat:
    """A sweep that is awake for half a minute."""
    return Heartbeat(**{"awake_until": at(30), "updated_at": at(0), **changes})


def ban(**changes: Any) -> Ban:
    """A ban that lasts a minute."""
    return Ban(**{"name": ban_name(new_id("account")), "blocked_until": at(60), "updated_at": at(0), **changes})


KEYS: dict[type[Any], tuple[str, ...]] = {
    Order: ("order_id",),
    CancelRequest: ("cancel_id",),
    EventLog: ("strategy_id", "event_id"),
    AlertKey: ("dedupe_key",),
    Strategy: ("strategy_id",),
    Account: ("account_id",),
    Switch: ("name",),
    Heartbeat: ("name",),
    Ban: ("name",),
}
"""The fields that make up each kind's key."""


def key_of(row: Row) -> tuple[str, ...]:
    """The row's key, as `get` takes it."""
    return tuple(getattr(row, name) for name in KEYS[type(row)])
