"""The tables as pynamodb models: one attribute for each field of a row, and the index keys derived from it.

Keys, indexes, stream and TTL are declared once, in infra/stack.yaml; here they are named for queries only.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import day_of
from chalicelib.domain.events import AccountResult, AlertKey, EventLog
from chalicelib.domain.orders import Order, OrderRequest, OrderType, Placement, TimeInForce, Transition
from chalicelib.domain.outcomes import OrderStatus, Side
from chalicelib.domain.ports import Row
from chalicelib.domain.strategies import Account, AccountShare, Ban, Heartbeat, Strategy, Switch
from chalicelib.store.attributes import RecordAttribute, RecordsAttribute, TextAttribute

SHARD = "0"
"""The sparse work indexes have one partition each: 1,000 changes a second of live rows is far beyond a
trading bot, and every shard more is a query more for each look."""


class OrderRow(Model):
    """`orders`."""

    class Meta:
        table_name = "orders"

    order_id = UnicodeAttribute(hash_key=True)
    strategy_id = UnicodeAttribute()
    event_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    exchange = UnicodeAttribute()
    market = UnicodeAttribute()
    testnet = BooleanAttribute()
    host = UnicodeAttribute()
    symbol = UnicodeAttribute()
    side = TextAttribute(Side)
    order_type = TextAttribute(OrderType)
    quantity = TextAttribute(Decimal, null=True)
    quote_amount = TextAttribute(Decimal, null=True)
    percent = TextAttribute(Decimal, null=True)
    price = TextAttribute(Decimal, null=True)
    stop_price = TextAttribute(Decimal, null=True)
    time_in_force = TextAttribute(TimeInForce, null=True)
    post_only = BooleanAttribute()
    reduce_only = BooleanAttribute()
    tag = UnicodeAttribute(null=True)
    status = TextAttribute(OrderStatus)
    placement = TextAttribute(Placement, null=True)
    attempt = NumberAttribute()
    request = RecordAttribute(OrderRequest, null=True)
    deadline = TextAttribute(datetime, null=True)
    send_by = TextAttribute(datetime, null=True)
    not_before = TextAttribute(datetime, null=True)
    check_at = TextAttribute(datetime, null=True)
    checks = NumberAttribute()
    absent_seen = RecordsAttribute(datetime)
    absent_attempts = RecordsAttribute(int)
    id_used_up_at = TextAttribute(datetime, null=True)
    seen_on_exchange = BooleanAttribute()
    exchange_order_id = UnicodeAttribute(null=True)
    filled_quantity = TextAttribute(Decimal)
    average_price = TextAttribute(Decimal, null=True)
    exchange_updated_at = TextAttribute(datetime, null=True)
    cancel_requested_at = TextAttribute(datetime, null=True)
    cancel_sent_at = TextAttribute(datetime, null=True)
    reason = UnicodeAttribute(null=True)
    error = UnicodeAttribute(null=True)
    attention = UnicodeAttribute(null=True)
    created_at = TextAttribute(datetime)
    updated_at = TextAttribute(datetime)
    history = RecordsAttribute(Transition)
    version = NumberAttribute()
    ttl = NumberAttribute(null=True)
    write_id = UnicodeAttribute(null=True)
    created_day = UnicodeAttribute()
    live_shard = UnicodeAttribute(null=True)
    live_strategy = UnicodeAttribute(null=True)
    attention_shard = UnicodeAttribute(null=True)


class CancelRow(Model):
    """`cancel_queue`."""

    class Meta:
        table_name = "cancel_queue"

    cancel_id = UnicodeAttribute(hash_key=True)
    strategy_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    exchange = UnicodeAttribute()
    symbol = UnicodeAttribute()
    status = TextAttribute(CancelStatus)
    waiting_for_order = BooleanAttribute()
    next_retry_at = TextAttribute(datetime)
    requested_by = UnicodeAttribute()
    retry_count = NumberAttribute()
    waits = NumberAttribute()
    last_error = UnicodeAttribute(null=True)
    result = UnicodeAttribute(null=True)
    completed_at = TextAttribute(datetime, null=True)
    created_at = TextAttribute(datetime)
    updated_at = TextAttribute(datetime)
    version = NumberAttribute()
    ttl = NumberAttribute(null=True)
    write_id = UnicodeAttribute(null=True)
    created_day = UnicodeAttribute()
    due_shard = UnicodeAttribute(null=True)


class EventRow(Model):
    """`strategy_order_logs`."""

    class Meta:
        table_name = "strategy_order_logs"

    strategy_id = UnicodeAttribute(hash_key=True)
    event_id = UnicodeAttribute(range_key=True)
    order_type = UnicodeAttribute()
    symbol = UnicodeAttribute(null=True)
    order_ids = RecordsAttribute(str)
    results = RecordsAttribute(AccountResult, attr_name="execution_results")
    total_accounts = NumberAttribute()
    successful_accounts = NumberAttribute()
    failed_accounts = NumberAttribute()
    created_at = TextAttribute(datetime)
    updated_at = TextAttribute(datetime)
    check_at = TextAttribute(datetime, null=True)
    looks = NumberAttribute()
    asked = BooleanAttribute()
    version = NumberAttribute()
    ttl = NumberAttribute(null=True)
    write_id = UnicodeAttribute(null=True)
    unsettled_shard = UnicodeAttribute(null=True)


class AlertRow(Model):
    """`alerts`."""

    class Meta:
        table_name = "alerts"

    dedupe_key = UnicodeAttribute(hash_key=True)
    strategy_id = UnicodeAttribute()
    event_id = UnicodeAttribute()
    body_hash = UnicodeAttribute()
    expires_at = TextAttribute(datetime)
    created_at = TextAttribute(datetime)
    version = NumberAttribute()
    ttl = NumberAttribute()
    write_id = UnicodeAttribute(null=True)


class StrategyRow(Model):
    """`strategies`."""

    class Meta:
        table_name = "strategies"

    strategy_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    enabled = BooleanAttribute()
    symbols = RecordsAttribute(str)
    accounts = RecordsAttribute(AccountShare)
    max_order_notional = TextAttribute(Decimal, null=True)
    token_hash = UnicodeAttribute()
    halted = BooleanAttribute()
    created_at = TextAttribute(datetime)
    updated_at = TextAttribute(datetime)
    version = NumberAttribute()
    write_id = UnicodeAttribute(null=True)


class AccountRow(Model):
    """`accounts`."""

    class Meta:
        table_name = "accounts"

    account_id = UnicodeAttribute(hash_key=True)
    exchange = UnicodeAttribute()
    market = UnicodeAttribute()
    testnet = BooleanAttribute()
    enabled = BooleanAttribute()
    options = JSONAttribute()
    secret_name = UnicodeAttribute(null=True)
    created_at = TextAttribute(datetime)
    updated_at = TextAttribute(datetime)
    version = NumberAttribute()
    write_id = UnicodeAttribute(null=True)


class SystemRow(Model):
    """`system`: a few rows of different kinds, told apart by their name."""

    class Meta:
        table_name = "system"

    name = UnicodeAttribute(hash_key=True)
    trading_enabled = BooleanAttribute(null=True)
    awake_until = TextAttribute(datetime, null=True)
    blocked_until = TextAttribute(datetime, null=True)
    updated_at = TextAttribute(datetime)
    version = NumberAttribute()
    write_id = UnicodeAttribute(null=True)


class MockOrderRow(Model):
    """`mock_exchange`: the mock's book, shared by every process that trades on it."""

    class Meta:
        table_name = "mock_exchange"

    account_id = UnicodeAttribute(hash_key=True)
    client_order_id = UnicodeAttribute(range_key=True)
    exchange_order_id = UnicodeAttribute(null=True)
    symbol = UnicodeAttribute(null=True)
    side = TextAttribute(Side, null=True)
    status = TextAttribute(OrderStatus, null=True)
    quantity = TextAttribute(Decimal, null=True)
    quote_amount = TextAttribute(Decimal, null=True)
    filled_quantity = TextAttribute(Decimal, null=True)
    average_price = TextAttribute(Decimal, null=True)
    updated_at = TextAttribute(datetime, null=True)
    reason = UnicodeAttribute(null=True)
    calls = NumberAttribute(null=True)
    ttl = NumberAttribute(null=True)


class RulesRow(Model):
    """`market_rules`: what was fetched, for a day."""

    class Meta:
        table_name = "market_rules"

    exchange_market = UnicodeAttribute(hash_key=True)
    symbol = UnicodeAttribute(range_key=True)
    tick_size = TextAttribute(Decimal, null=True)
    quantity_step = TextAttribute(Decimal, null=True)
    min_quantity = TextAttribute(Decimal, null=True)
    max_quantity = TextAttribute(Decimal, null=True)
    market_quantity_step = TextAttribute(Decimal, null=True)
    market_min_quantity = TextAttribute(Decimal, null=True)
    market_max_quantity = TextAttribute(Decimal, null=True)
    quote_step = TextAttribute(Decimal, null=True)
    min_notional = TextAttribute(Decimal, null=True)
    min_notional_applies_to_market = BooleanAttribute()
    max_notional = TextAttribute(Decimal, null=True)
    buy_fee = TextAttribute(Decimal, null=True)
    trading = BooleanAttribute()
    fetched_at = TextAttribute(datetime)
    ttl = NumberAttribute()


MODELS: dict[type[Any], type[Model]] = {
    Order: OrderRow,
    CancelRequest: CancelRow,
    EventLog: EventRow,
    AlertKey: AlertRow,
    Strategy: StrategyRow,
    Account: AccountRow,
    Switch: SystemRow,
    Heartbeat: SystemRow,
    Ban: SystemRow,
}


def derived(row: Row) -> dict[str, Any]:
    """Attributes that follow from the row: the keys of its sparse indexes, and totals for the reader."""
    match row:
        case Order():
            listed = not row.terminal or row.check_at is not None
            return {
                "created_day": day_of(row.created_at),
                "live_shard": SHARD if listed else None,
                "live_strategy": row.strategy_id if listed else None,
                "attention_shard": SHARD if row.attention else None,
            }
        case CancelRequest():
            return {"created_day": day_of(row.created_at), "due_shard": SHARD if row.live else None}
        case EventLog():
            settled = row.check_at is None
            return {"total_accounts": row.total_accounts, "unsettled_shard": None if settled else SHARD}
        case AlertKey():
            return {"ttl": row.ttl}
        case _:
            return {}
